//! What waits for one agent, what it has been sent, and how much more it is ready to take.
//!
//! Messages are numbered when they are sent, in the order in which they came. What has a number is kept until
//! the agent has acknowledged it and is sent again on a new stream; nothing with a number is ever dropped.
//! Messages about the moment have no number, go first, and are forgotten with their stream.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::notice::{Letter, Notice};

/// The most messages that are kept for one agent, sent or not. An agent holds a few dozen cases at most, and
/// each has a handful of messages under way; one that lets this many wait does not read.
pub(crate) const KEPT_MAX: usize = 1_024;

/// The most messages about the moment that wait. There is one for each case at most.
pub(crate) const PASSING_MAX: usize = 1_024;

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
    passing: VecDeque<Letter>,
    /// The last number that was given.
    numbered: u64,
    credit: u64,
    /// Since when something could be taken and was not.
    ready_since: Option<Instant>,
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
    /// Takes a message, to be sent after those that wait.
    pub(crate) fn push(&mut self, letter: Letter, now: Instant) -> Result<(), Full> {
        if letter.notice.is_passing() {
            self.pass(letter)?;
        } else {
            if self.waiting.len() + self.sent.len() >= KEPT_MAX {
                return Err(Full);
            }
            self.waiting.push_back(letter);
        }
        self.note_readiness(now);
        Ok(())
    }

    /// A later word about the same lease replaces the earlier one.
    fn pass(&mut self, letter: Letter) -> Result<(), Full> {
        let about = |notice: &Notice| match notice {
            Notice::Renewed { case, epoch, .. } => Some((case.clone(), *epoch)),
            _ => None,
        };
        let renewed = about(&letter.notice);
        if renewed.is_some() {
            self.passing.retain(|other| about(&other.notice) != renewed);
        }
        if self.passing.len() >= PASSING_MAX {
            return Err(Full);
        }
        self.passing.push_back(letter);
        Ok(())
    }

    /// The next message that may be sent, with its number.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(u64, Letter)> {
        let next = self.take(now);
        self.ready_since = None;
        self.note_readiness(now);
        next
    }

    fn take(&mut self, now: Instant) -> Option<(u64, Letter)> {
        if let Some(letter) = self.passing.pop_front() {
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
        self.passing.clear();
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

#[cfg(test)]
mod tests;
