//! Workflow drift: two teams, or two versions, have nearly the same action under one name or two, with other limits, other
//! approvals or another idea of what the same write is.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::points::{self, Point};
use super::{Side, Thing};

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
    pub differ: Vec<Point>,
}

/// Words in a contract's name that say what is done and not with what.
const VERBS: &[&str] = &[
    "add", "adjust", "apply", "book", "cancel", "change", "close", "create", "delete", "do",
    "draft", "edit", "give", "issue", "make", "move", "open", "post", "put", "remove", "retire",
    "send", "set", "start", "stop", "update", "write",
];

/// How many fields of their inputs two contracts with like names must share to be taken for the same.
const SHARED_MIN: usize = 2;

/// Pairs of contracts that do the same, and how they differ. Of two versions of one playbook a contract that both have is
/// compared as itself; two teams may have come to the same name by themselves.
pub(super) fn find(old: &Side, new: &Side, teams: bool) -> Vec<Drift> {
    let contracts = |side: &Side| -> Vec<(Thing, Value)> {
        let all = side.things.iter().filter(|(thing, _)| thing.kind == "contract");
        all.map(|(thing, value)| (thing.clone(), value.clone())).collect()
    };
    let (before, after) = (contracts(old), contracts(new));
    let mut drifts = Vec::new();
    for (one, written) in &before {
        let has_twin = new.things.contains_key(one);
        for (other, written_there) in &after {
            let twins = one == other;
            let lone = !has_twin && !old.things.contains_key(other);
            if !(lone || (twins && teams)) {
                continue;
            }
            let same = same(written, written_there, twins);
            if same.is_empty() {
                continue;
            }
            let differ = points::between(written, written_there, (&old.defaults, &new.defaults));
            let (old, new) = (one.name.clone(), other.name.clone());
            drifts.push(Drift { old, new, same, differ });
        }
    }
    drifts.sort();
    drifts
}

/// Why two contracts are taken for the same action; nothing if they are not.
fn same(one: &Value, other: &Value, twins: bool) -> Vec<String> {
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
    let (name_here, name_there) = (name(one), name(other));
    if twins {
        same.push("they have one name".to_owned());
    } else if name_here == name_there {
        same.push("they are versions of one contract".to_owned());
    }
    let fields = |value: &Value| {
        let properties = value.pointer("/input/properties").and_then(Value::as_object);
        properties.map(|all| all.keys().cloned().collect::<BTreeSet<String>>()).unwrap_or_default()
    };
    let (here, there) = (fields(one), fields(other));
    let shared: Vec<&str> = here.intersection(&there).map(String::as_str).collect();
    // One field alone, such as an id, makes no action.
    if here == there && here.len() > 1 {
        same.push("they take the same input".to_owned());
    }
    let words = common_words(name_here.as_deref(), name_there.as_deref());
    let one_system = text(one, "/system") == text(other, "/system");
    if same.is_empty() && !words.is_empty() && (shared.len() >= SHARED_MIN || one_system) {
        same.push(format!("both are about {}", words.join(" and ")));
        if one_system {
            same.push(format!("both write to {}", text(one, "/system").unwrap_or_default()));
        }
    }
    if !same.is_empty() && here != there && shared.len() >= SHARED_MIN {
        same.push(format!("both take {}", shared.join(", ")));
    }
    same
}

/// What the names of two contracts of the same part of the business have in common, without what is done to it:
/// `erp.credit_note` and `erp.draft_credit_note` are both about `credit` and `note`.
fn common_words(one: Option<&str>, other: Option<&str>) -> Vec<String> {
    let (Some((part, one)), Some((part_there, other))) =
        (one.and_then(|name| name.split_once('.')), other.and_then(|name| name.split_once('.')))
    else {
        return Vec::new();
    };
    if part != part_there {
        return Vec::new();
    }
    let words = |name: &str| -> BTreeSet<String> {
        let words = name.split(['_', '-', '.']).map(str::to_lowercase);
        words.filter(|word| !word.is_empty() && !VERBS.contains(&word.as_str())).collect()
    };
    words(one).intersection(&words(other)).cloned().collect()
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
