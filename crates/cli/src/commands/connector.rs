//! `belay connector`: whether a live system can be relied on, tried with a marked test ticket.

mod shown;

use std::path::PathBuf;
use std::time::Duration;

use belay_domain::{CaseId, QueueId, QueueRef, SystemId};
use belay_playbook::Playbook;
use belay_supervisor::connect_queue;
use belay_supervisor::verify::{Ask, Left, Report, Terms, Verification};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::Context;
use super::check::render;
use crate::exit::{Exit, Failure};
use crate::output::clean;

/// How often the test ticket is read.
const READ_EVERY: Duration = Duration::from_secs(2);

/// How long is spent on withdrawing test tickets after an interruption.
const CLEAN_WITHIN: Duration = Duration::from_secs(120);

/// Connectors.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorCommand {
    /// Put a marked test ticket into a queue of a live system, see which of the catalogue's lies the system tells and
    /// that none of them leads to cover, and withdraw the ticket; exit code 6 when a lie led to cover or a property
    /// does not hold
    Verify(VerifyArgs),
}

/// What is verified, and how.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The system, as the playbook calls it
    system: SystemId,
    /// The queue that gets the test ticket; tell its people
    #[arg(long, value_name = "QUEUE")]
    queue: QueueId,
    /// The playbook's folder, which says how the system is reached
    #[arg(long, value_name = "DIR")]
    playbook: PathBuf,
    /// How long to watch the untouched ticket for rules that acknowledge by themselves
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    watch: u64,
    /// Somebody stands by who takes the ticket by hand and gives it back, each within so many minutes
    #[arg(long, value_name = "MINUTES", num_args = 0..=1, default_missing_value = "5")]
    with_person: Option<u64>,
}

/// Runs the command.
pub(crate) async fn run(command: ConnectorCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        ConnectorCommand::Verify(args) => verify(args, context).await,
    }
}

async fn verify(args: VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let folder = args.playbook.display().to_string();
    let playbook = Playbook::load(&args.playbook).map_err(|problems| {
        let problems = render(problems.all(), &folder, &context.output.style);
        Failure::new(Exit::Found, format!("the playbook is not sound\n{problems}"))
            .hint(format!("belay check {folder}"))
    })?;
    if playbook.system(&args.system).is_none() {
        let known: Vec<&str> = playbook.systems().map(|system| system.id.as_str()).collect();
        let what = format!("there is no system {} in {folder}", args.system);
        let hint = format!("it describes {}", known.join(", "));
        return Err(Failure::new(Exit::NotFound, what).hint(hint));
    }
    let scratch = tempfile::tempdir()
        .map_err(|error| Failure::of("no room for a desk to look at", &error))?;
    let system = connect_queue(&playbook, &args.system, scratch.path())
        .map_err(|why| Failure::new(Exit::Unavailable, why))?;
    let terms = Terms {
        case: case_id()?,
        queue: QueueRef { system: args.system, queue: args.queue },
        began: Timestamp::now(),
        watch: Duration::from_secs(args.watch),
        every: READ_EVERY,
        person: args.with_person.map(|minutes| Duration::from_secs(minutes.saturating_mul(60))),
    };
    let queue = terms.queue.clone();
    context.output.note(format!("verifying {queue} with a marked test ticket of {}", terms.case));
    let verification = Verification::new(system.as_ref(), terms)
        .map_err(|error| Failure::of("the test ticket cannot be named", &error))?;
    let ask = |ask: &Ask| context.output.note(clean(&asked(ask)));
    let report = tokio::select! {
        report = verification.run(&ask) => report,
        _ = tokio::signal::ctrl_c() => return Err(interrupted(&verification, context).await),
    };
    context
        .output
        .value(|| shown::object(&queue, &report), |style| shown::render(&queue, &report, style))?;
    Ok(exit_of(&report))
}

fn exit_of(report: &Report) -> Exit {
    if report.holds() { Exit::Done } else { Exit::Found }
}

/// Withdraws whatever was created before the verification was broken off.
async fn interrupted(verification: &Verification<'_>, context: &Context) -> Failure {
    context.output.note("interrupted; the test ticket is withdrawn");
    let failure = |what: String| Failure::new(Exit::Interrupted, what);
    match tokio::time::timeout(CLEAN_WITHIN, verification.clean_up()).await {
        Err(_) => failure("interrupted, and a test ticket may be left".to_owned()),
        Ok(left) => match left.iter().find(|left| !left.clean) {
            Some(Left { ticket, state, .. }) => {
                failure(format!("interrupted, and the test ticket {ticket} is left: {state}"))
            }
            None => failure("interrupted; no test ticket is left".to_owned()),
        },
    }
}

/// What the person who stands by is told.
fn asked(ask: &Ask) -> String {
    match ask {
        Ask::Take { ticket, within } => {
            format!("take ticket {ticket} by hand now; {} s are left", within.as_secs())
        }
        Ask::GiveBack { ticket, by, within } => format!(
            "{by} is seen to have ticket {ticket}; give it back now; {} s are left",
            within.as_secs()
        ),
    }
}

/// A case that no other verification uses, so that no search finds another's ticket.
fn case_id() -> Result<CaseId, Failure> {
    format!("belay-verify-{}", uuid::Uuid::now_v7().simple())
        .parse()
        .map_err(|error| Failure::of("the test ticket cannot be named", &error))
}
