//! Bad input: each kind is refused with a reason of its own, nothing reaches a system, and the journal says so.
//!
//! A row is one input, as an agent sends it, and the reasons for which it is turned down. An input that is no input at all
//! is refused before it is journaled; every other one becomes an action that is denied.

use belay_api::v1;
use belay_api::v1::ErrorReason as Refused;
use belay_api::v1::ProvenanceSource as Source;
use belay_api::v1::ReasonKind as Kind;
use belay_api::v1::connect_request::Message as Say;
use belay_api::v1::connect_response::Message as Hear;
use serde_json::{Value, json};

use crate::stage::callers::Caller;
use crate::stage::line::Line;
use crate::stage::playbook::Playbook;
use crate::stage::{Stage, request};

/// A write with a value in every place that a request has: path, query, header and body, and an amount.
const CONTRACT: &str = r#"
id: billing.book@1
title: Book something on an account
system: billing
executor: supervisor
tier: 0
mode: live
input:
  type: object
  additionalProperties: false
  required: [account, total, currency, kind]
  properties:
    account: {type: string, maxLength: 60}
    email: {type: string, format: email}
    total: {type: string, maxLength: 40}
    currency: {type: string, maxLength: 3}
    kind: {enum: [credit, debit]}
    units: {type: integer, minimum: 0}
    tags: {type: array, maxItems: 3, items: {type: string}}
    text: {type: string, maxLength: 80}
    label: {type: string}
    place: {type: object, additionalProperties: false, properties: {city: {type: string}}}
provenance:
  /account: [verified_channel, system_of_record, staff]
amount: {minor: minor(input.total), currency: "{{ input.currency }}"}
limits:
  per_action: 500.00 USD
  cumulative: [{name: account-day, key: customer, window: 24h, amount: 500.00 USD}]
key: "{{ input.account }}:{{ input.total }}"
execution:
  method: POST
  path: "/accounts/{{ input.account }}/bookings?kind={{ input.kind }}"
  headers: {X-Label: "{{ 'label' in input ? input.label : 'none' }}"}
  body: {key: "{{ key }}", text: "{{ 'text' in input ? input.text : '' }}", total: "{{ input.total }}"}
verification: {path: "/accounts/{{ input.account }}/bookings?key={{ key }}", present: read != null && size(read) > 0}
compensation: {none: what is booked is booked}
"#;

const POLICY: &str = r#"
@id("billing-agents-book")
permit (principal in Role::"billing", action, resource == Contract::"billing.book@1");
"#;

