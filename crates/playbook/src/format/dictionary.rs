//! `taxonomy.yaml` and `dictionary.yaml`: the words that everybody shares.

use std::collections::BTreeMap;

use belay_domain::{ReasonCode, ResolutionCode, SystemId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::contract::OnDivergence;
use super::text::{Id, Length, Means};

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

/// Canonical objects and fields, where the truth about each is, and what systems have to agree about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DictionaryFile {
    /// The objects.
    pub(crate) objects: BTreeMap<String, ObjectRule>,
    /// What systems have to agree about before a plan counts as verified.
    #[serde(default)]
    pub(crate) equalities: Vec<EqualityRule>,
}

/// One canonical object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectRule {
    /// What it is.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// How it is read in each system, by its id there.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RecordRule>")]
    pub(crate) records: BTreeMap<SystemId, RecordRule>,
    /// Its fields.
    pub(crate) fields: BTreeMap<String, FieldRule>,
}

/// How an object is read in one system. Templates and expressions over `id`, `case`, and `reads`, where there are any.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordRule {
    /// What has to be read there before, in order. A later read may use what an earlier one showed, as `reads.NAME`.
    #[serde(default)]
    pub(crate) reads: Vec<LeadRule>,
    /// Path and query, a template.
    pub(crate) path: String,
    /// Headers, templates.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Where the object is in the answer, an expression over `read` as well; the whole answer when it is left out. Null
    /// means that it is not there.
    pub(crate) record: Option<String>,
}

/// A read that leads to an object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadRule {
    /// Its name. `reads.NAME` is the record.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_]{0,40}$"))]
    pub(crate) name: String,
    /// Path and query, a template.
    pub(crate) path: String,
    /// Headers, templates.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
}

/// One canonical field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldRule {
    /// What it is.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// What its values are. Only a field whose type is known can be compared.
    #[serde(rename = "type")]
    pub(crate) kind: Option<TypeName>,
    /// All canonical values of a code, where it is one of a list.
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// The system that is the source of truth.
    #[schemars(with = "Id")]
    pub(crate) truth: SystemId,
    /// How each system calls it: a JSON pointer into its record.
    #[schemars(with = "BTreeMap<String, super::text::Pointer>")]
    pub(crate) names: BTreeMap<SystemId, String>,
    /// How a system writes it, where that is not as it is here.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, MappingRule>")]
    pub(crate) mappings: BTreeMap<SystemId, MappingRule>,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TypeName {
    /// An amount, counted in minor units.
    Money,
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
    /// An id, a code, a word out of a list.
    Code,
    /// Free text, which is never compared.
    Text,
}

/// How one system writes a field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingRule {
    /// Its version. A mapping that has been used is changed under the next number.
    #[schemars(range(min = 1))]
    pub(crate) version: u32,
    /// For money: how amounts are written there; as minor units when it is left out.
    #[serde(rename = "as")]
    pub(crate) form: Option<FormName>,
    /// For codes: what stands before each there and is no part of it.
    pub(crate) prefix: Option<String>,
    /// For codes out of a list: which words of that system mean which canonical value. A word that is not here means
    /// nothing, and is a difference.
    #[serde(default)]
    pub(crate) words: BTreeMap<String, Vec<String>>,
}

/// How amounts are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FormName {
    /// In minor units: `4784`.
    #[default]
    Minor,
    /// In minor units, with the sign turned.
    NegativeMinor,
    /// As a decimal, a number or a text: `47.84`.
    Decimal,
    /// As a decimal, with the sign turned.
    NegativeDecimal,
}

/// Something that systems have to agree about after a write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EqualityRule {
    /// Its name. The name is what a difference is reported by.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,80}$"))]
    pub(crate) name: String,
    /// After which write it has to hold: a contract, without its version. It is looked at once for each such write of a
    /// plan.
    #[schemars(regex(pattern = "^[a-z0-9_.-]{1,150}$"))]
    pub(crate) after: String,
    /// The object that is compared.
    pub(crate) object: String,
    /// Its fields that have to be equal in all of the systems.
    #[schemars(length(min = 1))]
    pub(crate) fields: Vec<String>,
    /// By which id the object is found in each of the systems: expressions over `case`, `input`, `key`, `shown` (what the
    /// write's verification showed) and `steps` (all verified writes of the plan, by contract: their `input` and `shown`).
    #[schemars(with = "BTreeMap<String, String>", length(min = 2))]
    pub(crate) ids: BTreeMap<SystemId, String>,
    /// What happens when they differ.
    #[serde(default)]
    pub(crate) on_difference: OnDivergence,
    /// How long they may take to agree. A difference counts at once when it is left out.
    pub(crate) settle_within: Option<Length>,
    /// How long they may be unreadable before people are told.
    pub(crate) compare_within: Option<Length>,
}
