use belay_domain::{ReadBack, Ruling};

use super::*;
use crate::wire::testbed::{Story, reasons};

#[test]
fn a_held_case_says_who_until_when_and_what_then() {
    let answer = explained(&Story::held());
    assert!(
        answer.headline.starts_with("Agent billing-1 has held the case since"),
        "{}",
        answer.headline
    );
    assert_eq!(answer.next_moments.len(), 1);
    let next = &answer.next_moments[0];
    assert_eq!(next.what, "the lease of agent billing-1 ends");
    assert_eq!(next.then, "the supervisor holds the case and looks for role billing");
    assert_eq!(next.about, "c-0123456789abcdef");
    assert!(answer.owed.is_empty());
}

#[test]
fn a_case_that_is_looked_after_says_what_is_owed() {
    let answer = explained(&Story::opened());
    assert!(answer.headline.contains("role billing is looked for until"), "{}", answer.headline);
    assert_eq!(answer.next_moments[0].then, "people are asked by takeover");
    assert_eq!(answer.owed[0].what, "find role billing");
}

#[test]
fn a_person_s_cover_names_ticket_level_and_moment() {
    let answer = explained(&Story::taken());
    let headline = &answer.headline;
    assert!(
        headline.starts_with("ana of desk/second-level holds the case by ticket desk-1 (E4)"),
        "{headline}"
    );
    let what: Vec<&str> = answer.next_moments.iter().map(|next| next.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "what was last read of ticket desk-1 is too old, unless read again",
            "ana has to have worked on ticket desk-1",
        ]
    );
    assert!(answer.next_moments[0].then.ends_with("and desk/on-call is asked"));
    assert_eq!(answer.owed[0].what, "read ticket desk-1 in desk/second-level again");
}

#[test]
fn every_running_deadline_is_there_the_earliest_first() {
    let mut story = Story::asking();
    story.now += belay_domain::Span::from_secs(1);
    let answer = explained(&story);
    let at: Vec<i64> = answer.next_moments.iter().map(|next| next.at.unwrap().seconds).collect();
    assert!(at.is_sorted(), "{at:?}");
    let what: Vec<&str> = answer.next_moments.iter().map(|next| next.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "a ticket has to be in desk/second-level",
            "the lease of agent billing-1 ends",
            "the time to decide refund@2 ends",
        ]
    );
    assert_eq!(answer.next_moments[2].then, "it expires, which is a no");
}

#[test]
fn the_last_step_ends_in_the_alarm() {
    let mut story = Story::escalated();
    story.wait(121).wait(121);
    let answer = explained(&story);
    assert!(
        answer
            .next_moments
            .iter()
            .any(|next| next.then.contains("starts over after")
                || next.then.contains("round 2 begins")),
        "{:?}",
        answer.next_moments
    );
}

#[test]
fn decisions_come_newest_first_with_their_reasons() {
    let mut story = Story::held();
    story.propose("p1", Some(Ruling::Deny(reasons())));
    let answer = explained(&story);
    let denied = &answer.decisions[0];
    assert!(denied.decision.starts_with("denied: boundary billing"), "{}", denied.decision);
    assert_eq!(denied.reasons.len(), 2);
    assert_eq!(denied.reasons[1].rule, "billing/max_amount");
    let sequences: Vec<u64> = answer.decisions.iter().map(|found| found.sequence).collect();
    assert!(sequences.is_sorted_by(|one, other| one > other), "{sequences:?}");
    assert!(answer.decisions.iter().all(|found| !found.decision.contains("progress")));
}

#[test]
fn at_most_twenty_decisions_are_told() {
    let mut story = Story::held();
    for number in 0..15 {
        story.propose(&format!("p{number}"), Some(Ruling::Deny(reasons())));
    }
    assert_eq!(explained(&story).decisions.len(), 20);
}

#[test]
fn a_resolved_case_needs_nobody() {
    let mut story = Story::taken();
    story.look(Some("ana"), Some("done"));
    let answer = explained(&story);
    assert!(answer.headline.starts_with("Resolved as done by ana"), "{}", answer.headline);
    assert!(answer.next_moments.is_empty());
}

#[test]
fn what_people_do_not_hold_is_an_alarm() {
    let mut story = Story::held();
    story.now += belay_domain::Span::from_secs(600);
    let answer = explain(&story.case, &[], story.now);
    assert!(answer.headline.starts_with("NOBODY has held the case since"), "{}", answer.headline);
}

#[test]
fn a_write_under_way_says_what_is_waited_for() {
    let mut story = Story::held();
    story.propose("p1", Some(Ruling::Allow));
    let answer = explained(&story);
    assert!(
        answer.owed.iter().any(|owed| owed.what == "carry out refund@2, attempt 1"),
        "{:?}",
        answer.owed
    );
    assert!(
        answer
            .next_moments
            .iter()
            .any(|next| next.what == "an answer about attempt 1 of refund@2 is due")
    );
    story.carry_out(ReadBack::Applied { shown: "{}".to_owned() });
    assert_eq!(explained(&story).next_moments.len(), 1, "only the lease is left");
}

fn explained(story: &Story) -> v1::ExplainCaseResponse {
    explain(&story.case, &story.stored(), story.now)
}
