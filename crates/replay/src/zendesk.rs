//! Zendesk Support: tickets, audits, comments, groups, memberships, users, search and the incremental export.
//!
//! Made from Zendesk's developer documentation (developer.zendesk.com: Tickets, Ticket Audits, Ticket Audit events
//! reference, Groups, Group Memberships, Users, Search, Incremental Exports, Rate limits) and its OpenAPI description
//! (`zendesk/oas.yaml`). `Idempotency-Key` on a create is kept for two hours, as Tickets says; a search shows what
//! was indexed, which may take minutes, so [`crate::Lie::SearchLags`] is the rule rather than the exception there,
//! while the list by `external_id` shows what is.
//!
//! An office's queue is a group. A rule acts as author -1 through the channel `rule`. Custom statuses are shown by
//! their name in `status`, where Zendesk has an id. The code of a resolution is a custom field, [`RESOLUTION_FIELD`].

mod shown;
mod write;

use axum::Router;
use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::counter::{self, Call, Reply, Vendor};
use crate::lie::Asked;
use crate::office::Shared;
use crate::ticket::{Face, Ticket};
use crate::world::World;
use shown::{audits, comments, group, group_id, membership, ticket, user, user_id};

/// The custom field in which a resolution's code is.
pub const RESOLUTION_FIELD: u64 = 27_642;

/// Serves an office as Zendesk would.
pub fn router(office: Shared) -> Router {
    counter::router(office, Zendesk)
}

struct Zendesk;

/// The parts of a path, with or without the ending that older clients use.
fn parts(call: &Call) -> Vec<&str> {
    let mut parts = call.parts();
    if let Some(last) = parts.last_mut() {
        *last = last.strip_suffix(".json").unwrap_or(last);
    }
    match parts.as_slice() {
        ["api", "v2", rest @ ..] => rest.to_vec(),
        _ => Vec::new(),
    }
}

impl Vendor for Zendesk {
    fn asked(&self, call: &Call) -> Asked {
        match (parts(call).as_slice(), &call.method) {
            (["tickets"], &Method::POST) => Asked::Create,
            (["search", ..], _) => Asked::Search,
            (["tickets", "show_many"] | ["tickets"] | ["incremental", ..], _) => Asked::Read,
            (["tickets", _, "audits" | "comments"], _) => Asked::History,
            (["tickets", _], &Method::GET) => Asked::Read,
            (["tickets", ..], _) => write::asked(call),
            (["groups" | "group_memberships" | "users", ..], _) => Asked::People,
            _ => Asked::Other,
        }
    }

    fn caller(&self, world: &World, call: &Call) -> Option<String> {
        let known = call.header("authorization").and_then(|header| {
            let (scheme, rest) = header.split_once(' ')?;
            if scheme.eq_ignore_ascii_case("bearer") {
                return world.bearer(rest);
            }
            let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
            let (email, secret) = text.split_once("/token:")?;
            world.bearer(secret).filter(|person| person.email() == email)
        });
        known.map(|person| person.name.clone())
    }

    fn stranger(&self) -> Reply {
        let refusal = json!({ "error": "Couldn't authenticate you" });
        Reply::json(StatusCode::UNAUTHORIZED, refusal)
    }

    fn forbidden(&self, _: &Call) -> Reply {
        let message = "You do not have access to this page. Please contact the account owner of this help desk for \
                       further help.";
        let error = json!({ "title": "Forbidden", "message": message });
        Reply::json(StatusCode::FORBIDDEN, json!({ "error": error }))
    }

    fn throttled(&self, world: &World, seconds: u32) -> Reply {
        let error = json!({
            "error": "APIRateLimitExceeded",
            "description": "Number of allowed API requests per minute exceeded",
        });
        let reply = Reply::json(StatusCode::TOO_MANY_REQUESTS, error).with("retry-after", seconds);
        self.budget(world, reply)
    }

    fn budget(&self, world: &World, reply: Reply) -> Reply {
        let Some((limit, left, resets)) = world.budget() else { return reply };
        reply
            .with("x-rate-limit", limit.requests)
            .with("ratelimit-limit", limit.requests)
            .with("x-rate-limit-remaining", left)
            .with("ratelimit-remaining", left)
            .with("ratelimit-reset", resets)
    }

    fn prose(&self, _: &Call) -> Reply {
        Reply::text(StatusCode::OK, "<html><body>This account is suspended.</body></html>")
    }

    fn nothing(&self) -> Reply {
        Reply::json(StatusCode::OK, json!({ "ticket": null }))
    }

    fn serve(&self, world: &mut World, call: &Call, by: &str) -> Reply {
        let path = parts(call);
        match (path.as_slice(), &call.method) {
            (["tickets"], &Method::POST) => write::create(world, call, by),
            (["tickets", id], &Method::PUT) => write::update(world, call, by, id),
            (["tickets", id], &Method::DELETE) => write::delete(world, call, by, id),
            (_, &Method::GET) => read(world, call, by, &path),
            _ => missing(),
        }
    }
}

