//! Finding out which of the catalogue's lies a live system can tell, and that none of them leads to cover.
//!
//! One marked test ticket is put into the queue, by the ordinary road. Whatever is then seen of it is given to the
//! domain as if a case depended on it. Nobody is asked to take it, unless a person stands by, so any cover is false.
//! The ticket is withdrawn at the end, also when the verification was broken off.

mod observing;
mod report;
mod strange;
mod trial;
mod watched;

#[cfg(test)]
mod tests;

use std::time::Duration;

use belay_domain::{
    CaseId, InvalidId, PersonId, QueueRef, Reading, Severity, Span, TicketId, TicketReading,
    Timestamp, after,
};
use tokio::time::{Instant, sleep};

pub use report::{Left, Outcome, Report, Row};

use crate::human_queue::{HumanQueue, NewTicket};
use crate::placing::{Attempt, NotPlaced, Placed, place};
use crate::proof::Finding;
use crate::{QueueError, QueueErrorKind};
use observing::Look;
use report::Rows;
use strange::never_issued;
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
    started: Instant,
}

/// What is being written down.
struct Notes {
    rows: Rows,
    failures: Vec<String>,
}

impl<'a> Verification<'a> {
    /// One that has not begun.
    pub fn new(queue: &'a dyn HumanQueue, terms: Terms) -> Result<Self, InvalidId> {
        Ok(Self {
            queue: Watched::new(queue),
            subject: Subject::new(terms.case.clone(), terms.queue.clone())?,
            terms,
            started: Instant::now(),
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
        if let Some(trouble) = seen.troubles.first() {
            notes.rows.note(19, Outcome::Told, trouble.clone());
        }
        Report {
            findings,
            rows: notes.rows.done(),
            failures: notes.failures,
            tickets,
            requests: seen.requests,
            took: self.started.elapsed(),
        }
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

    /// What can be shown without creating anything (rows 6 and 12).
    async fn look_around(&self, notes: &mut Notes) -> Vec<Finding> {
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
    async fn put(&self, notes: &mut Notes) -> Option<Placed> {
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
    async fn put_again(&self, placed: &Placed, notes: &mut Notes) {
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

    /// Reads an id that no system has issued (row 2).
    async fn read_nothing(&self, ticket: &TicketId, notes: &mut Notes) {
        let Some(strange) = never_issued(ticket) else {
            return notes.rows.not_tried(2, "no id is known that surely never existed");
        };
        let sent_at = self.now();
        let reading = self.queue.read_strange(&strange, &self.subject.queue.queue).await;
        match self.judge(&strange, &reading, sent_at) {
            Ok(Judged::Covered { by }) => {
                notes.rows.note(2, Outcome::LedToCover, format!("{strange} is held by {by}"));
            }
            Ok(Judged::NotCovered { why }) => {
                let (outcome, seen) = match &reading.ticket {
                    TicketReading::Missing => (
                        Outcome::NotTold,
                        format!("{strange} is read as not there, as an empty success is"),
                    ),
                    TicketReading::Unreadable { detail } => {
                        (Outcome::Told, format!("{strange} is not said to be missing: {detail}"))
                    }
                    TicketReading::Present(_) => {
                        (Outcome::Told, format!("{strange} is said to exist: {why}"))
                    }
                };
                notes.rows.note(2, outcome, seen);
            }
            Err(why) => notes.failures.push(why),
        }
    }

    /// Reads the ticket while nobody is asked to touch it (rows 1, 5, 7, 10 to 12, 14, 16, 18).
    async fn watch(&self, placed: &Placed, notes: &mut Notes) {
        let until = Instant::now() + self.terms.watch;
        let mut last = None;
        loop {
            let (reading, judged) = self.look(&placed.ticket).await;
            let look = Look { subject: &self.subject, placed, reading: &reading };
            look.untouched(judged, last, notes);
            last = look.revision().or(last);
            if Instant::now() >= until {
                return self.unheard(placed, &reading, notes);
            }
            sleep(self.terms.every).await;
        }
    }

    /// What was not told although it could have been.
    fn unheard(&self, placed: &Placed, reading: &Reading, notes: &mut Notes) {
        let TicketReading::Present(_) = &reading.ticket else { return };
        let watched = self.terms.watch.as_secs();
        let rows = &mut notes.rows;
        rows.note(1, Outcome::NotTold, format!("{} is there", placed.ticket));
        rows.note(5, Outcome::NotTold, "it is where it was asked for");
        rows.note(7, Outcome::NotTold, format!("no machine took it in {watched} s"));
        rows.note(10, Outcome::NotTold, "nobody was made its owner");
        rows.note(12, Outcome::NotTold, "the status of a new ticket is mapped");
        rows.note(16, Outcome::NotTold, "both our marks came back");
        if !placed.found {
            let what =
                "the ticket is there and no search shows it: raise how long searches may lag";
            notes.failures.push(what.to_owned());
        }
    }

    /// Has a person take the ticket and give it back (row 9).
    async fn with_person(
        &self,
        ticket: &TicketId,
        within: Duration,
        ask: &(dyn Fn(&Ask) + Send + Sync),
        notes: &mut Notes,
    ) {
        let mut trial = match Trial::new(&self.subject, ticket, self.now()) {
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
            let sent_at = self.now();
            let reading = self.queue.read(ticket, &self.subject.queue.queue).await;
            let judged = trial.observe(&reading, sent_at, self.now());
            let judged = judged.map_err(|why| format!("a case could not be tried: {why}"))?;
            let took = began.elapsed();
            if matches!(judged, Judged::Covered { .. }) == covered || took >= within {
                return Ok((judged, took));
            }
            sleep(self.terms.every).await;
        }
    }

    /// Withdraws the ticket. What our own account does is neither an acknowledgement nor a resolution (rows 7, 15, 18).
    async fn withdraw(&self, ticket: &TicketId, notes: &mut Notes) {
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
        observing::withdrawn(&reading, judged, notes);
    }

    async fn look(&self, ticket: &TicketId) -> (Reading, Result<Judged, String>) {
        let sent_at = self.now();
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
        Trial::alone(&self.subject, ticket, reading, (sent_at, self.now()))
            .map_err(|why| format!("a case could not be tried: {why}"))
    }

    fn now(&self) -> Timestamp {
        let passed = Span::try_from(self.started.elapsed()).unwrap_or(Span::MAX);
        after(self.terms.began, passed)
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
