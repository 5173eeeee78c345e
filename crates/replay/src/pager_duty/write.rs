//! Making and changing incidents.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::shown::{incident, note, reference, service_reference};
use super::{failure, incident_id, incident_of, missing, number_of, queue_of};
use crate::counter::{Call, Reply};
use crate::deed::{Deed, Edit, Which};
use crate::ticket::{Status, Via};
use crate::world::{NewTicket, World};

/// Keys of the account act in the name that `From` gives, whoever has the key.
pub(super) fn write(world: &mut World, call: &Call) -> Reply {
    let from = call.header("from").and_then(|from| {
        world.people.values().find(|person| person.enabled && person.email() == from)
    });
    let Some(by) = from.map(|person| person.name.clone()) else {
        return failure(StatusCode::BAD_REQUEST, 1008, "Requester User Not Found", &[]);
    };
    let Some(body) = call.json() else {
        return invalid("The request body is not valid JSON");
    };
    match (call.parts().as_slice(), &call.method) {
        (["incidents"], &Method::POST) => create(world, call, &by, &body["incident"]),
        (["incidents", id], &Method::PUT) => {
            let Some(number) = known(world, call, id) else { return missing() };
            change(world, &by, number, &body["incident"]);
            shown(world, call, number)
        }
        (["incidents", id, "notes"], &Method::POST) => {
            let Some(number) = known(world, call, id) else { return missing() };
            let Some(text) = body["note"]["content"].as_str() else {
                return invalid("Content cannot be empty");
            };
            let deed = Deed::note(&by, text);
            world.happen(&Which::Number(number), &deed, Some(Via::Program));
            let written = world.tickets.get(&number).and_then(|ticket| ticket.history.last());
            let note = written.map(|entry| note(world, call, entry, text));
            Reply::json(StatusCode::OK, json!({ "note": note }))
        }
        (["incidents", id, "merge"], &Method::PUT) => {
            let Some(number) = known(world, call, id) else { return missing() };
            for source in body["source_incidents"].as_array().into_iter().flatten() {
                let source = source["id"].as_str().and_then(number_of);
                let deed = Deed::Merge { by: by.clone(), into: number };
                source
                    .map(|source| world.happen(&Which::Number(source), &deed, Some(Via::Program)));
            }
            let subject = world.tickets.get(&number).map(|ticket| ticket.face().subject.clone());
            let summary = format!("[#{number}] {}", subject.unwrap_or_default());
            let incident = reference(call, "incident", "incidents", &incident_id(number), &summary);
            Reply::json(StatusCode::OK, json!({ "incident": incident }))
        }
        _ => missing(),
    }
}

fn create(world: &mut World, call: &Call, by: &str, wanted: &Value) -> Reply {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let service = wanted["service"]["id"].as_str().unwrap_or_default();
    let Some(queue) = queue_of(world, service).map(|queue| queue.name.clone()) else {
        return invalid("Service Not Found");
    };
    let subject = text(&wanted["title"]);
    if subject.is_empty() {
        return invalid("Title cannot be empty");
    }
    let key = wanted["incident_key"].as_str().filter(|key| !key.is_empty());
    let open = key.into_iter().flat_map(|key| world.carrying(key)).any(|number| {
        let face = world.tickets.get(number).map(|ticket| ticket.face());
        face.is_some_and(|face| face.status.is_open() && face.queue == queue && !face.deleted)
    });
    if open {
        let why = "Open incident with matching dedup key already exists on this service";
        return failure(StatusCode::BAD_REQUEST, 2002, "Arguments Caused Error", &[why]);
    }
    let assignee =
        wanted["assignments"][0]["assignee"]["id"].as_str().and_then(|id| person(world, id));
    let new = NewTicket {
        by: by.to_owned(),
        via: Via::Program,
        queue,
        subject,
        body: text(&wanted["body"]["details"]),
        correlation: key.map(str::to_owned),
        fields: BTreeMap::new(),
        priority: if wanted["urgency"] == "low" { 4 } else { 2 },
        status: Status::New,
        holder: assignee,
        comments: Vec::new(),
    };
    let asked = new.clone();
    let number = world.open(new);
    match world.tickets.get(&number) {
        Some(ticket) => {
            let incident = incident(world, call, ticket, ticket.face());
            Reply::json(StatusCode::CREATED, json!({ "incident": incident }))
        }
        // It was never made, and the answer does not show it.
        None => {
            let id = incident_id(number);
            let incident = json!({
                "id": id,
                "type": "incident",
                "summary": format!("[#{number}] {}", asked.subject),
                "self": format!("{}/incidents/{id}", call.base),
                "incident_number": number,
                "title": asked.subject,
                "status": "triggered",
                "incident_key": asked.correlation,
                "service": service_reference(world, call, &asked.queue),
            });
            Reply::json(StatusCode::CREATED, json!({ "incident": incident }))
        }
    }
}

fn change(world: &mut World, by: &str, number: u64, wanted: &Value) {
    let mut edit = Edit::default();
    match wanted["status"].as_str() {
        Some("acknowledged") => edit.holder = Some(Some(by.to_owned())),
        Some("resolved") => {
            edit.status = Some(Status::Resolved);
            edit.note = wanted["resolution"].as_str().map(|note| Some(note.to_owned()));
        }
        _ => {}
    }
    if let Some(id) = wanted["assignments"][0]["assignee"]["id"].as_str() {
        edit.holder = person(world, id).map(Some);
    }
    let deed = Deed::Edit { by: by.to_owned(), edit };
    world.happen(&Which::Number(number), &deed, Some(Via::Program));
}

fn shown(world: &World, call: &Call, number: u64) -> Reply {
    let ticket = world.tickets.get(&number);
    ticket.map_or_else(missing, |ticket| {
        let incident = incident(world, call, ticket, ticket.face());
        Reply::json(StatusCode::OK, json!({ "incident": incident }))
    })
}

fn known(world: &World, call: &Call, id: &str) -> Option<u64> {
    incident_of(world, call, id).map(|(ticket, _)| ticket.number)
}

fn person(world: &World, id: &str) -> Option<String> {
    let mut people = world.people.values();
    people.find(|person| super::user_id(person.serial) == id).map(|person| person.name.clone())
}

fn invalid(why: &str) -> Reply {
    failure(StatusCode::BAD_REQUEST, 2001, "Invalid Input Provided", &[why])
}
