//! How much is worked on at once, and what waits or is turned away when that is not enough.
//!
//! Work has lanes. Leases and acknowledgements come first, because losing them turns a slow minute into
//! uncovered cases; commands come next; questions can be asked again. A lane that may not use every
//! place leaves some for the lanes above it, and a free place goes to the highest lane that waits.

mod arriving;
mod layer;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belay_planted::{Bug, planted};
use tokio::sync::oneshot;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

pub use layer::{LimitLayer, LimitService};

/// Calls that are worked on at once. Most of them wait for one group commit of the journal, a few
/// milliseconds, so this is tens of thousands a second and more than the journal takes.
const PLACES: usize = 512;

/// How long a call waits for a place. Past this the client is better off trying another replica.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// How long a client that was turned away should wait. Twice the wait: what was queued has gone by then.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What kind of work a call is, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Leases, acknowledgements, progress and escalations: what keeps cases covered.
    Lifeline,
    /// What changes cases.
    Command,
    /// What only looks.
    Query,
}

/// The bounds of a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// The lifeline's share: all there is.
    pub lifeline: LaneSettings,
    /// The commands' share.
    pub command: LaneSettings,
    /// The queries' share.
    pub query: LaneSettings,
    /// When a client that was turned away should come back.
    pub retry_after: Duration,
}

/// The bounds of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSettings {
    /// A call of this lane gets a place only while fewer than this many are taken, by any lane.
    pub places: usize,
    /// Calls that may wait for one.
    pub waiting_max: usize,
    /// How long each may wait.
    pub wait_max: Duration,
}

/// The limiter that all connections share.
#[derive(Debug)]
pub struct Limits {
    settings: LimitSettings,
    queues: Mutex<Queues>,
    shed: [AtomicU64; 3],
}

/// The right to be worked on, until dropped.
#[derive(Debug)]
pub struct Place {
    limits: Arc<Limits>,
    /// Whoever it was meant for had gone; the loop that offered it offers it to the next.
    unclaimed: bool,
}

/// There was no place in time. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server is busy; try again in {} ms", retry_after.as_millis())]
pub struct Shed {
    /// When to come back.
    pub retry_after: Duration,
}

#[derive(Debug, Default)]
struct Queues {
    taken: usize,
    waiting: [VecDeque<oneshot::Sender<Place>>; 3],
}

impl Limits {
    /// A limiter with these bounds.
    pub fn new(settings: LimitSettings) -> Arc<Self> {
        Arc::new(Self { settings, queues: Mutex::default(), shed: Default::default() })
    }

    /// Waits for a place, for as long as the lane allows.
    pub async fn enter(self: &Arc<Self>, lane: Lane) -> Result<Place, Shed> {
        let settings = self.settings.of(lane);
        let waiting = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            let nobody_before =
                queues.waiting.iter().take(lane as usize + 1).all(VecDeque::is_empty);
            if nobody_before && queues.taken < settings.places {
                queues.taken += 1;
                return Ok(Place { limits: Arc::clone(self), unclaimed: false });
            }
            let queue = &mut queues.waiting[lane as usize];
            if queue.len() >= settings.waiting_max {
                // Whoever has given up no longer counts.
                queue.retain(|waiting| !waiting.is_closed());
            }
            if queue.len() >= settings.waiting_max {
                return Err(self.shed_one(lane));
            }
            let (sender, waiting) = oneshot::channel();
            queue.push_back(sender);
            waiting
        };
        match tokio::time::timeout(settings.wait_max, waiting).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(self.shed_one(lane)),
        }
    }

    /// Calls worked on now.
    pub fn taken(&self) -> usize {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).taken
    }

    /// Calls of a lane turned away since the limiter began.
    pub fn shed(&self, lane: Lane) -> u64 {
        self.shed[lane as usize].load(Ordering::Relaxed)
    }

    fn shed_one(&self, lane: Lane) -> Shed {
        self.shed[lane as usize].fetch_add(1, Ordering::Relaxed);
        Shed { retry_after: self.settings.retry_after }
    }

    /// Gives free places to those who wait, the most urgent lane first.
    fn hand_on(self: &Arc<Self>) {
        loop {
            let (next, place) = {
                let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
                let taken = queues.taken;
                let mut lanes = Lane::ALL.into_iter();
                let next = lanes.find_map(|lane| {
                    let fits = taken < self.settings.of(lane).places;
                    fits.then(|| queues.waiting[lane as usize].pop_front()).flatten()
                });
                let Some(next) = next else { return };
                queues.taken += 1;
                (next, Place { limits: Arc::clone(self), unclaimed: false })
            };
            // Sent without the lock, because a place that nobody takes comes back through `drop`.
            if let Err(mut place) = next.send(place) {
                place.unclaimed = true;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limits.queues.lock().unwrap_or_else(PoisonError::into_inner).taken -= 1;
        if !self.unclaimed {
            self.limits.hand_on();
        }
    }
}

impl Lane {
    const ALL: [Self; 3] = [Self::Lifeline, Self::Command, Self::Query];
}

impl LimitSettings {
    fn of(&self, lane: Lane) -> LaneSettings {
        match lane {
            Lane::Lifeline if planted(Bug::LeasesShed) => self.query,
            Lane::Lifeline => self.lifeline,
            Lane::Command => self.command,
            Lane::Query => self.query,
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            // Never turned away before its sender would have given up: a lease is refreshed every 5 s.
            lifeline: LaneSettings {
                places: PLACES,
                waiting_max: 16 * PLACES,
                wait_max: 10 * WAIT_MAX,
            },
            command: LaneSettings {
                places: PLACES * 7 / 8,
                waiting_max: 2 * PLACES,
                wait_max: WAIT_MAX,
            },
            query: LaneSettings { places: PLACES / 2, waiting_max: PLACES / 2, wait_max: WAIT_MAX },
            retry_after: RETRY_AFTER,
        }
    }
}

impl From<Shed> for Status {
    fn from(shed: Shed) -> Self {
        let mut details = ErrorDetails::with_retry_info(Some(shed.retry_after));
        details.set_error_info(
            "OVERLOADED",
            "belay",
            std::collections::HashMap::<String, String>::new(),
        );
        Status::with_error_details(Code::ResourceExhausted, shed.to_string(), details)
    }
}

#[cfg(test)]
mod tests;
