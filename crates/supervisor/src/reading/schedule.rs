//! Which tickets of a system are read next. No I/O: told the time, it says what is due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use belay_connect::Wanted;
use belay_domain::{
    CaseId, Correlation, PersonId, QueueId, Span as SignedSpan, TicketId, Timestamp,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

/// Those who fall due within this part of their interval are read along with one that is due.
const ALONG_WITH: u32 = 4;

/// A ticket that was read a moment ago is not more urgent than others, however often somebody says that it changed.
const JUST_READ: Duration = Duration::from_secs(1);

/// A ticket that is read again and again.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) case: CaseId,
    pub(super) correlation: Correlation,
    pub(super) queue: QueueId,
    pub(super) ticket: TicketId,
    pub(super) every: Duration,
    /// When something is lost if nothing is shown: evidence runs out, a step does.
    pub(super) until: Option<Instant>,
    pub(super) due: Instant,
    /// Tells it from others that are due at the same moment; given by the schedule.
    pub(super) number: u64,
    /// Somebody says that it changed.
    pub(super) hurried: bool,
    /// When the last look was sent.
    pub(super) sent: Option<Instant>,
    pub(super) looks: u32,
    /// Who was seen to hold it, and since when.
    pub(super) held: Option<(PersonId, Timestamp)>,
    /// Within which time the takes of its holder are to be counted.
    pub(super) together_within: Option<SignedSpan>,
    pub(super) wanted: CancellationToken,
    pub(super) span: Span,
}

/// All watched tickets of one system. A ticket that is being read is in no order.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    watched: HashMap<Correlation, Watched>,
    order: BTreeMap<(Instant, u64), Correlation>,
    numbers: u64,
    /// Tickets by their names, for rumours.
    names: HashMap<TicketId, Correlation>,
    /// When each person was first seen to hold what they hold.
    takes: HashMap<PersonId, BTreeSet<(Timestamp, u64)>>,
}

impl Schedule {
    /// Takes note of how long what is known of a ticket stands. False if it is not watched.
    pub(super) fn know(
        &mut self,
        step: &Correlation,
        ticket: &TicketId,
        until: Option<Instant>,
    ) -> bool {
        match self.watched.get_mut(step) {
            Some(found) if found.ticket == *ticket && !found.wanted.is_cancelled() => {
                found.until = until;
                true
            }
            _ => false,
        }
    }

    /// Watches a ticket from now on, instead of what was watched for its step.
    pub(super) fn begin(&mut self, mut new: Watched) {
        self.forget(&new.correlation);
        self.numbers += 1;
        new.number = self.numbers;
        self.order.insert(new.place(), new.correlation.clone());
        if let Some((person, at)) = &new.held {
            self.takes.entry(person.clone()).or_default().insert((*at, new.number));
        }
        self.names.insert(new.ticket.clone(), new.correlation.clone());
        self.watched.insert(new.correlation.clone(), new);
    }

    /// Watches it no more. The ticket that was.
    pub(super) fn forget(&mut self, step: &Correlation) -> Option<TicketId> {
        let found = self.watched.remove(step)?;
        self.order.remove(&found.place());
        self.let_go(&found);
        if self.names.get(&found.ticket) == Some(step) {
            self.names.remove(&found.ticket);
        }
        Some(found.ticket)
    }

    /// The same, unless another ticket is watched for the step by now.
    pub(super) fn forget_ticket(&mut self, step: &Correlation, ticket: &TicketId) {
        if self.watched.get(step).is_some_and(|found| found.ticket == *ticket) {
            self.forget(step);
        }
    }

    /// Somebody says that it changed. False if it is not watched.
    pub(super) fn hurry(&mut self, ticket: &TicketId, now: Instant) -> bool {
        let Some(step) = self.names.get(ticket).cloned() else { return false };
        let Some(found) = self.watched.get_mut(&step) else { return false };
        found.hurried = true;
        if self.order.remove(&found.place()).is_some() {
            found.due = found.due.min(now);
            self.order.insert(found.place(), step);
        }
        true
    }

