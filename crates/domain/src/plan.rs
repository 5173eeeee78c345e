//! Several actions across systems that are consistent only together.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ActionId, ActionStage, Case, ContractId, PlanId, Span, SystemId, Timestamp};

/// A plan and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id, chosen by the agent and unique within the case.
    pub id: PlanId,
    /// Its actions in the order they were proposed.
    pub actions: Vec<ActionId>,
    /// How far it is.
    pub stage: PlanStage,
    /// What its systems have to agree about, as the playbook said when the agent completed it.
    pub equalities: Vec<Equality>,
    /// What the comparison showed by which it was settled.
    pub compared: Vec<Compared>,
}

/// How far a plan is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStage {
    /// Actions are still being added and carried out.
    Open,
    /// The agent says that it is complete; every action is verified once the last one is.
    Complete,
    /// Every action is verified. Whether the systems agree is being read.
    Comparing {
        /// Since when; what was read before says nothing about it.
        since: Timestamp,
        /// When people are told that it cannot be found out.
        until: Timestamp,
        /// Whether they have been.
        told: bool,
    },
    /// Every action is verified, and the systems agree where they have to.
    Verified,
    /// Something failed; what was done is undone in reverse.
    Undoing {
        /// What failed.
        why: String,
    },
    /// Everything that was done is undone.
    Undone,
    /// Something could be neither finished nor undone, or the systems differ; people have it.
    Stuck {
        /// What it is.
        why: String,
    },
}

/// Something about which systems have to agree after a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Equality {
    /// Its name in the dictionary.
    pub name: String,
    /// After which write it has to hold: the name of a contract, whatever its version.
    pub after: String,
    /// Whether a difference is undone by itself. Otherwise people are asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
    /// How long the systems may take to agree; a difference counts at once where they may take none.
    pub settle_within: Span,
    /// How long they may be unreadable after that before people are told.
    pub compare_within: Span,
}

/// What one comparison showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Which equality.
    pub equality: String,
    /// After which write.
    pub action: ActionId,
    /// What was shown.
    pub shown: Comparison,
}

/// What the systems show of the same thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// They agree.
    Equal {
        /// On what, as JSON.
        shown: String,
    },
    /// They do not.
    Different {
        /// Every difference from a source of truth; at least one.
        differences: Vec<Difference>,
    },
    /// One of them could not be read.
    Unreadable {
        /// What happened.
        detail: String,
    },
}

/// One field in which a system differs from the source of truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The canonical object.
    pub object: String,
    /// The field of it.
    pub field: String,
    /// The system that differs.
    pub system: SystemId,
    /// By what that system finds its record; empty where it has none.
    pub id: String,
    /// What it should be, in the dictionary's words.
    pub expected: String,
    /// According to which system.
    pub truth: SystemId,
    /// What it is, in the dictionary's words where it has any.
    pub found: String,
    /// Which version of the dictionary's mapping read it.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub mapping: u32,
}

impl Case {
    /// What has to be compared before a plan counts as verified: each of its equalities, for each verified write that
    /// it follows.
    #[must_use]
    pub fn comparisons(&self, plan: &PlanId) -> Vec<(&Equality, &ActionId)> {
        let Some(plan) = self.plans.get(plan) else { return Vec::new() };
        let verified = plan.actions.iter().filter_map(|id| self.actions.get(id));
        let verified =
            verified.filter(|action| matches!(action.stage, ActionStage::Verified { .. }));
        verified
            .flat_map(|action| {
                let name = name_of(&action.contract);
                let after = plan.equalities.iter().filter(move |one| one.after == name);
                after.map(|equality| (equality, &action.id))
            })
            .collect()
    }
}

impl Plan {
    /// A plan of which nothing else is known.
    pub(crate) fn new(id: PlanId, stage: PlanStage) -> Self {
        let (actions, equalities, compared) = Default::default();
        Self { id, actions, stage, equalities, compared }
    }

    /// When time alone changes it.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.stage {
            PlanStage::Comparing { until, told: false, .. } => Some(until),
            PlanStage::Comparing { told: true, .. }
            | PlanStage::Open
            | PlanStage::Complete
            | PlanStage::Verified
            | PlanStage::Undoing { .. }
            | PlanStage::Undone
            | PlanStage::Stuck { .. } => None,
        }
    }
}

/// A contract's name without its version.
fn name_of(contract: &ContractId) -> &str {
    contract.as_str().split_once('@').map_or(contract.as_str(), |(name, _)| name)
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_first(mapping: &u32) -> bool {
    *mapping == 1
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, field, system, id, expected, truth, found, mapping: _ } = self;
        write!(f, "{object}.{field} is {found} in {system}")?;
        if !id.is_empty() {
            write!(f, " ({id})")?;
        }
        write!(f, " and {expected} in {truth}")
    }
}
