//! What does not fit between the journal and the human queues: kept for operators, counted, and told once.

use std::collections::BTreeSet;
use std::sync::Arc;

use belay_connect::QueueErrorKind;
use belay_domain::{CaseId, Discrepancy, SystemId};
use dashmap::DashMap;
use opentelemetry::metrics::{Counter, Gauge};
use opentelemetry::{KeyValue, global};
use tracing::{debug, info, warn};

use super::NotReconciled;

/// So many are listed for operators. Whoever has more has one reason for all of them.
const WARNINGS_MAX: usize = 50;

/// The names of all kinds, so that one that is gone is counted as none.
const KINDS: [&str; 4] = ["ghost", "orphan", "fork", "drift"];

/// What was found last, by system; cheap to clone.
#[derive(Clone)]
pub(crate) struct Findings {
    last: Arc<DashMap<SystemId, Last>>,
    found: Counter<u64>,
    passes: Counter<u64>,
    standing: Gauge<u64>,
}

/// How the last pass through a system ended.
#[derive(Debug, Default)]
struct Last {
    /// What did not fit, when it could last be told.
    found: BTreeSet<Discrepancy>,
    /// Why it could not be told since.
    failure: Option<String>,
}

impl Default for Findings {
    fn default() -> Self {
        let meter = global::meter("belay");
        Self {
            last: Arc::default(),
            found: meter
                .u64_counter("belay.reconciliation.found")
                .with_description("Tickets that were found not to be as the journal believes")
                .build(),
            passes: meter
                .u64_counter("belay.reconciliation.passes")
                .with_description("How often a system was gone through, by outcome")
                .build(),
            standing: meter
                .u64_gauge("belay.reconciliation.standing")
                .with_description("Tickets that are not as the journal believes, as last seen")
                .build(),
        }
    }
}

impl Findings {
    /// What does not fit, for operators: of one case, or of all. The first of a long list, and how many more.
    #[must_use]
    pub(crate) fn warnings(&self, case: Option<&CaseId>) -> Vec<String> {
        let mut all = Vec::new();
        for entry in self.last.iter() {
            let (system, last) = entry.pair();
            let wanted = last
                .found
                .iter()
                .filter(|one| case.is_none() || one.correlation().case().as_ref() == case);
            all.extend(wanted.map(|one| format!("{system}: {one}")));
            if let (None, Some(failure)) = (case, &last.failure) {
                all.push(format!("{system}: not reconciled: {failure}"));
            }
        }
        all.sort_unstable();
        let more = all.len().saturating_sub(WARNINGS_MAX);
        all.truncate(WARNINGS_MAX);
        if more > 0 {
            all.push(format!("and {more} more tickets that are not as the journal believes"));
        }
        all
    }

    /// Whether the system's tickets were listed when that was last tried, so that second ones are found by it.
    #[must_use]
    pub(crate) fn lists(&self, system: &SystemId) -> bool {
        self.last.get(system).is_some_and(|last| last.failure.is_none())
    }

    /// A pass has ended with this.
    pub(super) fn found(&self, system: &SystemId, found: Vec<Discrepancy>) {
        let found: BTreeSet<_> = found.into_iter().collect();
        let mut last = self.last.entry(system.clone()).or_default();
        for one in found.difference(&last.found) {
            self.found.add(1, &about(system, one.name()));
            let kind = one.name();
            match one {
                // People may do as they like; the evidence rules judge what it means.
                Discrepancy::Drift { .. } => info!(%system, kind, %one, "a ticket was changed"),
                _ => warn!(%system, kind, %one, "a ticket is not as the journal believes"),
            }
        }
        for kind in KINDS {
            let count = found.iter().filter(|one| one.name() == kind).count();
            self.standing.record(count as u64, &about(system, kind));
        }
        self.passes.add(1, &outcome(system, "ok"));
        *last = Last { found, failure: None };
    }

    /// A pass has ended with nothing being known.
    pub(super) fn failed(&self, system: &SystemId, failure: &NotReconciled) {
        let mut last = self.last.entry(system.clone()).or_default();
        let told = failure.to_string();
        let cannot = matches!(
            failure,
            NotReconciled::Unlisted(error) if error.kind == QueueErrorKind::Refused
        );
        // A system that cannot list is not in trouble, and is told of once.
        if cannot && last.failure.as_ref() == Some(&told) {
            debug!(%system, failure = told, "not reconciled");
        } else {
            warn!(%system, failure = told, "not reconciled; everything is left as it is");
        }
        self.passes.add(1, &outcome(system, if cannot { "refused" } else { "failed" }));
        last.failure = Some(told);
    }
}

fn about(system: &SystemId, kind: &'static str) -> [KeyValue; 2] {
    [KeyValue::new("system", system.as_str().to_owned()), KeyValue::new("kind", kind)]
}

fn outcome(system: &SystemId, outcome: &'static str) -> [KeyValue; 2] {
    [KeyValue::new("system", system.as_str().to_owned()), KeyValue::new("outcome", outcome)]
}
