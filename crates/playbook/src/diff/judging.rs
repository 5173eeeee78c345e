//! What a difference means. Only what is certain is called looser or stricter; all else is called changed.

use std::cmp::Ordering;

use serde_json::Value;

use super::Effect;
use crate::format::{Amount, Length};

/// What it means that this part is not what it was.
pub(super) fn judge(kind: &str, path: &[&str], old: Option<&Value>, new: Option<&Value>) -> Effect {
    let (Some(before), Some(after)) = (old, new) else {
        let added = if_added(kind, path);
        return if new.is_some() { added } else { added.reversed() };
    };
    if let Some(effect) = between(kind, path, before, after) {
        return effect;
    }
    match order(before, after) {
        Some(Ordering::Less) => if_more(kind, path),
        Some(Ordering::Greater) => if_more(kind, path).reversed(),
        Some(Ordering::Equal) | None => Effect::Changed,
    }
}

/// Where it is not a matter of more or less: who gets a case, and whether it ends.
fn between(kind: &str, path: &[&str], old: &Value, new: &Value) -> Option<Effect> {
    let (old, new) = (old.as_str()?, new.as_str()?);
    let first = match (kind, path) {
        // People decide for themselves what agents may only ask for.
        ("routing", ["rules", _, "to"] | ["otherwise", "to"]) => "people",
        // Somebody goes on with the case, or nobody does.
        ("taxonomy", ["resolutions", _, "means"]) => "resolve",
        _ => return None,
    };
    let to_first = if first == "people" { Effect::Stricter } else { Effect::Looser };
    match (old == first, new == first) {
        (false, true) => Some(to_first),
        (true, false) => Some(to_first.reversed()),
        _ => Some(Effect::Changed),
    }
}

/// What it means that there is more of this.
fn if_more(kind: &str, path: &[&str]) -> Effect {
    use Effect::{Changed, Looser, Stricter};
    match (kind, path) {
        ("contract", ["tier"] | ["approval", "quorum"]) => Stricter,
        // The supervisor writes by itself; an agent that writes holds a credential.
        ("contract", ["mode" | "share" | "executor" | "permit_within"]) => Looser,
        ("contract", ["approval", "approve_in_ticket"]) => Looser,
        ("contract", ["limits", "per_action"]) => Looser,
        ("contract", ["limits", "cumulative", _, "amount" | "count"]) => Looser,
        ("contract", ["limits", "cumulative", _, "window"]) => Stricter,
        ("contract", ["graduation", "sample_min" | "verified_min"]) => Stricter,
        ("contract", ["graduation", "override_max" | "divergences_max"]) => Looser,
        ("contract", ["input", .., last]) => match *last {
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" => Looser,
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" => Stricter,
            _ => Changed,
        },
        ("playbook", ["tiers", _, "quorum"] | ["outside_text"]) => Stricter,
        ("playbook", ["tiers", _, "approve_in_ticket"]) => Looser,
        ("playbook", ["defaults", "severity"]) => Stricter,
        ("playbook", ["defaults", "freshness" | "look_every" | "lease" | "permit_within"]) => {
            Looser
        }
        ("playbook", ["defaults", "seek_within" | "offer_within" | "bounces_max"]) => Looser,
        ("boundary", ["max_amount"] | ["rates", _, "count"]) => Looser,
        ("boundary", ["rates", _, "window"]) => Stricter,
        // Whoever is asked has longer, is looked at later, or may be found out later.
        ("escalation", ["sweep", "most"] | [.., "backoff", _]) => Looser,
        ("escalation", ["sweep", "within"]) => Stricter,
        ("escalation", [.., last]) => match *last {
            "place_within" | "reach_within" | "acknowledge_within" | "work_within"
            | "decide_within" | "freshness" | "look_every" => Looser,
            "cover" | "repeat" | "on_exhaustion" => Stricter,
            _ => Changed,
        },
        ("routing", [.., "lease" | "seek_within" | "offer_within"]) => Looser,
        ("routing", ["rules", _, "severity"] | ["otherwise", "severity"]) => Stricter,
        ("dictionary", ["equalities", _, "settle_within"]) => Looser,
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
        ("contract", ["output"]) => Stricter,
        // From then on it is demoted by itself.
        ("contract", ["graduation"]) => Stricter,
        ("contract", ["graduation", "restored"]) => Looser,
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
        // One more is asked before nobody has it.
        ("escalation", [.., "steps", _] | ["final"]) => Stricter,
        ("escalation", [.., "work_within" | "decide_within"]) => Stricter,
        ("escalation", [.., "only_during"]) => Looser,
        ("escalation", ["resolutions"]) => Stricter,
        ("escalation", ["resolutions", _]) => Looser,
        // Where there are reasons, whoever rejects has to give one of them.
        ("taxonomy", ["reasons"]) => Stricter,
        ("taxonomy", ["reasons" | "resolutions", _]) => Looser,
        ("people", ["people", _, "groups", _]) => Looser,
        // What has to be equal before a plan counts as done.
        ("dictionary", ["equalities"] | ["equalities", _]) => Stricter,
        _ => Added,
    }
}

/// Which of two values is more: of numbers, amounts of one currency, lengths of time, and of words that have an order.
pub(super) fn order(old: &Value, new: &Value) -> Option<Ordering> {
    if let (Some(old), Some(new)) = (old.as_f64(), new.as_f64()) {
        return old.partial_cmp(&new);
    }
    if let (Some(old), Some(new)) = (old.as_bool(), new.as_bool()) {
        return Some(old.cmp(&new));
    }
    let (old, new) = (old.as_str()?, new.as_str()?);
    const RANKS: [&[&str]; 6] = [
        &["shadow", "canary", "live"],
        &["ignore", "raise_tier"],
        &["supervisor", "agent"],
        &["E3", "E4", "E5"],
        &["alarm_only", "start_over", "raise_severity"],
        &["low", "normal", "high", "critical"],
    ];
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
