//! How a write went, as the agent saw it, and what became of the action, as Belay verified it.

use belay_api::v1::{self, ActionState, ReasonKind, Ruling, report_outcome};
use serde_json::Value;

/// How the one attempt at a write went, as the outside system answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It answered with success. Proves nothing yet: the supervisor reads back.
    Executed {
        /// What it answered.
        output: Value,
    },
    /// It did not take effect.
    Failed {
        /// Whether another attempt may succeed.
        retryable: bool,
        /// What it said, for people.
        reason: String,
    },
    /// Nobody knows: no answer, or one that cannot be read. It is read back before anything else.
    Unknown {
        /// What is known, for people.
        reason: String,
    },
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionResult {
    /// An independent read showed the effect that the contract promises. The only good end.
    Verified(ActionReport),
    /// The read-back showed something else. It is taken back, or people are asked.
    Diverged(ActionReport),
    /// It took no effect and is not tried again.
    Failed(ActionReport),
    /// Refused, for all of these reasons.
    Denied(Vec<Reason>),
    /// The same write was proposed before, and the result of that action counts.
    Duplicate {
        /// The other action.
        of: String,
    },
    /// The contract is in shadow mode: it would have been allowed, and nothing was done.
    Shadowed,
    /// A person said no.
    Rejected(ActionReport),
    /// Nobody decided in time.
    Expired,
    /// Its ground was gone before it was carried out.
    Withdrawn(ActionReport),
    /// It was taken back, and a read-back showed so.
    Compensated(ActionReport),
    /// It could not be taken back; people are asked.
    CompensationFailed(ActionReport),
}

/// An action that has come to an end.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionReport {
    /// The action, for example `c-0123456789abcdef/a1`.
    pub id: String,
    /// Why it stands where it stands, for people. May be empty.
    pub detail: String,
    /// What the read-back showed, when it is verified.
    pub shown: Option<Value>,
    /// How often it was tried.
    pub attempts: u32,
}

/// One reason against an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The rule by its name in the playbook.
    pub rule: String,
    /// Which of the checks it was.
    pub kind: ReasonKind,
    /// JSON Pointer to the offending place of the input. Empty when it is about the whole.
    pub field: String,
    /// For people: what was found and what would have been needed.
    pub detail: String,
}

/// An action did not come to its only good end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the write is not verified: {}", .0.in_short())]
pub struct NotVerified(pub Box<ActionResult>);

impl Outcome {
    /// The outside system answered with success, and this.
    pub fn executed(output: Value) -> Self {
        Self::Executed { output }
    }

    /// It did not take effect, and would not the next time.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { retryable: false, reason: reason.into() }
    }

    /// It did not take effect, and may the next time.
    pub fn failed_for_now(reason: impl Into<String>) -> Self {
        Self::Failed { retryable: true, reason: reason.into() }
    }

    /// Nobody knows whether it took effect.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into() }
    }

    pub(crate) fn into_wire(self) -> report_outcome::Result {
        match self {
            Self::Executed { output } => {
                report_outcome::Result::Executed(v1::Executed { output_json: output.to_string() })
            }
            Self::Failed { retryable, reason } => {
                report_outcome::Result::Failed(v1::ExecutionFailed {
                    retryable,
                    reason: line(reason),
                })
            }
            Self::Unknown { reason } => {
                report_outcome::Result::Unknown(v1::ExecutionUnknown { reason: line(reason) })
            }
        }
    }
}

impl ActionResult {
    /// The report of a verified write; everything else is an error.
    pub fn verified(self) -> Result<ActionReport, NotVerified> {
        match self {
            Self::Verified(report) => Ok(report),
            other => Err(NotVerified(Box::new(other))),
        }
    }

    fn in_short(&self) -> String {
        match self {
            Self::Verified(_) => "it is".to_owned(),
            Self::Diverged(report) => format!("the read-back differs: {}", report.detail),
            Self::Failed(report) => format!("it failed: {}", report.detail),
            Self::Denied(reasons) => {
                let rules: Vec<&str> = reasons.iter().map(|reason| reason.rule.as_str()).collect();
                format!("denied by {}", rules.join(", "))
            }
            Self::Duplicate { of } => format!("it repeats {of}"),
            Self::Shadowed => "its contract is in shadow mode".to_owned(),
            Self::Rejected(report) => format!("a person said no: {}", report.detail),
            Self::Expired => "nobody decided in time".to_owned(),
            Self::Withdrawn(report) => format!("it was withdrawn: {}", report.detail),
            Self::Compensated(_) => "it was taken back".to_owned(),
            Self::CompensationFailed(report) => format!("it is not taken back: {}", report.detail),
        }
    }

    /// The end that a ruling is by itself. `None` when something follows.
    pub(crate) fn of_ruling(decision: &v1::Decision) -> Option<Self> {
        match decision.ruling() {
            Ruling::Denied => {
                Some(Self::Denied(decision.reasons.iter().map(Reason::from_wire).collect()))
            }
            Ruling::Duplicate => Some(Self::Duplicate { of: decision.duplicate_of.clone() }),
            Ruling::Shadowed => Some(Self::Shadowed),
            Ruling::AwaitingApproval | Ruling::Authorized | Ruling::Unspecified => None,
        }
    }

    /// The end that an action has come to. `None` while it is under way.
    pub(crate) fn of_action(action: &v1::Action) -> Option<Self> {
        let report = || ActionReport {
            id: action.id.clone(),
            detail: action.detail.clone(),
            shown: serde_json::from_str(&action.shown_json).ok(),
            attempts: action.attempts,
        };
        match action.state() {
            ActionState::Unspecified
            | ActionState::Proposed
            | ActionState::AwaitingApproval
            | ActionState::Authorized
            | ActionState::Dispatched
            | ActionState::Executed
            | ActionState::Unknown
            | ActionState::Retrying
            | ActionState::Compensating => None,
            ActionState::Denied => {
                Some(Self::Denied(action.reasons.iter().map(Reason::from_wire).collect()))
            }
            ActionState::Shadowed => Some(Self::Shadowed),
            ActionState::Rejected => Some(Self::Rejected(report())),
            ActionState::Expired => Some(Self::Expired),
            ActionState::Withdrawn => Some(Self::Withdrawn(report())),
            ActionState::Failed => Some(Self::Failed(report())),
            ActionState::Verified => Some(Self::Verified(report())),
            ActionState::Diverged => Some(Self::Diverged(report())),
            ActionState::Compensated => Some(Self::Compensated(report())),
            ActionState::CompensationFailed => Some(Self::CompensationFailed(report())),
        }
    }
}

impl Reason {
    fn from_wire(reason: &v1::Reason) -> Self {
        Self {
            rule: reason.rule.clone(),
            kind: reason.kind(),
            field: reason.field.clone(),
            detail: reason.detail.clone(),
        }
    }
}

/// The longest line (a reason, a note) that the supervisor takes, in bytes.
const LINE_BYTES_MAX: usize = 1024;

/// Cuts a line to what the supervisor takes: a reason that is cut is better than one that is refused.
pub(crate) fn line(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LINE_BYTES_MAX));
    text
}
