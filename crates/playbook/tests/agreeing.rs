//! What Northgate's dictionary makes of what its systems show after a plan, and what is wrong with a dictionary that
//! cannot tell.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use belay_domain::{Comparison, ContractId};
use belay_playbook::{Answer, CaseFacts, Playbook, Problems, Seen, SourceFile, ToCompare, Written};
use serde_json::{Value, json};

const REFUND: &str =
    r#"{"charge_id":"ch_1","amount_minor":42000,"currency":"USD","reason":"goodwill"}"#;
const POST: &str =
    r#"{"credit_note_id":31,"charge_id":"ch_1","amount_minor":42000,"currency":"USD"}"#;

static PLAYBOOK: LazyLock<Playbook> =
    LazyLock::new(|| Playbook::load(&northgate()).unwrap_or_else(|problems| panic!("{problems}")));

#[test]
fn books_and_processor_agree_in_the_words_of_the_dictionary() {
    check(charge(42_000, "succeeded"), note("posted", "-420.00"), "equal");
    check(charge(42_000, "pending"), note("paid", "-420.0000"), "equal");
}

#[test]
fn a_credit_note_that_was_cancelled_or_is_about_less_differs() {
    check(
        charge(42_000, "succeeded"),
        note("cancelled", "-420.00"),
        "repayment.standing is void in erp-ledger (31) and stands in processor",
    );
    check(
        charge(42_000, "succeeded"),
        note("posted", "-42.00"),
        "repayment.amount is 4200 in erp-ledger (31) and 42000 in processor",
    );
    check(
        charge(0, "failed"),
        note("posted", "420.00"),
        "repayment.amount is -42000 in erp-ledger (31) and 0 in processor; \
         repayment.standing is stands in erp-ledger (31) and void in processor",
    );
}

#[test]
fn what_no_mapping_knows_and_what_is_not_there_differs() {
    check(
        charge(42_000, "succeeded"),
        note("shredded", "-420.00"),
        "repayment.standing is \"shredded\" (a word that is not known, mapping 1) in erp-ledger (31) \
         and stands in processor",
    );
    check(
        charge(42_000, "succeeded"),
        Answer::Missing,
        "repayment.amount is not there: there is no such record in erp-ledger (31) and 42000 in \
         processor; repayment.standing is not there: there is no such record in erp-ledger (31) and \
         stands in processor",
    );
    // The truth itself says nothing that can be understood.
    check(
        Answer::Found(json!({"amount_refunded": 42000, "refunds": {"data": []}})),
        note("posted", "-420.00"),
        "repayment.standing is nothing at /refunds/data/0/status in processor (ch_1) and one of \
         stands, not_yet, void in processor",
    );
}

#[test]
fn what_cannot_be_read_is_no_agreement_and_hides_no_difference() {
    let down = || Answer::Unreadable { detail: "down".to_owned() };
    check(charge(42_000, "succeeded"), down(), "unreadable");
    check(down(), note("posted", "-420.00"), "unreadable");
}

#[test]
fn a_refund_that_nobody_credited_differs() {
    let refund = contract("billing.refund@1");
    let after = Written { contract: &refund, input: REFUND, shown: "{}" };
    let case = case();
    let compare = ToCompare { equality: "money-was-credited", case: &case, after, plan: &[after] };
    let mut seen = Seen::default();
    for (system, read) in PLAYBOOK.comparison_reads(&compare, &seen) {
        assert_eq!(system.as_str(), "processor", "no credit note can be named");
        seen.add(&system, &read, charge(42_000, "succeeded"));
    }
    let shown = said(&PLAYBOOK.compare(&compare, &seen));
    assert!(shown.starts_with("repayment.amount is not there"), "{shown}");
    assert!(shown.ends_with("in erp-ledger and 42000 in processor"), "{shown}");
}

