//! What a difference means. Only what is certain is called looser or stricter; all else is called changed.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

use super::Effect;
use crate::format::{Amount, Length};

/// What it means that this part is not what it was.
pub(super) fn judge(kind: &str, path: &[&str], old: Option<&Value>, new: Option<&Value>) -> Effect {
    let (Some(before), Some(after)) = (old, new) else {
        let added = if_added(kind, path);
        return if new.is_some() { added } else { added.reversed() };
    };
    let more = order(before, after);
    let by = |if_more: Effect| match more {
        Some(Ordering::Less) => if_more,
        Some(Ordering::Greater) => if_more.reversed(),
        Some(Ordering::Equal) | None => Effect::Changed,
    };
    use Effect::{Changed, Looser, Stricter};
    match (kind, path) {
        ("contract", ["tier"]) => by(Stricter),
        ("contract", ["mode"])
        | ("contract", ["share"])
        | ("contract", ["limits", "per_action"]) => by(Looser),
        ("contract", ["limits", "cumulative", _, "amount" | "count"]) => by(Looser),
        ("contract", ["limits", "cumulative", _, "window"]) => by(Stricter),
        ("contract", ["input", .., last]) => match *last {
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" => by(Looser),
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" => by(Stricter),
            _ => Changed,
        },
        ("contract", ["approval", "quorum"]) | ("playbook", ["tiers", _, "quorum"]) => by(Stricter),
        ("playbook", ["outside_text"]) => by(Stricter),
        ("boundary", ["max_amount"]) | ("boundary", ["rates", _, "count"]) => by(Looser),
        ("boundary", ["rates", _, "window"]) => by(Stricter),
        _ => Changed,
    }
}

/// What it means that this part is new.
fn if_added(kind: &str, path: &[&str]) -> Effect {
    use Effect::{Added, Allowed, Changed, Looser, Stricter};
    match (kind, path) {
        ("boundary", ["contracts", _]) => Allowed,
        ("boundary", ["systems", _]) => Looser,
        ("boundary", ["systems"] | ["max_amount"] | ["rates"] | ["rates", _]) => Stricter,
        ("contract", ["limits", ..]) => Stricter,
        ("contract", ["provenance"] | ["provenance", _]) => Stricter,
        ("contract", ["provenance", _, _]) => Looser,
        ("contract", ["preconditions", "assert"] | ["preconditions", "assert", _]) => Stricter,
        ("contract", ["verification", "assert"] | ["verification", "assert", _]) => Stricter,
        ("contract", ["input", "required", _]) => Stricter,
        ("contract", ["input", "properties", _]) => Looser,
        ("contract", ["input", .., "enum", _]) => Looser,
        ("contract", ["input", .., last]) => match *last {
            "maximum" | "minimum" | "exclusiveMaximum" | "exclusiveMinimum" | "maxLength"
            | "minLength" | "maxItems" | "minItems" | "pattern" | "enum" | "format" => Stricter,
            _ => Changed,
        },
        ("contract", ["approval"]) => Changed,
        ("contract", ["approval", "groups", _]) | ("playbook", ["tiers", _, "groups", _]) => Looser,
        ("agents", ["agents", _, "operators", _]) => Stricter,
        _ => Added,
    }
}

/// Which of two values is more: of numbers, amounts of one currency, lengths of time, and modes.
fn order(old: &Value, new: &Value) -> Option<Ordering> {
    if let (Some(old), Some(new)) = (old.as_f64(), new.as_f64()) {
        return old.partial_cmp(&new);
    }
    let (old, new) = (old.as_str()?, new.as_str()?);
    const RANKS: [&[&str]; 2] = [&["shadow", "canary", "live"], &["ignore", "raise_tier"]];
    for ranks in RANKS {
        let rank = |name: &str| ranks.iter().position(|rank| *rank == name);
        if let (Some(old), Some(new)) = (rank(old), rank(new)) {
            return Some(old.cmp(&new));
        }
    }
    let amount = |text: &str| Amount::try_from(text.to_owned()).ok().map(|amount| amount.0);
    if let (Some(old), Some(new)) = (amount(old), amount(new)) {
        return (old.currency == new.currency).then(|| old.minor.cmp(&new.minor));
    }
    let length = |text: &str| Length::try_from(text.to_owned()).ok().map(|length| length.0);
    Some(length(old)?.cmp(&length(new)?))
}

/// The names of a list's items, if all of them are names or have one, and none twice.
pub(super) fn names_of_list(items: &[Value]) -> Option<Vec<String>> {
    let name = |item: &Value| match item {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(members) => {
            let name = members.get("name").or_else(|| members.get("queue"));
            name.and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    };
    let names: Option<Vec<String>> = items.iter().map(name).collect();
    let names = names?;
    let distinct: BTreeSet<&String> = names.iter().collect();
    // Steps of an escalation have queues, and their order is what they are about.
    let ordered = items.iter().any(|item| item.get("queue").is_some());
    (distinct.len() == names.len() && !ordered).then_some(names)
}
