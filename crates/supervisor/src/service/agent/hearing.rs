//! The half of the stream that the agent writes: its messages, taken in order and handed on.

use std::sync::Arc;
use std::time::Duration;

use belay_api::v1::{self, ErrorReason, connect_request::Message};
use belay_domain::{Command, RoleId};
use belay_planted::{Bug, planted};
use belay_playbook::Playbook;
use belay_transport::peer::Closing;
use belay_transport::telemetry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};
use tracing::{Instrument, Span, debug, info, warn};

use super::asked::{self, What};
use super::carrying::Carrying;
use super::lanes::Lanes;
use super::opening::{Opened, open};
use super::speaking::Opening;
use super::{House, Identity};
use crate::sessions::{Arrival, Attached, Farewell, Notice};
use crate::wire::Fault;

/// How many messages of one agent are carried out at once. Each takes a few milliseconds, so this is thousands
/// a second, and one agent cannot fill the engine.
const AT_ONCE_MAX: usize = 32;

/// How many messages of one agent are taken and wait for their turn. When they are this many, the agent is not
/// listened to until some are through.
const TAKEN_MAX: usize = 256;

/// How many signs of progress of one agent are recorded at once.
const SIGNS_AT_ONCE_MAX: usize = 64;

/// How often an agent is looked after: whether it takes its messages, and whether the playbook still knows it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a stream that ends in order waits for what is being carried out.
const QUIET_WITHIN: Duration = Duration::from_secs(3);

/// How long the last words of a stream may take to leave.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// One stream, as far as it is heard.
pub(super) struct Hearing {
    pub(super) house: Arc<House>,
    pub(super) identity: Identity,
    pub(super) closing: Option<Closing>,
    /// Cancelled when nobody reads what is said any more.
    pub(super) gone: CancellationToken,
}

/// What a stream needs while it is served.
struct Serving {
    house: Arc<House>,
    attached: Attached,
    carrying: Carrying,
    lanes: Lanes,
    at_once: Arc<Semaphore>,
    taken: Arc<Semaphore>,
    signs: Arc<Semaphore>,
    playbook: Arc<Playbook>,
}

impl Hearing {
    /// Opens the session, serves the stream to its end, and keeps the session for a while after that.
    pub(super) async fn run(
        self,
        mut inbound: Streaming<v1::ConnectRequest>,
        opening: oneshot::Sender<Opening>,
    ) {
        let Self { house, identity, closing, gone } = self;
        let opened = tokio::select! {
            biased;
            opened = open(&house, &identity, &mut inbound) => opened,
            () = gone.cancelled() => return,
        };
        let Opened { attached, registered, claims } = match opened {
            Ok(opened) => opened,
            Err(fault) => {
                info!(reason = ?fault.reason(), %fault, "agent not registered");
                // Nobody reading it any more is no loss.
                let _ = opening.send(Err(fault));
                return;
            }
        };
        let span = Span::current();
        span.record("session", attached.session.id.as_str());
        span.record("stream", attached.stream);
        let served = Attached { session: attached.session.clone(), ..attached };
        let resumed = attached.resumed;
        if opening.send(Ok((attached, registered))).is_err() {
            debug!("the agent has gone before it was registered");
        }
        let carrying =
            Carrying { house: house.clone(), session: served.session.clone(), key: identity.key };
        let (telling, stream, drain) = (carrying.clone(), served.stream, house.drain.clone());
        let work = async move {
            let told = async {
                match resumed {
                    // What was begun when the session began goes on by itself.
                    true => telling.restate_losses(stream, claims).await,
                    false => telling.restate(claims).await,
                }
            };
            tokio::select! {
                biased;
                () = drain.cancelled() => {}
                () = told => {}
            }
        };
        house.tasks.spawn(work.in_current_span());
        let mut serving = Serving {
            playbook: house.playbooks.current(),
            house: house.clone(),
            attached: served,
            carrying,
            lanes: Lanes::default(),
            at_once: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            taken: Arc::new(Semaphore::new(TAKEN_MAX)),
            signs: Arc::new(Semaphore::new(SIGNS_AT_ONCE_MAX)),
        };
        let end = serving.listen(&mut inbound, closing.as_ref(), &gone).await;
        drop(inbound);
        serving.end(end, &gone).await;
        tokio::select! {
            biased;
            () = house.sessions.wait_for_return(&serving.attached) => {}
            () = house.drain.cancelled() => house.sessions.leave(&serving.attached),
        }
    }
}

