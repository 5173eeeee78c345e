//! What agents and people do of their own accord, though nobody waits for it.

use crate::command::{Choice, Cmd};

/// One kind of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whim {
    /// An agent does not want what it is offered.
    Decline,
    /// An agent hands the case on.
    Handoff,
    /// An agent lets go of it.
    Release,
    /// An agent or a person asks for people.
    Escalate,
    /// An agent or a person says that the matter is settled.
    Resolve,
    /// Nobody suitable is found to offer the case to.
    NoCandidate,
    /// Something more becomes known.
    Know,
    /// Another playbook comes into force.
    Reload,
    /// Somebody turns down a write.
    Reject,
    /// Somebody makes another write of it.
    Amend,
    /// Somebody names another person to look at a write instead.
    HandOn,
    /// Somebody takes the case out of the agent's hands.
    TakeOver,
    /// An agent gives up a plan.
    Abandon,
    /// A ticket system refuses a ticket.
    Refuse,
}

impl Whim {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Decline,
        Self::Handoff,
        Self::Release,
        Self::Escalate,
        Self::Resolve,
        Self::NoCandidate,
        Self::Know,
        Self::Reload,
        Self::Reject,
        Self::Amend,
        Self::HandOn,
        Self::TakeOver,
        Self::Abandon,
        Self::Refuse,
    ];

    /// Which one a command is, if it is one.
    pub(crate) fn of(cmd: Cmd) -> Option<Self> {
        Some(match cmd {
            Cmd::Decline { .. } => Self::Decline,
            Cmd::Handoff { .. } => Self::Handoff,
            Cmd::Release { .. } => Self::Release,
            Cmd::Escalate { .. } => Self::Escalate,
            Cmd::Resolve { .. } => Self::Resolve,
            Cmd::NoCandidate => Self::NoCandidate,
            Cmd::Know => Self::Know,
            Cmd::Reload => Self::Reload,
            Cmd::Vote { choice: Choice::Reject, .. } => Self::Reject,
            Cmd::Vote { choice: Choice::Amend, .. } => Self::Amend,
            Cmd::Vote { choice: Choice::HandOn(_), .. } => Self::HandOn,
            Cmd::Vote { choice: Choice::TakeOver, .. } => Self::TakeOver,
            Cmd::Plan { abandon: true, .. } => Self::Abandon,
            Cmd::Refused { .. } => Self::Refuse,
            _ => return None,
        })
    }
}
