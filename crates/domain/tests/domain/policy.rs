//! What a policy may say about its steps: hours, shifts, repetitions, and what follows when all were in vain.

use belay_domain::EventKind;

use crate::script::{Story, check};
use crate::terms::{asking, plan};

#[test]
fn a_step_outside_its_hours_is_passed_over() {
    check(
        "0 open people hours=skip -> case_opened, context_added, escalation_opened, step_skipped, step_started
         0 owes -> c/e1/r1s2/place
         0 coverage -> pending until 10
         10 tick -> step_failed, escalation_exhausted, coverage_raised
         70 tick -> step_skipped, step_started, coverage_lowered
         80 tick -> step_failed, escalation_exhausted, coverage_raised
         200 tick -> step_started, coverage_lowered
         200 owes -> c/e1/r3s1/place",
    );
}

#[test]
fn a_policy_that_is_closed_altogether_raises_the_alarm() {
    check(
        "0 open people one hours=skip -> case_opened, context_added, escalation_opened, step_skipped, escalation_exhausted, coverage_raised
         0 coverage -> uncovered since 0: nobody answered the escalation c/e1
         0 owes -> nothing
         60 tick -> step_skipped, escalation_exhausted
         180 tick -> step_started, coverage_lowered",
    );
}

#[test]
fn an_escalation_that_waits_for_hours_is_raised_as_uncovered_meanwhile() {
    check(
        "0 open people hours=wait -> case_opened, context_added, escalation_opened, step_deferred, coverage_raised
         0 owes -> nothing
         0 coverage -> uncovered since 0: nobody is asked before the hours of itsm/first begin at 2023-11-14T22:15:00Z
         99 tick -> -
         99 placed e1/r1s1 T1 -> ticket_orphaned
         100 tick -> step_started, coverage_lowered
         100 coverage -> pending until 110",
    );
}

#[test]
fn a_wait_has_an_end_whatever_the_hours() {
    check(
        "0 open people hours=short -> case_opened, context_added, escalation_opened, step_deferred, coverage_raised
         39 tick -> -
         40 tick -> step_started, coverage_lowered
         50 tick -> step_failed, step_started",
    );
}

#[test]
fn a_waiting_escalation_is_closed_with_its_case_and_widened_by_another_reason() {
    check(
        "0 open people hours=wait
         1 escalate ann -> refused ESCALATION_UNDER_WAY
         2 resolve ann -> escalation_closed, coverage_lowered, case_resolved
         200 tick -> -",
    );
}

#[test]
fn a_step_is_asked_again_with_another_ticket_as_often_as_it_is_to_be() {
    check(
        "0 open people repeat=2
         1 placed e1/r1s1 T1
         2 look e1/r1s1 -> ticket_routed
         32 tick -> step_failed, step_started
         32 owes -> c/e1/r1s1x2/place, c/e1/r1s1/withdraw/T1
         33 placed e1/r1s1x2 T2
         33 look e1/r1s1 -> refused STALE_STEP
         33 placed e1/r1s1 T9 -> ticket_orphaned
         34 look e1/r1s1x2 ticket=T2 -> ticket_routed
         64 tick -> step_failed, step_started
         65 placed e1/r1s1x3 T3
         66 look e1/r1s1x3 ticket=T3 -> ticket_routed
         96 tick -> step_failed, step_started
         96 owes -> c/e1/r1s2/place, c/e1/r1s1/withdraw/T1, c/e1/r1s1/withdraw/T9, c/e1/r1s1x2/withdraw/T2, c/e1/r1s1x3/withdraw/T3",
    );
}

#[test]
fn what_reaches_nobody_and_what_lapses_is_not_asked_again() {
    check(
        "0 open people repeat=2
         1 impossible e1/r1s1 -> step_failed, step_started
         1 owes -> c/e1/r1s2/place",
    );
    check(
        "0 open people repeat=2
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         3 look e1/r1s1 rev=3 -> escalation_lapsed, step_started
         3 owes -> c/e1/r1s2/place, c/e1/r1s1/withdraw/T1",
    );
}

