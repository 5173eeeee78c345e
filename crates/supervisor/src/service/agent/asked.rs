//! The messages of an agent, as the domain understands them. Whatever is wrong with one is said with every
//! field by name.

use belay_api::v1::{self, connect_request::Message};
use belay_domain::{
    ActionId, AgentId, CaseId, ContractId, Digest, Epoch, FailureClaim, HandoffId, NewEntry,
    Outcome, PermitId, PlanId, ProposalId, Provenance, RequestId, ResolutionCode, Severity, Target,
};

use crate::dedupe::content;
use crate::wire::Fault;
use crate::wire::from_wire::{Fields, Speaker, entries, provenance, target};

/// The most places of an input that provenance is given for. An input is a form, not a document.
const PROVENANCE_MAX: usize = 1_000;

/// The most entries that are added at once, as a case keeps two thousand at most.
const ENTRIES_MAX: usize = 256;

/// What is asked of one case.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// Of which.
    pub(super) case: CaseId,
    /// What.
    pub(super) what: What,
}

/// What an agent can ask for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Accept { handoff: HandoffId, context: Digest },
    Decline { handoff: HandoffId, reason: String },
    Propose(Box<Proposed>),
    Begin { action: ActionId, permit: PermitId, input: Digest, epoch: Epoch },
    Report { action: ActionId, attempt: u32, outcome: Outcome },
    CompletePlan { epoch: Epoch, plan: PlanId },
    AbandonPlan { epoch: Epoch, plan: PlanId, reason: String },
    HandOff { once: Once, epoch: Epoch, to: Target, reason: String, entries: Vec<NewEntry> },
    Escalate { once: Once, epoch: Epoch, reason: String, severity: Option<Severity> },
    AddContext { once: Once, epoch: Epoch, entries: Vec<NewEntry> },
    Answer { action: ActionId, epoch: Epoch, question: u32, text: String },
    Identify { epoch: Epoch, object: String },
    Release { epoch: Epoch, reason: String },
    Resolve { epoch: Epoch, code: ResolutionCode, note: String },
}

/// What makes a repeat a repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Once {
    pub(super) request: RequestId,
    pub(super) content: Digest,
}

/// A proposed action.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proposed {
    pub(super) epoch: Epoch,
    pub(super) proposal: ProposalId,
    pub(super) contract: ContractId,
    /// Canonical JSON.
    pub(super) input: String,
    pub(super) provenance: Vec<(String, Provenance)>,
    pub(super) plan: Option<PlanId>,
    pub(super) justification: String,
}

/// A sign of progress on one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) case: CaseId,
    pub(super) epoch: Epoch,
    pub(super) note: String,
    /// The digest of the context that the agent says it has.
    pub(super) context: Option<Digest>,
}

/// A message that asks something of a case. None for those that do not: they are no business of a case.
pub(super) fn read(message: Message, by: &AgentId) -> Option<Result<Asked, Fault>> {
    Some(match message {
        Message::AcceptHandoff(asked) => accept(asked),
        Message::DeclineHandoff(asked) => decline(asked),
        Message::Propose(asked) => propose(asked),
        Message::BeginExecution(asked) => begin(asked),
        Message::ReportOutcome(asked) => report(asked),
        Message::CompletePlan(asked) => complete_plan(asked),
        Message::AbandonPlan(asked) => abandon_plan(asked),
        Message::RequestHandoff(asked) => hand_off(asked, by),
        Message::RequestEscalation(asked) => escalate(asked),
        Message::AddContext(asked) => add_context(asked, by),
        Message::AnswerQuestion(asked) => answer(asked),
        Message::IdentifyCase(asked) => identify(asked),
        Message::ReleaseCase(asked) => release(asked),
        Message::ResolveCase(asked) => resolve(asked),
        Message::Register(_) | Message::Credit(_) | Message::Progress(_) | Message::Drain(_) => {
            return None;
        }
    })
}