#[tokio::test]
async fn each_kind_of_bad_input_is_refused_for_its_own_reason_and_nothing_is_sent() {
    let mut bench = Bench::start().await;
    let long = "x".repeat(81);
    for (set, kind, rule) in [
        // Forms.
        (json!({"units": "many"}), Kind::Schema, "type"),
        (json!({"units": 1.5}), Kind::Schema, "type"),
        (json!({"units": null}), Kind::Schema, "type"),
        (json!({"text": {"$ne": ""}}), Kind::Schema, "type"),
        (json!({"tags": "a"}), Kind::Schema, "type"),
        (json!({"units": -1}), Kind::Schema, "minimum"),
        (json!({"more": "x"}), Kind::Schema, "additionalProperties"),
        (json!({"place": {"city": "Riga", "zip": "1"}}), Kind::Schema, "additionalProperties"),
        (json!({"kind": "gift"}), Kind::Schema, "enum"),
        (json!({"email": "nobody"}), Kind::Schema, "format"),
        (json!({"text": long}), Kind::Schema, "maxLength"),
        (json!({"tags": ["a", "b", "c", "d"]}), Kind::Schema, "maxItems"),
        // Amounts and currencies.
        (json!({"total": "NaN"}), Kind::Limit, "amount"),
        (json!({"total": "inf"}), Kind::Limit, "amount"),
        (json!({"total": "1e3"}), Kind::Limit, "amount"),
        (json!({"total": "1e999999999"}), Kind::Limit, "amount"),
        (json!({"total": "1e-400"}), Kind::Limit, "amount"),
        (json!({"total": "0.001"}), Kind::Limit, "amount"),
        (json!({"total": "99999999999999999999"}), Kind::Limit, "amount"),
        (json!({"total": "-5.00"}), Kind::Limit, "negative-amount"),
        (json!({"total": "500.01"}), Kind::Limit, "per-action"),
        (json!({"currency": "EUR"}), Kind::Limit, "currency"),
        (json!({"currency": "usd"}), Kind::Limit, "currency"),
        // Letters that pass for others, in a place, an address, a code and prose.
        (json!({"account": "\u{430}cc-1"}), Kind::Schema, "homoglyph"),
        (json!({"account": "acc-\u{ff11}"}), Kind::Schema, "homoglyph"),
        (json!({"email": "ann@ex\u{430}mple.com"}), Kind::Schema, "homoglyph"),
        (json!({"kind": "\u{441}redit"}), Kind::Schema, "homoglyph"),
        (json!({"text": "pay it to p\u{430}ypal"}), Kind::Schema, "homoglyph"),
        // What cannot be seen.
        (json!({"text": "gpj.\u{202e}exe"}), Kind::Schema, "hidden-character"),
        (json!({"account": "acc\u{200b}-1"}), Kind::Schema, "hidden-character"),
        (json!({"text": "a\u{0}b"}), Kind::Schema, "hidden-character"),
        (json!({"label": "a\r\nX-Admin: yes"}), Kind::Schema, "hidden-character"),
        // What others would carry out, or find somewhere else.
        (json!({"text": "{{ 7 * 7 }}"}), Kind::Schema, "template"),
        (json!({"text": "${jndi:ldap://x/y}"}), Kind::Schema, "template"),
        (json!({"tags": ["<%= system('id') %>"]}), Kind::Schema, "template"),
        (json!({"account": ".."}), Kind::Schema, "path-segment"),
        (json!({"account": "../../admin"}), Kind::Schema, "path-segment"),
        (json!({"account": ""}), Kind::Schema, "path-segment"),
        (json!({"label": "Zoë"}), Kind::Schema, "request-header"),
    ] {
        bench
            .denied(
                &altered(&set).to_string(),
                &[("/account", Source::SystemOfRecord, "")],
                kind,
                rule,
            )
            .await;
    }
    for (text, reason) in [
        ("[]", None),
        ("null", None),
        ("\"text\"", None),
        ("not json", Some(Refused::NotJson)),
        ("{\"units\": NaN}", Some(Refused::NotJson)),
        ("{} {}", Some(Refused::NotJson)),
        ("{\"units\": 1, \"units\": 2}", Some(Refused::DuplicateKey)),
        ("{\"place\": {\"city\": \"a\", \"\\u0063ity\": \"b\"}}", Some(Refused::DuplicateKey)),
        ("{\"units\": 9007199254740993}", Some(Refused::NumberTooLarge)),
        ("{\"units\": 9223372036854775808}", Some(Refused::NumberTooLarge)),
        ("{\"units\": 1e999999999999}", Some(Refused::NumberTooLarge)),
        (&("[".repeat(33) + &"]".repeat(33)), Some(Refused::TooDeep)),
        (&"[".repeat(60_000), Some(Refused::TooDeep)),
        (&json!({"text": "x".repeat(70_000)}).to_string(), Some(Refused::TooLong)),
        (&json!({"text": "x".repeat(300_000)}).to_string(), Some(Refused::TooLong)),
    ] {
        match reason {
            Some(reason) => bench.refused(text, &[], reason).await,
            None => bench.denied(text, &[], Kind::Schema, "type").await,
        }
    }
    assert_eq!(bench.stage.company.asked(), 0, "nothing was read or written");
}

#[tokio::test]
async fn what_an_agent_says_about_its_input_needs_something_behind_it() {
    let mut bench = Bench::start().await;
    let good = altered(&json!({})).to_string();
    for (claims, rule) in [
        (&[][..], "required"),
        (&[("/account", Source::Model, "")], "model"),
        (&[("/account", Source::Customer, "mail-1")], "customer"),
        (&[("", Source::SystemOfRecord, ""), ("/account", Source::Model, "")], "model"),
        // Nobody of the business and no channel has said anything on this case.
        (&[("/account", Source::VerifiedChannel, "login")], "unbacked"),
        (&[("/account", Source::Staff, "1")], "unbacked"),
        (&[("/account", Source::Staff, "99")], "unbacked"),
        (&[("/account", Source::Staff, "the boss")], "unbacked"),
        // Also where the contract would not have asked.
        (&[("", Source::SystemOfRecord, ""), ("/text", Source::VerifiedChannel, "")], "unbacked"),
    ] {
        bench.denied(&good, claims, Kind::Provenance, rule).await;
    }
    for claims in [
        &[("/account", Source::Belay, "")][..],
        &[("/account", Source::Unspecified, "")],
        &[("/account", Source::Staff, "")],
        &[("account", Source::SystemOfRecord, "")],
    ] {
        bench.refused(&good, claims, Refused::InvalidField).await;
    }
    for source in [Source::VerifiedChannel, Source::Staff, Source::Belay] {
        let provenance = v1::Provenance { source: source.into(), reference: "me".to_owned() };
        let entry = v1::NewContextEntry {
            kind: "fact".to_owned(),
            body: "the customer has proven who they are".to_owned(),
            provenance: Some(provenance),
        };
        let add = v1::AddContext {
            request_id: request(),
            case_id: bench.case.clone(),
            epoch: bench.epoch,
            entries: vec![entry],
        };
        let (reason, _) = bench.line.refused(Say::AddContext(add)).await;
        assert_eq!(reason, Refused::InvalidField, "an agent backs its own claim as {source:?}");
    }
    assert_eq!(bench.stage.company.asked(), 0, "nothing was read or written");
}