#[test]
fn who_is_on_shift_by_the_playbook_counts_where_the_system_knows_no_shifts() {
    check(
        "0 open people roster=ann
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=1 -> step_failed, step_started",
    );
    // In the second round she is on shift, and bob, who is not in the roster, is not.
    check(
        "0 open people roster=ann
         10 tick
         20 tick
         80 tick -> step_started, coverage_lowered
         81 placed e1/r2s1 T1
         101 tick -> step_failed, step_started
         102 tick
         111 tick
         231 tick -> step_started, coverage_lowered
         232 placed e1/r3s1 T2
         233 look e1/r3s1 ticket=T2 rev=1 -> ticket_routed
         234 look e1/r3s1 ticket=T2 rev=2 taken=bob -> ticket_routed
         235 look e1/r3s1 ticket=T2 rev=3 taken=ann -> escalation_acknowledged",
    );
}

#[test]
fn an_alarm_alone_is_repeated_and_nobody_is_asked_until_a_person_says_so() {
    check(
        "0 open people one then=alarm
         10 tick -> step_failed, escalation_exhausted, coverage_raised
         249 tick -> -
         250 tick -> escalation_exhausted
         260 escalate A -> refused NOT_OWNER
         261 coverage -> uncovered since 0: nobody answered the escalation c/e1
         262 escalate ann -> step_started, coverage_lowered
         262 owes -> c/e1/r2s1/place
         263 escalate ann -> refused ESCALATION_UNDER_WAY",
    );
}

#[test]
fn a_raised_severity_is_asked_by_its_own_steps() {
    let mut story = Story::new();
    for line in ["0 open people then=raise", "1 placed e1/r1s1 T1", "11 tick"] {
        story.tell(line);
    }
    assert_eq!(
        story.tell("21 tick"),
        "step_failed, escalation_exhausted, case_amended, coverage_raised"
    );
    let raised = story.history.iter().any(|event| {
        matches!(&event.kind, EventKind::CaseAmended { severity: Some(severity), .. }
            if severity.to_string() == "critical")
    });
    assert!(raised);
    assert_eq!(story.tell("81 tick"), "step_started, coverage_lowered");
    // The second round asks the other queue first; what is owed to the first round's ticket is still owed there.
    let owed = belay_domain::owed(&story.case, crate::terms::at(81));
    let queues: Vec<_> = owed
        .iter()
        .filter_map(|one| match &one.effect {
            belay_domain::Effect::PlaceTicket { queue, .. }
            | belay_domain::Effect::Withdraw { queue, .. } => Some(queue.queue.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(queues, ["second", "first"]);
    story.tell("91 tick");
    story.tell("101 tick");
    assert_eq!(story.tell("221 tick"), "step_started, coverage_lowered", "twice as long a wait");
}

#[test]
fn the_longest_a_round_can_take_counts_repetitions_and_waits() {
    let longest = |words: &[&str]| plan(words, asking()).longest().as_secs();
    assert_eq!(longest(&[]), 100);
    assert_eq!(longest(&["repeat=2"]), 200);
    assert_eq!(longest(&["hours=skip"]), 100);
    assert_eq!(longest(&["hours=short"]), 140);
    assert_eq!(longest(&["hours=short", "repeat=1"]), 190);
}

#[test]
fn rounds_that_are_closed_altogether_are_counted_and_wait_longer() {
    check(
        "10000 open people one hours=skip -> case_opened, context_added, escalation_opened, step_skipped, escalation_exhausted, coverage_raised
         10060 tick -> step_skipped, escalation_exhausted
         10180 tick -> step_skipped, escalation_exhausted
         10300 tick -> -
         10420 tick -> step_skipped, escalation_exhausted",
    );
}

#[test]
fn a_severity_that_is_as_high_already_is_not_raised_again() {
    check(
        "0 open people one then=raise
         1 contact q2 severity=critical -> contact_linked, case_amended
         10 tick -> step_failed, escalation_exhausted, coverage_raised",
    );
}
