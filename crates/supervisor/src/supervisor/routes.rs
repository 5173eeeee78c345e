//! Everything that is served, and what every call passes on its way there.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Bytes, HttpBody};
use belay_api::v1::agent_registry_service_server::AgentRegistryServiceServer;
use belay_api::v1::approval_service_server::ApprovalServiceServer;
use belay_api::v1::audit_service_server::AuditServiceServer;
use belay_api::v1::case_service_server::CaseServiceServer;
use belay_api::v1::coverage_service_server::CoverageServiceServer;
use belay_api::v1::desk_service_server::DeskServiceServer;
use belay_api::v1::escalation_service_server::EscalationServiceServer;
use belay_api::v1::playbook_service_server::PlaybookServiceServer;
use belay_transport::deadline::DeadlineLayer;
use belay_transport::limits::{LimitLayer, Limits};
use belay_transport::telemetry::TraceLayer;
use http::{Request, Response};
use tonic::body::Body;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tower::{Service, ServiceBuilder};

use super::StartError;
use super::details::DetailsLayer;
use crate::caller::{AuthorizeLayer, Identity, lane};
use crate::service::agent::House;
use crate::service::{self, Shared};

/// The largest message that may bring the context of a case.
const CONTEXT_MESSAGE_MAX: usize = 1024 * 1024;

/// The largest of all other messages, with room for a note of the longest.
const MESSAGE_MAX: usize = 512 * 1024;

/// The largest answer. A case with the longest conversation that is kept would be larger; nobody has read one.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// Methods whose callers go on asking while they are answered.
const TALKS: &[&str] = &[
    "/belay.v1.AgentService/Connect",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The services whose health is told, by their full names.
const SERVICES: &[&str] = &[
    "",
    "belay.v1.AgentService",
    "belay.v1.AgentRegistryService",
    "belay.v1.ApprovalService",
    "belay.v1.AuditService",
    "belay.v1.CaseService",
    "belay.v1.CoverageService",
    "belay.v1.DeskService",
    "belay.v1.EscalationService",
    "belay.v1.PlaybookService",
];

/// Whether the supervisor takes work, for those who decide where to send it.
pub(super) struct Health {
    reporter: HealthReporter,
}

impl Health {
    /// It does.
    pub(super) async fn new() -> Self {
        let health = Self { reporter: HealthReporter::new() };
        health.say(ServingStatus::Serving).await;
        health
    }

    /// It takes none any more.
    pub(super) async fn leave(&self) {
        self.say(ServingStatus::NotServing).await;
    }

    /// Ends the answers of those who watch, so that they do not keep their connections open.
    pub(super) async fn gone(&mut self) {
        for service in SERVICES {
            self.reporter.clear_service_status(service).await;
        }
    }

    async fn say(&self, status: ServingStatus) {
        for service in SERVICES {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

/// Every service.
pub(super) fn services(
    shared: Shared,
    house: House,
    health: &Health,
) -> Result<Routes, StartError> {
    macro_rules! bounded {
        ($server:expr, $most:expr) => {
            $server.max_decoding_message_size($most).max_encoding_message_size(ANSWER_MAX)
        };
    }
    let registry = service::agent_registry::Service(shared.clone());
    let approvals = service::approval::Service(shared.clone());
    let audit = service::audit::Service::new(shared.clone());
    let cases = service::case::Service(shared.clone());
    let coverage = service::coverage::Service(shared.clone());
    let desk = service::desk::Service(shared.clone());
    let escalations = service::escalation::Service(shared.clone());
    let playbook = service::playbook::Service::new(shared);
    let describe = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(belay_api::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let health = HealthService::from_health_reporter(health.reporter.clone());
    Ok(Routes::default()
        .add_service(service::agent::Service::server(house))
        .add_service(bounded!(AgentRegistryServiceServer::new(registry), MESSAGE_MAX))
        .add_service(bounded!(ApprovalServiceServer::new(approvals), MESSAGE_MAX))
        .add_service(bounded!(AuditServiceServer::new(audit), MESSAGE_MAX))
        .add_service(bounded!(CaseServiceServer::new(cases), CONTEXT_MESSAGE_MAX))
        .add_service(bounded!(CoverageServiceServer::new(coverage), MESSAGE_MAX))
        .add_service(bounded!(DeskServiceServer::new(desk), MESSAGE_MAX))
        .add_service(bounded!(EscalationServiceServer::new(escalations), MESSAGE_MAX))
        .add_service(bounded!(PlaybookServiceServer::new(playbook), MESSAGE_MAX))
        .add_service(HealthServer::new(health))
        .add_service(describe().build_v1()?)
        .add_service(describe().build_v1alpha()?)
        .prepare())
}

/// What every call passes, outermost first: it is traced, its refusal is complete, it has a deadline and a place, and
/// its caller is known and allowed.
pub(super) fn stack<B>(
    routes: Routes,
    limits: Arc<Limits>,
    identity: Arc<Identity>,
) -> impl Service<Request<B>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
+ Clone
+ Send
+ 'static
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    ServiceBuilder::new()
        .layer(TraceLayer::new())
        .layer(DetailsLayer)
        .layer(DeadlineLayer)
        .layer(LimitLayer::new(limits, lane).talks(TALKS))
        .layer(AuthorizeLayer::new(identity))
        .service(routes)
}

#[cfg(test)]
mod tests;
