//! A human decision on one action, bound to exactly what the people were shown (`APR-1`, `APR-7`).

use serde::{Deserialize, Serialize};

use crate::{ApprovalTerms, Digest, EscalationId, PersonId, Timestamp};

/// A decision being asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The escalation by which people are asked.
    pub escalation: EscalationId,
    /// What people decide on: tenant, case, epoch, action, input, snapshot and playbook in one digest.
    pub binding: Digest,
    /// What is needed.
    pub terms: ApprovalTerms,
    /// When it expires, which is a denial (`APR-6`).
    pub until: Timestamp,
    /// Who has approved so far; one person counts once.
    pub votes: Vec<Vote>,
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// What they said about it.
    pub note: String,
}

/// How an approval ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Enough people approved.
    Approved,
    /// A person said no.
    Rejected,
    /// A person changed the input; it is decided again from the start.
    Amended,
    /// Nobody decided in time.
    Expired,
    /// What was asked about has changed or gone.
    Superseded,
}

impl Approval {
    /// Whether enough distinct people have approved.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.votes.len() >= self.terms.quorum as usize
    }
}
