use super::*;
use crate::fixture::{Fixture, at, entry, opening, row};
use crate::{Entry, ReadError};

#[tokio::test]
async fn pages_hold_every_case_once_in_either_order() {
    let f = Fixture::new();
    for n in 0..25 {
        // Several opened in the same second: the place in the list must still be exact.
        let line = CaseRow {
            opened_at: at(1_000 + n / 4),
            updated_at: at(2_000 - n),
            ..row(&format!("c{n:02}"))
        };
        f.append(opening(line)).await;
    }
    for order in [Order::OpenedNewest, Order::OpenedOldest, Order::UpdatedNewest] {
        let query = Query { order, page_size: 4, ..all() };
        let mut cases = walk(&f, query).await;
        if order == Order::OpenedNewest {
            cases.reverse();
        }
        assert_eq!(cases, (0..25).map(|n| format!("c{n:02}")).collect::<Vec<_>>(), "{order:?}");
    }
}

#[tokio::test]
async fn a_case_that_comes_meanwhile_neither_repeats_nor_hides_others() {
    let f = Fixture::new();
    for n in 0..6 {
        f.append(opening(CaseRow { opened_at: at(n), ..row(&format!("c{n}")) })).await;
    }
    let first = f.journal.search(Query { page_size: 2, ..all() }).await.unwrap();
    f.append(opening(CaseRow { opened_at: at(100), ..row("new") })).await;
    let query = Query { page_size: 10, page_token: first.next, ..all() };
    assert_eq!(cases(f.journal.search(query).await.unwrap()), ["c3", "c2", "c1", "c0"]);
}

#[tokio::test]
async fn a_page_token_is_only_good_for_its_own_query() {
    let f = Fixture::new();
    for n in 0..4 {
        f.append(opening(row(&format!("c{n}")))).await;
    }
    let token = f.journal.search(Query { page_size: 2, ..all() }).await.unwrap().next.unwrap();
    let with = |query: Query| Query { page_token: Some(token.clone()), ..query };
    assert!(f.journal.search(with(Query { page_size: 3, ..all() })).await.is_ok());
    let (mut first, rest) = (token.clone(), token[1..].to_owned());
    first.replace_range(31..32, if &token[31..32] == "0" { "1" } else { "0" });
    for bad in [
        with(Query { tenant: "u".to_owned(), ..all() }),
        with(Query { order: Order::OpenedOldest, ..all() }),
        with(Query { open: Some(true), ..all() }),
        Query { page_token: Some(first), ..all() },
        Query { page_token: Some(rest), ..all() },
        Query { page_token: Some("ä".repeat(TOKEN_BYTES)), ..all() },
    ] {
        assert!(matches!(f.journal.search(bad).await, Err(SearchError::BadToken)));
    }
}

#[tokio::test]
async fn each_filter_leaves_out_what_it_should() {
    let f = Fixture::new();
    let base = || row("a");
    let lines = [
        base(),
        CaseRow {
            case: "b".to_owned(),
            status: "resolved".to_owned(),
            resolved_at: Some(at(9)),
            ..base()
        },
        CaseRow {
            case: "c".to_owned(),
            owner_kind: "queue".to_owned(),
            owner: "duty".to_owned(),
            ..base()
        },
        CaseRow {
            case: "d".to_owned(),
            coverage: "uncovered".to_owned(),
            opened_at: at(500),
            ..base()
        },
        CaseRow {
            case: "e".to_owned(),
            customer: "Mei Kovacs".to_owned(),
            kind: "refund".to_owned(),
            ..base()
        },
        CaseRow { case: "f".to_owned(), tenant: "u".to_owned(), ..base() },
    ];
    for line in lines {
        f.append(opening(line)).await;
    }
    let s = |text: &str| text.to_owned();
    check(&f, all(), "abcde").await;
    check(&f, Query { status: vec![s("resolved"), s("other")], ..all() }, "b").await;
    check(&f, Query { open: Some(true), ..all() }, "acde").await;
    check(&f, Query { open: Some(false), ..all() }, "b").await;
    check(&f, Query { owner: Some(s("duty")), ..all() }, "c").await;
    check(&f, Query { owner_kind: Some(s("agent")), ..all() }, "abde").await;
    check(&f, Query { coverage: vec![s("uncovered")], ..all() }, "d").await;
    check(&f, Query { customer: Some(s("Mei Kovacs")), ..all() }, "e").await;
    check(&f, Query { kind: vec![s("refund")], ..all() }, "e").await;
    check(&f, Query { opened_before: Some(at(1_000)), ..all() }, "d").await;
    check(&f, Query { opened_after: Some(at(1_000)), ..all() }, "abce").await;
    check(&f, Query { tenant: s("u"), ..all() }, "f").await;
}

