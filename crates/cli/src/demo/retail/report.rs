//! The figures, as people like to read them.

use super::figures::{Figures, Tally};
use crate::output::table::{Cell, Table};
use crate::output::{Style, Tone};

/// The most findings that are shown; all of them are in the JSON.
const FINDINGS_MAX: usize = 20;

/// The whole report.
pub(crate) fn render(figures: &Figures, style: &Style) -> String {
    let mut out = String::from("\n");
    out.push_str(&rules(figures).render(style, "nothing was played"));
    out.push('\n');
    let wrong = figures.wrong();
    for (name, value, good) in [
        (
            "tasks",
            format!("{} in {} cases, {} resolved", figures.tasks, figures.cases, figures.resolved),
            figures.cases == figures.resolved,
        ),
        (
            "right writes",
            format!(
                "{} proposed, {} allowed, {} verified",
                figures.right, figures.allowed, figures.verified
            ),
            figures.right == figures.verified,
        ),
        (
            "wrong writes",
            format!(
                "{} proposed ({} of them listed in the data), {} stopped by the right rule, {} let through",
                wrong.generated, figures.listed_wrong, wrong.right, wrong.through
            ),
            wrong.generated == wrong.right,
        ),
        ("handoffs", format!("{} between specialists", figures.handoffs), true),
        (
            "escalations",
            format!("{} to people, {} settled by them", figures.escalated, figures.settled),
            figures.escalated == figures.settled,
        ),
        (
            "the shop",
            format!(
                "{} writes arrived, {} of them stray; {} of {} final records as in the reference",
                figures.written, figures.stray, figures.as_expected, figures.cases
            ),
            figures.stray == 0 && figures.as_expected == figures.cases,
        ),
        (
            "the journal",
            if figures.journal_intact { "whole" } else { "broken" }.to_owned(),
            figures.journal_intact,
        ),
        ("time", format!("{:.1} s", figures.seconds), true),
    ] {
        let tone = if good { Tone::Good } else { Tone::Bad };
        let mark = style.paint(tone, if good { "ok" } else { "NO" });
        out.push_str(&format!("{mark}  {name:<14}{value}\n"));
    }
    findings(figures, style, &mut out);
    out
}

fn rules(figures: &Figures) -> Table {
    let mut table = Table::new([
        "rule of the policy",
        "broken",
        "stopped by it",
        "by it alone",
        "by another",
        "let through",
    ]);
    for (rule, tally) in &figures.rules {
        let Tally { generated, right, alone, other, through, unplayed } = *tally;
        let number = |count: u32, bad: bool| {
            Cell::new(if bad && count > 0 { Tone::Bad } else { Tone::Plain }, count.to_string())
        };
        let tone = if right == generated { Tone::Good } else { Tone::Bad };
        table.row([
            Cell::from(rule.title()),
            number(generated, unplayed > 0),
            Cell::new(tone, right.to_string()),
            number(alone, false),
            number(other, true),
            number(through, true),
        ]);
    }
    table
}

fn findings(figures: &Figures, style: &Style, out: &mut String) {
    for finding in figures.findings.iter().take(FINDINGS_MAX) {
        let finding = crate::output::clean(finding);
        out.push_str(&format!("{}  {finding}\n", style.paint(Tone::Bad, "!!")));
    }
    if let Some(more) = figures.findings.len().checked_sub(FINDINGS_MAX).filter(|more| *more > 0) {
        out.push_str(&format!("    and {more} more; --output json has them all\n"));
    }
}
