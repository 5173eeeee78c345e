//! Why a command is turned down. Nothing changed, and the text is fit to show the caller.

use crate::{
    ActionId, AgentId, CaseId, Digest, Epoch, HandoffId, PermitId, PersonId, PlanId, ProposalId,
    ReasonCode,
};

/// Why a command is turned down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Rejection {
    #[error("there is no such case")]
    UnknownCase,
    #[error("the case has already been opened")]
    AlreadyOpen,
    #[error("the case is resolved; open a new one or reopen the matter with its fingerprint")]
    CaseClosed,
    #[error("the case was merged into {into}; ask for that one")]
    CaseMerged { into: CaseId },
    #[error("{other} is not known to be the same matter; say that it is, or merge the two by hand")]
    NotSameMatter { other: CaseId },
    #[error("the case is being merged into {into} already; wait for that")]
    MergeUnderWay { into: CaseId },
    #[error("it cannot be merged now: {why}")]
    Standing { why: String },
    #[error("more was reported to the case meanwhile; take that over first")]
    ReportedMeanwhile,
    #[error("the escalation plan {policy} has no step")]
    EmptyPlan { policy: String },
    #[error("the text of {field} is longer than {most} bytes")]
    TooLong { field: &'static str, most: usize },
    #[error("the case already has {most} {what}; resolve it or ask people to take it")]
    TooMany { what: &'static str, most: usize },

    #[error("{agent} does not own this case")]
    NotOwner { agent: AgentId },
    #[error("the epoch {given} is stale, the case is at {current}; this agent has lost the case")]
    StaleEpoch { given: Epoch, current: Epoch },
    #[error("the lease of this case has run out; wait for a new offer")]
    LeaseOver,

    #[error("no agent is being looked for")]
    NotRouting,
    #[error("the offer {handoff} is not open")]
    NoSuchOffer { handoff: HandoffId },
    #[error("the offer {handoff} was made to another agent")]
    NotOffered { handoff: HandoffId },
    #[error(
        "the context digest {given} is not that of the case, which is {current}; read the context again"
    )]
    ContextMismatch { given: Digest, current: Digest },
    #[error("a handoff of this case is already under way")]
    HandoffUnderWay,
    #[error("people are already being asked to take this case")]
    EscalationUnderWay,

    #[error("there is no action {action} on this case")]
    UnknownAction { action: ActionId },
    #[error("the proposal {proposal} has been used for another input")]
    ProposalReused { proposal: ProposalId },
    #[error("the action {action} is {stage}, which does not allow this")]
    WrongStage { action: ActionId, stage: &'static str },
    #[error("the answer is about revision {given} of the input, which is now {current}")]
    StaleRevision { given: u32, current: u32 },
    #[error("the attempt {given} is not the current one, {current}")]
    StaleAttempt { given: u32, current: u32 },
    #[error("the permit {permit} is not the one issued for this action")]
    WrongPermit { permit: PermitId },
    #[error("the permit {permit} has been used")]
    PermitUsed { permit: PermitId },
    #[error("the permit {permit} has expired")]
    PermitExpired { permit: PermitId },
    #[error("the permit is bound to another certificate")]
    WrongKey,
    #[error("the input to be sent is not the one that was decided on")]
    InputMismatch,
    #[error("{agent} does not carry out this action")]
    NotExecutor { agent: AgentId },

    #[error("what was shown to you is not what is being asked any more; look at it again")]
    ApprovalMismatch,
    #[error("{person} is in none of the groups that may decide this")]
    NotAnApprover { person: PersonId },
    #[error("{person} may not decide this, being involved in it")]
    Involved { person: PersonId },
    #[error("{person} has already approved this")]
    AlreadyVoted { person: PersonId },
    #[error("nobody is asked about {action} any more, it is {stage}; look at the case again")]
    StaleApproval { action: ActionId, stage: &'static str },
    #[error("{code} is not a reason code that may be given; {}", codes(.known))]
    UnknownReason { code: ReasonCode, known: Vec<ReasonCode> },
    #[error("a no needs a reason code; {}", codes(.known))]
    ReasonMissing { known: Vec<ReasonCode> },
    #[error("{person} has asked already and was not answered yet")]
    AlreadyAsked { person: PersonId },
    #[error("there is no question {question} about {action}")]
    UnknownQuestion { action: ActionId, question: u32 },
    #[error("the question {question} about {action} has been answered")]
    AlreadyAnswered { action: ActionId, question: u32 },
    #[error(
        "{by} was not asked: the agent that holds the case answers, or the person who opened it"
    )]
    NotAsked { by: String },
    #[error("{person} has handed this to {to}, and can only say no now")]
    HandedOver { person: PersonId, to: PersonId },
    #[error("{from} cannot hand this to {to}: it would come back to the one who handed it on")]
    DelegationCircle { from: PersonId, to: PersonId },
    #[error(
        "{from} cannot hand this to {to}: it may be handed on once, and one of them has or was"
    )]
    DelegationTooDeep { from: PersonId, to: PersonId },

    #[error("there is no plan {plan} on this case")]
    UnknownPlan { plan: PlanId },
    #[error("the plan {plan} is closed")]
    PlanClosed { plan: PlanId },
    #[error("the systems of the plan {plan} are still being compared; try again in a moment")]
    NotCompared { plan: PlanId },

    #[error("no step of this case waits for that")]
    StaleStep,
    #[error("actions of this case are not settled yet: {}", list(.actions))]
    Unsettled { actions: Vec<ActionId> },
}

