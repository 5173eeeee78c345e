//! What a verdict was made from, as it is recorded, so that the same can be decided again.
//!
//! Of what was read only that is kept which the contract looks at: a journal is not the place for a copy of a customer's
//! record.

use std::collections::BTreeMap;

use belay_domain::{Basis, UsedUp};
use serde_json::{Map, Value, json};

use crate::contract::Contract;
use crate::expression::Expression;
use crate::facts::{Answer, ProposalFacts, Reads, Usage, Used};

/// The most that is kept of what was read, in bytes. A decision that rests on more cannot be made again from the journal
/// alone, and whoever asks is told so.
const READS_BYTES_MAX: usize = 16 * 1024;

/// What a verdict is made from. Without a contract nothing was read.
pub(crate) fn record(contract: Option<&Contract>, facts: &ProposalFacts<'_>) -> Basis {
    let used = facts.usage.iter().map(|(key, used)| UsedUp {
        key: key.clone(),
        minor: used.minor,
        count: used.count,
    });
    let kept = match contract {
        Some(contract) if !facts.reads.0.is_empty() => written(contract, facts.reads),
        _ => Value::Object(Map::new()),
    };
    let reads = crate::json::canonical(&kept);
    Basis {
        at: facts.now,
        outside_text: facts.outside_text,
        duplicate: facts.duplicate.cloned(),
        used: used.collect(),
        reads: (reads.len() <= READS_BYTES_MAX).then_some(reads),
        // What it has shown so far is not for the playbook to know.
        demoted: None,
    }
}

/// What had been used, as a decision takes it.
pub(crate) fn usage(basis: &Basis) -> Usage {
    let used = |used: &UsedUp| Used { minor: used.minor, count: used.count };
    basis.used.iter().map(|one| (one.key.clone(), used(one))).collect()
}

/// What was read, as a decision takes it; none if it was not kept.
pub(crate) fn reads(basis: &Basis) -> Option<Reads> {
    let kept: BTreeMap<String, BTreeMap<String, Value>> =
        serde_json::from_str(basis.reads.as_deref()?).ok()?;
    let mut reads = Reads::default();
    for (name, elements) in kept {
        for (element, answer) in elements {
            let answer = match &answer {
                Value::String(_) => Answer::Missing,
                answer => match (answer.get("found"), answer.get("unreadable")) {
                    (Some(found), _) => Answer::Found(found.clone()),
                    (None, Some(detail)) => Answer::Unreadable {
                        detail: detail.as_str().unwrap_or_default().to_owned(),
                    },
                    (None, None) => return None,
                },
            };
            reads.0.entry(name.clone()).or_default().insert(element, answer);
        }
    }
    Some(reads)
}

fn written(contract: &Contract, reads: &Reads) -> Value {
    let looks = Looks::of(contract);
    let elements = |name: &str, elements: &BTreeMap<String, Answer>| -> Value {
        let answers = elements.iter().map(|(element, answer)| {
            let answer = match answer {
                Answer::Found(record) => json!({ "found": looks.kept(name, record) }),
                Answer::Missing => json!("missing"),
                Answer::Unreadable { detail } => json!({ "unreadable": detail }),
            };
            (element.clone(), answer)
        });
        Value::Object(answers.collect())
    };
    Value::Object(reads.0.iter().map(|(name, all)| (name.clone(), elements(name, all))).collect())
}

/// Where a contract looks in what it reads.
struct Looks(BTreeMap<String, Keep>);

#[derive(Default)]
enum Keep {
    #[default]
    Nothing,
    Some(BTreeMap<String, Keep>),
    All,
}

impl Looks {
    fn of(contract: &Contract) -> Self {
        let mut looks: BTreeMap<String, Keep> = BTreeMap::new();
        let whole = contract.snapshot.is_empty();
        for read in &contract.reads {
            // Elements are found by a name that only the input has, and without a choice people are shown all of it.
            let keep = if whole || read.for_each.is_some() { Keep::All } else { Keep::Nothing };
            looks.insert(read.name.clone(), keep);
        }
        for path in expressions(contract).flat_map(|it| it.references().paths) {
            match path.as_slice() {
                [first] if first == "reads" => {
                    looks.values_mut().for_each(|keep| *keep = Keep::All);
                }
                [first, name, fields @ ..] if first == "reads" => {
                    if let Some(keep) = looks.get_mut(name) {
                        keep.add(fields);
                    }
                }
                _ => {}
            }
        }
        Self(looks)
    }

    fn kept(&self, name: &str, record: &Value) -> Value {
        self.0.get(name).map_or(Value::Null, |keep| keep.of(record))
    }
}

impl Keep {
    fn add(&mut self, fields: &[String]) {
        match (fields, &mut *self) {
            (_, Self::All) => {}
            ([], it) => *it = Self::All,
            ([field, rest @ ..], Self::Some(members)) => {
                members.entry(field.clone()).or_default().add(rest);
            }
            ([field, rest @ ..], it) => {
                let mut member = Self::default();
                member.add(rest);
                *it = Self::Some(BTreeMap::from([(field.clone(), member)]));
            }
        }
    }

    fn of(&self, value: &Value) -> Value {
        match (self, value) {
            // What is not looked into may matter by being there.
            (Self::Nothing, Value::Object(_)) => Value::Object(Map::new()),
            (Self::Nothing, Value::Array(_)) => Value::Array(Vec::new()),
            (Self::Some(members), Value::Object(record)) => {
                let kept = record.iter().filter_map(|(name, value)| {
                    members.get(name).map(|keep| (name.clone(), keep.of(value)))
                });
                Value::Object(kept.collect())
            }
            (_, value) => value.clone(),
        }
    }
}

/// Every expression of a contract that sees what was read before the decision.
fn expressions(contract: &Contract) -> impl Iterator<Item = &Expression> {
    let reads = contract.reads.iter().flat_map(|read| {
        let headers = read.headers.iter().flat_map(|(_, template)| template.expressions());
        read.path.expressions().chain(headers).chain(&read.for_each)
    });
    let assertions = contract.assertions.iter().map(|assertion| &assertion.that);
    reads.chain(assertions).chain(contract.snapshot.iter().map(|(_, expression)| expression))
}
