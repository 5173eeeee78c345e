//! `belay graduate`, as an operator types it, over a journal with figures that are known.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use belay_domain::{Digest, Span};
use belay_journal::{Entry, Journal, NewEvent, Options};
use jiff::Timestamp;
use serde_json::{Value, json};

const SHADOW: &str = "itsm.retire_record@1";
const LIVE: &str = "erp.credit_note@1";

#[tokio::test]
async fn a_contract_that_has_shown_enough_names_the_line_to_change_and_changes_it_when_told_to() {
    let place = Place::new();
    place.write(compared(60)).await;
    let (code, told) = place.graduate(&[SHADOW]);
    let contract = &told["contracts"][0];
    assert_eq!((code, &contract["next"]), (0, &json!("canary")), "{told:#}");
    assert_eq!(contract["figures"]["agreed"], 60);
    let edits = contract["edits"].as_array().unwrap();
    let file = place.contract("itsm.retire_record");
    let before = fs::read_to_string(&file).unwrap();
    let line = before.lines().position(|line| line == "mode: shadow").unwrap() + 1;
    assert_eq!(edits[0]["line"], line);
    assert_eq!(
        (&edits[0]["old"], &edits[0]["new"]),
        (&json!("mode: shadow"), &json!("mode: canary"))
    );
    assert!(edits[0]["file"].as_str().unwrap().ends_with("contracts/itsm.retire_record.yaml"));
    assert_eq!(fs::read_to_string(&file).unwrap(), before, "nothing is changed unasked");

    let (code, told) = place.graduate(&[SHADOW, "--to", "canary", "--share", "0.25", "--write"]);
    assert_eq!((code, &told["contracts"][0]["written"]), (0, &json!(true)), "{told:#}");
    let after = fs::read_to_string(&file).unwrap();
    assert_eq!(after, before.replace("mode: shadow\n", "mode: canary\nshare: 0.25\n"));

    let (code, told) = place.graduate(&[SHADOW]);
    assert_eq!(
        (code, &told["contracts"][0]["next"]),
        (6, &json!("live")),
        "it has not written yet"
    );
}

#[tokio::test]
async fn what_is_missing_is_said_and_nothing_is_changed() {
    let place = Place::new();
    place.write(compared(12)).await;
    let before = fs::read_to_string(place.contract("itsm.retire_record")).unwrap();
    let (code, told) = place.graduate(&[SHADOW, "--write"]);
    assert_eq!(code, 6);
    let checks = told["contracts"][0]["checks"].as_array().unwrap();
    let holds: Vec<_> = checks
        .iter()
        .map(|check| (check["rule"].as_str().unwrap(), check["holds"] == true))
        .collect();
    let expected =
        [("sample", false), ("verified", false), ("overrides", true), ("divergences", true)];
    assert_eq!(holds, expected);
    assert!(checks[0]["missing"].as_str().unwrap().starts_with("38 more"), "{}", checks[0]);
    assert_eq!(fs::read_to_string(place.contract("itsm.retire_record")).unwrap(), before);
    let shown = place.run(&[SHADOW]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("sample      FAILED") && text.contains("missing: 38 more"), "{text}");
}

#[tokio::test]
async fn a_demotion_is_shown_until_a_person_restores_the_contract_in_its_file() {
    let place = Place::new();
    place.write(vec![demoted()]).await;
    let (code, told) = place.graduate(&[LIVE]);
    assert_eq!((code, &told["contracts"][0]["demotion"]["case"]), (6, &json!("c-1")), "{told:#}");
    let shown = place.run(&[LIVE, "--restore", "--reason", " "]);
    assert_eq!(shown.status.code(), Some(2));

    let restore = [LIVE, "--restore", "--reason", "the mapping is mended", "--by", "ann"];
    let (code, told) = place.graduate(&restore);
    assert_eq!((code, &told["contracts"][0]["written"]), (0, &json!(false)));
    let (code, told) = place.graduate(&[&restore[..], &["--write"]].concat());
    assert_eq!((code, &told["contracts"][0]["written"]), (0, &json!(true)), "{told:#}");
    let text = fs::read_to_string(place.contract("erp.credit_note")).unwrap();
    let line = r#"restored: {demotion: "c-1", by: "ann", reason: "the mapping is mended"}"#;
    assert!(text.contains(line), "{text}");

    let (code, told) = place.graduate(&[LIVE]);
    assert_eq!((code, &told["contracts"][0]["demotion"]), (0, &Value::Null));
    let again = place.run(&[LIVE, "--restore", "--reason", "once more"]);
    assert_eq!(again.status.code(), Some(3), "there is nothing left to restore");
}

