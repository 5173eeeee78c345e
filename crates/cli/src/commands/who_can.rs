//! `belay who-can`: which agents may do a thing, how freely, with whose approval and within which limits. Of a supervisor that
//! runs it also tells what has been used of the limits, what was demoted, who is connected and who could be asked to agree.

mod folder;
mod running;
mod shown;

use std::path::PathBuf;

use clap::Args;

use super::{Context, key_value};
use crate::exit::{Exit, Failure};

/// What is asked about, and of which playbook.
#[derive(Args, Debug)]
pub(crate) struct WhoCanArgs {
    /// The contract: billing.refund@1, or billing.refund for all its versions
    action: String,
    /// A playbook's folder, instead of the supervisor that runs
    #[arg(long, env = "BELAY_PLAYBOOK", value_name = "DIR")]
    playbook: Option<PathBuf>,
    /// Decide on this input: a file with JSON
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// As on this case of the supervisor that runs, with its customer, kind, channel, severity and labels
    #[arg(long, value_name = "CASE", conflicts_with_all = ["playbook", "customer", "kind", "channel", "label"])]
    case: Option<String>,
    /// The customer of the supposed case
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Its kind
    #[arg(long, default_value = "", hide_default_value = true)]
    kind: String,
    /// The channel through which it came
    #[arg(long, default_value = "", hide_default_value = true)]
    channel: String,
    /// One of its labels; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    label: Vec<(String, String)>,
}

/// Runs the command.
pub(crate) async fn run(args: WhoCanArgs, context: &Context) -> Result<Exit, Failure> {
    let input = args.input.as_ref().map(|file| {
        std::fs::read_to_string(file)
            .map_err(|error| Failure::of(format!("cannot read {}", file.display()), &error))
    });
    let input = input.transpose()?;
    let contracts = match &args.playbook {
        Some(folder) => folder::ask(folder, &args, input.as_deref(), context)?,
        None => running::ask(&args, input, context).await?,
    };
    for contract in &contracts {
        context.output.value(|| shown::object(contract), |style| shown::sheet(contract, style))?;
    }
    Ok(Exit::Done)
}