/// A sign of progress.
pub(super) fn progress(asked: v1::Progress) -> Result<Sign, Fault> {
    let v1::Progress { case_id, epoch, note, context_digest } = asked;
    let mut fields = Fields::new();
    let case = fields.id("case_id", &case_id);
    let note = fields.line("note", note);
    let context = Some(context_digest).filter(|digest| !digest.is_empty());
    let context = context.and_then(|digest| fields.digest("context_digest", &digest));
    fields.done(case.map(|case| Sign { case, epoch: Epoch(epoch), note, context }))
}

fn accept(asked: v1::AcceptHandoff) -> Result<Asked, Fault> {
    let v1::AcceptHandoff { handoff_id, context_digest } = asked;
    let mut fields = Fields::new();
    let handoff = fields.id::<HandoffId>("handoff_id", &handoff_id);
    let case = handoff.as_ref().and_then(|_| case_of(&mut fields, "handoff_id", &handoff_id));
    let context = fields.digest("context_digest", &context_digest);
    let what = handoff.zip(context).map(|(handoff, context)| What::Accept { handoff, context });
    asked_of(fields, case, what)
}

fn decline(asked: v1::DeclineHandoff) -> Result<Asked, Fault> {
    let v1::DeclineHandoff { handoff_id, reason } = asked;
    let mut fields = Fields::new();
    let handoff = fields.id::<HandoffId>("handoff_id", &handoff_id);
    let case = handoff.as_ref().and_then(|_| case_of(&mut fields, "handoff_id", &handoff_id));
    let reason = fields.line("reason", reason);
    asked_of(fields, case, handoff.map(|handoff| What::Decline { handoff, reason }))
}

fn propose(asked: v1::Propose) -> Result<Asked, Fault> {
    let v1::Propose {
        proposal_id,
        case_id,
        epoch,
        contract_id,
        input_json,
        provenance,
        plan,
        justification,
    } = asked;
    let mut fields = Fields::new();
    let proposal = fields.id("proposal_id", &proposal_id);
    let case = fields.id("case_id", &case_id);
    let contract = fields.id("contract_id", &contract_id);
    let input = fields.input("input_json", &input_json);
    let provenance = input_provenance(&mut fields, provenance);
    let plan = fields.id_or_none("plan", &plan);
    let justification = fields.text("justification", justification);
    let what = proposal.zip(contract).map(|(proposal, contract)| {
        What::Propose(Box::new(Proposed {
            epoch: Epoch(epoch),
            proposal,
            contract,
            input,
            provenance,
            plan,
            justification,
        }))
    });
    asked_of(fields, case, what)
}

fn input_provenance(
    fields: &mut Fields,
    given: Vec<v1::InputProvenance>,
) -> Vec<(String, Provenance)> {
    if given.len() > PROVENANCE_MAX {
        let what = format!("has {} entries; at most {PROVENANCE_MAX} are read", given.len());
        fields.wrong("provenance", what);
        return Vec::new();
    }
    let mut read = Vec::with_capacity(given.len());
    for (index, known) in given.into_iter().enumerate() {
        let v1::InputProvenance { pointer, source, reference } = known;
        let at = |part: &str| format!("provenance[{index}].{part}");
        let pointer = fields.line(at("pointer"), pointer);
        if !pointer.is_empty() && !pointer.starts_with('/') {
            fields.wrong(at("pointer"), "is no JSON pointer: it has to be empty or begin with /");
        }
        let reference = fields.line(at("reference"), reference);
        // Others may be quoted where they spoke; that they did is held against the context before anything is decided.
        let quoted = source == v1::ProvenanceSource::Staff as i32;
        let proven = source == v1::ProvenanceSource::VerifiedChannel as i32;
        if quoted && reference.is_empty() {
            let what = "has to name the context entry in which a person of the business said so";
            fields.wrong(at("reference"), what);
        }
        let speaker = if quoted || proven { Speaker::PersonOrTool } else { Speaker::Agent };
        if let Some(source) = provenance(fields, &at("source"), source, speaker) {
            read.push((pointer, Provenance { source, reference }));
        }
    }
    read
}

