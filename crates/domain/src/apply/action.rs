//! Folds what happened to actions.

use std::sync::Arc;

use crate::{
    Action, ActionId, ActionStage, Case, Decision, Digest, EventKind, Plan, PlanStage, Refusal,
};

pub(super) fn apply(case: &mut Case, kind: &EventKind) {
    if let EventKind::ActionProposed { .. } = kind {
        return proposed(case, kind);
    }
    let Some(action) = named(kind).and_then(|id| case.actions.get_mut(id)).map(Arc::make_mut)
    else {
        return;
    };
    match kind {
        EventKind::ActionAssessed { verdict, .. } => {
            action.input.clone_from(&verdict.input);
            action.verdict = Some(verdict.as_ref().clone());
        }
        EventKind::ApprovalGiven { vote, .. } => {
            if let ActionStage::AwaitingApproval(approval) = &mut action.stage {
                approval.votes.push(vote.clone());
            }
        }
        EventKind::ApprovalAsked { question, .. } => {
            if let ActionStage::AwaitingApproval(approval) = &mut action.stage {
                approval.questions.push(question.clone());
            }
        }
        EventKind::ApprovalAnswered { question, reply, .. } => {
            if let ActionStage::AwaitingApproval(approval) = &mut action.stage {
                let asked = approval.questions.iter_mut().find(|asked| asked.number == *question);
                if let Some(asked) = asked {
                    asked.reply = Some(reply.clone());
                }
            }
        }
        EventKind::ApprovalDelegated { delegation, .. } => {
            if let ActionStage::AwaitingApproval(approval) = &mut action.stage {
                approval.delegations.push(delegation.clone());
            }
        }
        EventKind::StatementRefused { said, why, answer, .. } => {
            if let ActionStage::AwaitingApproval(approval) = &mut action.stage {
                approval.refused.push(said.clone());
                if *answer {
                    approval.unanswered.push(Refusal { said: said.clone(), why: why.clone() });
                }
            }
        }
        EventKind::StatementAnswered { correlation, statement, .. } => {
            if let ActionStage::AwaitingApproval(approval) = &mut action.stage {
                approval.unanswered.retain(|one| {
                    one.said.correlation != *correlation || one.said.statement != *statement
                });
            }
        }
        EventKind::ActionAmended { input, by, until, .. } => {
            if !action.amended_by.contains(by) {
                action.amended_by.push(by.clone());
            }
            action.input.clone_from(input);
            action.verdict = None;
            action.revision += 1;
            action.stage = ActionStage::Proposed { until: *until };
        }
        EventKind::ActionAuthorized { permit, .. } => {
            action.permits += 1;
            action.stage = ActionStage::Authorized { permit: permit.clone() };
        }
        EventKind::ActionDispatched { attempt, permit, until, .. } => {
            action.attempts = *attempt;
            action.stage = ActionStage::Dispatched { permit: permit.clone(), until: *until };
        }
        EventKind::ActionUnresolved { .. } => unresolved(action),
        EventKind::ActionCompared { shown, .. } => action.compared = Some(shown.clone()),
        other => {
            if let Some(stage) = next_stage(other) {
                action.stage = stage;
            }
        }
    }
}

