//! `agents.yaml` and `boundaries/*.yaml`: who there is, and what each may propose.

use std::collections::BTreeMap;

use belay_domain::{AgentId, BoundaryId, ContractId, PersonId, RoleId, SystemId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::{Amount, ContractText, Id, Length};

/// The roles and the agents that serve them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentsFile {
    /// What agents are there for.
    #[schemars(with = "BTreeMap<String, String>")]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) roles: BTreeMap<RoleId, String>,
    /// The agents, by the name their certificate proves.
    #[schemars(with = "BTreeMap<String, AgentRule>")]
    pub(crate) agents: BTreeMap<AgentId, AgentRule>,
}

/// One agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentRule {
    /// What it is there for.
    #[schemars(with = "Vec<Id>", length(min = 1))]
    pub(crate) roles: Vec<RoleId>,
    /// What it may propose.
    #[schemars(with = "Id")]
    pub(crate) boundary: BoundaryId,
    /// The people who run it. They may not approve what it proposes.
    #[schemars(with = "Vec<Id>", length(min = 1))]
    pub(crate) operators: Vec<PersonId>,
}

/// What an agent may propose. Everything else it may not.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoundaryFile {
    /// Its name.
    #[schemars(with = "Id")]
    pub(crate) name: BoundaryId,
    /// What it is for.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// These contracts.
    #[schemars(with = "Vec<ContractText>")]
    pub(crate) contracts: Vec<ContractId>,
    /// Only in these systems, when it is given.
    #[schemars(with = "Option<Vec<Id>>")]
    pub(crate) systems: Option<Vec<SystemId>>,
    /// The most that one action may move.
    pub(crate) max_amount: Option<Amount>,
    /// How many actions over time, for each agent.
    #[serde(default)]
    pub(crate) rates: Vec<RateRule>,
}

/// How many actions over time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateRule {
    /// Its name.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,80}$"))]
    pub(crate) name: String,
    /// How far it looks back.
    pub(crate) window: Length,
    /// The most actions, this one included.
    #[schemars(range(min = 1))]
    pub(crate) count: u64,
}
