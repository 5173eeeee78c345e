use super::*;

#[test]
fn a_watch_sees_what_a_list_with_the_same_filter_finds() {
    check(|_| {}, true);
    check(|query| query.tenant = "beta".to_owned(), false);
    check(|query| query.status = vec!["resolved".to_owned(), "open".to_owned()], true);
    check(|query| query.status = vec!["resolved".to_owned()], false);
    check(|query| query.coverage = vec!["pending".to_owned()], true);
    check(|query| query.coverage = vec!["covered".to_owned()], false);
    check(|query| query.kind = vec!["outage".to_owned()], false);
    check(|query| query.owner_kind = Some("agent".to_owned()), true);
    check(|query| query.owner = Some("billing-2".to_owned()), false);
    check(|query| query.customer = Some("k-7".to_owned()), true);
    check(|query| query.opened_after = Some("2026-05-04T08:00:00Z".parse().unwrap()), true);
    check(|query| query.opened_after = Some("2026-05-04T08:00:01Z".parse().unwrap()), false);
    check(|query| query.opened_before = Some("2026-05-04T08:00:00Z".parse().unwrap()), false);
}

#[test]
fn words_are_found_by_their_beginning_and_without_regard_to_capitals() {
    let text = |text: &str| {
        let text = text.to_owned();
        move |query: &mut Query| query.text = Some(text)
    };
    check(text("charged"), true);
    check(text("CHARG tw"), true);
    check(text("k-7"), true);
    check(text("c-0123"), true);
    check(text("harged"), false);
    check(text("charged thrice"), false);
    check(text("  "), true);
}

#[track_caller]
fn check(narrow: impl FnOnce(&mut Query), expected: bool) {
    let row = CaseRow {
        tenant: "acme".to_owned(),
        case: "c-0123456789abcdef".to_owned(),
        subject: "Charged twice".to_owned(),
        kind: "refund".to_owned(),
        customer: "k-7".to_owned(),
        status: "open".to_owned(),
        owner_kind: "agent".to_owned(),
        owner: "billing-1".to_owned(),
        coverage: "pending".to_owned(),
        opened_at: "2026-05-04T08:00:00Z".parse().unwrap(),
        ..CaseRow::default()
    };
    let mut query = Query { tenant: "acme".to_owned(), ..Query::default() };
    narrow(&mut query);
    assert_eq!(matches(&query, &row), expected, "{query:?}");
}
