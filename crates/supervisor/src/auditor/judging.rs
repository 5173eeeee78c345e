//! Holding what is known against the moment: each open case is covered, asked about in time, or raised.

use std::fmt;

use belay_domain::{Span, Timestamp, after};

use super::fold::{Known, Open};

/// What one pass over all open cases found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The moment for which it holds.
    pub at: Timestamp,
    /// The position of the last event that it knows of.
    pub position: u64,
    /// Open cases of customers.
    pub open: u64,
    /// Of these, somebody holds.
    pub covered: u64,
    /// Of these, somebody is being asked, in time.
    pub pending: u64,
    /// Of these, nobody holds and the alarm is raised.
    pub uncovered: u64,
    /// Our own cases, which probe queues.
    pub canaries: u64,
    /// What should not be; at most [`Pass::FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more: u64,
}

/// Something that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The case.
    pub case: String,
    /// What.
    pub what: What,
}

/// What should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Nobody holds the case, nobody is asked in time, and no alarm was raised.
    Gap {
        /// Since when.
        since: Timestamp,
    },
    /// A deadline of an escalation has passed and nothing followed.
    Overdue {
        /// The escalation.
        escalation: String,
        /// Since when.
        since: Timestamp,
    },
    /// A person is said to have taken the case, and the evidence does not show it.
    Unproven,
    /// Evidence of a read that was sent after it was journaled.
    FromTheFuture {
        /// When it says it was sent.
        sent_at: Timestamp,
    },
    /// Evidence that would be believed for longer than any may.
    LongEvidence {
        /// Until when.
        until: Timestamp,
    },
    /// A lease for longer than the case's terms allow.
    LongLease {
        /// Until when.
        until: Timestamp,
    },
    /// The case is over as merged into another, which did not take over what was reported to it, or it had taken over others
    /// itself.
    MergedAway {
        /// The other case.
        into: String,
    },
    /// Events of the journal are missing.
    Hole {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// An event cannot be read.
    Unreadable {
        /// What kind of event.
        kind: String,
    },
}

impl Pass {
    /// The most findings that are listed: after so many, their number says nothing more.
    pub const FINDINGS_MAX: usize = 1_000;

    /// Whether every open case is covered, asked about in time, or raised, and the journal is sound.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// What holds at a moment.
pub(super) fn judge(known: &Known, now: Timestamp, grace: Span) -> Pass {
    let mut pass = Pass {
        at: now,
        position: known.position(),
        open: 0,
        covered: 0,
        pending: 0,
        uncovered: 0,
        canaries: 0,
        findings: Vec::new(),
        more: 0,
    };
    for (case, what) in &known.wrongs {
        pass.found(case, what.clone());
    }
    for (id, case) in &known.open {
        let counted = case.judge(id, now, grace, &mut pass);
        if case.canary {
            pass.canaries += 1;
        } else {
            pass.open += 1;
            match counted {
                Some(Counted::Covered) => pass.covered += 1,
                Some(Counted::Pending) => pass.pending += 1,
                Some(Counted::Uncovered) => pass.uncovered += 1,
                None => {}
            }
        }
    }
    pass.findings.sort_by(|one, other| one.case.cmp(&other.case));
    pass
}

enum Counted {
    Covered,
    Pending,
    Uncovered,
}

impl Open {
    fn judge(&self, id: &str, now: Timestamp, grace: Span, pass: &mut Pass) -> Option<Counted> {
        for (escalation, asked) in &self.asked {
            let due = asked.step.or(asked.again);
            if let Some(since) = due.filter(|due| after(*due, grace) <= now) {
                pass.found(id, What::Overdue { escalation: escalation.clone(), since });
            }
        }
        let held = self.holder.as_ref().map(|holder| holder.until());
        if held.is_some_and(|until| now < until) {
            return Some(Counted::Covered);
        }
        let asked = self.asked.values().filter_map(|asked| asked.takes_over_until());
        let asked = asked.chain(self.offered).chain(self.sought).max();
        if asked.is_some_and(|until| now < until) {
            return Some(Counted::Pending);
        }
        if self.raised {
            return Some(Counted::Uncovered);
        }
        let since = held.max(asked).unwrap_or(self.since);
        if now < after(since, grace) {
            // Something has just run out and the engine has not said yet what follows.
            return Some(Counted::Pending);
        }
        pass.found(id, What::Gap { since });
        None
    }
}

impl Pass {
    /// The writer has said that it wrote up to here, and it is not there.
    pub(super) fn lacks(&mut self, written: u64) {
        let what = What::Hole { from: self.position + 1, to: written };
        self.found("", what);
    }

    fn found(&mut self, case: &str, what: What) {
        if self.findings.len() < Self::FINDINGS_MAX {
            self.findings.push(Finding { case: case.to_owned(), what });
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.case, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { since } => write!(
                f,
                "nobody holds it and nobody is asked since {since}, and no alarm was raised"
            ),
            Self::Overdue { escalation, since } => {
                write!(f, "{escalation} should have gone on at {since} and did not")
            }
            Self::Unproven => {
                f.write_str("a person is said to have taken it, which the evidence does not show")
            }
            Self::FromTheFuture { sent_at } => {
                write!(f, "its evidence was sent at {sent_at}, after it was journaled")
            }
            Self::LongEvidence { until } => {
                write!(f, "its evidence would be believed until {until}, longer than any may be")
            }
            Self::LongLease { until } => {
                write!(f, "its lease runs until {until}, longer than its terms allow")
            }
            Self::MergedAway { into } => {
                write!(
                    f,
                    "it is over as merged into {into}, and nobody has what was reported to it"
                )
            }
            Self::Hole { from, to } => {
                write!(f, "the events {from} to {to} of the journal are missing")
            }
            Self::Unreadable { kind } => write!(f, "one of its events, {kind}, cannot be read"),
        }
    }
}
