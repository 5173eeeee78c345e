//! Keeping a system's limit: nobody asks before their turn.
//!
//! There are two lines. Looks at tickets stand in the first, because people who hold a case keep it only while it is
//! seen that they do. Whatever else is asked stands in the second: placing, searching, withdrawing, listing. Looks go
//! first; while both lines wait, every fourth turn is the second line's, so neither stands still for the other.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// While both lines wait, so many turns go to looks for each one that goes to the others.
const LOOKS_FOR_EACH_OTHER: u32 = 3;

/// How many may stand in one line, however fast it is.
const WAITING_MOST: usize = 1_000;

/// How often a system may be asked. One look at a ticket counts once, and may take an adapter several requests:
/// leave room for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// So many requests at once after a quiet time.
    pub burst: u32,
    /// One more after each of these.
    pub every: Duration,
    /// How long a request may wait for its turn.
    pub wait_most: Duration,
}

/// What a turn is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// To see a ticket again before what was seen of it is too old.
    Looks,
    /// For anything else. It can wait, and is tried again.
    Others,
}

/// Gives out turns at a system's pace.
#[derive(Debug)]
pub struct Pace {
    limit: RateLimit,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    /// When the next request would be due if none had been saved up.
    next: Option<Instant>,
    looks: VecDeque<Waiting>,
    others: VecDeque<Waiting>,
    /// How many looks went first while others waited, since one of these had its turn.
    passed: u32,
    /// How many have come so far; the number of each is the place it came in.
    come: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    /// How many turns it still wants.
    requests: u32,
    woken: Arc<Notify>,
}

/// A place in a line. Whoever drops it leaves the line.
#[derive(Debug)]
struct Place<'a> {
    pace: &'a Pace,
    line: Line,
    number: u64,
    woken: Arc<Notify>,
}

impl Default for RateLimit {
    /// Twenty at once, then ten a second: what small installations bear.
    fn default() -> Self {
        Self { burst: 20, every: Duration::from_millis(100), wait_most: Duration::from_secs(10) }
    }
}

impl RateLimit {
    /// What a quiet time saves up beside the one request that is due.
    fn saved(&self) -> Duration {
        self.every.saturating_mul(self.burst.saturating_sub(1))
    }

    /// When the last of so many requests may be sent.
    fn last_of(&self, requests: u32, next: Option<Instant>, now: Instant) -> Instant {
        let due = next.map_or(now, |next| next.max(now));
        let due = due + self.every.saturating_mul(requests.saturating_sub(1));
        due.checked_sub(self.saved()).map_or(now, |at| at.max(now))
    }
}

