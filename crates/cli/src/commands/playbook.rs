//! `belay playbook`: what is loaded, loading it again, whether its queues can be reached, and how two differ.

mod diff;

use clap::{Args, Subcommand};

use belay_api::v1;

use super::{Context, RequestArgs};
use crate::exit::{Exit, Failure};
use crate::output::table::{Cell, Sheet, Table};
use crate::output::{Style, Tone, clean, modes, time, words};

/// The playbook in force.
#[derive(Debug, Subcommand)]
pub(crate) enum PlaybookCommand {
    /// What is loaded, and which version
    Show,
    /// Load its folder again: as a whole, or, with any problem, not at all
    Reload(ReloadArgs),
    /// Look at every human queue that an escalation policy names
    Routes,
    /// How two playbooks differ in what they mean: two versions, or two teams'; exit code 1 when they do. Needs no supervisor
    Diff(diff::DiffArgs),
}

/// How it is loaded again.
#[derive(Args, Debug)]
pub(crate) struct ReloadArgs {
    /// Check only, and leave the old one in force
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    request: RequestArgs,
}

/// Runs the command.
pub(crate) async fn run(command: PlaybookCommand, context: &Context) -> Result<Exit, Failure> {
    if let PlaybookCommand::Diff(args) = &command {
        return diff::run(args, context);
    }
    let connection = context.connect().await?;
    match command {
        PlaybookCommand::Diff(_) => Ok(Exit::Done),
        PlaybookCommand::Show => {
            let request = connection.call(v1::GetPlaybookRequest {});
            let answer = connection.playbook().get_playbook(request).await?.into_inner();
            let playbook = answer.playbook.unwrap_or_default();
            context.output.one(&playbook, |style| show(&playbook, style))?;
            Ok(Exit::Done)
        }
        PlaybookCommand::Reload(args) => {
            let request =
                v1::ReloadPlaybookRequest { request_id: args.request.id(), dry_run: args.dry_run };
            let answer =
                connection.playbook().reload_playbook(connection.call(request)).await?.into_inner();
            context.output.one(&answer, |style| {
                let playbook = answer.playbook.clone().unwrap_or_default();
                let version = style.paint(Tone::Name, &clean(&playbook.version));
                let what = match (answer.changed, args.dry_run) {
                    (true, false) => "is in force now",
                    (true, true) => "would come into force",
                    (false, _) => "was in force already",
                };
                format!("{} {version} {what}\n", clean(&playbook.name))
            })?;
            Ok(Exit::Done)
        }
        PlaybookCommand::Routes => {
            let request = connection.call(v1::CheckRoutesRequest {});
            let routes = connection.playbook().check_routes(request).await?.into_inner().routes;
            context.output.list(&routes, |style| reached(&routes, style))?;
            let all = routes.iter().all(|route| route.reachable);
            Ok(if all { Exit::Done } else { Exit::Found })
        }
    }
}

fn show(playbook: &v1::Playbook, style: &Style) -> String {
    let mut sheet = Sheet::default();
    let loaded = time::moment(playbook.loaded_at.as_ref());
    let systems = playbook.systems.iter().map(|s| clean(&format!("{} ({})", s.id, s.kind)));
    let contracts = playbook.contracts.iter().flat_map(|one| contract(one, style));
    let agents = playbook.agents.iter().map(|agent| {
        let boundary = if agent.boundary.is_empty() { "nothing" } else { &agent.boundary };
        clean(&format!("{} as {}, within {boundary}", agent.id, agent.roles.join(", ")))
    });
    let boundaries = playbook.boundaries.iter().map(|boundary| {
        let may = match boundary.contract_ids.as_slice() {
            [] => "nothing".to_owned(),
            contracts => contracts.join(", "),
        };
        clean(&format!("{}: {may}", boundary.name))
    });
    let routes = playbook.routes.iter().map(|route| {
        use v1::handoff_target::Target;
        let to = match route.target.as_ref().and_then(|target| target.target.as_ref()) {
            Some(Target::Role(role)) => format!("role {role}"),
            Some(Target::AgentId(agent)) => format!("agent {agent}"),
            None => "people".to_owned(),
        };
        let when = if route.condition.is_empty() {
            String::new()
        } else {
            format!(" when {}", route.condition)
        };
        clean(&format!("{}{when}: {to}, people by {}", route.name, route.escalation_policy))
    });
    let resolutions = playbook.resolutions.iter().map(|resolution| clean(&resolution.code));
    sheet
        .line("playbook", style.paint(Tone::Bold, &clean(&playbook.name)))
        .line("version", style.paint(Tone::Name, &clean(&playbook.version)))
        .line("loaded", loaded.map(|at| time::both(at, style.now)).unwrap_or_default())
        .lines("systems", systems.collect())
        .lines("contracts", contracts.collect())
        .lines("boundaries", boundaries.collect())
        .lines("agents", agents.collect())
        .text("policies", &playbook.policies.join(", "))
        .lines("people", playbook.escalation_policies.iter().flat_map(ladders).collect())
        .lines("routes", routes.collect())
        .line("resolutions", resolutions.collect::<Vec<_>>().join(", "));
    sheet.render(style)
}

