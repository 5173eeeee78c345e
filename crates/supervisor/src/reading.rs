//! Reading tickets back for as long as they matter: one reader for each system, with all its tickets in one
//! schedule.
//!
//! Every ticket is read at its interval, sooner when somebody says that it changed. Where the system can be asked
//! for many at once, those that fall due soon are read together; where more is due than the system lets us ask, the
//! most urgent go first. What is not reached in time is shown by nobody: its evidence runs out like any other.

mod pokes;
mod reader;
mod schedule;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use belay_domain::{CaseId, Effect, Owed, SystemId, Timestamp};
use dashmap::DashMap;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Span;

use crate::engine::Engine;
use crate::systems::Systems;
use reader::Reader;
use schedule::Watched;

pub(crate) use pokes::{Pokes, listen};

/// How often a ticket is read whose interval makes no sense.
const EVERY_OTHERWISE: Duration = Duration::from_secs(20);

/// The readers of all systems; cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    systems: Systems,
    pokes: Pokes,
    tasks: TaskTracker,
    stop: CancellationToken,
    readers: DashMap<SystemId, Arc<Reader>>,
}

impl Readers {
    /// Readers that bring what they see to this engine, until told to stop.
    #[must_use]
    pub(crate) fn new(
        engine: Engine,
        systems: Systems,
        pokes: Pokes,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let readers = DashMap::new();
        Self { inner: Arc::new(Inner { engine, systems, pokes, tasks, stop, readers }) }
    }

    /// Reads the ticket of an owed watch until it is not wanted any more. Told again whenever its case changes, and
    /// then only takes note of how urgent it is now. False if no such system is connected.
    pub(crate) fn watch(
        &self,
        case: &CaseId,
        owed: &Owed,
        wanted: &CancellationToken,
        span: impl FnOnce() -> Span,
    ) -> bool {
        let Effect::Watch {
            correlation, queue, ticket, every, until, held, together_within, ..
        } = &owed.effect
        else {
            return false;
        };
        let Some(reader) = self.reader(&queue.system) else { return false };
        let until = until.map(|until| self.instant(until));
        if reader.know(correlation, ticket, until) {
            return true;
        }
        let now = Instant::now();
        reader.begin(Watched {
            case: case.clone(),
            correlation: correlation.clone(),
            queue: queue.queue.clone(),
            ticket: ticket.clone(),
            every: Duration::try_from(*every).unwrap_or(EVERY_OTHERWISE),
            until,
            due: self.instant(owed.due).max(now),
            number: 0,
            hurried: false,
            sent: None,
            looks: 0,
            held: held.clone(),
            together_within: *together_within,
            wanted: wanted.clone(),
            span: span(),
        });
        self.inner.pokes.watch(ticket, &reader);
        true
    }

    fn instant(&self, moment: Timestamp) -> Instant {
        self.inner.engine.clock().instant(moment)
    }

    fn reader(&self, system: &SystemId) -> Option<Arc<Reader>> {
        if let Some(known) = self.inner.readers.get(system) {
            return Some(known.clone());
        }
        let queue = self.inner.systems.queue(system)?;
        let made = self.inner.readers.entry(system.clone()).or_insert_with(|| {
            let Inner { engine, systems, pokes, tasks, stop, .. } = &*self.inner;
            let (engine, systems) = (engine.clone(), systems.clone());
            let reader = Reader::new(system.clone(), queue, engine, systems, pokes.clone());
            let reader = Arc::new(reader);
            tasks.spawn(reader.clone().run(stop.clone()));
            reader
        });
        Some(made.clone())
    }
}
