//! What is risky waits for people: enough of them, distinct, not involved, and for exactly what they were shown.

use std::time::Duration;

use belay_agent::ActionResult;
use belay_api::v1;
use serde_json::{Value, json};
use tonic::Code;

use crate::stage::agents::{Serving, Wish, hear};
use crate::stage::callers::{Caller, refusal, refused};
use crate::stage::{Stage, case_of, request};

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
    refused(fay.approve(&asked).await, Code::FailedPrecondition, "STALE_APPROVAL");
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
        reason_code: "not-entitled".to_owned(),
    };
    for (code, reason) in [("bad-mood", "UNKNOWN_REASON"), ("", "REASON_MISSING")] {
        let (request_id, reason_code) = (request(), code.to_owned());
        let without = v1::RejectRequest { request_id, reason_code, ..no.clone() };
        let found = refusal(fay.approvals().reject(without).await);
        assert_eq!((found.code, found.reason.as_str()), (Code::InvalidArgument, reason));
        assert!(found.metadata["known"].contains("not-entitled"), "{found:?}");
    }
    let answer = fay.approvals().reject(no).await.unwrap().into_inner().approval.unwrap();
    assert_eq!(answer.state(), v1::ApprovalState::Rejected);
    assert!(answer.reason_codes.contains(&"not-entitled".to_owned()), "{answer:?}");
    assert_eq!(answer.votes.last().unwrap().reason_code, "not-entitled");
    let result = hear("what became of the refund", &mut said).await;
    let ActionResult::Rejected(report) = result else { panic!("{result:?}") };
    assert!(report.detail.contains("sued us"), "{report:?}");
    refused(fay.approve(&asked).await, Code::FailedPrecondition, "STALE_APPROVAL");
    assert!(stage.company.writes().is_empty());
    let action = fay.case(&case).await.actions[0].clone();
    assert_eq!(action.rejected_by.unwrap().id, "fay");
    assert_eq!(action.rejection_code, "not-entitled");
    assert!(why(&fay, &case).await.contains("fay rejected as not-entitled: the customer has sued"));
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

#[tokio::test]
async fn a_question_reaches_the_agent_and_its_answer_stands_with_the_approval() {
    let stage = Stage::start().await;
    let _agent = asked_back(&stage);
    let case = stage.open("refund").await;
    let (fay, finn) = (stage.person("fay", &["finance"]), stage.person("finn", &["finance"]));
    let asked = fay.asked(&case).await;
    let question = ask(&asked, "which charge was it?");
    let shown = fay.approvals().ask(question.clone()).await.unwrap().into_inner().approval.unwrap();
    assert_eq!((shown.state(), shown.questions.len()), (v1::ApprovalState::Requested, 1));
    assert_eq!(shown.until, asked.until, "asking stops no deadline");
    let again = fay.approvals().ask(question).await.unwrap().into_inner().approval.unwrap();
    assert_eq!(again.questions.len(), 1, "the same request asks once");

    let answered = crate::stage::until("the answer", async || {
        let found = finn.asked(&case).await;
        let reply = found.questions.first()?.reply.clone()?;
        Some((found, reply))
    })
    .await;
    let (found, reply) = answered;
    assert_eq!(reply.text, "re: which charge was it?");
    assert_eq!(reply.by.unwrap().id, "billing-1");
    assert_eq!(found.shown_digest, asked.shown_digest, "it is no part of what is decided on");
    let known = fay.case(&case).await.context;
    let kinds: Vec<_> = known.iter().rev().take(2).map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["answer", "question"]);
    assert_eq!(
        known.last().unwrap().provenance.as_ref().unwrap().source(),
        v1::ProvenanceSource::Model
    );
    let told = why(&finn, &case).await;
    assert!(told.contains("fay asks, question 1: which charge was it?"), "{told}");
    assert!(told.contains("billing-1 answers question 1: re: which charge"), "{told}");
    fay.approve(&asked).await.unwrap();
    finn.approve(&asked).await.unwrap();
    let asked_late = ask(&asked, "too late?");
    refused(fay.approvals().ask(asked_late).await, Code::FailedPrecondition, "STALE_APPROVAL");
}

