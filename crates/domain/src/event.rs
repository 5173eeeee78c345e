//! What has happened to a case. Events are what the journal holds; everything Belay believes is a fold over
//! them.
//!
//! An event is written once and read for ever: variants and fields are added, never renamed or removed, and a
//! new field has a default that means what its absence meant (`JRN-4`).

use serde::{Deserialize, Serialize};

use crate::{
    ActionId, AgentId, Approval, CaseId, CaseTerms, Compared, Contact, ContextEntry, ContractId,
    Correlation, Decision, Delegation, Digest, Doubt, Drifted, Epoch, Equality, EscalationId,
    EscalationPlan, Evidence, FailureClaim, HandoffId, Identification, Owner, PermitGrant,
    PermitId, PersonId, PlanId, ProposalId, Provenance, Purpose, Question, ReadBack, Reason,
    ReasonCode, Reply, Reported, RequestId, ResolutionCode, Routing, Said, Severity, Span, Step,
    TenantId, TicketId, Timestamp, Verdict, Vote,
};

/// Something that happened, and when the supervisor decided that it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields bear the names that the domain defines for them")]
pub enum EventKind {
    /// A case was opened.
    CaseOpened {
        tenant: TenantId,
        request: RequestId,
        subject: String,
        kind: String,
        customer: String,
        channel: String,
        fingerprint: Option<Digest>,
        labels: Vec<(String, String)>,
        by: String,
        terms: Box<CaseTerms>,
    },
    /// The same matter was reported again.
    ContactLinked { request: RequestId, channel: String },
    /// Something became known. `digest` covers all context up to and with this.
    ContextAdded { entry: ContextEntry, digest: Digest },
    /// It was looked for in the systems of record whom the case is about. Identified or not, this is what is known now.
    IdentityRecorded { identification: Box<Identification> },
    /// The case was renamed, reweighed or relabelled.
    CaseAmended {
        subject: Option<String>,
        severity: Option<Severity>,
        labels: Option<Vec<(String, String)>>,
    },

    /// It became known by what the matter is recognised. From now on, reports with this fingerprint come here.
    MatterRecognised { fingerprint: Digest },
    /// Another open case is the same matter: by this fingerprint, or because a person says so.
    MatterShared {
        with: CaseId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PersonId>,
    },
    /// The other case of the matter is over.
    MatterParted { with: CaseId, why: String },
    /// A person said that another case is another matter. The two are never merged.
    MatterToldApart { from: CaseId, by: PersonId, note: String },
    /// The case is to be merged into another. Until it is, it is as open as before, with its own coverage.
    MergeProposed { into: CaseId },
    /// It is not merged after all.
    MergeEnded { into: CaseId, why: String },
    /// Everything that was reported to another case is known here now; the entries of its context come just before this.
    CaseAbsorbed {
        from: CaseId,
        /// What had been reported to it.
        reported: Reported,
        /// Its reports that were not known here.
        contacts: Vec<Contact>,
        /// Its fingerprint, where new reports with it come here from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uncovered_since: Option<Timestamp>,
    },
    /// The people of a ticket were told on it what the case took over.
    MergeNoted { from: CaseId, correlation: Correlation },
    /// The agent that holds the case has shown that it has so many entries of its context.
    ContextSeen { agent: AgentId, entries: usize },
    /// Whoever has to know what was taken over from a case does.
    AbsorptionTold { from: CaseId },
    /// The case is over: it is the same matter as another one, which has everything that was reported here.
    CaseMerged { into: CaseId, reported: Reported },

    /// A fitting agent is being looked for.
    RoutingStarted { routing: Routing },
    /// The search ended without a taker.
    RoutingEnded { why: String },
    /// An agent was offered the case.
    HandoffOffered { handoff: HandoffId, to: AgentId, context: Digest, until: Timestamp },
    /// It did not take it.
    HandoffDeclined { handoff: HandoffId, reason: String },
    /// It did not answer in time.
    HandoffLapsed { handoff: HandoffId },
    /// It took it: the owner changes, in this one event (`OWN-4`).
    HandoffAccepted {
        handoff: HandoffId,
        from: Owner,
        agent: AgentId,
        key: Digest,
        context: Digest,
        epoch: Epoch,
        lease_until: Timestamp,
    },
    /// The owner showed progress.
    LeaseRenewed { key: Digest, lease_until: Timestamp },
    /// The owner showed no progress for too long; the supervisor owns the case again.
    LeaseExpired { agent: AgentId, epoch: Epoch },
    /// The owner let go; the supervisor owns the case again.
    CaseReleased { agent: AgentId, epoch: Epoch, reason: String },
    /// A person took it out of its agent's hands; the supervisor owns the case until somebody is seen to have it.
    CaseTakenOver { by: PersonId, epoch: Epoch, reason: String },

