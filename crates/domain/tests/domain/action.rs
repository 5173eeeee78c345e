//! Governed writes: proposed, permitted, carried out once, and believed only when read back.

use crate::script::check;

/// `A` holds the case at 2 s; the lines follow.
#[track_caller]
fn held(lines: &str) {
    check(&format!("0 open\n1 offer A\n2 accept A h1\n{lines}"));
}

#[test]
fn an_allowed_write_is_permitted_begun_executed_and_verified() {
    held(
        "3 propose A p1 {} -> action_proposed, action_assessed, action_authorized
         3 owes -> c/a1/p1/deliver
         4 begin A a1 p1 -> action_dispatched
         4 owes -> nothing
         5 outcome a1 yes A -> action_executed
         5 owes -> c/a1/read/1
         6 read a1 unreadable -> -
         6 read a1 applied -> action_verified
         6 owes -> nothing
         7 outcome a1 yes A -> -
         7 read a1 applied -> -",
    );
}

#[test]
fn the_supervisor_carries_out_what_it_is_the_executor_of() {
    held(
        "3 propose A p1 {} by=supervisor -> action_proposed, action_assessed, action_dispatched
         3 owes -> c/a1/execute/1
         4 outcome a1 yes -> action_executed
         5 read a1 applied -> action_verified",
    );
}

#[test]
fn a_proposal_is_recognised_when_it_comes_again() {
    held(
        "3 propose A p1 {} -> action_proposed, action_assessed, action_authorized
         4 propose A p1 {} -> -
         4 propose A p1 {1} -> refused PROPOSAL_REUSED
         4 begin A a1 p1
         5 propose A p1 {} -> -",
    );
}

#[test]
fn a_proposal_that_waits_for_its_preconditions_is_denied_when_they_cannot_be_read() {
    held(
        "3 propose A p1 {} later -> action_proposed
         3 owes -> c/a1/assess/0
         3 assess a1 r1 -> refused STALE_REVISION
         13 tick -> action_denied
         13 action a1 -> denied
         13 assess a1 r0 -> refused WRONG_STAGE",
    );
}

#[test]
fn what_is_turned_down_has_no_effect() {
    held(
        "3 propose A p1 {1} deny -> action_proposed, action_assessed, action_denied
         3 propose A p2 {2} shadow -> action_proposed, action_assessed, action_shadowed
         3 propose A p3 {3} tier=2 -> action_proposed, action_assessed, action_denied
         3 propose A p4 {4} unknown -> action_proposed, action_assessed, action_denied
         3 propose A p5 {5} shadow ask=1 -> action_proposed, action_assessed, action_shadowed
         3 propose A p6 {6} ask=0 -> action_proposed, action_assessed, action_denied
         4 begin A a2 p1 -> refused WRONG_STAGE
         4 owes -> nothing",
    );
}

#[test]
fn the_same_write_happens_once_whatever_it_is_called() {
    held(
        "3 propose A p1 {1} key=k -> action_proposed, action_assessed, action_authorized
         3 propose A p2 {2} key=k -> action_proposed, action_assessed, action_denied
         4 begin A a1 p1
         4 outcome a1 yes A
         5 read a1 applied
         6 propose A p3 {1} key=k -> action_proposed, action_assessed, action_denied",
    );
}

#[test]
fn a_write_that_certainly_failed_may_be_proposed_anew() {
    held(
        "3 propose A p1 {1} key=k by=supervisor
         4 outcome a1 never -> action_unknown
         5 propose A p2 {1} key=k by=supervisor -> action_proposed, action_assessed, action_denied
         9 read a1 absent -> action_failed
         9 propose A p3 {1} key=k by=supervisor -> action_proposed, action_assessed, action_dispatched",
    );
}

#[test]
fn a_permit_is_good_for_one_agent_one_certificate_one_input_and_once() {
    held(
        "3 propose A p1 {} -> action_proposed, action_assessed, action_authorized
         3 begin B a1 p1 -> refused NOT_OWNER
         3 begin A a1 p1 @0 -> refused STALE_EPOCH
         3 begin A a9 p1 -> refused UNKNOWN_ACTION
         3 begin A a1 p2 -> refused WRONG_PERMIT
         3 begin A a1 p1 otherkey -> refused WRONG_KEY
         3 begin A a1 p1 otherinput -> refused INPUT_DIGEST_MISMATCH
         4 begin A a1 p1 -> action_dispatched
         4 begin A a1 p1 -> refused PERMIT_USED
         5 outcome a1 yes A -> action_executed
         5 begin A a1 p1 -> refused WRONG_STAGE",
    );
}

#[test]
fn a_permit_that_ran_out_is_replaced_and_the_old_one_is_refused() {
    held(
        "3 propose A p1 {}
         7 progress A
         8 begin A a1 p1 -> refused PERMIT_EXPIRED
         8 tick -> permit_expired, action_authorized
         9 begin A a1 p1 -> refused PERMIT_EXPIRED
         9 begin A a1 p2 -> action_dispatched",
    );
}

