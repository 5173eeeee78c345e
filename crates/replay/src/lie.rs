//! The ways in which the systems of an office mislead whoever asks them.
//!
//! Ways that are deeds of rules or people, such as a rule that takes every ticket, are scripted as deeds.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A way to mislead. The numbers are those of the catalogue of ways a human queue lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A create is answered with success and an id, and nothing is made (1).
    Forgets,
    /// An id that is not known is answered with success and nothing (2).
    Empty,
    /// What was asked for is done, and the connection breaks before the answer is whole (3).
    LosesAnswer,
    /// One create makes two tickets, as a proxy that tries again does (4).
    Doubles,
    /// A search shows how things were so long ago (4).
    SearchLags(SignedDuration),
    /// A new ticket lands in this queue (5).
    Elsewhere(String),
    /// Reads show how things were so long ago (14).
    ReadsLag(SignedDuration),
    /// These fields are left out of every answer, at whatever depth (14).
    LeavesOut(Vec<String>),
    /// The history is answered as if nothing had ever happened (14).
    HidesHistory,
    /// Success, with prose that says it was refused; nothing is done (15).
    RefusesInProse,
    /// These fields of a new ticket are dropped without a word (16).
    Drops(Vec<String>),
    /// Answers take so long (19).
    Slow(Duration),
    /// Whoever asks is told to slow down, and for how many seconds (19).
    Throttles(u32),
    /// It answers with this status and does nothing (19).
    Down(u16),
    /// The connection breaks before anything is done (19).
    Unreachable,
    /// The credential is refused (19).
    RefusesCredential,
    /// The clock of the system differs by so much (22).
    ClockOff(SignedDuration),
    /// The clock of the system knows only multiples of so many seconds (22).
    ClockCoarse(i64),
    /// An answer that is no answer: half of it, said to be whole.
    Garbles,
}

/// What a request asks for, whatever the vendor calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// To open a ticket.
    Create,
    /// To read one by its id.
    Read,
    /// To find some.
    Search,
    /// What happened to one, and who did it.
    History,
    /// To read queues or people.
    People,
    /// To write something on one.
    Comment,
    /// To change one otherwise.
    Change,
    /// Something else.
    Other,
}

/// A lie with its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub(crate) lie: Lie,
    pub(crate) on: Vec<Asked>,
    pub(crate) times: Option<u32>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

/// How many requests are answered in how many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many requests.
    pub requests: u32,
    /// In so many seconds, counted from a full multiple of them.
    pub seconds: u32,
}

impl Lie {
    /// Only on requests of this kind. May be said several times.
    #[must_use]
    pub fn on(self, asked: Asked) -> Told {
        Told::from(self).on(asked)
    }

    /// Only so often.
    #[must_use]
    pub fn times(self, times: u32) -> Told {
        Told::from(self).times(times)
    }

    /// Only before a moment.
    #[must_use]
    pub fn until(self, until: Timestamp) -> Told {
        Told::from(self).until(until)
    }
}

impl Told {
    /// Only on requests of this kind. May be said several times.
    #[must_use]
    pub fn on(mut self, asked: Asked) -> Self {
        self.on.push(asked);
        self
    }

    /// Only so often.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only from a moment on.
    #[must_use]
    pub fn since(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    /// Only before a moment.
    #[must_use]
    pub fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    /// Whether it is told to a request of this kind now.
    pub(crate) fn applies(&self, asked: Asked, now: Timestamp) -> bool {
        self.times != Some(0)
            && (self.on.is_empty() || self.on.contains(&asked))
            && self.from.is_none_or(|from| from <= now)
            && self.until.is_none_or(|until| now < until)
    }
}

impl From<Lie> for Told {
    fn from(lie: Lie) -> Self {
        Self { lie, on: Vec::new(), times: None, from: None, until: None }
    }
}
