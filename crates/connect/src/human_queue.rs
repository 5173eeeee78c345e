//! What Belay needs from any system in which people are reached: look at a queue, find our tickets, create
//! one, read one back, and tell people that a step is over.
//!
//! An adapter reports facts and errors. It never judges whether anybody is covered, never retries a write by
//! itself, and never says that something happened because it was asked for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use belay_domain::{
    CaseId, Correlation, OurTicket, QueueFacts, QueueId, Reading, Severity, Statement, TicketId,
    Unreachable,
};
use tokio::sync::broadcast;

use crate::http::Exchange;
use crate::placing::Settling;
use crate::proof::{Finding, RouteCheck};

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where rumours are heard.
pub type RumourReceiver = broadcast::Receiver<Rumour>;

/// A system in which people are reached.
pub trait HumanQueue: fmt::Debug + Send + Sync {
    /// Reads a queue and those who work on it.
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>>;

    /// Searches for tickets that carry exactly this correlation id, in whatever queue and state, the oldest
    /// first. A ticket that was created moments ago may be missing from the answer.
    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>>;

    /// Asks for a new ticket, once. The id is what the system answered, which proves nothing.
    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>>;

    /// Reads a ticket with its history, and the queue in which we want it. What cannot be read is unreadable
    /// within the reading.
    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading>;

    /// Tells the people at a ticket that it is no longer needed. Closes it only if nobody holds it and our
    /// rights allow; otherwise leaves a comment. Says it once, however often it is called.
    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>>;

    /// Reads several tickets in as few requests as the system allows. The readings come in the order asked for,
    /// one for each. A system without such a request is read one after the other.
    fn read_many<'a>(&'a self, wanted: &'a [Wanted]) -> BoxFuture<'a, Vec<Reading>> {
        Box::pin(async move {
            let mut readings = Vec::with_capacity(wanted.len());
            for one in wanted {
                readings.push(self.read(&one.ticket, &one.queue).await);
            }
            readings
        })
    }

    /// How many tickets one call of [`read_many`](Self::read_many) reads well: so many that its requests are
    /// shared, and so few that it ends in time.
    fn reads_at_once(&self) -> usize {
        1
    }

    /// How many requests a call of [`read_many`](Self::read_many) for these takes, as far as that can be told
    /// beforehand: what a pace counts.
    fn requests_for(&self, wanted: &[Wanted]) -> u32 {
        u32::try_from(wanted.len()).unwrap_or(u32::MAX)
    }

    /// Lists the open tickets that carry our mark, whoever made them, a page at a time: what reconciliation holds
    /// against the journal. Begins at the first page; goes on with what the last page named as the next one.
    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        let _ = page;
        Box::pin(async {
            Err(QueueError::new(QueueErrorKind::Refused, "this system cannot list our tickets"))
        })
    }

    /// Looks at everything a route through this queue depends on, without changing anything. An error is one that
    /// kept it from looking at all.
    fn prove<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<Vec<Finding>, QueueError>> {
        Box::pin(async move { Ok(inspected(&self.inspect(queue).await?)) })
    }

    /// Reads what was written on a ticket since it was created, by anybody, oldest first: notes, replies, comments, each
    /// with who wrote it. Only asked for where people may decide on a ticket; writing there must change its revision.
    fn statements<'a>(
        &'a self,
        ticket: &'a TicketId,
    ) -> BoxFuture<'a, Result<Vec<Statement>, QueueError>> {
        let _ = ticket;
        Box::pin(async {
            let detail = "what people write on a ticket cannot be read from this system";
            Err(QueueError::new(QueueErrorKind::Refused, detail))
        })
    }

    /// Leaves a note at a ticket for the people there, and changes nothing else. Says it once, however often it is called:
    /// a note of ours with the same words is not left again. One that is gone or closed may be left alone.
    fn tell<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        let _ = (ticket, note);
        Box::pin(async {
            let detail = "nothing can be written on a ticket of this system";
            Err(QueueError::new(QueueErrorKind::Refused, detail))
        })
    }

    /// Where the system tells us by itself that something changed, if it does. A rumour makes us look
    /// sooner; it is never evidence.
    fn rumours(&self) -> Option<RumourReceiver> {
        None
    }

    /// What went over the wire since this was last called, the oldest first. Nothing is kept before the first call.
    /// None if nothing goes over a wire that could be overheard.
    fn overheard(&self) -> Option<Vec<Exchange>> {
        None
    }

    /// How long its search may lag behind its creates.
    fn settling(&self) -> Settling {
        Settling::default()
    }
}

