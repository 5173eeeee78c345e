//! What can be asked of a case. Everything that happens to a case arrives as one of these: from agents, from
//! people, from the outside world, and from time itself.

use std::sync::Arc;

use crate::{
    ActionId, AgentId, CaseId, CaseTerms, Compared, Contact, ContextEntry, Correlation, Digest,
    Drifted, Epoch, Equality, EscalationPlan, GroupId, HandoffId, Identification, Outcome,
    PermitId, PersonId, PlanId, ProposalId, Provenance, ReadBack, Reading, ReasonCode, Reported,
    RequestId, ResolutionCode, Severity, Statement, Target, TenantId, TicketId, Timestamp, Verdict,
};

/// A command for one case.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Opens the case.
    Open(Box<Open>),
    /// The same matter was reported again.
    LinkContact {
        /// The later request.
        request: RequestId,
        /// Through which channel.
        channel: String,
        /// What it says. A report that is linked loses nothing that it would have brought to a case of its own.
        context: Vec<NewEntry>,
        /// How much it matters, if that was said: the matter is as urgent as its most urgent report.
        severity: Option<Severity>,
    },
    /// Adds to what is known.
    AddContext {
        /// What is added.
        entries: Vec<NewEntry>,
        /// Who adds it; an agent must own the case.
        by: Actor,
    },
    /// A search in the systems of record came out so.
    RecordIdentity {
        /// Who asked for it; an agent must own the case.
        by: Actor,
        /// What it found out.
        identification: Box<Identification>,
    },
    /// Changes what the case is called or how much it matters. Absent fields stay.
    Amend {
        /// The new subject.
        subject: Option<String>,
        /// The new severity.
        severity: Option<Severity>,
        /// The new labels, all of them.
        labels: Option<Vec<(String, String)>>,
    },

    /// A fitting agent was found.
    Offer {
        /// The agent.
        to: AgentId,
    },
    /// Every fitting agent that is connected has been tried.
    NoCandidate,
    /// An agent takes the case it was offered.
    Accept {
        /// The agent.
        agent: AgentId,
        /// The SHA-256 thumbprint of its certificate.
        key: Digest,
        /// Which offer.
        handoff: HandoffId,
        /// The digest of the context it received.
        context: Digest,
    },
    /// An agent does not take the case it was offered.
    Decline {
        /// The agent.
        agent: AgentId,
        /// Which offer.
        handoff: HandoffId,
        /// Why not.
        reason: String,
    },
    /// The owner shows progress on this case, which renews its lease.
    Progress {
        /// The agent.
        agent: AgentId,
        /// Its ownership.
        epoch: Epoch,
        /// The certificate it uses now.
        key: Digest,
    },
    /// The owner wants another to take the case.
    RequestHandoff {
        /// The agent.
        agent: AgentId,
        /// Its ownership.
        epoch: Epoch,
        /// To whom.
        to: Target,
        /// Why.
        reason: String,
        /// What the receiver should know.
        context: Vec<NewEntry>,
    },
    /// The owner wants people to take the case, or a person does.
    RequestEscalation {
        /// Who asks.
        by: Actor,
        /// Why.
        reason: String,
        /// How people are asked; none means the terms of the case.
        plan: Option<EscalationPlan>,
    },
    /// The owner lets go of the case.
    Release {
        /// The agent.
        agent: AgentId,
        /// Its ownership.
        epoch: Epoch,
        /// Why.
        reason: String,
    },

    /// The owner proposes an action.
    Propose(Box<Proposal>),
    /// The playbook's answer to a proposal, with preconditions read.
    Assess {
        /// The action.
        action: ActionId,
        /// Which revision of its input was assessed.
        revision: u32,
        /// The answer.
        verdict: Box<Verdict>,
    },
    /// Said before anything is done on the strength of an earlier verdict: this playbook is in force. What
    /// another one let through and has not been sent is void (`APR-5`, `PRM-3`).
    PlaybookInForce {
        /// Its version.
        playbook: Digest,
    },
    /// A person decides on an action.
    DecideApproval {
        /// The action.
        action: ActionId,
        /// The person.
        person: PersonId,
        /// The groups the person's token proves.
        groups: Vec<GroupId>,
        /// What the person saw.
        shown: Digest,
        /// What the person says.
        choice: VotesChoice,
    },
    /// Whoever proposed or reported answers what a reviewer asked.
    AnswerQuestion {
        /// The action.
        action: ActionId,
        /// Which question of its approval.
        question: u32,
        /// Who answers: the agent that owns the case, or the person who opened it.
        by: Actor,
        /// The answer.
        text: String,
    },
    /// An agent starts to carry out an action; consumes the permit.
    BeginExecution {
        /// The agent.
        agent: AgentId,
        /// The certificate it uses.
        key: Digest,
        /// Its ownership.
        epoch: Epoch,
        /// The action.
        action: ActionId,
        /// The permit.
        permit: PermitId,
        /// The input it is about to send.
        input: Digest,
    },
    /// How an attempt went.
    ReportOutcome {
        /// The agent, or none for the supervisor's own connector.
        agent: Option<AgentId>,
        /// The action.
        action: ActionId,
        /// Which attempt.
        attempt: u32,
        /// How it went.
        outcome: Outcome,
    },
    /// What a read-back of the action's effect showed.
    Verify {
        /// The action.
        action: ActionId,
        /// Which attempt was read back.
        attempt: u32,
        /// What was shown.
        shown: ReadBack,
        /// When the read was sent: an absence proves nothing before a late effect had time to show.
        sent_at: Timestamp,
    },
    /// What the target shows of an action that its contract, being in shadow, did not write. Taken once, and also
    /// after the case is resolved.
    Compare {
        /// The action.
        action: ActionId,
        /// Whether it stood there before anybody could act on the proposal; none if nobody looked in time.
        before: Option<bool>,
        /// What was shown.
        shown: ReadBack,
    },
    /// How an attempt to undo went, read back.
    ReportCompensation {
        /// The action.
        action: ActionId,
        /// Which attempt.
        attempt: u32,
        /// Done, or why not; `retry` says whether trying again can help.
        outcome: Result<(), (String, bool)>,
    },
    /// The owner has proposed all actions of a plan.
    CompletePlan {
        /// The agent.
        agent: AgentId,
        /// Its ownership.
        epoch: Epoch,
        /// The plan.
        plan: PlanId,
        /// What the playbook in force wants the systems to agree about after it.
        equalities: Vec<Equality>,
    },
    /// What the systems show of what they have to agree about after a plan.
    ReportComparison {
        /// The plan.
        plan: PlanId,
        /// What was shown, for each equality and the write that it follows.
        compared: Vec<Compared>,
        /// When the first of the reads was sent.
        sent_at: Timestamp,
    },
    /// The owner gives a plan up; what was done is undone.
    AbandonPlan {
        /// The agent.
        agent: AgentId,
        /// Its ownership.
        epoch: Epoch,
        /// The plan.
        plan: PlanId,
        /// Why.
        reason: String,
    },

    /// The human queue's system accepted the ticket.
    TicketPlaced {
        /// For which step.
        correlation: Correlation,
        /// The ticket.
        ticket: TicketId,
    },
    /// The step cannot work: the queue reaches nobody, or its system refuses for good.
    StepRefused {
        /// The step.
        correlation: Correlation,
        /// Why, for people.
        reason: String,
    },
    /// What a look at the ticket showed.
    Observe {
        /// The step whose ticket was read.
        correlation: Correlation,
        /// What was shown.
        reading: Box<Reading>,
        /// When the read was sent (`COV-3`).
        sent_at: Timestamp,
        /// How many tickets of ours its holder took within the time that the step names, this one included; 0 where
        /// nobody counted.
        together: u32,
    },
    /// What was written on the ticket of an approval, read back after it was last observed.
    Hear {
        /// The step whose ticket was read.
        correlation: Correlation,
        /// What was written, oldest first; all of it, every time.
        statements: Vec<Statement>,
        /// When the read was sent.
        sent_at: Timestamp,
    },
    /// Whoever wrote a statement that does not count has been told so on its ticket.
    Answered {
        /// The step whose ticket it was written on.
        correlation: Correlation,
        /// The statement, as the system numbers it.
        statement: String,
    },
    /// Something on the ticket of a step was found changed by hand.
    Drifted {
        /// The step.
        correlation: Correlation,
        /// Its ticket.
        ticket: TicketId,
        /// What was changed.
        field: Drifted,
        /// What it was before anybody changed it.
        was: String,
        /// What it is now.
        now: String,
    },
    /// The people of a given-up step have been told.
    Withdrawn {
        /// The step.
        correlation: Correlation,
        /// Its ticket.
        ticket: TicketId,
    },

    /// The case is done.
    Resolve {
        /// Who says so; an agent must own the case.
        by: Actor,
        /// The resolution, of the taxonomy.
        code: ResolutionCode,
        /// What was done.
        note: String,
    },
    /// It became known by what the matter is recognised.
    Recognise {
        /// The fingerprint.
        fingerprint: Digest,
    },
    /// Another open case is the same matter.
    ShareMatter {
        /// Which.
        with: CaseId,
        /// By which fingerprint that is known; none if somebody says so.
        fingerprint: Option<Digest>,
        /// Who says so; none if the playbook recognised it.
        by: Option<PersonId>,
    },
    /// The other case is over: there is nothing left to be merged with.
    Part {
        /// Which.
        with: CaseId,
        /// What became of it.
        why: String,
    },
    /// Another case is another matter, whatever the playbook says.
    TellApart {
        /// Which.
        from: CaseId,
        /// Who says so.
        by: PersonId,
        /// Why, for people.
        note: String,
    },
    /// The case is to be merged into another.
    ProposeMerge {
        /// Which.
        into: CaseId,
    },
    /// It is not merged after all.
    EndMerge {
        /// Into which it was to be.
        into: CaseId,
        /// Why not.
        why: String,
    },
    /// The case takes over what was reported to another.
    Absorb(Box<Absorb>),
    /// The people of a ticket have been told on it what was taken over.
    NoteMerge {
        /// From which case it came.
        from: CaseId,
        /// The step whose ticket it is.
        correlation: Correlation,
    },
    /// The agent that holds the case shows which context it has.
    SeeContext {
        /// The agent.
        agent: AgentId,
        /// Its ownership.
        epoch: Epoch,
        /// The digest of what it has.
        context: Digest,
    },
    /// The case is over: another one has everything that was reported to it, and its people know.
    Merge {
        /// Which.
        into: CaseId,
        /// What that one took over.
        reported: Reported,
    },
    /// Time has passed. Harmless when sent early, late, or twice.
    Tick,
}

