use super::*;
use crate::fixture::{at, entry, row};
use crate::{Entry, Journal, Options};

#[tokio::test]
async fn an_older_journal_becomes_a_newer_one_and_keeps_its_events() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let mut old = Connection::open(&path).unwrap();
    migrate(&mut old, &MIGRATIONS[..1]).unwrap();
    // As the version before wrote it: one event of one case, in this very encoding.
    let mut chain = crate::chain::Chain::default();
    let before = crate::Hash::NONE;
    let event = crate::chain::Link {
        before,
        tenant: "t",
        case: "a",
        seq: 1,
        kind: "noted",
        at_micros: 7,
        body: b"{}",
    };
    let hash = chain.event(event);
    let mark = chain.mark(before, 1, "a", 1, hash);
    old.execute("INSERT INTO events VALUES (1, 1, 1, 'noted', 7, CAST('{}' AS BLOB), ?1)", [hash])
        .unwrap();
    old.execute("INSERT INTO heads VALUES (1, 'a', 't', 1, ?1, 9)", [hash]).unwrap();
    old.execute("INSERT INTO seals VALUES (1, ?1, 7)", [mark]).unwrap();
    drop(old);

    let journal = Journal::open(dir.path(), Options::default()).unwrap();
    let line = row("a");
    journal.submit(vec![Entry { row: Some(line.clone()), ..entry("a", 1, 1) }]).await.unwrap();
    assert_eq!(journal.load("a").await.unwrap().len(), 2);
    assert_eq!(journal.get("a").await.unwrap(), Some(line));
    assert!(journal.verify(Vec::new(), |_| {}).await.unwrap().is_intact());
    assert_eq!(journal.due(at(1), 10).await.unwrap(), []);
}

#[test]
fn a_journal_of_a_newer_belay_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = open_writer(&dir.path().join(FILE)).unwrap();
    let mut newer = MIGRATIONS.to_vec();
    newer.push("CREATE TABLE from_the_future (x)");
    migrate(&mut file, &newer).unwrap();
    drop(file);
    for refused in [
        Journal::open(dir.path(), Options::default()).err(),
        crate::Auditor::open(dir.path()).err(),
    ] {
        assert!(
            matches!(refused, Some(OpenError::Newer { found: 3, known: 2, .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_migration_that_fails_leaves_the_journal_as_it_was() {
    let mut file = Connection::open_in_memory().unwrap();
    let failing = ["CREATE TABLE one (x)", "CREATE TABLE two (x); CREATE TABLE one (x)"];
    assert!(migrate(&mut file, &failing).is_err());
    assert_eq!(version(&file).unwrap(), 1);
    let two: i64 = file
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'two'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(two, 0);
}

#[test]
fn files_of_other_programs_are_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    check_foreign(dir.path());
    std::fs::write(&path, "not a database at all, but long enough to have a header".repeat(20))
        .unwrap();
    check_foreign(dir.path());
}

#[track_caller]
fn check_foreign(dir: &Path) {
    let refused = Journal::open(dir, Options::default()).err();
    assert!(matches!(refused, Some(OpenError::Foreign { .. })), "{refused:?}");
}
