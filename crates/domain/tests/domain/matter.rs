//! What a case is about: opened once, added to, resolved when nothing is in the air.

use belay_domain::{Case, Command, Digest, EventKind, Severity, Status, decide, replay};

use crate::script::{Story, check};
use crate::terms::{at, id};

#[test]
fn a_matter_is_opened_once_and_reported_often() {
    check(
        "0 open -> case_opened, context_added, routing_started
         1 open -> -
         1 open request=q2 -> refused ALREADY_OPEN
         2 contact q2 -> contact_linked
         2 contact q2 -> -
         2 open request=q2 -> -
         3 resolve ann -> case_resolved
         4 open -> -
         4 open request=q3 -> refused ALREADY_OPEN
         4 know ann more -> refused CASE_CLOSED",
    );
}

#[test]
fn a_report_that_is_linked_loses_nothing_and_changes_no_holder() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 contact q2 says=twice says=please severity=critical -> contact_linked, context_added, context_added, case_amended
         3 owner -> agent A @1
         3 coverage -> covered by A until 17
         4 contact q2 says=again severity=critical -> -
         5 contact q3 severity=low -> contact_linked
         6 contact q4 severity=critical -> contact_linked
         7 resolve A -> case_resolved
         8 contact q5 says=late -> refused CASE_CLOSED",
    );
}

#[test]
fn a_report_that_is_linked_covers_nothing() {
    check(
        "0 open people
         1 contact q2 says=hello -> contact_linked, context_added
         1 coverage -> pending until 10
         10 tick
         20 tick
         21 contact q3 says=hello -> contact_linked, context_added
         21 coverage -> uncovered since 0: nobody answered the escalation c/e1
         21 owes -> nothing",
    );
}

#[test]
fn a_matter_that_is_reported_without_end_keeps_what_was_reported_so_far() {
    let mut story = crate::script::Story::new();
    story.tell("0 open");
    for number in 2..=256 {
        assert_eq!(story.tell(&format!("1 contact q{number}")), "contact_linked");
    }
    assert_eq!(story.tell("1 contact q257 says=more"), "-");
    assert_eq!(story.case.contacts.len(), 256);
}

#[test]
fn a_case_can_be_renamed() {
    check(
        "0 open
         1 amend charged-thrice -> case_amended
         1 amend -> -",
    );
}

#[test]
fn only_the_owner_among_agents_adds_to_what_is_known() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 know A more -> context_added
         3 know B more -> refused NOT_OWNER
         3 know A more @0 -> refused STALE_EPOCH
         3 know ann more -> context_added",
    );
}

#[test]
fn an_agent_resolves_what_it_owns_when_nothing_is_in_the_air() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 resolve B -> refused NOT_OWNER
         4 propose A p1 {} ask=1
         4 resolve A -> refused UNSETTLED_ACTIONS
         5 vote lea a1 no -> approval_ended, escalation_closed
         6 resolve A -> case_resolved",
    );
}

#[test]
fn a_person_may_resolve_a_case_whose_writes_have_not_been_sent() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 propose A p1 {} ask=1
         4 resolve ann -> approval_ended, escalation_closed, action_withdrawn, case_resolved",
    );
}

#[test]
fn not_even_a_person_resolves_a_case_whose_write_is_in_the_air_unless_told_of_it() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 propose A p1 {} by=supervisor
         4 resolve ann -> refused UNSETTLED_ACTIONS
         5 outcome a1 yes
         6 resolve ann -> refused UNSETTLED_ACTIONS
         30 tick -> lease_expired, routing_started, action_unresolved, context_added, escalation_opened, step_started
         30 action a1 -> executed
         31 resolve ann -> escalation_closed, case_resolved",
    );
}

