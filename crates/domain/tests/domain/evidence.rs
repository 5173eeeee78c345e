//! What readings prove, and that none of the ways in which human queues mislead is ever taken for cover.

use belay_domain::{Coverage, EventKind, Level};

use crate::script::{Story, check};
use crate::terms::at;

/// The ticket is out and reachable, and then looks like this.
#[track_caller]
fn waiting(looks: &str, outcome: &str) {
    check(&format!(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=1 -> ticket_routed
         3 look e1/r1s1 rev=2 {looks} -> {outcome}
         3 coverage -> pending until {}",
        // Either still waiting for somebody to take it, or already asking the next queue.
        if outcome.contains("step_started") { 13 } else { 32 }
    ));
}

/// A person has the ticket, and then it looks like this: a lapse.
#[track_caller]
fn lapses(looks: &str) {
    check(&format!(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         2 coverage -> covered by ann of itsm/first until 22
         3 look e1/r1s1 rev=3 {looks} -> escalation_lapsed, step_started
         3 coverage -> pending until 13
         3 owner -> the supervisor @2"
    ));
}

/// A person has the ticket, and a look like this is no news: the evidence ages.
#[track_caller]
fn ages(looks: &str) {
    check(&format!(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         3 look e1/r1s1 rev=3 {looks} -> -
         21 coverage -> covered by ann of itsm/first until 22
         22 coverage -> uncovered since 22: the evidence that a person has it is too old
         22 tick -> escalation_lapsed, step_started
         22 coverage -> pending until 32"
    ));
}

/// A person has the ticket, and then it looks like this: a lapse that says why.
#[track_caller]
fn lapses_because(looks: &str, why: &str) {
    let look = format!("3 look e1/r1s1 rev=3 {looks}");
    let taken = "2 look e1/r1s1 rev=2 taken=ann";
    lapsed_because(&["0 open people", "1 placed e1/r1s1 T1", taken, &look], why);
}

/// After these lines the last lapse was for this reason.
#[track_caller]
fn lapsed_because(lines: &[&str], why: &str) {
    let mut story = Story::new();
    for line in lines {
        story.tell(line);
    }
    let doubt = story.history.iter().rev().find_map(|event| match &event.kind {
        EventKind::EscalationLapsed { doubt, .. } => Some(doubt.to_string()),
        _ => None,
    });
    assert_eq!(doubt.as_deref(), Some(why), "{lines:?}");
}

const NEXT: &str = "step_failed, step_started";

// The catalogue of the ways in which a human queue lies, by its numbers.

#[test]
fn fault_1_an_accepted_create_that_never_shows_is_not_cover() {
    check(
        "0 open people
         1 placed e1/r1s1 T1 -> ticket_placed
         2 look e1/r1s1 missing -> -
         2 coverage -> pending until 10
         10 tick -> step_failed, step_started
         10 coverage -> pending until 20",
    );
}

#[test]
fn fault_2_a_ticket_without_our_marks_is_not_ours() {
    waiting("unmarked", NEXT);
    waiting("nocase", NEXT);
    waiting("case=other", NEXT);
    waiting("step=e1/r1s2", NEXT);
    waiting("ticket=T2", NEXT);
    waiting("unmarked taken=ann", NEXT);
    lapses("unmarked taken=ann");
    lapses("ticket=T2 taken=ann");
    lapses("case=other taken=ann");
}

#[test]
fn faults_3_and_4_a_second_ticket_for_one_step_is_withdrawn() {
    check(
        "0 open people
         1 placed e1/r1s1 T1 -> ticket_placed
         2 placed e1/r1s1 T2 -> ticket_orphaned
         2 owes -> c/e1/r1s1/watch, c/e1/r1s1/withdraw/T2
         3 look e1/r1s1 ticket=T2 taken=ann -> step_failed, step_started
         3 coverage -> pending until 13",
    );
}

#[test]
fn fault_5_another_queue_than_the_one_asked_for_is_not_cover() {
    waiting("in=second", NEXT);
    waiting("in=second taken=ann", NEXT);
    lapses("in=second taken=ann");
}

#[test]
fn fault_6_a_queue_that_reaches_nobody_is_left_at_once() {
    for nobody in ["empty", "leavers", "readonly", "machines", "night", "disabled"] {
        waiting(nobody, NEXT);
    }
    waiting("disabled taken=ann", NEXT);
    waiting("leavers taken=ann", NEXT);
    lapses("leavers taken=ann");
    lapses("night taken=ann");
    lapses("disabled taken=ann");
}

