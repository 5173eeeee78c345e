//! Which lie it is that a reading tells. This names what was seen; whether it is cover was judged by the domain.

use std::time::Duration;

use belay_domain::{
    ActKind, ActorKind, Reading, Standing, TicketActor, TicketFacts, TicketReading,
};

use super::Notes;
use super::report::{Outcome, Rows};
use super::trial::{Judged, Subject};
use crate::placing::Placed;
use crate::proof::{Finding, RouteCheck, Verdict};

/// A look at the test ticket while nobody was asked to touch it.
pub(super) struct Look<'a> {
    pub(super) subject: &'a Subject,
    pub(super) placed: &'a Placed,
    pub(super) reading: &'a Reading,
}

impl Look<'_> {
    pub(super) fn revision(&self) -> Option<u64> {
        facts(self.reading).map(|facts| facts.revision)
    }

    /// Whatever is not as we left it.
    pub(super) fn untouched(
        &self,
        judged: Result<Judged, String>,
        last: Option<u64>,
        notes: &mut Notes,
    ) {
        let why = match judged {
            Ok(Judged::Covered { by }) => {
                let seen = format!(
                    "{by} would have been believed, and nobody was asked to take it; if they did, verify again"
                );
                return notes.rows.note(self.covering(), Outcome::LedToCover, seen);
            }
            Ok(Judged::NotCovered { why }) => why,
            Err(why) => return notes.failures.push(why),
        };
        let rows = &mut notes.rows;
        match &self.reading.ticket {
            TicketReading::Missing if self.placed.found => {
                rows.note(14, Outcome::Told, "a search found the ticket, a read did not");
            }
            TicketReading::Missing => rows.note(1, Outcome::Told, why),
            TicketReading::Unreadable { detail } => rows.note(19, Outcome::Told, detail.clone()),
            TicketReading::Present(facts) => {
                self.partial(facts, last, rows);
                self.changed(facts, rows);
            }
        }
    }

    /// Under which lie false cover is listed.
    fn covering(&self) -> u8 {
        let closed = facts(self.reading).is_some_and(|facts| facts.standing != Standing::Open);
        if closed { 18 } else { 7 }
    }

    /// What is left out, or older than what was shown before (14, 16).
    fn partial(&self, facts: &TicketFacts, last: Option<u64>, rows: &mut Rows) {
        if self.reading.queue_of(&self.subject.queue.queue).is_none() {
            rows.note(14, Outcome::Told, "the ticket could be read and its queue could not");
        }
        if let Some(last) = last.filter(|last| *last > facts.revision) {
            let seen = format!("revision {} was shown after {last}", facts.revision);
            rows.note(14, Outcome::Told, seen);
        }
        for (mark, right) in [
            ("correlation id", facts.correlation.as_ref() == Some(&self.subject.correlation)),
            ("case id", facts.case.as_ref() == Some(&self.subject.case)),
        ] {
            if !right {
                rows.note(16, Outcome::Told, format!("our {mark} did not come back"));
            }
        }
    }

    /// What somebody or something did to it (5, 7, 10, 11, 12, 18).
    fn changed(&self, facts: &TicketFacts, rows: &mut Rows) {
        let wanted = &self.subject.queue.queue;
        if facts.queue != *wanted {
            rows.note(5, Outcome::Told, format!("it is in {}", facts.queue));
        } else if facts.acts.iter().any(|act| act.kind == ActKind::Moved) {
            rows.note(5, Outcome::Told, format!("it was moved, and is in {wanted} again"));
        } else if self.reading.queue_of(wanted).is_some_and(|queue| !queue.enabled) {
            rows.note(5, Outcome::Told, format!("it is in {wanted}, which takes no tickets"));
        }
        let standing = &facts.standing;
        match standing {
            Standing::Open => {}
            Standing::Unknown { raw } => {
                rows.note(12, Outcome::Told, format!("its status is {raw}"));
            }
            Standing::Resolved | Standing::Rejected => {
                rows.note(
                    18,
                    Outcome::Told,
                    format!("it is {standing} though no person was asked"),
                );
            }
            Standing::Deleted | Standing::Merged { .. } => {
                rows.note(11, Outcome::Told, format!("it is {standing}"));
            }
        }
        let takers = facts.acts.iter().filter(|act| act.kind == ActKind::Took);
        let takers: Vec<&TicketActor> = takers.map(|act| &act.actor).collect();
        let machine = |actor: &&TicketActor| actor.kind != ActorKind::Person;
        if let Some(taker) = facts.holder.iter().chain(takers.iter().copied()).find(machine) {
            rows.note(7, Outcome::Told, format!("{} has it, {}", taker.name, named(taker.kind)));
        } else if let Some(holder) = &facts.holder
            && !takers.iter().any(|taker| taker.name == holder.name)
        {
            rows.note(10, Outcome::Told, format!("{} was made its owner", holder.name));
        }
    }
}

