//! What an agent is told, as messages of its stream.

use belay_api::v1::{self, LeaseLostReason, connect_response::Message};
use belay_domain::{Action, Case, CaseId, Timestamp};

use crate::sessions::{Letter, Loss, Notice, Ruled};
use crate::wire::to_wire::{
    action, context, context_entry, identification_for_agent, owner, reason, resolution, span,
    summary, time,
};

/// One message.
pub(super) fn letter(number: u64, ack: u64, letter: Letter, now: Timestamp) -> v1::ConnectResponse {
    let Letter { notice, in_reply_to, trace } = letter;
    v1::ConnectResponse {
        message_id: number,
        in_reply_to,
        ack,
        traceparent: trace.unwrap_or_default(),
        message: Some(message(notice, now)),
    }
}

fn message(notice: Notice, now: Timestamp) -> Message {
    match notice {
        Notice::Offered { case, handoff } => {
            Message::HandoffOffer(offer(&case, handoff.to_string(), now))
        }
        Notice::Withdrawn { case, handoff, why } => {
            Message::HandoffWithdrawn(v1::HandoffWithdrawn {
                handoff_id: handoff.to_string(),
                case_id: case.to_string(),
                reason: why,
            })
        }
        Notice::Assigned { case, epoch, lease_until, lease, restated } => {
            Message::CaseAssigned(v1::CaseAssigned {
                case_id: case.to_string(),
                epoch: epoch.0,
                lease_until: Some(time(lease_until)),
                lease_duration: Some(span(lease)),
                restated: restated.map(|case| assigned(&case, now)),
            })
        }
        Notice::Identified { case, found } => Message::CaseIdentified(v1::CaseIdentified {
            case_id: case.to_string(),
            identification: Some(identification_for_agent(&found)),
        }),
        Notice::Renewed { case, epoch, lease_until } => Message::LeaseRenewed(v1::LeaseRenewed {
            case_id: case.to_string(),
            epoch: epoch.0,
            lease_until: Some(time(lease_until)),
        }),
        Notice::Lost { case, epoch, loss } => Message::LeaseLost(v1::LeaseLost {
            case_id: case.to_string(),
            epoch: epoch.0,
            reason: lost(loss).into(),
            detail: loss.detail().to_owned(),
        }),
        Notice::Decided { case, action, ruled } => {
            Message::Decision(decision(&case, &action, ruled))
        }
        Notice::Permitted { case, action, token } => {
            Message::Permit(permit(&case, &action, token.expose()))
        }
        Notice::Started { action, permit, attempt, until } => {
            Message::ExecutionStarted(v1::ExecutionStarted {
                action_id: action.to_string(),
                permit_id: permit.to_string(),
                attempt,
                outcome_until: Some(time(until)),
            })
        }
        Notice::Result { case, action: found } => Message::ActionResult(v1::ActionResult {
            settled: found.is_settled(),
            action: Some(action(&case, &found)),
        }),
        Notice::Known { case, entries, digest } => Message::ContextUpdated(v1::ContextUpdated {
            case_id: case.to_string(),
            entries: entries.iter().map(|(place, entry)| context_entry(*place, entry)).collect(),
            context_digest: digest.to_string(),
        }),
        Notice::Closed { case } => Message::CaseClosed(v1::CaseClosed {
            case_id: case.id.to_string(),
            resolution: resolution(&case.status),
        }),
        Notice::Done { id } => Message::Done(v1::Done { id }),
        Notice::Refused(fault) => Message::Rejected(v1::Rejected { error: Some(fault.into()) }),
    }
}

fn offer(case: &Case, handoff_id: String, now: Timestamp) -> v1::HandoffOffer {
    let offered = case.offer.as_ref().filter(|offer| offer.handoff.as_str() == handoff_id);
    v1::HandoffOffer {
        handoff_id,
        case: Some(summary(case, now)),
        context: context(&case.context),
        context_digest: case.context.digest().to_string(),
        from: Some(owner(&case.owner)),
        reason: case.routing.as_ref().map_or_else(String::new, |routing| routing.why.clone()),
        deadline: offered.map(|offer| time(offer.until)),
        actions: actions(case),
    }
}

