//! How an agent goes: it takes no more cases, finishes or gives back those it has, and closes.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

/// How long the supervisor has to confirm that cases were given back. Their leases run out anyway.
const LEAVING_MAX: Duration = Duration::from_secs(5);

/// The way out, and how far along it the agent is.
pub(crate) struct Departure {
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
    draining_max: Duration,
    phase: Phase,
    until: Instant,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not going.
    Serving,
    /// No more cases are taken; those held are finished.
    Draining,
    /// Cases that are left are given back.
    Leaving,
    /// Nothing is waited for any more.
    Gone,
}

impl Departure {
    /// Begins when `shutdown` is ready, and leaves handlers this long to finish.
    pub(crate) fn new(
        shutdown: impl Future<Output = ()> + Send + 'static,
        draining_max: Duration,
    ) -> Self {
        let now = Instant::now();
        Self { shutdown: Box::pin(shutdown), draining_max, phase: Phase::Serving, until: now }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn is_begun(&self) -> bool {
        self.phase != Phase::Serving
    }

    /// Waits for the next phase, and enters it. Safe to drop and call again.
    pub(crate) async fn next(&mut self) {
        match self.phase {
            Phase::Serving => {
                self.shutdown.as_mut().await;
                self.phase = Phase::Draining;
                self.until = Instant::now() + self.draining_max;
            }
            Phase::Draining => {
                tokio::time::sleep_until(self.until).await;
                self.phase = Phase::Leaving;
                self.until = Instant::now() + LEAVING_MAX;
            }
            Phase::Leaving => {
                tokio::time::sleep_until(self.until).await;
                self.phase = Phase::Gone;
            }
            Phase::Gone => std::future::pending().await,
        }
    }
}
