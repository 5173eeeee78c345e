//! The way back of several writes, as Northgate's ERP needs it: a posted credit note is countered by an invoice that is
//! drafted and posted. Whatever the books show, the next write is the one that is missing.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

use std::path::Path;
use std::sync::LazyLock;

use belay_domain::{ContractId, ReadBack};
use belay_playbook::{
    Answer, CaseFacts, Method, Payload, Playbook, PrepareError, Problems, Reads, SourceFile,
    WayBack,
};
use serde_json::{Value, json};

static PLAYBOOK: LazyLock<Playbook> =
    LazyLock::new(|| Playbook::load(&folder()).unwrap_or_else(|problems| panic!("{problems}")));

const POST: &str =
    r#"{"credit_note_id":31,"charge_id":"ch_1","amount_minor":42000,"currency":"USD"}"#;

#[test]
fn the_first_write_copies_what_stands_and_carries_its_key() {
    let mut way = way();
    assert_eq!(see(&mut way, 0, json!([])), "not done");
    let nothing = Reads::default();
    let open = way.reads(0, &nothing).unwrap();
    assert_eq!(open.len(), 1, "the credit note is read first: {open:?}");
    let write = way.write(0, &reads(&way, note("posted"))).unwrap();
    assert_eq!((write.method, write.path.as_str()), (Method::Post, "/account.invoice"));
    assert_eq!(write.key, "undo/erp.post_credit_note/31/draft_counter");
    let Payload::Json(body) = write.body else { panic!("no JSON") };
    assert_eq!(body["reference"], "undo/erp.post_credit_note/31");
    assert_eq!(body["party"], 7);
    let line = &body["lines"][0][1][0];
    assert_eq!(body["lines"][0][0], "create");
    assert_eq!(
        (&line["quantity"], &line["origin"]),
        (&json!(1.0), &json!("account.invoice.line,90"))
    );
    assert_eq!(line["unit_price"], json!({"__class__": "Decimal", "decimal": "350.00"}));
    assert_eq!(line["taxes"], json!([["add", [1]]]));
}

#[test]
fn the_second_write_is_about_what_the_first_one_left_whoever_made_it() {
    let mut way = way();
    assert_eq!(see(&mut way, 0, json!([counter("draft", "420.00")])), "done");
    let left = way.left(0).unwrap();
    assert_eq!((left.object.as_str(), left.id), ("counter-document", json!(32)));
    assert_eq!(left.shown["state"], "draft");
    assert_eq!(see(&mut way, 1, json!({"id": 32, "state": "draft", "move": null})), "not done");
    let write = way.write(1, &Reads::default()).unwrap();
    assert_eq!(write.path, "/account.invoice/32/post");
    let posted = json!({"id": 32, "state": "posted", "move": {"state": "posted"}});
    assert_eq!(see(&mut way, 1, posted), "done");
    assert_eq!(proved(&way, json!([counter("draft", "420.00")])), "not done");
    assert_eq!(proved(&way, json!([counter("posted", "420.00")])), "done");
}

#[test]
fn what_is_there_and_not_as_it_should_be_goes_to_people() {
    let mut way = way();
    let other = see(&mut way, 0, json!([counter("draft", "400.00")]));
    assert_eq!(other, "different: same-amount: the counter-document is about another amount");
    assert_eq!(way.left(0).unwrap().shown["total_amount"], "400.00", "and they are told of it");
    let twice = json!([counter("draft", "420.00"), counter("draft", "420.00")]);
    assert!(see(&mut way, 0, twice).contains("more than one"));
    assert!(see(&mut way, 0, json!(7)).starts_with("unreadable"));
}

#[test]
fn a_write_is_not_made_from_what_could_not_be_read_or_does_not_allow_it() {
    let mut way = way();
    assert_eq!(see(&mut way, 0, json!([])), "not done");
    let lost = way.write(0, &reads(&way, Answer::Unreadable { detail: "502".to_owned() }));
    let lost = lost.unwrap_err();
    assert!(lost.retryable(), "{lost}");
    let changed = way.write(0, &reads(&way, note("cancelled"))).unwrap_err();
    assert!(matches!(changed, PrepareError::NotNow { .. }) && !changed.retryable(), "{changed}");
    assert!(changed.to_string().contains("not in the books any more"), "{changed}");
    let early = way.write(1, &Reads::default()).unwrap_err();
    assert!(matches!(early, PrepareError::Expression { .. }), "nothing was drafted yet: {early}");
}

