//! The one clock of a supervisor: monotonic, anchored to the wall once, at start.
//!
//! Leases and deadlines must not move when somebody sets the machine's clock, so after the start the wall is
//! never looked at again. Under a paused runtime the clock stands still with it, which is how tests run
//! through days in seconds. From one supervisor to the next it goes on by its [marks](mark).

pub(crate) mod mark;

use belay_domain::{Span, Timestamp, after};
use belay_planted::{Bug, planted};
use tokio::time::Instant;

/// A clock that never goes back. Cheap to copy; all copies agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that starts now, and not before `floor`: the latest moment the journal has seen. A wall that
    /// went back since then must not make old evidence fresh again (`COV-8`).
    #[must_use]
    pub fn start(floor: Option<Timestamp>) -> Self {
        Self::from(Timestamp::now(), floor)
    }

    /// The same with another wall.
    #[must_use]
    pub fn from(wall: Timestamp, floor: Option<Timestamp>) -> Self {
        // Nothing that happens from now on has the time of anything that happened before.
        let floor = floor.map(|floor| after(floor, Span::from_micros(1)));
        Self::at(floor.map_or(wall, |floor| floor.max(wall)))
    }

    /// A clock that starts at a given moment.
    #[must_use]
    pub fn at(anchor: Timestamp) -> Self {
        Self { anchor, started: Instant::now() }
    }

    /// The moment, to the microsecond the journal keeps.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        if planted(Bug::WallClockLeases) {
            return Timestamp::now();
        }
        let elapsed = Instant::now().saturating_duration_since(self.started);
        let micros = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
        let moment = after(self.anchor, Span::from_micros(micros));
        Timestamp::from_microsecond(moment.as_microsecond()).unwrap_or(moment)
    }

    /// When `moment` will be, for sleeping until then. A moment that has passed is now.
    #[must_use]
    pub fn instant(&self, moment: Timestamp) -> Instant {
        let ahead = moment.duration_since(self.now());
        Instant::now() + std::time::Duration::try_from(ahead).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
