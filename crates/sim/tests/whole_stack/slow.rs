//! An agent that takes a case, says every second that it goes on, and reads nothing any more. It has to be cut, and the
//! case has to go to somebody else.

use std::path::Path;
use std::time::Duration;

use belay_agent::Identity;
use belay_api::v1;
use belay_api::v1::agent_service_client::AgentServiceClient;
use belay_api::v1::connect_request::Message as Say;
use belay_api::v1::connect_response::Message as Hear;
use belay_transport::channel::connect_lazy_over;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::net::{Road, endpoint, wall};
use crate::witness::{Hand, Witness};

/// Its name in the playbook.
pub(crate) const NAME: &str = "slow-1";

/// How long it does not read: longer than the supervisor bears.
const BLIND: Duration = Duration::from_secs(20);

/// How often it does so; after that it takes nothing any more.
const TIMES: u64 = 2;

/// Serves, in its way, for as long as the host lives.
pub(crate) async fn serve(identities: &Path, witness: Witness) {
    let _life = witness.lives(NAME);
    let mut times = 0;
    loop {
        // However a stream ends, there is another one.
        let _ = stream(identities, &witness, &mut times).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

struct Line {
    out: mpsc::Sender<v1::ConnectRequest>,
    coming: Streaming<v1::ConnectResponse>,
    said: u64,
    heard: u64,
}

async fn stream(identities: &Path, witness: &Witness, times: &mut u64) -> Result<(), Status> {
    let counted = witness.clone();
    let road = Road(move || counted.line(NAME));
    let identity = Identity::in_directory(identities, &format!("agents/{NAME}"));
    let channel = connect_lazy_over(road, &endpoint(), identity).unwrap();
    let (out, sent) = mpsc::channel(64);
    let register = v1::Register { sdk: "bare".to_owned(), capacity: 1, ..Default::default() };
    let first = v1::ConnectRequest { message: Some(Say::Register(register)), ..Default::default() };
    let _ = out.try_send(first);
    let mut agents = AgentServiceClient::new(channel);
    let coming = agents.connect(ReceiverStream::new(sent));
    let coming = tokio::time::timeout(Duration::from_secs(5), coming).await;
    let coming = coming.map_err(|_| Status::unavailable("no answer"))??.into_inner();
    let mut line = Line { out, coming, said: 0, heard: 0 };
    line.mention(Say::Credit(v1::Credit { messages: 1_000 })).await?;
    while let Some(message) = line.next().await? {
        match message {
            Hear::HandoffOffer(offer) if *times < TIMES => {
                let case = offer.case.unwrap_or_default().id;
                witness.accepts(NAME, &case);
                let v1::HandoffOffer { handoff_id, context_digest, .. } = offer;
                line.ask(Say::AcceptHandoff(v1::AcceptHandoff { handoff_id, context_digest }))
                    .await?;
            }
            Hear::HandoffOffer(offer) => {
                let reason = "I cannot read".to_owned();
                let handoff_id = offer.handoff_id;
                line.ask(Say::DeclineHandoff(v1::DeclineHandoff { handoff_id, reason })).await?;
            }
            Hear::CaseAssigned(assigned) => {
                *times += 1;
                line.go_blind(&assigned, witness).await;
                return line.see_the_end(witness).await;
            }
            _ => line.acknowledge().await?,
        }
    }
    Ok(())
}

impl Line {
    /// Says that it goes on, and reads nothing.
    async fn go_blind(&mut self, assigned: &v1::CaseAssigned, witness: &Witness) {
        let (case_id, epoch) = (assigned.case_id.clone(), assigned.epoch);
        let place = {
            let mut accounts = witness.accounts();
            let (agent, case, from) = (NAME.to_owned(), case_id.clone(), wall());
            let hand = Hand { agent, case, epoch: Some(epoch), from, until: Some(from) };
            accounts.hands.push(hand);
            accounts.hands.len() - 1
        };
        let until = tokio::time::Instant::now() + BLIND;
        while tokio::time::Instant::now() < until {
            let note = String::new();
            let progress =
                v1::Progress { case_id: case_id.clone(), epoch, note, ..Default::default() };
            let message = Some(Say::Progress(progress));
            let envelope = v1::ConnectRequest { message, ..Default::default() };
            if self.out.try_send(envelope).is_ok() {
                witness.accounts().hands[place].until = Some(wall());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Reads what was said meanwhile: that the supervisor would not wait any longer.
    async fn see_the_end(&mut self, witness: &Witness) -> Result<(), Status> {
        let reading = async {
            while let Some(message) = self.next().await? {
                if let Hear::Goodbye(goodbye) = message
                    && goodbye.reason() == v1::GoodbyeReason::TooSlow
                {
                    witness.happened("a slow reader was cut");
                    return Ok(());
                }
            }
            Ok(())
        };
        tokio::time::timeout(Duration::from_secs(5), reading).await.unwrap_or(Ok(()))
    }

    async fn next(&mut self) -> Result<Option<Hear>, Status> {
        loop {
            let Some(envelope) = self.coming.message().await? else { return Ok(None) };
            self.heard = self.heard.max(envelope.message_id);
            if let Some(message) = envelope.message {
                return Ok(Some(message));
            }
        }
    }

    async fn ask(&mut self, message: Say) -> Result<(), Status> {
        self.said += 1;
        self.send(self.said, Some(message)).await
    }

    async fn mention(&mut self, message: Say) -> Result<(), Status> {
        self.send(0, Some(message)).await
    }

    async fn acknowledge(&mut self) -> Result<(), Status> {
        self.send(0, None).await
    }

    async fn send(&mut self, message_id: u64, message: Option<Say>) -> Result<(), Status> {
        let ack = self.heard;
        let envelope = v1::ConnectRequest { message_id, ack, traceparent: String::new(), message };
        let gone = |_| Status::unavailable("the stream has ended");
        self.out.send(envelope).await.map_err(gone)
    }
}
