//! A human queue whose answers are remembered: every ticket that was ever named, so that none is left behind, and
//! how long a search took to show a new one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_domain::{Correlation, QueueFacts, QueueId, Reading, TicketId, TicketReading};
use tokio::time::Instant;

use crate::placing::Settling;
use crate::proof::Finding;
use crate::{BoxFuture, HumanQueue, NewTicket, QueueError};

/// A human queue, watched.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    inner: &'a dyn HumanQueue,
    seen: Mutex<Seen>,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The tickets that were named to us, in that order.
    pub(super) tickets: Vec<TicketId>,
    /// How often a ticket was asked for.
    pub(super) creates: u32,
    /// When the first create was answered with an id.
    created: Option<Instant>,
    /// How much later a search first showed it.
    pub(super) shown_after: Option<Duration>,
    /// Requests of every kind.
    pub(super) requests: u32,
    /// The first create after which nobody knew whether a ticket was made.
    pub(super) unsure: Option<QueueError>,
    /// What else failed, by the words of the first time.
    pub(super) troubles: Vec<String>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(inner: &'a dyn HumanQueue) -> Self {
        Self { inner, seen: Mutex::default() }
    }

    /// What was seen until now.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Reads what cannot be there; failing to is no trouble.
    pub(super) async fn read_strange(&self, ticket: &TicketId, queue: &QueueId) -> Reading {
        self.lock().requests += 1;
        self.inner.read(ticket, queue).await
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard<T>(&self, answer: Result<T, QueueError>) -> Result<T, QueueError> {
        let mut seen = self.lock();
        seen.requests += 1;
        if let Err(error) = &answer
            && error.is_outage()
        {
            seen.trouble(error.to_string());
        }
        drop(seen);
        answer
    }
}

impl Seen {
    fn name(&mut self, ticket: &TicketId) {
        if !self.tickets.contains(ticket) {
            self.tickets.push(ticket.clone());
        }
    }

    fn trouble(&mut self, detail: String) {
        if !self.troubles.contains(&detail) {
            self.troubles.push(detail);
        }
    }
}

impl HumanQueue for Watched<'_> {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async move { self.heard(self.inner.inspect(queue).await) })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async move {
            let found = self.heard(self.inner.find(correlation).await)?;
            let mut seen = self.lock();
            if let (Some(created), false, None) = (seen.created, found.is_empty(), seen.shown_after)
            {
                seen.shown_after = Some(created.elapsed());
            }
            found.iter().for_each(|ticket| seen.name(ticket));
            drop(seen);
            Ok(found)
        })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async move {
            // Before it is asked for: whoever is interrupted meanwhile has to look for it.
            self.lock().creates += 1;
            let created = match self.inner.create(ticket).await {
                Err(error) if error.may_have_happened() => {
                    let mut seen = self.lock();
                    seen.requests += 1;
                    seen.unsure.get_or_insert_with(|| error.clone());
                    return Err(error);
                }
                answer => self.heard(answer)?,
            };
            let mut seen = self.lock();
            seen.created.get_or_insert_with(Instant::now);
            seen.name(&created);
            drop(seen);
            Ok(created)
        })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let reading = self.inner.read(ticket, queue).await;
            let mut seen = self.lock();
            seen.requests += 1;
            if let TicketReading::Unreadable { detail } = &reading.ticket {
                seen.trouble(detail.clone());
            }
            drop(seen);
            reading
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.heard(self.inner.withdraw(ticket, note).await) })
    }

    fn prove<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<Vec<Finding>, QueueError>> {
        Box::pin(async move { self.heard(self.inner.prove(queue).await) })
    }

    fn settling(&self) -> Settling {
        self.inner.settling()
    }
}
