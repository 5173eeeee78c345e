//! Whether the work on a case still shows signs of life, and how long the case is held.
//!
//! Progress is reported for as long as the handler waits for the supervisor, and for the agent's patience
//! after it last did or said that it goes on. A handler that hangs reports nothing, and loses the case.

use std::time::Duration;

use tokio::time::Instant;

/// How much longer than its lease a case is worked on when nothing is heard from the supervisor. The
/// supervisor decides who holds it, and refuses a writer that does not; this only ends work that is in vain.
const GRACE_MIN: Duration = Duration::from_secs(5);

/// Signs of life of one handler, and the lease they keep.
#[derive(Debug)]
pub(crate) struct Life {
    patience: Duration,
    lease: Duration,
    renewed: Instant,
    next_report: Instant,
    last_sign: Instant,
    /// How many calls to the supervisor are being waited for.
    calls: usize,
    /// The handler is done, and the agent keeps the case until somebody else has it.
    parting: bool,
}

impl Life {
    pub(crate) fn new(patience: Duration, lease: Duration, now: Instant) -> Self {
        Self {
            patience,
            lease,
            renewed: now,
            next_report: now + lease / 3,
            last_sign: now,
            calls: 0,
            parting: false,
        }
    }

    /// Whether work on the case is known to go on.
    pub(crate) fn is_shown(&self, now: Instant) -> bool {
        self.calls > 0 || self.parting || now < self.last_sign + self.patience
    }

    /// When progress is next to be reported, if there is any.
    pub(crate) fn next_report(&self) -> Instant {
        self.next_report
    }

    /// Progress is reported now; the next report is due when a third of the lease has gone by.
    pub(crate) fn reported(&mut self, now: Instant) {
        self.next_report = now + self.lease / 3;
    }

    /// The handler says that it goes on. Reports soon, but not with every call of a tight loop.
    pub(crate) fn signed(&mut self, now: Instant) {
        self.last_sign = now;
        self.next_report = self.next_report.min(now + self.lease / 12);
    }

    /// A line is there again: what it was without is made up for.
    pub(crate) fn report_soon(&mut self, now: Instant) {
        self.next_report = now;
    }

    pub(crate) fn call_begins(&mut self) {
        self.calls += 1;
    }

    pub(crate) fn call_ends(&mut self, now: Instant) {
        self.calls = self.calls.saturating_sub(1);
        self.last_sign = now;
    }

    pub(crate) fn parts(&mut self) {
        self.parting = true;
    }

    /// The supervisor says that the case is held for longer.
    pub(crate) fn renewed(&mut self, now: Instant, lease: Option<Duration>) {
        self.renewed = now;
        self.lease = lease.unwrap_or(self.lease);
    }

    /// When the case is given up if the supervisor is not heard of before.
    pub(crate) fn end(&self) -> Instant {
        self.renewed + self.lease + self.lease.max(GRACE_MIN)
    }
}
