//! A bare stream of an agent, for what the SDK would never send.

use std::collections::VecDeque;

use belay_api::v1;
use belay_api::v1::agent_service_client::AgentServiceClient;
use belay_api::v1::connect_request::Message as Say;
use belay_api::v1::connect_response::Message as Hear;
use belay_transport::channel::connect;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{Stage, within};

/// How many messages may wait to be sent.
const WAITING_MAX: usize = 64;

/// One session of one agent, message by message.
pub(crate) struct Line {
    out: mpsc::Sender<v1::ConnectRequest>,
    coming: Streaming<v1::ConnectResponse>,
    came: VecDeque<v1::ConnectResponse>,
    said: u64,
    heard: u64,
}

impl Line {
    /// Connects as this agent, registers and grants plenty of credit.
    pub(crate) async fn open(stage: &Stage, agent: &str) -> Self {
        let mut line = Self::dial(stage, agent).await.expect("the stream is opened");
        let register = v1::Register { sdk: "bare".to_owned(), capacity: 8, ..Default::default() };
        line.mention(Say::Register(register)).await;
        line.next("Registered", |message| match message {
            Hear::Registered(registered) => Some(registered.clone()),
            _ => None,
        })
        .await;
        line.mention(Say::Credit(v1::Credit { messages: 1000 })).await;
        line
    }

    /// Connects as this agent and says nothing yet.
    pub(crate) async fn dial(stage: &Stage, agent: &str) -> Result<Self, Status> {
        let identity = stage.authority().agent(agent).unwrap();
        let channel = connect(&stage.endpoint(), identity).await.expect("a connection");
        let (out, sent) = mpsc::channel(WAITING_MAX);
        let answer = AgentServiceClient::new(channel).connect(ReceiverStream::new(sent)).await?;
        let coming = answer.into_inner();
        Ok(Self { out, coming, came: VecDeque::new(), said: 0, heard: 0 })
    }

    /// Sends a message about the moment.
    pub(crate) async fn mention(&mut self, message: Say) {
        self.send(0, message).await;
    }

    /// Sends a message and waits for its answer.
    pub(crate) async fn ask(&mut self, message: Say) -> Hear {
        self.said += 1;
        let id = self.said;
        self.send(id, message).await;
        let what = format!("the answer to message {id}");
        self.take(&what, |envelope| envelope.in_reply_to == id).await.message.unwrap()
    }

    /// Waits for a message of a kind that may come by itself.
    pub(crate) async fn next<T>(&mut self, what: &str, pick: impl Fn(&Hear) -> Option<T>) -> T {
        let wanted = |envelope: &v1::ConnectResponse| {
            envelope.message.as_ref().is_some_and(|message| pick(message).is_some())
        };
        let envelope = self.take(what, wanted).await;
        envelope.message.as_ref().and_then(&pick).unwrap()
    }

    /// Waits for an offer.
    pub(crate) async fn offer(&mut self) -> v1::HandoffOffer {
        self.next("an offer", |message| match message {
            Hear::HandoffOffer(offer) => Some(offer.clone()),
            _ => None,
        })
        .await
    }

    /// Takes the next case that is offered, with the digest that came with it.
    pub(crate) async fn take_case(&mut self) -> v1::CaseAssigned {
        let v1::HandoffOffer { handoff_id, context_digest, .. } = self.offer().await;
        let accept = v1::AcceptHandoff { handoff_id, context_digest };
        match self.ask(Say::AcceptHandoff(accept)).await {
            Hear::CaseAssigned(assigned) => assigned,
            other => panic!("the case is not assigned: {other:?}"),
        }
    }

    /// Sends a message that has to be refused, and says why it was.
    pub(crate) async fn refused(&mut self, message: Say) -> (v1::ErrorReason, v1::Error) {
        match self.ask(message).await {
            Hear::Rejected(v1::Rejected { error: Some(error) }) => (error.reason(), error),
            other => panic!("it should be refused: {other:?}"),
        }
    }

    /// Waits until the stream ends, and says how.
    pub(crate) async fn ended(mut self) -> Result<(), Status> {
        loop {
            match within("the end of the stream", self.coming.message()).await {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(status) => return Err(status),
            }
        }
    }

    async fn send(&mut self, message_id: u64, message: Say) {
        let ack = self.heard;
        let traceparent = String::new();
        let envelope = v1::ConnectRequest { message_id, ack, traceparent, message: Some(message) };
        self.out.send(envelope).await.expect("the stream is open");
    }

    async fn take(
        &mut self,
        what: &str,
        wanted: impl Fn(&v1::ConnectResponse) -> bool,
    ) -> v1::ConnectResponse {
        if let Some(place) = self.came.iter().position(&wanted) {
            return self.came.remove(place).unwrap();
        }
        let search = async {
            loop {
                let came = self.coming.message().await.expect("a message");
                let envelope = came.unwrap_or_else(|| panic!("the stream ended before {what}"));
                self.heard = self.heard.max(envelope.message_id);
                if wanted(&envelope) {
                    return envelope;
                }
                self.came.push_back(envelope);
            }
        };
        within(what, search).await
    }
}
