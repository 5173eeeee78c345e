//! How people are asked: one queue at a time, moving on at every deadline, refusal and lapse.

use belay_domain::{Command, Effect, Span, decide, owed};

use crate::script::{Story, check};
use crate::terms::{asking, at, id};

#[test]
fn people_are_asked_routed_to_and_take_the_case() {
    check(
        "0 open people -> case_opened, context_added, escalation_opened, step_started
         0 owes -> c/e1/r1s1/place
         1 placed e1/r1s1 T1 -> ticket_placed
         1 placed e1/r1s1 T1 -> -
         1 owes -> c/e1/r1s1/watch
         2 look e1/r1s1 rev=1 noqueue -> ticket_seen
         2 coverage -> pending until 12
         3 look e1/r1s1 rev=1 -> ticket_routed
         3 coverage -> pending until 33
         4 look e1/r1s1 rev=1 -> -
         5 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         5 owner -> ann of itsm/first @1
         5 coverage -> covered by ann of itsm/first until 25
         10 look e1/r1s1 rev=2 taken=ann -> evidence_renewed
         10 coverage -> covered by ann of itsm/first until 30
         11 look e1/r1s1 rev=3 closed=ann:solved -> escalation_resolved, context_added, case_resolved
         11 coverage -> closed
         11 owes -> nothing",
    );
}

#[test]
fn every_deadline_climbs_the_ladder_until_it_is_exhausted_and_starts_over() {
    check(
        "0 open people
         10 tick -> step_failed, step_started
         11 placed e1/r1s2 T1
         20 tick -> step_failed, escalation_exhausted, coverage_raised
         20 coverage -> uncovered since 0: nobody answered the escalation c/e1
         20 owes -> c/e1/r1s2/withdraw/T1
         79 tick -> -
         80 tick -> step_started, coverage_lowered
         80 coverage -> pending until 90
         90 tick -> step_failed, step_started
         100 tick -> step_failed, escalation_exhausted, coverage_raised
         219 tick -> -
         220 tick -> step_started, coverage_lowered",
    );
}

#[test]
fn nobody_who_takes_it_in_time_is_nobody() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 -> ticket_routed
         32 tick -> step_failed, step_started
         33 look e1/r1s1 rev=2 taken=ann -> refused STALE_STEP",
    );
}

#[test]
fn a_step_that_cannot_work_is_left_at_once() {
    check(
        "0 open people
         1 impossible e1/r1s1 -> step_failed, step_started
         2 impossible e1/r1s1 -> refused STALE_STEP
         2 placed e1/r1s2 T1
         3 impossible e1/r1s2 -> refused STALE_STEP",
    );
}

#[test]
fn a_ticket_that_comes_too_late_is_withdrawn() {
    check(
        "0 open people
         10 tick -> step_failed, step_started
         11 placed e1/r1s1 T1 -> ticket_orphaned
         11 placed e1/r1s1 T1 -> -
         11 owes -> c/e1/r1s2/place, c/e1/r1s1/withdraw/T1
         12 told e1/r1s1 T1 -> ticket_withdrawn
         12 placed e2/r1s1 T1 -> refused STALE_STEP
         12 placed nonsense T1 -> refused STALE_STEP",
    );
}

#[test]
fn two_systems_may_give_two_tickets_the_same_id() {
    check(
        "0 open people
         10 tick
         20 tick
         21 placed e1/r1s1 T1 -> ticket_orphaned
         21 placed e1/r1s2 T1 -> ticket_orphaned
         21 owes -> c/e1/r1s1/withdraw/T1, c/e1/r1s2/withdraw/T1
         22 told e1/r1s2 T1 -> ticket_withdrawn
         22 owes -> c/e1/r1s1/withdraw/T1",
    );
}

#[test]
fn a_resolved_case_still_owes_the_withdrawal_of_its_tickets() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 resolve ann -> escalation_closed, case_resolved
         2 owes -> c/e1/r1s1/withdraw/T1
         3 placed e1/r1s1 T2 -> ticket_orphaned
         3 told e1/r1s1 T1 -> ticket_withdrawn
         3 told e1/r1s1 T2 -> ticket_withdrawn
         3 owes -> nothing",
    );
}