#[test]
fn an_action_whose_permits_nobody_uses_fails() {
    held(
        "3 propose A p1 {}
         8 progress A -> permit_expired, action_authorized, lease_renewed
         13 progress A -> permit_expired, action_authorized, lease_renewed
         18 progress A -> permit_expired, action_authorized, lease_renewed
         23 progress A -> permit_expired, action_authorized, lease_renewed
         28 progress A -> permit_expired, action_failed, lease_renewed",
    );
}

#[test]
fn losing_the_case_voids_what_has_not_been_sent() {
    held(
        "3 propose A p1 {}
         4 handoff A crm
         4 offer B
         5 accept B h2 -> action_withdrawn, handoff_accepted
         5 begin A a1 p1 @1 -> refused STALE_EPOCH
         5 begin B a1 p1 -> refused WRONG_STAGE",
    );
    held(
        "3 propose A p1 {} later\n3 release A -> action_withdrawn, case_released, routing_started",
    );
}

#[test]
fn an_unknown_outcome_is_read_back_before_anything_else() {
    held(
        "3 propose A p1 {}
         4 begin A a1 p1
         10 progress A
         14 tick -> action_unknown
         14 owes -> c/a1/read/1
         14 begin A a1 p1 -> refused WRONG_STAGE
         15 read a1 absent -> -
         15 action a1 -> unknown
         19 read a1 absent -> action_retried
         20 tick -> action_authorized
         20 begin A a1 p2 -> action_dispatched
         20 outcome a1#1 yes A -> -
         20 read a1#1 applied -> refused STALE_ATTEMPT
         20 read a1 applied -> refused WRONG_STAGE
         21 outcome a1 yes A -> action_executed
         22 read a1 applied -> action_verified",
    );
}

#[test]
fn an_absence_counts_from_when_its_read_was_sent() {
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 unknown -> action_unknown
         10 read a1 absent sent=8 -> -
         10 read a1 absent sent=11 -> -
         10 action a1 -> unknown
         10 read a1 absent sent=9 -> action_retried",
    );
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 yes -> action_executed
         10 read a1 absent sent=8 -> -
         10 read a1 different sent=8 -> -
         10 read a1 different sent=9 -> action_diverged, context_added, escalation_opened, step_started",
    );
}

#[test]
fn a_claimed_failure_is_checked_like_an_unknown_outcome() {
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 busy -> action_unknown
         5 read a1 applied -> action_verified",
    );
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 never -> action_unknown
         8 read a1 absent -> -
         9 read a1 different -> action_diverged, context_added, escalation_opened, step_started",
    );
}

#[test]
fn retries_are_bounded_and_back_off() {
    held(
        "3 propose A p1 {} by=supervisor attempts=2
         4 outcome a1 busy
         9 read a1 absent -> action_retried
         9 action a1 -> retrying
         9 read a1 absent -> refused WRONG_STAGE
         10 progress A -> action_dispatched, lease_renewed
         11 outcome a1 busy -> action_unknown
         16 read a1 absent -> action_failed
         16 action a1 -> failed",
    );
}

#[test]
fn a_yes_that_comes_late_keeps_the_write_from_being_tried_again() {
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 unknown -> action_unknown
         4 outcome a1 busy -> -
         9 read a1 absent -> action_retried
         9 outcome a1 yes -> action_executed
         10 tick -> -
         10 read a1 applied -> action_verified",
    );
}

#[test]
fn a_yes_after_the_write_was_given_up_comes_before_people() {
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 never
         9 read a1 absent -> action_failed
         10 outcome a1 yes -> escalation_opened, step_started
         11 outcome a1 yes -> -
         12 resolve A -> refused ESCALATION_UNDER_WAY",
    );
}

#[test]
fn a_write_is_not_tried_again_for_an_agent_that_lost_the_case() {
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 busy -> action_unknown
         5 release A -> case_released, routing_started
         9 read a1 absent -> action_failed",
    );
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 busy
         9 read a1 absent -> action_retried
         9 release A -> action_withdrawn, case_released, routing_started
         20 tick -> routing_ended, escalation_opened, step_started",
    );
}

#[test]
fn a_yes_without_an_effect_is_a_divergence_and_never_a_retry() {
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 yes -> action_executed
         5 read a1 absent -> -
         9 read a1 absent -> action_diverged, context_added, escalation_opened, step_started
         9 action a1 -> diverged",
    );
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 yes
         10 progress A
         20 progress A
         29 tick -> action_unresolved, context_added, escalation_opened, step_started
         29 owes -> c/a1/read/1, c/e1/r1s1/place
         29 tick -> -
         30 read a1 absent -> action_diverged, context_added, escalation_widened",
    );
}

