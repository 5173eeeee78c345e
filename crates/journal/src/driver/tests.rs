use std::path::Path;

use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use super::*;
use crate::fixture::entry;
use crate::{Journal, Options};

/// Two seconds until a commit is durable, one more until it is told; reads take three and one.
#[derive(Debug)]
struct Slow;

impl Disk for Slow {
    fn commit(&self) -> Slowness {
        let (done_after, told_after) = (Duration::from_secs(2), Duration::from_secs(1));
        Slowness { done_after, told_after }
    }

    fn read(&self) -> Slowness {
        let (done_after, told_after) = (Duration::from_secs(3), Duration::from_secs(1));
        Slowness { done_after, told_after }
    }
}

#[test]
fn commits_and_reads_take_the_time_of_their_disk() {
    let dir = tempfile::tempdir().unwrap();
    live(dir.path(), async |journal| {
        let begun = Instant::now();
        journal.submit(vec![entry("c", 0, 2)]).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 3);
        assert_eq!(journal.load("c").await.unwrap().len(), 2);
        assert_eq!(begun.elapsed().as_secs(), 7);
        journal.close().await;
    });
}

#[test]
fn a_crash_before_the_commit_is_durable_loses_it_and_one_after_does_not() {
    for (crash_after, kept) in [(1_900, 0), (2_100, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let crash_after = Duration::from_millis(crash_after);
        live(dir.path(), async move |journal| {
            let commit = journal.submit(vec![entry("c", 0, 1)]);
            let told = tokio::time::timeout(crash_after, commit).await;
            assert!(told.is_err(), "nobody was told yet: {told:?}");
        });
        live(dir.path(), async move |journal| {
            assert_eq!(journal.load("c").await.unwrap().len(), kept, "after {crash_after:?}");
        });
    }
}

#[test]
fn what_arrives_during_a_commit_is_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    live(dir.path(), async |journal| {
        let first = journal.submit(vec![entry("a", 0, 1)]);
        sleep(Duration::from_secs(1)).await;
        let second = journal.submit(vec![entry("b", 0, 1)]);
        let third = journal.submit(vec![entry("c", 0, 1)]);
        first.await.unwrap();
        second.await.unwrap();
        third.await.unwrap();
        assert_eq!(journal.stats().commits, 2);
    });
}

/// Opens the journal in a runtime whose end is a crash.
#[track_caller]
fn live(dir: &Path, story: impl AsyncFnOnce(&Journal)) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let driver = Driver::Inline(Arc::new(Slow));
        let journal = Journal::open(dir, Options { driver, ..Options::default() }).unwrap();
        story(&journal).await;
    });
}