#[test]
fn fault_7_a_machine_that_takes_it_acknowledges_nothing() {
    for taker in ["robot", "us", "ghost", "zoe"] {
        waiting(&format!("taken={taker}"), "ticket_routed");
        lapses(&format!("taken={taker}"));
    }
    // Under the name of a person it is a machine still.
    waiting("taken=auto:ann", "ticket_routed");
    waiting("act=auto:ann given=ann", "ticket_routed");
    lapses("act=auto:ann given=ann");
    // The staff list says that the name belongs to a machine, whatever the ticket says.
    waiting("taken=ann machines", NEXT);
}

#[test]
fn fault_8_an_acknowledgement_without_work_runs_out() {
    check(
        "0 open people work=8
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         2 coverage -> covered by ann of itsm/first until 10
         6 look e1/r1s1 rev=2 taken=ann -> evidence_renewed
         6 coverage -> covered by ann of itsm/first until 10
         7 look e1/r1s1 rev=3 taken=ann worked=1 -> evidence_renewed
         7 coverage -> covered by ann of itsm/first until 15
         15 tick -> escalation_lapsed, step_started",
    );
}

#[test]
fn fault_9_what_was_given_back_is_given_back() {
    lapses("");
    lapses("given=ann");
    lapses("taken=ann then=gaveback");
    lapses("taken=ann then=assigned:ann");
    lapses("taken=ann then=bob");
    // Nobody could tell who is on the queue, but that the holder is gone was to be seen.
    lapses("noqueue");
    lapses("noqueue given=bob");
}

#[test]
fn fault_10_a_holder_who_never_took_it_acknowledges_nothing() {
    waiting("given=ann", "ticket_routed");
    waiting("given=ann worked=2", "ticket_routed");
    waiting("given=ann then=assigned:ann", "ticket_routed");
}

#[test]
fn a_ticket_that_comes_with_a_holder_still_waits_for_somebody_to_take_it() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 given=ann -> ticket_routed
         31 coverage -> pending until 32
         31 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged",
    );
}

#[test]
fn fault_11_merged_deleted_and_rejected_tickets_are_over() {
    for gone in ["merged", "deleted", "rejected", "missing", "merged taken=ann"] {
        waiting(gone, NEXT);
        lapses(gone);
    }
}

#[test]
fn fault_12_a_status_that_nobody_mapped_is_a_doubt() {
    waiting("odd", NEXT);
    waiting("odd taken=ann", NEXT);
    lapses("odd taken=ann");
}

#[test]
fn fault_13_a_look_that_was_sent_before_the_step_began_or_in_the_future_proves_nothing() {
    check(
        "0 open
         5 nobody -> routing_ended, escalation_opened, step_started
         6 placed e1/r1s1 T1
         7 look e1/r1s1 rev=2 taken=ann sent=4 -> -
         7 look e1/r1s1 rev=2 taken=ann sent=8 -> -
         7 look e1/r1s1 rev=2 taken=ann sent=6 -> escalation_acknowledged
         7 coverage -> covered by ann of itsm/first until 26
         8 look e1/r1s1 rev=2 taken=ann sent=6 -> -",
    );
}

#[test]
fn evidence_counts_from_when_its_read_was_sent() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         9 look e1/r1s1 rev=2 taken=ann sent=3 -> escalation_acknowledged
         9 coverage -> covered by ann of itsm/first until 23
         22 coverage -> covered by ann of itsm/first until 23
         23 coverage -> uncovered since 23: the evidence that a person has it is too old",
    );
}

#[test]
fn an_answer_that_took_longer_than_evidence_stays_fresh_proves_nothing() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=1 -> ticket_routed
         25 look e1/r1s1 rev=2 taken=ann sent=5 -> -
         25 coverage -> pending until 32",
    );
}

#[test]
fn fault_14_a_stale_replica_neither_grants_nor_takes_away() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=5 taken=ann -> escalation_acknowledged
         3 look e1/r1s1 rev=4 -> -
         3 coverage -> covered by ann of itsm/first until 22
         4 look e1/r1s1 rev=6 -> escalation_lapsed, step_started
         5 placed e1/r1s2 T1
         5 look e1/r1s2 rev=7 -> ticket_routed
         6 look e1/r1s2 rev=6 taken=ann -> -
         6 look e1/r1s2 rev=7 taken=ann sent=5 -> -",
    );
}

