//! One stream of the session: registering, then sending what is owed and taking what comes.

use std::time::Duration;

use belay_api::v1;
use belay_api::v1::agent_service_client::AgentServiceClient;
use belay_api::v1::connect_request::Message;
use belay_api::v1::connect_response;
use belay_transport::permit::PermitVerifier;
use belay_transport::telemetry;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use super::{Closed, Departure, Session, is_fatal};
use crate::dial::Me;
use crate::error::{Refused, ServeError};
use crate::permit::Gate;
use crate::wire;

/// What this program calls itself.
const SDK: &str = concat!("belay-agent/", env!("CARGO_PKG_VERSION"));

/// How long it may take to connect and to be registered. A supervisor that is slower is overloaded, and
/// leaves more room to others when this agent comes again later.
const REGISTERING_MAX: Duration = Duration::from_secs(15);

/// Messages between the session and the line. Only to smooth the flow: what is to be sent next is decided
/// when there is room, so that progress is never stuck behind something else.
const LINE_ROOM: usize = 4;

/// How long a closed stream has to end before it is dropped.
const CLOSING_MAX: Duration = Duration::from_secs(2);

/// A stream that is registered.
struct Line {
    registered: v1::Registered,
    ack: u64,
    out: mpsc::Sender<v1::ConnectRequest>,
    incoming: Streaming<v1::ConnectResponse>,
}

