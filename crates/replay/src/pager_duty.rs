//! PagerDuty, through its REST API v2: incidents, log entries, notes, services, escalation policies, on-calls, users.
//!
//! Made from PagerDuty's OpenAPI description (PagerDuty/api-schema, `reference/REST/openapiv3.json`). The limits are
//! told as "REST API Rate Limits" (support.pagerduty.com) says, in `ratelimit-limit`, `ratelimit-remaining` and
//! `ratelimit-reset`. The refusal of a second open incident with the same key is the one that public clients were
//! written against: 400, code 2002, "Open incident with matching dedup key already exists on this service".
//!
//! An office's queue is a service with an escalation policy of one level. Taking a ticket acknowledges the incident,
//! giving it back ends that. PagerDuty has no custom states, so a status that only the office knows is shown by its
//! name. Three habits are easy to overlook: whoever has the account's key acts in the name that the `From` header
//! gives; a list without `date_range` or `since` reaches back one month only; and a key is free again as soon as the
//! incident is resolved.

mod shown;
mod write;

use axum::Router;
use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::counter::{self, Call, Reply, Vendor};
use crate::lie::Asked;
use crate::office::Shared;
use crate::people::Queue;
use crate::ticket::{Face, Ticket};
use crate::world::World;
use shown::{incident, log, notes, oncalls, policy, service, status, user};

/// How long an acknowledgement lasts, as the example of a service has it.
const ACKNOWLEDGED_SECONDS: i64 = 600;

/// Serves an office as PagerDuty would.
pub fn router(office: Shared) -> Router {
    counter::router(office, PagerDuty)
}

struct PagerDuty;

impl Vendor for PagerDuty {
    fn asked(&self, call: &Call) -> Asked {
        match (call.parts().as_slice(), &call.method) {
            (["incidents"], &Method::POST) => Asked::Create,
            (["incidents"], &Method::GET) => Asked::Search,
            (["incidents", _], &Method::GET) => Asked::Read,
            (["incidents", _, "notes"], &Method::POST) => Asked::Comment,
            (["incidents", _, "notes" | "log_entries"], _) => Asked::History,
            (["incidents", ..], _) => Asked::Change,
            (["services" | "users" | "oncalls" | "escalation_policies", ..], _) => Asked::People,
            _ => Asked::Other,
        }
    }

    fn caller(&self, world: &World, call: &Call) -> Option<String> {
        let secret = call.header("authorization").and_then(|header| {
            header.strip_prefix("Token token=").or_else(|| header.strip_prefix("Bearer "))
        });
        let known = secret.and_then(|secret| world.bearer(secret));
        known.map(|person| person.name.clone())
    }

    fn stranger(&self) -> Reply {
        failure(StatusCode::UNAUTHORIZED, 2006, "Unauthorized", &["Invalid or missing API key"])
    }

    fn forbidden(&self, _: &Call) -> Reply {
        failure(StatusCode::FORBIDDEN, 2010, "Access Denied", &[])
    }

    fn throttled(&self, world: &World, seconds: u32) -> Reply {
        let reply = failure(StatusCode::TOO_MANY_REQUESTS, 2020, "Rate Limit Exceeded", &[]);
        let limit = world.limit.map_or(0, |limit| limit.requests);
        reply
            .with("ratelimit-limit", limit)
            .with("ratelimit-remaining", 0)
            .with("ratelimit-reset", seconds)
    }

    fn budget(&self, world: &World, reply: Reply) -> Reply {
        let Some((limit, left, resets)) = world.budget() else { return reply };
        reply
            .with("ratelimit-limit", limit.requests)
            .with("ratelimit-remaining", left)
            .with("ratelimit-reset", resets)
    }

    fn prose(&self, _: &Call) -> Reply {
        Reply::text(StatusCode::OK, "Your account is past due. The request was not processed.")
    }

    fn nothing(&self) -> Reply {
        Reply::json(StatusCode::OK, json!({}))
    }

    fn serve(&self, world: &mut World, call: &Call, _: &str) -> Reply {
        let path = call.parts();
        match (path.as_slice(), &call.method) {
            (["incidents"], &Method::GET) => list(world, call),
            (["incidents", id], &Method::GET) => match incident_of(world, call, id) {
                Some((ticket, face)) => {
                    let incident = incident(world, call, ticket, face);
                    Reply::json(StatusCode::OK, json!({ "incident": incident }))
                }
                None => missing(),
            },
            (["incidents", id, "log_entries"], &Method::GET) => log(world, call, id),
            (["incidents", id, "notes"], &Method::GET) => match incident_of(world, call, id) {
                Some((ticket, _)) => {
                    Reply::json(StatusCode::OK, json!({ "notes": notes(world, call, ticket) }))
                }
                None => missing(),
            },
            (["services"], &Method::GET) => {
                let named = |queue: &&Queue| {
                    let query = call.param("query").unwrap_or_default().to_lowercase();
                    queue.name.to_lowercase().contains(&query)
                };
                let services = world.queues.values().filter(named);
                let services = services.map(|queue| service(world, call, queue)).collect();
                page(call, "services", services)
            }
            (["services", id], &Method::GET) => {
                one("service", queue_of(world, id).map(|queue| service(world, call, queue)))
            }
            (["escalation_policies", id], &Method::GET) => {
                let queue = world.queues.values().find(|queue| policy_id(queue) == *id);
                one("escalation_policy", queue.map(|queue| policy(world, call, queue)))
            }
            (["oncalls"], &Method::GET) => page(call, "oncalls", oncalls(world, call)),
            (["users"], &Method::GET) => {
                let users = world.people.values().filter(|person| person.enabled);
                let users = users.map(|person| user(world, call, &person.name)).collect();
                page(call, "users", users)
            }
            (["users", id], &Method::GET) => {
                let mut people = world.people.values();
                // Whoever is removed is gone; there is no disabled user.
                let person = people.find(|person| person.enabled && user_id(person.serial) == *id);
                one("user", person.map(|person| user(world, call, &person.name)))
            }
            (["incidents", ..], _) => write::write(world, call),
            _ => missing(),
        }
    }
}

