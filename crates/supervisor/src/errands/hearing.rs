//! Errands to the tickets of approvals on which people may decide: what they write there is read again and again, and
//! brought to the case, which judges it.

use std::time::Duration;

use belay_domain::{Command, Correlation, QueueRef, Span, TicketId};
use tracing::{debug, warn};

use super::Errand;

/// The longest that reading what was written may take. It is judged by when it was asked for.
const READ_WITHIN: Duration = Duration::from_secs(20);

impl Errand {
    pub(super) async fn listen(
        &self,
        correlation: &Correlation,
        queue: &QueueRef,
        ticket: &TicketId,
        every: Span,
    ) {
        let every = Duration::try_from(every).unwrap_or(READ_WITHIN);
        while self.is_wanted() {
            // Between two playbooks the system may be gone for a moment.
            if let Some(system) = self.world.systems.queue(&queue.system) {
                let sent_at = self.world.engine.clock().now();
                let read = tokio::time::timeout(READ_WITHIN, system.statements(ticket)).await;
                match read {
                    Ok(Ok(statements)) if statements.is_empty() => {}
                    Ok(Ok(statements)) => {
                        // What another playbook asked for is void before anybody can agree to it.
                        let playbook = self.world.playbooks.current().version();
                        let in_force = Command::PlaybookInForce { playbook };
                        let correlation = correlation.clone();
                        let hear = Command::Hear { correlation, statements, sent_at };
                        if !(self.answer(in_force).await && self.answer(hear).await) {
                            debug!(%ticket, "the case does not listen any more");
                        }
                    }
                    Ok(Err(failure)) if failure.retryable() => {
                        debug!(%ticket, error = %failure, "what was written cannot be read yet");
                    }
                    Ok(Err(failure)) => {
                        warn!(%ticket, error = %failure, "nobody can decide on this ticket");
                    }
                    Err(_) => warn!(%ticket, "reading what was written took too long"),
                }
            }
            tokio::select! {
                biased;
                () = self.wanted.cancelled() => break,
                () = tokio::time::sleep(every) => {}
            }
        }
    }
}
