//! What is counted, for those who watch the supervisor from outside. Nothing here decides anything.
//!
//! Instruments go to the global meter; where nothing is exported they cost next to nothing. Names follow the
//! OpenTelemetry conventions: dots between parts, seconds for durations.

use std::time::Duration;

use belay_domain::{Action, Case, Escalation, Event, EventKind, Timestamp};
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};
use opentelemetry::{KeyValue, global};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::canary::CANARIES;
use crate::engine::{Applied, Change, Engine, Refused};
use crate::graduation::Demotion;

#[cfg(test)]
mod tests;

/// How often the uncovered cases are counted.
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// The supervisor's instruments; cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    commands: Histogram<f64>,
    actions: Counter<u64>,
    handoffs: Counter<u64>,
    escalations: Counter<u64>,
    routed: Histogram<f64>,
    acknowledged: Histogram<f64>,
    alarms: Counter<u64>,
    demotions: Counter<u64>,
    demoted: Gauge<u64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(&global::meter("belay"))
    }
}

impl Metrics {
    /// Instruments of this meter.
    fn new(meter: &Meter) -> Self {
        Self {
            commands: meter
                .f64_histogram("belay.command.duration")
                .with_unit("s")
                .with_description("From a command's arrival to its durable answer")
                .build(),
            actions: counter(meter, "belay.actions", "What became of actions, by contract"),
            handoffs: counter(meter, "belay.handoffs", "What became of offers to agents"),
            escalations: counter(meter, "belay.escalations", "Steps of escalations, by queue"),
            routed: seconds(meter, "belay.escalation.routed", "Until somebody can take it (E3)"),
            acknowledged: seconds(
                meter,
                "belay.escalation.acknowledged",
                "Until a person took it (E4)",
            ),
            alarms: counter(
                meter,
                "belay.coverage.alarms",
                "Cases that nobody held or was asked for",
            ),
            demotions: counter(
                meter,
                "belay.contract.demotions",
                "Contracts that left their bounds and were taken back to shadow",
            ),
            demoted: meter
                .u64_gauge("belay.contracts.demoted")
                .with_description("Contracts that write nothing now although the playbook says so")
                .build(),
        }
    }

    /// A command was answered.
    pub(crate) fn answered(
        &self,
        command: &'static str,
        answer: &Result<Applied, Refused>,
        took: Duration,
    ) {
        let outcome = match answer {
            Ok(_) => "ok",
            Err(Refused::Rejected(rejection)) => rejection.code(),
            Err(_) => "UNAVAILABLE",
        };
        let about = [KeyValue::new("command", command), KeyValue::new("outcome", outcome)];
        self.commands.record(took.as_secs_f64(), &about);
    }

    /// Events have become durable.
    pub(crate) fn happened(&self, change: &Change) {
        // Canaries are counted by themselves: no customer waits for them.
        if change.case.tenant.as_ref().is_some_and(|tenant| tenant.as_str() == CANARIES) {
            return;
        }
        for event in change.events.iter() {
            self.count(&change.case, event);
        }
    }

    /// So many contracts write nothing although the playbook says so.
    pub(crate) fn demoted(&self, contracts: usize) {
        self.demoted.record(u64::try_from(contracts).unwrap_or(u64::MAX), &[]);
    }

