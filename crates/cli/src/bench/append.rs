//! The ceiling of the journal: rows of the size of an event, made durable by SQLite (WAL, synchronous=FULL), where all that
//! came during one fsync share the next.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::meter::{Meter, Reading};
use crate::exit::{Exit, Failure};

/// What an event of a handoff takes in the journal, with its hash.
const BYTES: usize = 360;

/// The most rows in one transaction, as in the journal.
const ROWS_MAX: usize = 1_024;

/// After how many pages the log is folded back into the database, between transactions.
const CHECKPOINT_PAGES: i64 = 4_000;

type Done = oneshot::Sender<Result<(), String>>;

/// Measures with this many submitters at once.
pub(crate) async fn measure(
    folder: &Path,
    at_once: usize,
    warm_up: Duration,
    length: Duration,
) -> Result<Reading, Failure> {
    let file = folder.join("append.db");
    for end in ["", "-wal", "-shm"] {
        // There need not be one.
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    let connection =
        open(&file).map_err(|error| Failure::of("cannot make a database to append to", &error))?;
    let (submit, submitted) = mpsc::sync_channel::<Done>(at_once);
    let writer = std::thread::spawn(move || write(&connection, &submitted));
    let meter = Arc::new(Meter::new()?);
    let mut submitters = JoinSet::new();
    for _ in 0..at_once {
        let (submit, meter) = (submit.clone(), meter.clone());
        submitters.spawn(async move {
            while !meter.is_stopping() {
                let began = Instant::now();
                let (done, answer) = oneshot::channel();
                if submit.send(done).is_err() {
                    return meter.fail("the writer has gone");
                }
                match answer.await {
                    Ok(Ok(())) => meter.finished(began.elapsed()),
                    Ok(Err(what)) => return meter.fail(what),
                    Err(_) => return meter.fail("the writer has gone"),
                }
            }
        });
    }
    drop(submit);
    let reading = meter.measure(warm_up, length).await;
    submitters.shutdown().await;
    let gone = Failure::new(Exit::Failed, "the writer of the database failed");
    tokio::task::spawn_blocking(move || writer.join())
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or(gone)?;
    reading
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; \
         CREATE TABLE rows (position INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL);",
    )?;
    Ok(connection)
}

/// Writes whatever has been submitted, in one transaction at a time, and answers when it is durable.
fn write(connection: &Connection, submitted: &mpsc::Receiver<Done>) {
    let mut batch = Vec::with_capacity(ROWS_MAX);
    let (mut position, mut pages) = (0_i64, 0_i64);
    while let Ok(first) = submitted.recv() {
        batch.push(first);
        batch.extend(submitted.try_iter().take(ROWS_MAX - 1));
        let written = transaction(connection, &mut position, batch.len());
        let told = written.map_err(|error| format!("a row could not be written: {error}"));
        for done in batch.drain(..) {
            // A submitter that has stopped needs no answer.
            let _ = done.send(told.clone());
        }
        pages += 1;
        if pages >= CHECKPOINT_PAGES {
            pages = 0;
            // It is tried again the next time.
            let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
    }
}

fn transaction(connection: &Connection, position: &mut i64, rows: usize) -> rusqlite::Result<()> {
    let body = [7_u8; BYTES];
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    {
        let mut insert = connection.prepare_cached("INSERT INTO rows VALUES (?1, ?2, ?3)")?;
        for _ in 0..rows {
            *position += 1;
            insert.execute(params![*position, 1_784_000_000_000_000_i64, &body[..]])?;
        }
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
