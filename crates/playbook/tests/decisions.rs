//! One check for each rule by which an action can be turned down, on the support desk's playbook.

#![expect(clippy::inconsistent_digit_grouping, reason = "amounts are in minor units")]

#[path = "decisions/case.rs"]
mod case;
#[path = "decisions/compared.rs"]
mod compared;
#[path = "decisions/explained.rs"]
mod explained;
#[path = "decisions/routed.rs"]
mod routed;
#[path = "decisions/sees.rs"]
mod sees;
#[path = "decisions/who.rs"]
mod who;

use belay_domain::{ContractId, ReadBack, Ruling, Source, Verdict};
use belay_playbook::{Answer, Payload, Playbook, Reads};
use serde_json::{Value, json};

use case::{Case, PLAYBOOK, charge, from, replaced, with};

#[test]
fn a_small_refund_goes_through() {
    check(Case::refund(30_00), "allow");
}

#[test]
fn a_larger_refund_asks_two_of_finance() {
    check(Case::refund(60_00), "ask 2 of finance without cust-1, oscar");
}

#[test]
fn a_refund_above_a_thousand_is_forbidden_by_a_policy_with_its_own_words() {
    let mut case = Case::refund(1500_00);
    case.answer("/charges/ch-1", charge(5000_00));
    check(
        case,
        "deny limit customer-day: USD 1500.00 is more than the USD 500.00 that are allowed; \
         policy refunds-have-an-end: a refund above 1000.00 is not done by agents, whoever agrees",
    );
}

#[test]
fn small_refunds_add_up_to_a_large_one() {
    let mut case = Case::refund(30_00);
    case.used("customer-day", 480_00, 3);
    check(case, "deny limit customer-day: USD 510.00 is more than the USD 500.00 that are allowed");
}

#[test]
fn the_limit_itself_is_allowed() {
    let mut case = Case::refund(30_00);
    case.used("customer-day", 470_00, 4);
    check(case, "allow");
}

#[test]
fn many_refunds_are_too_many_however_small() {
    let mut case = Case::refund(1_00);
    case.used("customer-day", 5_00, 5);
    check(case, "deny limit customer-day: there have already been 5 of the 5 allowed");
}

#[test]
fn an_agent_that_is_too_fast_is_stopped() {
    let mut case = Case::refund(1_00);
    case.used("per-minute", 0, 30);
    check(case, "deny limit per-minute: there have already been 30 of the 30 allowed");
}

#[test]
fn a_counter_that_nobody_looked_up_denies() {
    let mut case = Case::refund(1_00);
    case.usage.retain(|key, _| !key.contains("customer-day"));
    check(
        case,
        "deny limit customer-day: it is not known what has been used of \
         acme/billing.refund/customer-day/customer:cust-1",
    );
}

#[test]
fn another_currency_is_not_compared() {
    let mut case = Case::refund(30_00);
    case.set("currency", json!("EUR"));
    let mut paid = charge(100_00);
    paid["currency"] = json!("EUR");
    case.answer("/charges/ch-1", paid);
    check(
        case,
        "deny limit currency: the limit boundary is in USD, the amount in EUR; \
         limit currency: the limit customer-day is in USD, the amount in EUR; \
         limit currency: the limit agent-hour is in USD, the amount in EUR",
    );
}

#[test]
fn an_unknown_agent_may_nothing() {
    let mut case = Case::refund(30_00);
    case.agent = "stranger-1";
    case.look_up();
    check(case, "deny identity agent: the agent stranger-1 is not in this playbook");
}

#[test]
fn the_crm_agent_may_not_refund() {
    let mut case = Case::refund(30_00);
    case.agent = "crm-1";
    case.look_up();
    check(
        case,
        "deny boundary crm: crm-1 may not propose billing.refund@1; \
         boundary crm: crm-1 may not write to billing; policy no-permit: no policy permits this",
    );
}

