//! Chance that can be repeated: everything random in a run comes from its seed.

use std::ops::Range;
use std::time::Duration;

/// A source of chance. The same seed gives the same throws.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// The dice of a seed.
    #[must_use]
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed ^ 0x9e37_79b9_7f4a_7c15 }
    }

    /// Dice of their own for somebody, so that how often others throw does not matter to them.
    #[must_use]
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.roll())
    }

    /// Any number. SplitMix64: small, fast, and good enough to choose faults.
    pub(crate) fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of a range, which must not be empty.
    pub(crate) fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.roll() % (range.end - range.start).max(1)
    }

    /// Whether something happens that happens in so many of a hundred cases.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.within(0..100) < chance
    }

    /// A time between two numbers of milliseconds.
    pub(crate) fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// One of several, which must not be none.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.within(0..of.len() as u64);
        &of[usize::try_from(index).unwrap_or(0)]
    }
}
