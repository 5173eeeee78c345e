//! Keeping a system that is down, or asks us to slow down, from being hammered.
//!
//! A circuit counts failures in a row; after a few it opens, and for a while nothing is asked at all. Then
//! one request is let through, and its fate decides. A pace spreads requests so that a system's limit is
//! kept, and lets looks at tickets go first. What was not asked is reported as unavailable: never as an old answer.

mod pace;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_domain::{Correlation, QueueFacts, QueueId, Reading, Statement, TicketId, TicketReading};
use tokio::time::Instant;
use tracing::{info, warn};

pub use pace::{Line, Pace, RateLimit};

use crate::{
    BoxFuture, Exchange, Finding, HumanQueue, NewTicket, OurTickets, QueueError, QueueErrorKind,
    RumourReceiver, Settling, Wanted,
};

/// When to stop asking, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitTerms {
    /// So many failures in a row open the circuit.
    pub failures: u32,
    /// How long it stays open the first time.
    pub first: Duration,
    /// How long at most; each time in a row takes twice as long.
    pub most: Duration,
}

/// Whether a system answers.
#[derive(Debug)]
pub struct Circuit {
    system: String,
    terms: CircuitTerms,
    state: Mutex<CircuitState>,
}

#[derive(Debug, Default)]
struct CircuitState {
    failures: u32,
    opened: u32,
    /// Nothing is asked before this.
    until: Option<Instant>,
    /// One request is finding out whether the system is back.
    probing: bool,
}

/// A turn to ask. Dropped without an outcome, it counts as no answer.
#[derive(Debug)]
pub struct Turn<'a> {
    circuit: &'a Circuit,
    settled: bool,
}

/// A human queue behind a circuit and a pace.
#[derive(Debug)]
pub struct Guarded {
    queue: Arc<dyn HumanQueue>,
    circuit: Circuit,
    pace: Pace,
}

impl Default for CircuitTerms {
    /// Three failures; a second at first, half a minute at most, well below the time that evidence is fresh.
    fn default() -> Self {
        Self { failures: 3, first: Duration::from_secs(1), most: Duration::from_secs(30) }
    }
}

impl Circuit {
    /// A closed circuit. `system` names it in the log.
    pub fn new(system: impl Into<String>, terms: CircuitTerms) -> Self {
        Self { system: system.into(), terms, state: Mutex::default() }
    }

    /// A turn to ask, or for how long nothing should be asked.
    pub fn turn(&self) -> Result<Turn<'_>, Duration> {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(until) = state.until {
            if now < until {
                return Err(until - now);
            }
            if state.probing {
                return Err(self.terms.first);
            }
            state.probing = true;
        }
        Ok(Turn { circuit: self, settled: false })
    }

    /// Whether requests are let through just now.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state().until.is_none()
    }

    fn answered(&self) {
        let mut state = self.state();
        if state.until.is_some() {
            info!(system = %self.system, "system answers again");
        }
        *state = CircuitState::default();
    }

    fn failed(&self, wait: Option<Duration>) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        let probed = std::mem::take(&mut state.probing);
        let open_already = state.until.is_some() && !probed;
        if open_already || (state.failures < self.terms.failures && !probed && wait.is_none()) {
            return;
        }
        let doubled = self.terms.first.saturating_mul(1 << state.opened.min(16));
        let wait = wait.unwrap_or_default().max(doubled.min(self.terms.most));
        state.opened = state.opened.saturating_add(1);
        state.until = Some(Instant::now() + wait);
        warn!(system = %self.system, failures = state.failures, ?wait, "system is left alone for a while");
    }

    fn state(&self) -> MutexGuard<'_, CircuitState> {
        // What it guards is whole at every moment, so a panic elsewhere does not matter.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The system answered; what it answered does not matter here.
    pub fn answered(mut self) {
        self.settled = true;
        self.circuit.answered();
    }

    /// The system did not answer, or asks us to wait.
    pub fn failed(mut self, wait: Option<Duration>) {
        self.settled = true;
        self.circuit.failed(wait);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.circuit.failed(None);
        }
    }
}

impl Guarded {
    /// `queue`, asked no more often than this and left alone while it is down.
    pub fn new(
        system: impl Into<String>,
        queue: Arc<dyn HumanQueue>,
        circuit: CircuitTerms,
        limit: RateLimit,
    ) -> Self {
        Self { queue, circuit: Circuit::new(system, circuit), pace: Pace::new(limit) }
    }

