//! A malformed request is told everything that is wrong with it, field by field, and changes nothing.

use belay_api::v1;
use belay_api::v1::connect_request::Message as Say;
use tonic::Code;

use crate::stage::callers::{refusal, refused};
use crate::stage::line::Line;
use crate::stage::{Stage, case_of, request, said};

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let stage = Stage::start().await;
    let tool = stage.tool();
    let mut unknown = said("hello");
    unknown.provenance = None;
    let belay = v1::NewContextEntry {
        kind: String::new(),
        provenance: Some(v1::Provenance {
            source: v1::ProvenanceSource::Belay.into(),
            reference: String::new(),
        }),
        ..said("hello")
    };
    let malformed = v1::OpenCaseRequest {
        request_id: String::new(),
        subject: " ".to_owned(),
        severity: 99,
        fingerprint: Some("ABC".to_owned()),
        context: vec![unknown, belay],
        ..case_of("note")
    };
    let found = refusal(tool.open(malformed).await);
    assert_eq!((found.code, found.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    assert_eq!(
        found.violations,
        [
            "context[0].provenance",
            "context[1].kind",
            "context[1].provenance.source",
            "fingerprint",
            "request_id",
            "severity",
            "subject",
        ]
    );
    let listed = tool.cases().list_cases(v1::ListCasesRequest::default()).await.unwrap();
    assert!(listed.into_inner().cases.is_empty());
}

#[tokio::test]
async fn what_is_too_long_is_said_to_be_too_long() {
    let stage = Stage::start().await;
    let long = v1::OpenCaseRequest { subject: "x".repeat(2000), ..case_of("note") };
    let found = refusal(stage.tool().open(long).await);
    assert_eq!((found.code, found.reason.as_str()), (Code::InvalidArgument, "TOO_LONG"));
    assert_eq!(found.violations, ["subject"]);
    let large =
        v1::OpenCaseRequest { context: vec![said(&"x".repeat(2_000_000))], ..case_of("note") };
    refused(stage.tool().open(large).await, Code::ResourceExhausted, "TOO_LARGE");
}

#[tokio::test]
async fn each_mutation_needs_its_ids() {
    let stage = Stage::start().await;
    let fay = stage.person("fay", &["finance"]);
    let check = |found: crate::stage::callers::Refusal, fields: &[&str]| {
        assert_eq!((found.code, found.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
        assert_eq!(found.violations, fields);
    };
    check(
        refusal(fay.cases().resolve_case(v1::ResolveCaseRequest::default()).await),
        &["case_id", "request_id", "resolution_code"],
    );
    check(
        refusal(fay.cases().add_context(v1::AddContextRequest::default()).await),
        &["case_id", "entries", "request_id"],
    );
    check(
        refusal(fay.approvals().approve(v1::ApproveRequest::default()).await),
        &["approval_id", "request_id", "shown_digest"],
    );
    check(
        refusal(fay.approvals().reject(v1::RejectRequest::default()).await),
        &["approval_id", "note", "request_id", "shown_digest"],
    );
    check(
        refusal(fay.desk().take_ticket(v1::TakeTicketRequest::default()).await),
        &["request_id", "ticket_id"],
    );
    check(
        refusal(fay.escalations().open_escalation(v1::OpenEscalationRequest::default()).await),
        &["case_id", "reason", "request_id"],
    );
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_by_its_kind() {
    let stage = Stage::start().await;
    let fay = stage.person("fay", &["finance"]);
    let case_id = "c-0000000000000000".to_owned();
    let case = v1::GetCaseRequest { case_id: case_id.clone() };
    refused(fay.cases().get_case(case).await, Code::NotFound, "UNKNOWN_CASE");
    let approval = v1::GetApprovalRequest { approval_id: format!("{case_id}/a1") };
    refused(fay.approvals().get_approval(approval).await, Code::NotFound, "UNKNOWN_APPROVAL");
    let escalation = v1::GetEscalationRequest { escalation_id: format!("{case_id}/e1") };
    let answer = fay.escalations().get_escalation(escalation).await;
    refused(answer, Code::NotFound, "UNKNOWN_ESCALATION");
    let ticket = v1::GetTicketRequest { ticket_id: "d-1".to_owned() };
    refused(fay.desk().get_ticket(ticket).await, Code::NotFound, "UNKNOWN_TICKET");
    let queue = v1::ListTicketsRequest { queue: "nowhere".to_owned(), ..Default::default() };
    refused(fay.desk().list_tickets(queue).await, Code::NotFound, "UNKNOWN_QUEUE");
}

#[tokio::test]
async fn a_case_is_resolved_with_a_known_code_and_once() {
    let stage = Stage::start().await;
    let (cara, case) = (stage.person("cara", &[]), stage.open("other").await);
    let resolve = |code: &str| v1::ResolveCaseRequest {
        request_id: request(),
        case_id: case.clone(),
        resolution_code: code.to_owned(),
        note: String::new(),
    };
    let found = refusal(cara.cases().resolve_case(resolve("whatever")).await);
    assert_eq!((found.code, found.reason.as_str()), (Code::InvalidArgument, "UNKNOWN_RESOLUTION"));
    assert_eq!(found.metadata["resolution_code"], "whatever");
    cara.cases().resolve_case(resolve("resolved")).await.unwrap();
    let again = cara.cases().resolve_case(resolve("resolved")).await;
    refused(again, Code::FailedPrecondition, "CASE_CLOSED");
    let more = v1::AddContextRequest {
        request_id: request(),
        case_id: case.clone(),
        entries: vec![said("one more thing")],
    };
    refused(cara.cases().add_context(more).await, Code::FailedPrecondition, "CASE_CLOSED");
}

#[tokio::test]
async fn a_stream_that_is_used_out_of_order_ends_with_the_reason() {
    let stage = Stage::start().await;
    let mut line = Line::dial(&stage, "billing-1").await.unwrap();
    line.mention(Say::Credit(v1::Credit { messages: 1 })).await;
    refused(line.ended().await, Code::FailedPrecondition, "OUT_OF_ORDER");
    let mut line = Line::open(&stage, "billing-1").await;
    line.mention(Say::Register(v1::Register { capacity: 1, ..Default::default() })).await;
    refused(line.ended().await, Code::FailedPrecondition, "OUT_OF_ORDER");
    let mut line = Line::open(&stage, "billing-1").await;
    let (reason, error) = line.refused(Say::Propose(v1::Propose::default())).await;
    assert_eq!(reason, v1::ErrorReason::InvalidField);
    let mut fields: Vec<_> = error.field_violations.into_iter().map(|one| one.field).collect();
    fields.sort();
    assert_eq!(fields, ["case_id", "contract_id", "input_json", "proposal_id"]);
}
