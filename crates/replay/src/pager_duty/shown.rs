//! How incidents, log entries, services and people are shown.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    ACKNOWLEDGED_SECONDS, incident_id, incident_of, letters, missing, page, policy_id, service_id,
    time, user_id, zoned,
};
use crate::counter::{Call, Reply};
use crate::people::{Kind, Person, Queue};
use crate::ticket::{Change, Entry, Face, Field, Status, Ticket, Via, words};
use crate::world::World;

pub(super) fn reference(call: &Call, kind: &str, path: &str, id: &str, summary: &str) -> Value {
    let (base, page) = (&call.base, "https://office.pagerduty.com");
    json!({
        "id": id,
        "type": format!("{kind}_reference"),
        "summary": summary,
        "self": format!("{base}/{path}/{id}"),
        "html_url": format!("{page}/{path}/{id}"),
    })
}

pub(super) fn user_reference(world: &World, call: &Call, name: &str) -> Value {
    let person = world.people.get(name);
    let (serial, shown) = person.map_or((0, name.to_owned()), |it| (it.serial, it.full_name()));
    reference(call, "user", "users", &user_id(serial), &shown)
}

/// Who did something: people are users, and so are machines that do not say what they are.
pub(super) fn agent(world: &World, call: &Call, name: &str) -> Value {
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

pub(super) fn service_reference(world: &World, call: &Call, name: &str) -> Value {
    let id = world.queues.get(name).map(service_id).unwrap_or_default();
    reference(call, "service", "services", &id, name)
}

pub(super) fn policy_reference(world: &World, call: &Call, name: &str) -> Value {
    let id = world.queues.get(name).map(policy_id).unwrap_or_default();
    reference(call, "escalation_policy", "escalation_policies", &id, &format!("{name} policy"))
}

/// Who is called for a queue now.
pub(super) fn called<'a>(world: &'a World, queue: &'a str) -> impl Iterator<Item = &'a str> {
    let queue = world.queues.get(queue);
    let members = queue
        .into_iter()
        .flat_map(|queue| queue.members.iter().filter(|member| !queue.rota || member.on_duty));
    let people =
        members.filter(|member| world.people.get(&member.person).is_some_and(|it| it.enabled));
    people.map(|member| member.person.as_str())
}

pub(super) fn status(face: &Face) -> &str {
    match &face.status {
        Status::Odd(name) => name,
        status if !status.is_open() => "resolved",
        _ if face.taken => "acknowledged",
        _ => "triggered",
    }
}

pub(super) fn incident(world: &World, call: &Call, ticket: &Ticket, face: &Face) -> Value {
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

pub(super) fn log(world: &World, call: &Call, id: &str) -> Reply {
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

pub(super) fn logged(
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
        // That a note was changed or removed is not in the log.
        Change::Rewrote { .. } | Change::Unsaid { .. } | Change::Deleted => {}
    }
}

pub(super) fn note(world: &World, call: &Call, entry: &Entry, text: &str) -> Value {
    let bot = |person: &Person| {
        let (id, name) = (user_id(person.serial), person.full_name());
        reference(call, "bot_user", "users", &id, &name)
    };
    let labelled = world.people.get(&entry.by).filter(|person| {
        person.kind == Kind::Machine && person.labelled && person.secret.is_none()
    });
    json!({
        "id": format!("N{}", letters(entry.serial, 6)),
        "user": labelled.map_or_else(|| user_reference(world, call, &entry.by), bot),
        "channel": { "summary": "The PagerDuty website or APIs" },
        "content": text,
        "created_at": zoned(world, entry.at),
        "updated_at": zoned(world, entry.at),
    })
}

pub(super) fn notes(world: &World, call: &Call, ticket: &Ticket) -> Vec<Value> {
    let history = call.sees(ticket).map(|(_, history)| history).unwrap_or_default();
    let shown = words(history).into_iter().map(|words| {
        let mut shown = note(world, call, words.entry, words.text);
        if let Some(entry) = words.rewritten {
            shown["updated_at"] = json!(zoned(world, entry.at));
        }
        shown
    });
    shown.collect()
}

pub(super) fn service(world: &World, call: &Call, queue: &Queue) -> Value {
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

pub(super) fn policy(world: &World, call: &Call, queue: &Queue) -> Value {
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

pub(super) fn oncalls(world: &World, call: &Call) -> Vec<Value> {
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

pub(super) fn user(world: &World, call: &Call, name: &str) -> Value {
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

pub(super) fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(value), Value::Object(more)) = (value, more) {
        value.extend(more);
    }
}
