//! What a read-back proves. The only place in which evidence is made.
//!
//! A reading is held against what we expect: our ticket, for this step, in this queue, open, with a person of
//! the queue's staff who took it by an act of their own. Whatever does not fit is a doubt with a name, and a
//! doubt is never cover. The ways in which human queues mislead are listed in the design's catalogue; each of
//! them ends as one of the doubts below.

use std::fmt;

use belay_planted::{Bug, planted};
use serde::{Deserialize, Serialize};

use crate::reading::{
    Act, ActKind, Actor, QueueFacts, Reading, Standing, TicketFacts, TicketReading, Unreachable,
};
use crate::{
    CaseId, Correlation, PersonId, QueueId, QueueRef, ResolutionCode, Span, TicketId, Timestamp,
    after,
};

/// How much has been shown, from "we decided to ask" to "a person resolved it".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// We decided to ask; nobody outside knows.
    E0,
    /// The system answered our request with success. Proves nothing.
    E1,
    /// An independent read shows the ticket as we asked for it.
    E2,
    /// Somebody can take it.
    E3,
    /// A person of the staff took it by an act of their own.
    E4,
    /// That person has done something since.
    E5,
    /// A person closed it with a resolution that the taxonomy knows.
    E6,
}

/// What one read-back showed, and until when that may be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    level: Level,
    queue: QueueRef,
    ticket: TicketId,
    correlation: Correlation,
    revision: u64,
    actor: Option<PersonId>,
    works: u32,
    sent_at: Timestamp,
    valid_until: Timestamp,
}

/// What a reading is held against.
pub(crate) struct Expected<'a> {
    pub(crate) case: &'a CaseId,
    pub(crate) correlation: &'a Correlation,
    pub(crate) ticket: &'a TicketId,
    pub(crate) queue: &'a QueueRef,
    pub(crate) freshness: Span,
    pub(crate) known: &'a dyn Fn(&ResolutionCode) -> bool,
    /// How many tickets its holder took together with this one.
    pub(crate) together: u32,
    /// How many of them are believed without any work; none if it does not matter.
    pub(crate) together_most: Option<u32>,
}

/// Why a reading is not what we hoped for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// There is no such ticket.
    #[error("the ticket {ticket} is not there")]
    Missing {
        /// The ticket.
        ticket: TicketId,
    },
    /// The system could not be read.
    #[error("the ticket cannot be read: {detail}")]
    Unreadable {
        /// What happened.
        detail: String,
    },
    /// The ticket that was read is another one, or not marked as ours for this step.
    #[error("the ticket that was read is not the one that was placed: {detail}")]
    NotOurs {
        /// What differs.
        detail: String,
    },
    /// It is in another queue.
    #[error("the ticket is in the queue {found}")]
    Elsewhere {
        /// Where it is.
        found: QueueId,
    },
    /// It is closed, merged or deleted, or in a state that nobody mapped.
    #[error("the ticket is {standing}")]
    NotOpen {
        /// Its state.
        standing: Standing,
    },
    /// It was closed by something that is not a person of the staff.
    #[error("the ticket was closed by {actor}, who is no person of its staff")]
    ClosedByOther {
        /// By whom, or `nobody named`.
        actor: String,
    },
    /// It was closed without a resolution that the taxonomy knows.
    #[error("the ticket was closed without a known resolution code")]
    NoResolution,
    /// The queue could not be read, so nobody knows who is on it.
    #[error("the queue cannot be read")]
    QueueUnreadable,
    /// Nobody can be reached there.
    #[error(transparent)]
    Unreachable(Unreachable),
    /// Nobody holds it any more.
    #[error("nobody holds the ticket any more")]
    GivenBack,
    /// It is held by a machine, by ourselves, or by something of unknown kind.
    #[error("{actor} holds the ticket and is no person")]
    HeldByMachine {
        /// The holder.
        actor: PersonId,
    },
    /// It is held by somebody who is not of the staff, or may not act.
    #[error("{actor} holds the ticket and is not on duty for this queue")]
    HeldByOutsider {
        /// The holder.
        actor: PersonId,
    },
    /// It has a holder who never took it: set at creation, or assigned by somebody else.
    #[error("{actor} was made the holder and has not taken the ticket")]
    NeverTaken {
        /// The holder.
        actor: PersonId,
    },
    /// A person took it with so many others at once that taking it shows nothing (the catalogue's row 21).
    #[error("{actor} took {tickets} tickets at once and has done nothing on this one yet")]
    SweptUp {
        /// The holder.
        actor: PersonId,
        /// How many.
        tickets: u32,
    },
    /// A person took it and then left it alone for too long.
    #[error("nothing has been done on the ticket since it was taken")]
    Idle,
    /// A person took it to decide, and did not.
    #[error("nothing has been decided since the ticket was taken")]
    Undecided,
    /// No look has succeeded for as long as evidence stays fresh.
    #[error("the evidence is too old")]
    Stale,
    /// The same, and why looks failed: an outage, a credential that was not accepted.
    #[error("the evidence is too old, because the ticket could not be read: {detail}")]
    Unread {
        /// What happened at the first look that failed.
        detail: String,
    },
}

