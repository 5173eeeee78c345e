//! Two values of the same thing, compared part by part. Lists of names are sets, lists of things with names go by their
//! names, so that order is no difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::judging::{judge, names_of_list};
use super::{Difference, Effect, Thing};

/// Parts that are for people and decide nothing.
const FOR_PEOPLE: &[&str] = &["description", "title", "otherwise", "$schema"];

/// Adds what is different.
pub(super) fn compare(
    thing: &Thing,
    old: Option<&Value>,
    new: Option<&Value>,
    differences: &mut Vec<Difference>,
) {
    let mut walk = Walk { thing, differences };
    match (old, new) {
        (Some(old), Some(new)) => walk.values(&[], old, new),
        (Some(_), None) => walk.whole(Effect::Removed),
        (None, Some(_)) => walk.whole(Effect::Added),
        (None, None) => {}
    }
}

/// Compares two values, whatever they are of; for what has no thing of its own.
pub(super) fn parts(old: &Value, new: &Value) -> BTreeSet<String> {
    let thing = Thing { kind: "contract", name: String::new() };
    let mut differences = Vec::new();
    Walk { thing: &thing, differences: &mut differences }.values(&[], old, new);
    differences.into_iter().map(|difference| difference.field).collect()
}

struct Walk<'a> {
    thing: &'a Thing,
    differences: &'a mut Vec<Difference>,
}

impl Walk<'_> {
    fn whole(&mut self, effect: Effect) {
        let about = self.thing.about();
        let difference = Difference { effect, about, field: String::new(), old: None, new: None };
        self.differences.push(difference);
    }

    fn values(&mut self, path: &[&str], old: &Value, new: &Value) {
        if path.last().is_some_and(|name| FOR_PEOPLE.contains(name)) && old.is_string() {
            return;
        }
        match (members(old), members(new)) {
            (Some(before), Some(after)) => {
                let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
                for name in names {
                    let mut inner = path.to_vec();
                    inner.push(name);
                    match (before.get(name), after.get(name)) {
                        (Some(before), Some(after)) => self.values(&inner, before, after),
                        (before, after) => self.part(&inner, before.copied(), after.copied()),
                    }
                }
            }
            _ if old == new => {}
            _ => self.part(path, Some(old), Some(new)),
        }
    }

    fn part(&mut self, path: &[&str], old: Option<&Value>, new: Option<&Value>) {
        if path.last().is_some_and(|name| FOR_PEOPLE.contains(name)) {
            return;
        }
        let field = path.iter().fold(String::new(), |field, name| crate::json::child(&field, name));
        self.differences.push(Difference {
            effect: judge(self.thing.kind, path, old, new),
            about: self.thing.about(),
            field,
            old: old.map(written),
            new: new.map(written),
        });
    }
}

/// The parts of a value by name: of an object, and of a list whose items have names or are names.
fn members(value: &Value) -> Option<BTreeMap<String, &Value>> {
    match value {
        Value::Object(members) => {
            Some(members.iter().map(|(name, member)| (name.clone(), member)).collect())
        }
        Value::Array(items) => {
            names_of_list(items).map(|names| names.into_iter().zip(items).collect())
        }
        _ => None,
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        value => crate::json::canonical(value),
    }
}
