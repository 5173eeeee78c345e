//! GoAlert: the generic integration key, by which alerts are made, and the GraphQL interface, by which they are read.
//!
//! Made from the project's own sources (target/goalert on GitHub): `graphql2/schema.graphql` and `graphql2/graph`,
//! `genericapi/handler.go`, `web/src/app/documentation/sections/IntegrationKeys.md`, `alert/alertlog/entry.go` for
//! the words of the log, and `util/errutil/httperror.go` for statuses. An API key there allows a fixed query, and
//! nothing else is public: there is no REST interface to read with.
//!
//! An office's queue is a service with an escalation policy of one step. An alert is unacknowledged, acknowledged or
//! closed, and nothing else: it cannot be given to somebody, commented or moved, so such deeds are not seen. Giving
//! back is asking for escalation. Who did something stands only in the prose of the log, by a name that need not be
//! unique; what an alert is found again by is its `dedup`, which cannot be searched for, only offered once more.

mod graphql;
mod shown;

use std::collections::BTreeMap;

use axum::Router;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::counter::{self, Call, Reply, Vendor};
use crate::deed::{Deed, Edit, Which};
use crate::lie::Asked;
use crate::office::Shared;
use crate::people::{Queue, Right};
use crate::ticket::{Status, Via};
use crate::world::{NewTicket, World};
use graphql::{Document, Field};

/// Serves an office as GoAlert would.
pub fn router(office: Shared) -> Router {
    counter::router(office, GoAlert)
}

/// The token of a service's integration key: `serial` is that of the queue.
#[must_use]
pub fn integration_key(queue: &Queue) -> String {
    shown::uuid(shown::Kind::Key, queue.serial)
}

struct GoAlert;

enum Place {
    Generic,
    GraphQl,
    Nowhere,
}

fn place(call: &Call) -> Place {
    match (call.parts().as_slice(), &call.method) {
        (["api", "v2", "generic", "incoming"] | ["v1", "api", "alerts"], &Method::POST) => {
            Place::Generic
        }
        (["api", "graphql"], &Method::POST) => Place::GraphQl,
        _ => Place::Nowhere,
    }
}

impl Vendor for GoAlert {
    fn asked(&self, call: &Call) -> Asked {
        match place(call) {
            Place::Generic if form(call).get("action").is_some_and(|it| it == "close") => {
                Asked::Change
            }
            Place::Generic => Asked::Create,
            Place::GraphQl => {
                let body = call.json().unwrap_or_default();
                let query = body["query"].as_str().unwrap_or_default();
                let named = body["operationName"].as_str();
                let Ok(document) = Document::parse(query, named) else { return Asked::Other };
                let first = document.fields.first();
                let logs = first.is_some_and(|it| it.asks_for("recentEvents"));
                match first.map(|field| field.name.as_str()) {
                    Some("createAlert") => Asked::Create,
                    Some(_) if document.mutation => Asked::Change,
                    Some("alert" | "alerts") if logs => Asked::History,
                    Some("alerts") => Asked::Search,
                    Some("alert") => Asked::Read,
                    _ => Asked::People,
                }
            }
            Place::Nowhere => Asked::Other,
        }
    }

    fn caller(&self, world: &World, call: &Call) -> Option<String> {
        let known = match place(call) {
            // A key belongs to a service and to nobody; it is the office's account that made it.
            Place::Generic => {
                let token = form(call).remove("token").or_else(|| form(call).remove("key"));
                let key = world.queues.values().any(|it| Some(integration_key(it)) == token);
                let owns = |person: &&crate::Person| person.rights.contains(&Right::Create);
                world.people.values().find(owns).filter(|_| key)
            }
            _ => {
                let header = call.header("authorization");
                header.and_then(|header| world.bearer(header.strip_prefix("Bearer ")?))
            }
        };
        known.map(|person| person.name.clone())
    }

    fn stranger(&self) -> Reply {
        Reply::text(StatusCode::UNAUTHORIZED, "unauthorized")
    }

    fn forbidden(&self, _: &Call) -> Reply {
        Reply::text(StatusCode::FORBIDDEN, "access denied")
    }

