//! Runs one check without and with its bug. It has to hold without, and to fail by its own name with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use belay_planted::Bug;

use crate::table::{Finder, Target};

/// How long one check may take. A bug that makes it hang has not been found.
const WITHIN: Duration = Duration::from_secs(600);

/// Builds each program once and remembers which checks hold.
#[derive(Default)]
pub(crate) struct Checker {
    programs: BTreeMap<String, Result<PathBuf, String>>,
    sound: BTreeMap<String, Result<(), String>>,
}

/// What became of a check.
pub(crate) enum Finding {
    /// It holds without the bug and fails with it.
    Found,
    /// It does not fail, or for another reason.
    Missed { why: String },
    /// It cannot be run, or fails without the bug.
    Broken { why: String },
}

impl Finding {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Missed { .. } => "MISSED",
            Self::Broken { .. } => "BROKEN",
        }
    }
}

impl Checker {
    pub(crate) fn check(&mut self, bug: Bug, finder: &Finder) -> Finding {
        let program = match self.program(finder) {
            Ok(program) => program,
            Err(why) => return Finding::Broken { why },
        };
        let sound = self.sound.entry(finder.to_string()).or_insert_with(|| {
            let ran = run(&program, finder, "").map_err(|error| error.to_string())?;
            if ran.passed && ran.said.contains(&finder.held()) {
                Ok(())
            } else {
                Err(format!("it fails without any bug: {}", ran.last_words()))
            }
        });
        if let Err(why) = sound {
            return Finding::Broken { why: why.clone() };
        }
        match run(&program, finder, bug.name()) {
            Err(error) => Finding::Broken { why: error.to_string() },
            Ok(ran) if ran.passed => Finding::Missed { why: "it holds all the same".to_owned() },
            Ok(ran) if ran.said.contains(&finder.found()) => Finding::Found,
            Ok(ran) => Finding::Missed {
                why: format!("it does not say {:?}: {}", finder.found(), ran.last_words()),
            },
        }
    }

    fn program(&mut self, finder: &Finder) -> Result<PathBuf, String> {
        let arguments = building(finder);
        let build = || {
            eprintln!("building {}", arguments.join(" "));
            let built = Command::new(env!("CARGO"))
                .args(&arguments)
                .current_dir(root())
                .stderr(Stdio::inherit())
                .output()
                .map_err(|error| format!("cargo cannot be run: {error}"))?;
            let said = String::from_utf8_lossy(&built.stdout);
            // The program itself is the last one that cargo names.
            let named =
                said.rsplit("\"executable\":\"").next().and_then(|rest| rest.split('"').next());
            match named {
                Some(path) if built.status.success() && said.contains("\"executable\":\"") => {
                    Ok(PathBuf::from(path))
                }
                _ => Err("it cannot be built".to_owned()),
            }
        };
        self.programs.entry(arguments.join(" ")).or_insert_with(build).clone()
    }
}

/// How cargo builds the program of a check.
fn building(finder: &Finder) -> Vec<&'static str> {
    match finder {
        Finder::Test { package, target, .. } => {
            let mut arguments =
                vec!["test", "--no-run", "--message-format=json", "--package", package];
            arguments.extend(["--features", "belay-planted/switchable"]);
            match target {
                Target::Lib => arguments.push("--lib"),
                Target::Test(name) => arguments.extend(["--test", name]),
            }
            arguments
        }
        Finder::Program { package, profile, .. } => {
            vec![
                "build",
                "--profile",
                profile,
                "--message-format=json",
                "--features",
                "planted",
                "--package",
                package,
            ]
        }
    }
}

struct Ran {
    passed: bool,
    said: String,
}

impl Ran {
    fn last_words(&self) -> &str {
        self.said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing")
    }
}

fn run(program: &Path, finder: &Finder, planted: &str) -> io::Result<Ran> {
    let log = std::env::temp_dir().join(format!("belay-planted-{}.log", std::process::id()));
    let said = File::create(&log)?;
    let mut command = Command::new(program);
    match finder {
        Finder::Test { package, name, .. } => {
            let folder = package.trim_start_matches("belay-");
            command.current_dir(root().join("crates").join(folder)).args([name, "--exact"]);
            // A check that finds its bug need not look for the smallest example.
            command.env("PROPTEST_MAX_SHRINK_ITERS", "0");
        }
        Finder::Program { arguments, .. } => {
            command.current_dir(root()).args(*arguments);
        }
    }
    command.env("BELAY_PLANTED", planted).stdin(Stdio::null());
    command.stdout(said.try_clone()?).stderr(said);
    let mut child = command.spawn()?;
    let begun = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if begun.elapsed() > WITHIN => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let bytes = std::fs::read(&log)?;
    std::fs::remove_file(&log)?;
    let mut said = String::from_utf8_lossy(&bytes).into_owned();
    if status.is_none() {
        said.push_str("\nit did not end");
    }
    Ok(Ran { passed: status.is_some_and(|status| status.success()), said })
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