#[tokio::test]
async fn all_contracts_are_listed_and_steps_cannot_be_left_out() {
    let place = Place::new();
    place.write(compared(1)).await;
    let (_, told) = place.graduate(&[]);
    assert_eq!(told["contracts"].as_array().unwrap().len(), 7);
    let shown = place.run(&[SHADOW, "--to", "live"]);
    assert_eq!(shown.status.code(), Some(4));
    assert!(String::from_utf8(shown.stderr).unwrap().contains("--to canary"));
    assert_eq!(place.run(&["erp.credit"]).status.code(), Some(3));
    let shown = place.run(&[SHADOW, "--data", "/nowhere/at-all"]);
    assert_eq!(shown.status.code(), Some(1));
    assert!(String::from_utf8(shown.stderr).unwrap().contains("--data"));
}

/// A playbook and a journal.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk");
        copy(&source, &place.playbook());
        place
    }

    fn playbook(&self) -> PathBuf {
        self.0.path().join("playbook")
    }

    fn contract(&self, name: &str) -> PathBuf {
        self.playbook().join("contracts").join(format!("{name}.yaml"))
    }

    async fn write(&self, events: Vec<Value>) {
        let directory = self.0.path().join("journal");
        fs::create_dir_all(&directory).unwrap();
        let journal = Journal::open(&directory, Options::default()).unwrap();
        let at = Timestamp::now();
        let new = |mut event: Value| {
            event["at"] = json!(at);
            let kind = event["event"].as_str().unwrap().to_owned();
            NewEvent { kind, at, body: event.to_string().into_bytes() }
        };
        let entry = Entry {
            tenant: "default".to_owned(),
            case: "c-1".to_owned(),
            events: events.into_iter().map(new).collect(),
            ..Entry::default()
        };
        journal.submit(vec![entry]).await.unwrap();
        journal.close().await;
    }

    fn graduate(&self, args: &[&str]) -> (i32, Value) {
        let shown = self.run(&[&["--output", "json"], args].concat());
        let told = String::from_utf8(shown.stdout).unwrap();
        let said = String::from_utf8(shown.stderr).unwrap();
        let value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}{said}"));
        (shown.status.code().unwrap(), value)
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_belay"))
            .arg("graduate")
            .args(args)
            .env("BELAY_PLAYBOOK", self.playbook())
            .env("BELAY_DATA", self.0.path().join("journal"))
            .output()
            .unwrap()
    }
}

/// So many proposals in shadow, each of which people carried out by hand as it was proposed.
fn compared(count: usize) -> Vec<Value> {
    let one = |number: usize| {
        let action = format!("c-1/a{number}");
        [
            json!({
                "event": "action_proposed", "action": action, "proposal": format!("p{number}"),
                "proposer": "itsm-1", "epoch": 1, "contract": SHADOW, "input": "{}", "provenance": [],
                "plan": null, "justification": "", "until": Timestamp::now(),
            }),
            json!({ "event": "action_shadowed", "action": action }),
            json!({
                "event": "action_compared", "action": action, "before": false,
                "shown": { "applied": { "shown": "{}" } },
            }),
        ]
    };
    (1..=count).flat_map(one).collect()
}

/// What the supervisor writes when it takes a contract back.
fn demoted() -> Value {
    json!({
        "event": "case_opened", "tenant": "default", "request": "demotion-1",
        "subject": "erp.credit_note@1 does not write any more: 2 divergences", "kind": "belay.demotion",
        "customer": "belay", "channel": "belay", "fingerprint": null, "labels": [["contract", LIVE]],
        "by": "program:belay-graduation",
        "terms": {
            "playbook": Digest::of(b"p"), "severity": "high", "route": null, "seek_within": Span::ZERO,
            "offer_within": Span::ZERO, "lease": Span::ZERO, "bounces_max": 0,
            "takeover": { "policy": "p", "steps": [], "backoff": { "first": Span::ZERO, "most": Span::ZERO },
                "resolutions": {} },
        },
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
