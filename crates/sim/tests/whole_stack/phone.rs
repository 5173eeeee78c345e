//! How people and tools call: a tool's certificate, a token on top for people, a new line when the old one seems dead.

use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_transport::channel::{Bearer, connect_lazy_over};
use belay_transport::issuer::DevIssuer;
use belay_transport::person::Person;
use belay_transport::tls::Identity;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::net::{Road, beginning, endpoint};
use crate::witness::Witness;

/// How long a call may take. Who waits longer calls again.
const PATIENCE: Duration = Duration::from_secs(3);

/// A channel on which every call carries the caller's token, if they have one.
pub(crate) type Line = InterceptedService<Channel, Token>;

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

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Nobody knows what became of it.
    Lost,
    /// The supervisor said no.
    Refused(Status),
}

/// Somebody's phone.
pub(crate) struct Phone {
    host: &'static str,
    identities: PathBuf,
    token: Token,
    line: Line,
    witness: Witness,
}

impl Phone {
    /// Of a tool.
    pub(crate) fn new(host: &'static str, identities: &Path, witness: Witness) -> Self {
        Self::with(host, identities, Token(None), witness)
    }

    /// Of a person.
    pub(crate) fn of(
        person: &str,
        host: &'static str,
        identities: &Path,
        witness: Witness,
    ) -> Self {
        let person =
            Person { id: person.to_owned(), groups: Vec::new(), tenant: "default".to_owned() };
        let issuer = DevIssuer::open_or_create(identities).unwrap();
        let token = issuer.issue_token(&person, Duration::from_secs(3600), beginning()).unwrap();
        let token = Token(Some(Bearer::new(&token).unwrap()));
        Self::with(host, identities, token, witness)
    }

    fn with(host: &'static str, identities: &Path, token: Token, witness: Witness) -> Self {
        let line = line(host, identities, token.clone(), &witness);
        Self { host, identities: identities.to_owned(), token, line, witness }
    }

    pub(crate) fn line(&self) -> Line {
        self.line.clone()
    }

    /// Hangs up; the next call has a line of its own.
    pub(crate) fn hang_up(&mut self) {
        self.line = line(self.host, &self.identities, self.token.clone(), &self.witness);
    }

    /// Waits for the answer to a call on [`Self::line`].
    pub(crate) async fn hear<T>(
        &mut self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Unanswered> {
        let status = match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(answer)) => return Ok(answer.into_inner()),
            Ok(Err(status)) => status,
            Err(_) => {
                self.hang_up();
                return Err(Unanswered::Lost);
            }
        };
        use tonic::Code::{
            Cancelled, DeadlineExceeded, Internal, ResourceExhausted, Unavailable, Unknown,
        };
        match status.code() {
            Unavailable | Unknown | Cancelled | DeadlineExceeded | Internal | ResourceExhausted => {
                Err(Unanswered::Lost)
            }
            _ => Err(Unanswered::Refused(status)),
        }
    }
}

fn line(host: &'static str, identities: &Path, token: Token, witness: &Witness) -> Line {
    let witness = witness.clone();
    let road = Road(move || witness.line(host));
    let identity = Identity::in_directory(identities, "tools/cli");
    let channel = connect_lazy_over(road, &endpoint(), identity).unwrap();
    InterceptedService::new(channel, token)
}
