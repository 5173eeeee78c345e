//! `escalations/*.yaml`: how people are asked, step by step.

use belay_domain::{Level, ResolutionCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::playbook::BackoffRule;
use super::text::{Id, Length, Queue};

/// The ordered steps of an escalation, and what holds for certain severities.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EscalationFile {
    /// Its name.
    #[schemars(with = "Id")]
    pub(crate) name: String,
    /// What it is for.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// The lowest level of evidence that counts as cover; E4 when it is left out.
    #[serde(default)]
    pub(crate) cover: LevelName,
    /// How old evidence may be; 300 s at most.
    pub(crate) freshness: Option<Length>,
    /// How often the ticket is read back.
    pub(crate) look_every: Option<Length>,
    /// How many tickets one person may take in a short time. Beyond that a take is doubted until the person has done
    /// something on the ticket; 10 within 60 s when it is left out.
    pub(crate) sweep: Option<SweepRule>,
    /// The steps, for every severity that is not named below.
    pub(crate) steps: Vec<StepRule>,
    /// Asked last whatever the severity and the hour, and again and again.
    #[serde(rename = "final")]
    pub(crate) last: Option<StepRule>,
    /// What is done with a step outside its hours, where the step does not say.
    #[serde(default)]
    pub(crate) outside_hours: OutsideName,
    /// What follows when every step was in vain. The case is raised as uncovered in any case.
    #[serde(default)]
    pub(crate) on_exhaustion: ExhaustionName,
    /// When to start over after the last step; how often the alarm is repeated, where nobody is asked again.
    pub(crate) backoff: BackoffRule,
    /// The resolution codes that people may close with; all of the taxonomy when it is left out.
    #[schemars(with = "Option<Vec<Id>>")]
    pub(crate) resolutions: Option<Vec<ResolutionCode>>,
    /// What holds for certain severities instead.
    #[serde(default)]
    pub(crate) severities: BySeverity,
}

/// How many tickets one person may take within a time.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepRule {
    /// So many.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) most: u32,
    /// Within this time; at least as long as lies between two looks.
    pub(crate) within: Length,
}

/// Steps for certain severities.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BySeverity {
    /// Can wait for a working day.
    pub(crate) low: Option<SeverityRule>,
    /// The usual.
    pub(crate) normal: Option<SeverityRule>,
    /// A customer is losing money or time.
    pub(crate) high: Option<SeverityRule>,
    /// Many customers are.
    pub(crate) critical: Option<SeverityRule>,
}

/// The steps for one severity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeverityRule {
    /// The steps.
    pub(crate) steps: Vec<StepRule>,
    /// When to start over after the last step.
    pub(crate) backoff: Option<BackoffRule>,
    /// What follows when every step was in vain.
    pub(crate) on_exhaustion: Option<ExhaustionName>,
}

/// One step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepRule {
    /// Whom to ask, as `system/queue`.
    pub(crate) queue: Queue,
    /// Until the ticket must have been seen there; 30 s when it is left out.
    pub(crate) place_within: Option<Length>,
    /// Until it must be known that somebody can take it, after that; 30 s when it is left out.
    pub(crate) reach_within: Option<Length>,
    /// Until a person must have taken it, after that.
    pub(crate) acknowledge_within: Length,
    /// How long the person may leave it alone.
    pub(crate) work_within: Option<Length>,
    /// For approvals: how long the person who took it may take to decide before somebody else is asked. An equal part
    /// of the whole time when it is left out.
    pub(crate) decide_within: Option<Length>,
    /// The lowest level that counts as cover in this step.
    pub(crate) cover: Option<LevelName>,
    /// How often it is asked again, with another ticket, when nobody took the one before.
    #[schemars(range(max = 10))]
    pub(crate) repeat: Option<u32>,
    /// The calendar, of `calendars.yaml`, during which it may be asked.
    #[schemars(with = "Option<Id>")]
    pub(crate) only_during: Option<String>,
    /// What is done with it at other times.
    pub(crate) outside_hours: Option<OutsideName>,
}

/// What is done with a step outside its hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutsideName {
    /// The next step is taken at once.
    #[default]
    Skip,
    /// The escalation waits for the hours to begin, and the case is raised as uncovered meanwhile.
    Wait,
}

/// What follows when every step was in vain, besides the alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExhaustionName {
    /// The same steps again after a wait.
    #[default]
    StartOver,
    /// The case gets the next higher severity, and its steps are taken after a wait. A critical one starts over.
    RaiseSeverity,
    /// Nobody is asked again until a person says so; the alarm is repeated.
    AlarmOnly,
}

/// How much has to be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum LevelName {
    /// Somebody can take it.
    E3,
    /// A person took it.
    #[default]
    E4,
    /// That person has done something since.
    E5,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::E3 => Self::E3,
            LevelName::E4 => Self::E4,
            LevelName::E5 => Self::E5,
        }
    }
}
