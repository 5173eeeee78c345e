//! The playbook for payables, which was written from the documentation alone: every contract against the answers that are
//! recorded beside it, and inputs that are not allowed, each refused at its stage and by its own name.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const CONTRACTS: [&str; 6] = [
    "invoices.cancel",
    "invoices.draft",
    "invoices.post",
    "suppliers.block",
    "suppliers.set_account",
    "suppliers.set_contact",
];

#[test]
fn the_playbook_is_sound() {
    let checked =
        Command::new(env!("CARGO_BIN_EXE_belay")).arg("check").arg(payables()).output().unwrap();
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success() && said.starts_with("sound: payables"), "{said}");
}

#[test]
fn every_contract_holds_against_what_was_recorded() {
    let contracts = fs::read_dir(payables().join("contracts")).unwrap().count();
    assert_eq!(contracts, CONTRACTS.len(), "a contract has no recording");
    for contract in CONTRACTS {
        let (code, told) = test(contract, None);
        assert_eq!(code, 0, "{told:#}");
        for stage in ["schema", "provenance", "reads", "preconditions", "limits", "policy"] {
            assert_eq!(ended(&told, stage), "ok", "{contract} {stage}");
        }
        assert_eq!(ended(&told, "verification"), "ok", "{contract}");
        // The only one without a way back says so.
        let back = if contract == "invoices.cancel" { "skipped" } else { "ok" };
        assert_eq!(ended(&told, "compensation"), back, "{contract}");
    }
}

#[test]
fn what_an_agent_carries_out_is_proven_without_a_request_of_the_playbooks() {
    let (_, told) = test("invoices.draft", None);
    assert_eq!(ended(&told, "request"), "skipped", "{told:#}");
    assert_eq!(ended(&told, "before"), "ok", "{told:#}");
    assert_eq!(ended(&told, "write"), "skipped", "{told:#}");
}

#[test]
fn an_account_of_a_supplier_is_not_changed_by_whoever_writes_a_letter() {
    let check = |change: Value, stage, name| refused("suppliers.set_account", change, stage, name);
    check(json!({"/input/to": "GB94 BARC 1020 1530 0934 59"}), "schema", "");
    check(json!({"/input/to": "\u{0410}B94BARC10201530093459"}), "schema", "");
    check(json!({"/input/account": 63}), "schema", "");
    check(json!({"/input/reason": "suspected-fraud"}), "schema", "");
    check(json!({"/provenance/~1to": "customer"}), "provenance", "/to");
    check(json!({"/provenance/~1to": "model"}), "provenance", "/to");
    check(json!({"/case/customer": "C10025"}), "preconditions", "of-the-case");
    check(json!({"/input/from": "GB94BARC10201530093459"}), "preconditions", "as-it-was");
    check(json!({"/input/to": "GB33BUKB20201555555555"}), "preconditions", "another-one");
    check(json!({"/case/labels": {}}), "policy", "no-account-without-a-call");
    check(json!({"/agent": "invoices-1"}), "boundary", "suppliers.set_account@1");
}

#[test]
fn a_contact_of_a_supplier_is_an_address_or_a_number() {
    let check = |change: Value, stage, name| refused("suppliers.set_contact", change, stage, name);
    check(json!({"/input/to": "{{ case.id }}"}), "schema", "");
    check(json!({"/input/to": "a".repeat(500)}), "schema", "");
    check(json!({"/input/type": "phone"}), "preconditions", "of-that-type");
    check(json!({"/input/from": "ar@other.example"}), "preconditions", "as-it-was");
    check(json!({"/provenance/~1to": "model"}), "provenance", "/to");
}

