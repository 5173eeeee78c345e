//! `belay bench`: how fast and how big, measured on this machine.
//!
//! A supervisor runs in a process of its own, agents speak with it over the real wire, and in the same run a bare echo and
//! a bare durable append show how much of what the machine can do is reached.

mod action;
mod append;
mod echo;
mod handoff;
mod line;
mod meter;
mod opening;
mod playbook;
mod records;
mod report;
mod stage;

use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::print;

pub(crate) use echo::{EchoArgs, serve as serve_echo};

use meter::Reading;
use report::Line;
use stage::Stage;

/// What is measured, and for how long.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// What to measure; by default everything that has a throughput
    #[arg(long = "scenario", value_name = "NAME", value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// How many of it at once
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    concurrency: Vec<usize>,
    /// For how long each is measured, after it has warmed up for a fifth of that
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    seconds: f64,
    /// Measure the supervisor at this address, which has to serve the playbook that --write-playbook writes
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Only write the playbook of the measurements into this folder, for a supervisor to be measured with --target
    #[arg(long, value_name = "DIR", conflicts_with = "target")]
    write_playbook: Option<PathBuf>,
    /// Where to keep journals and logs while it runs; by default a temporary folder. Choose the disk that you mean
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// A bare unary echo over the same mutual TLS: the ceiling of any gRPC service here
    Echo,
    /// Bare durable appends to SQLite: the ceiling of the journal
    Append,
    /// A case is offered to an agent, accepted with the digest of its context, and changes its owner
    Handoff,
    /// A write is proposed, decided, permitted, carried out, reported and verified by reading back
    Action,
}

/// What is measured when nothing is said, ceilings first.
const USUAL: [Scenario; 4] =
    [Scenario::Echo, Scenario::Append, Scenario::Handoff, Scenario::Action];

/// Runs the command.
pub(crate) async fn run(args: BenchArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(folder) = &args.write_playbook {
        playbook::write(folder, &format!("http://{}", stage::RECORDS_DEFAULT), 0)?;
        context.output.note(format_args!(
            "written; serve it with `belay serve --playbook {}`",
            folder.display()
        ));
        return Ok(Exit::Done);
    }
    check(&args)?;
    let mut stage =
        Stage::build(args.dir.as_deref(), args.target.as_deref(), &context.connection, 0)?;
    tokio::select! {
        ended = play(&args, &mut stage, context) => ended,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    }
}

fn check(args: &BenchArgs) -> Result<(), Failure> {
    if !(args.seconds.is_finite() && args.seconds > 0.0 && args.seconds <= 3600.0) {
        return Err(Failure::new(Exit::Usage, "--seconds has to be above 0 and at most 3600"));
    }
    if args.concurrency.iter().any(|at_once| !(1..=10_000).contains(at_once)) {
        return Err(Failure::new(Exit::Usage, "--concurrency has to be from 1 to 10000"));
    }
    if cfg!(debug_assertions) {
        say(
            "this is a debug build, many times slower than a release: cargo run --release -- bench",
        );
    }
    Ok(())
}

async fn play(args: &BenchArgs, stage: &mut Stage, context: &Context) -> Result<Exit, Failure> {
    let chosen = if args.scenarios.is_empty() { USUAL.to_vec() } else { args.scenarios.clone() };
    let quiet = context.output.is_json() && !stderr().is_terminal();
    let mut lines = Vec::new();
    for &at_once in &args.concurrency {
        for &scenario in &chosen {
            if !quiet {
                say(&format!("{}, {at_once} at once, for {} s", scenario.name(), args.seconds));
            }
            let (reading, rss) = cell(scenario, at_once, args, stage).await?;
            let line = Line::new(scenario.name(), at_once, &reading, rss);
            if context.output.is_json() {
                let object = serde_json::to_string(&line)
                    .map_err(|error| Failure::of("cannot write the answer", &error))?;
                print(&format!("{object}\n"))?;
            }
            lines.push(line);
        }
    }
    if !context.output.is_json() {
        print(&report::render(&lines, &context.output.style))?;
    }
    Ok(Exit::Done)
}

/// One measurement: with a server of its own, so that none inherits what others left.
async fn cell(
    scenario: Scenario,
    at_once: usize,
    args: &BenchArgs,
    stage: &mut Stage,
) -> Result<(Reading, Option<u64>), Failure> {
    let length = Duration::from_secs_f64(args.seconds);
    let warm_up = length / 5;
    match scenario {
        Scenario::Append => {
            let reading = append::measure(stage.folder(), at_once, warm_up, length).await?;
            Ok((reading, None))
        }
        Scenario::Echo => {
            let server = stage.echo().await?;
            let reading = echo::measure(&server, at_once, warm_up, length).await;
            let rss = server.rss();
            server.end().await;
            Ok((reading?, rss))
        }
        Scenario::Handoff => {
            let server = stage.serve().await?;
            let reading = handoff::measure(stage, &server, at_once, warm_up, length).await;
            let rss = server.rss();
            server.end().await;
            Ok((reading?, rss))
        }
        Scenario::Action => {
            let server = stage.serve().await?;
            let reading = action::measure(stage, &server, at_once, warm_up, length).await;
            let rss = server.rss();
            server.end().await;
            Ok((reading?, rss))
        }
    }
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Append => "append",
            Self::Handoff => "handoff",
            Self::Action => "action",
        }
    }
}

/// How it goes, for whoever waits. Whoever closed their standard error does not want to hear it.
fn say(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}
