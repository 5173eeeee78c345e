//! How people are asked, step by step, for each severity.

use std::collections::BTreeMap;

use belay_domain::{
    AfterResolution, Backoff, Calendar, EscalationPlan, Level, OutsideHours, QueueRef,
    ResolutionCode, Severity, Span, StepHours, StepPlan, Sweep, WhenExhausted,
};

use crate::calendars::{self, Calendars};
use crate::check::Check;
use crate::format::{
    BackoffRule, Defaults, EscalationFile, ExhaustionName, OutsideName, SeverityRule, StepRule,
    SweepRule,
};

/// Older evidence than this is never believed.
const FRESHNESS_MOST: Span = Span::from_secs(300);

/// How many tickets one person may take, where nothing else is said: more than ten in a minute are not looked into.
const SWEEP: SweepRule = SweepRule { most: 10, within: crate::format::Length(Span::from_secs(60)) };

/// The longest wait of one step.
const STEP_MOST: Span = Span::from_hours(24 * 7);

/// Until a ticket must have been seen in its queue, where nothing else is said.
const PLACE_WITHIN: crate::format::Length = crate::format::Length(Span::from_secs(30));

/// Until it must be known that somebody can take it, where nothing else is said.
const REACH_WITHIN: crate::format::Length = crate::format::Length(Span::from_secs(30));

/// How often the final step is asked again, where nothing else is said.
const FINAL_REPEAT: u32 = 2;

/// From the least to the most.
const SEVERITIES: [Severity; 4] =
    [Severity::Low, Severity::Normal, Severity::High, Severity::Critical];

/// One policy: what holds for each severity.
#[derive(Debug)]
pub(crate) struct EscalationPolicy {
    plans: BTreeMap<Severity, EscalationPlan>,
    places: Vec<StepPlace>,
}

/// A step as it is written, so that what is found out about its queue can be shown where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepPlace {
    /// The queue that it asks.
    pub queue: QueueRef,
    /// The file, relative to the playbook's folder.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
}

/// What a policy's file is compiled with.
pub(crate) struct Ground<'a> {
    pub(crate) defaults: &'a Defaults,
    pub(crate) taxonomy: &'a BTreeMap<ResolutionCode, AfterResolution>,
    pub(crate) calendars: &'a Calendars,
}

impl EscalationPolicy {
    /// The plan for a severity. There is one for each.
    pub(crate) fn plan(&self, severity: Severity) -> Option<&EscalationPlan> {
        self.plans.get(&severity)
    }

    /// Every step that is written.
    pub(crate) fn places(&self) -> &[StepPlace] {
        &self.places
    }

    /// Compiles a policy's file.
    pub(crate) fn compile(
        check: &mut Check<'_>,
        file: &EscalationFile,
        ground: &Ground<'_>,
    ) -> Self {
        let (freshness, look_every) = looks(check, file, ground.defaults);
        let resolutions = resolutions(check, file, ground.taxonomy);
        let mut compiler =
            Compiler { check, file, ground, freshness, look_every, places: Vec::new() };
        let backoff = compiler.backoff("/backoff", file.backoff);
        let last = file.last.as_ref().map(|rule| compiler.last(rule));
        let general = compiler.ladder("/steps", &file.steps, last.as_ref());
        let by_severity = [
            ("low", &file.severities.low),
            ("normal", &file.severities.normal),
            ("high", &file.severities.high),
            ("critical", &file.severities.critical),
        ];
        // From the most urgent one down, because one may be followed by the next above it.
        let mut plans: BTreeMap<Severity, EscalationPlan> = BTreeMap::new();
        let mut above: Option<(Severity, EscalationPlan)> = None;
        for (severity, (name, rule)) in SEVERITIES.into_iter().zip(by_severity).rev() {
            let rule: Option<&SeverityRule> = rule.as_ref();
            let pointer = format!("/severities/{name}");
            let (steps, calendars) = match rule {
                Some(rule) => {
                    compiler.ladder(&format!("{pointer}/steps"), &rule.steps, last.as_ref())
                }
                None => general.clone(),
            };
            let own = rule.and_then(|rule| rule.backoff);
            let backoff =
                own.map_or(backoff, |own| compiler.backoff(&format!("{pointer}/backoff"), own));
            let exhausted = rule.and_then(|rule| rule.on_exhaustion).unwrap_or(file.on_exhaustion);
            let exhausted = match (exhausted, &above) {
                (ExhaustionName::RaiseSeverity, Some((severity, plan))) => {
                    WhenExhausted::Raise { severity: *severity, plan: Box::new(plan.clone()) }
                }
                (ExhaustionName::AlarmOnly, _) => WhenExhausted::AlarmOnly,
                (ExhaustionName::StartOver | ExhaustionName::RaiseSeverity, _) => {
                    WhenExhausted::StartOver
                }
            };
            let plan = EscalationPlan {
                policy: file.name.clone(),
                steps,
                backoff,
                resolutions: resolutions.clone(),
                calendars,
                exhausted,
            };
            above = Some((severity, plan.clone()));
            plans.insert(severity, plan);
        }
        Self { plans, places: compiler.places }
    }
}

