//! Who owns a case. At every moment exactly one owner (`OWN-1`), numbered by an epoch that only grows (`OWN-3`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AgentId, Digest, EscalationId, PermitId, PersonId, QueueRef, Timestamp};

/// The number of an ownership. A command that names an older one comes from an owner that has lost the case.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// Who owns a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Belay itself, while it looks for somebody.
    Supervisor {
        /// Since when.
        since: Timestamp,
    },
    /// An agent, as long as it shows progress on this case.
    Agent {
        /// Which.
        agent: AgentId,
        /// The SHA-256 thumbprint of the certificate with which it took the case; permits are bound to it.
        key: Digest,
        /// When it accepted.
        since: Timestamp,
        /// Until when it holds the case without a further sign of progress (`COV-7`).
        lease_until: Timestamp,
    },
    /// A human queue in which a person took the ticket.
    Queue {
        /// The escalation whose evidence proves it.
        escalation: EscalationId,
        /// The queue.
        queue: QueueRef,
        /// The person.
        person: PersonId,
        /// Since when.
        since: Timestamp,
    },
}

/// The grant to execute one action once, with exactly one input, by one certificate (`PRM-1`, `PRM-2`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitGrant {
    /// Its id, consumed once.
    pub permit: PermitId,
    /// Who may use it.
    pub agent: AgentId,
    /// With which certificate: its SHA-256 thumbprint.
    pub key: Digest,
    /// For which input.
    pub input_digest: Digest,
    /// Under which ownership.
    pub epoch: Epoch,
    /// Until when.
    pub expires: Timestamp,
}

impl Epoch {
    /// The next one. Agents name epochs, also such as have none after them.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supervisor { .. } => f.write_str("the supervisor"),
            Self::Agent { agent, .. } => write!(f, "agent {agent}"),
            Self::Queue { queue, person, .. } => write!(f, "{person} of {queue}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Epoch;

    #[test]
    fn the_last_epoch_that_can_be_named_is_no_crash() {
        assert_eq!(Epoch(1).next(), Epoch(2));
        assert_eq!(Epoch(u64::MAX).next(), Epoch(u64::MAX));
    }
}
