//! What happened, for people: one line for every event, what it is about, and who did it.

use belay_api::v1;
use belay_domain::{
    CaseId, Cause, Compared, Comparison, Decision, EventKind, PlanId, Purpose, ReadBack,
};

use super::{actor, person};

/// What is said of an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// The id of an action, handoff, escalation, or of the case itself.
    pub(crate) about: String,
    /// Who did it, where the event names somebody.
    pub(crate) by: Option<v1::Actor>,
    /// What happened, in one line.
    pub(crate) description: String,
}

/// Says what an event of this case means.
pub(crate) fn told(case: &CaseId, event: &EventKind) -> Told {
    Told { about: about(case, event), by: by(event), description: one_line(&description(event)) }
}

/// What the event is about.
fn about(case: &CaseId, event: &EventKind) -> String {
    use EventKind as E;
    match event {
        E::HandoffOffered { handoff, .. }
        | E::HandoffDeclined { handoff, .. }
        | E::HandoffLapsed { handoff }
        | E::HandoffAccepted { handoff, .. } => handoff.to_string(),
        E::ActionProposed { action, .. }
        | E::ActionAssessed { action, .. }
        | E::ActionDenied { action, .. }
        | E::ActionShadowed { action }
        | E::ActionCompared { action, .. }
        | E::ApprovalRequested { action, .. }
        | E::ApprovalGiven { action, .. }
        | E::ApprovalAsked { action, .. }
        | E::ApprovalAnswered { action, .. }
        | E::ApprovalDelegated { action, .. }
        | E::ApprovalEnded { action, .. }
        | E::StatementRefused { action, .. }
        | E::StatementAnswered { action, .. }
        | E::ActionAmended { action, .. }
        | E::ActionAuthorized { action, .. }
        | E::PermitExpired { action, .. }
        | E::ActionDispatched { action, .. }
        | E::ActionExecuted { action, .. }
        | E::ActionUnknown { action, .. }
        | E::ActionUnresolved { action, .. }
        | E::ActionRetried { action, .. }
        | E::ActionFailed { action, .. }
        | E::ActionVerified { action, .. }
        | E::ActionDiverged { action, .. }
        | E::ActionWithdrawn { action, .. }
        | E::CompensationStarted { action, .. }
        | E::ActionCompensated { action }
        | E::CompensationFailed { action, .. } => action.to_string(),
        E::EscalationOpened { escalation, .. }
        | E::EscalationWidened { escalation, .. }
        | E::StepStarted { escalation, .. }
        | E::TicketPlaced { escalation, .. }
        | E::TicketOrphaned { escalation, .. }
        | E::TicketSeen { escalation, .. }
        | E::TicketRouted { escalation, .. }
        | E::EscalationAcknowledged { escalation, .. }
        | E::EvidenceRenewed { escalation, .. }
        | E::TicketUnread { escalation, .. }
        | E::TicketDrifted { escalation, .. }
        | E::EscalationLapsed { escalation, .. }
        | E::StepFailed { escalation, .. }
        | E::StepSkipped { escalation, .. }
        | E::StepDeferred { escalation, .. }
        | E::EscalationExhausted { escalation, .. }
        | E::EscalationResolved { escalation, .. }
        | E::CaseReturned { escalation, .. }
        | E::EscalationClosed { escalation, .. }
        | E::TicketWithdrawn { escalation, .. } => escalation.to_string(),
        E::CaseOpened { .. }
        | E::ContactLinked { .. }
        | E::ContextAdded { .. }
        | E::IdentityRecorded { .. }
        | E::CaseAmended { .. }
        | E::MatterRecognised { .. }
        | E::MatterShared { .. }
        | E::MatterParted { .. }
        | E::MatterToldApart { .. }
        | E::MergeProposed { .. }
        | E::MergeEnded { .. }
        | E::CaseAbsorbed { .. }
        | E::MergeNoted { .. }
        | E::ContextSeen { .. }
        | E::AbsorptionTold { .. }
        | E::CaseMerged { .. }
        | E::RoutingStarted { .. }
        | E::RoutingEnded { .. }
        | E::LeaseRenewed { .. }
        | E::LeaseExpired { .. }
        | E::CaseReleased { .. }
        | E::CaseTakenOver { .. }
        | E::PlanCompleted { .. }
        | E::PlanComparing { .. }
        | E::PlanCompared { .. }
        | E::PlanUncompared { .. }
        | E::PlanVerified { .. }
        | E::PlanUndoing { .. }
        | E::PlanUndone { .. }
        | E::PlanStuck { .. }
        | E::CoverageRaised { .. }
        | E::CoverageLowered { .. }
        | E::CaseResolved { .. } => case.to_string(),
    }
}

