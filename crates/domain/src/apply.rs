//! Folds journaled events into a case. Cannot fail, so replay cannot fail: what an event speaks of and the
//! case does not know is passed over.

mod action;
mod escalation;
mod merging;

use std::sync::Arc;

use belay_planted::{Bug, planted};

use crate::case::{Alarm, Contact};
use crate::ties::Ties;
use crate::{
    AgentId, Case, CaseId, Epoch, Event, EventKind, Offer, Owner, Plan, PlanId, PlanStage, Routing,
    Status, Target, Timestamp,
};

/// Folds one event into the case.
pub fn apply(case: &mut Case, event: &Event) {
    case.seq += 1;
    case.updated_at = event.at;
    let at = event.at;
    match &event.kind {
        EventKind::CaseOpened { .. }
        | EventKind::ContactLinked { .. }
        | EventKind::ContextAdded { .. }
        | EventKind::IdentityRecorded { .. }
        | EventKind::CaseAmended { .. }
        | EventKind::CaseResolved { .. } => matter(case, &event.kind, at),

        EventKind::MatterRecognised { .. }
        | EventKind::MatterShared { .. }
        | EventKind::MatterParted { .. }
        | EventKind::MatterToldApart { .. }
        | EventKind::MergeProposed { .. }
        | EventKind::MergeEnded { .. }
        | EventKind::CaseAbsorbed { .. }
        | EventKind::MergeNoted { .. }
        | EventKind::ContextSeen { .. }
        | EventKind::AbsorptionTold { .. }
        | EventKind::CaseMerged { .. } => merging::apply(case, &event.kind, at),

        EventKind::RoutingStarted { .. }
        | EventKind::RoutingEnded { .. }
        | EventKind::HandoffOffered { .. }
        | EventKind::HandoffDeclined { .. }
        | EventKind::HandoffLapsed { .. }
        | EventKind::HandoffAccepted { .. }
        | EventKind::LeaseRenewed { .. }
        | EventKind::LeaseExpired { .. }
        | EventKind::CaseReleased { .. }
        | EventKind::CaseTakenOver { .. } => holding(case, &event.kind, at),

        EventKind::PlanCompleted { plan, equalities } => {
            set_plan(case, plan, PlanStage::Complete);
            if let Some(plan) = case.plans.get_mut(plan) {
                plan.equalities.clone_from(equalities);
            }
        }
        EventKind::PlanComparing { plan, until } => {
            set_plan(case, plan, PlanStage::Comparing { since: at, until: *until, told: false });
        }
        EventKind::PlanCompared { plan, compared } => {
            if let Some(plan) = case.plans.get_mut(plan) {
                plan.compared.clone_from(compared);
            }
        }
        EventKind::PlanUncompared { plan, .. } => {
            let found = case.plans.get_mut(plan);
            if let Some(PlanStage::Comparing { told, .. }) = found.map(|plan| &mut plan.stage) {
                *told = true;
            }
        }
        EventKind::PlanVerified { plan } => set_plan(case, plan, PlanStage::Verified),
        EventKind::PlanUndoing { plan, why } => {
            set_plan(case, plan, PlanStage::Undoing { why: why.clone() });
        }
        EventKind::PlanUndone { plan } => set_plan(case, plan, PlanStage::Undone),
        EventKind::PlanStuck { plan, why } => {
            set_plan(case, plan, PlanStage::Stuck { why: why.clone() });
        }

        EventKind::CoverageRaised { since, reason } => {
            case.alarm = Some(Alarm { since: *since, reason: reason.clone() });
        }
        EventKind::CoverageLowered { .. } => case.alarm = None,

        EventKind::ActionProposed { .. }
        | EventKind::ActionAssessed { .. }
        | EventKind::ActionDenied { .. }
        | EventKind::ActionShadowed { .. }
        | EventKind::ActionCompared { .. }
        | EventKind::ApprovalRequested { .. }
        | EventKind::ApprovalGiven { .. }
        | EventKind::ApprovalAsked { .. }
        | EventKind::ApprovalAnswered { .. }
        | EventKind::ApprovalDelegated { .. }
        | EventKind::ApprovalEnded { .. }
        | EventKind::StatementRefused { .. }
        | EventKind::StatementAnswered { .. }
        | EventKind::ActionAmended { .. }
        | EventKind::ActionAuthorized { .. }
        | EventKind::PermitExpired { .. }
        | EventKind::ActionDispatched { .. }
        | EventKind::ActionExecuted { .. }
        | EventKind::ActionUnknown { .. }
        | EventKind::ActionUnresolved { .. }
        | EventKind::ActionRetried { .. }
        | EventKind::ActionFailed { .. }
        | EventKind::ActionVerified { .. }
        | EventKind::ActionDiverged { .. }
        | EventKind::ActionWithdrawn { .. }
        | EventKind::CompensationStarted { .. }
        | EventKind::ActionCompensated { .. }
        | EventKind::CompensationFailed { .. } => action::apply(case, &event.kind),

        EventKind::EscalationOpened { .. }
        | EventKind::EscalationWidened { .. }
        | EventKind::StepStarted { .. }
        | EventKind::StepSkipped { .. }
        | EventKind::StepDeferred { .. }
        | EventKind::TicketPlaced { .. }
        | EventKind::TicketOrphaned { .. }
        | EventKind::TicketSeen { .. }
        | EventKind::TicketRouted { .. }
        | EventKind::EscalationAcknowledged { .. }
        | EventKind::EvidenceRenewed { .. }
        | EventKind::TicketUnread { .. }
        | EventKind::TicketDrifted { .. }
        | EventKind::EscalationLapsed { .. }
        | EventKind::StepFailed { .. }
        | EventKind::EscalationExhausted { .. }
        | EventKind::EscalationResolved { .. }
        | EventKind::CaseReturned { .. }
        | EventKind::EscalationClosed { .. }
        | EventKind::TicketWithdrawn { .. } => escalation::apply(case, &event.kind, at),
    }
}

