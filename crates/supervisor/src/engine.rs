//! The engine: commands in, events journaled, effects out.
//!
//! A few shards own the cases between them, each case in exactly one. A shard takes a batch of commands,
//! decides each, submits what was decided to the journal and goes on with the next batch while the last is
//! being made durable. Nobody is answered, and no effect leaves, before its own append is durable.

mod committed;
mod decided;
mod entry;
mod loading;
mod once;
mod probing;
mod refusing;
mod shard;
mod sharing;
mod slot;
mod stored;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use belay_domain::{Case, CaseId, Command, Event, Owed, Rejection, Timestamp};
use belay_journal::{AppendError, Journal, ReadError};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::playbooks::Playbooks;

pub use committed::Change;
pub(crate) use entry::{FINGERPRINT, MERGED, REQUEST, WRITE, write_key_of};
pub(crate) use once::Once;
pub use stored::{StoredEventError, decode};

/// The most commands that may wait for one shard. At full speed a shard works this off in well under a second;
/// when it is full the journal has stalled, and callers should hear so rather than wait.
const COMMANDS_WAITING_MAX: usize = 4_096;

/// How many changes a watcher may lag behind before it has to read the journal instead.
const CHANGES_KEPT: usize = 8_192;

/// How often a command is decided anew after somebody else changed its case in between.
const DECISIONS_MAX: u32 = 4;

/// What carries effects out. Told which effects a case owes, each time that changes.
pub trait Outbound: Send + Sync + 'static {
    /// The case owes exactly these effects now. What is new is to be started, what is missing to be given up.
    fn owe(&self, case: &Arc<Case>, owed: Vec<Owed>);

    /// What answers a case that has begun to look for an agent, where that is known without asking anybody
    /// outside. It is decided together with the search, so nothing may leave yet.
    fn at_once(&self, case: &Case) -> Option<Command> {
        let _ = case;
        None
    }

    /// The case was loaded and is as it is here: what should have followed from what it knows may not have.
    fn awoken(&self, case: &Arc<Case>) {
        let _ = case;
    }

    /// Something happened to a case, durably, in this order.
    fn happened(&self, change: &Change);
}

/// A handle on the engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    shards: Vec<mpsc::Sender<Message>>,
    changes: broadcast::Sender<Change>,
    clock: Clock,
    journal: Journal,
    metrics: Metrics,
}