/// Who did it, where the event names somebody.
fn by(event: &EventKind) -> Option<v1::Actor> {
    use EventKind as E;
    let agent = |name: &dyn std::fmt::Display| Some(actor(&format!("agent:{name}")));
    match event {
        E::CaseOpened { by, .. } | E::CaseResolved { by, .. } => Some(actor(by)),
        E::HandoffAccepted { agent: name, .. } | E::CaseReleased { agent: name, .. } => agent(name),
        E::ActionProposed { proposer, .. } => agent(proposer),
        E::ApprovalGiven { vote, .. } => Some(person(&vote.person)),
        E::ApprovalAsked { question, .. } => Some(person(&question.person)),
        E::ApprovalAnswered { reply, .. } => Some(actor(&reply.by)),
        E::ApprovalDelegated { delegation, .. } => Some(person(&delegation.from)),
        E::CaseTakenOver { by, .. } | E::MatterToldApart { by, .. } => Some(person(by)),
        E::MatterShared { by, .. } => by.as_ref().map(person),
        E::ContextSeen { agent: name, .. } => agent(name),
        E::ApprovalEnded { by, .. } => by.as_ref().map(person),
        E::ActionAmended { by, .. }
        | E::EscalationAcknowledged { by, .. }
        | E::EscalationResolved { by, .. } => Some(person(by)),
        _ => None,
    }
}

