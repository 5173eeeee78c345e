//! What is risky waits for people: enough of them, distinct, not involved, and for exactly what they were shown.

use belay_agent::ActionResult;
use belay_api::v1;
use serde_json::{Value, json};
use tonic::Code;

use crate::stage::agents::{Wish, hear};
use crate::stage::callers::{Caller, refused};
use crate::stage::{Stage, request};

/// Above what goes through by itself, within what two people may allow.
const LARGE: u64 = 12_000;

#[tokio::test]
async fn a_large_refund_waits_for_two_people_and_is_then_written_once() {
    let stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let (fay, finn) = (stage.person("fay", &["finance"]), stage.person("finn", &["finance"]));
    let asked = fay.asked(&case).await;
    assert_eq!((asked.quorum, asked.groups.as_slice()), (2, ["finance".to_owned()].as_slice()));
    assert!(asked.excluded.contains(&"oscar".to_owned()), "{:?}", asked.excluded);
    assert_eq!(asked.amount.as_ref().unwrap().minor_units, 12_000);
    assert!(asked.shown.contains("12000"), "{}", asked.shown);

    let oscar = stage.person("oscar", &["finance"]);
    refused(oscar.approve(&asked).await, Code::PermissionDenied, "INVOLVED");
    let sally = stage.person("sally", &["sales"]);
    refused(sally.approve(&asked).await, Code::PermissionDenied, "NOT_AN_APPROVER");
    let once = fay.approve(&asked).await.unwrap();
    assert_eq!((once.state(), once.votes.len()), (v1::ApprovalState::Requested, 1));
    refused(fay.approve(&asked).await, Code::FailedPrecondition, "ALREADY_VOTED");
    assert!(stage.company.writes().is_empty(), "one person is not two");
    let state = fay.case(&case).await.actions[0].state();
    assert_eq!(state, v1::ActionState::AwaitingApproval);

    let twice = finn.approve(&asked).await.unwrap();
    assert_eq!(twice.state(), v1::ApprovalState::Approved);
    let result = hear("what became of the refund", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(fay.sees_resolved(&case).await, "resolved");
    assert_eq!(stage.company.writes_to("/refunds"), 1);
    assert_eq!(stage.company.refunds()[0]["amount_minor"], 12_000);
}

#[tokio::test]
async fn a_yes_that_is_sent_again_is_the_same_yes() {
    let stage = Stage::start().await;
    let (_agent, _said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let fay = stage.person("fay", &["finance"]);
    let asked = fay.asked(&case).await;
    let yes = v1::ApproveRequest {
        request_id: request(),
        approval_id: asked.id.clone(),
        shown_digest: asked.shown_digest.clone(),
        note: String::new(),
    };
    let first = fay.approvals().approve(yes.clone()).await.unwrap().into_inner();
    let again = fay.approvals().approve(yes.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    let other = v1::ApproveRequest { note: "changed my mind".to_owned(), ..yes };
    refused(fay.approvals().approve(other).await, Code::AlreadyExists, "KEY_REUSED");
}

#[tokio::test]
async fn a_new_playbook_voids_what_people_were_asked_under_the_old_one() {
    let stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let fay = stage.person("fay", &["finance"]);
    let asked = fay.asked(&case).await;
    let file = stage.room("playbook").join("routing.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("severity: high", "severity: low")).unwrap();
    let reload = v1::ReloadPlaybookRequest { request_id: request(), dry_run: false };
    let olga = stage.person("olga", &["operators"]);
    assert!(olga.playbook().reload_playbook(reload).await.unwrap().into_inner().changed);
    refused(fay.approve(&asked).await, Code::FailedPrecondition, "WRONG_STAGE");
    let result = hear("what became of the refund", &mut said).await;
    assert!(matches!(result, ActionResult::Withdrawn(_)), "{result:?}");
    assert!(stage.company.writes().is_empty());
}

#[tokio::test]
async fn a_no_is_final_and_the_agent_hears_why() {
    let stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let fay = stage.person("fay", &["finance"]);
    let asked = fay.asked(&case).await;
    let no = v1::RejectRequest {
        request_id: request(),
        approval_id: asked.id.clone(),
        shown_digest: asked.shown_digest.clone(),
        note: "the customer has sued us".to_owned(),
    };
    let answer = fay.approvals().reject(no).await.unwrap().into_inner().approval.unwrap();
    assert_eq!(answer.state(), v1::ApprovalState::Rejected);
    let result = hear("what became of the refund", &mut said).await;
    let ActionResult::Rejected(report) = result else { panic!("{result:?}") };
    assert!(report.detail.contains("sued us"), "{report:?}");
    refused(fay.approve(&asked).await, Code::FailedPrecondition, "WRONG_STAGE");
    assert!(stage.company.writes().is_empty());
    let action = fay.case(&case).await.actions[0].clone();
    assert_eq!(action.rejected_by.unwrap().id, "fay");
}

#[tokio::test]
async fn an_amended_input_is_ruled_anew_and_old_digests_count_no_more() {
    let stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let (fay, finn) = (stage.person("fay", &["finance"]), stage.person("finn", &["finance"]));
    let gil = stage.person("gil", &["finance"]);
    let asked = fay.asked(&case).await;
    finn.approve(&asked).await.unwrap();
    let changed = amend(&fay, &asked, 11_000).await;

    assert_ne!(changed.shown_digest, asked.shown_digest);
    assert!(changed.votes.is_empty(), "a yes to another input is none: {:?}", changed.votes);
    refused(gil.approve(&asked).await, Code::FailedPrecondition, "APPROVAL_DIGEST_MISMATCH");
    refused(fay.approve(&changed).await, Code::PermissionDenied, "INVOLVED");
    finn.approve(&changed).await.unwrap();
    gil.approve(&changed).await.unwrap();
    let result = hear("what became of the refund", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(stage.company.writes_to("/refunds"), 1);
    assert_eq!(stage.company.refunds()[0]["amount_minor"], 11_000);
}

#[tokio::test]
async fn an_amended_input_that_needs_nobody_goes_ahead_and_one_that_breaks_a_rule_does_not() {
    for (minor, state) in [(4_000, v1::ActionState::Verified), (45_000, v1::ActionState::Denied)] {
        let stage = Stage::start().await;
        let (_agent, _said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
        let case = stage.open("refund").await;
        let fay = stage.person("fay", &["finance"]);
        let asked = fay.asked(&case).await;
        send_amendment(&fay, &asked, minor).await;
        fay.sees(&format!("{minor} to be {state:?}"), &case, |found| {
            (found.actions[0].state() == state).then_some(())
        })
        .await;
    }
}

/// Changes the amount, and waits until people are asked about it.
async fn amend(by: &Caller, asked: &v1::Approval, minor: u64) -> v1::Approval {
    send_amendment(by, asked, minor).await;
    let old = asked.shown_digest.clone();
    crate::stage::until("the amended refund to be asked about", async || {
        let found = by.asked(&asked.case_id).await;
        (found.shown_digest != old).then_some(found)
    })
    .await
}

async fn send_amendment(by: &Caller, asked: &v1::Approval, minor: u64) {
    let mut input: Value = serde_json::from_str(&asked.input_json).unwrap();
    input["amount_minor"] = json!(minor);
    let amendment = v1::AmendRequest {
        request_id: request(),
        approval_id: asked.id.clone(),
        shown_digest: asked.shown_digest.clone(),
        input_json: input.to_string(),
        note: "only this much".to_owned(),
    };
    let answer = by.approvals().amend(amendment).await.unwrap().into_inner();
    assert_eq!(answer.approval.unwrap().state(), v1::ApprovalState::Amended);
}
