//! Every decision can be made again from what is recorded, and the smallest change of its answer is found by deciding.

#![expect(clippy::inconsistent_digit_grouping, reason = "amounts are in minor units")]

use belay_domain::{Source, Verdict};
use belay_playbook::{Answer, CaseFacts, Outcome, Playbook, Recorded};
use serde_json::json;

use super::case::{Case, PLAYBOOK, charge, from, replaced, with};

#[test]
fn a_larger_refund_would_have_been_automatic_up_to_its_bound() {
    check(
        Case::refund(60_00),
        "allowed with 2 approvals of finance (not of cust-1, oscar)
         + with an amount of at most USD 50.00: automatic
         - with an amount of USD 100.01 or more: denied by precondition not-more-than-paid
         - with /amount_minor from model: denied by provenance model
         - with /charge_id from model: denied by provenance model",
    );
}

#[test]
fn a_small_refund_is_told_where_it_stops_being_small() {
    check(
        Case::refund(30_00),
        "automatic
         - with an amount of USD 50.01 or more: allowed with 2 approvals of finance (not of cust-1, oscar)
         - with /amount_minor from model: denied by provenance model
         - with /charge_id from model: denied by provenance model",
    );
}

#[test]
fn what_a_policy_forbids_whoever_agrees_has_an_amount_that_it_does_not() {
    let mut case = Case::refund(1500_00);
    case.answer("/charges/ch-1", charge(5000_00));
    check(
        case,
        "denied by limit customer-day, policy refunds-have-an-end
         + with an amount of at most USD 500.00: allowed with 2 approvals of finance (not of cust-1, oscar)
         + with an amount of at most USD 50.00: automatic",
    );
}

#[test]
fn a_limit_over_time_leaves_what_it_leaves() {
    let mut case = Case::refund(30_00);
    case.used("customer-day", 480_00, 3);
    check(
        case,
        "denied by limit customer-day
         + with an amount of at most USD 20.00: automatic
         + with no more than USD 470.00 used of customer-day: automatic",
    );
}

#[test]
fn a_count_that_is_used_up_does_not_depend_on_the_amount() {
    let mut case = Case::refund(1_00);
    case.used("customer-day", 5_00, 5);
    check(
        case,
        "denied by limit customer-day
         + with no more than 4 actions used of customer-day: automatic",
    );
}

#[test]
fn another_source_would_have_done() {
    let mut case = Case::refund(30_00);
    case.come_from("/amount_minor", Source::Model);
    check(
        case,
        "denied by provenance model
         + with /amount_minor from system_of_record: automatic
         + with /amount_minor from staff: automatic",
    );
}

#[test]
fn two_things_that_are_wrong_are_changed_together() {
    let mut case = Case::refund(60_00);
    case.come_from("/amount_minor", Source::Model);
    check(
        case,
        "denied by provenance model
         + with /amount_minor from system_of_record: allowed with 2 approvals of finance (not of cust-1, oscar)
         + with /amount_minor from staff: allowed with 2 approvals of finance (not of cust-1, oscar)
         + with an amount of at most USD 50.00, and with /amount_minor from system_of_record: automatic
         + with an amount of at most USD 50.00, and with /amount_minor from staff: automatic",
    );
}

#[test]
fn an_agent_that_may_not_is_told_who_may() {
    let mut case = Case::refund(30_00);
    case.agent = "crm-1";
    case.look_up();
    check(
        case,
        "denied by boundary crm, boundary crm, policy no-permit
         + proposed by billing-1, as far as its own limits are not used up: automatic
         + proposed by billing-2, as far as its own limits are not used up: automatic",
    );
}

#[test]
fn more_than_was_paid_would_have_been_enough_up_to_what_was_paid() {
    let mut case = Case::refund(30_00);
    case.answer("/charges/ch-1", charge(20_00));
    check(
        case,
        "denied by precondition not-more-than-paid
         + with an amount of at most USD 20.00: automatic
         + if not-more-than-paid held: automatic",
    );
}

