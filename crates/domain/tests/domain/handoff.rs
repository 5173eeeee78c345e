//! How a case passes from one holder to the next, without a gap and without an overlap.

use belay_domain::{Effect, owed};

use crate::script::{Story, check};
use crate::terms::{at, id};

#[test]
fn an_agent_that_accepts_what_it_was_offered_owns_the_case() {
    check(
        "0 open -> case_opened, context_added, routing_started
         0 coverage -> pending until 10
         0 owner -> the supervisor @0
         2 offer A -> handoff_offered
         2 coverage -> pending until 7
         3 accept A h1 -> handoff_accepted
         3 owner -> agent A @1
         3 coverage -> covered by A until 18
         3 owes -> nothing",
    );
}

#[test]
fn a_receiver_that_got_another_context_does_not_get_the_case() {
    check(
        "0 open
         1 offer A -> handoff_offered
         2 accept A h1 wrong -> refused CONTEXT_DIGEST_MISMATCH
         2 know person:x more
         3 accept A h1 -> handoff_accepted",
    );
}

#[test]
fn an_answer_that_got_lost_is_given_again() {
    check(
        "0 open
         1 offer A
         2 accept A h1 -> handoff_accepted
         3 accept A h1 -> -
         3 accept B h1 -> refused NO_SUCH_OFFER
         3 open -> -
         3 owner -> agent A @1",
    );
}

#[test]
fn silence_and_refusal_move_the_offer_on_until_people_are_asked() {
    check(
        "0 open
         1 offer A -> handoff_offered
         2 decline A h1 -> handoff_declined
         2 offer A -> refused NOT_ROUTING
         2 coverage -> pending until 10
         3 offer B -> handoff_offered
         8 tick -> handoff_lapsed
         9 nobody -> routing_ended, escalation_opened, step_started
         9 coverage -> pending until 19",
    );
}

#[test]
fn a_search_that_takes_too_long_ends_with_people() {
    check(
        "0 open
         10 tick -> routing_ended, escalation_opened, step_started
         11 offer A -> refused NOT_ROUTING",
    );
}

#[test]
fn an_open_offer_is_waited_for_even_when_the_search_is_over() {
    check(
        "0 open
         9 offer A -> handoff_offered
         12 tick -> -
         12 coverage -> pending until 14
         13 accept A h1 -> handoff_accepted",
    );
}

#[test]
fn the_last_refusal_of_a_search_that_is_over_brings_people_in_at_once() {
    check(
        "0 open
         9 offer A
         12 decline A h1 -> handoff_declined, routing_ended, escalation_opened, step_started",
    );
}

#[test]
fn the_sender_holds_the_case_until_the_receiver_accepts() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 handoff A crm -> context_added, routing_started
         3 handoff A crm -> refused HANDOFF_UNDER_WAY
         4 offer A -> refused NOT_ROUTING
         4 offer B -> handoff_offered
         4 owner -> agent A @1
         4 coverage -> covered by A until 17
         5 accept B h2 -> handoff_accepted
         5 owner -> agent B @2
         6 progress A @1 -> refused STALE_EPOCH",
    );
}

#[test]
fn a_handoff_that_nobody_takes_leaves_the_case_where_it_is_and_asks_people() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 handoff A crm
         4 nobody -> routing_ended, escalation_opened, step_started
         4 owner -> agent A @1
         4 coverage -> covered by A until 17",
    );
}

#[test]
fn progress_renews_the_lease_and_silence_ends_it() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 progress A -> -
         10 progress A -> lease_renewed
         10 coverage -> covered by A until 25
         24 coverage -> covered by A until 25
         25 coverage -> uncovered since 25: the lease of A has run out
         25 tick -> lease_expired, routing_started
         25 owner -> the supervisor @2
         25 coverage -> pending until 35
         26 progress A @1 -> refused STALE_EPOCH",
    );
}

#[test]
fn the_lease_is_over_when_it_is_over_even_if_nobody_has_said_so_yet() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         17 progress A @1 -> refused STALE_EPOCH
         17 propose A p1 {} @1 -> refused STALE_EPOCH",
    );
}

#[test]
fn a_released_case_is_offered_to_others_first() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 release A -> case_released, routing_started
         3 owner -> the supervisor @2
         4 offer A -> refused NOT_ROUTING
         4 release A @1 -> refused STALE_EPOCH
         4 release A -> refused NOT_OWNER",
    );
}

#[test]
fn a_released_case_that_was_meant_for_people_goes_to_people() {
    check(
        "0 open people -> case_opened, context_added, escalation_opened, step_started
         0 coverage -> pending until 10",
    );
}

#[test]
fn a_case_that_keeps_coming_back_goes_to_people() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 handoff A crm
         3 offer B
         3 accept B h2
         4 handoff B billing
         4 offer A
         4 accept A h3
         5 handoff A crm
         5 offer B -> routing_ended, escalation_opened, step_started
         5 owner -> agent A @3
         6 placed e1/r1s1 T1
         6 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         6 owner -> ann of itsm/first @4",
    );
}

#[test]
fn an_agent_that_turns_up_late_spares_people_the_case() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 handoff A crm
         4 nobody -> routing_ended, escalation_opened, step_started
         5 placed e1/r1s1 T1
         6 handoff A crm -> context_added, routing_started
         6 offer B
         7 accept B h2 -> handoff_accepted, escalation_closed
         7 owes -> c/e1/r1s1/withdraw/T1
         8 told e1/r1s1 T1 -> ticket_withdrawn
         8 told e1/r1s1 T1 -> -
         8 owes -> nothing",
    );
}

#[test]
fn a_search_that_starts_anew_is_another_search() {
    check(
        "0 open
         0 owes -> c/seek/0/0/2023-11-14T22:13:30Z
         1 offer A
         2 accept A h1
         3 release A
         3 owes -> c/seek/1/2/2023-11-14T22:13:33Z",
    );
}

#[test]
fn a_case_that_was_handed_to_another_role_stays_with_that_role() {
    let mut told = Story::new();
    for line in [
        "0 open",
        "1 offer A",
        "2 accept A h1",
        "3 handoff A crm",
        "4 offer B",
        "5 accept B h2",
        "20 tick",
    ] {
        told.tell(line);
    }
    let target = told.case.routing.map(|routing| routing.target.to_string());
    assert_eq!(target.as_deref(), Some("role crm"));
}

#[test]
fn a_search_knows_who_holds_the_case_and_who_was_tried() {
    #[track_caller]
    fn tried(lines: &[&str], expected: &[&str]) {
        let mut story = Story::new();
        for line in lines {
            story.tell(line);
        }
        let found = owed(&story.case, at(5)).into_iter().find_map(|one| match one.effect {
            Effect::Seek { tried, .. } => Some(tried),
            _ => None,
        });
        let expected: Vec<_> = expected.iter().map(|name| id(name)).collect();
        assert_eq!(found, Some(expected), "{lines:?}");
    }
    tried(&["0 open"], &[]);
    tried(&["0 open", "1 offer A", "2 decline A h1"], &["A"]);
    tried(&["0 open", "1 offer A", "2 accept A h1", "3 handoff A crm"], &["A"]);
    // After a search without a result, the holder is found again and must not be asked.
    let lines = ["0 open", "1 offer A", "2 accept A h1", "3 handoff A crm", "4 offer B"];
    tried(&[&lines[..], &["5 decline B h2"]].concat(), &["A", "B"]);
}
