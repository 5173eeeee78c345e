//! What those outside Belay did, heard and were told, each by their own account. The auditor believes them and nobody
//! else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_api::v1;
use jiff::Timestamp;
use serde_json::Value;

use crate::net::wall;

/// Everybody's account; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<Accounts>>);

#[derive(Default)]
pub(crate) struct Accounts {
    /// Request id and case of every answer to opening one.
    pub(crate) opened: BTreeMap<String, BTreeSet<String>>,
    /// How long each agent had its hands on a case.
    pub(crate) hands: Vec<Hand>,
    /// When the process of each agent ended.
    pub(crate) ends: Vec<(String, Timestamp)>,
    /// What agents were told that they had done: the event that has to stand in the journal, for which case.
    pub(crate) done: Vec<(String, &'static str)>,
    /// How long each person had a case.
    pub(crate) desks: Vec<Desk>,
    /// What was said about coverage.
    pub(crate) said: Vec<Said>,
    /// Every write that arrived at the books.
    pub(crate) writes: Vec<Write>,
    /// How often a line to the supervisor came to be, for each host.
    pub(crate) lines: BTreeMap<String, u64>,
    /// How often other things happened that make a story worth telling.
    pub(crate) happened: BTreeMap<&'static str, u64>,
    /// What must not happen and did.
    pub(crate) broken: Vec<String>,
    /// How often each case was worked on.
    turns: BTreeMap<String, u64>,
}

/// An agent and a case.
#[derive(Clone, Debug)]
pub(crate) struct Hand {
    pub(crate) agent: String,
    pub(crate) case: String,
    /// `None` for the moment in which it accepted.
    pub(crate) epoch: Option<u64>,
    pub(crate) from: Timestamp,
    /// Its last sign of life for the case. `None`: until the process ended, or for good.
    pub(crate) until: Option<Timestamp>,
}

/// A person and a ticket.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) person: String,
    pub(crate) case: String,
    pub(crate) ticket: String,
    pub(crate) from: Timestamp,
    pub(crate) until: Option<Timestamp>,
    /// Whether the desk confirmed the taking, and the resolving.
    pub(crate) took: bool,
    pub(crate) resolved: bool,
}

/// One report of coverage.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) case: String,
    pub(crate) coverage: v1::Coverage,
    pub(crate) asked: Timestamp,
    pub(crate) heard: Timestamp,
}

/// A write as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) at: Timestamp,
}

impl Witness {
    pub(crate) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn happened(&self, what: &'static str) {
        *self.accounts().happened.entry(what).or_default() += 1;
    }

    pub(crate) fn broken(&self, what: impl Into<String>) {
        let what = format!("{}: {}", at(wall()), what.into());
        self.accounts().broken.push(what);
    }

    /// Counts a line from a host.
    pub(crate) fn line(&self, host: &str) {
        *self.accounts().lines.entry(host.to_owned()).or_default() += 1;
    }

    /// The how-manieth time it is that somebody works on a case, from 1.
    pub(crate) fn turn(&self, case: &str) -> u64 {
        let mut accounts = self.accounts();
        let turn = accounts.turns.entry(case.to_owned()).or_default();
        *turn += 1;
        *turn
    }

    /// An agent says yes to a case.
    pub(crate) fn accepts(&self, agent: &str, case: &str) {
        let (agent, case, from) = (agent.to_owned(), case.to_owned(), wall());
        let hand = Hand { agent, case, epoch: None, from, until: Some(from) };
        self.accounts().hands.push(hand);
    }

    /// An agent has a case from now on, until what comes back is dropped.
    pub(crate) fn holds(&self, agent: &str, case: &str, epoch: u64) -> Holding {
        let (agent, case) = (agent.to_owned(), case.to_owned());
        let hand = Hand { agent, case, epoch: Some(epoch), from: wall(), until: None };
        let mut accounts = self.accounts();
        accounts.hands.push(hand);
        Holding { witness: self.clone(), place: accounts.hands.len() - 1, keeps: false }
    }

    /// The process of an agent begins; before that it had ended.
    pub(crate) fn lives(&self, agent: &str) -> Life {
        Life { witness: self.clone(), agent: agent.to_owned() }
    }

    /// A person takes a ticket, as far as they know.
    pub(crate) fn takes(&self, person: &str, case: &str, ticket: &str) -> usize {
        let mut accounts = self.accounts();
        accounts.desks.push(Desk {
            person: person.to_owned(),
            case: case.to_owned(),
            ticket: ticket.to_owned(),
            from: wall(),
            until: None,
            took: false,
            resolved: false,
        });
        accounts.desks.len() - 1
    }
}

/// While it lives, an agent works on a case.
pub(crate) struct Holding {
    witness: Witness,
    place: usize,
    keeps: bool,
}

impl Holding {
    /// From now on the agent says nothing about the case, which the SDK bears for so long.
    pub(crate) fn falls_silent(&self, patience: Duration) {
        self.witness.accounts().hands[self.place].until = Some(wall() + patience);
    }

    /// The work is over, and the SDK keeps the case until somebody else has it.
    pub(crate) fn keeps(mut self) {
        self.keeps = true;
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if !self.keeps {
            let hand = &mut self.witness.accounts().hands[self.place];
            hand.until = Some(hand.until.map_or(wall(), |until| until.min(wall())));
        }
    }
}

/// While it lives, the process of an agent does.
pub(crate) struct Life {
    witness: Witness,
    agent: String,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.witness.accounts().ends.push((self.agent.clone(), wall()));
    }
}

/// A moment as the seconds since the beginning, for people.
pub(crate) fn at(moment: Timestamp) -> String {
    let since = moment.duration_since(crate::net::beginning());
    format!("{:.3}s", since.as_secs_f64())
}
