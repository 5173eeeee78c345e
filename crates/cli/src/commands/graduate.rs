//! `belay graduate`: whether contracts may write more, by what became of their actions: read from the journal, or told by
//! the supervisor that runs. It says which line of which file to change, and changes it only when told to; people decide.

mod edit;
mod running;
mod shown;

use std::fs;
use std::path::PathBuf;

use belay_domain::{ContractId, Mode, Timestamp};
use belay_playbook::{BoundCheck, Bounds, Contract, Figures, Playbook, next_mode, proof_in};
use belay_supervisor::{Config, ContractRecord, Demotion};
use clap::{Args, ValueEnum};

use super::Context;
use super::contract::{find, load};
use crate::connection::HOME;
use crate::exit::{Exit, Failure};
use edit::Edit;

/// Which contract, and what for.
#[derive(Args, Debug)]
pub(crate) struct GraduateArgs {
    /// The contract: billing.refund@1, or billing.refund when there is one version; all of them by default
    contract: Option<String>,
    /// What it should become; by default the next of shadow, canary, live
    #[arg(long, value_name = "MODE", requires = "contract")]
    to: Option<To>,
    /// In canary: the share of cases for which it writes
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    share: f64,
    /// The playbook's folder
    #[arg(long, value_name = "DIR", env = "BELAY_PLAYBOOK", default_value = ".")]
    playbook: PathBuf,
    /// The data directory of the supervisor, or a copy of its journal
    #[arg(long, value_name = "DIR", env = "BELAY_DATA", default_value = HOME)]
    data: PathBuf,
    /// Ask the supervisor that runs, for its playbook and what it has counted, instead of reading its journal. Needs an operator
    #[arg(long)]
    running: bool,
    /// Change the contract's file; `belay playbook reload` puts it in force
    #[arg(long, requires = "contract")]
    write: bool,
    /// Take a demotion back: the contract writes again as its file says
    #[arg(long, requires_all = ["contract", "reason"], conflicts_with = "to")]
    restore: bool,
    /// Why it may write again
    #[arg(long, value_name = "WHY", requires = "restore")]
    reason: Option<String>,
    /// Who says so
    #[arg(long, value_name = "PERSON", env = "USER", default_value = "unknown")]
    by: String,
}

/// What a contract can become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum To {
    /// It writes for a share of the cases.
    Canary,
    /// It writes.
    Live,
}

/// What is known about one contract, whoever told it.
#[derive(Debug)]
struct Found {
    id: ContractId,
    title: String,
    mode: Mode,
    bounds: Bounds,
    /// Whether its file names bounds, so that it is demoted by itself.
    bounded: bool,
    figures: Figures,
    /// The demotion that keeps it from writing.
    demotion: Option<Demotion>,
}

/// What follows for it.
#[derive(Debug)]
struct Standing {
    found: Found,
    /// What it would become; none where there is nothing after what it is.
    next: Option<Mode>,
    checks: Vec<BoundCheck>,
    /// Where its file would be changed.
    place: Option<(PathBuf, Vec<Edit>)>,
    written: bool,
}

/// Runs the command.
pub(crate) async fn run(args: &GraduateArgs, context: &Context) -> Result<Exit, Failure> {
    let (found, editable) = match args.running {
        true => running::ask(args, context).await?,
        false => (recorded(args, context)?, true),
    };
    let mut standings = Vec::new();
    for one in found {
        standings.push(standing(one, args, editable)?);
    }
    let mut holds = standings.iter().all(Standing::holds);
    if (args.restore || args.write) && !editable {
        return Err(running::elsewhere(args));
    }
    if args.restore {
        let [one] = standings.as_mut_slice() else { return Err(nothing_to_restore("a contract")) };
        take_back(one, args)?;
        holds = true;
    }
    for one in standings.iter_mut().filter(|_| args.write) {
        write(one, args, holds)?;
    }
    context.output.value(|| shown::object(&standings), |style| shown::render(&standings, style))?;
    Ok(if holds { Exit::Done } else { Exit::Found })
}

fn read(args: &GraduateArgs) -> Result<ContractRecord, Failure> {
    let journal = Config::journal_in(&args.data);
    let journal = if journal.is_dir() { journal } else { args.data.clone() };
    let mut record = ContractRecord::open(&journal).map_err(|error| {
        Failure::of(format!("no journal can be read in {}", args.data.display()), &error)
            .hint("name the directory that `belay serve` printed as its data, with --data DIR")
    })?;
    while record.read_on().map_err(|error| Failure::of("the journal cannot be read", &error))? {}
    Ok(record)
}

