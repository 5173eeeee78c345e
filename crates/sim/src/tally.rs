//! What happened in a run, counted, so that a run in which nothing happened cannot pass for a good one.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The ways in which a human queue lies, by their numbers in the catalogue.
pub const LIES: [(u8, &str); 22] = [
    (1, "accepted and never created"),
    (2, "an unknown id is answered with an empty ticket"),
    (3, "created, and the answer is lost"),
    (4, "the search lags, or a gateway creates twice"),
    (5, "created in another queue, or moved at once"),
    (6, "the queue has nobody"),
    (7, "taken by a machine, by ourselves or by the agent"),
    (8, "taken, and then nothing"),
    (9, "taken, then given back, assigned away or reopened"),
    (10, "an owner was set and nobody took it"),
    (11, "merged, deleted, or moved out of sight"),
    (12, "a status that nobody mapped"),
    (13, "rumours late, lost, repeated or forged"),
    (14, "a read that is stale or partial"),
    (15, "refused with 200 and prose"),
    (16, "moved by hand, or a value dropped without a word"),
    (17, "the system's own timer never fires"),
    (18, "resolved by a machine, or without a code"),
    (19, "slow, rate limited, down or refusing us"),
    (20, "a channel that is dead for good"),
    (21, "many tickets taken in one second"),
    (22, "a clock with one-second grain"),
];

/// What has to be in the journals of many runs together.
const EVENTS: [&str; 52] = [
    "case_opened",
    "context_added",
    "routing_started",
    "routing_ended",
    "handoff_offered",
    "handoff_declined",
    "handoff_lapsed",
    "handoff_accepted",
    "lease_renewed",
    "lease_expired",
    "case_released",
    "action_proposed",
    "action_assessed",
    "action_denied",
    "approval_requested",
    "approval_given",
    "approval_ended",
    "action_authorized",
    "permit_expired",
    "action_dispatched",
    "action_executed",
    "action_unknown",
    "action_retried",
    "action_failed",
    "action_verified",
    "action_diverged",
    "action_withdrawn",
    "action_amended",
    "plan_completed",
    "plan_verified",
    "plan_undoing",
    "plan_undone",
    "compensation_started",
    "action_compensated",
    "escalation_opened",
    "step_started",
    "ticket_placed",
    "ticket_seen",
    "ticket_routed",
    "escalation_acknowledged",
    "evidence_renewed",
    "escalation_lapsed",
    "step_failed",
    "escalation_exhausted",
    "escalation_resolved",
    "case_returned",
    "escalation_closed",
    "ticket_withdrawn",
    "ticket_orphaned",
    "coverage_raised",
    "coverage_lowered",
    "case_resolved",
];

/// What has to have happened around the supervisor in many runs together.
const TURNS: [&str; 6] = [
    "supervisor: crashes",
    "supervisor: left in order",
    "clocks: the wall jumped",
    "clocks: the machine started again",
    "operators: playbooks loaded",
    "operators: agents taken out",
];

/// So many runs together have to show everything.
pub const RUNS_THAT_SHOW_ALL: u64 = 200;

/// Counts by name. Names are fixed texts, so that a table has the same lines in every run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<String, u64>,
    covered: Vec<Duration>,
    lapses: Vec<Duration>,
}

impl Tally {
    /// Counts one.
    pub(crate) fn count(&mut self, what: &str) {
        self.add(what, 1);
    }

    /// Counts several.
    pub(crate) fn add(&mut self, what: &str, number: u64) {
        match self.counts.get_mut(what) {
            Some(count) => *count += number,
            None => drop(self.counts.insert(what.to_owned(), number)),
        }
    }

    /// Counts a lie of the catalogue.
    pub(crate) fn lie(&mut self, row: u8) {
        self.count(&format!("lie {row:02}"));
    }

    /// How often.
    #[must_use]
    pub fn of(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    /// How many in all, of those whose name begins so.
    #[must_use]
    pub fn of_all(&self, prefix: &str) -> u64 {
        self.counts
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(_, count)| count)
            .sum()
    }

    /// Which lies were never told, which events never happened, and what nobody ever did.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let lies = LIES.iter().map(|(row, _)| format!("lie {row:02}"));
        let events = EVENTS.iter().map(|event| format!("events: {event}"));
        let turns = TURNS.iter().map(ToString::to_string);
        lies.chain(events).chain(turns).filter(|what| self.of(what) == 0).collect()
    }

    /// Takes note of how long a case was open before it was first covered.
    pub(crate) fn covered_after(&mut self, time: Duration) {
        self.covered.push(time);
    }

    /// Takes note of how long a lapse went unseen.
    pub(crate) fn lapse_seen_after(&mut self, time: Duration) {
        self.lapses.push(time);
    }

    /// Adds what another run counted.
    pub fn join(&mut self, other: &Self) {
        for (what, number) in &other.counts {
            self.add(what, *number);
        }
        self.covered.extend(&other.covered);
        self.lapses.extend(&other.lapses);
    }

    /// As lines that [`Tally::read`] understands, for a run in another process.
    #[must_use]
    pub fn written(&self) -> String {
        let counts = self.counts.iter().map(|(what, number)| format!("{number} {what}\n"));
        let times = |name: &'static str, times: &[Duration]| {
            times
                .iter()
                .map(move |time| format!("{name} {}\n", time.as_millis()))
                .collect::<String>()
        };
        let covered = times("covered", &self.covered);
        let lapses = times("lapse", &self.lapses);
        counts.collect::<String>() + &covered + &lapses
    }

    /// What [`Tally::written`] wrote. Other lines are passed over.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut tally = Self::default();
        for line in text.lines() {
            let Some((first, rest)) = line.split_once(' ') else { continue };
            let millis = || rest.parse().map(Duration::from_millis);
            match first {
                "covered" => tally.covered.extend(millis()),
                "lapse" => tally.lapses.extend(millis()),
                _ => {
                    if let Ok(number) = first.parse() {
                        tally.add(rest, number);
                    }
                }
            }
        }
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (row, what) in LIES {
            writeln!(f, "  lie {row:02}  {:>9}  {what}", self.of(&format!("lie {row:02}")))?;
        }
        let others = self.counts.iter().filter(|(name, _)| !name.starts_with("lie "));
        let mut group = "";
        for (name, count) in others {
            let (first, rest) = name.split_once(": ").unwrap_or(("", name));
            if first != group {
                writeln!(f, "  {first}")?;
                group = first;
            }
            writeln!(f, "    {rest:<42} {count:>9}")?;
        }
        let line = |f: &mut fmt::Formatter<'_>, what: &str, times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort_unstable();
            let at = |part: usize| {
                let index = (times.len() * part / 100).min(times.len().saturating_sub(1));
                times.get(index).copied().unwrap_or_default().as_secs_f64()
            };
            let (half, most, number) = (at(50), at(100), times.len());
            writeln!(
                f,
                "  {what:<36} {number:>6} times, half within {half:.1} s, the longest {most:.1} s"
            )
        };
        line(f, "from opening to first cover", &self.covered)?;
        line(f, "from the end of cover to its lapse", &self.lapses)
    }
}