fn begin(asked: v1::BeginExecution) -> Result<Asked, Fault> {
    let v1::BeginExecution { action_id, permit_id, input_digest, epoch } = asked;
    let mut fields = Fields::new();
    let action = fields.id::<ActionId>("action_id", &action_id);
    let case = action.as_ref().and_then(|_| case_of(&mut fields, "action_id", &action_id));
    let permit = fields.id("permit_id", &permit_id);
    let input = fields.digest("input_digest", &input_digest);
    let what = action.zip(permit).zip(input).map(|((action, permit), input)| What::Begin {
        action,
        permit,
        input,
        epoch: Epoch(epoch),
    });
    asked_of(fields, case, what)
}

fn report(asked: v1::ReportOutcome) -> Result<Asked, Fault> {
    use v1::report_outcome::Result as Wire;
    let v1::ReportOutcome { action_id, attempt, result } = asked;
    let mut fields = Fields::new();
    let action = fields.id::<ActionId>("action_id", &action_id);
    let case = action.as_ref().and_then(|_| case_of(&mut fields, "action_id", &action_id));
    let outcome = match result {
        Some(Wire::Executed(v1::Executed { output_json })) => {
            let output = fields.text("executed.output_json", output_json);
            if serde_json::from_str::<serde::de::IgnoredAny>(&output).is_err() {
                fields.wrong("executed.output_json", "is not JSON");
            }
            Some(Outcome::Executed { output })
        }
        Some(Wire::Failed(v1::ExecutionFailed { retryable, reason })) => {
            let claim = if retryable { FailureClaim::Retryable } else { FailureClaim::Permanent };
            let reason = fields.line("failed.reason", reason);
            Some(Outcome::NotExecuted { claim, reason })
        }
        Some(Wire::Unknown(v1::ExecutionUnknown { reason })) => {
            let reason = fields.line("unknown.reason", reason);
            Some(Outcome::NotExecuted { claim: FailureClaim::Unknown, reason })
        }
        None => {
            fields.wrong("result", "has to be set");
            None
        }
    };
    let what = action.zip(outcome);
    let what = what.map(|(action, outcome)| What::Report { action, attempt, outcome });
    asked_of(fields, case, what)
}

fn complete_plan(asked: v1::CompletePlan) -> Result<Asked, Fault> {
    let v1::CompletePlan { case_id, epoch, plan } = asked;
    let mut fields = Fields::new();
    let case = fields.id("case_id", &case_id);
    let plan = fields.id("plan", &plan);
    asked_of(fields, case, plan.map(|plan| What::CompletePlan { epoch: Epoch(epoch), plan }))
}

fn abandon_plan(asked: v1::AbandonPlan) -> Result<Asked, Fault> {
    let v1::AbandonPlan { case_id, epoch, plan, reason } = asked;
    let mut fields = Fields::new();
    let case = fields.id("case_id", &case_id);
    let plan = fields.id("plan", &plan);
    let reason = fields.line("reason", reason);
    let what = plan.map(|plan| What::AbandonPlan { epoch: Epoch(epoch), plan, reason });
    asked_of(fields, case, what)
}

fn hand_off(asked: v1::RequestHandoff, by: &AgentId) -> Result<Asked, Fault> {
    let content = content(&asked, &[]);
    let v1::RequestHandoff { request_id, case_id, epoch, target: to, reason, entries } = asked;
    let mut fields = Fields::new();
    let request = fields.request(&request_id);
    let case = fields.id("case_id", &case_id);
    let to = target(&mut fields, "target", to);
    let reason = fields.said("reason", reason);
    let entries = known(&mut fields, entries, by);
    let what = request.zip(to).map(|(request, to)| What::HandOff {
        once: Once { request, content },
        epoch: Epoch(epoch),
        to,
        reason,
        entries,
    });
    asked_of(fields, case, what)
}

