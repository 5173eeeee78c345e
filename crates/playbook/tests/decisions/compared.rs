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
             looser limit customer-day 500.00 USD and 5 actions in 24h for each customer -> 900.00 USD and 5 actions in 24h \
             for each customer"
        ],
        "{told}"
    );
}

const TAKEOVER: &str = "escalations/billing-takeover.yaml";

#[test]
fn what_holds_anyway_is_no_difference_when_it_is_written_down() {
    check(REFUND, "mode: live\n", "mode: live\npermit_within: 1m\non_divergence: escalate\n", "");
    check(
        TAKEOVER,
        "steps:\n",
        "cover: E4\nfreshness: 1m\non_exhaustion: start_over\nsteps:\n",
        "",
    );
    check("playbook.yaml", "timing_scale: 1.0\n", "", "");
    check("playbook.yaml", "verify_within: 10m", "verify_within: 600s", "");
    check("routing.yaml", "to: role billing\n", "to: role billing\n    lease: 15s\n", "");
    check("playbook.yaml", "finance: agree to refunds", "finance: say yes to refunds", "");
}

#[test]
fn people_who_have_longer_are_looser_and_more_proof_is_stricter() {
    let step = "escalation billing-takeover /steps/desk~1billing-desk";
    let from = "{queue: desk/billing-desk, acknowledge_within: 5m, work_within: 1h}";
    check(
        TAKEOVER,
        from,
        "{queue: desk/billing-desk, acknowledge_within: 9m, work_within: 1h}",
        &format!("looser {step}/acknowledge_within: 5m -> 9m"),
    );
    check(
        TAKEOVER,
        from,
        "{queue: desk/billing-desk, acknowledge_within: 5m}",
        &format!("looser {step}/work_within: 1h -> nothing"),
    );
    check(
        TAKEOVER,
        from,
        "{queue: desk/billing-desk, acknowledge_within: 5m, work_within: 1h, repeat: 1}",
        &format!("stricter {step}/repeat: 0 -> 1"),
    );
    check(
        TAKEOVER,
        "steps:\n",
        "cover: E5\nsteps:\n",
        "stricter escalation billing-takeover /cover: E4 -> E5",
    );
    check(
        TAKEOVER,
        "steps:\n",
        "on_exhaustion: alarm_only\nsteps:\n",
        "looser escalation billing-takeover /on_exhaustion: start_over -> alarm_only",
    );
}

#[test]
fn a_step_less_asks_fewer_and_another_order_is_another_order() {
    let lead = "  - {queue: desk/duty-lead, acknowledge_within: 10m, work_within: 1h}\n";
    let told = self::told(replaced("playbook.yaml", "name", "name"), replaced(TAKEOVER, lead, ""));
    assert!(
        told.starts_with("looser escalation billing-takeover /steps/desk~1duty-lead: {")
            && told.lines().count() == 1,
        "{told}"
    );
    let (one, two) = (
        "  - {queue: desk/billing-desk, acknowledge_within: 5m, work_within: 1h}\n",
        "  - {queue: desk/support-desk, acknowledge_within: 5m, work_within: 1h}\n",
    );
    check(
        TAKEOVER,
        &format!("{one}{two}"),
        &format!("{two}{one}"),
        "changed escalation billing-takeover /steps in another order: desk/billing-desk, then desk/support-desk, \
         then desk/duty-lead -> desk/support-desk, then desk/billing-desk, then desk/duty-lead",
    );
}

#[test]
fn who_gets_a_case_first_is_told_and_so_is_the_order_of_the_rules() {
    let money = "routing.yaml /rules/money";
    check(
        "routing.yaml",
        "to: role billing",
        "to: people",
        &format!("stricter {money}/to: role billing -> people"),
    );
    check(
        "routing.yaml",
        "to: role billing",
        "to: role erp",
        &format!("changed {money}/to: role billing -> role erp"),
    );
    check(
        "routing.yaml",
        "severity: high",
        "severity: low",
        &format!("looser {money}/severity: high -> low"),
    );
    check(
        "routing.yaml",
        "to: role billing\n",
        "to: role billing\n    lease: 60s\n",
        &format!("looser {money}/lease: 15s -> 60s"),
    );
    let (orders, customers) = (
        "  - name: orders\n    when: {kind: [order-change, credit]}\n    to: role erp\n    takeover: takeover\n",
        "  - name: customers\n    when: {kind: [address-change, note]}\n    to: role crm\n    takeover: takeover\n",
    );
    let told = self::told(
        replaced("playbook.yaml", "name", "name"),
        replaced("routing.yaml", &format!("{orders}{customers}"), &format!("{customers}{orders}")),
    );
    assert!(told.starts_with("changed routing.yaml /rules in another order: "), "{told}");
}

#[test]
fn codes_that_people_may_close_with_are_looser_and_reasons_they_must_give_stricter() {
    check(
        "taxonomy.yaml",
        "  duplicate: {title: Reported twice, means: resolve}\n",
        "",
        "stricter taxonomy.yaml /resolutions/duplicate: {\"means\":\"resolve\",\"title\":\"Reported twice\"} -> nothing",
    );
    check(
        "taxonomy.yaml",
        "means: return to role crm",
        "means: resolve",
        "looser taxonomy.yaml /resolutions/back-to-crm/means: return to role crm -> resolve",
    );
    check(
        "taxonomy.yaml",
        "  no-proof: nothing shows that it is so\n",
        "",
        "stricter taxonomy.yaml /reasons/no-proof: nothing shows that it is so -> nothing",
    );
    check("taxonomy.yaml", "goodwill: to keep a customer", "goodwill: to keep them", "");
}

