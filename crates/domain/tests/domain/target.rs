//! The system that actions write to, which never lies about its own past and never honours a key: whatever
//! is sent to it takes effect, if it takes effect at all, some seconds later.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(crate) struct Target {
    /// What was sent: for each action and attempt, when it lands, if it does.
    sent: BTreeMap<(String, u32), Option<i64>>,
    undone: BTreeMap<String, u32>,
    /// Actions whose effect is not what was promised.
    wrong: BTreeSet<String>,
}

impl Target {
    /// Carries one attempt out. Asked again for the same attempt, the executor looks and sees that it has been.
    pub(crate) fn send(&mut self, action: &str, attempt: u32, now: i64, luck: u8) {
        // An effect shows within four seconds, which is less than the contract's five, or never.
        let lands = (!luck.is_multiple_of(3)).then_some(now + i64::from(luck % 5));
        self.sent.entry((action.to_owned(), attempt)).or_insert(lands);
        if luck % 7 == 1 {
            self.wrong.insert(action.to_owned());
        }
    }

    pub(crate) fn undo(&mut self, action: &str) {
        *self.undone.entry(action.to_owned()).or_default() += 1;
        assert!(self.undone[action] <= 1, "IDM-7: {action} was undone twice");
    }

    /// What a read that is sent at `now` shows.
    pub(crate) fn read(&self, action: &str, now: i64) -> &'static str {
        match self.landed(action, now) {
            0 => "absent",
            _ if self.undone.contains_key(action) => "absent",
            _ if self.wrong.contains(action) => "different",
            _ => "applied",
        }
    }

    pub(crate) fn landed(&self, action: &str, now: i64) -> usize {
        let of = |(named, _): &(String, u32)| named == action;
        self.sent.iter().filter(|(id, lands)| of(id) && lands.is_some_and(|at| at <= now)).count()
    }

    /// `IDM-1`: the attempts of all these actions, which are one write, took effect at most once.
    pub(crate) fn took_effect_once<'a>(&self, same_write: impl Iterator<Item = &'a str>) {
        let times: usize = same_write.map(|action| self.landed(action, i64::MAX)).sum();
        assert!(times <= 1, "IDM-1: one write took effect {times} times: {:?}", self.sent);
    }
}
