//! The rules of the stream, kept over a real connection by a supervisor that really runs.

mod held;
mod line;
mod stage;

use std::time::Duration;

use belay_api::v1::connect_request::Message as Ask;
use belay_api::v1::connect_response::Message as Told;
use belay_api::v1::{self, ErrorReason, GoodbyeReason};
use line::Line;
use stage::Stage;
use tonic::Code;

#[tokio::test]
async fn an_agent_registers_takes_keeps_and_resolves_a_case() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    assert_eq!(line.registered.agent_id, "billing-1");
    assert_eq!(line.registered.roles, ["billing"]);
    let boundary = line.registered.boundary.clone().unwrap();
    assert!(boundary.contract_ids.contains(&"billing.refund@1".to_owned()));
    line.grant(32).await;

    let (case, epoch) = stage.give(&mut line, "r-1").await;
    line.send_passing(Ask::Progress(v1::Progress {
        case_id: case.clone(),
        epoch,
        note: "reading".to_owned(),
        context_digest: String::new(),
    }))
    .await;
    let renewed = line.expect(|told| matches!(told, Told::LeaseRenewed(_))).await;
    assert_eq!(renewed.message_id, 0);

    let added = line.ask(context("a-1", &case, epoch, "looked it up")).await;
    let Told::ContextUpdated(known) = added else { panic!("{added:?}") };
    assert_eq!(known.entries.len(), 1);
    assert_eq!(known.entries[0].provenance.as_ref().unwrap().reference, "agent:billing-1");

    let resolve = v1::ResolveCase {
        case_id: case,
        epoch,
        resolution_code: "resolved".to_owned(),
        note: "done".to_owned(),
    };
    for _ in 0..2 {
        let closed = line.ask(Ask::ResolveCase(resolve.clone())).await;
        let Told::CaseClosed(closed) = closed else { panic!("{closed:?}") };
        assert_eq!(closed.resolution.unwrap().by.unwrap().id, "billing-1");
    }
    stage.stop().await;
}

#[tokio::test]
async fn a_line_that_lives_renews_no_lease() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let (case, _) = stage.give(&mut line, "r-1").await;
    let held = stage.case(&case).await;
    // Long enough for a renewal to be worth writing down, shorter than the lease.
    for _ in 0..21 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        line.grant(1).await;
    }
    assert_eq!(stage.case(&case).await.owner, held.owner, "COV-7");
    stage.stop().await;
}

#[tokio::test]
async fn a_request_id_is_answered_once_and_not_used_for_something_else() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let (case, epoch) = stage.give(&mut line, "r-1").await;
    let first = line.ask(context("a-1", &case, epoch, "one")).await;
    let again = line.ask(context("a-1", &case, epoch, "one")).await;
    assert_eq!(first, again);
    let other = line.ask(context("a-1", &case, epoch, "two")).await;
    assert_eq!(reason(other), ErrorReason::KeyReused);
    assert_eq!(stage.case(&case).await.context.entries().len(), 2);
    stage.stop().await;
}

