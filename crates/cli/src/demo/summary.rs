//! How the demonstration ended, in a screen, and what to look at next.

use std::path::Path;
use std::time::Duration;

use belay_domain::Span;

use super::stories::Story;
use super::verdict::Verdict;
use crate::output::table::Sheet;
use crate::output::{Style, Tone, time};

/// The most things of one sort that are listed.
const LISTED_MAX: usize = 8;

/// What was true, for people.
pub(crate) fn render(verdict: &Verdict, took: Duration, style: &Style) -> String {
    let v = verdict;
    let mut sheet = Sheet::default();
    let zero = |count: usize, what: &str| match count {
        0 => style.paint(Tone::Good, &format!("0 {what}")),
        count => style.paint(Tone::Bad, &format!("{count} {what}")),
    };
    sheet
        .line("cases", format!("{}, {} resolved, in {:.1} s", v.cases, v.resolved, took.as_secs_f64()))
        .line(
            "actions",
            format!("{} verified, {} denied, {} compensated", v.verified, v.denied, v.compensated),
        )
        .line("handoffs", v.handoffs.to_string())
        .line(
            "escalations",
            format!(
                "{} opened, {} acknowledged, {} lapsed, {} exhausted",
                v.opened, v.acknowledged, v.lapsed, v.exhausted
            ),
        )
        .line("acknowledged", waited(&v.waits))
        .line("approvals", v.approvals.to_string())
        .line(
            "coverage",
            format!(
                "{}: \"covered\" was said {} times, and held against {} events and the desk each time",
                zero(v.false_coverage.len(), "false"),
                v.claims,
                v.events
            ),
        )
        .line("lost", zero(v.lost.len(), "of what was answered with success"))
        .line("doubled", zero(v.doubled.len(), "of what the company really holds"));
    let mut text = format!(
        "\n{}\n",
        style.paint(Tone::Bold, "What was true, by the journal and by the company's own books")
    );
    text.push_str(&sheet.render(style));
    text + &wrong(verdict, style)
}

/// What was expected and is not so.
pub(crate) fn wrong(verdict: &Verdict, style: &Style) -> String {
    let untold: Vec<String> =
        verdict.untold.iter().map(|(story, why)| format!("{}: {why}", story.title())).collect();
    let mut text = String::new();
    for (what, found) in [
        ("stories that are not true", &untold),
        ("false coverage", &verdict.false_coverage),
        ("lost", &verdict.lost),
        ("doubled", &verdict.doubled),
        ("still open", &verdict.open),
    ] {
        if found.is_empty() {
            continue;
        }
        text.push_str(&format!("{}\n", style.paint(Tone::Bad, what)));
        for one in found.iter().take(LISTED_MAX) {
            text.push_str(&format!("  {one}\n"));
        }
        if found.len() > LISTED_MAX {
            text.push_str(&format!("  and {} more\n", found.len() - LISTED_MAX));
        }
    }
    text
}

/// What can be looked at, and where.
pub(crate) struct Next<'a> {
    /// How this program is called.
    pub(crate) program: &'a str,
    /// The folder of the demonstration.
    pub(crate) folder: &'a Path,
    /// The data of its supervisor.
    pub(crate) data: &'a Path,
    /// Whether everything still runs.
    pub(crate) running: bool,
}

impl Next<'_> {
    /// The exact commands to go on with.
    pub(crate) fn render(
        &self,
        case_of: &dyn Fn(Story) -> Option<String>,
        style: &Style,
    ) -> String {
        let Self { program, folder, data, running } = self;
        let mut text = format!("\n{}\n", style.paint(Tone::Bold, "Look at next"));
        let mut line = |command: String, why: &str| {
            text.push_str(&format!("  {command}\n      {}\n", style.paint(Tone::Dim, why)));
        };
        let (folder, data) = (folder.display(), data.display());
        line(format!("{program} audit verify --data {data}"), "nobody has rewritten what happened");
        line(format!("{program} audit export --data {data} | less"), "everything that happened");
        if !running {
            let serve = format!("{program} serve --playbook {folder}/playbook --data {data}");
            line(
                format!(". {folder}/env.sh && {serve}"),
                "go on where it ended (or: belay demo --keep); then, in another terminal:",
            );
        }
        for (story, why) in [
            (Story::TwoPeople, "who agreed to what, after whom"),
            (Story::EmptyPromise, "what counted as cover, and what did not"),
            (Story::AgentKilled, "how a case went from a dead agent to a living one"),
        ] {
            if let Some(case) = case_of(story) {
                line(format!("{program} --identity {data}/identity why {case}"), why);
            }
        }
        line(format!("{program} --identity {data}/identity case list"), "all cases");
        let ann = "--person ann --group finance desk tickets";
        line(
            format!("{program} --identity {data}/identity {ann}"),
            "the desk, as one of its people",
        );
        text
    }
}

fn waited(waits: &[Span]) -> String {
    match (waits.get(waits.len() / 2), waits.last()) {
        (Some(median), Some(longest)) => format!(
            "after {} (median), {} (longest) of asking people to take a case",
            time::span(*median),
            time::span(*longest)
        ),
        _ => "nobody had to be asked".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{render, waited};
    use crate::demo::stories::Story;
    use crate::demo::verdict::Verdict;
    use crate::output::Style;
    use belay_domain::Span;
    use jiff::Timestamp;
    use std::time::Duration;

    #[test]
    fn what_is_wrong_is_listed_by_name() {
        let verdict = Verdict {
            lost: vec!["c-1/a1: 1 writes should stand, 0 do".into()],
            untold: vec![(Story::Diverged, "c-2: it is taken back".into())],
            ..Verdict::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        let text = render(&verdict, Duration::from_secs(9), &style);
        for part in ["1 of what was answered", "a write that lies: c-2: it is taken back", "c-1/a1"]
        {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!verdict.is_sound());
    }

    #[test]
    fn waiting_is_told_by_its_middle_and_its_end() {
        let waits = [1, 2, 9].map(Span::from_secs);
        assert_eq!(
            waited(&waits),
            "after 2.0 s (median), 9.0 s (longest) of asking people to take a case"
        );
        assert_eq!(waited(&[]), "nobody had to be asked");
    }
}