#[tokio::test]
async fn words_are_found_by_their_beginnings_and_never_taken_for_syntax() {
    let f = Fixture::new();
    let mut broken =
        CaseRow { subject: "Lamp arrived broken: \"AS-IS\" sale".to_owned(), ..row("c-0b1a") };
    f.append(opening(broken.clone())).await;
    f.append(opening(CaseRow { customer: "Mei Kovács".to_owned(), ..row("c-77ff") })).await;
    let text = |text: &str| Query { text: Some(text.to_owned()), ..all() };
    for (asked, found) in [
        ("lam brok", vec!["c-0b1a"]),
        ("kovacs", vec!["c-77ff"]),
        ("never arriv", vec!["c-77ff"]),
        ("arriv", vec!["c-0b1a", "c-77ff"]),
        ("c-0b", vec!["c-0b1a"]),
        ("\"as-is\"", vec!["c-0b1a"]),
        ("lamp OR never", vec![]),
        ("subject:lamp", vec![]),
        ("NEAR(lamp", vec![]),
        ("\u{0} * ( \" ^", vec!["c-0b1a", "c-77ff"]),
    ] {
        let mut cases = cases(f.journal.search(text(asked)).await.unwrap());
        cases.sort();
        assert_eq!(cases, found, "{asked}");
    }
    broken.subject = "Chair wobbles".to_owned();
    f.append(Entry { row: Some(broken), ..entry("c-0b1a", 1, 1) }).await;
    assert_eq!(cases(f.journal.search(text("lamp")).await.unwrap()), [""; 0]);
    assert_eq!(cases(f.journal.search(text("chair")).await.unwrap()), ["c-0b1a"]);
}

#[tokio::test]
async fn a_page_is_never_larger_than_the_largest() {
    let f = Fixture::new();
    let many: Vec<Entry> =
        (0..PAGE_SIZE_MAX + 10).map(|n| opening(row(&format!("c{n}")))).collect();
    f.journal.submit(many).await.unwrap();
    let page = f.journal.search(Query { page_size: usize::MAX, ..all() }).await.unwrap();
    assert_eq!(page.rows.len(), PAGE_SIZE_MAX);
    assert_eq!(f.journal.search(all()).await.unwrap().rows.len(), PAGE_SIZE_DEFAULT);
}

#[tokio::test]
async fn lists_by_opening_are_read_from_an_index() {
    let f = Fixture::new();
    for query in [all(), Query { open: Some(true), ..all() }] {
        let (sql, values) = statement(&query, Some(Place { key: 1, no: 1 }), 10);
        let shell = f.shell();
        let mut plan = shell.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps: Vec<String> = plan
            .query_map(rusqlite::params_from_iter(values), |row| row.get("detail"))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(steps.iter().all(|step| step.contains("USING INDEX cases_op")), "{steps:?}");
    }
}

#[tokio::test]
async fn reads_after_the_end_say_that_the_journal_is_closed() {
    let f = Fixture::new();
    f.journal.close().await;
    assert!(matches!(f.journal.search(all()).await, Err(SearchError::Read(ReadError::Closed))));
}

fn all() -> Query {
    Query { tenant: "t".to_owned(), ..Query::default() }
}

fn cases(page: Page) -> Vec<String> {
    page.rows.into_iter().map(|row| row.case).collect()
}

async fn walk(f: &Fixture, mut query: Query) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = f.journal.search(query.clone()).await.unwrap();
        query.page_token = page.next.clone();
        found.extend(cases(page));
        if query.page_token.is_none() {
            return found;
        }
    }
}

async fn check(f: &Fixture, query: Query, expected: &str) {
    let mut found = cases(f.journal.search(query.clone()).await.unwrap());
    found.sort();
    assert_eq!(found.concat(), expected, "{query:?}");
}