/// The case that a history leads to.
#[must_use]
pub fn replay<'a>(id: CaseId, events: impl IntoIterator<Item = &'a Event>) -> Case {
    let mut case = Case::unopened(id);
    events.into_iter().for_each(|event| apply(&mut case, event));
    case
}

/// What the matter is and what is known of it.
fn matter(case: &mut Case, kind: &EventKind, at: Timestamp) {
    match kind {
        EventKind::CaseOpened {
            tenant,
            request,
            subject,
            kind,
            customer,
            channel,
            fingerprint,
            labels,
            by,
            terms,
        } => {
            *case = Case {
                seq: case.seq,
                status: Status::Open,
                tenant: Some(tenant.clone()),
                subject: subject.clone(),
                kind: kind.clone(),
                customer: customer.clone(),
                labels: labels.clone(),
                fingerprint: *fingerprint,
                opened_by: by.clone(),
                opened_at: at,
                updated_at: at,
                contacts: vec![Contact { request: request.clone(), channel: channel.clone(), at }],
                terms: Some(Arc::new(terms.as_ref().clone())),
                owner: Owner::Supervisor { since: at },
                uncovered_since: Some(at),
                ties: Ties { claimed: fingerprint.is_some(), ..Ties::default() },
                ..Case::unopened(case.id.clone())
            };
        }
        EventKind::ContactLinked { request, channel } => {
            case.contacts.push(Contact { request: request.clone(), channel: channel.clone(), at })
        }
        EventKind::ContextAdded { entry, .. } => case.context.push(Arc::new(entry.clone())),
        EventKind::IdentityRecorded { identification } => {
            let found = Arc::new(identification.as_ref().clone());
            case.identities.insert(found.object.clone(), found);
        }
        EventKind::CaseAmended { subject, severity, labels } => {
            if let Some(subject) = subject {
                case.subject.clone_from(subject);
            }
            if let (Some(severity), Some(terms)) = (severity, &mut case.terms) {
                Arc::make_mut(terms).severity = *severity;
            }
            if let Some(labels) = labels {
                case.labels.clone_from(labels);
            }
        }
        EventKind::CaseResolved { by, code, note } => {
            case.status =
                Status::Resolved { at, by: by.clone(), code: code.clone(), note: note.clone() };
            case.routing = None;
            case.offer = None;
            case.alarm = None;
            case.uncovered_since = None;
        }
        _ => {}
    }
}

