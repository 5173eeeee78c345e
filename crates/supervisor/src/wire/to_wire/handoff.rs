//! How a case is passed on.

use belay_api::v1;
use belay_domain::{Offer, Routing, Target};

use super::time;

/// For whom a case is meant.
pub(crate) fn target(target: &Target) -> v1::HandoffTarget {
    use v1::handoff_target::Target as Wire;
    v1::HandoffTarget {
        target: Some(match target {
            Target::Role(role) => Wire::Role(role.to_string()),
            Target::Agent(agent) => Wire::AgentId(agent.to_string()),
        }),
    }
}

/// A search for an agent.
pub(crate) fn routing(routing: &Routing) -> v1::Routing {
    let Routing { target: wanted, tried, until, why } = routing;
    v1::Routing {
        target: Some(target(wanted)),
        tried: tried.iter().map(ToString::to_string).collect(),
        until: Some(time(*until)),
        why: why.clone(),
    }
}

/// An offer to one agent.
pub(crate) fn offer(offer: &Offer) -> v1::Offer {
    let Offer { handoff, to, until } = offer;
    v1::Offer {
        handoff_id: handoff.to_string(),
        agent_id: to.to_string(),
        until: Some(time(*until)),
    }
}