#[test]
fn another_source_of_truth_is_a_change_and_nobody_calls_it_looser() {
    check(
        "dictionary.yaml",
        "truth: crm",
        "truth: erp",
        "changed dictionary.yaml /objects/customer/fields/address/truth: crm -> erp",
    );
    check(
        "dictionary.yaml",
        "names: {erp: /status}",
        "names: {erp: /state}",
        "changed dictionary.yaml /objects/order/fields/status/names/erp: /status -> /state",
    );
}

#[test]
fn bounds_that_ask_for_more_are_stricter_and_none_at_all_is_looser() {
    let note = "contracts/crm.add_note.yaml";
    let with = |bounds: &str| replaced(note, "mode: live\n", &format!("mode: live\n{bounds}\n"));
    let told = |old: &str, new: &str| self::told(with(old), with(new));
    let at = "contract crm.add_note@1 /graduation";
    assert_eq!(told("graduation: {}", ""), format!("looser {at}: {{}} -> nothing"));
    assert_eq!(
        told("graduation: {}", "graduation: {sample_min: 80}"),
        format!("stricter {at}/sample_min: 50 -> 80")
    );
    assert_eq!(
        told("graduation: {divergences_max: 1}", "graduation: {divergences_max: 3}"),
        format!("looser {at}/divergences_max: 1 -> 3")
    );
}

#[test]
fn two_real_teams_have_three_actions_that_are_nearly_the_same() {
    let diff = Diff::of_folders(&folder("support-desk"), &folder("northgate")).expect("both load");
    assert!(diff.is_between_teams());
    let pairs: Vec<String> =
        diff.drifts.iter().map(|drift| format!("{} {}", drift.old, drift.new)).collect();
    assert_eq!(
        pairs,
        [
            "billing.refund@1 billing.refund@1",
            "crm.add_note@1 crm.note_refund@1",
            "erp.credit_note@1 erp.draft_credit_note@1",
            "erp.credit_note@1 erp.post_credit_note@1",
        ]
    );
    let refund = &diff.drifts[0];
    assert_eq!(
        refund.same,
        ["they have one name", "both take amount_minor, charge_id, currency, reason"]
    );
    let point = |name: &str| {
        let point = refund.differ.iter().find(|point| point.point == name).expect(name);
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        format!("{} {} -> {}", point.effect.as_str(), part(&point.old), part(&point.new))
    };
    assert_eq!(point("executor"), "stricter agent -> supervisor");
    assert_eq!(point("at most at once"), "stricter  -> 1000.00 USD");
    assert_eq!(
        point("source of /amount_minor"),
        "stricter staff or system_of_record -> system_of_record"
    );
    assert_eq!(
        point("limit customer-day"),
        "looser 500.00 USD and 5 actions in 24h for each customer -> 500.00 USD in 24h for each customer"
    );
    assert_eq!(point("input"), "changed customer_id -> twin_id");
    assert_eq!(refund.differ.iter().find(|point| point.point == "approval"), None);
    let draft = &diff.drifts[2];
    let point = draft.differ.iter().find(|point| point.point == "limits").expect("limits");
    assert_eq!(point.old.as_deref(), Some("500.00 USD in 24h for each customer"));
    assert_eq!(point.new, None);
    let none = |point: &&belay_playbook::Point| point.old.is_none() && point.new.is_none();
    let empty: Vec<_> = diff.drifts.iter().flat_map(|it| it.differ.iter().filter(none)).collect();
    assert!(empty.is_empty(), "a difference that says nothing: {empty:?}");
    // What both have is told apart from what concerns one of them alone.
    let shared: Vec<&str> = diff
        .differences
        .iter()
        .filter(|one| diff.is_shared(one))
        .map(|one| one.about.as_str())
        .collect();
    assert!(
        shared.contains(&"boundary billing") && !shared.contains(&"contract crm.note_refund@1")
    );
    assert!(!shared.iter().any(|about| about.starts_with("agent crm-1")), "{shared:?}");
}

#[test]
fn two_versions_of_one_playbook_are_not_two_teams() {
    let diff = Diff::of_files(
        replaced("playbook.yaml", "name", "name"),
        replaced(REFUND, "tier: 1", "tier: 2"),
    );
    let diff = diff.expect("both load");
    assert!(!diff.is_between_teams() && diff.drifts.is_empty(), "{diff:?}");
}

fn folder(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks").join(name)
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
        let said = |it: &belay_playbook::Point| {
            let (effect, point) = (it.effect.as_str(), &it.point);
            format!("{effect} {point} {} -> {}", part(&it.old), part(&it.new))
        };
        let differ: Vec<String> = drift.differ.iter().map(said).collect();
        let (same, differ) = (drift.same.join(", "), differ.join("; "));
        format!("drift {} {}: {same}: {differ}", drift.old, drift.new)
    }));
    lines.join("\n")
}
