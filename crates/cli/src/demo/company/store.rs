//! What the company holds, and the file in which it does.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ledger::{Ledger, Written};
use crate::exit::Failure;

/// Records of one sort, by id.
pub(crate) type Records = BTreeMap<String, Value>;

/// Everything the company holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    pub(crate) customers: Records,
    pub(crate) notes: Vec<Value>,
    pub(crate) charges: Records,
    pub(crate) refunds: Vec<Value>,
    pub(crate) orders: Records,
    pub(crate) credit_notes: Vec<Value>,
    pub(crate) records: Records,
    /// How it will misbehave, by the record that is written, in this order.
    pub(crate) faults: BTreeMap<String, VecDeque<Fault>>,
    /// Every write it made.
    pub(crate) ledger: Ledger,
    next: u64,
}

/// How a system misbehaves once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// It commits and answers 500.
    FailAfterCommit,
    /// It answers with success and commits nothing.
    Lie,
    /// It refuses, and means it.
    Refuse,
    /// It commits something else and answers with success.
    Distort,
    /// It takes this many milliseconds.
    Slow(u64),
}

impl Store {
    /// Reads the company's file.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::of(format!("cannot read {}", file.display()), &error))?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::of(format!("{} is damaged", file.display()), &error))
    }

    /// Writes the company's file, so that a reader sees the old one or the new one and nothing between.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let failed =
            |error: std::io::Error| Failure::of(format!("cannot write {}", file.display()), &error);
        let text = serde_json::to_string(self)
            .map_err(|error| Failure::of("the company cannot be written", &error))?;
        let beside = file.with_extension("new");
        fs::write(&beside, text).map_err(failed)?;
        fs::rename(&beside, file).map_err(failed)
    }

    /// How it misbehaves on this write, if it does. Each misbehaviour happens once.
    pub(super) fn fault(&mut self, record: &str) -> Option<Fault> {
        self.faults.get_mut(record)?.pop_front()
    }

    /// Puts a customer's address.
    pub(super) fn set_address(
        &mut self,
        customer: &str,
        address: Value,
        key: &str,
    ) -> Option<Value> {
        let record = self.customers.get_mut(customer)?.as_object_mut()?;
        record.insert("address".to_owned(), address);
        let record = Value::Object(record.clone());
        self.wrote("crm", "address", customer, key, false);
        Some(record)
    }

    /// Adds a note.
    pub(super) fn add_note(&mut self, note: Value) -> Value {
        let note = self.with_id("n", note);
        let (customer, key) = (text(&note, "customer_id"), text(&note, "key"));
        self.notes.push(note.clone());
        self.wrote("crm", "note", &customer, &key, false);
        note
    }

    /// Gives money back.
    pub(super) fn refund(&mut self, refund: Value) -> Value {
        let mut refund = self.with_id("re", refund);
        set(&mut refund, "status", json!("succeeded"));
        let (charge, key) = (text(&refund, "charge_id"), text(&refund, "key"));
        let amount = integer(&refund, "amount_minor");
        if let Some(charge) = self.charges.get_mut(&charge) {
            let before = integer(charge, "refunded_minor");
            set(charge, "refunded_minor", json!(before + amount));
        }
        self.refunds.push(refund.clone());
        self.wrote("billing", "refund", &charge, &key, false);
        refund
    }

    /// Writes a credit note.
    pub(super) fn credit(&mut self, note: Value) -> Value {
        let note = self.with_id("cn", note);
        let (customer, key) = (text(&note, "customer_id"), text(&note, "key"));
        self.credit_notes.push(note.clone());
        self.wrote("erp", "credit-note", &customer, &key, false);
        note
    }

    /// Changes a line of an order.
    pub(super) fn adjust(&mut self, order: &str, adjustment: &Value) -> Option<Value> {
        let record = self.orders.get_mut(order)?;
        let sku = text(adjustment, "sku");
        if let Some(lines) = record.get_mut("lines").and_then(Value::as_array_mut) {
            for line in lines.iter_mut().filter(|line| text(line, "sku") == sku) {
                set(line, "quantity", json!(integer(adjustment, "quantity")));
            }
        }
        if let Some(all) = record.get_mut("adjustments").and_then(Value::as_array_mut) {
            all.push(adjustment.clone());
        }
        let record = record.clone();
        self.wrote("erp", "adjustment", order, &text(adjustment, "key"), false);
        Some(record)
    }

    /// Changes a field of a device's record.
    pub(super) fn change(&mut self, id: &str, change: &Value) -> Option<Value> {
        let record = self.records.get_mut(id)?;
        let fields = record.get_mut("fields")?.as_object_mut()?;
        fields.insert(text(change, "field"), change.get("value").cloned().unwrap_or_default());
        let record = record.clone();
        self.wrote("itsm", "record", id, &text(change, "key"), false);
        Some(record)
    }

    /// Takes a note back.
    pub(super) fn remove_note(&mut self, id: &str) -> bool {
        let removed = take(&mut self.notes, id);
        self.undid("crm", "note", removed)
    }

    /// Takes a credit note back.
    pub(super) fn remove_credit(&mut self, id: &str) -> bool {
        let removed = take(&mut self.credit_notes, id);
        self.undid("erp", "credit-note", removed)
    }

    fn undid(&mut self, system: &str, what: &str, removed: Option<Value>) -> bool {
        let Some(removed) = removed else { return false };
        let (record, key) = (text(&removed, "id"), text(&removed, "key"));
        self.wrote(system, what, &record, &key, true);
        true
    }

    fn wrote(&mut self, system: &str, what: &str, record: &str, key: &str, undo: bool) {
        self.ledger.0.push(Written {
            at: Timestamp::now(),
            system: system.to_owned(),
            what: what.to_owned(),
            record: record.to_owned(),
            key: key.to_owned(),
            undo,
        });
    }

    fn with_id(&mut self, prefix: &str, mut record: Value) -> Value {
        self.next += 1;
        set(&mut record, "id", json!(format!("{prefix}-{}", self.next)));
        record
    }
}

