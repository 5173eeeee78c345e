use belay_api::v1;
use belay_domain::{Actor, Command, Contact, EventKind, ReadBack, Ruling, VotesChoice};
use belay_journal::CaseRow;

use super::*;
use crate::wire::testbed::{Story, id, reasons};

#[test]
fn a_new_case_is_pending_and_says_for_whom() {
    let story = Story::opened();
    let wire = case(&story.case, story.now);
    let summary = wire.summary.unwrap();
    assert_eq!((summary.id.as_str(), summary.tenant.as_str()), ("c-0123456789abcdef", "acme"));
    assert_eq!(summary.severity(), v1::Severity::High);
    assert_eq!(summary.labels["shop"], "north");
    assert_eq!(summary.coverage(), v1::CoverageKind::Pending);
    assert_eq!(summary.coverage_until, None, "nobody covers it");
    assert_eq!(summary.uncovered_since, Some(time(story.now)));
    assert_eq!(wire.opened_by.unwrap().kind(), v1::ActorKind::Person);
    assert_eq!(wire.contacts[0].request_id, "r-1");
    let Some(v1::coverage::Coverage::Pending(pending)) = wire.coverage.unwrap().coverage else {
        panic!("it is pending")
    };
    let Some(v1::pending::Asking::Search(search)) = pending.asking else { panic!("searching") };
    let role = v1::handoff_target::Target::Role("billing".to_owned());
    assert_eq!(search.target.unwrap().target, Some(role));
    assert!(wire.routing.is_some() && wire.resolution.is_none());
}

#[test]
fn the_digest_on_the_wire_is_that_of_the_entries_on_the_wire() {
    let story = Story::opened();
    let wire = case(&story.case, story.now);
    assert_eq!(wire.context.len(), 1);
    assert_eq!(wire.context[0].ordinal, 1);
    assert_eq!(wire.context_digest, story.case.context.digest().to_string());
}

#[test]
fn a_held_case_says_until_when() {
    let story = Story::held();
    let wire = coverage(&story.case, story.now);
    let Some(v1::coverage::Coverage::CoveredByAgent(cover)) = wire.coverage else {
        panic!("it is covered")
    };
    assert_eq!((cover.agent_id.as_str(), cover.epoch), ("billing-1", 1));
    assert_eq!(cover.valid_until.unwrap().seconds, story.now.as_second() + 600);
    assert_eq!(wire.as_of, Some(time(story.now)));
}

#[test]
fn a_cover_whose_time_is_over_is_shown_as_uncovered() {
    let story = Story::held();
    let later = story.now + belay_domain::Span::from_secs(600);
    assert_eq!(summary(&story.case, later).coverage(), v1::CoverageKind::Uncovered);
    let covered = CaseRow {
        coverage: CaseRow::COVERED.to_owned(),
        covered_until: Some(later),
        ..CaseRow::default()
    };
    assert_eq!(row(&covered, story.now).coverage(), v1::CoverageKind::Covered);
    assert_eq!(row(&covered, later).coverage(), v1::CoverageKind::Uncovered);
    assert_eq!(row(&covered, later).uncovered_since, Some(time(later)));
    assert_eq!(row(&covered, later).coverage_until, None);
}

#[test]
fn a_person_s_cover_shows_its_evidence() {
    let story = Story::taken();
    let wire = coverage(&story.case, story.now);
    let Some(v1::coverage::Coverage::CoveredByPerson(cover)) = wire.coverage else {
        panic!("it is covered")
    };
    assert_eq!(cover.person, "ana");
    let evidence = cover.evidence.unwrap();
    assert_eq!(evidence.level(), v1::EvidenceLevel::E4Acknowledged);
    assert_eq!((evidence.system.as_str(), evidence.queue.as_str()), ("desk", "second-level"));
    assert_eq!(evidence.sent_at, Some(time(story.now)));
    assert_eq!(cover.valid_until, evidence.valid_until);
    let wire = case(&story.case, story.now);
    assert_eq!(wire.summary.unwrap().owner, "desk/second-level");
}

