//! Which systems asked to be left alone, and until when. Only writes wait: a read that is refused is patient by itself.

use std::sync::Arc;
use std::time::Duration;

use belay_domain::SystemId;
use dashmap::DashMap;
use tokio::time::Instant;

/// The longest that a system is left alone because it asked for that. It may be wrong about the hour.
const REST_MOST: Duration = Duration::from_secs(600);

/// Until when each system wants no write. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Rests(Arc<DashMap<SystemId, Instant>>);

impl Rests {
    /// It wants none for so long (`Retry-After`, RFC 9110, section 10.2.3).
    pub(super) fn begin(&self, system: &SystemId, rest: Duration) {
        let until = Instant::now() + rest.min(REST_MOST);
        let mut known = self.0.entry(system.clone()).or_insert(until);
        *known = until.max(*known);
    }

    /// For how long still; none if it wants writes.
    pub(super) fn left(&self, system: &SystemId) -> Option<Duration> {
        let now = Instant::now();
        let left = self.0.get(system)?.checked_duration_since(now).filter(|left| !left.is_zero());
        if left.is_none() {
            self.0.remove_if(system, |_, until| *until <= now);
        }
        left
    }
}
