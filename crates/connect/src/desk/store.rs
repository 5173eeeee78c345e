//! The desk's file: tickets, what was done to them, and who said they are on shift.

mod acts;
mod row;

use std::path::Path;

use belay_domain::{
    Act, ActKind, CaseId, Correlation, PersonId, QueueFacts, QueueId, StaffMember, Standing,
    TicketActor, TicketFacts, TicketId, TicketResolution, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::shift::{Said, on_shift};
use super::{
    DeskAct, DeskConfig, DeskError, DeskQueue, DeskQueueView, DeskTicket, Page, TicketFilter,
    TicketPage, TicketStanding,
};
use crate::{NewTicket, Rumour};

/// Each entry brings a file from the format of its index to the next. Only ever appended to.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE ticket (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        case_id TEXT NOT NULL,
        correlation TEXT NOT NULL UNIQUE,
        queue TEXT NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL,
        severity TEXT NOT NULL,
        standing TEXT NOT NULL,
        holder TEXT,
        revision INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        resolution TEXT
    ) STRICT;
    CREATE INDEX ticket_by_queue ON ticket (queue, standing);
    CREATE INDEX ticket_by_holder ON ticket (holder) WHERE holder IS NOT NULL;
    CREATE INDEX ticket_by_case ON ticket (case_id);
    CREATE TABLE act (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        ticket INTEGER NOT NULL REFERENCES ticket (number),
        actor TEXT NOT NULL,
        actor_kind TEXT NOT NULL,
        kind TEXT NOT NULL,
        given_to TEXT,
        text TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX act_by_ticket ON act (ticket, number);
    CREATE TABLE shift (
        person TEXT PRIMARY KEY,
        on_shift INTEGER NOT NULL,
        at TEXT NOT NULL
    ) STRICT;
",
    "
    ALTER TABLE act ADD COLUMN request TEXT;
    CREATE UNIQUE INDEX act_by_request ON act (request) WHERE request IS NOT NULL;
",
];

const ID_PREFIX: &str = "desk-";

/// The file, and who is on which queue.
pub(super) struct Store {
    file: Connection,
    config: DeskConfig,
}

impl Store {
    pub(super) fn open(path: &Path, config: DeskConfig) -> Result<Self, DeskError> {
        let mut file = Connection::open(path)?;
        file.pragma_update(None, "journal_mode", "WAL")?;
        file.pragma_update(None, "synchronous", "FULL")?;
        file.pragma_update(None, "foreign_keys", true)?;
        migrate(&mut file)?;
        Ok(Self { file, config })
    }

    pub(super) fn configure(&mut self, config: DeskConfig) -> Result<(), DeskError> {
        self.config = config;
        Ok(())
    }

