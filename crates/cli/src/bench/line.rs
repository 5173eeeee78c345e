//! The line of one agent that works as fast as it can: the real session stream over mutual TLS with numbers,
//! acknowledgements and credit, and nothing in between. What the agent does with what it hears is up to its player.

use std::sync::Arc;
use std::time::Duration;

use belay_api::v1::agent_service_client::AgentServiceClient;
use belay_api::v1::{self, connect_request, connect_response};
use belay_domain::{Context, ContextEntry, Digest, Provenance, Source};
use belay_transport::channel;
use belay_transport::tls::Identity;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;

use super::meter::Meter;
use crate::exit::{Exit, Failure};

/// How many messages the agent is ready to take; granted anew when half are used.
const CREDIT: u32 = 32_768;

/// The most cases that an agent may hold.
const CAPACITY: u32 = 10_000;

/// How often what was heard is acknowledged by itself, should the agent have nothing to say.
const ACKNOWLEDGE_EVERY: Duration = Duration::from_millis(500);

/// After how many messages, too. The supervisor keeps what is not acknowledged, and not much of it.
const ACKNOWLEDGE_AFTER: u64 = 128;

/// What an agent does.
pub(crate) trait Player: Send + 'static {
    /// One message of the supervisor.
    fn hear(&mut self, heard: Heard, say: &mut Say);

    /// The stream is open; what the supervisor said to that.
    fn registered(&mut self, _registered: v1::Registered) {}
}

/// One message of the supervisor.
pub(crate) struct Heard {
    /// What it says.
    pub(crate) message: connect_response::Message,
}

/// What the agent says, and what it says from elsewhere.
#[derive(Default)]
pub(crate) struct Say {
    said: Vec<(u64, connect_request::Message)>,
    last: u64,
}

/// A line that is open. It ends when this is dropped.
pub(crate) struct Line {
    task: JoinHandle<()>,
}

impl Say {
    /// Says something that is answered; its number.
    pub(crate) fn ask(&mut self, message: connect_request::Message) -> u64 {
        self.last += 1;
        self.said.push((self.last, message));
        self.last
    }
}

impl Line {
    /// Opens the line of the agent with this identity, for this role, and has the player play.
    pub(crate) async fn open(
        endpoint: &str,
        identity: Identity,
        role: &str,
        mut player: impl Player,
        meter: Arc<Meter>,
    ) -> Result<Self, Failure> {
        let channel = channel::connect(endpoint, identity)
            .await
            .map_err(|error| Failure::of("an agent has no line", &error))?;
        let (mouth, said) = mpsc::unbounded_channel();
        let register = v1::Register {
            sdk: "belay-bench".to_owned(),
            roles: vec![role.to_owned()],
            capacity: CAPACITY,
            resume: None,
        };
        let gone = || Failure::new(Exit::Failed, "the line of an agent ended as it began");
        let register = connect_request::Message::Register(register);
        mouth.send(envelope(0, 0, Some(register))).map_err(|_| gone())?;
        let mut client = AgentServiceClient::new(channel);
        let mut ear = client.connect(UnboundedReceiverStream::new(said)).await?.into_inner();
        match ear.message().await?.and_then(|first| first.message) {
            Some(connect_response::Message::Registered(registered)) => {
                player.registered(registered);
            }
            _ => return Err(gone()),
        }
        let credit = connect_request::Message::Credit(v1::Credit { messages: CREDIT });
        mouth.send(envelope(0, 0, Some(credit))).map_err(|_| gone())?;
        let mut talk = Talk { mouth, taken: 0, acknowledged: 0, used: 0 };
        let task = tokio::spawn(async move {
            if let Err(status) = talk.run(&mut ear, &mut player).await
                && !meter.is_stopping()
            {
                meter.fail(format!("the line of an agent broke: {}", status.message()));
            }
        });
        Ok(Self { task })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A line while it is used.
struct Talk {
    mouth: mpsc::UnboundedSender<v1::ConnectRequest>,
    /// The last message that was heard.
    taken: u64,
    /// The last that the supervisor knows was heard.
    acknowledged: u64,
    /// Credit used since the last grant.
    used: u32,
}

impl Talk {
    async fn run(
        &mut self,
        ear: &mut Streaming<v1::ConnectResponse>,
        player: &mut impl Player,
    ) -> Result<(), tonic::Status> {
        let mut say = Say::default();
        let mut tick = tokio::time::interval(ACKNOWLEDGE_EVERY);
        loop {
            let heard = tokio::select! {
                heard = ear.message() => heard?,
                _ = tick.tick() => {
                    self.acknowledge();
                    continue;
                }
            };
            let Some(v1::ConnectResponse { message_id, message, .. }) = heard else {
                return Ok(());
            };
            if message_id > 0 {
                self.taken = message_id;
                self.used += 1;
            }
            if let Some(message) = message {
                player.hear(Heard { message }, &mut say);
            }
            for (number, message) in say.said.drain(..) {
                self.acknowledged = self.taken;
                self.send(envelope(number, self.taken, Some(message)));
            }
            if self.taken - self.acknowledged >= ACKNOWLEDGE_AFTER {
                self.acknowledge();
            }
            if self.used >= CREDIT / 2 {
                let credit = v1::Credit { messages: std::mem::take(&mut self.used) };
                let credit = connect_request::Message::Credit(credit);
                self.send(envelope(0, self.taken, Some(credit)));
            }
        }
    }

    fn acknowledge(&mut self) {
        if self.acknowledged < self.taken {
            self.acknowledged = self.taken;
            self.send(envelope(0, self.taken, None));
        }
    }

    fn send(&self, envelope: v1::ConnectRequest) {
        // The stream that ends says why.
        let _ = self.mouth.send(envelope);
    }
}

fn envelope(
    message_id: u64,
    ack: u64,
    message: Option<connect_request::Message>,
) -> v1::ConnectRequest {
    v1::ConnectRequest { message_id, ack, traceparent: String::new(), message }
}

/// Computes the digest of what was handed over, as every receiver has to, and says whether it is what was sent with it.
pub(crate) fn digest_of(entries: &[v1::ContextEntry]) -> Option<Digest> {
    let entries: Option<Vec<ContextEntry>> = entries.iter().map(entry).collect();
    Some(Context::digest_of(&entries?))
}

fn entry(entry: &v1::ContextEntry) -> Option<ContextEntry> {
    let provenance = entry.provenance.as_ref()?;
    let source = match v1::ProvenanceSource::try_from(provenance.source).ok()? {
        v1::ProvenanceSource::Unspecified => return None,
        v1::ProvenanceSource::Customer => Source::Customer,
        v1::ProvenanceSource::VerifiedChannel => Source::VerifiedChannel,
        v1::ProvenanceSource::SystemOfRecord => Source::SystemOfRecord,
        v1::ProvenanceSource::Model => Source::Model,
        v1::ProvenanceSource::Staff => Source::Staff,
        v1::ProvenanceSource::Belay => Source::Belay,
    };
    let at = entry.at.as_ref()?;
    Some(ContextEntry {
        kind: entry.kind.clone(),
        body: entry.body.clone(),
        provenance: Provenance { source, reference: provenance.reference.clone() },
        at: Timestamp::new(at.seconds, at.nanos).ok()?,
    })
}

/// What the supervisor refused, in words.
pub(crate) fn refused(rejected: &v1::Rejected) -> String {
    match &rejected.error {
        Some(error) => format!("the supervisor refused: {}", error.message),
        None => "the supervisor refused and did not say why".to_owned(),
    }
}
