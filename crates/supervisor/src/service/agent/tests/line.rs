//! One stream of an agent that knows the protocol by heart and has no SDK in between.

use std::time::Duration;

use belay_api::v1::agent_service_client::AgentServiceClient;
use belay_api::v1::connect_request::Message as Ask;
use belay_api::v1::connect_response::Message as Told;
use belay_api::v1::{self};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_types::StatusExt;

/// How long a test waits for something that has to come.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Line {
    pub(super) registered: v1::Registered,
    /// The last message of the supervisor that was taken.
    pub(super) taken: u64,
    /// The last message that was sent.
    pub(super) sent: u64,
    outgoing: Option<mpsc::Sender<v1::ConnectRequest>>,
    incoming: Streaming<v1::ConnectResponse>,
}

/// How a stream ended.
pub(super) struct Ended {
    pub(super) goodbye: Option<v1::Goodbye>,
    pub(super) status: Status,
}

impl Line {
    pub(super) async fn open(channel: Channel, first: v1::ConnectRequest) -> Result<Self, Status> {
        let (outgoing, requests) = mpsc::channel(1_024);
        outgoing.send(first).await.unwrap();
        let mut client = AgentServiceClient::new(channel);
        let mut incoming = client.connect(ReceiverStream::new(requests)).await?.into_inner();
        let first = incoming.message().await?.and_then(|first| first.message);
        let Some(Told::Registered(registered)) = first else { panic!("{first:?}") };
        Ok(Self { registered, taken: 0, sent: 0, outgoing: Some(outgoing), incoming })
    }

    pub(super) async fn grant(&mut self, messages: u32) {
        self.send_passing(Ask::Credit(v1::Credit { messages })).await;
    }

    /// Sends the next message, and says which number it has.
    pub(super) async fn send(&mut self, message: Ask) -> u64 {
        self.sent += 1;
        let message_id = self.sent;
        self.send_raw(v1::ConnectRequest {
            message_id,
            ack: self.taken,
            message: Some(message),
            ..v1::ConnectRequest::default()
        })
        .await;
        message_id
    }

    pub(super) async fn send_passing(&mut self, message: Ask) {
        let ack = self.taken;
        let message = Some(message);
        self.send_raw(v1::ConnectRequest { ack, message, ..v1::ConnectRequest::default() }).await;
    }

    pub(super) async fn send_raw(&mut self, envelope: v1::ConnectRequest) {
        self.outgoing.as_ref().unwrap().send(envelope).await.unwrap();
    }

    /// Sends a message and waits for its reply.
    pub(super) async fn ask(&mut self, message: Ask) -> Told {
        let number = self.send(message).await;
        loop {
            let told = self.next().await.expect("the stream goes on");
            if told.in_reply_to == number {
                return told.message.expect("a reply says something");
            }
        }
    }

    /// Waits for a message; what comes before it is passed over.
    pub(super) async fn expect(&mut self, wanted: impl Fn(&Told) -> bool) -> v1::ConnectResponse {
        loop {
            let told = self.next().await.expect("the stream goes on");
            if told.message.as_ref().is_some_and(&wanted) {
                return told;
            }
        }
    }

    /// Closes the half of the stream that the agent writes.
    pub(super) fn close(&mut self) {
        self.outgoing = None;
    }

    /// Reads to the end.
    pub(super) async fn end(&mut self) -> Ended {
        let mut goodbye = None;
        loop {
            let next = tokio::time::timeout(PATIENCE, self.incoming.next()).await;
            match next.expect("the stream ends") {
                None => return Ended { goodbye, status: Status::ok("") },
                Some(Err(status)) => return Ended { goodbye, status },
                Some(Ok(told)) => {
                    self.taken = self.taken.max(told.message_id);
                    if let Some(Told::Goodbye(last)) = told.message {
                        goodbye = Some(last);
                    }
                }
            }
        }
    }

    async fn next(&mut self) -> Result<v1::ConnectResponse, Status> {
        let next = tokio::time::timeout(PATIENCE, self.incoming.next()).await;
        let told = next.expect("it comes in time").expect("the stream goes on")?;
        if told.message_id > 0 {
            assert_eq!(told.message_id, self.taken + 1, "the numbers have no gap: {told:?}");
            self.taken = told.message_id;
        }
        assert!(told.ack <= self.sent, "only what was sent is acknowledged: {told:?}");
        Ok(told)
    }
}

impl Ended {
    pub(super) fn reason(&self) -> Option<String> {
        self.status.get_details_error_info().map(|info| info.reason)
    }
}

pub(super) fn register(capacity: u32, resume: Option<v1::Resume>) -> v1::Register {
    v1::Register { sdk: "test/1".to_owned(), roles: Vec::new(), capacity, resume }
}
