//! Why something was refused, in one form for both roads: a `google.rpc.Status` for calls, and an `Error` on the
//! streams of agents. The one place that knows which status belongs to which reason.

mod refused;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use belay_api::v1::{self, ErrorReason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every `google.rpc.ErrorInfo` of ours.
pub(crate) const DOMAIN: &str = "belay";

/// When to come again after too much was asked at once. What waits has been worked off by then.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// A refusal, complete with everything that the one who gets it can act on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault(Box<Parts>);

#[derive(Clone, Debug, PartialEq)]
struct Parts {
    reason: ErrorReason,
    message: String,
    metadata: BTreeMap<String, String>,
    fields: Vec<(String, String)>,
    preconditions: Vec<Precondition>,
    retry_after: Option<Duration>,
}

/// Something that has to happen first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Precondition {
    subject: String,
    description: String,
}

impl Fault {
    /// A refusal for this reason. The message is for people: what is wrong and what to do.
    pub(crate) fn new(reason: ErrorReason, message: impl Into<String>) -> Self {
        let retry_after = match reason {
            ErrorReason::Overloaded
            | ErrorReason::Draining
            | ErrorReason::JournalUnavailable
            | ErrorReason::DiskFull => Some(COME_AGAIN),
            _ => None,
        };
        Self(Box::new(Parts {
            reason,
            message: message.into(),
            metadata: BTreeMap::new(),
            fields: Vec::new(),
            preconditions: Vec::new(),
            retry_after,
        }))
    }

