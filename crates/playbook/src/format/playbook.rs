//! `playbook.yaml`: the playbook's name and what holds where nothing else is said.

use std::collections::BTreeMap;

use belay_domain::GroupId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::routing::SeverityName;
use super::text::{Id, Length};

/// The playbook's name, its groups of approvers, what each tier asks of people, and the defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaybookFile {
    /// The playbook's name.
    #[schemars(with = "Id")]
    pub(crate) name: String,
    /// What it is for.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// All waiting times are multiplied by this; a demonstration runs faster with `0.05`. Windows of limits stay.
    #[serde(default = "one")]
    #[schemars(range(min = 0.001, max = 100.0))]
    pub(crate) timing_scale: f64,
    /// Whether text from outside in a case raises the tier of its actions by one.
    #[serde(default)]
    pub(crate) outside_text: OutsideText,
    /// Groups of people who approve, as their tokens name them, and what they are for.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) groups: BTreeMap<GroupId, String>,
    /// What each tier asks of people, where a contract does not say otherwise.
    #[serde(default)]
    pub(crate) tiers: Tiers,
    /// What holds where nothing else is said.
    #[serde(default)]
    pub(crate) defaults: Defaults,
}

/// What text from outside does to an action's tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutsideText {
    /// Nothing.
    #[default]
    Ignore,
    /// Raises it by one.
    RaiseTier,
}

/// What each tier asks of people. Tier 1 matters where a policy demands approval.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tiers {
    /// Little harm.
    #[serde(rename = "1")]
    pub(crate) one: Option<ApprovalRule>,
    /// Harm that can be undone.
    #[serde(rename = "2")]
    pub(crate) two: Option<ApprovalRule>,
    /// Harm that cannot.
    #[serde(rename = "3")]
    pub(crate) three: Option<ApprovalRule>,
}

/// Who has to approve, and how they are asked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalRule {
    /// How many distinct people.
    #[schemars(range(min = 1, max = 20))]
    pub(crate) quorum: u32,
    /// Members of these groups may.
    #[schemars(with = "Vec<Id>", length(min = 1))]
    pub(crate) groups: Vec<GroupId>,
    /// How long they have, from the request on.
    pub(crate) decide_within: Length,
    /// The escalation policy by which they are asked.
    #[schemars(with = "Id")]
    pub(crate) escalation: String,
    /// Whether people may decide by a note on the ticket, `approve DIGEST` or `reject DIGEST reason`. They have to be in
    /// `people.yaml`, with their groups and their account in the system of the ticket.
    #[serde(default)]
    pub(crate) approve_in_ticket: bool,
}

/// What holds where nothing else is said.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Defaults {
    /// How much a case matters when nobody says.
    pub(crate) severity: SeverityName,
    /// How long an agent holds a case after each sign of progress on it.
    pub(crate) lease: Length,
    /// How long a fitting agent is looked for before people are asked.
    pub(crate) seek_within: Length,
    /// How long one agent may think about an offer.
    pub(crate) offer_within: Length,
    /// How often a case may go between the same two agents before people are asked.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) bounces_max: u32,
    /// How old evidence may be; 300 s at most.
    pub(crate) freshness: Length,
    /// How often a ticket is read back.
    pub(crate) look_every: Length,
    /// How long a proposal may wait for its preconditions to be read.
    pub(crate) assess_within: Length,
    /// How long a permit is valid; 60 s at most.
    pub(crate) permit_within: Length,
    /// How long an attempt may take before its outcome counts as unknown.
    pub(crate) outcome_within: Length,
    /// How long an effect may take to show.
    pub(crate) settle_within: Length,
    /// How long a system may be unreadable before people are told.
    pub(crate) verify_within: Length,
    /// How many attempts there are.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) attempts_max: u32,
    /// When to try again.
    pub(crate) backoff: BackoffRule,
}

/// When to try again: the first wait, then twice as long each time, up to the longest.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackoffRule {
    /// The first wait.
    pub(crate) first: Length,
    /// The longest wait.
    pub(crate) most: Length,
}

impl Default for Defaults {
    fn default() -> Self {
        let seconds = |count| Length(belay_domain::Span::from_secs(count));
        Self {
            severity: SeverityName::Normal,
            lease: seconds(15),
            seek_within: seconds(30),
            offer_within: seconds(10),
            bounces_max: 3,
            freshness: seconds(60),
            look_every: seconds(20),
            assess_within: seconds(30),
            permit_within: seconds(60),
            outcome_within: seconds(30),
            settle_within: seconds(15),
            verify_within: seconds(600),
            attempts_max: 3,
            backoff: BackoffRule { first: seconds(1), most: seconds(60) },
        }
    }
}

fn one() -> f64 {
    1.0
}
