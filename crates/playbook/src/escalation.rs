//! How people are asked, step by step, for each severity.

use std::collections::BTreeMap;

use belay_domain::{
    AfterResolution, Backoff, EscalationPlan, Level, ResolutionCode, Severity, Span, StepPlan,
};

use crate::check::Check;
use crate::format::{Defaults, EscalationFile, StepRule};

/// Older evidence than this is never believed.
const FRESHNESS_MOST: Span = Span::from_secs(300);

/// The longest wait of one step.
const STEP_MOST: Span = Span::from_hours(24 * 7);

/// Until a ticket must have been seen in its queue, where nothing else is said.
const PLACE_WITHIN: crate::format::Length = crate::format::Length(Span::from_secs(30));

/// Until it must be known that somebody can take it, where nothing else is said.
const REACH_WITHIN: crate::format::Length = crate::format::Length(Span::from_secs(30));

/// One policy: what holds in general, and for certain severities.
#[derive(Debug)]
pub(crate) struct EscalationPolicy {
    general: EscalationPlan,
    special: BTreeMap<Severity, EscalationPlan>,
}

impl EscalationPolicy {
    /// The plan for a severity.
    pub(crate) fn plan(&self, severity: Severity) -> &EscalationPlan {
        self.special.get(&severity).unwrap_or(&self.general)
    }

    /// Compiles a policy's file.
    pub(crate) fn compile(
        check: &mut Check<'_>,
        file: &EscalationFile,
        defaults: &Defaults,
        taxonomy: &BTreeMap<ResolutionCode, AfterResolution>,
    ) -> Self {
        let freshness = match file.freshness {
            Some(length) => check.span_up_to("/freshness", length, FRESHNESS_MOST),
            None => check.span(defaults.freshness),
        };
        let look_every = check.span(file.look_every.unwrap_or(defaults.look_every));
        if look_every >= freshness {
            check.wrong(
                if file.look_every.is_some() { "/look_every" } else { "/freshness" },
                "evidence would be too old before the next look",
                "look at least twice as often as evidence stays fresh",
            );
        }
        let backoff =
            Backoff { first: check.span(file.backoff.first), most: check.span(file.backoff.most) };
        let resolutions = resolutions(check, file, taxonomy);
        let looks = (freshness, look_every, Level::from(file.cover));
        let mut plan = |pointer: &str, steps: &[StepRule], backoff| EscalationPlan {
            policy: file.name.clone(),
            steps: self::steps(check, pointer, steps, looks),
            backoff,
            resolutions: resolutions.clone(),
            calendars: BTreeMap::new(),
            exhausted: belay_domain::WhenExhausted::StartOver,
        };
        let general = plan("/steps", &file.steps, backoff);
        let by_severity = [
            (Severity::Low, "low", &file.severities.low),
            (Severity::Normal, "normal", &file.severities.normal),
            (Severity::High, "high", &file.severities.high),
            (Severity::Critical, "critical", &file.severities.critical),
        ];
        let mut special = BTreeMap::new();
        for (severity, name, rule) in by_severity {
            if let Some(rule) = rule {
                let pointer = format!("/severities/{name}/steps");
                special.insert(severity, (plan(&pointer, &rule.steps, backoff), rule.backoff));
            }
        }
        let special = special
            .into_iter()
            .map(|(severity, (mut plan, own))| {
                if let Some(own) = own {
                    plan.backoff =
                        Backoff { first: check.span(own.first), most: check.span(own.most) };
                }
                (severity, plan)
            })
            .collect();
        Self { general, special }
    }
}

fn steps(
    check: &mut Check<'_>,
    pointer: &str,
    rules: &[StepRule],
    (freshness, look_every, cover): (Span, Span, Level),
) -> Vec<StepPlan> {
    if rules.is_empty() {
        check.wrong(pointer, "this escalation has no step", "name at least one queue to ask");
    }
    let mut compiled = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let at = |field: &str| format!("{pointer}/{index}/{field}");
        check.known_queue(&at("queue"), &rule.queue.0);
        let mut span = |field: &str, length| check.span_up_to(&at(field), length, STEP_MOST);
        compiled.push(StepPlan {
            queue: rule.queue.0.clone(),
            place_within: span("place_within", rule.place_within.unwrap_or(PLACE_WITHIN)),
            reach_within: span("reach_within", rule.reach_within.unwrap_or(REACH_WITHIN)),
            acknowledge_within: span("acknowledge_within", rule.acknowledge_within),
            work_within: rule.work_within.map(|length| span("work_within", length)),
            cover: rule.cover.map_or(cover, Level::from),
            freshness,
            look_every,
            decide_within: None,
            repeat: 0,
            hours: None,
            roster: Vec::new(),
        });
    }
    compiled
}

fn resolutions(
    check: &mut Check<'_>,
    file: &EscalationFile,
    taxonomy: &BTreeMap<ResolutionCode, AfterResolution>,
) -> BTreeMap<ResolutionCode, AfterResolution> {
    let Some(codes) = &file.resolutions else { return taxonomy.clone() };
    let mut chosen = BTreeMap::new();
    for (index, code) in codes.iter().enumerate() {
        let pointer = format!("/resolutions/{index}");
        check.known(&pointer, "resolution code", code.as_str(), |names| names.resolutions.as_ref());
        if let Some(means) = taxonomy.get(code) {
            chosen.insert(code.clone(), means.clone());
        }
    }
    chosen
}
