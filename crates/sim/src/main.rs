//! Runs many seeds, in a few processes, and says what they showed.
//!
//! `belay-sim --seeds 1000` runs them; `belay-sim --seed 7 --story` tells one. With `--catalogue` the worlds have
//! nothing in them but human queues, and a table shows what Belay and two careless clients made of each row.

mod known;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use belay_replay::Incidents;
use belay_sim::{RUNS_THAT_SHOW_ALL, Scene, Tally, incidents, run_in, table, untold};
use clap::Parser;
use known::Known;

#[derive(Debug, Parser)]
#[command(about = "The supervisor in simulated time and a simulated world")]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run this one only.
    #[arg(long)]
    seed: Option<u64>,
    /// Only human queues and the ways in which they lie, beside two careless clients in the same worlds.
    #[arg(long)]
    catalogue: bool,
    /// Real incidents of a ServiceNow instance, beside a client that goes by the status; where they are is found
    /// beside this repository, or in BELAY_SERVICENOW_INCIDENTS.
    #[arg(long, conflicts_with_all = ["catalogue", "seed"])]
    incidents: bool,
    /// Only the first so many incidents.
    #[arg(long, requires = "incidents")]
    first: Option<usize>,
    /// Tell what happened.
    #[arg(long, requires = "seed")]
    story: bool,
    /// In how many processes.
    #[arg(long, default_value_t = 2)]
    processes: u64,
    /// Write what every run showed, for the process that started this one.
    #[arg(long, hide = true)]
    report: bool,
    /// Only every such seed, from the first on.
    #[arg(long, hide = true, default_value_t = 1)]
    step: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Ok(filter) = std::env::var("RUST_LOG") {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .without_time()
            .with_writer(std::io::stderr)
            .init();
    }
    if args.incidents {
        return real_incidents(args.first);
    }
    match args.seed {
        Some(seed) => one(args.scene(), seed, args.story),
        None if args.report => report(&args),
        None => many(&args),
    }
}

