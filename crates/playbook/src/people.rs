//! The agents with their roles, boundaries and operators.

use std::collections::BTreeMap;

use belay_domain::{AgentId, BoundaryId, ContractId, Money, PersonId, RoleId, Span, SystemId};

use crate::check::Check;
use crate::format::{AgentsFile, BoundaryFile};

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) roles: Vec<RoleId>,
    pub(crate) boundary: BoundaryId,
    pub(crate) operators: Vec<PersonId>,
}

/// What an agent may propose.
#[derive(Debug)]
pub(crate) struct Boundary {
    pub(crate) name: BoundaryId,
    pub(crate) contracts: Vec<ContractId>,
    pub(crate) systems: Option<Vec<SystemId>>,
    pub(crate) max_amount: Option<Money>,
    pub(crate) rates: Vec<Rate>,
}

/// How many actions over time.
#[derive(Debug)]
pub(crate) struct Rate {
    pub(crate) name: String,
    pub(crate) window: Span,
    pub(crate) count: u64,
}

/// Compiles `agents.yaml`.
pub(crate) fn agents(check: &mut Check<'_>, file: AgentsFile) -> BTreeMap<AgentId, Agent> {
    for (id, rule) in &file.agents {
        let pointer = crate::json::child("/agents", id.as_str());
        for (index, role) in rule.roles.iter().enumerate() {
            check.known(&format!("{pointer}/roles/{index}"), "role", role.as_str(), |names| {
                names.roles.as_ref()
            });
        }
        let boundary = format!("{pointer}/boundary");
        check.known(&boundary, "boundary", rule.boundary.as_str(), |names| {
            names.boundaries.as_ref()
        });
    }
    let agents = file.agents.into_iter();
    agents
        .map(|(id, rule)| {
            let agent =
                Agent { roles: rule.roles, boundary: rule.boundary, operators: rule.operators };
            (id, agent)
        })
        .collect()
}

/// Compiles a boundary.
pub(crate) fn boundary(check: &mut Check<'_>, file: BoundaryFile) -> Boundary {
    for (index, contract) in file.contracts.iter().enumerate() {
        check.known(&format!("/contracts/{index}"), "contract", contract.as_str(), |names| {
            names.contracts.as_ref()
        });
    }
    for (index, system) in file.systems.iter().flatten().enumerate() {
        check.known_system(&format!("/systems/{index}"), system.as_str());
    }
    Boundary {
        name: file.name,
        contracts: file.contracts,
        systems: file.systems,
        max_amount: file.max_amount.map(|amount| amount.0),
        rates: file
            .rates
            .into_iter()
            .map(|rate| Rate { name: rate.name, window: rate.window.0, count: rate.count })
            .collect(),
    }
}
