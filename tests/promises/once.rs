//! What is asked for twice happens once.

use belay_api::v1;
use belay_api::v1::connect_request::Message as Say;
use belay_api::v1::connect_response::Message as Hear;
use tonic::Code;

use crate::stage::agents::Wish;
use crate::stage::callers::{refusal, refused};
use crate::stage::line::Line;
use crate::stage::{Stage, case_of, request, said};

#[tokio::test]
async fn a_request_that_is_sent_again_opens_nothing() {
    let stage = Stage::start().await;
    let tool = stage.tool();
    let asked = case_of("note");
    let first = tool.open(asked.clone()).await.unwrap();
    let again = tool.open(asked.clone()).await.unwrap();
    assert!(first.opened && again.opened, "a repeat gets the first answer");
    let (first, again) =
        (first.case.unwrap().summary.unwrap(), again.case.unwrap().summary.unwrap());
    assert_eq!(first.id, again.id);
    let other = v1::OpenCaseRequest { subject: "another matter".to_owned(), ..asked };
    refused(tool.open(other).await, Code::AlreadyExists, "KEY_REUSED");
    let listed = tool.cases().list_cases(v1::ListCasesRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().cases.len(), 1);
}

#[tokio::test]
async fn requests_that_race_open_one_case() {
    let stage = Stage::start().await;
    let tool = stage.tool();
    let asked = case_of("note");
    let racing = (0..8).map(|_| tool.open(asked.clone()));
    let opened = futures_util::future::join_all(racing).await;
    let ids: std::collections::BTreeSet<_> =
        opened.into_iter().map(|one| one.unwrap().case.unwrap().summary.unwrap().id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn reports_with_one_fingerprint_are_one_case_while_it_is_open() {
    let stage = Stage::start().await;
    let tool = stage.tool();
    let fingerprint = Some("ab".repeat(32));
    let asked = || v1::OpenCaseRequest { fingerprint: fingerprint.clone(), ..case_of("note") };
    let first = tool.open(asked()).await.unwrap();
    let second = tool.open(asked()).await.unwrap();
    assert!(first.opened && !second.opened);
    let (first, second) = (first.case.unwrap(), second.case.unwrap());
    let id = first.summary.unwrap().id;
    assert_eq!(second.summary.unwrap().id, id);
    assert_eq!(second.contacts.len(), 2);

    let cara = stage.person("cara", &[]);
    let done = v1::ResolveCaseRequest {
        request_id: request(),
        case_id: id.clone(),
        resolution_code: "duplicate".to_owned(),
        note: String::new(),
    };
    cara.cases().resolve_case(done).await.unwrap();
    let third = tool.open(asked()).await.unwrap();
    assert!(third.opened);
    assert_ne!(third.case.unwrap().summary.unwrap().id, id);
}

#[tokio::test]
async fn the_playbook_recognises_one_matter_in_two_channels_and_nothing_of_it_is_lost() {
    let stage = Stage::with(|playbook| {
        let text = "when: {kind: [address-change, note]}\n";
        let known = format!("{text}    same_matter: [customer, kind, labels.order]\n");
        playbook.edit("routing.yaml", text, &known);
    })
    .await;
    let tool = stage.tool();
    let report = |channel: &str, customer: &str, order: &str, body: &str| v1::OpenCaseRequest {
        channel: channel.to_owned(),
        customer: customer.to_owned(),
        labels: [("order".to_owned(), order.to_owned())].into(),
        context: vec![said(body)],
        ..case_of("note")
    };
    let mail = report("mail", "C-9", "W 17", "please change it");
    let first = tool.open(mail.clone()).await.unwrap();
    let phone = v1::OpenCaseRequest {
        severity: v1::Severity::Critical.into(),
        ..report("phone", " c-9", "w 17", "it is still wrong")
    };
    let (id, contacts) = {
        // Critical reports are for people by another rule, which recognises nothing.
        let other = tool.open(phone.clone()).await.unwrap();
        assert!(other.opened, "another rule compares other fields");
        let second = v1::OpenCaseRequest {
            request_id: request(),
            severity: v1::Severity::High.into(),
            ..phone
        };
        let second = tool.open(second.clone()).await.unwrap();
        assert!(first.opened && !second.opened);
        let case = second.case.unwrap();
        (case.summary.unwrap().id, case.contacts.len())
    };
    assert_eq!((id.as_str(), contacts), (first.case.unwrap().summary.unwrap().id.as_str(), 2));
    let found = tool.case(&id).await;
    assert!(found.context.iter().any(|entry| entry.body == "it is still wrong"), "{found:?}");
    let summary = found.summary.unwrap();
    assert_eq!(summary.severity(), v1::Severity::High, "as urgent as its most urgent report");
    let again = tool.open(mail).await.unwrap();
    assert!(again.opened, "the first request is answered as it was");
    for (customer, order) in [("c-8", "w 17"), ("c-9", "w 18"), ("", "w 17"), ("c-9", "")] {
        let other = tool.open(report("mail", customer, order, "another matter")).await.unwrap();
        assert!(other.opened, "{customer:?} {order:?} is a matter of its own");
    }
}

#[tokio::test]
async fn a_repeated_proposal_gets_the_first_answer_and_has_one_effect() {
    let stage = Stage::start().await;
    let case = stage.open("credit").await;
    let mut line = Line::open(&stage, "erp-1").await;
    let epoch = line.take_case().await.epoch;
    let wish = Wish::credit(700);
    let propose = |proposal_id: &str, minor: u64| v1::Propose {
        proposal_id: proposal_id.to_owned(),
        case_id: case.clone(),
        epoch,
        contract_id: wish.contract.to_owned(),
        input_json: Wish::credit(minor).input.to_string(),
        provenance: vec![v1::InputProvenance {
            pointer: String::new(),
            source: v1::ProvenanceSource::SystemOfRecord.into(),
            reference: "record".to_owned(),
        }],
        ..v1::Propose::default()
    };
    let first = decision(line.ask(Say::Propose(propose("p1", 700))).await);
    assert_eq!(first.ruling(), v1::Ruling::Authorized, "{first:?}");
    let again = decision(line.ask(Say::Propose(propose("p1", 700))).await);
    assert_eq!((&again.action_id, again.ruling()), (&first.action_id, first.ruling()));
    let (reason, _) = line.refused(Say::Propose(propose("p1", 800))).await;
    assert_eq!(reason, v1::ErrorReason::ProposalReused);
    let twin = decision(line.ask(Say::Propose(propose("p2", 700))).await);
    assert_eq!((twin.ruling(), &twin.duplicate_of), (v1::Ruling::Duplicate, &first.action_id));

    let result = line
        .next("the credit note to be verified", |message| match message {
            Hear::ActionResult(result) if result.settled => result.action.clone(),
            _ => None,
        })
        .await;
    assert_eq!(result.state(), v1::ActionState::Verified);
    assert_eq!(stage.company.writes_to("/credit-notes"), 1);
}

#[tokio::test]
async fn the_same_write_from_two_cases_happens_once() {
    let stage = Stage::start().await;
    let company = stage.company.clone();
    let results = crate::stage::agents::Notebook::default();
    let written = std::sync::Arc::clone(&results);
    let _agent = stage.agent("billing-1", move |case| {
        let (company, written) = (company.clone(), std::sync::Arc::clone(&written));
        Box::pin(async move {
            let result = Wish::refund("ch-3", 600).act(case, &company, "").await?;
            written.lock().unwrap().push(result);
            Ok(case.resolve("resolved", "").await?)
        })
    });
    let cases = [stage.open("refund").await, stage.open("refund").await];
    for case in &cases {
        stage.tool().sees_resolved(case).await;
    }
    assert_eq!(stage.company.writes_to("/refunds"), 1, "{:?}", results.lock().unwrap());
}

#[tokio::test]
async fn a_change_that_is_sent_again_changes_nothing() {
    let stage = Stage::start().await;
    let (tool, case) = (stage.tool(), stage.open("other").await);
    let change = v1::UpdateCaseRequest {
        request_id: request(),
        case_id: case.clone(),
        subject: Some("renamed".to_owned()),
        ..Default::default()
    };
    tool.cases().update_case(change.clone()).await.unwrap();
    tool.cases().update_case(change.clone()).await.unwrap();
    let story = tool.story(&case).await;
    assert_eq!(story.iter().filter(|&event| event == "case_amended").count(), 1);
    let other = v1::UpdateCaseRequest { subject: Some("otherwise".to_owned()), ..change };
    let found = refusal(tool.cases().update_case(other).await);
    assert_eq!((found.code, found.reason.as_str()), (Code::AlreadyExists, "KEY_REUSED"));
}

fn decision(message: Hear) -> v1::Decision {
    match message {
        Hear::Decision(decision) => decision,
        other => panic!("no decision: {other:?}"),
    }
}