    /// An action was proposed.
    ActionProposed {
        action: ActionId,
        proposal: ProposalId,
        proposer: AgentId,
        epoch: Epoch,
        contract: ContractId,
        input: String,
        provenance: Vec<(String, Provenance)>,
        plan: Option<PlanId>,
        justification: String,
        until: Timestamp,
    },
    /// The playbook answered.
    ActionAssessed { action: ActionId, verdict: Box<Verdict> },
    /// It was turned down.
    ActionDenied { action: ActionId, reasons: Vec<Reason> },
    /// It would have been allowed, and its contract does not write.
    ActionShadowed { action: ActionId },
    /// What its contract did not write was looked for at the target all the same, once the matter was over or its time
    /// had passed: whether people did it otherwise (`before` says whether it stood there before, where anybody looked).
    ActionCompared {
        action: ActionId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<bool>,
        shown: ReadBack,
    },
    /// People are asked about it.
    ApprovalRequested { action: ActionId, approval: Box<Approval> },
    /// One person approved.
    ApprovalGiven { action: ActionId, vote: Vote },
    /// A reviewer wants to know something before they decide. The deadline runs on.
    ApprovalAsked { action: ActionId, question: Question },
    /// They were told something.
    ApprovalAnswered { action: ActionId, question: u32, reply: Reply },
    /// A reviewer named somebody who is to look instead of themselves.
    ApprovalDelegated { action: ActionId, delegation: Delegation },
    /// The approval ended.
    ApprovalEnded {
        action: ActionId,
        decision: Decision,
        by: Option<PersonId>,
        /// Why, in a word of the taxonomy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<ReasonCode>,
        note: String,
        /// Where they said it, if it was on a ticket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<Said>,
    },
    /// Somebody wrote a decision on the ticket that does not count.
    StatementRefused {
        action: ActionId,
        said: Said,
        why: String,
        /// Whether they are to be told so on the ticket.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        answer: bool,
    },
    /// Whoever wrote it was told on the ticket why it does not count.
    StatementAnswered { action: ActionId, correlation: Correlation, statement: String },
    /// A person changed the input; it is assessed again.
    ActionAmended { action: ActionId, input: String, by: PersonId, until: Timestamp },
    /// It may be carried out.
    ActionAuthorized { action: ActionId, permit: PermitGrant },
    /// Its permit ran out unused.
    PermitExpired { action: ActionId, permit: PermitId },
    /// It is being carried out; written before the first byte leaves (`IDM-2`), and consumes the permit
    /// (`PRM-1`).
    ActionDispatched { action: ActionId, attempt: u32, permit: Option<PermitId>, until: Timestamp },
    /// The target said yes.
    ActionExecuted {
        action: ActionId,
        attempt: u32,
        output: String,
        settle_until: Timestamp,
        verify_until: Timestamp,
    },
    /// Nobody knows how it went, or a failure is claimed that has not been checked.
    ActionUnknown {
        action: ActionId,
        attempt: u32,
        claim: FailureClaim,
        reason: String,
        settle_until: Timestamp,
        verify_until: Timestamp,
    },
    /// An outcome could not be found out in time, and people are told.
    ActionUnresolved { action: ActionId, detail: String },
    /// It took no effect and is tried again.
    ActionRetried {
        action: ActionId,
        /// Not `at` on disk, which is when the event happened.
        #[serde(rename = "due")]
        at: Timestamp,
        reason: String,
    },
    /// It took no effect.
    ActionFailed { action: ActionId, reason: String },
    /// A read-back showed what the contract promises.
    ActionVerified { action: ActionId, shown: String },
    /// A read-back showed something else.
    ActionDiverged { action: ActionId, difference: String },
    /// Its ground is gone before it was dispatched.
    ActionWithdrawn { action: ActionId, why: String },
    /// It is being undone; written before the first byte leaves.
    CompensationStarted {
        action: ActionId,
        attempt: u32,
        /// Not `at` on disk, which is when the event happened.
        #[serde(rename = "due")]
        at: Timestamp,
        why: String,
    },
    /// It is undone.
    ActionCompensated { action: ActionId },
    /// It could not be undone.
    CompensationFailed { action: ActionId, reason: String },
    /// The agent has proposed all actions of a plan.
    PlanCompleted {
        plan: PlanId,
        /// What its systems have to agree about after it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        equalities: Vec<Equality>,
    },
    /// Every action of a plan is verified; whether the systems agree is being read.
    PlanComparing { plan: PlanId, until: Timestamp },
    /// What was read settles whether they do.
    PlanCompared { plan: PlanId, compared: Vec<Compared> },
    /// Whether they do could not be found out in time, and people are told.
    PlanUncompared { plan: PlanId, detail: String },
    /// Every action of a plan is verified, and the systems agree where they have to.
    PlanVerified { plan: PlanId },
    /// A plan failed; what was done is being undone.
    PlanUndoing { plan: PlanId, why: String },
    /// Everything that was done is undone.
    PlanUndone { plan: PlanId },
    /// Something can be neither finished nor undone.
    PlanStuck { plan: PlanId, why: String },

