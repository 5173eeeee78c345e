//! Policies are told everything that a decision is about: a condition on it decides, both ways round.

#![expect(clippy::inconsistent_digit_grouping, reason = "amounts are in minor units")]

use belay_domain::Ruling;

use super::case::{Case, with};

#[test]
fn policies_see_the_agent_its_roles_and_its_boundary() {
    check("principal == Agent::\"billing-1\"");
    check("principal in Role::\"billing\"");
    check("context.boundary == \"billing\"");
}

#[test]
fn policies_see_the_contract_its_system_and_the_tier() {
    check("resource == Contract::\"billing.refund@1\"");
    check("resource in System::\"billing\"");
    check("context.tier == 1");
}

#[test]
fn policies_see_the_input_and_the_amount() {
    check("context.input.reason == \"duplicate-charge\"");
    check("context.input.amount_minor == 3000");
    check("context.amount == 3000");
    check("context.currency == \"USD\"");
}

#[test]
fn policies_see_where_each_part_comes_from() {
    check("context.provenance.amount_minor == \"system_of_record\"");
}

#[test]
fn policies_see_the_amounts_so_far() {
    check("context.usage.customer_day.amount == 12300");
    check("context.usage.customer_day.count == 2");
}

#[test]
fn policies_see_the_time() {
    check("context.hour == 0");
    // The first of January 1970 was a Thursday.
    check("context.weekday == 4");
    check("context.date == 19700101");
}

#[test]
fn policies_see_the_case() {
    check("context.kind == \"refund\"");
    check("context.channel == \"mail\"");
    check("context.customer == \"cust-1\"");
    check("context.severity == \"normal\"");
    check("!(context.labels has vip)");
    check("context.outside_text == false");
}

/// With this condition the refund goes through; with its opposite the policy forbids it, by its name.
#[track_caller]
fn check(condition: &str) {
    assert_eq!(forbidden_unless(condition), Vec::<String>::new(), "{condition}");
    assert_eq!(forbidden_unless(&format!("!({condition})")), ["policy sees"], "{condition}");
}

fn forbidden_unless(condition: &str) -> Vec<String> {
    let mut case = Case::refund(30_00);
    case.used("customer-day", 123_00, 2);
    case.files = with(
        "policies/sees.cedar",
        &format!("@id(\"sees\")\nforbid (principal, action, resource) unless {{ {condition} }};\n"),
    );
    match case.verdict().ruling {
        Ruling::Deny(reasons) => {
            reasons.iter().map(|reason| format!("{} {}", reason.rule, reason.name)).collect()
        }
        Ruling::Allow | Ruling::Ask(_) => Vec::new(),
    }
}
