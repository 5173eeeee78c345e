//! Outside systems with an eye on whether they accept our credential: every answer tells something of it.

use std::fmt;
use std::sync::Arc;

use belay_connect::business::{ReadError, ReadRequest, Response, WriteOutcome, WriteRequest};
use belay_connect::{
    BoxFuture, Exchange, Finding, HumanQueue, NewTicket, OurTickets, QueueError, QueueErrorKind,
    RumourReceiver, Settling, SystemOfRecord, Wanted,
};
use belay_domain::{
    Correlation, QueueFacts, QueueId, Reading, Statement, SystemId, TicketId, TicketReading,
};

use super::{Credentials, Shows};

/// Something outside, with an eye on whether it accepts our credential.
pub(super) struct Minded<T: ?Sized> {
    pub(super) system: SystemId,
    pub(super) credentials: Credentials,
    pub(super) inner: Arc<T>,
}

impl<T: ?Sized> Minded<T> {
    /// What was asked for and would not be shown to just anybody.
    fn heard<A>(&self, answer: Result<A, QueueError>) -> Result<A, QueueError> {
        self.heard_of(answer, |_| Shows::Something)
    }

    /// The same for what may be empty because we are not shown anything.
    fn heard_list<A>(
        &self,
        answer: Result<A, QueueError>,
        is_empty: impl FnOnce(&A) -> bool,
    ) -> Result<A, QueueError> {
        self.heard_of(
            answer,
            |found| if is_empty(found) { Shows::Nothing } else { Shows::Something },
        )
    }

    fn heard_of<A>(
        &self,
        answer: Result<A, QueueError>,
        shows: impl FnOnce(&A) -> Shows,
    ) -> Result<A, QueueError> {
        match &answer {
            Ok(found) => self.credentials.accept(&self.system, shows(found)),
            Err(error) => self.failed(&error.kind, &error.detail, 1),
        }
        answer
    }

    /// What says nothing about the credential changes nothing.
    fn failed(&self, kind: &QueueErrorKind, detail: &str, weight: u32) {
        match kind {
            QueueErrorKind::Unauthorized => self.credentials.refuse(&self.system, detail, false),
            QueueErrorKind::Refused if is_forbidden(detail) => {
                self.credentials.forbid(&self.system, detail, weight);
            }
            _ => {}
        }
    }

    fn seen(&self, readings: &[Reading]) {
        let shown = |reading: &Reading| {
            reading.queue.is_some() || matches!(reading.ticket, TicketReading::Present(_))
        };
        if readings.iter().any(shown) {
            return self.credentials.accept(&self.system, Shows::Something);
        }
        for reading in readings {
            let TicketReading::Unreadable { detail } = &reading.ticket else { continue };
            // A reading carries the error as people read it, and that begins with its kind.
            for kind in [QueueErrorKind::Unauthorized, QueueErrorKind::Refused] {
                if let Some(said) = detail.strip_prefix(&kind.to_string()) {
                    // Neither the ticket nor its queue was shown.
                    self.failed(&kind, said.trim_start_matches([':', ' ']), 2);
                }
            }
        }
    }
}

impl HumanQueue for Minded<dyn HumanQueue> {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async move { self.heard(self.inner.inspect(queue).await) })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async move { self.heard_list(self.inner.find(correlation).await, Vec::is_empty) })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async move { self.heard(self.inner.create(ticket).await) })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let reading = self.inner.read(ticket, queue).await;
            self.seen(std::slice::from_ref(&reading));
            reading
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.heard_list(self.inner.withdraw(ticket, note).await, |()| true) })
    }

    fn tell<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.heard_list(self.inner.tell(ticket, note).await, |()| true) })
    }

    fn read_many<'a>(&'a self, wanted: &'a [Wanted]) -> BoxFuture<'a, Vec<Reading>> {
        Box::pin(async move {
            let readings = self.inner.read_many(wanted).await;
            self.seen(&readings);
            readings
        })
    }

    fn reads_at_once(&self) -> usize {
        self.inner.reads_at_once()
    }

    fn requests_for(&self, wanted: &[Wanted]) -> u32 {
        self.inner.requests_for(wanted)
    }

    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        Box::pin(async move {
            self.heard_list(self.inner.ours(page).await, |page| page.tickets.is_empty())
        })
    }

    fn prove<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<Vec<Finding>, QueueError>> {
        Box::pin(async move { self.heard(self.inner.prove(queue).await) })
    }

    fn statements<'a>(
        &'a self,
        ticket: &'a TicketId,
    ) -> BoxFuture<'a, Result<Vec<Statement>, QueueError>> {
        Box::pin(async move { self.heard_list(self.inner.statements(ticket).await, Vec::is_empty) })
    }

    fn rumours(&self) -> Option<RumourReceiver> {
        self.inner.rumours()
    }

    fn overheard(&self) -> Option<Vec<Exchange>> {
        self.inner.overheard()
    }

    fn settling(&self) -> Settling {
        self.inner.settling()
    }
}

impl SystemOfRecord for Minded<dyn SystemOfRecord> {
    fn read<'a>(&'a self, read: &'a ReadRequest) -> BoxFuture<'a, Result<Response, ReadError>> {
        Box::pin(async move {
            let answer = self.inner.read(read).await;
            match &answer {
                Ok(_) => self.credentials.accept(&self.system, Shows::Something),
                Err(ReadError::Unauthorized { detail }) => {
                    self.credentials.refuse(&self.system, detail, false);
                }
                Err(_) => {}
            }
            answer
        })
    }

    fn write<'a>(&'a self, write: &'a WriteRequest) -> BoxFuture<'a, WriteOutcome> {
        Box::pin(async move {
            let outcome = self.inner.write(write).await;
            match &outcome {
                WriteOutcome::Done { .. } => {
                    self.credentials.accept(&self.system, Shows::Something);
                }
                // A write may also be refused for what is in it: only 401 is about who we are.
                WriteOutcome::Refused { status: 401, .. } => {
                    self.credentials.refuse(&self.system, "a write was answered with 401", false);
                }
                _ => {}
            }
            outcome
        })
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Minded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Whether an error is an answer with 403, as adapters tell it: by the status, or with it in brackets.
fn is_forbidden(detail: &str) -> bool {
    detail.starts_with("403") || detail.contains("(403")
}
