//! What was agreed to or permitted holds for one thing, once, for its time: everything that comes late, again, or for
//! something else is refused with its own reason, and nothing reaches a system.

use std::time::Duration;

use belay_api::v1;
use belay_api::v1::ErrorReason as Reason;
use belay_api::v1::connect_request::Message as Say;
use belay_api::v1::connect_response::Message as Hear;
use serde_json::json;
use tonic::Code;

use crate::stage::agents::Wish;
use crate::stage::callers::refused;
use crate::stage::line::Line;
use crate::stage::playbook::Playbook;
use crate::stage::{Stage, request, until};

/// Above what goes through by itself.
const LARGE: u64 = 12_000;

#[tokio::test]
async fn a_permit_is_for_one_write_of_one_agent_once() {
    let stage = Stage::start().await;
    let mut line = Line::open(&stage, "billing-1").await;
    let mut other = Line::open(&stage, "billing-2").await;
    let case = stage.open("refund").await;
    let held = take(&mut line, &mut other).await;
    let (line, other) = if held.1 { (&mut line, &mut other) } else { (&mut other, &mut line) };
    let epoch = held.0;
    let first = permitted(line, &case, epoch, "ch-1").await;
    let second = permitted(line, &case, epoch, "ch-2").await;
    let begin = |permit: &v1::Permit| v1::BeginExecution {
        action_id: permit.action_id.clone(),
        permit_id: permit.permit_id.clone(),
        input_digest: permit.input_digest.clone(),
        epoch,
    };
    let good = begin(&first);
    for (message, reason) in [
        (
            v1::BeginExecution { input_digest: second.input_digest.clone(), ..good.clone() },
            Reason::InputDigestMismatch,
        ),
        (
            v1::BeginExecution { permit_id: second.permit_id.clone(), ..good.clone() },
            Reason::WrongPermit,
        ),
        (
            v1::BeginExecution { permit_id: "made-up".to_owned(), ..good.clone() },
            Reason::WrongPermit,
        ),
        (v1::BeginExecution { epoch: epoch + 1, ..good.clone() }, Reason::StaleEpoch),
        (v1::BeginExecution { epoch: 0, ..good.clone() }, Reason::StaleEpoch),
        (
            v1::BeginExecution { action_id: format!("{case}/a99"), ..good.clone() },
            Reason::UnknownAction,
        ),
    ] {
        let (found, error) = line.refused(Say::BeginExecution(message)).await;
        assert_eq!(found, reason, "{error:?}");
    }
    let (found, error) = other.refused(Say::BeginExecution(good.clone())).await;
    assert_eq!(found, Reason::NotOwner, "{error:?}");
    let started = line.ask(Say::BeginExecution(good.clone())).await;
    assert!(matches!(started, Hear::ExecutionStarted(_)), "{started:?}");
    let (found, error) = line.refused(Say::BeginExecution(good)).await;
    assert_eq!(found, Reason::PermitUsed, "{error:?}");

    // The case goes on to somebody else, and what was permitted before is permitted no more.
    let release = v1::ReleaseCase { case_id: case.clone(), epoch, reason: "too much".to_owned() };
    line.ask(Say::ReleaseCase(release)).await;
    let (found, error) = line.refused(Say::BeginExecution(begin(&second))).await;
    assert!([Reason::NotOwner, Reason::StaleEpoch].contains(&found), "{found:?} {error:?}");
    let story = stage.tool().story(&case).await;
    assert_eq!(story.iter().filter(|event| *event == "action_dispatched").count(), 1);
    assert!(stage.company.writes().is_empty(), "nobody has written anything");
}

#[tokio::test]
async fn a_permit_that_ran_out_is_refused_and_the_next_one_counts() {
    let stage = Stage::with(|playbook: &Playbook| {
        let tier = "executor: agent\ntier: 1";
        let short = "executor: agent\npermit_within: 700ms\ntier: 1";
        playbook.edit("contracts/billing.refund.yaml", tier, short);
    })
    .await;
    let mut line = Line::open(&stage, "billing-1").await;
    let case = stage.open("refund").await;
    let epoch = line.take_case().await.epoch;
    let old = permitted(&mut line, &case, epoch, "ch-1").await;
    tokio::time::sleep(Duration::from_millis(750)).await;
    let begin = v1::BeginExecution {
        action_id: old.action_id,
        permit_id: old.permit_id,
        input_digest: old.input_digest,
        epoch,
    };
    let (found, error) = line.refused(Say::BeginExecution(begin)).await;
    assert_eq!(found, Reason::PermitExpired, "{error:?}");
    assert!(stage.company.writes().is_empty());
}

