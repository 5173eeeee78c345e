//! What a supervisor takes from the machine and the company around it: its clocks, and the systems outside.
//!
//! A server looks at the machine and reaches the systems as its playbook says. A simulation brings its own time and
//! its own systems, and everything in between is the code that serves.

use std::fmt;
use std::sync::Arc;

use belay_connect::{HumanQueue, SystemOfRecord};
use belay_domain::{SystemId, Timestamp};
use belay_playbook::Playbook;

use crate::uptime::{Steady, Uptime};

/// Tells the time of the wall. It may jump; leases and deadlines follow the monotonic [`Clock`](crate::Clock).
pub type Wall = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What is around a supervisor.
#[derive(Clone)]
pub struct Surroundings {
    /// The wall clock: read once at the start, and then only to check the tokens of people.
    pub wall: Wall,
    /// How long the machine has been up: by it the time is known for which no supervisor lived.
    pub steady: Steady,
    /// The systems outside.
    pub outside: Arc<dyn Outside>,
    /// The playbook, if it has been loaded already; otherwise the folder's.
    pub playbook: Option<Arc<Playbook>>,
}

/// Systems that are reached in another way than the playbook says. What is not here is reached as it says.
pub trait Outside: Send + Sync {
    /// The human queues of a system.
    fn queues(&self, system: &SystemId) -> Option<Arc<dyn HumanQueue>>;

    /// A system of record.
    fn record(&self, system: &SystemId) -> Option<Arc<dyn SystemOfRecord>>;
}

/// All systems are where the playbook says.
struct AsWritten;

impl Default for Surroundings {
    /// The machine's clocks, and the systems of the playbook.
    fn default() -> Self {
        Self {
            wall: Arc::new(Timestamp::now),
            steady: Arc::new(Uptime::of_machine),
            outside: Arc::new(AsWritten),
            playbook: None,
        }
    }
}

impl Outside for AsWritten {
    fn queues(&self, _: &SystemId) -> Option<Arc<dyn HumanQueue>> {
        None
    }

    fn record(&self, _: &SystemId) -> Option<Arc<dyn SystemOfRecord>> {
        None
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("wall", &(self.wall)()).finish_non_exhaustive()
    }
}
