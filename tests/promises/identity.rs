//! Everybody is known by certificate and token, and may do exactly what is theirs to do.

use std::time::Duration;

use belay_agent::ServeError;
use belay_api::v1;
use belay_api::v1::connect_request::Message as Say;
use belay_transport::authority::DevAuthority;
use belay_transport::channel::connect;
use belay_transport::issuer::DevIssuer;
use belay_transport::person::Person;
use belay_transport::tls::Identity;
use tonic::Code;

use crate::stage::agents::hear;
use crate::stage::callers::{Caller, refusal, refused};
use crate::stage::line::Line;
use crate::stage::{Stage, case_of, request};

#[tokio::test]
async fn a_certificate_of_another_authority_gets_no_connection() {
    let stage = Stage::start().await;
    let other = DevAuthority::open_or_create(&stage.room("other")).unwrap();
    // It believes the real supervisor, so it is the supervisor that has to end it.
    std::fs::copy(stage.identities().join("ca.pem"), stage.room("other").join("ca.pem")).unwrap();
    let identity = Identity::in_directory(other.directory(), "tools/cli");
    let caller = Caller::with(&stage, identity, None);
    let status = caller.open(case_of("note")).await.expect_err("nobody is let in");
    // There is no answer, only the end of the connection.
    assert!(status.details().is_empty() && status.metadata().is_empty(), "{status:?}");
    let listed = stage.tool().cases().list_cases(v1::ListCasesRequest::default()).await.unwrap();
    assert!(listed.into_inner().cases.is_empty());
}

#[tokio::test]
async fn an_agent_has_its_stream_and_nothing_else() {
    let stage = Stage::start().await;
    let agent = Caller::with(&stage, stage.authority().agent("billing-1").unwrap(), None);
    refused(agent.open(case_of("refund")).await, Code::PermissionDenied, "NOT_ALLOWED");
    let all = v1::ListCasesRequest::default();
    refused(agent.cases().list_cases(all).await, Code::PermissionDenied, "NOT_ALLOWED");
    let asked = v1::ApproveRequest { approval_id: "a".to_owned(), ..Default::default() };
    refused(agent.approvals().approve(asked).await, Code::PermissionDenied, "NOT_ALLOWED");
    // A person's token makes no person of an agent.
    let token = token(&stage, "fay", &["finance"], "default", Duration::from_secs(60));
    let dressed = Caller::with(&stage, stage.authority().agent("billing-1").unwrap(), Some(&token));
    refused(dressed.open(case_of("refund")).await, Code::PermissionDenied, "NOT_ALLOWED");
}

#[tokio::test]
async fn the_stream_of_agents_is_for_agents_of_the_playbook() {
    let stage = Stage::start().await;
    let identity = stage.authority().tool("cli").unwrap();
    let channel = connect(&stage.endpoint(), identity).await.unwrap();
    let mut client = v1::agent_service_client::AgentServiceClient::new(channel);
    let answer = client.connect(tokio_stream::empty()).await.map(drop);
    refused(answer, Code::PermissionDenied, "NOT_ALLOWED");

    let ended = match Line::dial(&stage, "stranger").await {
        Err(status) => Err(status),
        Ok(mut line) => {
            line.mention(Say::Register(v1::Register { capacity: 1, ..Default::default() })).await;
            line.ended().await
        }
    };
    refused(ended, Code::PermissionDenied, "UNKNOWN_AGENT");
    let mut line = Line::dial(&stage, "billing-1").await.unwrap();
    let roles = vec!["crm".to_owned()];
    line.mention(Say::Register(v1::Register { roles, capacity: 1, ..Default::default() })).await;
    refused(line.ended().await, Code::PermissionDenied, "UNKNOWN_AGENT");
}

#[tokio::test]
async fn an_agent_that_is_not_wanted_is_told_so_and_stops() {
    let stage = Stage::start().await;
    let (stranger, _) = stage.agent_keeping("stranger");
    let ended = stranger.ended().await;
    let Err(ServeError::Refused(refused)) = ended else { panic!("{ended:?}") };
    assert_eq!(refused.reason, v1::ErrorReason::UnknownAgent);
    let (older, mut took) = stage.agent_keeping("billing-1");
    stage.open("refund").await;
    hear("the older one to take a case", &mut took).await;
    let (_newer, _) = stage.agent_keeping("billing-1");
    let ended = older.ended().await;
    let Err(ServeError::Goodbye { reason, .. }) = ended else { panic!("{ended:?}") };
    assert_eq!(reason, v1::GoodbyeReason::Replaced);
}

#[tokio::test]
async fn what_only_people_may_do_needs_a_token_that_is_believed() {
    let stage = Stage::start().await;
    let case = stage.open("other").await;
    let resolve = || v1::ResolveCaseRequest {
        request_id: request(),
        case_id: case.clone(),
        resolution_code: "resolved".to_owned(),
        note: String::new(),
    };
    let cli = || stage.authority().tool("cli").unwrap();
    let old = {
        let issuer = DevIssuer::open_or_create(&stage.identities()).unwrap();
        let before = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
        issuer
            .issue_token(&person("cara", &[], "default"), Duration::from_secs(60), before)
            .unwrap()
    };
    let foreign = {
        let issuer = DevIssuer::open_or_create(&stage.room("foreign")).unwrap();
        let now = jiff::Timestamp::now();
        issuer.issue_token(&person("cara", &[], "default"), Duration::from_secs(60), now).unwrap()
    };
    for token in [None, Some("nonsense"), Some(old.as_str()), Some(foreign.as_str())] {
        let caller = Caller::with(&stage, cli(), token);
        let answer = caller.cases().resolve_case(resolve()).await;
        refused(answer, Code::Unauthenticated, "UNKNOWN_IDENTITY");
    }
    stage.person("cara", &[]).cases().resolve_case(resolve()).await.unwrap();
}

