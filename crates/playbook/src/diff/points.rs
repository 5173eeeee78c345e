//! A contract in the terms in which people compare two of them: who writes, how much, with whose approval, on which
//! conditions, how it is proved and how it is undone.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::defaults::Defaults;
use super::{Difference, Effect, Thing, walking};

/// One point in which two contracts differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Point {
    /// What it is about, such as `executor`, `limit customer-day`, `source of /amount_minor`.
    pub point: String,
    /// What the difference means.
    pub effect: Effect,
    /// What the one says; absent when it says nothing.
    pub old: Option<String>,
    /// What the other says.
    pub new: Option<String>,
}

/// The points in which two contracts differ; their names and what is for people are none.
pub(super) fn between(old: &Value, new: &Value, defaults: walking::Both<'_>) -> Vec<Point> {
    let thing = Thing { kind: "contract", name: String::new() };
    let mut differences = Vec::new();
    walking::compare(&thing, Some(old), Some(new), defaults, &mut differences);
    let mut effects: BTreeMap<String, Effect> = BTreeMap::new();
    for Difference { field, effect, .. } in differences {
        let Some(point) = point_of(&field, old, new) else { continue };
        let known = effects.entry(point).or_insert(effect);
        if *known != effect {
            *known = Effect::Changed;
        }
    }
    let points = effects.into_iter().map(|(point, effect)| {
        let of = |contract, defaults| said(contract, &point, defaults);
        let (before, after) = match point.as_str() {
            INPUT => (only_in(old, new), only_in(new, old)),
            _ => (of(old, defaults.0), of(new, defaults.1)),
        };
        Point { old: before, new: after, point, effect }
    });
    let mut points: Vec<Point> = points.collect();
    points.sort_by_key(|point| (rank(point.effect), point.point.clone()));
    points
}

/// What lets more through comes first, then what lets less through.
fn rank(effect: Effect) -> u8 {
    match effect {
        Effect::Allowed | Effect::Looser => 0,
        Effect::Forbidden | Effect::Stricter => 1,
        Effect::Added | Effect::Removed | Effect::Changed => 2,
    }
}

/// The point of the fields that only one of them takes.
const INPUT: &str = "input";

/// The point of sources where a contract as a whole says nothing of them, or says it of the whole input.
const SOURCE: &str = "source of the input";

/// The point that a part of a contract belongs to; none of what a contract is known by.
fn point_of(field: &str, old: &Value, new: &Value) -> Option<String> {
    let path: Vec<String> =
        field.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    Some(match path.as_slice() {
        ["id" | "title" | "description" | "object", ..] | [] => return None,
        ["mode" | "share", ..] => "mode".to_owned(),
        ["input", "properties" | "required", name, ..] => {
            let takes = |contract: &Value| fields(contract).contains(*name);
            match takes(old) && takes(new) {
                true => format!("input {name}"),
                false => INPUT.to_owned(),
            }
        }
        ["provenance"] | ["provenance", "", ..] => SOURCE.to_owned(),
        ["provenance", name, ..] => format!("source of {name}"),
        ["limits", "per_action", ..] => "at most at once".to_owned(),
        ["limits", "cumulative", name, ..] => format!("limit {name}"),
        ["limits", ..] => "limits".to_owned(),
        ["preconditions", "reads", ..] => "reads before".to_owned(),
        ["preconditions", "assert", ..] => "conditions".to_owned(),
        ["preconditions", ..] => "shown to approvers".to_owned(),
        ["execution", ..] => "request".to_owned(),
        ["verification", ..] => "proof".to_owned(),
        ["compensation", ..] => "way back".to_owned(),
        ["retries" | "failures", ..] => "after a failure".to_owned(),
        ["graduation", ..] => "bounds".to_owned(),
        [name, ..] => (*name).to_owned(),
    })
}

