//! Errands to other cases of the same matter, and to the people whose tickets have to say what came from there.

use std::time::Duration;

use belay_domain::{CaseId, Command, Correlation, Digest, QueueRef, TicketId};
use tracing::{debug, info, warn};

use super::{Errand, Patience};
use crate::matters::Step;

/// How often two cases that cannot be one now are looked at again. What they wait for takes minutes: a write, a lease,
/// somebody who reads a ticket.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How often it is tried again whether reports of a matter that others have said is another one come here.
const ASK_AGAIN: Duration = Duration::from_secs(60);

impl Errand {
    /// Takes one step after the other until the two are one, or one of them is over.
    pub(super) async fn unite(&self, other: &CaseId) {
        let first = Duration::from_millis(100);
        let mut patience = Patience::new(first, LOOK_AGAIN);
        while self.is_wanted() {
            match Box::pin(self.world.matters.step(&self.case, other)).await {
                Ok(Step::Over) => return,
                Ok(Step::Done) => {
                    patience = Patience::new(first, LOOK_AGAIN);
                    continue;
                }
                Ok(Step::Waits { why }) => debug!(with = %other, why, "not one case yet"),
                Err(failure) => warn!(with = %other, error = %failure, "not merged yet"),
            }
            if !self.wait(patience.next()).await {
                return;
            }
        }
    }

    /// Has new reports of the matter come to the case, or ties it to the one to which they come.
    pub(super) async fn recognise(&self, fingerprint: Digest) {
        let mut patience = Patience::new(Duration::from_millis(100), ASK_AGAIN);
        while self.is_wanted() {
            match Box::pin(self.world.matters.recognise(&self.case, fingerprint)).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(failure) => warn!(error = %failure, "the matter is not recognised yet"),
            }
            if !self.wait(patience.next()).await {
                return;
            }
        }
    }

    /// Writes on a ticket what was taken over, as often as it takes until it is there once.
    pub(super) async fn note_merge(
        &self,
        from: &CaseId,
        correlation: &Correlation,
        queue: &QueueRef,
        ticket: &TicketId,
    ) {
        let Some(case) = self.case().await else { return };
        let Some(taken) = case.ties.absorbed.get(from) else { return };
        let note = note(&self.case, from, taken.place);
        drop(case);
        let mut patience = Patience::new(Duration::from_secs(1), Duration::from_secs(300));
        loop {
            // Between two playbooks the system may be gone for a moment.
            if let Some(system) = self.world.systems.queue(&queue.system) {
                match system.tell(ticket, &note).await {
                    Ok(()) => break,
                    Err(failure) if self.may_pass(&queue.system, &failure) => {
                        warn!(%ticket, error = %failure, "people were not told yet what was taken over");
                    }
                    Err(failure) => {
                        warn!(%ticket, error = %failure, "people cannot be told what was taken over");
                        return;
                    }
                }
            }
            if !self.wait_to_repeat(&queue.system, &mut patience).await {
                return;
            }
        }
        info!(%ticket, %from, "people were told what was taken over");
        let (from, correlation) = (from.clone(), correlation.clone());
        self.answer(Command::NoteMerge { from, correlation }).await;
    }
}

/// The same words whenever it is written for one takeover, so that a ticket shows whether it has them already.
fn note(case: &CaseId, from: &CaseId, place: usize) -> String {
    format!(
        "The same matter was reported to the case {from} as well. Everything that was reported there is part of the case \
         {case} now (its first {place} entries), and {from} will be closed.\n\nMore: belay case show {case}\n\
         If it is another matter: belay case apart {case} {from}"
    )
}
