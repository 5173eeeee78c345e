//! Those who call over mutual TLS: a tool, and people with their tokens; and how they ask again when the program was
//! killed under them.

use std::time::Duration;

use belay_api::v1;
use belay_api::v1::case_service_client::CaseServiceClient;
use belay_api::v1::coverage_service_client::CoverageServiceClient;
use belay_api::v1::desk_service_client::DeskServiceClient;
use belay_transport::channel::{Bearer, connect_lazy};
use belay_transport::issuer::DevIssuer;
use belay_transport::person::Person;
use belay_transport::tls::Identity;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::house::House;

/// How long a call may take before it is taken for lost.
const CALL_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(20);

type Line = InterceptedService<Channel, Token>;

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Caller {
    line: Line,
}

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
    pub(crate) fn tool(house: &House) -> Self {
        Self::with(house, None)
    }

    /// A person who uses the command line.
    pub(crate) fn person(house: &House, id: &str) -> Self {
        let person = Person { id: id.to_owned(), groups: Vec::new(), tenant: "default".to_owned() };
        let issuer = DevIssuer::open_or_create(&house.identity()).unwrap();
        let hours = Duration::from_secs(12 * 3600);
        let token = issuer.issue_token(&person, hours, jiff::Timestamp::now()).unwrap();
        Self::with(house, Some(&token))
    }

    fn with(house: &House, token: Option<&str>) -> Self {
        let identity = Identity::in_directory(&house.identity(), "tools/cli");
        let channel = connect_lazy(&house.endpoint(), identity).unwrap();
        let bearer = token.map(|token| Bearer::new(token).unwrap());
        Self { line: InterceptedService::new(channel, Token(bearer)) }
    }

    pub(crate) fn cases(&self) -> CaseServiceClient<Line> {
        CaseServiceClient::new(self.line.clone())
    }

    pub(crate) fn coverages(&self) -> CoverageServiceClient<Line> {
        CoverageServiceClient::new(self.line.clone())
    }

    pub(crate) fn desk(&self) -> DeskServiceClient<Line> {
        DeskServiceClient::new(self.line.clone())
    }

    /// A case with everything in it, asked for until there is an answer.
    pub(crate) async fn case(&self, case: &str) -> Result<v1::Case, Status> {
        let request = v1::GetCaseRequest { case_id: case.to_owned() };
        let answer = patiently(|| {
            let (mut cases, request) = (self.cases(), request.clone());
            async move { cases.get_case(request).await }
        });
        Ok(answer.await?.case.unwrap())
    }
}

/// Asks until there is an answer, yes or no.
pub(crate) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    loop {
        match tokio::time::timeout(CALL_WITHIN, ask()).await {
            Ok(Ok(answer)) => return Ok(answer.into_inner()),
            Ok(Err(status)) if !may_pass(&status) => return Err(status),
            Ok(Err(_)) | Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Whether nobody knows what became of it, or it may be different in a moment.
fn may_pass(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::Aborted
            | Code::ResourceExhausted
    )
}
