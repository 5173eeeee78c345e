//! `belay contract`: trying one contract, stage by stage, before anybody depends on it.

mod confirm;
mod shown;

use std::fs;
use std::path::{Path, PathBuf};

use belay_domain::ContractId;
use belay_playbook::{Contract, Playbook, Recording};
use belay_supervisor::{Against, try_contract};
use clap::{Args, Subcommand};

use super::Context;
use super::check::render;
use crate::exit::{Exit, Failure};

/// Contracts.
#[derive(Debug, Subcommand)]
pub(crate) enum ContractCommand {
    /// Try a contract with an input: schema, provenance, preconditions, limits, policy, the request, and with recorded
    /// answers also the write, the read-back and the way back; exit code 6 when a stage fails
    Test(TestArgs),
}

/// What is tried, and against what.
#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// The contract: billing.refund@1, or billing.refund when there is one version
    contract: String,
    /// The playbook's folder
    #[arg(long, value_name = "DIR", env = "BELAY_PLAYBOOK", default_value = ".")]
    playbook: PathBuf,
    /// What it is given: the input as JSON or YAML, or all of case, agent, input and provenance as in a recording; by
    /// default what the recording says
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Answers that were recorded; by default recorded/NAME.yaml in the playbook's folder
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    recorded: Option<PathBuf>,
    /// Against the live systems of the playbook, which are only read
    #[arg(long)]
    live: bool,
    /// With --live: really write, read it back, and undo it. It is shown what would be written, and asked for the contract's
    /// name
    #[arg(long, requires = "live")]
    write: bool,
    /// With --write: without being asked, as in a script
    #[arg(long, requires = "write")]
    yes: bool,
    /// With --write: also where there is no way back, and what is written stays
    #[arg(long, requires = "write")]
    keep: bool,
}

/// Runs the command.
pub(crate) async fn run(command: ContractCommand, context: &Context) -> Result<Exit, Failure> {
    let ContractCommand::Test(args) = command;
    let playbook = load(&args.playbook, context)?;
    let contract = find(&playbook, &args.contract)?;
    let id = contract.id().clone();
    let recording = recording(&args, contract)?;
    let against = match (args.live, args.write) {
        (false, _) => Against::Recorded,
        (true, false) => Against::Live,
        (true, true) => Against::LiveWriting,
    };
    if against == Against::LiveWriting && !contract.is_compensable() && !args.keep {
        let what = format!("what {id} writes cannot be undone");
        let hint =
            "leave --write out to only read, or say --keep to let it stay in the live system";
        return Err(Failure::new(Exit::Refused, what).hint(hint));
    }
    let attempt = async |against| {
        try_contract(&playbook, &id, &recording, against).await.map_err(|why| {
            Failure::new(Exit::Failed, format!("{id} cannot be tried: {why}"))
                .hint("--live needs the variables and credential files that systems.yaml names")
        })
    };
    if against == Against::LiveWriting && !args.yes {
        // First only read: what is asked about is the very request, and nobody is asked about what would not be sent.
        let seen = attempt(Against::Live).await?;
        if !seen.holds() {
            context.output.value(
                || shown::object(&id, Against::Live, &seen),
                |style| shown::render(&id, Against::Live, &seen, style),
            )?;
            return Ok(Exit::Found);
        }
        confirm::ask(contract, &seen)?;
    }
    let report = attempt(against).await?;
    context.output.value(
        || shown::object(&id, against, &report),
        |style| shown::render(&id, against, &report, style),
    )?;
    Ok(if report.holds() { Exit::Done } else { Exit::Found })
}

