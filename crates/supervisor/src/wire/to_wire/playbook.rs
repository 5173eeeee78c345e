//! What operators wrote, in short.

use belay_api::v1;
use belay_domain::{AfterResolution, QueueFacts, QueueRef, Severity, StepPlan, Timestamp};
use belay_playbook::{Contract, Playbook, SystemKind};

use super::standing::{mode, mode_in_force};
use super::{action::executor, level, severity, span, target, time};
use crate::graduation::Demotion;

const SEVERITIES: [Severity; 4] =
    [Severity::Low, Severity::Normal, Severity::High, Severity::Critical];

/// The whole playbook, with those of its contracts that were taken back.
pub(crate) fn playbook(
    playbook: &Playbook,
    loaded_at: Timestamp,
    demoted: impl Fn(&Contract) -> Option<Demotion>,
) -> v1::Playbook {
    v1::Playbook {
        version: playbook.version().to_string(),
        name: playbook.name().to_owned(),
        loaded_at: Some(time(loaded_at)),
        systems: playbook
            .systems()
            .map(|system| v1::OutsideSystem {
                id: system.id.to_string(),
                kind: match system.kind {
                    SystemKind::Http(_) => "http",
                    SystemKind::Desk(_) => "desk",
                    SystemKind::Itsm(_) => "itsm",
                    SystemKind::RequestTracker(_) => "request-tracker",
                }
                .to_owned(),
            })
            .collect(),
        contracts: playbook.contracts().map(|one| contract(one, demoted(one).as_ref())).collect(),
        boundaries: playbook
            .boundaries()
            .map(|(name, contracts)| v1::Boundary {
                name: name.to_string(),
                contract_ids: contracts.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        policies: playbook.policies().into_iter().map(str::to_owned).collect(),
        escalation_policies: playbook
            .escalations()
            .map(|policy| escalation_policy(playbook, policy))
            .collect(),
        agents: playbook
            .agents()
            .map(|agent| v1::PlaybookAgent {
                id: agent.to_string(),
                roles: playbook.roles_of(agent).iter().map(ToString::to_string).collect(),
                boundary: playbook.boundary_of(agent).map_or_else(String::new, ToString::to_string),
                operators: playbook.operators_of(agent).iter().map(ToString::to_string).collect(),
            })
            .collect(),
        routes: playbook
            .routes()
            .iter()
            .map(|route| v1::Route {
                name: route.name().to_owned(),
                condition: route.condition(),
                target: route.to().map(target),
                escalation_policy: route.takeover().to_owned(),
            })
            .collect(),
        resolutions: playbook
            .resolutions()
            .iter()
            .map(|(code, after)| v1::ResolutionMeaning {
                code: code.to_string(),
                return_to: match after {
                    AfterResolution::Resolve => None,
                    AfterResolution::Return(to) => Some(target(to)),
                },
            })
            .collect(),
    }
}

fn contract(contract: &Contract, demotion: Option<&Demotion>) -> v1::Contract {
    let (mode_in_force, demotion) = mode_in_force(contract, demotion);
    v1::Contract {
        id: contract.id().to_string(),
        title: contract.title().to_owned(),
        system: contract.system().to_string(),
        tier: u32::from(contract.tier()),
        mode: mode(contract.mode()).into(),
        executor: executor(contract.executor()).into(),
        input_schema_json: contract.input_schema().to_string(),
        mode_in_force: mode_in_force.into(),
        demotion,
        share: contract.share(),
    }
}

fn escalation_policy(playbook: &Playbook, name: &str) -> v1::EscalationPolicy {
    let ladder = |wanted: Severity| {
        let plan = playbook.escalation(name, wanted)?;
        Some(v1::EscalationLadder {
            severity: severity(wanted).into(),
            rungs: plan.steps.iter().map(rung).collect(),
            longest: Some(span(plan.longest())),
        })
    };
    v1::EscalationPolicy {
        name: name.to_owned(),
        ladders: SEVERITIES.into_iter().filter_map(ladder).collect(),
    }
}

fn rung(step: &StepPlan) -> v1::EscalationRung {
    v1::EscalationRung {
        system: step.queue.system.to_string(),
        queue: step.queue.queue.to_string(),
        acknowledge_within: Some(span(step.acknowledge_within)),
        cover: level(step.cover).into(),
        freshness: Some(span(step.freshness)),
    }
}

/// What a look at one human queue showed: who is there, or why it could not be looked at.
pub(crate) fn route_check(
    queue: &QueueRef,
    policies: &[String],
    looked: &Result<QueueFacts, String>,
    sent_at: Timestamp,
) -> v1::RouteCheck {
    let (people, detail) = match looked {
        Ok(facts) => {
            let able = facts
                .staff
                .iter()
                .filter(|member| member.is_able() && member.on_shift != Some(false))
                .count();
            let why = facts.reachable().err().map_or_else(String::new, |why| why.to_string());
            (if facts.enabled { able } else { 0 }, why)
        }
        Err(detail) => (0, detail.clone()),
    };
    v1::RouteCheck {
        system: queue.system.to_string(),
        queue: queue.queue.to_string(),
        policies: policies.to_vec(),
        reachable: detail.is_empty(),
        people: u32::try_from(people).unwrap_or(u32::MAX),
        detail,
        sent_at: Some(time(sent_at)),
    }
}