#[test]
fn a_ticket_being_created_while_the_case_ends_is_withdrawn_when_it_comes() {
    check(
        "0 open people
         2 resolve ann -> escalation_closed, case_resolved
         3 placed e1/r1s1 T1 -> ticket_orphaned
         3 owes -> c/e1/r1s1/withdraw/T1",
    );
}

#[test]
fn an_agent_that_asks_for_people_goes_on_holding_the_case_until_one_takes_it() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 escalate A -> escalation_opened, step_started
         3 escalate A -> refused ESCALATION_UNDER_WAY
         4 escalate ann -> refused ESCALATION_UNDER_WAY
         4 owner -> agent A @1
         5 placed e1/r1s1 T1
         10 progress A -> lease_renewed
         11 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         11 owner -> ann of itsm/first @2
         12 progress A @1 -> refused STALE_EPOCH",
    );
}

#[test]
fn the_lease_of_an_agent_that_asked_for_people_runs_out_like_any_other() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         10 escalate A
         17 tick -> lease_expired, routing_started
         18 offer B
         19 accept B h2 -> handoff_accepted
         20 tick -> step_failed, step_started
         20 owner -> agent B @3",
    );
}

#[test]
fn a_person_who_sends_the_case_back_sends_it_to_agents() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann
         3 look e1/r1s1 rev=3 closed=ann:back -> escalation_resolved, context_added, case_returned, routing_started
         3 owner -> the supervisor @2
         3 coverage -> pending until 13",
    );
}

#[test]
fn a_resolution_while_a_write_is_in_flight_does_not_close_the_case() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 propose A p1 {} by=supervisor
         3 escalate A
         4 placed e1/r1s1 T1
         5 look e1/r1s1 rev=2 closed=ann:solved -> escalation_resolved, context_added, case_returned, routing_started
         5 action a1 -> dispatched",
    );
}

#[test]
fn a_lapse_takes_the_next_step_at_once_and_the_last_one_raises_the_alarm() {
    check(
        "0 open people one
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann
         22 tick -> escalation_lapsed, escalation_exhausted, coverage_raised
         22 coverage -> uncovered since 22: nobody answered the escalation c/e1
         22 owes -> c/e1/r1s1/withdraw/T1",
    );
}

#[test]
fn a_lapse_that_is_noticed_late_began_when_the_evidence_ended() {
    check(
        "0 open people one
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann
         90 tick -> escalation_lapsed, escalation_exhausted, coverage_raised
         90 coverage -> uncovered since 22: nobody answered the escalation c/e1",
    );
}

#[test]
fn an_empty_plan_asks_nobody_and_is_refused() {
    check(
        "0 open empty -> refused EMPTY_PLAN
         0 open -> case_opened, context_added, routing_started
         1 escalate ann empty -> refused EMPTY_PLAN
         2 escalate ann -> escalation_opened, step_started",
    );
}

#[test]
fn a_divergence_is_not_forgotten_because_an_agent_was_found() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 propose A p1 {} by=supervisor -> action_proposed, action_assessed, action_dispatched
         4 outcome a1 yes -> action_executed
         9 read a1 different -> action_diverged, context_added, escalation_opened, step_started
         10 handoff A crm
         11 nobody -> routing_ended
         12 handoff A crm
         12 offer B
         13 accept B h2 -> handoff_accepted
         13 resolve B -> refused ESCALATION_UNDER_WAY
         13 resolve tool -> refused ESCALATION_UNDER_WAY
         14 resolve ann -> escalation_closed, case_resolved",
    );
}