/// A ticket that is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTicket {
    /// The case it is for; written on the ticket.
    pub case: CaseId,
    /// The escalation step it is for; written on the ticket, and what it is found again by.
    pub correlation: Correlation,
    /// Where it is wanted.
    pub queue: QueueId,
    /// What people see first.
    pub subject: String,
    /// What they have to know.
    pub body: String,
    /// How much it matters.
    pub severity: Severity,
}

/// A ticket that is to be read, and where we want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The ticket.
    pub ticket: TicketId,
    /// The queue it should be in.
    pub queue: QueueId,
    /// The step it is for; what a search for many tickets finds it by.
    pub correlation: Correlation,
}

/// A page of the tickets that carry our mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OurTickets {
    /// The tickets.
    pub tickets: Vec<OurTicket>,
    /// Where the next page begins; none if this was the last.
    pub next: Option<String>,
}

/// Somebody says that a ticket changed. Not to be believed, only to be looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rumour {
    /// Which ticket.
    pub ticket: TicketId,
    /// For which step, if the rumour says so.
    pub correlation: Option<Correlation>,
}

/// Why a human queue's system did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct QueueError {
    /// What kind of failure.
    pub kind: QueueErrorKind,
    /// What happened, for people. Holds no credential and no customer content.
    pub detail: String,
}

/// The kinds of failure, by what can be done about them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueErrorKind {
    /// The system understood and will not do it, however often it is asked: no such queue, no such right.
    #[error("refused")]
    Refused,
    /// Our credential is not accepted. An operator must renew it.
    #[error("the credential was not accepted")]
    Unauthorized,
    /// We ask too often.
    #[error("asked to slow down")]
    RateLimited {
        /// How long to wait, if the system says so.
        retry_after: Option<Duration>,
    },
    /// The system could not be reached or is not able to answer; what was asked has not been done.
    #[error("unavailable")]
    Unavailable,
    /// The request was sent and no usable answer came: it may have been carried out.
    #[error("no answer")]
    Unknown,
    /// It answered in a way we do not understand. What was asked may have been done.
    #[error("not understood")]
    NotUnderstood,
}

impl QueueError {
    /// An error of this kind.
    pub fn new(kind: QueueErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Whether asking again later can help. What cannot be helped should make the escalation move on.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self.kind {
            QueueErrorKind::Refused | QueueErrorKind::Unauthorized => false,
            QueueErrorKind::RateLimited { .. }
            | QueueErrorKind::Unavailable
            | QueueErrorKind::Unknown
            | QueueErrorKind::NotUnderstood => true,
        }
    }

    /// Whether the request may have been carried out all the same. Look before asking again.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(self.kind, QueueErrorKind::Unknown | QueueErrorKind::NotUnderstood)
    }

    /// Whether this says that the system as a whole is in trouble, not that one request was wrong.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        !matches!(self.kind, QueueErrorKind::Refused)
    }

    /// How long the system asked us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            QueueErrorKind::RateLimited { retry_after } => retry_after,
            _ => None,
        }
    }
}

/// What a look at a queue shows of a route through it.
pub(crate) fn inspected(facts: &QueueFacts) -> Vec<Finding> {
    let enabled = if facts.enabled {
        Finding::held(RouteCheck::Enabled)
    } else {
        Finding::broken(RouteCheck::Enabled, "enable the queue, or name another one")
    };
    let staffed = match facts.reachable() {
        Ok(()) | Err(Unreachable::Disabled { .. } | Unreachable::NobodyOnShift { .. }) => {
            Finding::held(RouteCheck::Staffed)
        }
        Err(nobody) => Finding::broken(RouteCheck::Staffed, nobody.to_string()),
    };
    vec![Finding::held(RouteCheck::Reachable), Finding::held(RouteCheck::Exists), enabled, staffed]
}