#[tokio::test]
async fn a_proposal_is_ruled_on_and_a_repeat_gets_the_same_ruling() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let (case, epoch) = stage.give(&mut line, "r-1").await;
    let propose = |input: &str| {
        Ask::Propose(v1::Propose {
            proposal_id: "p-1".to_owned(),
            case_id: case.clone(),
            epoch,
            contract_id: "erp.credit_note@1".to_owned(),
            input_json: input.to_owned(),
            ..v1::Propose::default()
        })
    };
    let first = line.ask(propose(r#"{"b": 1.0, "a": "x"}"#)).await;
    let Told::Decision(ruled) = &first else { panic!("{first:?}") };
    assert_eq!(ruled.ruling(), v1::Ruling::Denied);
    assert!(ruled.reasons.iter().any(|reason| reason.kind() == v1::ReasonKind::Boundary));
    // The same in another spelling.
    let again = line.ask(propose(r#"{"a":"x","b":1}"#)).await;
    assert_eq!(first, again);
    let other = line.ask(propose(r#"{"a":"y","b":1}"#)).await;
    assert_eq!(reason(other), ErrorReason::ProposalReused);
    let twice = line.ask(propose(r#"{"a":"x","a":"y"}"#)).await;
    assert_eq!(reason(twice), ErrorReason::DuplicateKey, "two programs could read it differently");
    stage.stop().await;
}

#[tokio::test]
async fn an_agent_speaks_neither_for_belay_nor_for_people() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let (case, epoch) = stage.give(&mut line, "r-1").await;
    let propose = |source: v1::ProvenanceSource, reference: &str| {
        Ask::Propose(v1::Propose {
            proposal_id: format!("p-{source:?}-{reference}"),
            case_id: case.clone(),
            epoch,
            contract_id: "billing.refund@1".to_owned(),
            input_json: "{}".to_owned(),
            provenance: vec![v1::InputProvenance {
                pointer: "/amount_minor".to_owned(),
                source: source.into(),
                reference: reference.to_owned(),
            }],
            ..v1::Propose::default()
        })
    };
    use v1::ProvenanceSource as Source;
    // The one entry of the context was said by the customer, and there is no ninth.
    for (source, reference, field) in [
        (Source::Belay, "1", "provenance[0].source"),
        (Source::Unspecified, "1", "provenance[0].source"),
        (Source::Staff, "", "provenance[0].reference"),
    ] {
        let refused = line.ask(propose(source, reference)).await;
        assert_eq!(violations(refused), [field], "{source:?} {reference:?}");
    }
    let unbacked = |told: &Told| match told {
        Told::Decision(ruled) => ruled.reasons.iter().any(|reason| reason.rule == "unbacked"),
        _ => panic!("it is ruled on: {told:?}"),
    };
    for (source, reference) in [
        (Source::Staff, "1"),
        (Source::Staff, "9"),
        (Source::Staff, "0"),
        (Source::VerifiedChannel, "login"),
    ] {
        let told = line.ask(propose(source, reference)).await;
        assert!(unbacked(&told), "{source:?} {reference:?}: {told:?}");
    }
    stage.note_by_staff(&case, "give it back").await;
    let ruled = line.ask(propose(Source::Staff, "2")).await;
    assert!(!unbacked(&ruled), "a person said so there: {ruled:?}");
    for source in [Source::Belay, Source::Staff, Source::VerifiedChannel] {
        let mut asked = context("a-1", &case, epoch, "one");
        if let Ask::AddContext(asked) = &mut asked {
            asked.entries[0].provenance.as_mut().unwrap().set_source(source);
        }
        assert_eq!(violations(line.ask(asked).await), ["entries[0].provenance.source"]);
    }
    stage.stop().await;
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let refused = line.ask(Ask::BeginExecution(v1::BeginExecution::default())).await;
    assert_eq!(violations(refused), ["action_id", "permit_id", "input_digest"]);
    let refused = line.ask(Ask::ReportOutcome(v1::ReportOutcome {
        action_id: "c-1/a1".to_owned(),
        attempt: 1,
        result: None,
    }));
    assert_eq!(violations(refused.await), ["result"]);
    stage.stop().await;
}

#[tokio::test]
async fn what_is_not_known_or_not_held_is_refused_by_its_reason() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(64).await;
    let (case, epoch) = stage.give(&mut line, "r-1").await;
    let release = |case: &str, epoch| {
        Ask::ReleaseCase(v1::ReleaseCase { case_id: case.to_owned(), epoch, reason: String::new() })
    };
    let hand = |target: v1::handoff_target::Target| {
        Ask::RequestHandoff(v1::RequestHandoff {
            request_id: "h-1".to_owned(),
            case_id: case.clone(),
            epoch,
            target: Some(v1::HandoffTarget { target: Some(target) }),
            reason: "not mine".to_owned(),
            entries: Vec::new(),
        })
    };
    let identify = |epoch| {
        let (case_id, object) = (case.clone(), "customer".to_owned());
        Ask::IdentifyCase(v1::IdentifyCase { case_id, epoch, object })
    };
    use v1::handoff_target::Target;
    let resolve = Ask::ResolveCase(v1::ResolveCase {
        case_id: case.clone(),
        epoch,
        resolution_code: "whatever".to_owned(),
        note: String::new(),
    });
    for (asked, expected) in [
        (release("c-nobodys", 1), ErrorReason::UnknownCase),
        (release(&case, epoch + 1), ErrorReason::StaleEpoch),
        (hand(Target::Role("bakers".to_owned())), ErrorReason::UnknownRole),
        (hand(Target::AgentId("baker-1".to_owned())), ErrorReason::UnknownAgent),
        (resolve, ErrorReason::UnknownResolution),
        (identify(epoch + 1), ErrorReason::StaleEpoch),
        // This playbook looks for nobody.
        (identify(epoch), ErrorReason::InvalidField),
    ] {
        assert_eq!(reason(line.ask(asked).await), expected);
    }
    line.send_passing(Ask::Progress(v1::Progress {
        case_id: case,
        epoch: epoch + 1,
        note: String::new(),
        context_digest: String::new(),
    }))
    .await;
    let lost = line.expect(|told| matches!(told, Told::LeaseLost(_))).await.message;
    let Some(Told::LeaseLost(lost)) = lost else { unreachable!() };
    assert_eq!(lost.reason(), v1::LeaseLostReason::NotHeld);
    stage.stop().await;
}

#[tokio::test]
async fn people_are_asked_once_and_a_repeat_names_the_same_escalation() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let (case, epoch) = stage.give(&mut line, "r-1").await;
    let escalate = |request: &str, why: &str| {
        Ask::RequestEscalation(v1::RequestEscalation {
            request_id: request.to_owned(),
            case_id: case.clone(),
            epoch,
            reason: why.to_owned(),
            severity: v1::Severity::High.into(),
        })
    };
    let first = line.ask(escalate("e-1", "angry")).await;
    assert_eq!(first, Told::Done(v1::Done { id: format!("{case}/e1") }));
    assert_eq!(line.ask(escalate("e-1", "angry")).await, first);
    // As after a restart, when the request id is forgotten: the case itself remembers.
    assert_eq!(line.ask(escalate("e-2", "angry")).await, first);
    let Told::Rejected(v1::Rejected { error: Some(other) }) =
        line.ask(escalate("e-3", "something else")).await
    else {
        panic!("people are being asked already")
    };
    assert_eq!(other.reason(), ErrorReason::EscalationUnderWay);
    assert_eq!(other.metadata["escalation_id"], format!("{case}/e1"));
    stage.stop().await;
}

#[tokio::test]
async fn a_stream_that_breaks_the_rules_ends_with_the_reason() {
    let stage = Stage::start().await;
    type Rule = (fn(&mut Line) -> v1::ConnectRequest, Code, &'static str);
    let rules: [Rule; 6] = [
        (|_| envelope(2, Some(Ask::Drain(v1::Drain {}))), Code::InvalidArgument, "INVALID_FIELD"),
        (|_| envelope(0, Some(Ask::Drain(v1::Drain {}))), Code::InvalidArgument, "INVALID_FIELD"),
        (|_| envelope(1, None), Code::InvalidArgument, "INVALID_FIELD"),
        (
            |_| envelope(0, Some(Ask::Credit(v1::Credit { messages: 0 }))),
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            |_| v1::ConnectRequest { ack: 99, ..v1::ConnectRequest::default() },
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            |_| envelope(0, Some(Ask::Register(v1::Register::default()))),
            Code::FailedPrecondition,
            "OUT_OF_ORDER",
        ),
    ];
    for (number, (broken, code, why)) in rules.into_iter().enumerate() {
        let mut line = stage.connect("billing-1").await;
        let message = broken(&mut line);
        line.send_raw(message).await;
        let ended = line.end().await;
        assert_eq!((ended.status.code(), ended.reason()), (code, Some(why.to_owned())), "{number}");
    }
    stage.stop().await;
}

#[tokio::test]
async fn nobody_gets_in_without_a_first_message_or_with_a_role_that_is_not_theirs() {
    let stage = Stage::start().await;
    let status = stage.open("billing-1", envelope(1, Some(Ask::Drain(v1::Drain {})))).await;
    assert_eq!(status.unwrap_err().code(), Code::FailedPrecondition);
    let mut register = line::register(4, None);
    register.roles = vec!["crm".to_owned()];
    let status = stage.open("billing-1", envelope(0, Some(Ask::Register(register)))).await;
    assert_eq!(status.unwrap_err().code(), Code::PermissionDenied);
    let register = line::register(0, None);
    let status = stage.open("billing-1", envelope(0, Some(Ask::Register(register)))).await;
    assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
    let register = line::register(4, None);
    let status = stage.open("stranger-1", envelope(0, Some(Ask::Register(register)))).await;
    assert_eq!(status.unwrap_err().code(), Code::PermissionDenied);
    stage.stop().await;
}

#[tokio::test]
async fn an_agent_that_connects_again_replaces_itself() {
    let stage = Stage::start().await;
    let mut old = stage.connect("billing-1").await;
    old.grant(32).await;
    let (case, epoch) = stage.give(&mut old, "r-1").await;
    let mut new = stage.connect("billing-1").await;
    let ended = old.end().await;
    assert_eq!(ended.goodbye.map(|goodbye| goodbye.reason()), Some(GoodbyeReason::Replaced));
    assert_eq!(ended.status.code(), Code::Aborted);
    assert!(!new.registered.resumed);
    new.grant(32).await;
    let restated = new.expect(|told| matches!(told, Told::CaseAssigned(_))).await.message;
    let Some(Told::CaseAssigned(restated)) = restated else { unreachable!() };
    assert_eq!((restated.case_id, restated.epoch), (case, epoch));
    let known = restated.restated.unwrap();
    assert_eq!(known.context.len(), 1);
    stage.stop().await;
}

#[tokio::test]
async fn a_session_goes_on_over_a_new_line_without_doing_anything_twice() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let (case, epoch) = stage.give(&mut line, "r-1").await;
    let (taken, sent) = (line.taken, line.sent);
    let asked = context("a-1", &case, epoch, "once");
    let number = line.send(asked.clone()).await;
    // The answer is durable, and lost with the line.
    stage.until(&case, |case| case.context.entries().len() == 2).await;
    let session = line.registered.session_id.clone();
    drop(line);

    let claims = [(case.clone(), epoch), ("c-0".to_owned(), 7)];
    let mut again = stage.resume("billing-1", &session, taken, &claims).await;
    assert!(again.registered.resumed);
    assert_eq!(again.registered.session_id, session);
    assert_eq!(number, sent + 1);
    (again.taken, again.sent) = (taken, number);
    let lost = again.expect(|told| matches!(told, Told::LeaseLost(_))).await.message;
    let Some(Told::LeaseLost(lost)) = lost else { unreachable!() };
    assert_eq!(lost.case_id, "c-0", "the other claim is true");
    again.grant(32).await;
    again.send_raw(envelope(number, Some(asked))).await;
    let answer = again.expect(|told| matches!(told, Told::ContextUpdated(_))).await;
    assert_eq!(answer.in_reply_to, number);
    let next = again.ask(context("a-2", &case, epoch, "twice")).await;
    assert!(matches!(next, Told::ContextUpdated(_)), "and not the same answer twice: {next:?}");
    assert_eq!(stage.case(&case).await.context.entries().len(), 3);
    stage.stop().await;
}

#[tokio::test]
async fn a_supervisor_that_leaves_says_so_and_one_that_comes_back_states_what_is_held() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let (case, epoch) = stage.give(&mut line, "r-1").await;
    let asked = context("a-1", &case, epoch, "once");
    line.ask(asked.clone()).await;
    let session = line.registered.session_id.clone();
    let (ended, stage) = tokio::join!(line.end(), stage.restart());
    let goodbye = ended.goodbye.clone().unwrap();
    assert_eq!(goodbye.reason(), GoodbyeReason::Draining);
    assert!(goodbye.reconnect_after.is_some());
    assert_eq!(ended.reason().as_deref(), Some("DRAINING"));

    let claims = [(case.clone(), epoch), (case.clone(), epoch + 5)];
    let mut again = stage.resume("billing-1", &session, line.taken, &claims).await;
    assert!(!again.registered.resumed, "sessions do not outlive the supervisor");
    let lost = again.expect(|told| matches!(told, Told::LeaseLost(_))).await.message;
    let Some(Told::LeaseLost(lost)) = lost else { unreachable!() };
    assert_eq!(lost.epoch, epoch + 5);
    again.grant(32).await;
    let restated = again.expect(|told| matches!(told, Told::CaseAssigned(_))).await.message;
    let Some(Told::CaseAssigned(restated)) = restated else { unreachable!() };
    assert_eq!((restated.case_id.as_str(), restated.epoch), (case.as_str(), epoch));
    assert_eq!(restated.restated.unwrap().context.len(), 2);
    // Its request ids are forgotten; the context itself shows that this was added.
    let repeated = again.ask(asked).await;
    assert!(matches!(repeated, Told::ContextUpdated(_)), "{repeated:?}");
    assert_eq!(stage.case(&case).await.context.entries().len(), 2);
    stage.stop().await;
}

#[tokio::test]
async fn an_agent_that_takes_no_more_work_gives_back_what_is_on_offer() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    stage.case_opened("r-1").await;
    let offered = line.expect(|told| matches!(told, Told::HandoffOffer(_))).await.message;
    let Some(Told::HandoffOffer(offered)) = offered else { unreachable!() };
    let number = line.send(Ask::Drain(v1::Drain {})).await;
    let withdrawn = line.expect(|told| matches!(told, Told::HandoffWithdrawn(_))).await.message;
    let Some(Told::HandoffWithdrawn(withdrawn)) = withdrawn else { unreachable!() };
    assert_eq!(withdrawn.handoff_id, offered.handoff_id);
    let done = line.expect(|told| matches!(told, Told::Done(_))).await;
    assert_eq!(done.in_reply_to, number);
    line.close();
    let ended = line.end().await;
    assert_eq!((ended.status.code(), ended.goodbye), (Code::Ok, None), "an orderly end");
    stage.stop().await;
}

#[tokio::test]
async fn many_messages_at_once_are_each_answered_once_and_in_order_for_one_case() {
    let stage = Stage::start().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(1_000).await;
    let (case, epoch) = stage.give(&mut line, "r-1").await;
    let mut numbers = Vec::new();
    for index in 0..300 {
        let asked = context(&format!("a-{index}"), &case, epoch, &format!("entry {index}"));
        numbers.push(line.send(asked).await);
    }
    let mut answered = Vec::new();
    for _ in &numbers {
        answered
            .push(line.expect(|told| matches!(told, Told::ContextUpdated(_))).await.in_reply_to);
    }
    assert_eq!(answered, numbers);
    let known = stage.case(&case).await;
    let bodies: Vec<_> = known.context.entries()[1..].iter().map(|entry| &entry.body).collect();
    let expected: Vec<_> = (0..300).map(|index| format!("entry {index}")).collect();
    assert_eq!(bodies, expected.iter().collect::<Vec<_>>());
    stage.stop().await;
}

fn envelope(message_id: u64, message: Option<Ask>) -> v1::ConnectRequest {
    v1::ConnectRequest { message_id, message, ..v1::ConnectRequest::default() }
}

fn context(request: &str, case: &str, epoch: u64, body: &str) -> Ask {
    Ask::AddContext(v1::AddContext {
        request_id: request.to_owned(),
        case_id: case.to_owned(),
        epoch,
        entries: vec![v1::NewContextEntry {
            kind: "note".to_owned(),
            body: body.to_owned(),
            provenance: Some(v1::Provenance {
                source: v1::ProvenanceSource::Model.into(),
                reference: String::new(),
            }),
        }],
    })
}

#[track_caller]
fn refused(told: Told) -> v1::Error {
    match told {
        Told::Rejected(v1::Rejected { error: Some(error) }) => error,
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn reason(told: Told) -> ErrorReason {
    refused(told).reason()
}

#[track_caller]
fn violations(told: Told) -> Vec<String> {
    let error = refused(told);
    assert_eq!(error.reason(), ErrorReason::InvalidField);
    error.field_violations.into_iter().map(|violation| violation.field).collect()
}
