//! One row of the data: an incident as it was after one update.

use csv::StringRecord;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::IncidentsError;
use crate::ticket::Status;

/// An incident after one update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When it was updated.
    pub at: Timestamp,
    /// When it was opened; the same in all rows of an incident.
    pub opened: Timestamp,
    /// Who updated it, by the masked name.
    pub by: String,
    /// How it stands, in the words of the instance.
    pub state: String,
    /// The group it is given to.
    pub group: Option<String>,
    /// The person it is given to, by the masked name.
    pub assignee: Option<String>,
    /// From 1 to 4.
    pub priority: u8,
    /// How often it was updated.
    pub updates: u32,
    /// How often it was given to another group, as the instance counts.
    pub reassigned: u32,
    /// How often it was opened again.
    pub reopened: u32,
    /// How it was closed in the end; the same in all rows of an incident.
    pub code: Option<String>,
}

impl Row {
    /// Reads a row, and the number of the incident it is about.
    pub(super) fn read(
        headers: &StringRecord,
        record: &StringRecord,
    ) -> Result<(String, Self), IncidentsError> {
        let line = record.position().map_or(0, csv::Position::line);
        let text = |column: &'static str| {
            let place = headers.iter().position(|header| header == column);
            let value = place.and_then(|place| record.get(place));
            value.ok_or_else(|| IncidentsError::Row { line, column, value: String::new() })
        };
        let filled = |column| text(column).map(|value| (value != "?").then(|| value.to_owned()));
        let wrong =
            |column, value: &str| IncidentsError::Row { line, column, value: value.to_owned() };
        let count = |column| {
            let value = text(column)?;
            value.parse::<u32>().map_err(|_| wrong(column, value))
        };
        let moment = |column| {
            let value = text(column)?;
            let civil = DateTime::strptime("%d-%m-%Y %H:%M", value);
            let at = civil.and_then(|civil| civil.to_zoned(TimeZone::UTC));
            at.map(|at| at.timestamp()).map_err(|_| wrong(column, value))
        };
        let priority = text("priority")?;
        let first = priority.split(' ').next().and_then(|digit| digit.parse().ok());
        let row = Self {
            at: moment("sys_updated_at")?,
            opened: moment("opened_at")?,
            by: text("sys_updated_by")?.to_owned(),
            state: text("incident_state")?.to_owned(),
            group: filled("assignment_group")?,
            assignee: filled("assigned_to")?,
            priority: first.ok_or_else(|| wrong("priority", priority))?,
            updates: count("sys_mod_count")?,
            reassigned: count("reassignment_count")?,
            reopened: count("reopen_count")?,
            code: filled("closed_code")?,
        };
        Ok((text("number")?.to_owned(), row))
    }

    /// How it stands, in the words of an office. The instance is older than the state "On Hold" with its reasons.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.state.as_str() {
            "New" => Status::New,
            "Active" => Status::Open,
            "Resolved" => Status::Resolved,
            "Closed" => Status::Closed,
            "Awaiting User Info" => Status::Waiting("Awaiting Caller".to_owned()),
            awaiting if awaiting.starts_with("Awaiting ") => Status::Waiting(awaiting.to_owned()),
            other => Status::Odd(other.to_owned()),
        }
    }
}