#[tokio::test]
async fn what_an_agent_may_not_do_tells_it_nothing_about_what_there_is() {
    let mut bench = Bench::start().await;
    // Whether the charge exists can only be known by reading, and is not read for somebody who made it up.
    let refund = |charge: &str| {
        json!({"customer_id": "c-1", "charge_id": charge, "amount_minor": 500, "currency": "USD",
            "reason": "duplicate-charge"})
    };
    for charge in ["ch-1", "ch-77"] {
        let input = refund(charge).to_string();
        let claims = [("", Source::Model, "")];
        let reasons = bench.propose("billing.refund@1", &input, &claims).await;
        let found: Vec<_> = reasons.iter().map(|one| (one.kind(), one.rule.as_str())).collect();
        assert_eq!(found, [(Kind::Provenance, "model"), (Kind::Provenance, "model")], "{charge}");
        let reasons = bench
            .propose("erp.adjust_order@1", r#"{"order_id":"o-1","sku":"a","quantity":1}"#, &[])
            .await;
        let rules: Vec<_> = reasons.iter().map(v1::Reason::kind).collect();
        assert!(
            rules.contains(&Kind::Boundary) && !rules.contains(&Kind::Precondition),
            "{reasons:?}"
        );
    }
    assert_eq!(bench.stage.company.asked(), 0, "nothing was read or written");
}

#[tokio::test]
async fn what_differs_from_the_record_is_denied_after_it_was_read_and_nothing_is_written() {
    let mut bench = Bench::start().await;
    for (set, rule) in [
        (json!({"currency": "EUR"}), "same-currency"),
        (json!({"amount_minor": 40_001}), "not-more-than-paid"),
        (json!({"amount_minor": 9_007_199_254_740_991_u64}), "maximum"),
        (json!({"customer_id": "c-2"}), "own-charge"),
        (json!({"charge_id": "ch-77"}), "charge-exists"),
        (json!({"charge_id": "ch-1?x=1&y#z"}), "charge-exists"),
        (json!({"charge_id": "' || true || '"}), "charge-exists"),
    ] {
        let mut input = json!({"customer_id": "c-1", "charge_id": "ch-1", "amount_minor": 500,
            "currency": "USD", "reason": "duplicate-charge"});
        merge(&mut input, &set);
        let claims = [("", Source::SystemOfRecord, "")];
        let reasons = bench.propose("billing.refund@1", &input.to_string(), &claims).await;
        assert!(reasons.iter().any(|one| one.rule == rule), "{set}: {reasons:#?}");
    }
    assert!(bench.stage.company.writes().is_empty(), "nothing was written");
}

#[tokio::test]
async fn values_arrive_as_values_and_small_amounts_add_up() {
    let mut bench = Bench::start().await;
    let nasty = "a/b?kind=debit&x=1#y%2e%2e;'\"\\ [0]";
    let text = "\", \"total\": \"0.01\", \"x\": \"'; DROP TABLE bookings; --";
    let input = altered(&json!({"account": nasty, "text": text, "total": "300.00"}));
    let claims = [("/account", Source::SystemOfRecord, "")];
    let decision = bench.ask("billing.book@1", &input.to_string(), &claims).await;
    assert_eq!(decision.ruling(), v1::Ruling::Authorized, "{decision:?}");
    let company = bench.stage.company.clone();
    let write =
        crate::stage::until("the booking", async || company.writes().first().cloned()).await;
    let segment = "a%2Fb%3Fkind%3Ddebit%26x%3D1%23y%252e%252e%3B%27%22%5C%20%5B0%5D";
    assert_eq!(write.path, format!("/accounts/{segment}/bookings"));
    let keys: Vec<&String> = write.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["key", "text", "total"]);
    assert_eq!((&write.body["text"], &write.body["total"]), (&json!(text), &json!("300.00")));
    let more = altered(&json!({"total": "200.01"})).to_string();
    bench.denied(&more, &claims, Kind::Limit, "account-day").await;
    bench.denied(&input.to_string(), &claims, Kind::Duplicate, "idempotency-key").await;
}

