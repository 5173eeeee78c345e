//! Asked of the supervisor that runs.

use belay_api::v1;
use belay_playbook::May;

use super::WhoCanArgs;
use super::shown::{Agent, Approval, Authority, Demoted, Duty, Used};
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::{Style, Tone, modes, time, words};

/// What the supervisor says about the contract.
pub(super) async fn ask(
    args: &WhoCanArgs,
    input: Option<String>,
    context: &Context,
) -> Result<Vec<Authority>, Failure> {
    let none_runs = |failure: Failure| match failure.exit {
        Exit::Unavailable => {
            let before = failure.hint.clone().map_or_else(String::new, |hint| format!("{hint}; "));
            failure.hint(format!(
                "{before}without a supervisor, read a playbook's folder with --playbook DIR"
            ))
        }
        _ => failure,
    };
    let connection = context.connect().await.map_err(none_runs)?;
    let request = v1::WhoCanRequest {
        tenant: context.connection.tenant.clone().unwrap_or_default(),
        contract: args.action.clone(),
        input_json: input,
        case_id: args.case.clone().unwrap_or_default(),
        customer: args.customer.clone().unwrap_or_default(),
        kind: args.kind.clone(),
        channel: args.channel.clone(),
        labels: args.label.iter().cloned().collect(),
    };
    let with_input = request.input_json.is_some();
    let asked = connection.playbook().who_can(connection.call(request)).await;
    let answer = asked.map_err(|status| none_runs(status.into()))?.into_inner();
    let version = answer.playbook_version;
    let style = &context.output.style;
    let contracts = answer.contracts.into_iter();
    Ok(contracts.map(|one| authority(one, &version, with_input, style)).collect())
}

fn authority(
    told: v1::ContractAuthority,
    version: &str,
    with_input: bool,
    style: &Style,
) -> Authority {
    let (mode, in_force) = (modes::told(told.mode()), modes::told(told.mode_in_force()));
    Authority {
        contract: told.contract_id,
        mode,
        share: told.share,
        in_force,
        demotion: told.demotion.map(|held| Demoted {
            case: held.case_id,
            at: time::moment(held.at.as_ref()).map(|at| at.to_string()).unwrap_or_default(),
            why: held.why,
        }),
        playbook: Some(version.to_owned()),
        agents: told.agents.into_iter().map(|one| agent(one, style)).collect(),
        duty: Some(told.duty.into_iter().map(duty).collect()),
        taken: with_input.then_some(told.taken),
    }
}

fn agent(told: v1::AgentAuthority, style: &Style) -> Agent {
    let may = match told.may() {
        v1::Freedom::Automatically => May::Automatically,
        v1::Freedom::AsPoliciesSay => May::AsPoliciesSay,
        v1::Freedom::IfApproved => May::IfApproved,
        v1::Freedom::No | v1::Freedom::Unspecified => May::No(told.why_not.clone()),
    };
    let tone = match told.ruling() {
        v1::Ruling::Authorized => Tone::Good,
        v1::Ruling::AwaitingApproval => Tone::Warn,
        _ => Tone::Bad,
    };
    Agent {
        agent: told.agent_id,
        boundary: told.boundary,
        may,
        connected: Some(told.connected),
        approval: told.approval.map(|asked| Approval {
            quorum: asked.quorum,
            groups: asked.groups,
            excluded: asked.excluded,
            within_seconds: time::length(asked.within.as_ref()).map_or(0, |it| it.as_secs()),
        }),
        limits: told.limits,
        used: told.used.into_iter().map(used).collect(),
        only_if: told.only_if,
        unless: told.unless,
        outcome: (!told.outcome.is_empty()).then_some((tone, told.outcome)),
        reasons: told.reasons.iter().map(|one| words::reason(one, style)).collect(),
    }
}

fn used(told: v1::LimitStanding) -> Used {
    Used {
        limit: told.limit,
        minor: told.used_minor,
        count: told.used_count,
        most_minor: told.most_minor,
        currency: told.currency,
        most_count: told.most_count,
    }
}

fn duty(told: v1::QueueDuty) -> Duty {
    Duty {
        queue: format!("{}/{}", told.system, told.queue),
        people: told.people,
        detail: told.detail,
    }
}