#[tokio::test]
async fn operators_are_those_in_the_group_of_operators() {
    let stage = Stage::start().await;
    let reload = || v1::ReloadPlaybookRequest { request_id: request(), dry_run: true };
    let fay = stage.person("fay", &["finance"]);
    let answer = fay.playbook().reload_playbook(reload()).await;
    refused(answer, Code::PermissionDenied, "NOT_ALLOWED");
    let answer = fay.audit().verify_journal(v1::VerifyJournalRequest::default()).await.map(drop);
    refused(answer, Code::PermissionDenied, "NOT_ALLOWED");
    let olga = stage.person("olga", &["operators"]);
    let read = olga.playbook().reload_playbook(reload()).await.unwrap().into_inner();
    assert!(!read.changed);
}

#[tokio::test]
async fn a_case_of_another_tenant_does_not_exist() {
    let stage = Stage::start().await;
    let case = stage.open("other").await;
    let zoe = Caller::person(&stage, "zoe", &["operators", "finance"], "elsewhere");
    let id = || case.clone();
    let found = refusal(zoe.cases().get_case(v1::GetCaseRequest { case_id: id() }).await);
    assert_eq!((found.code, found.reason.as_str()), (Code::NotFound, "UNKNOWN_CASE"));
    assert_eq!(found.metadata["case_id"], case);
    let coverage = zoe.coverages().get_coverage(v1::GetCoverageRequest { case_id: id() }).await;
    refused(coverage, Code::NotFound, "UNKNOWN_CASE");
    let events = v1::ListEventsRequest { case_id: id(), ..Default::default() };
    refused(zoe.audit().list_events(events).await, Code::NotFound, "UNKNOWN_CASE");
    let watch = v1::WatchCaseRequest { case_id: id(), after_sequence: 0 };
    refused(zoe.cases().watch_case(watch).await.map(drop), Code::NotFound, "UNKNOWN_CASE");
    let ticket = stage.person("cara", &[]).ticket(&case, "support-desk").await;
    refused(zoe.take(&ticket.id).await, Code::NotFound, "UNKNOWN_TICKET");
    let listed = zoe.cases().list_cases(v1::ListCasesRequest::default()).await.unwrap();
    assert!(listed.into_inner().cases.is_empty());

    let named = v1::OpenCaseRequest { tenant: "default".to_owned(), ..case_of("other") };
    refused(zoe.open(named).await, Code::PermissionDenied, "WRONG_TENANT");
    let filter = v1::CaseFilter { tenant: "default".to_owned(), ..Default::default() };
    let list = v1::ListCasesRequest { filter: Some(filter), ..Default::default() };
    refused(zoe.cases().list_cases(list).await, Code::PermissionDenied, "WRONG_TENANT");
    let export = v1::ExportEventsRequest { tenant: "default".to_owned(), ..Default::default() };
    let export = zoe.audit().export_events(export).await.map(drop);
    refused(export, Code::PermissionDenied, "WRONG_TENANT");
}

#[tokio::test]
async fn the_same_request_id_of_two_tenants_is_two_cases() {
    let stage = Stage::start().await;
    let zoe = Caller::person(&stage, "zoe", &[], "elsewhere");
    let asked = case_of("other");
    let ours = stage.tool().open(asked.clone()).await.unwrap().case.unwrap().summary.unwrap();
    let theirs = zoe.open(asked).await.unwrap().case.unwrap().summary.unwrap();
    assert_eq!((ours.tenant.as_str(), theirs.tenant.as_str()), ("default", "elsewhere"));
    assert_ne!(ours.id, theirs.id);
}

#[tokio::test]
async fn the_agents_that_are_there_are_known_by_their_certificates() {
    let stage = Stage::start().await;
    let _line = Line::open(&stage, "billing-1").await;
    let asked = v1::ListAgentsRequest { connected_only: true, ..Default::default() };
    let agents = stage.tool().registry().list_agents(asked).await.unwrap().into_inner().agents;
    assert_eq!(agents.len(), 1);
    assert_eq!(agents[0].spiffe_id, "spiffe://belay.local/agent/billing-1");
    assert_eq!((agents[0].id.as_str(), agents[0].boundary.as_str()), ("billing-1", "billing"));
    assert_eq!(agents[0].session.as_ref().unwrap().capacity, 8);
}

fn person(id: &str, groups: &[&str], tenant: &str) -> Person {
    Person {
        id: id.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        tenant: tenant.to_owned(),
    }
}

fn token(stage: &Stage, id: &str, groups: &[&str], tenant: &str, life: Duration) -> String {
    let issuer = DevIssuer::open_or_create(&stage.identities()).unwrap();
    issuer.issue_token(&person(id, groups, tenant), life, jiff::Timestamp::now()).unwrap()
}
