//! Where contracts stand: who may carry them out, what has been used, what they have shown, and which were taken back.

use belay_api::v1;
use belay_domain::{Mode, QueueFacts, QueueRef};
use belay_playbook::{
    Approvals, Bounds, Change, Contract, Counter, Figures, May, MayDo, Outcome, Used,
};

use super::{reason, span, time};
use crate::graduation::Demotion;

/// How far a contract is trusted.
pub(crate) fn mode(mode: Mode) -> v1::ContractMode {
    match mode {
        Mode::Shadow => v1::ContractMode::Shadow,
        Mode::Canary => v1::ContractMode::Canary,
        Mode::Live => v1::ContractMode::Live,
    }
}

/// How far it is trusted now. What writes nothing anyway is not taken back.
pub(crate) fn mode_in_force(
    contract: &Contract,
    demotion: Option<&Demotion>,
) -> (v1::ContractMode, Option<v1::Demotion>) {
    match demotion {
        Some(held) if contract.mode() != Mode::Shadow => {
            (v1::ContractMode::Shadow, Some(demoted(held)))
        }
        _ => (mode(contract.mode()), None),
    }
}

/// A demotion.
pub(crate) fn demoted(demotion: &Demotion) -> v1::Demotion {
    v1::Demotion {
        case_id: demotion.case.to_string(),
        at: Some(time(demotion.at)),
        why: demotion.why.clone(),
    }
}

/// What one agent may do.
pub(crate) fn authority(
    one: &MayDo,
    connected: bool,
    used: Vec<v1::LimitStanding>,
) -> v1::AgentAuthority {
    v1::AgentAuthority {
        agent_id: one.agent.to_string(),
        boundary: one.boundary.to_string(),
        may: match one.may {
            May::No(_) => v1::Freedom::No,
            May::IfApproved => v1::Freedom::IfApproved,
            May::AsPoliciesSay => v1::Freedom::AsPoliciesSay,
            May::Automatically => v1::Freedom::Automatically,
        }
        .into(),
        why_not: match &one.may {
            May::No(why) => why.clone(),
            _ => Vec::new(),
        },
        connected,
        approval: one.approval.as_ref().map(ask),
        limits: one.limits.clone(),
        used,
        only_if: one.only_if.iter().map(ToString::to_string).collect(),
        unless: one.unless.iter().map(ToString::to_string).collect(),
        outcome: String::new(),
        ruling: v1::Ruling::Unspecified.into(),
        reasons: Vec::new(),
    }
}

/// The same, with how one input comes out.
pub(crate) fn comes_out(authority: &mut v1::AgentAuthority, outcome: &Outcome) {
    authority.outcome = outcome.to_string();
    authority.ruling = ruling(outcome).into();
    if let Outcome::Denied(reasons) = outcome {
        authority.reasons = reasons.iter().map(reason).collect();
    }
}

fn ask(asked: &Approvals) -> v1::ApprovalAsk {
    v1::ApprovalAsk {
        quorum: asked.quorum,
        groups: asked.groups.iter().map(ToString::to_string).collect(),
        excluded: asked.excluded.iter().map(ToString::to_string).collect(),
        within: Some(span(asked.within)),
        escalation_policy: asked.escalation.clone(),
    }
}

/// What is left of a limit.
pub(crate) fn used(counter: &Counter, used: Used) -> v1::LimitStanding {
    v1::LimitStanding {
        limit: counter.name.clone(),
        window: Some(span(counter.window)),
        used_minor: used.minor,
        used_count: used.count,
        most_minor: counter.most.map(|most| most.minor),
        currency: counter.most.map_or_else(String::new, |most| most.currency.to_string()),
        most_count: counter.count,
    }
}

/// Who is there.
pub(crate) fn duty(queue: &QueueRef, looked: &Result<QueueFacts, String>) -> v1::QueueDuty {
    let (people, detail) = match looked {
        Ok(facts) => {
            let able = facts
                .staff
                .iter()
                .filter(|member| member.is_able() && member.on_shift != Some(false))
                .map(|member| member.name.to_string());
            let people = if facts.enabled { able.collect() } else { Vec::new() };
            (people, facts.reachable().err().map_or_else(String::new, |why| why.to_string()))
        }
        Err(detail) => (Vec::new(), detail.clone()),
    };
    v1::QueueDuty {
        system: queue.system.to_string(),
        queue: queue.queue.to_string(),
        people,
        detail,
    }
}

/// What a contract has to show.
pub(crate) fn bounds(bounds: &Bounds) -> v1::ContractBounds {
    v1::ContractBounds {
        sample_min: bounds.sample_min,
        verified_min: bounds.verified_min,
        override_max: bounds.override_max,
        divergences_max: bounds.divergences_max,
        window: Some(span(bounds.window)),
    }
}

/// What it has shown.
pub(crate) fn figures(figures: &Figures) -> v1::ContractFigures {
    let Figures {
        decided,
        denied,
        shadowed,
        agreed,
        differed,
        absent,
        untold,
        asked,
        overridden,
        sent,
        verified,
        diverged,
        failed,
        unresolved,
    } = *figures;
    v1::ContractFigures {
        decided,
        denied,
        shadowed,
        agreed,
        differed,
        absent,
        untold,
        asked,
        overridden,
        sent,
        verified,
        diverged,
        failed,
        unresolved,
    }
}

/// What would have to be different, and how it comes out then.
#[must_use]
pub fn change(change: &Change) -> v1::DecisionChange {
    v1::DecisionChange {
        steps: change.steps.iter().map(ToString::to_string).collect(),
        ruling: ruling(&change.outcome).into(),
        outcome: change.outcome.to_string(),
    }
}

fn ruling(outcome: &Outcome) -> v1::Ruling {
    match outcome {
        Outcome::Denied(_) => v1::Ruling::Denied,
        Outcome::Asked { .. } => v1::Ruling::AwaitingApproval,
        Outcome::Allowed => v1::Ruling::Authorized,
    }
}