#[test]
fn one_write_is_proved_by_the_proof_itself() {
    let id = contract("crm.note_refund@1");
    let input = r#"{"account_id":3,"erp_code":"C10008","charge_id":"ch_1","refund_id":"re_1","credit_note_id":31,
        "amount_minor":42000,"currency":"USD"}"#;
    let mut way = PLAYBOOK.way_back(&id, input, &case(), r#"{"id":5}"#).unwrap();
    assert_eq!((way.writes(), way.name(0)), (1, ""));
    assert_eq!(way.look(0).unwrap(), way.proof().unwrap());
    let write = way.write(0, &Reads::default()).unwrap();
    assert_eq!(write.path, "/accounts/comment/5/");
    assert_eq!(write.key, "undo/crm.note_refund/re_1");
    let account = |text: &str| json!({"comments": [{"id": 5, "comment": text}]});
    assert_eq!(see(&mut way, 0, account("x [crm.note_refund/re_1]")), "not done");
    assert_eq!(see(&mut way, 0, account("something else")), "done");
    assert_eq!(way.left(0), None);
    let none = PLAYBOOK.way_back(&contract("billing.refund@1"), "{}", &case(), "{}");
    assert!(matches!(none, Err(PrepareError::NotDeclared { .. })));
}

#[test]
fn a_way_back_that_makes_no_sense_is_refused_when_it_is_loaded() {
    wrong("name: post_counter", "name: draft_counter", "there is already a step draft_counter");
    wrong(
        "path: \"/account.invoice/{{ steps.draft_counter.id }}/post\"",
        "path: \"/account.invoice/{{ reads.note.id }}/post\"",
        "reads has no field note here",
    );
    wrong(
        "compensation:\n  steps:",
        "compensation:\n  none: never\n  steps:",
        "or none with a reason",
    );
    wrong(
        "failures: {retryable: [403]}",
        "failures: {retryable: [403], permanent: [403]}",
        "it is said twice what 403 means",
    );
    wrong(
        "failures: {retryable: [403]}",
        "failures: {permanent: [200]}",
        "a system says that it was done",
    );
    wrong(
        "failures: {retryable: [403]}",
        "failures: {unknown: [600]}",
        "no write is answered with 600",
    );
    wrong(
        "failures: {retryable: [403]}",
        "failures: {answers: [{when: input.x, means: permanent}]}",
        "input is not known here",
    );
}