#[test]
fn what_was_not_read_stays_unknown() {
    let mut case = Case::refund(30_00);
    case.answers.insert("/charges/ch-1".to_owned(), Answer::from_http(502, b""));
    check(
        case,
        "denied by precondition charge-exists
         ? what would have been decided if charge had been read is not known",
    );
}

#[test]
fn a_code_that_is_not_in_the_schema_has_those_that_are() {
    let mut case = credit_note();
    case.set("reason", json!("because"));
    check(case, "denied by schema enum\n+ with \"duplicate-charge\" as /reason: automatic");
}

#[test]
fn a_field_that_nobody_named_would_have_to_go() {
    let mut case = credit_note();
    case.set("note", json!("x"));
    check(case, "denied by schema additionalProperties\n+ without /note: automatic");
}

#[test]
fn nothing_is_read_for_an_input_that_does_not_fit() {
    let mut case = Case::refund(30_00);
    case.set("reason", json!("because"));
    check(
        case,
        "denied by schema enum
         ? what would have been decided if charge had been read is not known",
    );
}

#[test]
fn a_value_of_the_wrong_kind_has_no_obvious_other_one() {
    let mut case = Case::refund(30_00);
    case.set("currency", json!("dollars"));
    check(
        case,
        "denied by schema pattern
         ? /currency does not fit the schema, and what would be decided on one that does is not known",
    );
}

#[test]
fn the_same_write_would_have_gone_through_the_first_time() {
    let mut case = Case::refund(30_00);
    case.duplicate = Some("c-1/a1".parse().expect("an id"));
    check(
        case,
        "denied by duplicate idempotency-key
         + without c-1/a1, which is the same write: automatic",
    );
}

#[test]
fn a_tier_that_asks_says_which_one_would_not() {
    check(
        Case::order(),
        "allowed with 1 approval of operations (not of cust-1, olga)
         + with tier 1 in the contract: automatic
         + with tier 0 in the contract: automatic
         - with /quantity from model: denied by provenance model",
    );
}

#[test]
fn text_from_outside_that_raised_the_tier_is_named() {
    let mut case = Case::refund(30_00);
    case.outside_text = true;
    case.files =
        Some(replaced("playbook.yaml", "outside_text: ignore", "outside_text: raise_tier"));
    check(
        case,
        "allowed with 2 approvals of finance (not of cust-1, oscar)
         + without text from outside in the case: automatic
         + with tier 0 in the contract: automatic
         - with an amount of USD 100.01 or more: denied by precondition not-more-than-paid
         - with /amount_minor from model: denied by provenance model
         - with /charge_id from model: denied by provenance model",
    );
}

#[test]
fn a_policy_that_cannot_be_evaluated_is_named_as_what_stands_in_the_way() {
    let mut case = Case::refund(30_00);
    case.files = with(
        "policies/more.cedar",
        "@id(\"broken\")\nforbid (principal, action, resource)\n\
         when { context.labels.vip == \"no\" };\n",
    );
    check(
        case,
        "denied by policy broken
         + without the policy broken: automatic",
    );
}

#[test]
fn a_policy_about_the_hour_says_when() {
    let mut case = Case::refund(30_00);
    case.files = with(
        "policies/more.cedar",
        "@id(\"office\")\nforbid (principal, action, resource)\n\
         unless { context.hour >= 8 && context.hour < 17 };\n",
    );
    check(
        case,
        "denied by policy office
         + between 08:00 and 16:59 UTC: automatic
         + without the policy office: automatic",
    );
}

#[test]
fn what_was_not_recorded_is_not_guessed() {
    let mut recorded = recorded(&Case::refund(60_00), &PLAYBOOK);
    recorded.basis = None;
    let explanation = PLAYBOOK.explain(&recorded);
    assert_eq!(explanation.answer, None);
    assert!(explanation.more.is_empty() && explanation.less.is_empty());
    assert!(explanation.unknown[0].contains("was not recorded"), "{explanation:?}");
}