#[test]
fn an_escalation_shows_its_step_and_who_has_it() {
    let story = Story::escalated();
    let found = story.case.takeover().unwrap();
    let wire = escalation(&story.case.id, found);
    assert_eq!(wire.state(), v1::EscalationState::Routed);
    assert_eq!(
        (wire.purpose(), wire.cause()),
        (v1::EscalationPurpose::Takeover, v1::EscalationCause::Asked)
    );
    assert_eq!(wire.detail, "the customer is angry");
    assert_eq!(wire.steps, 2);
    let step = wire.step.unwrap();
    assert_eq!((step.round, step.number, step.queue.as_str()), (1, 1, "second-level"));
    assert!(step.correlation_id.ends_with("/e1/r1s1"), "{}", step.correlation_id);
    assert_eq!((wire.ticket_id.as_str(), wire.acknowledgement), ("desk-1", None));
    assert!(wire.until.is_some());

    let story = Story::taken();
    let wire = escalation(&story.case.id, story.case.takeover().unwrap());
    assert_eq!(wire.state(), v1::EscalationState::Acknowledged);
    assert_eq!(wire.acknowledgement.unwrap().person, "ana");

    let mut story = Story::taken();
    story.look(Some("ana"), Some("done"));
    let wire = case(&story.case, story.now);
    assert_eq!(wire.escalations[0].resolved_by, "ana");
    assert_eq!(wire.escalations[0].resolution_code, "done");
    assert_eq!(wire.escalations[0].until, None);
    let resolution = wire.resolution.unwrap();
    assert_eq!((resolution.code.as_str(), resolution.note.as_str()), ("done", "called them back"));
    assert_eq!(resolution.by.unwrap().id, "ana");
    assert_eq!(wire.summary.unwrap().state(), v1::CaseState::Resolved);
}

#[test]
fn an_action_is_shown_with_everything_that_ruled_it() {
    let story = Story::asking();
    let wire = action(&story.case.id, story.action());
    assert_eq!(wire.state(), v1::ActionState::AwaitingApproval);
    assert_eq!((wire.contract_id.as_str(), wire.tier, wire.live), ("refund@2", 2, true));
    assert_eq!(wire.executor(), v1::Executor::Supervisor);
    assert_eq!(wire.amount, Some(v1::Money { currency_code: "EUR".to_owned(), minor_units: 1250 }));
    assert_eq!(wire.policies, ["refunds-need-leads"]);
    assert_eq!(wire.plan, "make-good");
    assert_eq!(wire.provenance[0].source(), v1::ProvenanceSource::SystemOfRecord);
    assert_eq!(wire.next_moment.unwrap().seconds, story.now.as_second() + 900);
    assert_eq!(plan(story.case.plans.values().next().unwrap(), &story.case).action_ids, [wire.id]);
}

#[test]
fn an_action_that_is_not_ruled_yet_shows_nothing_of_a_ruling() {
    let mut story = Story::held();
    story.propose("p1", None);
    let wire = action(&story.case.id, story.action());
    assert_eq!(wire.state(), v1::ActionState::Proposed);
    assert_eq!(wire.executor(), v1::Executor::Unspecified);
    assert_eq!((wire.playbook_version.as_str(), wire.idempotency_key.as_str()), ("", ""));
    assert!(wire.next_moment.is_some());
}

#[test]
fn a_denied_action_gives_every_reason() {
    let mut story = Story::held();
    story.propose("p1", Some(Ruling::Deny(reasons())));
    let wire = action(&story.case.id, story.action());
    assert_eq!(wire.state(), v1::ActionState::Denied);
    let kinds: Vec<_> = wire.reasons.iter().map(v1::Reason::kind).collect();
    assert_eq!(kinds, [v1::ReasonKind::Boundary, v1::ReasonKind::Limit]);
    assert_eq!(
        (wire.reasons[1].rule.as_str(), wire.reasons[1].field.as_str()),
        ("billing/max_amount", "/amount")
    );
    assert_eq!(wire.next_moment, None);
}

