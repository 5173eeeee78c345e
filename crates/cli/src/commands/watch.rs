//! `belay case watch`: what happens, as it happens.

use clap::Args;
use tokio_stream::StreamExt;
use tonic::Request;

use belay_api::v1;

use super::Context;
use crate::exit::{Exit, Failure};
use crate::output::{Style, Tone, clean, time, words};

/// What is watched, and from when on.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// The case; without it, everything that happens to all cases
    case: Option<String>,
    /// Go on after this event of the case, or this position of the journal; 0 is the beginning
    #[arg(long, value_name = "N")]
    after: Option<u64>,
    /// End when everything that has happened so far was shown
    #[arg(long)]
    no_follow: bool,
    /// Of all cases: only of these kinds
    #[arg(long)]
    kind: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(args: WatchArgs, context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    match args.case {
        Some(case_id) => {
            let request =
                v1::WatchCaseRequest { case_id, after_sequence: args.after.unwrap_or_default() };
            let mut updates =
                connection.cases().watch_case(Request::new(request)).await?.into_inner();
            while let Some(answer) = updates.next().await {
                use v1::watch_case_response::Message as M;
                match answer?.message {
                    Some(M::Update(update)) => show(&update, false, context)?,
                    Some(M::CaughtUp(_)) if args.no_follow => break,
                    Some(M::CaughtUp(_)) | None => {}
                }
            }
        }
        None => {
            let filter = v1::CaseFilter {
                tenant: context.connection.tenant(),
                kinds: args.kind,
                ..v1::CaseFilter::default()
            };
            let after_position = args.after.or(args.no_follow.then_some(0));
            let request = v1::WatchCasesRequest { filter: Some(filter), after_position };
            let mut updates =
                connection.cases().watch_cases(Request::new(request)).await?.into_inner();
            while let Some(answer) = updates.next().await {
                use v1::watch_cases_response::Message as M;
                match answer?.message {
                    Some(M::Update(update)) => show(&update, true, context)?,
                    Some(M::CaughtUp(_)) if args.no_follow => break,
                    Some(M::CaughtUp(_)) | None => {}
                }
            }
        }
    }
    Ok(Exit::Done)
}

fn show(update: &v1::CaseUpdate, with_case: bool, context: &Context) -> Result<(), Failure> {
    context.output.one(update, |style| line(update, with_case, style))
}

/// `10:00:00Z  handoff_accepted  agent billing-1  ...`
pub(crate) fn line(update: &v1::CaseUpdate, with_case: bool, style: &Style) -> String {
    let at = time::moment(update.at.as_ref())
        .map(|at| time::absolute(at, style.now))
        .unwrap_or_default();
    let case = match with_case {
        true => format!("  {}", style.paint(Tone::Name, &clean(&update.case_id))),
        false => String::new(),
    };
    let by =
        update.by.as_ref().map(|by| format!(" ({})", words::actor(Some(by)))).unwrap_or_default();
    let event = format!("{:<24}", clean(&update.event));
    format!(
        "{}{case}  {}  {}{}",
        style.paint(Tone::Dim, &at),
        style.paint(tone(&update.event), &event),
        clean(&update.description),
        style.paint(Tone::Dim, &by),
    )
}

/// How an event is meant.
pub(crate) fn tone(event: &str) -> Tone {
    match event {
        "handoff_accepted"
        | "action_verified"
        | "escalation_acknowledged"
        | "plan_verified"
        | "coverage_lowered"
        | "action_compensated"
        | "case_resolved"
        | "escalation_resolved" => Tone::Good,
        "action_denied"
        | "action_diverged"
        | "action_failed"
        | "compensation_failed"
        | "escalation_exhausted"
        | "coverage_raised"
        | "plan_stuck" => Tone::Bad,
        "lease_expired"
        | "escalation_lapsed"
        | "step_failed"
        | "step_skipped"
        | "step_deferred"
        | "statement_refused"
        | "handoff_lapsed"
        | "action_unknown"
        | "action_unresolved"
        | "plan_undoing"
        | "compensation_started"
        | "approval_requested"
        | "escalation_opened" => Tone::Warn,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::output::Style;
    use belay_api::v1;
    use jiff::Timestamp;

    #[test]
    fn an_event_is_one_line() {
        let update = v1::CaseUpdate {
            case_id: "c-1".into(),
            at: Some(prost_types::Timestamp { seconds: 5, nanos: 0 }),
            by: Some(v1::Actor {
                kind: v1::ActorKind::Agent.into(),
                id: "billing-1".into(),
                ..Default::default()
            }),
            event: "handoff_accepted".into(),
            description: "billing-1 took it\n".into(),
            ..Default::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            line(&update, true, &style),
            "00:00:05Z  c-1  handoff_accepted          billing-1 took it  (agent billing-1)"
        );
    }
}
