//! One case in a shard's memory.

use std::sync::Arc;

use belay_domain::{Case, Timestamp};

use super::decided::shown;

/// A loaded case: as it has been decided, and as far as that is durable.
pub(super) struct Slot {
    /// As decided, durable or not. The next decision starts from here.
    pub(super) decided: Arc<Case>,
    /// As durably known. Only this is shown to anybody.
    pub(super) durable: Arc<Case>,
    /// The moment for which the shard's timer is set.
    pub(super) timer: Option<Timestamp>,
    /// Whether the effects that the case owes have been handed out since it was loaded.
    pub(super) awake: bool,
    /// When it was last used, in turns of the shard.
    pub(super) used: u64,
}

impl Slot {
    pub(super) fn new(case: Case) -> Self {
        let case = Arc::new(case);
        Self { decided: case.clone(), durable: case, timer: None, awake: false, used: 0 }
    }

    /// Whether everything that was decided is durable.
    pub(super) fn is_quiet(&self) -> bool {
        Arc::ptr_eq(&self.decided, &self.durable)
    }

    /// The case as anybody may see it, if it was ever opened.
    pub(super) fn shown(&self) -> Option<Arc<Case>> {
        shown(&self.durable)
    }
}
