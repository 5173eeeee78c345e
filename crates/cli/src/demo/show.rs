//! What one sees of the demonstration: a line for each story that is redrawn while things happen, or, where there is no
//! terminal, one line after the other.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, sleep};

use belay_api::v1;

use super::board::{Board, Seen, Sight};
use super::stories::Story;
use crate::commands::coverage::Counts;
use crate::commands::watch::tone;
use crate::output::{Output, Style, Tone, clean, shorten, words};

/// How often the picture is redrawn: often enough to look alive, seldom enough to be read.
const REDRAW_EVERY: Duration = Duration::from_millis(100);
/// How many of the latest events are shown below the stories.
const TICKER_LINES: usize = 6;
/// The longest line that is written where there is no terminal.
const PLAIN_WIDTH: usize = 160;
const SPINNER: [&str; 8] = ["⣾", "⣽", "⣻", "⢿", "⡿", "⣟", "⣯", "⣷"];

/// The show. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub(crate) struct Show {
    shared: Arc<Shared>,
}

struct Shared {
    style: Style,
    began: Instant,
    told: Mutex<BTreeMap<Story, String>>,
    stage: Stage,
}

/// Where it is shown.
enum Stage {
    /// On a terminal.
    Live {
        multi: MultiProgress,
        header: ProgressBar,
        stories: Vec<ProgressBar>,
        ticker: Vec<ProgressBar>,
    },
    /// Line by line, on standard output, or on standard error where programs read along.
    Plain { to_stderr: bool },
}

impl Show {
    /// On the terminal if there is one.
    pub(crate) fn new(output: &Output) -> Self {
        let stage = if stdout().is_terminal() && !output.is_json() {
            Stage::live()
        } else {
            Stage::Plain { to_stderr: output.is_json() }
        };
        let style = match stage {
            Stage::Live { .. } => output.style,
            Stage::Plain { .. } => Style { colour: false, ..output.style },
        };
        let told = Mutex::default();
        Self { shared: Arc::new(Shared { style, began: Instant::now(), told, stage }) }
    }

    /// How long it has been going on.
    pub(crate) fn elapsed(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Says what is going to happen, or just did, from outside: nobody in the demonstration knows.
    pub(crate) fn say(&self, text: &str) {
        let style = &self.shared.style;
        let at = style.paint(Tone::Dim, &format!("{:5.1} s", self.elapsed().as_secs_f64()));
        self.line(&format!("{at}  {}", style.paint(Tone::Bold, text)));
    }

    /// Says which case tells a story.
    pub(crate) fn tells(&self, story: Story, case: &str) {
        let told = &self.shared.told;
        told.lock().unwrap_or_else(PoisonError::into_inner).insert(story, case.to_owned());
    }

    /// The case that tells a story, once it is opened.
    pub(crate) fn case_of(&self, story: Story) -> Option<String> {
        self.shared.told.lock().unwrap_or_else(PoisonError::into_inner).get(&story).cloned()
    }

    /// Shows what happens, for ever.
    pub(crate) async fn run(&self, board: &Board) {
        let mut seen = 0;
        let mut frame = 0;
        loop {
            match &self.shared.stage {
                Stage::Live { header, stories, ticker, .. } => {
                    frame += 1;
                    board.look(|sight| self.draw(sight, frame, header, stories, ticker));
                }
                Stage::Plain { .. } => {
                    let lines: Vec<String> = board.look(|sight| {
                        let new = sight.ticker.iter().filter(|(number, ..)| *number > seen);
                        let lines = new.filter(|(_, _, event, _)| is_telling(event)).map(|tick| {
                            let at = format!("{:5.1} s", self.elapsed().as_secs_f64());
                            shorten(&format!("{at}  {}", self.tick(tick)), PLAIN_WIDTH)
                        });
                        let lines = lines.collect();
                        seen = sight.ticker.last().map_or(seen, |(number, ..)| *number);
                        lines
                    });
                    lines.iter().for_each(|line| self.line(line));
                }
            }
            sleep(REDRAW_EVERY).await;
        }
    }

    /// Takes the picture down, leaving the stories as they stand.
    pub(crate) fn end(&self, board: &Board) {
        if let Stage::Live { header, stories, ticker, .. } = &self.shared.stage {
            board.look(|sight| self.draw(sight, 0, header, stories, ticker));
            ticker.iter().for_each(ProgressBar::finish_and_clear);
            stories.iter().for_each(ProgressBar::abandon);
            header.abandon();
        }
    }

    fn line(&self, line: &str) {
        match &self.shared.stage {
            // A terminal that is gone does not want to hear it.
            Stage::Live { multi, .. } => drop(multi.println(line)),
            Stage::Plain { to_stderr: true } => eprintln!("{line}"),
            Stage::Plain { to_stderr: false } => println!("{line}"),
        }
    }

    fn draw(
        &self,
        sight: &Sight,
        frame: usize,
        header: &ProgressBar,
        stories: &[ProgressBar],
        ticker: &[ProgressBar],
    ) {
        header.set_message(self.header(sight));
        let told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (bar, story) in stories.iter().zip(Story::ALL) {
            let seen = told.get(&story).and_then(|case| sight.cases.get(case));
            bar.set_message(self.story(story, seen, frame));
        }
        let latest = sight.ticker.iter().rev().filter(|(_, _, event, _)| is_telling(event));
        let mut latest: Vec<String> =
            latest.take(ticker.len()).map(|tick| self.tick(tick)).collect();
        latest.reverse();
        latest.resize(ticker.len(), String::new());
        for (bar, line) in ticker.iter().zip(latest) {
            bar.set_message(line);
        }
    }

    /// `Belay  12.3 s  34 cases, 20 resolved  10 covered, 4 pending, 0 uncovered`.
    fn header(&self, sight: &Sight) -> String {
        let style = &self.shared.style;
        let open: Vec<v1::CaseSummary> = sight
            .cases
            .values()
            .filter(|seen| !seen.is_resolved())
            .map(|seen| seen.summary.clone())
            .collect();
        let resolved = sight.cases.len() - open.len();
        let away = match sight.connected {
            true => String::new(),
            false => format!("  {}", style.paint(Tone::Bad, "the supervisor is away")),
        };
        format!(
            "{}  {:5.1} s   {} cases, {} resolved   {}{away}",
            style.paint(Tone::Bold, "BELAY"),
            self.elapsed().as_secs_f64(),
            sight.cases.len(),
            style.paint(Tone::Good, &resolved.to_string()),
            Counts::of(&open).line(style),
        )
    }

    fn story(&self, story: Story, seen: Option<&Seen>, frame: usize) -> String {
        let style = &self.shared.style;
        let title = format!("{:<24}", story.title());
        let Some(seen) = seen else {
            return style.paint(Tone::Dim, &format!("  {title}"));
        };
        let resolved = seen.is_resolved();
        let mark = match resolved {
            true => style.paint(Tone::Good, "✓"),
            false => style.paint(Tone::Name, SPINNER[frame % SPINNER.len()]),
        };
        let (coverage, owner) = match resolved {
            true => (v1::CoverageKind::Closed.into(), ""),
            false => (seen.summary.coverage, words::owner(&seen.summary)),
        };
        let word = words::coverage(coverage);
        // While it goes on, what happened last; then, what it was about.
        let point = seen.events.iter().rev().find(|(event, ..)| resolved && event == story.point());
        let last = point.or_else(|| seen.events.iter().rev().find(|(event, ..)| is_telling(event)));
        let last =
            last.map_or(String::new(), |(event, _, line)| style.paint(tone(event), &clean(line)));
        format!(
            "{mark} {}  {}  {}  {last}",
            style.paint(Tone::Bold, &title),
            style.paint(word.0, &format!("{:<9}", word.1)),
            style.paint(Tone::Dim, &format!("{:<18}", shorten(&clean(owner), 18))),
        )
    }

    fn tick(&self, (_, case, event, line): &(u64, String, String, String)) -> String {
        let style = &self.shared.style;
        let event = style.paint(tone(event), &format!("{:<23}", clean(event)));
        format!("{}  {event}  {}", style.paint(Tone::Dim, &clean(case)), clean(line))
    }
}

impl Stage {
    fn live() -> Self {
        // 12 frames a second at most, so that a slow terminal is not flooded.
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(12));
        let bar = |prefix: &str| {
            let bar = multi.add(ProgressBar::new_spinner());
            // The template is a constant; without it a bar still shows its message.
            if let Ok(style) = ProgressStyle::with_template(&format!("{prefix}{{wide_msg}}")) {
                bar.set_style(style);
            }
            bar
        };
        let header = bar("");
        let stories = Story::ALL.map(|_| bar("  ")).into();
        let ticker = (0..TICKER_LINES).map(|_| bar("    ")).collect();
        Self::Live { multi, header, stories, ticker }
    }
}

