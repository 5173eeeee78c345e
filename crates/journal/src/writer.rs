//! The one that writes, a thread as a rule: takes what waits, makes it durable, answers, and starts over.
//!
//! It answers only after the commit. When a commit fails, nobody can know what reached the disk, so the
//! writer tells everyone, stops for good and leaves recovery to the next start. The one exception is a disk that is
//! full: then it is known that nothing was written, so the group is taken back and refused, and the next one tries.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::{oneshot, watch};

use crate::driver::{Disk, pass};
use crate::entry::Receipt;
use crate::error::{AppendError, Failure, FailureKind};
use crate::group::Ledger;
use crate::lock::WriteLock;
use crate::queue::{Queue, Submission};

/// What the writer and its callers share.
pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) log_pages_max: u32,
    pub(crate) queue: Queue,
    pub(crate) failed: watch::Sender<Option<Failure>>,
    pub(crate) durable: watch::Sender<u64>,
    pub(crate) ended: watch::Sender<bool>,
    pub(crate) counters: Counters,
}

/// What the writer has done since the start.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) submissions: AtomicU64,
    pub(crate) refusals: AtomicU64,
    pub(crate) commit_micros: AtomicU64,
}

type Answer = (oneshot::Sender<Result<Receipt, AppendError>>, Result<Receipt, AppendError>);

/// Writes until the queue is closed and empty, or until something fails.
pub(crate) fn run(connection: Connection, lock: WriteLock, shared: Arc<Shared>) {
    let mut end = End { shared: &shared, failure: Some(Failure::writer_gone()), lock: Some(lock) };
    let served = serve(&connection, &shared);
    end.failure = leave(connection, &shared, served).err();
    drop(end);
}

/// The same in a task, in the time that a simulated disk takes.
pub(crate) async fn run_inline(
    connection: Connection,
    lock: WriteLock,
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
) {
    let mut end = End { shared: &shared, failure: Some(Failure::writer_gone()), lock: Some(lock) };
    let served = serve_inline(&connection, &shared, disk.as_ref()).await;
    end.failure = leave(connection, &shared, served).err();
    drop(end);
}

fn serve(connection: &Connection, shared: &Shared) -> Result<(), Failure> {
    let mut turn = Turn::begin(connection, shared)?;
    while shared.queue.take(&mut turn.group).is_some() {
        let position = turn.write()?;
        turn.tell(position);
        turn.rest()?;
    }
    Ok(())
}

async fn serve_inline(
    connection: &Connection,
    shared: &Shared,
    disk: &dyn Disk,
) -> Result<(), Failure> {
    let mut turn = Turn::begin(connection, shared)?;
    loop {
        shared.queue.until_some().await;
        if shared.queue.take(&mut turn.group).is_none() {
            return Ok(());
        }
        let slowness = disk.commit();
        pass(slowness.done_after).await;
        let position = turn.write()?;
        pass(slowness.told_after).await;
        turn.tell(position);
        turn.rest()?;
    }
}

/// Closes the database, with an empty log if all went well.
fn leave(
    connection: Connection,
    shared: &Shared,
    served: Result<(), Failure>,
) -> Result<(), Failure> {
    let served = served.and_then(|()| {
        // With no readers left this empties the log; with some, it is as good as a crash, which is fine too.
        move_log(&connection, "TRUNCATE").map_err(|error| Failure::from_store(&shared.path, &error))
    });
    if served.is_err() {
        // What the failed write left in the log must not be carried into the database on the way out.
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
    match served {
        // What is in the log is safe there, and is moved by the next one who opens it.
        Err(failure) if failure.kind == FailureKind::DiskFull => Ok(()),
        served => served,
    }
}

/// What the writer has in its hands, from one transaction to the next.
struct Turn<'c> {
    connection: &'c Connection,
    shared: &'c Shared,
    ledger: Ledger<'c>,
    group: Vec<Submission>,
    answers: Vec<Answer>,
    begun: Instant,
    /// Since when the disk is full, as far as is known.
    full_since: Option<Instant>,
}

impl<'c> Turn<'c> {
    fn begin(connection: &'c Connection, shared: &'c Shared) -> Result<Self, Failure> {
        let ledger =
            Ledger::open(connection).map_err(|error| Failure::from_store(&shared.path, &error))?;
        let (group, answers) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        Ok(Self { connection, shared, ledger, group, answers, begun, full_since: None })
    }

