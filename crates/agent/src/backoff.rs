//! How long to wait before connecting again.

use std::time::Duration;

/// The first wait. A supervisor that restarts is back in less than a second.
const FIRST: Duration = Duration::from_millis(100);

/// The longest wait. Shorter than an ordinary lease, so that a case survives a restart.
const LONGEST: Duration = Duration::from_secs(5);

/// Waits that double, each shortened by a random part so that many agents do not come back as one.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The connection was good: the next wait is short again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next wait, with a random number to choose by.
    pub(crate) fn next(&mut self, random: u32) -> Duration {
        let ceiling = FIRST.saturating_mul(1_u32 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        // Between half and all of it.
        ceiling.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
    }
}

/// A random number. When the system has none to give, the middle: the waits still double.
pub(crate) fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests;