#[test]
fn three_systems_have_to_know_one_customer() {
    let contract = contract("crm.note_refund@1");
    let input = r#"{"account_id":3,"erp_code":"C10008","charge_id":"ch_1","refund_id":"re_1","credit_note_id":31,"amount_minor":42000,"currency":"USD"}"#;
    let after = Written { contract: &contract, input, shown: "{}" };
    let case = case();
    let compare = ToCompare { equality: "one-customer", case: &case, after, plan: &[after] };
    // As it would be if every customer of the processor bore the ERP's code.
    let all = "{erp-ledger: input.credit_note_id, processor: input.charge_id, crm:";
    let playbook = changed("dictionary.yaml", "{erp-ledger: input.credit_note_id, crm:", all);
    let playbook = playbook.unwrap_or_else(|problems| panic!("{problems}"));
    let customer = |tag: &str| {
        let mut seen = Seen::default();
        loop {
            let reads = playbook.comparison_reads(&compare, &seen);
            if reads.is_empty() {
                return said(&playbook.compare(&compare, &seen));
            }
            for (system, read) in reads {
                let shown = match (system.as_str(), read.path.as_str()) {
                    ("processor", "/v1/charges/ch_1") => json!({"metadata": {"customer": "cus_1"}}),
                    ("processor", "/v1/customers/cus_1") => {
                        json!({"metadata": {"erp_customer": "C10008"}})
                    }
                    ("erp-ledger", _) => json!({"party": {"id": 4, "code": "C10008"}}),
                    ("crm", "/accounts/3/") => {
                        json!({"account_obj": {"tags": [{"name": "gold"}, {"name": tag}]}})
                    }
                    other => panic!("nobody asked for {other:?}"),
                };
                seen.add(&system, &read, Answer::Found(shown));
            }
        }
    };
    assert_eq!(customer("erp:C10008"), "equal");
    assert_eq!(customer("erp:C1"), "customer.code is C1 in crm (3) and C10008 in erp-ledger");
    assert!(customer("none").starts_with("customer.code is not there"));
}

#[test]
fn an_equality_that_a_newer_playbook_does_not_have_cannot_be_found_out() {
    let post = contract("erp.post_credit_note@1");
    let after = Written { contract: &post, input: POST, shown: "{}" };
    let case = case();
    let compare = ToCompare { equality: "gone", case: &case, after, plan: &[after] };
    assert!(PLAYBOOK.comparison_reads(&compare, &Seen::default()).is_empty());
    assert_eq!(said(&PLAYBOOK.compare(&compare, &Seen::default())), "unreadable");
}

#[test]
fn a_dictionary_that_cannot_tell_is_refused_with_place_and_reason() {
    for (from, to, wrong) in [
        ("void: [cancelled]", "void: [cancelled, paid]", "paid means stands already"),
        ("not_yet: [draft, validated]", "nowhere: [draft]", "nowhere is no canonical value"),
        ("type: money", "type: text", "amount is free text"),
        ("type: money\n", "type: integer\n", "only money is written as something"),
        ("        type: money\n", "", "nothing says what the values of amount are"),
        ("fields: [amount, standing]", "fields: [amount, color]", "repayment has no field color"),
        ("object: customer\n", "object: client\n", "there is no object client"),
        ("after: crm.note_refund", "after: crm.note", "there is no contract crm.note"),
        ("name: one-customer", "name: money-in-the-books", "there is already an equality"),
        (
            "crm: input.account_id",
            "erp-drafts: input.account_id",
            "nothing says how customer is read",
        ),
        ("crm: input.account_id", "crm: input.account", "input has no field account here"),
        ("crm: input.account_id", "crm: case.subject", "this rule reads free text"),
        ("prefix: \"erp:\"", "prefix: \"erp:\", as: decimal", "only money is written as something"),
        (
            "{processor: input.charge_id, erp-ledger: input.credit_note_id}",
            "{erp-ledger: input.credit_note_id, erp-drafts: input.credit_note_id}",
            "is not among the systems",
        ),
        (
            "    fields: [amount, standing]\n",
            "    fields: [amount]\n    on_difference: compensate\n    settle_within: 100d\n",
            "is too long",
        ),
        ("version: 1, prefix", "version: 0, prefix", "version"),
        (
            "values: [stands, not_yet, void]",
            "values: [stands, not_yet, void, void]",
            "void is there twice",
        ),
        (
            "truth: processor\n        names: {processor: /amount",
            "truth: crm\n        names: {processor: /amount",
            "the source of truth crm has no name",
        ),
    ] {
        let problems = with("dictionary.yaml", from, to);
        assert!(problems.contains(wrong), "{to:?} should be wrong ({wrong}):\n{problems}");
        assert!(problems.contains("dictionary.yaml:"), "{problems}");
    }
    let unread = "    read_credential: {env: NORTHGATE_PROCESSOR_READ_KEY}\n";
    let both = format!("    credential: {{env: NORTHGATE_PROCESSOR_KEY}}\n{unread}");
    let problems = with("systems.yaml", &both, "");
    assert!(problems.contains("no credential to read processor with"), "{problems}");
    let stays = with(
        "dictionary.yaml",
        "after: billing.refund\n",
        "after: billing.refund\n    on_difference: compensate\n",
    );
    assert!(stays.contains("billing.refund@1 cannot be undone"), "{stays}");
}

