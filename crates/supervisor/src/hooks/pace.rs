//! How many of something are let through, and what is beyond is not.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many at once after a quiet time, and one more after each of these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) burst: u32,
    pub(super) every: Duration,
}

/// Lets through what keeps to a pace.
#[derive(Debug)]
pub(super) struct Bucket {
    pace: Pace,
    /// When it would be full again.
    full_at: Mutex<Instant>,
}

impl Bucket {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, full_at: Mutex::new(Instant::now()) }
    }

    /// Whether one more is let through now.
    pub(super) fn take(&self) -> bool {
        let now = Instant::now();
        // What it guards is whole at every moment, so a panic elsewhere does not matter.
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*full_at).max(now) + self.pace.every;
        if next > now + self.pace.every * self.pace.burst {
            return false;
        }
        *full_at = next;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through_and_then_one_at_a_time() {
        let bucket = Bucket::new(Pace { burst: 3, every: Duration::from_secs(1) });
        let taken = || (0..10).filter(|_| bucket.take()).count();
        assert_eq!(taken(), 3);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(taken(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(taken(), 3, "no more is saved up than a burst");
    }
}
