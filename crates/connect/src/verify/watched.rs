//! A human queue whose answers are remembered: every ticket that was ever named, so that none is left behind, how long a
//! search took to show a new one, and what its clock shows.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_domain::{Correlation, QueueFacts, QueueId, Reading, TicketId, TicketReading};
use tokio::time::Instant;

use super::clock::{OurClock, TheirClock};
use crate::http::Exchange;
use crate::placing::Settling;
use crate::proof::Finding;
use crate::{BoxFuture, HumanQueue, NewTicket, OurTickets, QueueError};

/// A human queue, watched.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    inner: &'a dyn HumanQueue,
    clock: OurClock,
    seen: Mutex<Seen>,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The tickets that were named to us, in that order.
    pub(super) tickets: Vec<TicketId>,
    /// How often a ticket was asked for.
    pub(super) creates: u32,
    /// When the first create that was answered with an id was sent, when it was answered, and with which.
    created: Option<(Instant, Instant, TicketId)>,
    /// How much later a search first showed it.
    pub(super) shown_after: Option<Duration>,
    /// Requests of every kind.
    pub(super) requests: u32,
    /// The first create after which nobody knew whether a ticket was made.
    pub(super) unsure: Option<QueueError>,
    /// What else failed, by the words of the first time.
    pub(super) troubles: Vec<String>,
    /// What its clock shows; none if nothing goes over a wire.
    pub(super) theirs: Option<TheirClock>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(inner: &'a dyn HumanQueue, clock: OurClock) -> Self {
        // Listening begins with the first taking.
        let theirs = inner.overheard().map(|_| TheirClock::default());
        Self { inner, clock, seen: Mutex::new(Seen { theirs, ..Seen::default() }) }
    }

    /// What was seen until now.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Reads what cannot be there, and says what went over the wire meanwhile; failing to is no trouble.
    pub(super) async fn read_strange(
        &self,
        ticket: &TicketId,
        queue: &QueueId,
    ) -> (Reading, Option<Vec<Exchange>>) {
        self.listen();
        let reading = self.inner.read(ticket, queue).await;
        self.lock().requests += 1;
        (reading, self.listen())
    }

    /// Takes what went over the wire since the last time, and what it shows of the system's clock.
    fn listen(&self) -> Option<Vec<Exchange>> {
        let overheard = self.inner.overheard()?;
        let mut seen = self.lock();
        let Seen { theirs, tickets, created, .. } = &mut *seen;
        if let Some(theirs) = theirs {
            for exchange in &overheard {
                theirs.hear(exchange, &self.clock);
                for ticket in tickets.iter() {
                    let created = created.as_ref().filter(|(.., created)| created == ticket);
                    let created = created.map(|(sent, answered, _)| (*sent, *answered));
                    theirs.read(exchange, ticket, created, &self.clock);
                }
            }
        }
        drop(seen);
        Some(overheard)
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
        self.listen();
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
            let created = seen.created.as_ref().map(|(_, answered, _)| *answered);
            if let (Some(created), false, None) = (created, found.is_empty(), seen.shown_after) {
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
            let sent = Instant::now();
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
            seen.created.get_or_insert_with(|| (sent, Instant::now(), created.clone()));
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
            self.listen();
            reading
        })
    }

    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        Box::pin(async move { self.heard(self.inner.ours(page).await) })
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
