//! `belay escalation`: whose attention is asked for, and asking for it.

use clap::{Args, Subcommand};

use belay_api::v1;

use super::{Context, PageArgs, RequestArgs, SeverityArg};
use crate::exit::{Exit, Failure};
use crate::output::table::{Cell, Table};
use crate::output::{Style, Tone, clean, time, words};
use crate::pages;

/// Escalations: whom Belay asks, and how far each has come.
#[derive(Debug, Subcommand)]
pub(crate) enum EscalationCommand {
    /// Those under way
    List(ListArgs),
    /// Ask that people take a case; whoever holds it keeps it until somebody has
    Open(OpenArgs),
}

/// Which escalations.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only of this case
    #[arg(long, default_value = "", value_name = "CASE")]
    case: String,
    /// Also those that are over
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    page: PageArgs,
}

/// Asks for people.
#[derive(Args, Debug)]
pub(crate) struct OpenArgs {
    /// The case
    case: String,
    /// Why, for the person who is asked
    #[arg(long)]
    reason: String,
    /// How urgent; by default as urgent as the case
    #[arg(long)]
    severity: Option<SeverityArg>,
    #[command(flatten)]
    request: RequestArgs,
}

/// Runs the command.
pub(crate) async fn run(command: EscalationCommand, context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    match command {
        EscalationCommand::List(args) => {
            let states: Vec<i32> = if args.all { (1..=7).collect() } else { Vec::new() };
            let (escalations, _) = pages!(
                args.page.limit,
                |page_size, page_token| connection.escalations().list_escalations(connection.call(
                    v1::ListEscalationsRequest {
                        tenant: context.connection.tenant(),
                        case_id: args.case.clone(),
                        states: states.clone(),
                        page_size,
                        page_token,
                    }
                )),
                escalations
            );
            context.output.list(&escalations, |style| table(&escalations, style))?;
        }
        EscalationCommand::Open(args) => {
            let request = v1::OpenEscalationRequest {
                request_id: args.request.id(),
                case_id: args.case,
                reason: args.reason,
                severity: args.severity.map_or(v1::Severity::Unspecified, Into::into).into(),
            };
            let answer = connection.escalations().open_escalation(connection.call(request)).await?;
            let escalation = answer.into_inner().escalation.unwrap_or_default();
            context.output.one(&escalation, |style| {
                let id = style.paint(Tone::Name, &clean(&escalation.id));
                format!("{id} {}\n", words::escalation(escalation.state).paint(style))
            })?;
        }
    }
    Ok(Exit::Done)
}

fn table(escalations: &[v1::Escalation], style: &Style) -> String {
    let mut table = Table::new([
        "ESCALATION",
        "STATE",
        "TO",
        "BECAUSE",
        "STEP",
        "QUEUE",
        "TICKET",
        "EVIDENCE",
        "BY",
        "NEXT",
    ]);
    for escalation in escalations {
        let step = escalation.step.clone().unwrap_or_default();
        let by = escalation.acknowledgement.as_ref().map_or(&escalation.resolved_by, |a| &a.person);
        let next = time::moment(escalation.until.as_ref());
        table.row([
            Cell::id(&escalation.id),
            words::escalation(escalation.state).cell(),
            Cell::from(words::purpose(escalation.purpose)),
            Cell::from(words::cause(escalation.cause)),
            Cell::from(format!("{}/{} round {}", step.number, escalation.steps, step.round)),
            Cell::from(format!("{}/{}", step.system, step.queue)),
            Cell::from(&escalation.ticket_id),
            Cell::from(escalation.evidence.as_ref().map_or("", |e| words::level(e.level))),
            Cell::from(by),
            Cell::from(next.map(|at| time::relative(at, style.now)).unwrap_or_default()),
        ]);
    }
    table.render(style, "nobody is being asked")
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::output::Style;
    use belay_api::v1;
    use jiff::Timestamp;

    #[test]
    fn an_escalation_shows_its_step_and_its_evidence() {
        let escalation = v1::Escalation {
            id: "c-1/e1".into(),
            purpose: v1::EscalationPurpose::Takeover.into(),
            cause: v1::EscalationCause::NoAgent.into(),
            state: v1::EscalationState::Routed.into(),
            steps: 3,
            step: Some(v1::EscalationStep {
                round: 1,
                number: 2,
                system: "desk".into(),
                queue: "billing".into(),
                ..Default::default()
            }),
            ticket_id: "d-9".into(),
            evidence: Some(v1::Evidence {
                level: v1::EvidenceLevel::E3Reachable.into(),
                ..Default::default()
            }),
            until: Some(prost_types::Timestamp { seconds: 3, nanos: 0 }),
            ..Default::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            table(&[escalation], &style).lines().nth(1),
            Some(
                "c-1/e1      routed  take the case  no agent took it  2/3 round 1  desk/billing  d-9     E3 reachable      in 3.0 s"
            )
        );
    }
}
