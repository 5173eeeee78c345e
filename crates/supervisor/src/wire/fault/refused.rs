//! What the engine, the journal, the desk and the token's verifier say, as refusals.

use std::time::Duration;

use belay_api::v1::ErrorReason;
use belay_connect::DeskError;
use belay_domain::{ReasonCode, Rejection};
use belay_journal::{AppendError, ReadError, SearchError};
use belay_transport::person::Unbelieved;

use super::Fault;
use crate::engine::Refused;

/// How long it usually takes to compare what a few systems show.
const COMPARED_SOON: Duration = Duration::from_millis(250);

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        match refused {
            Refused::Rejected(rejection) => rejection.into(),
            Refused::Claimed { kind, holder } => Self::new(ErrorReason::AlreadyOpen, message)
                .with("kind", kind)
                .with("case_id", holder),
            Refused::KeyReused => Self::new(ErrorReason::KeyReused, message),
            Refused::Overloaded | Refused::Contended => Self::new(ErrorReason::Overloaded, message),
            Refused::Draining => Self::new(ErrorReason::Draining, message),
            Refused::Unreadable(cause) => unreadable(&cause),
            Refused::Unwritable(AppendError::Full { .. }) => {
                Self::new(ErrorReason::Overloaded, message)
            }
            Refused::Unwritable(AppendError::DiskFull { .. }) => disk_full(),
            Refused::Unwritable(AppendError::Closed) => Self::new(ErrorReason::Draining, message),
            Refused::Unwritable(cause @ (AppendError::Invalid(_) | AppendError::Conflict(_))) => {
                Self::internal("the journal did not accept what was decided", &cause)
            }
            // The log has the cause already, from the engine, and callers can do nothing with it.
            Refused::Unwritable(AppendError::Failed(_)) => {
                Self::new(ErrorReason::JournalUnavailable, message)
            }
            Refused::Damaged(cause) => {
                Self::internal("the history of a case cannot be read", cause.as_ref())
            }
        }
    }
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        let name = format!("ERROR_REASON_{}", rejection.code());
        // The tests hold every rejection against the contract, so this never falls back.
        let reason = ErrorReason::from_str_name(&name).unwrap_or(ErrorReason::Internal);
        let fault = Self::new(reason, rejection.to_string());
        match rejection {
            Rejection::EmptyPlan { policy } => {
                let remedy = "add a step to the policy and reload the playbook";
                fault.with("policy", policy.clone()).first(policy, remedy)
            }
            Rejection::TooLong { field, most } => {
                fault.with("field", field).with("most", most.to_string())
            }
            Rejection::TooMany { what, most } => {
                fault.with("what", what).with("most", most.to_string())
            }
            Rejection::NotOwner { agent } | Rejection::NotExecutor { agent } => {
                fault.with("agent_id", agent.as_str())
            }
            Rejection::StaleEpoch { given, current } => {
                fault.with("epoch", current.to_string()).with("given", given.to_string())
            }
            Rejection::NoSuchOffer { handoff } | Rejection::NotOffered { handoff } => {
                fault.with("handoff_id", handoff.as_str())
            }
            Rejection::ContextMismatch { given, current } => {
                fault.with("given", given.to_string()).with("context_digest", current.to_string())
            }
            Rejection::UnknownAction { action } => fault.with("action_id", action.as_str()),
            Rejection::ProposalReused { proposal } => fault.with("proposal_id", proposal.as_str()),
            Rejection::WrongStage { action, stage }
            | Rejection::StaleApproval { action, stage } => {
                fault.with("action_id", action.as_str()).with("stage", stage)
            }
            Rejection::StaleRevision { given, current }
            | Rejection::StaleAttempt { given, current } => {
                fault.with("given", given.to_string()).with("current", current.to_string())
            }
            Rejection::WrongPermit { permit }
            | Rejection::PermitUsed { permit }
            | Rejection::PermitExpired { permit } => fault.with("permit_id", permit.as_str()),
            Rejection::NotAnApprover { person }
            | Rejection::Involved { person }
            | Rejection::AlreadyVoted { person } => fault.with("person", person.as_str()),
            Rejection::UnknownReason { code, known } => {
                fault.with("reason_code", code.as_str()).with("known", listed(&known))
            }
            Rejection::ReasonMissing { known } => fault.with("known", listed(&known)),
            Rejection::AlreadyAsked { person } => fault.with("person", person.as_str()),
            Rejection::UnknownQuestion { action, question }
            | Rejection::AlreadyAnswered { action, question } => {
                fault.with("action_id", action.as_str()).with("question", question.to_string())
            }
            Rejection::NotAsked { by } => fault.with("by", by),
            Rejection::HandedOver { person: from, to }
            | Rejection::DelegationCircle { from, to }
            | Rejection::DelegationTooDeep { from, to } => {
                fault.with("from", from.as_str()).with("to", to.as_str())
            }
            Rejection::UnknownPlan { plan } | Rejection::PlanClosed { plan } => {
                fault.with("plan", plan.as_str())
            }
            Rejection::Unsettled { actions } => actions.iter().fold(fault, |fault, action| {
                fault.first(action.as_str(), "wait until it is settled, or have people settle it")
            }),
            // Reading takes a moment, and whoever waits for it need do nothing else.
            Rejection::NotCompared { plan } => {
                fault.with("plan", plan.as_str()).again_after(COMPARED_SOON)
            }
            Rejection::CaseMerged { into } | Rejection::MergeUnderWay { into } => {
                fault.with("into_case_id", into.as_str())
            }
            Rejection::NotSameMatter { other } => fault.with("other_case_id", other.as_str()),
            Rejection::UnknownCase
            | Rejection::Standing { .. }
            | Rejection::ReportedMeanwhile
            | Rejection::AlreadyOpen
            | Rejection::CaseClosed
            | Rejection::LeaseOver
            | Rejection::NotRouting
            | Rejection::HandoffUnderWay
            | Rejection::EscalationUnderWay
            | Rejection::WrongKey
            | Rejection::InputMismatch
            | Rejection::ApprovalMismatch
            | Rejection::StaleStep => fault,
        }
    }
}

