//! `contracts/*.yaml`: one governed write each.

use std::collections::BTreeMap;

use belay_domain::{ContractId, Executor, FailureClaim, Mode, Source, SystemId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::graduation::GraduationRule;
use super::playbook::{ApprovalRule, BackoffRule};
use super::text::{Amount, ContractText, Id, Length, Pointer};
use crate::request::Method;

/// The versioned definition of one write. Expressions are CEL over `case`, `input` and, where it says so, more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContractFile {
    /// Name and version, `billing.refund@1`. A contract that has been used is never changed, only superseded.
    #[schemars(with = "ContractText")]
    pub(crate) id: ContractId,
    /// What it does, in a few words, as approvers see it.
    pub(crate) title: String,
    /// More, for those who maintain it.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// The system that is written to.
    #[schemars(with = "Id")]
    pub(crate) system: SystemId,
    /// What is written there, as people are told when it can be neither finished nor undone.
    pub(crate) object: Option<ObjectRule>,
    /// Who carries it out.
    pub(crate) executor: ExecutorName,
    /// How much harm it can do, 0 to 3; from 2 on people have to agree.
    #[schemars(range(min = 0, max = 3))]
    pub(crate) tier: u8,
    /// Whether it writes.
    #[serde(default)]
    pub(crate) mode: ModeName,
    /// In canary: the share of cases for which it writes, between 0 and 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) share: Option<f64>,
    /// The JSON Schema of the input: an object that allows no additional properties.
    pub(crate) input: Value,
    /// The JSON Schema of what the system answers.
    pub(crate) output: Option<Value>,
    /// Where parts of the input have to come from, by JSON pointer.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<SourceName>>")]
    pub(crate) provenance: BTreeMap<String, Vec<SourceName>>,
    /// What must hold before.
    #[serde(default)]
    pub(crate) preconditions: Preconditions,
    /// The amount it moves.
    pub(crate) amount: Option<AmountRule>,
    /// How much is allowed.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// What makes the write the same write; `{{ case.id }}:{{ input_digest }}` when it is left out.
    pub(crate) key: Option<String>,
    /// The request, for contracts that the supervisor executes. Sees `key` as well.
    pub(crate) execution: Option<WriteRule>,
    /// What an HTTP status of the write means, where it differs from the usual.
    #[serde(default)]
    pub(crate) failures: Failures,
    /// The read that proves the write. Sees `key` and, in its conditions, `read`.
    pub(crate) verification: Option<ReadBackRule>,
    /// The way back. Sees `key` and `shown` (what the verification showed), and in its conditions `read`.
    pub(crate) compensation: Option<Compensation>,
    /// What happens when the read-back shows something else than was asked for.
    #[serde(default)]
    pub(crate) on_divergence: OnDivergence,
    /// How long a permit is valid; 60 s at most.
    pub(crate) permit_within: Option<Length>,
    /// How long an attempt may take before its outcome counts as unknown.
    pub(crate) outcome_within: Option<Length>,
    /// How long the system may be unreadable before people are told.
    pub(crate) verify_within: Option<Length>,
    /// When to try again.
    pub(crate) retries: Option<RetryRule>,
    /// Who has to approve, where it differs from the tier's rule.
    pub(crate) approval: Option<ApprovalRule>,
    /// What it has to show before it writes more, and when it has to stop.
    pub(crate) graduation: Option<GraduationRule>,
}

/// The object that a contract writes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectRule {
    /// What it is: `charge`, `invoice`.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,40}$"))]
    pub(crate) name: String,
    /// By what its system finds it, an expression over `case`, `input`, `key` and `shown`: what stands there, or null
    /// if nothing does.
    pub(crate) id: String,
}

/// Who carries an action out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExecutorName {
    /// The agent, holding a permit.
    Agent,
    /// The supervisor, by the contract's own request.
    Supervisor,
}

/// Whether a contract writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModeName {
    /// Decides and records what would have happened, and never writes.
    #[default]
    Shadow,
    /// Writes for a stable share of the cases.
    Canary,
    /// Writes.
    Live,
}

/// The paths by which something becomes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceName {
    /// Typed by the customer.
    Customer,
    /// From a channel that proved who speaks.
    VerifiedChannel,
    /// Read from a system of record.
    SystemOfRecord,
    /// Chosen by a model.
    Model,
    /// Said by a member of staff.
    Staff,
    /// Known by Belay itself.
    Belay,
}

