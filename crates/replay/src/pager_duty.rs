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

mod write;

use axum::Router;
use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::counter::{self, Call, Reply, Vendor};
use crate::lie::Asked;
use crate::office::Shared;
use crate::people::{Kind, Queue};
use crate::ticket::{Change, Entry, Face, Field, Status, Ticket, Via};
use crate::world::World;

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

    fn caller(&self, world: &World, call: &Call) -> Result<String, Reply> {
        let secret = call.header("authorization").and_then(|header| {
            header.strip_prefix("Token token=").or_else(|| header.strip_prefix("Bearer "))
        });
        let known = secret.and_then(|secret| world.bearer(secret));
        known.map(|person| person.name.clone()).ok_or_else(|| {
            failure(StatusCode::UNAUTHORIZED, 2006, "Unauthorized", &["Invalid or missing API key"])
        })
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

fn reference(call: &Call, kind: &str, path: &str, id: &str, summary: &str) -> Value {
    let (base, page) = (&call.base, "https://office.pagerduty.com");
    json!({
        "id": id,
        "type": format!("{kind}_reference"),
        "summary": summary,
        "self": format!("{base}/{path}/{id}"),
        "html_url": format!("{page}/{path}/{id}"),
    })
}

fn user_reference(world: &World, call: &Call, name: &str) -> Value {
    let person = world.people.get(name);
    let (serial, shown) = person.map_or((0, name.to_owned()), |it| (it.serial, it.full_name()));
    reference(call, "user", "users", &user_id(serial), &shown)
}

/// Who did something: people are users, and so are machines that do not say what they are.
fn agent(world: &World, call: &Call, name: &str) -> Value {
    match world.people.get(name) {
        Some(person)
            if person.kind == Kind::Machine && person.labelled && person.secret.is_none() =>
        {
            let kind = "generic_events_api_inbound_integration";
            reference(call, kind, "integrations", &user_id(person.serial), name)
        }
        _ => user_reference(world, call, name),
    }
}

fn service_reference(world: &World, call: &Call, name: &str) -> Value {
    let id = world.queues.get(name).map(service_id).unwrap_or_default();
    reference(call, "service", "services", &id, name)
}

fn policy_reference(world: &World, call: &Call, name: &str) -> Value {
    let id = world.queues.get(name).map(policy_id).unwrap_or_default();
    reference(call, "escalation_policy", "escalation_policies", &id, &format!("{name} policy"))
}

/// Who is called for a queue now.
fn called<'a>(world: &'a World, queue: &'a str) -> impl Iterator<Item = &'a str> {
    let queue = world.queues.get(queue);
    let members = queue
        .into_iter()
        .flat_map(|queue| queue.members.iter().filter(|member| !queue.rota || member.on_duty));
    let people =
        members.filter(|member| world.people.get(&member.person).is_some_and(|it| it.enabled));
    people.map(|member| member.person.as_str())
}

fn status(face: &Face) -> &str {
    match &face.status {
        Status::Odd(name) => name,
        status if !status.is_open() => "resolved",
        _ if face.taken => "acknowledged",
        _ => "triggered",
    }
}

fn incident(world: &World, call: &Call, ticket: &Ticket, face: &Face) -> Value {
    let (base, id) = (&call.base, incident_id(ticket.number));
    let at = |at: Timestamp| time(world, at);
    let closed = !face.status.is_open();
    let since = |field: Field| {
        let sets = |entry: &&Entry| {
            entry
                .changes
                .iter()
                .any(|change| matches!(change, Change::Set { field: it, .. } if *it == field))
        };
        let known = ticket.history.iter().rev().filter(|entry| entry.at <= face.updated);
        known.into_iter().find(sets).map_or(ticket.opened, |entry| entry.at)
    };
    let held = face.holder.as_deref();
    let assigned: Vec<_> = match held {
        _ if closed => Vec::new(),
        Some(holder) => vec![holder],
        None => called(world, &face.queue).collect(),
    };
    let assignments: Vec<_> = assigned.into_iter().map(|name| {
        json!({ "at": at(since(Field::Holder)), "assignee": user_reference(world, call, name) })
    }).collect();
    let acknowledged = held.filter(|_| face.taken && !closed);
    let acknowledgements: Vec<_> = acknowledged.into_iter().map(|name| {
        json!({ "at": at(since(Field::Holder)), "acknowledger": agent(world, call, name) })
    }).collect();
    let until = since(Field::Holder)
        .saturating_add(SignedDuration::from_secs(ACKNOWLEDGED_SECONDS))
        .unwrap_or(ticket.opened);
    let pending: Vec<_> = acknowledged
        .into_iter()
        .map(|_| json!({ "type": "unacknowledge", "at": at(until) }))
        .collect();
    let entry = format!("R{}", letters(ticket.history.first().map_or(0, |it| it.serial) * 8, 13));
    let reason = face.merged.map(|into| json!({
        "type": "merge_resolve_reason",
        "incident": reference(call, "incident", "incidents", &incident_id(into), &format!("[#{into}]")),
    }));
    let open = u8::from(!closed);
    json!({
        "id": id,
        "type": "incident",
        "summary": format!("[#{}] {}", ticket.number, face.subject),
        "self": format!("{base}/incidents/{id}"),
        "html_url": format!("https://office.pagerduty.com/incidents/{id}"),
        "incident_number": ticket.number,
        "title": face.subject,
        "created_at": at(ticket.opened),
        "updated_at": at(face.updated),
        "status": status(face),
        "incident_key": face.correlation,
        "service": service_reference(world, call, &face.queue),
        "assignments": assignments,
        "assigned_via": if held.is_some() { "direct_assignment" } else { "escalation_policy" },
        "last_status_change_at": at(since(Field::Status)),
        "resolved_at": closed.then(|| at(face.updated)),
        "first_trigger_log_entry": {
            "id": entry,
            "type": "trigger_log_entry_reference",
            "summary": "Triggered through the API",
            "self": format!("{base}/log_entries/{entry}?incident_id={id}"),
            "html_url": format!("https://office.pagerduty.com/incidents/{id}/log_entries/{entry}"),
        },
        "alert_counts": { "all": 1, "triggered": open, "resolved": 1 - open },
        "is_mergeable": true,
        "incident_type": { "name": "incident_default" },
        "escalation_policy": policy_reference(world, call, &face.queue),
        "teams": [],
        "pending_actions": pending,
        "acknowledgements": acknowledgements,
        "alert_grouping": null,
        "last_status_change_by": agent(world, call, &face.updated_by),
        "priority": null,
        "resolve_reason": reason,
        "conference_bridge": null,
        "incidents_responders": [],
        "responder_requests": [],
        "custom_fields": [],
        "urgency": if face.priority <= 2 { "high" } else { "low" },
    })
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

fn log(world: &World, call: &Call, id: &str) -> Reply {
    let Some((ticket, face)) = incident_of(world, call, id) else { return missing() };
    let summary = format!("[#{}] {}", ticket.number, face.subject);
    let of = reference(call, "incident", "incidents", id, &summary);
    let mut entries = Vec::new();
    for entry in call.sees(ticket).map(|(_, history)| history).unwrap_or_default() {
        let mut kinds = Vec::new();
        for change in &entry.changes {
            logged(world, call, entry, change, &ticket.wanted, &mut kinds);
        }
        for (index, (kind, summary, more)) in kinds.into_iter().enumerate() {
            let id = format!("R{}", letters(entry.serial * 8 + index as u64, 13));
            let channel = match entry.via {
                Via::Pages => "website",
                Via::Program => "api",
                Via::Rule => "auto",
            };
            let mut line = json!({
                "id": id,
                "type": kind,
                "summary": summary,
                "self": format!("{}/log_entries/{id}?incident_id={}", call.base, incident_id(ticket.number)),
                "html_url": format!("https://office.pagerduty.com/incidents/{}/log_entries/{id}", incident_id(ticket.number)),
                "created_at": time(world, entry.at),
                "agent": agent(world, call, &entry.by),
                "channel": { "type": channel },
                "service": service_reference(world, call, &face.queue),
                "incident": of,
                "teams": [],
                "contexts": [],
                "event_details": { "description": face.subject },
            });
            for (key, value) in more.as_object().into_iter().flatten() {
                line[key.as_str()] = value.clone();
            }
            entries.push(line);
        }
    }
    // The newest first.
    entries.reverse();
    page(call, "log_entries", entries)
}

fn logged(
    world: &World,
    call: &Call,
    entry: &Entry,
    change: &Change,
    queue: &str,
    lines: &mut Vec<(&'static str, String, Value)>,
) {
    let by = &entry.by;
    match change {
        Change::Opened => {
            lines.push(("trigger_log_entry", "Triggered through the API".to_owned(), json!({})));
            let called: Vec<_> =
                called(world, queue).map(|it| user_reference(world, call, it)).collect();
            lines.push((
                "assign_log_entry",
                "Assigned by the policy".to_owned(),
                json!({ "assignees": called }),
            ));
        }
        Change::Set { field: Field::Holder, new, .. } if new == by => {
            let more = json!({ "acknowledgement_timeout": ACKNOWLEDGED_SECONDS });
            lines.push(("acknowledge_log_entry", format!("Acknowledged by {by}"), more));
        }
        Change::Set { field: Field::Holder, new, .. } if new.is_empty() => {
            lines.push(("unacknowledge_log_entry", "Unacknowledged".to_owned(), json!({})));
        }
        Change::Set { field: Field::Holder, new, .. } => {
            let more = json!({ "assignees": [user_reference(world, call, new)] });
            lines.push(("assign_log_entry", format!("Assigned to {new} by {by}"), more));
        }
        Change::Set { field: Field::Status, new, .. } if new == "resolved" || new == "closed" => {
            lines.push(("resolve_log_entry", format!("Resolved by {by}"), json!({})));
        }
        // That work goes on is no state of its own here.
        Change::Set { field: Field::Status, old, new } if old == "new" && new == "open" => {}
        Change::Set { field, old, new } => {
            let more = json!({ "changeset": { "field": format!("{field:?}").to_lowercase(), "old": old, "new": new } });
            lines.push(("field_value_change_log_entry", format!("Changed by {by}"), more));
        }
        Change::Wrote { text, .. } => {
            let more = json!({ "channel": { "type": "note", "summary": text }, "note": text });
            lines.push(("annotate_log_entry", format!("Note added by {by}"), more));
        }
        Change::Merged { into } => {
            lines.push(("resolve_log_entry", format!("Merged into #{into} by {by}"), json!({})));
        }
        Change::Deleted => {}
    }
}

fn note(world: &World, call: &Call, entry: &Entry, text: &str) -> Value {
    json!({
        "id": format!("N{}", letters(entry.serial, 6)),
        "user": agent(world, call, &entry.by),
        "channel": { "summary": "The PagerDuty website or APIs" },
        "content": text,
        "created_at": zoned(world, entry.at),
        "updated_at": zoned(world, entry.at),
    })
}

fn notes(world: &World, call: &Call, ticket: &Ticket) -> Vec<Value> {
    let entries = call.sees(ticket).map(|(_, history)| history).unwrap_or_default();
    let mut notes = Vec::new();
    for entry in entries {
        for change in &entry.changes {
            if let Change::Wrote { text, .. } = change {
                notes.push(note(world, call, entry, text));
            }
        }
    }
    notes
}

fn service(world: &World, call: &Call, queue: &Queue) -> Value {
    let mut service = service_reference(world, call, &queue.name);
    let more = json!({
        "type": "service",
        "name": queue.name,
        "auto_resolve_timeout": null,
        "acknowledgement_timeout": ACKNOWLEDGED_SECONDS,
        "created_at": "2015-11-06T11:12:51-05:00",
        "status": if queue.enabled { "active" } else { "disabled" },
        "alert_creation": "create_alerts_and_incidents",
        "integrations": [],
        "escalation_policy": policy_reference(world, call, &queue.name),
        "teams": [],
        "incident_urgency_rule": { "type": "constant", "urgency": "high" },
        "support_hours": null,
        "scheduled_actions": [],
        "auto_pause_notifications_parameters": { "enabled": false, "timeout": null },
    });
    extend(&mut service, more);
    service
}

fn policy(world: &World, call: &Call, queue: &Queue) -> Value {
    let mut policy = policy_reference(world, call, &queue.name);
    let targets: Vec<_> =
        queue.members.iter().map(|member| user_reference(world, call, &member.person)).collect();
    let more = json!({
        "type": "escalation_policy",
        "on_call_handoff_notifications": "if_has_services",
        "name": format!("{} policy", queue.name),
        "escalation_rules": [{
            "id": format!("PR{}", letters(queue.serial, 5)),
            "escalation_delay_in_minutes": 30,
            "targets": targets,
        }],
        "services": [service_reference(world, call, &queue.name)],
        "num_loops": 0,
        "teams": [],
        "description": "",
    });
    extend(&mut policy, more);
    policy
}

fn oncalls(world: &World, call: &Call) -> Vec<Value> {
    let ids = |name: &str| -> Vec<&str> {
        call.query.iter().filter(|(key, _)| key == name).map(|(_, id)| id.as_str()).collect()
    };
    let (policies, users) = (ids("escalation_policy_ids[]"), ids("user_ids[]"));
    let mut oncalls = Vec::new();
    for queue in world.queues.values() {
        if !policies.is_empty() && !policies.contains(&policy_id(queue).as_str()) {
            continue;
        }
        for name in called(world, &queue.name) {
            let user = user_reference(world, call, name);
            if !users.is_empty() && !users.contains(&user["id"].as_str().unwrap_or_default()) {
                continue;
            }
            let schedule = || {
                let id = format!("PD{}", letters(queue.serial, 5));
                reference(call, "schedule", "schedules", &id, &format!("{} schedule", queue.name))
            };
            // Whoever is always on call has no schedule, beginning or end.
            oncalls.push(json!({
                "user": user,
                "schedule": queue.rota.then(schedule),
                "escalation_policy": policy_reference(world, call, &queue.name),
                "escalation_level": 1,
                "start": null,
                "end": null,
            }));
        }
    }
    oncalls
}

fn user(world: &World, call: &Call, name: &str) -> Value {
    let mut user = user_reference(world, call, name);
    let Some(person) = world.people.get(name) else { return user };
    let mut members = world.queues.values().filter_map(|queue| queue.member(name));
    let takes = members.all(|member| member.may_take);
    let more = json!({
        "type": "user",
        "name": person.full_name(),
        "email": person.email(),
        "time_zone": "Etc/UTC",
        "color": "green",
        "role": if takes { "user" } else { "read_only_user" },
        "avatar_url": "https://pd-static-assets.pagerduty.com/users/blank-avatar.png",
        "description": null,
        "invitation_sent": false,
        "created_via_sso": false,
        "contact_methods": [],
        "notification_rules": [],
        "job_title": null,
        "teams": [],
        "http_cal_url": "https://webcal.pagerduty.com/private/none/feed",
        "web_cal_url": "webcal://webcal.pagerduty.com/private/none/feed",
    });
    extend(&mut user, more);
    user
}

fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(value), Value::Object(more)) = (value, more) {
        value.extend(more);
    }
}
