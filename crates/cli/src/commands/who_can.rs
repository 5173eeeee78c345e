//! `belay who-can`: which agents may do a thing, how freely, with whose approval and within which limits.

use std::path::PathBuf;

use belay_domain::{ContractId, Timestamp};
use belay_playbook::{Decided, MayDo, Outcome, Playbook, Supposed};
use clap::Args;
use serde_json::{Value, json};

use super::check::render as problems;
use super::{Context, key_value};
use crate::exit::{Exit, Failure};
use crate::output::table::Sheet;
use crate::output::{Style, Tone, clean};

/// What is asked about, and of which playbook.
#[derive(Args, Debug)]
pub(crate) struct WhoCanArgs {
    /// The contract: billing.refund@1, or billing.refund for all its versions
    action: String,
    /// The playbook's folder
    #[arg(long, env = "BELAY_PLAYBOOK", value_name = "DIR")]
    playbook: PathBuf,
    /// Decide on this input: a file with JSON
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The customer of the supposed case
    #[arg(long, requires = "input", value_name = "ID")]
    customer: Option<String>,
    /// Its kind
    #[arg(long, requires = "input", default_value = "")]
    kind: String,
    /// The channel through which it came
    #[arg(long, requires = "input", default_value = "")]
    channel: String,
    /// One of its labels; may be repeated
    #[arg(long, requires = "input", value_name = "KEY=VALUE", value_parser = key_value)]
    label: Vec<(String, String)>,
}

/// Runs the command.
pub(crate) fn run(args: &WhoCanArgs, context: &Context) -> Result<Exit, Failure> {
    let folder = args.playbook.display().to_string();
    let playbook = Playbook::load(&args.playbook).map_err(|found| {
        context.output.note(problems(found.all(), &folder, &context.output.style).trim_end());
        Failure::new(Exit::Found, format!("{folder} is no sound playbook"))
            .hint("mend what belay check says about it")
    })?;
    let contracts: Vec<ContractId> = playbook
        .contracts()
        .filter(|contract| contract.id().as_str() == args.action || contract.name() == args.action)
        .map(|contract| contract.id().clone())
        .collect();
    if contracts.is_empty() {
        let known: Vec<&str> = playbook.contracts().map(|one| one.id().as_str()).collect();
        let what = format!("there is no contract {} in {folder}", args.action);
        return Err(Failure::new(Exit::Usage, what).hint(format!("it has {}", known.join(", "))));
    }
    let input = args.input.as_ref().map(|file| {
        std::fs::read_to_string(file)
            .map_err(|error| Failure::of(format!("cannot read {}", file.display()), &error))
    });
    let input = input.transpose()?;
    let supposed = Supposed {
        customer: args.customer.clone(),
        kind: args.kind.clone(),
        channel: args.channel.clone(),
        severity: None,
        labels: args.label.clone(),
    };
    for contract in &contracts {
        let may = playbook.who_can(contract);
        let decided = input
            .as_ref()
            .map(|input| playbook.who_can_with(contract, input, &supposed, Timestamp::now()));
        context.output.value(
            || object(contract, &may, decided.as_ref()),
            |style| sheet(contract, &may, decided.as_ref(), style),
        )?;
    }
    Ok(Exit::Done)
}

fn sheet(contract: &ContractId, may: &[MayDo], decided: Option<&Decided>, style: &Style) -> String {
    let mut sheet = Sheet::default();
    sheet.line("contract", style.paint(Tone::Name, contract.as_str()));
    if let Some(one) = may.first() {
        let mode = match one.mode {
            belay_domain::Mode::Live => "live: it writes".to_owned(),
            belay_domain::Mode::Shadow => "shadow: nothing is written".to_owned(),
            belay_domain::Mode::Canary => {
                format!("canary: it writes in {} of all cases", one.share)
            }
        };
        sheet.line("mode", mode);
    }
    for one in may {
        sheet.lines(one.agent.as_str(), lines(one, decided, style));
    }
    if let Some(decided) = decided {
        sheet.lines("taken", decided.taken.iter().map(|taken| clean(taken)).collect());
    }
    sheet.render(style)
}

fn lines(one: &MayDo, decided: Option<&Decided>, style: &Style) -> Vec<String> {
    let tone = match one.may.freedom() {
        0 => Tone::Bad,
        1 | 2 => Tone::Warn,
        _ => Tone::Good,
    };
    let mut lines = Vec::new();
    let outcome =
        decided.and_then(|decided| decided.outcomes.iter().find(|(agent, _)| *agent == one.agent));
    match outcome {
        Some((_, outcome)) => {
            let tone = match outcome {
                Outcome::Denied(_) => Tone::Bad,
                Outcome::Asked { .. } => Tone::Warn,
                Outcome::Allowed => Tone::Good,
            };
            lines.push(style.paint(tone, &clean(&outcome.to_string())));
            if let Outcome::Denied(reasons) = outcome {
                lines.extend(
                    reasons.iter().map(|reason| format!("  {}", clean(&reason.to_string()))),
                );
            }
        }
        None => lines.push(style.paint(tone, &clean(&one.may.to_string()))),
    }
    if one.may.freedom() == 0 {
        return lines;
    }
    lines.extend(one.approval.as_ref().map(|asked| format!("  approvals: {asked}")));
    let names = |names: &[belay_domain::PolicyId]| {
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    if !one.only_if.is_empty() {
        lines.push(format!("  permitted if {} says so", names(&one.only_if)));
    }
    if !one.unless.is_empty() {
        lines.push(format!("  unless {} says otherwise", names(&one.unless)));
    }
    lines.extend(one.limits.iter().map(|limit| format!("  {limit}")));
    lines
}

fn object(contract: &ContractId, may: &[MayDo], decided: Option<&Decided>) -> Value {
    let names = |names: &[belay_domain::PolicyId]| -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    };
    let agents: Vec<Value> = may
        .iter()
        .map(|one| {
            let outcome = decided
                .and_then(|decided| decided.outcomes.iter().find(|(agent, _)| *agent == one.agent))
                .map(|(_, outcome)| outcome.to_string());
            json!({
                "agent": one.agent,
                "boundary": one.boundary,
                "may": one.may.as_str(),
                "why_not": match &one.may {
                    belay_playbook::May::No(why) => why.clone(),
                    _ => Vec::new(),
                },
                "mode": match one.mode {
                    belay_domain::Mode::Live => "live",
                    belay_domain::Mode::Shadow => "shadow",
                    belay_domain::Mode::Canary => "canary",
                },
                "share": one.share,
                "approval": one.approval.as_ref().map(|asked| json!({
                    "quorum": asked.quorum,
                    "groups": asked.groups,
                    "excluded": asked.excluded,
                    "within_seconds": asked.within.as_secs(),
                })),
                "limits": one.limits,
                "only_if": names(&one.only_if),
                "unless": names(&one.unless),
                "outcome": outcome,
            })
        })
        .collect();
    let taken = decided.map(|decided| decided.taken.clone());
    json!({ "contract": contract, "agents": agents, "taken": taken })
}