#[test]
fn people_hear_of_an_outcome_that_cannot_be_found_out() {
    held(
        "3 propose A p1 {} by=supervisor
         4 outcome a1 unknown
         10 progress A
         20 progress A
         29 tick -> action_unresolved, context_added, escalation_opened, step_started
         29 owes -> c/a1/read/1, c/e1/r1s1/place
         30 read a1 applied -> action_verified",
    );
}

#[test]
fn a_divergence_is_undone_where_the_contract_says_so() {
    held(
        "3 propose A p1 {} by=supervisor undo
         4 outcome a1 yes
         9 read a1 different -> action_diverged, context_added, compensation_started
         9 owes -> c/a1/compensate/1
         9 undo a1#2 done -> refused STALE_ATTEMPT
         10 undo a1 busy -> compensation_started
         10 owes -> c/a1/compensate/2
         10 undo a1#1 done -> refused STALE_ATTEMPT
         11 undo a1 done -> action_compensated
         11 undo a1 done -> -
         11 undo a1 never -> -
         11 owes -> nothing",
    );
}

#[test]
fn what_cannot_be_undone_comes_before_people() {
    held(
        "3 propose A p1 {} by=supervisor undo
         4 outcome a1 yes
         4 undo a1 done -> refused WRONG_STAGE
         9 read a1 different
         10 undo a1 never -> compensation_failed, context_added, escalation_opened, step_started
         10 resolve A -> refused ESCALATION_UNDER_WAY",
    );
}

#[test]
fn only_its_executor_reports_on_an_action() {
    held(
        "3 propose A p1 {}
         4 begin A a1 p1
         4 outcome a1 yes B -> refused NOT_EXECUTOR
         4 outcome a1 yes -> refused NOT_EXECUTOR
         4 outcome a1#2 yes A -> refused STALE_ATTEMPT
         4 outcome a1#0 yes A -> refused STALE_ATTEMPT
         5 release A
         5 outcome a1 yes A -> action_executed",
    );
}

#[test]
fn a_permit_that_was_never_issued_is_not_a_used_one() {
    held(
        "3 propose A p1 {}
         4 begin A a1 p1 -> action_dispatched
         4 begin A a1 p2 -> refused WRONG_STAGE
         4 begin A a1 p1 -> refused PERMIT_USED",
    );
}

#[test]
fn what_nobody_could_ever_approve_is_denied() {
    for nobody in ["ask=0", "ask=1 nogroups", "ask=1 noway"] {
        held(&format!(
            "3 propose A p1 {{}} tier=2 {nobody} -> action_proposed, action_assessed, action_denied
             3 action a1 -> denied
             3 owes -> nothing"
        ));
    }
}

#[test]
fn a_denial_names_its_rule() {
    use belay_domain::{Reason, Rule};
    #[track_caller]
    fn check(rule: Rule, shown: &str) {
        let (field, detail) = (String::new(), "not yours".to_owned());
        let reason = Reason { rule, name: "agents".to_owned(), field, detail };
        assert_eq!(reason.to_string(), format!("{shown} agents: not yours"));
        assert_eq!((rule.as_str(), rule.to_string().as_str()), (shown, shown));
    }
    check(Rule::Identity, "identity");
    check(Rule::Boundary, "boundary");
    check(Rule::Schema, "schema");
    check(Rule::Provenance, "provenance");
    check(Rule::Precondition, "precondition");
    check(Rule::Limit, "limit");
    check(Rule::Policy, "policy");
    check(Rule::Duplicate, "duplicate");
}

#[test]
fn a_permit_for_another_agent_or_another_ownership_is_a_wrong_one() {
    use belay_domain::{Command, Epoch, EventKind, PermitGrant, decide, replay};
    #[track_caller]
    fn refused(changed: impl Fn(&mut PermitGrant)) {
        let mut story = crate::script::Story::new();
        for line in ["0 open", "1 offer A", "2 accept A h1", "3 propose A p1 {}"] {
            story.tell(line);
        }
        let input = story.case.actions.values().next().expect("an action").input_digest();
        for event in &mut story.history {
            if let EventKind::ActionAuthorized { permit, .. } = &mut event.kind {
                changed(permit);
            }
        }
        let case = replay(crate::terms::id("c"), &story.history);
        let command = Command::BeginExecution {
            agent: crate::terms::id("A"),
            key: crate::terms::key("A"),
            epoch: Epoch(1),
            action: crate::terms::id("c/a1"),
            permit: crate::terms::id("c/a1/p1"),
            input,
        };
        let answer = decide(&case, &command, crate::terms::at(4));
        assert_eq!(answer.expect_err("refused").code(), "WRONG_PERMIT");
    }
    refused(|permit| permit.agent = crate::terms::id("B"));
    refused(|permit| permit.epoch = Epoch(7));
    refused(|permit| permit.permit = crate::terms::id("c/a1/p9"));
}
