//! What waits for one agent, what it has been sent, and how much more it is ready to take.
//!
//! Messages are numbered when they are sent, in the order in which they came. What has a number is kept until
//! the agent has acknowledged it and is sent again on a new stream; nothing with a number is ever dropped.
//! Messages about the moment have no number, go first, and are forgotten with their stream.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use belay_domain::{CaseId, Epoch};
use tokio::time::Instant;

use super::notice::{Letter, Notice};

/// The most messages that are kept for one agent, sent or not, beyond one for each case that it can hold. An agent
/// that lets this many wait does not read.
pub(crate) const KEPT_MAX: usize = 1_024;

/// The most messages about the moment that wait, beyond one for each case that the agent can hold. There is one for
/// each lease at most, and all leases of an agent may end at once.
pub(crate) const PASSING_MAX: usize = 1_024;

/// How many messages may wait or be unacknowledged when another case is stated again. Enough to keep a fast reader
/// busy, few enough that what happens meanwhile has room.
pub(crate) const STATED_AHEAD_MAX: usize = 256;

/// The most credit that is kept, as the contract says.
pub(crate) const CREDIT_MAX: u64 = 65_536;

/// How long a message may wait for a ready agent to take it, or to acknowledge it. Longer means that the agent
/// does not read, and holding more for it helps nobody.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The messages of one session.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Not sent yet.
    waiting: VecDeque<Letter>,
    /// Sent on some stream and not acknowledged, the numbers without a gap.
    sent: VecDeque<Sent>,
    /// How many of `sent` have been sent on this stream.
    repeated: usize,
    /// About the moment.
    passing: Passing,
    /// How many cases the agent can hold.
    capacity: usize,
    /// The last number that was given.
    numbered: u64,
    credit: u64,
    /// Since when something could be taken and was not.
    ready_since: Option<Instant>,
}

/// What is about the moment, in the order in which it came: one word about each lease.
#[derive(Debug, Default)]
struct Passing {
    letters: BTreeMap<u64, Letter>,
    about: HashMap<(CaseId, Epoch), u64>,
    last: u64,
}

#[derive(Debug)]
struct Sent {
    number: u64,
    letter: Letter,
    at: Instant,
}

/// The agent lets too much wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// What was acknowledged was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NeverSent {
    /// The last number that was.
    pub(crate) last: u64,
}

impl Outbox {
    /// Nothing waits for an agent that can hold this many cases.
    pub(crate) fn new(capacity: u32) -> Self {
        let mut outbox = Self::default();
        outbox.hold(capacity);
        outbox
    }

    /// The agent can hold this many cases.
    pub(crate) fn hold(&mut self, capacity: u32) {
        self.capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
    }

    /// Takes a message, to be sent after those that wait.
    pub(crate) fn push(&mut self, letter: Letter, now: Instant) -> Result<(), Full> {
        if letter.notice.is_passing() {
            self.passing.push(letter, PASSING_MAX.saturating_add(self.capacity))?;
        } else {
            if self.kept() >= KEPT_MAX.saturating_add(self.capacity) {
                return Err(Full);
            }
            self.waiting.push_back(letter);
        }
        self.note_readiness(now);
        Ok(())
    }

    /// Whether the agent has taken so much of what is kept for it that another case can be stated again.
    pub(crate) fn can_state(&self) -> bool {
        self.kept() < STATED_AHEAD_MAX && self.passing.len() < STATED_AHEAD_MAX
    }

    fn kept(&self) -> usize {
        self.waiting.len() + self.sent.len()
    }

