//! Canaries: test tickets that are put into queues on a schedule, to see whether somebody would be reached.
//!
//! A canary is a case like all others, in a tenant of its own, that asks one queue by the ordinary road. When what is
//! expected has been shown it is resolved, and its people are told like those of any other case. Nothing is faked, so
//! what breaks for customers breaks for canaries first.

mod alarm;
mod probe;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use belay_domain::{Actor, CaseId, Command, QueueRef, TenantId, Timestamp};
use belay_journal::Query;
use belay_playbook::Canary;
use dashmap::DashMap;
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::engine::Engine;
use crate::intake::Intake;
use crate::playbooks::Playbooks;
use probe::Shown;

/// The tenant of canaries. They are cases like all others, and no customer's.
pub(crate) const CANARIES: &str = "belay-canaries";

/// How often it is looked whether one is due.
const LOOKED_EVERY: Duration = Duration::from_millis(500);

/// What canaries showed last, by queue; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Results(Arc<DashMap<QueueRef, Outcome>>);

/// What one canary showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// When it was put into the queue.
    pub(crate) at: Timestamp,
    /// What was shown, and how long after.
    pub(crate) shown: Shown,
    /// Why it failed, if it did.
    pub(crate) failed: Option<String>,
}

/// Puts canaries into queues.
#[derive(Clone)]
pub(crate) struct Canaries {
    pub(crate) engine: Engine,
    pub(crate) playbooks: Playbooks,
    pub(crate) intake: Intake,
    /// Whose operators are asked when one fails.
    pub(crate) tenant: TenantId,
    pub(crate) results: Results,
    pub(crate) tasks: TaskTracker,
}

impl Results {
    /// All of them, by queue.
    pub(crate) fn all(&self) -> Vec<(QueueRef, Outcome)> {
        let each = self.0.iter();
        let mut all: Vec<_> = each.map(|one| (one.key().clone(), one.value().clone())).collect();
        all.sort_by_key(|(queue, _)| queue.to_string());
        all
    }
}

impl Canaries {
    /// Probes every queue of the playbook in force at its times, until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let meters = Meters::default();
        let mut due: BTreeMap<String, Instant> = BTreeMap::new();
        let mut cleared = false;
        loop {
            let wanted = self.playbooks.current().operations().canaries.clone();
            if !wanted.is_empty() && !cleared {
                cleared = self.clear().await;
            }
            for canary in wanted {
                let every = Duration::try_from(canary.every).unwrap_or(Duration::from_secs(3_600));
                let now = Instant::now();
                let next = due
                    .entry(canary.queue.to_string())
                    .or_insert_with(|| now + first(&canary, every));
                if *next > now {
                    continue;
                }
                *next = now + every;
                let (one, meters, stop) = (self.clone(), meters.clone(), stop.clone());
                self.tasks.spawn(async move {
                    stop.run_until_cancelled(one.probe(canary, meters)).await;
                });
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOKED_EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// One canary, from the queue to its end.
    async fn probe(self, canary: Canary, meters: Meters) {
        let at = self.engine.clock().now();
        let (shown, failed) = match self.put(&canary).await {
            Err(why) => (Shown::default(), Some(why)),
            Ok(case) => {
                let failed = self.wait(&canary, &case).await.err();
                let shown = self.shown(&case).await;
                self.take_back(&case, failed.is_none()).await;
                (shown, failed)
            }
        };
        meters.record(&canary, &shown, failed.is_none());
        let queue = canary.queue.clone();
        match &failed {
            None => info!(%queue, ?shown, "canary: the queue reaches somebody"),
            Some(why) => {
                error!(%queue, why, "canary failed: a customer's case would not be taken there");
                if let Some(policy) = &canary.alarm {
                    self.raise(&canary, policy, why).await;
                }
            }
        }
        self.results.0.insert(queue, Outcome { at, shown, failed });
    }

    /// Ends canaries that an earlier life of this supervisor left behind. False if that could not be done yet.
    async fn clear(&self) -> bool {
        loop {
            let left = Query {
                tenant: CANARIES.to_owned(),
                open: Some(true),
                page_size: 500,
                ..Query::default()
            };
            let rows = match self.engine.journal().search(left).await {
                Ok(page) => page.rows,
                Err(failure) => {
                    warn!(error = %failure, "canaries of an earlier life could not be looked for");
                    return false;
                }
            };
            if rows.is_empty() {
                return true;
            }
            for row in rows {
                let Ok(case) = row.case.parse::<CaseId>() else { return false };
                if !self.take_back(&case, false).await {
                    return false;
                }
            }
        }
    }

    /// The canary is over: its people are told.
    async fn take_back(&self, case: &CaseId, well: bool) -> bool {
        let note = if well { "what was expected was shown" } else { "it was not shown in time" };
        let Some(code) = self.playbooks.current().resolutions().keys().next().cloned() else {
            return false;
        };
        let by = Actor::Program("belay-canary".to_owned());
        let resolve = Command::Resolve { by, code, note: note.to_owned() };
        match self.engine.command(case, resolve).await {
            Ok(_) => true,
            Err(failure) => {
                warn!(%case, error = %failure, "a canary could not be taken back");
                false
            }
        }
    }
}

/// When a queue is probed for the first time: soon, and not all at once.
fn first(canary: &Canary, every: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    canary.queue.to_string().hash(&mut hasher);
    let most = every.min(Duration::from_secs(60));
    most / 1_000 * u32::try_from(hasher.finish() % 1_000).unwrap_or(0)
}

/// What canaries show, for those who watch from outside.
#[derive(Clone)]
struct Meters {
    ends: Counter<u64>,
    seen: Histogram<f64>,
    routed: Histogram<f64>,
    acknowledged: Histogram<f64>,
}

impl Default for Meters {
    fn default() -> Self {
        let meter = global::meter("belay");
        let seconds =
            |name, what| meter.f64_histogram(name).with_unit("s").with_description(what).build();
        Self {
            ends: meter
                .u64_counter("belay.canaries")
                .with_description("Canaries by queue and how they ended: ok or failed")
                .build(),
            seen: seconds("belay.canary.seen", "Until the canary's ticket was seen (E2)"),
            routed: seconds("belay.canary.routed", "Until somebody could take it (E3)"),
            acknowledged: seconds("belay.canary.acknowledged", "Until a person took it (E4)"),
        }
    }
}

impl Meters {
    fn record(&self, canary: &Canary, shown: &Shown, well: bool) {
        let queue = KeyValue::new("queue", canary.queue.to_string());
        let end = KeyValue::new("outcome", if well { "ok" } else { "failed" });
        self.ends.add(1, &[queue.clone(), end]);
        let times = [
            (&self.seen, shown.seen),
            (&self.routed, shown.routed),
            (&self.acknowledged, shown.acknowledged),
        ];
        for (histogram, took) in times {
            if let Some(took) = took {
                histogram.record(took.as_secs_f64(), std::slice::from_ref(&queue));
            }
        }
    }
}

#[cfg(test)]
mod tests;