/// The playbook of a folder.
pub(crate) fn load(folder: &Path, context: &Context) -> Result<Playbook, Failure> {
    let shown = folder.display().to_string();
    if !folder.join("playbook.yaml").is_file() {
        return Err(Failure::new(Exit::Usage, format!("there is no playbook in {shown}"))
            .hint("name its folder with --playbook; it is the one with playbook.yaml in it"));
    }
    Playbook::load(folder).map_err(|problems| {
        let problems = render(problems.all(), &shown, &context.output.style);
        Failure::new(Exit::Found, format!("the playbook is not sound\n{problems}"))
            .hint(format!("belay check {shown}"))
    })
}

/// A contract by its id, or by its name if it has one version.
pub(crate) fn find<'a>(playbook: &'a Playbook, wanted: &str) -> Result<&'a Contract, Failure> {
    if let Some(found) = wanted.parse::<ContractId>().ok().and_then(|id| playbook.contract(&id)) {
        return Ok(found);
    }
    let versions: Vec<&Contract> =
        playbook.contracts().filter(|contract| contract.name() == wanted).collect();
    match versions.as_slice() {
        [one] => Ok(one),
        [] => {
            let known: Vec<&str> = playbook.contracts().map(|one| one.id().as_str()).collect();
            Err(Failure::new(Exit::NotFound, format!("there is no contract {wanted}"))
                .hint(format!("the playbook has {}", known.join(", "))))
        }
        several => {
            let known: Vec<&str> = several.iter().map(|one| one.id().as_str()).collect();
            Err(Failure::new(Exit::Usage, format!("{wanted} has several versions"))
                .hint(format!("say which: {}", known.join(", "))))
        }
    }
}

/// What it is tried with, and what the systems answer if they are not live.
fn recording(args: &TestArgs, contract: &Contract) -> Result<Recording, Failure> {
    let beside = args.playbook.join("recorded").join(format!("{}.yaml", contract.name()));
    let file = match (&args.recorded, args.live, &args.input) {
        (Some(file), _, _) => Some(file.clone()),
        (None, false, _) => Some(beside),
        (None, true, None) => Some(beside),
        (None, true, Some(_)) => beside.is_file().then_some(beside),
    };
    let recorded = file.map(|file| read(&file)).transpose()?;
    let given = args.input.as_deref().map(text).transpose()?;
    match (recorded, given) {
        (Some(recorded), None) => Ok(recorded),
        (recorded, Some((file, text))) => given_as(&file, &text, recorded),
        (None, None) => Err(Failure::new(Exit::Usage, "there is nothing to try it with")
            .hint("give --input FILE or --recorded FILE")),
    }
}

/// All of a recording in a file, or only the input, and then the rest of what is recorded.
fn given_as(file: &str, text: &str, recorded: Option<Recording>) -> Result<Recording, Failure> {
    let whole = Recording::parse(file, text);
    let Err(problem) = &whole else {
        let mut given = whole.map_err(|problem| unreadable(file, &problem.what))?;
        if let Some(recorded) = recorded.filter(|_| given.exchanges.is_empty()) {
            given.exchanges = recorded.exchanges;
        }
        return Ok(given);
    };
    let input =
        belay_playbook::read_object(file, text).map_err(|wrong| unreadable(file, &wrong.what))?;
    match recorded {
        Some(recorded) if !input.contains_key("input") => Ok(Recording { input, ..recorded }),
        _ => Err(unreadable(file, &problem.what).hint(problem.remedy.clone())),
    }
}

fn read(file: &Path) -> Result<Recording, Failure> {
    let (name, text) = text(file)?;
    Recording::parse(&name, &text)
        .map_err(|problem| unreadable(&name, &problem.what).hint(problem.remedy))
}

fn text(file: &Path) -> Result<(String, String), Failure> {
    let name = file.display().to_string();
    match fs::read_to_string(file) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(Failure::new(Exit::NotFound, format!("{name} cannot be read: {error}"))
            .hint(
            "write a recording there (docs/graduation.md shows one), or name another with --recorded FILE, or use --live",
        )),
    }
}

fn unreadable(file: &str, what: &str) -> Failure {
    Failure::new(Exit::Usage, format!("{file}: {what}"))
}
