//! The rows of the tables, and what stands in their columns.

use jiff::Timestamp;

use super::ids::Table;
use super::query::Query;
use crate::counter::Call;
use crate::deed::unspelled;
use crate::people::{Kind, Member, Person, Queue};
use crate::ticket::{Change, Entry, Face, Field, Status, Ticket};
use crate::world::World;

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row<'a> {
    Incident(&'a Ticket, &'a Face),
    User(&'a Person),
    Group(&'a Queue),
    Member(&'a Queue, &'a Member),
    Role,
    HasRole(&'a Person),
    /// An entry of an incident, and which of the rows it makes.
    Audit(&'a Ticket, &'a Entry, usize),
    Journal(&'a Ticket, &'a Entry, usize),
    Choice(&'static str, &'static str, &'static str, u64),
    Rota(&'a Queue),
}

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
const INCIDENT: &str = "upon_approval location expected_start reopen_count close_notes \
    additional_assignee_list impact urgency correlation_id sys_tags sys_domain description group_list priority \
    delivery_plan sys_mod_count work_notes_list business_service follow_up closed_at sla_due delivery_task \
    sys_updated_on parent work_end number closed_by work_start calendar_stc category business_duration \
    incident_state activity_due correlation_display company active due_date assignment_group caller_id knowledge \
    made_sla comments_and_work_notes parent_incident state user_input sys_created_on approval_set \
    reassignment_count rfc child_incidents opened_at short_description order sys_updated_by resolved_by notify \
    upon_reject approval_history problem_id work_notes calendar_duration close_code sys_id approval caused_by \
    severity sys_created_by resolved_at assigned_to business_stc wf_activity sys_domain_path cmdb_ci opened_by \
    subcategory rejection_goto sys_class_name watch_list time_worked contact_type escalation comments hold_reason";
const USER: &str = "sys_id user_name name first_name last_name email active locked_out web_service_access_only \
    internal_integration_user title department manager sys_created_on sys_updated_on";
const GROUP: &str = "sys_id name active description email manager parent type roles sys_updated_on";
const AUDIT: &str = "sys_id tablename documentkey fieldname oldvalue newvalue user reason record_checkpoint \
    internal_checkpoint sys_created_on sys_created_by";
const JOURNAL: &str = "sys_id name element element_id value sys_tags sys_created_on sys_created_by";

/// What the states of an incident are called. `incident_state` is the older column with the same values.
const STATES: [(&str, &str); 6] = [
    ("1", "New"),
    ("2", "In Progress"),
    ("3", "On Hold"),
    ("6", "Resolved"),
    ("7", "Closed"),
    ("8", "Canceled"),
];
/// Why an incident is on hold.
const HOLDS: [(&str, &str); 4] = [
    ("1", "Awaiting Caller"),
    ("5", "Awaiting Change"),
    ("3", "Awaiting Problem"),
    ("4", "Awaiting Vendor"),
];
/// How incidents are resolved, as a new instance has it.
const CODES: [&str; 4] =
    ["Solution provided", "Workaround provided", "Duplicate", "Resolved by caller"];

/// The rows of a table that a query may be about. It may ask for fewer than that.
pub(super) fn rows<'a>(world: &'a World, call: &Call, table: Table, query: &Query) -> Vec<Row<'a>> {
    let seen = |ticket: &'a Ticket| call.sees(ticket).map(|(face, _)| Row::Incident(ticket, face));
    let all = match table {
        Table::Incident => incidents(world, query).into_iter().filter_map(seen).collect(),
        Table::User => world.people.values().map(Row::User).collect(),
        Table::Group => world.queues.values().map(Row::Group).collect(),
        Table::Member => {
            let members =
                |queue: &'a Queue| queue.members.iter().map(move |it| Row::Member(queue, it));
            world.queues.values().flat_map(members).collect()
        }
        Table::Role => vec![Row::Role],
        Table::HasRole => {
            world.people.values().filter(|it| works(world, it)).map(Row::HasRole).collect()
        }
        Table::Audit | Table::Journal => history(world, call, table, query),
        Table::Choice => choices(),
        Table::Rota => world.queues.values().filter(|queue| queue.rota).map(Row::Rota).collect(),
        Table::Rule => Vec::new(),
    };
    match query.one_of("sys_id") {
        Some(ids) => {
            let wanted = |row: &Row<'_>| {
                row.cell(world, "sys_id").is_some_and(|id| ids.contains(&id.value.as_str()))
            };
            all.into_iter().filter(wanted).collect()
        }
        None => all,
    }
}

/// The incidents that a query can be about. Looking at all of them takes long when there are ten thousand.
fn incidents<'a>(world: &'a World, query: &Query) -> Vec<&'a Ticket> {
    let ids = query
        .one_of("sys_id")
        .map(|ids| ids.into_iter().filter_map(|id| Table::Incident.serial(id)).collect::<Vec<_>>());
    let carrying = || {
        let correlations = query.one_of("correlation_id")?;
        let filled = correlations.iter().all(|correlation| !correlation.is_empty());
        let numbers = correlations.into_iter().flat_map(|it| world.carrying(it).iter().copied());
        filled.then(|| numbers.collect::<Vec<_>>())
    };
    match ids.or_else(carrying) {
        Some(mut numbers) => {
            numbers.sort_unstable();
            numbers.dedup();
            numbers.iter().filter_map(|number| world.tickets.get(number)).collect()
        }
        None => world.tickets.values().collect(),
    }
}

