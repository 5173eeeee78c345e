use super::*;
use crate::error::Conflict;
use crate::fixture::{Fixture, claim, entry, opening, row};
use crate::{Fault, Receipt};

#[tokio::test]
async fn what_is_acknowledged_can_be_read() {
    let f = Fixture::new();
    let receipt = f.journal.submit(vec![entry("a", 0, 2), entry("b", 0, 1)]).await;
    assert_eq!(receipt, Ok(Receipt { first: 1, last: 3 }));
    let events = f.journal.load("a").await.unwrap();
    let seqs: Vec<(u64, u64, &[u8])> =
        events.iter().map(|e| (e.position, e.seq, e.body.as_slice())).collect();
    assert_eq!(seqs, [(1, 1, &br#"{"number":1}"#[..]), (2, 2, &br#"{"number":2}"#[..])]);
    assert_eq!(*f.journal.durable().borrow(), 3);
}

#[tokio::test]
async fn everything_that_waits_becomes_one_transaction() {
    let f = Fixture::new();
    let guard = f.hold_writer();
    let commits: Vec<Commit> =
        (0..200).map(|n| f.journal.submit(vec![entry(&format!("c{n}"), 0, 1)])).collect();
    drop(guard);
    for commit in commits {
        commit.await.unwrap();
    }
    // The first may have been taken alone before the others came.
    assert!(
        f.count("SELECT count(*) FROM seals") <= 2,
        "{} transactions",
        f.count("SELECT count(*) FROM seals")
    );
    assert!(f.journal.stats().commits <= 2);
    assert_eq!(f.journal.stats().submissions, 200);
}

#[tokio::test]
async fn submissions_become_durable_in_the_order_of_their_calls() {
    let f = Fixture::new();
    let mut commits = Vec::new();
    for n in 0..500 {
        commits.push(f.journal.submit(vec![entry("a", n, 1)]));
        if n % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for (n, commit) in (1..).zip(commits) {
        assert_eq!(commit.await, Ok(Receipt { first: n, last: n }));
    }
}

#[tokio::test]
async fn a_conflict_leaves_nothing_and_hurts_nobody_else() {
    let f = Fixture::new();
    f.append(entry("a", 0, 2)).await;
    let guard = f.hold_writer();
    let before = f.journal.submit(vec![entry("b", 0, 1)]);
    let stale = Entry { claims: vec![claim("k", "x")], row: Some(row("x")), ..entry("x", 0, 1) };
    let refused = f.journal.submit(vec![stale, entry("a", 1, 1)]);
    let after = f.journal.submit(vec![entry("c", 0, 1)]);
    drop(guard);
    assert!(before.await.is_ok());
    let conflict = Conflict::Seq { case: "a".to_owned(), expected: 1, found: 2 };
    assert_eq!(refused.await, Err(AppendError::Conflict(conflict)));
    assert_eq!(after.await, Ok(Receipt { first: 4, last: 4 }));
    assert_eq!(f.journal.load("x").await.unwrap(), []);
    assert_eq!(f.journal.get("x").await.unwrap(), None);
    assert_eq!(f.journal.claim("t", "request", "k").await.unwrap(), None);
    assert!(f.journal.verify(Vec::new(), |_| {}).await.unwrap().is_intact());
}

#[tokio::test]
async fn one_submission_may_carry_a_case_further_twice() {
    let f = Fixture::new();
    f.journal.submit(vec![entry("a", 0, 2), entry("b", 0, 1), entry("a", 2, 1)]).await.unwrap();
    assert_eq!(f.journal.load("a").await.unwrap().len(), 3);
    let twice = f.journal.submit(vec![entry("a", 3, 1), entry("a", 3, 1)]).await;
    assert_eq!(
        twice,
        Err(AppendError::Conflict(Conflict::Seq { case: "a".to_owned(), expected: 3, found: 4 }))
    );
    assert_eq!(f.journal.load("a").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_case_never_changes_its_tenant() {
    let f = Fixture::new();
    let foreign = |seq| Entry { tenant: "u".to_owned(), ..entry("a", seq, 1) };
    // Only asked for, so it does not exist yet and anybody may still begin it.
    assert!(f.journal.submit(vec![entry("a", 7, 1)]).await.is_err());
    f.append(foreign(0)).await;
    let refused = f.journal.submit(vec![entry("a", 1, 1)]).await;
    assert_eq!(refused, Err(AppendError::Conflict(Conflict::OtherTenant { case: "a".to_owned() })));
    let mixed = f
        .journal
        .submit(vec![entry("b", 0, 1), Entry { case: "b".to_owned(), ..foreign(1) }])
        .await;
    assert_eq!(mixed, Err(AppendError::Conflict(Conflict::OtherTenant { case: "b".to_owned() })));
}

#[tokio::test]
async fn everything_is_still_there_after_a_restart() {
    let f = Fixture::new();
    f.append(opening(row("a"))).await;
    f.journal.put_meta("instance", "one").await.unwrap();
    let end = f.journal.checkpoint().await.unwrap();
    f.journal.close().await;
    assert_eq!(f.journal.submit(vec![entry("a", 1, 1)]).await, Err(AppendError::Closed));

    let options = Options { known: Some(end), ..Options::default() };
    let again = Journal::open(f.dir(), options).unwrap();
    again.submit(vec![entry("a", 1, 1)]).await.unwrap();
    assert_eq!(again.load("a").await.unwrap().len(), 2);
    assert_eq!(again.meta("instance").await.unwrap().as_deref(), Some("one"));
    assert_eq!(again.latest_at().await.unwrap(), Some(crate::fixture::at(1_002)));
    assert_eq!(again.get("a").await.unwrap(), Some(row("a")));
    assert!(again.verify(vec![end], |_| {}).await.unwrap().is_intact());
}

#[tokio::test]
async fn closing_makes_everything_durable_that_was_submitted() {
    let f = Fixture::new();
    let commits: Vec<Commit> = (0..100).map(|n| f.journal.submit(vec![entry("a", n, 1)])).collect();
    f.journal.close().await;
    for commit in commits {
        commit.await.unwrap();
    }
    assert_eq!(f.count("SELECT count(*) FROM events"), 100);
}

#[tokio::test]
async fn a_second_writer_is_told_who_has_the_journal() {
    let f = Fixture::new();
    let refused = Journal::open(f.dir(), Options::default()).err().unwrap();
    let pid = std::process::id().to_string();
    assert!(
        matches!(&refused, OpenError::InUse { pid: found, .. } if *found == pid),
        "{refused:?}"
    );
    assert!(refused.to_string().contains(&f.dir().display().to_string()));
    f.journal.close().await;
    assert!(Journal::open(f.dir(), Options::default()).is_ok());
}

#[tokio::test]
async fn a_full_queue_says_so_and_takes_again_when_it_has_room() {
    let f = Fixture::with(Options { submissions_waiting_max: 3, ..Options::default() });
    let guard = f.hold_writer();
    // The writer may have taken one group out of the line before the guard stops it.
    let commits: Vec<Commit> =
        (0..20).map(|n| f.journal.submit(vec![entry(&format!("c{n}"), 0, 1)])).collect();
    drop(guard);
    let mut full = 0;
    for commit in commits {
        match commit.await {
            Ok(_) => {}
            Err(AppendError::Full { waiting, .. }) => {
                assert_eq!(waiting, 3);
                full += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(full >= 10, "only {full} were refused");
    assert_eq!(i64::from(20 - full), f.count("SELECT count(*) FROM events"));
    f.append(entry("late", 0, 1)).await;
}

#[tokio::test]
async fn a_full_disk_refuses_new_work_and_loses_nothing() {
    let f = Fixture::with(Options { size_max_bytes: Some(400_000), ..Options::default() });
    let mut written = 0;
    let refused = loop {
        let mut big = entry("a", written, 1);
        big.events[0].body = vec![b'x'; 50_000];
        match f.journal.submit(vec![big]).await {
            Ok(_) => written += 1,
            Err(refused) => break refused,
        }
        assert!(written < 100, "the limit was never reached");
    };
    assert_eq!(refused, AppendError::DiskFull { path: f.file() });
    assert!(written > 0);
    assert_eq!((f.journal.failure(), *f.journal.durable().borrow()), (None, written));
    assert_eq!(f.journal.load("a").await.unwrap().len() as u64, written);

    // What was decided on the refused one is refused as well, and what does fit goes on where the last one ended.
    let stale = f.journal.submit(vec![entry("a", written + 1, 1)]).await;
    assert!(matches!(stale, Err(AppendError::Conflict(_))), "{stale:?}");
    let receipt = f.journal.submit(vec![entry("a", written, 1)]).await.unwrap();
    assert_eq!(receipt, Receipt { first: written + 1, last: written + 1 });
    assert!(f.journal.verify(Vec::new(), |_| {}).await.unwrap().is_intact());
    f.journal.close().await;

    let again = Journal::open(f.dir(), Options::default()).unwrap();
    again.submit(vec![entry("a", written + 1, 1)]).await.unwrap();
    again.submit(vec![entry("z", 0, 1)]).await.unwrap();
    assert!(again.verify(Vec::new(), |_| {}).await.unwrap().is_intact());
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_before_it_waits() {
    let f = Fixture::new();
    let mut fat = entry("a", 0, 1);
    fat.events[0].body = vec![0; crate::BODY_BYTES_MAX + 1];
    let nameless = entry("", 0, 1);
    let foreign_row = Entry { row: Some(row("b")), ..entry("a", 0, 1) };
    let unbegun = entry("a", 0, 0);
    for bad in [fat, nameless, foreign_row, unbegun] {
        let refused = f.journal.submit(vec![bad]).await;
        assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(f.count("SELECT count(*) FROM events"), 0);
}

#[tokio::test]
async fn an_old_copy_is_not_opened_when_a_later_checkpoint_is_known() {
    let f = Fixture::new();
    f.append(entry("a", 0, 1)).await;
    f.journal.close().await;
    let old = std::fs::read(f.file()).unwrap();
    let journal = Journal::open(f.dir(), Options::default()).unwrap();
    journal.submit(vec![entry("a", 1, 1)]).await.unwrap();
    let end = journal.checkpoint().await.unwrap();
    journal.close().await;
    drop(journal);
    std::fs::write(f.file(), old).unwrap();
    let options = Options { known: Some(end), ..Options::default() };
    let refused = Journal::open(f.dir(), options).err().unwrap();
    assert!(matches!(refused, OpenError::Regressed { position: 2, .. }), "{refused:?}");
    let auditor = Auditor::open(f.dir()).unwrap();
    assert!(auditor.verify(&[], |_| {}).unwrap().is_intact());
    let broken = auditor.verify(&[end], |_| {}).unwrap().broken;
    assert_eq!(broken.iter().map(|b| b.what).collect::<Vec<_>>(), [Fault::Regressed]);
}

#[tokio::test]
async fn a_journal_whose_end_was_cut_is_not_opened() {
    let f = Fixture::new();
    f.append(entry("a", 0, 2)).await;
    f.journal.close().await;
    f.shell().execute("DELETE FROM events WHERE position = 2", []).unwrap();
    let refused = Journal::open(f.dir(), Options::default()).err().unwrap();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
}

#[test]
fn commits_are_fsynced() {
    let dir = tempfile::tempdir().unwrap();
    let connection = open_writer(&dir.path().join(FILE)).unwrap();
    let pragma = |name: &str| -> String {
        connection
            .query_row(&format!("PRAGMA {name}"), [], |row| {
                row.get(0).map(|value: rusqlite::types::Value| format!("{value:?}"))
            })
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), r#"Text("wal")"#);
    assert_eq!(pragma("synchronous"), "Integer(2)");
}
