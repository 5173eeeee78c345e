//! The journal as everybody else sees it: open it, submit to it, read from it, close it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{oneshot, watch};

use crate::audit::{AuditReport, Auditor, Checkpoint, Progress};
use crate::case::CaseRow;
use crate::commit::Commit;
use crate::driver::Driver;
use crate::entry::{ENTRIES_MAX, EVENTS_MAX, Entry, Usage};
use crate::error::{AppendError, Failure, OpenError, ReadError, SearchError};
use crate::lock::WriteLock;
use crate::lookups::{self, Due, DueMark, HeldCase, StoredEvent, Total};
use crate::pool::Pool;
use crate::queue::{Queue, Submission, Work};
use crate::schema::{FILE, integer, number, open_writer};
use crate::search::{self, Page, Query};
use crate::writer::{self, Counters, Shared};

/// How a journal is opened. The defaults suit a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most submissions that may wait. 8192: half a second of work at full speed.
    pub submissions_waiting_max: usize,
    /// The most bytes they may hold. 64 MiB.
    pub bytes_waiting_max: usize,
    /// How many reads run at the same time. 4.
    pub readers: usize,
    /// How many more may wait their turn. 1024.
    pub reads_waiting_max: usize,
    /// The largest the database may grow, as if the disk ended there. No limit.
    pub size_max_bytes: Option<u64>,
    /// A checkpoint seen earlier and kept elsewhere. A journal that does not continue it is not opened.
    pub known: Option<Checkpoint>,
    /// How many pages the log may have before they are moved into the database. 4096: 16 MiB.
    pub log_pages_max: u32,
    /// Who does the work. Threads.
    pub driver: Driver,
}

/// A handle on an open journal; cheap to clone. The journal closes when `close` is called or the last one goes.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

/// What the writer did since the journal was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions made durable.
    pub commits: u64,
    /// Submissions answered.
    pub submissions: u64,
    /// How many of those were refused.
    pub refusals: u64,
    /// Time spent on transactions, in microseconds.
    pub commit_micros: u64,
    /// Submissions that wait now.
    pub waiting: u64,
}

struct Inner {
    dir: PathBuf,
    shared: Arc<Shared>,
    pool: Arc<Pool>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            submissions_waiting_max: 8_192,
            bytes_waiting_max: 64 * 1024 * 1024,
            readers: 4,
            reads_waiting_max: 1_024,
            size_max_bytes: None,
            known: None,
            log_pages_max: 4_096,
            driver: Driver::Threads,
        }
    }
}

impl Journal {
    /// Opens the journal in a directory, creating or migrating it, and starts its writer. Blocks briefly.
    pub fn open(dir: &Path, options: Options) -> Result<Journal, OpenError> {
        make_directory(dir)?;
        let lock = WriteLock::acquire(dir)?;
        let path = dir.join(FILE);
        let connection = open_writer(&path)?;
        // The database and its log are files by now. SQLite does not notice when their names cannot be kept.
        sync_directory(dir)?;
        let store = |source| OpenError::Store { path: path.clone(), source };
        let position = check_end(&connection, &path)?;
        if let Some(known) = options.known {
            check_known(&connection, &path, known)?;
        }
        if let Some(bytes) = options.size_max_bytes {
            limit_size(&connection, bytes).map_err(store)?;
        }
        let shared = Arc::new(Shared {
            path: path.clone(),
            log_pages_max: options.log_pages_max,
            queue: Queue::new(options.submissions_waiting_max, options.bytes_waiting_max),
            failed: watch::Sender::new(None),
            durable: watch::Sender::new(position),
            ended: watch::Sender::new(false),
            counters: Counters::default(),
        });
        let writers = Arc::clone(&shared);
        let writer = match &options.driver {
            Driver::Threads => {
                let writer = std::thread::Builder::new()
                    .name("journal-writer".to_owned())
                    .spawn(move || writer::run(connection, lock, writers));
                Some(
                    writer
                        .map_err(|source| OpenError::Directory { path: dir.to_owned(), source })?,
                )
            }
            Driver::Inline(disk) => {
                let disk = Arc::clone(disk);
                tokio::task::spawn_local(writer::run_inline(connection, lock, writers, disk));
                None
            }
        };
        tracing::info!(path = %path.display(), position, "journal opened");
        let pool =
            Arc::new(Pool::new(path, options.driver, options.readers, options.reads_waiting_max));
        let writer = Mutex::new(writer);
        Ok(Journal { inner: Arc::new(Inner { dir: dir.to_owned(), shared, pool, writer }) })
    }