fn history<'a>(world: &'a World, call: &Call, table: Table, query: &Query) -> Vec<Row<'a>> {
    let key = if table == Table::Audit { "documentkey" } else { "element_id" };
    let tickets: Vec<_> = match query.one_of(key) {
        Some(keys) => {
            let numbers = keys.into_iter().filter_map(|key| Table::Incident.serial(key));
            numbers.filter_map(|number| world.tickets.get(&number)).collect()
        }
        None => world.tickets.values().collect(),
    };
    let mut rows = Vec::new();
    // Even a deleted incident has a history.
    for ticket in tickets.into_iter().filter(|ticket| !ticket.face().hidden) {
        for entry in ticket.history_at(call.as_of) {
            let kept = |index: &usize| match table {
                Table::Audit => *index < audited(ticket, entry, world).len(),
                _ => *index < written(entry).len(),
            };
            for index in (0..).take_while(kept) {
                rows.push(match table {
                    Table::Audit => Row::Audit(ticket, entry, index),
                    _ => Row::Journal(ticket, entry, index),
                });
            }
        }
    }
    rows
}

/// The column, old and new value of each row that sys_audit has of an entry.
fn audited(ticket: &Ticket, entry: &Entry, world: &World) -> Vec<(&'static str, String, String)> {
    let mut rows = Vec::new();
    for change in &entry.changes {
        match change {
            // What a record is made with is not audited.
            Change::Opened => return Vec::new(),
            Change::Set { field, old, new } => {
                let person = |name: &str| person(world, name).value;
                let group = |name: &str| group(world, name).value;
                match field {
                    Field::Queue => rows.push(("assignment_group", group(old), group(new))),
                    Field::Holder => rows.push(("assigned_to", person(old), person(new))),
                    Field::Status => {
                        let (old, new) = (unspelled(old), unspelled(new));
                        let (was, is) = (state(&old).0, state(&new).0);
                        if was != is {
                            rows.push(("state", was.clone(), is.clone()));
                            rows.push(("incident_state", was, is));
                        }
                        if hold(&old) != hold(&new) {
                            rows.push(("hold_reason", hold(&old).0, hold(&new).0));
                        }
                        let (was, is) = (active(&old), active(&new));
                        if was != is {
                            rows.push(("active", bit(was), bit(is)));
                        }
                    }
                    Field::Code => rows.push(("close_code", old.clone(), new.clone())),
                    Field::Note => rows.push(("close_notes", old.clone(), new.clone())),
                }
            }
            Change::Wrote { public, text } => {
                rows.push((journal(*public), String::new(), text.clone()))
            }
            Change::Merged { into } => {
                rows.push(("parent_incident", String::new(), Table::Incident.id(*into)));
            }
            Change::Deleted => rows.push(("DELETED", number(ticket.number), "DELETED".to_owned())),
        }
    }
    rows
}

fn bit(bit: bool) -> String {
    if bit { "1" } else { "0" }.to_owned()
}

