//! `routing.yaml`: who gets which case first, and under which terms.

use std::collections::BTreeMap;

use belay_domain::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::{Id, Length, Recipient};

/// The rules, tried in order, and what holds when none fits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoutingFile {
    /// The rules. The first that fits counts.
    #[serde(default)]
    pub(crate) rules: Vec<RouteRule>,
    /// When none fits. Has no `when`.
    pub(crate) otherwise: RouteRule,
}

/// One rule.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteRule {
    /// For those who read it.
    #[serde(default)]
    pub(crate) name: String,
    /// What a case must be like; all of it has to fit.
    pub(crate) when: Option<WhenRule>,
    /// Who gets it.
    pub(crate) to: Recipient,
    /// How much such a case matters, unless that was said.
    pub(crate) severity: Option<SeverityName>,
    /// The escalation policy by which people are asked to take it.
    #[schemars(with = "Id")]
    pub(crate) takeover: String,
    /// What makes two reports the same matter: a report that agrees with an open case in all of these, capitals and spaces
    /// aside, is linked to that case instead of opening another. Of `customer`, `kind`, `subject`, `labels.NAME`, and
    /// `OBJECT.FIELD` of the dictionary, which is known when an entry of the kind `fact` says it: a JSON object
    /// `{"OBJECT": {"FIELD": VALUE}}` from a system of record, a verified channel or staff. One of them has to be other than
    /// `kind` and `subject`. A report that lacks one of them is a matter of its own; where it becomes known later, the case is
    /// merged with the open case of the same matter. Every report is a matter of its own when this is left out.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub(crate) same_matter: Vec<String>,
    /// How long an agent holds the case after each sign of progress.
    pub(crate) lease: Option<Length>,
    /// How long a fitting agent is looked for.
    pub(crate) seek_within: Option<Length>,
    /// How long one agent may think about an offer.
    pub(crate) offer_within: Option<Length>,
}

/// What a case must be like.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhenRule {
    /// Of one of these kinds.
    #[serde(default)]
    pub(crate) kind: OneOrMany,
    /// From one of these channels.
    #[serde(default)]
    pub(crate) channel: OneOrMany,
    /// Opened with one of these severities.
    #[serde(default)]
    pub(crate) severity: Vec<SeverityName>,
    /// With all of these labels.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
}

/// One of these; none means any.
pub(crate) type OneOrMany = Vec<String>;

/// How much a case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeverityName {
    /// Can wait for a working day.
    Low,
    /// The usual.
    Normal,
    /// A customer is losing money or time.
    High,
    /// Many customers are.
    Critical,
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Low => Self::Low,
            SeverityName::Normal => Self::Normal,
            SeverityName::High => Self::High,
            SeverityName::Critical => Self::Critical,
        }
    }
}
