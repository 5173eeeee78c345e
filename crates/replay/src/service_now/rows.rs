//! The rows of the tables, and what stands in their columns.

use super::columns::{
    Cell, HOLDS, INCIDENT, STATES, USER, group, hold, incident, number, person, state, time, user,
    works,
};
use super::ids::Table;
use super::query::Query;
use crate::counter::Call;
use crate::deed::unspelled;
use crate::people::{Member, Person, Queue};
use crate::ticket::{Change, Entry, Face, Field, Status, Ticket, Words, words};
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
    Journal(&'a Ticket, Words<'a>),
    Choice(&'static str, &'static str, &'static str, u64),
    Rota(&'a Queue),
}

const GROUP: &str = "sys_id name active description email manager parent type roles sys_updated_on";
const AUDIT: &str = "sys_id tablename documentkey fieldname oldvalue newvalue user reason record_checkpoint \
    internal_checkpoint sys_created_on sys_created_by";
const JOURNAL: &str = "sys_id name element element_id value sys_tags sys_created_on sys_created_by";

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
        let history = ticket.history_at(call.as_of);
        if table == Table::Journal {
            rows.extend(words(history).into_iter().map(|words| Row::Journal(ticket, words)));
            continue;
        }
        for entry in history {
            let audited = audited(ticket, entry, world).len();
            rows.extend((0..audited).map(|index| Row::Audit(ticket, entry, index)));
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
                // This is what the old value of every entry of a journal is.
                rows.push((journal(*public), "JOURNAL FIELD ADDITION".to_owned(), text.clone()));
            }
            // A row of the journal can be changed by an administrator; that of the audit stays.
            Change::Rewrote { .. } | Change::Unsaid { .. } => {}
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

pub(super) fn active(status: &Status) -> bool {
    *status != Status::Closed
}

pub(super) fn written(entry: &Entry) -> Vec<(bool, &str)> {
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
                "user" => super::columns::person(world, &member.person),
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
                "user" => super::columns::person(world, &person.name),
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
            Self::Journal(ticket, words) => {
                let Words { entry, index, public, text, .. } = words;
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
