//! Requests for human attention.

use belay_api::v1;
use belay_domain::{CaseId, Cause, Escalation, Purpose, QueueRef, Stage, Timestamp};

use super::{coverage::evidence, time};

/// One escalation of a case.
pub(crate) fn escalation(case: &CaseId, found: &Escalation) -> v1::Escalation {
    let (purpose, cause, detail, action) = purpose(&found.purpose);
    let queue = queue(found);
    let (resolved_by, resolution_code) = match &found.stage {
        Stage::Resolved { by, code } => (by.to_string(), code.to_string()),
        _ => (String::new(), String::new()),
    };
    v1::Escalation {
        id: found.id.to_string(),
        case_id: case.to_string(),
        purpose: purpose.into(),
        cause: cause.into(),
        detail,
        action_id: action,
        policy: found.plan().policy.clone(),
        steps: u32::try_from(found.plan().steps.len()).unwrap_or(u32::MAX),
        state: escalation_state(&found.stage).into(),
        step: Some(v1::EscalationStep {
            correlation_id: found.step.correlation.to_string(),
            round: found.step.round,
            number: u32::try_from(found.step.index).map_or(u32::MAX, |index| index + 1),
            system: queue.map_or_else(String::new, |queue| queue.system.to_string()),
            queue: queue.map_or_else(String::new, |queue| queue.queue.to_string()),
            since: Some(time(found.step.since)),
        }),
        ticket_id: found.ticket().map_or_else(String::new, ToString::to_string),
        evidence: found.evidence().map(evidence),
        opened_at: Some(time(found.opened_at)),
        until: until(found).map(time),
        acknowledgement: acknowledgement(&found.stage),
        resolved_by,
        resolution_code,
    }
}

/// The queue that is asked. A plan without steps has none, and is never opened.
fn queue(found: &Escalation) -> Option<&QueueRef> {
    let steps = &found.plan().steps;
    steps.get(found.step.index).or(steps.last()).map(|step| &step.queue)
}

fn purpose(purpose: &Purpose) -> (v1::EscalationPurpose, v1::EscalationCause, String, String) {
    use v1::EscalationCause as Wire;
    match purpose {
        Purpose::Approval { action } => {
            (v1::EscalationPurpose::Approval, Wire::Unspecified, String::new(), action.to_string())
        }
        Purpose::Takeover { cause } => {
            let (cause, detail, action) = match cause {
                Cause::Routed => (Wire::Routed, "", None),
                Cause::NoAgent => (Wire::NoAgent, "", None),
                Cause::Asked { reason } => (Wire::Asked, reason.as_str(), None),
                Cause::TakenOver { reason, .. } => (Wire::TakenOver, reason.as_str(), None),
                Cause::Unidentified { detail, .. } => (Wire::Unidentified, detail.as_str(), None),
                Cause::Bounced => (Wire::Bounced, "", None),
                Cause::Divergence { action, detail } => {
                    (Wire::Divergence, detail.as_str(), Some(action))
                }
                Cause::CompensationFailed { action, detail } => {
                    (Wire::CompensationFailed, detail.as_str(), Some(action))
                }
            };
            let action = action.map_or_else(String::new, ToString::to_string);
            (v1::EscalationPurpose::Takeover, cause, detail.to_owned(), action)
        }
    }
}

/// Where an escalation stands.
pub(crate) fn escalation_state(stage: &Stage) -> v1::EscalationState {
    match stage {
        Stage::Opened { .. } => v1::EscalationState::Opened,
        Stage::AwaitingHours { .. } => v1::EscalationState::AwaitingHours,
        Stage::Placed { .. } => v1::EscalationState::Placed,
        Stage::Routed { .. } => v1::EscalationState::Routed,
        Stage::Acknowledged { .. } => v1::EscalationState::Acknowledged,
        Stage::Resolved { .. } => v1::EscalationState::Resolved,
        Stage::Exhausted { .. } => v1::EscalationState::Exhausted,
        Stage::Closed => v1::EscalationState::Closed,
    }
}

/// When something happens next by itself. Evidence is renewed all the time, so only the work that is due counts
/// once somebody has it.
fn until(found: &Escalation) -> Option<Timestamp> {
    match &found.stage {
        Stage::Opened { until } | Stage::Placed { until, .. } | Stage::Routed { until, .. } => {
            Some(*until)
        }
        Stage::Acknowledged { work_until, .. } => {
            [*work_until, found.decide_until()].into_iter().flatten().min()
        }
        Stage::AwaitingHours { until } | Stage::Exhausted { retry_at: until } => Some(*until),
        Stage::Resolved { .. } | Stage::Closed => None,
    }
}

fn acknowledgement(stage: &Stage) -> Option<v1::Acknowledgement> {
    match stage {
        Stage::Acknowledged {
            by,
            since,
            worked_at,
            work_until,
            ticket: _,
            evidence: _,
            unread: _,
        } => Some(v1::Acknowledgement {
            person: by.to_string(),
            since: Some(time(*since)),
            worked_at: Some(time(*worked_at)),
            work_until: work_until.map(time),
        }),
        _ => None,
    }
}