/// What one comparison of the books with the processor comes to.
#[track_caller]
fn check(processor: Answer, books: Answer, outcome: &str) {
    let post = contract("erp.post_credit_note@1");
    let after = Written { contract: &post, input: POST, shown: "{}" };
    let case = case();
    let compare = ToCompare { equality: "money-in-the-books", case: &case, after, plan: &[after] };
    let mut seen = Seen::default();
    let reads = PLAYBOOK.comparison_reads(&compare, &seen);
    assert_eq!(reads.len(), 2, "{reads:?}");
    for (system, read) in reads {
        let answer = if system.as_str() == "processor" { &processor } else { &books };
        seen.add(&system, &read, answer.clone());
    }
    assert!(PLAYBOOK.comparison_reads(&compare, &seen).is_empty(), "read once");
    assert_eq!(said(&PLAYBOOK.compare(&compare, &seen)), outcome);
}

fn said(comparison: &Comparison) -> String {
    match comparison {
        Comparison::Equal { .. } => "equal".to_owned(),
        Comparison::Unreadable { .. } => "unreadable".to_owned(),
        Comparison::Different { differences } => {
            differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
    }
}

/// What is wrong with Northgate's playbook after a change.
#[track_caller]
fn with(path: &str, from: &str, to: &str) -> String {
    let changed = changed(path, from, to);
    changed.map_or_else(|problems| problems.to_string(), |_| "nothing".to_owned())
}

#[track_caller]
fn changed(path: &str, from: &str, to: &str) -> Result<Playbook, Problems> {
    let mut files = Vec::new();
    read(&northgate(), &northgate(), &mut files);
    let file = files.iter_mut().find(|file| file.path == path).expect("the file is there");
    assert!(file.text.contains(from), "{path} has no {from:?}");
    file.text = file.text.replacen(from, to, 1);
    Playbook::from_files(files)
}

fn read(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(root, &path, files);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "cedar") {
            let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("a file");
            files.push(SourceFile { path: name, text });
        }
    }
}

fn northgate() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/northgate")
}

fn charge(back: i64, status: &str) -> Answer {
    Answer::Found(json!({"amount_refunded": back, "refunds": {"data": [{"status": status}]}}))
}

fn note(state: &str, total: &str) -> Answer {
    let decimal: Value = json!({"__class__": "Decimal", "decimal": total});
    Answer::Found(json!({"state": state, "total_amount": decimal}))
}

fn contract(id: &str) -> ContractId {
    id.parse().expect("a contract")
}

fn case() -> CaseFacts {
    CaseFacts {
        tenant: "acme".parse().expect("a tenant"),
        id: "c-1".parse().expect("a case"),
        kind: "double-charge".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: "ap@cobaltfreight.example".to_owned(),
        subject: "charged twice".to_owned(),
        labels: Vec::new(),
    }
}
