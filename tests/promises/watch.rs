//! Whoever watches misses nothing and hears nothing twice, also across a broken line and a restart.

use belay_api::v1;
use belay_api::v1::watch_case_response::Message as One;
use belay_api::v1::watch_cases_response::Message as Many;
use tonic::Code;

use crate::stage::agents::Wish;
use crate::stage::callers::{Caller, refused};
use crate::stage::{Stage, within};

#[tokio::test]
async fn a_watch_of_one_case_goes_on_where_it_stopped() {
    let mut stage = Stage::start().await;
    let case = stage.open("refund").await;
    let mut heard = follow(&stage.tool(), &case, 0, 2).await;
    let (_agent, _said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", 500)]);
    heard.extend(follow(&stage.tool(), &case, last(&heard), 3).await);
    stage.tool().sees_resolved(&case).await;
    stage.crash();
    stage.go_on().await;
    let tool = stage.tool();
    // To the end: a resolved case has nothing more to say.
    heard.extend(follow(&tool, &case, last(&heard), usize::MAX).await);
    let told: Vec<_> = heard.iter().map(|update| (update.sequence, update.event.clone())).collect();
    let journaled: Vec<_> =
        tool.events(&case).await.into_iter().map(|event| (event.sequence, event.event)).collect();
    assert_eq!(told, journaled);
    assert!(heard.iter().all(|update| !update.description.is_empty() && update.summary.is_some()));
    let beyond = v1::WatchCaseRequest { case_id: case, after_sequence: 1_000_000 };
    let answer = tool.cases().watch_case(beyond).await.map(drop);
    refused(answer, Code::OutOfRange, "UNKNOWN_POSITION");
}

#[tokio::test]
async fn a_watch_of_many_cases_goes_on_where_it_stopped() {
    let mut stage = Stage::start().await;
    let (_agent, _said) = stage.agent_wishing("crm-1", vec![Wish::note("hello")]);
    let first = stage.open("note").await;
    let mut heard = follow_all(&stage.tool(), 0, Some(4)).await;
    stage.open("note").await;
    let position = heard.last().unwrap().position;
    heard.extend(follow_all(&stage.tool(), position, Some(4)).await);
    stage.tool().sees_resolved(&first).await;
    stage.crash();
    stage.go_on().await;
    let tool = stage.tool();
    let third = stage.open("note").await;
    tool.sees_resolved(&third).await;
    let position = heard.last().unwrap().position;
    heard.extend(follow_all(&tool, position, None).await);
    let told: Vec<_> = heard.iter().map(|update| update.position).collect();
    let export = v1::ExportEventsRequest::default();
    let mut stream = tool.audit().export_events(export).await.unwrap().into_inner();
    let mut journaled = Vec::new();
    while let Some(event) = stream.message().await.unwrap() {
        journaled.push(event.event.unwrap().position);
    }
    // What came after the watch was caught up is not part of it.
    assert_eq!(told, journaled[..told.len()]);
    assert!(heard.iter().any(|update| update.case_id == third));
}

#[tokio::test]
async fn a_watch_with_a_filter_hears_of_nothing_else() {
    let stage = Stage::start().await;
    let other = stage.open("other").await;
    let kept = stage.open("refund").await;
    let filter = v1::CaseFilter { kinds: vec!["refund".to_owned()], ..Default::default() };
    let asked = v1::WatchCasesRequest { filter: Some(filter), after_position: Some(0) };
    let mut stream = stage.tool().cases().watch_cases(asked).await.unwrap().into_inner();
    let mut heard = Vec::new();
    loop {
        let answer = within("the watch to be caught up", stream.message()).await.unwrap().unwrap();
        match answer.message.unwrap() {
            Many::Update(update) => heard.push(update.case_id),
            Many::CaughtUp(_) => break,
        }
    }
    assert!(heard.contains(&kept) && !heard.contains(&other), "{heard:?}");
}

/// Follows one case until so many updates came, or to the end.
async fn follow(caller: &Caller, case: &str, after: u64, most: usize) -> Vec<v1::CaseUpdate> {
    let asked = v1::WatchCaseRequest { case_id: case.to_owned(), after_sequence: after };
    let mut stream = caller.cases().watch_case(asked).await.unwrap().into_inner();
    let mut heard = Vec::new();
    while heard.len() < most {
        match within("an update of the case", stream.message()).await.unwrap() {
            Some(answer) => {
                if let Some(One::Update(update)) = answer.message {
                    heard.push(update);
                }
            }
            None => return heard,
        }
    }
    heard
}

/// Follows all cases until so many updates came, or until it is caught up.
async fn follow_all(caller: &Caller, after: u64, most: Option<usize>) -> Vec<v1::CaseUpdate> {
    let asked = v1::WatchCasesRequest { filter: None, after_position: Some(after) };
    let mut stream = caller.cases().watch_cases(asked).await.unwrap().into_inner();
    let mut heard = Vec::new();
    while most.is_none_or(|most| heard.len() < most) {
        let answer = within("an update", stream.message()).await.unwrap().unwrap();
        match answer.message.unwrap() {
            Many::Update(update) => heard.push(update),
            Many::CaughtUp(_) if most.is_none() => return heard,
            Many::CaughtUp(_) => {}
        }
    }
    heard
}

fn last(heard: &[v1::CaseUpdate]) -> u64 {
    heard.last().unwrap().sequence
}