fn looks(check: &mut Check<'_>, file: &EscalationFile, defaults: &Defaults) -> (Span, Span) {
    let freshness = match file.freshness {
        Some(length) => check.span_up_to("/freshness", length, FRESHNESS_MOST),
        None => check.span(defaults.freshness),
    };
    let look_every = check.span(file.look_every.unwrap_or(defaults.look_every));
    // One look may fail without anybody being thought to have gone.
    if look_every.saturating_mul(2) > freshness {
        check.wrong(
            if file.look_every.is_some() { "/look_every" } else { "/freshness" },
            "evidence would be too old before the next look",
            "look at least twice as often as evidence stays fresh",
        );
    }
    (freshness, look_every)
}

type Ladder = (Vec<StepPlan>, BTreeMap<String, Calendar>);

struct Compiler<'a, 'c> {
    check: &'a mut Check<'c>,
    file: &'a EscalationFile,
    ground: &'a Ground<'a>,
    freshness: Span,
    look_every: Span,
    places: Vec<StepPlace>,
}

impl Compiler<'_, '_> {
    fn backoff(&mut self, pointer: &str, rule: BackoffRule) -> Backoff {
        if rule.first.0 > rule.most.0 {
            self.check.wrong(pointer, "the first wait is longer than the longest", "swap them");
        }
        Backoff { first: self.check.span(rule.first), most: self.check.span(rule.most) }
    }

    /// The final step: always tried, and asked again.
    fn last(&mut self, rule: &StepRule) -> StepPlan {
        if rule.only_during.is_some() {
            self.check.wrong(
                "/final/only_during",
                "the final step is tried at any hour",
                "name a queue that somebody is always on, without only_during",
            );
        }
        let step = self.step("/final", rule);
        StepPlan { repeat: rule.repeat.unwrap_or(FINAL_REPEAT), hours: None, ..step }
    }

