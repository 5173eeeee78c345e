//! The supervisor may end at any moment. What was answered stays, what is owed is still done, and nothing twice.

use std::sync::Arc;

use belay_agent::ActionResult;
use belay_api::v1;
use belay_api::v1::coverage::Coverage as Kind;
use tokio::sync::{Notify, mpsc};
use tonic::Code;

use crate::stage::agents::{Wish, hear};
use crate::stage::callers::refused;
use crate::stage::watching::{covered_until, person_of};
use crate::stage::{Stage, case_of, request, said, until};

#[tokio::test]
async fn every_case_that_was_answered_is_there_after_a_crash() {
    let mut stage = Stage::start().await;
    let tool = stage.tool();
    let asked: Vec<_> = (0..20).map(|_| case_of("note")).collect();
    let opening = asked.iter().map(|request| tool.open(request.clone()));
    let opened = futures_util::future::join_all(opening).await;
    stage.crash();
    stage.go_on().await;
    let tool = stage.tool();
    for (request, answer) in asked.into_iter().zip(opened) {
        let before = answer.unwrap().case.unwrap();
        let id = before.summary.unwrap().id;
        let after = tool.case(&id).await;
        assert_eq!(after.context_digest, before.context_digest);
        assert!(after.sequence >= before.sequence);
        let again = tool.open(request).await.unwrap();
        assert!(again.opened, "the repeat gets the first answer");
        assert_eq!(again.case.unwrap().summary.unwrap().id, id);
    }
    let (_agent, mut said) = stage.agent_wishing("crm-1", vec![]);
    drop(said.try_recv());
    let all = v1::ListCasesRequest {
        filter: Some(v1::CaseFilter {
            states: vec![v1::CaseState::Resolved.into()],
            ..Default::default()
        }),
        ..Default::default()
    };
    until("an agent to resolve all of them", async || {
        let page = tool.cases().list_cases(all.clone()).await.unwrap().into_inner();
        (page.cases.len() == 20).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_approval_outlives_a_crash_and_leads_to_one_write() {
    let mut stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", 12_000)]);
    let case = stage.open("refund").await;
    let fay = stage.person("fay", &["finance"]);
    let asked = fay.asked(&case).await;
    fay.approve(&asked).await.unwrap();
    stage.crash();
    stage.go_on().await;
    let finn = stage.person("finn", &["finance"]);
    let after = finn.asked(&case).await;
    assert_eq!(after.shown_digest, asked.shown_digest);
    assert_eq!(after.votes.len(), 1, "the first yes counts on");
    finn.approve(&after).await.unwrap();
    let result = hear("what became of the refund", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(finn.sees_resolved(&case).await, "resolved");
    assert_eq!(stage.company.writes_to("/refunds"), 1);
}

#[tokio::test]
async fn a_write_under_way_during_a_crash_is_verified_and_not_done_again() {
    let mut stage = Stage::start().await;
    let company = stage.company.clone();
    let (wrote, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (written, going) = (Arc::clone(&wrote), Arc::clone(&go_on));
    let (say, mut said) = mpsc::unbounded_channel();
    let _agent = stage.agent("billing-1", move |case| {
        let (company, say) = (company.clone(), say.clone());
        let (written, going) = (Arc::clone(&written), Arc::clone(&going));
        Box::pin(async move {
            let wish = Wish::refund("ch-1", 900);
            let proposal = case.propose(wish.contract, wish.input).provenance("", wish.source, "r");
            let write = |permit| {
                let company = company.clone();
                let (written, going) = (Arc::clone(&written), Arc::clone(&going));
                async move {
                    let outcome = company.carry_out(permit).await;
                    written.notify_one();
                    going.notified().await;
                    outcome
                }
            };
            let _ = say.send(proposal.act(write).await?);
            Ok(case.resolve("resolved", "").await?)
        })
    });
    let case = stage.open("refund").await;
    crate::stage::within("the agent to write", wrote.notified()).await;
    stage.crash();
    go_on.notify_one();
    stage.go_on().await;
    let result = hear("what became of the refund", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(stage.tool().sees_resolved(&case).await, "resolved");
    assert_eq!(stage.company.writes_to("/refunds"), 1);
}

#[tokio::test]
async fn the_supervisors_own_write_is_done_once_whenever_it_crashes() {
    let mut stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing("erp-1", vec![Wish::credit(800)]);
    let case = stage.open("credit").await;
    // As early as the write shows, so that the outcome is not journaled yet, most of the time.
    until("the supervisor to write", async || {
        (stage.company.writes_to("/credit-notes") > 0).then_some(())
    })
    .await;
    stage.crash();
    stage.go_on().await;
    let result = hear("what became of the credit note", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(stage.tool().sees_resolved(&case).await, "resolved");
    assert_eq!(stage.company.writes_to("/credit-notes"), 1);
}

#[tokio::test]
async fn a_person_who_has_a_case_has_it_after_a_crash_and_no_second_ticket_is_made() {
    let mut stage = Stage::start().await;
    let (cara, case) = (stage.person("cara", &[]), stage.open("other").await);
    let ticket = cara.ticket(&case, "support-desk").await;
    cara.take(&ticket.id).await.unwrap();
    until("cara to cover it", async || {
        (person_of(&cara.coverage(&case).await) == Some("cara")).then_some(())
    })
    .await;
    stage.crash();
    stage.go_on().await;
    let restarted = jiff::Timestamp::now();
    let cara = stage.person("cara", &[]);
    let fresh = async || match cara.coverage(&case).await.coverage {
        Some(Kind::CoveredByPerson(cover)) => {
            let sent = cover.evidence.unwrap().sent_at;
            (crate::stage::watching::moment(sent.as_ref()) > restarted).then_some(cover.person)
        }
        _ => None,
    };
    assert_eq!(until("fresh evidence", fresh).await, "cara");
    let request = v1::ListTicketsRequest { case_id: case.clone(), ..Default::default() };
    let tickets = cara.desk().list_tickets(request).await.unwrap().into_inner().tickets;
    assert_eq!(tickets.len(), 1, "{tickets:?}");
}

#[tokio::test]
async fn a_ticket_that_is_being_placed_during_a_crash_is_placed_once() {
    let mut stage = Stage::start().await;
    let case = stage.open("other").await;
    // At once, wherever it is with that.
    stage.crash();
    stage.go_on().await;
    let cara = stage.person("cara", &[]);
    let ticket = cara.ticket(&case, "support-desk").await;
    cara.take(&ticket.id).await.unwrap();
    until("cara to cover it", async || covered_until(&cara.coverage(&case).await).map(drop)).await;
    let request = v1::ListTicketsRequest { case_id: case.clone(), ..Default::default() };
    let tickets = cara.desk().list_tickets(request).await.unwrap().into_inner().tickets;
    assert_eq!(tickets.len(), 1, "{tickets:?}");
}

#[tokio::test]
async fn agents_and_cases_go_on_after_an_orderly_restart() {
    let mut stage = Stage::start().await;
    let case = stage.open("refund").await;
    let (_agent, mut took) = stage.agent_keeping("billing-1");
    let (_, epoch) = hear("the agent to take it", &mut took).await;
    stage.leave().await;
    stage.go_on().await;
    let tool = stage.tool();
    until("the agent to cover it with a fresh lease", async || {
        let story = tool.story(&case).await;
        let covered = covered_until(&tool.coverage(&case).await).is_some();
        (covered && story.iter().any(|event| event == "lease_renewed")).then_some(())
    })
    .await;
    assert_eq!(tool.case(&case).await.summary.unwrap().epoch, epoch, "nobody else had it");
}

#[tokio::test]
async fn a_change_that_was_made_before_a_crash_is_not_made_again() {
    let mut stage = Stage::start().await;
    let case = stage.open("other").await;
    let add = v1::AddContextRequest {
        request_id: request(),
        case_id: case.clone(),
        entries: vec![said("one more thing"), said("and another")],
    };
    let rename = v1::UpdateCaseRequest {
        request_id: request(),
        case_id: case.clone(),
        subject: Some("a better name".to_owned()),
        ..Default::default()
    };
    let resolve = v1::ResolveCaseRequest {
        request_id: request(),
        case_id: case.clone(),
        resolution_code: "resolved".to_owned(),
        note: String::new(),
    };
    let cara = stage.person("cara", &[]);
    let added = cara.cases().add_context(add.clone()).await.unwrap().into_inner();
    cara.cases().update_case(rename.clone()).await.unwrap();
    cara.cases().resolve_case(resolve.clone()).await.unwrap();
    let before = stage.tool().case(&case).await;

    stage.crash();
    stage.go_on().await;
    let cara = stage.person("cara", &[]);
    let again = cara.cases().add_context(add.clone()).await.unwrap().into_inner();
    assert_eq!(again, added, "the repeat gets the first answer");
    cara.cases().update_case(rename).await.unwrap();
    cara.cases().resolve_case(resolve).await.unwrap();
    let other = v1::AddContextRequest { entries: vec![said("something else")], ..add };
    refused(cara.cases().add_context(other).await, Code::AlreadyExists, "KEY_REUSED");
    let after = stage.tool().case(&case).await;
    assert_eq!(after.context_digest, before.context_digest);
    assert_eq!(after.context.len(), before.context.len());
    let done = |case: v1::Case| case.summary.map(|one| (one.subject, one.resolved_at));
    assert_eq!(done(after), done(before));
}
