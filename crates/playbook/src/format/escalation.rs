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
    /// The steps, for every severity that is not named below.
    pub(crate) steps: Vec<StepRule>,
    /// When to start over after the last step.
    pub(crate) backoff: BackoffRule,
    /// The resolution codes that people may close with; all of the taxonomy when it is left out.
    #[schemars(with = "Option<Vec<Id>>")]
    pub(crate) resolutions: Option<Vec<ResolutionCode>>,
    /// What holds for certain severities instead.
    #[serde(default)]
    pub(crate) severities: BySeverity,
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
    /// The lowest level that counts as cover in this step.
    pub(crate) cover: Option<LevelName>,
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
