//! `belay playbook diff`: what one playbook allows and another does not, and actions that have drifted apart.

use std::path::{Path, PathBuf};

use belay_playbook::{Diff, Difference, Drift, Effect};
use clap::Args;

use crate::commands::Context;
use crate::commands::check;
use crate::exit::{Exit, Failure};
use crate::output::{Style, Tone, clean, shorten};

/// The widest a value is shown; the whole of it is in JSON.
const VALUE_WIDTH: usize = 100;

/// Which two.
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// The folder of the one: the version before, or the other team's
    old: PathBuf,
    /// The folder of the other
    new: PathBuf,
}

/// Runs the command. As `diff` does it: 0 when they are the same, 1 when not.
pub(crate) fn run(args: &DiffArgs, context: &Context) -> Result<Exit, Failure> {
    for folder in [&args.old, &args.new] {
        if !folder.is_dir() {
            let what = format!("{} is not a folder", folder.display());
            return Err(Failure::new(Exit::Usage, what).hint(
                "a playbook is a folder with a playbook.yaml in it; an older version is made with \
                 git worktree add DIR COMMIT",
            ));
        }
    }
    let diff = Diff::of_folders(&args.old, &args.new).map_err(|refused| {
        let folder: &Path = if refused.side == "old" { &args.old } else { &args.new };
        let folder = folder.display().to_string();
        let problems = refused.problems.all();
        context.output.note(check::render(problems, &folder, &context.output.style).trim_end());
        Failure::new(Exit::Usage, format!("{folder} is no sound playbook"))
            .hint("mend what belay check says about it; what does not load decides nothing")
    })?;
    let same = diff.is_same();
    context.output.value(
        || {
            let told = serde_json::json!({ "same": same });
            let mut object = serde_json::to_value(&diff).unwrap_or_default();
            if let (Some(object), Some(told)) = (object.as_object_mut(), told.as_object()) {
                object.extend(told.clone());
            }
            object
        },
        |style| render(&diff, style),
    )?;
    // What differs is no failure, and whoever asks in a script asks as they ask diff.
    Ok(if same { Exit::Done } else { Exit::Failed })
}

fn render(diff: &Diff, style: &Style) -> String {
    if diff.is_same() {
        return "they mean the same\n".to_owned();
    }
    let mut text: String = diff.differences.iter().map(|one| difference(one, style)).collect();
    text.extend(diff.drifts.iter().map(|one| drift(one, style)));
    text
}

fn difference(one: &Difference, style: &Style) -> String {
    let tone = match one.effect {
        Effect::Allowed | Effect::Looser => Tone::Warn,
        Effect::Forbidden | Effect::Stricter => Tone::Good,
        Effect::Added | Effect::Removed | Effect::Changed => Tone::Plain,
    };
    let effect = style.paint(tone, &format!("{:<9}", one.effect.as_str()));
    let about = style.paint(Tone::Name, &clean(&one.about));
    let field =
        if one.field.is_empty() { String::new() } else { format!(" {}", clean(&one.field)) };
    let value = |value: &String| shorten(&clean(value), VALUE_WIDTH);
    let values = match (&one.old, &one.new) {
        (Some(old), Some(new)) => format!(": {} -> {}", value(old), value(new)),
        (Some(old), None) => format!(": was {}", value(old)),
        (None, Some(new)) => format!(": {}", value(new)),
        (None, None) => String::new(),
    };
    format!("{effect} {about}{field}{values}\n")
}

fn drift(one: &Drift, style: &Style) -> String {
    let pair = format!("{} and {}", one.old, one.new);
    let differ = match one.differ.as_slice() {
        [] => "and nothing but the name differs".to_owned(),
        fields => format!("but differ in {}", fields.join(", ")),
    };
    format!(
        "{} {}: {}, {}\n",
        style.paint(Tone::Warn, "drift    "),
        style.paint(Tone::Name, &clean(&pair)),
        clean(&one.same.join(", ")),
        clean(&differ)
    )
}
