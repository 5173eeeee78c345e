//! How often a system outside may be asked again for what it did not do: a bound over all errands together, so that a
//! system that is down or struggling is not held down by everybody's repeats.
//!
//! Repeats are a tenth of what it answers, or one a second, whichever is more. A repeat that is answered pays for more
//! than itself, so that everything that waits gets through soon after the system is back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use belay_domain::SystemId;
use dashmap::DashMap;
use tokio::time::Instant;

/// What a repeat costs. Everything is counted in tenths of a repeat.
const REPEAT: u32 = 10;

/// What is earned when something is answered that was asked for the first time: a tenth of a repeat.
const FIRST_ANSWERED: u32 = 1;

/// What is earned when a repeat is answered. More than it cost, or those who wait would come back one a second; less
/// than twice, or a system that answers every other time would be repeated to without end.
const REPEAT_ANSWERED: u32 = 18;

/// The most that is saved up: so many errands may repeat at once when a system fails for a moment.
const SAVED_MAX: u32 = 50 * REPEAT;

/// However little it answers, a repeat that often finds out whether it is back.
const REPEAT_EVERY: Duration = Duration::from_secs(1);

/// What may be repeated to each system.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    systems: DashMap<SystemId, Mutex<Budget>>,
}

/// What may be repeated to one system.
#[derive(Debug)]
struct Budget {
    saved: u32,
    /// When the last repeat was made for which nothing was saved.
    unpaid: Option<Instant>,
}

impl Budgets {
    /// Whether a system may be asked again now. It is taken as asked.
    pub(super) fn repeat(&self, system: &SystemId) -> bool {
        self.with(system, |budget| budget.repeat(Instant::now()))
    }

    /// A system has answered, after it was asked for the first time or again.
    pub(super) fn answered(&self, system: &SystemId, again: bool) {
        self.with(system, |budget| budget.answered(again));
    }

    fn with<T>(&self, system: &SystemId, act: impl FnOnce(&mut Budget) -> T) -> T {
        let budget = match self.systems.get(system) {
            Some(found) => found,
            None => self.systems.entry(system.clone()).or_default().downgrade(),
        };
        act(&mut budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { saved: SAVED_MAX, unpaid: None }
    }
}

impl Budget {
    fn repeat(&mut self, now: Instant) -> bool {
        if let Some(left) = self.saved.checked_sub(REPEAT) {
            self.saved = left;
            return true;
        }
        let due = self.unpaid.is_none_or(|last| now.duration_since(last) >= REPEAT_EVERY);
        if due {
            self.unpaid = Some(now);
        }
        due
    }

    fn answered(&mut self, again: bool) {
        let earned = if again { REPEAT_ANSWERED } else { FIRST_ANSWERED };
        self.saved = (self.saved + earned).min(SAVED_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_system_that_is_down_is_asked_again_once_a_second_by_all_together() {
        let (budgets, system) = (Budgets::default(), system("itsm"));
        let saved = repeats(&budgets, &system);
        assert_eq!(saved, 51, "what was saved, and the one that finds out");
        let mut asked = 0;
        for _ in 0..1_000 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            asked += repeats(&budgets, &system);
        }
        assert_eq!(asked, 100, "in 100 seconds");
        assert_eq!(repeats(&budgets, &self::system("other")), 51, "others do not suffer");
    }

    #[tokio::test(start_paused = true)]
    async fn repeats_are_a_tenth_of_what_is_answered() {
        let (budgets, system) = (Budgets::default(), system("itsm"));
        repeats(&budgets, &system);
        for _ in 0..200 {
            budgets.answered(&system, false);
        }
        assert_eq!(repeats(&budgets, &system), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_system_is_back_everything_that_waits_gets_through_soon() {
        let (budgets, system) = (Budgets::default(), system("itsm"));
        repeats(&budgets, &system);
        let (mut waiting, mut seconds) = (10_000_u32, 0);
        while waiting > 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            seconds += 1;
            for _ in 0..repeats(&budgets, &system).min(waiting) {
                budgets.answered(&system, true);
                waiting -= 1;
            }
        }
        assert!((5..300).contains(&seconds), "{seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_system_that_answers_every_other_time_is_not_repeated_to_without_end() {
        let (budgets, system) = (Budgets::default(), system("itsm"));
        let mut asked = 0_u32;
        while budgets.repeat(&system) {
            asked += 1;
            if asked.is_multiple_of(2) {
                budgets.answered(&system, true);
            }
        }
        assert!((51..1_000).contains(&asked), "{asked}");
    }

    /// How often it may be asked again now.
    fn repeats(budgets: &Budgets, system: &SystemId) -> u32 {
        let mut count = 0;
        while budgets.repeat(system) {
            count += 1;
        }
        count
    }

    fn system(name: &str) -> SystemId {
        name.parse().unwrap()
    }
}
