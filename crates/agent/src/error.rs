//! What can go wrong for an agent, and who must act.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_api::v1::{self, ErrorReason, GoodbyeReason, LeaseLostReason};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::permit::PermitProblem;
use crate::wire;

/// Why a call on a case gave no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The supervisor said no, and nothing changed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The agent does not hold the case any more. [`crate::Specialist::work`] is being dropped.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// There is a permit, and it does not allow this write. Nothing was written.
    #[error("the permit was not used")]
    Permit(#[from] PermitProblem),
    /// No answer came in time. What was asked may still take effect; asking the same again is safe.
    #[error("no answer to {what} within {} s", within.as_secs())]
    TimedOut {
        /// What was asked for.
        what: &'static str,
        /// How long was waited.
        within: Duration,
    },
    /// The input cannot be written as JSON.
    #[error("the input cannot be written as JSON")]
    Input(#[source] serde_json::Error),
    /// The message is larger than the supervisor takes.
    #[error("the message has {bytes} bytes, and at most {most} are taken")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// More messages wait for an answer than may wait.
    #[error("too many messages wait for the supervisor; try again later")]
    Overloaded,
    /// The answer is not one to this question. The supervisor is of another version than this SDK.
    #[error("the supervisor gave an answer to {what} that does not belong to it")]
    Unexpected {
        /// What was asked for.
        what: &'static str,
    },
}

/// Why an agent stopped serving other than by its own wish.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Address or certificate cannot be used. Nothing was tried.
    #[error(transparent)]
    Connect(#[from] belay_transport::channel::ConnectError),
    /// The own certificate cannot be used.
    #[error(transparent)]
    Identity(#[from] belay_transport::tls::TlsError),
    /// The own certificate is not one of an agent.
    #[error(
        "the certificate is of {found}, and an agent needs one of spiffe://<domain>/agent/<name>"
    )]
    NotAnAgent {
        /// Whom it names.
        found: String,
    },
    /// The supervisor does not take this agent, or does not understand it.
    #[error("the supervisor does not take this agent")]
    Refused(#[source] Refused),
    /// The keys that permits are checked with cannot be used, so no write could ever begin.
    #[error("the supervisor's permit keys cannot be used")]
    Keys(#[source] belay_transport::permit::KeySetError),
    /// The supervisor ended the session and said not to come back.
    #[error("the supervisor ended the session ({reason:?}): {detail}")]
    Goodbye {
        /// Why.
        reason: GoodbyeReason,
        /// The same for people.
        detail: String,
    },
}

/// What the supervisor said no with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The stable reason, for programs. Unspecified when it is one that this SDK does not know.
    pub reason: ErrorReason,
    /// The kind of refusal.
    pub code: Code,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// The ids it is about.
    pub metadata: BTreeMap<String, String>,
    /// Every field that is wrong.
    pub violations: Vec<Violation>,
    /// What has to happen first.
    pub preconditions: Vec<Precondition>,
    /// When the same may succeed without any change.
    pub retry_after: Option<Duration>,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the message.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub description: String,
}

/// One thing that has to happen first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// What kind of thing: the name of an [`ErrorReason`] without its prefix.
    pub kind: String,
    /// The id of what it is about.
    pub subject: String,
    /// What has to happen.
    pub description: String,
}

/// The agent does not hold the case any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the case is no longer held: {detail}")]
pub struct Lost {
    /// Why.
    pub reason: LeaseLostReason,
    /// The same for people.
    pub detail: String,
}

impl Refused {
    /// Whether it means that the case is not this agent's.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(
            self.reason,
            ErrorReason::NotOwner
                | ErrorReason::StaleEpoch
                | ErrorReason::LeaseOver
                | ErrorReason::CaseClosed
                | ErrorReason::CaseMerged
        )
    }

    pub(crate) fn from_wire(error: v1::Error) -> Self {
        let reason = error.reason();
        let v1::Error {
            code,
            message,
            reason: _,
            metadata,
            field_violations,
            precondition_violations,
            retry_after,
        } = error;
        Self {
            reason,
            code: Code::from_i32(code),
            message,
            metadata: metadata.into_iter().collect(),
            violations: field_violations
                .into_iter()
                .map(|v1::FieldViolation { field, description }| Violation { field, description })
                .collect(),
            preconditions: precondition_violations
                .into_iter()
                .map(|v1::PreconditionViolation { r#type, subject, description }| Precondition {
                    kind: r#type,
                    subject,
                    description,
                })
                .collect(),
            retry_after: wire::duration(retry_after.as_ref()),
        }
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let info = status.get_details_error_info();
        let reason = info
            .as_ref()
            .and_then(|info| ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason)));
        Self {
            reason: reason.unwrap_or(ErrorReason::Unspecified),
            code: status.code(),
            message: status.message().to_owned(),
            metadata: info.map(|info| info.metadata.into_iter().collect()).unwrap_or_default(),
            violations: status
                .get_details_bad_request()
                .into_iter()
                .flat_map(|request| request.field_violations)
                .map(|one| Violation { field: one.field, description: one.description })
                .collect(),
            preconditions: status
                .get_details_precondition_failure()
                .into_iter()
                .flat_map(|failure| failure.violations)
                .map(|one| Precondition {
                    kind: one.r#type,
                    subject: one.subject,
                    description: one.description,
                })
                .collect(),
            retry_after: status.get_details_retry_info().and_then(|info| info.retry_delay),
        }
    }
}

#[cfg(test)]
mod tests;