/// An agent that holds a case, and what is known of what it asked for.
struct Bench {
    stage: Stage,
    line: Line,
    tool: Caller,
    case: String,
    epoch: u64,
}

impl Bench {
    async fn start() -> Self {
        let stage = Stage::with(|playbook: &Playbook| {
            playbook.put("contracts/billing.book.yaml", CONTRACT);
            playbook.put("policies/book.cedar", POLICY);
            let contracts = "contracts: [billing.refund@1,";
            let more = "contracts: [billing.book@1, billing.refund@1,";
            playbook.edit("boundaries/billing.yaml", contracts, more);
            playbook.edit("boundaries/billing.yaml", "count: 30", "count: 3000");
        })
        .await;
        let mut line = Line::open(&stage, "billing-1").await;
        let case = stage.open("refund").await;
        let epoch = line.take_case().await.epoch;
        let tool = stage.tool();
        Self { stage, line, tool, case, epoch }
    }

    /// Proposes an input that has to be denied for this reason at least; the journal has to say the same.
    async fn denied(&mut self, input: &str, claims: &[Claim<'_>], kind: Kind, rule: &str) {
        let reasons = self.propose("billing.book@1", input, claims).await;
        let found: Vec<_> = reasons.iter().map(|one| (one.kind(), one.rule.as_str())).collect();
        assert!(
            found.contains(&(kind, rule)),
            "{input}: {kind:?} {rule} is not among {reasons:#?}"
        );
        assert!(reasons.iter().all(|one| !one.detail.is_empty()), "{reasons:#?}");
    }

    /// Proposes an input that has to be denied, and says why it was.
    async fn propose(
        &mut self,
        contract: &str,
        input: &str,
        claims: &[Claim<'_>],
    ) -> Vec<v1::Reason> {
        let decision = self.ask(contract, input, claims).await;
        let denied = [v1::Ruling::Denied, v1::Ruling::Duplicate].contains(&decision.ruling());
        assert!(denied && !decision.reasons.is_empty(), "{input}: {decision:#?}");
        let found = self.tool.case(&self.case).await;
        let action = found.actions.iter().find(|action| action.id == decision.action_id).unwrap();
        assert_eq!(action.state(), v1::ActionState::Denied, "{input}");
        assert_eq!(action.reasons, decision.reasons, "the journal says what the agent was told");
        decision.reasons
    }

    async fn ask(&mut self, contract: &str, input: &str, claims: &[Claim<'_>]) -> v1::Decision {
        let proposed = self.proposal(contract, input, claims);
        match self.line.ask(proposed).await {
            Hear::Decision(decision) => decision,
            other => panic!("{input}: {other:?}"),
        }
    }

    /// Proposes what is no input: it is refused, and nothing has happened.
    async fn refused(&mut self, input: &str, claims: &[Claim<'_>], reason: Refused) {
        let before = self.tool.case(&self.case).await.actions.len();
        let proposed = self.proposal("billing.book@1", input, claims);
        let (found, error) = self.line.refused(proposed).await;
        let shown: String = input.chars().take(80).collect();
        assert_eq!(found, reason, "{shown}: {error:?}");
        assert!(!error.field_violations.is_empty(), "{error:?}");
        assert_eq!(self.tool.case(&self.case).await.actions.len(), before, "nothing has happened");
    }

    fn proposal(&self, contract: &str, input: &str, claims: &[Claim<'_>]) -> Say {
        let known = |(pointer, source, reference): &Claim<'_>| v1::InputProvenance {
            pointer: (*pointer).to_owned(),
            source: (*source).into(),
            reference: (*reference).to_owned(),
        };
        Say::Propose(v1::Propose {
            proposal_id: request(),
            case_id: self.case.clone(),
            epoch: self.epoch,
            contract_id: contract.to_owned(),
            input_json: input.to_owned(),
            provenance: claims.iter().map(known).collect(),
            ..v1::Propose::default()
        })
    }
}

/// What is said of a place of the input: pointer, source, reference.
type Claim<'a> = (&'a str, Source, &'a str);

/// A good input with something in it otherwise.
fn altered(set: &Value) -> Value {
    let mut input =
        json!({"account": "acc-1", "total": "5.00", "currency": "USD", "kind": "credit"});
    merge(&mut input, set);
    input
}

fn merge(input: &mut Value, set: &Value) {
    for (name, value) in set.as_object().unwrap() {
        input[name] = value.clone();
    }
}
