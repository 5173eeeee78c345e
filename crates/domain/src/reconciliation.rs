//! Two sides of the same tickets: what the journal believes, and what a human queue's system shows.
//!
//! They are held against each other in both directions. Whatever does not fit has a name: a *ghost* is a ticket
//! that we believe and that is not there, an *orphan* one of ours that nobody waits for, a *fork* a second one for
//! a step that has one, a *drift* something that was changed by hand. Nothing here is evidence: a list says where
//! to look, and only a read of the ticket itself moves an escalation.

mod drift;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{
    Case, CaseId, Correlation, Escalation, EscalationId, PersonId, QueueId, QueueRef, Reading,
    Stage, Standing, Step, TicketId, TicketReading,
};

pub(crate) use drift::brief;
pub use drift::{Changed, Drift, Drifted, Face, changed};

/// A ticket that carries our mark, as its system lists it. A list may lag, and may leave things out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurTicket {
    /// The ticket.
    pub ticket: TicketId,
    /// The step it says it is for.
    pub correlation: Correlation,
    /// The case it says it is for.
    pub case: Option<CaseId>,
    /// The queue it is in, if the list tells.
    pub queue: Option<QueueId>,
    /// Who holds it, if anybody does and the list tells.
    pub holder: Option<PersonId>,
    /// Its subject, if the list tells.
    pub subject: Option<String>,
    /// How urgent its system says it is, in the system's own words, if the list tells.
    pub priority: Option<String>,
}

/// A ticket that the journal believes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// The case it is for.
    pub case: CaseId,
    /// The escalation.
    pub escalation: EscalationId,
    /// The step.
    pub correlation: Correlation,
    /// Where we want it.
    pub queue: QueueRef,
    /// The ticket; none while it is being placed.
    pub ticket: Option<TicketId>,
    /// What is believed of it.
    pub belief: Belief,
    /// What people were found to have changed on it, if its answer is waited for.
    pub drifted: Vec<Drift>,
}

/// What is believed of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Belief {
    /// It is being placed, or was placed and never seen yet. Creating may take its time to show.
    Asked,
    /// A read showed it, and its answer is waited for.
    Seen,
    /// Its step is over, and its people are being told.
    Leaving,
    /// Its people have been told. Who holds it may keep it open.
    Told,
}

/// Something about a ticket on which the two sides do not agree.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Discrepancy {
    /// We believe a ticket that is not there.
    Ghost {
        /// The step.
        correlation: Correlation,
        /// The ticket.
        ticket: TicketId,
    },
    /// A ticket of ours that nobody waits for.
    Orphan {
        /// The step it says it is for.
        correlation: Correlation,
        /// The ticket.
        ticket: TicketId,
        /// Why nobody does.
        why: Orphaned,
        /// The person who holds it all the same.
        held: Option<PersonId>,
    },
    /// A second ticket for a step that has one.
    Fork {
        /// The step.
        correlation: Correlation,
        /// The second one.
        ticket: TicketId,
        /// The one that counts.
        kept: TicketId,
        /// The person who holds the second one.
        held: Option<PersonId>,
    },
    /// Something on a ticket was changed by hand. What people changed stays.
    Drift {
        /// The step.
        correlation: Correlation,
        /// The ticket.
        ticket: TicketId,
        /// What was changed.
        field: Drifted,
        /// What it is now, for people.
        now: String,
    },
}

/// Why nobody waits for a ticket of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Orphaned {
    /// The journal has no such case: another installation's, or from before the journal was lost.
    UnknownCase,
    /// The step, its escalation or the case is over.
    StepOver,
    /// Its people have been told that it is over, and it is still open.
    StillOpen,
}

/// What is done about what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedies {
    /// Orphans of cases that the journal knows.
    pub orphans: Remedy,
    /// Second tickets.
    pub forks: Remedy,
    /// Tickets of cases that the journal does not know.
    pub strangers: Remedy,
}

/// What is done about one kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Its people are told that it is over; it is closed if nobody holds it.
    Withdraw,
    /// It is read again, and what that shows is judged like every read.
    ReadAgain,
    /// It is shown to operators, and nothing is done.
    Report,
}