    /// Makes the group durable. Nobody hears of it yet, unless it failed.
    fn write(&mut self) -> Result<u64, Failure> {
        self.begun = Instant::now();
        let before = self.ledger.position();
        let written = match write(&mut self.ledger, &mut self.group, &mut self.answers) {
            Err(error) if is_full(&error) => self.take_back(),
            written => written,
        };
        let position = written.map_err(|error| {
            let failure = self.failure(&error);
            self.shared.failed.send_replace(Some(failure.clone()));
            let waiting = self.answers.drain(..).map(|(reply, _)| reply);
            for reply in waiting.chain(self.group.drain(..).map(|submission| submission.reply)) {
                let _ = reply.send(Err(AppendError::Failed(failure.clone())));
            }
            failure
        })?;
        if position > before
            && let Some(since) = self.full_since.take()
        {
            let seconds = since.elapsed().as_secs();
            tracing::info!(seconds, "the disk has room again and new work is accepted");
        }
        Ok(position)
    }

    /// There is no room for the group: it is as if it had never been begun, and everybody in it is told so.
    fn take_back(&mut self) -> rusqlite::Result<u64> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        let position = self.ledger.read_again(self.connection)?;
        let waiting = self.group.drain(..).map(|submission| submission.reply);
        let replies: Vec<_> =
            self.answers.drain(..).map(|(reply, _)| reply).chain(waiting).collect();
        self.answers.extend(replies.into_iter().map(|reply| {
            let full = AppendError::DiskFull { path: self.shared.path.clone() };
            (reply, Err(full))
        }));
        self.note_full();
        Ok(position)
    }

    fn note_full(&mut self) {
        if self.full_since.is_none() {
            let path = self.shared.path.display();
            tracing::error!(%path, "the disk is full; new work is refused until there is room");
            self.full_since = Some(Instant::now());
        }
    }

    /// Tells everybody in the group.
    fn tell(&mut self, position: u64) {
        self.shared.counters.count(&self.answers, self.begun);
        self.shared.durable.send_if_modified(|last| std::mem::replace(last, position) != position);
        for (reply, answer) in self.answers.drain(..) {
            // Whoever no longer waits has given up on the answer, not on the write.
            let _ = reply.send(answer);
        }
    }

    /// After the answers, so that nobody in this group waits for it.
    fn rest(&mut self) -> Result<(), Failure> {
        let pages = log_pages(self.connection).map_err(|error| self.failure(&error))?;
        if pages <= i64::from(self.shared.log_pages_max) {
            return Ok(());
        }
        match move_log(self.connection, "PASSIVE") {
            // Everything stays in the log, where it is safe; it is moved when there is room.
            Err(error) if is_full(&error) => self.note_full(),
            moved => moved.map_err(|error| self.failure(&error))?,
        }
        Ok(())
    }

    fn failure(&self, error: &rusqlite::Error) -> Failure {
        Failure::from_store(&self.shared.path, error)
    }
}

/// One transaction. On an error, what was not yet added is still in `group`.
fn write(
    ledger: &mut Ledger<'_>,
    group: &mut Vec<Submission>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<u64> {
    ledger.begin()?;
    let mut failed = None;
    for Submission { work, reply, .. } in group.drain(..) {
        let answer = match &failed {
            Some(_) => Err(AppendError::Closed), // Replaced by the failure before anybody sees it.
            None => ledger.add(work).unwrap_or_else(|error| {
                failed = Some(error);
                Err(AppendError::Closed)
            }),
        };
        answers.push((reply, answer));
    }
    match failed {
        Some(error) => Err(error),
        None => ledger.commit(),
    }
}

/// Whether a write found no room. SQLite says so only when the part that ends a transaction is not in the log, so
/// what was written of it is never read. A sync that finds no room is another error: then nobody knows.
fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

/// How many pages of the log are not yet in the database.
fn log_pages(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?;
    statement.query_row([], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
}

/// Moves the log into the database as far as readers allow.
fn move_log(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}

impl Counters {
    fn count(&self, answers: &[Answer], begun: Instant) {
        let refused = answers.iter().filter(|(_, answer)| answer.is_err()).count();
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.submissions.fetch_add(answers.len() as u64, Ordering::Relaxed);
        self.refusals.fetch_add(refused as u64, Ordering::Relaxed);
        self.commit_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// Whatever way the writer ends, a panic included: nobody is left waiting, and others may write.
struct End<'s> {
    shared: &'s Shared,
    failure: Option<Failure>,
    lock: Option<WriteLock>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        if let Some(failure) = &self.failure {
            tracing::error!(%failure, "journal stopped");
            self.shared.failed.send_replace(Some(failure.clone()));
        }
        for submission in self.shared.queue.abandon() {
            let answer = self.failure.clone().map_or(AppendError::Closed, AppendError::Failed);
            let _ = submission.reply.send(Err(answer));
        }
        // Whoever waited for the end may open the journal again at once.
        drop(self.lock.take());
        self.shared.ended.send_replace(true);
    }
}