impl Session {
    /// Connects, registers, and serves until the stream ends.
    pub(super) async fn stream(&mut self, departure: &mut Departure) -> Closed {
        let registered_before = self.id.is_some();
        let (channel, me) = match self.dial.open() {
            Ok(opened) => opened,
            // Files may be in the middle of being renewed.
            Err(error) if registered_before => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot connect");
                return Closed::Again(None);
            }
            Err(error) => return Closed::Fatal(error),
        };
        let opening = open(channel, self.register());
        tokio::pin!(opening);
        let opened = loop {
            let due = self.next_due();
            tokio::select! {
                opened = &mut opening => break opened,
                Some(ended) = self.tasks.join_next() => self.reap(ended),
                () = tokio::time::sleep_until(due) => {
                    self.check_cases();
                    self.skip_reports();
                }
                () = departure.next() => {
                    self.depart(departure);
                    if self.is_over(departure) {
                        return Closed::Finished;
                    }
                }
            }
        };
        let line = match opened {
            Ok(line) => line,
            Err(status) => return self.ended(Err(status), registered_before),
        };
        if let Err(error) = self.registered(&line, &me, departure.is_begun()) {
            return Closed::Fatal(error);
        }
        let closed = self.talk(line, departure).await;
        tracing::debug!("stream over");
        closed
    }

    fn register(&self) -> v1::Register {
        let held = |held: &std::sync::Arc<crate::held::Held>| v1::HeldCase {
            case_id: held.about.id.clone(),
            epoch: held.epoch,
        };
        v1::Register {
            sdk: SDK.to_owned(),
            roles: self.profile.roles.clone(),
            capacity: self.profile.capacity,
            resume: self.id.clone().map(|session_id| v1::Resume {
                session_id,
                last_received_message_id: self.inbox.taken(),
                held_cases: self.cases.values().map(held).collect(),
            }),
        }
    }

    fn registered(&mut self, line: &Line, me: &Me, draining: bool) -> Result<(), ServeError> {
        let v1::Registered { session_id, agent_id, resumed, permit_keys_jwks, .. } =
            &line.registered;
        let resumed = *resumed && self.id.is_some();
        let issuer = self
            .profile
            .issuer
            .clone()
            .unwrap_or_else(|| me.agent.trust_domain().supervisor().to_string());
        let verifier =
            PermitVerifier::from_jwks(issuer, permit_keys_jwks).map_err(ServeError::Keys)?;
        self.shared.set_gate(Gate::new(verifier, me.clone()));
        self.inbox.reconnected(resumed);
        {
            let mut ledger = self.shared.ledger();
            if resumed {
                ledger.acknowledged(line.ack);
                ledger.resumed();
            } else {
                ledger.anew();
            }
        }
        for held in self.cases.values() {
            held.report_soon();
        }
        if draining && !resumed {
            self.drain();
        }
        tracing::info!(agent = agent_id, session = session_id, resumed, "registered");
        self.id = Some(session_id.clone());
        Ok(())
    }

    /// Sends what is owed and takes what comes, until the stream ends.
    async fn talk(&mut self, line: Line, departure: &mut Departure) -> Closed {
        let Line { registered: _, ack: _, out, mut incoming } = line;
        let mut goodbye = None;
        loop {
            if self.is_over(departure) {
                drop(out);
                // What is still on its way goes nowhere; the end of the stream is only a courtesy.
                let ending = async { while let Ok(Some(_)) = incoming.message().await {} };
                let _ = tokio::time::timeout(CLOSING_MAX, ending).await;
                return Closed::Finished;
            }
            let now = Instant::now();
            let (owes, due) = (self.owes(now), self.next_due());
            tokio::select! {
                biased;
                came = incoming.message() => match came {
                    Ok(Some(envelope)) => {
                        let said = self.take(envelope, departure.is_begun());
                        goodbye = said.or(goodbye);
                    }
                    Ok(None) => return self.parted(goodbye, Ok(())),
                    Err(status) => return self.parted(goodbye, Err(status)),
                },
                Some(ended) = self.tasks.join_next() => self.reap(ended),
                room = out.reserve(), if owes => match room {
                    Ok(room) => {
                        if let Some(envelope) = self.envelope() {
                            room.send(envelope);
                        }
                    }
                    // The stream has ended; reading it says why.
                    Err(_) => match incoming.message().await {
                        Ok(_) => return self.parted(goodbye, Ok(())),
                        Err(status) => return self.parted(goodbye, Err(status)),
                    },
                },
                () = self.shared.woken() => {}
                () = tokio::time::sleep_until(due), if due > now => self.check_cases(),
                () = departure.next() => self.depart(departure),
            }
        }
    }

    /// Whether something is to be sent.
    fn owes(&self, now: Instant) -> bool {
        self.inbox.owes_credit()
            || self.inbox.owes_ack()
            || self.shared.ledger().is_due()
            || self.cases.values().any(|held| held.due_at().is_some_and(|due| due <= now))
    }

    /// The next envelope: first what keeps cases, then what keeps messages flowing, then the rest.
    fn envelope(&mut self) -> Option<v1::ConnectRequest> {
        self.check_cases();
        let now = Instant::now();
        let progress = self.cases.values().find_map(|held| {
            held.progress(now).map(|note| {
                Message::Progress(v1::Progress {
                    case_id: held.about.id.clone(),
                    epoch: held.epoch,
                    note,
                    // What came to the case after this agent took it is only taken to be known once that was seen.
                    context_digest: held.context_digest().to_string(),
                })
            })
        });
        let unnumbered = progress.or_else(|| {
            self.inbox.credit().map(|messages| Message::Credit(v1::Credit { messages }))
        });
        let (message_id, message, traceparent) = match unnumbered {
            Some(message) => (0, Some(message), String::new()),
            None => match self.shared.ledger().next() {
                Some((number, message, traceparent)) => (number, Some(message), traceparent),
                None if self.inbox.owes_ack() => (0, None, String::new()),
                None => return None,
            },
        };
        Some(v1::ConnectRequest { message_id, ack: self.inbox.ack(), traceparent, message })
    }

    /// The stream ended, after a goodbye or without.
    fn parted(&self, goodbye: Option<v1::Goodbye>, end: Result<(), Status>) -> Closed {
        let Some(goodbye) = goodbye else { return self.ended(end, true) };
        let reason = goodbye.reason();
        tracing::info!(?reason, detail = goodbye.detail, "the supervisor said goodbye");
        match wire::duration(goodbye.reconnect_after.as_ref()) {
            Some(wait) => Closed::Again(Some(wait)),
            None => Closed::Fatal(ServeError::Goodbye { reason, detail: goodbye.detail }),
        }
    }

    fn ended(&self, end: Result<(), Status>, registered_before: bool) -> Closed {
        match end {
            Ok(()) => {
                tracing::warn!("the stream ended");
                Closed::Again(None)
            }
            Err(status) => {
                let refused = Refused::from(status);
                if is_fatal(&refused, registered_before) {
                    return Closed::Fatal(ServeError::Refused(refused));
                }
                tracing::warn!(code = ?refused.code, reason = ?refused.reason, %refused, "the line broke");
                Closed::Again(refused.retry_after)
            }
        }
    }
}

/// Opens a stream and registers on it.
async fn open(channel: Channel, register: v1::Register) -> Result<Line, Status> {
    let opening = async {
        let (out, outgoing) = mpsc::channel(LINE_ROOM);
        let envelope = v1::ConnectRequest {
            message_id: 0,
            ack: 0,
            traceparent: String::new(),
            message: Some(Message::Register(register)),
        };
        // There is room, because nothing was sent before.
        let _ = out.try_send(envelope);
        let mut request = Request::new(ReceiverStream::new(outgoing));
        telemetry::inject(request.metadata_mut().as_mut());
        let mut incoming = AgentServiceClient::new(channel).connect(request).await?.into_inner();
        let first = incoming
            .message()
            .await?
            .ok_or_else(|| Status::unavailable("the stream ended before registering"))?;
        match first.message {
            Some(connect_response::Message::Registered(registered)) => {
                Ok(Line { registered, ack: first.ack, out, incoming })
            }
            Some(connect_response::Message::Goodbye(goodbye)) => {
                Err(Status::unavailable(goodbye.detail))
            }
            _ => Err(Status::internal("the supervisor spoke before it had registered the agent")),
        }
    };
    tokio::time::timeout(REGISTERING_MAX, opening)
        .await
        .unwrap_or_else(|_| Err(Status::deadline_exceeded("the supervisor does not answer")))
}
