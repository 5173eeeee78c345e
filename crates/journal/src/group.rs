//! One transaction: what all submissions of a group write, each wholly or not at all.
//!
//! A submission is first held against the database and against those before it, and only written when nothing
//! stands in its way. So a refused one leaves nothing to undo, and its neighbours never notice it. What many
//! submissions change about one case is written once, at the end.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash as _, Hasher, RandomState};

use rusqlite::{Connection, OptionalExtension, params};

use crate::case::CaseRow;
use crate::chain::{Chain, Hash, Link};
use crate::entry::{Entry, Receipt};
use crate::error::{AppendError, Conflict};
use crate::heads::{Head, Heads};
use crate::queue::Work;
use crate::schema::{integer, micros_after, number};
use crate::statements::Statements;

/// Everything the writer knows from one transaction to the next.
pub(crate) struct Ledger<'c> {
    statements: Statements<'c>,
    heads: Heads,
    chain: Chain,
    /// The position of the last event written.
    position: u64,
    sealed: u64,
    mark: Hash,
    latest_at: i64,
    next_no: i64,
    touched: HashMap<i64, Touched>,
    digests: RandomState,
}

/// Where the journal ends.
struct End {
    position: u64,
    mark: Hash,
    latest_at: i64,
    next_no: i64,
}

/// A case that the running transaction changes.
struct Touched {
    case: String,
    attention: Option<i64>,
    row: Option<CaseRow>,
}

/// What a submission changes, as seen by its own later entries.
#[derive(Default)]
struct Overlay<'e> {
    seqs: HashMap<&'e str, u64>,
    claims: HashMap<(&'e str, &'e str, &'e str), Option<&'e str>>,
}