/// A field as text; empty when there is none.
pub(super) fn text(record: &Value, field: &str) -> String {
    record.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn integer(record: &Value, field: &str) -> i64 {
    record.get(field).and_then(Value::as_i64).unwrap_or_default()
}

fn set(record: &mut Value, field: &str, value: Value) {
    if !record.is_object() {
        *record = Value::Object(Map::new());
    }
    if let Some(record) = record.as_object_mut() {
        record.insert(field.to_owned(), value);
    }
}

fn take(records: &mut Vec<Value>, id: &str) -> Option<Value> {
    let place = records.iter().position(|record| text(record, "id") == id)?;
    Some(records.remove(place))
}

#[cfg(test)]
mod tests {
    use super::{Fault, Store};
    use serde_json::json;

    #[test]
    fn nothing_is_checked_and_everything_is_in_the_ledger() {
        let mut store = Store::default();
        store.charges.insert("ch-1".into(), json!({"amount_minor": 500, "refunded_minor": 0}));
        let refund = json!({"key": "k", "charge_id": "ch-1", "amount_minor": 300});
        store.refund(refund.clone());
        store.refund(refund);
        assert_eq!(store.charges["ch-1"]["refunded_minor"], 600);
        let effects = store.ledger.effects();
        assert_eq!(effects[&("refund".to_owned(), "k".to_owned())], 2);
    }

    #[test]
    fn what_is_taken_back_is_gone_and_remembered() {
        let mut store = Store::default();
        let note = store.add_note(json!({"key": "k", "customer_id": "C-1", "text": "hello"}));
        assert!(store.remove_note(note["id"].as_str().unwrap()));
        assert!(!store.remove_note(note["id"].as_str().unwrap()));
        assert!(store.notes.is_empty());
        assert_eq!((store.ledger.0.len(), store.ledger.standing("k")), (2, 0));
    }

    #[test]
    fn a_fault_happens_as_often_as_it_was_asked_for() {
        let mut store = Store::default();
        store.faults.insert("ch-1".into(), [Fault::Lie, Fault::Slow(10)].into());
        let found: Vec<_> = (0..3).map(|_| store.fault("ch-1")).collect();
        assert_eq!(found, [Some(Fault::Lie), Some(Fault::Slow(10)), None]);
    }

    #[test]
    fn it_survives() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("company.json");
        let mut store = Store::default();
        store.add_note(json!({"key": "k", "customer_id": "C-1"}));
        store.write(&file).unwrap();
        let read = Store::read(&file).unwrap();
        assert_eq!((read.notes, read.ledger), (store.notes, store.ledger));
    }
}