    /// Whether the system is being asked just now.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    async fn turns(&self, line: Line, requests: u32) -> Result<Turn<'_>, QueueError> {
        let resting = |wait: Duration| {
            let kind = QueueErrorKind::RateLimited { retry_after: Some(wait) };
            QueueError::new(kind, "it did not answer lately and is left alone for a while")
        };
        // Not even a place in the line while the circuit is open; and once more after the wait in it.
        if let Some(wait) = self.circuit.resting() {
            return Err(resting(wait));
        }
        self.pace.turns(line, requests).await.map_err(|wait| {
            let kind = QueueErrorKind::RateLimited { retry_after: Some(wait) };
            QueueError::new(kind, "too many requests are waiting for it")
        })?;
        self.circuit.turn().map_err(resting)
    }

    async fn asked<T>(
        &self,
        line: Line,
        ask: impl Future<Output = Result<T, QueueError>>,
    ) -> Result<T, QueueError> {
        let turn = self.turns(line, 1).await?;
        let answer = ask.await;
        match &answer {
            Err(error) if error.is_outage() => turn.failed(error.retry_after()),
            _ => turn.answered(),
        }
        answer
    }
}

impl Circuit {
    /// How long nothing should be asked, if so.
    fn resting(&self) -> Option<Duration> {
        let now = Instant::now();
        self.state().until.filter(|until| now < *until).map(|until| until - now)
    }
}

impl HumanQueue for Guarded {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(self.asked(Line::Others, self.queue.inspect(queue)))
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(self.asked(Line::Others, self.queue.find(correlation)))
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(self.asked(Line::Others, self.queue.create(ticket)))
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let turn = match self.turns(Line::Looks, 1).await {
                Ok(turn) => turn,
                Err(error) => return unread(&error),
            };
            let reading = self.queue.read(ticket, queue).await;
            match &reading.ticket {
                // A ticket that we may not read is the system's answer if it shows us the queue.
                TicketReading::Unreadable { .. } if reading.queue.is_none() => turn.failed(None),
                _ => turn.answered(),
            }
            reading
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.asked(Line::Others, self.queue.withdraw(ticket, note)))
    }

    fn read_many<'a>(&'a self, wanted: &'a [Wanted]) -> BoxFuture<'a, Vec<Reading>> {
        Box::pin(async move {
            let turn = match self.turns(Line::Looks, self.queue.requests_for(wanted)).await {
                Ok(turn) => turn,
                Err(error) => return vec![unread(&error); wanted.len()],
            };
            let readings = self.queue.read_many(wanted).await;
            let silent = |reading: &Reading| {
                matches!(reading.ticket, TicketReading::Unreadable { .. })
                    && reading.queue.is_none()
            };
            if !readings.is_empty() && readings.iter().all(silent) {
                turn.failed(None);
            } else {
                turn.answered();
            }
            readings
        })
    }

    fn reads_at_once(&self) -> usize {
        self.queue.reads_at_once()
    }

    fn requests_for(&self, wanted: &[Wanted]) -> u32 {
        self.queue.requests_for(wanted)
    }

    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        Box::pin(self.asked(Line::Others, self.queue.ours(page)))
    }

    fn prove<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<Vec<Finding>, QueueError>> {
        Box::pin(self.asked(Line::Others, self.queue.prove(queue)))
    }

    fn statements<'a>(
        &'a self,
        ticket: &'a TicketId,
    ) -> BoxFuture<'a, Result<Vec<Statement>, QueueError>> {
        Box::pin(self.asked(Line::Looks, self.queue.statements(ticket)))
    }

    fn tell<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.asked(Line::Others, self.queue.tell(ticket, note)))
    }

    fn rumours(&self) -> Option<RumourReceiver> {
        self.queue.rumours()
    }

    fn overheard(&self) -> Option<Vec<Exchange>> {
        self.queue.overheard()
    }

    fn settling(&self) -> Settling {
        self.queue.settling()
    }
}

/// What is known of a ticket that was not asked for.
fn unread(error: &QueueError) -> Reading {
    Reading { ticket: TicketReading::Unreadable { detail: error.to_string() }, queue: None }
}
