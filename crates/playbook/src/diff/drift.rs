//! Workflow drift: two teams, or two versions, have nearly the same action under different names, with other limits, other
//! approvals or another idea of what the same write is.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::{Side, Thing, walking};

/// Two actions that are nearly the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Drift {
    /// The contract of the old playbook.
    pub old: String,
    /// The contract of the new one.
    pub new: String,
    /// Why they are taken for the same.
    pub same: Vec<String>,
    /// Where they differ.
    pub differ: Vec<String>,
}

/// Parts of a contract by which it is known and not how it works.
const NAMES: &[&str] = &["/id", "/title", "/description"];

/// Pairs of contracts with different names that do the same, and how they differ.
pub(super) fn find(old: &Side, new: &Side) -> Vec<Drift> {
    let contracts = |side: &Side| -> Vec<(Thing, Value)> {
        let all = side.things.iter().filter(|(thing, _)| thing.kind == "contract");
        all.map(|(thing, value)| (thing.clone(), value.clone())).collect()
    };
    let (before, after) = (contracts(old), contracts(new));
    let mut drifts = Vec::new();
    for (one, written) in &before {
        // What both have is compared as itself.
        if new.things.contains_key(one) {
            continue;
        }
        for (other, written_there) in
            after.iter().filter(|(other, _)| !old.things.contains_key(other))
        {
            let same = same(written, written_there);
            if same.is_empty() {
                continue;
            }
            let parts = walking::parts(written, written_there);
            let differ: BTreeSet<String> =
                parts.into_iter().filter(|field| !NAMES.contains(&field.as_str())).collect();
            drifts.push(Drift {
                old: one.name.clone(),
                new: other.name.clone(),
                same,
                differ: differ.into_iter().collect(),
            });
        }
    }
    drifts.sort();
    drifts
}

/// Why two contracts are taken for the same action; nothing if they are not.
fn same(one: &Value, other: &Value) -> Vec<String> {
    let mut same = Vec::new();
    let text = |value: &Value, pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
    };
    let request = |value: &Value| {
        let method = text(value, "/execution/method")?;
        let path = text(value, "/execution/path")?;
        Some(format!("{method} {} in {}", plain(&path), text(value, "/system")?))
    };
    if let (Some(one), Some(other)) = (request(one), request(other))
        && one == other
    {
        same.push(format!("both write {one}"));
    }
    let name = |value: &Value| {
        text(value, "/id").map(|id| id.split('@').next().unwrap_or_default().to_owned())
    };
    if name(one) == name(other) {
        same.push("they are versions of one contract".to_owned());
    }
    let fields = |value: &Value| {
        let properties = value.pointer("/input/properties")?.as_object()?;
        Some(properties.keys().cloned().collect::<BTreeSet<String>>())
    };
    // One field alone, such as an id, makes no action.
    if let (Some(one), Some(other)) = (fields(one), fields(other))
        && one == other
        && one.len() > 1
    {
        same.push("they take the same input".to_owned());
    }
    same
}

/// A path with its values left open.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some((text, after)) = rest.split_once("{{") {
        plain.push_str(text);
        plain.push_str("{}");
        rest = after.split_once("}}").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}