#[tokio::test]
async fn a_yes_is_for_exactly_what_was_shown_by_somebody_who_may_in_its_time() {
    let stage = Stage::with(|playbook: &Playbook| {
        playbook.edit("contracts/billing.refund.yaml", "decide_within: 30m", "decide_within: 6s");
        let steps = "acknowledge_within: 60s";
        playbook.edit("escalations/approval.yaml", steps, "acknowledge_within: 3s");
        playbook.edit(
            "escalations/approval.yaml",
            "place_within: 10s, reach_within: 10s",
            "place_within: 1s, reach_within: 1s",
        );
    })
    .await;
    let (_agent, _said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let fay = stage.person("fay", &["finance"]);
    let asked = fay.asked(&case).await;
    // Who has left the group says so with the token of today; who runs the agent decides nothing that it wants.
    let left = stage.person("fay", &["sales"]);
    refused(left.approve(&asked).await, Code::PermissionDenied, "NOT_AN_APPROVER");
    let operator = stage.person("oscar", &["finance"]);
    refused(operator.approve(&asked).await, Code::PermissionDenied, "INVOLVED");
    let customer = stage.person("c-1", &["finance"]);
    refused(customer.approve(&asked).await, Code::PermissionDenied, "INVOLVED");
    let other = v1::Approval { shown_digest: "0".repeat(64), ..asked.clone() };
    refused(fay.approve(&other).await, Code::FailedPrecondition, "APPROVAL_DIGEST_MISMATCH");
    let nothing = v1::Approval { id: format!("{case}/a99"), ..asked.clone() };
    refused(fay.approve(&nothing).await, Code::NotFound, "UNKNOWN_APPROVAL");

    // A changed input is another matter: a yes to what was shown before is no yes to it.
    let mut input: serde_json::Value = serde_json::from_str(&asked.input_json).unwrap();
    input["amount_minor"] = json!(11_000);
    let amend = v1::AmendRequest {
        request_id: request(),
        approval_id: asked.id.clone(),
        shown_digest: asked.shown_digest.clone(),
        input_json: input.to_string(),
        note: "less".to_owned(),
    };
    fay.approvals().amend(amend).await.unwrap();
    let changed = until("the changed input to be asked about", async || {
        let found = fay.asked(&case).await;
        (found.shown_digest != asked.shown_digest).then_some(found)
    })
    .await;
    let finn = stage.person("finn", &["finance"]);
    refused(finn.approve(&asked).await, Code::FailedPrecondition, "APPROVAL_DIGEST_MISMATCH");
    refused(fay.approve(&changed).await, Code::PermissionDenied, "INVOLVED");
    // And when its time is over there is nobody to say yes to.
    stage.tool().sees_event(&case, "approval_ended", 2).await;
    refused(finn.approve(&changed).await, Code::FailedPrecondition, "STALE_APPROVAL");
    let action = fay.case(&case).await.actions[0].clone();
    assert_eq!(action.state(), v1::ActionState::Expired);
    assert!(stage.company.writes().is_empty(), "nothing was written");
}

#[tokio::test]
async fn a_person_amends_an_input_within_the_same_bounds() {
    let stage = Stage::start().await;
    let (_agent, _said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let fay = stage.person("fay", &["finance"]);
    let asked = fay.asked(&case).await;
    let amend = |input: &str| v1::AmendRequest {
        request_id: request(),
        approval_id: asked.id.clone(),
        shown_digest: asked.shown_digest.clone(),
        input_json: input.to_owned(),
        note: "otherwise".to_owned(),
    };
    for (input, reason) in [
        ("not json", "NOT_JSON"),
        ("{\"amount_minor\": 1, \"amount_minor\": 2}", "DUPLICATE_KEY"),
        ("{\"amount_minor\": 9007199254740993}", "NUMBER_TOO_LARGE"),
        (&"[".repeat(100), "TOO_DEEP"),
        (&"1".repeat(70_000), "TOO_LONG"),
    ] {
        let answer = fay.approvals().amend(amend(input)).await;
        refused(answer, Code::InvalidArgument, reason);
    }
    fay.approvals().amend(amend("{}")).await.unwrap();
    let look = |found: &v1::Case| {
        let denied = found.actions[0].state() == v1::ActionState::Denied;
        denied.then(|| found.actions[0].reasons.clone())
    };
    let reasons = fay.sees("the amended input to be denied", &case, look).await;
    let found: Vec<_> = reasons.iter().map(|one| (one.kind(), one.rule.as_str())).collect();
    assert!(found.contains(&(v1::ReasonKind::Schema, "required")), "{reasons:?}");
    assert!(stage.company.writes().is_empty(), "nothing was written");
}

/// Which of the two takes the case, and its epoch.
async fn take(line: &mut Line, other: &mut Line) -> (u64, bool) {
    tokio::select! {
        assigned = line.take_case() => (assigned.epoch, true),
        assigned = other.take_case() => (assigned.epoch, false),
    }
}

/// Proposes a refund that goes through, and waits for its permit.
async fn permitted(line: &mut Line, case: &str, epoch: u64, charge: &str) -> v1::Permit {
    let proposal_id = request();
    let known = v1::InputProvenance {
        pointer: String::new(),
        source: v1::ProvenanceSource::SystemOfRecord.into(),
        reference: "charges".to_owned(),
    };
    let wish = Wish::refund(charge, 500);
    let propose = v1::Propose {
        proposal_id,
        case_id: case.to_owned(),
        epoch,
        contract_id: wish.contract.to_owned(),
        input_json: wish.input.to_string(),
        provenance: vec![known],
        ..v1::Propose::default()
    };
    let Hear::Decision(decision) = line.ask(Say::Propose(propose)).await else {
        panic!("there is a decision");
    };
    assert_eq!(decision.ruling(), v1::Ruling::Authorized, "{decision:?}");
    line.next("the permit", |message| match message {
        Hear::Permit(permit) if permit.action_id == decision.action_id => Some(permit.clone()),
        _ => None,
    })
    .await
}
