//! Who may do what, read off a playbook: a contract a line, and one line for each agent that is asked about.

use belay_domain::{ContractId, Timestamp};
use belay_playbook::{MayDo, Playbook, Supposed, Usage, Used};

use super::case::{PLAYBOOK, replaced, with};

#[test]
fn a_refund_is_for_billing_within_limits_and_under_policies() {
    check(
        &PLAYBOOK,
        "billing.refund@1 billing-1",
        "by itself or if people agree, as the policies say; 2 of finance within 30m, not oscar; \
         only if small-refunds-need-nobody; unless goodwill-is-for-people, refunds-have-an-end; \
         at most USD 2000.00 at once, by the boundary | \
         at most USD 500.00 and 5 actions in 24h for each customer (customer-day) | \
         at most USD 5000.00 and 200 actions in 1h for each agent (agent-hour) | \
         at most 30 actions in 1m for each agent (per-minute)",
    );
}

#[test]
fn who_is_outside_the_boundary_may_not_and_hears_every_reason() {
    check(
        &PLAYBOOK,
        "billing.refund@1 crm-1",
        "no: its boundary crm does not name the contract; its boundary crm does not let it write to billing; \
         no policy permits it",
    );
}

#[test]
fn a_note_is_written_by_itself() {
    check(
        &PLAYBOOK,
        "crm.add_note@1 crm-1",
        "by itself; at most 60 actions in 1m for each agent (per-minute)",
    );
}

#[test]
fn from_tier_two_on_people_agree_whatever_policies_say() {
    check(
        &PLAYBOOK,
        "erp.adjust_order@1 erp-1",
        "if people agree; 1 of operations within 30m, not olga",
    );
}

#[test]
fn a_policy_that_always_forbids_ends_it() {
    let files = with(
        "policies/more.cedar",
        "@id(\"never\")\nforbid (principal, action, resource == Contract::\"crm.add_note@1\");\n",
    );
    let playbook = Playbook::from_files(files.expect("files")).expect("it loads");
    check(&playbook, "crm.add_note@1 crm-1", "no: the policy never forbids it");
}

#[test]
fn text_from_outside_may_raise_what_would_have_been_automatic() {
    let files = replaced("playbook.yaml", "outside_text: ignore", "outside_text: raise_tier");
    let playbook = Playbook::from_files(files).expect("it loads");
    let may = of(&playbook, "crm.add_note@1", "crm-1").may.to_string();
    assert_eq!(may, "by itself or if people agree, as the policies say");
}

#[test]
fn an_input_is_decided_for_everybody_with_what_was_taken_named() {
    let input = r#"{"customer_id":"cust-1","charge_id":"ch-1","amount_minor":6000,"currency":"USD",
        "reason":"duplicate-charge"}"#;
    with_input(
        input,
        "billing-1 allowed with 2 approvals of finance (not of oscar)
         billing-2 allowed with 2 approvals of finance (not of oscar)
         ? own-charge holds: it needs charge to be read
         ? charge-paid holds: it needs charge to be read
         ? same-currency holds: it needs charge to be read
         ? not-more-than-paid holds: it needs charge to be read
         ? charge is there in billing
         ? /amount_minor comes from system_of_record
         ? /charge_id comes from system_of_record
         ? nothing has been used of agent-hour, customer-day, per-minute
         ? the same write has not been done before",
    );
}

#[test]
fn an_input_that_is_too_much_is_too_much_for_everybody() {
    let input = r#"{"customer_id":"cust-1","charge_id":"ch-1","amount_minor":150000,"currency":"USD",
        "reason":"duplicate-charge"}"#;
    let decided = decided(input);
    assert!(
        decided.starts_with(
            "billing-1 denied by limit customer-day, policy refunds-have-an-end\n\
         billing-2 denied by limit customer-day, policy refunds-have-an-end\n"
        ),
        "{decided}"
    );
}