/// Whether an event tells something to somebody who watches, and not only to those who keep the books.
fn is_telling(event: &str) -> bool {
    !matches!(
        event,
        "lease_renewed"
            | "evidence_renewed"
            | "context_added"
            | "action_assessed"
            | "ticket_withdrawn"
            | "routing_started"
            | "escalation_closed"
            | "ticket_seen"
    )
}

#[cfg(test)]
mod tests {
    use super::Show;
    use crate::demo::board::{Seen, Sight};
    use crate::demo::stories::Story;
    use crate::output::{Format, Output};
    use belay_api::v1;

    #[test]
    fn a_story_is_one_line_from_beginning_to_end() {
        let show = Show::new(&Output::new(Format::Json));
        assert_eq!(show.story(Story::Verified, None, 0), "  verified by read-back   ");
        let mut seen = Seen::default();
        seen.summary.coverage = v1::CoverageKind::Covered.into();
        seen.summary.owner = "crm-1".into();
        for (event, line) in [
            ("action_verified", "verified by reading back"),
            ("handoff_accepted", "crm-1 took it"),
            ("lease_renewed", "crm-1 goes on"),
        ] {
            seen.events.push((event.into(), "c-1".into(), line.into()));
        }
        assert_eq!(
            show.story(Story::Verified, Some(&seen), 0),
            "⣾ verified by read-back     covered    crm-1               crm-1 took it"
        );
        seen.events.push(("case_resolved".into(), "c-1".into(), "resolved".into()));
        assert_eq!(
            show.story(Story::Verified, Some(&seen), 0),
            "✓ verified by read-back     resolved                       verified by reading back"
        );
    }

    #[test]
    fn the_header_counts_what_is_open() {
        let show = Show::new(&Output::new(Format::Json));
        let mut sight = Sight { connected: true, ..Sight::default() };
        for (case, kind) in [("c-1", v1::CoverageKind::Covered), ("c-2", v1::CoverageKind::Pending)]
        {
            let summary = v1::CaseSummary { coverage: kind.into(), ..Default::default() };
            sight.cases.insert(case.into(), Seen { summary, events: Vec::new() });
        }
        let header = show.header(&sight);
        assert!(
            header.contains("2 cases, 0 resolved   1 covered, 1 pending, 0 uncovered"),
            "{header}"
        );
    }
}