/// What was decided about a command, durably.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The case after it.
    pub case: Arc<Case>,
    /// What happened.
    pub events: Arc<[Event]>,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The domain turned it down. Nothing changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// What the command would have claimed is held by somebody else.
    #[error("{kind} is held by {holder}")]
    Claimed {
        /// What kind of thing.
        kind: String,
        /// Who holds it: a case or an action.
        holder: String,
    },
    /// The request id was used for something else.
    #[error("this request id was used before for another content; choose a new one")]
    KeyReused,
    /// Too much is waiting.
    #[error("too many commands are waiting; try again shortly")]
    Overloaded,
    /// The supervisor is shutting down.
    #[error("the supervisor is shutting down; try again at the next one")]
    Draining,
    /// The case kept changing under the command.
    #[error("the case is changing too fast; try again")]
    Contended,
    /// The journal could not be read.
    #[error("the journal could not be read")]
    Unreadable(#[source] Arc<ReadError>),
    /// The journal could not be written. The command may or may not be recorded.
    #[error("the journal could not be written")]
    Unwritable(#[source] AppendError),
    /// A stored event could not be understood.
    #[error("the history of the case cannot be read")]
    Damaged(#[source] Arc<StoredEventError>),
}

enum Message {
    Command {
        case: CaseId,
        command: Arc<Command>,
        once: Option<Box<Once>>,
        span: tracing::Span,
        reply: Reply,
    },
    Look {
        case: CaseId,
        reply: oneshot::Sender<Result<Option<Arc<Case>>, Refused>>,
    },
    Wake {
        case: CaseId,
        due: Timestamp,
    },
}

type Reply = oneshot::Sender<Result<Applied, Refused>>;

impl Engine {
    /// Starts the shards. They run until `stop` is cancelled, and have answered everybody by the time `tasks`
    /// is empty.
    pub fn start(
        journal: Journal,
        playbooks: Playbooks,
        clock: Clock,
        shards: usize,
        stop: &CancellationToken,
        tasks: &TaskTracker,
        outbound: impl FnOnce(&Engine) -> Arc<dyn Outbound>,
    ) -> Self {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..shards.max(1)).map(|_| mpsc::channel(COMMANDS_WAITING_MAX)).unzip();
        let changes = broadcast::Sender::new(CHANGES_KEPT);
        let metrics = Metrics::default();
        let journal_of = journal.clone();
        let inner = Inner { shards: senders, changes, clock, journal: journal_of, metrics };
        let engine = Self { inner: Arc::new(inner) };
        let outbound = outbound(&engine);
        for (number, inbox) in receivers.into_iter().enumerate() {
            let shard = shard::Shard::new(
                journal.clone(),
                playbooks.clone(),
                clock,
                outbound.clone(),
                engine.inner.changes.clone(),
            );
            let span = tracing::info_span!("shard", number);
            tasks.spawn(shard.run(inbox, stop.clone()).instrument(span));
        }
        engine
    }

    /// Has a command decided. Returns once what was decided is durable.
    pub fn command<'a>(
        &'a self,
        case: &'a CaseId,
        command: Command,
    ) -> impl Future<Output = Result<Applied, Refused>> + Send + 'a {
        // Behind a pointer from the beginning: every future that it goes through would be as large.
        self.counted(case, Arc::new(command), None)
    }

    /// Has a command decided, unless it was before for the same request, whatever happened since: then the
    /// answer is what it led to. The request is remembered by the append that carries it out.
    pub(crate) async fn command_once(
        &self,
        case: &CaseId,
        command: Command,
        once: Once,
    ) -> Result<Applied, Refused> {
        match once.look(self, case).await? {
            Some(known) => Ok(known),
            None => self.counted(case, Arc::new(command), Some(Box::new(once))).await,
        }
    }

    async fn counted(
        &self,
        case: &CaseId,
        command: Arc<Command>,
        once: Option<Box<Once>>,
    ) -> Result<Applied, Refused> {
        let name = command.name();
        let span = tracing::info_span!("decide", case = %case, command = name);
        let asked = tokio::time::Instant::now();
        let answer = self.decided(case, command, once).instrument(span).await;
        self.inner.metrics.answered(name, &answer, asked.elapsed());
        answer
    }

    async fn decided(
        &self,
        case: &CaseId,
        command: Arc<Command>,
        once: Option<Box<Once>>,
    ) -> Result<Applied, Refused> {
        for _ in 0..DECISIONS_MAX {
            let (reply, answer) = oneshot::channel();
            self.send(Message::Command {
                case: case.clone(),
                command: command.clone(),
                once: once.clone(),
                span: tracing::Span::current(),
                reply,
            })?;
            match answer.await.unwrap_or(Err(Refused::Draining)) {
                Err(Refused::Contended) => {}
                answer => return answer,
            }
        }
        Err(Refused::Contended)
    }

    /// The case as it is durably known, with everything that was decided before this call; none if there never
    /// was such a case.
    pub async fn case(&self, case: &CaseId) -> Result<Option<Arc<Case>>, Refused> {
        for _ in 0..DECISIONS_MAX {
            let (reply, answer) = oneshot::channel();
            self.send(Message::Look { case: case.clone(), reply })?;
            match answer.await.unwrap_or(Err(Refused::Draining)) {
                Err(Refused::Contended) => {}
                answer => return answer,
            }
        }
        Err(Refused::Contended)
    }

    /// The case, and the moment for which what it says is true: nothing that was decided before that moment is
    /// missing from it.
    pub async fn case_as_of(
        &self,
        case: &CaseId,
    ) -> Result<Option<(Arc<Case>, Timestamp)>, Refused> {
        let asked = self.inner.clock.now();
        let found = self.case(case).await?;
        Ok(found.map(|case| {
            let as_of = asked.max(case.updated_at);
            (case, as_of)
        }))
    }

    /// Makes sure that the case is loaded, its timers run and its effects are under way once it is due.
    pub fn wake(&self, case: &CaseId, due: Timestamp) -> Result<(), Refused> {
        self.send(Message::Wake { case: case.clone(), due })
    }

    /// Everything that happens from now on, as it becomes durable.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.changes.subscribe()
    }

    /// The clock by which the engine decides.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// The journal that the engine writes.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    fn send(&self, message: Message) -> Result<(), Refused> {
        let case = match &message {
            Message::Command { case, .. }
            | Message::Look { case, .. }
            | Message::Wake { case, .. } => case,
        };
        let mut hasher = DefaultHasher::new();
        case.hash(&mut hasher);
        let index = hasher.finish() % self.inner.shards.len() as u64;
        let shard = usize::try_from(index).unwrap_or(0);
        self.inner.shards[shard].try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Refused::Draining,
        })
    }
}
