//! Why a stream ends, and what its end means for the session.

use crate::wire::Fault;

/// Why a stream ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Farewell {
    /// The agent closed its half.
    Done,
    /// The supervisor is shutting down in order.
    Draining,
    /// The connection has reached its age.
    TooOld,
    /// The same agent connected again.
    Replaced,
    /// The agent let messages wait too long.
    TooSlow,
    /// The playbook no longer knows the agent.
    Revoked,
    /// The agent broke the rules of the stream.
    Broken(Fault),
}

impl Farewell {
    /// Whether what waits and has credit is sent first.
    pub(super) fn is_patient(&self) -> bool {
        matches!(self, Self::Done | Self::Draining | Self::TooOld)
    }

    /// Whether no later stream may go on.
    pub(super) fn ends_session(&self) -> bool {
        matches!(self, Self::Replaced | Self::TooSlow | Self::Revoked | Self::Broken(_))
    }
}