#[test]
fn a_revision_that_showed_nobody_is_not_forgotten() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=1 -> ticket_routed
         3 look e1/r1s1 rev=7 -> ticket_routed
         4 look e1/r1s1 rev=6 taken=ann -> -
         4 coverage -> pending until 32
         5 look e1/r1s1 rev=9 given=robot -> ticket_routed
         6 look e1/r1s1 rev=8 taken=ann -> -
         7 look e1/r1s1 rev=10 taken=ann -> escalation_acknowledged",
    );
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=1 noqueue -> ticket_seen
         3 look e1/r1s1 rev=7 noqueue -> ticket_seen
         4 look e1/r1s1 rev=6 taken=ann -> -
         12 tick -> step_failed, step_started",
    );
}

#[test]
fn a_newer_revision_that_was_asked_for_earlier_is_still_the_newer_one() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         3 look e1/r1s1 rev=5 taken=ann -> escalation_acknowledged
         4 look e1/r1s1 rev=6 sent=2 -> escalation_lapsed, step_started",
    );
}

#[test]
fn fault_16_facts_about_another_queue_are_no_facts_about_this_one() {
    waiting("facts=second taken=ann", "ticket_routed");
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 facts=second taken=ann -> ticket_seen
         2 coverage -> pending until 12",
    );
}

#[test]
fn fault_18_only_a_person_with_a_known_code_resolves() {
    for closed in ["closed=robot:solved", "closed=us:solved", "closed=ghost:solved"] {
        waiting(closed, NEXT);
        lapses(closed);
    }
    for closed in ["closed=zoe:solved", "closed=nobody:solved", "closed=ann:none"] {
        waiting(closed, NEXT);
        lapses(closed);
    }
    lapses("closed=ann:whatever");
    lapses("resolved");
    ages("closed=ann:solved noqueue");
}

#[test]
fn fault_19_what_cannot_be_read_grows_old() {
    ages("taken=ann noqueue");
    ages("taken=ann facts=second");
}

#[test]
fn fault_19_why_it_could_not_be_read_is_said_once_and_is_the_reason_of_the_lapse() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         3 look e1/r1s1 rev=3 unreadable -> ticket_unread
         4 look e1/r1s1 rev=3 unreadable -> -
         5 look e1/r1s1 rev=3 taken=ann -> evidence_renewed
         6 look e1/r1s1 rev=3 unreadable -> ticket_unread
         24 coverage -> covered by ann of itsm/first until 25
         25 coverage -> uncovered since 25: the evidence that a person has it is too old, because the ticket cannot be read: 503
         25 tick -> escalation_lapsed, step_started
         25 coverage -> pending until 35",
    );
}

#[test]
fn a_system_that_can_be_written_but_not_read_is_never_cover() {
    check(
        "0 open people one
         1 placed e1/r1s1 T1 -> ticket_placed
         2 look e1/r1s1 unreadable -> -
         9 coverage -> pending until 10
         10 tick -> step_failed, escalation_exhausted, coverage_raised
         10 coverage -> uncovered since 0: nobody answered the escalation c/e1",
    );
}

#[test]
fn work_where_work_is_asked_for_is_cover_and_taking_alone_is_not() {
    check(
        "0 open people cover=E5
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann -> ticket_routed
         2 coverage -> pending until 32
         3 look e1/r1s1 rev=3 taken=ann worked=1 -> escalation_acknowledged
         3 coverage -> covered by ann of itsm/first until 23",
    );
}

#[test]
fn whoever_takes_it_over_on_the_ticket_holds_the_case() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         2 owner -> ann of itsm/first @1
         3 look e1/r1s1 rev=3 taken=ann taken=bob -> escalation_acknowledged
         3 owner -> bob of itsm/first @2
         4 coverage -> covered by bob of itsm/first until 23",
    );
}

#[test]
fn no_reading_without_a_person_who_took_it_is_ever_cover() {
    let tickets = ["", "missing", "unreadable", "unmarked", "nocase", "in=second", "ticket=T2"];
    let holders = ["", "given=ann", "taken=robot", "taken=us", "taken=ghost", "taken=zoe"];
    let states = ["", "odd", "merged", "deleted", "rejected", "closed=robot:solved", "resolved"];
    let queues = ["", "noqueue", "empty", "leavers", "readonly", "machines", "night", "disabled"];
    let mut told = 0;
    for ticket in tickets {
        for holder in holders {
            for state in states {
                for queue in queues {
                    let mut story = Story::new();
                    story.tell("0 open people");
                    story.tell("1 placed e1/r1s1 T1");
                    story.tell(&format!("2 look e1/r1s1 {ticket} {holder} {state} {queue}"));
                    let coverage = story.case.coverage(at(2));
                    assert!(
                        !matches!(coverage, Coverage::Covered(_)),
                        "{ticket} {holder} {state} {queue}: {coverage:?}"
                    );
                    told += 1;
                }
            }
        }
    }
    assert_eq!(told, 7 * 6 * 7 * 8);
}