    fn count(&self, case: &Case, event: &Event) {
        let Event { kind, at, .. } = event;
        let at = *at;
        match kind {
            EventKind::CaseOpened { .. } => {
                if let Some(demotion) = Demotion::of(&case.id, event) {
                    let contract = KeyValue::new("contract", demotion.contract.to_string());
                    self.demotions.add(1, &[contract]);
                }
            }
            EventKind::ActionDenied { action, .. }
            | EventKind::ActionShadowed { action }
            | EventKind::ActionAuthorized { action, .. }
            | EventKind::ActionDispatched { action, .. }
            | EventKind::ActionRetried { action, .. }
            | EventKind::ActionUnknown { action, .. }
            | EventKind::ActionFailed { action, .. }
            | EventKind::ActionVerified { action, .. }
            | EventKind::ActionDiverged { action, .. }
            | EventKind::ActionCompensated { action }
            | EventKind::CompensationFailed { action, .. } => {
                if let Some(action) = case.actions.get(action) {
                    self.actions.add(1, &about_action(action, kind.name()));
                }
            }
            EventKind::HandoffOffered { .. }
            | EventKind::HandoffAccepted { .. }
            | EventKind::HandoffDeclined { .. }
            | EventKind::HandoffLapsed { .. }
            | EventKind::LeaseExpired { .. } => {
                self.handoffs.add(1, &[KeyValue::new("event", kind.name())]);
            }
            EventKind::TicketRouted { escalation, .. } => {
                if let Some(found) = case.escalations.get(escalation) {
                    self.escalation(found, kind.name());
                    self.routed.record(since_step(found, at), &about_queue(found));
                }
            }
            EventKind::EscalationAcknowledged { escalation, .. } => {
                if let Some(found) = case.escalations.get(escalation) {
                    self.escalation(found, kind.name());
                    self.acknowledged.record(since_step(found, at), &about_queue(found));
                }
            }
            EventKind::StepStarted { escalation, .. }
            | EventKind::StepFailed { escalation, .. }
            | EventKind::StepSkipped { escalation, .. }
            | EventKind::StepDeferred { escalation, .. }
            | EventKind::EscalationLapsed { escalation, .. }
            | EventKind::EscalationExhausted { escalation, .. }
            | EventKind::EscalationResolved { escalation, .. } => {
                if let Some(found) = case.escalations.get(escalation) {
                    self.escalation(found, kind.name());
                }
            }
            EventKind::CoverageRaised { since, reason } => {
                self.alarms.add(1, &[]);
                error!(case = %case.id, %since, reason, "case uncovered: nobody holds it");
            }
            _ => {}
        }
    }

    fn escalation(&self, found: &Escalation, event: &'static str) {
        let [queue] = about_queue(found);
        self.escalations.add(1, &[queue, KeyValue::new("event", event)]);
    }
}

/// Counts the open cases that nobody holds, until told to stop: the one number that must be watched.
pub(crate) async fn watch_uncovered(engine: Engine, stop: CancellationToken) {
    count_uncovered(&engine, &global::meter("belay"), &stop).await;
}

async fn count_uncovered(engine: &Engine, meter: &Meter, stop: &CancellationToken) {
    let gauge: Gauge<u64> = meter
        .u64_gauge("belay.cases.uncovered")
        .with_description("Open cases that are not covered now")
        .build();
    loop {
        let (journal, now) = (engine.journal(), engine.clock().now());
        let all = journal.uncovered_count(None, now).await;
        let canaries = journal.uncovered_count(Some(CANARIES), now).await;
        match (all, canaries) {
            (Ok(all), Ok(canaries)) => gauge.record(all.saturating_sub(canaries), &[]),
            (Err(failure), _) | (_, Err(failure)) => {
                warn!(error = %failure, "uncovered cases could not be counted")
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(COUNTED_EVERY) => {}
        }
    }
}

fn about_action(action: &Action, outcome: &'static str) -> [KeyValue; 2] {
    let contract = action.contract.as_str().to_owned();
    [KeyValue::new("contract", contract), KeyValue::new("outcome", outcome)]
}

fn about_queue(found: &Escalation) -> [KeyValue; 1] {
    [KeyValue::new("queue", found.step_plan().queue.to_string())]
}

fn since_step(found: &Escalation, at: Timestamp) -> f64 {
    at.duration_since(found.step.since).as_secs_f64()
}

fn counter(meter: &Meter, name: &'static str, what: &'static str) -> Counter<u64> {
    meter.u64_counter(name).with_description(what).build()
}

fn seconds(meter: &Meter, name: &'static str, what: &'static str) -> Histogram<f64> {
    meter.f64_histogram(name).with_unit("s").with_description(what).build()
}
