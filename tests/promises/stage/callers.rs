//! Those who call: a tool with its certificate, and people with tokens on top. Every service, and what a refusal says.

use std::collections::HashMap;
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::agent_registry_service_client::AgentRegistryServiceClient;
use belay_api::v1::approval_service_client::ApprovalServiceClient;
use belay_api::v1::audit_service_client::AuditServiceClient;
use belay_api::v1::case_service_client::CaseServiceClient;
use belay_api::v1::coverage_service_client::CoverageServiceClient;
use belay_api::v1::desk_service_client::DeskServiceClient;
use belay_api::v1::escalation_service_client::EscalationServiceClient;
use belay_api::v1::playbook_service_client::PlaybookServiceClient;
use belay_transport::channel::{Bearer, connect_lazy};
use belay_transport::issuer::DevIssuer;
use belay_transport::person::Person;
use belay_transport::tls::Identity;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::{Stage, request, until};

/// A channel on which every call carries the caller's token, if they have one.
pub(crate) type Line = InterceptedService<Channel, Token>;

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Caller {
    line: Line,
}

/// See [`Line`].
#[derive(Clone)]
pub(crate) struct Token(Option<Bearer>);

impl Interceptor for Token {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        match &mut self.0 {
            Some(bearer) => bearer.call(request),
            None => Ok(request),
        }
    }
}

impl Caller {
    /// The command line, for nobody in particular.
    pub(crate) fn tool(stage: &Stage) -> Self {
        Self::with(stage, Identity::in_directory(&stage.identities(), "tools/cli"), None)
    }

