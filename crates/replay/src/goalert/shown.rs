//! How alerts, services and people are shown: each field as it is asked for.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::graphql::Field;
use crate::counter::Call;
use crate::people::{Kind as Is, Person, Queue};
use crate::ticket::{Change, Entry, Face, Field as Changed, Ticket, Via};
use crate::world::World;

/// What an id is of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    User = 1,
    Service,
    Policy,
    Step,
    Key,
}

/// Why there is no value.
#[derive(Debug)]
pub(super) enum Error {
    /// There is no such field.
    Unknown(String),
    /// There is nothing there.
    Failed(String),
}

impl Error {
    pub(super) fn unknown(field: &str, kind: &str) -> Self {
        Self::Unknown(format!("Cannot query field \"{field}\" on type \"{kind}\"."))
    }
}

/// The id of something with a serial.
pub(super) fn uuid(kind: Kind, serial: u64) -> String {
    format!("00000000-0000-4000-8{:03x}-{serial:012x}", kind as u8)
}

pub(super) fn queue<'a>(world: &'a World, id: &str) -> Option<&'a Queue> {
    world.queues.values().find(|queue| uuid(Kind::Service, queue.serial) == id)
}

/// An object with the fields that were asked for.
fn object(
    kind: &str,
    fields: &[Field],
    get: impl Fn(&Field) -> Result<Option<Value>, Error>,
) -> Result<Value, Error> {
    let mut object = Map::new();
    for field in fields {
        let value = match field.name.as_str() {
            "__typename" => json!(kind),
            name => get(field)?.ok_or_else(|| Error::unknown(name, kind))?,
        };
        object.insert(field.alias.clone(), value);
    }
    Ok(Value::Object(object))
}

pub(super) fn query(
    world: &World,
    call: &Call,
    field: &Field,
    args: &Value,
) -> Result<Value, Error> {
    let inner = &field.fields;
    let id = args["id"].as_str().unwrap_or_default();
    let none = || Error::Failed("not found".to_owned());
    match field.name.as_str() {
        "alert" => {
            let number = args["id"].as_u64().or_else(|| id.parse().ok()).unwrap_or_default();
            let ticket = world.tickets.get(&number).ok_or_else(none)?;
            let (face, _) = call.sees(ticket).ok_or_else(none)?;
            alert(world, call, ticket, face, inner)
        }
        "alerts" => alerts(world, call, &args["input"], inner),
        "service" => service(world, call, queue(world, id).ok_or_else(none)?, inner),
        "services" => {
            let search = args["input"]["search"].as_str().unwrap_or_default().to_lowercase();
            let named = world.queues.values().filter(|it| it.name.to_lowercase().contains(&search));
            let nodes: Vec<_> = named.collect();
            list("ServiceConnection", inner, &nodes, false, |it, fields| {
                service(world, call, it, fields)
            })
        }
        "user" => {
            let mut people = world.people.values();
            // Whoever is removed is gone; there is no disabled user.
            let found = people.find(|it| it.enabled && uuid(Kind::User, it.serial) == id);
            user(found.ok_or_else(none)?, inner)
        }
        "users" => {
            let nodes: Vec<_> = world.people.values().filter(|it| it.enabled).collect();
            list("UserConnection", inner, &nodes, false, user)
        }
        "escalationPolicy" => {
            let found = world.queues.values().find(|it| uuid(Kind::Policy, it.serial) == id);
            policy(world, found.ok_or_else(none)?, inner)
        }
        other => Err(Error::unknown(other, "Query")),
    }
}