#[test]
fn many_tickets_taken_at_once_are_held_by_nobody_until_work_is_shown() {
    check(
        "0 open people sweep=10
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann together=11 -> ticket_routed
         2 coverage -> pending until 32
         7 look e1/r1s1 rev=2 taken=ann together=11 -> -
         12 look e1/r1s1 rev=3 taken=ann worked=1 together=11 -> escalation_acknowledged
         12 coverage -> covered by ann of itsm/first until 32",
    );
}

#[test]
fn a_few_tickets_taken_at_once_are_believed_and_what_was_believed_is_not_taken_back() {
    check(
        "0 open people sweep=10
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann together=10 -> escalation_acknowledged
         7 look e1/r1s1 rev=2 taken=ann together=50 -> evidence_renewed
         8 look e1/r1s1 rev=3 taken=bob together=11 -> escalation_lapsed, step_started",
    );
}

#[test]
fn whoever_has_swept_up_everything_has_nothing_when_the_step_runs_out() {
    check(
        "0 open people sweep=3
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann together=4 -> ticket_routed
         20 look e1/r1s1 rev=2 taken=ann together=4 -> -
         32 tick -> step_failed, step_started",
    );
}

#[test]
fn the_people_of_a_ticket_that_came_before_its_step_are_told_once() {
    check(
        "0 open people
         1 placed e1/r1s2 T1 -> ticket_orphaned
         2 impossible e1/r1s1 -> step_failed, step_started
         3 placed e1/r1s2 T1 -> ticket_placed
         40 tick
         40 owes -> c/e1/r1s2/withdraw/T1",
    );
}

#[test]
fn whoever_asks_for_people_may_say_which() {
    let mut story = Story::new();
    for line in ["0 open", "1 offer A", "2 accept A h1"] {
        story.tell(line);
    }
    let mut own = asking();
    own.steps.remove(0);
    let by = belay_domain::Actor::Person(id("opal"));
    let command = Command::RequestEscalation { by, reason: "help".to_owned(), plan: Some(own) };
    for event in decide(&story.case, &command, at(3)).expect("people are asked") {
        belay_domain::apply(&mut story.case, &event);
    }
    assert_eq!(story.case.takeover().expect("asking").step_plan().queue.queue, id("second"));
}

#[test]
fn deadlines_that_are_over_as_they_begin_are_passed_in_one_decision() {
    let mut story = Story::new();
    for line in ["0 open", "1 offer A", "2 accept A h1"] {
        story.tell(line);
    }
    let mut hasty = asking();
    hasty.steps.extend(asking().steps);
    hasty.steps.iter_mut().for_each(|step| step.place_within = Span::ZERO);
    let by = belay_domain::Actor::Person(id("opal"));
    let command = Command::RequestEscalation { by, reason: "now".to_owned(), plan: Some(hasty) };
    let events = decide(&story.case, &command, at(3)).expect("people are asked");
    let failed = events.iter().filter(|event| event.kind.name() == "step_failed").count();
    assert_eq!(failed, 4);
    assert_eq!(events.last().expect("an event").kind.name(), "escalation_exhausted");
}

#[test]
fn who_looks_at_a_ticket_is_told_who_was_seen_to_hold_it() {
    #[track_caller]
    fn held(look: &str, expected: Option<(&str, i64)>) {
        let mut story = Story::new();
        for line in ["0 open people sweep=3", "1 placed e1/r1s1 T1", look] {
            story.tell(line);
        }
        let watched = owed(&story.case, at(4)).into_iter().find_map(|one| match one.effect {
            Effect::Watch { ticket, held, every, until, together_within, .. } => {
                assert_eq!((ticket, every), (id("T1"), Span::from_secs(5)));
                assert_eq!(together_within, Some(Span::from_secs(60)));
                Some((held, until))
            }
            _ => None,
        });
        let (found, until) = watched.expect("the ticket is watched");
        assert_eq!(found, expected.map(|(person, since)| (id(person), at(since))));
        assert_eq!(until, story.case.coverage(at(4)).until());
    }
    held("2 look e1/r1s1 rev=1", None);
    held("3 look e1/r1s1 rev=2 taken=ann", Some(("ann", 3)));
}
