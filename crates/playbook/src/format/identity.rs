//! `identity.yaml`: how it is found out whom a case is about, when only part of it is known.

use std::collections::BTreeMap;

use belay_domain::SystemId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::contract::SourceName;
use super::text::{Id, Length};

/// What can be looked for, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityFile {
    /// The objects, by name, such as `customer`.
    pub(crate) objects: BTreeMap<String, SoughtRule>,
}

/// One object that is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SoughtRule {
    /// What it is.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// How much has to speak for somebody.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) bar: u32,
    /// How much more than for the second best. Two for whom the same speaks are never told apart.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) margin: u32,
    /// The most reads of one search; 20 when it is left out.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) reads_max: Option<u32>,
    /// How long one search may take; 10 s when it is left out.
    pub(crate) within: Option<Length>,
    /// What may be known, and how much it counts.
    pub(crate) facts: BTreeMap<String, FactRule>,
    /// Fields by which records of two systems are about the same: as equal values in any of them say.
    #[serde(default)]
    pub(crate) same: Vec<String>,
    /// The reads, in their order.
    #[schemars(length(min = 1, max = 20))]
    pub(crate) lookups: Vec<LookupRule>,
}

/// Something that may be known.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactRule {
    /// How it is compared.
    pub(crate) kind: FactKind,
    /// Whether the case's customer is it. Otherwise it comes from labels and context.
    #[serde(default)]
    pub(crate) is_customer: bool,
    /// From where it has to come to be used at all; `customer` when it is left out. What a model made up is a guess, and no
    /// guess is used.
    pub(crate) at_least: Option<SourceName>,
    /// How much it counts when it agrees.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) agrees: u32,
    /// How much when part of it agrees: some words of a name, the last digits of a number. Nothing when it is left out.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub(crate) partly: u32,
    /// How much it counts against somebody when it does not agree. What comes from a verified source and does not agree
    /// excludes them, whatever this says.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub(crate) disagrees: u32,
    /// For `date`: by how many days it may differ.
    #[serde(default)]
    #[schemars(range(max = 366))]
    pub(crate) days: u32,
}

/// How a fact is compared with what a system shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FactKind {
    /// Capitals aside.
    Email,
    /// Capitals, spaces and punctuation aside; part of its words agree partly.
    Name,
    /// Only its digits; the last four or more agree partly.
    Digits,
    /// As a whole number, such as an amount in minor units.
    Integer,
    /// As a day: `2026-12-25`, or seconds since 1970.
    Date,
    /// Capitals and spaces aside.
    Text,
}

/// One read, and what its answer says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupRule {
    /// Its name.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,40}$"))]
    pub(crate) name: String,
    /// The system that is read, with its read credential.
    #[schemars(with = "Id")]
    pub(crate) system: SystemId,
    /// The facts that it looks for, as `facts.NAME`. It is not done unless all of them are known.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Or the fields of somebody who has been found already, as `candidate.NAME`; `ids.SYSTEM` for an id. Then it is done for
    /// each of them, and what it shows is about them.
    #[serde(default)]
    pub(crate) follows: Vec<String>,
    /// Path and query, a template.
    pub(crate) path: String,
    /// Headers, templates.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The records in its answer, as a list, over `read`; and `candidate`, where it follows somebody.
    pub(crate) records: String,
    /// Whether the answer holds all there are.
    pub(crate) complete: Option<String>,
    /// The most records. More are too many, and none of them is used; 5 when it is left out, or 1 where it follows somebody.
    #[schemars(range(min = 1, max = 500))]
    pub(crate) at_most: Option<usize>,
    /// By what the system knows whom a record is about, over `one`. Without it the record only says more about somebody.
    pub(crate) id: Option<String>,
    /// What a record says, over `one`: a value, or a list of them.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, String>,
}
