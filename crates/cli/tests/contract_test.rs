//! `belay contract test`, as an operator types it: every contract of playbooks/support-desk against the answers that are
//! recorded beside it, and what is said when something is not as recorded.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const CONTRACTS: [&str; 7] = [
    "billing.refund@1",
    "crm.add_note@1",
    "crm.update_address@1",
    "erp.adjust_order@1",
    "erp.credit_note@1",
    "itsm.retire_record@1",
    "itsm.update_record@1",
];

#[test]
fn every_contract_of_the_support_desk_holds_against_what_was_recorded() {
    let contracts = fs::read_dir(support_desk().join("contracts")).unwrap().count();
    assert_eq!(contracts, CONTRACTS.len(), "a contract has no recording");
    for contract in CONTRACTS {
        let shown = test(&[contract]);
        let told: Value = serde_json::from_slice(&shown.stdout).unwrap();
        assert_eq!(shown.status.code(), Some(0), "{told:#}");
        let ended = |stage: &str| stage_of(&told, stage)["ended"].clone();
        for stage in ["schema", "provenance", "preconditions", "limits", "policy", "request"] {
            assert_eq!(ended(stage), "ok", "{contract} {stage}");
        }
        assert_eq!(
            (ended("write"), ended("verification")),
            ("ok".into(), "ok".into()),
            "{contract}"
        );
    }
}

#[test]
fn a_contract_may_be_named_without_its_version_and_what_is_unknown_is_suggested() {
    assert_eq!(test(&["crm.add_note"]).status.code(), Some(0));
    let shown = test(&["crm.add_notes"]);
    assert_eq!(shown.status.code(), Some(3));
    let said = String::from_utf8(shown.stderr).unwrap();
    assert!(said.contains("crm.add_note@1"), "{said}");
}

#[test]
fn an_input_that_is_not_allowed_fails_at_its_stage_and_nothing_is_written() {
    for (input, stage) in [
        (
            r#"{"customer_id": "cust-7", "amount_minor": -1, "currency": "USD", "reason": "goodwill"}"#,
            "schema",
        ),
        (
            r#"{"customer_id": "cust-8", "amount_minor": 1250, "currency": "USD", "reason": "goodwill"}"#,
            "preconditions",
        ),
        (
            r#"{"customer_id": "cust-7", "amount_minor": 60000, "currency": "USD", "reason": "goodwill"}"#,
            "limits",
        ),
    ] {
        let told = given("erp.credit_note", input);
        assert_eq!(stage_of(&told, stage)["ended"], "failed", "{told:#}");
        assert!(!has_stage(&told, "write"), "{told:#}");
    }
    let model = "agent: erp-1\ncase: {id: c-recorded, customer: cust-7}\nprovenance: {/amount_minor: model}\n\
                 input: {customer_id: cust-7, amount_minor: 1250, currency: USD, reason: goodwill}\n";
    let told = given("erp.credit_note", model);
    assert_eq!(stage_of(&told, "provenance")["ended"], "failed", "{told:#}");
    let other = model.replace("erp-1", "crm-1").replace("model", "staff");
    let told = given("erp.credit_note", &other);
    assert_eq!(stage_of(&told, "boundary")["ended"], "failed", "{told:#}");
    assert_eq!(stage_of(&told, "policy")["ended"], "failed", "{told:#}");
}

#[test]
fn what_does_not_answer_as_recorded_fails_with_the_difference() {
    let other = |from: &str, to: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("other.yaml");
        let text =
            fs::read_to_string(support_desk().join("recorded/erp.credit_note.yaml")).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let shown = test(&["erp.credit_note", "--recorded", file.to_str().unwrap()]);
        assert_eq!(shown.status.code(), Some(6));
        serde_json::from_slice::<Value>(&shown.stdout).unwrap()
    };
    let sent = other(
        "body: {key: \"{{ key }}\", customer_id: cust-7",
        "body: {key: \"{{ key }}\", customer_id: cust-8",
    );
    let said = stage_of(&sent, "recording")["details"][0].as_str().unwrap().to_owned();
    assert!(said.contains("cust-8") && said.contains("cust-7"), "{said}");

    let unasked = other("exchanges:\n", "exchanges:\n  - {request: GET erp /never, status: 200}\n");
    let said = stage_of(&unasked, "recording")["details"][0].as_str().unwrap().to_owned();
    assert!(said.contains("never asked for") && said.contains("/never"), "{said}");

    let lied = other("amount_minor: 1250, currency: USD}]", "amount_minor: 1, currency: USD}]");
    let said = stage_of(&lied, "verification")["details"][0].as_str().unwrap().to_owned();
    assert!(said.contains("same-amount"), "{said}");
    assert_eq!(stage_of(&lied, "compensation")["ended"], "ok", "what stands there is undone");

    let there = other("status: 200, answer: []", "status: 200, answer: [{id: cn-3, key: k}]");
    assert_eq!(stage_of(&there, "before")["ended"], "failed", "{there:#}");
    assert_eq!(stage_of(&there, "write")["ended"], "skipped", "{there:#}");

    let refused = other(
        "currency: USD, reason: goodwill}\n  - request: \"GET",
        "currency: USD, reason: goodwill}\n    status: 422\n  - request: \"GET",
    );
    assert_eq!(stage_of(&refused, "write")["ended"], "failed", "{refused:#}");
    assert_eq!(stage_of(&refused, "verification")["ended"], "skipped", "{refused:#}");
}