#[test]
fn too_much_to_be_kept_is_said() {
    let mut case = Case::refund(60_00);
    let mut paid = charge(100_00);
    // The contract looks at the status, so it is kept, however long.
    paid["status"] = json!("p".repeat(20_000));
    case.answer("/charges/ch-1", paid);
    let recorded = recorded(&case, &PLAYBOOK);
    assert_eq!(recorded.basis.as_ref().and_then(|basis| basis.reads.as_ref()), None);
    let explanation = PLAYBOOK.explain(&recorded);
    assert!(explanation.unknown[0].contains("too much to be kept"), "{explanation:?}");
}

#[test]
fn what_the_contract_does_not_look_at_is_not_kept() {
    let mut case = Case::refund(60_00);
    let mut paid = charge(100_00);
    paid["card"] = json!("4111 1111 1111 1111");
    case.answer("/charges/ch-1", paid);
    let recorded = recorded(&case, &PLAYBOOK);
    let reads = recorded.basis.and_then(|basis| basis.reads).expect("it is kept");
    assert!(!reads.contains("4111"), "{reads}");
    for looked_at in ["customer_id", "status", "currency", "refunded_minor", "amount_minor"] {
        assert!(reads.contains(looked_at), "{looked_at} in {reads}");
    }
}

#[test]
fn a_record_that_comes_out_otherwise_is_not_explained_away() {
    let mut recorded = recorded(&Case::refund(60_00), &PLAYBOOK);
    recorded.input = recorded.input.replace("6000", "3000");
    let explanation = PLAYBOOK.explain(&recorded);
    assert_eq!(explanation.answer, Some(Outcome::Allowed));
    assert!(explanation.unknown[0].contains("comes out otherwise"), "{explanation:?}");
}

#[test]
fn the_worse_of_two_sources_is_replaced_with_all_that_is_in_it() {
    let mut case = Case::refund(30_00);
    case.provenance.push(("/amount_minor".to_owned(), from(Source::Customer)));
    check(
        case,
        "denied by provenance customer
         + with /amount_minor from system_of_record: automatic
         + with /amount_minor from staff: automatic",
    );
}

fn credit_note() -> Case {
    let mut case = Case::refund(30_00);
    case.agent = "erp-1";
    case.contract = "erp.credit_note@1";
    case.input = json!({
        "customer_id": "cust-1", "amount_minor": 30_00, "currency": "USD", "reason": "goodwill",
    });
    case.look_up();
    case
}

/// Decides, records, reads the record back, decides again from it and looks for changes: more with `+`, less with `-`,
/// unknown with `?`.
#[track_caller]
fn check(case: Case, expected: &str) {
    let own = case.files.clone().map(|files| Playbook::from_files(files).expect("it loads"));
    let playbook = own.as_ref().unwrap_or(&PLAYBOOK);
    let recorded = recorded(&case, playbook);
    let stored = serde_json::to_string(&recorded).expect("it is JSON");
    let read: Recorded = serde_json::from_str(&stored).expect("it reads back");
    assert_eq!(read, recorded);
    let explanation = playbook.explain(&read);
    let mut found = explanation.answer.map(|answer| answer.to_string()).unwrap_or_default();
    for change in &explanation.more {
        found.push_str(&format!("\n+ {change}"));
    }
    for change in &explanation.less {
        found.push_str(&format!("\n- {change}"));
    }
    for unknown in &explanation.unknown {
        found.push_str(&format!("\n? {unknown}"));
    }
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    assert_eq!(found, expected.join("\n"), "\nfound:\n{found}\n");
}

fn recorded(case: &Case, playbook: &Playbook) -> Recorded {
    let Verdict { ruling, basis, .. } = case.decide(playbook);
    let facts: CaseFacts = case.facts();
    Recorded {
        case: facts,
        epoch: belay_domain::Epoch::default(),
        agent: case.agent.parse().expect("an id"),
        contract: case.contract.parse().expect("an id"),
        input: case.text.clone().unwrap_or_else(|| case.input.to_string()),
        provenance: case.provenance.clone(),
        heard: case.heard.clone(),
        ruling,
        basis: basis.map(|basis| *basis),
    }
}
