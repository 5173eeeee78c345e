//! What stands in the journal, read from the disk after everything is over.

use std::collections::BTreeMap;
use std::path::Path;

use belay_journal::Auditor;
use jiff::Timestamp;
use serde_json::Value;

use crate::witness::Witness;

/// All events, by case.
pub(super) struct Story(BTreeMap<String, Vec<Event>>);

/// One event as plain JSON.
pub(super) struct Event {
    pub(super) case: String,
    pub(super) kind: String,
    pub(super) at: Timestamp,
    pub(super) body: Value,
}

/// What makes a story worth telling, by the event that shows it.
const TELLING: &[(&str, &str)] = &[
    ("handoff_accepted", "an agent took a case"),
    ("lease_expired", "a lease ran out"),
    ("handoff_lapsed", "an offer lapsed"),
    ("action_unknown", "an outcome was unknown"),
    ("action_retried", "a write was tried again"),
    ("action_verified", "a write was verified"),
    ("escalation_acknowledged", "a person took a case"),
    ("escalation_lapsed", "a person let go"),
    ("case_returned", "a person gave a case back to agents"),
    ("escalation_exhausted", "nobody answered an escalation"),
];

/// How many events are read at a time.
const PAGE: usize = 1_000;

impl Story {
    /// Checks the chain, and reads everything.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let auditor = Auditor::open(folder).map_err(|why| format!("no journal: {why}"))?;
        let report = auditor.verify(&[], |_| ()).map_err(|why| format!("not verified: {why}"))?;
        if !report.is_intact() {
            return Err(format!("the journal's chain is broken: {report:?}"));
        }
        let mut cases: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        let mut after = 0;
        loop {
            let page = auditor.tail(after, PAGE).map_err(|why| format!("unreadable: {why}"))?;
            let Some(last) = page.last() else { return Ok(Self(cases)) };
            after = last.position;
            for event in page {
                let body = serde_json::from_slice(&event.body)
                    .map_err(|why| format!("an event of {} is not JSON: {why}", event.case))?;
                let case = event.case.clone();
                let read = Event { case: event.case, kind: event.kind, at: event.at, body };
                cases.entry(case).or_default().push(read);
            }
        }
    }

    pub(super) fn cases(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn of(&self, case: &str) -> impl Iterator<Item = &Event> {
        self.0.get(case).into_iter().flatten()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Event> {
        self.0.values().flatten()
    }

    /// Counts what makes a story worth telling.
    pub(super) fn count(&self, witness: &Witness) {
        let mut accounts = witness.accounts();
        for (kind, what) in TELLING {
            let times = self.all().filter(|event| event.kind == *kind).count();
            if times > 0 {
                accounts.happened.insert(what, u64::try_from(times).unwrap_or(u64::MAX));
            }
        }
    }
}
