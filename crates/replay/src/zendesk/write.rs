//! Making and changing tickets.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::shown::{audit, group_id, ticket, user_id};
use super::{RESOLUTION_FIELD, known, missing};
use crate::counter::{Call, Reply};
use crate::deed::{Deed, Edit, Which};
use crate::lie::Asked;
use crate::ticket::{Status, Via};
use crate::world::{NewTicket, World};

/// How long a key is kept ("Tickets", idempotency).
const KEPT_HOURS: i64 = 2;

/// Whether an update only writes something on a ticket.
pub(super) fn asked(call: &Call) -> Asked {
    let body = call.json().unwrap_or_default();
    match body["ticket"].as_object() {
        Some(ticket) if ticket.keys().all(|key| key == "comment") => Asked::Comment,
        _ => Asked::Change,
    }
}

pub(super) fn create(world: &mut World, call: &Call, by: &str) -> Reply {
    let body = call.json().unwrap_or_default();
    let wanted = &body["ticket"];
    let key = call.header("idempotency-key").map(str::to_owned);
    let expired =
        world.now.saturating_sub(SignedDuration::from_hours(KEPT_HOURS)).unwrap_or(world.now);
    world.keys.retain(|_, kept| kept.at > expired);
    if let Some(kept) = key.as_ref().and_then(|key| world.keys.get(key)) {
        if kept.body != call.body {
            let error = json!({
                "error": "IdempotentRequestError",
                "description": "Request parameters don't match the given idempotency key",
            });
            return Reply::json(StatusCode::BAD_REQUEST, error);
        }
        return made(world, call, kept.number).with("x-idempotency-lookup", "hit");
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let description = match &wanted["comment"]["body"] {
        Value::String(body) => body.clone(),
        _ => text(&wanted["description"]),
    };
    if description.is_empty() {
        return invalid("comment", "Description: cannot be blank");
    }
    let queue = match wanted["group_id"].as_u64() {
        Some(id) => {
            match world.queues.values().find(|queue| group_id(queue) == id && queue.enabled) {
                Some(queue) => queue.name.clone(),
                None => return invalid("group", "Group is invalid"),
            }
        }
        None => String::new(),
    };
    let new = NewTicket {
        by: by.to_owned(),
        via: Via::Program,
        queue,
        subject: text(&wanted["subject"]),
        body: description,
        correlation: wanted["external_id"].as_str().map(str::to_owned),
        fields: fields(wanted),
        priority: match wanted["priority"].as_str() {
            Some("urgent") => 1,
            Some("high") => 2,
            Some("low") => 4,
            _ => 3,
        },
        status: wanted["status"].as_str().map_or(Status::New, status),
        holder: person(world, &wanted["assignee_id"]),
        comments: Vec::new(),
    };
    let number = world.open(new);
    if let Some(key) = key {
        world.keep(key, number, call.body.clone());
        return made(world, call, number).with("x-idempotency-lookup", "miss");
    }
    made(world, call, number)
}

fn made(world: &World, call: &Call, number: u64) -> Reply {
    let location = format!("{}/api/v2/tickets/{number}.json", call.base);
    let body = match world.tickets.get(&number) {
        Some(it) => {
            let audit = it.history.first().map(|entry| audit(world, it, entry));
            json!({ "ticket": ticket(world, call, it, it.face()), "audit": audit })
        }
        // It was never made, and the answer does not show it.
        None => {
            let asked = call.json().unwrap_or_default();
            let mut ticket = asked["ticket"].clone();
            ticket["id"] = json!(number);
            ticket["status"] = json!("new");
            ticket["url"] = json!(location);
            json!({ "ticket": ticket })
        }
    };
    Reply::json(StatusCode::CREATED, body).with("location", location)
}

pub(super) fn update(world: &mut World, call: &Call, by: &str, id: &str) -> Reply {
    let Some(number) = known(world, call, id).map(|(ticket, _)| ticket.number) else {
        return missing();
    };
    let body = call.json().unwrap_or_default();
    let wanted = &body["ticket"];
    if world.tickets.get(&number).is_some_and(|ticket| ticket.face().status == Status::Closed) {
        return invalid("status", "Status: closed prevents ticket update");
    }
    let mut edit = Edit::default();
    if let Some(text) = wanted["comment"]["body"].as_str() {
        let public = wanted["comment"]["public"].as_bool().unwrap_or(true);
        edit.comments.push((public, text.to_owned()));
    }
    edit.status = wanted["status"].as_str().map(status);
    if let Some(id) = wanted.get("assignee_id") {
        edit.holder = Some(person(world, id));
    }
    if let Some(id) = wanted["group_id"].as_u64() {
        let queue = world.queues.values().find(|queue| group_id(queue) == id);
        edit.queue = queue.map(|queue| queue.name.clone());
    }
    let code = fields(wanted).remove(&RESOLUTION_FIELD.to_string());
    edit.code = code.map(|code| (!code.is_empty()).then_some(code));
    let deed = Deed::Edit { by: by.to_owned(), edit };
    let changed = world.happen(&Which::Number(number), &deed, Some(Via::Program));
    let Some(it) = world.tickets.get(&number) else { return missing() };
    let audit = it.history.last().filter(|_| changed).map(|entry| audit(world, it, entry));
    let body = json!({ "ticket": ticket(world, call, it, it.face()), "audit": audit });
    Reply::json(StatusCode::OK, body)
}

pub(super) fn delete(world: &mut World, call: &Call, by: &str, id: &str) -> Reply {
    let Some(number) = known(world, call, id).map(|(ticket, _)| ticket.number) else {
        return missing();
    };
    let deed = Deed::Delete { by: by.to_owned() };
    world.happen(&Which::Number(number), &deed, Some(Via::Program));
    Reply::empty(StatusCode::NO_CONTENT)
}

fn fields(wanted: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for field in wanted["custom_fields"].as_array().into_iter().flatten() {
        if let (Some(id), Some(value)) = (field["id"].as_u64(), field["value"].as_str()) {
            fields.insert(id.to_string(), value.to_owned());
        }
    }
    let tags = wanted["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let tags: Vec<_> = tags.collect();
    if !tags.is_empty() {
        fields.insert("tags".to_owned(), tags.join(" "));
    }
    fields
}

fn status(name: &str) -> Status {
    match name {
        "new" => Status::New,
        "open" => Status::Open,
        "pending" => Status::Waiting("pending".to_owned()),
        "hold" => Status::Waiting("hold".to_owned()),
        "solved" => Status::Resolved,
        "closed" => Status::Closed,
        other => Status::Odd(other.to_owned()),
    }
}

fn person(world: &World, id: &Value) -> Option<String> {
    let id = id.as_u64()?;
    world.people.values().find(|person| user_id(person) == id).map(|person| person.name.clone())
}

fn invalid(field: &str, why: &str) -> Reply {
    let body = json!({
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": { field: [{ "description": why }] },
    });
    Reply::json(StatusCode::UNPROCESSABLE_ENTITY, body)
}
