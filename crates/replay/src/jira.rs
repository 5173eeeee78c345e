//! Jira Service Management (Cloud): issues, changelogs, comments, transitions and search of the platform's REST API
//! v3, and service desks with their queues.
//!
//! Made from Atlassian's OpenAPI description of the platform (developer.atlassian.com/cloud/jira/platform, v3) and of
//! service desks (developer.atlassian.com/cloud/jira/service-desk/rest), and from "Rate limiting" there. An office's
//! queue is a service desk's project, with one queue "All open". What an issue is found again by is the text field
//! [`CORRELATION_FIELD`], or else the first label.
//!
//! Habits that are easy to overlook: an issue that is moved gets another key, and the old one still leads to it; a
//! search answers nothing but ids unless fields are named, and shows what was indexed, except for the issues that
//! `reconcileIssues` names; a status without a resolution is not resolved; comments are not in the changelog.

mod search;
mod shown;
mod write;

use axum::Router;
use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::counter::{self, Call, Reply, Vendor};
use crate::lie::Asked;
use crate::office::Shared;
use crate::people::Queue;
use crate::ticket::{Face, Ticket};
use crate::world::World;
use shown::{changelog, comments, issue, user};

/// The text field in which what whoever opened an issue finds it by is.
pub const CORRELATION_FIELD: &str = "customfield_10100";

/// The role in a project that those who work on its queues have.
const TEAM_ROLE: u64 = 10_002;

/// Serves an office as a Jira site would.
pub fn router(office: Shared) -> Router {
    counter::router(office, Jira)
}

struct Jira;

impl Vendor for Jira {
    fn asked(&self, call: &Call) -> Asked {
        match (call.parts().as_slice(), &call.method) {
            (["rest", "api", "3", "search", "jql"], _) => Asked::Search,
            (["rest", "api", "3", "issue"], &Method::POST) => Asked::Create,
            (["rest", "api", "3", "issue", _, "comment"], &Method::POST) => Asked::Comment,
            (["rest", "api", "3", "issue", _, "comment" | "changelog"], _) => Asked::History,
            (["rest", "api", "3", "issue", ..], &Method::GET) => Asked::Read,
            (["rest", "api", "3", "issue", ..], _) => Asked::Change,
            (["rest", "servicedeskapi", "servicedesk", _, "queue", _, "issue"], _) => Asked::Search,
            (["rest", ..], _) => Asked::People,
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
            let (email, secret) = text.split_once(':')?;
            world.bearer(secret).filter(|person| person.email() == email)
        });
        known.map(|person| person.name.clone())
    }

    fn stranger(&self) -> Reply {
        let message = "Client must be authenticated to access this resource.";
        let body = json!({ "message": message, "status-code": 401 });
        Reply::json(StatusCode::UNAUTHORIZED, body)
            .with("www-authenticate", "OAuth realm=\"https%3A%2F%2Foffice.atlassian.net\"")
    }

    fn forbidden(&self, call: &Call) -> Reply {
        // An issue that may not be seen does not exist.
        match call.asked {
            Asked::Read | Asked::History => missing(),
            _ => failure(StatusCode::FORBIDDEN, "You do not have the permission to do this."),
        }
    }

    fn throttled(&self, world: &World, seconds: u32) -> Reply {
        let wait = SignedDuration::from_secs(seconds.into());
        let resets = world.now.saturating_add(wait).unwrap_or(world.now);
        failure(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded.")
            .with("retry-after", seconds)
            .with("x-ratelimit-reset", resets.strftime("%Y-%m-%dT%H:%MZ"))
            .with("x-ratelimit-remaining", 0)
            .with("ratelimit-reason", "jira-burst-based")
    }

    fn budget(&self, world: &World, reply: Reply) -> Reply {
        let Some((limit, left, _)) = world.budget() else { return reply };
        let reply =
            reply.with("x-ratelimit-limit", limit.requests).with("x-ratelimit-remaining", left);
        if left * 5 < limit.requests { reply.with("x-ratelimit-nearlimit", true) } else { reply }
    }

    fn prose(&self, _: &Call) -> Reply {
        let page =
            "<html><body>This site is being moved. Your request was not processed.</body></html>";
        Reply::text(StatusCode::OK, page)
    }

    fn nothing(&self) -> Reply {
        Reply::json(StatusCode::OK, json!({}))
    }

    fn serve(&self, world: &mut World, call: &Call, by: &str) -> Reply {
        let path = call.parts();
        match (path.as_slice(), &call.method) {
            (["rest", "api", "3", "search", "jql"], _) => search::search(world, call),
            (["rest", "api", "3", "issue", ..], method) if *method != Method::GET => {
                write::write(world, call, by)
            }
            (["rest", "api", "3", rest @ ..], &Method::GET) => read(world, call, by, rest),
            (["rest", "servicedeskapi", "servicedesk", rest @ ..], &Method::GET) => {
                desks(world, call, rest)
            }
            _ => failure(StatusCode::NOT_FOUND, "null for uri"),
        }
    }
}