fn list<T: Copy>(
    kind: &str,
    fields: &[Field],
    nodes: &[T],
    more: bool,
    show: impl Fn(T, &[Field]) -> Result<Value, Error>,
) -> Result<Value, Error> {
    object(kind, fields, |field| {
        Ok(match field.name.as_str() {
            "nodes" => {
                let nodes: Result<Vec<_>, _> =
                    nodes.iter().map(|it| show(*it, &field.fields)).collect();
                Some(json!(nodes?))
            }
            "pageInfo" => Some(object("PageInfo", &field.fields, |field| {
                Ok(match field.name.as_str() {
                    "endCursor" => Some(json!(nodes.len().to_string())),
                    "hasNextPage" => Some(json!(more)),
                    _ => None,
                })
            })?),
            _ => None,
        })
    })
}

fn alerts(world: &World, call: &Call, input: &Value, fields: &[Field]) -> Result<Value, Error> {
    let search = input["search"].as_str().unwrap_or_default().to_lowercase();
    let one_of = |name: &str, value: &str| {
        let list = input[name].as_array();
        list.is_none_or(|list| list.is_empty() || list.iter().any(|it| it == value))
    };
    let mut found = Vec::new();
    for ticket in world.tickets.values() {
        let Some((face, _)) = call.sees(ticket) else { continue };
        let service = world.queues.get(&face.queue).map(|it| uuid(Kind::Service, it.serial));
        let named = face.subject.to_lowercase().contains(&search)
            || face.queue.to_lowercase().contains(&search)
            || ticket.number.to_string() == search;
        if named
            && one_of("filterByStatus", status(face))
            && one_of("filterByServiceID", &service.unwrap_or_default())
        {
            found.push((ticket, face));
        }
    }
    // The ones that are open first, the newest of each first.
    found.sort_by_key(|(ticket, face)| (status_rank(face), std::cmp::Reverse(ticket.number)));
    let begun = input["after"].as_str().and_then(|after| after.parse::<usize>().ok()).unwrap_or(0);
    let first = input["first"].as_u64().and_then(|first| usize::try_from(first).ok()).unwrap_or(15);
    let page: Vec<_> = found.iter().copied().skip(begun).take(first.clamp(1, 150)).collect();
    let more = begun + page.len() < found.len();
    let mut shown = list("AlertConnection", fields, &page, more, |(ticket, face), fields| {
        alert(world, call, ticket, face, fields)
    })?;
    if let Some(cursor) = shown.pointer_mut("/pageInfo/endCursor") {
        *cursor = json!((begun + page.len()).to_string());
    }
    Ok(shown)
}

pub(super) fn alert_by_number(
    world: &World,
    call: &Call,
    number: u64,
    fields: &[Field],
) -> Result<Value, Error> {
    match world.tickets.get(&number) {
        Some(ticket) => alert(world, call, ticket, ticket.face(), fields),
        // It was never made, and the answer does not show it.
        None => object("Alert", fields, |field| {
            Ok(Some(match field.name.as_str() {
                "id" => json!(number.to_string()),
                "alertID" => json!(number),
                "status" => json!("StatusUnacknowledged"),
                _ => Value::Null,
            }))
        }),
    }
}

fn status(face: &Face) -> &'static str {
    match (face.status.is_open(), face.taken) {
        (false, _) => "StatusClosed",
        (true, true) => "StatusAcknowledged",
        (true, false) => "StatusUnacknowledged",
    }
}

fn status_rank(face: &Face) -> u8 {
    match status(face) {
        "StatusUnacknowledged" => 0,
        "StatusAcknowledged" => 1,
        _ => 2,
    }
}

