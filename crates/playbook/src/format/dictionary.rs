//! `taxonomy.yaml` and `dictionary.yaml`: the words that everybody shares.

use std::collections::BTreeMap;

use belay_domain::{ReasonCode, ResolutionCode, SystemId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::{Id, Means};

/// The codes that people and programs use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxonomyFile {
    /// The codes that a case can be closed with.
    #[schemars(with = "BTreeMap<String, ResolutionRule>", length(min = 1))]
    pub(crate) resolutions: BTreeMap<ResolutionCode, ResolutionRule>,
    /// Why things happen: reason codes and what they say. Whoever rejects an action gives one, if there are any.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(crate) reasons: BTreeMap<ReasonCode, String>,
}

/// One resolution code.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolutionRule {
    /// What it says, for people.
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) title: String,
    /// What it means for the case.
    pub(crate) means: Means,
}

/// Canonical objects and fields, and where the truth about each is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DictionaryFile {
    /// The objects.
    pub(crate) objects: BTreeMap<String, ObjectRule>,
}

/// One canonical object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectRule {
    /// What it is.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// Its fields.
    pub(crate) fields: BTreeMap<String, FieldRule>,
}

/// One canonical field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldRule {
    /// What it is.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// The system that is the source of truth.
    #[schemars(with = "Id")]
    pub(crate) truth: SystemId,
    /// How each system calls it: a JSON pointer into its record.
    #[schemars(with = "BTreeMap<String, super::text::Pointer>")]
    pub(crate) names: BTreeMap<SystemId, String>,
}
