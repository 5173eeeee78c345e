//! Plans: verified when every action is and the systems agree, undone in reverse when one cannot be.

use crate::script::check;

/// `A` holds the case and proposed three writes of the plan `x`, of which the first two are verified.
#[track_caller]
fn two_of_three(third: &str, lines: &str) {
    check(&format!(
        "0 open\n1 offer A\n2 accept A h1
         3 propose A p1 {{1}} by=supervisor plan=x undoable
         3 propose A p2 {{2}} by=supervisor plan=x undoable
         3 propose A p3 {{3}} plan=x {third}
         4 outcome a1 yes
         4 outcome a2 yes
         5 read a1 applied -> action_verified
         5 read a2 applied -> action_verified
         {lines}"
    ));
}

#[test]
fn a_plan_is_verified_when_all_of_it_is() {
    two_of_three(
        "by=supervisor",
        "5 complete A y -> refused UNKNOWN_PLAN
         5 plan x -> open
         5 complete A x -> plan_completed
         5 complete A x -> -
         5 propose A p4 {4} plan=x -> refused PLAN_CLOSED
         6 outcome a3 yes
         6 plan x -> complete
         7 read a3 applied -> action_verified, plan_verified
         8 complete A x -> -
         8 abandon A x -> refused PLAN_CLOSED",
    );
}

#[test]
fn what_failed_undoes_the_rest_in_reverse() {
    two_of_three(
        "by=supervisor attempts=1",
        "6 outcome a3 never
         11 read a3 absent -> action_failed, plan_undoing, compensation_started
         11 owes -> c/a2/compensate/1
         11 complete A x -> refused PLAN_CLOSED
         11 abandon A x -> -
         12 undo a2 done -> action_compensated, compensation_started
         12 owes -> c/a1/compensate/1
         13 undo a1 done -> action_compensated, plan_undone
         13 plan x -> undone
         14 undo a1 done -> -
         14 owes -> nothing",
    );
}

#[test]
fn a_plan_that_is_given_up_is_undone() {
    two_of_three(
        "ask=1",
        "6 abandon A x -> plan_undoing, approval_ended, escalation_closed, action_withdrawn, compensation_started
         6 action a3 -> withdrawn
         6 action a2 -> compensating
         6 action a1 -> verified",
    );
}

#[test]
fn undoing_waits_for_what_is_in_flight_and_does_not_try_it_again() {
    two_of_three(
        "by=supervisor",
        "6 abandon A x -> plan_undoing
         6 owes -> c/a3/execute/1
         7 outcome a3 busy -> action_unknown
         12 read a3 absent -> action_failed, compensation_started
         12 action a2 -> compensating",
    );
    two_of_three(
        "by=supervisor undoable",
        "6 abandon A x -> plan_undoing
         7 outcome a3 yes -> action_executed
         8 read a3 applied -> action_verified, compensation_started
         8 action a3 -> compensating",
    );
}

#[test]
fn a_rejection_or_silence_of_people_undoes_the_plan() {
    two_of_three(
        "ask=1",
        "6 vote lea a3 no -> approval_ended, escalation_closed, plan_undoing, compensation_started",
    );
    two_of_three(
        "ask=1",
        "16 progress A
         30 progress A
         44 progress A
         58 progress A
         72 progress A
         86 progress A
         100 progress A
         103 tick -> approval_ended, escalation_closed, plan_undoing, compensation_started, escalation_opened, step_started",
    );
}

#[test]
fn a_change_of_owner_undoes_what_its_plan_left_half_done() {
    two_of_three(
        "ask=1",
        "6 release A -> approval_ended, escalation_closed, action_withdrawn, plan_undoing, compensation_started, case_released, routing_started
         7 resolve ann -> refused UNSETTLED_ACTIONS
         8 undo a2 done
         8 undo a1 done -> action_compensated, plan_undone
         9 resolve ann -> case_resolved",
    );
}

#[test]
fn a_part_that_is_denied_after_completion_undoes_the_plan() {
    two_of_three(
        "later",
        "6 complete A x -> plan_completed
         13 tick -> action_denied, plan_undoing, compensation_started",
    );
    two_of_three("deny", "6 complete A x -> plan_completed, plan_verified");
}

