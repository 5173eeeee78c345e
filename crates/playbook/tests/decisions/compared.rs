//! Two playbooks compared: what one change of a file means, a line for each difference.

use belay_playbook::{Diff, SourceFile};

use super::case::{replaced, with};

const REFUND: &str = "contracts/billing.refund.yaml";

#[test]
fn the_same_is_the_same_however_it_is_laid_out() {
    check("playbook.yaml", "timing_scale: 1.0", "# as it is\ntiming_scale: 1.0", "");
    check(REFUND, "title: Give a customer money back", "title: Refund", "");
    check(
        "boundaries/billing.yaml",
        "[billing.refund@1, crm.add_note@1]",
        "[crm.add_note@1, billing.refund@1]",
        "",
    );
    check(
        "policies/refunds.cedar",
        "when { context.amount > 100000 };",
        "// A lot.\nwhen\n{ context.amount > 100000 };",
        "",
    );
}

#[test]
fn a_higher_limit_is_looser_and_a_lower_one_stricter() {
    let day = "contract billing.refund@1 /limits/cumulative/customer-day/amount";
    check(
        REFUND,
        "window: 24h, amount: 500.00 USD",
        "window: 24h, amount: 800.00 USD",
        &format!("looser {day}: 500.00 USD -> 800.00 USD"),
    );
    check(
        REFUND,
        "window: 24h, amount: 500.00 USD",
        "window: 24h, amount: 80.00 USD",
        &format!("stricter {day}: 500.00 USD -> 80.00 USD"),
    );
    check(
        "boundaries/billing.yaml",
        "max_amount: 2000.00 USD\n",
        "",
        "looser boundary billing /max_amount: 2000.00 USD -> nothing",
    );
}

#[test]
fn a_source_more_is_looser_and_an_approval_more_stricter() {
    check(
        REFUND,
        "/amount_minor: [system_of_record, staff]",
        "/amount_minor: [system_of_record, staff, model]",
        "looser contract billing.refund@1 /provenance/~1amount_minor/model: nothing -> model",
    );
    check(
        REFUND,
        "quorum: 2",
        "quorum: 3",
        "stricter contract billing.refund@1 /approval/quorum: 2 -> 3",
    );
}

#[test]
fn a_condition_less_is_looser() {
    check(
        REFUND,
        "    - name: charge-paid\n      that: reads.charge.status == 'paid'\n      otherwise: a charge that was not paid cannot be refunded\n      field: /charge_id\n",
        "",
        "looser contract billing.refund@1 /preconditions/assert/charge-paid: {\"field\":\"/charge_id\",\"name\":\"charge-paid\",\"otherwise\":\"a charge that was not paid cannot be refunded\",\"that\":\"reads.charge.status == 'paid'\"} -> nothing",
    );
}

#[test]
fn a_contract_more_in_a_boundary_allows_its_agents_to_use_it() {
    check(
        "boundaries/crm.yaml",
        "[crm.update_address@1, crm.add_note@1]",
        "[crm.add_note@1]",
        "forbidden agent crm-1 with crm.update_address@1: by itself -> no
         forbidden agent crm-2 with crm.update_address@1: by itself -> no
         forbidden boundary crm /contracts/crm.update_address@1: crm.update_address@1 -> nothing",
    );
}

#[test]
fn a_tier_that_asks_makes_its_agents_ask() {
    check(
        "contracts/crm.update_address.yaml",
        "tier: 1",
        "tier: 2",
        "stricter agent crm-1 with crm.update_address@1: by itself -> if people agree
         stricter agent crm-2 with crm.update_address@1: by itself -> if people agree
         stricter contract crm.update_address@1 /tier: 1 -> 2",
    );
}

#[test]
fn another_way_to_tell_the_same_write_is_a_change() {
    check(
        REFUND,
        "key: \"{{ input.charge_id }}\"",
        "key: \"{{ input.charge_id }}:{{ input.amount_minor }}\"",
        "changed contract billing.refund@1 /key: {{ input.charge_id }} -> {{ input.charge_id }}:{{ input.amount_minor }}",
    );
}

#[test]
fn a_policy_more_is_looser_if_it_permits_and_stricter_if_it_forbids() {
    let more = |text: &str| {
        let all = with("policies/more.cedar", text).expect("files");
        told(replaced("playbook.yaml", "name", "name"), all)
    };
    let told = more("@id(\"x\")\npermit (principal, action, resource) when { context.tier == 9 };");
    assert!(told.contains("looser policy x: nothing -> permit"), "{told}");
    let told = more("@id(\"x\")\nforbid (principal, action, resource) when { context.tier == 9 };");
    assert!(told.contains("stricter policy x: nothing -> forbid"), "{told}");
}

#[test]
fn two_teams_with_the_same_write_under_two_names_have_drifted() {
    let mut files = replaced(REFUND, "id: billing.refund@1", "id: billing.give_back@1");
    for file in &mut files {
        file.text = file.text.replace("billing.refund@1", "billing.give_back@1");
        if file.path == REFUND {
            file.text =
                file.text.replace("amount: 500.00 USD, count: 5", "amount: 900.00 USD, count: 5");
        }
    }
    let told = told(replaced("playbook.yaml", "name", "name"), files);
    let drift: Vec<&str> = told.lines().filter(|line| line.starts_with("drift")).collect();
    assert_eq!(
        drift,
        [
            "drift billing.refund@1 billing.give_back@1: both write POST /refunds in billing, they take the same input: \
             /limits/cumulative/customer-day/amount"
        ],
        "{told}"
    );
}

#[test]
fn the_other_way_round_means_the_opposite() {
    let (old, new) = (
        replaced("playbook.yaml", "name", "name"),
        replaced("boundaries/crm.yaml", "count: 60", "count: 90"),
    );
    assert!(
        told(old.clone(), new.clone()).starts_with("looser boundary crm /rates/per-minute/count")
    );
    assert!(told(new, old).starts_with("stricter boundary crm /rates/per-minute/count"));
}

#[test]
fn a_side_that_does_not_load_is_named_with_what_is_wrong() {
    let broken = replaced(REFUND, "tier: 1", "tier: 7");
    let refused =
        Diff::of_files(replaced("playbook.yaml", "name", "name"), broken).expect_err("refused");
    assert_eq!((refused.side, refused.problems.all()[0].file.as_str()), ("new", REFUND));
}

/// One change of one file of the support desk, and what it means.
#[track_caller]
fn check(path: &str, from: &str, to: &str, expected: &str) {
    let found = told(replaced("playbook.yaml", "name", "name"), replaced(path, from, to));
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    assert_eq!(found, expected.join("\n"));
}

fn told(old: Vec<SourceFile>, new: Vec<SourceFile>) -> String {
    let diff = Diff::of_files(old, new).expect("both load");
    let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "nothing".to_owned());
    let mut lines: Vec<String> = diff
        .differences
        .iter()
        .map(|one| {
            let field =
                if one.field.is_empty() { String::new() } else { format!(" {}", one.field) };
            let (effect, about) = (one.effect.as_str(), &one.about);
            format!("{effect} {about}{field}: {} -> {}", part(&one.old), part(&one.new))
        })
        .collect();
    lines.extend(diff.drifts.iter().map(|drift| {
        let (same, differ) = (drift.same.join(", "), drift.differ.join(", "));
        format!("drift {} {}: {same}: {differ}", drift.old, drift.new)
    }));
    lines.join("\n")
}
