//! What a playbook means where it says nothing, so that writing down what holds anyway is no difference.

use serde_json::{Value, json};

use super::Thing;
use crate::source::SourceFile;

/// What `defaults` of `playbook.yaml` say where they say nothing.
fn usual() -> Value {
    json!({
        "severity": "normal",
        "lease": "15s",
        "seek_within": "30s",
        "offer_within": "10s",
        "bounces_max": 3,
        "freshness": "60s",
        "look_every": "20s",
        "assess_within": "30s",
        "permit_within": "60s",
        "outcome_within": "30s",
        "settle_within": "15s",
        "verify_within": "600s",
        "attempts_max": 3,
        "backoff": { "first": "1s", "most": "60s" },
    })
}

/// The defaults of one playbook.
#[derive(Clone, Debug)]
pub(super) struct Defaults(Value);

impl Defaults {
    /// Those of a playbook with these files.
    pub(super) fn of(files: &[SourceFile]) -> Self {
        let mut all = usual();
        let written = files
            .iter()
            .find(|file| matches!(file.path.as_str(), "playbook.yaml" | "playbook.yml"))
            .and_then(|file| crate::document::Document::parse(&file.path, &file.text).ok())
            .and_then(|document| document.value.get("defaults")?.as_object().cloned());
        if let Some(all) = all.as_object_mut() {
            all.extend(written.unwrap_or_default());
        }
        Self(all)
    }

    /// What a part means that is not written; none where nothing follows from that.
    pub(super) fn of_part(&self, thing: &Thing, path: &[&str]) -> Option<Value> {
        let said = |name: &str| self.0.get(name).cloned();
        match (thing.kind, path) {
            ("playbook", ["timing_scale"]) => Some(json!(1.0)),
            ("playbook", ["outside_text"]) => Some(json!("ignore")),
            ("playbook", ["defaults"]) => Some(usual()),
            ("playbook", ["defaults", name]) => usual().get(*name).cloned(),
            ("playbook", ["tiers", _, "approve_in_ticket"])
            | ("contract", ["approval", "approve_in_ticket"])
            | ("contract", ["preconditions", "reads", _, "optional"]) => Some(json!(false)),
            ("contract", ["mode"]) => Some(json!("shadow")),
            ("contract", ["on_divergence"]) => Some(json!("escalate")),
            ("contract", ["key"]) => Some(json!("{{ case.id }}:{{ input_digest }}")),
            ("contract", [name @ ("permit_within" | "outcome_within" | "verify_within")]) => {
                said(name)
            }
            ("contract", [.., name @ "settle_within"]) => said(name),
            ("contract", ["retries", name @ ("attempts_max" | "backoff")]) => said(name),
            ("contract", ["graduation", name]) => match *name {
                "sample_min" => Some(json!(50)),
                "verified_min" => Some(json!(0.9)),
                "override_max" => Some(json!(0.1)),
                "divergences_max" => Some(json!(1)),
                "window" => Some(json!("30d")),
                "compare_within" => Some(json!("24h")),
                _ => None,
            },
            ("escalation", ["cover"]) => Some(json!("E4")),
            ("escalation", [name @ ("freshness" | "look_every")]) => said(name),
            ("escalation", ["outside_hours"]) => Some(json!("skip")),
            ("escalation", ["on_exhaustion"]) => Some(json!("start_over")),
            ("escalation", ["sweep"]) => Some(json!({ "most": 10, "within": "60s" })),
            ("escalation", [.., "steps", _, "place_within" | "reach_within"])
            | ("escalation", ["final", "place_within" | "reach_within"]) => Some(json!("30s")),
            ("escalation", [.., "repeat"]) => Some(json!(0)),
            ("routing", [.., name @ ("lease" | "seek_within" | "offer_within" | "severity")]) => {
                said(name)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::usual;
    use crate::format::{Defaults, GraduationRule};
    use crate::graduation::Bounds;

    #[test]
    fn what_is_usual_is_what_the_playbook_takes_when_nothing_is_said() {
        let written: Defaults = serde_json::from_value(usual()).expect("defaults");
        assert_eq!(format!("{written:?}"), format!("{:?}", Defaults::default()));
    }

    #[test]
    fn the_usual_bounds_are_those_that_hold_where_none_is_said() {
        let files = Vec::new();
        let thing = super::Thing { kind: "contract", name: "x@1".to_owned() };
        let part = |name| super::Defaults::of(&files).of_part(&thing, &["graduation", name]);
        let names = [
            "sample_min",
            "verified_min",
            "override_max",
            "divergences_max",
            "window",
            "compare_within",
        ];
        let said = names.into_iter().map(|name| (name.to_owned(), part(name).expect(name)));
        let rule: GraduationRule =
            serde_json::from_value(said.collect::<serde_json::Map<_, _>>().into()).expect("rule");
        let usual = Bounds::default();
        let is = (rule.sample_min, rule.verified_min, rule.override_max, rule.divergences_max);
        let expected = (
            Some(usual.sample_min),
            Some(usual.verified_min),
            Some(usual.override_max),
            Some(usual.divergences_max),
        );
        assert_eq!(is, expected);
        let spans = (rule.window.map(|it| it.0), rule.compare_within.map(|it| it.0));
        assert_eq!(spans, (Some(usual.window), Some(usual.compare_within)));
    }
}