fn read(world: &World, call: &Call, by: &str, path: &[&str]) -> Reply {
    match path {
        ["tickets"] => {
            let tickets: Vec<&Ticket> = match call.param("external_id") {
                Some(id) => {
                    world.carrying(id).iter().filter_map(|it| world.tickets.get(it)).collect()
                }
                None => world.tickets.values().collect(),
            };
            page(
                call,
                "tickets",
                tickets.into_iter().filter_map(|it| seen(world, call, it)).collect(),
            )
        }
        ["tickets", "show_many"] => {
            let ids =
                call.param("ids").unwrap_or_default().split(',').filter_map(|id| id.parse().ok());
            let by_id = ids.filter_map(|id: u64| world.tickets.get(&id));
            let external = call.param("external_ids").unwrap_or_default().split(',');
            let by_external =
                external.flat_map(|id| world.carrying(id)).filter_map(|it| world.tickets.get(it));
            // At most a hundred in one request.
            let found = by_id.chain(by_external).take(100);
            page(call, "tickets", found.filter_map(|it| seen(world, call, it)).collect())
        }
        ["tickets", id] => {
            one("ticket", known(world, call, id).map(|(it, face)| ticket(world, call, it, face)))
        }
        ["tickets", id, "audits"] => match known(world, call, id) {
            Some((it, _)) => page(call, "audits", audits(world, call, it)),
            None => missing(),
        },
        ["tickets", id, "comments"] => match known(world, call, id) {
            Some((it, _)) => page(call, "comments", comments(world, call, it)),
            None => missing(),
        },
        ["search"] => search(world, call),
        ["incremental", "tickets", "cursor"] => incremental(world, call),
        ["groups"] => {
            page(call, "groups", world.queues.values().map(|it| group(world, call, it)).collect())
        }
        ["groups", id] => {
            let found = world.queues.values().find(|queue| group_id(queue).to_string() == *id);
            one("group", found.map(|queue| group(world, call, queue)))
        }
        ["groups", id, "memberships"] => {
            let queues = world.queues.values().filter(|queue| group_id(queue).to_string() == *id);
            let members = queues.flat_map(|queue| queue.members.iter().map(move |it| (queue, it)));
            page(
                call,
                "group_memberships",
                members.map(|(queue, it)| membership(world, call, queue, it)).collect(),
            )
        }
        ["group_memberships"] => {
            let members = world
                .queues
                .values()
                .flat_map(|queue| queue.members.iter().map(move |it| (queue, it)));
            page(
                call,
                "group_memberships",
                members.map(|(queue, it)| membership(world, call, queue, it)).collect(),
            )
        }
        ["groups", id, "users"] => {
            let queue = world.queues.values().find(|queue| group_id(queue).to_string() == *id);
            let members = queue.into_iter().flat_map(|queue| &queue.members);
            page(call, "users", members.filter_map(|it| user(world, call, &it.person)).collect())
        }
        ["users", "me"] => one("user", user(world, call, by)),
        ["users", "show_many"] => {
            let ids: Vec<_> = call.param("ids").unwrap_or_default().split(',').collect();
            let people =
                world.people.values().filter(|it| ids.contains(&user_id(it).to_string().as_str()));
            page(call, "users", people.filter_map(|it| user(world, call, &it.name)).collect())
        }
        ["users"] => page(
            call,
            "users",
            world.people.values().filter_map(|it| user(world, call, &it.name)).collect(),
        ),
        ["users", id] => {
            let person = world.people.values().find(|person| user_id(person).to_string() == *id);
            one("user", person.and_then(|person| user(world, call, &person.name)))
        }
        _ => missing(),
    }
}

fn missing() -> Reply {
    Reply::json(
        StatusCode::NOT_FOUND,
        json!({ "error": "RecordNotFound", "description": "Not found" }),
    )
}

fn one(name: &str, value: Option<Value>) -> Reply {
    value.map_or_else(missing, |value| Reply::json(StatusCode::OK, json!({ name: value })))
}

fn known<'a>(world: &'a World, call: &Call, id: &str) -> Option<(&'a Ticket, &'a Face)> {
    let ticket = world.tickets.get(&id.parse().ok()?)?;
    call.sees(ticket).map(|(face, _)| (ticket, face))
}

fn seen(world: &World, call: &Call, it: &Ticket) -> Option<Value> {
    call.sees(it).map(|(face, _)| ticket(world, call, it, face))
}

