//! What stands in the columns of incidents and users.

use jiff::Timestamp;

use super::ids::Table;
use super::rows::{active, written};
use crate::people::{Kind, Person};
use crate::ticket::{Change, Entry, Face, Field, Status, Ticket};
use crate::world::World;

/// What stands in a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// What is stored.
    pub(super) value: String,
    /// What people see.
    pub(super) shown: String,
    /// The table that it is an id of.
    pub(super) table: Option<Table>,
}

/// The columns of an incident, in the order of the example in "Table API", POST.
pub(super) const INCIDENT: &str = "upon_approval location expected_start reopen_count close_notes \
    additional_assignee_list impact urgency correlation_id sys_tags sys_domain description group_list priority \
    delivery_plan sys_mod_count work_notes_list business_service follow_up closed_at sla_due delivery_task \
    sys_updated_on parent work_end number closed_by work_start calendar_stc category business_duration \
    incident_state activity_due correlation_display company active due_date assignment_group caller_id knowledge \
    made_sla comments_and_work_notes parent_incident state user_input sys_created_on approval_set \
    reassignment_count rfc child_incidents opened_at short_description order sys_updated_by resolved_by notify \
    upon_reject approval_history problem_id work_notes calendar_duration close_code sys_id approval caused_by \
    severity sys_created_by resolved_at assigned_to business_stc wf_activity sys_domain_path cmdb_ci opened_by \
    subcategory rejection_goto sys_class_name watch_list time_worked contact_type escalation comments hold_reason";
pub(super) const USER: &str = "sys_id user_name name first_name last_name email active locked_out web_service_access_only \
    internal_integration_user title department manager sys_created_on sys_updated_on";
/// What the states of an incident are called. `incident_state` is the older column with the same values.
pub(super) const STATES: [(&str, &str); 6] = [
    ("1", "New"),
    ("2", "In Progress"),
    ("3", "On Hold"),
    ("6", "Resolved"),
    ("7", "Closed"),
    ("8", "Canceled"),
];
/// Why an incident is on hold.
pub(super) const HOLDS: [(&str, &str); 4] = [
    ("1", "Awaiting Caller"),
    ("5", "Awaiting Change"),
    ("3", "Awaiting Problem"),
    ("4", "Awaiting Vendor"),
];
/// The value of a state, and what it is called.
pub(super) fn state(status: &Status) -> (String, String) {
    let value = match status {
        Status::New => "1",
        Status::Open => "2",
        Status::Waiting(_) => "3",
        Status::Resolved => "6",
        Status::Closed => "7",
        Status::Odd(name) => name,
    };
    let named = STATES.iter().find(|(state, _)| *state == value);
    (value.to_owned(), named.map_or(value, |(_, label)| label).to_owned())
}

/// The status that a value of `state` means.
pub(super) fn status(value: &str) -> Status {
    match value {
        "1" => Status::New,
        "2" => Status::Open,
        "3" => Status::Waiting("1".to_owned()),
        "6" => Status::Resolved,
        "7" => Status::Closed,
        other => Status::Odd(other.to_owned()),
    }
}

pub(super) fn hold(status: &Status) -> (String, String) {
    let Status::Waiting(why) = status else { return Default::default() };
    let named = HOLDS.iter().find(|(value, label)| value == why || label == why);
    named.map_or((why.clone(), why.clone()), |(value, label)| {
        ((*value).to_owned(), (*label).to_owned())
    })
}

pub(super) fn number(number: u64) -> String {
    format!("INC{:07}", 10_000 + number)
}