    fn throttled(&self, _: &World, _: u32) -> Reply {
        let text = "Too many concurrent requests for this key or session";
        Reply::text(StatusCode::TOO_MANY_REQUESTS, text)
    }

    fn budget(&self, _: &World, reply: Reply) -> Reply {
        reply
    }

    fn prose(&self, _: &Call) -> Reply {
        let page = "<html><body>GoAlert is in maintenance. Nothing was done.</body></html>";
        Reply::text(StatusCode::OK, page)
    }

    fn nothing(&self) -> Reply {
        Reply::json(StatusCode::OK, json!({ "data": {} }))
    }

    fn serve(&self, world: &mut World, call: &Call, by: &str) -> Reply {
        match place(call) {
            Place::Generic => incoming(world, call, by),
            Place::GraphQl => graphql(world, call, by),
            Place::Nowhere => Reply::text(StatusCode::NOT_FOUND, "404 page not found"),
        }
    }
}

/// What a request to the generic interface says: in the query, in a form, or in JSON, which takes precedence.
fn form(call: &Call) -> BTreeMap<String, String> {
    let mut form: BTreeMap<_, _> = call.query.iter().cloned().collect();
    let json = call.header("content-type").is_some_and(|it| it.starts_with("application/json"));
    if json {
        for (key, value) in call.json().as_ref().and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            form.insert(key.clone(), value);
        }
    } else {
        let text = String::from_utf8_lossy(&call.body);
        let uri = format!("/?{text}").parse::<axum::http::Uri>().ok();
        let pairs = uri
            .and_then(|uri| axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
        form.extend(pairs.map(|pairs| pairs.0).unwrap_or_default());
    }
    form
}

/// `ServeCreateAlert`: makes an alert, updates the open one with the same `dedup`, or closes it.
fn incoming(world: &mut World, call: &Call, by: &str) -> Reply {
    let form = form(call);
    let text = |name: &str| form.get(name).cloned().unwrap_or_default();
    let token = if form.contains_key("token") { text("token") } else { text("key") };
    let Some(queue) = world.queues.values().find(|it| integration_key(it) == token).cloned() else {
        return Reply::text(StatusCode::UNAUTHORIZED, "unauthorized");
    };
    let (summary, details) = (text("summary"), text("details"));
    let dedup = match text("dedup") {
        // It defaults to summary and details together.
        dedup if dedup.is_empty() => format!("{summary}\n{details}"),
        dedup => dedup,
    };
    let open = matching(world, &queue.name, &dedup);
    if text("action") == "close" {
        if let Some(number) = open {
            close(world, by, number);
        }
        return Reply::empty(StatusCode::NO_CONTENT);
    }
    if summary.is_empty() {
        return Reply::text(
            StatusCode::BAD_REQUEST,
            "invalid value for 'Summary': must not be empty",
        );
    }
    let meta = call.json().map(|body| body["meta"].clone()).unwrap_or_default();
    let (number, new) = match open {
        Some(number) => (number, false),
        None => (make(world, by, &queue.name, (summary, details, dedup), &meta), true),
    };
    if call.header("accept") != Some("application/json") {
        return Reply::empty(StatusCode::NO_CONTENT);
    }
    let service = shown::uuid(shown::Kind::Service, queue.serial);
    let body = json!({ "AlertID": number, "ServiceID": service, "IsNew": new });
    Reply::json(StatusCode::OK, body)
}

/// The open alert of a service with this `dedup`.
fn matching(world: &World, queue: &str, dedup: &str) -> Option<u64> {
    let open = |number: &&u64| {
        let face = world.tickets.get(number).map(|ticket| ticket.face());
        face.is_some_and(|face| face.status.is_open() && face.queue == queue && !face.deleted)
    };
    world.carrying(dedup).iter().find(open).copied()
}