impl Evidence {
    /// How much was shown.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The queue it was shown in.
    #[must_use]
    pub fn queue(&self) -> &QueueRef {
        &self.queue
    }

    /// The ticket it was shown on.
    #[must_use]
    pub fn ticket(&self) -> &TicketId {
        &self.ticket
    }

    /// The step for which the ticket was placed.
    #[must_use]
    pub fn correlation(&self) -> &Correlation {
        &self.correlation
    }

    /// The ticket's revision that was read (`COV-4`).
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The person who holds it.
    #[must_use]
    pub fn actor(&self) -> Option<&PersonId> {
        self.actor.as_ref()
    }

    /// When the read was sent; what it shows was true at that moment or after (`COV-3`).
    #[must_use]
    pub fn sent_at(&self) -> Timestamp {
        self.sent_at
    }

    /// Until when it may be believed (`COV-3`).
    #[must_use]
    pub fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// How many things the holder has done since taking it.
    #[must_use]
    pub fn works(&self) -> u32 {
        self.works
    }
}

/// Judges one reading whose request was sent at `sent_at`.
pub(crate) fn judge(
    expected: &Expected<'_>,
    reading: &Reading,
    sent_at: Timestamp,
) -> Result<Evidence, Doubt> {
    let facts = match &reading.ticket {
        TicketReading::Missing => return Err(Doubt::Missing { ticket: expected.ticket.clone() }),
        TicketReading::Unreadable { detail } => {
            return Err(Doubt::Unreadable { detail: detail.clone() });
        }
        TicketReading::Present(facts) => facts,
    };
    ours(expected, facts)?;
    let queue = reading.queue_of(&expected.queue.queue).ok_or(Doubt::QueueUnreadable);
    let shown = |level, actor, works| evidence(expected, facts, sent_at, level, actor, works);
    match &facts.standing {
        Standing::Open => {}
        Standing::Merged { .. } if planted(Bug::EvidenceSurvivesMerge) => {}
        Standing::Resolved => {
            let closer = resolved(expected, facts, queue?)?;
            return Ok(shown(Level::E6, Some(closer), 0));
        }
        standing => return Err(Doubt::NotOpen { standing: standing.clone() }),
    }
    let Ok(queue) = queue else {
        return Ok(shown(Level::E2, None, 0));
    };
    let Some(holder) = &facts.holder else {
        return Ok(shown(untaken_level(queue), None, 0));
    };
    taken(facts, holder, queue)?;
    let works = works_since_taken(facts, &holder.name);
    if works == 0 && expected.together_most.is_some_and(|most| expected.together > most) {
        let (actor, tickets) = (holder.name.clone(), expected.together);
        return Err(Doubt::SweptUp { actor, tickets });
    }
    let level = if works > 0 { Level::E5 } else { Level::E4 };
    Ok(shown(level, Some(holder.name.clone()), works))
}

/// What a doubted reading shows all the same: our ticket, open, where we want it, and in the wrong hands. The
/// staff can still take it.
pub(crate) fn untaken(
    expected: &Expected<'_>,
    reading: &Reading,
    sent_at: Timestamp,
    doubt: &Doubt,
) -> Option<Evidence> {
    let wrong_hands = matches!(
        doubt,
        Doubt::HeldByMachine { .. }
            | Doubt::HeldByOutsider { .. }
            | Doubt::NeverTaken { .. }
            | Doubt::SweptUp { .. }
    );
    let TicketReading::Present(facts) = &reading.ticket else { return None };
    let queue = reading.queue_of(&expected.queue.queue)?;
    wrong_hands.then(|| evidence(expected, facts, sent_at, untaken_level(queue), None, 0))
}

fn untaken_level(queue: &QueueFacts) -> Level {
    if queue.reachable().is_ok() { Level::E3 } else { Level::E2 }
}

