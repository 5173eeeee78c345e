//! What agents held before the supervisor started, taken from the journal once: cases that nothing has happened to
//! since are in nobody's memory, and their agents have to be told about them and be given no more than they can hold.

use std::time::Duration;

use belay_domain::{AgentId, CaseId, Epoch, Timestamp};
use belay_journal::{DueMark, HeldCase, Journal, ReadError};
use dashmap::mapref::entry::Entry;
use tracing::{info, warn};

use super::Sessions;

/// How many are read at a time.
const PAGE: usize = 10_000;

/// When the journal is asked again that could not answer.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

impl Sessions {
    /// Reads from the journal which cases agents held when the supervisor started, at `now`, and still hold as far as
    /// nothing has happened to them since. Whoever asks for what an agent holds waits until this is done.
    pub(crate) async fn take_stock(&self, journal: &Journal, now: Timestamp) {
        let mut mark = DueMark::past(now);
        let mut count = 0;
        loop {
            match self.take_page(journal, &mut mark).await {
                Ok(PAGE) => count += PAGE,
                Ok(last) => {
                    count += last;
                    break;
                }
                Err(ReadError::Closed) => return,
                Err(failure) => {
                    warn!(error = %failure, "what agents held before the start cannot be read yet");
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
            }
        }
        self.inner.stocked.send_replace(true);
        self.inner.changed.clear();
        if count > 0 {
            info!(count, "cases that agents held before the start are still theirs");
        }
    }

    /// Waits until it is known what agents held before the supervisor started.
    pub(crate) async fn stocked(&self) {
        // The sender is as old as this.
        let _ = self.inner.stocked.subscribe().wait_for(|stocked| *stocked).await;
    }

    async fn take_page(&self, journal: &Journal, mark: &mut DueMark) -> Result<usize, ReadError> {
        let (page, last) = journal.held_after(*mark, PAGE).await?;
        *mark = last;
        let count = page.len();
        for HeldCase { case, agent, epoch, until: _ } in page {
            match (case.parse(), agent.parse()) {
                (Ok(case), Ok(agent)) => self.held_before(&case, &agent, Epoch(epoch)),
                _ => warn!(case, agent, "the journal names a case or an agent that is no id"),
            }
        }
        Ok(count)
    }

    /// An agent held a case when the page was read. What has happened since is known better.
    pub(super) fn held_before(&self, case: &CaseId, agent: &AgentId, epoch: Epoch) {
        // Kept, so that nothing happens to the case meanwhile.
        let Entry::Vacant(_place) = self.inner.concerned.entry(case.clone()) else { return };
        if !self.inner.changed.contains(case) {
            self.seat(agent).lock().held.insert(case.clone(), epoch);
        }
    }

    /// Something is known of a case from now on, until the stock has been taken. To be called while the case's concern
    /// is kept.
    pub(super) fn known_since(&self, case: &CaseId) {
        if !*self.inner.stocked.borrow() {
            self.inner.changed.insert(case.clone());
        }
    }
}
