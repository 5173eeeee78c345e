//! `belay bench`: how fast and how big, measured on this machine.
//!
//! A supervisor runs in a process of its own, agents speak with it over the real wire, and in the same run a bare echo and
//! a bare durable append show how much of what the machine can do is reached.

mod action;
mod append;
mod decision;
mod echo;
mod escalation;
mod handoff;
mod keeping;
mod line;
mod meter;
mod opening;
mod playbook;
mod records;
mod report;
mod size;
mod stage;
mod watching;

use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::commands::Context;
use crate::exit::{Exit, Failure};

pub(crate) use echo::{EchoArgs, serve as serve_echo};

use meter::Reading;
use playbook::Staff;
use report::{Line, Report};
use size::Found;
use stage::Stage;

/// How many leases are let end to see how soon that is noticed.
const NOTICED: usize = 500;

/// What is measured, and for how long.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// What to measure; by default all that has a throughput
    #[arg(long = "scenario", value_name = "NAME", value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// How many of it at once; not for decision, memory, cold-start and notice
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    concurrency: Vec<usize>,
    /// For how long each is measured, after it has warmed up for a fifth of that
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    seconds: f64,
    /// How many idle agents there are, for memory
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    agents: usize,
    /// How many cases are open, for cold-start
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    cases: usize,
    /// Measure the supervisor at this address, which has to serve the playbook that --write-playbook writes
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Only write the playbook of the measurements into this folder, for a supervisor to be measured with --target
    #[arg(long, value_name = "DIR", conflicts_with = "target")]
    write_playbook: Option<PathBuf>,
    /// Where to keep journals and logs; by default a temporary folder. It decides which disk is measured
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
    /// What deciding on a write costs the processor, beside one bare evaluation of the same fifty policies (cedar)
    Decision,
    /// A write is proposed, decided, permitted, carried out, reported and verified by reading back
    Action,
    /// A case is opened, its ticket placed and read back, and a person takes it
    Escalation,
    /// Streams of all changes while cases are passed on: what arrives at the watchers
    Watch,
    /// Idle agents, each with a certificate and a session: what the server holds in memory
    Memory,
    /// A start with many open cases: the first answer (p50) and everything due under way (p99)
    ColdStart,
    /// Leases that end: how soon the journal says so
    Notice,
}

/// What is measured when nothing is said, ceilings first.
const USUAL: [Scenario; 7] = [
    Scenario::Decision,
    Scenario::Echo,
    Scenario::Append,
    Scenario::Handoff,
    Scenario::Action,
    Scenario::Escalation,
    Scenario::Watch,
];

/// Runs the command.
pub(crate) async fn run(args: BenchArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(folder) = &args.write_playbook {
        playbook::write(folder, &format!("http://{}", stage::RECORDS_DEFAULT), args.staff())?;
        let folder = folder.display();
        context.output.note(format_args!(
            "written; serve it: belay serve --playbook {folder} --data DATA\n\
             then measure it: belay bench --target https://localhost:7443 --identity DATA/identity"
        ));
        return Ok(Exit::Done);
    }
    args.check()?;
    let (folder, target) = (args.dir.as_deref(), args.target.as_deref());
    let stage = Stage::build(folder, target, &context.connection, args.staff())?;
    let quiet = context.output.is_json() && !stderr().is_terminal();
    let mut bench = Bench { report: Report::new(context.output), quiet, stage, args };
    tokio::select! {
        ended = bench.run() => ended,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    }
}

impl BenchArgs {
    /// The agents that what is measured needs.
    fn staff(&self) -> Staff {
        let needed = |scenario, many| if self.scenarios.contains(&scenario) { many } else { 0 };
        Staff {
            idle: needed(Scenario::Memory, self.agents),
            kept: needed(Scenario::ColdStart, self.cases),
        }
    }

    fn check(&self) -> Result<(), Failure> {
        let usage = |what: &str| Err(Failure::new(Exit::Usage, what));
        if !(self.seconds.is_finite() && self.seconds > 0.0 && self.seconds <= 3600.0) {
            return usage("--seconds has to be above 0 and at most 3600");
        }
        if self.concurrency.iter().any(|at_once| !(1..=10_000).contains(at_once)) {
            return usage("--concurrency has to be from 1 to 10000");
        }
        if !(1..=12_000).contains(&self.agents) {
            return usage("--agents has to be from 1 to 12000");
        }
        if !(100..=1_000_000).contains(&self.cases) {
            return usage("--cases has to be from 100 to 1000000");
        }
        let at_home = [Scenario::ColdStart, Scenario::Notice];
        if self.target.is_some() && self.scenarios.iter().any(|chosen| at_home.contains(chosen)) {
            return usage("cold-start and notice need a server of their own: leave --target out");
        }
        if cfg!(debug_assertions) {
            say("this is a debug build, many times slower: cargo run --release -- bench");
        }
        Ok(())
    }
}