#[test]
fn a_divergence_in_a_plan_undoes_the_rest_and_comes_before_people() {
    two_of_three(
        "by=supervisor undoable",
        "6 outcome a3 yes
         11 read a3 different -> action_diverged, context_added, escalation_opened, step_started, plan_undoing, compensation_started
         11 action a3 -> diverged
         11 action a2 -> compensating
         12 undo a2 done
         13 undo a1 done -> action_compensated, plan_stuck, escalation_widened
         13 plan x -> stuck
         13 abandon A x -> refused PLAN_CLOSED",
    );
    two_of_three(
        "by=supervisor undo",
        "6 outcome a3 yes
         11 read a3 different -> action_diverged, context_added, plan_undoing, compensation_started
         11 action a3 -> compensating",
    );
}

#[test]
fn what_cannot_be_undone_leaves_the_plan_with_people() {
    two_of_three(
        "by=supervisor attempts=1",
        "6 outcome a3 never
         11 read a3 absent
         12 undo a2 never -> compensation_failed, context_added, escalation_opened, step_started, compensation_started
         13 undo a1 done -> action_compensated, plan_stuck, escalation_widened
         13 action a2 -> compensation_failed",
    );
}

#[test]
fn two_parts_that_run_out_together_are_both_over() {
    check(
        "0 open\n1 offer A\n2 accept A h1
         3 propose A p1 {1} plan=x
         3 propose A p2 {2} plan=x
         8 progress A -> permit_expired, action_authorized, permit_expired, action_authorized, lease_renewed
         13 progress A
         18 progress A
         23 progress A
         28 progress A -> permit_expired, action_failed, plan_undoing, action_withdrawn, plan_undone, lease_renewed
         28 owes -> nothing",
    );
}

/// As [`two_of_three`], with the third write verified at 7 and the plan complete.
#[track_caller]
fn all_three(equal: &str, lines: &str) {
    two_of_three(
        "by=supervisor undoable",
        &format!(
            "6 complete A x {equal} -> plan_completed
             6 outcome a3 yes
             7 read a3 applied -> action_verified, plan_comparing
             7 plan x -> comparing
             {lines}"
        ),
    );
}

#[test]
fn a_plan_is_verified_only_when_its_systems_were_compared_and_agree() {
    all_three(
        "money",
        "7 owes -> c/compare/x
         7 complete A x money -> -
         7 resolve A -> refused NOT_COMPARED
         7 resolve ann -> refused NOT_COMPARED
         8 systems y a1=equal -> refused UNKNOWN_PLAN
         8 systems x a1=equal a2=equal -> -
         8 systems x a1=equal a2=equal a3=unreadable -> -
         8 systems x names:a1=equal names:a2=equal names:a3=equal -> -
         8 plan x -> comparing
         9 systems x a1=equal a2=equal a3=equal -> plan_compared, plan_verified
         9 plan x -> verified
         9 owes -> nothing
         9 systems x a1=equal a2=differs a3=equal -> -
         9 abandon A x -> refused PLAN_CLOSED
         9 resolve A -> case_resolved",
    );
}

#[test]
fn every_equality_has_to_hold() {
    all_three(
        "money names",
        "8 systems x a1=equal a2=equal a3=equal -> -
         8 systems x a1=equal a2=equal a3=equal names:a1=equal names:a2=equal names:a3=unreadable -> -
         8 systems x a1=equal a2=equal a3=equal names:a1=equal names:a2=equal names:a3=equal -> plan_compared, plan_verified",
    );
}

#[test]
fn only_what_was_read_after_the_last_step_counts() {
    all_three(
        "money",
        "9 systems x a1=equal a2=equal a3=equal sent=6 -> -
         9 systems x a1=equal a2=equal a3=equal sent=10 -> -
         9 systems x a1=differs sent=6 -> -
         9 systems x a1=equal a2=equal a3=equal sent=7 -> plan_compared, plan_verified",
    );
}

