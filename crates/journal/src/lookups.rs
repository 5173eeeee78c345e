//! Short questions to the journal, each one statement or one snapshot: events, what is due, who holds what.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::case::{COLUMNS, CaseRow};
use crate::chain::{Chain, Hash, Link};
use crate::entry::Usage;
use crate::error::ReadError;
use crate::schema::{integer, moment, number};

/// An event as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the whole journal, from 1, without gaps.
    pub position: u64,
    /// Whose case it belongs to.
    pub tenant: String,
    /// The case it belongs to.
    pub case: String,
    /// Its place in the case, from 1, without gaps.
    pub seq: u64,
    /// What kind of event it is.
    pub kind: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The event itself.
    pub body: Vec<u8>,
    /// Its hash, which covers the events of the case before it.
    pub hash: Hash,
}

/// A case that needs a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose case it is.
    pub tenant: String,
    /// The case.
    pub case: String,
    /// Since when it is due.
    pub at: Timestamp,
}

/// A case that an agent holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldCase {
    /// The case.
    pub case: String,
    /// The agent.
    pub agent: String,
    /// Under which epoch.
    pub epoch: u64,
    /// Until when.
    pub until: Timestamp,
}

/// A place in the order in which cases become due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueMark {
    at: i64,
    no: i64,
}

pub(crate) const EVENT: &str = "SELECT e.position, h.tenant, h.case_id, e.seq, e.kind, e.at, e.body, e.hash \
     FROM events e JOIN heads h ON h.no = e.case_no ";

/// All events of a case, with its chain checked up to its head: what does not fit is never handed out.
pub(crate) fn load(connection: &Connection, case: &str) -> Result<Vec<StoredEvent>, ReadError> {
    let snapshot = connection.unchecked_transaction()?;
    load_within(&snapshot, case)
}

/// As [`load`] for many cases, as they are at one moment, with what `fold` makes of each.
pub(crate) fn load_each<T>(
    connection: &Connection,
    cases: &[String],
    fold: impl Fn(usize, Vec<StoredEvent>) -> T,
) -> Result<Vec<Result<T, ReadError>>, ReadError> {
    let snapshot = connection.unchecked_transaction()?;
    let load = |(place, case): (usize, &String)| {
        load_within(&snapshot, case).map(|events| fold(place, events))
    };
    Ok(cases.iter().enumerate().map(load).collect())
}

fn load_within(snapshot: &Connection, case: &str) -> Result<Vec<StoredEvent>, ReadError> {
    let head = snapshot
        .prepare_cached("SELECT seq, hash FROM heads WHERE case_id = ?1")?
        .query_row([case], |row| Ok((number(row.get(0)?), row.get::<_, Hash>(1)?)))
        .optional()?;
    let events = read_events(snapshot, case, 0, i64::MAX)?;
    let Some((seq, hash)) = head else { return Ok(events) };
    check_chain(&events, Hash::NONE, 0)?;
    let last = events.last().map_or((0, Hash::NONE), |event| (event.seq, event.hash));
    if last != (seq, hash) {
        return Err(ReadError::Damaged(format!(
            "case {case} ends at event {}, its head says {seq}",
            last.0
        )));
    }
    Ok(events)
}

/// Events of a case after the given one, oldest first, with their links checked.
pub(crate) fn events_of(
    connection: &Connection,
    case: &str,
    after_seq: u64,
    limit: usize,
) -> Result<Vec<StoredEvent>, ReadError> {
    let snapshot = connection.unchecked_transaction()?;
    let before = snapshot
        .prepare_cached(
            "SELECT e.hash FROM events e JOIN heads h ON h.no = e.case_no WHERE h.case_id = ?1 AND e.seq = ?2",
        )?
        .query_row(params![case, integer(after_seq)], |row| row.get(0))
        .optional()?;
    let events = read_events(&snapshot, case, after_seq, rows(limit))?;
    check_chain(&events, before.unwrap_or(Hash::NONE), after_seq)?;
    Ok(events)
}

