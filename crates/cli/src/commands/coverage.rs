//! `belay coverage`: whether somebody has each case.

use clap::{Args, Subcommand};

use belay_api::v1;

use super::{Context, PageArgs, why};
use crate::exit::{Exit, Failure};
use crate::output::table::{Cell, Sheet, Table};
use crate::output::{Style, Tone, clean, time, words};
use crate::pages;

/// Which coverage.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct CoverageArgs {
    /// The case; without it, how many cases are covered, pending and uncovered
    case: Option<String>,
    #[command(subcommand)]
    which: Option<CoverageCommand>,
}

/// Which cases.
#[derive(Debug, Subcommand)]
enum CoverageCommand {
    /// The open cases that nobody has, longest first: the list that should be empty
    Uncovered(UncoveredArgs),
}

/// Which cases.
#[derive(Args, Debug)]
struct UncoveredArgs {
    /// Also those for which somebody is being asked
    #[arg(long)]
    pending: bool,
    #[command(flatten)]
    page: PageArgs,
}

/// How many cases are covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Somebody has them.
    pub(crate) covered: u64,
    /// Somebody is being asked.
    pub(crate) pending: u64,
    /// Nobody has them.
    pub(crate) uncovered: u64,
}

/// The most cases that are counted one by one; whoever has more watches the metric.
const COUNTED_MAX: u32 = 20_000;

/// Runs the command.
pub(crate) async fn run(args: CoverageArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(CoverageCommand::Uncovered(args)) = args.which {
        return uncovered(args, context).await;
    }
    let connection = context.connect().await?;
    let Some(case_id) = args.case else { return count(context).await };
    let request = connection.call(v1::GetCoverageRequest { case_id });
    let answer = connection.coverage().get_coverage(request).await?.into_inner();
    context.output.one(&answer, |style| {
        let mut sheet = Sheet::default();
        sheet
            .line("case", style.paint(Tone::Name, &clean(&answer.case_id)))
            .lines("coverage", why::coverage(answer.coverage.as_ref(), style));
        if let Some(next) = time::moment(answer.next_moment.as_ref()) {
            sheet.line("next moment", time::both(next, style.now));
        }
        if !answer.merged_case_id.is_empty() {
            let asked = clean(&answer.merged_case_id);
            sheet.line("asked for", format!("{asked}, which was merged into this one"));
        }
        let warned = |warning: &String| style.paint(Tone::Warn, &clean(warning));
        sheet.lines("but", answer.warnings.iter().map(warned).collect());
        sheet.render(style)
    })?;
    use v1::coverage::Coverage as C;
    Ok(match answer.coverage.and_then(|coverage| coverage.coverage) {
        Some(C::Uncovered(_)) => Exit::Found,
        _ => Exit::Done,
    })
}

async fn count(context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    let filter = v1::CaseFilter {
        tenant: context.connection.tenant(),
        states: vec![v1::CaseState::Open.into()],
        ..v1::CaseFilter::default()
    };
    let (cases, _) = pages!(
        COUNTED_MAX,
        |page_size, page_token| connection.cases().list_cases(connection.call(
            v1::ListCasesRequest {
                filter: Some(filter.clone()),
                order: v1::CaseOrder::OldestFirst.into(),
                page_size,
                page_token,
            }
        )),
        cases
    );
    let counts = Counts::of(&cases);
    context.output.value(
        || {
            serde_json::json!({
                "open": cases.len(),
                "covered": counts.covered,
                "pending": counts.pending,
                "uncovered": counts.uncovered,
            })
        },
        |style| counts.line(style) + "\n",
    )?;
    Ok(if counts.uncovered > 0 { Exit::Found } else { Exit::Done })
}

async fn uncovered(args: UncoveredArgs, context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    let (cases, _) = pages!(
        args.page.limit,
        |page_size, page_token| connection.coverage().list_uncovered(connection.call(
            v1::ListUncoveredRequest {
                tenant: context.connection.tenant(),
                include_pending: args.pending,
                page_size,
                page_token,
            }
        )),
        cases
    );
    context.output.list(&cases, |style| table(&cases, style))?;
    let alarm = cases.iter().any(|case| {
        let coverage = case.coverage.as_ref().and_then(|coverage| coverage.coverage.as_ref());
        matches!(coverage, Some(v1::coverage::Coverage::Uncovered(_)))
    });
    Ok(if alarm { Exit::Found } else { Exit::Done })
}

fn table(cases: &[v1::UncoveredCase], style: &Style) -> String {
    let mut table = Table::new(["CASE", "SEVERITY", "NEXT MOMENT", "SUBJECT", "COVERAGE"]);
    for case in cases {
        let plain = Style { colour: false, ..*style };
        let next = time::moment(case.next_moment.as_ref());
        table.row([
            Cell::id(&case.case_id),
            words::severity(case.severity).cell(),
            Cell::from(next.map(|at| time::relative(at, style.now)).unwrap_or_default()),
            Cell::from(&case.subject),
            Cell::from(why::coverage(case.coverage.as_ref(), &plain).join(", ")),
        ]);
    }
    table.render(style, "every open case is covered or somebody is being asked")
}

impl Counts {
    /// Counts open cases.
    pub(crate) fn of(cases: &[v1::CaseSummary]) -> Self {
        let mut counts = Self::default();
        for case in cases {
            match case.coverage() {
                v1::CoverageKind::Covered => counts.covered += 1,
                v1::CoverageKind::Pending => counts.pending += 1,
                v1::CoverageKind::Uncovered => counts.uncovered += 1,
                v1::CoverageKind::Closed
                | v1::CoverageKind::Merged
                | v1::CoverageKind::Unspecified => {}
            }
        }
        counts
    }

    /// `12 covered, 3 pending, 0 uncovered`.
    pub(crate) fn line(self, style: &Style) -> String {
        let tone = |count, tone| if count > 0 { tone } else { Tone::Dim };
        format!(
            "{}, {}, {}",
            style.paint(tone(self.covered, Tone::Good), &format!("{} covered", self.covered)),
            style.paint(tone(self.pending, Tone::Warn), &format!("{} pending", self.pending)),
            style.paint(tone(self.uncovered, Tone::Bad), &format!("{} uncovered", self.uncovered)),
        )
    }
}
