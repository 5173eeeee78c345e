//! Explores the protocol around one case.
//!
//! `belay-model` goes through the large world, `belay-model --quick` through the small ones, `--config NAME`
//! through one, `--list` names them. It ends with 1 if a law is broken, or if something never happened that should.

use std::process::ExitCode;

use belay_model::{Explored, Setting, explore};

fn main() -> ExitCode {
    let mut settings: Vec<Setting> = Setting::named("everything").into_iter().collect();
    let mut threads = std::thread::available_parallelism().map_or(1, |number| number.get());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => settings = Setting::quick(),
            "--config" => match arguments.next().as_deref().and_then(Setting::named) {
                Some(setting) => settings = vec![setting],
                None => return usage("no such configuration; `--list` names them"),
            },
            "--bound" => {
                let bound = arguments.next().unwrap_or_default();
                let changed = settings.into_iter().map(|setting| setting.with(&bound)).collect();
                match changed {
                    Some(changed) => settings = changed,
                    None => return usage("`--bound` takes a bound and a number, as in hands=3"),
                }
            }
            "--threads" => match arguments.next().and_then(|number| number.parse().ok()) {
                Some(number) => threads = number,
                None => return usage("`--threads` takes a number"),
            },
            "--list" => {
                for setting in Setting::quick().into_iter().chain(Setting::full()) {
                    println!("{:20} {}", setting.name, setting.about);
                }
                return ExitCode::SUCCESS;
            }
            other => return usage(&format!("{other} is not known")),
        }
    }
    let mut unique = 0;
    for setting in settings {
        let explored = explore(setting, threads, true);
        unique += explored.unique;
        println!("{}", line(&explored));
        if std::env::var_os("BELAY_MODEL_SEEN").is_some() {
            println!("    {:?}", explored.seen);
        }
        if let Some(story) = &explored.broken {
            println!("a law is broken:\n{story}");
            return ExitCode::FAILURE;
        }
        if !explored.complete {
            println!("not every state was gone on from");
            return ExitCode::FAILURE;
        }
        if !explored.missing.is_empty() {
            println!("never happened: {}", explored.missing.join(", "));
            return ExitCode::FAILURE;
        }
    }
    println!("no law is broken in {unique} states");
    ExitCode::SUCCESS
}

fn line(explored: &Explored) -> String {
    format!(
        "{}: {} unique states of {} generated, depth {}, {} journals, {} laws, {:.1} s",
        explored.setting,
        explored.unique,
        explored.generated,
        explored.depth,
        explored.records,
        explored.laws,
        explored.took.as_secs_f64()
    )
}

fn usage(why: &str) -> ExitCode {
    eprintln!(
        "{why}\nusage: belay-model [--quick | --config NAME] [--bound NAME=N]... [--threads N] [--list]"
    );
    ExitCode::from(2)
}