    /// The next message that may be sent, with its number.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(u64, Letter)> {
        let next = self.take(now);
        self.ready_since = None;
        self.note_readiness(now);
        next
    }

    fn take(&mut self, now: Instant) -> Option<(u64, Letter)> {
        if let Some(letter) = self.passing.pop() {
            return Some((0, letter));
        }
        if self.credit == 0 {
            return None;
        }
        if let Some(again) = self.sent.get_mut(self.repeated) {
            again.at = now;
            self.repeated += 1;
            self.credit -= 1;
            return Some((again.number, again.letter.clone()));
        }
        let letter = self.waiting.pop_front()?;
        self.credit -= 1;
        self.numbered += 1;
        let number = self.numbered;
        self.sent.push_back(Sent { number, letter: letter.clone(), at: now });
        self.repeated += 1;
        Some((number, letter))
    }

    /// The agent has taken everything up to this number into its care.
    pub(crate) fn acknowledged(&mut self, up_to: u64) -> Result<(), NeverSent> {
        if up_to > self.numbered {
            return Err(NeverSent { last: self.numbered });
        }
        while self.sent.front().is_some_and(|sent| sent.number <= up_to) {
            self.sent.pop_front();
            self.repeated = self.repeated.saturating_sub(1);
        }
        Ok(())
    }

    /// The agent is ready for this many more.
    pub(crate) fn grant(&mut self, messages: u32, now: Instant) {
        self.credit = self.credit.saturating_add(u64::from(messages)).min(CREDIT_MAX);
        self.note_readiness(now);
    }

    /// A new stream goes on where the old one broke. What was not acknowledged is sent again; the agent grants
    /// anew, because grants may have been lost with the old stream.
    pub(crate) fn resume(&mut self, last_received: u64) -> Result<(), NeverSent> {
        self.acknowledged(last_received)?;
        self.repeated = 0;
        self.credit = 0;
        self.passing = Passing::default();
        self.ready_since = None;
        Ok(())
    }

    /// Whether the agent has let something wait for longer than it may.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let untaken = self.ready_since.is_some_and(|since| now - since > PATIENCE);
        let unacknowledged = self.repeated > 0
            && self
                .sent
                .front()
                .is_some_and(|sent| now.saturating_duration_since(sent.at) > PATIENCE);
        untaken || unacknowledged
    }

    /// Takes out what waits and is of no use any more. What has a number stays.
    pub(crate) fn prune(&mut self, useless: impl Fn(&Notice) -> bool) -> bool {
        let before = self.waiting.len();
        // A reply is owed whatever became of its matter.
        self.waiting.retain(|letter| letter.in_reply_to != 0 || !useless(&letter.notice));
        self.waiting.len() < before
    }

    /// How much more the agent is ready to take than waits for it already.
    pub(crate) fn room(&self) -> u64 {
        let due = (self.waiting.len() + self.sent.len()).saturating_sub(self.repeated);
        self.credit.saturating_sub(due as u64)
    }

    /// The credit that is left.
    pub(crate) fn credit(&self) -> u64 {
        self.credit
    }

    /// How many messages wait, for credit or for the stream.
    pub(crate) fn queued(&self) -> usize {
        self.waiting.len() + self.passing.len() + self.sent.len().saturating_sub(self.repeated)
    }

    fn note_readiness(&mut self, now: Instant) {
        let numbered =
            self.credit > 0 && (!self.waiting.is_empty() || self.repeated < self.sent.len());
        if self.passing.is_empty() && !numbered {
            self.ready_since = None;
        } else if self.ready_since.is_none() {
            self.ready_since = Some(now);
        }
    }
}

impl Passing {
    /// A later word about the same lease replaces the earlier one; but once a lease is lost, that is the last word.
    fn push(&mut self, letter: Letter, most: usize) -> Result<(), Full> {
        let Some((about, is_renewal)) = lease(&letter.notice) else { return Ok(()) };
        if let Some(earlier) = self.about.get(&about) {
            let lost = |letter: &Letter| matches!(letter.notice, Notice::Lost { .. });
            if is_renewal && self.letters.get(earlier).is_some_and(lost) {
                return Ok(());
            }
            self.letters.remove(earlier);
        } else if self.letters.len() >= most {
            return Err(Full);
        }
        self.last += 1;
        self.about.insert(about, self.last);
        self.letters.insert(self.last, letter);
        Ok(())
    }

    fn pop(&mut self) -> Option<Letter> {
        let (_, letter) = self.letters.pop_first()?;
        if let Some((about, _)) = lease(&letter.notice) {
            self.about.remove(&about);
        }
        Some(letter)
    }

    fn len(&self) -> usize {
        self.letters.len()
    }

    fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }
}

/// The lease that a word about the moment is about, and whether it says that it goes on.
fn lease(notice: &Notice) -> Option<((CaseId, Epoch), bool)> {
    match notice {
        Notice::Renewed { case, epoch, .. } => Some(((case.clone(), *epoch), true)),
        Notice::Lost { case, epoch, .. } => Some(((case.clone(), *epoch), false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
