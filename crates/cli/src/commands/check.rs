//! `belay check`: whether a playbook can be loaded, and everything that is wrong with it; with `--live` also whether
//! every human queue that it names can be relied on.

mod live;

use std::path::PathBuf;

use belay_playbook::{Playbook, Problem};
use clap::Args;
use serde_json::{Value, json};

use super::Context;
use crate::exit::{Exit, Failure};
use crate::output::{Style, Tone, clean, print};

/// Which playbook.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The playbook's folder
    folder: PathBuf,
    /// Also look at every human queue that an escalation names, in its live system: that it exists, is enabled, readable
    /// and staffed, its states are mapped, and our account may do what is needed and no more. Changes nothing there
    #[arg(long)]
    live: bool,
}

/// Runs the command.
pub(crate) async fn run(args: &CheckArgs, context: &Context) -> Result<Exit, Failure> {
    if !args.folder.is_dir() {
        let what = format!("{} is not a folder", args.folder.display());
        return Err(Failure::new(Exit::Usage, what)
            .hint("a playbook is a folder with a playbook.yaml in it; playbooks/ has examples"));
    }
    let folder = args.folder.display().to_string();
    match Playbook::load(&args.folder) {
        Ok(playbook) if args.live => live::run(&playbook, &folder, context).await,
        Ok(playbook) => {
            let version = playbook.version().to_string();
            context.output.value(
                || json!({ "sound": true, "name": playbook.name(), "version": version, "problems": [] }),
                |style| {
                    let sound = style.paint(Tone::Good, "sound");
                    format!("{sound}: {}, version {version}\n", clean(playbook.name()))
                },
            )?;
            Ok(Exit::Done)
        }
        Err(problems) => {
            let problems = problems.all();
            if context.output.is_json() {
                let all: Vec<Value> = problems.iter().map(object).collect();
                print(&format!("{}\n", json!({ "sound": false, "problems": all })))?;
            } else {
                print(&render(problems, &folder, &context.output.style))?;
            }
            Ok(Exit::Found)
        }
    }
}

/// The problems as compilers show theirs: a place to click on, what is wrong, and what to do.
pub(crate) fn render(problems: &[Problem], folder: &str, style: &Style) -> String {
    let mut text = String::new();
    for problem in problems {
        let place = match (problem.file.as_str(), problem.line) {
            ("", _) => folder.to_owned(),
            (file, 0) => format!("{}/{file}", folder.trim_end_matches('/')),
            (file, line) => {
                format!("{}/{file}:{line}:{}", folder.trim_end_matches('/'), problem.column)
            }
        };
        text.push_str(&style.paint(Tone::Name, &clean(&place)));
        text.push_str(&format!(": {}\n", clean(&problem.what)));
        if !problem.remedy.is_empty() {
            let remedy = format!("  {}\n", clean(&problem.remedy));
            text.push_str(&style.paint(Tone::Dim, &remedy));
        }
    }
    let count = problems.len();
    let s = if count == 1 { "" } else { "s" };
    text + &format!("{}\n", style.paint(Tone::Bad, &format!("{count} problem{s}")))
}

fn object(problem: &Problem) -> Value {
    json!({
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "what": problem.what,
        "remedy": problem.remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::output::Style;
    use belay_playbook::Problem;
    use jiff::Timestamp;

    #[test]
    fn a_problem_has_a_place_to_click_on_and_a_remedy() {
        let problem = Problem {
            file: "contracts/refund.yaml".into(),
            line: 7,
            column: 3,
            what: "there is no system biling".into(),
            remedy: "did you mean billing?".into(),
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            render(&[problem], "my-playbook/", &style),
            "\
my-playbook/contracts/refund.yaml:7:3: there is no system biling
  did you mean billing?
1 problem
"
        );
    }
}
