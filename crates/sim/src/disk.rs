//! The disk of a simulated machine: how long commits and reads take, and at which of them the machine dies.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belay_journal::{Disk, Slowness};
use tokio::sync::Notify;

use crate::dice::Dice;

/// A disk that is mostly quick and sometimes slow.
pub(crate) struct SimDisk {
    state: Mutex<State>,
    crash: Arc<Notify>,
}

struct State {
    dice: Dice,
    /// The commits that are left until the machine dies in the middle of one.
    commits_left: Option<u64>,
}

impl SimDisk {
    /// A disk whose machine dies at the commit after so many, by telling `crash`.
    #[must_use]
    pub(crate) fn new(dice: Dice, commits_left: Option<u64>, crash: Arc<Notify>) -> Self {
        Self { state: Mutex::new(State { dice, commits_left }), crash }
    }
}

impl State {
    fn slowness(&mut self) -> Slowness {
        let slow = self.dice.percent(4);
        let range = if slow { 20..250 } else { 0..4 };
        let done_after = self.dice.millis(range.clone());
        let told_after = self.dice.millis(range);
        Slowness { done_after, told_after }
    }
}

impl Disk for SimDisk {
    fn commit(&self) -> Slowness {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slowness = state.slowness();
        match &mut state.commits_left {
            Some(0) => {
                state.commits_left = None;
                // Long enough that there is a moment before and a moment after it is durable.
                slowness.done_after += Duration::from_millis(20);
                slowness.told_after += Duration::from_millis(20);
                let whole = slowness.done_after + slowness.told_after;
                let at = state.dice.within(0..u64::try_from(whole.as_millis()).unwrap_or(1) + 5);
                let crash = self.crash.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(at)).await;
                    crash.notify_one();
                });
            }
            Some(left) => *left -= 1,
            None => {}
        }
        slowness
    }

    fn read(&self) -> Slowness {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).slowness()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}