impl Rejection {
    /// The rejection's stable reason, as callers of the API see it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownCase => "UNKNOWN_CASE",
            Self::AlreadyOpen => "ALREADY_OPEN",
            Self::CaseClosed => "CASE_CLOSED",
            Self::CaseMerged { .. } => "CASE_MERGED",
            Self::NotSameMatter { .. } => "NOT_SAME_MATTER",
            Self::MergeUnderWay { .. } => "MERGE_UNDER_WAY",
            Self::Standing { .. } => "CASE_STANDS",
            Self::ReportedMeanwhile => "REPORTED_MEANWHILE",
            Self::EmptyPlan { .. } => "EMPTY_PLAN",
            Self::TooLong { .. } => "TOO_LONG",
            Self::TooMany { .. } => "TOO_MANY",
            Self::NotOwner { .. } => "NOT_OWNER",
            Self::StaleEpoch { .. } => "STALE_EPOCH",
            Self::LeaseOver => "LEASE_OVER",
            Self::NotRouting => "NOT_ROUTING",
            Self::NoSuchOffer { .. } => "NO_SUCH_OFFER",
            Self::NotOffered { .. } => "NOT_OFFERED",
            Self::ContextMismatch { .. } => "CONTEXT_DIGEST_MISMATCH",
            Self::HandoffUnderWay => "HANDOFF_UNDER_WAY",
            Self::EscalationUnderWay => "ESCALATION_UNDER_WAY",
            Self::UnknownAction { .. } => "UNKNOWN_ACTION",
            Self::ProposalReused { .. } => "PROPOSAL_REUSED",
            Self::WrongStage { .. } => "WRONG_STAGE",
            Self::StaleRevision { .. } => "STALE_REVISION",
            Self::StaleAttempt { .. } => "STALE_ATTEMPT",
            Self::WrongPermit { .. } => "WRONG_PERMIT",
            Self::PermitUsed { .. } => "PERMIT_USED",
            Self::PermitExpired { .. } => "PERMIT_EXPIRED",
            Self::WrongKey => "WRONG_KEY",
            Self::InputMismatch => "INPUT_DIGEST_MISMATCH",
            Self::NotExecutor { .. } => "NOT_EXECUTOR",
            Self::ApprovalMismatch => "APPROVAL_DIGEST_MISMATCH",
            Self::NotAnApprover { .. } => "NOT_AN_APPROVER",
            Self::Involved { .. } => "INVOLVED",
            Self::AlreadyVoted { .. } => "ALREADY_VOTED",
            Self::StaleApproval { .. } => "STALE_APPROVAL",
            Self::UnknownReason { .. } => "UNKNOWN_REASON",
            Self::ReasonMissing { .. } => "REASON_MISSING",
            Self::AlreadyAsked { .. } => "ALREADY_ASKED",
            Self::UnknownQuestion { .. } => "UNKNOWN_QUESTION",
            Self::AlreadyAnswered { .. } => "ALREADY_ANSWERED",
            Self::NotAsked { .. } => "NOT_ASKED",
            Self::HandedOver { .. } => "HANDED_OVER",
            Self::DelegationCircle { .. } => "DELEGATION_CIRCLE",
            Self::DelegationTooDeep { .. } => "DELEGATION_TOO_DEEP",
            Self::UnknownPlan { .. } => "UNKNOWN_PLAN",
            Self::PlanClosed { .. } => "PLAN_CLOSED",
            Self::NotCompared { .. } => "NOT_COMPARED",
            Self::StaleStep => "STALE_STEP",
            Self::Unsettled { .. } => "UNSETTLED_ACTIONS",
        }
    }
}

fn list(actions: &[ActionId]) -> String {
    actions.iter().map(ActionId::as_str).collect::<Vec<_>>().join(", ")
}

fn codes(known: &[ReasonCode]) -> String {
    let known: Vec<&str> = known.iter().map(ReasonCode::as_str).collect();
    if known.is_empty() {
        "the playbook's taxonomy names none".to_owned()
    } else {
        format!("known are {}", known.join(", "))
    }
}