fn make(
    world: &mut World,
    by: &str,
    queue: &str,
    (summary, details, dedup): (String, String, String),
    meta: &Value,
) -> u64 {
    let mut fields = BTreeMap::new();
    for (key, value) in meta.as_object().into_iter().flatten() {
        fields.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    world.open(NewTicket {
        by: by.to_owned(),
        via: Via::Program,
        queue: queue.to_owned(),
        subject: summary,
        body: details,
        correlation: Some(dedup),
        fields,
        priority: 1,
        status: Status::New,
        holder: None,
        comments: Vec::new(),
    })
}

fn close(world: &mut World, by: &str, number: u64) {
    let edit = Edit { status: Some(Status::Closed), ..Edit::default() };
    let deed = Deed::Edit { by: by.to_owned(), edit };
    world.happen(&Which::Number(number), &deed, Some(Via::Program));
}

fn graphql(world: &mut World, call: &Call, by: &str) -> Reply {
    let body = call.json().unwrap_or_default();
    let query = body["query"].as_str().unwrap_or_default();
    let document = match Document::parse(query, body["operationName"].as_str()) {
        Ok(document) => document,
        Err(why) => return invalid(&why, "GRAPHQL_PARSE_FAILED"),
    };
    let mut data = serde_json::Map::new();
    let mut errors = Vec::new();
    for field in &document.fields {
        let args = field.args(&body["variables"]);
        let value = if document.mutation {
            change(world, call, by, field, &args)
        } else {
            shown::query(world, call, field, &args)
        };
        match value {
            Ok(value) => {
                data.insert(field.alias.clone(), value);
            }
            Err(shown::Error::Unknown(why)) => return invalid(&why, "GRAPHQL_VALIDATION_FAILED"),
            Err(shown::Error::Failed(why)) => {
                errors.push(json!({ "message": why, "path": [field.alias] }));
                data.insert(field.alias.clone(), Value::Null);
            }
        }
    }
    let mut answer = json!({ "data": data });
    if !errors.is_empty() {
        answer["errors"] = json!(errors);
    }
    Reply::json(StatusCode::OK, answer)
}

fn invalid(why: &str, code: &str) -> Reply {
    let error = json!({ "message": why, "extensions": { "code": code } });
    Reply::json(StatusCode::UNPROCESSABLE_ENTITY, json!({ "errors": [error], "data": null }))
}

fn change(
    world: &mut World,
    call: &Call,
    by: &str,
    field: &Field,
    args: &Value,
) -> Result<Value, shown::Error> {
    let input = &args["input"];
    let service = |world: &World| {
        let id = input["serviceID"].as_str().unwrap_or_default();
        let found = shown::queue(world, id).map(|queue| queue.name.clone());
        found.ok_or_else(|| {
            shown::Error::Failed("invalid value for 'ServiceID': service does not exist".to_owned())
        })
    };
    let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
    match field.name.as_str() {
        "createAlert" => {
            let queue = service(world)?;
            let (summary, details) = (text("summary"), text("details"));
            let dedup = match text("dedup") {
                dedup if dedup.is_empty() => format!("{summary}\n{details}"),
                dedup => dedup,
            };
            let pairs = input["meta"].as_array().into_iter().flatten();
            let pairs =
                pairs.filter_map(|it| Some((it["key"].as_str()?.to_owned(), it["value"].clone())));
            let meta = Value::Object(pairs.collect());
            let number = match matching(world, &queue, &dedup) {
                Some(number) => number,
                None => make(world, by, &queue, (summary, details, dedup), &meta),
            };
            shown::alert_by_number(world, call, number, &field.fields)
        }
        "updateAlerts" => {
            let mut alerts = Vec::new();
            for number in
                input["alertIDs"].as_array().into_iter().flatten().filter_map(Value::as_u64)
            {
                match input["newStatus"].as_str() {
                    Some("StatusClosed") => close(world, by, number),
                    Some("StatusAcknowledged") => {
                        let deed = Deed::take(by);
                        world.happen(&Which::Number(number), &deed, Some(Via::Program));
                    }
                    _ => {}
                }
                alerts.push(shown::alert_by_number(world, call, number, &field.fields)?);
            }
            Ok(json!(alerts))
        }
        "closeMatchingAlert" => {
            let open = matching(world, &service(world)?, &text("dedup"));
            if let Some(number) = open {
                close(world, by, number);
            }
            Ok(json!(open.is_some()))
        }
        other => Err(shown::Error::unknown(other, "Mutation")),
    }
}
