//! What the playbook says about one proposed action, with every reason by name.
//!
//! The playbook evaluates boundary, schema, provenance, preconditions, limits and policies; the case then
//! decides what the verdict means for it. A verdict is recorded whole, so that "why?" has an answer years later.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::terms::{ApprovalTerms, ContractTerms};
use crate::{ActionId, BoundaryId, Digest, PolicyId, Timestamp};

/// The outcome of evaluating one proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The playbook that was asked.
    pub playbook: Digest,
    /// The boundary under which the agent acts, if it has one.
    pub boundary: Option<BoundaryId>,
    /// The policies that determined the answer.
    pub policies: Vec<PolicyId>,
    /// The input in canonical JSON (RFC 8785), as it would be carried out.
    pub input: String,
    /// What was read from the source of truth to decide this; part of what approvers see and are bound to.
    pub snapshot: Option<String>,
    /// The input as people are shown it, rendered by Belay and not by the agent (`APR-7`).
    pub shown: String,
    /// What the contract says; absent when the contract is unknown.
    pub terms: Option<ContractTerms>,
    /// The answer.
    pub ruling: Ruling,
    /// What else it was made from; absent in what was recorded before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Box<Basis>>,
}

/// What a verdict was made from beyond the proposal, the case and the playbook. All of them together decide the same
/// again, years later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// When it was decided.
    pub at: Timestamp,
    /// Whether the case held text from outside.
    #[serde(default)]
    pub outside_text: bool,
    /// The action that held the idempotency key already, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<ActionId>,
    /// What had been used of each limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used: Vec<UsedUp>,
    /// What the reads showed, as JSON: as much of it as the contract looks at. Absent when that was too much to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<String>,
    /// Why the contract does not write although the playbook would let it: its figures, and the case in which people
    /// are asked about it. Absent while it stands as the playbook says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demoted: Option<String>,
}

/// What had been used of one limit within its window, without the action itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedUp {
    /// The counter's name.
    pub key: String,
    /// The sum of the amounts, in minor units.
    pub minor: i64,
    /// How many actions.
    pub count: u64,
}

/// Whether a proposal may go ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// Yes.
    Allow,
    /// If enough people say so.
    Ask(Box<ApprovalTerms>),
    /// No, for all of these reasons.
    Deny(Vec<Reason>),
}

/// One reason against a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which kind of check it failed.
    pub rule: Rule,
    /// The rule's name in the playbook: a boundary, a policy, a precondition, a limit.
    pub name: String,
    /// The field it is about, as a JSON pointer; empty when it is about the whole.
    pub field: String,
    /// What is wrong, for the person who has to mend it.
    pub detail: String,
}

/// The checks, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Who is asking.
    Identity,
    /// Whether the agent may propose this contract at all.
    Boundary,
    /// Whether the input has the form the contract asks for.
    Schema,
    /// Whether each input comes from where the contract wants it from.
    Provenance,
    /// Whether it is known with enough certainty whom it is about.
    Identification,
    /// Whether the source of truth shows what the contract presupposes.
    Precondition,
    /// Amounts and rates, for one action and over time.
    Limit,
    /// The policies.
    Policy,
    /// Whether it has been done before.
    Duplicate,
}

impl Rule {
    /// The rule's stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Boundary => "boundary",
            Self::Schema => "schema",
            Self::Provenance => "provenance",
            Self::Identification => "identification",
            Self::Precondition => "precondition",
            Self::Limit => "limit",
            Self::Policy => "policy",
            Self::Duplicate => "duplicate",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.rule, self.name, self.detail)
    }
}
