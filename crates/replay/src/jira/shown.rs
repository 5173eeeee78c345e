//! How issues, their changelogs, people and projects are shown.

use serde_json::{Map, Value, json};

use super::{CORRELATION_FIELD, TEAM_ROLE, project_key, time};
use crate::counter::Call;
use crate::deed::unspelled;
use crate::people::{Kind, Person, Queue};
use crate::ticket::{Change, Entry, Face, Field, Status, Ticket, words};
use crate::world::World;

/// Ids of issues begin after this.
pub(super) const ISSUES_FROM: u64 = 10_000;

pub(super) fn account_id(person: &Person) -> String {
    format!("5b10a2844c20165700ed{:04x}", person.serial)
}

pub(super) fn project_id(queue: &Queue) -> String {
    (20_000 + queue.serial).to_string()
}

pub(super) fn key(world: &World, ticket: &Ticket, queue: &str) -> String {
    let project = world.queues.get(queue).map(project_key).unwrap_or_default();
    format!("{project}-{}", ticket.number)
}

pub(super) fn user(world: &World, call: &Call, name: &str) -> Option<Value> {
    let person = world.people.get(name)?;
    let account = account_id(person);
    let app = person.kind == Kind::Machine && person.labelled;
    let picture = |size: u8| {
        format!(
            "https://avatar-management--avatars.server-location.prod.public.atl-paas.net/initials/XX-5.png?size={size}&s={size}"
        )
    };
    Some(json!({
        "accountId": account,
        "accountType": if app { "app" } else { "atlassian" },
        "active": person.enabled,
        "avatarUrls": { "16x16": picture(16), "24x24": picture(24), "32x32": picture(32), "48x48": picture(48) },
        "displayName": person.full_name(),
        "emailAddress": person.email(),
        "self": format!("{}/rest/api/3/user?accountId={account}", call.base),
        "timeZone": "Etc/UTC",
    }))
}

/// The id, name and category of a status.
pub(super) fn named(status: &Status) -> (&'static str, String, &'static str) {
    match status {
        Status::New => ("10001", "Waiting for support".to_owned(), "new"),
        Status::Open => ("3", "In Progress".to_owned(), "indeterminate"),
        Status::Waiting(why) if why == "Awaiting Caller" => {
            ("10002", "Waiting for customer".to_owned(), "indeterminate")
        }
        Status::Waiting(_) => ("10003", "Pending".to_owned(), "indeterminate"),
        Status::Resolved => ("5", "Resolved".to_owned(), "done"),
        Status::Closed => ("6", "Closed".to_owned(), "done"),
        Status::Odd(name) => ("20001", name.clone(), "indeterminate"),
    }
}

pub(super) fn status(call: &Call, status: &Status) -> Value {
    let (id, name, category) = named(status);
    let (number, colour, called) = match category {
        "new" => (2, "blue-gray", "To Do"),
        "done" => (3, "green", "Done"),
        _ => (4, "yellow", "In Progress"),
    };
    let base = &call.base;
    json!({
        "description": "",
        "iconUrl": format!("{base}/images/icons/statuses/generic.png"),
        "id": id,
        "name": name,
        "self": format!("{base}/rest/api/3/status/{id}"),
        "statusCategory": {
            "colorName": colour,
            "id": number,
            "key": category,
            "name": called,
            "self": format!("{base}/rest/api/3/statuscategory/{number}"),
        },
    })
}

pub(super) fn statuses(call: &Call) -> Vec<Value> {
    let waits = ["Awaiting Caller", ""].map(|why| Status::Waiting(why.to_owned()));
    let plain = [Status::New, Status::Open, Status::Resolved, Status::Closed];
    plain.iter().chain(&waits).map(|it| status(call, it)).collect()
}

/// Text as a document ("Atlassian Document Format").
fn document(text: &str) -> Value {
    let text = json!({ "type": "text", "text": text });
    let paragraph = json!({ "type": "paragraph", "content": [text] });
    json!({ "type": "doc", "version": 1, "content": [paragraph] })
}

pub(super) fn labels(face: &Face) -> Vec<&str> {
    face.fields.get("labels").map(|it| it.split_whitespace().collect()).unwrap_or_default()
}