/// Holds what is believed of one system against the complete list of what it shows. `known` says whether the
/// journal has a case; `first` is what was first seen of a ticket. Ghosts are only suspected: a list may lag, so
/// each of them has to be read again and [judged](absent) by that.
#[must_use]
pub fn reconcile(
    believed: &[Believed],
    shown: &[OurTicket],
    known: &dyn Fn(&CaseId) -> bool,
    first: &dyn Fn(&TicketId) -> Option<Face>,
) -> Vec<Discrepancy> {
    let mut steps: BTreeMap<&Correlation, Vec<&Believed>> = BTreeMap::new();
    for one in believed {
        steps.entry(&one.correlation).or_default().push(one);
    }
    let mut found = Vec::new();
    for ticket in shown {
        let step = steps.get(&ticket.correlation).map(Vec::as_slice).unwrap_or_default();
        found.extend(stray(ticket, step, known));
        if let Some(current) = step.iter().find(|one| one.awaits(ticket)) {
            found.extend(drifted(current, ticket, first(&ticket.ticket).as_ref()));
        }
    }
    let there: BTreeSet<_> = shown.iter().map(|one| (&one.correlation, &one.ticket)).collect();
    for one in believed.iter().filter(|one| one.belief == Belief::Seen) {
        if let Some(ticket) = &one.ticket
            && !there.contains(&(&one.correlation, ticket))
        {
            let (correlation, ticket) = (one.correlation.clone(), ticket.clone());
            found.push(Discrepancy::Ghost { correlation, ticket });
        }
    }
    found
}

/// What a read says of a ticket that is believed and was missing from a list.
#[must_use]
pub fn absent(believed: &Believed, reading: &Reading) -> Option<Discrepancy> {
    let ticket = believed.ticket.clone()?;
    let correlation = believed.correlation.clone();
    let facts = match &reading.ticket {
        TicketReading::Missing => return Some(Discrepancy::Ghost { correlation, ticket }),
        // Nobody knows. The age of the evidence decides.
        TicketReading::Unreadable { .. } => return None,
        TicketReading::Present(facts) => facts,
    };
    match &facts.standing {
        Standing::Deleted | Standing::Merged { .. } => {
            Some(Discrepancy::Ghost { correlation, ticket })
        }
        _ if facts.correlation.as_ref() != Some(&correlation) => {
            let now = facts.correlation.as_ref().map_or("none".to_owned(), ToString::to_string);
            Some(Discrepancy::Drift { correlation, ticket, field: Drifted::Mark, now })
        }
        // Closed, or open and left out by a list that lags.
        _ => None,
    }
}

/// A ticket that is shown and that no step waits for.
fn stray(
    shown: &OurTicket,
    step: &[&Believed],
    known: &dyn Fn(&CaseId) -> bool,
) -> Option<Discrepancy> {
    let (correlation, ticket) = (shown.correlation.clone(), shown.ticket.clone());
    let held = shown.holder.clone();
    let own = step.iter().find(|one| one.ticket.as_ref() == Some(&ticket));
    match own.map(|one| one.belief) {
        Some(Belief::Asked | Belief::Seen | Belief::Leaving) => return None,
        Some(Belief::Told) => {
            let why = Orphaned::StillOpen;
            return Some(Discrepancy::Orphan { correlation, ticket, why, held });
        }
        None => {}
    }
    let current = step.iter().find(|one| one.belief <= Belief::Seen);
    match current.map(|one| &one.ticket) {
        Some(Some(kept)) => {
            Some(Discrepancy::Fork { correlation, ticket, kept: kept.clone(), held })
        }
        // It is being placed just now, and this may be it.
        Some(None) => None,
        None => {
            let known = correlation.case().is_some_and(|case| known(&case));
            let why = if known { Orphaned::StepOver } else { Orphaned::UnknownCase };
            Some(Discrepancy::Orphan { correlation, ticket, why, held })
        }
    }
}

/// What people changed on a ticket that is waited for.
fn drifted(believed: &Believed, shown: &OurTicket, first: Option<&Face>) -> Vec<Discrepancy> {
    let fields = drift::compared(believed, shown, first).into_iter();
    let changed = fields.filter(|one| one.was != one.now);
    let drift = |one: drift::Compared| Discrepancy::Drift {
        correlation: shown.correlation.clone(),
        ticket: shown.ticket.clone(),
        field: one.field,
        now: one.now,
    };
    changed.map(drift).collect()
}

impl Believed {
    /// Whether this is the ticket whose answer is waited for.
    fn awaits(&self, shown: &OurTicket) -> bool {
        self.belief <= Belief::Seen
            && self.ticket.as_ref() == Some(&shown.ticket)
            && self.correlation == shown.correlation
    }
}