/// What happened, in the words of the people it concerns.
fn description(event: &EventKind) -> String {
    use EventKind as E;
    match event {
        E::CaseOpened { subject, .. } => format!("opened: {subject}"),
        E::ContactLinked { channel, .. } if channel.is_empty() => "reported again".to_owned(),
        E::ContactLinked { channel, .. } => format!("reported again by {channel}"),
        E::ContextAdded { entry, .. } => {
            format!("{} became known ({})", entry.kind, entry.provenance.source)
        }
        E::IdentityRecorded { identification } => identification.summary(),
        E::CaseAmended { subject, severity, labels } => amended(subject, *severity, labels),
        E::RoutingStarted { routing } => {
            format!("{} is looked for: {}", routing.target, routing.why)
        }
        E::RoutingEnded { why } => format!("the search for an agent ended: {why}"),
        E::HandoffOffered { to, .. } => format!("offered to {to}"),
        E::HandoffDeclined { reason, .. } => format!("the offer was declined: {reason}"),
        E::HandoffLapsed { .. } => "the offer was not answered in time".to_owned(),
        E::HandoffAccepted { agent, from, epoch, .. } => {
            format!("{agent} took the case from {from}, epoch {epoch}")
        }
        E::LeaseRenewed { .. } => "its holder showed progress".to_owned(),
        E::LeaseExpired { agent, .. } => format!("the lease of {agent} ran out"),
        E::CaseReleased { agent, reason, .. } => format!("{agent} let go: {reason}"),
        E::CaseTakenOver { by, reason, .. } => {
            format!("{by} took the case out of the agent's hands{}", said(reason))
        }

        E::ActionProposed { contract, proposer, .. } => format!("{proposer} proposes {contract}"),
        E::ActionAssessed { verdict, .. } => assessed(verdict),
        E::ActionDenied { reasons, .. } => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            format!("denied: {}", reasons.join("; "))
        }
        E::ActionShadowed { .. } => "allowed in shadow mode: nothing is written".to_owned(),
        E::ActionCompared { before, shown, .. } => compared(*before, shown),
        E::ApprovalRequested { approval, .. } => {
            let groups: Vec<&str> =
                approval.terms.groups.iter().map(|group| group.as_str()).collect();
            let quorum = approval.terms.quorum;
            format!("waits for {quorum} of {}", groups.join(", "))
        }
        E::ApprovalGiven { vote, .. } => format!("{} approved{}", vote.person, said(&vote.note)),
        E::ApprovalAsked { question, .. } => {
            format!("{} asks, question {}: {}", question.person, question.number, question.text)
        }
        E::ApprovalAnswered { question, reply, .. } => {
            let by = reply.by.split_once(':').map_or(reply.by.as_str(), |(_, name)| name);
            format!("{by} answers question {question}: {}", reply.text)
        }
        E::ApprovalDelegated { delegation, .. } => {
            let (from, to) = (&delegation.from, &delegation.to);
            format!("{from} names {to} to look instead{}", said(&delegation.note))
        }
        E::StatementRefused { said, why, .. } => {
            format!("what {} wrote on ticket {} does not count: {why}", said.account, said.ticket)
        }
        E::StatementAnswered { statement, .. } => {
            format!("whoever wrote {statement} was told on the ticket that it does not count")
        }
        E::ApprovalEnded { decision, by, code, note, .. } => {
            let code = code.as_ref().map_or_else(String::new, |code| format!(" as {code}"));
            approval_ended(decision, by.as_ref(), &code, note)
        }
        E::ActionAmended { by, .. } => format!("{by} changed the input"),
        E::ActionAuthorized { permit, .. } => format!("authorized, permit {}", permit.permit),
        E::PermitExpired { permit, .. } => format!("the permit {permit} ran out unused"),
        E::ActionDispatched { attempt, .. } => format!("carried out, attempt {attempt}"),
        E::ActionExecuted { attempt, .. } => {
            format!("the target said yes to attempt {attempt}; not proved yet")
        }
        E::ActionUnknown { attempt, reason, .. } => {
            format!("the outcome of attempt {attempt} is not known: {reason}")
        }
        E::ActionUnresolved { detail, .. } => {
            format!("the outcome could not be found out: {detail}")
        }
        E::ActionRetried { reason, .. } => format!("took no effect and is tried again: {reason}"),
        E::ActionFailed { reason, .. } => format!("failed without effect: {reason}"),
        E::ActionVerified { .. } => "verified by reading back".to_owned(),
        E::ActionDiverged { difference, .. } => format!("diverged: {difference}"),
        E::ActionWithdrawn { why, .. } => format!("withdrawn: {why}"),
        E::CompensationStarted { attempt, why, .. } => {
            format!("is taken back, attempt {attempt}: {why}")
        }
        E::ActionCompensated { .. } => "taken back, and read back".to_owned(),
        E::CompensationFailed { reason, .. } => format!("could not be taken back: {reason}"),
        E::PlanCompleted { plan, .. } => format!("all actions of plan {plan} are proposed"),
        E::PlanComparing { plan, .. } => {
            format!("every action of plan {plan} is verified; the systems are compared")
        }
        E::PlanCompared { plan, compared } => agreement(plan, compared),
        E::PlanUncompared { detail, .. } => detail.clone(),
        E::PlanVerified { plan } => format!("plan {plan} is verified"),
        E::PlanUndoing { plan, why } => format!("plan {plan} is taken back: {why}"),
        E::PlanUndone { plan } => format!("plan {plan} was taken back"),
        E::PlanStuck { plan, why } => format!("plan {plan} is stuck: {why}"),

        E::EscalationOpened { purpose, plan, .. } => {
            format!("{}, by {}", asked(purpose), plan.policy)
        }
        E::EscalationWidened { purpose, .. } => format!("one more reason: {}", asked(purpose)),
        E::StepStarted { step, .. } => {
            format!("round {}, step {} begins", step.round, step.index.saturating_add(1))
        }
        E::TicketPlaced { ticket, .. } => format!("the ticket {ticket} was accepted (E1)"),
        E::TicketOrphaned { ticket, .. } => format!("the ticket {ticket} is not needed any more"),
        E::TicketSeen { evidence, .. } => {
            format!("the ticket {} was seen ({})", evidence.ticket(), evidence.level())
        }
        E::TicketRouted { evidence, .. } => {
            let (queue, level) = (evidence.queue(), evidence.level());
            format!("somebody of {queue} can take the ticket ({level})")
        }
        E::EscalationAcknowledged { by, evidence, .. } => {
            format!("{by} of {} took it ({})", evidence.queue(), evidence.level())
        }
        E::EvidenceRenewed { evidence, worked, .. } => {
            let done = if *worked { " and worked on it" } else { "" };
            format!("seen again: it is still held{done} ({})", evidence.level())
        }
        E::TicketUnread { detail, .. } => format!(
            "the ticket cannot be read since then, and what was seen before becomes old: {detail}"
        ),
        E::TicketDrifted { ticket, field, was, now, .. } if was == now => {
            format!("{field} of ticket {ticket} was changed back to {now:?}")
        }
        E::TicketDrifted { ticket, field, was, now, .. } => {
            format!("{field} of ticket {ticket} was changed by hand, from {was:?} to {now:?}")
        }
        E::EscalationLapsed { doubt, .. } => format!("not held any more: {doubt}"),
        E::StepSkipped { step, why, .. } => {
            format!("step {} is passed over: {why}", step.index.saturating_add(1))
        }
        E::StepDeferred { step, why, until, .. } => {
            let number = step.index.saturating_add(1);
            format!("step {number} waits until {until}: {why}")
        }
        E::StepFailed { reason, .. } => format!("the step was in vain: {reason}"),
        E::EscalationExhausted { retry_at, .. } => {
            format!("every step was in vain; the next turn is at {retry_at}")
        }
        E::EscalationResolved { by, code, note, .. } => {
            format!("{by} resolved it as {code}{}", said(note))
        }
        E::CaseReturned { .. } => "returned by a person".to_owned(),
        E::EscalationClosed { why, .. } => format!("no longer needed: {why}"),
        E::TicketWithdrawn { ticket, .. } => {
            format!("the people at ticket {ticket} have been told that it is over")
        }
        E::CoverageRaised { reason, .. } => format!("nobody holds the case: {reason}"),
        E::CoverageLowered { uncovered_for } => {
            format!("the alarm is over after {} s", uncovered_for.as_secs())
        }
        E::CaseResolved { code, note, .. } => format!("resolved as {code}{}", said(note)),

        E::MatterRecognised { .. } => "it is known by what the matter is recognised".to_owned(),
        E::MatterShared { with, by: Some(_), .. } => {
            format!("{with} is said to be the same matter")
        }
        E::MatterShared { with, by: None, .. } => {
            format!("{with} is recognised as the same matter")
        }
        E::MatterParted { with, why } => format!("no more one matter with {with}: {why}"),
        E::MatterToldApart { from, note, .. } => format!("{from} is another matter{}", said(note)),
        E::MergeProposed { into } => {
            format!("is to be merged into {into}; open as before until then")
        }
        E::MergeEnded { into, why } => format!("is not merged into {into} for now: {why}"),
        E::CaseAbsorbed { from, contacts, .. } => {
            format!("took over what was reported to {from}, with {} more reports", contacts.len())
        }
        E::MergeNoted { from, correlation } => {
            format!("the ticket of {correlation} says what came from {from}")
        }
        E::ContextSeen { agent, entries } => {
            format!("{agent} was seen to know {entries} entries of the context")
        }
        E::AbsorptionTold { from } => format!("whoever has it knows what came from {from}"),
        E::CaseMerged { into, .. } => format!("merged into {into}, which has the matter now"),
    }
}