/// What a contract is, and why it does not write although the playbook says so.
fn contract(contract: &v1::Contract, style: &Style) -> Vec<String> {
    let mode = match contract.mode_in_force() {
        v1::ContractMode::Canary => format!(" [canary in {} of the cases]", contract.share),
        v1::ContractMode::Shadow => " [shadow]".to_owned(),
        v1::ContractMode::Live | v1::ContractMode::Unspecified => String::new(),
    };
    let (id, system, tier) = (&contract.id, &contract.system, contract.tier);
    let mut lines =
        vec![clean(&format!("{id} on {system}, tier {tier}{mode}: {}", contract.title))];
    if let Some(held) = &contract.demotion {
        let at = time::moment(held.at.as_ref()).map(|at| time::both(at, style.now));
        lines.push(format!(
            "  {} from {} {}: {}",
            style.paint(Tone::Bad, "demoted"),
            modes::told(contract.mode()),
            at.unwrap_or_default(),
            clean(&held.why)
        ));
        lines.push(clean(&format!(
            "  case {}; to restore it: belay graduate {id} --restore --reason WHY --write",
            held.case_id
        )));
    }
    lines
}

fn ladders(policy: &v1::EscalationPolicy) -> Vec<String> {
    policy
        .ladders
        .iter()
        .map(|ladder| {
            let rungs = ladder.rungs.iter().map(|rung| {
                let within = time::length(rung.acknowledge_within.as_ref()).map(time::span);
                format!("{}/{} within {}", rung.system, rung.queue, within.unwrap_or_default())
            });
            clean(&format!(
                "{} {}: {}",
                policy.name,
                words::severity(ladder.severity).1,
                rungs.collect::<Vec<_>>().join(", then ")
            ))
        })
        .collect()
}

fn reached(routes: &[v1::RouteCheck], style: &Style) -> String {
    let mut table = Table::new(["QUEUE", "REACHABLE", "PEOPLE", "NAMED BY", "WHAT IS WRONG"]);
    for route in routes {
        let reachable = match route.reachable {
            true => Cell::new(Tone::Good, "yes"),
            false => Cell::new(Tone::Bad, "NO"),
        };
        table.row([
            Cell::id(format!("{}/{}", route.system, route.queue)),
            reachable,
            Cell::from(route.people.to_string()),
            Cell::from(route.policies.join(",")),
            Cell::from(&route.detail),
        ]);
    }
    table.render(style, "no escalation policy names a queue")
}

#[cfg(test)]
mod tests {
    use belay_api::v1;
    use jiff::Timestamp;

    use super::contract;
    use crate::output::Style;

    #[test]
    fn a_contract_that_was_taken_back_says_so_with_its_case_and_the_way_back() {
        let told = v1::Contract {
            id: "billing.refund@1".into(),
            title: "Give money back".into(),
            system: "billing".into(),
            tier: 1,
            mode: v1::ContractMode::Live.into(),
            mode_in_force: v1::ContractMode::Shadow.into(),
            demotion: Some(v1::Demotion {
                case_id: "c-1".into(),
                at: Some(prost_types::Timestamp::default()),
                why: "2 divergences within 30d\u{1b}[1A".into(),
            }),
            ..Default::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            contract(&told, &style),
            [
                "billing.refund@1 on billing, tier 1 [shadow]: Give money back",
                "  demoted from live 00:00:00Z (now): 2 divergences within 30d [1A",
                "  case c-1; to restore it: belay graduate billing.refund@1 --restore --reason WHY --write",
            ]
        );
    }

    #[test]
    fn what_is_in_force_is_what_is_shown() {
        let shown = |mode: v1::ContractMode| {
            let told = v1::Contract {
                id: "x@1".into(),
                system: "s".into(),
                title: "t".into(),
                mode: mode.into(),
                mode_in_force: mode.into(),
                share: 0.25,
                ..Default::default()
            };
            contract(&told, &Style { colour: false, now: Timestamp::UNIX_EPOCH }).join("|")
        };
        assert_eq!(shown(v1::ContractMode::Live), "x@1 on s, tier 0: t");
        assert_eq!(shown(v1::ContractMode::Shadow), "x@1 on s, tier 0 [shadow]: t");
        let canary = shown(v1::ContractMode::Canary);
        assert_eq!(canary, "x@1 on s, tier 0 [canary in 0.25 of the cases]: t");
    }
}