#[test]
fn no_span_of_a_playbook_makes_a_case_spin_or_overflow() {
    use crate::terms::{asking, at, case_terms, id};
    use belay_domain::{Case, Command, EventKind, Span, apply, decide};
    for span in [Span::MIN, Span::from_secs(-1), Span::ZERO, Span::from_nanos(1), Span::MAX] {
        let mut takeover = asking();
        for step in &mut takeover.steps {
            (step.place_within, step.reach_within, step.acknowledge_within) = (span, span, span);
            (step.work_within, step.freshness, step.look_every) = (Some(span), span, span);
        }
        (takeover.backoff.first, takeover.backoff.most) = (span, span);
        let mut story = crate::script::Story::new();
        story.tell("0 open");
        let Some(EventKind::CaseOpened { .. }) = story.history.first().map(|event| &event.kind)
        else {
            panic!("a story starts with its case");
        };
        let mut opened = story.history[0].clone();
        if let EventKind::CaseOpened { terms, .. } = &mut opened.kind {
            **terms = case_terms();
            (terms.seek_within, terms.offer_within, terms.lease) = (span, span, span);
            terms.takeover = takeover;
        }
        let mut case = Case::unopened(id("c"));
        apply(&mut case, &opened);
        for second in 0..20 {
            let offered = Command::Offer { to: id("A") };
            for command in [Command::Tick, offered, Command::NoCandidate] {
                let Ok(events) = decide(&case, &command, at(second)) else { continue };
                assert!(events.len() < 100, "{span}: {} events at once", events.len());
                events.iter().for_each(|event| apply(&mut case, event));
            }
        }
        assert!(case.is_open());
    }
}

#[test]
fn what_a_person_left_with_a_resolution_is_known_with_where_it_came_from() {
    let mut story = crate::script::Story::new();
    for line in ["0 open people", "1 placed e1/r1s1 T1", "2 look e1/r1s1 rev=2 taken=ann"] {
        story.tell(line);
    }
    let told = story.tell("3 look e1/r1s1 rev=3 closed=ann:back");
    assert_eq!(told, "escalation_resolved, context_added, case_returned, routing_started");
    let entry = story.case.context.entries().last().expect("an entry");
    assert_eq!(entry.kind, "resolution");
    assert_eq!(entry.provenance.source, belay_domain::Source::Staff);
    assert_eq!(entry.provenance.reference, "person:ann ticket:itsm/T1");
    let known: serde_json::Value = serde_json::from_str(&entry.body).expect("JSON");
    assert_eq!(
        known,
        serde_json::json!({
            "code": "back", "note": "done", "links": [], "person": "ann",
            "system": "itsm", "queue": "first", "ticket": "T1",
        })
    );
}

#[test]
fn what_was_said_when_a_matter_was_opened_is_known_of_it() {
    let mut story = Story::new();
    story.tell("5 open by=opal");
    let mut history = story.history.clone();
    let fingerprint = Digest::of(b"the same matter");
    let label = ("region".to_owned(), "north".to_owned());
    if let EventKind::CaseOpened { fingerprint: known, labels, .. } = &mut history[0].kind {
        (*known, *labels) = (Some(fingerprint), vec![label.clone()]);
    }
    let case = replay(id("c"), &history[..1]);
    assert_eq!(case.status, Status::Open);
    assert_eq!(case.seq, 1);
    assert_eq!(case.tenant, Some(id("acme")));
    assert_eq!((case.subject.as_str(), case.kind.as_str()), ("charged twice", "billing"));
    assert_eq!((case.customer.as_str(), case.opened_by.as_str()), ("carl", "person:opal"));
    assert_eq!((case.fingerprint, case.labels), (Some(fingerprint), vec![label]));
    assert_eq!((case.opened_at, case.updated_at), (at(5), at(5)));
    assert!(case.ties.claimed, "other cases are told apart by it");
    assert!(!story.case.ties.claimed);
    assert_eq!(case.contacts.len(), 1);
    assert!(case.context.entries().is_empty());
}

#[test]
fn each_of_subject_severity_and_labels_can_be_amended_alone() {
    #[track_caller]
    fn amended(subject: Option<&str>, severity: Option<Severity>, labels: Option<&str>) -> Case {
        let mut story = Story::new();
        story.tell("0 open");
        let labels = labels.map(|name| vec![(name.to_owned(), "yes".to_owned())]);
        let command = Command::Amend { subject: subject.map(str::to_owned), severity, labels };
        let events = decide(&story.case, &command, at(1)).expect("amended");
        let said = subject.is_some() || severity.is_some() || command != nothing();
        assert_eq!(events.len(), usize::from(said));
        for event in &events {
            belay_domain::apply(&mut story.case, event);
        }
        story.case
    }
    fn nothing() -> Command {
        Command::Amend { subject: None, severity: None, labels: None }
    }
    let severity = |case: &Case| case.terms.as_ref().map(|terms| terms.severity);
    assert_eq!(amended(Some("late"), None, None).subject, "late");
    assert_eq!(severity(&amended(None, Some(Severity::Low), None)), Some(Severity::Low));
    assert_eq!(amended(None, None, Some("vip")).labels[0].0, "vip");
    assert_eq!(severity(&amended(None, None, None)), Some(Severity::Normal));
}
