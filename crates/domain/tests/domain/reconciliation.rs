//! What a case believes of its tickets, and what becomes of those that reconciliation finds.

use belay_domain::Belief;

use crate::script::Story;

#[test]
fn a_case_knows_every_ticket_it_ever_asked_for() {
    let mut story = Story::new();
    told(&mut story, "0 open people", "c/e1/r1s1 - Asked");
    told(&mut story, "1 placed e1/r1s1 T1", "c/e1/r1s1 T1 Asked");
    told(&mut story, "2 look e1/r1s1", "c/e1/r1s1 T1 Seen");
    told(&mut story, "40 tick", "c/e1/r1s2 - Asked, c/e1/r1s1 T1 Leaving");
    told(&mut story, "41 told e1/r1s1 T1", "c/e1/r1s2 - Asked, c/e1/r1s1 T1 Told");
}

#[test]
fn a_second_ticket_is_withdrawn_once_and_the_first_one_stays() {
    let mut story = Story::new();
    told(&mut story, "0 open people", "c/e1/r1s1 - Asked");
    story.tell("1 placed e1/r1s1 T1");
    story.tell("2 look e1/r1s1 rev=2 taken=ann");
    told(&mut story, "3 placed e1/r1s1 T2", "c/e1/r1s1 T1 Seen, c/e1/r1s1 T2 Leaving");
    assert_eq!(story.tell("3 owes"), "c/e1/r1s1/watch, c/e1/r1s1/withdraw/T2");
    told(&mut story, "4 told e1/r1s1 T2", "c/e1/r1s1 T1 Seen, c/e1/r1s1 T2 Told");
    assert_eq!(story.tell("5 coverage"), "covered by ann of itsm/first until 22");
    // A list that shows it still does not have its people told again.
    assert_eq!(story.tell("6 placed e1/r1s1 T2"), "-");
    assert_eq!(story.tell("6 owes"), "c/e1/r1s1/watch");
}

#[test]
fn what_was_changed_by_hand_is_kept_once_and_changes_nothing_else() {
    let mut story = Story::new();
    for line in ["0 open people", "1 placed e1/r1s1 T1", "2 look e1/r1s1 rev=2 taken=ann"] {
        story.tell(line);
    }
    let coverage = story.tell("3 coverage");
    assert_eq!(story.tell("3 drifted e1/r1s1 T1 subject late paid"), "ticket_drifted");
    assert_eq!(story.tell("4 drifted e1/r1s1 T1 subject late paid"), "-");
    // Also for a process that saw it changed already when it first looked.
    assert_eq!(story.tell("4 drifted e1/r1s1 T1 subject paid paid"), "-");
    assert_eq!(story.tell("5 drifted e1/r1s1 T1 subject late late"), "ticket_drifted");
    assert_eq!(story.tell("6 drifted e1/r1s1 T1 subject late late"), "-");
    assert_eq!(story.tell("6 drifted e1/r1s1 T1 queue first second"), "ticket_drifted");
    assert_eq!(story.tell("7 drifted e1/r1s1 T2 subject late paid"), "-", "another ticket");
    assert_eq!(story.tell("7 drifted e1/r1s2 T1 subject late paid"), "-", "another step");
    assert_eq!(story.tell("7 coverage"), coverage);
    let known = &story.case.tickets()[0].drifted;
    let known: Vec<_> = known.iter().map(|one| (one.was.as_str(), one.now.as_str())).collect();
    assert_eq!(known, [("late", "late"), ("first", "second")]);
}

#[test]
fn a_rule_that_goes_on_changing_a_ticket_does_not_fill_the_journal() {
    let mut story = Story::new();
    for line in ["0 open people", "1 placed e1/r1s1 T1", "2 look e1/r1s1 rev=2 taken=ann"] {
        story.tell(line);
    }
    let kept = (0..100).filter(|number| {
        story.tell(&format!("3 drifted e1/r1s1 T1 subject late v{number}")) == "ticket_drifted"
    });
    assert_eq!(kept.count(), 20);
}

#[track_caller]
fn told(story: &mut Story, line: &str, expected: &str) {
    let answer = story.tell(line);
    assert!(!answer.starts_with("refused"), "{line}: {answer}");
    let ticket = |one: &belay_domain::Believed| {
        let ticket = one.ticket.as_ref().map_or("-", |ticket| ticket.as_str());
        let belief = match one.belief {
            Belief::Asked => "Asked",
            Belief::Seen => "Seen",
            Belief::Leaving => "Leaving",
            Belief::Told => "Told",
        };
        format!("{} {ticket} {belief}", one.correlation)
    };
    let tickets: Vec<_> = story.case.tickets().iter().map(ticket).collect();
    assert_eq!(tickets.join(", "), expected, "{line}");
}
