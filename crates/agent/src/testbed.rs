//! A supervisor that does what a test says, on a line in memory, and specialists that show what they do.

mod line;
mod specialists;

use std::sync::Arc;
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::agent_service_server::{AgentService, AgentServiceServer};
use belay_domain::Digest;
use belay_transport::permit::PermitSigner;
use belay_transport::spiffe::SpiffeId;
use belay_transport::thumbprint::Thumbprint;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

use crate::{Agent, AgentBuilder, Me, ServeError, Specialist};

pub(crate) use line::{Line, action, assigned, decision, offer};
pub(crate) use specialists::Does;

/// Longer than anything a test waits for. Virtual, so a broken test does not take that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// The case that tests are about.
pub(crate) const CASE: &str = "c-0123456789abcdef";
/// Its first action.
pub(crate) const ACTION: &str = "c-0123456789abcdef/a1";
/// Its lease.
pub(crate) const LEASE: Duration = Duration::from_secs(12);

/// The supervisor's side, and the agent that runs against it.
pub(crate) struct Bed {
    lines: mpsc::Receiver<Line>,
    pub(crate) signer: PermitSigner,
    pub(crate) me: Me,
    channel: Channel,
    pub(crate) stop: CancellationToken,
    _directory: TempDir,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (opened, lines) = mpsc::channel(8);
        Self {
            lines,
            signer: signer(&directory),
            me: Me {
                agent: "spiffe://belay.local/agent/crm".parse::<SpiffeId>().unwrap(),
                certificate: Thumbprint::from([7; 32]),
            },
            channel: channel(Supervisor { opened }),
            stop: CancellationToken::new(),
            _directory: directory,
        }
    }

    /// A supervisor's side for agents that come over a line of the test's own making, and its service.
    pub(crate) fn on_a_real_line(me: Me) -> (Self, AgentServiceServer<Supervisor>) {
        let (opened, lines) = mpsc::channel(8);
        let bed = Self { lines, me, ..Self::new() };
        (bed, AgentServiceServer::new(Supervisor { opened }))
    }

    /// Runs an agent with these settings.
    pub(crate) fn run<S: Specialist>(
        &self,
        specialist: S,
        settings: impl FnOnce(AgentBuilder) -> AgentBuilder,
    ) -> JoinHandle<Result<(), ServeError>> {
        let agent = settings(Agent::over(self.channel.clone(), self.me.clone()).role("crm"));
        tokio::spawn(agent.serve(specialist, self.stop.clone().cancelled_owned()))
    }

    /// The next stream that the agent opens.
    pub(crate) async fn line(&mut self) -> Line {
        tokio::time::timeout(PATIENCE, self.lines.recv()).await.unwrap().unwrap()
    }

    /// The next stream, registered as a session of its own.
    pub(crate) async fn registered(&mut self) -> Line {
        let mut line = self.line().await;
        line.register(&self.signer.jwks(), false).await;
        line
    }

    /// The next stream, registered as one that goes on after `before`.
    pub(crate) async fn resumed(&mut self, before: Line) -> Line {
        let mut line = self.line().await;
        line.goes_on_after(before);
        line.register(&self.signer.jwks(), true).await;
        line
    }

    /// A permit for the one action of the tests, good in every respect.
    pub(crate) fn permit(&self, id: &str, epoch: u64, input: &str) -> v1::Permit {
        self.permit_of(self.claims(id, epoch, input), input)
    }

    /// What a good permit says.
    pub(crate) fn claims(
        &self,
        id: &str,
        epoch: u64,
        input: &str,
    ) -> belay_transport::permit::Permit {
        belay_transport::permit::Permit {
            id: id.into(),
            agent: self.me.agent.clone(),
            certificate: self.me.certificate,
            case: CASE.into(),
            action: ACTION.into(),
            contract: "crm.add_note@1".into(),
            input_digest: digest(input),
            epoch,
            issued_at: Timestamp::now(),
            expires_at: Timestamp::now() + Duration::from_secs(30),
            authorization_details: Vec::new(),
        }
    }

    /// A permit with these claims, in the message that goes with them.
    pub(crate) fn permit_of(
        &self,
        claims: belay_transport::permit::Permit,
        input: &str,
    ) -> v1::Permit {
        v1::Permit {
            token: self.signer.sign(&claims).unwrap().expose().to_owned(),
            permit_id: claims.id,
            action_id: claims.action,
            case_id: claims.case,
            epoch: claims.epoch,
            contract_id: claims.contract,
            input_json: input.to_owned(),
            input_digest: claims.input_digest,
            idempotency_key: "key-1".into(),
            expires_at: Some(on_wire(claims.expires_at)),
        }
    }
}

/// A signer of the supervisor that the agent believes.
pub(crate) fn signer(directory: &TempDir) -> PermitSigner {
    let file = directory.path().join("permit.key");
    PermitSigner::open_or_create("spiffe://belay.local/supervisor", &file).unwrap()
}

pub(crate) fn digest(input: &str) -> String {
    Digest::of(input.as_bytes()).to_string()
}

pub(crate) fn on_wire(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

pub(crate) fn in_future(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(on_wire(Timestamp::now() + jiff::SignedDuration::from_secs(seconds)))
}

/// A channel to a supervisor in this process. Every connection is a pipe in memory.
fn channel(supervisor: Supervisor) -> Channel {
    let (dialled, connections) = mpsc::channel::<std::io::Result<DuplexStream>>(8);
    let server = Server::builder()
        .add_service(AgentServiceServer::new(supervisor))
        .serve_with_incoming(ReceiverStream::new(connections));
    tokio::spawn(server);
    let connector = tower::service_fn(move |_: http::Uri| {
        let dialled = dialled.clone();
        async move {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            dialled.send(Ok(theirs)).await.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(ours))
        }
    });
    Endpoint::from_static("http://supervisor.invalid").connect_with_connector_lazy(connector)
}

/// Gives every stream to the test.
pub(crate) struct Supervisor {
    opened: mpsc::Sender<Line>,
}

#[tonic::async_trait]
impl AgentService for Supervisor {
    type ConnectStream = ReceiverStream<Result<v1::ConnectResponse, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<v1::ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let (out, outgoing) = mpsc::channel(64);
        let line = Line::new(request.into_inner(), out);
        self.opened.send(line).await.map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}

/// Something that tests and specialists share.
pub(crate) type Shared<T> = Arc<std::sync::Mutex<T>>;