    /// People are asked.
    EscalationOpened { escalation: EscalationId, purpose: Purpose, plan: Box<EscalationPlan> },
    /// There is one more reason for asking.
    EscalationWidened { escalation: EscalationId, purpose: Purpose },
    /// A step begins.
    StepStarted { escalation: EscalationId, step: Step, until: Timestamp },
    /// A step is passed over, being outside its hours.
    StepSkipped { escalation: EscalationId, step: Step, why: String },
    /// A step waits for its hours to begin. Nobody is asked meanwhile.
    StepDeferred { escalation: EscalationId, step: Step, why: String, until: Timestamp },
    /// The queue's system accepted the ticket (E1).
    TicketPlaced { escalation: EscalationId, ticket: TicketId, until: Timestamp },
    /// The system has a ticket of a step that was given up meanwhile; its people are told.
    TicketOrphaned { escalation: EscalationId, step: Step, ticket: TicketId },
    /// A read showed the ticket (E2).
    TicketSeen { escalation: EscalationId, evidence: Evidence, until: Timestamp },
    /// Somebody can take it (E3).
    TicketRouted { escalation: EscalationId, evidence: Evidence, until: Timestamp },
    /// A person took it (E4 or more). For a takeover the owner changes in this one event.
    EscalationAcknowledged {
        escalation: EscalationId,
        by: PersonId,
        evidence: Evidence,
        work_until: Option<Timestamp>,
        epoch: Option<Epoch>,
    },
    /// A later look still shows it.
    EvidenceRenewed {
        escalation: EscalationId,
        evidence: Evidence,
        work_until: Option<Timestamp>,
        worked: bool,
    },
    /// Looks at a held ticket fail since then; what was shown before stands until it is too old. Said once, until a
    /// look succeeds again.
    TicketUnread { escalation: EscalationId, detail: String },
    /// Something on the ticket was changed by hand, or changed back. It stays as people want it.
    TicketDrifted {
        escalation: EscalationId,
        ticket: TicketId,
        field: Drifted,
        was: String,
        now: String,
    },
    /// A later look no longer shows it. For a takeover the supervisor owns the case again.
    EscalationLapsed { escalation: EscalationId, doubt: Doubt, epoch: Option<Epoch> },
    /// A step was in vain.
    StepFailed { escalation: EscalationId, reason: String },
    /// Every step was in vain.
    EscalationExhausted { escalation: EscalationId, retry_at: Timestamp },
    /// A person resolved it (E6).
    EscalationResolved {
        escalation: EscalationId,
        by: PersonId,
        code: ResolutionCode,
        note: String,
        evidence: Evidence,
        /// What they left with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        links: Vec<String>,
    },
    /// A person's resolution returns the case to agents; the supervisor owns it meanwhile.
    CaseReturned { escalation: EscalationId, epoch: Epoch },
    /// It is no longer needed.
    EscalationClosed { escalation: EscalationId, why: String },
    /// The people of a given-up step have been told.
    TicketWithdrawn { escalation: EscalationId, correlation: Correlation, ticket: TicketId },