    /// Submits entries that are written together or not at all. They are in line when this returns: submissions
    /// become durable in the order of their calls, and nothing is durable before the returned future says so.
    pub fn submit(&self, entries: Vec<Entry>) -> Commit {
        let events: usize = entries.iter().map(|entry| entry.events.len()).sum();
        if entries.len() > ENTRIES_MAX || events > EVENTS_MAX {
            return Commit::refused(AppendError::Invalid(format!(
                "{} entries with {events} events are more than one submission may hold ({ENTRIES_MAX} and {EVENTS_MAX})",
                entries.len()
            )));
        }
        if let Err(error) = entries.iter().try_for_each(Entry::check) {
            return Commit::refused(error);
        }
        let bytes = entries.iter().map(Entry::bytes).sum();
        self.push(Work::Append(entries), bytes)
    }

    /// Remembers a small value under a key, in line with all submissions.
    pub fn put_meta(&self, key: &str, value: &str) -> Commit {
        let (key, value) = (key.to_owned(), value.to_owned());
        let bytes = key.len() + value.len() + 256;
        self.push(Work::Remember { key, value }, bytes)
    }

    /// Resolves when the journal fails, with the reason. The process should then end. Otherwise never.
    pub async fn failed(&self) -> Failure {
        let mut failed = self.inner.shared.failed.subscribe();
        match failed.wait_for(Option::is_some).await.map(|failure| failure.clone()) {
            Ok(Some(failure)) => failure,
            // The sender lives as long as we do, and it was just seen to hold one.
            _ => Failure::writer_gone(),
        }
    }

    /// Why the journal failed, if it has.
    pub fn failure(&self) -> Option<Failure> {
        self.inner.shared.failed.borrow().clone()
    }

    /// The position of the last durable event, and a way to wait for the next.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.inner.shared.durable.subscribe()
    }

    /// Makes everything durable that was submitted, lets nothing more in, and waits until the writer has ended.
    pub async fn close(&self) {
        self.inner.shared.queue.close();
        // Readers go first: the writer can then empty the log.
        self.inner.pool.close();
        let mut ended = self.inner.shared.ended.subscribe();
        let _ = ended.wait_for(|ended| *ended).await;
        let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // It has nothing left to do but return; a panic was already told through `failed`.
            let _ = writer.join();
        }
    }

    /// What the writer did so far.
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.shared.counters;
        Stats {
            commits: counters.commits.load(Ordering::Relaxed),
            submissions: counters.submissions.load(Ordering::Relaxed),
            refusals: counters.refusals.load(Ordering::Relaxed),
            commit_micros: counters.commit_micros.load(Ordering::Relaxed),
            waiting: self.inner.shared.queue.waiting() as u64,
        }
    }

    fn push(&self, work: Work, bytes: usize) -> Commit {
        let (reply, answer) = oneshot::channel();
        match self.inner.shared.queue.push(Submission { work, bytes, reply }) {
            Ok(()) => Commit::waiting(answer),
            Err(error) => Commit::refused(self.failure().map_or(error, AppendError::Failed)),
        }
    }
}

/// Reading. Each call sees everything that was acknowledged before it.
impl Journal {
    /// All events of a case, its chain checked. Empty when there is no such case.
    pub async fn load(&self, case: &str) -> Result<Vec<StoredEvent>, ReadError> {
        let case = case.to_owned();
        self.inner.pool.read(move |connection| lookups::load(connection, &case)).await
    }

