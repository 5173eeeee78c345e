//! Withdraws the test ticket, and leaves none behind, also when the verification was broken off (rows 7, 15, 18).

use belay_domain::TicketId;
use tokio::time::{Instant, sleep};

use super::report::{Left, Outcome};
use super::{NOTE, Notes, TRIES, Verification, observing};
use crate::{HumanQueue, QueueError, QueueErrorKind};

impl Verification<'_> {
    /// Withdraws the ticket. What our own account does is neither an acknowledgement nor a resolution (rows 7, 15, 18).
    pub(super) async fn withdraw(&self, ticket: &TicketId, notes: &mut Notes) {
        if let Err(error) = self.withdrawn(ticket).await {
            match error.kind {
                QueueErrorKind::NotUnderstood => {
                    notes.rows.note(15, Outcome::Told, format!("of a withdrawal: {error}"));
                }
                // A refusal that says so is honest.
                _ => notes.rows.not_tried(15, format!("of a withdrawal: {error}")),
            }
            return notes.failures.push(format!("the ticket could not be withdrawn: {error}"));
        }
        let (reading, judged) = self.look(ticket).await;
        observing::withdrawn(&reading, judged, self.terms.watch, notes);
    }

    /// Withdraws every ticket that was ever named, and looks for one that may have been made unseen. Harmless when
    /// called twice.
    pub async fn clean_up(&self) -> Vec<Left> {
        let seen = self.queue.seen();
        if seen.creates == 0 {
            return Vec::new();
        }
        let settling = self.queue.settling();
        let until = Instant::now() + settling.within;
        loop {
            let found = self.queue.find(&self.subject.correlation).await;
            let known = found.is_ok() && !self.queue.seen().tickets.is_empty();
            if known || Instant::now() >= until {
                break;
            }
            sleep(settling.every).await;
        }
        let mut left = Vec::new();
        for ticket in self.queue.seen().tickets {
            left.push(self.leave(ticket).await);
        }
        left
    }

    async fn leave(&self, ticket: TicketId) -> Left {
        let withdrawn = self.withdrawn(&ticket).await;
        let reading = self.queue.read(&ticket, &self.subject.queue.queue).await;
        let (clean, state) = observing::left(&reading);
        match withdrawn {
            // Gone or closed is good enough, whoever did it.
            Err(error) if !clean => Left { ticket, clean, state: format!("{state}: {error}") },
            _ => Left { ticket, clean, state },
        }
    }

    async fn withdrawn(&self, ticket: &TicketId) -> Result<(), QueueError> {
        let mut tried = 1;
        loop {
            match self.queue.withdraw(ticket, NOTE).await {
                Err(error) if error.retryable() && tried < TRIES => {
                    tried += 1;
                    sleep(error.retry_after().unwrap_or(self.queue.settling().every)).await;
                }
                done => return done,
            }
        }
    }
}