    /// A person of a tenant, who uses the command line.
    pub(crate) fn person(stage: &Stage, id: &str, groups: &[&str], tenant: &str) -> Self {
        let person = Person {
            id: id.to_owned(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            tenant: tenant.to_owned(),
        };
        let issuer = DevIssuer::open_or_create(&stage.identities()).unwrap();
        let hour = Duration::from_secs(3600);
        let token = issuer.issue_token(&person, hour, jiff::Timestamp::now()).unwrap();
        let identity = Identity::in_directory(&stage.identities(), "tools/cli");
        Self::with(stage, identity, Some(&token))
    }

    /// Whoever has this certificate and this token.
    pub(crate) fn with(stage: &Stage, identity: Identity, token: Option<&str>) -> Self {
        let channel = connect_lazy(&stage.endpoint(), identity).unwrap();
        let bearer = token.map(|token| Bearer::new(token).unwrap());
        Self { line: InterceptedService::new(channel, Token(bearer)) }
    }

    pub(crate) fn line(&self) -> Line {
        self.line.clone()
    }

    pub(crate) fn cases(&self) -> CaseServiceClient<Line> {
        CaseServiceClient::new(self.line()).max_decoding_message_size(64 * 1024 * 1024)
    }

    pub(crate) fn approvals(&self) -> ApprovalServiceClient<Line> {
        ApprovalServiceClient::new(self.line())
    }

    pub(crate) fn escalations(&self) -> EscalationServiceClient<Line> {
        EscalationServiceClient::new(self.line())
    }

    pub(crate) fn coverages(&self) -> CoverageServiceClient<Line> {
        CoverageServiceClient::new(self.line())
    }

    pub(crate) fn desk(&self) -> DeskServiceClient<Line> {
        DeskServiceClient::new(self.line())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Line> {
        AuditServiceClient::new(self.line())
    }

    pub(crate) fn playbook(&self) -> PlaybookServiceClient<Line> {
        PlaybookServiceClient::new(self.line())
    }

    pub(crate) fn registry(&self) -> AgentRegistryServiceClient<Line> {
        AgentRegistryServiceClient::new(self.line())
    }

    pub(crate) async fn open(
        &self,
        request: v1::OpenCaseRequest,
    ) -> Result<v1::OpenCaseResponse, Status> {
        self.cases().open_case(request).await.map(tonic::Response::into_inner)
    }

    /// A case with everything in it.
    pub(crate) async fn case(&self, case: &str) -> v1::Case {
        let request = v1::GetCaseRequest { case_id: case.to_owned() };
        self.cases().get_case(request).await.expect("the case").into_inner().case.unwrap()
    }

    /// The coverage of a case now.
    pub(crate) async fn coverage(&self, case: &str) -> v1::Coverage {
        let request = v1::GetCoverageRequest { case_id: case.to_owned() };
        let answer = self.coverages().get_coverage(request).await.expect("the coverage");
        answer.into_inner().coverage.unwrap()
    }

    /// The stable names of everything that happened to a case, in order.
    pub(crate) async fn story(&self, case: &str) -> Vec<String> {
        let events = self.events(case).await;
        events.into_iter().map(|event| event.event).collect()
    }

    /// Everything that happened to a case, in order.
    pub(crate) async fn events(&self, case: &str) -> Vec<v1::JournalEvent> {
        let mut events = Vec::new();
        let mut page_token = String::new();
        loop {
            let case_id = case.to_owned();
            let request = v1::ListEventsRequest { case_id, page_size: 500, page_token };
            let page = self.audit().list_events(request).await.expect("the events").into_inner();
            events.extend(page.events);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return events;
            }
        }
    }

    /// Waits until a case is as it should be.
    pub(crate) async fn sees<T>(
        &self,
        what: &str,
        case: &str,
        look: impl Fn(&v1::Case) -> Option<T>,
    ) -> T {
        until(what, async || look(&self.case(case).await)).await
    }

    /// Waits until a case is resolved, and says with which code.
    pub(crate) async fn sees_resolved(&self, case: &str) -> String {
        let what = format!("{case} to be resolved");
        self.sees(&what, case, |found| Some(found.resolution.clone()?.code)).await
    }

    /// Waits until something happened to a case so often.
    pub(crate) async fn sees_event(&self, case: &str, event: &str, times: usize) {
        until(&format!("{event} of {case}"), async || {
            let story = self.story(case).await;
            (story.iter().filter(|&found| found == event).count() >= times).then_some(())
        })
        .await;
    }

    /// The approval that people are asked for, on this case.
    pub(crate) async fn asked(&self, case: &str) -> v1::Approval {
        until(&format!("an approval of {case}"), async || {
            let case_id = case.to_owned();
            let request = v1::ListApprovalsRequest { case_id, ..Default::default() };
            let answer = self.approvals().list_approvals(request).await.expect("the approvals");
            answer.into_inner().approvals.into_iter().next()
        })
        .await
    }

    /// Says yes to what was shown.
    pub(crate) async fn approve(&self, shown: &v1::Approval) -> Result<v1::Approval, Status> {
        let request = v1::ApproveRequest {
            request_id: request(),
            approval_id: shown.id.clone(),
            shown_digest: shown.shown_digest.clone(),
            note: String::new(),
        };
        Ok(self.approvals().approve(request).await?.into_inner().approval.unwrap())
    }

    /// Waits for a ticket of a case in one of the desk's queues.
    pub(crate) async fn ticket(&self, case: &str, queue: &str) -> v1::DeskTicket {
        until(&format!("a ticket for {case} in {queue}"), async || {
            let request = v1::ListTicketsRequest {
                case_id: case.to_owned(),
                queue: queue.to_owned(),
                ..Default::default()
            };
            let answer = self.desk().list_tickets(request).await.expect("the tickets").into_inner();
            let waiting = v1::DeskTicketState::Waiting;
            answer.tickets.into_iter().find(|ticket| ticket.state() == waiting)
        })
        .await
    }

    pub(crate) async fn take(&self, ticket: &str) -> Result<v1::DeskTicket, Status> {
        let request = v1::TakeTicketRequest { request_id: request(), ticket_id: ticket.to_owned() };
        Ok(self.desk().take_ticket(request).await?.into_inner().ticket.unwrap())
    }

    pub(crate) async fn give_back(&self, ticket: &str) -> v1::DeskTicket {
        let request = v1::GiveBackTicketRequest {
            request_id: request(),
            ticket_id: ticket.to_owned(),
            note: "I have to go".to_owned(),
        };
        let answer = self.desk().give_back_ticket(request).await.expect("it is given back");
        answer.into_inner().ticket.unwrap()
    }

    pub(crate) async fn settle(&self, ticket: &str, code: &str) -> v1::DeskTicket {
        let request = v1::ResolveTicketRequest {
            request_id: request(),
            ticket_id: ticket.to_owned(),
            resolution_code: code.to_owned(),
            note: "talked to the customer".to_owned(),
        };
        let answer = self.desk().resolve_ticket(request).await.expect("it is resolved");
        answer.into_inner().ticket.unwrap()
    }
}

/// What a refusal says to programs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) metadata: HashMap<String, String>,
    pub(crate) violations: Vec<String>,
}

/// Reads a refusal, which has to be complete.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> Refusal {
    let status = answer.expect_err("it should be refused");
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("no error info: {status:?}"));
    assert_eq!(info.domain, "belay", "{status:?}");
    assert!(!status.message().is_empty(), "{status:?}");
    let request = status.get_details_bad_request();
    let mut violations: Vec<_> = request
        .into_iter()
        .flat_map(|request| request.field_violations)
        .map(|violation| violation.field)
        .collect();
    violations.sort();
    Refusal { code: status.code(), reason: info.reason, metadata: info.metadata, violations }
}

/// Checks that a call was refused with this code and for this reason.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: &str) {
    let found = refusal(answer);
    assert_eq!((found.code, found.reason.as_str()), (code, reason));
}