/// An error, as "Generic error response from the PagerDuty API".
fn failure(status: StatusCode, code: u16, message: &str, errors: &[&str]) -> Reply {
    let mut error = json!({ "message": message, "code": code });
    if !errors.is_empty() {
        error["errors"] = json!(errors);
    }
    Reply::json(status, json!({ "error": error }))
}

fn missing() -> Reply {
    failure(StatusCode::NOT_FOUND, 2100, "Not Found", &[])
}

fn one(name: &str, value: Option<Value>) -> Reply {
    value.map_or_else(missing, |value| Reply::json(StatusCode::OK, json!({ name: value })))
}

/// A page of a list: `limit`, `offset`, `more`, and `total` only if it was asked for.
fn page(call: &Call, name: &str, all: Vec<Value>) -> Reply {
    let (offset, limit) =
        (call.number("offset").unwrap_or(0), call.number("limit").unwrap_or(25).clamp(1, 100));
    let total = all.len();
    let page: Vec<_> = all.into_iter().skip(offset).take(limit).collect();
    let more = offset + page.len() < total;
    let counted = (call.param("total") == Some("true")).then_some(total);
    let body =
        json!({ name: page, "limit": limit, "offset": offset, "more": more, "total": counted });
    Reply::json(StatusCode::OK, body)
}

/// A number in letters and digits, as ids are here.
fn letters(number: u64, width: usize) -> String {
    let (mut rest, mut digits) = (number, Vec::new());
    while rest > 0 || digits.len() < width {
        let digit = u32::try_from(rest % 36).ok().and_then(|digit| char::from_digit(digit, 36));
        digits.extend(digit.map(|digit| digit.to_ascii_uppercase()));
        rest /= 36;
    }
    digits.into_iter().rev().collect()
}

fn incident_id(number: u64) -> String {
    format!("Q{}", letters(number, 13))
}

fn user_id(serial: u64) -> String {
    format!("PU{}", letters(serial, 5))
}

fn service_id(queue: &Queue) -> String {
    format!("PS{}", letters(queue.serial, 5))
}

fn policy_id(queue: &Queue) -> String {
    format!("PE{}", letters(queue.serial, 5))
}

fn time(world: &World, at: Timestamp) -> String {
    world.stamp(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Notes are told in the zone of the account, which is UTC here.
fn zoned(world: &World, at: Timestamp) -> String {
    world.stamp(at).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn number_of(id: &str) -> Option<u64> {
    u64::from_str_radix(id.strip_prefix('Q')?, 36).ok()
}

fn incident_of<'a>(world: &'a World, call: &Call, id: &str) -> Option<(&'a Ticket, &'a Face)> {
    let ticket = world.tickets.get(&number_of(id)?)?;
    call.sees(ticket).map(|(face, _)| (ticket, face))
}

fn queue_of<'a>(world: &'a World, id: &str) -> Option<&'a Queue> {
    world.queues.values().find(|queue| service_id(queue) == id)
}

fn list(world: &World, call: &Call) -> Reply {
    let given = |name: &str| call.query.iter().any(|(key, _)| key == name);
    let named = |name: &str, value: &str| {
        !given(name) || call.query.iter().any(|(key, it)| key == name && it == value)
    };
    let since = call.param("since").and_then(|since| since.parse::<Timestamp>().ok());
    let month = world.now.saturating_sub(SignedDuration::from_hours(24 * 30)).unwrap_or(world.now);
    let since = match call.param("date_range") {
        Some("all") => Timestamp::UNIX_EPOCH,
        _ => since.unwrap_or(month),
    };
    let tickets: Vec<&Ticket> = match call.param("incident_key") {
        Some(key) => world.carrying(key).iter().filter_map(|it| world.tickets.get(it)).collect(),
        None => world.tickets.values().collect(),
    };
    let seen =
        tickets.into_iter().filter_map(|ticket| call.sees(ticket).map(|(face, _)| (ticket, face)));
    let wanted = seen.filter(|(ticket, face)| {
        let service = world.queues.get(&face.queue).map(service_id).unwrap_or_default();
        ticket.opened >= since
            && named("statuses[]", status(face))
            && named("service_ids[]", &service)
    });
    let incidents = wanted.map(|(ticket, face)| incident(world, call, ticket, face)).collect();
    page(call, "incidents", incidents)
}