fn assigned(case: &Case, now: Timestamp) -> v1::AssignedCase {
    v1::AssignedCase {
        summary: Some(summary(case, now)),
        context: context(&case.context),
        context_digest: case.context.digest().to_string(),
        actions: actions(case),
    }
}

/// Every action in the order in which they were proposed, which is not that of their names: `a10` comes after
/// `a9`.
fn actions(case: &Case) -> Vec<v1::Action> {
    let mut found: Vec<_> = case.actions.values().collect();
    found.sort_by_key(|action| {
        let number = action.id.as_str().rsplit_once("/a").map(|(_, number)| number.parse::<u64>());
        number.and_then(Result::ok)
    });
    found.into_iter().map(|found| action(&case.id, found)).collect()
}

fn lost(loss: Loss) -> LeaseLostReason {
    match loss {
        Loss::Expired => LeaseLostReason::Expired,
        Loss::HandedOff => LeaseLostReason::HandedOff,
        Loss::TakenByPerson => LeaseLostReason::TakenByPerson,
        Loss::Closed => LeaseLostReason::CaseClosed,
        Loss::Merged => LeaseLostReason::CaseMerged,
        Loss::NotHeld => LeaseLostReason::NotHeld,
    }
}

fn decision(case: &CaseId, action: &Action, ruled: Ruled) -> v1::Decision {
    let verdict = action.verdict.as_ref();
    let mut decision = v1::Decision {
        action_id: action.id.to_string(),
        proposal_id: action.proposal.to_string(),
        case_id: case.to_string(),
        policies: verdict.map_or_else(Vec::new, |verdict| {
            verdict.policies.iter().map(ToString::to_string).collect()
        }),
        boundary: verdict
            .and_then(|verdict| verdict.boundary.as_ref())
            .map_or_else(String::new, ToString::to_string),
        playbook_version: verdict.map_or_else(String::new, |verdict| verdict.playbook.to_string()),
        contract_id: action.contract.to_string(),
        input_digest: action.input_digest().to_string(),
        ..v1::Decision::default()
    };
    match ruled {
        Ruled::Denied { reasons, duplicate_of } => {
            decision.reasons = reasons.iter().map(reason).collect();
            match duplicate_of {
                Some(first) => {
                    decision.duplicate_of = first.to_string();
                    decision.set_ruling(v1::Ruling::Duplicate);
                }
                None => decision.set_ruling(v1::Ruling::Denied),
            }
        }
        Ruled::Shadowed => decision.set_ruling(v1::Ruling::Shadowed),
        Ruled::Awaiting { until } => {
            decision.approval_until = until.map(time);
            decision.set_ruling(v1::Ruling::AwaitingApproval);
        }
        Ruled::Authorized => decision.set_ruling(v1::Ruling::Authorized),
    }
    decision
}

fn permit(case: &CaseId, action: &Action, token: &str) -> v1::Permit {
    use belay_domain::ActionStage;
    let grant = match &action.stage {
        ActionStage::Authorized { permit } => Some(permit),
        _ => None,
    };
    v1::Permit {
        permit_id: grant.map_or_else(String::new, |grant| grant.permit.to_string()),
        token: token.to_owned(),
        action_id: action.id.to_string(),
        case_id: case.to_string(),
        epoch: grant.map_or(action.epoch.0, |grant| grant.epoch.0),
        contract_id: action.contract.to_string(),
        input_json: action.input.clone(),
        input_digest: action.input_digest().to_string(),
        idempotency_key: action.terms().map_or_else(String::new, |terms| terms.key.to_string()),
        expires_at: grant.map(|grant| time(grant.expires)),
    }
}
