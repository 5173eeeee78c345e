//! What a read of a ticket shows, switched by words.

use belay_domain::{
    Act, ActKind, ActorKind, Correlation, QueueFacts, Reading, StaffMember, Standing, TicketActor,
    TicketFacts, TicketReading, TicketResolution,
};

use crate::terms::id;

/// A reading of ticket T1 of `step`, switched by words. Without any it is open, ours, in the right queue,
/// with nobody on it, and `ann` and `bob` could take it.
///
/// `taken=ann` holder by an act of their own; `given=ann` holder and no act; `worked=2` acts after that;
/// `act=auto:ann` an act that makes nobody the holder, by a machine under her name;
/// `noted=bob` a note by somebody else than the holder; `moved=ann` an act that is no work;
/// `machine=ann` the staff list has her as a machine; `then=gaveback|assigned:bob|bob` one more act; `closed=ann:solved`; `robot`, `us` and `ghost` are a machine,
/// ourselves and unknown; `zoe` is a person who is not of the staff.
pub(crate) fn reading(step: &Correlation, queue: &str, words: &[&str]) -> Reading {
    let has = |wanted: &str| words.contains(&wanted);
    let value = |name: &str| {
        words
            .iter()
            .find_map(|word| word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')))
    };
    let facts = TicketFacts {
        ticket: id(value("ticket").unwrap_or("T1")),
        case: (!has("nocase")).then(|| id(value("case").unwrap_or("c"))),
        correlation: if has("unmarked") {
            None
        } else {
            Some(value("step").map_or(step.clone(), |other| id(&format!("c/{other}"))))
        },
        queue: id(value("in").unwrap_or(queue)),
        standing: standing(words),
        revision: value("rev").map_or(1, |text| text.parse().expect("a revision")),
        holder: holder(words),
        acts: acts(words),
        resolution: value("closed").map(|text| {
            let (by, code) = text.split_once(':').expect("who:code");
            TicketResolution {
                actor: (by != "nobody").then(|| actor(by)),
                code: (code != "none").then(|| id(code)),
                note: "done".to_owned(),
                links: vec![],
            }
        }),
    };
    let ticket = if has("missing") {
        TicketReading::Missing
    } else if has("unreadable") {
        TicketReading::Unreadable { detail: "503".to_owned() }
    } else {
        TicketReading::Present(Box::new(facts))
    };
    let staff = |name: &str| StaffMember {
        name: id(name),
        kind: if has("machines") || value("machine") == Some(name) {
            ActorKind::Machine
        } else {
            ActorKind::Person
        },
        enabled: !has("leavers"),
        may_take: !has("readonly"),
        on_shift: if has("night") { Some(false) } else { None },
    };
    let queue = QueueFacts {
        queue: id(value("facts").unwrap_or(queue)),
        enabled: !has("disabled"),
        staff: if has("empty") { vec![] } else { vec![staff("ann"), staff("bob"), machine()] },
    };
    Reading { ticket, queue: (!has("noqueue")).then_some(queue) }
}

fn machine() -> StaffMember {
    StaffMember {
        name: id("robot"),
        kind: ActorKind::Machine,
        enabled: true,
        may_take: true,
        on_shift: None,
    }
}

fn standing(words: &[&str]) -> Standing {
    for word in words {
        match *word {
            "rejected" => return Standing::Rejected,
            "deleted" => return Standing::Deleted,
            "merged" => return Standing::Merged { into: id("T9") },
            "odd" => return Standing::Unknown { raw: "parked".to_owned() },
            closed if closed.starts_with("closed=") || closed == "resolved" => {
                return Standing::Resolved;
            }
            _ => {}
        }
    }
    Standing::Open
}

pub(crate) fn actor(name: &str) -> TicketActor {
    // A machine that acts under the name of a person.
    if let Some(person) = name.strip_prefix("auto:") {
        return TicketActor { name: id(person), kind: ActorKind::Machine };
    }
    let kind = match name {
        "robot" => ActorKind::Machine,
        "us" => ActorKind::Ourselves,
        "ghost" => ActorKind::Unknown,
        _ => ActorKind::Person,
    };
    TicketActor { name: id(name), kind }
}

/// Whoever was named last, unless it was given back after that.
fn holder(words: &[&str]) -> Option<TicketActor> {
    let last = words.iter().rev().find(|word| {
        **word == "then=gaveback" || word.starts_with("taken=") || word.starts_with("given=")
    });
    let name = last?.strip_prefix("taken=").or(last?.strip_prefix("given="))?;
    Some(actor(name))
}

fn acts(words: &[&str]) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut holder = "ann";
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "taken" => {
                holder = value;
                acts.push(Act { actor: actor(value), kind: ActKind::Took });
            }
            "act" => acts.push(Act { actor: actor(value), kind: ActKind::Took }),
            "worked" => {
                let work = Act { actor: actor(holder), kind: ActKind::Noted };
                acts.extend(vec![work; value.parse().expect("a number")]);
            }
            "noted" => acts.push(Act { actor: actor(value), kind: ActKind::Noted }),
            "moved" => acts.push(Act { actor: actor(value), kind: ActKind::Moved }),
            "then" => acts.push(match value.split_once(':') {
                Some((_, to)) => {
                    Act { actor: actor("bob"), kind: ActKind::Assigned { to: id(to) } }
                }
                None if value == "gaveback" => {
                    Act { actor: actor(holder), kind: ActKind::GaveBack }
                }
                None => Act { actor: actor(value), kind: ActKind::Took },
            }),
            _ => {}
        }
    }
    acts
}
