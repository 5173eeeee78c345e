//! `belay why`: who holds a case, on what evidence, until when, what happens next, and what was decided lately; or why an
//! action was decided as it was.

mod action;

use std::path::PathBuf;

use clap::Args;

use belay_api::v1;

use super::Context;
use crate::exit::{Exit, Failure};
use crate::output::table::Sheet;
use crate::output::{Style, Tone, clean, time, words};

/// Which case, or which action of one.
#[derive(Args, Debug)]
pub(crate) struct WhyArgs {
    /// The case, or an action of it
    #[arg(value_name = "CASE|ACTION")]
    case: String,
    /// For an action that another playbook than the one in force has decided: the folder of that playbook
    #[arg(long, value_name = "DIR")]
    playbook: Option<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(args: WhyArgs, context: &Context) -> Result<Exit, Failure> {
    if action::is_action(&args.case) {
        return action::run(args.case, args.playbook.as_deref(), context).await;
    }
    if args.playbook.is_some() {
        return Err(Failure::new(Exit::Usage, "--playbook is for an action")
            .hint("name one, such as c-0123456789abcdef/a1; belay why CASE lists them"));
    }
    let connection = context.connect().await?;
    let request = connection.call(v1::ExplainCaseRequest { case_id: args.case });
    let answer = connection.cases().explain_case(request).await?.into_inner();
    context.output.one(&answer, |style| render(&answer, style))?;
    Ok(Exit::Done)
}

fn render(answer: &v1::ExplainCaseResponse, style: &Style) -> String {
    let case = answer.case.clone().unwrap_or_default();
    let mut sheet = Sheet::default();
    sheet
        .line("case", style.paint(Tone::Name, &clean(&case.id)))
        .line("subject", style.paint(Tone::Bold, &clean(&case.subject)))
        .text("in short", &answer.headline)
        .lines("coverage", coverage(answer.coverage.as_ref(), style))
        .lines("next", answer.next_moments.iter().map(|next| moment(next, style)).collect())
        .lines("owed", answer.owed.iter().map(|owed| effect(owed, style)).collect())
        .lines("decided", answer.decisions.iter().flat_map(|d| decision(d, style)).collect());
    sheet.render(style)
}

/// Who has it, how that is known, and until when it stands.
pub(crate) fn coverage(coverage: Option<&v1::Coverage>, style: &Style) -> Vec<String> {
    use v1::coverage::Coverage as C;
    let both = |at: &Option<prost_types::Timestamp>| {
        time::moment(at.as_ref()).map(|at| time::both(at, style.now)).unwrap_or_default()
    };
    match coverage.and_then(|coverage| coverage.coverage.as_ref()) {
        Some(C::CoveredByAgent(by)) => vec![
            format!("{} by agent {}", style.paint(Tone::Good, "covered"), clean(&by.agent_id)),
            format!("since {}, epoch {}", both(&by.since), by.epoch),
            format!("its lease ends {}", both(&by.valid_until)),
        ],
        Some(C::CoveredByPerson(by)) => {
            let mut lines = vec![
                format!("{} by {}", style.paint(Tone::Good, "covered"), clean(&by.person)),
                format!("stands until {}", both(&by.valid_until)),
            ];
            lines.extend(by.evidence.as_ref().map(|e| words::evidence(e, style)));
            lines
        }
        Some(C::Pending(pending)) => {
            let mut lines = vec![format!(
                "{}, not covered: {}",
                style.paint(Tone::Warn, "pending"),
                asking(pending)
            )];
            if let Some(v1::pending::Asking::Escalation(escalation)) = &pending.asking {
                lines.extend(escalation.evidence.as_ref().map(|e| words::seen(e, style)));
            }
            lines.push(format!("until {}", both(&pending.until)));
            lines
        }
        Some(C::Uncovered(none)) => vec![
            format!("{} since {}", style.paint(Tone::Bad, "UNCOVERED"), both(&none.since)),
            clean(&none.reason),
        ],
        Some(C::Closed(end)) => {
            vec![format!("resolved as {} {}", clean(&end.resolution_code), both(&end.at))]
        }
        Some(C::Merged(end)) => {
            vec![format!("merged into {} {}", clean(&end.into), both(&end.at))]
        }
        None => vec![style.paint(Tone::Warn, "unknown")],
    }
}

fn asking(pending: &v1::Pending) -> String {
    use v1::handoff_target::Target;
    use v1::pending::Asking;
    match &pending.asking {
        Some(Asking::Search(search)) => {
            match search.target.as_ref().and_then(|target| target.target.as_ref()) {
                Some(Target::Role(role)) => format!("looking for an agent for {}", clean(role)),
                Some(Target::AgentId(agent)) => format!("looking for {}", clean(agent)),
                None => "looking for an agent".to_owned(),
            }
        }
        Some(Asking::Offer(offer)) => format!("offered to {}", clean(&offer.agent_id)),
        Some(Asking::Escalation(asked)) => {
            format!("asking the people of {}/{}", clean(&asked.system), clean(&asked.queue))
        }
        None => "somebody is being asked".to_owned(),
    }
}

fn moment(next: &v1::NextMoment, style: &Style) -> String {
    let at = time::moment(next.at.as_ref()).map(|at| time::both(at, style.now)).unwrap_or_default();
    let then = if next.then.is_empty() { String::new() } else { format!("; then {}", next.then) };
    format!("{} {}", style.paint(Tone::Bold, &at), clean(&format!("{}{then}", next.what)))
}

fn effect(owed: &v1::OwedEffect, style: &Style) -> String {
    let due = time::moment(owed.due.as_ref())
        .map(|at| time::relative(at.max(style.now), style.now))
        .unwrap_or_default();
    format!("{}, due {due}", clean(&owed.what))
}

fn decision(decision: &v1::RecentDecision, style: &Style) -> Vec<String> {
    let at = time::moment(decision.at.as_ref())
        .map(|at| time::relative(at, style.now))
        .unwrap_or_default();
    let by = decision.by.as_ref().map(|by| format!(" ({})", words::actor(Some(by))));
    let mut lines = vec![format!(
        "{} {}{}",
        style.paint(Tone::Dim, &format!("{at}:")),
        clean(&decision.decision),
        style.paint(Tone::Dim, &by.unwrap_or_default()),
    )];
    lines.extend(
        decision.reasons.iter().map(|reason| format!("   {}", words::reason(reason, style))),
    );
    lines
}

#[cfg(test)]
mod tests;