fn read(world: &World, call: &Call, by: &str, path: &[&str]) -> Reply {
    match path {
        ["issue", id] => match known(world, call, id) {
            Some((ticket, face)) => {
                let expand = call.param("expand").unwrap_or_default().contains("changelog");
                let fields = call.param("fields").unwrap_or("*all");
                Reply::json(StatusCode::OK, issue(world, call, ticket, face, fields, expand))
            }
            None => missing(),
        },
        ["issue", id, "changelog"] => match known(world, call, id) {
            Some((ticket, _)) => {
                paged(call, format!("issue/{id}/changelog"), changelog(world, call, ticket))
            }
            None => missing(),
        },
        ["issue", id, "comment"] => match known(world, call, id) {
            Some((ticket, _)) => {
                let all = comments(world, call, ticket);
                let (begun, size) =
                    (call.number("startAt").unwrap_or(0), call.number("maxResults").unwrap_or(100));
                let total = all.len();
                let page: Vec<_> = all.into_iter().skip(begun).take(size).collect();
                let body = json!({ "comments": page, "maxResults": size, "startAt": begun, "total": total });
                Reply::json(StatusCode::OK, body)
            }
            None => missing(),
        },
        ["issue", id, "transitions"] => match known(world, call, id) {
            Some(_) => {
                Reply::json(StatusCode::OK, json!({ "transitions": write::transitions(call) }))
            }
            None => missing(),
        },
        ["myself"] => one(user(world, call, by)),
        ["user"] => {
            let account = call.param("accountId").unwrap_or_default();
            let person = world.people.values().find(|person| shown::account_id(person) == account);
            one(person.and_then(|person| user(world, call, &person.name)))
        }
        ["user", "bulk"] => {
            let wanted = |account: &str| {
                call.query.iter().any(|(key, it)| key == "accountId" && it == account)
            };
            let people = world.people.values().filter(|person| wanted(&shown::account_id(person)));
            let users = people.filter_map(|person| user(world, call, &person.name)).collect();
            paged(call, "user/bulk".to_owned(), users)
        }
        // Only those who can be made the assignee now; whoever is disabled is not among them.
        ["user", "assignable", "search"] => {
            let queue = call.param("project").and_then(|key| queue(world, key));
            let members =
                queue.into_iter().flat_map(|queue| &queue.members).filter(|it| it.may_take);
            let people = members
                .filter_map(|member| world.people.get(&member.person))
                .filter(|it| it.enabled);
            let users: Vec<_> =
                people.filter_map(|person| user(world, call, &person.name)).collect();
            Reply::json(StatusCode::OK, json!(users))
        }
        ["project", key] => one(queue(world, key).map(|queue| shown::project(call, queue))),
        ["project", key, "role"] => {
            let role = format!("{}/rest/api/3/project/{key}/role/{TEAM_ROLE}", call.base);
            one(queue(world, key).map(|_| json!({ "Service Desk Team": role })))
        }
        // Whoever was given the role, disabled or not.
        ["project", key, "role", _] => {
            one(queue(world, key).map(|queue| shown::role(world, call, queue)))
        }
        ["status"] => Reply::json(StatusCode::OK, json!(shown::statuses(call))),
        _ => failure(StatusCode::NOT_FOUND, "null for uri"),
    }
}