/// What must hold before a write.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preconditions {
    /// What is read first, in order. A later read may use what an earlier one showed, as `reads.NAME`.
    #[serde(default)]
    pub(crate) reads: Vec<ReadRule>,
    /// What must hold, over `case`, `input`, `reads`.
    #[serde(default)]
    pub(crate) assert: Vec<AssertionRule>,
    /// What of it approvers see and are bound to, by name, as expressions; all that was read when it is left out.
    #[serde(default)]
    pub(crate) snapshot: BTreeMap<String, String>,
}

/// One read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadRule {
    /// Its name. `reads.NAME` is the record.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_]{0,40}$"))]
    pub(crate) name: String,
    /// The system; the contract's own when it is left out.
    #[schemars(with = "Option<Id>")]
    pub(crate) system: Option<SystemId>,
    /// A list: the read is done once for each distinct element, as `element`. `reads.NAME` is then a map from
    /// element to record.
    pub(crate) for_each: Option<String>,
    /// Path and query, a template.
    pub(crate) path: String,
    /// Headers, templates.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Whether there may be no such record; then `reads.NAME` is null. Otherwise that denies.
    #[serde(default)]
    pub(crate) optional: bool,
}

/// One condition with a name. The name is what a denial is reported by.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssertionRule {
    /// Its name.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,80}$"))]
    pub(crate) name: String,
    /// The condition.
    pub(crate) that: Option<String>,
    /// Instead of a condition: words that the text of `field` must not hold, in upper or lower case. The one way to look into
    /// free text before a write, and it can only turn one down.
    pub(crate) looks_for: Option<Vec<String>>,
    /// Conditions before it that must hold for this one to make sense; otherwise it is not looked at.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// What is wrong when it does not hold, for the person who has to mend it.
    #[serde(default)]
    pub(crate) otherwise: String,
    /// The field it is about.
    #[serde(default)]
    #[schemars(with = "Pointer")]
    pub(crate) field: String,
}

/// The amount that an action moves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmountRule {
    /// In minor units, an expression that gives an integer.
    pub(crate) minor: String,
    /// The currency, a template: `USD` or `{{ input.currency }}`.
    pub(crate) currency: String,
}

/// How much is allowed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// The most that one action may move.
    pub(crate) per_action: Option<Amount>,
    /// The most over time.
    #[serde(default)]
    pub(crate) cumulative: Vec<CumulativeRule>,
}

/// A limit over time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CumulativeRule {
    /// Its name.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,80}$"))]
    pub(crate) name: String,
    /// For whom it counts.
    pub(crate) key: KeyOf,
    /// How far it looks back.
    pub(crate) window: Length,
    /// The most in sum, this action included.
    pub(crate) amount: Option<Amount>,
    /// The most actions, this one included.
    #[schemars(range(min = 1))]
    pub(crate) count: Option<u64>,
}

/// For whom a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyOf {
    /// For each customer.
    Customer,
    /// For each agent.
    Agent,
    /// For each case.
    Case,
    /// For all of a tenant.
    Tenant,
}

/// A write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteRule {
    /// The method.
    pub(crate) method: Method,
    /// Path and query, a template.
    pub(crate) path: String,
    /// Headers, templates.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The body: JSON with templates as texts.
    pub(crate) body: Option<Value>,
    /// The body for systems that take a form (`application/x-www-form-urlencoded`): names and templates.
    #[serde(default)]
    pub(crate) form: BTreeMap<String, String>,
}

/// What the system's answer to a write means, where that differs from the usual. Whatever is said here, the target is
/// read before anything is written again.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failures {
    /// Statuses: certainly not done, and may be tried again.
    #[serde(default)]
    pub(crate) retryable: Vec<u16>,
    /// Statuses: certainly not done, and not to be tried again.
    #[serde(default)]
    pub(crate) permanent: Vec<u16>,
    /// Statuses: nobody knows whether it was done.
    #[serde(default)]
    pub(crate) unknown: Vec<u16>,
    /// Answers that are told apart by what is in them, such as an error inside status 200. The first that holds counts,
    /// before any status.
    #[serde(default)]
    pub(crate) answers: Vec<AnswerRule>,
}

