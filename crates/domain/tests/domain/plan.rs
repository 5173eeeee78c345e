//! Plans: verified when every action is, undone in reverse when one cannot be.

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
