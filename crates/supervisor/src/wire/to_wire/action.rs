//! Governed writes and the plans that group them.

use belay_api::v1;
use belay_domain::{
    Action, ActionId, ActionStage, Case, CaseId, Comparison, Difference, Executor, Money, Plan,
    PlanStage, Provenance, Reason, Rule, Timestamp, Verdict,
};

use super::{context::provenance_source, person, time};

/// One action of a case.
pub(crate) fn action(case: &CaseId, action: &Action) -> v1::Action {
    let verdict = action.verdict.as_ref();
    let terms = action.terms();
    let (output_json, shown_json) = match &action.stage {
        ActionStage::Executed { output, .. } => (output.clone(), String::new()),
        ActionStage::Verified { shown } => (String::new(), shown.clone()),
        _ => (String::new(), String::new()),
    };
    v1::Action {
        id: action.id.to_string(),
        case_id: case.to_string(),
        proposal_id: action.proposal.to_string(),
        plan: action.plan.as_ref().map_or_else(String::new, ToString::to_string),
        contract_id: action.contract.to_string(),
        proposer: action.proposer.to_string(),
        epoch: action.epoch.0,
        state: action_state(&action.stage).into(),
        detail: detail(&action.stage),
        next_moment: next_moment(&action.stage).map(time),
        input_json: action.input.clone(),
        input_digest: action.input_digest().to_string(),
        revision: action.revision,
        provenance: action.provenance.iter().map(input_provenance).collect(),
        justification: action.justification.clone(),
        reasons: match &action.stage {
            ActionStage::Denied { reasons } => reasons.iter().map(reason).collect(),
            _ => Vec::new(),
        },
        boundary: verdict
            .and_then(|verdict| verdict.boundary.as_ref())
            .map_or_else(String::new, ToString::to_string),
        policies: policies(verdict),
        playbook_version: verdict.map_or_else(String::new, |verdict| verdict.playbook.to_string()),
        snapshot_json: snapshot(verdict),
        tier: terms.map_or(0, |terms| u32::from(terms.tier)),
        live: terms.is_some_and(|terms| terms.live),
        executor: terms.map_or(v1::Executor::Unspecified, |terms| executor(terms.executor)).into(),
        idempotency_key: terms.map_or_else(String::new, |terms| terms.key.to_string()),
        amount: terms.and_then(|terms| terms.amount).map(money),
        attempts: action.attempts,
        output_json,
        shown_json,
        rejected_by: match &action.stage {
            ActionStage::Rejected { by, .. } => Some(person(by)),
            _ => None,
        },
        rejection_code: match &action.stage {
            ActionStage::Rejected { code: Some(code), .. } => code.to_string(),
            _ => String::new(),
        },
    }
}

/// Where an action stands.
pub(crate) fn action_state(stage: &ActionStage) -> v1::ActionState {
    use v1::ActionState as State;
    match stage {
        ActionStage::Proposed { .. } => State::Proposed,
        ActionStage::Denied { .. } => State::Denied,
        ActionStage::Shadowed => State::Shadowed,
        ActionStage::AwaitingApproval(_) => State::AwaitingApproval,
        ActionStage::Rejected { .. } => State::Rejected,
        ActionStage::Expired => State::Expired,
        ActionStage::Withdrawn { .. } => State::Withdrawn,
        ActionStage::Authorized { .. } => State::Authorized,
        ActionStage::Dispatched { .. } => State::Dispatched,
        ActionStage::Executed { .. } => State::Executed,
        ActionStage::Unknown { .. } => State::Unknown,
        ActionStage::Retrying { .. } => State::Retrying,
        ActionStage::Failed { .. } => State::Failed,
        ActionStage::Verified { .. } => State::Verified,
        ActionStage::Diverged { .. } => State::Diverged,
        ActionStage::Compensating { .. } => State::Compensating,
        ActionStage::Compensated => State::Compensated,
        ActionStage::CompensationFailed { .. } => State::CompensationFailed,
    }
}

/// Why it stands there, where the state alone does not say so.
fn detail(stage: &ActionStage) -> String {
    match stage {
        ActionStage::Rejected { note, .. } => note.clone(),
        ActionStage::Withdrawn { why } => why.clone(),
        ActionStage::Unknown { reason, .. }
        | ActionStage::Retrying { reason, .. }
        | ActionStage::Failed { reason }
        | ActionStage::CompensationFailed { reason } => reason.clone(),
        ActionStage::Diverged { difference } => difference.clone(),
        _ => String::new(),
    }
}

/// When something happens to it next by itself.
fn next_moment(stage: &ActionStage) -> Option<Timestamp> {
    match stage {
        ActionStage::Proposed { until } | ActionStage::Dispatched { until, .. } => Some(*until),
        ActionStage::AwaitingApproval(approval) => Some(approval.until),
        ActionStage::Authorized { permit } => Some(permit.expires),
        ActionStage::Executed { verify_until, told: false, .. }
        | ActionStage::Unknown { verify_until, told: false, .. } => Some(*verify_until),
        ActionStage::Retrying { at, .. } | ActionStage::Compensating { at, .. } => Some(*at),
        _ => None,
    }
}