/// What a look at the ticket shows after we withdrew it (7, 15, 18).
pub(super) fn withdrawn(
    reading: &Reading,
    judged: Result<Judged, String>,
    watched: Duration,
    notes: &mut Notes,
) {
    let why = match judged {
        Ok(Judged::Covered { by }) => {
            let seen = format!("{by} would have been believed after we withdrew it ourselves");
            return notes.rows.note(18, Outcome::LedToCover, seen);
        }
        Ok(Judged::NotCovered { why }) => why,
        Err(why) => return notes.failures.push(why),
    };
    let Some(facts) = facts(reading) else { return };
    let ours = facts.acts.iter().any(|act| act.actor.kind == ActorKind::Ourselves);
    let closed = facts.standing != Standing::Open;
    if !ours && !closed {
        let seen = "the withdrawal was accepted and nothing of it is on the ticket";
        notes.rows.note(15, Outcome::Told, seen);
        return notes.failures.push(seen.to_owned());
    }
    notes.rows.note(15, Outcome::NotTold, "the withdrawal was read back");
    match closed {
        true => {
            let seen = format!("closed by our own account, which resolves nothing: {why}");
            notes.rows.note(18, Outcome::NotTold, seen);
        }
        false => {
            let watched = watched.as_secs();
            let seen = format!("nothing closed it in {watched} s, and our account may not");
            notes.rows.note(18, Outcome::NotTold, seen);
        }
    }
}

/// What is left of a ticket, and whether nobody has to look after it.
pub(super) fn left(reading: &Reading) -> (bool, String) {
    match &reading.ticket {
        TicketReading::Missing => (true, "not there".to_owned()),
        TicketReading::Unreadable { detail } => (false, format!("cannot be read: {detail}")),
        TicketReading::Present(facts) if facts.standing != Standing::Open => {
            (!matches!(facts.standing, Standing::Unknown { .. }), facts.standing.to_string())
        }
        TicketReading::Present(facts) => {
            let said = facts.acts.iter().any(|act| {
                act.actor.kind == ActorKind::Ourselves
                    && matches!(act.kind, ActKind::Noted | ActKind::Replied)
            });
            let state = if said { "open, with a note that nothing is needed" } else { "open" };
            (said, state.to_owned())
        }
    }
}

/// Whether the mapping names every state, as far as the system tells (row 12).
pub(super) fn mapped(findings: &[Finding], rows: &mut Rows) {
    let found = findings.iter().find(|found| found.check == RouteCheck::StatusesMapped);
    match found.map(|found| &found.verdict) {
        Some(Verdict::Held) => rows.note(12, Outcome::NotTold, "every state it lists is mapped"),
        Some(Verdict::Broken(why)) => rows.note(12, Outcome::Told, why.clone()),
        Some(Verdict::Untold(_)) | None => {}
    }
}

fn facts(reading: &Reading) -> Option<&TicketFacts> {
    match &reading.ticket {
        TicketReading::Present(facts) => Some(facts),
        TicketReading::Missing | TicketReading::Unreadable { .. } => None,
    }
}

fn named(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Person => "a person",
        ActorKind::Machine => "a machine",
        ActorKind::Ourselves => "our own account",
        ActorKind::Unknown => "of unknown kind",
    }
}
