use clap::Parser;
use jiff::Timestamp;

use belay_api::v1;

use super::{CaseCommand, render, sameness};
use crate::args::{Args, Command};
use crate::output::{Style, time};

const NOW: &str = "2025-03-01T10:00:00Z";

#[test]
fn the_same_matter_is_the_same_however_it_is_typed() {
    assert_eq!(sameness("Order 4711  late"), sameness(" order 4711 LATE\n"));
    assert_ne!(sameness("order 4711 late"), sameness("order 4712 late"));
}

#[test]
fn what_is_known_says_from_where() {
    let parsed = Args::parse_from([
        "belay",
        "case",
        "open",
        "Refund",
        "--message",
        "please",
        "--fact",
        "{}",
        "--label",
        "a=b",
    ]);
    let Command::Case(CaseCommand::Open(open)) = parsed.command else { panic!("another command") };
    let sources: Vec<_> =
        open.knowledge.entries().iter().map(|e| e.provenance.as_ref().unwrap().source()).collect();
    use v1::ProvenanceSource as S;
    assert_eq!(sources, [S::Customer, S::SystemOfRecord]);
    assert_eq!(open.labels, [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn a_list_says_who_holds_a_case_and_until_when() {
    let covered = v1::CaseSummary {
        id: "c-1".into(),
        subject: "Refund".into(),
        kind: "billing".into(),
        owner: "billing-1".into(),
        coverage: v1::CoverageKind::Covered.into(),
        coverage_until: at(4),
        opened_at: at(-30),
        severity: v1::Severity::High.into(),
        ..Default::default()
    };
    let uncovered = v1::CaseSummary {
        id: "c-2".into(),
        subject: "Where is it?".into(),
        coverage: v1::CoverageKind::Uncovered.into(),
        uncovered_since: at(-12),
        opened_at: at(-60),
        severity: v1::Severity::Normal.into(),
        ..Default::default()
    };
    check(
        &render::list(&[covered, uncovered], &style()),
        "\
CASE  COVERAGE   HELD BY    UNTIL     SEVERITY  KIND     OPENED    SUBJECT
c-1   covered    billing-1  in 4.0 s  high      billing  30 s ago  Refund
c-2   UNCOVERED  belay      for 12 s  normal             60 s ago  Where is it?
",
    );
}

#[test]
fn a_denied_action_names_every_rule() {
    let reason = |rule: &str, kind: v1::ReasonKind, detail: &str| v1::Reason {
        rule: rule.into(),
        kind: kind.into(),
        detail: detail.into(),
        ..Default::default()
    };
    let action = v1::Action {
        id: "c-1/a1".into(),
        contract_id: "refund@1".into(),
        proposer: "crm".into(),
        state: v1::ActionState::Denied.into(),
        amount: Some(v1::Money { currency_code: "EUR".into(), minor_units: 1205 }),
        reasons: vec![
            reason("crm", v1::ReasonKind::Boundary, "may not refund"),
            reason("refund-cap", v1::ReasonKind::Limit, ""),
        ],
        ..Default::default()
    };
    let case = v1::Case { actions: vec![action], ..Default::default() };
    let shown = render::show(&case, &style());
    let lines: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with("actions")).collect();
    check(lines[0], "actions   a1 refund@1 12.05 EUR by crm: denied");
    check(lines[1], "             crm (boundary): may not refund");
    check(lines[2], "             refund-cap (limit)");
}

#[track_caller]
fn check(found: &str, expected: &str) {
    assert_eq!(found, expected, "\n{found}");
}

fn style() -> Style {
    Style { colour: false, now: NOW.parse().unwrap() }
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    let now: Timestamp = NOW.parse().unwrap();
    Some(time::to_wire(now + jiff::SignedDuration::from_secs(seconds)))
}

#[test]
fn a_plan_says_what_was_compared_and_what_differs() {
    let differs = v1::PlanComparison {
        equality: "money-in-the-books".into(),
        action_id: "c-1/a3".into(),
        state: v1::ComparisonState::Different.into(),
        differences: vec![v1::SystemDifference {
            object: "repayment".into(),
            field: "standing".into(),
            system: "erp".into(),
            id: "31".into(),
            expected: "stands".into(),
            truth: "processor".into(),
            found: "void".into(),
            mapping: 1,
        }],
        detail: String::new(),
    };
    let holds = v1::PlanComparison {
        equality: "one-customer".into(),
        state: v1::ComparisonState::Equal.into(),
        differences: Vec::new(),
        ..differs.clone()
    };
    let plan = v1::Plan {
        name: "repair".into(),
        state: v1::PlanState::Stuck.into(),
        comparisons: vec![differs, holds],
        ..Default::default()
    };
    let case = v1::Case { plans: vec![plan], ..Default::default() };
    let shown = render::show(&case, &style());
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "money-in-the-books after a3 does not hold: repayment.standing is void in erp, stands in processor",
        "one-customer after a3 holds",
    ] {
        assert!(flat.contains(told), "{shown}");
    }
}