impl End {
    fn read(connection: &Connection) -> rusqlite::Result<End> {
        let seal = connection
            .query_row(
                "SELECT position, mark, latest_at FROM seals ORDER BY position DESC LIMIT 1",
                [],
                |row| Ok((number(row.get(0)?), row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let (position, mark, latest_at) = seal.unwrap_or((0, Hash::NONE, i64::MIN));
        let next_no =
            connection
                .query_row("SELECT coalesce(max(no), 0) + 1 FROM heads", [], |row| row.get(0))?;
        Ok(End { position, mark, latest_at, next_no })
    }
}

impl<'c> Ledger<'c> {
    pub(crate) fn open(connection: &'c Connection) -> rusqlite::Result<Ledger<'c>> {
        let end = End::read(connection)?;
        Ok(Ledger {
            statements: Statements::prepare(connection)?,
            heads: Heads::default(),
            chain: Chain::default(),
            position: end.position,
            sealed: end.position,
            mark: end.mark,
            latest_at: end.latest_at,
            next_no: end.next_no,
            touched: HashMap::new(),
            digests: RandomState::new(),
        })
    }

    /// The position of the last event written.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Forgets everything that was concluded from a transaction that was taken back.
    pub(crate) fn read_again(&mut self, connection: &Connection) -> rusqlite::Result<u64> {
        let End { position, mark, latest_at, next_no } = End::read(connection)?;
        self.heads = Heads::default();
        self.touched.clear();
        (self.position, self.sealed) = (position, position);
        (self.mark, self.latest_at, self.next_no) = (mark, latest_at, next_no);
        Ok(position)
    }

    pub(crate) fn begin(&mut self) -> rusqlite::Result<()> {
        self.statements.begin.execute([])?;
        Ok(())
    }

    /// Writes one submission, or says what stands in its way. An error of the store is nobody's conflict.
    pub(crate) fn add(&mut self, work: Work) -> rusqlite::Result<Result<Receipt, AppendError>> {
        match work {
            Work::Append(entries) => {
                if let Err(conflict) = self.look(&entries)? {
                    return Ok(Err(AppendError::Conflict(conflict)));
                }
                let first = self.position + 1;
                for entry in entries {
                    self.write(entry)?;
                }
                Ok(Ok(Receipt { first, last: self.position }))
            }
            Work::Remember { key, value } => {
                self.statements.meta_put.execute([key, value])?;
                Ok(Ok(Receipt { first: self.position + 1, last: self.position }))
            }
        }
    }

    /// Writes what the group left of each case, seals the chain and makes all of it durable.
    pub(crate) fn commit(&mut self) -> rusqlite::Result<u64> {
        let mut touched: Vec<(i64, Touched)> = self.touched.drain().collect();
        // In key order, so that the pages of a table are visited once.
        touched.sort_unstable_by_key(|(no, _)| *no);
        let mut reworded = Vec::new();
        for (no, case) in touched {
            if let Some(row) = self.settle(no, case)? {
                reworded.push((no, row));
            }
        }
        // After all else: a statement that opens a savepoint makes the word index write out what it has gathered.
        for (no, row) in reworded {
            self.statements.text_put(no, &row)?;
        }
        if self.position > self.sealed {
            let seal = params![integer(self.position), self.mark, self.latest_at];
            self.statements.seal_add.execute(seal)?;
            self.sealed = self.position;
        }
        self.statements.commit.execute([])?;
        self.heads.turn();
        Ok(self.position)
    }

    /// Holds a submission against what is written so far. Changes nothing.
    fn look(&mut self, entries: &[Entry]) -> rusqlite::Result<Result<(), Conflict>> {
        let mut overlay = Overlay::default();
        for entry in entries {
            let known = overlay.seqs.get(entry.case.as_str()).copied();
            let head = self.head(entry, known.is_some())?;
            if head.tenant != entry.tenant {
                return Ok(Err(Conflict::OtherTenant { case: entry.case.clone() }));
            }
            let found = known.unwrap_or(head.seq);
            if found != entry.expected_seq {
                let (case, expected) = (entry.case.clone(), entry.expected_seq);
                return Ok(Err(Conflict::Seq { case, expected, found }));
            }
            if entries.len() > 1 {
                overlay.seqs.insert(&entry.case, found + entry.events.len() as u64);
            }
            if let Err(conflict) = self.look_at_claims(entry, &mut overlay)? {
                return Ok(Err(conflict));
            }
        }
        self.look_at_caps(entries)
    }

    fn look_at_claims<'e>(
        &mut self,
        entry: &'e Entry,
        overlay: &mut Overlay<'e>,
    ) -> rusqlite::Result<Result<(), Conflict>> {
        for claim in &entry.releases {
            let key = (entry.tenant.as_str(), claim.kind.as_str(), claim.key.as_str());
            let held = match overlay.claims.get(&key) {
                Some(holder) => *holder == Some(claim.holder.as_str()),
                None => self.holder(key)?.as_ref() == Some(&claim.holder),
            };
            if held {
                overlay.claims.insert(key, None);
            }
        }
        for claim in &entry.claims {
            let key = (entry.tenant.as_str(), claim.kind.as_str(), claim.key.as_str());
            let holder = match overlay.claims.get(&key) {
                Some(holder) => holder.map(str::to_owned),
                None => self.holder(key)?,
            };
            match holder {
                Some(holder) if holder != claim.holder => {
                    let (kind, key) = (claim.kind.clone(), claim.key.clone());
                    return Ok(Err(Conflict::Claimed { kind, key, holder }));
                }
                _ => overlay.claims.insert(key, Some(&claim.holder)),
            };
        }
        Ok(Ok(()))
    }

    /// What is taken back in the same submission still counts: a limit is rather kept too early than too late.
    fn look_at_caps(&mut self, entries: &[Entry]) -> rusqlite::Result<Result<(), Conflict>> {
        for (tenant, cap) in
            entries.iter().flat_map(|entry| entry.caps.iter().map(move |cap| (&entry.tenant, cap)))
        {
            let since = cap.since.as_microsecond();
            let added = entries
                .iter()
                .filter(|entry| entry.tenant == *tenant)
                .flat_map(|entry| &entry.usage)
                .filter(|usage| usage.key == cap.key && usage.currency == cap.currency)
                .filter(|usage| usage.at.as_microsecond() >= since)
                .fold(0_i64, |sum, usage| sum.saturating_add(usage.amount_minor));
            let mut total_minor = added;
            let mut rows =
                self.statements.usage_sum.query(params![tenant, cap.key, since, cap.currency])?;
            while let Some(row) = rows.next()? {
                total_minor = total_minor.saturating_add(row.get(0)?);
            }
            if total_minor > cap.max_minor {
                let (key, currency) = (cap.key.clone(), cap.currency.clone());
                return Ok(Err(Conflict::OverCap {
                    key,
                    currency,
                    total_minor,
                    max_minor: cap.max_minor,
                }));
            }
        }
        Ok(Ok(()))
    }

    fn write(&mut self, entry: Entry) -> rusqlite::Result<()> {
        let Entry {
            tenant,
            case,
            expected_seq: _,
            events,
            row,
            attention,
            claims,
            releases,
            usage,
            ..
        } = entry;
        // `look` has just put it there.
        let head = self.heads.get(&case).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        for event in &events {
            let at_micros = event.at.as_microsecond();
            head.seq += 1;
            head.hash = self.chain.event(Link {
                before: head.hash,
                tenant: &tenant,
                case: &case,
                seq: head.seq,
                kind: &event.kind,
                at_micros,
                body: &event.body,
            });
            self.position += 1;
            self.mark = self.chain.mark(self.mark, self.position, &case, head.seq, head.hash);
            self.latest_at = self.latest_at.max(at_micros);
            self.statements.event_add.execute(params![
                integer(self.position),
                head.no,
                integer(head.seq),
                event.kind,
                at_micros,
                event.body,
                head.hash
            ])?;
        }
        let no = head.no;
        for claim in releases {
            self.statements.claim_drop.execute(params![
                tenant,
                claim.kind,
                claim.key,
                claim.holder
            ])?;
        }
        for claim in claims {
            self.statements.claim_put.execute(params![
                tenant,
                claim.kind,
                claim.key,
                claim.holder
            ])?;
        }
        for action in entry.releases_usage {
            self.statements.usage_drop.execute(params![tenant, action])?;
        }
        for usage in usage {
            let at = usage.at.as_microsecond();
            let values =
                params![tenant, usage.key, usage.currency, at, usage.amount_minor, usage.action];
            self.statements.usage_add.execute(values)?;
        }
        let touched =
            self.touched.entry(no).or_insert_with(|| Touched { case, attention: None, row: None });
        touched.attention = attention.map(micros_after);
        if row.is_some() {
            touched.row = row;
        }
        Ok(())
    }

    /// Brings the rows of a case to where the group left it. Gives back the row when its words may have changed.
    fn settle(&mut self, no: i64, touched: Touched) -> rusqlite::Result<Option<CaseRow>> {
        // Heads are only forgotten between transactions.
        let head = self.heads.get(&touched.case).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let (seq, hash, attention) = (integer(head.seq), head.hash, touched.attention);
        let new = !head.stored;
        if new {
            let values = params![no, touched.case, head.tenant, seq, hash, attention];
            self.statements.head_add.execute(values)?;
        } else if head.attention == attention {
            self.statements.head_move.execute(params![no, seq, hash])?;
        } else {
            self.statements.head_move_attention.execute(params![no, seq, hash, attention])?;
        }
        head.stored = true;
        head.attention = attention;
        let Some(row) = touched.row else { return Ok(None) };
        let digest = settled_digest(&self.digests, &row);
        let moved = Some(moved_digest(&self.digests, &row));
        let only_time = head.moved == moved;
        head.moved = moved;
        if head.settled == Some(digest) {
            if only_time {
                self.statements.case_touch(no, &row)?;
            } else {
                self.statements.case_move(no, &row)?;
            }
            return Ok(None);
        }
        head.settled = Some(digest);
        self.statements.case_put(no, &row, new)?;
        Ok(Some(row))
    }

    /// Where the case of an entry stands; a new case begins here. `seen`: an earlier entry of the same
    /// submission has begun it already.
    fn head(&mut self, entry: &Entry, seen: bool) -> rusqlite::Result<&Head> {
        if self.heads.get(&entry.case).is_none() {
            let stored = self
                .statements
                .head_get
                .query_row([&entry.case], |row| {
                    Ok(Head {
                        no: row.get(0)?,
                        tenant: row.get(1)?,
                        seq: number(row.get(2)?),
                        hash: row.get(3)?,
                        attention: row.get(4)?,
                        stored: true,
                        settled: None,
                        moved: None,
                    })
                })
                .optional()?;
            let head = stored.unwrap_or_else(|| {
                let no = self.next_no;
                self.next_no += 1;
                let tenant = entry.tenant.clone();
                Head {
                    no,
                    tenant,
                    seq: 0,
                    hash: Hash::NONE,
                    attention: None,
                    stored: false,
                    settled: None,
                    moved: None,
                }
            });
            self.heads.put(&entry.case, head);
        }
        // Just put there when it was missing.
        let head = self.heads.get(&entry.case).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        if !head.stored && !seen && !self.touched.contains_key(&head.no) {
            // Nothing of the case exists: it was only asked for by a submission that was refused.
            head.tenant.clone_from(&entry.tenant);
        }
        Ok(head)
    }

    fn holder(
        &mut self,
        (tenant, kind, key): (&str, &str, &str),
    ) -> rusqlite::Result<Option<String>> {
        self.statements.claim_get.query_row([tenant, kind, key], |row| row.get(0)).optional()
    }
}

/// A digest of what `case_move` writes and `case_touch` does not.
fn moved_digest(digests: &RandomState, row: &CaseRow) -> u64 {
    let mut hasher = digests.build_hasher();
    (&row.status, &row.severity, &row.owner_kind, &row.owner, &row.coverage).hash(&mut hasher);
    (row.covered_until, row.uncovered_since, row.resolved_at).hash(&mut hasher);
    (&row.resolution, row.epoch).hash(&mut hasher);
    hasher.finish()
}

/// A digest of what `case_move` does not write.
fn settled_digest(digests: &RandomState, row: &CaseRow) -> u64 {
    let mut hasher = digests.build_hasher();
    (&row.subject, &row.kind, &row.customer, row.opened_at).hash(&mut hasher);
    (&row.labels, &row.request_id, &row.fingerprint).hash(&mut hasher);
    hasher.finish()
}
