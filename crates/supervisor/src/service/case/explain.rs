//! Why a case stands where it stands: who holds it, on what evidence, until when, what happens next and when, and
//! what was decided lately for which reasons. Everything is read off the case and its events.

mod next;
mod owing;

use belay_api::v1;
use belay_domain::{Case, Coverage, EventKind, Holder, Pending, Reason, Ruling, Status, Timestamp};
use belay_journal::StoredEvent;

use crate::engine::decode;
use crate::wire::to_wire;

/// How many decisions are shown.
const DECISIONS_MAX: usize = 20;

/// The whole answer. `events` are the latest of the case, oldest first.
pub(super) fn explain(
    case: &Case,
    events: &[StoredEvent],
    now: Timestamp,
) -> v1::ExplainCaseResponse {
    v1::ExplainCaseResponse {
        case: Some(to_wire::summary(case, now)),
        coverage: Some(to_wire::coverage(case, now)),
        headline: headline(case, now),
        next_moments: next::moments(case),
        decisions: decisions(case, events),
        owed: owing::effects(case, now),
    }
}

/// Who holds it and how that is known, in one or two sentences.
fn headline(case: &Case, now: Timestamp) -> String {
    match case.coverage(now) {
        Coverage::Covered(cover) => {
            let until = cover.valid_until();
            match cover.holder() {
                Holder::Agent { agent, since } => format!(
                    "Agent {agent} has held the case since {since}. Its lease runs until {until} \
                     and is renewed by progress on this case only."
                ),
                Holder::Person { person, queue, evidence, .. } => format!(
                    "{person} of {queue} holds the case by ticket {} ({}), as read back at {}. \
                     That stands until {until}.",
                    evidence.ticket(),
                    evidence.level(),
                    evidence.sent_at(),
                ),
            }
        }
        Coverage::Pending(pending) => {
            format!("Nobody covers the case yet: {}.", asking(case, &pending))
        }
        Coverage::Uncovered(uncovered) => {
            format!("NOBODY has held the case since {}: {}.", uncovered.since, uncovered.reason)
        }
        Coverage::Closed => match &case.status {
            Status::Resolved { at, by, code, .. } => {
                format!("Resolved as {code} by {} at {at}. It needs nobody.", name(by))
            }
            Status::Open | Status::Unopened | Status::Merged { .. } => {
                "It needs nobody.".to_owned()
            }
        },
        Coverage::Merged { into } => {
            format!("It is the same matter as {into} and was merged into it: ask for that one.")
        }
    }
}

fn asking(case: &Case, pending: &Pending) -> String {
    match pending {
        Pending::Seeking { until } => {
            let target = case.routing.as_ref().map(|routing| routing.target.to_string());
            format!("{} is looked for until {until}", target.as_deref().unwrap_or("an agent"))
        }
        Pending::Offered { to, until, .. } => {
            format!("it is offered to {to}, who may answer until {until}")
        }
        Pending::Escalating { escalation, queue, until } => {
            let found = case.escalations.get(escalation);
            let level = found.and_then(|found| found.evidence()).map(|shown| shown.level());
            let shown = level.map_or_else(String::new, |level| format!(" (so far {level})"));
            format!("people of {queue} are asked until {until}{shown}")
        }
    }
}

fn name(reference: &str) -> &str {
    reference.split_once(':').map_or(reference, |(_, name)| name)
}

/// What was decided lately, newest first.
fn decisions(case: &Case, events: &[StoredEvent]) -> Vec<v1::RecentDecision> {
    let mut decisions = Vec::new();
    for stored in events.iter().rev() {
        // An event of a newer version cannot be explained and is passed over.
        let Ok(event) = decode(stored) else { continue };
        if !is_decision(&event.kind) {
            continue;
        }
        let told = to_wire::told(&case.id, &event.kind);
        decisions.push(v1::RecentDecision {
            at: Some(to_wire::time(event.at)),
            sequence: stored.seq,
            about: told.about,
            decision: told.description,
            by: told.by,
            reasons: reasons(&event.kind).iter().map(to_wire::reason).collect(),
        });
        if decisions.len() == DECISIONS_MAX {
            break;
        }
    }
    decisions
}