#[test]
fn an_unknown_contract_is_no_contract() {
    let mut case = Case::refund(30_00);
    case.contract = "billing.refnud@1";
    check(
        case,
        "deny boundary billing.refnud@1: there is no contract billing.refnud@1 in this playbook; \
         did you mean billing.refund@1?",
    );
}

#[test]
fn an_input_has_the_form_of_its_contract() {
    let mut case = Case::refund(30_00);
    case.set("amount_minor", json!(30.5));
    check(case, "deny schema type /amount_minor");
    let mut case = Case::refund(30_00);
    case.set("note", json!("x"));
    check(case, "deny schema additionalProperties");
    let mut case = Case::refund(30_00);
    case.set("reason", json!("because"));
    check(case, "deny schema enum /reason");
}

#[test]
fn an_input_that_could_be_read_in_two_ways_is_refused() {
    let mut case = Case::refund(30_00);
    case.text = Some(r#"{"amount_minor": 1, "amount_minor": 3000}"#.to_owned());
    check(
        case,
        "deny schema duplicate-key: the key \"amount_minor\" appears twice at line 1 column 34",
    );
}

#[test]
fn an_amount_that_a_model_made_up_is_refused() {
    let mut case = Case::refund(30_00);
    case.come_from("/amount_minor", Source::Model);
    check(
        case,
        "deny provenance model /amount_minor: this comes from model, and it must be \
         system_of_record or staff",
    );
}

#[test]
fn an_amount_from_nowhere_is_refused() {
    let mut case = Case::refund(30_00);
    case.provenance.retain(|(pointer, _)| pointer != "/amount_minor");
    check(
        case,
        "deny provenance required /amount_minor: it is not said where this comes from; it must be \
         system_of_record or staff",
    );
}

#[test]
fn what_is_said_of_a_source_needs_an_entry_behind_it() {
    let with = |source, reference: &str, heard: &[Source]| {
        let mut case = Case::refund(30_00);
        let provenance = belay_domain::Provenance { source, reference: reference.to_owned() };
        case.provenance = vec![(String::new(), provenance)];
        case.heard = Some(heard.to_vec());
        outcome(&case.verdict())
    };
    // The charge is read by Belay itself.
    assert_eq!(with(Source::SystemOfRecord, "", &[]), "allow");
    assert_eq!(with(Source::Staff, "2", &[Source::Customer, Source::Staff]), "allow");
    for place in ["1", "3", "0", "-1", "the boss", ""] {
        let found = with(Source::Staff, place, &[Source::Customer, Source::Staff]);
        assert!(found.starts_with("deny provenance unbacked: the reference has to be"), "{found}");
    }
    let found = with(Source::VerifiedChannel, "login", &[Source::Customer, Source::SystemOfRecord]);
    assert!(!found.contains("/charge_id") && found.contains("unbacked"), "{found}");
    let backed = with(Source::VerifiedChannel, "login", &[Source::VerifiedChannel]);
    assert!(!backed.contains("unbacked"), "{backed}");
    // Without a read of the contract's own, a system of record is an entry, too.
    let credit = |heard: &[Source]| {
        let mut case = Case::refund(0);
        case.agent = "erp-1";
        case.contract = "erp.credit_note@1";
        case.input = json!({"customer_id": "cust-1", "amount_minor": 100, "currency": "USD", "reason": "goodwill"});
        case.heard = Some(heard.to_vec());
        case.look_up();
        outcome(&case.verdict())
    };
    assert_eq!(credit(&[Source::SystemOfRecord]), "allow");
    let found = credit(&[Source::Customer]);
    assert!(found.contains("unbacked /amount_minor"), "{found}");
}

#[test]
fn the_worse_of_two_sources_counts() {
    let mut case = Case::refund(30_00);
    case.provenance.push(("/amount_minor".to_owned(), from(Source::Customer)));
    check(
        case,
        "deny provenance customer /amount_minor: this comes from customer, and it must be \
         system_of_record or staff",
    );
}

#[test]
fn the_source_of_the_whole_speaks_for_its_parts() {
    let mut case = Case::refund(30_00);
    case.provenance = vec![(String::new(), from(Source::Staff))];
    check(case, "allow");
}

#[test]
fn every_precondition_that_fails_is_named() {
    let mut case = Case::refund(30_00);
    let mut other = charge(20_00);
    other["customer_id"] = json!("cust-2");
    other["status"] = json!("open");
    case.answer("/charges/ch-1", other);
    check(
        case,
        "deny precondition own-charge /charge_id: this charge belongs to another customer than \
         the case; precondition charge-paid /charge_id: a charge that was not paid cannot be \
         refunded; precondition not-more-than-paid /amount_minor: this would give back more than \
         was paid",
    );
}

#[test]
fn a_charge_that_is_not_there_denies_once() {
    let mut case = Case::refund(30_00);
    case.missing("/charges/ch-1");
    check(case, "deny precondition charge-exists: there is no such record");
}

#[test]
fn a_system_that_cannot_be_read_denies() {
    let mut case = Case::refund(30_00);
    case.answers.insert("/charges/ch-1".to_owned(), Answer::from_http(502, b""));
    check(
        case,
        "deny precondition charge-exists: it could not be read: the system answered with status 502",
    );
}

#[test]
fn what_has_not_been_read_denies() {
    let mut case = Case::refund(30_00);
    case.answers.clear();
    check(case, "deny precondition charge-exists: it has not been read");
}

#[test]
fn a_forbid_without_approval_only_asks() {
    let mut case = Case::refund(30_00);
    case.set("reason", json!("goodwill"));
    check(case, "ask 2 of finance without cust-1, oscar");
}

#[test]
fn a_policy_that_cannot_be_evaluated_denies_by_its_name() {
    let mut case = Case::refund(30_00);
    case.files = with(
        "policies/more.cedar",
        "@id(\"broken\")\nforbid (principal, action, resource)\n\
         when { context.labels.vip == \"no\" };\n",
    );
    let verdict = case.verdict();
    let text = outcome(&verdict);
    assert!(text.starts_with("deny policy broken: the policy cannot be evaluated"), "{text}");
    assert!(verdict.policies.iter().any(|policy| policy.as_str() == "broken"));
}

#[test]
fn a_policy_that_fails_only_for_the_unapproved_question_denies_too() {
    let mut case = Case::refund(60_00);
    case.files = with(
        "policies/more.cedar",
        "@id(\"broken\")\nforbid (principal, action == Action::\"execute_unapproved\", resource)\n\
         when { context.labels.vip == \"no\" };\n",
    );
    let text = outcome(&case.verdict());
    assert!(text.starts_with("deny policy broken: the policy cannot be evaluated"), "{text}");
}

#[test]
fn the_same_write_again_is_named() {
    let mut case = Case::refund(30_00);
    case.duplicate = Some("c-1/a1".parse().expect("an id"));
    check(
        case,
        "deny duplicate idempotency-key: the same write has already been proposed as c-1/a1",
    );
}

#[test]
fn tier_two_asks_whatever_the_policies_say() {
    check(Case::order(), "ask 1 of operations without cust-1, olga");
}

#[test]
fn people_are_asked_with_a_turn_for_each_step_and_may_decide_on_its_ticket() {
    let Ruling::Ask(terms) = Case::order().verdict().ruling else { panic!("people are asked") };
    // Half an hour for two steps.
    let turns: Vec<_> = terms.ask.steps.iter().map(|step| step.decide_within).collect();
    assert_eq!(turns, [Some(belay_domain::Span::from_mins(15)); 2]);
    let may: Vec<_> = terms
        .in_ticket
        .iter()
        .map(|one| format!("{} as {} of {}", one.person, one.account, one.system))
        .collect();
    assert_eq!(may, ["ann as ann of desk", "ben as ben of desk", "lea as lea of desk"]);
    let Ruling::Ask(terms) = Case::refund(60_00).verdict().ruling else { panic!("asked, too") };
    assert!(terms.in_ticket.is_empty(), "only where the playbook allows it");
}

#[test]
fn text_from_outside_raises_the_tier_where_the_playbook_says_so() {
    let mut case = Case::refund(30_00);
    case.outside_text = true;
    check(case, "allow");
    let mut case = Case::refund(30_00);
    case.outside_text = true;
    case.files =
        Some(replaced("playbook.yaml", "outside_text: ignore", "outside_text: raise_tier"));
    check(case, "ask 2 of finance without cust-1, oscar");
}

#[test]
fn every_reason_of_every_rule_is_reported_in_order() {
    let mut case = Case::refund(600_00);
    case.agent = "crm-1";
    case.look_up();
    case.come_from("/charge_id", Source::Model);
    let text = outcome(&case.verdict());
    let rules: Vec<&str> = text
        .trim_start_matches("deny ")
        .split("; ")
        .filter_map(|reason| reason.split(' ').next())
        .filter(|rule| *rule != "it")
        .collect();
    assert_eq!(
        rules,
        ["boundary", "boundary", "provenance", "precondition", "limit", "policy"],
        "{text}"
    );
}

#[test]
fn a_verdict_carries_what_was_decided_on() {
    let verdict = Case::refund(60_00).verdict();
    assert_eq!(
        verdict.input,
        r#"{"amount_minor":6000,"charge_id":"ch-1","currency":"USD","customer_id":"cust-1","reason":"duplicate-charge"}"#
    );
    assert_eq!(
        verdict.snapshot.as_deref(),
        Some(r#"{"currency":"USD","paid":10000,"refunded":0}"#)
    );
    assert_eq!(
        verdict.shown,
        "\"Give a customer money back\" (billing.refund@1) in billing\n\
         case c-1 of customer \"cust-1\"\namount USD 60.00\ncannot be undone\n\
         /amount_minor  integer  6000\n/charge_id  text  \"ch-1\"\n/currency  text  \"USD\"\n\
         /customer_id  text  \"cust-1\"\n/reason  text  \"duplicate-charge\"\nas read before:\n\
         /currency  text  \"USD\"\n/paid  integer  10000\n/refunded  integer  0\n"
    );
    let terms = verdict.terms.expect("the contract is known");
    assert_eq!(terms.key.as_str(), "billing.refund/ch-1");
    assert_eq!(terms.amount.map(|amount| amount.minor), Some(60_00));
    assert!(terms.live && !terms.compensable);
    let policies: Vec<&str> = verdict.policies.iter().map(|policy| policy.as_str()).collect();
    assert_eq!(policies, ["billing-agents-refund"]);
}

#[test]
fn a_contract_in_shadow_is_not_live() {
    let verdict = Case::retire().verdict();
    assert!(verdict.terms.is_some_and(|terms| !terms.live));
}

#[test]
fn canary_takes_its_share_of_cases_and_a_case_stays_on_its_side() {
    let files = replaced("contracts/billing.refund.yaml", "mode: live", "mode: canary\nshare: 0.3");
    let playbook = Playbook::from_files(files).expect("it loads");
    let live = |id: u32| {
        let mut case = Case::refund(30_00);
        case.id = format!("c-{id}");
        case.decide(&playbook).terms.is_some_and(|terms| terms.live)
    };
    let count = (0..300).filter(|id| live(*id)).count();
    assert!((60..=120).contains(&count), "{count} of 300 are live");
    assert!((0..20).all(|id| live(id) == live(id)));
}

#[test]
fn a_readback_proves_or_does_not() {
    let refund = json!({"id": "re-1", "key": "billing.refund/ch-1", "charge_id": "ch-1",
        "amount_minor": 3000, "currency": "USD", "status": "succeeded"});
    let other = |field: &str, value: Value| {
        let mut other = refund.clone();
        other[field] = value;
        other
    };
    let judge = |answer: Answer| Case::refund(30_00).judge(&answer);
    assert!(matches!(judge(Answer::Found(json!([refund]))), ReadBack::Applied { shown }
        if shown.contains("re-1")));
    assert_eq!(judge(Answer::Found(json!([]))), ReadBack::NotApplied);
    assert!(matches!(judge(Answer::Found(json!([other("amount_minor", json!(6000))]))),
        ReadBack::Different { difference } if difference.contains("same-amount")));
    assert!(matches!(judge(Answer::Found(json!([refund, refund]))),
        ReadBack::Different { difference } if difference.contains("more than once")));
    // Neither of these says that it is not there.
    assert!(matches!(judge(Answer::Missing), ReadBack::Unreadable { .. }));
    assert!(matches!(judge(Answer::from_http(500, b"")), ReadBack::Unreadable { .. }));
    assert!(matches!(judge(Answer::from_http(200, b"<html>")), ReadBack::Unreadable { .. }));
}

#[test]
fn what_has_a_way_back_can_be_undone() {
    let playbook = &*PLAYBOOK;
    let contract: ContractId = "erp.credit_note@1".parse().expect("an id");
    let input =
        r#"{"customer_id":"cust-1","amount_minor":100,"currency":"USD","reason":"goodwill"}"#;
    let facts = Case::refund(1).facts();
    let write = playbook.execution(&contract, input, &facts).expect("it is declared");
    assert!(matches!(&write.body, Payload::Json(body) if body["key"] == json!(write.key)));
    let shown = r#"{"id":"cn/7"}"#;
    let way = playbook.way_back(&contract, input, &facts, shown).expect("it is declared");
    let undo = way.write(0, &Reads::default()).expect("it can be made");
    assert_eq!((undo.method.as_str(), undo.path.as_str()), ("DELETE", "/credit-notes/cn%2F7"));
    assert_ne!(undo.key, write.key);
    let judge = |answer| way.judge(&answer);
    assert!(matches!(judge(Answer::Found(json!([]))), ReadBack::Applied { .. }));
    assert_eq!(judge(Answer::Found(json!([{"id": "cn/7"}]))), ReadBack::NotApplied);
}

#[test]
fn what_stands_and_is_not_what_was_promised_can_be_undone_too() {
    let playbook = &*PLAYBOOK;
    let contract: ContractId = "erp.credit_note@1".parse().expect("an id");
    let input =
        r#"{"customer_id":"cust-1","amount_minor":100,"currency":"USD","reason":"goodwill"}"#;
    let facts = Case::refund(1).facts();
    let standing = |answer| playbook.standing(&contract, input, &facts, &answer);
    let wrong = json!([{"id": "cn-9", "amount_minor": 1}]);
    let shown = standing(Answer::Found(wrong)).expect("something stands");
    let way = playbook.way_back(&contract, input, &facts, &shown).expect("it is declared");
    let undo = way.write(0, &Reads::default()).expect("it can be made");
    assert_eq!(undo.path, "/credit-notes/cn-9");
    assert_eq!(standing(Answer::Found(json!([]))), None);
    assert_eq!(standing(Answer::Missing), None);
}

/// An expectation without details matches any.
#[track_caller]
fn check(case: Case, expected: &str) {
    let found = outcome(&case.verdict());
    let matches = if expected.starts_with("deny schema") && !expected.contains(": ") {
        found.starts_with(expected)
    } else {
        found == expected
    };
    assert!(matches, "\n   found {found}\nexpected {expected}");
}

fn outcome(verdict: &Verdict) -> String {
    match &verdict.ruling {
        Ruling::Allow => "allow".to_owned(),
        Ruling::Ask(terms) => {
            let list = |names: Vec<&str>| names.join(", ");
            format!(
                "ask {} of {} without {}",
                terms.quorum,
                list(terms.groups.iter().map(|group| group.as_str()).collect()),
                list(terms.excluded.iter().map(|person| person.as_str()).collect())
            )
        }
        Ruling::Deny(reasons) => {
            let reasons: Vec<String> = reasons
                .iter()
                .map(|reason| {
                    let field = if reason.field.is_empty() {
                        String::new()
                    } else {
                        format!(" {}", reason.field)
                    };
                    format!("{} {}{field}: {}", reason.rule, reason.name, reason.detail)
                })
                .collect();
            format!("deny {}", reasons.join("; "))
        }
    }
}