fn escalate(asked: v1::RequestEscalation) -> Result<Asked, Fault> {
    let content = content(&asked, &[]);
    let v1::RequestEscalation { request_id, case_id, epoch, reason, severity } = asked;
    let mut fields = Fields::new();
    let request = fields.request(&request_id);
    let case = fields.id("case_id", &case_id);
    let reason = fields.said("reason", reason);
    let severity = fields.severity("severity", severity);
    let what = request.map(|request| What::Escalate {
        once: Once { request, content },
        epoch: Epoch(epoch),
        reason,
        severity,
    });
    asked_of(fields, case, what)
}

fn add_context(asked: v1::AddContext, by: &AgentId) -> Result<Asked, Fault> {
    let content = content(&asked, &[]);
    let v1::AddContext { request_id, case_id, epoch, entries } = asked;
    let mut fields = Fields::new();
    let request = fields.request(&request_id);
    let case = fields.id("case_id", &case_id);
    if entries.is_empty() {
        fields.wrong("entries", "needs at least one");
    }
    let entries = known(&mut fields, entries, by);
    let what = request.map(|request| What::AddContext {
        once: Once { request, content },
        epoch: Epoch(epoch),
        entries,
    });
    asked_of(fields, case, what)
}

fn answer(asked: v1::AnswerQuestion) -> Result<Asked, Fault> {
    let v1::AnswerQuestion { action_id, epoch, question, answer } = asked;
    let mut fields = Fields::new();
    let action = fields.id::<ActionId>("action_id", &action_id);
    let case = action.as_ref().and_then(|_| case_of(&mut fields, "action_id", &action_id));
    let text = fields.text("answer", answer);
    if text.trim().is_empty() {
        fields.wrong("answer", "has to be set");
    }
    let epoch = Epoch(epoch);
    let what = action.map(|action| What::Answer { action, epoch, question, text });
    asked_of(fields, case, what)
}

fn identify(asked: v1::IdentifyCase) -> Result<Asked, Fault> {
    let v1::IdentifyCase { case_id, epoch, object } = asked;
    let mut fields = Fields::new();
    let case = fields.id("case_id", &case_id);
    let object = fields.said("object", object);
    asked_of(fields, case, Some(What::Identify { epoch: Epoch(epoch), object }))
}

fn release(asked: v1::ReleaseCase) -> Result<Asked, Fault> {
    let v1::ReleaseCase { case_id, epoch, reason } = asked;
    let mut fields = Fields::new();
    let case = fields.id("case_id", &case_id);
    let reason = fields.line("reason", reason);
    asked_of(fields, case, Some(What::Release { epoch: Epoch(epoch), reason }))
}

fn resolve(asked: v1::ResolveCase) -> Result<Asked, Fault> {
    let v1::ResolveCase { case_id, epoch, resolution_code, note } = asked;
    let mut fields = Fields::new();
    let case = fields.id("case_id", &case_id);
    let code = fields.id("resolution_code", &resolution_code);
    let note = fields.text("note", note);
    let what = code.map(|code| What::Resolve { epoch: Epoch(epoch), code, note });
    asked_of(fields, case, what)
}

fn known(fields: &mut Fields, given: Vec<v1::NewContextEntry>, by: &AgentId) -> Vec<NewEntry> {
    if given.len() > ENTRIES_MAX {
        let what = format!("has {} entries; at most {ENTRIES_MAX} at once", given.len());
        fields.wrong("entries", what);
        return Vec::new();
    }
    entries(fields, "entries", given, Speaker::Agent, &format!("agent:{by}"))
}

fn asked_of(fields: Fields, case: Option<CaseId>, what: Option<What>) -> Result<Asked, Fault> {
    fields.done(case.zip(what).map(|(case, what)| Asked { case, what }))
}

/// The case that an id within it begins with.
fn case_of(fields: &mut Fields, name: &str, text: &str) -> Option<CaseId> {
    match text.rsplit_once('/').and_then(|(case, _)| case.parse().ok()) {
        Some(case) => Some(case),
        None => {
            fields.wrong(name, "does not name a case; use the id exactly as it was given");
            None
        }
    }
}
