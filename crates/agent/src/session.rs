//! One agent's session with the supervisor, from the first connection to the last, across broken lines.
//!
//! The session owns everything: the cases held, the offers that stand, and the tasks that work on them. It
//! never waits for any of them. What has to be sent follows from what is owed, so a break forgets nothing.

mod departure;
mod intake;
mod offers;
mod stream;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use belay_api::v1::connect_request::Message;
use belay_api::v1::{self, ErrorReason, LeaseLostReason};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Code;

use crate::backoff::{self, Backoff};
use crate::dial::Dial;
use crate::error::{Refused, ServeError};
use crate::held::Held;
use crate::inbox::Inbox;
use crate::ledger::Reply;
use crate::shared::Shared;
use crate::specialist::Work;

pub(crate) use departure::Departure;
use departure::Phase;
use offers::Standing;

/// What an agent says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) roles: Vec<String>,
    pub(crate) capacity: u32,
    /// Who signs permits. `None`: the supervisor of the agent's own trust domain.
    pub(crate) issuer: Option<String>,
}

/// The session.
pub(crate) struct Session {
    profile: Profile,
    dial: Dial,
    work: Arc<dyn Work>,
    shared: Arc<Shared>,
    inbox: Inbox,
    cases: HashMap<String, Arc<Held>>,
    offers: HashMap<String, Standing>,
    tasks: JoinSet<Ended>,
    /// The session to go on with, once there was one.
    id: Option<String>,
    last_serial: u64,
    /// Kept so that the message is not dropped as one that nobody waits for.
    draining: Option<oneshot::Receiver<Reply>>,
}

/// A task that is over.
enum Ended {
    /// An offer was answered, or is over.
    Considered { handoff: String },
    /// A case is not worked on any more.
    Held { case: String, serial: u64 },
}

/// Why a stream is over.
enum Closed {
    /// The agent is done.
    Finished,
    /// Connect again, after this long if the supervisor said so.
    Again(Option<Duration>),
    /// Connecting again would not help.
    Fatal(ServeError),
}

impl Session {
    pub(crate) fn new(
        profile: Profile,
        dial: Dial,
        work: Arc<dyn Work>,
        shared: Arc<Shared>,
        window: u32,
    ) -> Self {
        Self {
            profile,
            dial,
            work,
            shared,
            inbox: Inbox::new(window),
            cases: HashMap::new(),
            offers: HashMap::new(),
            tasks: JoinSet::new(),
            id: None,
            last_serial: 0,
            draining: None,
        }
    }

    /// Serves until the departure is over, or until there is no point in going on.
    pub(crate) async fn run(mut self, mut departure: Departure) -> Result<(), ServeError> {
        let mut backoff = Backoff::default();
        loop {
            let registered_before = self.id.is_some();
            let began = Instant::now();
            let wait = match self.stream(&mut departure).await {
                Closed::Finished => return Ok(()),
                Closed::Fatal(error) => return Err(error),
                Closed::Again(wait) => wait,
            };
            if self.id.is_some() && (!registered_before || began.elapsed() > Duration::from_secs(5))
            {
                backoff.reset();
            }
            let wait = wait.unwrap_or_else(|| backoff.next(backoff::random()));
            if self.pause(wait, &mut departure).await {
                return Ok(());
            }
        }
    }

    /// Waits without a line. Says whether the departure is over meanwhile.
    async fn pause(&mut self, wait: Duration, departure: &mut Departure) -> bool {
        let until = Instant::now() + wait;
        loop {
            if self.is_over(departure) {
                return true;
            }
            let due = self.next_due().min(until);
            tokio::select! {
                () = tokio::time::sleep_until(due) => {
                    if Instant::now() >= until {
                        return false;
                    }
                    self.check_cases();
                    self.skip_reports();
                }
                Some(ended) = self.tasks.join_next() => self.reap(ended),
                () = departure.next() => self.depart(departure),
            }
        }
    }

    /// Whether there is nothing left to stay for.
    fn is_over(&self, departure: &Departure) -> bool {
        let idle = self.cases.is_empty() && self.tasks.is_empty();
        match departure.phase() {
            Phase::Serving => false,
            Phase::Draining => idle && self.shared.ledger().is_settled(),
            Phase::Leaving => self.tasks.is_empty() && self.shared.ledger().is_settled(),
            Phase::Gone => true,
        }
    }

    /// The departure has come to its next phase.
    fn depart(&mut self, departure: &Departure) {
        match departure.phase() {
            Phase::Serving | Phase::Gone => {}
            Phase::Draining => {
                tracing::info!(cases = self.cases.len(), "taking no more cases");
                for standing in self.offers.values() {
                    standing.withdraw();
                }
                if !(self.cases.is_empty() && self.offers.is_empty()) {
                    self.drain();
                }
            }
            Phase::Leaving => {
                for held in self.cases.values() {
                    tracing::warn!(case = held.about.id, "case given back: the agent is stopping");
                    self.give_back(held, "the agent is stopping");
                    held.lose(LeaseLostReason::Released, "the agent is stopping");
                }
            }
        }
    }

    /// Tells the supervisor that no more cases are taken. Nothing hangs on its answer.
    fn drain(&mut self) {
        self.draining = self.shared.ask(Message::Drain(v1::Drain {})).ok();
    }

    /// Gives a case back without its handler.
    fn give_back(&self, held: &Held, reason: &str) {
        if held.is_given_up() || held.lost().is_some() {
            return;
        }
        self.shared.tell(Message::ReleaseCase(v1::ReleaseCase {
            case_id: held.about.id.clone(),
            epoch: held.epoch,
            reason: reason.to_owned(),
        }));
    }

    /// When something is next due for a case.
    fn next_due(&self) -> Instant {
        let never = Instant::now() + Duration::from_secs(3600);
        self.cases.values().filter_map(|held| held.due_at()).min().unwrap_or(never)
    }

    /// Ends work on cases that are no longer held for all that is known.
    fn check_cases(&self) {
        let now = Instant::now();
        for held in self.cases.values() {
            held.check_end(now);
        }
    }

    /// Without a line no progress is reported. What was due is not looked for again at once.
    fn skip_reports(&self) {
        let now = Instant::now();
        for held in self.cases.values() {
            drop(held.progress(now));
        }
    }

    fn reap(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok(Ended::Considered { handoff }) => {
                self.offers.remove(&handoff);
                self.inbox.dealt_with();
            }
            Ok(Ended::Held { case, serial }) => {
                if self.cases.get(&case).is_some_and(|held| held.serial == serial) {
                    self.cases.remove(&case);
                }
            }
            // Handlers' panics are caught where they are called, so this is a defect of the SDK.
            Err(error) => tracing::error!(%error, "a task of the session failed"),
        }
    }
}

/// Whether it helps to connect again after the stream ended so.
fn is_fatal(refused: &Refused, registered_before: bool) -> bool {
    match (refused.reason, refused.code) {
        (ErrorReason::SessionReplaced, _) => true,
        // Wrong from the start is a mistake in somebody's files; later it may be one that passes.
        (_, Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented) => {
            !registered_before
        }
        (_, Code::InvalidArgument) => !registered_before,
        _ => false,
    }
}