fn active(status: &Status) -> bool {
    *status != Status::Closed
}

fn written(entry: &Entry) -> Vec<(bool, &str)> {
    let wrote = entry.changes.iter().filter_map(|change| match change {
        Change::Wrote { public, text } => Some((*public, text.as_str())),
        _ => None,
    });
    wrote.collect()
}

fn journal(public: bool) -> &'static str {
    if public { "comments" } else { "work_notes" }
}

fn choices<'a>() -> Vec<Row<'a>> {
    let states = ["state", "incident_state"]
        .into_iter()
        .flat_map(|element| STATES.into_iter().map(move |(value, label)| (element, value, label)));
    let holds = HOLDS.into_iter().map(|(value, label)| ("hold_reason", value, label));
    let codes = CODES.into_iter().map(|code| ("close_code", code, code));
    let all = states.chain(holds).chain(codes);
    all.zip(1..)
        .map(|((element, value, label), serial)| Row::Choice(element, value, label, serial))
        .collect()
}

/// The value of a state, and what it is called.
fn state(status: &Status) -> (String, String) {
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

fn hold(status: &Status) -> (String, String) {
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
fn time(world: &World, at: Timestamp) -> Cell {
    Cell::text(world.stamp(at).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn person(world: &World, name: &str) -> Cell {
    let known = world.people.get(name);
    known.map_or_else(Cell::default, |person| Cell {
        value: Table::User.id(person.serial),
        shown: person.full_name(),
        table: Some(Table::User),
    })
}

fn group(world: &World, name: &str) -> Cell {
    let known = world.queues.get(name);
    known.map_or_else(Cell::default, |queue| Cell {
        value: Table::Group.id(queue.serial),
        shown: queue.name.clone(),
        table: Some(Table::Group),
    })
}

/// Whether somebody has the role that incidents are worked on with.
fn works(world: &World, person: &Person) -> bool {
    let members = world.queues.values().filter_map(|queue| queue.member(&person.name));
    person.kind == Kind::Person && members.into_iter().all(|member| member.may_take)
}

impl Cell {
    fn text(value: impl Into<String>) -> Self {
        let value = value.into();
        Self { shown: value.clone(), value, table: None }
    }

    fn choice((value, shown): (String, String)) -> Self {
        Self { value, shown, table: None }
    }

    fn flag(value: bool) -> Self {
        Self::text(if value { "true" } else { "false" })
    }
}

impl<'a> Row<'a> {
    /// The columns that are answered when nobody says which.
    pub(super) fn fields(&self) -> Vec<String> {
        let columns = match self {
            Self::Incident(..) => INCIDENT,
            Self::User(_) => USER,
            Self::Group(_) => GROUP,
            Self::Member(..) => "sys_id group user sys_updated_on",
            Self::Role => "sys_id name description",
            Self::HasRole(_) => "sys_id user role inherited state",
            Self::Audit(..) => AUDIT,
            Self::Journal(..) => JOURNAL,
            Self::Choice(..) => "sys_id name element value label language inactive sequence",
            Self::Rota(_) => "sys_id name group active",
        };
        let mut fields: Vec<_> = columns.split_whitespace().map(str::to_owned).collect();
        if let Self::Incident(_, face) = self {
            let custom = face.fields.keys().filter(|field| field.starts_with("u_"));
            fields.extend(custom.cloned());
        }
        fields
    }

    /// What stands in a column, or in one of the row that a column refers to.
    pub(super) fn walk(&self, world: &'a World, field: &str) -> Option<Cell> {
        let Some((first, rest)) = field.split_once('.') else { return self.cell(world, field) };
        let cell = self.cell(world, first)?;
        let row = match cell.table? {
            Table::User => {
                let serial = Table::User.serial(&cell.value)?;
                Row::User(world.people.values().find(|person| person.serial == serial)?)
            }
            Table::Group => {
                let serial = Table::Group.serial(&cell.value)?;
                Row::Group(world.queues.values().find(|queue| queue.serial == serial)?)
            }
            Table::Role => Row::Role,
            Table::Incident => {
                let ticket = world.tickets.get(&Table::Incident.serial(&cell.value)?)?;
                Row::Incident(ticket, ticket.face())
            }
            _ => return None,
        };
        row.walk(world, rest)
    }

    pub(super) fn cell(&self, world: &'a World, field: &str) -> Option<Cell> {
        match self {
            Self::Incident(ticket, face) => incident(world, ticket, face, field),
            Self::User(person) => user(world, person, field),
            Self::Group(queue) => Some(match field {
                "sys_id" => Cell::text(group(world, &queue.name).value),
                "name" => Cell::text(&queue.name),
                "active" => Cell::flag(queue.enabled),
                _ => Cell::text(GROUP.split_whitespace().any(|it| it == field).then_some("")?),
            }),
            Self::Member(queue, member) => Some(match field {
                "sys_id" => Cell::text(Table::Member.id(member.serial)),
                "group" => group(world, &queue.name),
                "user" => self::person(world, &member.person),
                "sys_updated_on" => Cell::text(""),
                _ => return None,
            }),
            Self::Role => Some(match field {
                "sys_id" => Cell::text(Table::Role.id(1)),
                "name" => Cell::text("itil"),
                "description" => {
                    Cell::text("Can perform standard actions for an ITIL helpdesk technician.")
                }
                _ => return None,
            }),
            Self::HasRole(person) => Some(match field {
                "sys_id" => Cell::text(Table::HasRole.id(person.serial)),
                "user" => self::person(world, &person.name),
                "role" => {
                    let (value, shown) = (Table::Role.id(1), "itil".to_owned());
                    Cell { value, shown, table: Some(Table::Role) }
                }
                "inherited" => Cell::flag(false),
                "state" => Cell::text("active"),
                _ => return None,
            }),
            Self::Audit(ticket, entry, index) => {
                let rows = audited(ticket, entry, world);
                let (column, old, new) = rows.get(*index)?;
                let place = ticket.history.iter().position(|it| it.serial == entry.serial)?;
                Some(match field {
                    "sys_id" => Cell::text(Table::Audit.id(entry.serial * 16 + *index as u64)),
                    "tablename" => Cell::text("incident"),
                    "documentkey" => Cell::text(Table::Incident.id(ticket.number)),
                    "fieldname" => Cell::text(*column),
                    "oldvalue" => Cell::text(old),
                    "newvalue" => Cell::text(new),
                    "user" | "sys_created_by" => Cell::text(&entry.by),
                    "reason" => Cell::text(""),
                    "record_checkpoint" => Cell::text(place.to_string()),
                    "internal_checkpoint" => Cell::text(format!("{:032x}", entry.serial)),
                    "sys_created_on" => time(world, entry.at),
                    _ => return None,
                })
            }
            Self::Journal(ticket, entry, index) => {
                let written = written(entry);
                let (public, text) = written.get(*index)?;
                Some(match field {
                    "sys_id" => Cell::text(Table::Journal.id(entry.serial * 16 + *index as u64)),
                    "name" => Cell::text("incident"),
                    "element" => Cell::text(journal(*public)),
                    "element_id" => Cell::text(Table::Incident.id(ticket.number)),
                    "value" => Cell::text(*text),
                    "sys_tags" => Cell::text(""),
                    "sys_created_on" => time(world, entry.at),
                    "sys_created_by" => Cell::text(&entry.by),
                    _ => return None,
                })
            }
            Self::Choice(element, value, label, serial) => Some(match field {
                "sys_id" => Cell::text(Table::Choice.id(*serial)),
                "name" => Cell::text("incident"),
                "element" => Cell::text(*element),
                "value" => Cell::text(*value),
                "label" => Cell::text(*label),
                "language" => Cell::text("en"),
                "inactive" => Cell::flag(false),
                "sequence" => Cell::text(serial.to_string()),
                _ => return None,
            }),
            Self::Rota(queue) => Some(match field {
                "sys_id" => Cell::text(Table::Rota.id(queue.serial)),
                "name" => Cell::text(format!("{} shift", queue.name)),
                "group" => group(world, &queue.name),
                "active" => Cell::flag(queue.enabled),
                _ => return None,
            }),
        }
    }
}

fn user(world: &World, person: &Person, field: &str) -> Option<Cell> {
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

fn incident(world: &World, ticket: &Ticket, face: &Face, field: &str) -> Option<Cell> {
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
