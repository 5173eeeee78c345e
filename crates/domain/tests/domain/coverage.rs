//! Who holds the case, how that is known, and what happens when nobody does.

use crate::script::{Story, check};
use crate::terms::at;

#[test]
fn a_case_that_is_not_open_needs_nobody() {
    check(
        "0 coverage -> closed
         0 tick -> -
         0 open
         1 resolve ann -> case_resolved
         1 coverage -> closed
         1 tick -> -",
    );
}

#[test]
fn the_alarm_is_raised_while_nobody_can_be_asked_and_lowered_when_somebody_is() {
    check(
        "0 open one
         10 tick -> routing_ended, escalation_opened, step_started
         20 tick -> step_failed, escalation_exhausted, coverage_raised
         30 tick -> -
         30 coverage -> uncovered since 0: nobody answered the escalation c/e1
         80 tick -> step_started, coverage_lowered",
    );
}

#[test]
fn being_returned_does_not_make_a_gap_look_shorter() {
    check(
        "0 open people one
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 closed=ann:back -> escalation_resolved, context_added, case_returned, routing_started
         12 tick -> routing_ended, escalation_opened, step_started
         22 tick -> step_failed, escalation_exhausted, coverage_raised
         22 coverage -> uncovered since 0: nobody answered the escalation c/e2",
    );
}

#[test]
fn between_a_deadline_and_its_tick_the_case_is_not_covered() {
    check(
        "0 open people
         9 coverage -> pending until 10
         10 coverage -> uncovered since 0: nobody answered the escalation c/e1
         10 tick
         10 coverage -> pending until 20",
    );
}

#[test]
fn a_long_silence_is_dealt_with_in_one_tick() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         5000 tick -> lease_expired, routing_started
         9000 tick -> routing_ended, escalation_opened, step_started
         9000 tick -> -",
    );
}

/// What the state of the case is called after these lines, whether somebody holds it, and until when that stands.
#[track_caller]
fn named(lines: &[&str], name: &str, until: Option<i64>) {
    let mut story = Story::new();
    for line in lines {
        story.tell(line);
    }
    let moment = lines.last().and_then(|line| line.split_once(' ')).expect("a moment").0;
    let coverage = story.case.coverage(at(moment.parse().expect("seconds")));
    assert_eq!(coverage.name(), name);
    assert_eq!(coverage.is_covered(), name.starts_with("covered"), "{name}");
    assert_eq!(coverage.until(), until.map(at), "{name}");
}

#[test]
fn only_an_agent_or_a_person_is_cover_and_each_state_has_a_name() {
    named(&["0 tick"], "closed", None);
    named(&["0 open"], "pending", Some(10));
    named(&["0 open", "1 offer A", "2 accept A h1"], "covered_by_agent", Some(17));
    let taken = ["0 open people", "1 placed e1/r1s1 T1", "2 look e1/r1s1 rev=2 taken=ann"];
    named(&taken, "covered_by_person", Some(22));
    named(&["0 open people one", "10 tick"], "uncovered", None);
}
