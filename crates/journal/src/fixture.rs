//! A journal in a directory of its own, and short ways to say what is appended to it. For tests only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{CaseRow, Claim, Entry, Journal, NewEvent, Options};

/// A journal that is gone with the test.
pub(crate) struct Fixture {
    pub(crate) journal: Journal,
    dir: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        Fixture::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        Fixture { journal: Journal::open(dir.path(), options).unwrap(), dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join(crate::schema::FILE)
    }

    /// A connection that may do anything, as somebody with a SQLite shell has.
    pub(crate) fn shell(&self) -> Connection {
        let shell = Connection::open(self.file()).unwrap();
        shell
            .execute_batch(
                "DROP TRIGGER IF EXISTS events_stay; DROP TRIGGER IF EXISTS events_stand;",
            )
            .unwrap();
        shell
    }

    /// Holds the writer back until the guard is released, so that submissions pile up behind it.
    pub(crate) fn hold_writer(&self) -> Connection {
        let guard = Connection::open(self.file()).unwrap();
        guard.execute_batch("BEGIN IMMEDIATE").unwrap();
        guard
    }

    pub(crate) async fn append(&self, entry: Entry) {
        self.journal.submit(vec![entry]).await.unwrap();
    }

    /// What a shell gets for a query of one number.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        Connection::open(self.file()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// `count` events on a case of tenant `t` that had `expected_seq` of them.
pub(crate) fn entry(case: &str, expected_seq: u64, count: u64) -> Entry {
    let events = (expected_seq + 1..=expected_seq + count).map(event).collect();
    Entry {
        tenant: "t".to_owned(),
        case: case.to_owned(),
        expected_seq,
        events,
        ..Entry::default()
    }
}

pub(crate) fn event(seq: u64) -> NewEvent {
    let body = format!(r#"{{"number":{seq}}}"#).into_bytes();
    NewEvent { kind: "noted".to_owned(), at: at(1_000 + i64::try_from(seq).unwrap()), body }
}

pub(crate) fn claim(key: &str, holder: &str) -> Claim {
    Claim { kind: "request".to_owned(), key: key.to_owned(), holder: holder.to_owned() }
}

/// An open, covered case of tenant `t`.
pub(crate) fn row(case: &str) -> CaseRow {
    CaseRow {
        tenant: "t".to_owned(),
        case: case.to_owned(),
        subject: "Parcel never arrived".to_owned(),
        kind: "delivery".to_owned(),
        severity: "normal".to_owned(),
        customer: "Yusuf Rossi".to_owned(),
        status: "open".to_owned(),
        owner_kind: "agent".to_owned(),
        owner: "orders".to_owned(),
        coverage: CaseRow::COVERED.to_owned(),
        covered_until: Some(at(2_000)),
        uncovered_since: None,
        opened_at: at(1_000),
        updated_at: at(1_000),
        resolved_at: None,
        resolution: None,
        labels: BTreeMap::from([("channel".to_owned(), "mail".to_owned())]),
        request_id: Some(format!("r-{case}")),
        fingerprint: None,
        epoch: 1,
    }
}

/// A new case with one event and this row.
pub(crate) fn opening(row: CaseRow) -> Entry {
    Entry { tenant: row.tenant.clone(), row: Some(row.clone()), ..entry(&row.case, 0, 1) }
}
