//! What an agent is told, in the words of the domain. It gets its wire form only where it is sent.

use std::sync::Arc;

use belay_domain::{
    Action, ActionId, Case, CaseId, ContextEntry, Digest, Epoch, HandoffId, PermitId, Reason, Span,
    Timestamp,
};

use crate::wire::Fault;

/// One thing that an agent is told.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// A case is on offer.
    Offered {
        /// The case as it is offered.
        case: Arc<Case>,
        /// The handoff.
        handoff: HandoffId,
    },
    /// A case is no longer on offer.
    Withdrawn {
        /// The case.
        case: CaseId,
        /// The handoff.
        handoff: HandoffId,
        /// Why, for people.
        why: String,
    },
    /// The agent holds a case.
    Assigned {
        /// The case.
        case: CaseId,
        /// Under which epoch.
        epoch: Epoch,
        /// Until when.
        lease_until: Timestamp,
        /// How long each sign of progress keeps it.
        lease: Span,
        /// Everything about it, for an agent that may have lost what it knew.
        restated: Option<Arc<Case>>,
    },
    /// Whom a case is about, as far as it could be found out.
    Identified {
        /// The case.
        case: CaseId,
        /// The finding.
        found: Box<belay_domain::Identification>,
    },
    /// The agent holds a case for longer.
    Renewed {
        /// The case.
        case: CaseId,
        /// Under which epoch.
        epoch: Epoch,
        /// Until when.
        lease_until: Timestamp,
    },
    /// The agent does not hold a case any more.
    Lost {
        /// The case.
        case: CaseId,
        /// The epoch that is over for it.
        epoch: Epoch,
        /// Why.
        loss: Loss,
    },
    /// How a proposal was ruled.
    Decided {
        /// The case.
        case: CaseId,
        /// The action.
        action: Arc<Action>,
        /// The ruling.
        ruled: Ruled,
    },
    /// A write may be carried out.
    Permitted {
        /// The case.
        case: CaseId,
        /// The action.
        action: Arc<Action>,
        /// The signed permit.
        token: Token,
    },
    /// A write is to be carried out now.
    Started {
        /// The action.
        action: ActionId,
        /// The permit that was consumed.
        permit: PermitId,
        /// Which attempt.
        attempt: u32,
        /// Until when an outcome is waited for.
        until: Timestamp,
    },
    /// What became of an action.
    Result {
        /// The case.
        case: CaseId,
        /// The action.
        action: Arc<Action>,
    },
    /// More is known.
    Known {
        /// The case.
        case: CaseId,
        /// What was added, each with its place.
        entries: Vec<(u64, Arc<ContextEntry>)>,
        /// The digest of the whole context.
        digest: Digest,
    },
    /// A case is resolved.
    Closed {
        /// The case.
        case: Arc<Case>,
    },
    /// A message was carried out that has no reply of its own.
    Done {
        /// The id of what came of it, if anything did.
        id: String,
    },
    /// A message was refused, and nothing changed.
    Refused(Fault),
}

/// How a proposal was ruled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruled {
    /// No, for these reasons.
    Denied {
        /// Every reason.
        reasons: Vec<Reason>,
        /// The action on the same case that is the same write with the same input.
        duplicate_of: Option<ActionId>,
    },
    /// It would have been allowed, and its contract does not write.
    Shadowed,
    /// People are asked.
    Awaiting {
        /// Until when they can decide, if they still can.
        until: Option<Timestamp>,
    },
    /// Yes.
    Authorized,
}

/// Why an agent does not hold a case any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// No progress was reported in time.
    Expired,
    /// Another agent accepted it.
    HandedOff,
    /// A person acknowledged it.
    TakenByPerson,
    /// The case is resolved.
    Closed,
    /// The case was merged into another.
    Merged,
    /// It was never held so.
    NotHeld,
}

/// A signed permit. It opens doors, so it never shows itself in a log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(Arc<str>);

/// A notice on its way.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// What it says.
    pub(crate) notice: Notice,
    /// The message of the agent that it answers; 0 for none.
    pub(crate) in_reply_to: u64,
    /// The span it belongs to.
    pub(crate) trace: Option<String>,
}

impl Token {
    /// The token of a signed permit.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The token itself, for the one message that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Letter {
    /// A notice that comes by itself, as part of the current span.
    pub(crate) fn by_itself(notice: Notice) -> Self {
        Self { notice, in_reply_to: 0, trace: belay_transport::telemetry::traceparent() }
    }

    /// A notice that answers a message.
    pub(crate) fn reply(to: u64, notice: Notice) -> Self {
        Self { in_reply_to: to, ..Self::by_itself(notice) }
    }
}

impl Notice {
    /// Whether it is about this moment only: it needs no credit, is not acknowledged and never sent again.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Renewed { .. } | Self::Lost { .. })
    }
}

impl Loss {
    /// The same for people.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::Expired => "no progress was reported in time",
            Self::HandedOff => "another agent accepted the case",
            Self::TakenByPerson => "a person took the case",
            Self::Closed => "the case is resolved",
            Self::Merged => "the case was merged into another",
            Self::NotHeld => "the case is not held under this epoch",
        }
    }
}