/// Events of all cases after the given position, in the order in which they were written.
pub(crate) fn tail(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredEvent>, ReadError> {
    let sql = format!("{EVENT} WHERE e.position > ?1 ORDER BY e.position LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_and_then(params![integer(after), rows(limit)], stored_event)?.collect()
}

/// Cases whose moment has come, longest due first.
pub(crate) fn due(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<Due>, ReadError> {
    let mut statement = connection.prepare_cached(DUE)?;
    let found = statement.query_and_then(params![before.as_microsecond(), rows(limit)], |row| {
        Ok(Due { tenant: row.get(0)?, case: row.get(1)?, at: moment(row.get(2)?)? })
    })?;
    found.collect()
}

pub(crate) const DUE: &str = "SELECT tenant, case_id, attention FROM heads WHERE attention <= ?1 ORDER BY attention LIMIT ?2";

/// The cases that become due after a place and up to a moment, in that order, and the place of the last of them.
pub(crate) fn due_after(
    connection: &Connection,
    after: DueMark,
    until: Timestamp,
    limit: usize,
) -> Result<(Vec<Due>, DueMark), ReadError> {
    let mut last = after;
    let mut statement = connection.prepare_cached(DUE_AFTER)?;
    let values = params![after.at, after.no, until.as_microsecond(), rows(limit)];
    let mut found = statement.query(values)?;
    let mut due = Vec::new();
    while let Some(row) = found.next()? {
        last = DueMark { at: row.get(2)?, no: row.get(3)? };
        due.push(Due { tenant: row.get(0)?, case: row.get(1)?, at: moment(last.at)? });
    }
    Ok((due, last))
}

pub(crate) const DUE_AFTER: &str = "SELECT tenant, case_id, attention, no FROM heads \
     WHERE attention IS NOT NULL AND (attention, no) > (?1, ?2) AND attention <= ?3 ORDER BY attention, no LIMIT ?4";

impl DueMark {
    /// Before everything that is due.
    pub const START: DueMark = DueMark { at: i64::MIN, no: 0 };

    /// After everything that is due by this moment.
    #[must_use]
    pub fn past(moment: Timestamp) -> DueMark {
        DueMark { at: moment.as_microsecond(), no: i64::MAX }
    }
}

/// When the next case becomes due.
pub(crate) fn next_due(connection: &Connection) -> Result<Option<Timestamp>, ReadError> {
    let sql = "SELECT attention FROM heads WHERE attention IS NOT NULL ORDER BY attention LIMIT 1";
    let next = connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    next.map(moment).transpose()
}

/// One line of the case list.
pub(crate) fn get(connection: &Connection, case: &str) -> Result<Option<CaseRow>, ReadError> {
    let sql =
        format!("SELECT {COLUMNS} FROM heads h JOIN cases c ON c.no = h.no WHERE h.case_id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_and_then([case], CaseRow::read)?.next().transpose()
}

/// Open cases that nobody holds at `now`: those not covered, and those whose cover has run out.
const UNCOVERED: &str = "SELECT no FROM cases WHERE resolved_at IS NULL AND coverage <> 'covered' \
     UNION ALL SELECT no FROM cases WHERE resolved_at IS NULL AND coverage = 'covered' AND covered_until IS NULL \
     UNION ALL SELECT no FROM cases WHERE resolved_at IS NULL AND coverage = 'covered' AND covered_until <= ?1";

/// Open cases that nobody holds, the longest uncovered first.
pub(crate) fn uncovered(
    connection: &Connection,
    tenant: Option<&str>,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<CaseRow>, ReadError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM ({UNCOVERED}) u JOIN cases c ON c.no = u.no \
         WHERE ?2 IS NULL OR c.tenant = ?2 \
         ORDER BY coalesce(c.uncovered_since, c.covered_until, c.updated_at), c.no LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let values = params![now.as_microsecond(), tenant, rows(limit)];
    statement.query_and_then(values, CaseRow::read)?.collect()
}

/// How many open cases nobody holds: the number to watch.
pub(crate) fn uncovered_count(
    connection: &Connection,
    tenant: Option<&str>,
    now: Timestamp,
) -> Result<u64, ReadError> {
    let sql = format!(
        "SELECT count(*) FROM ({UNCOVERED}) u JOIN cases c ON c.no = u.no WHERE ?2 IS NULL OR c.tenant = ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(number(statement.query_row(params![now.as_microsecond(), tenant], |row| row.get(0))?))
}

/// Who holds a claim.
pub(crate) fn claim(
    connection: &Connection,
    tenant: &str,
    kind: &str,
    key: &str,
) -> Result<Option<String>, ReadError> {
    let sql = "SELECT holder FROM claims WHERE tenant = ?1 AND kind = ?2 AND key = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([tenant, kind, key], |row| row.get(0)).optional()?)
}

/// What was used of one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How often.
    pub count: u64,
    /// How much, in minor units.
    pub amount_minor: i64,
}

/// What was used of each limit since its moment, but for what one action used, and who holds a claim: all that a
/// decision has to know, read at once.
pub(crate) fn totals(
    connection: &Connection,
    tenant: &str,
    limits: &[(String, Timestamp)],
    but_for: Option<&str>,
    held: Option<(&str, &str)>,
) -> Result<(Vec<Total>, Option<String>), ReadError> {
    let snapshot = connection.unchecked_transaction()?;
    let sql = "SELECT amount_minor FROM usage \
               WHERE tenant = ?1 AND key = ?2 AND at >= ?3 AND action IS NOT ?4";
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut totals = Vec::with_capacity(limits.len());
    for (key, since) in limits {
        let mut total = Total::default();
        let mut rows = statement.query(params![tenant, key, since.as_microsecond(), but_for])?;
        while let Some(row) = rows.next()? {
            total.count += 1;
            total.amount_minor = total.amount_minor.saturating_add(row.get(0)?);
        }
        totals.push(total);
    }
    let holder = match held {
        Some((kind, key)) => claim(&snapshot, tenant, kind, key)?,
        None => None,
    };
    Ok((totals, holder))
}

/// What was used of a limit since a moment, oldest first.
pub(crate) fn usage_since(
    connection: &Connection,
    tenant: &str,
    key: &str,
    since: Timestamp,
) -> Result<Vec<Usage>, ReadError> {
    let sql = "SELECT key, amount_minor, currency, at, action FROM usage \
               WHERE tenant = ?1 AND key = ?2 AND at >= ?3 ORDER BY at, id";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_and_then(params![tenant, key, since.as_microsecond()], |row| {
        Ok(Usage {
            key: row.get(0)?,
            amount_minor: row.get(1)?,
            currency: row.get(2)?,
            at: moment(row.get(3)?)?,
            action: row.get(4)?,
        })
    })?;
    found.collect()
}

/// A remembered value.
pub(crate) fn meta(connection: &Connection, key: &str) -> Result<Option<String>, ReadError> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// The latest time of any event.
pub(crate) fn latest_at(connection: &Connection) -> Result<Option<Timestamp>, ReadError> {
    let mut statement =
        connection.prepare_cached("SELECT latest_at FROM seals ORDER BY position DESC LIMIT 1")?;
    statement.query_row([], |row| row.get(0)).optional()?.map(moment).transpose()
}

/// Until when the last of the open cases is covered.
pub(crate) fn covered_until(connection: &Connection) -> Result<Option<Timestamp>, ReadError> {
    let sql =
        "SELECT max(covered_until) FROM cases WHERE resolved_at IS NULL AND coverage = 'covered'";
    let last: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    last.map(moment).transpose()
}

/// Open cases that agents hold after a moment, in the order in which their leases end, those before a place left out.
/// Reads only what is covered then, however many cases there are.
pub(crate) fn held_after(
    connection: &Connection,
    after: DueMark,
    limit: usize,
) -> Result<(Vec<HeldCase>, DueMark), ReadError> {
    let mut last = after;
    let mut statement = connection.prepare_cached(HELD_AFTER)?;
    let mut found = statement.query(params![after.at, after.no, rows(limit)])?;
    let mut held = Vec::new();
    while let Some(row) = found.next()? {
        last = DueMark { at: row.get(0)?, no: row.get(1)? };
        let (case, agent, epoch) = (row.get(2)?, row.get(3)?, number(row.get(4)?));
        held.push(HeldCase { case, agent, epoch, until: moment(last.at)? });
    }
    Ok((held, last))
}

pub(crate) const HELD_AFTER: &str = "SELECT covered_until, no, case_id, owner, epoch FROM cases \
     WHERE resolved_at IS NULL AND coverage = 'covered' AND (covered_until, no) > (?1, ?2) AND owner_kind = 'agent' \
     ORDER BY covered_until, no LIMIT ?3";

fn read_events(
    connection: &Connection,
    case: &str,
    after_seq: u64,
    limit: i64,
) -> Result<Vec<StoredEvent>, ReadError> {
    let sql = format!("{EVENT} WHERE h.case_id = ?1 AND e.seq > ?2 ORDER BY e.seq LIMIT ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_and_then(params![case, integer(after_seq), limit], stored_event)?.collect()
}

pub(crate) fn stored_event(row: &Row<'_>) -> Result<StoredEvent, ReadError> {
    Ok(StoredEvent {
        position: number(row.get(0)?),
        tenant: row.get(1)?,
        case: row.get(2)?,
        seq: number(row.get(3)?),
        kind: row.get(4)?,
        at: moment(row.get(5)?)?,
        body: row.get(6)?,
        hash: row.get(7)?,
    })
}

fn check_chain(events: &[StoredEvent], mut before: Hash, mut seq: u64) -> Result<(), ReadError> {
    let mut chain = Chain::default();
    for event in events {
        seq += 1;
        let link = Link {
            before,
            tenant: &event.tenant,
            case: &event.case,
            seq,
            kind: &event.kind,
            at_micros: event.at.as_microsecond(),
            body: &event.body,
        };
        if event.seq != seq || chain.event(link) != event.hash {
            return Err(ReadError::Damaged(format!(
                "event {seq} of case {} is not what was written",
                event.case
            )));
        }
        before = event.hash;
    }
    Ok(())
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