fn alert(
    world: &World,
    call: &Call,
    ticket: &Ticket,
    face: &Face,
    fields: &[Field],
) -> Result<Value, Error> {
    let queue = world.queues.get(&face.queue);
    let service_id = queue.map(|it| uuid(Kind::Service, it.serial));
    object("Alert", fields, |field| {
        let inner = &field.fields;
        Ok(Some(match field.name.as_str() {
            "id" => json!(ticket.number.to_string()),
            "alertID" => json!(ticket.number),
            "status" => json!(status(face)),
            "summary" => json!(face.subject),
            "details" => json!(face.body),
            "createdAt" => json!(time(world, ticket.opened)),
            "serviceID" => json!(service_id),
            "service" => match queue {
                Some(queue) => service(world, call, queue, inner)?,
                None => Value::Null,
            },
            "state" => object("AlertState", inner, |field| {
                Ok(match field.name.as_str() {
                    "lastEscalation" => Some(json!(time(world, ticket.opened))),
                    "stepNumber" | "repeatCount" => Some(json!(0)),
                    _ => None,
                })
            })?,
            "recentEvents" => events(world, call, ticket, field)?,
            "pendingNotifications" => json!([]),
            "noiseReason" | "metrics" => Value::Null,
            "meta" => {
                let pairs =
                    face.fields.iter().map(|(key, value)| json!({ "key": key, "value": value }));
                pairs.collect()
            }
            "metaValue" => {
                let key = field.args(&Value::Null)["key"].as_str().unwrap_or_default().to_owned();
                json!(face.fields.get(&key).cloned().unwrap_or_default())
            }
            _ => return Ok(None),
        }))
    })
}

/// The log of an alert, the newest entry first.
fn events(world: &World, call: &Call, ticket: &Ticket, field: &Field) -> Result<Value, Error> {
    let history = call.sees(ticket).map(|(_, history)| history).unwrap_or_default();
    let mut lines = Vec::new();
    for entry in history {
        for (index, message) in messages(world, entry).into_iter().enumerate() {
            lines.push((entry.serial * 8 + index as u64, entry.at, message));
        }
    }
    lines.reverse();
    let limit = field.args(&Value::Null)["input"]["limit"].as_u64();
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(15).min(150);
    let (total, page) = (lines.len(), lines.iter().take(limit).collect::<Vec<_>>());
    list(
        "AlertLogEntryConnection",
        &field.fields,
        &page,
        page.len() < total,
        |(id, at, message), fields| {
            object("AlertLogEntry", fields, |field| {
                Ok(match field.name.as_str() {
                    "id" => Some(json!(id)),
                    "alertID" => Some(json!(ticket.number)),
                    "timestamp" => Some(json!(time(world, *at))),
                    "message" => Some(json!(message)),
                    "state" | "messageID" => Some(Value::Null),
                    _ => None,
                })
            })
        },
    )
}

/// What the log says of an entry, in the words of `alertlog`.
fn messages(world: &World, entry: &Entry) -> Vec<String> {
    let by = match world.people.get(&entry.by) {
        // An account comes in through its key.
        Some(person) if person.secret.is_some() && entry.via == Via::Program => {
            " via belay integration".to_owned()
        }
        Some(person) if person.kind == Is::Machine && person.labelled => {
            format!(" via {} integration", person.full_name())
        }
        Some(person) => format!(" by {}", person.full_name()),
        None => String::new(),
    };
    let mut messages = Vec::new();
    for change in &entry.changes {
        match change {
            Change::Opened => {
                messages.push(format!("Created{by}"));
                messages.push("Escalated to step #1".to_owned());
            }
            Change::Set { field: Changed::Holder, new, .. } if *new == entry.by => {
                messages.push(format!("Acknowledged{by}"));
            }
            Change::Set { field: Changed::Holder, new, .. } if new.is_empty() => {
                messages.push(format!("Escalation requested{by}"));
                messages.push(
                    "Escalated to step #1 (policy repeat) due to manual escalation".to_owned(),
                );
            }
            Change::Set { field: Changed::Status, new, .. }
                if new == "resolved" || new == "closed" =>
            {
                messages.push(format!("Closed{by}"));
            }
            _ => {}
        }
    }
    messages
}

