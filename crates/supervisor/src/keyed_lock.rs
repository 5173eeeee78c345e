//! Locks by name, for things that must be looked up and then written by one at a time.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Locks that come and go with those who hold them; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct KeyedLock {
    locks: Arc<DashMap<String, Arc<Mutex<()>>>>,
}

/// Holds some locks until it is dropped.
pub(crate) struct Held {
    names: Vec<String>,
    guards: Vec<OwnedMutexGuard<()>>,
    locks: Arc<DashMap<String, Arc<Mutex<()>>>>,
}

impl KeyedLock {
    /// Waits for all of these. They are taken in one order by everybody, so two cannot wait for each other.
    pub(crate) async fn lock(&self, names: impl IntoIterator<Item = String>) -> Held {
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        let mut held =
            Held { names: Vec::new(), guards: Vec::new(), locks: Arc::clone(&self.locks) };
        for name in names {
            let lock = Arc::clone(&*self.locks.entry(name.clone()).or_default());
            held.guards.push(lock.lock_owned().await);
            held.names.push(name);
        }
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.guards.clear();
        for name in &self.names {
            // Only this map still knows the lock: nobody holds it and nobody waits for it.
            self.locks.remove_if(name, |_, lock| Arc::strong_count(lock) == 1);
        }
    }
}