#[test]
fn without_the_credentials_of_a_live_system_it_says_which_variable_is_missing() {
    let shown = test(&["erp.credit_note", "--live"]);
    assert_eq!(shown.status.code(), Some(1));
    let said = String::from_utf8(shown.stderr).unwrap();
    assert!(said.contains("BELAY_ERP_URL"), "{said}");
}

#[test]
fn what_cannot_be_undone_is_not_written_to_a_live_system_unless_it_may_stay() {
    let shown = test(&["billing.refund", "--live", "--write"]);
    assert_eq!(shown.status.code(), Some(4));
    let said = String::from_utf8(shown.stderr).unwrap();
    assert!(said.contains("--keep"), "{said}");
}

#[test]
fn where_nobody_can_be_asked_a_live_system_is_only_written_to_with_a_yes() {
    let shown = test(&["erp.credit_note", "--live", "--yes"]);
    assert_eq!(shown.status.code(), Some(2), "a yes is about a write");
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        // The key is not there; nothing else may be asked for.
        let (mut stream, _) = server.accept().unwrap();
        let mut asked = [0; 4096];
        let length = stream.read(&mut asked).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]")
            .unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    let shown = Command::new(env!("CARGO_BIN_EXE_belay"))
        .args(["contract", "test", "erp.credit_note", "--live", "--write", "--playbook"])
        .arg(support_desk())
        .env("BELAY_ERP_URL", url)
        .env("BELAY_ERP_TOKEN", "write")
        .env("BELAY_ERP_READ_TOKEN", "read")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(shown.stderr).unwrap();
    assert_eq!(shown.status.code(), Some(4), "{said}{}", String::from_utf8_lossy(&shown.stdout));
    assert!(said.contains("live system erp") && said.contains("--yes"), "{said}");
    let asked = answering.join().unwrap();
    assert!(asked.starts_with("GET /credit-notes?key="), "{asked}");
}

#[test]
fn a_recording_that_is_not_there_says_where_one_is_expected() {
    let shown = test(&["crm.add_note", "--recorded", "/nowhere/at-all.yaml"]);
    assert_eq!(shown.status.code(), Some(3));
    let said = String::from_utf8(shown.stderr).unwrap();
    assert!(said.contains("/nowhere/at-all.yaml") && said.contains("--live"), "{said}");
}

fn given(contract: &str, input: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input.yaml");
    fs::write(&file, input).unwrap();
    let shown = test(&[contract, "--input", file.to_str().unwrap()]);
    let told = String::from_utf8(shown.stdout).unwrap();
    let said = String::from_utf8(shown.stderr).unwrap();
    assert_eq!(shown.status.code(), Some(6), "{told}{said}");
    serde_json::from_str(&told).unwrap()
}

fn test(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_belay"))
        .args(["--output", "json", "contract", "test", "--playbook"])
        .arg(support_desk())
        .args(args)
        .env_remove("BELAY_ERP_URL")
        .output()
        .unwrap()
}

fn has_stage(told: &Value, name: &str) -> bool {
    told["stages"].as_array().unwrap().iter().any(|stage| stage["stage"] == name)
}

#[track_caller]
fn stage_of<'a>(told: &'a Value, name: &str) -> &'a Value {
    let found = told["stages"].as_array().unwrap().iter().find(|stage| stage["stage"] == name);
    found.unwrap_or_else(|| panic!("there is no stage {name} in {told:#}"))
}

fn support_desk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk")
}
