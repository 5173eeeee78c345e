//! Two values of the same thing, compared part by part. Lists of names are sets, lists of things with names go by their
//! names, so that order is no difference; except where it is: of the steps of an escalation, and of the rules of routing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::defaults::Defaults;
use super::judging::{judge, order};
use super::{Difference, Effect, Thing};

/// Parts that are for people and decide nothing.
const FOR_PEOPLE: &[&str] = &["description", "title", "otherwise", "$schema"];

/// What both sides mean where they say nothing.
pub(super) type Both<'a> = (&'a Defaults, &'a Defaults);

/// Adds what is different.
pub(super) fn compare(
    thing: &Thing,
    old: Option<&Value>,
    new: Option<&Value>,
    defaults: Both<'_>,
    differences: &mut Vec<Difference>,
) {
    let mut walk = Walk { thing, defaults, differences };
    match (old, new) {
        (Some(old), Some(new)) => walk.values(&[], old, new),
        (Some(_), None) => walk.whole(Effect::Removed),
        (None, Some(_)) => walk.whole(Effect::Added),
        (None, None) => {}
    }
}

struct Walk<'a> {
    thing: &'a Thing,
    defaults: Both<'a>,
    differences: &'a mut Vec<Difference>,
}

impl Walk<'_> {
    fn whole(&mut self, effect: Effect) {
        let about = self.thing.about();
        let difference = Difference { effect, about, field: String::new(), old: None, new: None };
        self.differences.push(difference);
    }

    fn values(&mut self, path: &[&str], old: &Value, new: &Value) {
        if old == new
            || self.is_for_people(path, old)
            || order(old, new).is_some_and(|it| it.is_eq())
        {
            return;
        }
        let ordered = self.is_ordered(path);
        let (Some(before), Some(after)) = (members(old, ordered), members(new, ordered)) else {
            return self.part(path, Some(old), Some(new));
        };
        if ordered {
            self.sequence(path, &before, &after);
        }
        let by_name = |all: &[(String, &Value)]| -> BTreeMap<String, Value> {
            all.iter().map(|(name, value)| (name.clone(), (*value).clone())).collect()
        };
        let (before, after) = (by_name(&before), by_name(&after));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let mut inner = path.to_vec();
            inner.push(name);
            let usual = |of: &Defaults| of.of_part(self.thing, &inner);
            let (old_usual, new_usual) = (usual(self.defaults.0), usual(self.defaults.1));
            let was = before.get(name).or(old_usual.as_ref());
            let is = after.get(name).or(new_usual.as_ref());
            match (was, is) {
                (Some(was), Some(is)) => self.values(&inner, was, is),
                (was, is) => self.part(&inner, was, is),
            }
        }
    }

    /// What both have in another order.
    fn sequence(&mut self, path: &[&str], old: &[(String, &Value)], new: &[(String, &Value)]) {
        let common = |all: &[(String, &Value)], other: &[(String, &Value)]| -> Vec<String> {
            let kept = all.iter().filter(|(name, _)| other.iter().any(|(there, _)| there == name));
            kept.map(|(name, _)| name.clone()).collect()
        };
        let (before, after) = (common(old, new), common(new, old));
        if before != after {
            self.differences.push(Difference {
                effect: Effect::Changed,
                about: self.thing.about(),
                field: format!("{} in another order", field(path)),
                old: Some(before.join(", then ")),
                new: Some(after.join(", then ")),
            });
        }
    }

    fn part(&mut self, path: &[&str], old: Option<&Value>, new: Option<&Value>) {
        if old.or(new).is_some_and(|value| self.is_for_people(path, value))
            && old.is_some() == new.is_some()
        {
            return;
        }
        if path.last().is_some_and(|name| FOR_PEOPLE.contains(name))
            && old.or(new).is_some_and(Value::is_string)
        {
            return;
        }
        self.differences.push(Difference {
            effect: judge(self.thing.kind, path, old, new),
            about: self.thing.about(),
            field: field(path),
            old: old.map(written),
            new: new.map(written),
        });
    }

    /// Texts that people read and that decide nothing.
    fn is_for_people(&self, path: &[&str], value: &Value) -> bool {
        let named = path.last().is_some_and(|name| FOR_PEOPLE.contains(name));
        let here = matches!(
            (self.thing.kind, path),
            ("agents", ["roles", _])
                | ("playbook", ["groups", _])
                | ("taxonomy", ["reasons", _])
                | ("contract", ["compensation", "none"])
                | ("people", ["people", _, "name"])
                | ("systems", ["systems", _, "people", _, "name"])
        );
        value.is_string() && (named || here)
    }

    fn is_ordered(&self, path: &[&str]) -> bool {
        matches!((self.thing.kind, path), ("escalation", [.., "steps"]) | ("routing", ["rules"]))
    }
}

fn field(path: &[&str]) -> String {
    path.iter().fold(String::new(), |field, name| crate::json::child(&field, name))
}

/// The parts of a value by name, in their order: of an object, and of a list whose items have names or are names, none of
/// them twice. In a list in which order counts a rule without a name goes by its condition.
fn members(value: &Value, ordered: bool) -> Option<Vec<(String, &Value)>> {
    match value {
        Value::Object(members) => {
            Some(members.iter().map(|(name, member)| (name.clone(), member)).collect())
        }
        Value::Array(items) => {
            let named = items.iter().map(|item| Some((name_of(item, ordered)?, item)));
            let named: Vec<(String, &Value)> = named.collect::<Option<_>>()?;
            let distinct: BTreeSet<&String> = named.iter().map(|(name, _)| name).collect();
            (distinct.len() == named.len()).then_some(named)
        }
        _ => None,
    }
}

fn name_of(item: &Value, ordered: bool) -> Option<String> {
    match item {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(members) => {
            let name = members.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
            let named = name.or_else(|| members.get("queue").and_then(Value::as_str));
            let condition = || members.get("when").map(crate::json::canonical);
            named.map(str::to_owned).or_else(|| ordered.then(condition).flatten())
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
