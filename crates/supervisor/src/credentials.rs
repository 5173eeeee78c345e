//! Credentials that an outside system does not accept: expired, revoked, or short of a right. Operators are told with
//! the first request that is refused, long before the evidence that rests on reading that system has become too old.

use std::fmt;
use std::sync::Arc;

use belay_connect::business::{ReadError, ReadRequest, Response, WriteOutcome, WriteRequest};
use belay_connect::{
    BoxFuture, Exchange, Finding, HumanQueue, NewTicket, OurTickets, QueueError, QueueErrorKind,
    RumourReceiver, Settling, SystemOfRecord, Wanted,
};
use belay_domain::{
    Correlation, QueueFacts, QueueId, Reading, Statement, SystemId, TicketId, TicketReading,
    Timestamp,
};
use dashmap::DashMap;
use opentelemetry::metrics::Gauge;
use opentelemetry::{KeyValue, global};
use tracing::{info, warn};

use crate::clock::Clock;

/// Which credentials are refused now; cheap to clone.
#[derive(Clone)]
pub(crate) struct Credentials {
    refused: Arc<DashMap<SystemId, Refused>>,
    clock: Clock,
    gauge: Gauge<u64>,
}

/// A credential that a system does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Since when.
    pub(crate) since: Timestamp,
    /// What the system said the first time.
    pub(crate) detail: String,
}

impl Credentials {
    pub(crate) fn new(clock: Clock) -> Self {
        let gauge = global::meter("belay")
            .u64_gauge("belay.credential.refused")
            .with_description("1 while a system does not accept our credential")
            .build();
        Self { refused: Arc::default(), clock, gauge }
    }

    /// What is wrong with the credential of a system, for people; none if it is accepted as far as is known.
    pub(crate) fn warning(&self, system: &SystemId) -> Option<String> {
        self.refused.get(system).map(|refused| {
            let Refused { since, detail } = &*refused;
            format!("the credential of {system} was not accepted since {since}: {detail}")
        })
    }

    /// Every system whose credential is refused.
    pub(crate) fn refused(&self) -> Vec<(SystemId, Refused)> {
        let each = self.refused.iter();
        let mut all: Vec<_> = each.map(|one| (one.key().clone(), one.value().clone())).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// The same queues, minded: whatever they answer tells whether our credential is accepted.
    pub(crate) fn mind(
        &self,
        system: &SystemId,
        queue: Arc<dyn HumanQueue>,
    ) -> Arc<dyn HumanQueue> {
        Arc::new(Minded { system: system.clone(), inner: queue, credentials: self.clone() })
    }

    /// The same for a system of record.
    pub(crate) fn mind_record(
        &self,
        system: &SystemId,
        record: Arc<dyn SystemOfRecord>,
    ) -> Arc<dyn SystemOfRecord> {
        Arc::new(Minded { system: system.clone(), inner: record, credentials: self.clone() })
    }

    fn refuse(&self, system: &SystemId, detail: &str) {
        let mut first = false;
        self.refused.entry(system.clone()).or_insert_with(|| {
            first = true;
            Refused { since: self.clock.now(), detail: detail.to_owned() }
        });
        if first {
            warn!(%system, detail, "a credential is not accepted: renew it before the evidence of its system is too old");
            self.gauge.record(1, &[KeyValue::new("system", system.to_string())]);
        }
    }

    fn accept(&self, system: &SystemId) {
        // Nearly always there is nothing to take back, and looking is cheaper than removing.
        if self.refused.contains_key(system) && self.refused.remove(system).is_some() {
            info!(%system, "the credential is accepted again");
            self.gauge.record(0, &[KeyValue::new("system", system.to_string())]);
        }
    }
}

/// Something outside, with an eye on whether it accepts our credential.
struct Minded<T: ?Sized> {
    system: SystemId,
    credentials: Credentials,
    inner: Arc<T>,
}

impl<T: ?Sized> Minded<T> {
    fn heard<A>(&self, answer: Result<A, QueueError>) -> Result<A, QueueError> {
        match &answer {
            Ok(_) => self.credentials.accept(&self.system),
            Err(error) if error.kind == QueueErrorKind::Unauthorized => {
                self.credentials.refuse(&self.system, &error.detail);
            }
            // What says nothing about the credential changes nothing.
            Err(_) => {}
        }
        answer
    }

    fn seen(&self, reading: Reading) -> Reading {
        match &reading.ticket {
            TicketReading::Present(_) => self.credentials.accept(&self.system),
            TicketReading::Missing => {}
            // A reading carries the error as people read it, and that begins with its kind.
            TicketReading::Unreadable { detail } => {
                let kind = QueueErrorKind::Unauthorized.to_string();
                if let Some(said) = detail.strip_prefix(&kind) {
                    self.credentials.refuse(&self.system, said.trim_start_matches([':', ' ']));
                }
            }
        }
        reading
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
        Box::pin(async move { self.heard(self.inner.find(correlation).await) })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async move { self.heard(self.inner.create(ticket).await) })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move { self.seen(self.inner.read(ticket, queue).await) })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.heard(self.inner.withdraw(ticket, note).await) })
    }

    fn read_many<'a>(&'a self, wanted: &'a [Wanted]) -> BoxFuture<'a, Vec<Reading>> {
        Box::pin(async move {
            let readings = self.inner.read_many(wanted).await;
            readings.into_iter().map(|reading| self.seen(reading)).collect()
        })
    }

    fn reads_at_once(&self) -> usize {
        self.inner.reads_at_once()
    }

    fn requests_for(&self, wanted: &[Wanted]) -> u32 {
        self.inner.requests_for(wanted)
    }

    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        Box::pin(async move { self.heard(self.inner.ours(page).await) })
    }

    fn prove<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<Vec<Finding>, QueueError>> {
        Box::pin(async move { self.heard(self.inner.prove(queue).await) })
    }

    fn statements<'a>(
        &'a self,
        ticket: &'a TicketId,
    ) -> BoxFuture<'a, Result<Vec<Statement>, QueueError>> {
        Box::pin(async move { self.heard(self.inner.statements(ticket).await) })
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
                Ok(_) => self.credentials.accept(&self.system),
                Err(ReadError::Unauthorized { detail }) => {
                    self.credentials.refuse(&self.system, detail);
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
                WriteOutcome::Done { .. } => self.credentials.accept(&self.system),
                // A write may also be refused for what is in it: only 401 is about who we are.
                WriteOutcome::Refused { status: 401, .. } => {
                    self.credentials.refuse(&self.system, "a write was answered with 401");
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

#[cfg(test)]
mod tests;