/// The reasons that an event gives.
fn reasons(event: &EventKind) -> &[Reason] {
    match event {
        EventKind::ActionDenied { reasons, .. } => reasons,
        EventKind::ActionAssessed { verdict, .. } => match &verdict.ruling {
            Ruling::Deny(reasons) => reasons,
            Ruling::Allow | Ruling::Ask(_) => &[],
        },
        _ => &[],
    }
}

/// Whether somebody or something decided here, as against a step on the way or a sign of life.
fn is_decision(event: &EventKind) -> bool {
    use EventKind as E;
    match event {
        E::RoutingStarted { .. }
        | E::RoutingEnded { .. }
        | E::HandoffDeclined { .. }
        | E::HandoffLapsed { .. }
        | E::HandoffAccepted { .. }
        | E::LeaseExpired { .. }
        | E::CaseReleased { .. }
        | E::CaseTakenOver { .. }
        | E::ActionAssessed { .. }
        | E::ActionDenied { .. }
        | E::ActionShadowed { .. }
        | E::ActionCompared { .. }
        | E::ApprovalRequested { .. }
        | E::ApprovalGiven { .. }
        | E::ApprovalAsked { .. }
        | E::ApprovalAnswered { .. }
        | E::ApprovalDelegated { .. }
        | E::ApprovalEnded { .. }
        | E::StatementRefused { .. }
        | E::ActionAmended { .. }
        | E::ActionAuthorized { .. }
        | E::ActionUnresolved { .. }
        | E::ActionRetried { .. }
        | E::ActionFailed { .. }
        | E::ActionVerified { .. }
        | E::ActionDiverged { .. }
        | E::ActionWithdrawn { .. }
        | E::CompensationStarted { .. }
        | E::ActionCompensated { .. }
        | E::CompensationFailed { .. }
        | E::PlanCompared { .. }
        | E::PlanUncompared { .. }
        | E::PlanVerified { .. }
        | E::PlanUndoing { .. }
        | E::PlanUndone { .. }
        | E::PlanStuck { .. }
        | E::EscalationOpened { .. }
        | E::EscalationWidened { .. }
        | E::EscalationAcknowledged { .. }
        | E::TicketUnread { .. }
        | E::TicketDrifted { .. }
        | E::EscalationLapsed { .. }
        | E::StepFailed { .. }
        | E::StepSkipped { .. }
        | E::StepDeferred { .. }
        | E::EscalationExhausted { .. }
        | E::EscalationResolved { .. }
        | E::CaseReturned { .. }
        | E::EscalationClosed { .. }
        | E::CoverageRaised { .. }
        | E::CoverageLowered { .. }
        | E::CaseResolved { .. }
        | E::MatterShared { .. }
        | E::MatterParted { .. }
        | E::MatterToldApart { .. }
        | E::MergeProposed { .. }
        | E::MergeEnded { .. }
        | E::CaseAbsorbed { .. }
        | E::AbsorptionTold { .. }
        | E::CaseMerged { .. } => true,
        E::CaseOpened { .. }
        | E::ContactLinked { .. }
        | E::ContextAdded { .. }
        | E::IdentityRecorded { .. }
        | E::CaseAmended { .. }
        | E::MatterRecognised { .. }
        | E::MergeNoted { .. }
        | E::ContextSeen { .. }
        | E::HandoffOffered { .. }
        | E::LeaseRenewed { .. }
        | E::ActionProposed { .. }
        | E::PermitExpired { .. }
        | E::ActionDispatched { .. }
        | E::ActionExecuted { .. }
        | E::ActionUnknown { .. }
        | E::PlanCompleted { .. }
        | E::PlanComparing { .. }
        | E::StepStarted { .. }
        | E::TicketPlaced { .. }
        | E::TicketOrphaned { .. }
        | E::TicketSeen { .. }
        | E::TicketRouted { .. }
        | E::EvidenceRenewed { .. }
        | E::StatementAnswered { .. }
        | E::TicketWithdrawn { .. } => false,
    }
}

#[cfg(test)]
mod tests;