fn evidence(
    expected: &Expected<'_>,
    facts: &TicketFacts,
    sent_at: Timestamp,
    level: Level,
    actor: Option<PersonId>,
    works: u32,
) -> Evidence {
    Evidence {
        level,
        queue: expected.queue.clone(),
        ticket: facts.ticket.clone(),
        correlation: expected.correlation.clone(),
        revision: facts.revision,
        actor,
        works,
        sent_at,
        valid_until: after(sent_at, expected.freshness),
    }
}

/// The ticket is the one that was placed, marked as ours, where we wanted it.
fn ours(expected: &Expected<'_>, facts: &TicketFacts) -> Result<(), Doubt> {
    if let Standing::Merged { .. } = facts.standing
        && !planted(Bug::EvidenceSurvivesMerge)
    {
        return Err(Doubt::NotOpen { standing: facts.standing.clone() });
    }
    if facts.ticket != *expected.ticket {
        return Err(Doubt::NotOurs {
            detail: format!("its id is {} instead of {}", facts.ticket, expected.ticket),
        });
    }
    if facts.correlation.as_ref() != Some(expected.correlation) {
        return Err(Doubt::NotOurs { detail: "it does not carry our correlation id".to_owned() });
    }
    if facts.case.as_ref() != Some(expected.case) {
        return Err(Doubt::NotOurs { detail: "it does not carry our case id".to_owned() });
    }
    if facts.queue != expected.queue.queue && !planted(Bug::QueueUnchecked) {
        return Err(Doubt::Elsewhere { found: facts.queue.clone() });
    }
    Ok(())
}

/// A person of the staff closed it with a code we know (E6).
fn resolved(
    expected: &Expected<'_>,
    facts: &TicketFacts,
    queue: &QueueFacts,
) -> Result<PersonId, Doubt> {
    let resolution = facts.resolution.as_ref().ok_or(Doubt::NoResolution)?;
    let closer = resolution
        .actor
        .as_ref()
        .ok_or_else(|| Doubt::ClosedByOther { actor: "nobody named".to_owned() })?;
    let staff = queue.member(&closer.name).is_some_and(|member| member.kind.is_person());
    if !closer.kind.is_person() || !staff {
        return Err(Doubt::ClosedByOther { actor: closer.name.to_string() });
    }
    match &resolution.code {
        Some(code) if (expected.known)(code) => Ok(closer.name.clone()),
        _ => Err(Doubt::NoResolution),
    }
}

/// The holder is a person of the staff, able and on duty, and took it by an act of their own (`COV-5`).
fn taken(facts: &TicketFacts, holder: &Actor, queue: &QueueFacts) -> Result<(), Doubt> {
    let actor = holder.name.clone();
    if !holder.kind.is_person() {
        return Err(Doubt::HeldByMachine { actor });
    }
    if !queue.enabled {
        return Err(Doubt::Unreachable(Unreachable::Disabled { queue: queue.queue.clone() }));
    }
    match queue.member(&holder.name) {
        Some(member) if !member.kind.is_person() => {
            return Err(Doubt::HeldByMachine { actor });
        }
        Some(member) if member.is_able() && member.on_shift != Some(false) => {}
        _ => return Err(Doubt::HeldByOutsider { actor }),
    }
    if take_of(facts, &holder.name).is_none() {
        return Err(Doubt::NeverTaken { actor });
    }
    Ok(())
}

/// The position of the act by which `holder` took the ticket, if nothing undid it since.
fn take_of(facts: &TicketFacts, holder: &PersonId) -> Option<usize> {
    let taken = facts.acts.iter().rposition(|act| is_take(act, holder))?;
    let undone = facts.acts.iter().skip(taken + 1).any(|act| match &act.kind {
        ActKind::GaveBack | ActKind::Assigned { .. } => true,
        ActKind::Took => act.actor.name != *holder,
        _ => false,
    });
    (!undone).then_some(taken)
}

fn is_take(act: &Act, holder: &PersonId) -> bool {
    act.kind == ActKind::Took && act.actor.name == *holder && act.actor.kind.is_person()
}

fn works_since_taken(facts: &TicketFacts, holder: &PersonId) -> u32 {
    let Some(taken) = take_of(facts, holder) else { return 0 };
    let works = facts
        .acts
        .iter()
        .skip(taken + 1)
        .filter(|act| act.actor.name == *holder && act.kind.is_work())
        .count();
    u32::try_from(works).unwrap_or(u32::MAX)
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