    pub(super) fn queues(&self) -> Result<Vec<DeskQueueView>, DeskError> {
        let mut count = self.file.prepare_cached(
            "SELECT count(*), count(*) FILTER (WHERE holder IS NULL) FROM ticket
             WHERE queue = ?1 AND standing = 'open'",
        )?;
        let view = |queue: &DeskQueue| {
            let (open, unheld) =
                count.query_row([queue.id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let facts = self.queue_facts(queue)?;
            Ok(DeskQueueView { title: queue.title.clone(), facts, open, unheld })
        };
        self.config.queues.iter().map(view).collect()
    }

    pub(super) fn inspect(&self, queue: &QueueId) -> Result<QueueFacts, DeskError> {
        let known = self.config.queue(queue);
        self.queue_facts(known.ok_or_else(|| DeskError::NoQueue { queue: queue.clone() })?)
    }

    pub(super) fn tickets(
        &self,
        filter: &TicketFilter,
        page: &Page,
    ) -> Result<TicketPage, DeskError> {
        let after = page.after.as_ref().map_or(Ok(0), number)?;
        let size = page.size.clamp(1, Page::SIZE_MAX);
        let mut list = self.file.prepare_cached(&format!(
            "{} WHERE number > ?1
               AND (?2 IS NULL OR queue = ?2) AND (?3 IS NULL OR holder = ?3)
               AND (NOT ?4 OR holder IS NULL) AND (?5 IS NULL OR standing = ?5)
               AND (?6 IS NULL OR case_id = ?6)
             ORDER BY number LIMIT ?7",
            row::TICKET
        ))?;
        let found = list.query_map(
            params![
                after,
                filter.queue.as_ref().map(QueueId::as_str),
                filter.holder.as_ref().map(PersonId::as_str),
                filter.unheld,
                filter.standing.map(row::standing),
                filter.case.as_ref().map(CaseId::as_str),
                size,
            ],
            row::ticket,
        )?;
        let tickets: Vec<DeskTicket> = found.collect::<Result<_, _>>()?;
        let full = u32::try_from(tickets.len()).is_ok_and(|length| length == size);
        let next = tickets.last().filter(|_| full).map(|ticket| ticket.id.clone());
        Ok(TicketPage { tickets, next })
    }

    pub(super) fn ticket(&self, ticket: &TicketId) -> Result<DeskTicket, DeskError> {
        let mut found = self.head(ticket)?;
        found.acts = self.acts(number(ticket)?)?;
        Ok(found)
    }

    pub(super) fn find(&self, correlation: &Correlation) -> Result<Vec<TicketId>, DeskError> {
        let found = self.by_correlation(correlation)?;
        Ok(found.into_iter().map(|ticket| ticket.id).collect())
    }

    /// Creates the ticket, or says which one it already is.
    pub(super) fn create(&mut self, new: &NewTicket) -> Result<TicketId, DeskError> {
        if let Some(there) = self.by_correlation(&new.correlation)? {
            let same = there.case == new.case && there.queue == new.queue;
            let ticket = there.id;
            return if same { Ok(ticket) } else { Err(DeskError::CorrelationTaken { ticket }) };
        }
        let queue = self.config.queue(&new.queue);
        let queue = queue.ok_or_else(|| DeskError::NoQueue { queue: new.queue.clone() })?;
        if !queue.enabled {
            return Err(DeskError::QueueDisabled { queue: new.queue.clone() });
        }
        let now = (self.config.clock)().to_string();
        self.file.execute(
            "INSERT INTO ticket (case_id, correlation, queue, subject, body, severity, standing,
                                 revision, created_at, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'open', 1, ?7, ?7)",
            params![
                new.case.as_str(),
                new.correlation.as_str(),
                new.queue.as_str(),
                new.subject,
                new.body,
                row::severity(new.severity),
                now,
            ],
        )?;
        id(self.file.last_insert_rowid())
    }

    /// The ticket as evidence is made of it.
    pub(super) fn facts(&self, ticket: &TicketId) -> Result<TicketFacts, DeskError> {
        let found = self.ticket(ticket)?;
        let deed = |act: &DeskAct| Act {
            actor: TicketActor { name: act.actor.clone(), kind: act.actor_kind },
            kind: act.kind.clone(),
        };
        let closing = || {
            let act = found.acts.iter().rev().find(|act| act.kind == ActKind::ChangedState);
            act.map(|act| TicketResolution {
                actor: Some(deed(act).actor),
                code: found.resolution.clone(),
                note: act.text.clone(),
                links: Vec::new(),
            })
        };
        Ok(TicketFacts {
            standing: match found.standing {
                TicketStanding::Open => Standing::Open,
                TicketStanding::Resolved => Standing::Resolved,
                TicketStanding::Withdrawn => Standing::Rejected,
            },
            holder: found
                .holder
                .clone()
                .map(|name| TicketActor { kind: self.config.kind(&name), name }),
            acts: found.acts.iter().map(deed).collect(),
            resolution: match found.standing {
                TicketStanding::Open => None,
                TicketStanding::Resolved | TicketStanding::Withdrawn => closing(),
            },
            ticket: found.id,
            case: Some(found.case),
            correlation: Some(found.correlation),
            queue: found.queue,
            revision: found.revision,
        })
    }

    /// Records what a person says about their shift; answers with the tickets they hold.
    pub(super) fn set_shift(
        &mut self,
        person: &PersonId,
        on: bool,
    ) -> Result<Vec<Rumour>, DeskError> {
        let mut queues = self.config.queues.iter();
        let Some(member) = queues.find_map(|queue| queue.member(person)) else {
            return Err(DeskError::NotOnDesk { person: person.clone() });
        };
        if !member.enabled {
            return Err(DeskError::AccountDisabled { person: person.clone() });
        }
        let now = (self.config.clock)().to_string();
        self.file.execute(
            "INSERT INTO shift (person, on_shift, at) VALUES (?1, ?2, ?3)
             ON CONFLICT (person) DO UPDATE SET on_shift = excluded.on_shift, at = excluded.at",
            params![person.as_str(), on, now],
        )?;
        let mut held = self
            .file
            .prepare_cached(&format!("{} WHERE holder = ?1 AND standing = 'open'", row::TICKET))?;
        let held = held.query_map([person.as_str()], row::ticket)?;
        let rumour = |ticket: DeskTicket| Rumour {
            ticket: ticket.id,
            correlation: Some(ticket.correlation),
        };
        Ok(held.map(|ticket| ticket.map(rumour)).collect::<Result<_, _>>()?)
    }

    fn queue_facts(&self, queue: &DeskQueue) -> Result<QueueFacts, DeskError> {
        let now = (self.config.clock)();
        let staff = queue.staff.iter().map(|member| {
            Ok(StaffMember {
                name: member.person.clone(),
                kind: member.kind,
                enabled: member.enabled,
                may_take: member.may_take,
                on_shift: on_shift(member, self.said(&member.person)?, now),
            })
        });
        Ok(QueueFacts {
            queue: queue.id.clone(),
            enabled: queue.enabled,
            staff: staff.collect::<Result<_, DeskError>>()?,
        })
    }

    fn said(&self, person: &PersonId) -> Result<Option<Said>, DeskError> {
        let mut said =
            self.file.prepare_cached("SELECT on_shift, at FROM shift WHERE person = ?1")?;
        let said = said.query_row([person.as_str()], |row| {
            Ok(Said { on: row.get(0)?, at: row::parsed(row, 1)? })
        });
        Ok(said.optional()?)
    }

    fn by_correlation(&self, correlation: &Correlation) -> Result<Option<DeskTicket>, DeskError> {
        let mut search =
            self.file.prepare_cached(&format!("{} WHERE correlation = ?1", row::TICKET))?;
        Ok(search.query_row([correlation.as_str()], row::ticket).optional()?)
    }

    fn head(&self, ticket: &TicketId) -> Result<DeskTicket, DeskError> {
        let mut search = self.file.prepare_cached(&format!("{} WHERE number = ?1", row::TICKET))?;
        let found = search.query_row([number(ticket)?], row::ticket).optional()?;
        found.ok_or_else(|| DeskError::NoTicket { ticket: ticket.clone() })
    }

    fn acts(&self, number: i64) -> Result<Vec<DeskAct>, DeskError> {
        let mut list = self.file.prepare_cached(
            "SELECT actor, actor_kind, kind, given_to, text, at FROM act
             WHERE ticket = ?1 ORDER BY number",
        )?;
        let acts = list.query_map([number], row::act)?;
        Ok(acts.collect::<Result<_, _>>()?)
    }
}

fn migrate(file: &mut Connection) -> Result<(), DeskError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if !(0..=known).contains(&found) {
        return Err(DeskError::NewerFormat { found, known });
    }
    for (format, migration) in (1i64..).zip(MIGRATIONS).filter(|(format, _)| *format > found) {
        let change = file.transaction()?;
        change.execute_batch(migration)?;
        change.pragma_update(None, "user_version", format)?;
        change.commit()?;
    }
    Ok(())
}

fn number(ticket: &TicketId) -> Result<i64, DeskError> {
    let digits = ticket.as_str().strip_prefix(ID_PREFIX);
    // Only the one way in which the desk itself writes a number: `desk-07` is no ticket.
    digits
        .and_then(|digits| digits.parse().ok())
        .filter(|number| format!("{ID_PREFIX}{number}") == ticket.as_str())
        .ok_or_else(|| DeskError::NoTicket { ticket: ticket.clone() })
}

fn id(number: i64) -> Result<TicketId, DeskError> {
    let id = format!("{ID_PREFIX}{number}").parse();
    id.map_err(|_| DeskError::Damaged { detail: format!("ticket {number}") })
}

/// When something happened, as the file holds it.
fn moment(store: &Store) -> Timestamp {
    (store.config.clock)()
}