impl Serving {
    /// Takes messages until the stream is to end. None if it has ended.
    async fn listen(
        &mut self,
        inbound: &mut Streaming<v1::ConnectRequest>,
        closing: Option<&Closing>,
        gone: &CancellationToken,
    ) -> Option<Farewell> {
        let house = self.house.clone();
        let closing = async {
            match closing {
                Some(closing) => closing.requested().await,
                None => std::future::pending().await,
            }
        };
        let mut closing = std::pin::pin!(closing);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut place: Option<OwnedSemaphorePermit> = None;
        loop {
            tokio::select! {
                biased;
                () = house.drain.cancelled() => return Some(Farewell::Draining),
                () = gone.cancelled() => return None,
                () = &mut closing => return Some(Farewell::TooOld),
                _ = look.tick() => {
                    if planted(Bug::KeepaliveRenewsLease) {
                        self.carrying.keep_all().await;
                    }
                    if self.is_revoked() {
                        return Some(Farewell::Revoked);
                    }
                    if self.attached.session.cut_if_slow() {
                        warn!("agent cut off: it lets messages wait");
                        house.sessions.stir();
                    }
                    if !self.attached.session.is_connected()
                        || self.attached.session.has_moved_on(self.attached.stream)
                    {
                        return None;
                    }
                }
                // Nothing is heard while too much is under way; the connection holds the agent back.
                freed = self.taken.clone().acquire_owned(), if place.is_none() => {
                    place = freed.ok();
                }
                heard = inbound.message(), if place.is_some() => match heard {
                    Ok(Some(envelope)) => {
                        if let Some(place) = place.take()
                            && let Err(fault) = self.hear(envelope, place)
                        {
                            return Some(Farewell::Broken(fault));
                        }
                    }
                    Ok(None) => return Some(Farewell::Done),
                    Err(status) if is_broken_line(&status) => return None,
                    Err(status) => return Some(Farewell::Broken(unreadable(&status))),
                },
            }
        }
    }

    /// Takes one envelope. What is wrong with the envelope itself ends the stream.
    fn hear(&self, envelope: v1::ConnectRequest, place: OwnedSemaphorePermit) -> Result<(), Fault> {
        let v1::ConnectRequest { message_id, ack, traceparent, message } = envelope;
        let session = &self.attached.session;
        self.house.sessions.seen(&session.agent, self.house.engine.clock().now());
        session.acknowledged(ack).map_err(|never| {
            Fault::field("ack", format!("is {ack}, but the last message sent was {}", never.last))
        })?;
        let Some(message) = message else { return unnumbered(message_id, "an acknowledgement") };
        match message {
            Message::Register(_) => {
                let what = "a stream has one Register, its first message";
                return Err(Fault::new(ErrorReason::OutOfOrder, what));
            }
            Message::Credit(v1::Credit { messages }) => {
                unnumbered(message_id, "Credit")?;
                if messages == 0 {
                    return Err(Fault::field("credit.messages", "has to be at least 1"));
                }
                if session.grant(messages) {
                    self.house.sessions.stir();
                }
                return Ok(());
            }
            Message::Progress(progress) => {
                unnumbered(message_id, "Progress")?;
                let sign = asked::progress(progress)?;
                self.keep(sign, &traceparent, place);
                return Ok(());
            }
            _ if message_id == 0 => {
                return Err(Fault::field("message_id", "has to be above 0 for this message"));
            }
            _ => {}
        }
        match session.take(message_id) {
            Arrival::New => {}
            Arrival::Again => {
                // Its reply was sent, or is on its way.
                debug!(message_id, "message dropped, it came before");
                return Ok(());
            }
            Arrival::Gap { expected } => {
                let what = format!("is {message_id}, but the next message is {expected}");
                return Err(Fault::field("message_id", what));
            }
        }
        self.take(message_id, message, &traceparent, place);
        Ok(())
    }

    /// Has a message carried out, after those before it that are about the same case.
    fn take(&self, number: u64, message: Message, traceparent: &str, place: OwnedSemaphorePermit) {
        let session = &self.attached.session;
        let kind = name(&message);
        let asked = match asked::read(message, &session.agent) {
            Some(Ok(asked)) => asked,
            Some(Err(fault)) => {
                debug!(number, kind, %fault, "message refused");
                session.reply(number, Notice::Refused(fault));
                return;
            }
            None => {
                self.drain(number);
                return;
            }
        };
        let span = tracing::info_span!(
            "agent message",
            message = kind,
            number,
            case = %asked.case,
            action = tracing::field::Empty,
        );
        if let What::Begin { action, .. }
        | What::Report { action, .. }
        | What::Answer { action, .. } = &asked.what
        {
            span.record("action", action.as_str());
        }
        follow(&span, traceparent);
        let mut turn = self.lanes.queue(&asked.case);
        let carrying = self.carrying.clone();
        let at_once = self.at_once.clone();
        let work = async move {
            turn.come().await;
            // It is never closed.
            let _running = at_once.acquire_owned().await;
            carrying.carry(number, asked).await;
            drop((turn, place));
        };
        self.house.tasks.spawn(work.instrument(span));
    }

