use super::*;
use crate::error::{AppendError, Conflict};
use crate::fixture::{Fixture, at, claim, entry, opening, row};
use crate::{Cap, CaseRow, Claim, Entry};

#[tokio::test]
async fn only_what_is_due_is_found_and_the_longest_due_first() {
    let f = Fixture::new();
    for (case, second) in
        [("late", Some(30)), ("soon", Some(10)), ("next", Some(20)), ("never", None)]
    {
        f.append(Entry { attention: second.map(at), ..entry(case, 0, 1) }).await;
    }
    assert_eq!(due_by(&f, 9).await, [""; 0]);
    assert_eq!(due_by(&f, 20).await, ["soon", "next"]);
    assert_eq!(f.journal.next_due().await.unwrap(), Some(at(10)));
    f.append(Entry { attention: Some(at(40)), ..entry("soon", 1, 1) }).await;
    f.append(entry("next", 1, 1)).await;
    assert_eq!(due_by(&f, 100).await, ["late", "soon"]);
    assert_eq!(f.journal.due(at(100), 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_moment_between_microseconds_is_not_found_early() {
    let f = Fixture::new();
    let moment = Timestamp::from_nanosecond(5_000_000_001).unwrap();
    f.append(Entry { attention: Some(moment), ..entry("a", 0, 1) }).await;
    assert_eq!(due_by(&f, 5).await, [""; 0]);
    assert!(f.journal.next_due().await.unwrap().unwrap() >= moment);
}

#[tokio::test]
async fn what_is_due_is_read_from_the_index() {
    let f = Fixture::new();
    let plan: String = f
        .shell()
        .query_row(&format!("EXPLAIN QUERY PLAN {DUE}"), [0, 1], |row| row.get("detail"))
        .unwrap();
    assert!(plan.contains("SEARCH heads USING INDEX heads_due"), "{plan}");
}

#[tokio::test]
async fn what_agents_hold_after_a_moment_is_found_page_by_page_and_nothing_else_is() {
    let f = Fixture::new();
    let held = |case: &str, until: i64| CaseRow { covered_until: Some(at(until)), ..row(case) };
    f.append(opening(held("late", 30))).await;
    f.append(opening(held("soon", 10))).await;
    f.append(opening(held("also", 30))).await;
    f.append(opening(held("over", 5))).await;
    f.append(opening(CaseRow { owner_kind: "queue".to_owned(), ..held("by-people", 20) })).await;
    f.append(opening(CaseRow { coverage: "pending".to_owned(), ..held("by-nobody", 20) })).await;
    f.append(opening(CaseRow { resolved_at: Some(at(1)), ..held("resolved", 20) })).await;
    let (mut found, mut mark) = (Vec::new(), DueMark::past(at(5)));
    loop {
        let (page, last) = f.journal.held_after(mark, 2).await.unwrap();
        mark = last;
        found.extend(page.iter().map(|held| held.case.clone()));
        if page.len() < 2 {
            break;
        }
    }
    assert_eq!(found, ["soon", "late", "also"]);
    let (page, _) = f.journal.held_after(DueMark::past(at(20)), 1).await.unwrap();
    let expected =
        HeldCase { case: "late".to_owned(), agent: "orders".to_owned(), epoch: 1, until: at(30) };
    assert_eq!(page, [expected]);
    let plan: String = f
        .shell()
        .query_row(&format!("EXPLAIN QUERY PLAN {HELD_AFTER}"), [0, 0, 1], |row| row.get("detail"))
        .unwrap();
    assert!(plan.contains("SEARCH cases USING INDEX cases_covered"), "{plan}");
}

#[tokio::test]
async fn a_claim_has_one_holder_until_it_is_released() {
    let f = Fixture::new();
    f.append(Entry { claims: vec![claim("k", "a")], ..entry("a", 0, 1) }).await;
    // Again by the same holder, and the same key in another tenant, are both fine.
    f.append(Entry { claims: vec![claim("k", "a")], ..entry("a", 1, 1) }).await;
    f.append(Entry { tenant: "u".to_owned(), claims: vec![claim("k", "x")], ..entry("x", 0, 1) })
        .await;
    check_claimed(&f, Entry { claims: vec![claim("k", "b")], ..entry("b", 0, 1) }, "a").await;
    // Somebody else's release frees nothing.
    let not_mine = Entry {
        releases: vec![claim("k", "b")],
        claims: vec![claim("k", "b")],
        ..entry("b", 0, 1)
    };
    check_claimed(&f, not_mine, "a").await;
    assert_eq!(f.journal.claim("t", "request", "k").await.unwrap().as_deref(), Some("a"));
    f.append(Entry { releases: vec![claim("k", "a")], ..entry("a", 2, 1) }).await;
    f.append(Entry { claims: vec![claim("k", "b")], ..entry("b", 0, 1) }).await;
    assert_eq!(f.journal.claim("t", "request", "k").await.unwrap().as_deref(), Some("b"));
}

#[tokio::test]
async fn a_claim_may_pass_from_hand_to_hand_within_one_submission() {
    let f = Fixture::new();
    f.append(Entry { claims: vec![claim("k", "a")], ..entry("a", 0, 1) }).await;
    let give = Entry { releases: vec![claim("k", "a")], ..entry("a", 1, 1) };
    let take = Entry { claims: vec![claim("k", "b")], ..entry("b", 0, 1) };
    f.journal.submit(vec![give, take]).await.unwrap();
    assert_eq!(f.journal.claim("t", "request", "k").await.unwrap().as_deref(), Some("b"));
}

#[tokio::test]
async fn two_claims_in_one_submission_or_one_group_conflict_as_well() {
    let f = Fixture::new();
    let wish =
        |case: &str, key: &str| Entry { claims: vec![claim(key, case)], ..entry(case, 0, 1) };
    let both = f.journal.submit(vec![wish("a", "k"), wish("b", "k")]).await;
    assert!(matches!(both, Err(AppendError::Conflict(Conflict::Claimed { .. }))), "{both:?}");
    assert!(f.journal.load("a").await.unwrap().is_empty());
    let guard = f.hold_writer();
    let (first, second) =
        (f.journal.submit(vec![wish("a", "k")]), f.journal.submit(vec![wish("b", "k")]));
    drop(guard);
    assert!(first.await.is_ok());
    assert!(second.await.is_err());
}

#[tokio::test]
async fn usage_counts_from_a_moment_until_it_is_taken_back() {
    let f = Fixture::new();
    let used = vec![usage(5, 10, "a/a1"), usage(7, 20, "a/a2"), usage(9, 30, "a/a3")];
    f.append(Entry { usage: used, ..entry("a", 0, 1) }).await;
    assert_eq!(amounts(&f, 20).await, [7, 9]);
    f.append(Entry { releases_usage: vec!["a/a2".to_owned()], ..entry("a", 1, 1) }).await;
    assert_eq!(amounts(&f, 0).await, [5, 9]);
    assert_eq!(f.journal.usage_since("u", "refunds", at(0)).await.unwrap(), []);
}

#[tokio::test]
async fn a_limit_holds_even_when_two_decided_on_the_same_budget() {
    let f = Fixture::new();
    let cap = |max_minor| Cap {
        key: "refunds".to_owned(),
        currency: "EUR".to_owned(),
        since: at(15),
        max_minor,
    };
    let spend = |case: &str, amount| Entry {
        usage: vec![usage(amount, 20, &format!("{case}/a1"))],
        caps: vec![cap(100)],
        ..entry(case, 0, 1)
    };
    f.append(Entry { usage: vec![usage(1_000, 10, "old/a1")], ..entry("old", 0, 1) }).await;
    let guard = f.hold_writer();
    let (first, second) =
        (f.journal.submit(vec![spend("a", 60)]), f.journal.submit(vec![spend("b", 60)]));
    drop(guard);
    assert!(first.await.is_ok());
    let Err(AppendError::Conflict(Conflict::OverCap { total_minor, .. })) = second.await else {
        panic!("the second was let through")
    };
    assert_eq!(total_minor, 120);
    f.append(spend("c", 40)).await;
    let split = f.journal.submit(vec![spend("d", 0), spend("e", 1)]).await;
    assert!(split.is_err(), "split over two entries it went through");
}

#[tokio::test]
async fn uncovered_is_what_is_open_and_not_covered_or_not_any_more() {
    let f = Fixture::new();
    let mut rows = ["covered", "lapsed", "pending", "closed", "endless"].map(row);
    rows[1].covered_until = Some(at(50));
    rows[2].coverage = "pending".to_owned();
    rows[2].uncovered_since = Some(at(40));
    rows[3].coverage = "uncovered".to_owned();
    rows[3].resolved_at = Some(at(30));
    rows[4].covered_until = None;
    for row in rows {
        f.append(opening(row)).await;
    }
    assert_eq!(uncovered_at(&f, 49).await, ["pending", "endless"]);
    assert_eq!(uncovered_at(&f, 50).await, ["pending", "lapsed", "endless"]);
    assert_eq!(f.journal.uncovered_count(Some("t"), at(50)).await.unwrap(), 3);
    assert_eq!(f.journal.uncovered_count(None, at(50)).await.unwrap(), 3);
    assert_eq!(f.journal.uncovered_count(Some("u"), at(50)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_row_follows_its_case() {
    let f = Fixture::new();
    f.append(opening(row("a"))).await;
    let mut later = row("a");
    later.status = "resolved".to_owned();
    later.resolved_at = Some(at(77));
    later.resolution = Some("refunded".to_owned());
    later.epoch = 4;
    f.append(Entry { row: Some(later.clone()), ..entry("a", 1, 1) }).await;
    assert_eq!(f.journal.get("a").await.unwrap(), Some(later.clone()));
    later.subject = "Parcel arrived broken".to_owned();
    later.labels.clear();
    f.append(Entry { row: Some(later.clone()), ..entry("a", 2, 1) }).await;
    f.append(entry("a", 3, 1)).await;
    assert_eq!(f.journal.get("a").await.unwrap(), Some(later));
}

#[tokio::test]
async fn events_are_read_from_a_number_or_a_position_on() {
    let f = Fixture::new();
    f.append(entry("a", 0, 3)).await;
    f.append(entry("b", 0, 2)).await;
    f.append(entry("a", 3, 1)).await;
    let seqs =
        |events: Vec<StoredEvent>| events.into_iter().map(|e| (e.case, e.seq)).collect::<Vec<_>>();
    let of = |case: &str, seq| (case.to_owned(), seq);
    assert_eq!(seqs(f.journal.events_of("a", 1, 2).await.unwrap()), [of("a", 2), of("a", 3)]);
    assert_eq!(seqs(f.journal.events_of("a", 9, 2).await.unwrap()), []);
    assert_eq!(seqs(f.journal.tail(4, 10).await.unwrap()), [of("b", 2), of("a", 4)]);
}

#[tokio::test]
async fn a_damaged_case_is_never_handed_out() {
    let f = Fixture::new();
    f.append(entry("a", 0, 3)).await;
    f.shell().execute("UPDATE events SET body = '{}' WHERE seq = 2", []).unwrap();
    f.shell().execute("UPDATE events SET body = CAST('{}' AS BLOB) WHERE seq = 2", []).unwrap();
    assert!(matches!(f.journal.load("a").await, Err(ReadError::Damaged(_))));
    assert!(matches!(f.journal.events_of("a", 1, 1).await, Err(ReadError::Damaged(_))));
    assert_eq!(f.journal.events_of("a", 2, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_decision_has_to_know_is_read_at_once() {
    let f = Fixture::new();
    let used = vec![usage(5, 10, "a/a1"), usage(7, 20, "a/a2"), usage(9, 30, "a/a3")];
    let claim = Claim { kind: "write".to_owned(), key: "k".to_owned(), holder: "a/a1".to_owned() };
    f.append(Entry { usage: used, claims: vec![claim], ..entry("a", 0, 1) }).await;
    let limits = || {
        ["refunds", "refunds", "others"].map(str::to_owned).into_iter().zip([at(20), at(0), at(0)])
    };
    let total = |count, amount_minor| Total { count, amount_minor };
    let found = f.journal.totals("t", limits().collect(), None, Some(("write", "k".to_owned())));
    let all = vec![total(2, 16), total(3, 21), total(0, 0)];
    assert_eq!(found.await.unwrap(), (all, Some("a/a1".to_owned())));
    let but_for = Some("a/a2".to_owned());
    let found = f.journal.totals("t", limits().collect(), but_for, Some(("write", "l".to_owned())));
    assert_eq!(found.await.unwrap(), (vec![total(1, 9), total(2, 14), total(0, 0)], None));
    let others = f.journal.totals("u", limits().collect(), None, None).await.unwrap();
    assert_eq!(others, (vec![Total::default(); 3], None));
}

#[track_caller]
fn usage(amount_minor: i64, second: i64, action: &str) -> Usage {
    let (key, currency) = ("refunds".to_owned(), "EUR".to_owned());
    Usage { key, amount_minor, currency, at: at(second), action: action.to_owned() }
}

async fn amounts(f: &Fixture, since: i64) -> Vec<i64> {
    let used = f.journal.usage_since("t", "refunds", at(since)).await.unwrap();
    used.into_iter().map(|usage| usage.amount_minor).collect()
}

async fn due_by(f: &Fixture, second: i64) -> Vec<String> {
    f.journal.due(at(second), 100).await.unwrap().into_iter().map(|due| due.case).collect()
}

async fn uncovered_at(f: &Fixture, second: i64) -> Vec<String> {
    let rows = f.journal.uncovered(Some("t"), at(second), 100).await.unwrap();
    rows.into_iter().map(|row| row.case).collect()
}

async fn check_claimed(f: &Fixture, entry: Entry, by: &str) {
    let case = entry.case.clone();
    let Claim { kind, key, .. } = claim("k", "");
    let expected = Conflict::Claimed { kind, key, holder: by.to_owned() };
    assert_eq!(f.journal.submit(vec![entry]).await, Err(AppendError::Conflict(expected)));
    assert_eq!(f.journal.load(&case).await.unwrap(), []);
}