/// A run.
struct Bench {
    args: BenchArgs,
    stage: Stage,
    report: Report,
    quiet: bool,
}

impl Bench {
    async fn run(&mut self) -> Result<Exit, Failure> {
        let chosen = match self.args.scenarios.as_slice() {
            [] => USUAL.to_vec(),
            chosen => chosen.to_vec(),
        };
        for at_once in self.args.concurrency.clone() {
            for &scenario in chosen.iter().filter(|chosen| !chosen.is_of_size()) {
                self.say(&format!("{}, {at_once} at once", scenario.name()));
                let (reading, rss) = self.cell(scenario, at_once).await?;
                self.report.add(Line::new(scenario.name(), at_once, &reading, rss), "")?;
            }
        }
        if chosen.contains(&Scenario::Decision) {
            self.say(Scenario::Decision.name());
            self.decision().await?;
        }
        for &scenario in
            chosen.iter().filter(|chosen| chosen.is_of_size() && **chosen != Scenario::Decision)
        {
            self.say(scenario.name());
            self.size(scenario).await?;
        }
        self.report.end()?;
        Ok(Exit::Done)
    }

    /// One measurement of throughput: with a server of its own, so that none inherits what others left.
    async fn cell(
        &mut self,
        scenario: Scenario,
        at_once: usize,
    ) -> Result<(Reading, Option<u64>), Failure> {
        let length = Duration::from_secs_f64(self.args.seconds);
        let warm_up = length / 5;
        if scenario == Scenario::Append {
            let folder = self.stage.folder();
            return Ok((append::measure(folder, at_once, warm_up, length).await?, None));
        }
        let server = match scenario {
            Scenario::Echo => self.stage.echo().await?,
            _ => self.stage.serve().await?,
        };
        let stage = &self.stage;
        let reading = match scenario {
            Scenario::Echo => echo::measure(&server, at_once, warm_up, length).await,
            Scenario::Handoff => handoff::measure(stage, &server, at_once, warm_up, length).await,
            Scenario::Action => action::measure(stage, &server, at_once, warm_up, length).await,
            Scenario::Escalation => escalation::measure(&server, at_once, warm_up, length).await,
            _ => watching::measure(stage, &server, at_once, warm_up, length).await,
        };
        let rss = server.rss();
        server.end().await;
        Ok((reading?, rss))
    }

    /// What deciding costs, on one thread.
    async fn decision(&mut self) -> Result<(), Failure> {
        let length = Duration::from_secs_f64(self.args.seconds);
        let folder = self.stage.folder().join("playbook");
        let failed = |error| Failure::of("the measurement of decisions failed", &error);
        let cost =
            tokio::task::spawn_blocking(move || decision::measure(&folder, length / 5, length))
                .await
                .map_err(failed)??;
        let (half, most) = cost.ratios;
        let remark = format!(
            "decision: {half:.2} times a bare evaluation of its 50 policies at the median, {most:.2} times at p99"
        );
        let mut line = Line::new(Scenario::Decision.name(), 1, &cost.decision, None);
        line.of_cedar = Some((half * 100.0).round() / 100.0);
        self.report.add(line, &remark)?;
        self.report.add(Line::new("cedar", 1, &cost.bare, None), "")
    }

    /// One measurement of size.
    async fn size(&mut self, scenario: Scenario) -> Result<(), Failure> {
        if scenario == Scenario::ColdStart {
            let (quiet, count) = (self.quiet, self.args.cases);
            let progress = |text: &str| {
                if !quiet {
                    say(text)
                }
            };
            let (held, start) = size::cold_start(&mut self.stage, count, progress).await?;
            self.found("held", count, &held)?;
            return self.found("cold-start", count, &start);
        }
        let server = self.stage.serve().await?;
        let (count, found) = match scenario {
            Scenario::Memory => (self.args.agents, size::agents(&self.stage, &server).await),
            _ => (NOTICED, size::notice(&self.stage, &server, NOTICED).await),
        };
        server.end().await;
        self.found(scenario.name(), count, &found?)
    }

    fn found(&mut self, name: &'static str, count: usize, found: &Found) -> Result<(), Failure> {
        let line = Line::new(name, count, &found.reading, found.rss);
        self.report.add(line, &found.remark)
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Append => "append",
            Self::Decision => "decision",
            Self::Handoff => "handoff",
            Self::Action => "action",
            Self::Escalation => "escalation",
            Self::Watch => "watch",
            Self::Memory => "memory",
            Self::ColdStart => "cold-start",
            Self::Notice => "notice",
        }
    }

    /// Measured once, and not at several concurrencies.
    fn is_of_size(self) -> bool {
        matches!(self, Self::Decision | Self::Memory | Self::ColdStart | Self::Notice)
    }
}

/// How it goes, for whoever waits. Whoever closed their standard error does not want to hear it.
fn say(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}
