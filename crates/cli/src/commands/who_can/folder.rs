//! Asked of a playbook's folder, without a supervisor.

use std::path::Path;

use belay_domain::{ContractId, Timestamp};
use belay_playbook::{Contract, Decided, May, MayDo, Outcome, Playbook, Supposed, Usage};

use super::WhoCanArgs;
use super::shown::{Agent, Approval, Authority};
use crate::commands::Context;
use crate::commands::check::render as problems;
use crate::exit::{Exit, Failure};
use crate::output::{Tone, modes};

/// What the folder says about the contract.
pub(super) fn ask(
    folder: &Path,
    args: &WhoCanArgs,
    input: Option<&str>,
    context: &Context,
) -> Result<Vec<Authority>, Failure> {
    let shown = folder.display().to_string();
    let playbook = Playbook::load(folder).map_err(|found| {
        context.output.note(problems(found.all(), &shown, &context.output.style).trim_end());
        Failure::new(Exit::Found, format!("{shown} is no sound playbook"))
            .hint("mend what belay check says about it")
    })?;
    let fits = |one: &&Contract| one.id().as_str() == args.action || one.name() == args.action;
    let contracts: Vec<&Contract> = playbook.contracts().filter(fits).collect();
    if contracts.is_empty() {
        let known: Vec<&str> = playbook.contracts().map(|one| one.id().as_str()).collect();
        let what = format!("there is no contract {} in {shown}", args.action);
        return Err(Failure::new(Exit::Usage, what).hint(format!("it has {}", known.join(", "))));
    }
    let supposed = Supposed {
        customer: args.customer.clone(),
        kind: args.kind.clone(),
        channel: args.channel.clone(),
        labels: args.label.clone(),
        ..Supposed::default()
    };
    let of = |contract: &Contract| {
        let decided = input.map(|input| {
            let unknown = Usage::default();
            playbook.who_can_with(contract.id(), input, &supposed, &unknown, Timestamp::now())
        });
        authority(contract, &playbook.who_can(contract.id()), decided)
    };
    Ok(contracts.into_iter().map(of).collect())
}

fn authority(contract: &Contract, may: &[MayDo], decided: Option<Decided>) -> Authority {
    let id: &ContractId = contract.id();
    let agents = may.iter().map(|one| agent(one, decided.as_ref()));
    Authority {
        contract: id.to_string(),
        mode: modes::name(contract.mode()),
        share: contract.share(),
        in_force: modes::name(contract.mode()),
        demotion: None,
        playbook: None,
        agents: agents.collect(),
        duty: None,
        taken: decided.map(|decided| decided.taken),
    }
}

fn agent(one: &MayDo, decided: Option<&Decided>) -> Agent {
    let outcomes = decided.map(|decided| decided.outcomes.as_slice()).unwrap_or_default();
    let outcome = outcomes.iter().find(|(agent, _)| *agent == one.agent).map(|(_, it)| it);
    let names = |names: &[belay_domain::PolicyId]| names.iter().map(ToString::to_string).collect();
    Agent {
        agent: one.agent.to_string(),
        boundary: one.boundary.to_string(),
        may: one.may.clone(),
        connected: None,
        approval: one.approval.as_ref().map(|asked| Approval {
            quorum: asked.quorum,
            groups: asked.groups.iter().map(ToString::to_string).collect(),
            excluded: asked.excluded.iter().map(ToString::to_string).collect(),
            within_seconds: asked.within.as_secs(),
        }),
        limits: match &one.may {
            May::No(_) => Vec::new(),
            _ => one.limits.clone(),
        },
        used: Vec::new(),
        only_if: names(&one.only_if),
        unless: names(&one.unless),
        outcome: outcome.map(|outcome| {
            let tone = match outcome {
                Outcome::Denied(_) => Tone::Bad,
                Outcome::Asked { .. } => Tone::Warn,
                Outcome::Allowed => Tone::Good,
            };
            (tone, outcome.to_string())
        }),
        reasons: match outcome {
            Some(Outcome::Denied(reasons)) => reasons.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        },
    }
}
