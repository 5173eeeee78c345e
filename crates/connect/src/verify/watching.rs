//! Watches the ticket while nobody is asked to touch it, and compares what is shown of it with what we wrote
//! (rows 1, 5, 7, 10 to 12, 14, 16, 18).

use belay_domain::{OurTicket, Reading, Standing, TicketId, TicketReading};
use tokio::time::{Instant, sleep};

use super::observing::Look;
use super::report::Outcome;
use super::{Notes, SUBJECT, Verification};
use crate::placing::Placed;
use crate::{HumanQueue, QueueError, QueueErrorKind};

/// How many pages of our open tickets are looked through for the test ticket. A page has a hundred or more.
const PAGES_MAX: u32 = 20;

impl Verification<'_> {
    /// Reads the ticket while nobody is asked to touch it.
    pub(super) async fn watch(&self, placed: &Placed, notes: &mut Notes) {
        let until = Instant::now() + self.terms.watch;
        let mut last = None;
        loop {
            let (reading, judged) = self.look(&placed.ticket).await;
            let look = Look { subject: &self.subject, placed, reading: &reading };
            look.untouched(judged, last, notes);
            last = look.revision().or(last);
            if Instant::now() >= until {
                self.unheard(placed, &reading, notes);
                return self.compare(&placed.ticket, &reading, notes).await;
            }
            sleep(self.terms.every).await;
        }
    }

    /// What was not told although it could have been.
    fn unheard(&self, placed: &Placed, reading: &Reading, notes: &mut Notes) {
        let TicketReading::Present(facts) = &reading.ticket else { return };
        let watched = self.terms.watch.as_secs();
        let rows = &mut notes.rows;
        rows.note(1, Outcome::NotTold, format!("{} is there", placed.ticket));
        let queue = &facts.queue;
        let stayed = format!(
            "it came into {queue} and was not moved in {watched} s; no other queue was tried"
        );
        rows.note(5, Outcome::NotTold, stayed);
        rows.note(7, Outcome::NotTold, format!("no machine took it in {watched} s"));
        rows.note(10, Outcome::NotTold, "nobody was made its owner");
        rows.note(12, Outcome::NotTold, "the status of a new ticket is mapped");
        if !placed.found {
            let what =
                "the ticket is there and no search shows it: raise how long searches may lag";
            notes.failures.push(what.to_owned());
        }
    }

    /// Whether what we wrote came back as we wrote it (row 16). Marks that did not were noted at every look.
    async fn compare(&self, ticket: &TicketId, reading: &Reading, notes: &mut Notes) {
        let TicketReading::Present(facts) = &reading.ticket else { return };
        let (outcome, seen) = if facts.standing == Standing::Open {
            match self.listed(ticket).await {
                Ok(Some(found)) => kept(found.subject.as_deref()),
                Ok(None) => (Outcome::NotTold, "no list shows the ticket".to_owned()),
                Err(error) => (Outcome::NotTold, format!("its subject was not seen: {error}")),
            }
        } else {
            (Outcome::NotTold, format!("as it is {}, no list shows its subject", facts.standing))
        };
        let seen = match outcome {
            Outcome::NotTold => format!(
                "both our marks came back; {seen}; its text and its urgency are not shown to us"
            ),
            _ => seen,
        };
        notes.rows.note(16, outcome, seen);
    }

    /// The ticket as the list of our open tickets shows it.
    async fn listed(&self, ticket: &TicketId) -> Result<Option<OurTicket>, QueueError> {
        let mut page = None;
        for _ in 0..PAGES_MAX {
            let listed = self.queue.ours(page.as_deref()).await?;
            if let Some(found) = listed.tickets.into_iter().find(|found| found.ticket == *ticket) {
                return Ok(Some(found));
            }
            match listed.next {
                Some(next) => page = Some(next),
                None => return Ok(None),
            }
        }
        let detail = format!("it is not among the tickets of the first {PAGES_MAX} pages");
        Err(QueueError::new(QueueErrorKind::Refused, detail))
    }
}

/// What a list shows of the subject that we wrote. Some systems put something of their own around it.
fn kept(subject: Option<&str>) -> (Outcome, String) {
    match subject {
        Some(shown) if shown.contains(SUBJECT) => {
            (Outcome::NotTold, "so did the subject".to_owned())
        }
        Some(shown) => (Outcome::Told, format!("the subject came back as {shown:?}")),
        None => (Outcome::NotTold, "no subject is listed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_that_was_cut_off_is_told() {
        let told = |subject: Option<&str>| kept(subject).0;
        assert_eq!(told(Some(SUBJECT)), Outcome::NotTold);
        let around = format!("{SUBJECT} [c-1/e1/r1s1]");
        assert_eq!(told(Some(&around)), Outcome::NotTold);
        assert_eq!(told(Some("TEST by Belay")), Outcome::Told);
        assert_eq!(kept(None), (Outcome::NotTold, "no subject is listed".to_owned()));
    }
}
