//! Making and changing incidents.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::columns::status;
use super::ids::Table;
use super::rows::Row;
use super::{failure, missing, shown};
use crate::counter::{Call, Reply};
use crate::deed::{Deed, Edit, Which};
use crate::lie::Asked;
use crate::ticket::{Status, Via};
use crate::world::{NewTicket, World};

/// Columns that nobody but the instance itself writes.
const OWN: [&str; 8] = [
    "sys_id",
    "number",
    "sys_created_on",
    "sys_created_by",
    "sys_updated_on",
    "sys_updated_by",
    "sys_mod_count",
    "sys_class_name",
];

/// Whether an update only writes something on an incident.
pub(super) fn asked(call: &Call) -> Asked {
    let columns = call.json();
    let columns = columns.as_ref().and_then(Value::as_object);
    let comments = |column: &String| matches!(column.as_str(), "comments" | "work_notes");
    match columns {
        Some(columns) if columns.keys().all(comments) => Asked::Comment,
        _ => Asked::Change,
    }
}

pub(super) fn create(world: &mut World, call: &Call, by: &str) -> Reply {
    let Some(columns) = columns(call) else { return unreadable() };
    let text = |column: &str| columns.get(column).cloned().unwrap_or_default();
    let mut comments = Vec::new();
    for (column, public) in [("comments", true), ("work_notes", false)] {
        comments.extend(columns.get(column).map(|text| (public, text.clone())));
    }
    let weight = |column: &str| text(column).parse::<u8>().unwrap_or(3).clamp(1, 3);
    let kept = |column: &&String| !OWN.contains(&column.as_str());
    let fields = columns.iter().filter(|(column, _)| kept(column));
    let new = NewTicket {
        by: by.to_owned(),
        via: Via::Program,
        queue: group(world, call, &text("assignment_group")).unwrap_or_default(),
        subject: text("short_description"),
        body: text("description"),
        correlation: columns.get("correlation_id").filter(|it| !it.is_empty()).cloned(),
        fields: fields.map(|(column, value)| (column.clone(), value.clone())).collect(),
        // The usual table: 1 and 1 make 1, 3 and 3 make 5.
        priority: weight("impact") + weight("urgency") - 1,
        status: columns.get("state").map_or(Status::New, |state| status(state)),
        holder: person(world, call, &text("assigned_to")),
        comments,
    };
    let asked = new.clone();
    let number = world.open(new);
    let id = Table::Incident.id(number);
    let result = match world.tickets.get(&number) {
        Some(ticket) => shown(world, call, &Row::Incident(ticket, ticket.face())),
        // It was never made, and the answer does not show it.
        None => phantom(&id, number, asked),
    };
    let location = format!("{}/api/now/table/incident/{id}", call.base);
    Reply::json(StatusCode::CREATED, json!({ "result": result })).with("location", location)
}

fn phantom(id: &str, number: u64, asked: NewTicket) -> Value {
    json!({
        "sys_id": id,
        "number": super::columns::number(number),
        "short_description": asked.subject,
        "correlation_id": asked.correlation.unwrap_or_default(),
        "state": "1",
        "active": "true",
        "sys_mod_count": "0",
    })
}

pub(super) fn update(world: &mut World, call: &Call, by: &str, id: &str) -> Reply {
    let Some(number) = known(world, call, id) else { return missing() };
    let Some(columns) = columns(call) else { return unreadable() };
    let mut edit = Edit::default();
    for (column, value) in columns.iter().filter(|(column, _)| !OWN.contains(&column.as_str())) {
        let filled = (!value.is_empty()).then(|| value.clone());
        match column.as_str() {
            "assignment_group" => edit.queue = group(world, call, value),
            "assigned_to" => edit.holder = Some(person(world, call, value)),
            "state" | "incident_state" => edit.status = Some(status(value)),
            "close_code" => edit.code = Some(filled),
            "close_notes" => edit.note = Some(filled),
            "comments" | "work_notes" => {
                edit.comments.extend(filled.map(|text| (column == "comments", text)));
            }
            _ => {}
        }
    }
    let deed = Deed::Edit { by: by.to_owned(), edit };
    world.happen(&Which::Number(number), &deed, Some(Via::Program));
    let Some(ticket) = world.tickets.get(&number) else { return missing() };
    let result = shown(world, call, &Row::Incident(ticket, ticket.face()));
    Reply::json(StatusCode::OK, json!({ "result": result }))
}

pub(super) fn delete(world: &mut World, call: &Call, by: &str, id: &str) -> Reply {
    let Some(number) = known(world, call, id) else { return missing() };
    let deed = Deed::Delete { by: by.to_owned() };
    world.happen(&Which::Number(number), &deed, Some(Via::Program));
    Reply::empty(StatusCode::NO_CONTENT)
}

fn known(world: &World, call: &Call, id: &str) -> Option<u64> {
    let number = Table::Incident.serial(id)?;
    call.sees(world.tickets.get(&number)?).map(|_| number)
}

fn columns(call: &Call) -> Option<BTreeMap<String, String>> {
    if call.method == Method::POST && call.body.is_empty() {
        return Some(BTreeMap::new());
    }
    let Value::Object(columns) = call.json()? else { return None };
    Some(flat(columns))
}

fn flat(columns: Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        // A reference may be given as it is read.
        Value::Object(object) => {
            object.get("value").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    };
    columns.into_iter().map(|(column, value)| (column, text(value))).collect()
}

fn unreadable() -> Reply {
    let detail = "The payload is not valid JSON.";
    failure(StatusCode::BAD_REQUEST, "Exception while reading request", Some(detail))
}

/// The group that a value means. A name counts only if the request says that it gives what people see.
fn group(world: &World, call: &Call, value: &str) -> Option<String> {
    let names = call.param("sysparm_input_display_value") == Some("true");
    let serial = Table::Group.serial(value);
    let means =
        |queue: &&crate::Queue| Some(queue.serial) == serial || names && queue.name == value;
    world.queues.values().find(means).map(|queue| queue.name.clone())
}

/// The person that a value means.
fn person(world: &World, call: &Call, value: &str) -> Option<String> {
    let names = call.param("sysparm_input_display_value") == Some("true");
    let serial = Table::User.serial(value);
    let means = |person: &&crate::Person| {
        Some(person.serial) == serial || names && person.full_name() == value
    };
    world.people.values().find(means).map(|person| person.name.clone())
}
