//! A person who stands by takes the ticket and gives it back (row 9).

use std::time::Duration;

use belay_domain::TicketId;
use tokio::time::{Instant, sleep};

use super::report::Outcome;
use super::trial::{Judged, Trial};
use super::{Ask, Notes, Verification};
use crate::HumanQueue;

impl Verification<'_> {
    /// Has a person take the ticket and give it back (row 9).
    pub(super) async fn with_person(
        &self,
        ticket: &TicketId,
        within: Duration,
        ask: &(dyn Fn(&Ask) + Send + Sync),
        notes: &mut Notes,
    ) {
        let mut trial = match Trial::new(&self.subject, ticket, self.clock.now()) {
            Ok(trial) => trial,
            Err(why) => return notes.failures.push(format!("no case could be tried: {why}")),
        };
        ask(&Ask::Take { ticket: ticket.clone(), within });
        let (by, took) = match self.until(&mut trial, ticket, within, true).await {
            Ok((Judged::Covered { by }, took)) => (by, took),
            Ok((Judged::NotCovered { why }, _)) => {
                let why =
                    format!("nobody was seen to take it within {} s: {why}", within.as_secs());
                notes.failures.push(format!("a take by a person: {why}"));
                return notes.rows.not_tried(9, why);
            }
            Err(why) => return notes.failures.push(why),
        };
        let Ok(person) = by.parse() else {
            return notes.failures.push(format!("the ticket was closed by {by} instead of taken"));
        };
        ask(&Ask::GiveBack { ticket: ticket.clone(), by: person, within });
        match self.until(&mut trial, ticket, within, false).await {
            Ok((Judged::NotCovered { why }, lapsed)) => {
                let seen = format!(
                    "taken by {by}, seen after {:.0} s; given back, seen after {:.0} s: {why}",
                    took.as_secs_f64(),
                    lapsed.as_secs_f64()
                );
                notes.rows.note(9, Outcome::NotTold, seen);
            }
            Ok((Judged::Covered { by }, _)) => {
                let why =
                    format!("{by} was not seen to give it back within {} s", within.as_secs());
                notes.failures.push(why.clone());
                notes.rows.not_tried(9, why);
            }
            Err(why) => notes.failures.push(why),
        }
    }

    /// Reads until the case is covered, or no more, or time is up.
    async fn until(
        &self,
        trial: &mut Trial,
        ticket: &TicketId,
        within: Duration,
        covered: bool,
    ) -> Result<(Judged, Duration), String> {
        let began = Instant::now();
        loop {
            let sent_at = self.clock.now();
            let reading = self.queue.read(ticket, &self.subject.queue.queue).await;
            let judged = trial.observe(&reading, sent_at, self.clock.now());
            let judged = judged.map_err(|why| format!("a case could not be tried: {why}"))?;
            let took = began.elapsed();
            if matches!(judged, Judged::Covered { .. }) == covered || took >= within {
                return Ok((judged, took));
            }
            sleep(self.terms.every).await;
        }
    }
}