    /// Nobody holds the case and nobody is being asked: the alarm (`COV-9`).
    CoverageRaised { since: Timestamp, reason: String },
    /// The alarm is over.
    CoverageLowered { uncovered_for: Span },

    /// The case is done.
    CaseResolved { by: String, code: ResolutionCode, note: String },
}

impl EventKind {
    /// The event's stable name, as the journal and the API show it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        macro_rules! names {
            ($($variant:ident = $name:literal,)*) => {
                match self { $(Self::$variant { .. } => $name,)* }
            };
        }
        names! {
            CaseOpened = "case_opened",
            ContactLinked = "contact_linked",
            ContextAdded = "context_added",
            IdentityRecorded = "identity_recorded",
            CaseAmended = "case_amended",
            MatterRecognised = "matter_recognised",
            MatterShared = "matter_shared",
            MatterParted = "matter_parted",
            MatterToldApart = "matter_told_apart",
            MergeProposed = "merge_proposed",
            MergeEnded = "merge_ended",
            CaseAbsorbed = "case_absorbed",
            MergeNoted = "merge_noted",
            ContextSeen = "context_seen",
            AbsorptionTold = "absorption_told",
            CaseMerged = "case_merged",
            RoutingStarted = "routing_started",
            RoutingEnded = "routing_ended",
            HandoffOffered = "handoff_offered",
            HandoffDeclined = "handoff_declined",
            HandoffLapsed = "handoff_lapsed",
            HandoffAccepted = "handoff_accepted",
            LeaseRenewed = "lease_renewed",
            LeaseExpired = "lease_expired",
            CaseReleased = "case_released",
            CaseTakenOver = "case_taken_over",
            ActionProposed = "action_proposed",
            ActionAssessed = "action_assessed",
            ActionDenied = "action_denied",
            ActionShadowed = "action_shadowed",
            ActionCompared = "action_compared",
            ApprovalRequested = "approval_requested",
            ApprovalGiven = "approval_given",
            ApprovalAsked = "approval_asked",
            ApprovalAnswered = "approval_answered",
            ApprovalDelegated = "approval_delegated",
            ApprovalEnded = "approval_ended",
            StatementRefused = "statement_refused",
            StatementAnswered = "statement_answered",
            ActionAmended = "action_amended",
            ActionAuthorized = "action_authorized",
            PermitExpired = "permit_expired",
            ActionDispatched = "action_dispatched",
            ActionExecuted = "action_executed",
            ActionUnknown = "action_unknown",
            ActionUnresolved = "action_unresolved",
            ActionRetried = "action_retried",
            ActionFailed = "action_failed",
            ActionVerified = "action_verified",
            ActionDiverged = "action_diverged",
            ActionWithdrawn = "action_withdrawn",
            CompensationStarted = "compensation_started",
            ActionCompensated = "action_compensated",
            CompensationFailed = "compensation_failed",
            PlanCompleted = "plan_completed",
            PlanComparing = "plan_comparing",
            PlanCompared = "plan_compared",
            PlanUncompared = "plan_uncompared",
            PlanVerified = "plan_verified",
            PlanUndoing = "plan_undoing",
            PlanUndone = "plan_undone",
            PlanStuck = "plan_stuck",
            EscalationOpened = "escalation_opened",
            EscalationWidened = "escalation_widened",
            StepStarted = "step_started",
            StepSkipped = "step_skipped",
            StepDeferred = "step_deferred",
            TicketPlaced = "ticket_placed",
            TicketOrphaned = "ticket_orphaned",
            TicketSeen = "ticket_seen",
            TicketRouted = "ticket_routed",
            EscalationAcknowledged = "escalation_acknowledged",
            EvidenceRenewed = "evidence_renewed",
            TicketUnread = "ticket_unread",
            TicketDrifted = "ticket_drifted",
            EscalationLapsed = "escalation_lapsed",
            StepFailed = "step_failed",
            EscalationExhausted = "escalation_exhausted",
            EscalationResolved = "escalation_resolved",
            CaseReturned = "case_returned",
            EscalationClosed = "escalation_closed",
            TicketWithdrawn = "ticket_withdrawn",
            CoverageRaised = "coverage_raised",
            CoverageLowered = "coverage_lowered",
            CaseResolved = "case_resolved",
        }
    }
}
