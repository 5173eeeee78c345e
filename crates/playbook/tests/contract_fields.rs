//! Every field of a contract matters: for each there is a row that changes it and names what comes out otherwise. A field
//! that is new in the published schema and has no row here fails the test, and so does one whose change changes nothing.

#[path = "contract_fields/behaviour.rs"]
mod behaviour;
#[path = "contract_fields/rows.rs"]
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use belay_playbook::{FileKind, SourceFile};
use serde_json::Value;

use behaviour::behaviour;
use rows::Way::{self, One, Steps};
use rows::{CONTRACT, ONE_REQUEST, ROWS, STEPS};

#[test]
fn every_field_of_a_contract_has_a_row() {
    let schema = FileKind::Contract.schema();
    let mut fields = BTreeSet::new();
    walk(schema, schema, "", &mut fields);
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.0.to_owned()).collect();
    let missing: Vec<_> = fields.difference(&rows).collect();
    let gone: Vec<_> = rows.difference(&fields).collect();
    assert_eq!((missing, gone), (vec![], vec![]), "a field and its row come and go together");
    assert!(fields.len() > 150, "{fields:?}");
}

#[test]
fn every_field_of_a_contract_changes_what_comes_out() {
    let unchanged: BTreeMap<Way, _> =
        [One, Steps].into_iter().map(|way| (way, behaviour(files(&written(way))))).collect();
    for behaviour in unchanged.values() {
        assert_eq!(behaviour["check"], "", "the contract itself is right");
    }
    let mut wrong = Vec::new();
    for (field, way, from, to, aspect) in ROWS {
        let before = written(*way);
        assert_eq!(before.matches(from).count(), 1, "{field}: {from:?} stands there once");
        let after = behaviour(files(&before.replace(from, to)));
        let same = |aspect: &str| after.get(aspect) == unchanged[way].get(aspect);
        if *aspect != "check" && !after["check"].is_empty() {
            wrong.push(format!("{field}: {}", after["check"]));
        } else if same(aspect) {
            let others: Vec<_> = after.keys().filter(|other| !same(other)).collect();
            wrong.push(format!("{field}: {aspect} stays, {others:?} change"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every property of a schema, as `a.b[].c`.
fn walk(whole: &Value, schema: &Value, path: &str, fields: &mut BTreeSet<String>) {
    let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#'));
    let schema = pointer.and_then(|pointer| whole.pointer(pointer)).unwrap_or(schema);
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let field = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        walk(whole, inner, &field, fields);
        fields.insert(field);
    }
    if let Some(items) = schema.get("items") {
        walk(whole, items, &format!("{path}[]"), fields);
    }
}

fn written(way: Way) -> String {
    CONTRACT.replace("WAY", if way == One { ONE_REQUEST } else { STEPS })
}

/// A whole playbook around the contract.
fn files(contract: &str) -> Vec<SourceFile> {
    let files = [
        (
            "playbook.yaml",
            "name: small\ngroups: {finance: money, lawyers: law}\ntiers:\n  \"1\": {quorum: 1, groups: [lawyers], decide_within: 5m, escalation: ask}\n  \"2\": {quorum: 1, groups: [lawyers], decide_within: 5m, escalation: ask}\n",
        ),
        (
            "systems.yaml",
            "systems:\n  shop: {kind: http, base_url: \"http://shop\"}\n  store: {kind: http, base_url: \"http://store\"}\n  ledger: {kind: http, base_url: \"http://ledger\"}\n  desk:\n    kind: desk\n    queues: {front: {staff: [ann]}}\n    people: {ann: {}}\n",
        ),
        (
            "agents.yaml",
            "roles: {clerk: sells}\nagents:\n  clerk-1: {roles: [clerk], boundary: clerk, operators: [olga]}\n",
        ),
        ("boundaries/clerk.yaml", "name: clerk\ncontracts: [shop.sell@1]\n"),
        (
            "escalations/ask.yaml",
            "name: ask\nfreshness: 60s\nsteps:\n  - {queue: desk/front, acknowledge_within: 5m}\nbackoff: {first: 1s, most: 1m}\nresolutions: [done]\n",
        ),
        (
            "escalations/other.yaml",
            "name: other\nfreshness: 60s\nsteps:\n  - {queue: desk/front, acknowledge_within: 6m}\nbackoff: {first: 1s, most: 1m}\nresolutions: [done]\n",
        ),
        ("routing.yaml", "otherwise: {to: people, takeover: ask}\n"),
        ("taxonomy.yaml", "resolutions:\n  done: {title: Done, means: resolve}\n"),
        (
            "policies/all.cedar",
            "@id(\"clerks-sell\")\npermit (principal in Role::\"clerk\", action == Action::\"execute\", resource);\n",
        ),
        ("contracts/sell.yaml", contract),
    ];
    let file =
        |(path, text): (&str, &str)| SourceFile { path: path.to_owned(), text: text.to_owned() };
    files.into_iter().map(file).collect()
}
