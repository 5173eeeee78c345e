//! Whether the past still is what it was. Reads only, trusts nothing but the hashes, and needs no server.
//!
//! It recomputes every event's hash, holds each case's end against its head, and the whole order against the
//! seal of every transaction. Somebody who rewrites *everything* consistently is only found out with a
//! checkpoint that was kept elsewhere: pass those in.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use crate::chain::{Chain, Hash, Link};
use crate::error::{OpenError, ReadError};
use crate::export::Export;
use crate::lookups::{self, StoredEvent};
use crate::schema::{FILE, integer, number, open_reader};

/// Reads a journal without taking part in it, whether or not a server has it open.
pub struct Auditor {
    connection: Connection,
}

/// A position of the journal and the chain's value there. Whoever keeps one can tell later whether the journal
/// still continues from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The position of the last event it covers; 0 for an empty journal.
    pub position: u64,
    /// The journal chain's value after that event.
    pub mark: Hash,
}

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Events checked.
    pub events: u64,
    /// Events there were when it began.
    pub total: u64,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Events checked.
    pub events: u64,
    /// Cases they belong to.
    pub cases: u64,
    /// Where the journal ends, to be kept elsewhere.
    pub end: Checkpoint,
    /// What is broken; at most [`AuditReport::BREAKS_MAX`], the first ones found.
    pub broken: Vec<Break>,
    /// Whether there were more.
    pub more: bool,
}

/// One place where the journal is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The case; empty when it cannot be told.
    pub case: String,
    /// The event's number in the case; 0 when it is not about one event.
    pub seq: u64,
    /// The position in the journal; 0 when it is not about one position.
    pub position: u64,
    /// What is wrong there.
    pub what: Fault,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The event, or the one before it, is not what its hash was made of.
    Altered,
    /// Events of the case before this one are missing, or it stands there twice.
    Gap,
    /// Events of the journal before this one are missing.
    Hole,
    /// The case ends earlier or otherwise than its head says.
    Ending,
    /// The event belongs to no case.
    Stray,
    /// The order of events up to here is not the one that was sealed.
    Order,
    /// The journal does not end where its last seal says.
    Cut,
    /// A known checkpoint is not part of this journal.
    Regressed,
}

/// How many events are read at a time, so that no long read keeps the writer's log from being emptied.
const CHUNK: usize = 4_096;

impl AuditReport {
    /// The most breaks that are listed: after so many, their number says nothing more.
    pub const BREAKS_MAX: usize = 1_000;

    /// Whether everything is as it was written.
    pub fn is_intact(&self) -> bool {
        self.broken.is_empty()
    }
}

impl Auditor {
    /// Opens the journal in a directory for reading.
    pub fn open(dir: &Path) -> Result<Auditor, OpenError> {
        Ok(Auditor { connection: open_reader(&dir.join(FILE))? })
    }

    /// Checks everything. `known` are checkpoints that were kept elsewhere.
    pub fn verify(
        &self,
        known: &[Checkpoint],
        mut progress: impl FnMut(Progress),
    ) -> Result<AuditReport, ReadError> {
        let total: i64 =
            self.connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
        let total = number(total);
        let known = known.iter().filter(|known| known.position > 0).copied().collect();
        let mut audit = Audit { known, ..Audit::default() };
        while audit.events < total && audit.chunk(&self.connection, CHUNK)? {
            progress(Progress { events: audit.events, total: total.max(audit.events) });
        }
        // What came in meanwhile, and the heads, in one snapshot: while cases move, their ends move with them.
        let snapshot = self.connection.unchecked_transaction()?;
        while audit.chunk(&snapshot, CHUNK)? {}
        audit.finish(&snapshot)?;
        progress(Progress { events: audit.events, total: audit.events });
        Ok(audit.report())
    }

    /// All events after a position as JSON Lines.
    pub fn export(self, after: u64) -> Export {
        Export::new(self.connection, after)
    }

    /// All events of a case, its chain checked.
    pub fn load(&self, case: &str) -> Result<Vec<StoredEvent>, ReadError> {
        lookups::load(&self.connection, case)
    }

