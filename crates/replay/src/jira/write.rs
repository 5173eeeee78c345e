//! Making and changing issues.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::shown::{ISSUES_FROM, account_id, comment, key, status};
use super::{CORRELATION_FIELD, failure, known, missing, queue};
use crate::counter::{Call, Reply};
use crate::deed::{Deed, Edit, Which};
use crate::ticket::{Status, Via};
use crate::world::{NewTicket, World};

/// The ways from one status to another: the id, the name, and where it leads.
const TRANSITIONS: [(&str, &str, Status); 4] = [
    ("11", "Back to support", Status::New),
    ("21", "Start work", Status::Open),
    ("51", "Resolve this issue", Status::Resolved),
    ("61", "Close", Status::Closed),
];

pub(super) fn transitions(call: &Call) -> Vec<Value> {
    let shown = |(id, name, to): &(&str, &str, Status)| {
        json!({
            "fields": {},
            "hasScreen": false,
            "id": id,
            "isAvailable": true,
            "isConditional": false,
            "isGlobal": false,
            "isInitial": false,
            "name": name,
            "to": status(call, to),
        })
    };
    TRANSITIONS.iter().map(shown).collect()
}

pub(super) fn write(world: &mut World, call: &Call, by: &str) -> Reply {
    let body = call.json().unwrap_or_default();
    let parts = call.parts();
    let path = parts.get(4..).unwrap_or_default();
    let Some(id) = path.first() else { return create(world, call, by, &body["fields"]) };
    let Some(number) = known(world, call, id).map(|(ticket, _)| ticket.number) else {
        return missing();
    };
    let which = Which::Number(number);
    let mut edit = Edit::default();
    match (path, &call.method) {
        ([_], &Method::DELETE) => {
            world.happen(&which, &Deed::Delete { by: by.to_owned() }, Some(Via::Program));
            return Reply::empty(StatusCode::NO_CONTENT);
        }
        ([_], &Method::PUT) => {
            if let Some(assignee) = body["fields"].get("assignee") {
                edit.holder = Some(person(world, &assignee["accountId"]));
            }
        }
        ([_, "assignee"], &Method::PUT) => edit.holder = Some(person(world, &body["accountId"])),
        ([_, "transitions"], &Method::POST) => {
            let wanted = body["transition"]["id"].as_str().unwrap_or_default();
            let Some((_, _, to)) = TRANSITIONS.iter().find(|(id, _, _)| *id == wanted) else {
                let why = "It seems that you have tried to perform an illegal workflow operation.";
                return failure(StatusCode::BAD_REQUEST, why);
            };
            edit.status = Some(to.clone());
            let code = body["fields"]["resolution"]["name"].as_str().map(str::to_owned);
            edit.code = code.map(Some);
        }
        ([_, "comment"], &Method::POST) => {
            let text = plain(&body["body"]);
            if text.is_empty() {
                let errors = json!({ "errorMessages": [], "errors": { "comment": "Comment body can not be empty!" } });
                return Reply::json(StatusCode::BAD_REQUEST, errors);
            }
            // A comment is for customers unless it says that it is internal.
            let internal = body["properties"].as_array().into_iter().flatten().any(|property| {
                property["key"] == "sd.public.comment" && property["value"]["internal"] == true
            });
            edit.comments.push((!internal, text.clone()));
            world.happen(&which, &Deed::Edit { by: by.to_owned(), edit }, Some(Via::Program));
            let ticket = world.tickets.get(&number);
            let entry =
                ticket.and_then(|ticket| ticket.history.last().map(|entry| (ticket, entry)));
            let made =
                entry.map(|(ticket, entry)| comment(world, call, ticket, entry, &text, !internal));
            return made.map_or_else(missing, |made| Reply::json(StatusCode::CREATED, made));
        }
        _ => return failure(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
    }
    world.happen(&which, &Deed::Edit { by: by.to_owned(), edit }, Some(Via::Program));
    Reply::empty(StatusCode::NO_CONTENT)
}

fn create(world: &mut World, call: &Call, by: &str, wanted: &Value) -> Reply {
    let project = wanted["project"]["key"].as_str().or_else(|| wanted["project"]["id"].as_str());
    let known = project.and_then(|project| queue(world, project)).filter(|queue| queue.enabled);
    let Some(name) = known.map(|queue| queue.name.clone()) else {
        return refused("project", "Specify a valid project ID or key");
    };
    let subject = wanted["summary"].as_str().unwrap_or_default().to_owned();
    if subject.is_empty() {
        return refused("summary", "You must specify a summary of the issue.");
    }
    let mut fields = BTreeMap::new();
    for (field, value) in wanted.as_object().into_iter().flatten() {
        match (field.as_str(), value) {
            (custom, Value::String(text)) if custom.starts_with("customfield_") => {
                fields.insert(custom.to_owned(), text.clone());
            }
            ("labels", Value::Array(labels)) => {
                let labels: Vec<_> = labels.iter().filter_map(Value::as_str).collect();
                fields.insert(field.clone(), labels.join(" "));
            }
            (
                "project" | "summary" | "description" | "issuetype" | "priority" | "assignee"
                | "reporter",
                _,
            ) => {}
            (other, _) if other.starts_with("customfield_") => {}
            (other, _) => {
                let why = format!(
                    "Field '{other}' cannot be set. It is not on the appropriate screen, or unknown."
                );
                return refused(other, &why);
            }
        }
    }
    let label = || fields.get("labels").and_then(|labels| labels.split(' ').next());
    let correlation = fields.get(CORRELATION_FIELD).map(String::as_str).or_else(label);
    let correlation = correlation.filter(|it| !it.is_empty()).map(str::to_owned);
    let new = NewTicket {
        by: by.to_owned(),
        via: Via::Program,
        queue: name.clone(),
        subject,
        body: plain(&wanted["description"]),
        correlation,
        fields,
        priority: match wanted["priority"]["name"].as_str() {
            Some("Highest") => 1,
            Some("High") => 2,
            Some("Low") => 4,
            Some("Lowest") => 5,
            _ => 3,
        },
        status: Status::New,
        holder: person(world, &wanted["assignee"]["accountId"]),
        comments: Vec::new(),
    };
    let number = world.open(new);
    let id = ISSUES_FROM + number;
    let key = match world.tickets.get(&number) {
        Some(ticket) => key(world, ticket, &ticket.face().queue),
        None => format!("{}-{number}", name.to_uppercase()),
    };
    let body = json!({
        "id": id.to_string(),
        "key": key,
        "self": format!("{}/rest/api/3/issue/{id}", call.base),
    });
    Reply::json(StatusCode::CREATED, body)
}

fn refused(field: &str, why: &str) -> Reply {
    let body = json!({ "errorMessages": [], "errors": { field: why } });
    Reply::json(StatusCode::BAD_REQUEST, body)
}

fn person(world: &World, account: &Value) -> Option<String> {
    let account = account.as_str()?;
    world.people.values().find(|it| account_id(it) == account).map(|it| it.name.clone())
}

/// The text of a document.
fn plain(document: &Value) -> String {
    match document {
        Value::String(text) => text.clone(),
        Value::Object(node) if node.get("type").is_some_and(|kind| kind == "text") => {
            node.get("text").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Value::Object(node) => {
            let parts = node.get("content").and_then(Value::as_array).into_iter().flatten();
            let paragraph = node.get("type").is_some_and(|kind| kind == "paragraph");
            let text: String = parts.map(plain).collect();
            if paragraph { text + "\n" } else { text.trim_end().to_owned() }
        }
        _ => String::new(),
    }
}
