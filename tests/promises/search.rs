//! Cases are found again: by filter, by words, page by page.

use std::collections::BTreeSet;

use belay_api::v1;
use tonic::Code;

use crate::stage::callers::{Caller, refused};
use crate::stage::{Stage, case_of, request};

#[tokio::test]
async fn pages_hold_every_case_once_in_their_order() {
    let stage = Stage::start().await;
    let mut opened = Vec::new();
    for _ in 0..7 {
        opened.push(stage.open("other").await);
    }
    let tool = stage.tool();
    let mut request = v1::ListCasesRequest {
        order: v1::CaseOrder::OldestFirst.into(),
        page_size: 3,
        ..Default::default()
    };
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = tool.cases().list_cases(request.clone()).await.unwrap().into_inner();
        sizes.push(page.cases.len());
        found.extend(page.cases.into_iter().map(|case| case.id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        // What comes meanwhile moves nothing.
        if sizes.len() == 1 {
            stage.person("cara", &[]).cases().resolve_case(resolve(&opened[0])).await.unwrap();
        }
    }
    assert_eq!(found, opened);
    assert_eq!(sizes, [3, 3, 1]);
}

#[tokio::test]
async fn a_page_token_is_good_for_its_own_question_only() {
    let stage = Stage::start().await;
    for _ in 0..3 {
        stage.open("other").await;
    }
    let tool = stage.tool();
    let first = v1::ListCasesRequest { page_size: 1, ..Default::default() };
    let page_token =
        tool.cases().list_cases(first.clone()).await.unwrap().into_inner().next_page_token;
    let bad = |request| async {
        let answer = tool.cases().list_cases(request).await;
        refused(answer, Code::InvalidArgument, "BAD_PAGE_TOKEN");
    };
    bad(v1::ListCasesRequest { page_token: "nonsense".to_owned(), ..first.clone() }).await;
    let filter = v1::CaseFilter { customer: "c-2".to_owned(), ..Default::default() };
    bad(v1::ListCasesRequest { page_token, filter: Some(filter), ..first }).await;
}

#[tokio::test]
async fn filters_and_words_find_what_they_say() {
    let stage = Stage::start().await;
    let tool = stage.tool();
    let open = async |subject: &str, kind: &str, customer: &str| {
        let request = v1::OpenCaseRequest {
            subject: subject.to_owned(),
            customer: customer.to_owned(),
            ..case_of(kind)
        };
        tool.open(request).await.unwrap().case.unwrap().summary.unwrap().id
    };
    let lamp = open("The Lantern flickers", "other", "c-1").await;
    let rope = open("a rope of 60 metres", "refund", "c-2").await;
    let gone = open("lantern arrived broken", "other", "c-2").await;
    stage.person("cara", &[]).cases().resolve_case(resolve(&gone)).await.unwrap();

    let text = |words: &str| v1::CaseFilter { text: words.to_owned(), ..Default::default() };
    check(&tool, text("lantern"), &[&lamp, &gone]).await;
    check(&tool, text("LANT flick"), &[&lamp]).await;
    check(&tool, text(&rope), &[&rope]).await;
    check(&tool, text("nothing like it"), &[]).await;
    check(&tool, text("\" OR 1=1 --"), &[]).await;
    let kinds = vec!["refund".to_owned()];
    check(&tool, v1::CaseFilter { kinds, ..Default::default() }, &[&rope]).await;
    let customer = "c-2".to_owned();
    check(&tool, v1::CaseFilter { customer, ..Default::default() }, &[&rope, &gone]).await;
    let states = vec![v1::CaseState::Resolved.into()];
    check(&tool, v1::CaseFilter { states, ..Default::default() }, &[&gone]).await;
    let states = vec![v1::CaseState::Open.into()];
    let filter = v1::CaseFilter { states, text: "lantern".to_owned(), ..Default::default() };
    check(&tool, filter, &[&lamp]).await;
    let coverage = vec![v1::CoverageKind::Closed.into()];
    check(&tool, v1::CaseFilter { coverage, ..Default::default() }, &[&gone]).await;
}

#[tokio::test]
async fn a_case_is_found_by_who_holds_it() {
    let stage = Stage::start().await;
    let (_agent, mut took) = stage.agent_keeping("billing-1");
    let held = stage.open("refund").await;
    let waiting = stage.open("other").await;
    crate::stage::agents::hear("the agent to take it", &mut took).await;
    let tool = stage.tool();
    let owner = "billing-1".to_owned();
    check(&tool, v1::CaseFilter { owner, ..Default::default() }, &[&held]).await;
    let owner_kind = v1::OwnerKind::Supervisor.into();
    check(&tool, v1::CaseFilter { owner_kind, ..Default::default() }, &[&waiting]).await;
    let coverage = vec![v1::CoverageKind::Covered.into()];
    check(&tool, v1::CaseFilter { coverage, ..Default::default() }, &[&held]).await;
}

/// Checks which cases a filter finds.
async fn check(tool: &Caller, filter: v1::CaseFilter, wanted: &[&String]) {
    let request = v1::ListCasesRequest { filter: Some(filter.clone()), ..Default::default() };
    let page = tool.cases().list_cases(request).await.unwrap().into_inner();
    let found: BTreeSet<_> = page.cases.iter().map(|case| &case.id).collect();
    assert_eq!(found, wanted.iter().copied().collect(), "{filter:?}");
}

fn resolve(case: &str) -> v1::ResolveCaseRequest {
    v1::ResolveCaseRequest {
        request_id: request(),
        case_id: case.to_owned(),
        resolution_code: "resolved".to_owned(),
        note: String::new(),
    }
}