    /// Takes at most `most` tickets that are to be read now, the most urgent first. They are out of the order until
    /// they are [put back](Self::put_back) or [done](Self::done). Nothing if nothing is due.
    pub(super) fn take(&mut self, now: Instant, most: usize) -> Vec<Watched> {
        let due =
            self.order.range(..=(now, u64::MAX)).filter_map(|(_, step)| self.watched.get(step));
        let mut due: Vec<&Watched> = due.collect();
        if due.is_empty() {
            return Vec::new();
        }
        if due.len() > most {
            due.sort_unstable_by_key(|one| one.urgency(now));
            due.truncate(most);
        }
        let mut taken: Vec<Watched> = due.into_iter().cloned().collect();
        let later = self.order.range((now, u64::MAX)..);
        let later = later.filter_map(|(_, step)| self.watched.get(step));
        let along = later.take_while(|one| one.due <= now + one.every / ALONG_WITH);
        taken.extend(along.take(most - taken.len()).cloned());
        for one in &taken {
            self.order.remove(&one.place());
            if let Some(found) = self.watched.get_mut(&one.correlation) {
                found.hurried = false;
            }
        }
        taken
    }

    /// Takes out those that are due and not wanted any more.
    pub(super) fn given_up(&mut self, now: Instant) -> Vec<TicketId> {
        let due = self.order.range(..=(now, u64::MAX)).map(|(_, step)| step);
        let over = due
            .filter(|step| self.watched.get(*step).is_none_or(|found| found.wanted.is_cancelled()));
        let over: Vec<_> = over.cloned().collect();
        over.iter().filter_map(|step| self.forget(step)).collect()
    }

    /// It could not be read along with the others, and is due as before.
    pub(super) fn put_back(&mut self, one: &Watched) {
        if let Some(found) = self.watched.get_mut(&one.correlation) {
            found.hurried |= one.hurried;
            self.order.insert(found.place(), one.correlation.clone());
        }
    }

    /// It was read, by a request that was sent then. How often it has been by now.
    pub(super) fn done(&mut self, step: &Correlation, ticket: &TicketId, sent: Instant) -> u32 {
        let Some(found) = self.watched.get_mut(step).filter(|found| found.ticket == *ticket) else {
            return 0;
        };
        found.sent = Some(sent);
        found.looks = found.looks.saturating_add(1);
        self.order.remove(&found.place());
        // Who was asked to look sooner while it was being read looks again at once.
        found.due = if found.hurried { sent } else { sent + found.every };
        self.order.insert(found.place(), step.clone());
        found.looks
    }

    /// A look that was sent at `at` showed it with this person, or with nobody.
    pub(super) fn held(&mut self, step: &Correlation, by: Option<&PersonId>, at: Timestamp) {
        let Some(found) = self.watched.get_mut(step) else { return };
        if found.held.as_ref().map(|(person, _)| person) == by {
            return;
        }
        let before = found.clone();
        found.held = by.map(|by| (by.clone(), at));
        let number = found.number;
        self.let_go(&before);
        if let Some(by) = by {
            self.takes.entry(by.clone()).or_default().insert((at, number));
        }
    }

    /// How many tickets this person was first seen to hold since then.
    pub(super) fn together(&self, person: &PersonId, since: Timestamp) -> u32 {
        let taken = self.takes.get(person);
        let count = taken.map_or(0, |taken| taken.range((since, 0)..).count());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn let_go(&mut self, held: &Watched) {
        let Some((person, at)) = &held.held else { return };
        if let Some(taken) = self.takes.get_mut(person) {
            taken.remove(&(*at, held.number));
            if taken.is_empty() {
                self.takes.remove(person);
            }
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first_key_value().map(|((due, _), _)| *due)
    }

    /// How many are watched.
    pub(super) fn len(&self) -> usize {
        self.watched.len()
    }
}

impl Watched {
    fn place(&self) -> (Instant, u64) {
        (self.due, self.number)
    }

    /// The smaller the sooner: never read, said to have changed, or what is known of it ends first.
    fn urgency(&self, now: Instant) -> (Reverse<bool>, Instant, Instant) {
        let rested = self.sent.is_none_or(|sent| sent + JUST_READ <= now);
        let first = self.sent.is_none() || self.hurried && rested;
        (Reverse(first), self.until.unwrap_or(self.due + self.every), self.due)
    }
}

impl From<&Watched> for Wanted {
    fn from(one: &Watched) -> Self {
        Self {
            ticket: one.ticket.clone(),
            queue: one.queue.clone(),
            correlation: one.correlation.clone(),
        }
    }
}