/// How a case is opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Whose case it is.
    pub tenant: TenantId,
    /// The request that opens it.
    pub request: RequestId,
    /// What it is about, in a line.
    pub subject: String,
    /// Its kind, as the routing names it.
    pub kind: String,
    /// The customer, as the tenant knows them.
    pub customer: String,
    /// Through which channel it came.
    pub channel: String,
    /// What makes two reports the same matter, if that is known.
    pub fingerprint: Option<Digest>,
    /// Anything else to find it by.
    pub labels: Vec<(String, String)>,
    /// What is known at the start.
    pub context: Vec<NewEntry>,
    /// Who opens it.
    pub by: Actor,
    /// What the playbook says about it.
    pub terms: CaseTerms,
}

/// What a case takes over from another that is the same matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Absorb {
    /// The other case.
    pub from: CaseId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is called.
    pub subject: String,
    /// What was reported to it so far.
    pub reported: Reported,
    /// Its reports.
    pub contacts: Vec<Contact>,
    /// What is known there, all of it.
    pub context: Vec<Arc<ContextEntry>>,
    /// What was written on its behalf, line by line.
    pub writes: Vec<String>,
    /// Its fingerprint, if new reports with it come to this case from now on.
    pub fingerprint: Option<Digest>,
    /// Since when nobody has had it.
    pub uncovered_since: Option<Timestamp>,
}