    /// At most `limit` events of all cases after a position.
    pub fn tail(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        lookups::tail(&self.connection, after, limit)
    }

    /// The end of the journal chain.
    pub fn checkpoint(&self) -> Result<Checkpoint, ReadError> {
        Checkpoint::last(&self.connection)
    }
}

impl Checkpoint {
    pub(crate) fn last(connection: &Connection) -> Result<Checkpoint, ReadError> {
        let last = connection
            .prepare_cached("SELECT position, mark FROM seals ORDER BY position DESC LIMIT 1")?
            .query_row([], |row| {
                Ok(Checkpoint { position: number(row.get(0)?), mark: row.get(1)? })
            })
            .optional()?;
        Ok(last.unwrap_or(Checkpoint { position: 0, mark: Hash::NONE }))
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.case.is_empty() {
            write!(f, "case {} ", self.case)?;
        }
        if self.seq > 0 {
            write!(f, "event {} ", self.seq)?;
        }
        if self.position > 0 {
            write!(f, "(position {}) ", self.position)?;
        }
        write!(f, "{}", self.what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Altered => "is not what was written",
            Fault::Gap => "does not follow the event before it: some are missing or doubled",
            Fault::Hole => "does not follow the position before it: events are missing",
            Fault::Ending => "does not end where its head says",
            Fault::Stray => "belongs to no case",
            Fault::Order => "the events up to here are not those that were sealed",
            Fault::Cut => "the journal does not end where its last seal says",
            Fault::Regressed => "a checkpoint that was kept elsewhere is not part of this journal",
        })
    }
}

/// A verification under way. Remembers some 64 bytes for each case.
#[derive(Default)]
struct Audit {
    chain: Chain,
    events: u64,
    position: u64,
    mark: Hash,
    sealed: u64,
    cases: HashMap<i64, (u64, Hash)>,
    known: Vec<Checkpoint>,
    broken: Vec<Break>,
    more: bool,
}

/// An event as it is stored, nothing interpreted yet.
struct Raw {
    position: i64,
    case_no: i64,
    seq: i64,
    kind: String,
    at: i64,
    body: Vec<u8>,
    hash: Hash,
    tenant: Option<String>,
    case: Option<String>,
}

const RAW: &str = "SELECT e.position, e.case_no, e.seq, e.kind, e.at, e.body, e.hash, h.tenant, h.case_id \
     FROM events e LEFT JOIN heads h ON h.no = e.case_no WHERE e.position > ?1 ORDER BY e.position LIMIT ?2";

impl Audit {
    /// Checks the next events and their seals. False when there were none.
    fn chunk(&mut self, connection: &Connection, size: usize) -> Result<bool, ReadError> {
        let mut statement = connection.prepare_cached(RAW)?;
        let mut rows = statement.query(params![integer(self.position), integer(size as u64)])?;
        let mut raws = Vec::new();
        while let Some(row) = rows.next()? {
            raws.push(Raw::read(row));
        }
        let Some(last) =
            raws.iter().rev().find_map(|raw| raw.as_ref().ok()).map(|raw| raw.position)
        else {
            return self.skip_unreadable(raws.len());
        };
        let seals = seals(connection, self.sealed, number(last))?;
        let mut seals = seals.into_iter().peekable();
        for raw in raws {
            match raw {
                Ok(raw) => self.event(&raw),
                // Its number is gone with it; the events around it tell where the hole is.
                Err(_) => self.events += 1,
            }
            while let Some(seal) = seals.next_if(|seal| seal.position <= self.position) {
                self.seal(seal);
            }
        }
        Ok(true)
    }

    /// Not one of the rows could be read: there is no position to go on from.
    fn skip_unreadable(&mut self, rows: usize) -> Result<bool, ReadError> {
        if rows > 0 {
            self.found(String::new(), 0, self.position + 1, Fault::Altered);
        }
        Ok(false)
    }