fn amended(
    subject: &Option<String>,
    severity: Option<belay_domain::Severity>,
    labels: &Option<Vec<(String, String)>>,
) -> String {
    let subject = subject.as_ref().map(|subject| format!("called {subject}"));
    let severity = severity.map(|severity| format!("severity {severity}"));
    let labels = labels.as_ref().map(|labels| format!("{} labels", labels.len()));
    let changes: Vec<String> = [subject, severity, labels].into_iter().flatten().collect();
    format!("changed: {}", changes.join(", "))
}

fn assessed(verdict: &belay_domain::Verdict) -> String {
    let ruling = match &verdict.ruling {
        belay_domain::Ruling::Allow => "allows it",
        belay_domain::Ruling::Ask(_) => "asks people",
        belay_domain::Ruling::Deny(_) => "denies it",
    };
    let policies: Vec<&str> = verdict.policies.iter().map(|policy| policy.as_str()).collect();
    let demoted = verdict.basis.as_ref().and_then(|basis| basis.demoted.as_ref());
    let demoted =
        demoted.map_or_else(String::new, |why| format!("; its contract is in shadow: {why}"));
    if policies.is_empty() {
        format!("the playbook {ruling}{demoted}")
    } else {
        format!("the playbook {ruling} ({}){demoted}", policies.join(", "))
    }
}

