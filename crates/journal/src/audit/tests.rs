use super::*;
use crate::fixture::{Fixture, entry};

#[tokio::test]
async fn an_untouched_journal_is_intact() {
    let f = journal().await;
    let mut seen = Vec::new();
    let report =
        Auditor::open(f.dir()).unwrap().verify(&[], |progress| seen.push(progress)).unwrap();
    assert_eq!((report.events, report.cases, report.is_intact()), (9, 3, true));
    assert_eq!(seen.last(), Some(&Progress { events: 9, total: 9 }));
    assert_eq!(report.end, f.journal.checkpoint().await.unwrap());
}

#[tokio::test]
async fn every_column_of_an_event_is_guarded() {
    for (change, expected) in [
        ("UPDATE events SET kind = 'other' WHERE position = 2", Fault::Altered),
        ("UPDATE events SET at = at + 1 WHERE position = 2", Fault::Altered),
        ("UPDATE events SET body = CAST(body || ' ' AS BLOB) WHERE position = 2", Fault::Altered),
        ("UPDATE events SET body = CAST(body AS TEXT) WHERE position = 2", Fault::Hole),
        ("UPDATE events SET hash = randomblob(32) WHERE position = 2", Fault::Altered),
        ("UPDATE events SET hash = x'00' WHERE position = 2", Fault::Hole),
        ("UPDATE events SET seq = 40 WHERE position = 2", Fault::Gap),
        ("UPDATE events SET case_no = 99 WHERE position = 2", Fault::Stray),
        ("UPDATE events SET case_no = 3, seq = 4 WHERE position = 9", Fault::Altered),
        ("UPDATE events SET position = 50 WHERE position = 2", Fault::Hole),
        ("UPDATE heads SET tenant = 'u' WHERE case_id = 'a'", Fault::Altered),
        ("UPDATE heads SET case_id = 'z' WHERE case_id = 'a'", Fault::Altered),
        ("UPDATE heads SET seq = seq - 1 WHERE case_id = 'a'", Fault::Ending),
        ("UPDATE heads SET hash = randomblob(32) WHERE case_id = 'a'", Fault::Ending),
        ("UPDATE seals SET mark = randomblob(32) WHERE position = 5", Fault::Order),
    ] {
        check_found(change, expected).await;
    }
}

#[tokio::test]
async fn missing_events_are_found() {
    for (change, expected) in [
        ("DELETE FROM events WHERE position = 2", Fault::Hole),
        ("DELETE FROM events WHERE position = 1", Fault::Hole),
        ("DELETE FROM events WHERE position = 9", Fault::Cut),
        ("DELETE FROM heads WHERE case_id = 'b'", Fault::Stray),
        // The tail of a case, its head set back to match: only the journal chain still knows.
        (
            "DELETE FROM events WHERE position = 9; UPDATE heads SET (seq, hash) = \
             (SELECT seq, hash FROM events WHERE position = 4) WHERE case_id = 'a'",
            Fault::Cut,
        ),
        // A whole case, with everything that says it was there.
        (
            "DELETE FROM events WHERE case_no = 2; DELETE FROM heads WHERE no = 2; \
             UPDATE events SET position = position - 1 WHERE position > 5",
            Fault::Order,
        ),
        ("DELETE FROM seals WHERE position = 9", Fault::Cut),
    ] {
        check_found(change, expected).await;
    }
}

#[tokio::test]
async fn two_events_that_changed_places_are_found() {
    check_found(
        "UPDATE events SET position = 100 WHERE position = 6; UPDATE events SET position = 6 WHERE position = 7; \
         UPDATE events SET position = 7 WHERE position = 100",
        Fault::Gap,
    )
    .await;
}

#[tokio::test]
async fn one_altered_event_is_reported_once_and_by_its_name() {
    let f = journal().await;
    f.shell().execute("UPDATE events SET body = x'00' WHERE position = 2", []).unwrap();
    let report = f.journal.verify(Vec::new(), |_| {}).await.unwrap();
    let expected = Break { case: "a".to_owned(), seq: 2, position: 2, what: Fault::Altered };
    assert_eq!(report.broken, [expected]);
    assert_eq!(report.broken[0].to_string(), "case a event 2 (position 2) is not what was written");
}

#[tokio::test]
async fn a_rewritten_history_is_found_by_a_checkpoint_kept_elsewhere() {
    let (honest, forged) = (journal().await, Fixture::new());
    let known = honest.journal.checkpoint().await.unwrap();
    for n in 0..9 {
        forged.append(entry("a", n, 1)).await;
    }
    let report = |known: Vec<Checkpoint>| forged.journal.verify(known, |_| {});
    assert!(report(Vec::new()).await.unwrap().is_intact());
    let broken = report(vec![known]).await.unwrap().broken;
    assert_eq!(broken.iter().map(|found| found.what).collect::<Vec<_>>(), [Fault::Regressed]);
}

#[tokio::test]
async fn it_can_be_verified_while_others_go_on_writing() {
    let f = journal().await;
    let journal = f.journal.clone();
    let writing = tokio::spawn(async move {
        for n in 0..300 {
            journal.submit(vec![entry("w", n, 1)]).await.unwrap();
        }
    });
    let mut last = 0;
    while !writing.is_finished() {
        let report = f.journal.verify(Vec::new(), |_| {}).await.unwrap();
        assert_eq!(report.broken, []);
        assert!(report.events >= last);
        last = report.events;
    }
    writing.await.unwrap();
    assert_eq!(f.journal.verify(Vec::new(), |_| {}).await.unwrap().events, 309);
}

#[tokio::test]
async fn it_can_be_verified_without_a_server() {
    let f = journal().await;
    f.journal.close().await;
    assert!(Auditor::open(f.dir()).unwrap().verify(&[], |_| {}).unwrap().is_intact());
    let missing = Auditor::open(&f.dir().join("nowhere")).err().unwrap();
    assert!(matches!(missing, OpenError::Missing { .. }), "{missing:?}");
}

#[tokio::test]
async fn events_stay_as_they_are_even_for_a_careless_shell() {
    let f = journal().await;
    let shell = Connection::open(f.file()).unwrap();
    assert!(shell.execute("UPDATE events SET kind = 'x'", []).is_err());
    assert!(shell.execute("DELETE FROM events", []).is_err());
}

/// Case `a` at positions 1, 2, 3, 4, 9; `b` at 5; `c` at 6, 7, 8; in five transactions.
async fn journal() -> Fixture {
    let f = Fixture::new();
    f.append(entry("a", 0, 2)).await;
    f.append(entry("a", 2, 2)).await;
    f.append(entry("b", 0, 1)).await;
    f.append(entry("c", 0, 3)).await;
    f.append(entry("a", 4, 1)).await;
    f
}

async fn check_found(change: &str, expected: Fault) {
    let f = journal().await;
    f.shell().execute_batch(change).unwrap();
    let report = f.journal.verify(Vec::new(), |_| {}).await.unwrap();
    assert!(
        report.broken.iter().any(|found| found.what == expected),
        "{change}: {:?}",
        report.broken
    );
}
