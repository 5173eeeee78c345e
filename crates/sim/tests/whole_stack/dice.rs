//! Chance that comes from a seed, so that a story can be told again.

/// A stream of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of a seed for one purpose. What one purpose draws changes nothing for another.
    pub(crate) fn of(seed: u64, purpose: &str) -> Self {
        let start = purpose.bytes().fold(seed ^ 0x9e37_79b9_7f4a_7c15, |all, byte| {
            (all ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(17)
        });
        Self(start)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `least` to `most`, both included.
    pub(crate) fn from(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    /// Yes in so many of a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.from(1, 100) <= percent
    }

    /// One of these.
    pub(crate) fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.from(0, all.len() as u64 - 1);
        &all[usize::try_from(at).unwrap_or_default()]
    }

    /// A time between two, in milliseconds.
    pub(crate) fn millis(&mut self, least: u64, most: u64) -> std::time::Duration {
        std::time::Duration::from_millis(self.from(least, most))
    }
}