#[test]
fn every_class_of_failure_is_told_by_the_contracts_words_and_an_error_inside_200_too() {
    let rules = "failures:
  retryable: [403, 503]
  permanent: [500]
  unknown: [409]
  answers:
    - {when: \"status == 200 && 'error' in body && body.error[0] == 'ConcurrencyException'\", means: retryable}
    - {when: \"status == 200 && 'error' in body\", means: permanent}
    - {when: body.code == 'pending', means: unknown}
";
    let playbook = with("failures: {retryable: [403]}\n", rules).unwrap();
    for (status, body, expected) in [
        (403, json!(null), Some("retryable")),
        (503, json!("<h1>"), Some("retryable")),
        (500, json!({}), Some("permanent")),
        (409, json!({}), Some("unknown")),
        (502, json!({}), None),
        (429, json!({}), None),
        (200, json!({"result": 1}), None),
        (200, json!(7), None),
        (200, json!(null), None),
        (200, json!({"error": ["UserError"]}), Some("permanent")),
        (200, json!({"error": ["ConcurrencyException"]}), Some("retryable")),
        // Before any status.
        (500, json!({"code": "pending"}), Some("unknown")),
    ] {
        let claim = playbook.claim(&contract("erp.post_credit_note@1"), status, &body);
        let claim = claim.map(|claim| format!("{claim:?}").to_lowercase());
        assert_eq!(claim.as_deref(), expected, "{status} {body}");
    }
}

#[test]
fn a_login_that_cannot_be_is_refused_when_it_is_loaded() {
    let place = "user: {env: NORTHGATE_CRM_USER}";
    for (from, to, why) in [
        (place, "user: {env: \"the user\"}", "not the name of an environment variable"),
        (place, "user: {}", "a secret is in one place"),
        ("path: /auth/login/", "path: auth", "a path begins with /"),
        ("path: /auth/login/", "path: /auth/login/\n        token: token", "not a JSON pointer"),
        ("path: /auth/login/", "path: /auth/login/\n        lasts: 1s", "asked for all the time"),
        (
            "path: /auth/login/",
            "path: /auth/login/\n        also: {password: x}",
            "password is sent already",
        ),
        ("{user: email, password: password}", "{user: a, password: a}", "under one name"),
        ("scheme: JWT", "scheme: JWT\n      env: X", "a credential is in one place"),
    ] {
        let problems = changed("systems.yaml", from, to).unwrap_err().to_string();
        assert!(problems.contains(why), "{why}: {problems}");
    }
}

fn see(way: &mut WayBack<'_>, step: usize, shown: Value) -> String {
    said(way.see(step, &Answer::Found(shown)))
}

fn proved(way: &WayBack<'_>, shown: Value) -> String {
    said(way.judge(&Answer::Found(shown)))
}

fn said(shows: ReadBack) -> String {
    match shows {
        ReadBack::Applied { .. } => "done".to_owned(),
        ReadBack::NotApplied => "not done".to_owned(),
        ReadBack::Different { difference } => format!("different: {difference}"),
        ReadBack::Unreadable { detail } => format!("unreadable: {detail}"),
    }
}

fn way() -> WayBack<'static> {
    let shown = r#"{"id":31,"number":"CN-1","state":"posted","total_amount":"-420.00"}"#;
    let way = PLAYBOOK.way_back(&contract("erp.post_credit_note@1"), POST, &case(), shown);
    let way = way.unwrap();
    assert_eq!((way.writes(), way.name(0), way.name(1)), (2, "draft_counter", "post_counter"));
    way
}

/// What is read before the first write.
fn reads(way: &WayBack<'_>, answer: Answer) -> Reads {
    let mut reads = Reads::default();
    let open = way.reads(0, &reads).unwrap();
    reads.add(&open[0], answer);
    assert_eq!(way.reads(0, &reads).unwrap(), []);
    reads
}

fn note(state: &str) -> Answer {
    let line = json!({"id": 90, "product": 1, "unit": 1, "account": 99, "taxes": [1], "quantity": -1.0,
        "unit_price": {"__class__": "Decimal", "decimal": "350.00"}});
    Answer::Found(json!({
        "id": 31, "state": state, "type": "out", "party": 7, "invoice_address": 4, "account": 39, "journal": 1,
        "currency": 1, "company": 1, "lines": [line],
    }))
}

fn counter(state: &str, total: &str) -> Value {
    json!({"id": 32, "state": state, "number": null, "total_amount": {"decimal": total}})
}

#[track_caller]
fn wrong(from: &str, to: &str, why: &str) {
    let problems = with(from, to).expect_err("it must be refused").to_string();
    assert!(problems.contains(why), "{problems} does not say {why}");
}

fn with(from: &str, to: &str) -> Result<Playbook, Problems> {
    changed("contracts/erp.post_credit_note.yaml", from, to)
}

/// Northgate's playbook with one place changed.
fn changed(file: &str, from: &str, to: &str) -> Result<Playbook, Problems> {
    let mut files = Vec::new();
    let mut open = vec![folder()];
    while let Some(folder_now) = open.pop() {
        for entry in std::fs::read_dir(folder_now).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            if !path.extension().is_some_and(|kind| kind == "yaml" || kind == "cedar") {
                continue;
            }
            let name = path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
            let mut text = std::fs::read_to_string(&path).unwrap();
            if name == file {
                assert!(text.contains(from), "{name} has no {from}");
                text = text.replacen(from, to, 1);
            }
            files.push(SourceFile { path: name, text });
        }
    }
    Playbook::from_files(files)
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/northgate")
}

fn contract(id: &str) -> ContractId {
    id.parse().expect("a contract's id")
}

fn case() -> CaseFacts {
    CaseFacts {
        tenant: "northgate".parse().unwrap(),
        id: "c-1".parse().unwrap(),
        kind: "double-charge".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: "ap@cobaltfreight.example".to_owned(),
        subject: "charged twice".to_owned(),
        labels: Vec::new(),
    }
}
