//! Proving, before anybody depends on it, that every human queue which a playbook names can be relied on: against the
//! live systems, with the credentials that the supervisor would use, and without changing anything there.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use belay_connect::{Finding as RouteFinding, RouteCheck, Verdict as RouteVerdict};
use belay_connect::{HumanQueue, QueueError, QueueErrorKind};
use belay_domain::{QueueRef, SystemId};
use belay_playbook::{Playbook, StepPlace};

use crate::systems::human_queue;

/// The longest that one route may take: a dozen answers, each of them slow.
const ROUTE_WITHIN: Duration = Duration::from_secs(60);

/// What was found about one queue.
#[derive(Clone, Debug)]
pub struct RouteProof {
    /// The queue.
    pub queue: QueueRef,
    /// Where it is asked: policy and place.
    pub steps: Vec<(String, StepPlace)>,
    /// What was found, in the order of the checks. At least one.
    pub findings: Vec<RouteFinding>,
}

impl RouteProof {
    /// Whether nothing is wrong with it as far as can be told.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.findings.iter().any(|one| matches!(one.verdict, RouteVerdict::Broken(_)))
    }
}

/// Looks at every queue that a step of the playbook asks. A desk is opened below `scratch`, because who is on which
/// queue comes from the playbook and its tickets do not matter here.
pub async fn prove_routes(playbook: &Playbook, scratch: &Path) -> Vec<RouteProof> {
    let mut asked: BTreeMap<QueueRef, Vec<(String, StepPlace)>> = BTreeMap::new();
    for (policy, place) in playbook.steps() {
        asked.entry(place.queue.clone()).or_default().push((policy.to_owned(), place.clone()));
    }
    let mut systems: BTreeMap<SystemId, Result<Arc<dyn HumanQueue>, String>> = BTreeMap::new();
    let mut proofs = Vec::new();
    for (queue, steps) in asked {
        let system = systems
            .entry(queue.system.clone())
            .or_insert_with(|| connect_queue(playbook, &queue.system, scratch));
        let findings = match system {
            Ok(system) => prove(system.as_ref(), &queue).await,
            Err(why) => vec![RouteFinding::broken(RouteCheck::Reachable, why.clone())],
        };
        proofs.push(RouteProof { queue, steps, findings });
    }
    proofs
}

/// Connects one system of a playbook in which people are reached, with the credential that the supervisor would use.
/// A desk is opened below `scratch`. Otherwise says in words why it cannot be.
pub fn connect_queue(
    playbook: &Playbook,
    id: &SystemId,
    scratch: &Path,
) -> Result<Arc<dyn HumanQueue>, String> {
    let system = playbook.system(id).ok_or_else(|| format!("there is no system {id}"))?;
    match human_queue(system, playbook, scratch) {
        Ok(Some(queue)) => Ok(queue),
        Ok(None) => Err(format!("{id} is no system in which people are reached")),
        Err(error) => Err(chain(&error)),
    }
}

async fn prove(system: &dyn HumanQueue, queue: &QueueRef) -> Vec<RouteFinding> {
    let found = tokio::time::timeout(ROUTE_WITHIN, system.prove(&queue.queue)).await;
    let error = match found {
        Ok(Ok(findings)) if !findings.is_empty() => return findings,
        Ok(Ok(_)) => return vec![RouteFinding::untold(RouteCheck::Reachable, "nothing was shown")],
        Ok(Err(error)) => error,
        Err(_) => {
            let detail = format!("the system took longer than {} s", ROUTE_WITHIN.as_secs());
            QueueError::new(QueueErrorKind::Unavailable, detail)
        }
    };
    let remedy = match error.kind {
        QueueErrorKind::Unauthorized => "renew the credential in systems.yaml",
        QueueErrorKind::Refused => "grant our account the right to see it",
        QueueErrorKind::RateLimited { .. } => "try again later, or have our limit raised",
        QueueErrorKind::Unavailable | QueueErrorKind::Unknown => {
            "see whether the system is up and its address right"
        }
        QueueErrorKind::NotUnderstood => {
            "see whether its address and kind in systems.yaml are right"
        }
    };
    vec![RouteFinding::broken(RouteCheck::Reachable, format!("{remedy}: {error}"))]
}

/// An error with everything that led to it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