/// Something new that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// What kind of thing.
    pub kind: String,
    /// The thing.
    pub body: String,
    /// Where it came from.
    pub provenance: Provenance,
}

/// Who gives a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Actor {
    /// An agent that owns the case under this epoch.
    Agent {
        /// Which.
        agent: AgentId,
        /// Its ownership.
        epoch: Epoch,
    },
    /// A person.
    Person(PersonId),
    /// A program that is no agent, such as a tool or an intake.
    Program(String),
}

/// A proposed action.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The agent.
    pub agent: AgentId,
    /// Its ownership.
    pub epoch: Epoch,
    /// The agent's own number for it.
    pub proposal: ProposalId,
    /// The contract.
    pub contract: crate::ContractId,
    /// The input, as JSON.
    pub input: String,
    /// Where each part of it comes from.
    pub provenance: Vec<(String, Provenance)>,
    /// The plan it belongs to.
    pub plan: Option<PlanId>,
    /// Why, in the agent's words.
    pub justification: String,
    /// When not having assessed it becomes a denial.
    pub assess_until: Timestamp,
    /// The playbook's answer, where no precondition has to be read first.
    pub verdict: Option<Box<Verdict>>,
}

/// What a person says about an action.
#[derive(Clone, Debug, PartialEq)]
pub enum VotesChoice {
    /// Yes.
    Approve {
        /// Why.
        note: String,
    },
    /// No.
    Reject {
        /// Why, in a word of the taxonomy.
        code: Option<ReasonCode>,
        /// Why.
        note: String,
    },
    /// Yes, but like this. Decided again from the start.
    Amend {
        /// The new input, as JSON.
        input: String,
        /// Why.
        note: String,
        /// When not having assessed it becomes a denial.
        assess_until: Timestamp,
    },
    /// Not before this is answered; the deadline runs on.
    Ask {
        /// The question, for the agent that proposed and the person who opened the case.
        question: String,
    },
    /// Somebody else should look instead of me.
    Delegate {
        /// Who. They need a right of their own.
        to: PersonId,
        /// Why.
        note: String,
    },
    /// None of that: people take the case out of the agent's hands.
    TakeOver {
        /// Why.
        note: String,
    },
}

