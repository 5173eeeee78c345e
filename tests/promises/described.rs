//! Any gRPC client can find out what is served and whether it is well, and is told why a case stands where it stands.

use belay_api::v1;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::stage::Stage;
use crate::stage::agents::{Wish, hear};
use crate::stage::callers::Line;

#[tokio::test]
async fn reflection_names_every_service_and_describes_it() {
    let stage = Stage::start().await;
    let line = stage.tool().line();
    let MessageResponse::ListServicesResponse(listed) =
        reflect(&line, MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list")
    };
    let names: Vec<_> = listed.service.iter().map(|service| service.name.as_str()).collect();
    for service in [
        "AgentService",
        "AgentRegistryService",
        "ApprovalService",
        "AuditService",
        "CaseService",
        "CoverageService",
        "DeskService",
        "EscalationService",
        "PlaybookService",
    ] {
        let name = format!("belay.v1.{service}");
        assert!(names.contains(&name.as_str()), "{name} is missing in {names:?}");
        let described = reflect(&line, MessageRequest::FileContainingSymbol(name.clone())).await;
        let MessageResponse::FileDescriptorResponse(files) = described else {
            panic!("{name} is not described: {described:?}")
        };
        assert!(!files.file_descriptor_proto.is_empty());
    }
    assert!(names.contains(&"grpc.health.v1.Health"), "{names:?}");
}

#[tokio::test]
async fn health_is_told_for_the_whole_and_for_each_service() {
    let stage = Stage::start().await;
    let mut health = HealthClient::new(stage.tool().line());
    for service in ["", "belay.v1.CaseService", "belay.v1.AgentService"] {
        let asked = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(asked).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest { service: "belay.v1.Nothing".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn those_who_watch_the_health_hear_that_the_supervisor_leaves() {
    let mut stage = Stage::start().await;
    let mut health = HealthClient::new(stage.tool().line());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    stage.leave().await;
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn a_case_is_explained_with_what_holds_it_and_what_comes_next() {
    let stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-77", 500)]);
    let case = stage.open("refund").await;
    hear("how it was ruled", &mut said).await;
    let asked = v1::ExplainCaseRequest { case_id: case.clone() };
    let told = stage.tool().cases().explain_case(asked).await.unwrap().into_inner();
    assert!(told.headline.contains("billing-1"), "{}", told.headline);
    assert!(told.coverage.is_some());
    let next = told.next_moments.first().expect("something happens next");
    assert!(!next.what.is_empty() && !next.then.is_empty(), "{next:?}");
    let denied = told.decisions.iter().find(|one| !one.reasons.is_empty()).expect("the denial");
    assert_eq!(denied.reasons[0].rule, "charge-exists");
    assert_eq!(denied.about, format!("{case}/a1"));
}

#[tokio::test]
async fn the_playbook_in_force_can_be_read_and_a_broken_one_does_not_replace_it() {
    let stage = Stage::start().await;
    let olga = stage.person("olga", &["operators"]);
    let asked = v1::GetPlaybookRequest {};
    let before = olga.playbook().get_playbook(asked).await.unwrap().into_inner().playbook.unwrap();
    assert_eq!(before.name, "support-desk");
    let refund = before.contracts.iter().find(|one| one.id == "billing.refund@1").unwrap();
    assert_eq!((refund.tier, refund.mode()), (1, v1::ContractMode::Live));
    let file = stage.room("playbook").join("routing.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("to: role billing", "to: role bilking")).unwrap();
    let reload =
        || v1::ReloadPlaybookRequest { request_id: crate::stage::request(), dry_run: false };
    let status = olga.playbook().reload_playbook(reload()).await.unwrap_err();
    let failure = tonic_types::StatusExt::get_details_precondition_failure(&status).unwrap();
    assert!(failure.violations[0].subject.starts_with("routing.yaml:"), "{failure:?}");
    let after = olga.playbook().get_playbook(asked).await.unwrap().into_inner().playbook.unwrap();
    assert_eq!(after.version, before.version);
    std::fs::write(&file, text.replace("severity: high", "severity: low")).unwrap();
    let read = olga.playbook().reload_playbook(reload()).await.unwrap().into_inner();
    assert!(read.changed);
    assert_ne!(read.playbook.unwrap().version, before.version);
}

async fn reflect(line: &Line, message: MessageRequest) -> MessageResponse {
    let asked = ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let mut client = ServerReflectionClient::new(line.clone());
    let answer = client.server_reflection_info(tokio_stream::once(asked)).await.unwrap();
    let first = answer.into_inner().message().await.unwrap().expect("an answer");
    first.message_response.unwrap()
}