fn time(world: &World, at: Timestamp) -> String {
    world.stamp(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A page of a list: with a cursor if `page[size]` was given, with numbers otherwise ("Pagination").
fn page(call: &Call, name: &str, all: Vec<Value>) -> Reply {
    let total = all.len();
    let path = format!("{}/{}", call.base, call.path.join("/"));
    if let Some(size) = call.number("page[size]") {
        let size = size.clamp(1, 100);
        let begun = call.param("page[after]").and_then(|cursor| STANDARD.decode(cursor).ok());
        let begun =
            begun.and_then(|text| String::from_utf8(text).ok()?.parse::<usize>().ok()).unwrap_or(0);
        let page: Vec<_> = all.into_iter().skip(begun).take(size).collect();
        let (end, more) = (begun + page.len(), begun + page.len() < total);
        let after = STANDARD.encode(end.to_string());
        let next = more.then(|| format!("{path}?page%5Bafter%5D={after}&page%5Bsize%5D={size}"));
        let body = json!({
            name: page,
            "meta": {
                "has_more": more,
                "after_cursor": more.then_some(after),
                "before_cursor": STANDARD.encode(begun.to_string()),
            },
            "links": { "next": next, "prev": null },
        });
        return Reply::json(StatusCode::OK, body);
    }
    let size = call.number("per_page").unwrap_or(100).clamp(1, 100);
    let number = call.number("page").unwrap_or(1).max(1);
    let page: Vec<_> = all.into_iter().skip((number - 1) * size).take(size).collect();
    let at = |number: usize| format!("{path}?page={number}&per_page={size}");
    let body = json!({
        name: page,
        "count": total,
        "next_page": (number * size < total).then(|| at(number + 1)),
        "previous_page": (number > 1).then(|| at(number - 1)),
    });
    Reply::json(StatusCode::OK, body)
}

/// "Search": words of the form `field:value` must all hold; words alone must be in the subject or description.
fn search(world: &World, call: &Call) -> Reply {
    let query = call.param("query").unwrap_or_default();
    let mut found = Vec::new();
    for it in world.tickets.values() {
        let Some((face, _)) = call.sees(it) else { continue };
        if query.split_whitespace().all(|word| holds(world, it, face, word)) {
            let mut result = ticket(world, call, it, face);
            result["result_type"] = json!("ticket");
            found.push(result);
        }
    }
    let mut reply = page(call, "results", found);
    if let Some(body) = &mut reply.body {
        body["facets"] = Value::Null;
    }
    reply
}

fn holds(world: &World, ticket: &Ticket, face: &Face, word: &str) -> bool {
    let word = word.replace('"', "");
    if let Some(limit) = word.strip_prefix("status<") {
        let order = ["new", "open", "pending", "hold", "solved", "closed"];
        let place = |name: &str| order.iter().position(|it| *it == name);
        return place(shown::status(face)) < place(limit);
    }
    let Some((field, value)) = word.split_once(':') else {
        return face.subject.contains(&word) || face.body.contains(&word);
    };
    match field {
        "type" => value == "ticket",
        "external_id" => face.correlation.as_deref() == Some(value),
        "status" => shown::status(face) == value,
        "group" => {
            let queue = world.queues.get(&face.queue);
            face.queue == value || queue.is_some_and(|queue| group_id(queue).to_string() == value)
        }
        "tags" => shown::tags(face).iter().any(|tag| tag == value),
        "fieldvalue" => face.fields.values().any(|it| it == value),
        "id" => ticket.number.to_string() == value,
        _ => false,
    }
}

/// "Incremental Exports", by cursor: what was updated since `start_time`, the longest ago first.
fn incremental(world: &World, call: &Call) -> Reply {
    let cursor = call.param("cursor").and_then(|cursor| STANDARD.decode(cursor).ok());
    let cursor = cursor.and_then(|text| String::from_utf8(text).ok()?.parse::<i64>().ok());
    let Some(since) = cursor.or_else(|| call.param("start_time")?.parse().ok()) else {
        let error = json!({ "error": "InvalidValue", "description": "start_time is required" });
        return Reply::json(StatusCode::BAD_REQUEST, error);
    };
    let faces = world.tickets.values().filter_map(|it| call.sees(it).map(|(face, _)| (it, face)));
    let mut updated: Vec<_> = faces.filter(|(_, face)| face.updated.as_second() >= since).collect();
    updated.sort_by_key(|(it, face)| (face.updated, it.number));
    let size = call.number("per_page").unwrap_or(1000).clamp(1, 1000);
    let ends = updated.len() <= size;
    updated.truncate(size);
    let last = updated.last().map_or(since, |(_, face)| face.updated.as_second());
    let after = STANDARD.encode(last.to_string());
    let path = format!("{}/{}", call.base, call.path.join("/"));
    let tickets: Vec<_> =
        updated.into_iter().map(|(it, face)| ticket(world, call, it, face)).collect();
    let body = json!({
        "tickets": tickets,
        "after_url": format!("{path}?cursor={after}"),
        "after_cursor": after,
        "before_url": null,
        "before_cursor": null,
        "end_of_stream": ends,
    });
    Reply::json(StatusCode::OK, body)
}