#[test]
fn what_has_been_used_already_counts_against_an_input_and_is_not_taken_any_more() {
    let input = r#"{"customer_id":"cust-1","charge_id":"ch-1","amount_minor":6000,"currency":"USD",
        "reason":"duplicate-charge"}"#;
    let contract: ContractId = "billing.refund@1".parse().expect("an id");
    let supposed = Supposed {
        tenant: Some("acme".parse().expect("an id")),
        customer: Some("cust-1".to_owned()),
        ..Supposed::default()
    };
    let agent = "billing-1".parse().expect("an id");
    let known = PLAYBOOK.contract(&contract).expect("it is there");
    let counters = PLAYBOOK.counters(known, &supposed, &agent);
    let names: Vec<&str> = counters.iter().map(|counter| counter.name.as_str()).collect();
    assert_eq!(names, ["customer-day", "agent-hour", "per-minute"]);
    let key = |place: usize| counters[place].key.clone().expect("it is known").key;
    let usage = Usage::from([
        (key(0), Used { minor: 45_000, count: 2 }),
        (key(1), Used::default()),
        (key(2), Used::default()),
    ]);
    let now = Timestamp::UNIX_EPOCH;
    let decided = PLAYBOOK.who_can_with(&contract, input, &supposed, &usage, now);
    let outcomes: Vec<String> =
        decided.outcomes.iter().map(|(agent, outcome)| format!("{agent} {outcome}")).collect();
    assert_eq!(
        outcomes,
        ["billing-1 denied by limit customer-day", "billing-2 denied by limit customer-day"]
    );
    // Of the other agent only what counts for the customer is known.
    let taken: Vec<&String> =
        decided.taken.iter().filter(|taken| taken.starts_with("nothing has been used")).collect();
    assert_eq!(taken, ["nothing has been used of agent-hour, per-minute"]);
}

#[test]
fn what_counts_for_a_customer_is_not_known_without_one() {
    let supposed = Supposed { tenant: Some("acme".parse().expect("an id")), ..Supposed::default() };
    let known = PLAYBOOK.contract(&"billing.refund@1".parse().expect("an id")).expect("there");
    let counters = PLAYBOOK.counters(known, &supposed, &"billing-1".parse().expect("an id"));
    let known: Vec<bool> = counters.iter().map(|counter| counter.key.is_some()).collect();
    assert_eq!(known, [false, true, true]);
    let queues = PLAYBOOK.asked_through("approval", &supposed);
    let queues: Vec<String> = queues.iter().map(ToString::to_string).collect();
    assert_eq!(queues, ["desk/billing-desk", "desk/duty-lead"]);
}

#[track_caller]
fn with_input(input: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    assert_eq!(decided(input), expected.join("\n"));
}

fn decided(input: &str) -> String {
    let contract: ContractId = "billing.refund@1".parse().expect("an id");
    let supposed = Supposed::default();
    let decided = PLAYBOOK.who_can_with(
        &contract,
        input,
        &supposed,
        &Usage::default(),
        Timestamp::UNIX_EPOCH,
    );
    let outcomes = decided.outcomes.iter().map(|(agent, outcome)| format!("{agent} {outcome}"));
    let taken = decided.taken.iter().map(|taken| format!("? {taken}"));
    outcomes.chain(taken).collect::<Vec<_>>().join("\n")
}

/// `contract agent`, and what the agent may.
#[track_caller]
fn check(playbook: &Playbook, question: &str, expected: &str) {
    let (contract, agent) = question.split_once(' ').expect("a contract and an agent");
    let one = of(playbook, contract, agent);
    let names = |names: &[belay_domain::PolicyId]| {
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut said = vec![one.may.to_string()];
    said.extend(one.approval.as_ref().map(ToString::to_string));
    if !one.only_if.is_empty() {
        said.push(format!("only if {}", names(&one.only_if)));
    }
    if !one.unless.is_empty() {
        said.push(format!("unless {}", names(&one.unless)));
    }
    if !one.limits.is_empty() {
        said.push(one.limits.join(" | "));
    }
    assert_eq!(said.join("; "), expected);
}

fn of(playbook: &Playbook, contract: &str, agent: &str) -> MayDo {
    let contract: ContractId = contract.parse().expect("an id");
    let all = playbook.who_can(&contract);
    all.into_iter().find(|one| one.agent.as_str() == agent).expect("the agent is there")
}