impl Case {
    /// Every ticket that this case believes in, and every step whose ticket is being placed.
    #[must_use]
    pub fn tickets(&self) -> Vec<Believed> {
        let mut all = Vec::new();
        for found in self.escalations.values() {
            let one = |step: &Step, ticket, belief| {
                let plan = found.plan_of(step)?;
                Some(Believed {
                    case: self.id.clone(),
                    escalation: found.id.clone(),
                    correlation: step.correlation.clone(),
                    queue: plan.queue.clone(),
                    ticket,
                    belief,
                    drifted: Vec::new(),
                })
            };
            if self.is_open()
                && let Some((ticket, belief)) = current(found)
            {
                let drifted = found.drifted.clone();
                all.extend(one(&found.step, ticket, belief).map(|one| Believed { drifted, ..one }));
            }
            for (step, ticket) in &found.abandoned {
                all.extend(one(step, Some(ticket.clone()), Belief::Leaving));
            }
            for (step, ticket) in &found.told {
                all.extend(one(step, Some(ticket.clone()), Belief::Told));
            }
        }
        all
    }
}

impl Correlation {
    /// The case that it was made for, if it was made by Belay.
    #[must_use]
    pub fn case(&self) -> Option<CaseId> {
        let (escalation, _) = self.as_str().rsplit_once("/r")?;
        let (case, _) = escalation.rsplit_once("/e")?;
        case.parse().ok()
    }
}

/// The ticket of the step that is being taken.
fn current(found: &Escalation) -> Option<(Option<TicketId>, Belief)> {
    match &found.stage {
        Stage::Opened { .. } => Some((None, Belief::Asked)),
        Stage::Placed { ticket, evidence: None, .. } => Some((Some(ticket.clone()), Belief::Asked)),
        _ => found.ticket().map(|ticket| (Some(ticket.clone()), Belief::Seen)),
    }
}

impl Remedies {
    /// What is done about this one.
    #[must_use]
    pub fn remedy(&self, found: &Discrepancy) -> Remedy {
        match found {
            Discrepancy::Ghost { .. } => Remedy::ReadAgain,
            Discrepancy::Orphan { why: Orphaned::UnknownCase, .. } => self.strangers,
            Discrepancy::Orphan { why: Orphaned::StepOver, .. } => self.orphans,
            Discrepancy::Fork { .. } => self.forks,
            // Its people know; and a field has one writer.
            Discrepancy::Orphan { why: Orphaned::StillOpen, .. } | Discrepancy::Drift { .. } => {
                Remedy::Report
            }
        }
    }
}

impl Default for Remedies {
    /// Tells people what is over, and leaves alone what may belong to somebody else.
    fn default() -> Self {
        Self { orphans: Remedy::Withdraw, forks: Remedy::Withdraw, strangers: Remedy::Report }
    }
}

impl Discrepancy {
    /// Its kind, as it is counted.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ghost { .. } => "ghost",
            Self::Orphan { .. } => "orphan",
            Self::Fork { .. } => "fork",
            Self::Drift { .. } => "drift",
        }
    }

    /// The step that the ticket is for, or says it is for.
    #[must_use]
    pub fn correlation(&self) -> &Correlation {
        match self {
            Self::Ghost { correlation, .. }
            | Self::Orphan { correlation, .. }
            | Self::Fork { correlation, .. }
            | Self::Drift { correlation, .. } => correlation,
        }
    }

    /// The ticket.
    #[must_use]
    pub fn ticket(&self) -> &TicketId {
        match self {
            Self::Ghost { ticket, .. }
            | Self::Orphan { ticket, .. }
            | Self::Fork { ticket, .. }
            | Self::Drift { ticket, .. } => ticket,
        }
    }
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = |held: &Option<PersonId>| {
            held.as_ref().map_or(String::new(), |person| format!("; {person} holds it"))
        };
        match self {
            Self::Ghost { correlation, ticket } => {
                write!(f, "the ticket {ticket} of {correlation} is not there")
            }
            Self::Orphan { correlation, ticket, why, held: by } => {
                let why = match why {
                    Orphaned::UnknownCase => "whose case is not known here",
                    Orphaned::StepOver => "whose step is over",
                    Orphaned::StillOpen => "whose people know that it is over, is still open",
                };
                write!(f, "the ticket {ticket} of {correlation}, {why}{}", held(by))
            }
            Self::Fork { correlation, ticket, kept, held: by } => {
                write!(f, "the ticket {ticket} is a second one for {correlation}, besides {kept}")?;
                f.write_str(&held(by))
            }
            Self::Drift { correlation, ticket, field, now } => {
                write!(f, "{field} of the ticket {ticket} of {correlation} was changed to {now:?}")
            }
        }
    }
}
