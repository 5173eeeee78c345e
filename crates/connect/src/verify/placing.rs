//! Puts the marked test ticket into the queue by the ordinary road, and asks for it again as if the answer had been lost
//! (rows 3, 4, 6, 12, 15).

use tokio::time::sleep;

use super::report::{Outcome, Rows};
use super::{BODY, Notes, SUBJECT, TRIES, Verification, observing};
use crate::placing::{Attempt, NotPlaced, Placed, place};
use crate::proof::Finding;
use crate::{HumanQueue, NewTicket, QueueErrorKind};
use belay_domain::Severity;

impl Verification<'_> {
    /// What can be shown without creating anything (rows 6 and 12).
    pub(super) async fn look_around(&self, notes: &mut Notes) -> Vec<Finding> {
        match self.queue.prove(&self.subject.queue.queue).await {
            Ok(findings) => {
                observing::mapped(&findings, &mut notes.rows);
                findings
            }
            Err(error) => {
                notes.failures.push(format!("the route cannot be looked at: {error}"));
                Vec::new()
            }
        }
    }

    /// Creates the ticket (rows 3, 4, 6, 15).
    pub(super) async fn put(&self, notes: &mut Notes) -> Option<Placed> {
        let ticket = self.new_ticket();
        let mut attempt = Attempt::First;
        for tried in 1..=TRIES {
            let placed = place(&self.queue, &ticket, attempt, self.queue.settling()).await;
            self.unsure(&mut notes.rows);
            let error = match placed {
                Ok(placed) => {
                    notes.rows.note(6, Outcome::NotTold, "somebody on it can take its tickets");
                    self.placed(&placed, notes);
                    return Some(placed);
                }
                Err(NotPlaced::Unreachable(why)) => {
                    notes.rows.note(6, Outcome::Told, format!("{why}; no ticket was created"));
                    return None;
                }
                Err(NotPlaced::Refused(error)) => {
                    notes.failures.push(format!("the test ticket was refused: {error}"));
                    return None;
                }
                Err(NotPlaced::Later(error)) => error,
            };
            if tried == TRIES {
                notes.failures.push(format!("the test ticket could not be placed: {error}"));
            }
            sleep(error.retry_after().unwrap_or(self.queue.settling().every)).await;
            attempt = Attempt::Again;
        }
        None
    }

    /// A create that may have happened (rows 3, 15). It was looked for before anything was created again.
    fn unsure(&self, rows: &mut Rows) {
        if let Some(error) = self.queue.seen().unsure {
            let row = if error.kind == QueueErrorKind::NotUnderstood { 15 } else { 3 };
            rows.note(row, Outcome::Told, format!("of a create: {error}; it was looked for"));
        }
    }

    fn placed(&self, placed: &Placed, notes: &mut Notes) {
        let within = self.queue.settling().within;
        if !placed.withdrawn.is_empty() {
            let seen = format!(
                "one create made {} tickets; all but {} were withdrawn",
                placed.withdrawn.len() + 1,
                placed.ticket
            );
            notes.rows.note(4, Outcome::Told, seen);
        }
        match self.queue.seen().shown_after {
            Some(lag) if lag >= self.queue.settling().every => {
                let seen = format!("a search showed the ticket {:.1} s late", lag.as_secs_f64());
                notes.rows.note(4, Outcome::Told, seen);
            }
            Some(lag) => {
                let lag = lag.as_secs_f64();
                let seen = format!("a search showed the one ticket after {lag:.1} s");
                notes.rows.note(4, Outcome::NotTold, seen);
            }
            None => {}
        }
        if !placed.found {
            let seen = format!("no search showed {} within {} s", placed.ticket, within.as_secs());
            notes.rows.note(4, Outcome::Told, seen);
        }
    }

    /// Asks once more, as if the answer had been lost (row 3).
    pub(super) async fn put_again(&self, placed: &Placed, notes: &mut Notes) {
        let ticket = self.new_ticket();
        match place(&self.queue, &ticket, Attempt::Again, self.queue.settling()).await {
            Ok(again) if again.ticket == placed.ticket && !again.created => {
                let seen =
                    format!("asked again as if the answer were lost: {} was found", again.ticket);
                notes.rows.note(3, Outcome::NotTold, seen);
            }
            Ok(again) => {
                let (one, other) = (&placed.ticket, again.ticket);
                let what = format!("asked again, the ticket was {other} and before it was {one}");
                notes.failures.push(what);
            }
            Err(error) => notes.failures.push(format!("asked again for the ticket: {error}")),
        }
    }

    fn new_ticket(&self) -> NewTicket {
        NewTicket {
            case: self.subject.case.clone(),
            correlation: self.subject.correlation.clone(),
            queue: self.subject.queue.queue.clone(),
            subject: SUBJECT.to_owned(),
            body: BODY.to_owned(),
            severity: Severity::Low,
        }
    }
}
