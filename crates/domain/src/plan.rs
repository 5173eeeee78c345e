//! Several actions across systems that are consistent only together.

use serde::{Deserialize, Serialize};

use crate::{ActionId, PlanId};

/// A plan and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id, chosen by the agent and unique within the case.
    pub id: PlanId,
    /// Its actions in the order they were proposed.
    pub actions: Vec<ActionId>,
    /// How far it is.
    pub stage: PlanStage,
}

/// How far a plan is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStage {
    /// Actions are still being added and carried out.
    Open,
    /// The agent says that it is complete; every action is verified once the last one is.
    Complete,
    /// Every action is verified.
    Verified,
    /// Something failed; what was done is undone in reverse.
    Undoing {
        /// What failed.
        why: String,
    },
    /// Everything that was done is undone.
    Undone,
    /// Something could be neither finished nor undone; people have it.
    Stuck {
        /// What it is.
        why: String,
    },
}