#[test]
fn an_invoice_is_drafted_once_and_adds_up() {
    let check = |change: Value, stage, name| refused("invoices.draft", change, stage, name);
    check(json!({"/input/total_minor": "12500"}), "schema", "");
    check(json!({"/input/total_minor": 9_223_372_036_854_775_807_i64}), "schema", "");
    check(json!({"/input/currency": "EUR"}), "schema", "");
    check(json!({"/input/date": "2026-02-30"}), "schema", "");
    check(json!({"/provenance/~1total_minor": "model"}), "provenance", "/total_minor");
    check(json!({"/input/total_minor": 12501}), "preconditions", "lines-add-up");
    // The one that is known is HP-1000, however it is spelt.
    check(json!({"/input/number": "HP1000"}), "preconditions", "not-known-yet");
    check(json!({"/input/number": "HP/1000"}), "preconditions", "not-known-yet");
    let large = json!([{"text": "paper", "quantity": 10, "unit_minor": 250_000}]);
    check(json!({"/input/lines": large, "/input/total_minor": 2_500_000}), "limits", "per-action");
}

#[test]
fn an_invoice_is_posted_as_it_was_drafted() {
    let check = |change: Value, stage, name| refused("invoices.post", change, stage, name);
    check(json!({"/input/invoice_id": 0}), "schema", "");
    check(json!({"/input/number": "HP-1002"}), "preconditions", "same-number");
    check(json!({"/input/total_minor": 12499}), "preconditions", "same-total");
    check(json!({"/agent": "suppliers-1"}), "policy", "");
    check(json!({"/agent": "nobody"}), "identity", "nobody");
}

#[test]
fn only_what_is_posted_is_cancelled_and_only_what_is_open_is_blocked() {
    let check = |change: Value, stage, name| refused("invoices.cancel", change, stage, name);
    check(json!({"/input/reason": "goodwill"}), "schema", "");
    check(json!({"/input/total_minor": 1}), "preconditions", "same-total");
    check(json!({"/input/supplier_id": 25}), "reads", "supplier-exists");
    refused("suppliers.block", json!({"/input/reason": ""}), "schema", "");
    refused("suppliers.block", json!({"/provenance": {}}), "provenance", "/supplier_id");
}

/// Tries a contract with its recorded input, changed in these places, and finds that it is refused at this stage for a
/// reason that names this, and that nothing is written.
#[track_caller]
fn refused(contract: &str, change: Value, stage: &str, name: &str) {
    let text = fs::read_to_string(payables().join(format!("recorded/{contract}.yaml"))).unwrap();
    let (given, _) = text.split_once("exchanges:").unwrap();
    let mut given: Value = serde_saphyr::from_str(given).unwrap();
    for (place, value) in change.as_object().unwrap() {
        let (parent, key) = place.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/");
        given.pointer_mut(parent).unwrap()[key] = value.clone();
    }
    let (code, told) = test(contract, Some(&given));
    assert_eq!(code, 6, "{change}: {told:#}");
    assert_eq!(ended(&told, stage), "failed", "{change}: {told:#}");
    let found = stage_of(&told, stage).unwrap();
    assert!(found["details"].to_string().contains(name), "{change}: {found:#}");
    assert!(stage_of(&told, "write").is_none(), "{change}: {told:#}");
}

/// What `belay contract test` says: its exit code, and the stages.
#[track_caller]
fn test(contract: &str, given: Option<&Value>) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_belay"));
    command.args(["--output", "json", "contract", "test", contract, "--playbook"]).arg(payables());
    if let Some(given) = given {
        let file = folder.path().join("input.json");
        fs::write(&file, given.to_string()).unwrap();
        command.arg("--input").arg(file);
    }
    let shown = command.output().unwrap();
    let told = serde_json::from_slice(&shown.stdout);
    let told = told.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&shown.stderr)));
    (shown.status.code().unwrap(), told)
}

#[track_caller]
fn ended(told: &Value, stage: &str) -> String {
    let found = stage_of(told, stage);
    let found = found.unwrap_or_else(|| panic!("there is no stage {stage} in {told:#}"));
    found["ended"].as_str().unwrap().to_owned()
}

fn stage_of<'a>(told: &'a Value, name: &str) -> Option<&'a Value> {
    told["stages"].as_array().unwrap().iter().find(|stage| stage["stage"] == name)
}

fn payables() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/payables")
}