/// Who holds the case, and who is to.
fn holding(case: &mut Case, kind: &EventKind, at: Timestamp) {
    match kind {
        EventKind::RoutingStarted { routing } => case.routing = Some(routing.clone()),
        EventKind::RoutingEnded { .. } => {
            case.routing = None;
            case.offer = None;
        }
        EventKind::HandoffOffered { handoff, to, until, .. } => {
            case.handoffs += 1;
            if planted(Bug::HandoffThroughNobody) {
                case.owner = Owner::Supervisor { since: at };
            }
            case.offer = Some(Offer { handoff: handoff.clone(), to: to.clone(), until: *until });
        }
        EventKind::HandoffDeclined { .. } | EventKind::HandoffLapsed { .. } => {
            if let (Some(offer), Some(routing)) = (case.offer.take(), &mut case.routing) {
                tried(routing, offer.to);
            }
        }
        EventKind::HandoffAccepted { handoff, agent, key, epoch, lease_until, .. } => {
            case.taken_by = Some(handoff.clone());
            // It repeated the digest over all of them (`OWN-5`).
            case.ties.seen = case.context.entries().len();
            if let Some(Routing { target: target @ Target::Role(_), .. }) = &case.routing {
                case.served = Some(target.clone());
            }
            if let Some(last) = case.last_agent.replace(agent.clone()) {
                *Arc::make_mut(&mut case.bounces).entry(pair(last, agent.clone())).or_default() +=
                    1;
            }
            case.routing = None;
            case.offer = None;
            case.epoch = *epoch;
            case.uncovered_since = None;
            case.owner = Owner::Agent {
                agent: agent.clone(),
                key: *key,
                since: at,
                lease_until: *lease_until,
            };
        }
        EventKind::LeaseRenewed { key: used, lease_until: until } => {
            if let Owner::Agent { key, lease_until, .. } = &mut case.owner {
                *key = *used;
                *lease_until = *until;
            }
        }
        EventKind::LeaseExpired { epoch, .. } => {
            let since = match &case.owner {
                Owner::Agent { lease_until, .. } => *lease_until,
                Owner::Supervisor { .. } | Owner::Queue { .. } => at,
            };
            to_supervisor(case, *epoch, since);
        }
        EventKind::CaseReleased { epoch, .. } => to_supervisor(case, *epoch, at),
        EventKind::CaseTakenOver { epoch, .. } => {
            case.routing = None;
            case.offer = None;
            to_supervisor(case, *epoch, at);
        }
        _ => {}
    }
}

/// The supervisor owns the case again, and until somebody takes it the case is not covered.
fn to_supervisor(case: &mut Case, epoch: Epoch, since: Timestamp) {
    case.owner = Owner::Supervisor { since };
    case.epoch = epoch;
    case.uncovered_since = Some(case.uncovered_since.map_or(since, |earlier| earlier.min(since)));
}

fn tried(routing: &mut Routing, agent: AgentId) {
    if !routing.tried.contains(&agent) {
        routing.tried.push(agent);
    }
}

/// Two agents in an order that does not depend on who handed to whom.
pub(crate) fn pair(one: AgentId, other: AgentId) -> (AgentId, AgentId) {
    if one <= other { (one, other) } else { (other, one) }
}

fn set_plan(case: &mut Case, id: &PlanId, stage: PlanStage) {
    if let Some(plan) = case.plans.get_mut(id) {
        plan.stage = stage;
    } else {
        case.plans.insert(id.clone(), Plan::new(id.clone(), stage));
    }
}
