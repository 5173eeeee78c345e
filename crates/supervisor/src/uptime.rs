//! How long the machine has been up: a clock that goes on while no supervisor lives, and that nobody can set.
//!
//! Two readings of one boot tell exactly how much time passed between them, whatever happened to the wall. Readings of
//! different boots tell nothing, and neither does a machine that has no such clock.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Tells how long the machine has been up, where that can be known.
pub type Steady = Arc<dyn Fn() -> Option<Uptime> + Send + Sync>;

/// A reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// Which start of which machine it counts from.
    pub boot: String,
    /// The time since then, whether the machine was awake or asleep.
    pub up: Duration,
}

impl Uptime {
    /// Reads this machine's clock.
    ///
    /// `boot_id` is drawn anew at every start of a Linux kernel (random(4)), and `CLOCK_BOOTTIME` counts from that
    /// start, sleep included, and cannot be set (clock_gettime(2)). Within a time namespace it is moved by an offset
    /// (time_namespaces(7)), so readings compare only within the same one.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn of_machine() -> Option<Self> {
        use rustix::time::{ClockId, clock_gettime};
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        // Kernels without time namespaces have one for all.
        let namespace = std::fs::read_link("/proc/self/ns/time").unwrap_or_default();
        let boot = format!("{} {}", boot.trim(), namespace.display());
        let up = clock_gettime(ClockId::Boottime);
        let up = Duration::new(u64::try_from(up.tv_sec).ok()?, u32::try_from(up.tv_nsec).ok()?);
        Some(Self { boot, up })
    }

    /// No clock of this machine is known to go on by itself.
    #[cfg(not(target_os = "linux"))]
    #[must_use]
    pub fn of_machine() -> Option<Self> {
        None
    }

    /// How much time passed since an earlier reading; none if nobody can tell.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Duration> {
        // A clock that went back is not the one it says it is: a machine was put back to what it had been.
        let passed = self.up.checked_sub(earlier.up);
        passed.filter(|_| self.boot == earlier.boot)
    }
}

#[cfg(test)]
mod tests;