pub(super) fn issue(
    world: &World,
    call: &Call,
    ticket: &Ticket,
    face: &Face,
    fields: &str,
    expand: bool,
) -> Value {
    let (base, id) = (&call.base, (ISSUES_FROM + ticket.number).to_string());
    let person = |name: &str| user(world, call, name);
    let done = !face.status.is_open();
    let resolution = face.code.as_ref().map(|code| json!({
        "description": "", "id": "10000", "name": code, "self": format!("{base}/rest/api/3/resolution/10000"),
    }));
    let priority = ["Highest", "High", "Medium", "Low", "Lowest"];
    let rank = usize::from(face.priority.clamp(1, 5));
    let duplicate = face.merged.and_then(|into| world.tickets.get(&into)).map(|into| json!({
        "id": (30_000 + ticket.number).to_string(),
        "outwardIssue": {
            "fields": { "status": status(call, &into.face().status) },
            "id": (ISSUES_FROM + into.number).to_string(),
            "key": key(world, into, &into.face().queue),
            "self": format!("{base}/rest/api/3/issue/{}", ISSUES_FROM + into.number),
        },
        "type": { "id": "10002", "inward": "is duplicated by", "name": "Duplicate", "outward": "duplicates" },
    }));
    let mut all = json!({
        "summary": face.subject,
        "description": document(&face.body),
        "status": status(call, &face.status),
        "statuscategorychangedate": time(world, face.updated),
        "assignee": face.holder.as_deref().and_then(person),
        "reporter": person(&ticket.opened_by),
        "creator": person(&ticket.opened_by),
        "project": world.queues.get(&face.queue).map(|queue| project(call, queue)),
        "issuetype": { "id": "10010", "name": "[System] Incident", "subtask": false, "self": format!("{base}/rest/api/3/issuetype/10010") },
        "priority": { "id": rank.to_string(), "name": priority[rank - 1], "self": format!("{base}/rest/api/3/priority/{rank}") },
        "resolution": resolution,
        "resolutiondate": face.code.as_ref().filter(|_| done).map(|_| time(world, face.updated)),
        "labels": labels(face),
        "issuelinks": duplicate.into_iter().collect::<Vec<_>>(),
        "created": time(world, ticket.opened),
        "updated": time(world, face.updated),
        CORRELATION_FIELD: face.fields.get(CORRELATION_FIELD),
    });
    for (field, value) in face.fields.iter().filter(|(field, _)| field.starts_with("customfield_"))
    {
        all[field.as_str()] = json!(value);
    }
    let wanted: Vec<_> = fields.split(',').map(str::trim).collect();
    let every = wanted.contains(&"*all") || wanted.contains(&"*navigable");
    let mut chosen = Map::new();
    if let Value::Object(all) = all {
        chosen
            .extend(all.into_iter().filter(|(field, _)| every || wanted.contains(&field.as_str())));
    }
    if every || wanted.contains(&"comment") {
        let comments = comments(world, call, ticket);
        let total = comments.len();
        let page =
            json!({ "comments": comments, "maxResults": total, "startAt": 0, "total": total });
        chosen.insert("comment".to_owned(), page);
    }
    let mut issue = json!({
        "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
        "id": id,
        "key": key(world, ticket, &face.queue),
        "self": format!("{base}/rest/api/3/issue/{id}"),
        "fields": chosen,
    });
    if expand {
        let mut histories = changelog(world, call, ticket);
        // Within an issue the newest come first.
        histories.reverse();
        let total = histories.len();
        issue["changelog"] =
            json!({ "histories": histories, "maxResults": total, "startAt": 0, "total": total });
    }
    issue
}

/// What was changed, the oldest first. Comments are not among it.
pub(super) fn changelog(world: &World, call: &Call, ticket: &Ticket) -> Vec<Value> {
    let mut histories = Vec::new();
    for entry in call.sees(ticket).map(|(_, history)| history).unwrap_or_default() {
        let items: Vec<_> =
            entry.changes.iter().flat_map(|change| items(world, ticket, change)).collect();
        if !items.is_empty() {
            histories.push(json!({
                "author": user(world, call, &entry.by),
                "created": time(world, entry.at),
                "id": (ISSUES_FROM + entry.serial).to_string(),
                "items": items,
            }));
        }
    }
    histories
}

fn items(world: &World, ticket: &Ticket, change: &Change) -> Vec<Value> {
    let item = |field: &str, from: (Option<String>, String), to: (Option<String>, String)| {
        json!({
            "field": field,
            "fieldtype": "jira",
            "fieldId": field.to_lowercase(),
            "from": from.0,
            "fromString": (!from.1.is_empty()).then_some(from.1),
            "to": to.0,
            "toString": (!to.1.is_empty()).then_some(to.1),
        })
    };
    match change {
        Change::Set { field, old, new } => match field {
            Field::Queue => {
                let project =
                    |name: &String| (world.queues.get(name).map(project_id), name.clone());
                let key = |name: &String| (None, key(world, ticket, name));
                vec![item("project", project(old), project(new)), item("Key", key(old), key(new))]
            }
            Field::Holder => {
                let person = |name: &String| {
                    let person = world.people.get(name);
                    (person.map(account_id), person.map(Person::full_name).unwrap_or_default())
                };
                vec![item("assignee", person(old), person(new))]
            }
            Field::Status => {
                let status = |text: &String| {
                    let (id, name, _) = named(&unspelled(text));
                    (Some(id.to_owned()), name)
                };
                vec![item("status", status(old), status(new))]
            }
            Field::Code => {
                let code =
                    |code: &String| ((!code.is_empty()).then(|| "10000".to_owned()), code.clone());
                vec![item("resolution", code(old), code(new))]
            }
            Field::Note => Vec::new(),
        },
        Change::Merged { into } => {
            let into = world
                .tickets
                .get(into)
                .map(|it| key(world, it, &it.face().queue))
                .unwrap_or_default();
            let text = format!("This work item duplicates {into}");
            vec![item("Link", (None, String::new()), (Some(into), text))]
        }
        Change::Opened
        | Change::Wrote { .. }
        | Change::Rewrote { .. }
        | Change::Unsaid { .. }
        | Change::Deleted => Vec::new(),
    }
}