/// What a contract says about a point, in a few words.
fn said(contract: &Value, point: &str, defaults: &Defaults) -> Option<String> {
    let at = |pointer: &str| contract.pointer(pointer);
    let text = |pointer: &str| at(pointer).and_then(Value::as_str).map(str::to_owned);
    if let Some(name) = point.strip_prefix("input ") {
        return input(contract, name);
    }
    if let Some(name) = point.strip_prefix("source of ").filter(|_| point != SOURCE) {
        return at("/provenance")?.get(name).map(|sources| list(sources, " or "));
    }
    if let Some(name) = point.strip_prefix("limit ") {
        let limits = at("/limits/cumulative")?.as_array()?;
        return limits.iter().find(|limit| limit["name"] == name).map(limit);
    }
    match point {
        "mode" => {
            let thing = Thing { kind: "contract", name: String::new() };
            let mode = text("/mode")
                .or_else(|| defaults.of_part(&thing, &["mode"])?.as_str().map(str::to_owned))?;
            Some(match at("/share") {
                Some(share) if mode == "canary" => format!("{mode} in {share} of the cases"),
                _ => mode,
            })
        }
        SOURCE => {
            let sources = at("/provenance")?.as_object()?;
            let said = sources.iter().map(|(name, sources)| match name.as_str() {
                "" => list(sources, " or "),
                name => format!("{name} from {}", list(sources, " or ")),
            });
            Some(said.collect::<Vec<_>>().join(", "))
        }
        "limits" => {
            let over_time = at("/limits/cumulative")?.as_array()?;
            Some(over_time.iter().map(limit).collect::<Vec<_>>().join(", "))
        }
        "after a failure" => {
            let said = ["/failures", "/retries"].into_iter().filter_map(at);
            let said: Vec<String> = said.map(crate::json::canonical).collect();
            Some(if said.is_empty() { "as usual".to_owned() } else { said.join(", ") })
        }
        "at most at once" => text("/limits/per_action"),
        "reads before" => names(at("/preconditions/reads")?),
        "conditions" => names(at("/preconditions/assert")?),
        "shown to approvers" => match at("/preconditions/snapshot") {
            Some(Value::Object(shown)) => Some(keys(shown)),
            _ => Some("all that was read".to_owned()),
        },
        "request" => request(at("/execution")?),
        "proof" => {
            let path = text("/verification/path")?;
            let names = at("/verification/assert").and_then(names);
            Some(names.map_or_else(|| path.clone(), |names| format!("{path}: {names}")))
        }
        "way back" => match (at("/compensation/request"), at("/compensation/steps")) {
            (Some(write), _) => request(write),
            (None, Some(Value::Array(steps))) => {
                let each = steps.iter().filter_map(|step| request(step.get("request")?));
                Some(each.collect::<Vec<_>>().join(", then "))
            }
            (None, _) => Some("none".to_owned()),
        },
        "approval" => match at("/approval") {
            Some(rule) => {
                let groups = rule.get("groups").map(|groups| list(groups, " or "))?;
                let within = rule.get("decide_within").and_then(Value::as_str).unwrap_or_default();
                Some(format!("{} of {groups} within {within}", rule["quorum"]))
            }
            None => Some("as its tier says".to_owned()),
        },
        "amount" => text("/amount/minor"),
        "bounds" => Some(at("/graduation").map_or("none", |_| "watched").to_owned()),
        name => {
            let thing = Thing { kind: "contract", name: String::new() };
            let usual = defaults.of_part(&thing, &[name]);
            at(&format!("/{name}")).or(usual.as_ref()).map(|value| match value {
                Value::String(text) => text.clone(),
                value => crate::json::canonical(value),
            })
        }
    }
}

/// The fields that the one takes and the other does not.
fn only_in(one: &Value, other: &Value) -> Option<String> {
    let (here, there) = (fields(one), fields(other));
    let only: Vec<&str> = here.difference(&there).map(String::as_str).collect();
    (!only.is_empty()).then(|| only.join(", "))
}

fn fields(contract: &Value) -> BTreeSet<String> {
    let fields = contract.pointer("/input/properties").and_then(Value::as_object);
    fields.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn input(contract: &Value, name: &str) -> Option<String> {
    let field = contract.pointer("/input/properties")?.get(name)?;
    let required = contract.pointer("/input/required").and_then(Value::as_array);
    let required = required.is_some_and(|names| names.iter().any(|one| one == name));
    let mut said = vec![if required { "required" } else { "optional" }.to_owned()];
    if let Some(values) = field.get("enum") {
        said.push(format!("one of {}", list(values, ", ")));
    } else if let Some(kind) = field.get("type").and_then(Value::as_str) {
        said.push(kind.to_owned());
    }
    for bound in ["minimum", "maximum", "minLength", "maxLength", "pattern", "format"] {
        match field.get(bound) {
            Some(Value::String(text)) => said.push(format!("{bound} {text}")),
            Some(value) => said.push(format!("{bound} {value}")),
            None => {}
        }
    }
    Some(said.join(", "))
}

fn limit(limit: &Value) -> String {
    let amount = limit.get("amount").and_then(Value::as_str).map(str::to_owned);
    let count = limit.get("count").map(|count| format!("{count} actions"));
    let most: Vec<String> = [amount, count].into_iter().flatten().collect();
    let part = |name: &str| limit.get(name).and_then(Value::as_str).unwrap_or_default();
    format!("{} in {} for each {}", most.join(" and "), part("window"), part("key"))
}

fn request(write: &Value) -> Option<String> {
    Some(format!("{} {}", write.get("method")?.as_str()?, write.get("path")?.as_str()?))
}

fn names(items: &Value) -> Option<String> {
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
    let mut names: Vec<String> = items.as_array()?.iter().filter_map(name).collect();
    names.sort();
    Some(names.join(", "))
}

fn keys(members: &serde_json::Map<String, Value>) -> String {
    members.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn list(values: &Value, between: &str) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut texts: Vec<String> = values.as_array().into_iter().flatten().map(text).collect();
    texts.sort();
    texts.join(between)
}