#[tokio::test]
async fn who_opened_the_case_may_answer_and_nobody_else_who_was_not_asked() {
    let stage = Stage::start().await;
    let (_agent, _said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let otto = stage.person("otto", &["support"]);
    let case = otto.open(case_of("refund")).await.unwrap().case.unwrap().summary.unwrap().id;
    let (fay, finn) = (stage.person("fay", &["finance"]), stage.person("finn", &["finance"]));
    let asked = fay.asked(&case).await;
    refused(
        stage.person("sally", &["sales"]).approvals().ask(ask(&asked, "why?")).await,
        Code::PermissionDenied,
        "NOT_AN_APPROVER",
    );
    refused(
        stage.person("oscar", &["finance"]).approvals().ask(ask(&asked, "why?")).await,
        Code::PermissionDenied,
        "INVOLVED",
    );
    let other = v1::AskRequest { shown_digest: "0".repeat(64), ..ask(&asked, "why?") };
    refused(fay.approvals().ask(other).await, Code::FailedPrecondition, "APPROVAL_DIGEST_MISMATCH");
    fay.approvals().ask(ask(&asked, "who said so?")).await.unwrap();
    refused(
        fay.approvals().ask(ask(&asked, "and who else?")).await,
        Code::FailedPrecondition,
        "ALREADY_ASKED",
    );
    let answer = |question, text: &str| v1::AnswerRequest {
        request_id: request(),
        approval_id: asked.id.clone(),
        question,
        answer: text.to_owned(),
    };
    refused(finn.approvals().answer(answer(1, "I")).await, Code::PermissionDenied, "NOT_ASKED");
    refused(otto.approvals().answer(answer(2, "I")).await, Code::NotFound, "UNKNOWN_QUESTION");
    let empty = refusal(otto.approvals().answer(answer(0, " ")).await);
    assert_eq!(empty.violations, ["answer", "question"]);
    let mine = answer(1, "the customer, by phone");
    let told = otto.approvals().answer(mine.clone()).await.unwrap().into_inner();
    let reply = told.approval.unwrap().questions[0].reply.clone().unwrap();
    assert_eq!(
        (reply.by.unwrap().id.as_str(), reply.text.as_str()),
        ("otto", mine.answer.as_str())
    );
    otto.approvals().answer(mine).await.unwrap();
    refused(
        otto.approvals().answer(answer(1, "nobody")).await,
        Code::FailedPrecondition,
        "ALREADY_ANSWERED",
    );
}

#[tokio::test]
async fn naming_somebody_to_look_gives_nobody_a_right_and_takes_ones_own_yes() {
    let stage = Stage::start().await;
    let (_agent, _said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let fay = stage.person("fay", &["finance"]);
    let asked = fay.asked(&case).await;
    let to = |person: &str| v1::DelegateRequest {
        request_id: request(),
        approval_id: asked.id.clone(),
        shown_digest: asked.shown_digest.clone(),
        to: person.to_owned(),
        note: "on holiday".to_owned(),
    };
    for (person, code, reason) in [
        ("fay", Code::FailedPrecondition, "DELEGATION_CIRCLE"),
        ("oscar", Code::PermissionDenied, "INVOLVED"),
        ("", Code::InvalidArgument, "INVALID_FIELD"),
    ] {
        refused(fay.approvals().delegate(to(person)).await, code, reason);
    }
    let named = fay.approvals().delegate(to("sally")).await.unwrap().into_inner().approval.unwrap();
    assert_eq!(named.delegations[0].to, "sally");
    refused(fay.approve(&asked).await, Code::FailedPrecondition, "HANDED_OVER");
    // She was named, and has no right of her own.
    let sally = stage.person("sally", &["sales"]);
    refused(sally.approve(&asked).await, Code::PermissionDenied, "NOT_AN_APPROVER");
    let (finn, gil) = (stage.person("finn", &["finance"]), stage.person("gil", &["finance"]));
    refused(
        finn.approvals().delegate(to("fay")).await,
        Code::FailedPrecondition,
        "DELEGATION_TOO_DEEP",
    );
    let told = why(&finn, &case).await;
    assert!(told.contains("fay names sally to look instead: on holiday"), "{told}");
    let for_me = async |who: &Caller| {
        let request =
            v1::ListApprovalsRequest { case_id: case.clone(), for_me: true, ..Default::default() };
        who.approvals().list_approvals(request).await.unwrap().into_inner().approvals.len()
    };
    assert_eq!((for_me(&fay).await, for_me(&finn).await), (0, 1));
    finn.approve(&asked).await.unwrap();
    let done = gil.approve(&asked).await.unwrap();
    assert_eq!(done.state(), v1::ApprovalState::Approved);
}

#[tokio::test]
async fn taking_a_case_over_takes_it_from_the_agent_and_covers_nothing() {
    let stage = Stage::start().await;
    let (_agent, mut kept) = stage.agent_keeping("crm-1");
    let (_billing, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let (fay, ann) = (stage.person("fay", &["finance"]), stage.person("ann", &[]));
    let asked = fay.asked(&case).await;
    let before = fay.case(&case).await.summary.unwrap().epoch;
    let over = v1::TakeOverRequest {
        request_id: request(),
        approval_id: asked.id.clone(),
        shown_digest: asked.shown_digest.clone(),
        note: "this is fraud".to_owned(),
    };
    let sally = stage.person("sally", &["sales"]);
    let hers = v1::TakeOverRequest { request_id: request(), ..over.clone() };
    refused(sally.approvals().take_over(hers).await, Code::PermissionDenied, "NOT_AN_APPROVER");
    let taken = fay.approvals().take_over(over.clone()).await.unwrap().into_inner();
    let approval = taken.approval.unwrap();
    assert_eq!(approval.state(), v1::ApprovalState::Superseded);
    assert_eq!(approval.votes.last().unwrap().verdict(), v1::ApprovalVerdict::TakeOver);
    let again = fay.approvals().take_over(over).await.unwrap().into_inner();
    assert_eq!(again.escalation_id, taken.escalation_id, "the same request takes it over once");

    let found = fay.case(&case).await;
    assert!(found.summary.as_ref().unwrap().epoch > before);
    assert_eq!(found.actions[0].state(), v1::ActionState::Withdrawn);
    let cover = fay.coverage(&case).await.coverage.unwrap();
    assert!(
        matches!(cover, v1::coverage::Coverage::Pending(_)),
        "claimed is not covered: {cover:?}"
    );
    refused(fay.approve(&asked).await, Code::FailedPrecondition, "STALE_APPROVAL");
    let told = why(&fay, &case).await;
    assert!(told.contains("fay took the case out of the agent's hands: this is fraud"), "{told}");
    let ticket = ann.ticket(&case, "billing-desk").await;
    assert!(ticket.body.contains("this is fraud"), "{ticket:?}");
    ann.take(&ticket.id).await.unwrap();
    crate::stage::until("ann to cover it", async || {
        let cover = ann.coverage(&case).await.coverage.unwrap();
        matches!(cover, v1::coverage::Coverage::CoveredByPerson(by) if by.person == "ann")
            .then_some(())
    })
    .await;
    assert!(stage.company.writes().is_empty());
    assert!(said.try_recv().is_err() && kept.try_recv().is_err(), "no agent has it any more");
}

/// An agent that wants a large refund, and answers every question about it.
fn asked_back(stage: &Stage) -> Serving {
    let company = stage.company.clone();
    stage.agent("billing-1", move |case| {
        let company = company.clone();
        Box::pin(async move {
            let wish = Wish::refund("ch-1", LARGE);
            let answering = async {
                let mut answered = 0;
                loop {
                    let known = case.context();
                    let asked: Vec<_> =
                        known.iter().filter(|entry| entry.kind == "question").collect();
                    for entry in &asked[answered..] {
                        let body: Value = serde_json::from_str(&entry.body).unwrap();
                        let (action, text) = (body["action"].as_str().unwrap(), &body["text"]);
                        let number = u32::try_from(body["question"].as_u64().unwrap()).unwrap();
                        let reply = format!("re: {}", text.as_str().unwrap());
                        case.answer(action, number, reply).await.unwrap();
                    }
                    answered = asked.len();
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::select! {
                _ = wish.act(case, &company, "") => {}
                () = answering => {}
            }
            std::future::pending().await
        })
    })
}

fn ask(shown: &v1::Approval, question: &str) -> v1::AskRequest {
    v1::AskRequest {
        request_id: request(),
        approval_id: shown.id.clone(),
        shown_digest: shown.shown_digest.clone(),
        question: question.to_owned(),
    }
}

/// What was decided lately, as `belay why` says it.
async fn why(who: &Caller, case: &str) -> String {
    let request = v1::ExplainCaseRequest { case_id: case.to_owned() };
    let answer = who.cases().explain_case(request).await.unwrap().into_inner();
    answer.decisions.iter().map(|made| format!("{}\n", made.decision)).collect()
}
