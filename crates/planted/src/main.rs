//! Switches on every planted bug in turn, and sees whether the checks that are said to find it do.
//!
//! `cargo run -p belay-planted` uses the tests of the crates; with `-- --all` also the model and the simulation,
//! which have to be built for that. `-- BUG…` takes only those bugs, `-- --table` prints the table of
//! `docs/planted-bugs.md`. It ends with 1 if a bug is missed, or if a check fails although no bug is planted.

mod check;
mod table;

use std::collections::BTreeMap;
use std::process::ExitCode;

use belay_planted::Bug;

use check::{Checker, Finding};
use table::{ROWS, Row};

fn main() -> ExitCode {
    let mut wanted: Vec<Bug> = Vec::new();
    let mut all = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--all" => all = true,
            "--table" => {
                print!("{}", table::rendered());
                return ExitCode::SUCCESS;
            }
            name => match Bug::ALL.into_iter().find(|bug| bug.name() == name) {
                Some(bug) => wanted.push(bug),
                None => {
                    eprintln!("{name} is no planted bug; `--table` lists them");
                    return ExitCode::from(2);
                }
            },
        }
    }
    let rows: Vec<&Row> =
        ROWS.iter().filter(|row| wanted.is_empty() || wanted.contains(&row.bug)).collect();
    let mut checker = Checker::default();
    let mut worst: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        for finder in row.finders.iter().filter(|finder| all || finder.is_test()) {
            let finding = checker.check(row.bug, finder);
            println!("{:9} {:25} {finder}", finding.word(), row.bug.name());
            if let Finding::Missed { why } | Finding::Broken { why } = &finding {
                println!("          {why}");
            }
            *worst.entry(finding.word()).or_default() += 1;
        }
    }
    let found = worst.remove("found").unwrap_or(0);
    println!("\n{found} checks found the {} planted bugs that they are for", rows.len());
    if worst.is_empty() {
        return ExitCode::SUCCESS;
    }
    let rest: Vec<String> = worst.iter().map(|(word, count)| format!("{count} {word}")).collect();
    println!("NOT ALL: {}", rest.join(", "));
    ExitCode::FAILURE
}