#[test]
fn a_lapse_says_what_was_seen() {
    lapses_because("missing", "the ticket T1 is not there");
    lapses_because("in=second taken=ann", "the ticket is in the queue second");
    lapses_because("odd taken=ann", "the ticket is unknown (parked)");
    lapses_because("rejected", "the ticket is rejected");
    lapses_because("deleted", "the ticket is deleted");
    // Where it went says more than that it is marked otherwise or lies elsewhere.
    lapses_because("merged in=second", "the ticket is merged into T9");
    lapses_because("merged unmarked ticket=T2", "the ticket is merged into T9");
    lapses_because("resolved", "the ticket was closed without a known resolution code");
    lapses_because("", "nobody holds the ticket any more");
    lapses_because("taken=robot", "robot holds the ticket and is no person");
    lapses_because("taken=zoe", "zoe holds the ticket and is not on duty for this queue");
    lapses_because("given=ann", "ann was made the holder and has not taken the ticket");
}

#[test]
fn whom_the_staff_list_has_as_a_machine_is_one_whatever_the_ticket_says() {
    waiting("taken=ann machine=ann", "ticket_routed");
    lapses("taken=ann machine=ann");
    lapses_because("taken=ann machine=ann", "ann holds the ticket and is no person");
}

#[test]
fn only_what_the_holder_does_on_the_ticket_is_work() {
    for other in ["noted=bob", "moved=ann"] {
        check(&format!(
            "0 open people work=8
             1 placed e1/r1s1 T1
             2 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
             5 look e1/r1s1 rev=3 taken=ann {other} -> evidence_renewed
             5 coverage -> covered by ann of itsm/first until 10"
        ));
    }
}

#[test]
fn a_level_is_shown_by_its_name() {
    let levels =
        [Level::E0, Level::E1, Level::E2, Level::E3, Level::E4, Level::E5, Level::E6].iter();
    let shown: Vec<_> = levels.map(ToString::to_string).collect();
    assert_eq!(shown.join(" "), "E0 E1 E2 E3 E4 E5 E6");
}

#[test]
fn a_person_who_does_nothing_decides_nothing_or_is_not_looked_at_lapses_for_that_reason() {
    let taken = ["1 placed e1/r1s1 T1", "2 look e1/r1s1 rev=2 taken=ann"];
    let lines = |first, last| [&[first], &taken[..], &[last]].concat();
    let idle = "nothing has been done on the ticket since it was taken";
    lapsed_because(&lines("0 open people work=8", "10 tick"), idle);
    let stale = "the evidence is too old";
    lapsed_because(&lines("0 open people", "22 tick"), stale);
    lapsed_because(&lines("0 open people work=30", "22 tick"), stale);
    let asked = ["0 open", "1 offer A", "2 accept A h1", "3 propose A p1 {} ask=1 decide=6"];
    let taken = ["4 placed e1/r1s1 T1", "5 look e1/r1s1 rev=2 taken=ann", "11 tick"];
    let undecided = "nothing has been decided since the ticket was taken";
    lapsed_because(&[&asked[..], &taken].concat(), undecided);
}

#[test]
fn who_holds_a_ticket_wrongly_is_remembered_only_while_the_look_is_fresh() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=1 -> ticket_routed
         25 look e1/r1s1 rev=2 given=ann sent=5 -> -
         25 look e1/r1s1 rev=3 given=ann sent=6 -> ticket_routed",
    );
}

#[test]
fn a_ticket_that_looks_the_same_is_no_news() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=1 noqueue -> ticket_seen
         3 look e1/r1s1 rev=1 noqueue -> -
         4 look e1/r1s1 rev=2 noqueue -> ticket_seen",
    );
}

#[test]
fn the_revision_of_another_ticket_does_not_make_a_look_old() {
    lapsed_because(
        &[
            "0 open people",
            "1 placed e1/r1s1 T1",
            "2 look e1/r1s1 rev=5 taken=ann",
            "3 look e1/r1s1 rev=1 ticket=T2 taken=ann",
        ],
        "the ticket that was read is not the one that was placed: its id is T2 instead of T1",
    );
}
