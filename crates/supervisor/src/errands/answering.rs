//! Errands to people who wrote something on a ticket that does not count as a decision: one note there says why.

use std::time::Duration;

use belay_domain::{Command, QueueRef, Refusal};
use tracing::{info, warn};

use super::{Errand, Patience};

impl Errand {
    /// Leaves the note, as often as it takes until it is there once.
    pub(super) async fn say_why(&self, queue: &QueueRef, refusal: &Refusal, short_form: &str) {
        let said = &refusal.said;
        let note = note(refusal, short_form);
        let mut patience = Patience::new(Duration::from_secs(1), Duration::from_secs(300));
        loop {
            // Between two playbooks the system may be gone for a moment.
            if let Some(system) = self.world.systems.queue(&queue.system) {
                match system.tell(&said.ticket, &note).await {
                    Ok(()) => break,
                    Err(failure) if self.may_pass(&queue.system, &failure) => {
                        warn!(ticket = %said.ticket, error = %failure, "nobody was told yet why it does not count");
                    }
                    Err(failure) => {
                        warn!(ticket = %said.ticket, error = %failure, "nobody can be told why it does not count");
                        return;
                    }
                }
            }
            if !self.wait_to_repeat(&queue.system, &mut patience).await {
                return;
            }
        }
        info!(ticket = %said.ticket, account = %said.account, "told why it does not count");
        let (correlation, statement) = (said.correlation.clone(), said.statement.clone());
        self.answer(Command::Answered { correlation, statement }).await;
    }
}

/// The same words whenever it is written for one statement, so that a ticket shows whether it has them already.
fn note(refusal: &Refusal, short_form: &str) -> String {
    let Refusal { said, why } = refusal;
    format!(
        "What {} wrote here ({}) does not count as a decision: {why}.\n\nWhat counts is a note of somebody who may \
         decide, whose first line is one of these:\n\n    approve {short_form}\n    reject {short_form} REASON",
        said.account, said.statement
    )
}