/// A moment as it is stored and, for an account whose zone is UTC, shown.
pub(super) fn time(world: &World, at: Timestamp) -> Cell {
    Cell::text(world.stamp(at).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

pub(super) fn person(world: &World, name: &str) -> Cell {
    let known = world.people.get(name);
    known.map_or_else(Cell::default, |person| Cell {
        value: Table::User.id(person.serial),
        shown: person.full_name(),
        table: Some(Table::User),
    })
}

pub(super) fn group(world: &World, name: &str) -> Cell {
    let known = world.queues.get(name);
    known.map_or_else(Cell::default, |queue| Cell {
        value: Table::Group.id(queue.serial),
        shown: queue.name.clone(),
        table: Some(Table::Group),
    })
}

/// Whether somebody has the role that incidents are worked on with.
pub(super) fn works(world: &World, person: &Person) -> bool {
    let members = world.queues.values().filter_map(|queue| queue.member(&person.name));
    person.kind == Kind::Person && members.into_iter().all(|member| member.may_take)
}

impl Cell {
    pub(super) fn text(value: impl Into<String>) -> Self {
        let value = value.into();
        Self { shown: value.clone(), value, table: None }
    }

    pub(super) fn choice((value, shown): (String, String)) -> Self {
        Self { value, shown, table: None }
    }

    pub(super) fn flag(value: bool) -> Self {
        Self::text(if value { "true" } else { "false" })
    }
}

pub(super) fn user(world: &World, person: &Person, field: &str) -> Option<Cell> {
    let machine = person.kind == Kind::Machine && person.labelled;
    Some(match field {
        "sys_id" => Cell::text(self::person(world, &person.name).value),
        "user_name" => Cell::text(&person.name),
        "name" | "first_name" => Cell::text(person.full_name()),
        "email" => Cell::text(person.email()),
        "active" => Cell::flag(person.enabled),
        "locked_out" => Cell::flag(!person.enabled),
        "web_service_access_only" | "internal_integration_user" => Cell::flag(machine),
        _ => Cell::text(USER.split_whitespace().any(|it| it == field).then_some("")?),
    })
}

pub(super) fn incident(world: &World, ticket: &Ticket, face: &Face, field: &str) -> Option<Cell> {
    let set = |wanted: Field| {
        let sets = |entry: &&Entry| {
            entry
                .changes
                .iter()
                .any(|change| matches!(change, Change::Set { field, .. } if *field == wanted))
        };
        ticket.history.iter().take_while(|entry| entry.at <= face.updated).filter(sets).count()
    };
    let journals = |wanted: &[bool]| {
        let mut lines = Vec::new();
        for entry in ticket.history.iter().rev().filter(|entry| entry.at <= face.updated) {
            for (public, text) in written(entry).into_iter().filter(|(it, _)| wanted.contains(it)) {
                let kind = if public { "Additional comments" } else { "Work notes" };
                let by = self::person(world, &entry.by).shown;
                lines.push(format!("{} - {by} ({kind})\n{text}\n\n", time(world, entry.at).shown));
            }
        }
        Cell { value: String::new(), shown: lines.concat(), table: None }
    };
    let done = |done: bool| if done { time(world, face.updated) } else { Cell::default() };
    let doer = |done: bool| if done { person(world, &face.updated_by) } else { Cell::default() };
    let (open, closed) = (face.status.is_open(), face.status == Status::Closed);
    let weight = face.priority.clamp(1, 3).to_string();
    Some(match field {
        "sys_id" => Cell::text(Table::Incident.id(ticket.number)),
        "number" => Cell::text(number(ticket.number)),
        "sys_class_name" => Cell::choice(("incident".to_owned(), "Incident".to_owned())),
        "short_description" => Cell::text(&face.subject),
        "description" => Cell::text(&face.body),
        "correlation_id" => Cell::text(face.correlation.clone().unwrap_or_default()),
        "assignment_group" => group(world, &face.queue),
        "assigned_to" => person(world, face.holder.as_deref().unwrap_or_default()),
        "opened_by" => person(world, &ticket.opened_by),
        "state" | "incident_state" => Cell::choice(state(&face.status)),
        "hold_reason" => Cell::choice(hold(&face.status)),
        "active" => Cell::flag(active(&face.status)),
        "close_code" => Cell::text(face.code.clone().unwrap_or_default()),
        "close_notes" => Cell::text(face.note.clone().unwrap_or_default()),
        "resolved_at" => done(!open),
        "resolved_by" => doer(!open),
        "closed_at" => done(closed),
        "closed_by" => doer(closed),
        "parent_incident" => face.merged.map_or_else(Cell::default, |into| Cell {
            value: Table::Incident.id(into),
            shown: number(into),
            table: Some(Table::Incident),
        }),
        "sys_mod_count" => Cell::text(face.revision.to_string()),
        "reassignment_count" => Cell::text(set(Field::Queue).to_string()),
        "sys_created_on" | "opened_at" => time(world, ticket.opened),
        "sys_created_by" => Cell::text(&ticket.opened_by),
        "sys_updated_on" => time(world, face.updated),
        "sys_updated_by" => Cell::text(&face.updated_by),
        "comments" => journals(&[true]),
        "work_notes" => journals(&[false]),
        "comments_and_work_notes" => journals(&[true, false]),
        "impact" | "urgency" => Cell::text(face.fields.get(field).cloned().unwrap_or(weight)),
        "priority" => Cell::text(face.priority.to_string()),
        "severity" => Cell::text("3"),
        "upon_approval" => Cell::text("proceed"),
        "upon_reject" => Cell::text("cancel"),
        "approval" => Cell::text("not requested"),
        "knowledge" => Cell::flag(false),
        "made_sla" => Cell::flag(true),
        "notify" => Cell::text("1"),
        "escalation" | "child_incidents" | "reopen_count" => Cell::text("0"),
        "sys_domain_path" => Cell::text("/"),
        "sys_domain" => {
            let global = || "global".to_owned();
            Cell { value: global(), shown: global(), table: Some(Table::Group) }
        }
        _ => {
            let known =
                field.starts_with("u_") || INCIDENT.split_whitespace().any(|it| it == field);
            Cell::text(known.then(|| face.fields.get(field).cloned().unwrap_or_default())?)
        }
    })
}