/// What became of an action that was not written.
fn compared(before: Option<bool>, shown: &ReadBack) -> String {
    match (shown, before) {
        (ReadBack::Applied { .. }, Some(true)) => {
            "it stood there before it was proposed".to_owned()
        }
        (ReadBack::Applied { .. }, _) => "people did what its contract would have done".to_owned(),
        (ReadBack::NotApplied, _) => "nobody did what its contract would have done".to_owned(),
        (ReadBack::Different { difference }, _) => {
            format!("people did something else than its contract would have done: {difference}")
        }
        (ReadBack::Unreadable { detail }, _) => {
            format!("nobody can tell what became of it: {detail}")
        }
    }
}

fn approval_ended(
    decision: &Decision,
    by: Option<&belay_domain::PersonId>,
    code: &str,
    note: &str,
) -> String {
    let who = by.map_or_else(|| "somebody".to_owned(), ToString::to_string);
    match decision {
        Decision::Approved => "approved by enough people".to_owned(),
        Decision::Rejected => format!("{who} rejected{code}{}", said(note)),
        Decision::Amended => format!("{who} changed what is asked{}", said(note)),
        Decision::Expired => "nobody decided in time, which is a no".to_owned(),
        Decision::Superseded if by.is_some() => {
            format!("{who} took the case over instead{}", said(note))
        }
        Decision::Superseded => format!("what was asked about is gone{}", said(note)),
    }
}

fn asked(purpose: &Purpose) -> String {
    match purpose {
        Purpose::Approval { action } => format!("people are asked to decide {action}"),
        Purpose::Takeover { cause } => match cause {
            Cause::Routed => {
                "people are asked to take the case, which is meant for them".to_owned()
            }
            Cause::NoAgent => "people are asked to take the case: no agent took it".to_owned(),
            Cause::Asked { reason } => format!("people are asked to take the case: {reason}"),
            Cause::TakenOver { by, reason } => {
                let why = said(reason);
                format!("people are asked to take the case: {by} took it from its agent{why}")
            }
            Cause::Unidentified { object, .. } => {
                format!("people are asked to take the case: the {object} is not identified")
            }
            Cause::Bounced => {
                "people are asked to take the case: it went to and fro between agents".to_owned()
            }
            Cause::Divergence { action, detail } => {
                format!("people are asked to take the case: {action} diverged: {detail}")
            }
            Cause::CompensationFailed { action, detail } => {
                let what = format!("{action} could not be taken back: {detail}");
                format!("people are asked to take the case: {what}")
            }
        },
    }
}

fn said(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(": {note}") }
}

/// Notes may have several lines; a description has one.
fn one_line(text: &str) -> String {
    const LINE_CHARS_MAX: usize = 500;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LINE_CHARS_MAX {
        return line;
    }
    line.chars().take(LINE_CHARS_MAX).chain(['…']).collect()
}

/// What the systems showed after a plan.
fn agreement(plan: &PlanId, compared: &[Compared]) -> String {
    let said = compared.iter().map(|one| match &one.shown {
        Comparison::Equal { .. } => format!("{} holds", one.equality),
        Comparison::Different { differences } => {
            let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
            format!("{} does not hold: {}", one.equality, all.join("; "))
        }
        Comparison::Unreadable { detail } => {
            format!("{} could not be read: {detail}", one.equality)
        }
    });
    format!("the systems after plan {plan}: {}", said.collect::<Vec<_>>().join("; "))
}