    fn event(&mut self, raw: &Raw) {
        self.events += 1;
        let (position, seq) = (number(raw.position), number(raw.seq));
        let case = raw.case.clone().unwrap_or_default();
        if position != self.position + 1 {
            self.found(case.clone(), seq, position, Fault::Hole);
        }
        self.position = position;
        self.mark = self.chain.mark(self.mark, position, &case, seq, raw.hash);
        let (last, before) = self.cases.get(&raw.case_no).copied().unwrap_or((0, Hash::NONE));
        let link = Link {
            before,
            tenant: raw.tenant.as_deref().unwrap_or_default(),
            case: &case,
            seq,
            kind: &raw.kind,
            at_micros: raw.at,
            body: &raw.body,
        };
        if raw.case.is_none() {
            self.found(case, seq, position, Fault::Stray);
        } else if seq != last + 1 {
            self.found(case, seq, position, Fault::Gap);
        } else if self.chain.event(link) != raw.hash {
            self.found(case, seq, position, Fault::Altered);
        }
        self.cases.insert(raw.case_no, (seq, raw.hash));
    }

    fn seal(&mut self, Checkpoint { position, mark }: Checkpoint) {
        self.sealed = position;
        if position != self.position || mark != self.mark {
            self.found(String::new(), 0, position, Fault::Order);
            // Go on from what was sealed, so that one break is not reported for every seal after it.
            self.mark = mark;
        }
        let (here, elsewhere): (Vec<_>, Vec<_>) = std::mem::take(&mut self.known)
            .into_iter()
            .partition(|known| known.position == position);
        self.known = elsewhere;
        for _ in here.into_iter().filter(|known| known.mark != mark) {
            self.found(String::new(), 0, position, Fault::Regressed);
        }
    }

    /// What can only be said at the end: where the journal and every case stop.
    fn finish(&mut self, connection: &Connection) -> Result<(), ReadError> {
        let end = Checkpoint::last(connection)?;
        if end.position != self.position || self.sealed != self.position {
            self.found(String::new(), 0, end.position, Fault::Cut);
        }
        for known in std::mem::take(&mut self.known) {
            self.found(String::new(), 0, known.position, Fault::Regressed);
        }
        let mut statement =
            connection.prepare("SELECT no, case_id, seq, hash FROM heads ORDER BY no")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let no: i64 = row.get(0)?;
            let head = (number(row.get(2)?), row.get::<_, Hash>(3).unwrap_or_default());
            if self.cases.get(&no) != Some(&head) {
                self.found(row.get(1)?, head.0, 0, Fault::Ending);
            }
        }
        tracing::debug!(cases = self.cases.len(), events = self.events, "journal verified");
        Ok(())
    }

    fn found(&mut self, case: String, seq: u64, position: u64, what: Fault) {
        if self.broken.len() < AuditReport::BREAKS_MAX {
            self.broken.push(Break { case, seq, position, what });
        } else {
            self.more = true;
        }
    }

    fn report(self) -> AuditReport {
        AuditReport {
            events: self.events,
            cases: self.cases.len() as u64,
            end: Checkpoint { position: self.position, mark: self.mark },
            broken: self.broken,
            more: self.more,
        }
    }
}

impl Raw {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Raw> {
        Ok(Raw {
            position: row.get(0)?,
            case_no: row.get(1)?,
            seq: row.get(2)?,
            kind: row.get(3)?,
            at: row.get(4)?,
            body: row.get(5)?,
            hash: row.get(6)?,
            tenant: row.get(7)?,
            case: row.get(8)?,
        })
    }
}

fn seals(connection: &Connection, after: u64, last: u64) -> Result<Vec<Checkpoint>, ReadError> {
    let sql =
        "SELECT position, mark FROM seals WHERE position > ?1 AND position <= ?2 ORDER BY position";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![integer(after), integer(last)], |row| {
        let mark = row.get(1).unwrap_or_default();
        Ok(Checkpoint { position: number(row.get(0)?), mark })
    })?;
    rows.map(|row| row.map_err(ReadError::Store)).collect()
}

#[cfg(test)]
mod tests;
