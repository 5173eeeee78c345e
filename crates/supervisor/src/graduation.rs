//! Contracts prove themselves while they are used. Everything that became of their actions is counted from the journal.
//! What a contract in shadow did not write is looked for all the same, to see whether people did just that. And a
//! contract that writes and leaves its bounds is taken back to shadow at once: durably, by a case in which operators are
//! asked, and until a person puts it back in the playbook.
//!
//! When a contract may go on is for people to decide; `belay graduate` shows them the same figures.

mod comparing;
mod counted;
mod demoting;
mod demotions;
mod record;
mod tally;
mod trial;

use std::path::PathBuf;
use std::time::Duration;

use belay_domain::{Mode, TenantId};
use belay_playbook::Playbook;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::engine::Engine;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::playbooks::Playbooks;
use crate::systems::Systems;
use comparing::Comparing;
use tally::Tally;

pub(crate) use counted::Counted;
pub use demotions::Demotion;
pub(crate) use demotions::Demotions;
pub use record::ContractRecord;
pub use trial::{Against, StageEnd, TrialReport, TrialStage, try_contract};

/// How often the journal's new events are counted and every contract held against its bounds. Each action that is sent
/// meanwhile may go wrong like those before it.
const EVERY: Duration = Duration::from_secs(1);

/// Follows what becomes of actions.
pub(crate) struct Graduation {
    pub(crate) engine: Engine,
    pub(crate) playbooks: Playbooks,
    pub(crate) systems: Systems,
    pub(crate) intake: Intake,
    /// Whose operators are asked.
    pub(crate) tenant: TenantId,
    /// Where the journal is. It is read over a connection of its own, so that nobody waits for a long past.
    pub(crate) journal: PathBuf,
    /// Where others find what was counted.
    pub(crate) counted: Counted,
    pub(crate) metrics: Metrics,
}

impl Graduation {
    /// Counts, compares and demotes until told to stop. What cannot be read or done is tried again.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut record = None;
        let mut comparing = Comparing::default();
        loop {
            let playbook = self.playbooks.current();
            if is_needed(&playbook) || record.is_some() || self.counted.is_wanted() {
                let reading = record::catch_up(self.journal.clone(), record.take());
                match stop.run_until_cancelled(reading).await {
                    None => return,
                    Some(Ok(read)) => {
                        // The connection is not for several threads at once; what was counted is.
                        let tally = read.tally();
                        self.learn(tally);
                        self.demote_what_left_its_bounds(&playbook, tally).await;
                        self.metrics.demoted(self.playbooks.demotions().held(&playbook).len());
                        self.counted.put(&playbook, tally, self.engine.clock().now());
                        let compared = self.compare(&playbook, tally, &mut comparing);
                        if stop.run_until_cancelled(compared).await.is_none() {
                            return;
                        }
                        record = Some(read);
                    }
                    Some(Err(why)) => warn!(why, "what became of actions could not be counted"),
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// Demotions that the start did not find, because operators were asked under another tenant then.
    fn learn(&self, tally: &Tally) {
        for demotion in tally.demotions() {
            self.playbooks.demotions().add(demotion.clone());
        }
    }
}

/// Whether there is a contract that has to show something.
fn is_needed(playbook: &Playbook) -> bool {
    playbook
        .contracts()
        .any(|contract| contract.graduation().is_some() || contract.mode() == Mode::Shadow)
}

#[cfg(test)]
mod tests;
