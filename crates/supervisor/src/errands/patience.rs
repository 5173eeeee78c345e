//! How long an errand waits after something did not work: twice as long each time, and never the same as another
//! errand, so that what failed at once is not asked for at once again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The longest that an errand waits now; twice as long each time.
#[derive(Debug)]
pub(super) struct Patience {
    next: Duration,
    most: Duration,
}

/// Chance that comes out the same for the same errand, so that a simulated world can be run again.
#[derive(Debug)]
pub(super) struct Jitter(AtomicU64);

impl Patience {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self { next: first, most }
    }

    /// The longest that the next wait may take.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        wait
    }
}

impl Jitter {
    /// That of an errand, by what it is about.
    pub(super) fn of(errand: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        errand.hash(&mut hasher);
        Self(AtomicU64::new(hasher.finish()))
    }

    /// A wait of at most this: anything between a tenth and all of it ("full jitter", but never at once). See Marc
    /// Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    pub(super) fn within(&self, most: Duration) -> Duration {
        // SplitMix64: each number is as good as any.
        let mut mixed = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let thousandth = u32::try_from((mixed ^ (mixed >> 31)) % 901).unwrap_or(900);
        most * (100 + thousandth) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_may_be_twice_as_long_as_the_one_before_up_to_a_bound() {
        let mut patience = Patience::new(Duration::from_secs(1), Duration::from_secs(5));
        let waits = [1, 2, 4, 5, 5].map(Duration::from_secs);
        assert_eq!([(); 5].map(|()| patience.next()), waits);
    }

    #[test]
    fn waits_of_many_errands_are_spread_over_all_of_the_time_there_is() {
        let most = Duration::from_secs(10);
        let waits: Vec<Duration> = (0..1_000).map(|case| jitter(case).within(most)).collect();
        assert!(waits.iter().all(|wait| (most / 10..=most).contains(wait)), "{waits:?}");
        for second in 1..10 {
            let within = |wait: &&Duration| wait.as_secs() == second;
            let many = waits.iter().filter(within).count();
            assert!((60..170).contains(&many), "{many} of 1000 wait {second} s");
        }
    }

    #[test]
    fn waits_of_one_errand_differ_and_come_out_the_same_another_time() {
        let most = Duration::from_secs(10);
        let waits = |jitter: Jitter| [(); 8].map(|()| jitter.within(most));
        let first = waits(jitter(1));
        assert_eq!(first, waits(jitter(1)));
        let different: std::collections::BTreeSet<_> = first.into_iter().collect();
        assert!(different.len() > 4, "{first:?}");
    }

    fn jitter(case: u32) -> Jitter {
        Jitter::of(("place", format!("c-{case}")))
    }
}
