//! Every statement the writer uses, prepared once for the life of its connection.

use rusqlite::{Connection, Statement, ToSql, params};

use crate::case::CaseRow;
use crate::schema::integer;

/// The writer's statements.
pub(crate) struct Statements<'c> {
    pub(crate) begin: Statement<'c>,
    pub(crate) commit: Statement<'c>,
    pub(crate) event_add: Statement<'c>,
    pub(crate) seal_add: Statement<'c>,
    pub(crate) head_get: Statement<'c>,
    pub(crate) head_add: Statement<'c>,
    pub(crate) head_move: Statement<'c>,
    pub(crate) head_move_attention: Statement<'c>,
    pub(crate) claim_get: Statement<'c>,
    pub(crate) claim_put: Statement<'c>,
    pub(crate) claim_drop: Statement<'c>,
    pub(crate) usage_add: Statement<'c>,
    pub(crate) usage_drop: Statement<'c>,
    pub(crate) usage_sum: Statement<'c>,
    pub(crate) meta_put: Statement<'c>,
    case_add: Statement<'c>,
    case_put: Statement<'c>,
    case_move: Statement<'c>,
    case_touch: Statement<'c>,
    text_put: Statement<'c>,
}

/// A whole case; the first twelve values are those of `case_move`.
const CASE: &str = "INTO cases (no, status, severity, owner_kind, owner, coverage, covered_until, \
     uncovered_since, updated_at, resolved_at, resolution, epoch, tenant, case_id, subject, kind, \
     customer, opened_at, labels, request_id, fingerprint) VALUES \
     (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";

impl<'c> Statements<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> rusqlite::Result<Statements<'c>> {
        let prepare = |sql: &str| connection.prepare(sql);
        Ok(Statements {
            // Immediate: whoever holds the lock is met here, before anything was written.
            begin: prepare("BEGIN IMMEDIATE")?,
            commit: prepare("COMMIT")?,
            event_add: prepare(
                "INSERT INTO events (position, case_no, seq, kind, at, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            seal_add: prepare("INSERT INTO seals (position, mark, latest_at) VALUES (?1, ?2, ?3)")?,
            head_get: prepare(
                "SELECT no, tenant, seq, hash, attention FROM heads WHERE case_id = ?1",
            )?,
            head_add: prepare(
                "INSERT INTO heads (no, case_id, tenant, seq, hash, attention) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            head_move: prepare("UPDATE heads SET seq = ?2, hash = ?3 WHERE no = ?1")?,
            head_move_attention: prepare(
                "UPDATE heads SET seq = ?2, hash = ?3, attention = ?4 WHERE no = ?1",
            )?,
            claim_get: prepare(
                "SELECT holder FROM claims WHERE tenant = ?1 AND kind = ?2 AND key = ?3",
            )?,
            claim_put: prepare(
                "INSERT INTO claims (tenant, kind, key, holder) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?,
            claim_drop: prepare(
                "DELETE FROM claims WHERE tenant = ?1 AND kind = ?2 AND key = ?3 AND holder = ?4",
            )?,
            usage_add: prepare(
                "INSERT INTO usage (tenant, key, currency, at, amount_minor, action) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            usage_drop: prepare("DELETE FROM usage WHERE tenant = ?1 AND action = ?2")?,
            usage_sum: prepare(
                "SELECT amount_minor FROM usage WHERE tenant = ?1 AND key = ?2 AND at >= ?3 AND currency = ?4",
            )?,
            meta_put: prepare(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
            )?,
            case_add: prepare(&format!("INSERT {CASE}"))?,
            case_put: prepare(&format!("INSERT OR REPLACE {CASE}"))?,
            case_move: prepare(
                "UPDATE cases SET status = ?2, severity = ?3, owner_kind = ?4, owner = ?5, coverage = ?6, \
                 covered_until = ?7, uncovered_since = ?8, updated_at = ?9, resolved_at = ?10, resolution = ?11, \
                 epoch = ?12 WHERE no = ?1",
            )?,
            case_touch: prepare("UPDATE cases SET updated_at = ?2 WHERE no = ?1")?,
            text_put: prepare(
                "INSERT OR REPLACE INTO cases_text (rowid, subject, customer, case_id) VALUES (?1, ?2, ?3, ?4)",
            )?,
        })
    }

    /// Writes the whole line of a case. A case known to have none yet takes the shorter way.
    pub(crate) fn case_put(&mut self, no: i64, row: &CaseRow, new: bool) -> rusqlite::Result<()> {
        let labels = row.labels_text();
        let opened_at = row.opened_at.as_microsecond();
        let moving = Moving::of(row);
        let settled: [&dyn ToSql; 9] = [
            &row.tenant,
            &row.case,
            &row.subject,
            &row.kind,
            &row.customer,
            &opened_at,
            &labels,
            &row.request_id,
            &row.fingerprint,
        ];
        let moving = moving.values(&no, row);
        let values: Vec<&dyn ToSql> = moving.into_iter().chain(settled).collect();
        let statement = if new { &mut self.case_add } else { &mut self.case_put };
        statement.execute(values.as_slice())?;
        Ok(())
    }

    /// Writes the words by which a case is found.
    pub(crate) fn text_put(&mut self, no: i64, row: &CaseRow) -> rusqlite::Result<()> {
        self.text_put.execute(params![no, row.subject, row.customer, row.case])?;
        Ok(())
    }

    /// Writes only that something happened.
    pub(crate) fn case_touch(&mut self, no: i64, row: &CaseRow) -> rusqlite::Result<()> {
        self.case_touch.execute([no, row.updated_at.as_microsecond()])?;
        Ok(())
    }

    /// Writes only what changes from event to event.
    pub(crate) fn case_move(&mut self, no: i64, row: &CaseRow) -> rusqlite::Result<()> {
        self.case_move.execute(&Moving::of(row).values(&no, row)[..])?;
        Ok(())
    }
}

/// Times and numbers as the database keeps them.
struct Moving {
    covered_until: Option<i64>,
    uncovered_since: Option<i64>,
    updated_at: i64,
    resolved_at: Option<i64>,
    epoch: i64,
}

impl Moving {
    fn of(row: &CaseRow) -> Moving {
        Moving {
            covered_until: row.covered_until.map(|at| at.as_microsecond()),
            uncovered_since: row.uncovered_since.map(|at| at.as_microsecond()),
            updated_at: row.updated_at.as_microsecond(),
            resolved_at: row.resolved_at.map(|at| at.as_microsecond()),
            epoch: integer(row.epoch),
        }
    }

    /// The first twelve columns of `case_put`, which are all of `case_move`.
    fn values<'a>(&'a self, no: &'a i64, row: &'a CaseRow) -> [&'a dyn ToSql; 12] {
        [
            no,
            &row.status,
            &row.severity,
            &row.owner_kind,
            &row.owner,
            &row.coverage,
            &self.covered_until,
            &self.uncovered_since,
            &self.updated_at,
            &self.resolved_at,
            &row.resolution,
            &self.epoch,
        ]
    }
}
