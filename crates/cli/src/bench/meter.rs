//! What was measured: how many, and how long each took, while the clock ran.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Notify;

use crate::exit::{Exit, Failure};

/// The longest time that is told apart, in microseconds: a minute.
const LONGEST: u64 = 60_000_000;

/// Counts what is finished between two moments. Shared by everybody who works.
pub(crate) struct Meter {
    began: Instant,
    /// In microseconds since it began; what is finished before does not count.
    from: AtomicU64,
    until: AtomicU64,
    times: Mutex<Histogram<u64>>,
    stopping: AtomicBool,
    trouble: Mutex<Option<String>>,
    troubled: Notify,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// How many were finished.
    pub(crate) count: u64,
    /// In how many seconds.
    pub(crate) seconds: f64,
    /// Half took no longer than this, in microseconds.
    pub(crate) p50: u64,
    /// Ninety-nine of a hundred took no longer than this, in microseconds.
    pub(crate) p99: u64,
}

impl Meter {
    /// One that does not count yet.
    pub(crate) fn new() -> Result<Self, Failure> {
        let times = Histogram::new_with_bounds(1, LONGEST, 3)
            .map_err(|error| Failure::of("cannot measure", &error))?;
        Ok(Self {
            began: Instant::now(),
            from: AtomicU64::new(u64::MAX),
            until: AtomicU64::new(u64::MAX),
            times: Mutex::new(times),
            stopping: AtomicBool::new(false),
            trouble: Mutex::new(None),
            troubled: Notify::new(),
        })
    }

    /// One of those that are measured is finished, and took this long.
    pub(crate) fn finished(&self, took: Duration) {
        let now = self.now();
        if now < self.from.load(Ordering::Relaxed) || now >= self.until.load(Ordering::Relaxed) {
            return;
        }
        let took = u64::try_from(took.as_micros()).unwrap_or(LONGEST);
        self.times.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(took.max(1));
    }

    /// Whether nothing new should be begun.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Something went wrong that makes the measurement worthless. Only the first is told.
    pub(crate) fn fail(&self, what: impl Into<String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.get_or_insert_with(|| what.into());
        self.troubled.notify_one();
    }

    /// Ready when something went wrong.
    pub(crate) async fn failed(&self) -> Failure {
        loop {
            let told = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(what) = told {
                return Failure::new(Exit::Failed, what);
            }
            self.troubled.notified().await;
        }
    }

    /// Lets everything run for a while, then counts for `length`, then lets nothing new begin.
    pub(crate) async fn measure(
        &self,
        warm_up: Duration,
        length: Duration,
    ) -> Result<Reading, Failure> {
        self.sleep(warm_up).await?;
        let from = self.now();
        self.until.store(from + micros(length), Ordering::Relaxed);
        self.from.store(from, Ordering::Relaxed);
        self.sleep(length).await?;
        self.stop();
        Ok(self.reading(length))
    }

    /// Counts everything from now on.
    pub(crate) fn count_all(&self) {
        self.from.store(self.now(), Ordering::Relaxed);
    }

    /// Lets nothing new begin.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// What was counted, over this length of time.
    pub(crate) fn reading(&self, length: Duration) -> Reading {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        Reading {
            count: times.len(),
            seconds: length.as_secs_f64(),
            p50: times.value_at_quantile(0.5),
            p99: times.value_at_quantile(0.99),
        }
    }

    async fn sleep(&self, length: Duration) -> Result<(), Failure> {
        tokio::select! {
            () = tokio::time::sleep(length) => Ok(()),
            failure = self.failed() => Err(failure),
        }
    }

    fn now(&self) -> u64 {
        micros(self.began.elapsed())
    }
}

impl Reading {
    /// How many in a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.count as f64 / self.seconds
    }
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn what_is_finished_before_the_clock_runs_does_not_count() {
        let meter = Meter::new().unwrap();
        meter.finished(Duration::from_millis(3));
        assert_eq!(meter.reading(Duration::from_secs(1)).count, 0);
    }

    #[tokio::test]
    async fn trouble_ends_a_measurement() {
        let meter = Meter::new().unwrap();
        meter.fail("the line broke");
        meter.fail("and more");
        let ended = meter.measure(Duration::from_secs(60), Duration::from_secs(60)).await;
        assert_eq!(ended.unwrap_err().what, "the line broke");
    }
}