/// Service desks and their queues, in pages with `start`, `limit` and `isLastPage`.
fn desks(world: &World, call: &Call, path: &[&str]) -> Reply {
    let values: Vec<Value> = match path {
        [] => world.queues.values().map(|queue| shown::desk(call, queue)).collect(),
        [id] => return one(queue(world, id).map(|queue| shown::desk(call, queue))),
        [id, "queue"] => {
            queue(world, id).into_iter().map(|queue| shown::queue(call, queue)).collect()
        }
        [id, "queue", _, "issue"] => {
            let Some(queue) = queue(world, id) else { return missing() };
            let faces =
                world.tickets.values().filter_map(|it| call.sees(it).map(|(face, _)| (it, face)));
            let open = faces.filter(|(_, face)| face.queue == queue.name && face.code.is_none());
            open.map(|(it, face)| issue(world, call, it, face, "summary,status,assignee", false))
                .collect()
        }
        _ => return failure(StatusCode::NOT_FOUND, "null for uri"),
    };
    let (start, limit) = (call.number("start").unwrap_or(0), call.number("limit").unwrap_or(50));
    let total = values.len();
    let page: Vec<_> = values.into_iter().skip(start).take(limit).collect();
    let body = json!({
        "_expands": [],
        "size": page.len(),
        "start": start,
        "limit": limit,
        "isLastPage": start + page.len() >= total,
        "_links": { "base": call.base, "context": "", "self": format!("{}/{}", call.base, call.path.join("/")) },
        "values": page,
    });
    Reply::json(StatusCode::OK, body)
}

fn failure(status: StatusCode, message: &str) -> Reply {
    Reply::json(status, json!({ "errorMessages": [message], "errors": {} }))
}

fn missing() -> Reply {
    let message = "Issue does not exist or you do not have permission to see it.";
    failure(StatusCode::NOT_FOUND, message)
}

fn one(value: Option<Value>) -> Reply {
    value.map_or_else(missing, |value| Reply::json(StatusCode::OK, value))
}

/// A page with `startAt`, `maxResults`, `total` and `isLast`.
fn paged(call: &Call, path: String, all: Vec<Value>) -> Reply {
    let (begun, size) = (
        call.number("startAt").unwrap_or(0),
        call.number("maxResults").unwrap_or(100).clamp(1, 100),
    );
    let total = all.len();
    let page: Vec<_> = all.into_iter().skip(begun).take(size).collect();
    let at =
        |begun: usize| format!("{}/rest/api/3/{path}?startAt={begun}&maxResults={size}", call.base);
    let last = begun + page.len() >= total;
    let mut body = json!({
        "isLast": last,
        "maxResults": size,
        "self": at(begun),
        "startAt": begun,
        "total": total,
        "values": page,
    });
    if !last {
        body["nextPage"] = json!(at(begun + size));
    }
    Reply::json(StatusCode::OK, body)
}

fn time(world: &World, at: Timestamp) -> String {
    world.stamp(at).strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// The key of a queue's project: the letters of its name.
fn project_key(queue: &Queue) -> String {
    queue.name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase()
}

/// A queue by the key or id of its project, or the id of its service desk.
fn queue<'a>(world: &'a World, id: &str) -> Option<&'a Queue> {
    let means = |queue: &&Queue| {
        project_key(queue) == id
            || queue.serial.to_string() == id
            || shown::project_id(queue) == id
            || queue.name == id
    };
    world.queues.values().find(means)
}

/// An issue by its id, or by a key that it has or had.
fn known<'a>(world: &'a World, call: &Call, id: &str) -> Option<(&'a Ticket, &'a Face)> {
    let number = match id.rsplit_once('-') {
        Some((_, number)) => number.parse().ok()?,
        None => id.parse::<u64>().ok()?.checked_sub(shown::ISSUES_FROM)?,
    };
    let ticket = world.tickets.get(&number)?;
    let keys = |(project, _): (&str, &str)| {
        ticket.faces.iter().any(|(_, face)| {
            world.queues.get(&face.queue).is_some_and(|queue| project_key(queue) == project)
        })
    };
    if !id.rsplit_once('-').is_none_or(keys) {
        return None;
    }
    call.sees(ticket).map(|(face, _)| (ticket, face))
}