impl Command {
    /// The command's stable name, as spans and metrics show it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::LinkContact { .. } => "link_contact",
            Self::AddContext { .. } => "add_context",
            Self::RecordIdentity { .. } => "record_identity",
            Self::Amend { .. } => "amend",
            Self::Offer { .. } => "offer",
            Self::NoCandidate => "no_candidate",
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::Progress { .. } => "progress",
            Self::RequestHandoff { .. } => "request_handoff",
            Self::RequestEscalation { .. } => "request_escalation",
            Self::Release { .. } => "release",
            Self::Propose(_) => "propose",
            Self::Assess { .. } => "assess",
            Self::PlaybookInForce { .. } => "playbook_in_force",
            Self::DecideApproval { .. } => "decide_approval",
            Self::AnswerQuestion { .. } => "answer_question",
            Self::BeginExecution { .. } => "begin_execution",
            Self::ReportOutcome { .. } => "report_outcome",
            Self::Verify { .. } => "verify",
            Self::Compare { .. } => "compare",
            Self::ReportCompensation { .. } => "report_compensation",
            Self::CompletePlan { .. } => "complete_plan",
            Self::ReportComparison { .. } => "report_comparison",
            Self::AbandonPlan { .. } => "abandon_plan",
            Self::TicketPlaced { .. } => "ticket_placed",
            Self::StepRefused { .. } => "step_refused",
            Self::Observe { .. } => "observe",
            Self::Hear { .. } => "hear",
            Self::Answered { .. } => "answered",
            Self::Drifted { .. } => "drifted",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Resolve { .. } => "resolve",
            Self::Recognise { .. } => "recognise",
            Self::ShareMatter { .. } => "share_matter",
            Self::Part { .. } => "part",
            Self::TellApart { .. } => "tell_apart",
            Self::ProposeMerge { .. } => "propose_merge",
            Self::EndMerge { .. } => "end_merge",
            Self::Absorb(_) => "absorb",
            Self::NoteMerge { .. } => "note_merge",
            Self::SeeContext { .. } => "see_context",
            Self::Merge { .. } => "merge",
            Self::Tick => "tick",
        }
    }
}

impl Actor {
    /// The actor as a context entry's reference names it.
    #[must_use]
    pub fn reference(&self) -> String {
        match self {
            Self::Agent { agent, .. } => format!("agent:{agent}"),
            Self::Person(person) => format!("person:{person}"),
            Self::Program(name) => format!("program:{name}"),
        }
    }
}
