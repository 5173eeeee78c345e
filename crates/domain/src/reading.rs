//! What an outside system showed when it was read. Facts only; what they prove is judged in
//! [`evidence`](crate::evidence).
//!
//! An adapter fills these in from one read of a ticket, its history and its queue. What it could not read it
//! leaves as unreadable or unknown; it never guesses.

use std::fmt;

use belay_planted::{Bug, planted};
use serde::{Deserialize, Serialize};

use crate::{CaseId, Correlation, PersonId, QueueId, ResolutionCode, TicketId};

/// One look at a ticket and its queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The ticket.
    pub ticket: TicketReading,
    /// The queue in which we want it; none if it could not be read.
    pub queue: Option<QueueFacts>,
}

/// What the look at the ticket showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketReading {
    /// The system says that there is no such ticket, or answers as if it had never heard of it.
    Missing,
    /// The system did not answer, or refused us.
    Unreadable {
        /// What happened, for people.
        detail: String,
    },
    /// The ticket.
    Present(Box<TicketFacts>),
}

/// A ticket as its system shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketFacts {
    /// The id that the answer itself carries.
    pub ticket: TicketId,
    /// The case we wrote on it.
    pub case: Option<CaseId>,
    /// The correlation id we wrote on it; what proves that the ticket is ours and for this step.
    pub correlation: Option<Correlation>,
    /// The queue it is in.
    pub queue: QueueId,
    /// Its state, through the operator's mapping.
    pub standing: Standing,
    /// Grows with every change of the ticket: a version, the id of the latest transaction.
    pub revision: u64,
    /// Whose it is now, if anybody's.
    pub holder: Option<Actor>,
    /// What was done to it since it was created, oldest first, in the system's own order (not by its clock).
    pub acts: Vec<Act>,
    /// How it was resolved, if it was.
    pub resolution: Option<TicketResolution>,
}

/// A ticket's state as far as Belay cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Waiting or being worked on.
    Open,
    /// Closed with success.
    Resolved,
    /// Closed in another way: rejected, cancelled.
    Rejected,
    /// Deleted, or in a bin.
    Deleted,
    /// Joined to another ticket.
    Merged {
        /// The other ticket.
        into: TicketId,
    },
    /// A state that the mapping does not name.
    Unknown {
        /// As the system calls it.
        raw: String,
    },
}

/// Somebody or something that did something to a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// As its system knows it.
    pub name: PersonId,
    /// What it is.
    pub kind: ActorKind,
}

/// What an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person.
    Person,
    /// An automation, an integration user.
    Machine,
    /// Belay's own account there.
    Ourselves,
    /// Not to be told.
    Unknown,
}

/// One thing that was done to a ticket after its creation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// By whom.
    pub actor: Actor,
    /// What.
    pub kind: ActKind,
}

/// The kinds of acts that matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// Took it: became its holder, or acknowledged it, by an act of their own.
    Took,
    /// Gave it to somebody else.
    Assigned {
        /// To whom.
        to: PersonId,
    },
    /// Gave it back; it is nobody's.
    GaveBack,
    /// Wrote to the customer.
    Replied,
    /// Wrote a note.
    Noted,
    /// Changed its state.
    ChangedState,
    /// Moved it to another queue.
    Moved,
    /// Anything else.
    Other,
}

/// How a ticket was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketResolution {
    /// By whom, if that is to be told.
    pub actor: Option<Actor>,
    /// The code, if it is one.
    pub code: Option<ResolutionCode>,
    /// What was written.
    pub note: String,
    /// What was left with it: addresses, and references to attachments as the system names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

/// A queue and those who work on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueFacts {
    /// Its id.
    pub queue: QueueId,
    /// Whether it takes tickets.
    pub enabled: bool,
    /// Who is on it.
    pub staff: Vec<StaffMember>,
}

/// One who is on a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffMember {
    /// As the system knows them.
    pub name: PersonId,
    /// What they are.
    pub kind: ActorKind,
    /// Whether the account may be used.
    pub enabled: bool,
    /// Whether they have the right to take tickets of this queue.
    pub may_take: bool,
    /// Whether they are on shift; none where the system knows no shifts.
    pub on_shift: Option<bool>,
}

/// Why nobody can be reached through a queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreachable {
    /// The queue takes no tickets.
    #[error("the queue {queue} is disabled")]
    Disabled {
        /// The queue.
        queue: QueueId,
    },
    /// The queue has no members.
    #[error("nobody is on the queue {queue}")]
    Nobody {
        /// The queue.
        queue: QueueId,
    },
    /// It has members, and none of them is an enabled person who may take its tickets.
    #[error("nobody on the queue {queue} is an enabled person who may take its tickets")]
    NobodyAble {
        /// The queue.
        queue: QueueId,
    },
    /// Those who could are all off shift.
    #[error("nobody on the queue {queue} is on shift")]
    NobodyOnShift {
        /// The queue.
        queue: QueueId,
    },
}

impl Reading {
    /// What was read of the queue we want the ticket in. Facts about another queue are no facts about this one.
    #[must_use]
    pub fn queue_of(&self, wanted: &QueueId) -> Option<&QueueFacts> {
        self.queue.as_ref().filter(|facts| facts.queue == *wanted)
    }
}

impl QueueFacts {
    /// Whether somebody can be reached here (E3): an enabled person who may take tickets, on shift where
    /// shifts are known.
    pub fn reachable(&self) -> Result<(), Unreachable> {
        let queue = || self.queue.clone();
        if !self.enabled {
            return Err(Unreachable::Disabled { queue: queue() });
        }
        if self.staff.is_empty() {
            return Err(Unreachable::Nobody { queue: queue() });
        }
        let mut able = self.staff.iter().filter(|member| member.is_able()).peekable();
        if able.peek().is_none() {
            return Err(Unreachable::NobodyAble { queue: queue() });
        }
        if able.all(|member| member.on_shift == Some(false)) {
            return Err(Unreachable::NobodyOnShift { queue: queue() });
        }
        Ok(())
    }

    /// The entry of one who is on this queue.
    #[must_use]
    pub fn member(&self, name: &PersonId) -> Option<&StaffMember> {
        self.staff.iter().find(|member| member.name == *name)
    }
}

impl StaffMember {
    /// Whether this is an enabled person who may take tickets.
    #[must_use]
    pub fn is_able(&self) -> bool {
        self.kind.is_person() && self.enabled && self.may_take
    }
}

impl ActorKind {
    /// Whether this is somebody who can answer for a case (`COV-5`).
    #[must_use]
    pub fn is_person(self) -> bool {
        match self {
            Self::Person => true,
            Self::Machine => planted(Bug::MachineAcknowledges),
            Self::Ourselves | Self::Unknown => false,
        }
    }
}

impl ActKind {
    /// Whether a person who does this is working on the ticket (E5).
    #[must_use]
    pub fn is_work(&self) -> bool {
        matches!(self, Self::Replied | Self::Noted | Self::ChangedState)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Resolved => f.write_str("resolved"),
            Self::Rejected => f.write_str("rejected"),
            Self::Deleted => f.write_str("deleted"),
            Self::Merged { into } => write!(f, "merged into {into}"),
            Self::Unknown { raw } => write!(f, "unknown ({raw})"),
        }
    }
}