impl Pace {
    /// A pace at which nothing has been asked yet.
    #[must_use]
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, lines: Mutex::default() }
    }

    /// Lets nobody have a turn for so long: the system said that nothing is left for us until then.
    pub fn rest(&self, wait: Duration) {
        let until = Instant::now() + wait + self.limit.saved();
        let mut lines = self.lines();
        lines.next = Some(lines.next.map_or(until, |next| next.max(until)));
    }

    /// Waits for a turn; says how long it would take if that is too long.
    pub async fn turn(&self, line: Line) -> Result<(), Duration> {
        self.turns(line, 1).await
    }

    /// Waits for so many turns. The first ones are kept while the last ones are waited for, so whoever has some does not
    /// give up.
    pub async fn turns(&self, line: Line, requests: u32) -> Result<(), Duration> {
        let requests = requests.max(1);
        let until = Instant::now() + self.limit.wait_most;
        let place = self.stand(line, requests)?;
        loop {
            let wake_at = {
                let (now, mut lines) = (Instant::now(), self.lines());
                let next = lines.serve(&self.limit, now);
                let mut waiting = lines.of(line).iter().enumerate();
                let Some((ahead, one)) = waiting.find(|(_, one)| one.number == place.number) else {
                    return Ok(());
                };
                let begun = one.requests < requests;
                if now >= until && !begun {
                    return Err(lines.wait(&self.limit, line, ahead + 1, 0, now));
                }
                match next {
                    Some(next) if begun => next,
                    Some(next) if ahead == 0 => next.min(until),
                    // Whoever is not in front is woken when that changes.
                    _ => until,
                }
            };
            // Either way it is looked at again who goes next.
            let _ = timeout_at(wake_at, place.woken.notified()).await;
        }
    }

    /// Takes a place at the end of the line, unless it is too long.
    fn stand(&self, line: Line, requests: u32) -> Result<Place<'_>, Duration> {
        let (now, mut lines) = (Instant::now(), self.lines());
        let waiting = lines.of(line).len();
        let wait = lines.wait(&self.limit, line, waiting, requests, now);
        if wait > self.limit.wait_most || waiting >= WAITING_MOST {
            return Err(wait);
        }
        let (number, woken) = (lines.come, Arc::new(Notify::new()));
        lines.come += 1;
        lines.of_mut(line).push_back(Waiting { number, requests, woken: woken.clone() });
        Ok(Place { pace: self, line, number, woken })
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // What it guards is whole at every moment, so a panic elsewhere does not matter.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Gives out every turn that is due, whoever asks for it, and says when the next one is, if somebody waits for it.
    fn serve(&mut self, limit: &RateLimit, now: Instant) -> Option<Instant> {
        loop {
            let line = self.first()?;
            let at = limit.last_of(1, self.next, now);
            if at > now {
                return Some(at);
            }
            self.next = Some(self.next.map_or(now, |next| next.max(now)) + limit.every);
            self.passed = match line {
                Line::Looks if !self.others.is_empty() => self.passed + 1,
                Line::Looks => self.passed,
                Line::Others => 0,
            };
            let waiting = self.of_mut(line);
            let Some(front) = waiting.front_mut() else { continue };
            front.requests -= 1;
            if front.requests == 0 {
                front.woken.notify_one();
                waiting.pop_front();
                if let Some(front) = waiting.front() {
                    front.woken.notify_one();
                }
            }
        }
    }

    /// Whose turn the next one is.
    fn first(&self) -> Option<Line> {
        match (self.looks.is_empty(), self.others.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Line::Others),
            (false, false) if self.passed >= LOOKS_FOR_EACH_OTHER => Some(Line::Others),
            (false, _) => Some(Line::Looks),
        }
    }

    /// How long the first so many of a line and so many requests after them have to wait, by who is there now.
    fn wait(
        &self,
        limit: &RateLimit,
        line: Line,
        waiting: usize,
        more: u32,
        now: Instant,
    ) -> Duration {
        let sum = |some: &VecDeque<Waiting>, most: usize| {
            some.iter().take(most).fold(0_u32, |sum, one| sum.saturating_add(one.requests))
        };
        let before = sum(self.of(line), waiting).saturating_add(more);
        let across = match line {
            Line::Looks => sum(&self.others, usize::MAX).min(before / LOOKS_FOR_EACH_OTHER),
            Line::Others => {
                sum(&self.looks, usize::MAX).min(before.saturating_mul(LOOKS_FOR_EACH_OTHER))
            }
        };
        limit.last_of(before.saturating_add(across), self.next, now) - now
    }

    fn of(&self, line: Line) -> &VecDeque<Waiting> {
        match line {
            Line::Looks => &self.looks,
            Line::Others => &self.others,
        }
    }

    fn of_mut(&mut self, line: Line) -> &mut VecDeque<Waiting> {
        match line {
            Line::Looks => &mut self.looks,
            Line::Others => &mut self.others,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.pace.lines();
        let waiting = lines.of_mut(self.line);
        let Some(at) = waiting.iter().position(|one| one.number == self.number) else { return };
        waiting.remove(at);
        if at > 0 {
            return;
        }
        // Somebody else is in front, and perhaps it is the other line's turn now.
        for front in [lines.looks.front(), lines.others.front()].into_iter().flatten() {
            front.woken.notify_one();
        }
    }
}
