//! The stream on which a specialist agent works.
//!
//! Who the agent is comes from its certificate. Its messages are checked, carried out in the order in which
//! they came for each case, and answered once each; what it is told meanwhile waits in its session. Nothing is
//! decided here.

mod asked;
mod carrying;
mod hearing;
mod keeping;
mod lanes;
mod opening;
mod restating;
mod speaking;
mod to_wire;

use std::sync::Arc;

use belay_api::v1;
use belay_api::v1::ErrorReason;
use belay_api::v1::agent_service_server::{AgentService, AgentServiceServer};
use belay_domain::{AgentId, Digest, TenantId};
use belay_transport::peer::{Closing, Peer};
use belay_transport::spiffe::Kind;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument;

use crate::engine::Engine;
use crate::governor::Governor;
use crate::playbooks::Playbooks;
use crate::sessions::Sessions;
use crate::wire::Fault;

/// The largest message that an agent may send, in bytes.
const MESSAGE_MAX: usize = 1 << 20;

/// See [`AgentService`].
#[derive(Clone)]
pub(crate) struct Service {
    house: Arc<House>,
}

/// What the streams of agents work with.
pub(crate) struct House {
    /// Decides.
    pub(crate) engine: Engine,
    /// Brings proposals to a decision.
    pub(crate) governor: Governor,
    /// Who is connected, and what waits for them.
    pub(crate) sessions: Sessions,
    /// Who may do what.
    pub(crate) playbooks: Playbooks,
    /// The tenant that agents work for.
    pub(crate) tenant: TenantId,
    /// The public keys that permits are signed with, as a JSON Web Key Set.
    pub(crate) permit_keys: String,
    /// Cancelled when the supervisor shuts down in order.
    pub(crate) drain: CancellationToken,
    /// Owns everything that is started here.
    pub(crate) tasks: TaskTracker,
}

/// The agent at the other end, as its certificate proves it.
#[derive(Clone, Debug)]
struct Identity {
    agent: AgentId,
    spiffe: String,
    key: Digest,
}

impl Service {
    /// The service, with its bound on the size of messages. Begins to find out what agents held before the start.
    pub(crate) fn server(house: House) -> AgentServiceServer<Self> {
        let (sessions, engine, drain) =
            (house.sessions.clone(), house.engine.clone(), house.drain.clone());
        house.tasks.spawn(async move {
            let now = engine.clock().now();
            tokio::select! {
                biased;
                () = drain.cancelled() => {}
                () = sessions.take_stock(engine.journal(), now) => {}
            }
        });
        let service = Self { house: Arc::new(house) };
        AgentServiceServer::new(service).max_decoding_message_size(MESSAGE_MAX)
    }
}

#[tonic::async_trait]
impl AgentService for Service {
    type ConnectStream = speaking::Speech;

    async fn connect(
        &self,
        request: Request<Streaming<v1::ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let identity = Identity::of(&request)?;
        if self.house.drain.is_cancelled() {
            let message = "the supervisor is shutting down; connect again shortly";
            return Err(Fault::new(ErrorReason::Draining, message).into());
        }
        let closing = Closing::of(request.extensions()).cloned();
        let span = tracing::info_span!(
            "agent session",
            agent = %identity.agent,
            session = tracing::field::Empty,
            stream = tracing::field::Empty,
        );
        let (speech, opening, gone) = speaking::speech(self.house.engine.clock());
        let hearing = hearing::Hearing { house: self.house.clone(), identity, closing, gone };
        self.house.tasks.spawn(hearing.run(request.into_inner(), opening).instrument(span));
        Ok(Response::new(speech))
    }
}

impl Identity {
    fn of<T>(request: &Request<T>) -> Result<Self, Fault> {
        let unknown = |what: &str| Fault::new(ErrorReason::UnknownIdentity, what);
        let peer = Peer::of(request.extensions())
            .ok_or_else(|| unknown("the connection proves nobody's identity"))?;
        let Some(Kind::Agent(name)) = peer.spiffe.kind() else {
            return Err(unknown("only agents may open a session; use an agent's certificate"));
        };
        Ok(Self {
            agent: name.parse().map_err(|_| unknown("the certificate names no agent"))?,
            spiffe: peer.spiffe.to_string(),
            key: Digest::from_bytes(*peer.certificate.as_bytes()),
        })
    }
}

#[cfg(test)]
mod tests;