/// What the playbook on disk and the journal say.
fn recorded(args: &GraduateArgs, context: &Context) -> Result<Vec<Found>, Failure> {
    let playbook = load(&args.playbook, context)?;
    let wanted: Vec<&Contract> = match &args.contract {
        Some(name) => vec![find(&playbook, name)?],
        None => playbook.contracts().collect(),
    };
    let record = read(args)?;
    let now = Timestamp::now();
    let found = |contract: &Contract| {
        let bounds = contract.graduation().cloned().unwrap_or_default();
        let restored = bounds.restored.as_ref().map(|restored| restored.demotion.as_str());
        let demotion = record.demotion_of(contract.id());
        let demotion = demotion.filter(|demotion| restored != Some(demotion.case.as_str()));
        Found {
            id: contract.id().clone(),
            title: contract.title().to_owned(),
            mode: contract.mode(),
            figures: record.figures(contract.id(), bounds.window, now),
            bounded: contract.graduation().is_some(),
            bounds,
            demotion: demotion.cloned(),
        }
    };
    Ok(wanted.into_iter().map(found).collect())
}

fn standing(found: Found, args: &GraduateArgs, editable: bool) -> Result<Standing, Failure> {
    let Found { id, mode, bounds, figures, demotion, .. } = &found;
    let mode = *mode;
    let next = match (args.to, mode) {
        (None, _) => next_mode(mode),
        (Some(To::Canary), Mode::Shadow) => Some(Mode::Canary),
        (Some(To::Live), Mode::Canary) => Some(Mode::Live),
        (Some(To::Live), Mode::Shadow) => {
            let what = format!("{id} is in shadow and has never written");
            let hint = format!("take it to canary first: belay graduate {id} --to canary");
            return Err(Failure::new(Exit::Refused, what).hint(hint));
        }
        (Some(To::Canary), Mode::Canary) | (Some(To::Live), Mode::Live) => None,
        (Some(To::Canary), Mode::Live) => {
            let what = format!("{id} is live already");
            return Err(Failure::new(Exit::Refused, what)
                .hint("to have it write less, edit its mode; no figures are needed for that"));
        }
    };
    let checks = match next {
        Some(_) => bounds.graduate(figures, proof_in(mode)),
        None => bounds.left(figures),
    };
    let place = match next.filter(|_| demotion.is_none() && editable) {
        Some(next) => Some(change(args, id, |text| edit::set_mode(text, next, args.share))?),
        None => None,
    };
    Ok(Standing { found, next, checks, place, written: false })
}

fn take_back(one: &mut Standing, args: &GraduateArgs) -> Result<(), Failure> {
    let id = &one.found.id;
    let Some(demotion) = &one.found.demotion else { return Err(nothing_to_restore(id.as_str())) };
    let reason = args.reason.as_deref().unwrap_or_default().trim();
    if reason.is_empty() {
        return Err(Failure::new(Exit::Usage, "a restoration needs a reason")
            .hint("--reason says what was mended"));
    }
    let case = demotion.case.to_string();
    one.place = Some(change(args, id, |text| edit::restore(text, &case, &args.by, reason))?);
    Ok(())
}

fn nothing_to_restore(what: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("{what} was not demoted"))
        .hint("--data DIR names the journal in which demotions stand; the playbook says what writes otherwise")
}

/// Where the contract's file would be changed, and how.
fn change(
    args: &GraduateArgs,
    id: &ContractId,
    edits: impl FnOnce(&str) -> Result<Vec<Edit>, String>,
) -> Result<(PathBuf, Vec<Edit>), Failure> {
    let by_hand = |why: String| {
        Failure::new(Exit::Failed, format!("the file of {id} cannot be edited: {why}"))
            .hint("edit it by hand; docs/graduation.md shows what to write")
    };
    let (file, text) = edit::file_of(&args.playbook, id).map_err(by_hand)?;
    let edits = edits(&text).map_err(by_hand)?;
    Ok((file, edits))
}

/// Changes the file, unless a rule does not hold or the playbook would not be sound any more.
fn write(one: &mut Standing, args: &GraduateArgs, holds: bool) -> Result<(), Failure> {
    let Some((file, edits)) = one.place.as_ref().filter(|_| holds) else { return Ok(()) };
    let name = file.display();
    let failed = |error: std::io::Error| Failure::of(format!("{name} cannot be written"), &error);
    let before = fs::read_to_string(file).map_err(failed)?;
    fs::write(file, edit::apply(&before, edits)).map_err(failed)?;
    if let Err(problems) = Playbook::load(&args.playbook) {
        fs::write(file, &before).map_err(failed)?;
        let what = problems.all().first().map_or_else(String::new, |first| first.what.clone());
        let what =
            format!("{name} was left as it was, because the playbook would not be sound: {what}");
        return Err(Failure::new(Exit::Failed, what).hint("edit it by hand, and run belay check"));
    }
    one.written = true;
    Ok(())
}

impl Standing {
    /// Whether nothing speaks against it.
    fn holds(&self) -> bool {
        self.found.demotion.is_none() && self.checks.iter().all(|check| check.holds)
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("write a share between 0 and 1, such as 0.1".to_owned()),
    }
}
