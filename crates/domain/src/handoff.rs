//! How a case passes from one owner to another: looked for, offered, accepted. Until the receiver accepts, the
//! sender still holds the case.

use serde::{Deserialize, Serialize};

use crate::{AgentId, HandoffId, Target, Timestamp};

/// A fitting agent is being looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// Who would fit.
    pub target: Target,
    /// Who has had an offer and did not take it.
    pub tried: Vec<AgentId>,
    /// When people are asked instead.
    pub until: Timestamp,
    /// Why the case is being routed, for people.
    pub why: String,
}

/// One agent has been offered the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The handoff.
    pub handoff: HandoffId,
    /// To whom.
    pub to: AgentId,
    /// Until when it may answer.
    pub until: Timestamp,
}
