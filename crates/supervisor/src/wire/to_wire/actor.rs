//! Who did something, who holds a case, and how urgent it is.

use belay_api::v1;
use belay_domain::{Owner, PersonId, Severity};

use super::time;

/// Whoever a reference names, in the form in which events keep it: `person:ana`.
pub(crate) fn actor(reference: &str) -> v1::Actor {
    let (kind, id) = match reference.split_once(':') {
        Some(("agent", id)) => (v1::ActorKind::Agent, id),
        Some(("person", id)) => (v1::ActorKind::Person, id),
        Some(("program", id)) => (v1::ActorKind::Tool, id),
        _ => (v1::ActorKind::Supervisor, ""),
    };
    v1::Actor { kind: kind.into(), id: id.to_owned(), display_name: String::new() }
}

/// A person.
pub(crate) fn person(person: &PersonId) -> v1::Actor {
    v1::Actor {
        kind: v1::ActorKind::Person.into(),
        id: person.to_string(),
        display_name: String::new(),
    }
}

/// Who holds a case.
pub(crate) fn owner(owner: &Owner) -> v1::Owner {
    use v1::owner::Owner as Wire;
    v1::Owner {
        owner: Some(match owner {
            Owner::Supervisor { since } => {
                Wire::Supervisor(v1::SupervisorOwner { since: Some(time(*since)) })
            }
            Owner::Agent { agent, since, lease_until, key: _ } => Wire::Agent(v1::AgentOwner {
                agent_id: agent.to_string(),
                since: Some(time(*since)),
                lease_until: Some(time(*lease_until)),
            }),
            Owner::Queue { escalation, queue, person, since } => Wire::Queue(v1::QueueOwner {
                system: queue.system.to_string(),
                queue: queue.queue.to_string(),
                person: person.to_string(),
                escalation_id: escalation.to_string(),
                since: Some(time(*since)),
            }),
        }),
    }
}

/// How urgent something is.
pub(crate) fn severity(severity: Severity) -> v1::Severity {
    match severity {
        Severity::Low => v1::Severity::Low,
        Severity::Normal => v1::Severity::Normal,
        Severity::High => v1::Severity::High,
        Severity::Critical => v1::Severity::Critical,
    }
}