    /// As [`Journal::load`] for many cases in one read, with what `fold` makes of each.
    pub async fn load_each<T: Send + 'static>(
        &self,
        cases: Vec<String>,
        fold: impl Fn(usize, Vec<StoredEvent>) -> T + Send + 'static,
    ) -> Result<Vec<Result<T, ReadError>>, ReadError> {
        self.inner.pool.read(move |connection| lookups::load_each(connection, &cases, fold)).await
    }

    /// At most `limit` events of a case after number `after_seq`.
    pub async fn events_of(
        &self,
        case: &str,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, ReadError> {
        let case = case.to_owned();
        self.inner
            .pool
            .read(move |connection| lookups::events_of(connection, &case, after_seq, limit))
            .await
    }

    /// At most `limit` events of all cases after a position.
    pub async fn tail(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        self.inner.pool.read(move |connection| lookups::tail(connection, after, limit)).await
    }

    /// At most `limit` cases that are due at or before a moment, the longest due first.
    pub async fn due(&self, before: Timestamp, limit: usize) -> Result<Vec<Due>, ReadError> {
        self.inner.pool.read(move |connection| lookups::due(connection, before, limit)).await
    }

    /// At most `limit` cases that become due after a place in the order of dues and up to a moment, and the place of
    /// the last of them: where the next page, or the next look, begins.
    pub async fn due_after(
        &self,
        after: DueMark,
        until: Timestamp,
        limit: usize,
    ) -> Result<(Vec<Due>, DueMark), ReadError> {
        self.inner
            .pool
            .read(move |connection| lookups::due_after(connection, after, until, limit))
            .await
    }

    /// At most `limit` open cases that agents hold after a place in the order in which their leases end, and the place
    /// of the last of them. `DueMark::past(now)` leaves out those whose lease is over.
    pub async fn held_after(
        &self,
        after: DueMark,
        limit: usize,
    ) -> Result<(Vec<HeldCase>, DueMark), ReadError> {
        self.inner.pool.read(move |connection| lookups::held_after(connection, after, limit)).await
    }

    /// When the next case becomes due.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, ReadError> {
        self.inner.pool.read(lookups::next_due).await
    }

    /// How a case looks in lists.
    pub async fn get(&self, case: &str) -> Result<Option<CaseRow>, ReadError> {
        let case = case.to_owned();
        self.inner.pool.read(move |connection| lookups::get(connection, &case)).await
    }

    /// A page of a case list.
    pub async fn search(&self, query: Query) -> Result<Page, SearchError> {
        self.inner.pool.read(move |connection| search::search(connection, &query)).await
    }

    /// Open cases that nobody holds at `now`, the longest uncovered first; of one tenant or of all.
    pub async fn uncovered(
        &self,
        tenant: Option<&str>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<CaseRow>, ReadError> {
        let tenant = tenant.map(str::to_owned);
        self.inner
            .pool
            .read(move |connection| lookups::uncovered(connection, tenant.as_deref(), now, limit))
            .await
    }

    /// How many open cases nobody holds at `now`.
    pub async fn uncovered_count(
        &self,
        tenant: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, ReadError> {
        let tenant = tenant.map(str::to_owned);
        self.inner
            .pool
            .read(move |connection| lookups::uncovered_count(connection, tenant.as_deref(), now))
            .await
    }

    /// Who holds a claim.
    pub async fn claim(
        &self,
        tenant: &str,
        kind: &str,
        key: &str,
    ) -> Result<Option<String>, ReadError> {
        let (tenant, kind, key) = (tenant.to_owned(), kind.to_owned(), key.to_owned());
        self.inner
            .pool
            .read(move |connection| lookups::claim(connection, &tenant, &kind, &key))
            .await
    }

    /// What was used of each limit since its moment, but for what one action used, and who holds a claim of this kind
    /// and key: all that a decision has to know, in one read.
    pub async fn totals(
        &self,
        tenant: &str,
        limits: Vec<(String, Timestamp)>,
        but_for: Option<String>,
        held: Option<(&'static str, String)>,
    ) -> Result<(Vec<Total>, Option<String>), ReadError> {
        let tenant = tenant.to_owned();
        self.inner
            .pool
            .read(move |connection| {
                let held = held.as_ref().map(|(kind, key)| (*kind, key.as_str()));
                lookups::totals(connection, &tenant, &limits, but_for.as_deref(), held)
            })
            .await
    }

    /// What was used of a limit since a moment, oldest first.
    pub async fn usage_since(
        &self,
        tenant: &str,
        key: &str,
        since: Timestamp,
    ) -> Result<Vec<Usage>, ReadError> {
        let (tenant, key) = (tenant.to_owned(), key.to_owned());
        self.inner
            .pool
            .read(move |connection| lookups::usage_since(connection, &tenant, &key, since))
            .await
    }

    /// A remembered value.
    pub async fn meta(&self, key: &str) -> Result<Option<String>, ReadError> {
        let key = key.to_owned();
        self.inner.pool.read(move |connection| lookups::meta(connection, &key)).await
    }

    /// The latest time of any event: the clock must not be behind it.
    pub async fn latest_at(&self) -> Result<Option<Timestamp>, ReadError> {
        self.inner.pool.read(lookups::latest_at).await
    }

    /// Until when, at most, any open case was known to be covered when it was last written. Reads every case.
    pub async fn covered_until(&self) -> Result<Option<Timestamp>, ReadError> {
        self.inner.pool.read(lookups::covered_until).await
    }

    /// The end of the journal chain as it is durable now: something to sign and keep elsewhere.
    pub async fn checkpoint(&self) -> Result<Checkpoint, ReadError> {
        self.inner.pool.read(Checkpoint::last).await
    }

    /// Checks every event and chain, on a connection of its own, while others go on writing.
    pub async fn verify(
        &self,
        known: Vec<Checkpoint>,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<AuditReport, ReadError> {
        let dir = self.inner.dir.clone();
        let audit = tokio::task::spawn_blocking(move || {
            let auditor =
                Auditor::open(&dir).map_err(|error| ReadError::Damaged(error.to_string()))?;
            auditor.verify(&known, progress)
        });
        audit.await.unwrap_or(Err(ReadError::Closed))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

/// Makes the directory, and makes sure that it is still there after a power loss.
fn make_directory(dir: &Path) -> Result<(), OpenError> {
    std::fs::create_dir_all(dir)
        .map_err(|source| OpenError::Directory { path: dir.to_owned(), source })?;
    match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

/// Makes sure that the names in a directory are still there after a power loss.
fn sync_directory(dir: &Path) -> Result<(), OpenError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| OpenError::Directory { path: dir.to_owned(), source })
}

/// The last event must be the last one sealed, or somebody has been at the file.
fn check_end(connection: &Connection, path: &Path) -> Result<u64, OpenError> {
    let store = |source| OpenError::Store { path: path.to_owned(), source };
    let end = |sql: &str| {
        connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map_err(store)
    };
    let last = number(end("SELECT max(position) FROM events")?.unwrap_or(0));
    let sealed = number(end("SELECT max(position) FROM seals")?.unwrap_or(0));
    if last != sealed {
        let what = format!("its last event is {last}, the last one sealed is {sealed}");
        return Err(OpenError::Damaged { path: path.to_owned(), what });
    }
    Ok(last)
}

fn check_known(connection: &Connection, path: &Path, known: Checkpoint) -> Result<(), OpenError> {
    let found = connection
        .query_row("SELECT mark FROM seals WHERE position = ?1", [integer(known.position)], |row| {
            row.get(0)
        })
        .optional()
        .map_err(|source| OpenError::Store { path: path.to_owned(), source })?;
    if known.position > 0 && found != Some(known.mark) {
        return Err(OpenError::Regressed { path: path.to_owned(), position: known.position });
    }
    Ok(())
}

fn limit_size(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages = integer(bytes) / page.max(1);
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

#[cfg(test)]
mod tests;
