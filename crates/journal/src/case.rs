//! One line of a case list: what people filter, sort and read before they open a case.
//!
//! It is a projection: the caller computes it from the events it appends. Nothing is decided on it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Row;

use crate::error::ReadError;
use crate::schema::{moment, number};

/// How a case looks in lists.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    missing_docs,
    reason = "the fields are the words of the domain; see the table of words there"
)]
pub struct CaseRow {
    pub tenant: String,
    pub case: String,
    pub subject: String,
    pub kind: String,
    pub severity: String,
    pub customer: String,
    pub status: String,
    pub owner_kind: String,
    pub owner: String,
    /// [`CaseRow::COVERED`] or any other word; only that one, with `covered_until` ahead, counts as covered.
    pub coverage: String,
    pub covered_until: Option<Timestamp>,
    pub uncovered_since: Option<Timestamp>,
    pub opened_at: Timestamp,
    pub updated_at: Timestamp,
    /// Set once the case is closed: a case is open exactly while this is `None`.
    pub resolved_at: Option<Timestamp>,
    pub resolution: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub request_id: Option<String>,
    pub fingerprint: Option<String>,
    pub epoch: u64,
}

/// The columns of a case, in the order in which [`CaseRow::read`] expects them.
pub(crate) const COLUMNS: &str = "c.tenant, c.case_id, c.subject, c.kind, c.severity, c.customer, c.status, \
     c.owner_kind, c.owner, c.coverage, c.covered_until, c.uncovered_since, c.opened_at, c.updated_at, \
     c.resolved_at, c.resolution, c.labels, c.request_id, c.fingerprint, c.epoch, c.no";

impl CaseRow {
    /// The one value of `coverage` that means somebody holds the case.
    pub const COVERED: &'static str = "covered";

    /// Reads the row that [`COLUMNS`] selects.
    pub(crate) fn read(row: &Row<'_>) -> Result<CaseRow, ReadError> {
        let labels: String = row.get(16)?;
        Ok(CaseRow {
            tenant: row.get(0)?,
            case: row.get(1)?,
            subject: row.get(2)?,
            kind: row.get(3)?,
            severity: row.get(4)?,
            customer: row.get(5)?,
            status: row.get(6)?,
            owner_kind: row.get(7)?,
            owner: row.get(8)?,
            coverage: row.get(9)?,
            covered_until: row.get::<_, Option<i64>>(10)?.map(moment).transpose()?,
            uncovered_since: row.get::<_, Option<i64>>(11)?.map(moment).transpose()?,
            opened_at: moment(row.get(12)?)?,
            updated_at: moment(row.get(13)?)?,
            resolved_at: row.get::<_, Option<i64>>(14)?.map(moment).transpose()?,
            resolution: row.get(15)?,
            labels: serde_json::from_str(&labels).map_err(|error| {
                ReadError::Damaged(format!("the labels of a case cannot be read: {error}"))
            })?,
            request_id: row.get(17)?,
            fingerprint: row.get(18)?,
            epoch: number(row.get(19)?),
        })
    }

    /// Roughly what the row occupies.
    pub(crate) fn bytes(&self) -> usize {
        let labels: usize =
            self.labels.iter().map(|(key, value)| key.len() + value.len() + 8).sum();
        let texts =
            [&self.subject, &self.kind, &self.customer, &self.status, &self.owner, &self.coverage];
        let optional = [&self.resolution, &self.request_id, &self.fingerprint];
        256 + labels
            + texts.iter().map(|text| text.len()).sum::<usize>()
            + optional.iter().filter_map(|text| text.as_ref()).map(String::len).sum::<usize>()
    }

    /// Labels as they are stored.
    pub(crate) fn labels_text(&self) -> String {
        // A map of strings has no value that JSON cannot hold, so this never falls back.
        serde_json::to_string(&self.labels).unwrap_or_else(|_| "{}".to_owned())
    }
}
