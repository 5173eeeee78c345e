//! Finding out which of the catalogue's lies a live system can tell, and that none of them leads to cover.
//!
//! One marked test ticket is put into the queue, by the ordinary road. Whatever is then seen of it is given to the
//! domain as if a case depended on it. Nobody is asked to take it, unless a person stands by, so any cover is false.
//! The ticket is withdrawn at the end, also when the verification was broken off.

mod clock;
mod leaving;
mod observing;
mod person;
mod placing;
mod report;
mod strange;
mod trial;
mod watched;
mod watching;

#[cfg(test)]
mod tests;

use std::time::Duration;

use belay_domain::{CaseId, InvalidId, PersonId, QueueRef, Reading, TicketId, Timestamp};
use tokio::time::Instant;

pub use report::{Left, Outcome, Report, Row};

use crate::HumanQueue;
use clock::OurClock;
use report::Rows;
use trial::{Judged, Subject, Trial};
use watched::Watched;

/// How often a create or a withdrawal is tried that may work later.
const TRIES: u32 = 3;

/// What people read who come across the ticket.
const SUBJECT: &str = "TEST by Belay: please leave this ticket alone. No customer waits";
const BODY: &str = "Belay is finding out whether it can rely on this system. Nothing is needed. The ticket will be \
                    withdrawn by itself within minutes.";
const NOTE: &str = "This was a test by Belay. Nothing is needed.";

/// What is verified, and how.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The case that the test ticket carries; one that no other verification uses.
    pub case: CaseId,
    /// The queue.
    pub queue: QueueRef,
    /// The present moment; time passes by the runtime's clock from there.
    pub began: Timestamp,
    /// How long the ticket is watched while nobody is asked to touch it. Rules that acknowledge by themselves need time.
    pub watch: Duration,
    /// How often it is read.
    pub every: Duration,
    /// How long a person has to take the ticket, and then to give it back; none if nobody stands by.
    pub person: Option<Duration>,
}

/// What a person who stands by is asked to do, or shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Take the ticket by hand.
    Take {
        /// Which.
        ticket: TicketId,
        /// Within this time.
        within: Duration,
    },
    /// It was seen to be taken: give it back.
    GiveBack {
        /// Which.
        ticket: TicketId,
        /// Who took it, as is proven.
        by: PersonId,
        /// Within this time.
        within: Duration,
    },
}

/// A verification of one queue.
#[derive(Debug)]
pub struct Verification<'a> {
    queue: Watched<'a>,
    terms: Terms,
    subject: Subject,
    clock: OurClock,
}

/// What is being written down.
struct Notes {
    rows: Rows,
    failures: Vec<String>,
}

impl<'a> Verification<'a> {
    /// One that has not begun.
    pub fn new(queue: &'a dyn HumanQueue, terms: Terms) -> Result<Self, InvalidId> {
        let clock = OurClock { began: terms.began, started: Instant::now() };
        Ok(Self {
            queue: Watched::new(queue, clock),
            subject: Subject::new(terms.case.clone(), terms.queue.clone())?,
            terms,
            clock,
        })
    }

    /// Verifies, cleans up and reports. May be dropped at any moment; [`clean_up`](Self::clean_up) is then the caller's.
    pub async fn run(&self, ask: &(dyn Fn(&Ask) + Send + Sync)) -> Report {
        let mut notes = Notes { rows: Rows::new(), failures: Vec::new() };
        let findings = self.look_around(&mut notes).await;
        if let Some(placed) = self.put(&mut notes).await {
            let ticket = &placed.ticket;
            if placed.found {
                self.put_again(&placed, &mut notes).await;
            }
            self.read_nothing(ticket, &mut notes).await;
            self.watch(&placed, &mut notes).await;
            match self.terms.person {
                Some(within) => self.with_person(ticket, within, ask, &mut notes).await,
                None => notes.rows.not_tried(9, "needs a person who stands by: --with-person"),
            }
            self.withdraw(ticket, &mut notes).await;
        }
        let tickets = self.clean_up().await;
        let seen = self.queue.seen();
        clock::compare(seen.theirs.as_ref(), &mut notes.rows);
        if let Some(trouble) = seen.troubles.first() {
            notes.rows.note(19, Outcome::Told, trouble.clone());
        }
        Report {
            findings,
            rows: notes.rows.done(),
            failures: notes.failures,
            tickets,
            requests: seen.requests,
            took: self.clock.started.elapsed(),
        }
    }

    async fn look(&self, ticket: &TicketId) -> (Reading, Result<Judged, String>) {
        let sent_at = self.clock.now();
        let reading = self.queue.read(ticket, &self.subject.queue.queue).await;
        let judged = self.judge(ticket, &reading, sent_at);
        (reading, judged)
    }

    fn judge(
        &self,
        ticket: &TicketId,
        reading: &Reading,
        sent_at: Timestamp,
    ) -> Result<Judged, String> {
        Trial::alone(&self.subject, ticket, reading, (sent_at, self.clock.now()))
            .map_err(|why| format!("a case could not be tried: {why}"))
    }
}
