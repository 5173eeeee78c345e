//! What Northgate's contracts ask of real systems, as it goes over the wire: forms, searches in addresses, the statuses
//! that mean something else there, and what people are told of what stands.

use std::path::Path;
use std::sync::LazyLock;

use base64::prelude::{BASE64_URL_SAFE, Engine};
use belay_domain::{ContractId, FailureClaim, ReadBack};
use belay_playbook::{Answer, CaseFacts, Payload, Playbook};
use serde_json::{Value, json};

static PLAYBOOK: LazyLock<Playbook> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/northgate");
    Playbook::load(&folder).unwrap_or_else(|problems| panic!("{problems}"))
});

const REFUND: &str =
    r#"{"charge_id":"ch_1","amount_minor":42000,"currency":"USD","reason":"goodwill"}"#;
const POST: &str =
    r#"{"credit_note_id":31,"charge_id":"ch_1","amount_minor":42000,"currency":"USD"}"#;

#[test]
fn a_refund_is_a_form_that_carries_its_key() {
    let write =
        PLAYBOOK.execution(&contract("billing.refund@1"), REFUND, &case()).expect("a write");
    let Payload::Form(fields) = write.body else { panic!("{write:?}") };
    let field = |name: &str| fields.iter().find(|field| field.0 == name).map(|field| &*field.1);
    assert_eq!(field("amount"), Some("42000"), "a number as a form writes it");
    assert_eq!(field("charge"), Some("ch_1"));
    assert_eq!(field("metadata[action]"), Some("billing.refund/ch_1"));
    assert_eq!(write.key, "billing.refund/ch_1");
}

#[test]
fn a_search_keeps_a_customers_text_one_text() {
    let input = r#"{"account_id":3,"erp_code":"C10008","charge_id":"ch_1","refund_id":"re_1","credit_note_id":31,
        "amount_minor":42000,"currency":"USD"}"#;
    let nothing = belay_playbook::Reads::default();
    let reads = PLAYBOOK.reads(&contract("crm.note_refund@1"), input, &case(), &nothing);
    let party = reads.iter().find(|read| read.name == "party").expect("it is read");
    let domain = party.path.split(['=', '&']).nth(1).expect("a search").replace("%3D", "=");
    let domain = BASE64_URL_SAFE.decode(domain).expect("base64");
    let domain: Value = serde_json::from_slice(&domain).expect("JSON");
    assert_eq!(domain, json!([["code", "=", "C10008"]]));
    assert_eq!(party.headers[0].0, "X-Tryton-Context");
}

#[test]
fn a_status_means_what_the_contract_says_and_otherwise_what_it_usually_does() {
    let claim = |name: &str, status| PLAYBOOK.claim(&contract(name), status, &Value::Null);
    assert_eq!(claim("erp.post_credit_note@1", 403), Some(FailureClaim::Retryable));
    assert_eq!(claim("erp.post_credit_note@1", 400), None);
    assert_eq!(claim("billing.refund@1", 403), None);
}

#[test]
fn people_are_told_what_a_read_shows_also_when_the_effect_is_not_there() {
    let id = contract("billing.refund@1");
    let charge = |refunds: Value, back: i64| {
        Answer::Found(
            json!({"id": "ch_1", "amount": 42000, "amount_refunded": back, "refunds": {"data": refunds}}),
        )
    };
    let target = |answer| PLAYBOOK.target(&id, REFUND, &case(), Some(&answer));
    let nothing = target(charge(json!([]), 0));
    assert_eq!((nothing.system.as_str(), nothing.object.as_str()), ("processor", "charge"));
    assert_eq!(
        (nothing.id, nothing.shown),
        (json!("ch_1"), json!({"amount_refunded": 0, "refunds": []}))
    );
    let one = json!([{"id": "re_1", "amount": 42000, "currency": "usd", "status": "succeeded",
        "metadata": {"action": "billing.refund/ch_1"}}]);
    assert_eq!(target(charge(one.clone(), 42000)).shown["refunds"], json!(["re_1"]));
    assert_eq!(target(Answer::Missing).shown, Value::Null);
    // The id of what was made is known from what stands there, and from nothing else.
    let made = contract("crm.note_refund@1");
    let note = r#"{"account_id":3,"erp_code":"C10008","charge_id":"ch_1","refund_id":"re_1","credit_note_id":31,
        "amount_minor":42000,"currency":"USD"}"#;
    let account = |comments| Answer::Found(json!({"account_obj": {"id": 3}, "comments": comments}));
    let target = |answer| PLAYBOOK.target(&made, note, &case(), Some(&answer)).id;
    assert_eq!(target(account(json!([]))), Value::Null);
    assert_eq!(
        target(account(json!([{"id": 7, "comment": "x [crm.note_refund/re_1]"}]))),
        json!(7)
    );

    let judge = |answer: &Answer| PLAYBOOK.judge_readback(&id, REFUND, &case(), answer);
    let twice = json!([one[0], one[0]]);
    assert!(matches!(judge(&charge(one, 42000)), ReadBack::Applied { .. }));
    assert!(matches!(judge(&charge(twice, 84000)), ReadBack::Different { .. }));
    assert_eq!(judge(&charge(json!([]), 0)), ReadBack::NotApplied);
}

#[test]
fn money_has_no_way_back_and_what_is_in_the_books_has() {
    let compensable =
        |name: &str| PLAYBOOK.contract(&contract(name)).expect("it is known").is_compensable();
    assert!(compensable("erp.draft_credit_note@1") && compensable("crm.note_refund@1"));
    assert!(compensable("erp.post_credit_note@1") && !compensable("billing.refund@1"));
    let write =
        PLAYBOOK.execution(&contract("erp.post_credit_note@1"), POST, &case()).expect("a write");
    assert_eq!(
        (write.path.as_str(), &write.body),
        ("/account.invoice/31/post", &Payload::Json(json!({})))
    );
}

fn contract(id: &str) -> ContractId {
    id.parse().expect("an id")
}

fn case() -> CaseFacts {
    CaseFacts {
        tenant: "default".parse().expect("an id"),
        id: "c-1".parse().expect("an id"),
        kind: "double-charge".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: "ap@cobaltfreight.example".to_owned(),
        subject: "charged twice".to_owned(),
        labels: Vec::new(),
    }
}
