//! What was counted last, for those who ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use belay_domain::{ContractId, Timestamp};
use belay_playbook::{Figures, Playbook};

use super::tally::Tally;

/// How often it is looked whether somebody has counted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is known of every contract of the playbook in force, within the window of its bounds; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    latest: Arc<ArcSwapOption<Count>>,
    wanted: Arc<AtomicBool>,
}

/// One count.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    /// Up to when.
    pub(crate) at: Timestamp,
    /// By contract.
    pub(crate) figures: BTreeMap<ContractId, Figures>,
}

impl Counted {
    /// Keeps what was counted up to now.
    pub(super) fn put(&self, playbook: &Playbook, tally: &Tally, now: Timestamp) {
        let figures = playbook.contracts().map(|contract| {
            let window = contract.graduation().cloned().unwrap_or_default().window;
            (contract.id().clone(), tally.figures_within(contract.id(), window, now))
        });
        self.latest.store(Some(Arc::new(Count { at: now, figures: figures.collect() })));
    }

    /// Whether somebody asked, so that it is counted although no contract has to show anything.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// The latest count; none if there is none within so long.
    pub(crate) async fn latest(&self, within: Duration) -> Option<Arc<Count>> {
        self.wanted.store(true, Ordering::Relaxed);
        let until = tokio::time::Instant::now() + within;
        loop {
            if let Some(count) = self.latest.load_full() {
                return Some(count);
            }
            if tokio::time::Instant::now() >= until {
                return None;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