/// The codes that may be given, for programs.
fn listed(codes: &[ReasonCode]) -> String {
    codes.iter().map(ReasonCode::as_str).collect::<Vec<_>>().join(",")
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        unreadable(&error)
    }
}

impl From<SearchError> for Fault {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::BadToken => {
                Self::new(ErrorReason::BadPageToken, SearchError::BadToken.to_string())
            }
            SearchError::Read(error) => error.into(),
        }
    }
}

/// Callers hear what is wrong and need not hear where: paths are for the operator, who finds them in the log.
fn disk_full() -> Fault {
    let what = "the supervisor's disk is full, so nothing new is accepted and nothing was changed";
    Fault::new(ErrorReason::DiskFull, what)
        .first("disk", "have the operator free some space; no restart is needed")
}

fn unreadable(error: &ReadError) -> Fault {
    match error {
        ReadError::Busy => Fault::new(ErrorReason::Overloaded, error.to_string()),
        ReadError::Closed => Fault::new(ErrorReason::Draining, error.to_string()),
        ReadError::Damaged(_) | ReadError::Store(_) => {
            Fault::internal("the journal could not be read", error)
        }
    }
}

impl From<Unbelieved> for Fault {
    fn from(unbelieved: Unbelieved) -> Self {
        Self::new(ErrorReason::UnknownIdentity, unbelieved.to_string())
    }
}

impl From<DeskError> for Fault {
    fn from(error: DeskError) -> Self {
        let message = error.to_string();
        let fault = |reason| Self::new(reason, message.clone());
        match &error {
            DeskError::NoTicket { ticket } => {
                fault(ErrorReason::UnknownTicket).with("ticket_id", ticket.as_str())
            }
            DeskError::NoQueue { queue } => {
                fault(ErrorReason::UnknownQueue).with("queue", queue.as_str())
            }
            DeskError::QueueDisabled { queue } => {
                let remedy = "have an operator enable the queue in the playbook";
                fault(ErrorReason::QueueDisabled).first(queue.as_str(), remedy)
            }
            DeskError::NotStaff { person, .. }
            | DeskError::NotOnDesk { person }
            | DeskError::AccountDisabled { person }
            | DeskError::MayNotTake { person, .. } => {
                fault(ErrorReason::NotOnStaff).with("person", person.as_str())
            }
            DeskError::OffShift { person } => {
                fault(ErrorReason::OffShift).first(person.as_str(), "start the shift")
            }
            DeskError::HeldBy { ticket, holder } => fault(ErrorReason::TicketTaken)
                .with("holder", holder.as_str())
                .first(ticket.as_str(), "its holder has to give it back"),
            DeskError::NotHolder { ticket, .. } => {
                fault(ErrorReason::NotHolder).first(ticket.as_str(), "take the ticket")
            }
            DeskError::Closed { ticket } => {
                fault(ErrorReason::TicketClosed).with("ticket_id", ticket.as_str())
            }
            DeskError::UnknownCode { code, .. } => {
                fault(ErrorReason::UnknownResolution).with("resolution_code", code.as_str())
            }
            DeskError::EmptyText | DeskError::TextTooLong { .. } => Self::field("note", message),
            DeskError::Busy => {
                fault(ErrorReason::Overloaded).again_after(Duration::from_millis(200))
            }
            DeskError::Stopped => fault(ErrorReason::Draining),
            full if full.is_disk_full() => disk_full(),
            _ => Self::internal("the desk failed", &error),
        }
    }
}
