//! `belay playbook diff`: what one playbook allows and another does not, and actions that have drifted apart.

use std::path::{Path, PathBuf};

use belay_playbook::{Diff, Difference, Drift, Effect, Point, Team};
use clap::Args;

use crate::commands::Context;
use crate::commands::check;
use crate::exit::{Exit, Failure};
use crate::output::table::Sheet;
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
    /// Of two teams' playbooks: also every difference in what only one of them has
    #[arg(long)]
    all: bool,
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
        |style| render(&diff, args.all, style),
    )?;
    // What differs is no failure, and whoever asks in a script asks as they ask diff.
    Ok(if same { Exit::Done } else { Exit::Failed })
}

fn render(diff: &Diff, all: bool, style: &Style) -> String {
    if diff.is_same() {
        return "they mean the same\n".to_owned();
    }
    if diff.is_between_teams() {
        return teams(diff, all, style);
    }
    let mut text: String = diff.differences.iter().map(|one| difference(one, style)).collect();
    text.extend(diff.drifts.iter().map(|one| drift(one, (&diff.old, &diff.new), style)));
    text
}

/// Two teams: first what both do nearly alike, then what both have and say otherwise, then what only one has.
fn teams(diff: &Diff, all: bool, style: &Style) -> String {
    let names = (clean(&diff.old.name), clean(&diff.new.name));
    let mut text = format!("{} and {} are two teams' playbooks\n", names.0, names.1);
    let head = |text: &mut String, words: &str| {
        text.push_str(&format!("\n{}\n", style.paint(Tone::Bold, words)));
    };
    match diff.drifts.as_slice() {
        [] => head(&mut text, "no action of the one is nearly the same as one of the other"),
        drifts => {
            head(&mut text, "nearly the same actions, defined differently");
            text.extend(drifts.iter().map(|one| drift(one, (&diff.old, &diff.new), style)));
        }
    }
    let is_told = |one: &Difference| {
        let twins = diff.drifts.iter().filter(|drift| drift.old == drift.new);
        twins.into_iter().any(|drift| one.about == format!("contract {}", drift.old))
    };
    let is_name = |one: &&Difference| one.about == "playbook.yaml" && one.field == "/name";
    let (shared, others): (Vec<&Difference>, Vec<&Difference>) = diff
        .differences
        .iter()
        .filter(|one| !is_told(one) && !is_name(one))
        .partition(|one| diff.is_shared(one));
    if !shared.is_empty() {
        head(&mut text, &format!("both have it: {} -> {}", names.0, names.1));
        text.extend(shared.iter().map(|one| difference(one, style)));
    }
    for team in [&diff.old, &diff.new] {
        if !team.only.is_empty() {
            head(&mut text, &format!("only {}", clean(&team.name)));
            text.push_str(&only(team, style));
        }
    }
    if all && !others.is_empty() {
        head(&mut text, &format!("in what only one has: {} -> {}", names.0, names.1));
        text.extend(others.iter().map(|one| difference(one, style)));
    } else if !others.is_empty() {
        let what = format!("\n--all lists {} differences in what only one has\n", others.len());
        text.push_str(&style.paint(Tone::Dim, &what));
    }
    text
}

fn only(team: &Team, style: &Style) -> String {
    let mut sheet = Sheet::default();
    for (kind, names) in &team.only {
        sheet.text(kind, &names.join(", "));
    }
    sheet.render(style)
}

fn difference(one: &Difference, style: &Style) -> String {
    let effect = effect(one.effect, style);
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

fn drift(one: &Drift, teams: (&Team, &Team), style: &Style) -> String {
    let id = |id: &str| style.paint(Tone::Name, &clean(id));
    let pair = match (one.old == one.new, teams.0.name == teams.1.name) {
        (true, _) => id(&one.old),
        (false, true) => format!("{} and {}", id(&one.old), id(&one.new)),
        (false, false) => format!(
            "{} of {} and {} of {}",
            id(&one.old),
            clean(&teams.0.name),
            id(&one.new),
            clean(&teams.1.name)
        ),
    };
    let drift = style.paint(Tone::Warn, "drift    ");
    let mut text = format!("{drift} {pair}: {}", clean(&one.same.join(", ")));
    match one.differ.as_slice() {
        [] => text.push_str(", and nothing but the name differs\n"),
        points => {
            text.push_str(", but\n");
            text.extend(points.iter().map(|one| point(one, style)));
        }
    }
    text
}

fn point(one: &Point, style: &Style) -> String {
    let value = |value: &Option<String>| match value {
        Some(value) => shorten(&clean(value), VALUE_WIDTH),
        None => "nothing".to_owned(),
    };
    format!(
        "  {} {}: {} -> {}\n",
        effect(one.effect, style),
        clean(&one.point),
        value(&one.old),
        value(&one.new)
    )
}

fn effect(effect: Effect, style: &Style) -> String {
    let tone = match effect {
        Effect::Allowed | Effect::Looser => Tone::Warn,
        Effect::Forbidden | Effect::Stricter => Tone::Good,
        Effect::Added | Effect::Removed | Effect::Changed => Tone::Plain,
    };
    style.paint(tone, &format!("{:<9}", effect.as_str()))
}
