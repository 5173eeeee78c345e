//! Both directions of every kind of finding.

use super::*;
use crate::TicketFacts;

#[test]
fn two_sides_that_agree_find_nothing() {
    check("seen T1 c/e1/r1s1; leaving T2 c/e1/r1s2", "T1 c/e1/r1s1; T2 c/e1/r1s2", "");
    check("placing - c/e1/r1s1; asked T2 d/e1/r1s1", "", "");
}

#[test]
fn a_ticket_that_was_seen_and_is_not_shown_is_a_ghost() {
    check("seen T1 c/e1/r1s1", "", "the ticket T1 of c/e1/r1s1 is not there");
    // What was never seen may take its time to show, and what is over may be closed.
    check("asked T1 c/e1/r1s1; leaving T2 c/e1/r1s2; told T3 c/e1/r1s2", "", "");
    // One with the same id for another step is another system's, or another's mark.
    check(
        "seen T1 c/e1/r1s1",
        "T1 c/e2/r1s1",
        "the ticket T1 of c/e2/r1s1, whose step is over; the ticket T1 of c/e1/r1s1 is not there",
    );
}

#[test]
fn a_ticket_that_nobody_waits_for_is_an_orphan() {
    check("", "T1 c/e1/r1s1", "the ticket T1 of c/e1/r1s1, whose step is over");
    check("", "T1 x/e1/r1s1", "the ticket T1 of x/e1/r1s1, whose case is not known here");
    check("", "T1 nonsense", "the ticket T1 of nonsense, whose case is not known here");
    check(
        "told T1 c/e1/r1s1",
        "T1 c/e1/r1s1 by=ann",
        "the ticket T1 of c/e1/r1s1, whose people know that it is over, is still open; ann holds it",
    );
}

#[test]
fn a_second_ticket_for_a_step_is_a_fork_whoever_holds_it() {
    let second = "the ticket T2 is a second one for c/e1/r1s1, besides T1";
    check("seen T1 c/e1/r1s1", "T1 c/e1/r1s1; T2 c/e1/r1s1", second);
    check("asked T1 c/e1/r1s1", "T2 c/e1/r1s1", second);
    let held = format!("{second}; ann holds it");
    check("seen T1 c/e1/r1s1", "T1 c/e1/r1s1; T2 c/e1/r1s1 by=ann", &held);
    // While the step's ticket is being placed, any of them may be it.
    check("placing - c/e1/r1s1", "T1 c/e1/r1s1; T2 c/e1/r1s1", "");
}

#[test]
fn what_people_changed_is_a_drift() {
    let seen = "seen T1 c/e1/r1s1";
    check(
        seen,
        "T1 c/e1/r1s1 queue=second",
        r#"the queue of the ticket T1 of c/e1/r1s1 was changed to "second""#,
    );
    check(
        seen,
        "T1 c/e1/r1s1 case=none",
        r#"the case of the ticket T1 of c/e1/r1s1 was changed to "none""#,
    );
    check(
        seen,
        "T1 c/e1/r1s1 subject=mine priority=low",
        r#"the subject of the ticket T1 of c/e1/r1s1 was changed to "mine"; the priority of the ticket T1 of c/e1/r1s1 was changed to "low""#,
    );
    // On a ticket that is over people do as they like.
    check("leaving T1 c/e1/r1s1", "T1 c/e1/r1s1 queue=second", "");
}

#[test]
fn each_change_is_told_to_the_case_once_and_also_when_it_is_changed_back() {
    let seen = "seen T1 c/e1/r1s1";
    news(seen, "T1 c/e1/r1s1", "");
    news(seen, "T1 c/e1/r1s1 subject=mine", "the subject of T1: ours to mine");
    news(&format!("{seen} subject:ours:mine"), "T1 c/e1/r1s1 subject=mine", "");
    let back = "the subject of T1: ours to ours";
    news(&format!("{seen} subject:ours:mine"), "T1 c/e1/r1s1", back);
    news(&format!("{seen} subject:ours:ours"), "T1 c/e1/r1s1", "");
    // What the case knows to have been before goes before what this process saw first.
    news(&format!("{seen} subject:old:ours"), "T1 c/e1/r1s1", "");
    let again = "the queue of T1: first to second; the subject of T1: old to mine";
    let shown = "T1 c/e1/r1s1 subject=mine queue=second";
    news(&format!("{seen} subject:old:ours"), shown, again);
    check(
        &format!("{seen} subject:old:ours"),
        "T1 c/e1/r1s1",
        r#"the subject of the ticket T1 of c/e1/r1s1 was changed to "ours""#,
    );
    // On a ticket that is over people do as they like.
    news("leaving T1 c/e1/r1s1", shown, "");
}

#[track_caller]
fn news(believed_side: &str, shown_side: &str, expected: &str) {
    let believed: Vec<_> = parts(believed_side).map(believed).collect();
    let shown: Vec<_> = parts(shown_side).map(shown).collect();
    let told: Vec<_> = changed(&believed, &shown, &|_| Some(face()))
        .into_iter()
        .map(|one| format!("{} of {}: {} to {}", one.field, one.ticket, one.was, one.now))
        .collect();
    assert_eq!(told.join("; "), expected);
}

