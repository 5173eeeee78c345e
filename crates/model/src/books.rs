//! The journals that the exploration comes across, each kept once, and what was decided about them.
//!
//! `decide` is a pure function, so what it said once it need not be asked again. Two histories are one record if
//! and only if the cases they lead to, and what an auditor makes of them, are equal; the hash merely makes that
//! quick to find out.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use belay_domain::{Case, Command, Coverage, Event, Holder, apply, decide, next_moment};

use crate::audit::{Audit, staff};
use crate::command::{Choice, Cmd};
use crate::law::{Law, Laws};
use crate::menu::{Move, Page, page, whims};
use crate::names::{self, ticket_number};
use crate::setting::Setting;
use crate::taken::Taken;
use crate::terms::{at, open, tick_of};

/// How many parts the books are in, so that threads seldom wait for each other.
const SHARDS: usize = 64;

/// A case, and what its history says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) case: Case,
    pub(crate) audit: Audit,
}

/// The number of a record; 0 is none.
pub(crate) type RecordId = u32;

/// What came of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    /// The record after it, which may be the one before.
    pub(crate) next: RecordId,
    pub(crate) accepted: bool,
    pub(crate) broken: Laws,
    /// Which kinds of events it consists of.
    pub(crate) kinds: Kinds,
}

/// A set of kinds of events, by their place in the list of those that were met.
pub(crate) type Kinds = u64;

type Known = HashMap<u64, Vec<RecordId>>;
type Asked = HashMap<(RecordId, u8, Cmd), Decided>;
type Pages = HashMap<(RecordId, u8), Arc<Page>>;
type Whims = HashMap<(RecordId, u8), Arc<[Move]>>;

/// Everything that was ever decided.
pub(crate) struct Books {
    pub(crate) setting: Setting,
    records: RwLock<Vec<Arc<Record>>>,
    known: Vec<Mutex<Known>>,
    asked: Vec<RwLock<Asked>>,
    pages: Vec<RwLock<Pages>>,
    whims: Vec<RwLock<Whims>>,
    /// The kinds of events that were decided, and the codes of refusals, in the order in which they were met.
    kinds: RwLock<Vec<&'static str>>,
    refusals: RwLock<BTreeSet<&'static str>>,
    /// The kinds that happened.
    happened: AtomicU64,
    /// The kinds of steps that were taken.
    pub(crate) taken: Taken,
    shard_of: RandomState,
}

impl Books {
    pub(crate) fn new(setting: Setting) -> Self {
        fn parts<T: Default>() -> Vec<T> {
            std::iter::repeat_with(T::default).take(SHARDS).collect()
        }
        Self {
            setting,
            records: RwLock::default(),
            known: parts(),
            asked: parts(),
            pages: parts(),
            whims: parts(),
            kinds: RwLock::default(),
            refusals: RwLock::default(),
            happened: AtomicU64::new(0),
            taken: Taken::default(),
            shard_of: RandomState::new(),
        }
    }

    /// The case right after the customer opened it.
    pub(crate) fn opened(&self) -> RecordId {
        let mut record = Record { case: Case::unopened(names::case()), audit: Audit::default() };
        let events = decide(&record.case, &open(&self.setting), at(0)).unwrap_or_default();
        self.follow(&mut record, Cmd::Tick, true, &events, 0);
        self.number(record)
    }

    pub(crate) fn record(&self, id: RecordId) -> Arc<Record> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records[id as usize - 1].clone()
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// These kinds of events have become part of a journal.
    pub(crate) fn happen(&self, kinds: Kinds) {
        if self.happened.load(Ordering::Relaxed) & kinds != kinds {
            self.happened.fetch_or(kinds, Ordering::Relaxed);
        }
    }

