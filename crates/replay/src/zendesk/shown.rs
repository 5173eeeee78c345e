//! How tickets, their audits, groups and people are shown.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{RESOLUTION_FIELD, time};
use crate::counter::Call;
use crate::deed::unspelled;
use crate::people::{Kind, Member, Person, Queue};
use crate::ticket::{Change, Entry, Face, Field, Status, Ticket, Via};
use crate::world::World;

pub(super) fn user_id(person: &Person) -> u64 {
    900_000_000 + person.serial
}

pub(super) fn group_id(queue: &Queue) -> u64 {
    360_000_000 + queue.serial
}

fn person_id(world: &World, name: &str) -> Option<u64> {
    world.people.get(name).map(user_id)
}

/// Who did something. Rules are nobody.
fn author(world: &World, entry: &Entry) -> i64 {
    let person = world.people.get(&entry.by);
    let known = person.filter(|_| !rule(world, entry));
    known.and_then(|person| i64::try_from(user_id(person)).ok()).unwrap_or(-1)
}

fn rule(world: &World, entry: &Entry) -> bool {
    let labelled = |it: &Person| it.kind == Kind::Machine && it.labelled && it.secret.is_none();
    world.people.get(&entry.by).is_none_or(labelled)
}

fn via(world: &World, entry: &Entry) -> Value {
    match entry.via {
        _ if rule(world, entry) => {
            let from = json!({ "deleted": false, "id": 35_436, "title": entry.by });
            json!({ "channel": "rule", "source": { "from": from, "rel": "trigger", "to": {} } })
        }
        Via::Pages => json!({ "channel": "web" }),
        Via::Program | Via::Rule => json!({ "channel": "api" }),
    }
}

pub(super) fn status(face: &Face) -> &str {
    named(&face.status)
}

fn named(status: &Status) -> &str {
    match status {
        Status::New => "new",
        Status::Open => "open",
        Status::Waiting(why) if why == "hold" => "hold",
        Status::Waiting(_) => "pending",
        Status::Resolved => "solved",
        Status::Closed => "closed",
        Status::Odd(name) => name,
    }
}

pub(super) fn tags(face: &Face) -> Vec<String> {
    let given = face.fields.get("tags").map(String::as_str).unwrap_or_default();
    let mut tags: Vec<_> = given.split_whitespace().map(str::to_owned).collect();
    if face.merged.is_some() {
        tags.push("closed_by_merge".to_owned());
    }
    tags
}

pub(super) fn ticket(world: &World, call: &Call, ticket: &Ticket, face: &Face) -> Value {
    let mut custom = vec![json!({ "id": RESOLUTION_FIELD, "value": face.code })];
    for (id, value) in &face.fields {
        if let Some(id) = id.parse::<u64>().ok().filter(|id| *id != RESOLUTION_FIELD) {
            custom.push(json!({ "id": id, "value": value }));
        }
    }
    let opener = person_id(world, &ticket.opened_by);
    let channel = ticket.history.first().map(|entry| via(world, entry));
    json!({
        "assignee_id": face.holder.as_deref().and_then(|it| person_id(world, it)),
        "collaborator_ids": [],
        "created_at": time(world, ticket.opened),
        "custom_fields": custom,
        "custom_status_id": 123,
        "description": face.body,
        "due_at": null,
        "external_id": face.correlation,
        "follower_ids": [],
        "from_messaging_channel": false,
        "group_id": world.queues.get(&face.queue).map(group_id),
        "has_incidents": false,
        "id": ticket.number,
        "organization_id": null,
        "priority": priority(face.priority),
        "problem_id": null,
        "raw_subject": face.subject,
        "recipient": null,
        "requester_id": opener,
        "satisfaction_rating": null,
        "sharing_agreement_ids": [],
        "status": status(face),
        "subject": face.subject,
        "submitter_id": opener,
        "tags": tags(face),
        "type": "incident",
        "updated_at": time(world, face.updated),
        "url": format!("{}/api/v2/tickets/{}.json", call.base, ticket.number),
        "via": channel,
    })
}

fn priority(priority: u8) -> &'static str {
    match priority {
        0 | 1 => "urgent",
        2 => "high",
        3 => "normal",
        _ => "low",
    }
}

pub(super) fn audits(world: &World, call: &Call, ticket: &Ticket) -> Vec<Value> {
    let history = call.sees(ticket).map(|(_, history)| history).unwrap_or_default();
    history.iter().map(|entry| audit(world, ticket, entry)).collect()
}

pub(super) fn audit(world: &World, ticket: &Ticket, entry: &Entry) -> Value {
    let mut events = Vec::new();
    for change in &entry.changes {
        happened(world, ticket, entry, change, &mut events);
    }
    for (index, event) in events.iter_mut().enumerate() {
        event["id"] = json!(entry.serial * 100 + index as u64 + 1);
    }
    json!({
        "author_id": author(world, entry),
        "created_at": time(world, entry.at),
        "events": events,
        "id": entry.serial * 100,
        "metadata": { "custom": {}, "system": { "ip_address": "192.0.2.1" } },
        "ticket_id": ticket.number,
        "via": via(world, entry),
    })
}