    /// The steps of one severity with the calendars that they name.
    fn ladder(&mut self, pointer: &str, rules: &[StepRule], last: Option<&StepPlan>) -> Ladder {
        if rules.is_empty() && last.is_none() {
            let remedy = "name at least one queue to ask";
            self.check.wrong(pointer, "this escalation has no step", remedy);
        }
        let mut steps: Vec<StepPlan> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            steps.push(self.step(&format!("{pointer}/{index}"), rule));
        }
        steps.extend(last.cloned());
        let mut named = BTreeMap::new();
        for step in &steps {
            let hours = step.hours.iter().map(|hours| &hours.calendar);
            for name in hours.chain(step.roster.iter().flat_map(|rostered| &rostered.during)) {
                if let Some(calendar) = self.ground.calendars.get(name) {
                    named.insert(name.clone(), calendar.clone());
                }
            }
        }
        self.is_somebody_always_asked(pointer, &steps);
        (steps, named)
    }

    /// A ladder of which every step can be passed over at the same moment asks nobody.
    fn is_somebody_always_asked(&mut self, pointer: &str, steps: &[StepPlan]) {
        let mut skipped = Vec::new();
        for step in steps {
            match &step.hours {
                Some(StepHours { calendar, outside: OutsideHours::Skip }) => {
                    // One that does not exist has been complained about.
                    let Some(found) = self.ground.calendars.get(calendar) else { return };
                    skipped.push(found);
                }
                Some(StepHours { outside: OutsideHours::Wait { .. }, .. }) | None => return,
            }
        }
        if let Some(moment) = calendars::gap(&skipped) {
            self.check.wrong(
                pointer,
                format!("nobody is asked {moment}: every step is passed over then"),
                "add a final step or one without only_during, or let one wait with outside_hours: wait",
            );
        }
    }

    fn step(&mut self, pointer: &str, rule: &StepRule) -> StepPlan {
        let at = |field: &str| format!("{pointer}/{field}");
        let queue = &rule.queue.0;
        self.check.known_queue(&at("queue"), queue);
        let place = self.check.document.place(&at("queue"));
        self.places.push(StepPlace {
            queue: queue.clone(),
            file: self.check.document.file.clone(),
            line: place.line,
            column: place.column,
        });
        let hours = self.hours(pointer, rule);
        let check = &mut *self.check;
        let mut span = |field: &str, length| check.span_up_to(&at(field), length, STEP_MOST);
        let acknowledge_within = span("acknowledge_within", rule.acknowledge_within);
        let step = StepPlan {
            queue: queue.clone(),
            place_within: span("place_within", rule.place_within.unwrap_or(PLACE_WITHIN)),
            reach_within: span("reach_within", rule.reach_within.unwrap_or(REACH_WITHIN)),
            acknowledge_within,
            work_within: rule.work_within.map(|length| span("work_within", length)),
            cover: Level::from(rule.cover.unwrap_or(self.file.cover)),
            freshness: self.freshness,
            look_every: self.look_every,
            decide_within: rule.decide_within.map(|length| span("decide_within", length)),
            repeat: rule.repeat.unwrap_or(0),
            hours,
            roster: self.ground.calendars.roster(queue).to_vec(),
            sweep: Some(sweep(check, self.file.sweep, self.look_every)),
        };
        if self.look_every > acknowledge_within {
            check.wrong(
                &at("acknowledge_within"),
                "the step could be over before its ticket is looked at again",
                "look more often, or leave people more time",
            );
        }
        step
    }

    fn hours(&mut self, pointer: &str, rule: &StepRule) -> Option<StepHours> {
        let Some(name) = &rule.only_during else {
            if rule.outside_hours.is_some() {
                self.check.wrong(
                    &format!("{pointer}/outside_hours"),
                    "this step has no hours that it could be outside of",
                    "name a calendar in only_during",
                );
            }
            return None;
        };
        let pointer = format!("{pointer}/only_during");
        self.check.known(&pointer, "calendar", name, |names| names.calendars.as_ref());
        let calendar = self.ground.calendars.get(name)?;
        let Some(longest) = calendars::longest_closed(calendar) else {
            let what = format!("the calendar {name} never opens");
            self.check.wrong(&pointer, what, "give it hours");
            return None;
        };
        let outside = match rule.outside_hours.unwrap_or(self.file.outside_hours) {
            OutsideName::Skip => OutsideHours::Skip,
            OutsideName::Wait => OutsideHours::Wait { at_most: longest },
        };
        Some(StepHours { calendar: name.clone(), outside })
    }
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

/// How many takes of one person are believed at once. Takes are told apart by the looks that first show them, so a time
/// that is shorter than the time between two looks would count by chance.
fn sweep(check: &mut Check<'_>, rule: Option<SweepRule>, look_every: Span) -> Sweep {
    let SweepRule { most, within } = rule.unwrap_or(SWEEP);
    let within = check.span_up_to("/sweep/within", within, STEP_MOST);
    if rule.is_some() && within < look_every {
        check.wrong(
            "/sweep/within",
            "this is shorter than the time between two looks",
            "write at least the time of look_every",
        );
    }
    Sweep { most, within: within.max(look_every) }
}
