//! What goes wrong, and when: drawn from the seed before the story begins, and over before it ends.

use std::time::Duration;

use crate::dice::Dice;
use crate::net::{BOOKS, SUPERVISOR};

/// Something that goes wrong for a while.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Two hosts do not reach each other; what is under way is lost.
    Partition(&'static str, &'static str),
    /// The first does not reach the second, which reaches it.
    OneWay(&'static str, &'static str),
    /// Everything between two hosts is held back and arrives later.
    Hold(&'static str, &'static str),
    /// Everything between two hosts takes long.
    Slow(&'static str, &'static str, Duration),
    /// Every now and then something between two hosts is lost, and everything behind it on the same connection waits
    /// for ever.
    Loss(&'static str, &'static str),
    /// A host's processes end without a word, and begin again at the end.
    Crash(&'static str),
    /// The supervisor leaves in order, and another takes its place.
    Restart,
}

/// The kinds by name: over all stories each has to happen.
pub(crate) const NAMES: &[&str] =
    &["partition", "one-way partition", "hold", "slow", "loss", "crash", "agent crash", "restart"];

/// The longest that anything is held back. Waiting times of the playbook for what is under way are longer.
const HELD_MAX_MS: u64 = 4_000;

impl Kind {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Partition(..) => "partition",
            Self::OneWay(..) => "one-way partition",
            Self::Hold(..) => "hold",
            Self::Slow(..) => "slow",
            Self::Loss(..) => "loss",
            Self::Crash(SUPERVISOR) => "crash",
            Self::Crash(_) => "agent crash",
            Self::Restart => "restart",
        }
    }

    /// Two faults with one of these in common do not overlap.
    fn where_it_is(&self) -> (&'static str, &'static str) {
        match self {
            Self::Partition(one, other)
            | Self::OneWay(one, other)
            | Self::Hold(one, other)
            | Self::Slow(one, other, _)
            | Self::Loss(one, other) => (one.min(other), one.max(other)),
            Self::Crash(host) => (host, host),
            Self::Restart => (SUPERVISOR, SUPERVISOR),
        }
    }
}

/// The faults of a story, in the order of their beginning. All are over at `end`.
pub(crate) fn of(seed: u64, agents: &[&'static str], end: Duration) -> Vec<Fault> {
    let mut dice = Dice::of(seed, "faults");
    let mut faults: Vec<Fault> = Vec::new();
    let latest = u64::try_from(end.as_millis()).unwrap_or(u64::MAX);
    for _ in 0..dice.from(6, 12) {
        let agent = *dice.one(agents);
        let host = *dice.one(&[agent, agent, agent, "desk", "tool", BOOKS]);
        let pair =
            if host == BOOKS && dice.chance(50) { (agent, BOOKS) } else { (host, SUPERVISOR) };
        let (kind, least, most) = match dice.from(1, 16) {
            1..=3 => (Kind::Partition(pair.0, pair.1), 300, 12_000),
            4 => (Kind::OneWay(pair.0, pair.1), 300, 8_000),
            5 => (Kind::OneWay(pair.1, pair.0), 300, 8_000),
            6..=7 => (Kind::Hold(pair.0, pair.1), 300, HELD_MAX_MS),
            8 => (Kind::Slow(pair.0, pair.1, dice.millis(100, 700)), 2_000, 8_000),
            9..=10 => (Kind::Loss(pair.0, pair.1), 2_000, 8_000),
            11..=13 => (Kind::Crash(SUPERVISOR), 100, 4_000),
            14..=15 => (Kind::Crash(agent), 100, 12_000),
            _ => (Kind::Restart, 1_000, 1_000),
        };
        let from = dice.millis(2_000, latest - 3_000);
        let until = (from + dice.millis(least, most)).min(end);
        let fault = Fault { kind, from, until };
        // A moment between two at the same place, so that the one does not end the other.
        let moment = Duration::from_secs(2);
        let clash = faults.iter().any(|other| {
            other.kind.where_it_is() == fault.kind.where_it_is()
                && fault.from < other.until + moment
                && other.from < fault.until + moment
        });
        if !clash {
            faults.push(fault);
        }
    }
    faults.sort_by_key(|fault| fault.from);
    faults
}