    fn keep(&self, sign: asked::Sign, traceparent: &str, place: OwnedSemaphorePermit) {
        let span = tracing::debug_span!("agent message", message = "progress", case = %sign.case);
        follow(&span, traceparent);
        let carrying = self.carrying.clone();
        let signs = self.signs.clone();
        let work = async move {
            // It is never closed.
            let _running = signs.acquire_owned().await;
            carrying.keep(sign).await;
            drop(place);
        };
        self.house.tasks.spawn(work.instrument(span));
    }

    /// The agent takes no more cases: those on offer to it go to others at once.
    fn drain(&self, number: u64) {
        info!("agent takes no more cases");
        let session = self.attached.session.clone();
        session.drain();
        self.house.sessions.stir();
        let house = self.house.clone();
        let (_, offered) = house.sessions.concerns(&session.agent);
        let work = async move {
            for (handoff, case) in offered {
                let why = "the agent takes no more cases";
                let agent = session.agent.clone();
                let reason = why.to_owned();
                let decline = Command::Decline { agent, handoff: handoff.clone(), reason };
                // One that is over meanwhile needs no withdrawing.
                if house.engine.command(&case, decline).await.is_ok() {
                    session.say(Notice::Withdrawn { case, handoff, why: why.to_owned() });
                }
            }
            session.reply(number, Notice::Done { id: String::new() });
        };
        self.house.tasks.spawn(work.in_current_span());
    }

    /// Ends the stream in order: what is being carried out is answered first.
    async fn end(&self, farewell: Option<Farewell>, gone: &CancellationToken) {
        let Attached { session, stream, .. } = &self.attached;
        let Some(farewell) = farewell else {
            debug!("stream ended");
            return;
        };
        if matches!(farewell, Farewell::Done | Farewell::Draining | Farewell::TooOld) {
            let quiet = tokio::time::timeout(QUIET_WITHIN, session.quiet());
            tokio::select! {
                biased;
                _ = quiet => {}
                () = gone.cancelled() => {}
            }
        }
        info!(?farewell, "stream ends");
        session.part(*stream, farewell);
        self.house.sessions.stir();
        if tokio::time::timeout(GONE_WITHIN, gone.cancelled()).await.is_err() {
            debug!("the agent does not read the end of its stream");
        }
    }

    /// Whether a newer playbook no longer knows the agent, or not in the roles it serves.
    fn is_revoked(&mut self) -> bool {
        let current = self.house.playbooks.current();
        if Arc::ptr_eq(&current, &self.playbook) {
            return false;
        }
        let session = &self.attached.session;
        let (profile, _) = session.profile();
        let allowed: &[RoleId] = current.roles_of(&session.agent);
        let known = current.agents().any(|agent| *agent == session.agent);
        let revoked = !known || profile.roles.iter().any(|role| !allowed.contains(role));
        self.playbook = current;
        revoked
    }
}

/// Some messages are about the moment and have no number.
fn unnumbered(message_id: u64, what: &str) -> Result<(), Fault> {
    if message_id == 0 {
        Ok(())
    } else {
        Err(Fault::field("message_id", format!("has to be 0 for {what}")))
    }
}

/// Makes a span part of the trace that the agent names, if it names one.
fn follow(span: &Span, traceparent: &str) {
    if let Ok(value) = http::HeaderValue::from_str(traceparent)
        && !value.is_empty()
    {
        let mut headers = http::HeaderMap::new();
        headers.insert("traceparent", value);
        telemetry::continue_trace(span, &headers);
    }
}

/// Whether the line broke, rather than that something came over it that cannot be read.
fn is_broken_line(status: &Status) -> bool {
    !matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted | Code::Internal)
        || std::error::Error::source(status).is_some()
}

/// What came cannot be read.
pub(super) fn unreadable(status: &Status) -> Fault {
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            Fault::new(ErrorReason::TooLarge, "a message may have 1 MiB at most")
        }
        _ => Fault::new(ErrorReason::InvalidField, "a message could not be read"),
    }
}

fn name(message: &Message) -> &'static str {
    match message {
        Message::Register(_) => "register",
        Message::Credit(_) => "credit",
        Message::Progress(_) => "progress",
        Message::AcceptHandoff(_) => "accept_handoff",
        Message::DeclineHandoff(_) => "decline_handoff",
        Message::Propose(_) => "propose",
        Message::BeginExecution(_) => "begin_execution",
        Message::ReportOutcome(_) => "report_outcome",
        Message::CompletePlan(_) => "complete_plan",
        Message::RequestHandoff(_) => "request_handoff",
        Message::RequestEscalation(_) => "request_escalation",
        Message::AddContext(_) => "add_context",
        Message::AnswerQuestion(_) => "answer_question",
        Message::IdentifyCase(_) => "identify_case",
        Message::ReleaseCase(_) => "release_case",
        Message::ResolveCase(_) => "resolve_case",
        Message::Drain(_) => "drain",
        Message::AbandonPlan(_) => "abandon_plan",
    }
}
