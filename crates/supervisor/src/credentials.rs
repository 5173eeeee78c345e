//! Credentials that an outside system does not accept: expired, revoked, or short of a right. Operators are told with
//! the first request that is refused, long before the evidence that rests on reading that system has become too old;
//! and days before that, where the credential itself says when it [expires](expiry).

mod expiry;
mod minded;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_connect::{HumanQueue, SystemOfRecord};
use belay_domain::{Span, SystemId, Timestamp, after};
use dashmap::DashMap;
use opentelemetry::metrics::Gauge;
use opentelemetry::{KeyValue, global};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::playbooks::Playbooks;
use minded::Minded;

pub(crate) use expiry::{Expiry, of_secret};

/// How often it is looked whether a credential expires soon.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(3_600);

/// So many requests in a row that are answered with 403, and nothing shown between them, are not about one ticket.
const FORBIDDEN_MAX: u32 = 3;

/// Which credentials are refused now, and when they expire; cheap to clone.
#[derive(Clone)]
pub(crate) struct Credentials {
    refused: Arc<DashMap<SystemId, Refused>>,
    /// How often each system answered with 403 since it last showed something.
    forbidden: Arc<DashMap<SystemId, u32>>,
    expiries: Arc<Mutex<BTreeMap<SystemId, Expiry>>>,
    clock: Clock,
    gauge: Gauge<u64>,
    left: Gauge<i64>,
}

/// A credential that a system does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Since when.
    pub(crate) since: Timestamp,
    /// What the system said the first time.
    pub(crate) detail: String,
    /// It is known who we are, and nothing is shown to us.
    pub(crate) forbidden: bool,
}

/// What an answer says about our credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// It is accepted, and something is shown that not everybody may see.
    Something,
    /// It is accepted.
    Nothing,
}

impl Credentials {
    pub(crate) fn new(clock: Clock) -> Self {
        let meter = global::meter("belay");
        Self {
            refused: Arc::default(),
            forbidden: Arc::default(),
            expiries: Arc::default(),
            clock,
            gauge: meter
                .u64_gauge("belay.credential.refused")
                .with_description("1 while a system does not accept our credential")
                .build(),
            left: meter
                .i64_gauge("belay.credential.expires_in")
                .with_unit("s")
                .with_description("How long a credential is good for that says when it expires")
                .build(),
        }
    }

    /// What is wrong with the credential of a system, for people; none if it is accepted as far as is known.
    pub(crate) fn warning(&self, system: &SystemId) -> Option<String> {
        self.refused.get(system).map(|refused| {
            let Refused { since, detail, forbidden } = &*refused;
            if *forbidden {
                return format!(
                    "{system} has shown nothing to our credential since {since}: the account has lost its rights, or \
                     what is asked for is not there ({detail})"
                );
            }
            format!("the credential of {system} was not accepted since {since}: {detail}")
        })
    }

    /// The same for every system, and which credentials expire within `notice`.
    pub(crate) fn warnings(&self, notice: Span) -> Vec<String> {
        let mut refused: Vec<SystemId> = self.refused.iter().map(|one| one.key().clone()).collect();
        refused.sort();
        let refused = refused.iter().filter_map(|system| self.warning(system));
        refused.chain(self.expiring(notice).into_iter().map(|(_, warning)| warning)).collect()
    }

    /// Whether a system refuses whatever we ask, so that an operator has to mend something.
    pub(crate) fn is_refused(&self, system: &SystemId) -> bool {
        self.refused.contains_key(system)
    }

    /// These are the credentials that are used from now on, as far as they say when they expire.
    pub(crate) fn expire(&self, expiries: BTreeMap<SystemId, Expiry>) {
        *self.expiries() = expiries;
    }

    /// Tells operators every day which credentials expire soon, until told to stop.
    pub(crate) async fn run(self, playbooks: Playbooks, stop: CancellationToken) {
        let mut told: BTreeMap<SystemId, Timestamp> = BTreeMap::new();
        loop {
            let now = self.clock.now();
            for (system, expiry) in self.expiries().iter() {
                let left = expiry.at.duration_since(now).as_secs();
                self.left.record(left, &[KeyValue::new("system", system.to_string())]);
            }
            let notice = playbooks.current().operations().warn_before;
            for (system, warning) in self.expiring(notice) {
                let again =
                    told.get(&system).is_none_or(|at| after(*at, Span::from_hours(24)) <= now);
                if again {
                    warn!(%system, warning, "a credential expires soon: renew it where the playbook says that it is");
                    told.insert(system, now);
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOKED_AT_EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// The same queues, minded: whatever they answer tells whether our credential is accepted.
    pub(crate) fn mind(
        &self,
        system: &SystemId,
        queue: Arc<dyn HumanQueue>,
    ) -> Arc<dyn HumanQueue> {
        Arc::new(Minded { system: system.clone(), inner: queue, credentials: self.clone() })
    }

    /// The same for a system of record.
    pub(crate) fn mind_record(
        &self,
        system: &SystemId,
        record: Arc<dyn SystemOfRecord>,
    ) -> Arc<dyn SystemOfRecord> {
        Arc::new(Minded { system: system.clone(), inner: record, credentials: self.clone() })
    }

    /// Every credential that expires within `notice`, the first to do so first.
    fn expiring(&self, notice: Span) -> Vec<(SystemId, String)> {
        let now = self.clock.now();
        let expiries = self.expiries();
        let mut soon: Vec<_> =
            expiries.iter().filter(|(_, expiry)| expiry.at <= after(now, notice)).collect();
        soon.sort_by_key(|(system, expiry)| (expiry.at, *system));
        let told = |(system, expiry): (&SystemId, &Expiry)| {
            let Expiry { at, what } = expiry;
            let verb = if *at <= now { "has expired" } else { "expires" };
            (system.clone(), format!("{what} of {system} {verb} at {at}"))
        };
        soon.into_iter().map(told).collect()
    }

    fn refuse(&self, system: &SystemId, detail: &str, forbidden: bool) {
        let mut first = false;
        self.refused.entry(system.clone()).or_insert_with(|| {
            first = true;
            Refused { since: self.clock.now(), detail: detail.to_owned(), forbidden }
        });
        if first {
            warn!(%system, detail, "a credential is not accepted: renew it before the evidence of its system is too old");
            self.gauge.record(1, &[KeyValue::new("system", system.to_string())]);
        }
    }

    /// It is known who we are, and we may not have what was asked for. One ticket or queue that is out of reach is
    /// nothing; if nothing else is shown, it is the account.
    fn forbid(&self, system: &SystemId, detail: &str, weight: u32) {
        let count = {
            let mut count = self.forbidden.entry(system.clone()).or_default();
            *count = count.saturating_add(weight);
            *count
        };
        if count >= FORBIDDEN_MAX {
            self.refuse(system, detail, true);
        }
    }

    fn accept(&self, system: &SystemId, shows: Shows) {
        if shows == Shows::Something && self.forbidden.contains_key(system) {
            self.forbidden.remove(system);
        }
        // Nearly always there is nothing to take back, and looking is cheaper than removing.
        if !self.refused.contains_key(system) {
            return;
        }
        let over = |refused: &Refused| !refused.forbidden || shows == Shows::Something;
        if self.refused.remove_if(system, |_, refused| over(refused)).is_some() {
            info!(%system, "the credential is accepted again");
            self.gauge.record(0, &[KeyValue::new("system", system.to_string())]);
        }
    }

    fn expiries(&self) -> MutexGuard<'_, BTreeMap<SystemId, Expiry>> {
        self.expiries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
