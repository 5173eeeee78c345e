//! Folds what happened to escalations.

use std::sync::Arc;

use super::to_supervisor;
use crate::{
    Case, Correlation, Drift, Escalation, EscalationId, EventKind, Evidence, Owner, Stage, Step,
    TicketId, Timestamp,
};

pub(super) fn apply(case: &mut Case, kind: &EventKind, at: Timestamp) {
    match kind {
        EventKind::EscalationOpened { escalation, purpose, plan } => {
            case.escalation_count += 1;
            let new = Escalation {
                id: escalation.clone(),
                purpose: purpose.clone(),
                plan: Arc::new(plan.as_ref().clone()),
                opened_at: at,
                step: Step {
                    round: 1,
                    index: 0,
                    correlation: Correlation::of_step(escalation, 1, 0, 0),
                    since: at,
                    again: 0,
                },
                stage: Stage::Opened { until: at },
                abandoned: Vec::new(),
                told: Vec::new(),
                drifted: Vec::new(),
            };
            case.escalations.insert(escalation.clone(), Arc::new(new));
        }
        EventKind::EscalationWidened { escalation, purpose } => {
            change(case, escalation, |found| found.purpose = purpose.clone());
        }
        EventKind::StepStarted { escalation, step, until } => change(case, escalation, |found| {
            found.step = step.clone();
            found.stage = Stage::Opened { until: *until };
        }),
        EventKind::StepSkipped { escalation, step, .. } => change(case, escalation, |found| {
            found.step = step.clone();
            found.stage = Stage::Opened { until: step.since };
        }),
        EventKind::StepDeferred { escalation, step, until, .. } => {
            change(case, escalation, |found| {
                found.step = step.clone();
                found.stage = Stage::AwaitingHours { until: *until };
            });
        }
        EventKind::TicketPlaced { escalation, ticket, until } => {
            change(case, escalation, |found| {
                found.stage =
                    Stage::Placed { ticket: ticket.clone(), evidence: None, until: *until };
            });
        }
        EventKind::TicketOrphaned { escalation, step, ticket } => {
            change(case, escalation, |found| {
                found.abandoned.push((step.clone(), ticket.clone()));
            });
        }
        EventKind::TicketSeen { escalation, evidence, until } => {
            change(case, escalation, |found| {
                found.stage = Stage::Placed {
                    ticket: evidence.ticket().clone(),
                    evidence: Some(evidence.clone()),
                    until: *until,
                };
            });
        }
        EventKind::TicketRouted { escalation, evidence, until } => {
            change(case, escalation, |found| {
                found.stage = Stage::Routed {
                    ticket: evidence.ticket().clone(),
                    evidence: evidence.clone(),
                    until: *until,
                };
            });
        }
        EventKind::EscalationAcknowledged { .. } => acknowledged(case, kind, at),
        EventKind::EvidenceRenewed { escalation, evidence, work_until, worked } => {
            change(case, escalation, |found| renew(found, evidence, *work_until, *worked, at));
        }
        EventKind::TicketUnread { escalation, detail } => change(case, escalation, |found| {
            if let Stage::Acknowledged { unread, .. } = &mut found.stage {
                *unread = Some(detail.clone());
            }
        }),
        EventKind::TicketDrifted { escalation, field, was, now, .. } => {
            change(case, escalation, |found| {
                match found.drifted.iter_mut().find(|known| known.field == *field) {
                    Some(known) => {
                        known.now.clone_from(now);
                        known.times = known.times.saturating_add(1);
                    }
                    None => {
                        let (was, now) = (was.clone(), now.clone());
                        found.drifted.push(Drift { field: *field, was, now, times: 1 });
                    }
                }
            });
        }
        EventKind::EscalationLapsed { escalation, epoch, .. } => {
            let stood_until = case.escalations.get(escalation).and_then(|found| found.deadline());
            change(case, escalation, abandon);
            if let Some(epoch) = epoch {
                to_supervisor(case, *epoch, stood_until.map_or(at, |until| until.min(at)));
            }
        }
        EventKind::StepFailed { escalation, .. } => change(case, escalation, abandon),
        EventKind::EscalationExhausted { escalation, retry_at } => {
            change(case, escalation, |found| {
                found.stage = Stage::Exhausted { retry_at: *retry_at };
            });
        }
        EventKind::EscalationResolved { escalation, by, code, .. } => {
            change(case, escalation, |found| {
                found.stage = Stage::Resolved { by: by.clone(), code: code.clone() };
            });
        }
        EventKind::CaseReturned { epoch, .. } => to_supervisor(case, *epoch, at),
        EventKind::EscalationClosed { escalation, .. } => change(case, escalation, |found| {
            abandon(found);
            found.stage = Stage::Closed;
        }),
        EventKind::TicketWithdrawn { escalation, correlation, ticket } => {
            change(case, escalation, |found| {
                let over = |(step, known): &(Step, TicketId)| {
                    step.correlation == *correlation && known == ticket
                };
                let told: Vec<_> = found.abandoned.extract_if(.., |one| over(one)).collect();
                found.told.extend(told);
            });
        }
        _ => {}
    }
}

fn acknowledged(case: &mut Case, kind: &EventKind, at: Timestamp) {
    let EventKind::EscalationAcknowledged { escalation, by, evidence, work_until, epoch } = kind
    else {
        return;
    };
    change(case, escalation, |found| {
        found.stage = Stage::Acknowledged {
            ticket: evidence.ticket().clone(),
            by: by.clone(),
            evidence: evidence.clone(),
            since: at,
            worked_at: at,
            work_until: *work_until,
            unread: None,
        };
    });
    if let Some(epoch) = epoch {
        case.epoch = *epoch;
        case.routing = None;
        case.offer = None;
        case.bounces = Arc::default();
        case.last_agent = None;
        case.uncovered_since = None;
        case.owner = Owner::Queue {
            escalation: escalation.clone(),
            queue: evidence.queue().clone(),
            person: by.clone(),
            since: at,
        };
    }
}

fn renew(
    found: &mut Escalation,
    shown: &Evidence,
    until: Option<Timestamp>,
    worked: bool,
    at: Timestamp,
) {
    if let Stage::Acknowledged { evidence, worked_at, work_until, unread, .. } = &mut found.stage {
        *evidence = shown.clone();
        *unread = None;
        if worked {
            *worked_at = at;
            *work_until = until;
        }
    }
}

/// The step's ticket, if it has one, is no longer wanted.
fn abandon(found: &mut Escalation) {
    if let Some(ticket) = found.ticket().cloned() {
        // A ticket that somebody reported before its step began has been given up already; its people are told once.
        let given_up = |(step, known): &(Step, TicketId)| {
            step.correlation == found.step.correlation && *known == ticket
        };
        if !found.abandoned.iter().any(given_up) {
            found.abandoned.push((found.step.clone(), ticket));
        }
    }
    found.drifted.clear();
    found.stage = Stage::Opened { until: found.step.since };
}

fn change(case: &mut Case, id: &EscalationId, with: impl FnOnce(&mut Escalation)) {
    if let Some(found) = case.escalations.get_mut(id) {
        with(Arc::make_mut(found));
    }
}