/// The policies that determined a ruling.
pub(super) fn policies(verdict: Option<&Verdict>) -> Vec<String> {
    let policies = verdict.into_iter().flat_map(|verdict| &verdict.policies);
    policies.map(ToString::to_string).collect()
}

/// What was read from the source of truth for a ruling.
pub(super) fn snapshot(verdict: Option<&Verdict>) -> String {
    verdict.and_then(|verdict| verdict.snapshot.clone()).unwrap_or_default()
}

/// How the value at one place of an input is known.
pub(crate) fn input_provenance((pointer, known): &(String, Provenance)) -> v1::InputProvenance {
    v1::InputProvenance {
        pointer: pointer.clone(),
        source: provenance_source(known.source).into(),
        reference: known.reference.clone(),
    }
}

/// One reason against an action.
pub(crate) fn reason(reason: &Reason) -> v1::Reason {
    let Reason { rule, name, field, detail } = reason;
    v1::Reason {
        rule: name.clone(),
        kind: kind(*rule).into(),
        field: field.clone(),
        detail: detail.clone(),
    }
}

fn kind(rule: Rule) -> v1::ReasonKind {
    match rule {
        Rule::Identity => v1::ReasonKind::Identity,
        Rule::Boundary => v1::ReasonKind::Boundary,
        Rule::Schema => v1::ReasonKind::Schema,
        Rule::Provenance => v1::ReasonKind::Provenance,
        Rule::Identification => v1::ReasonKind::Identification,
        Rule::Precondition => v1::ReasonKind::Precondition,
        Rule::Limit => v1::ReasonKind::Limit,
        Rule::Policy => v1::ReasonKind::Policy,
        Rule::Duplicate => v1::ReasonKind::Duplicate,
    }
}

pub(super) fn executor(executor: Executor) -> v1::Executor {
    match executor {
        Executor::Agent => v1::Executor::Agent,
        Executor::Supervisor => v1::Executor::Supervisor,
    }
}

/// An amount.
pub(crate) fn money(money: Money) -> v1::Money {
    v1::Money { currency_code: money.currency.to_string(), minor_units: money.minor }
}

/// A plan.
pub(crate) fn plan(plan: &Plan, case: &Case) -> v1::Plan {
    let (state, detail) = match &plan.stage {
        PlanStage::Open => (v1::PlanState::Open, ""),
        PlanStage::Complete => (v1::PlanState::Complete, ""),
        PlanStage::Comparing { .. } => (v1::PlanState::Comparing, ""),
        PlanStage::Verified => (v1::PlanState::Verified, ""),
        PlanStage::Undoing { why } => (v1::PlanState::Undoing, why.as_str()),
        PlanStage::Undone => (v1::PlanState::Undone, ""),
        PlanStage::Stuck { why } => (v1::PlanState::Stuck, why.as_str()),
    };
    v1::Plan {
        name: plan.id.to_string(),
        state: state.into(),
        action_ids: plan.actions.iter().map(ToString::to_string).collect(),
        detail: detail.to_owned(),
        comparisons: comparisons(plan, case),
    }
}

/// What the systems have to agree about after a plan, and what they showed.
fn comparisons(plan: &Plan, case: &Case) -> Vec<v1::PlanComparison> {
    let pending = |equality: &str, action: &ActionId| v1::PlanComparison {
        equality: equality.to_owned(),
        action_id: action.to_string(),
        state: v1::ComparisonState::Pending.into(),
        differences: Vec::new(),
        detail: String::new(),
    };
    if plan.compared.is_empty() {
        let needed = case.comparisons(&plan.id).into_iter();
        return needed.map(|(equality, action)| pending(&equality.name, action)).collect();
    }
    let shown = plan.compared.iter().map(|one| {
        let known = pending(&one.equality, &one.action);
        match &one.shown {
            Comparison::Equal { shown } => v1::PlanComparison {
                state: v1::ComparisonState::Equal.into(),
                detail: shown.clone(),
                ..known
            },
            Comparison::Different { differences } => v1::PlanComparison {
                state: v1::ComparisonState::Different.into(),
                differences: differences.iter().map(difference).collect(),
                ..known
            },
            Comparison::Unreadable { detail } => v1::PlanComparison {
                state: v1::ComparisonState::Unreadable.into(),
                detail: detail.clone(),
                ..known
            },
        }
    });
    shown.collect()
}

fn difference(difference: &Difference) -> v1::SystemDifference {
    let Difference { object, field, system, id, expected, truth, found, mapping } = difference;
    v1::SystemDifference {
        object: object.clone(),
        field: field.clone(),
        system: system.to_string(),
        id: id.clone(),
        expected: expected.clone(),
        truth: truth.to_string(),
        found: found.clone(),
        mapping: *mapping,
    }
}