/// The stage that an event alone determines.
fn next_stage(kind: &EventKind) -> Option<ActionStage> {
    Some(match kind {
        EventKind::ActionDenied { reasons, .. } => ActionStage::Denied { reasons: reasons.clone() },
        EventKind::ActionShadowed { .. } => ActionStage::Shadowed,
        EventKind::ApprovalRequested { approval, .. } => {
            ActionStage::AwaitingApproval(approval.clone())
        }
        EventKind::ApprovalEnded { decision, by, code, note, .. } => match (decision, by) {
            (Decision::Rejected, Some(by)) => {
                ActionStage::Rejected { by: by.clone(), code: code.clone(), note: note.clone() }
            }
            (Decision::Expired, _) => ActionStage::Expired,
            _ => return None,
        },
        EventKind::ActionExecuted { output, settle_until, verify_until, .. } => {
            ActionStage::Executed {
                output: output.clone(),
                settle_until: *settle_until,
                verify_until: *verify_until,
                told: false,
            }
        }
        EventKind::ActionUnknown { claim, reason, settle_until, verify_until, .. } => {
            ActionStage::Unknown {
                claim: *claim,
                reason: reason.clone(),
                settle_until: *settle_until,
                verify_until: *verify_until,
                told: false,
            }
        }
        EventKind::ActionRetried { at, reason, .. } => {
            ActionStage::Retrying { at: *at, reason: reason.clone() }
        }
        EventKind::ActionFailed { reason, .. } => ActionStage::Failed { reason: reason.clone() },
        EventKind::ActionVerified { shown, .. } => ActionStage::Verified { shown: shown.clone() },
        EventKind::ActionDiverged { difference, .. } => {
            ActionStage::Diverged { difference: difference.clone() }
        }
        EventKind::ActionWithdrawn { why, .. } => ActionStage::Withdrawn { why: why.clone() },
        EventKind::CompensationStarted { attempt, at, .. } => {
            ActionStage::Compensating { attempt: *attempt, at: *at }
        }
        EventKind::ActionCompensated { .. } => ActionStage::Compensated,
        EventKind::CompensationFailed { reason, .. } => {
            ActionStage::CompensationFailed { reason: reason.clone() }
        }
        _ => return None,
    })
}

/// People have been told; the read-back goes on. What the target said is not forgotten over it.
fn unresolved(action: &mut Action) {
    match &mut action.stage {
        ActionStage::Executed { told, .. } | ActionStage::Unknown { told, .. } => *told = true,
        _ => {}
    }
}

fn proposed(case: &mut Case, kind: &EventKind) {
    let EventKind::ActionProposed {
        action,
        proposal,
        proposer,
        epoch,
        contract,
        input,
        provenance,
        plan,
        justification,
        until,
    } = kind
    else {
        return;
    };
    case.action_count += 1;
    if let Some(id) = plan {
        let new = || Plan::new(id.clone(), PlanStage::Open);
        let plan = case.plans.entry(id.clone()).or_insert_with(new);
        plan.actions.push(action.clone());
    }
    let new = Action {
        id: action.clone(),
        proposal: proposal.clone(),
        proposer: proposer.clone(),
        epoch: *epoch,
        contract: contract.clone(),
        input: input.clone(),
        proposed: Digest::of(input.as_bytes()),
        provenance: provenance.clone(),
        plan: plan.clone(),
        justification: justification.clone(),
        revision: 0,
        amended_by: Vec::new(),
        verdict: None,
        permits: 0,
        attempts: 0,
        compared: None,
        stage: ActionStage::Proposed { until: *until },
    };
    case.actions.insert(action.clone(), Arc::new(new));
}

/// The action an event is about.
fn named(kind: &EventKind) -> Option<&ActionId> {
    match kind {
        EventKind::ActionAssessed { action, .. }
        | EventKind::ActionDenied { action, .. }
        | EventKind::ActionShadowed { action }
        | EventKind::ActionCompared { action, .. }
        | EventKind::ApprovalRequested { action, .. }
        | EventKind::ApprovalGiven { action, .. }
        | EventKind::ApprovalAsked { action, .. }
        | EventKind::ApprovalAnswered { action, .. }
        | EventKind::ApprovalDelegated { action, .. }
        | EventKind::ApprovalEnded { action, .. }
        | EventKind::StatementRefused { action, .. }
        | EventKind::StatementAnswered { action, .. }
        | EventKind::ActionAmended { action, .. }
        | EventKind::ActionAuthorized { action, .. }
        | EventKind::PermitExpired { action, .. }
        | EventKind::ActionDispatched { action, .. }
        | EventKind::ActionExecuted { action, .. }
        | EventKind::ActionUnknown { action, .. }
        | EventKind::ActionUnresolved { action, .. }
        | EventKind::ActionRetried { action, .. }
        | EventKind::ActionFailed { action, .. }
        | EventKind::ActionVerified { action, .. }
        | EventKind::ActionDiverged { action, .. }
        | EventKind::ActionWithdrawn { action, .. }
        | EventKind::CompensationStarted { action, .. }
        | EventKind::ActionCompensated { action }
        | EventKind::CompensationFailed { action, .. } => Some(action),
        _ => None,
    }
}