fn happened(
    world: &World,
    ticket: &Ticket,
    entry: &Entry,
    change: &Change,
    events: &mut Vec<Value>,
) {
    let id = |id: Option<u64>| id.map(|id| id.to_string());
    let set = |field: &str, old: Option<String>, new: Option<String>| json!({ "type": "Change", "field_name": field, "value": new, "previous_value": old });
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    match change {
        Change::Opened => {
            let Some((_, face)) = ticket.faces.first() else { return };
            events.push(comment(world, entry, &face.body, true));
            let group = id(world.queues.get(&face.queue).map(group_id));
            let holder = id(face.holder.as_deref().and_then(|it| person_id(world, it)));
            let made = [
                ("subject", Some(face.subject.clone())),
                ("status", Some(status(face).to_owned())),
                ("group_id", group),
                ("assignee_id", holder),
                ("external_id", face.correlation.clone()),
            ];
            for (field, value) in made.into_iter().filter(|(_, value)| value.is_some()) {
                events.push(json!({ "type": "Create", "field_name": field, "value": value }));
            }
        }
        Change::Set { field, old, new } => match field {
            Field::Queue => {
                let group = |name: &String| id(world.queues.get(name).map(group_id));
                events.push(set("group_id", group(old), group(new)));
            }
            Field::Holder => {
                let person = |name: &String| id(person_id(world, name));
                events.push(set("assignee_id", person(old), person(new)));
            }
            Field::Status => {
                let status = |text: &String| Some(named(&unspelled(text)).to_owned());
                events.push(set("status", status(old), status(new)));
            }
            Field::Code => events.push(set(&RESOLUTION_FIELD.to_string(), text(old), text(new))),
            // What is written about a resolution is a note like any other.
            Field::Note => events.extend(text(new).map(|new| comment(world, entry, &new, false))),
        },
        Change::Wrote { public, text } => {
            let unsaid = |later: &Entry| {
                let gone = |change: &Change| matches!(change, Change::Unsaid { entry: of } if *of == entry.serial);
                later.changes.iter().any(gone)
            };
            let black: String = text.chars().map(|it| if it == ' ' { it } else { '▇' }).collect();
            let text = if ticket.history.iter().any(unsaid) { &black } else { text };
            events.push(comment(world, entry, text, *public));
        }
        Change::Merged { into } => {
            let body = format!("This request was closed and merged into request #{into}.");
            let mut event = comment(world, entry, &body, false);
            event["via"] =
                json!({ "channel": "web", "source": { "from": {}, "rel": "merge", "to": {} } });
            events.push(event);
        }
        // What was written stays as it is here; it can only be blacked out.
        Change::Rewrote { .. } => {}
        Change::Unsaid { .. } => {
            let redacted =
                json!({ "type": "CommentRedactEvent", "author_id": author(world, entry) });
            events.push(redacted);
        }
        Change::Deleted => events.push(set("status", None, Some("deleted".to_owned()))),
    }
}

fn comment(world: &World, entry: &Entry, body: &str, public: bool) -> Value {
    json!({
        "type": "Comment",
        "author_id": author(world, entry),
        "body": body,
        "html_body": format!("<p>{body}</p>"),
        "plain_body": body,
        "public": public,
        "attachments": [],
        "audit_id": entry.serial * 100,
    })
}

pub(super) fn comments(world: &World, call: &Call, ticket: &Ticket) -> Vec<Value> {
    let audits = audits(world, call, ticket);
    let mut comments = Vec::new();
    for audit in &audits {
        for event in audit["events"].as_array().into_iter().flatten() {
            if event["type"] == "Comment" {
                let mut event = event.clone();
                event["created_at"] = audit["created_at"].clone();
                event["metadata"] = audit["metadata"].clone();
                event["via"] = audit["via"].clone();
                comments.push(event);
            }
        }
    }
    comments
}

/// When groups, memberships and people were made: nobody asks.
fn once(world: &World) -> String {
    time(world, Timestamp::UNIX_EPOCH)
}

pub(super) fn group(world: &World, call: &Call, queue: &Queue) -> Value {
    json!({
        "created_at": once(world),
        "default": false,
        "deleted": !queue.enabled,
        "description": "",
        "id": group_id(queue),
        "is_public": true,
        "name": queue.name,
        "updated_at": once(world),
        "url": format!("{}/api/v2/groups/{}.json", call.base, group_id(queue)),
    })
}

pub(super) fn membership(world: &World, call: &Call, queue: &Queue, member: &Member) -> Value {
    json!({
        "url": format!("{}/api/v2/group_memberships/{}.json", call.base, member.serial),
        "id": member.serial,
        "user_id": person_id(world, &member.person),
        "group_id": group_id(queue),
        "default": true,
        "created_at": once(world),
        "updated_at": once(world),
    })
}

pub(super) fn user(world: &World, call: &Call, name: &str) -> Option<Value> {
    let person = world.people.get(name)?;
    let queues = || world.queues.values().filter(|queue| queue.member(name).is_some());
    let mut members = queues().filter_map(|queue| queue.member(name));
    let light = !members.all(|member| member.may_take);
    Some(json!({
        "id": user_id(person),
        "url": format!("{}/api/v2/users/{}.json", call.base, user_id(person)),
        "name": person.full_name(),
        "email": person.email(),
        "phone": null,
        "photo": null,
        "locale_id": 1,
        "locale": "en-US",
        "time_zone": "UTC",
        "organization_id": null,
        "role": "agent",
        // 1 is a light agent, who can own nothing.
        "role_type": light.then_some(1),
        "custom_role_id": null,
        "verified": true,
        "external_id": null,
        "tags": [],
        "alias": null,
        "active": true,
        "shared": false,
        "shared_agent": false,
        "shared_phone_number": null,
        "signature": null,
        "details": null,
        "notes": null,
        "restricted_agent": light,
        "suspended": !person.enabled,
        "default_group_id": queues().next().map(group_id),
        "report_csv": false,
        "only_private_comments": light,
        "ticket_restriction": null,
        "moderator": false,
        "chat_only": false,
        "two_factor_auth_enabled": null,
        "user_fields": {},
        "last_login_at": null,
        "created_at": once(world),
        "updated_at": once(world),
    }))
}