/// Runs one seed and says all about it.
fn one(scene: Scene, seed: u64, story: bool) -> ExitCode {
    let ended = run_in(scene, seed, story);
    for line in &ended.story {
        println!("{line}");
    }
    println!("\nseed {seed}, digest {}\n{}", ended.digest, ended.tally);
    for wrong in &ended.wrongs {
        println!("BROKEN  {wrong}");
    }
    if ended.wrongs.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays real incidents, and says what Belay and a careless client made of them.
fn real_incidents(first: Option<usize>) -> ExitCode {
    let Some(path) = Incidents::find() else { return ExitCode::FAILURE };
    let played = Incidents::load(&path).map_err(|error| error.to_string()).and_then(|mut all| {
        all.incidents.truncate(first.unwrap_or(usize::MAX));
        incidents::play(&all)
    });
    match played {
        Ok(account) => {
            println!("{account}");
            if account.belay_false.is_zero() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs seeds for another process.
fn report(args: &Args) -> ExitCode {
    let mut seed = args.from;
    while seed < args.from + args.seeds {
        let ended = run_in(args.scene(), seed, false);
        let mut told = format!("= {seed} {}\n", ended.digest);
        for wrong in &ended.wrongs {
            told.push_str(&format!("! {}\n", wrong.replace('\n', " ")));
        }
        for line in ended.tally.written().lines() {
            told.push_str(&format!("# {line}\n"));
        }
        if std::io::stdout().write_all(told.as_bytes()).is_err() {
            return ExitCode::FAILURE;
        }
        seed += args.step;
    }
    ExitCode::SUCCESS
}

impl Args {
    fn scene(&self) -> Scene {
        if self.catalogue { Scene::Catalogue } else { Scene::Everything }
    }
}

/// What a batch showed.
#[derive(Default)]
struct Batch {
    scene: Scene,
    runs: u64,
    tally: Tally,
    failed: Vec<(u64, Vec<String>)>,
}

/// Runs many seeds in several processes.
fn many(args: &Args) -> ExitCode {
    let begun = Instant::now();
    let processes = args.processes.clamp(1, args.seeds.max(1));
    let Ok(program) = std::env::current_exe() else {
        eprintln!("error: cannot find this program again");
        return ExitCode::FAILURE;
    };
    let children: Vec<_> = (0..processes)
        .map(|index| {
            let seeds = args.seeds - index;
            Command::new(&program)
                .args(args.catalogue.then_some("--catalogue"))
                .args(["--report", "--from", &(args.from + index).to_string()])
                .args(["--seeds", &seeds.to_string(), "--step", &processes.to_string()])
                .stdout(Stdio::piped())
                .spawn()
        })
        .collect();
    let mut batch = Batch { scene: args.scene(), ..Batch::default() };
    let mut broken = false;
    std::thread::scope(|scope| {
        let (lines, heard) = std::sync::mpsc::channel();
        for child in children {
            let lines = lines.clone();
            scope.spawn(move || match child {
                Ok(mut child) => {
                    let output = child.stdout.take();
                    let mut seed = 0;
                    for line in output.into_iter().flat_map(|out| BufReader::new(out).lines()) {
                        let Ok(line) = line else { break };
                        if let Some(of) = line.strip_prefix("= ") {
                            let number = of.split(' ').next().and_then(|seed| seed.parse().ok());
                            seed = number.unwrap_or(seed);
                        }
                        let _ = lines.send((seed, line));
                    }
                    if !child.wait().is_ok_and(|status| status.success()) {
                        let _ = lines.send((seed, "? the process ended early".to_owned()));
                    }
                }
                Err(error) => drop(lines.send((0, format!("? {error}")))),
            });
        }
        drop(lines);
        for (seed, line) in heard {
            broken |= batch.hear(seed, &line, args, begun);
        }
    });
    batch.try_again(&program);
    batch.say(args, begun);
    let missing = batch.missing();
    if batch.runs >= RUNS_THAT_SHOW_ALL && !missing.is_empty() {
        println!("vacuous: in so many runs none of these happened: {}", missing.join(", "));
        broken = true;
    }
    if batch.unknown().next().is_none() && !broken { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Batch {
    /// Takes one line of a child. True if it is about the child itself.
    fn hear(&mut self, seed: u64, line: &str, args: &Args, begun: Instant) -> bool {
        match line.split_once(' ') {
            Some(("=", _)) => {
                self.runs += 1;
                if self.runs.is_multiple_of(100) {
                    let seconds = begun.elapsed().as_secs_f64();
                    eprintln!("{} of {} seeds, {seconds:.0} s", self.runs, args.seeds);
                }
            }
            Some(("!", wrong)) => {
                match self.failed.iter_mut().find(|(failed, _)| *failed == seed) {
                    Some((_, wrongs)) => wrongs.push(wrong.to_owned()),
                    None => {
                        println!("seed {seed}: {wrong}\n  {}", again_by(self.scene, seed));
                        self.failed.push((seed, vec![wrong.to_owned()]));
                    }
                }
            }
            Some(("#", counted)) => self.tally.join(&Tally::read(counted)),
            Some(("?", what)) => {
                println!("after seed {seed}: {what}");
                return true;
            }
            _ => {}
        }
        false
    }

    /// Runs anew what failed in a way that is not known. A run that then holds went another way than the first time,
    /// which its seed should not allow: that is said, and it does not count as broken.
    fn try_again(&mut self, program: &Path) {
        let scene = self.scene;
        self.failed.retain(|(seed, wrongs)| {
            let catalogue = (scene == Scene::Catalogue).then_some("--catalogue");
            let again = || {
                Command::new(program).args(catalogue).args(["--seed", &seed.to_string()]).output()
            };
            let holds = !is_known(scene, *seed, wrongs)
                && again().is_ok_and(|output| output.status.success());
            if holds {
                println!(
                    "seed {seed}: NOT REPRODUCED: it failed once and then held; {}",
                    again_by(scene, *seed)
                );
            }
            !holds
        });
    }

    /// Those that failed, but for what is known.
    fn unknown(&self) -> impl Iterator<Item = &(u64, Vec<String>)> {
        self.failed.iter().filter(|(seed, wrongs)| !is_known(self.scene, *seed, wrongs))
    }

    /// What should have happened in so many runs and did not.
    fn missing(&self) -> Vec<String> {
        match self.scene {
            Scene::Everything => self.tally.missing(),
            Scene::Catalogue => untold(&self.tally),
        }
    }

    fn covers(args: &Args, seed: u64) -> bool {
        (args.from..args.from + args.seeds).contains(&seed)
    }

    fn say(&self, args: &Args, begun: Instant) {
        let seconds = begun.elapsed().as_secs_f64();
        println!("\n{}", self.tally);
        let known = self.failed.len() - self.unknown().count();
        println!(
            "{} seeds from {} in {seconds:.1} s: {} failed, {known} of them in ways that are known; false coverage {}, effects lost {}, doubled {}",
            self.runs,
            args.from,
            self.failed.len(),
            self.tally.of("coverage: FALSE"),
            self.tally.of("effects: LOST"),
            self.tally.of("effects: DOUBLED"),
        );
        if self.scene == Scene::Catalogue {
            println!("\n{}", table(&self.tally));
            return self.say_broken();
        }
        for known in Known::all().filter(|known| Self::covers(args, known.seed)) {
            if self.failed.iter().all(|(seed, _)| *seed != known.seed) {
                println!("seed {} holds now: strike it from known.txt", known.seed);
            }
        }
        self.say_broken();
    }

    fn say_broken(&self) {
        for (seed, wrongs) in self.unknown() {
            let again = again_by(self.scene, *seed);
            println!("seed {seed}: {} broken promises; {again}", wrongs.len());
        }
    }
}

/// The command that repeats a run.
fn again_by(scene: Scene, seed: u64) -> String {
    let catalogue = if scene == Scene::Catalogue { "--catalogue " } else { "" };
    format!("cargo run -p belay-sim -- {catalogue}--seed {seed} --story")
}

/// Whether a run failed in a way that is known and said.
fn is_known(scene: Scene, seed: u64, wrongs: &[String]) -> bool {
    scene == Scene::Everything && Known::explains(seed, wrongs)
}