    /// The names of all events that have become part of a journal, the codes of all refusals, and the steps that were
    /// taken.
    pub(crate) fn seen(&self) -> BTreeSet<&'static str> {
        let happened = self.happened.load(Ordering::Relaxed);
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        let names = kinds.iter().enumerate().filter(|(place, _)| happened >> place & 1 == 1);
        let refusals = self.refusals.read().unwrap_or_else(PoisonError::into_inner);
        names
            .map(|(_, name)| *name)
            .chain(refusals.iter().copied())
            .chain(self.taken.names())
            .collect()
    }

    fn kinds_of(&self, events: &[Event]) -> Kinds {
        events.iter().fold(0, |kinds, event| kinds | self.kind(event.kind.name()))
    }

    /// Those of these sights that can be seen.
    pub(crate) fn sights(&self, sights: &[(&'static str, bool)]) -> Kinds {
        let seen = sights.iter().filter(|(_, seen)| *seen);
        seen.fold(0, |kinds, (name, _)| kinds | self.kind(name))
    }

    /// The place of an event, or of a sight, in the list of those that were met.
    fn kind(&self, name: &'static str) -> Kinds {
        let place = |known: &[&str]| known.iter().position(|kind| *kind == name);
        let known = place(&self.kinds.read().unwrap_or_else(PoisonError::into_inner));
        let place = known.unwrap_or_else(|| {
            let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
            place(&kinds).unwrap_or_else(|| {
                kinds.push(name);
                kinds.len() - 1
            })
        });
        1_u64.checked_shl(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or(0)
    }

    fn refused(&self, code: &'static str) {
        let known = self.refusals.read().unwrap_or_else(PoisonError::into_inner).contains(code);
        if !known {
            self.refusals.write().unwrap_or_else(PoisonError::into_inner).insert(code);
        }
    }

    /// What a supervisor that believes this record would decide about the command.
    pub(crate) fn decide(&self, id: RecordId, now: u8, cmd: Cmd) -> Decided {
        let key = (id, now, cmd);
        let part = &self.asked[self.part(&key)];
        if let Some(known) = part.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return *known;
        }
        let record = self.record(id);
        let decided = self.decide_anew(id, &record, now, cmd);
        part.write().unwrap_or_else(PoisonError::into_inner).insert(key, decided);
        decided
    }

    /// The same, for a command that is asked about only once.
    pub(crate) fn decide_anew(&self, id: RecordId, record: &Record, now: u8, cmd: Cmd) -> Decided {
        let command = cmd.to_domain(record, now, &self.setting);
        match decide(&record.case, &command, at(now)) {
            Err(rejection) => {
                self.refused(rejection.code());
                Decided { next: id, accepted: false, broken: Laws::NONE, kinds: 0 }
            }
            Ok(events) => {
                let mut next = record.clone();
                let broken = self.follow(&mut next, cmd, true, &events, now);
                let next = if events.is_empty() && next.audit == record.audit {
                    id
                } else {
                    self.number(next)
                };
                Decided { next, accepted: true, broken, kinds: self.kinds_of(&events) }
            }
        }
    }

    /// What would be decided, in words.
    pub(crate) fn tell(&self, id: RecordId, now: u8, cmd: Cmd) -> String {
        let record = self.record(id);
        match decide(&record.case, &cmd.to_domain(&record, now, &self.setting), at(now)) {
            Ok(events) => {
                let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
                format!(" -> {}", if names.is_empty() { "-".to_owned() } else { names.join(", ") })
            }
            Err(rejection) => format!(" -> refused {}", rejection.code()),
        }
    }

    /// What may happen around this record at this moment.
    pub(crate) fn page(&self, id: RecordId, now: u8) -> Arc<Page> {
        let key = (id, now);
        let part = &self.pages[self.part(&key)];
        if let Some(known) = part.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let page = Arc::new(page(self, id, now));
        part.write().unwrap_or_else(PoisonError::into_inner).insert(key, page.clone());
        page
    }

    /// What agents and people may do of their own accord around this record at this moment.
    pub(crate) fn whims(&self, id: RecordId, now: u8) -> Arc<[Move]> {
        let key = (id, now);
        let part = &self.whims[self.part(&key)];
        if let Some(known) = part.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let whims: Arc<[Move]> = whims(self, id, now).into();
        part.write().unwrap_or_else(PoisonError::into_inner).insert(key, whims.clone());
        whims
    }

    fn part(&self, key: &impl Hash) -> usize {
        usize::try_from(self.shard_of.hash_one(key)).unwrap_or(0) % SHARDS
    }

    /// Folds the events into the record and says which laws that breaks.
    fn follow(&self, record: &mut Record, cmd: Cmd, ok: bool, events: &[Event], now: u8) -> Laws {
        for event in events {
            apply(&mut record.case, event);
        }
        let mut broken = record.audit.read(cmd, ok, events, now);
        broken.hold(Law::Cov6, !still_believed(&record.case, cmd, now));
        let Record { case, audit } = record;
        broken.hold(Law::Own1, audit.agrees(case));
        if case.is_open() {
            let coverage = case.coverage(at(now));
            let raised = matches!(coverage, Coverage::Uncovered(_)) == case.alarm.is_some();
            let waits = next_moment(case).is_some_and(|next| next > at(now));
            let settled = decide(case, &Command::Tick, at(now)).is_ok_and(|more| more.is_empty());
            broken.hold(Law::Cov9, raised && waits && settled);
            // Who takes a case from an agent is not seen to have it by that.
            let taken = matches!(cmd, Cmd::Vote { choice: Choice::TakeOver, .. });
            broken.hold(Law::Cov2, !(taken && matches!(coverage, Coverage::Covered(_))));
        }
        // How often something was written, and when last, is nothing that Belay goes by.
        (case.seq, case.updated_at) = (0, case.opened_at);
        broken
    }

    /// The number of this record, new or known.
    fn number(&self, record: Record) -> RecordId {
        let hash = fingerprint(&record);
        let part = &self.known[usize::try_from(hash).unwrap_or(0) % SHARDS];
        let mut known = part.lock().unwrap_or_else(PoisonError::into_inner);
        let alike = known.entry(hash).or_default();
        for id in alike.iter() {
            if *self.record(*id) == record {
                return *id;
            }
        }
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        records.push(Arc::new(record));
        let id = RecordId::try_from(records.len()).unwrap_or(RecordId::MAX);
        alike.push(id);
        id
    }
}

/// Whether a person is said to hold a ticket although a read has just shown, later than what that is believed by,
/// that they do not.
fn still_believed(case: &Case, cmd: Cmd, now: u8) -> bool {
    let Cmd::Observe { step, ticket, marked, deeds, sent } = cmd else { return false };
    let Coverage::Covered(cover) = case.coverage(at(now)) else { return false };
    let Holder::Person { person, evidence, .. } = cover.holder() else { return false };
    let of_it = evidence.correlation() == &step.correlation()
        && ticket_number(evidence.ticket()) == Some(ticket);
    let newer =
        (1 + u64::from(deeds.count()), sent) > (evidence.revision(), tick_of(evidence.sent_at()));
    let held = marked == step && deeds.truth().held() == staff(person.as_str());
    of_it && newer && !held
}

/// What records mostly differ in. Equality decides; this is only to find what may be equal.
fn fingerprint(record: &Record) -> u64 {
    let mut hasher = DefaultHasher::new();
    let Record { case, audit } = record;
    (case.epoch, audit.owner, audit.progress, case.handoffs, case.escalation_count)
        .hash(&mut hasher);
    case.context.digest().hash(&mut hasher);
    next_moment(case).map(tick_of).hash(&mut hasher);
    case.routing
        .as_ref()
        .map(|routing| (tick_of(routing.until), routing.tried.len()))
        .hash(&mut hasher);
    case.offer.as_ref().map(|offer| tick_of(offer.until)).hash(&mut hasher);
    case.uncovered_since.map(tick_of).hash(&mut hasher);
    case.alarm.as_ref().map(|alarm| tick_of(alarm.since)).hash(&mut hasher);
    for escalation in case.escalations.values() {
        escalation.stage_name().hash(&mut hasher);
        escalation.step.correlation.hash(&mut hasher);
        (tick_of(escalation.step.since), escalation.abandoned.len()).hash(&mut hasher);
        (tick_of(escalation.opened_at)).hash(&mut hasher);
        escalation.ticket().hash(&mut hasher);
        let seen = escalation.evidence();
        seen.map(|seen| (seen.revision(), tick_of(seen.sent_at()), seen.level())).hash(&mut hasher);
    }
    for action in case.actions.values() {
        action.stage_name().hash(&mut hasher);
        (action.permits, action.attempts, action.revision).hash(&mut hasher);
    }
    for paper in audit.papers() {
        (paper.input, paper.reached, paper.until).hash(&mut hasher);
    }
    hasher.finish()
}
