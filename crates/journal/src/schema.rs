//! The tables, and how an older journal becomes a newer one.
//!
//! Migrations are numbered and only ever added to; `user_version` says how many a file has had. A file that
//! has had more than we know was written by a newer Belay and is left alone.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{OpenError, ReadError};

/// The database inside the journal's directory.
pub(crate) const FILE: &str = "journal.db";

/// Marks the file as ours ("Bely"), for `file(1)` and against opening something else by mistake.
const APPLICATION_ID: i32 = 0x4265_6c79;

/// How long to wait for a lock that only a stray tool can hold.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Every migration, oldest first. Never change one that has been released.
pub(crate) const MIGRATIONS: &[&str] =
    &[include_str!("schema/0001_events.sql"), include_str!("schema/0002_cases.sql")];

/// Opens the database for the writer, creating or migrating it.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let store = |source| OpenError::Store { path: path.to_owned(), source };
    let mut connection = Connection::open(path).map_err(store)?;
    connection.busy_timeout(BUSY_WAIT).map_err(store)?;
    recognise(&connection, path, MIGRATIONS.len())?;
    // FULL: every commit is fsynced. EXTRA adds nothing in WAL mode.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; \
             PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(store)?;
    migrate(&mut connection, MIGRATIONS).map_err(store)?;
    keep_plans(&connection).map_err(store)?;
    Ok(connection)
}

/// Opens the database for reading only, whether or not somebody writes to it.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    if !path.is_file() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let store = |source| OpenError::Store { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(store)?;
    connection.busy_timeout(BUSY_WAIT).map_err(store)?;
    recognise(&connection, path, MIGRATIONS.len())?;
    connection
        .execute_batch(
            "PRAGMA query_only = ON; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;",
        )
        .map_err(store)?;
    connection.set_prepared_statement_cache_capacity(64);
    keep_plans(&connection).map_err(store)?;
    Ok(connection)
}

/// A statement keeps the plan that it was prepared with. Without this SQLite prepares some of them anew for each value
/// that is bound to them, which takes longer than what they do.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// Applies what is missing, each migration in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let had = version(connection)? as usize;
    for (index, migration) in migrations.iter().enumerate().skip(had) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
        if had > 0 {
            tracing::info!(version = index + 1, "journal migrated");
        }
    }
    Ok(())
}

/// Refuses a file that is not ours or that we are too old for.
fn recognise(connection: &Connection, path: &Path, known: usize) -> Result<(), OpenError> {
    let foreign = |error: &rusqlite::Error| {
        error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase)
    };
    let found = match version(connection) {
        Ok(found) => found,
        Err(error) if foreign(&error) => return Err(OpenError::Foreign { path: path.to_owned() }),
        Err(source) => return Err(OpenError::Store { path: path.to_owned(), source }),
    };
    let store = |source| OpenError::Store { path: path.to_owned(), source };
    let application: i32 =
        connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(store)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(store)?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let known = known as u32;
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// A stored time.
pub(crate) fn moment(micros: i64) -> Result<Timestamp, ReadError> {
    Timestamp::from_microsecond(micros)
        .map_err(|_| ReadError::Damaged(format!("{micros} is not a time")))
}

/// A time rounded up, so that what is due at it is never found a little early.
pub(crate) fn micros_after(at: Timestamp) -> i64 {
    let micros = at.as_microsecond();
    if i128::from(micros) * 1_000 < at.as_nanosecond() { micros.saturating_add(1) } else { micros }
}

/// SQLite counts in signed numbers; ours never get near their end.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The way back. A negative number can only be the work of somebody else and matches nothing of ours.
pub(crate) fn number(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
