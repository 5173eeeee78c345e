//! Fifty-eight customers of a real shop, played through Belay: every right write goes through, every wrong one is stopped.
//!
//! The data is tau-bench's retail domain: a shop's records, a written policy, and tasks with the exact writes that settle
//! each. The policy stands in `playbooks/retail` as contracts. Here the shop is a service that checks nothing, the writes
//! belong to three specialists that hand the cases to each other, and for every right write each rule of the policy is
//! broken in turn. Whatever gets past Belay would be seen in the shop's ledger.

mod figures;
mod people;
mod play;
mod records;
mod reference;
mod report;
mod rule;
mod script;
mod shop;
mod specialist;
mod stage;
mod task;
mod terms;
mod variants;

use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use crate::commands::Context;
use crate::exit::{Exit, Failure};
use records::Records;
use specialist::Book;
use stage::Stage;

/// Plays everything that is in `folder`, and shows the figures.
pub(crate) async fn run(folder: &Path, context: &Context) -> Result<Exit, Failure> {
    let records = Records::load(folder)?;
    let tasks = task::load(folder, &records)?;
    let scripts = script::all(&tasks, &records);
    let progress = progress(scripts.len(), context);
    let book = Arc::new(Book::new(scripts));
    let mut stage = Stage::set(&book).await?;
    let played = tokio::select! {
        played = play::play(&book, &mut stage, &progress) => played,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    };
    progress.finish_and_clear();
    let good = played.as_ref().is_ok_and(figures::Figures::is_good);
    if !good {
        let kept = stage.folder().display();
        context.output.note(format_args!("journal and logs are kept in {kept}"));
    }
    let cleared = stage.clear(!good).await;
    let figures = played?;
    cleared?;
    context.output.value(|| figures.json(), |style| report::render(&figures, style))?;
    Ok(if good { Exit::Done } else { Exit::Failed })
}

fn progress(cases: usize, context: &Context) -> ProgressBar {
    if context.output.is_json() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(cases).unwrap_or(u64::MAX));
    match ProgressStyle::with_template("{bar:30.cyan/dim} {pos} of {len} cases  {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests;
