//! How tickets and acts stand in the file.

use std::str::FromStr;

use belay_domain::{ActKind, ActorKind, PersonId, Severity};
use rusqlite::types::Type;
use rusqlite::{Error, Row};

use crate::desk::{DeskAct, DeskTicket, TicketStanding};

/// What [`ticket`] reads.
pub(super) const TICKET: &str =
    "SELECT number, case_id, correlation, queue, subject, body, severity, standing, holder,
            revision, created_at, changed_at, resolution FROM ticket";

pub(super) fn ticket(row: &Row<'_>) -> Result<DeskTicket, Error> {
    let number: i64 = row.get(0)?;
    Ok(DeskTicket {
        id: super::id(number).map_err(|error| damaged(0, error.into()))?,
        case: parsed(row, 1)?,
        correlation: parsed(row, 2)?,
        queue: parsed(row, 3)?,
        subject: row.get(4)?,
        body: row.get(5)?,
        severity: named(row, 6, &SEVERITIES)?,
        standing: named(row, 7, &STANDINGS)?,
        holder: parsed_if_any(row, 8)?,
        revision: row.get::<_, u32>(9)?.into(),
        created_at: parsed(row, 10)?,
        changed_at: parsed(row, 11)?,
        acts: Vec::new(),
        resolution: parsed_if_any(row, 12)?,
    })
}

/// Reads `actor, actor_kind, kind, given_to, text, at`.
pub(super) fn act(row: &Row<'_>) -> Result<DeskAct, Error> {
    let kind: String = row.get(2)?;
    Ok(DeskAct {
        actor: parsed(row, 0)?,
        actor_kind: named(row, 1, &ACTORS)?,
        kind: match kind.as_str() {
            "took" => ActKind::Took,
            "assigned" => ActKind::Assigned { to: parsed(row, 3)? },
            "gave_back" => ActKind::GaveBack,
            "replied" => ActKind::Replied,
            "noted" => ActKind::Noted,
            "changed_state" => ActKind::ChangedState,
            "moved" => ActKind::Moved,
            _ => ActKind::Other,
        },
        text: row.get(4)?,
        at: parsed(row, 5)?,
    })
}

/// An act's name in the file, and to whom it gave the ticket.
pub(super) fn act_kind(kind: &ActKind) -> (&'static str, Option<&PersonId>) {
    match kind {
        ActKind::Took => ("took", None),
        ActKind::Assigned { to } => ("assigned", Some(to)),
        ActKind::GaveBack => ("gave_back", None),
        ActKind::Replied => ("replied", None),
        ActKind::Noted => ("noted", None),
        ActKind::ChangedState => ("changed_state", None),
        ActKind::Moved => ("moved", None),
        ActKind::Other => ("other", None),
    }
}

pub(super) fn severity(severity: Severity) -> &'static str {
    name(severity, &SEVERITIES)
}

pub(super) fn standing(standing: TicketStanding) -> &'static str {
    name(standing, &STANDINGS)
}

pub(super) fn actor_kind(kind: ActorKind) -> &'static str {
    name(kind, &ACTORS)
}

const SEVERITIES: [(&str, Severity); 4] = [
    ("low", Severity::Low),
    ("normal", Severity::Normal),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

const STANDINGS: [(&str, TicketStanding); 3] = [
    ("open", TicketStanding::Open),
    ("resolved", TicketStanding::Resolved),
    ("withdrawn", TicketStanding::Withdrawn),
];

const ACTORS: [(&str, ActorKind); 4] = [
    ("person", ActorKind::Person),
    ("machine", ActorKind::Machine),
    ("ourselves", ActorKind::Ourselves),
    ("unknown", ActorKind::Unknown),
];

fn name<T: Copy + PartialEq>(value: T, names: &[(&'static str, T)]) -> &'static str {
    names.iter().find(|(_, named)| *named == value).map_or("unknown", |(name, _)| name)
}

fn named<T: Copy>(row: &Row<'_>, column: usize, names: &[(&str, T)]) -> Result<T, Error> {
    let text: String = row.get(column)?;
    let value = names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    value.ok_or_else(|| damaged(column, format!("{text:?} is not known").into()))
}

pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> Result<T, Error>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| damaged(column, error.into()))
}

fn parsed_if_any<T>(row: &Row<'_>, column: usize) -> Result<Option<T>, Error>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match row.get::<_, Option<String>>(column)? {
        Some(_) => parsed(row, column).map(Some),
        None => Ok(None),
    }
}

fn damaged(column: usize, error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, error)
}