fn service(world: &World, call: &Call, queue: &Queue, fields: &[Field]) -> Result<Value, Error> {
    object("Service", fields, |field| {
        let inner = &field.fields;
        Ok(Some(match field.name.as_str() {
            "id" => json!(uuid(Kind::Service, queue.serial)),
            "name" => json!(queue.name),
            "description" => json!(""),
            "escalationPolicyID" => json!(uuid(Kind::Policy, queue.serial)),
            "escalationPolicy" => policy(world, queue, inner)?,
            "isFavorite" => json!(false),
            // Nobody is told about an alert of a service in maintenance.
            "maintenanceExpiresAt" => match queue.enabled {
                true => Value::Null,
                false => json!(time(world, Timestamp::MAX)),
            },
            "onCallUsers" => {
                let members = queue.members.iter().filter(|member| !queue.rota || member.on_duty);
                let people = members
                    .filter_map(|member| world.people.get(&member.person))
                    .filter(|it| it.enabled);
                let shown: Result<Vec<_>, _> =
                    people.map(|person| on_call(person, inner)).collect();
                json!(shown?)
            }
            "integrationKeys" => {
                let key = object("IntegrationKey", inner, |field| {
                    let id = uuid(Kind::Key, queue.serial);
                    Ok(match field.name.as_str() {
                        "id" => Some(json!(id)),
                        "serviceID" => Some(json!(uuid(Kind::Service, queue.serial))),
                        "type" => Some(json!("generic")),
                        "name" => Some(json!("belay")),
                        "href" => {
                            Some(json!(format!("{}/api/v2/generic/incoming?token={id}", call.base)))
                        }
                        _ => None,
                    })
                })?;
                json!([key])
            }
            "labels" | "heartbeatMonitors" | "notices" => json!([]),
            _ => return Ok(None),
        }))
    })
}

fn on_call(person: &Person, fields: &[Field]) -> Result<Value, Error> {
    object("ServiceOnCallUser", fields, |field| {
        Ok(match field.name.as_str() {
            "userID" => Some(json!(uuid(Kind::User, person.serial))),
            "userName" => Some(json!(person.full_name())),
            "stepNumber" => Some(json!(0)),
            _ => None,
        })
    })
}

fn policy(world: &World, queue: &Queue, fields: &[Field]) -> Result<Value, Error> {
    let targets = |fields: &[Field]| -> Result<Vec<Value>, Error> {
        let people = queue.members.iter().filter_map(|member| world.people.get(&member.person));
        people
            .map(|person| {
                object("Target", fields, |field| {
                    Ok(match field.name.as_str() {
                        "id" => Some(json!(uuid(Kind::User, person.serial))),
                        "type" => Some(json!("user")),
                        "name" => Some(json!(person.full_name())),
                        _ => None,
                    })
                })
            })
            .collect()
    };
    object("EscalationPolicy", fields, |field| {
        Ok(Some(match field.name.as_str() {
            "id" => json!(uuid(Kind::Policy, queue.serial)),
            "name" => json!(format!("{} policy", queue.name)),
            "description" => json!(""),
            "repeat" => json!(3),
            "isFavorite" => json!(false),
            "assignedTo" | "notices" | "labels" => json!([]),
            "steps" => {
                let step = object("EscalationPolicyStep", &field.fields, |field| {
                    Ok(match field.name.as_str() {
                        "id" => Some(json!(uuid(Kind::Step, queue.serial))),
                        "stepNumber" => Some(json!(0)),
                        "delayMinutes" => Some(json!(15)),
                        "targets" => Some(json!(targets(&field.fields)?)),
                        _ => None,
                    })
                })?;
                json!([step])
            }
            _ => return Ok(None),
        }))
    })
}

fn user(person: &Person, fields: &[Field]) -> Result<Value, Error> {
    object("User", fields, |field| {
        Ok(match field.name.as_str() {
            "id" => Some(json!(uuid(Kind::User, person.serial))),
            "name" => Some(json!(person.full_name())),
            "email" => Some(json!(person.email())),
            "role" => Some(json!("user")),
            _ => None,
        })
    })
}

/// By RFC 3339.
fn time(world: &World, at: Timestamp) -> String {
    world.stamp(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