#[test]
fn what_a_write_did_is_shown_where_it_stands() {
    let mut story = Story::held();
    story.propose("p1", Some(Ruling::Allow));
    story.carry_out(ReadBack::Applied { shown: r#"{"refunded":true}"#.to_owned() });
    let wire = action(&story.case.id, story.action());
    assert_eq!(wire.state(), v1::ActionState::Verified);
    assert_eq!((wire.shown_json.as_str(), wire.output_json.as_str()), (r#"{"refunded":true}"#, ""));

    let mut story = Story::held();
    story.propose("p1", Some(Ruling::Allow));
    story.carry_out(ReadBack::Different { difference: "2500 instead of 1250".to_owned() });
    let wire = action(&story.case.id, story.action());
    assert!(matches!(wire.state(), v1::ActionState::Diverged | v1::ActionState::Compensating));
}

#[test]
fn an_open_approval_shows_what_is_decided_on_and_who_may_not() {
    let mut story = Story::asking();
    story.approve("lena");
    let wire = approval(&story.case, story.action()).unwrap();
    assert_eq!(wire.state(), v1::ApprovalState::Requested);
    assert_eq!((wire.quorum, wire.groups), (2, vec!["leads".to_owned()]));
    assert_eq!(wire.votes.len(), 1);
    assert_eq!(
        (wire.votes[0].person.as_str(), wire.votes[0].note.as_str()),
        ("lena", "fine by lena")
    );
    assert_eq!(wire.excluded, ["olga", "otto"], "by the playbook, and because he opened the case");
    assert_eq!(wire.shown, "amount: 12.50 EUR\norder: p1");
    assert_eq!(wire.justification, "please believe me");
    assert_eq!(wire.requested_at, Some(time(story.now)));
    assert_eq!(wire.id, story.action().id.as_str());
    assert_eq!(wire.shown_digest.len(), 64);
}

#[test]
fn how_an_approval_went_is_read_from_the_events() {
    let check = |story: &Story, state: v1::ApprovalState, votes: &[(&str, v1::ApprovalVerdict)]| {
        let found = record(&story.events, &story.action().id).unwrap();
        let wire = found.on_wire(&story.case, story.action());
        assert_eq!(wire.state(), state);
        let said: Vec<_> =
            wire.votes.iter().map(|vote| (vote.person.as_str(), vote.verdict())).collect();
        assert_eq!(said, votes);
        assert_eq!(wire.shown, "amount: 12.50 EUR\norder: p1", "what was decided on");
    };
    let (yes, no) = (v1::ApprovalVerdict::Approve, v1::ApprovalVerdict::Reject);

    let mut story = Story::asking();
    story.approve("lena").approve("lars");
    check(&story, v1::ApprovalState::Approved, &[("lena", yes), ("lars", yes)]);
    assert_eq!(approval(&story.case, story.action()), None, "nobody is asked any more");

    let mut story = Story::asking();
    story
        .approve("lena")
        .decide("lars", VotesChoice::Reject { code: Some(id("no-proof")), note: "no".to_owned() });
    check(&story, v1::ApprovalState::Rejected, &[("lena", yes), ("lars", no)]);
    let wire = action(&story.case.id, story.action());
    assert_eq!(wire.rejected_by.unwrap().id, "lars");
    assert_eq!(wire.detail, "no");

    let mut story = Story::asking();
    let input = r#"{"amount":1}"#.to_owned();
    let assess_until = story.now + belay_domain::Span::from_secs(30);
    let less = VotesChoice::Amend { input, note: "less".to_owned(), assess_until };
    story.decide("lena", less);
    let amended = v1::ApprovalVerdict::Amend;
    check(&story, v1::ApprovalState::Amended, &[("lena", amended)]);

    let mut story = Story::asking();
    story.wait(901);
    let found = record(&story.events, &story.action().id).unwrap();
    assert!(matches!(found.state, v1::ApprovalState::Expired | v1::ApprovalState::Superseded));

    let mut story = Story::held();
    story.propose("p1", Some(Ruling::Allow));
    assert_eq!(record(&story.events, &story.action().id), None, "people were never asked");
}

#[test]
fn every_event_is_told_in_one_line() {
    let mut story = Story::asking();
    story.approve("lena").approve("lars");
    story.carry_out(ReadBack::Applied { shown: "{}".to_owned() });
    let mut taken = Story::taken();
    // The evidence grows old, and then nobody of the next queue is reached either.
    taken.wait(61).wait(200).wait(600);
    for event in story.events.iter().chain(&taken.events) {
        let told = told(&story.case.id, &event.kind);
        assert!(!told.description.is_empty() && !told.description.contains('\n'), "{event:?}");
        assert!(told.about.starts_with("c-0123456789abcdef"), "{event:?}");
    }
    let acknowledged = taken
        .events
        .iter()
        .find(|event| matches!(event.kind, EventKind::EscalationAcknowledged { .. }));
    let told = told(&taken.case.id, &acknowledged.unwrap().kind);
    assert_eq!(told.description, "ana of desk/second-level took it (E4)");
    assert_eq!(told.by.unwrap().id, "ana");
    assert!(told.about.ends_with("/e1"));
}

#[test]
fn a_long_text_does_not_make_a_long_line() {
    let reason = format!("first\nsecond {}", "x".repeat(1000));
    let event = EventKind::CaseReleased { agent: id("a"), epoch: belay_domain::Epoch(2), reason };
    let told = told(&id("c-1"), &event);
    assert!(told.description.starts_with("a let go: first second xxx"), "{}", told.description);
    assert_eq!(told.description.chars().count(), 501);
}

#[test]
fn the_journal_s_events_are_shown_byte_for_byte() {
    let story = Story::held();
    let stored = story.stored();
    let wire = journal_event(&stored[0]);
    assert_eq!(wire.body_json.as_bytes(), stored[0].body);
    assert_eq!((wire.position, wire.sequence, wire.hash.len()), (101, 1, 32));
    assert_eq!(
        (wire.event.as_str(), wire.description.as_str()),
        ("case_opened", "opened: charged twice")
    );
    let update = case_update(&stored[0], Some(summary(&story.case, story.now)));
    assert_eq!(
        (update.about.as_str(), update.by.unwrap().id.as_str()),
        ("c-0123456789abcdef", "otto")
    );
}

#[test]
fn an_event_of_a_newer_version_is_shown_and_not_described() {
    let mut stored = Story::opened().stored().remove(0);
    stored.kind = "case_painted".to_owned();
    stored.body =
        br#"{"event":"case_painted","at":"2026-05-04T08:00:00Z","colour":"red"}"#.to_vec();
    let wire = journal_event(&stored);
    assert_eq!((wire.event.as_str(), wire.description.as_str()), ("case_painted", "case_painted"));
}

#[test]
fn moments_before_1970_have_positive_nanoseconds() {
    let at = "1969-12-31T23:59:59.5Z".parse().unwrap();
    assert_eq!(time(at), prost_types::Timestamp { seconds: -1, nanos: 500_000_000 });
}

#[test]
fn references_become_actors() {
    let kinds = ["agent:a", "person:p", "program:t", "belay"].map(|text| actor(text).kind());
    let expected = [
        v1::ActorKind::Agent,
        v1::ActorKind::Person,
        v1::ActorKind::Tool,
        v1::ActorKind::Supervisor,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(actor(&Actor::Person(id("x:y")).reference()).id, "x:y");
}

#[test]
fn actions_stand_in_the_order_of_their_numbers() {
    let mut story = Story::held();
    for number in 1..=11 {
        story.propose(&format!("p{number}"), Some(Ruling::Deny(reasons())));
    }
    let wire = case(&story.case, story.now);
    let ids: Vec<_> =
        wire.actions.iter().map(|found| found.id.rsplit('/').next().unwrap()).collect();
    assert_eq!(ids, ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11"]);
}

#[test]
fn a_second_report_is_listed() {
    let mut story = Story::opened();
    story.tell(Command::LinkContact {
        request: id("r-2"),
        channel: "phone".to_owned(),
        context: Vec::new(),
        severity: None,
    });
    let Contact { request, channel, .. } = &story.case.contacts[1];
    let wire = case(&story.case, story.now);
    assert_eq!(
        (wire.contacts[1].request_id.as_str(), &wire.contacts[1].channel),
        (request.as_str(), channel)
    );
}

#[test]
fn what_reviewers_ask_name_and_take_over_is_told_and_shown() {
    let mut story = Story::asking();
    story.decide("lena", VotesChoice::Ask { question: "which order?".to_owned() });
    let (action, question) = (story.action().id.clone(), 1);
    let by = Actor::Person(id("otto"));
    let text = "the second".to_owned();
    story.tell(Command::AnswerQuestion { action: action.clone(), question, by, text });
    let note = "on holiday".to_owned();
    story.decide("lena", VotesChoice::Delegate { to: id("lars"), note });
    let open = super::approval(&story.case, story.action()).unwrap();
    story.decide("lars", VotesChoice::TakeOver { note: "fraud".to_owned() });
    let told: Vec<String> = story
        .events
        .iter()
        .map(|event| super::told(&story.case.id, &event.kind).description)
        .collect();
    for line in [
        "lena asks, question 1: which order?",
        "otto answers question 1: the second",
        "lena names lars to look instead: on holiday",
        "lars took the case over instead: fraud",
        "withdrawn: lars took the case out of the agent's hands",
        "lars took the case out of the agent's hands: fraud",
        "people are asked to take the case: lars took it from its agent: fraud, by takeover",
    ] {
        assert!(told.iter().any(|known| known == line), "{line:?} is not in {told:#?}");
    }
    let record = super::record(&story.events, &action).unwrap();
    let over = record.on_wire(&story.case, story.action());
    assert_eq!(over.state(), v1::ApprovalState::Superseded);
    assert_eq!((&over.questions, &over.delegations), (&open.questions, &open.delegations));
    assert_eq!(over.questions[0].reply.as_ref().unwrap().by.as_ref().unwrap().id, "otto");
    assert_eq!(over.votes.last().unwrap().verdict(), v1::ApprovalVerdict::TakeOver);
    assert_eq!(over.reason_codes, ["no-proof"]);
}