#[test]
fn systems_that_differ_are_for_people_at_once() {
    all_three(
        "money",
        "8 systems x a1=equal a2=differs a3=unreadable -> plan_compared, context_added, plan_stuck, escalation_opened, step_started
         8 plan x -> stuck
         8 action a2 -> verified
         8 owes -> c/e1/r1s1/place
         8 complete A x money -> refused PLAN_CLOSED
         9 resolve A -> refused ESCALATION_UNDER_WAY
         9 resolve ann -> escalation_closed, case_resolved",
    );
}

#[test]
fn systems_that_differ_undo_the_plan_where_the_playbook_says_so() {
    all_three(
        "money undo",
        "8 systems x a1=equal a2=equal a3=differs -> plan_compared, context_added, plan_undoing, compensation_started
         8 owes -> c/a3/compensate/1
         9 undo a3 done
         9 undo a2 done
         9 undo a1 done -> action_compensated, plan_undone",
    );
    // One of two that wants people has them.
    all_three(
        "money names undo",
        "8 systems x a1=differs names:a1=differs -> plan_compared, context_added, plan_stuck, escalation_opened, step_started",
    );
    all_three(
        "money names undo",
        "8 systems x a1=differs -> plan_compared, context_added, plan_undoing, compensation_started",
    );
}

#[test]
fn a_difference_may_be_given_time_to_settle() {
    all_three(
        "money settle=3",
        "9 systems x a1=differs a2=equal a3=equal -> -
         10 systems x a1=differs a2=equal a3=equal sent=9 -> -
         10 systems x a1=equal a2=equal a3=equal sent=9 -> plan_compared, plan_verified",
    );
    all_three(
        "money settle=3",
        "10 systems x a1=differs a2=equal a3=equal -> plan_compared, context_added, plan_stuck, escalation_opened, step_started",
    );
}

#[test]
fn systems_that_cannot_be_compared_in_time_are_for_people_and_are_read_on() {
    all_three(
        "money settle=3",
        "14 progress A
         19 systems x a1=unreadable -> -
         20 tick -> plan_uncompared, context_added, escalation_opened, step_started
         20 plan x -> comparing
         20 owes -> c/compare/x, c/e1/r1s1/place
         21 tick -> -
         21 resolve A -> refused ESCALATION_UNDER_WAY
         21 systems x a1=equal a2=equal a3=equal -> plan_compared, plan_verified
         21 plan x -> verified",
    );
    all_three(
        "money",
        "14 progress A\n17 tick\n18 resolve ann -> escalation_closed, case_resolved",
    );
}

#[test]
fn a_person_on_the_ticket_cannot_end_a_case_whose_systems_are_being_compared() {
    all_three(
        "money",
        "7 escalate A -> escalation_opened, step_started
         8 placed e1/r1s1 T1
         9 look e1/r1s1 closed=ann:solved -> escalation_resolved, context_added, case_returned, routing_started",
    );
}

#[test]
fn a_plan_can_be_given_up_while_its_systems_are_compared() {
    all_three(
        "money",
        "8 abandon A x -> plan_undoing, compensation_started
         8 systems x a1=equal a2=equal a3=equal -> -
         8 plan x -> undoing",
    );
}

#[test]
fn a_plan_that_writes_nothing_of_what_is_compared_is_verified_as_ever() {
    two_of_three(
        "by=supervisor",
        "6 complete A x elsewhere
         6 outcome a3 yes
         7 read a3 applied -> action_verified, plan_verified",
    );
    // What was turned down was not written.
    two_of_three(
        "deny",
        "6 complete A x money -> plan_completed, plan_comparing
         7 systems x a1=equal a2=equal -> plan_compared, plan_verified",
    );
}

#[test]
fn systems_are_not_compared_before_the_last_step_is_verified() {
    two_of_three(
        "by=supervisor",
        "6 systems x a1=equal a2=equal -> -
         6 complete A x money -> plan_completed
         6 systems x a1=equal a2=equal -> -
         6 owes -> c/a3/execute/1
         6 plan x -> complete",
    );
}