/// An answer that is told by what is in it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerRule {
    /// The condition, over `status` and `body` (JSON, a text if it is not JSON, null if there is none). One that cannot
    /// be evaluated does not hold.
    pub(crate) when: String,
    /// What such an answer means.
    pub(crate) means: FailureName,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureName {
    /// Certainly not done, and may be tried again.
    Retryable,
    /// Certainly not done, and not to be tried again.
    Permanent,
    /// Nobody knows whether it was done.
    Unknown,
}

/// A read that proves something.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadBackRule {
    /// The system; the contract's own when it is left out.
    #[schemars(with = "Option<Id>")]
    pub(crate) system: Option<SystemId>,
    /// Path and query, a template.
    pub(crate) path: String,
    /// Headers, templates.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Whether the effect is there at all. `read` is the record, or null when there is none.
    pub(crate) present: String,
    /// What must hold of it.
    #[serde(default)]
    pub(crate) assert: Vec<AssertionRule>,
    /// What of it is kept as proof and told to the compensation; the whole record when it is left out.
    pub(crate) shown: Option<String>,
    /// How long the effect may take to show.
    pub(crate) settle_within: Option<Length>,
}

/// The way back, or why there is none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compensation {
    /// Why there is no way back.
    pub(crate) none: Option<String>,
    /// The write that undoes the action.
    pub(crate) request: Option<WriteRule>,
    /// Several writes that undo the action together, in this order, where one is not enough.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub(crate) steps: Vec<UndoStepRule>,
    /// The read that proves that it is undone: `present` means undone.
    pub(crate) verification: Option<ReadBackRule>,
}

/// One of several writes that undo an action. It begins with a look whether it is done already, so that after a crash
/// or an answer that never came nothing is done twice.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UndoStepRule {
    /// Its name. Later steps see what its look showed as `steps.NAME`.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_]{0,40}$"))]
    pub(crate) name: String,
    /// The look: `present` means that it is done. Conditions that do not hold then go to people.
    pub(crate) done: ReadBackRule,
    /// What else is read before it is sent, as `reads.NAME`.
    #[serde(default)]
    pub(crate) reads: Vec<ReadRule>,
    /// What must hold of that; otherwise it is not sent, and people are told.
    #[serde(default)]
    pub(crate) assert: Vec<AssertionRule>,
    /// The write.
    pub(crate) request: WriteRule,
    /// What it leaves behind, which people are told of when the way back stops. Sees what the look showed as `steps.NAME`.
    pub(crate) object: Option<ObjectRule>,
}

/// What happens when the read-back shows something else than was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnDivergence {
    /// People are asked.
    #[default]
    Escalate,
    /// It is undone by itself.
    Compensate,
}

/// When to try again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryRule {
    /// How many attempts there are.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) attempts_max: Option<u32>,
    /// How long to wait between them.
    pub(crate) backoff: Option<BackoffRule>,
}

impl Compensation {
    /// Whether it names nothing that could be done.
    pub(crate) fn is_no_way(&self) -> bool {
        self.request.is_none() && self.steps.is_empty() && self.verification.is_none()
    }
}

impl From<FailureName> for FailureClaim {
    fn from(name: FailureName) -> Self {
        match name {
            FailureName::Retryable => Self::Retryable,
            FailureName::Permanent => Self::Permanent,
            FailureName::Unknown => Self::Unknown,
        }
    }
}

impl From<ExecutorName> for Executor {
    fn from(name: ExecutorName) -> Self {
        match name {
            ExecutorName::Agent => Self::Agent,
            ExecutorName::Supervisor => Self::Supervisor,
        }
    }
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Shadow => Self::Shadow,
            ModeName::Canary => Self::Canary,
            ModeName::Live => Self::Live,
        }
    }
}

impl From<SourceName> for Source {
    fn from(name: SourceName) -> Self {
        match name {
            SourceName::Customer => Self::Customer,
            SourceName::VerifiedChannel => Self::VerifiedChannel,
            SourceName::SystemOfRecord => Self::SystemOfRecord,
            SourceName::Model => Self::Model,
            SourceName::Staff => Self::Staff,
            SourceName::Belay => Self::Belay,
        }
    }
}