    /// Our fault. The cause goes to the log under a reference, and the caller gets the reference.
    pub(crate) fn internal(what: &str, cause: &(dyn std::error::Error + 'static)) -> Self {
        let reference = uuid::Uuid::now_v7();
        tracing::error!(%reference, cause, "{what}");
        Self::new(ErrorReason::Internal, format!("internal error; see {reference} in the log"))
            .with("reference", reference.to_string())
    }

    /// There is no such case for this caller.
    pub(crate) fn unknown_case(case: &str) -> Self {
        Self::new(ErrorReason::UnknownCase, format!("there is no case {case}"))
            .with("case_id", case)
    }

    /// One field is wrong.
    pub(crate) fn field(field: &str, description: impl Into<String>) -> Self {
        Self::fields(ErrorReason::InvalidField, vec![(field.to_owned(), description.into())])
    }

    /// These fields are wrong.
    pub(crate) fn fields(reason: ErrorReason, fields: Vec<(String, String)>) -> Self {
        let said: Vec<String> =
            fields.iter().map(|(field, what)| format!("{field}: {what}")).collect();
        let mut fault = Self::new(reason, said.join("; "));
        fault.0.fields = fields;
        fault
    }

    /// Adds an id that it is about.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// Adds something that has to happen first.
    pub(crate) fn first(
        mut self,
        subject: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        let (subject, description) = (subject.into(), description.into());
        self.0.preconditions.push(Precondition { subject, description });
        self
    }

    /// The same may succeed later without any change.
    pub(crate) fn again_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The stable reason.
    pub(crate) fn reason(&self) -> ErrorReason {
        self.0.reason
    }

    /// The status that belongs to the reason.
    pub(crate) fn code(&self) -> Code {
        code_of(self.0.reason)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let code = fault.code();
        let Parts { reason, message, metadata, fields, preconditions, retry_after } = *fault.0;
        let mut details = ErrorDetails::new();
        let metadata: HashMap<String, String> = metadata.into_iter().collect();
        details.set_error_info(name_of(reason), DOMAIN, metadata);
        for (field, description) in fields {
            details.add_bad_request_violation(field, description);
        }
        for Precondition { subject, description } in preconditions {
            details.add_precondition_failure_violation(name_of(reason), subject, description);
        }
        if retry_after.is_some() {
            details.set_retry_info(retry_after);
        }
        Self::with_error_details(code, message, details)
    }
}

impl From<Fault> for v1::Error {
    fn from(fault: Fault) -> Self {
        let code = fault.code();
        let Parts { reason, message, metadata, fields, preconditions, retry_after } = *fault.0;
        let violation = |Precondition { subject, description }| v1::PreconditionViolation {
            r#type: name_of(reason).to_owned(),
            subject,
            description,
        };
        Self {
            code: code as i32,
            message,
            reason: reason as i32,
            metadata: metadata.into_iter().collect(),
            field_violations: fields
                .into_iter()
                .map(|(field, description)| v1::FieldViolation { field, description })
                .collect(),
            precondition_violations: preconditions.into_iter().map(violation).collect(),
            retry_after: retry_after.and_then(|wait| wait.try_into().ok()),
        }
    }
}

/// The reason's name as `google.rpc.ErrorInfo` carries it.
pub(crate) fn name_of(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// The status that belongs to a reason, as the contract says.
fn code_of(reason: ErrorReason) -> Code {
    use ErrorReason as R;
    match reason {
        R::InvalidField
        | R::TooLong
        | R::BadPageToken
        | R::UnknownResolution
        | R::UnknownReason
        | R::ReasonMissing
        | R::NotJson
        | R::DuplicateKey
        | R::NumberTooLarge
        | R::TooDeep => Code::InvalidArgument,
        R::UnknownPosition => Code::OutOfRange,
        R::UnknownIdentity => Code::Unauthenticated,
        R::NotAllowed
        | R::WrongTenant
        | R::UnknownAgent
        | R::NotOffered
        | R::WrongKey
        | R::NotExecutor
        | R::NotAnApprover
        | R::Involved
        | R::NotAsked
        | R::NotOnStaff => Code::PermissionDenied,
        R::UnknownCase
        | R::UnknownAction
        | R::UnknownApproval
        | R::UnknownQuestion
        | R::UnknownEscalation
        | R::UnknownPlan
        | R::UnknownRole
        | R::UnknownQueue
        | R::UnknownTicket => Code::NotFound,
        R::KeyReused | R::ProposalReused | R::AlreadyOpen => Code::AlreadyExists,
        R::NotOwner
        | R::StaleEpoch
        | R::LeaseOver
        | R::CaseClosed
        | R::CaseMerged
        | R::NotSameMatter
        | R::MergeUnderWay
        | R::CaseStands
        | R::UnsettledActions
        | R::NotCompared
        | R::NoSuchOffer
        | R::ContextDigestMismatch
        | R::HandoffUnderWay
        | R::EscalationUnderWay
        | R::EmptyPlan
        | R::WrongStage
        | R::StaleAttempt
        | R::WrongPermit
        | R::PermitUsed
        | R::PermitExpired
        | R::InputDigestMismatch
        | R::PlanClosed
        | R::ApprovalDigestMismatch
        | R::AlreadyVoted
        | R::StaleApproval
        | R::AlreadyAsked
        | R::AlreadyAnswered
        | R::HandedOver
        | R::DelegationCircle
        | R::DelegationTooDeep
        | R::NotHolder
        | R::TicketTaken
        | R::TicketClosed
        | R::OffShift
        | R::QueueDisabled
        | R::PlaybookInvalid
        | R::OutOfOrder => Code::FailedPrecondition,
        R::TooMany | R::Overloaded | R::TooLarge | R::DiskFull => Code::ResourceExhausted,
        R::NotRouting
        | R::StaleStep
        | R::StaleRevision
        | R::ReportedMeanwhile
        | R::SessionReplaced
        | R::TooSlow => Code::Aborted,
        R::Draining | R::JournalUnavailable => Code::Unavailable,
        R::TooLate => Code::DeadlineExceeded,
        R::Internal => Code::Internal,
        R::Unspecified => Code::Unknown,
    }
}

#[cfg(test)]
mod tests;