#[test]
fn a_ghost_is_one_only_if_a_read_says_so() {
    let seen = believed("seen T1 c/e1/r1s1");
    let ghost = Discrepancy::Ghost { correlation: id("c/e1/r1s1"), ticket: id("T1") };
    let read = |ticket| absent(&seen, &Reading { ticket, queue: None });
    assert_eq!(read(TicketReading::Missing), Some(ghost.clone()));
    assert_eq!(read(TicketReading::Unreadable { detail: "down".to_owned() }), None);
    let present = |correlation: Option<&str>, standing| {
        read(TicketReading::Present(Box::new(facts(correlation, standing))))
    };
    let ours = Some("c/e1/r1s1");
    assert_eq!(present(ours, Standing::Open), None);
    assert_eq!(present(ours, Standing::Resolved), None);
    assert_eq!(present(ours, Standing::Deleted), Some(ghost.clone()));
    assert_eq!(present(ours, Standing::Merged { into: id("T9") }), Some(ghost));
    let unmarked = present(None, Standing::Open).unwrap();
    assert_eq!(
        unmarked.to_string(),
        r#"our mark of the ticket T1 of c/e1/r1s1 was changed to "none""#
    );
}

#[test]
fn nobody_fights_a_person_and_strangers_are_left_alone() {
    let remedies = Remedies::default();
    let told = |believed: &str, shown: &str| {
        let found = found(believed, shown);
        found.iter().map(|found| remedies.remedy(found)).collect::<Vec<_>>()
    };
    assert_eq!(told("seen T1 c/e1/r1s1", ""), [Remedy::ReadAgain]);
    assert_eq!(told("", "T1 c/e1/r1s1"), [Remedy::Withdraw]);
    assert_eq!(told("asked T1 c/e1/r1s1", "T2 c/e1/r1s1 by=ann"), [Remedy::Withdraw]);
    assert_eq!(told("", "T1 x/e1/r1s1"), [Remedy::Report]);
    assert_eq!(told("told T1 c/e1/r1s1", "T1 c/e1/r1s1 by=ann"), [Remedy::Report]);
    assert_eq!(told("seen T1 c/e1/r1s1", "T1 c/e1/r1s1 queue=second"), [Remedy::Report]);
}

#[test]
fn a_correlation_names_the_case_it_was_made_for() {
    let case = |text: &str| id::<Correlation>(text).case().map(|case| case.to_string());
    assert_eq!(case("c/e1/r1s1").as_deref(), Some("c"));
    assert_eq!(case("2026/e7/e1/r12s3x2").as_deref(), Some("2026/e7"));
    assert_eq!(case("nonsense"), None);
    assert_eq!(case("c/r1s1"), None);
}

#[track_caller]
fn check(believed: &str, shown: &str, expected: &str) {
    let told: Vec<_> = found(believed, shown).iter().map(ToString::to_string).collect();
    assert_eq!(told.join("; "), expected);
}

/// The journal knows the cases `c` and `d`.
fn found(believed_side: &str, shown_side: &str) -> Vec<Discrepancy> {
    let believed: Vec<_> = parts(believed_side).map(believed).collect();
    let shown: Vec<_> = parts(shown_side).map(shown).collect();
    let known = |case: &CaseId| ["c", "d"].contains(&case.as_str());
    reconcile(&believed, &shown, &known, &|_| Some(face()))
}

fn face() -> Face {
    Face { subject: Some("ours".to_owned()), priority: Some("high".to_owned()) }
}

fn parts(side: &str) -> impl Iterator<Item = &str> {
    side.split(';').map(str::trim).filter(|part| !part.is_empty())
}

/// `seen T1 c/e1/r1s1 subject:ours:mine`.
fn believed(text: &str) -> Believed {
    let words: Vec<&str> = text.split_whitespace().collect();
    let correlation: Correlation = id(words[2]);
    Believed {
        case: correlation.case().unwrap(),
        escalation: id(words[2].rsplit_once('/').unwrap().0),
        correlation,
        queue: QueueRef { system: id("itsm"), queue: id("first") },
        ticket: (words[1] != "-").then(|| id(words[1])),
        belief: match words[0] {
            "placing" | "asked" => Belief::Asked,
            "seen" => Belief::Seen,
            "leaving" => Belief::Leaving,
            "told" => Belief::Told,
            other => panic!("no such belief: {other}"),
        },
        drifted: words[3..].iter().map(|word| drift(word)).collect(),
    }
}

/// `subject:ours:mine`: what the case knows to have been changed.
fn drift(text: &str) -> Drift {
    let words: Vec<&str> = text.split(':').collect();
    let field = match words[0] {
        "queue" => Drifted::Queue,
        "subject" => Drifted::Subject,
        "priority" => Drifted::Priority,
        other => panic!("no such field: {other}"),
    };
    Drift { field, was: words[1].to_owned(), now: words[2].to_owned(), times: 1 }
}

/// `T1 c/e1/r1s1 by=ann queue=second case=none subject=mine priority=low`.
fn shown(text: &str) -> OurTicket {
    let words: Vec<&str> = text.split_whitespace().collect();
    let value = |name: &str| {
        words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    };
    let correlation: Correlation = id(words[1]);
    OurTicket {
        ticket: id(words[0]),
        case: if value("case").is_some() { None } else { correlation.case() },
        correlation,
        queue: Some(id(&value("queue").unwrap_or_else(|| "first".to_owned()))),
        holder: value("by").map(|by| id(&by)),
        subject: Some(value("subject").unwrap_or_else(|| "ours".to_owned())),
        priority: Some(value("priority").unwrap_or_else(|| "high".to_owned())),
    }
}

fn facts(correlation: Option<&str>, standing: Standing) -> TicketFacts {
    TicketFacts {
        ticket: id("T1"),
        case: Some(id("c")),
        correlation: correlation.map(id),
        queue: id("first"),
        standing,
        revision: 1,
        holder: None,
        acts: Vec::new(),
        resolution: None,
    }
}

#[track_caller]
fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no id"))
}