pub(super) fn comments(world: &World, call: &Call, ticket: &Ticket) -> Vec<Value> {
    let history = call.sees(ticket).map(|(_, history)| history).unwrap_or_default();
    let mut comments = Vec::new();
    for words in words(history) {
        let mut shown = comment(world, call, ticket, words.entry, words.text, words.public);
        if let Some(entry) = words.rewritten {
            shown["updateAuthor"] = json!(user(world, call, &entry.by));
            shown["updated"] = json!(time(world, entry.at));
        }
        comments.push((words.entry.serial, shown));
    }
    // What was written with a resolution is a comment, too.
    for entry in history {
        for change in &entry.changes {
            if let Change::Set { field: Field::Note, new, .. } = change
                && !new.is_empty()
            {
                let shown = comment(world, call, ticket, entry, new, false);
                comments.push((entry.serial, shown));
            }
        }
    }
    comments.sort_by_key(|(serial, _)| *serial);
    comments.into_iter().map(|(_, shown)| shown).collect()
}

pub(super) fn comment(
    world: &World,
    call: &Call,
    ticket: &Ticket,
    entry: &Entry,
    text: &str,
    public: bool,
) -> Value {
    let (issue, id) = (ISSUES_FROM + ticket.number, ISSUES_FROM + entry.serial);
    json!({
        "author": user(world, call, &entry.by),
        "body": document(text),
        "created": time(world, entry.at),
        "id": id.to_string(),
        "jsdPublic": public,
        "self": format!("{}/rest/api/3/issue/{issue}/comment/{id}", call.base),
        "updateAuthor": user(world, call, &entry.by),
        "updated": time(world, entry.at),
    })
}

pub(super) fn project(call: &Call, queue: &Queue) -> Value {
    let (id, key) = (project_id(queue), project_key(queue));
    let picture = |size: &str| format!("{}/secure/projectavatar?size={size}&pid={id}", call.base);
    json!({
        "avatarUrls": {
            "16x16": picture("xsmall"), "24x24": picture("small"), "32x32": picture("medium"), "48x48": picture("large"),
        },
        "id": id,
        "key": key,
        "name": queue.name,
        "projectTypeKey": "service_desk",
        "archived": !queue.enabled,
        "self": format!("{}/rest/api/3/project/{id}", call.base),
        "simplified": false,
        "style": "classic",
    })
}

pub(super) fn role(world: &World, call: &Call, queue: &Queue) -> Value {
    let mut actors = Vec::new();
    for member in &queue.members {
        let Some(person) = world.people.get(&member.person) else { continue };
        actors.push(json!({
            "id": member.serial,
            "displayName": person.full_name(),
            "type": "atlassian-user-role-actor",
            "actorUser": { "accountId": account_id(person) },
        }));
    }
    json!({
        "self": format!("{}/rest/api/3/project/{}/role/{TEAM_ROLE}", call.base, project_key(queue)),
        "name": "Service Desk Team",
        "id": TEAM_ROLE,
        "description": "",
        "actors": actors,
        "scope": null,
    })
}

pub(super) fn desk(call: &Call, queue: &Queue) -> Value {
    json!({
        "id": queue.serial.to_string(),
        "projectId": project_id(queue),
        "projectName": queue.name,
        "projectKey": project_key(queue),
        "_links": { "self": format!("{}/rest/servicedeskapi/servicedesk/{}", call.base, queue.serial) },
    })
}

pub(super) fn queue(call: &Call, queue: &Queue) -> Value {
    let (desk, id) = (queue.serial, queue.serial);
    json!({
        "id": id.to_string(),
        "name": "All open",
        "jql": format!("project = {} AND resolution = Unresolved", project_key(queue)),
        "fields": ["issuetype", "issuekey", "summary", "created", "reporter"],
        "issueCount": -1,
        "_links": { "self": format!("{}/rest/servicedeskapi/servicedesk/{desk}/queue/{id}", call.base) },
    })
}
