//! What the next supervisor makes of the last one's marks. Seconds are written as numbers: a life begins with its clock
//! at 1,000, when the machine has been up for 100.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use belay_domain::{Span, Timestamp, after};
use belay_journal::{CaseRow, Disk, Driver, Entry, Journal, NewEvent, Options, Slowness};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::{Mark, Marks};
use crate::surroundings::Wall;
use crate::uptime::Uptime;

#[tokio::test(start_paused = true)]
async fn a_wall_that_went_back_unseen_while_nobody_lived_does_not_make_the_clock_late() {
    // Nobody lived for an hour; the wall was put back by 50 minutes, which is still later than anything journaled.
    check("up 3700; wall 1600", "clock 4600").await;
}

#[tokio::test(start_paused = true)]
async fn a_wall_that_went_back_behind_the_journal_does_not_make_the_clock_late_either() {
    check("up 3700; wall 10", "clock 4600").await;
}

#[tokio::test(start_paused = true)]
async fn a_wall_that_is_ahead_is_believed() {
    check("up 3700; wall 9000", "clock 9000").await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_is_older_than_the_last_event_is_as_good() {
    check("event 1040; up 101; wall 10", "clock 1040").await;
    check("event 1040; up 160; wall 10", "clock 1060").await;
}

#[tokio::test(start_paused = true)]
async fn after_another_boot_whatever_was_covered_has_run_out() {
    check("covered 1300; boot; up 5; wall 1020", "clock 1300").await;
    check("covered 1300; boot; up 5; wall 1400", "clock 1400").await;
}

#[tokio::test(start_paused = true)]
async fn on_another_machine_or_one_without_such_a_clock_whatever_was_covered_has_run_out() {
    check("covered 1300; unknown; wall 1020", "clock 1300").await;
}

#[tokio::test(start_paused = true)]
async fn within_one_boot_what_was_covered_is_covered_for_as_long_as_it_was() {
    check("covered 1300; up 120; wall 1020", "clock 1020").await;
}

#[tokio::test(start_paused = true)]
async fn after_another_boot_the_clock_is_not_behind_the_last_mark() {
    check("lives 40; boot; up 5; wall 10", "clock 1040").await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_taken_up_does_not_lag_behind_for_as_long_as_the_look_took() {
    // Two looks into the journal come before the look at the machine.
    check("slow 7; up 200; wall 10", "clock 1114").await;
}

#[tokio::test(start_paused = true)]
async fn a_life_in_which_the_machine_slept_has_to_end() {
    let directory = tempfile::tempdir().unwrap();
    let asleep = Arc::new(AtomicU64::new(0));
    let (begun, slept) = (Instant::now(), asleep.clone());
    let steady = move || {
        let slept = Duration::from_secs(slept.load(Ordering::Relaxed));
        Some(Uptime { boot: "a".to_owned(), up: begun.elapsed() + slept })
    };
    let wall: Wall = Arc::new(|| second(1_000));
    LocalSet::new()
        .run_until(async {
            let journal = open(&directory, Duration::ZERO);
            let marks = Marks::begin(&journal, &wall, Arc::new(steady)).await.unwrap();
            let awake = tokio::time::timeout(Duration::from_secs(3_600), marks.slept());
            assert!(awake.await.is_err(), "an hour in which it was awake");
            asleep.store(600, Ordering::Relaxed);
            assert_eq!(marks.slept().await, Duration::from_secs(600));
            journal.close().await;
        })
        .await;
}

#[test]
fn a_mark_stays_readable() {
    let mark =
        r#"{"clock":"1970-01-01T00:16:40Z","uptime":{"boot":"a","up":{"secs":100,"nanos":0}}}"#;
    let read: Mark = serde_json::from_str(mark).unwrap();
    assert_eq!(read, Mark { clock: second(1_000), uptime: Some(up("a", 100)) });
    assert_eq!(serde_json::to_string(&read).unwrap(), mark);
    let without: Mark = serde_json::from_str(r#"{"clock":"1970-01-01T00:16:40Z"}"#).unwrap();
    assert_eq!(without.uptime, None);
}

/// A life begins and leaves its marks; `between` happens; then the next one's clock shows `expected`.
#[track_caller]
fn check(between: &'static str, expected: &'static str) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let shown = story(between).await;
        assert_eq!(format!("clock {shown}"), expected, "{between}, {place}");
    }
}

/// What the second life's clock shows, in whole seconds.
async fn story(between: &str) -> i64 {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine { uptime: Some(up("a", 100)), wall: second(1_000) };
    let mut next = machine.clone();
    let mut slow = Duration::ZERO;
    LocalSet::new()
        .run_until(async {
            let journal = open(&directory, Duration::ZERO);
            let marks = machine.begin(&journal).await;
            for deed in between.split("; ") {
                let (deed, number) = deed.split_once(' ').unwrap_or((deed, "0"));
                let number: u32 = number.parse().unwrap();
                match deed {
                    "lives" => {
                        tokio::time::advance(Duration::from_secs(number.into())).await;
                        marks.leave().await.unwrap();
                    }
                    "event" => append(&journal, number, None).await,
                    "covered" => append(&journal, 1_010, Some(number)).await,
                    "boot" => next.uptime = Some(up("b", 0)),
                    "unknown" => next.uptime = None,
                    "up" => next.uptime.as_mut().unwrap().up = Duration::from_secs(number.into()),
                    "wall" => next.wall = second(number),
                    "slow" => slow = Duration::from_secs(number.into()),
                    _ => panic!("{deed}"),
                }
            }
            journal.close().await;
        })
        .await;
    LocalSet::new()
        .run_until(async { next.begin(&open(&directory, slow)).await.clock().now().as_second() })
        .await
}

/// What a machine shows at a moment; it goes on from there.
#[derive(Clone)]
struct Machine {
    uptime: Option<Uptime>,
    wall: Timestamp,
}

impl Machine {
    /// A supervisor's life begins.
    async fn begin(&self, journal: &Journal) -> Marks {
        let begun = Instant::now();
        let Self { uptime, wall } = self.clone();
        let wall = move || {
            let passed = i64::try_from(begun.elapsed().as_micros()).unwrap();
            after(wall, Span::from_micros(passed))
        };
        let steady = move || {
            let uptime = uptime.clone()?;
            Some(Uptime { up: uptime.up + begun.elapsed(), ..uptime })
        };
        Marks::begin(journal, &(Arc::new(wall) as _), Arc::new(steady)).await.unwrap()
    }
}

/// A disk on which every look takes so long.
#[derive(Debug)]
struct Slow(Duration);

impl Disk for Slow {
    fn commit(&self) -> Slowness {
        Slowness::default()
    }

    fn read(&self) -> Slowness {
        Slowness { done_after: self.0, told_after: Duration::ZERO }
    }
}

fn open(directory: &tempfile::TempDir, slow: Duration) -> Journal {
    let driver = Driver::Inline(Arc::new(Slow(slow)));
    Journal::open(directory.path(), Options { driver, ..Options::default() }).unwrap()
}

/// An event at a second, and until when its case is covered.
async fn append(journal: &Journal, at: u32, covered_until: Option<u32>) {
    let row = covered_until.map(|until| CaseRow {
        tenant: "t".to_owned(),
        case: "c".to_owned(),
        status: "open".to_owned(),
        coverage: CaseRow::COVERED.to_owned(),
        covered_until: Some(second(until)),
        ..CaseRow::default()
    });
    let event = NewEvent { kind: "noted".to_owned(), at: second(at), body: b"{}".to_vec() };
    let entry = Entry {
        tenant: "t".to_owned(),
        case: "c".to_owned(),
        events: vec![event],
        row,
        ..Entry::default()
    };
    journal.submit(vec![entry]).await.unwrap();
}

fn second(second: u32) -> Timestamp {
    Timestamp::from_second(second.into()).unwrap()
}

fn up(boot: &str, seconds: u64) -> Uptime {
    Uptime { boot: boot.to_owned(), up: Duration::from_secs(seconds) }
}
