//! People decide on one action, bound to exactly what they were shown.

use belay_planted::{Bug, planted};

use super::matter::{LINE_MAX, TEXT_MAX, within};
use super::owning::Ending;
use super::{Deciding, stale_approval};
use crate::command::VotesChoice;
use crate::{
    Action, ActionId, ActionStage, Approval, ApprovalTerms, Decision, Digest, EscalationId,
    EventKind, GroupId, Hasher, PersonId, Purpose, Reason, ReasonCode, Rejection, Rule, Said,
    Verdict, Vote, after,
};

impl Deciding {
    pub(super) fn request_approval(
        &mut self,
        id: &ActionId,
        verdict: &Verdict,
        terms: &ApprovalTerms,
    ) {
        let Ok(action) = self.action(id) else { return };
        if terms.quorum == 0 || terms.groups.is_empty() || terms.ask.steps.is_empty() {
            let detail = "nobody could ever approve this: the playbook names no quorum, no group \
                          or no way to ask"
                .to_owned();
            let reason = Reason {
                rule: Rule::Policy,
                name: "approval".to_owned(),
                field: String::new(),
                detail,
            };
            self.emit(EventKind::ActionDenied { action: id.clone(), reasons: vec![reason] });
            return;
        }
        let escalation = self.next_escalation();
        let approval = Approval {
            escalation: escalation.clone(),
            binding: self.binding(&action, verdict),
            terms: terms.clone(),
            until: after(self.now, terms.decide_within),
            votes: Vec::new(),
            refused: Vec::new(),
            questions: Vec::new(),
            delegations: Vec::new(),
            unanswered: Vec::new(),
        };
        self.emit(EventKind::ApprovalRequested {
            action: id.clone(),
            approval: Box::new(approval),
        });
        let purpose = Purpose::Approval { action: id.clone() };
        self.open_escalation(escalation, purpose, &terms.ask);
    }

    pub(super) fn decide_approval(
        &mut self,
        id: &ActionId,
        person: &PersonId,
        groups: &[GroupId],
        shown: Digest,
        choice: &VotesChoice,
    ) -> Result<(), Rejection> {
        let action = self.action(id)?;
        let ActionStage::AwaitingApproval(approval) = &action.stage else {
            return Err(stale_approval(&action));
        };
        self.check_approver(approval, person, groups)?;
        if action.amended_by.contains(person) && matches!(choice, VotesChoice::Approve { .. }) {
            return Err(Rejection::Involved { person: person.clone() });
        }
        if shown != approval.binding && !planted(Bug::ApprovalUnbound) {
            return Err(Rejection::ApprovalMismatch);
        }
        match choice {
            VotesChoice::Approve { note } => self.approve(&action, approval, person, note, None),
            VotesChoice::Reject { code, note } => {
                within("note", note, LINE_MAX)?;
                check_reason(approval, code.as_ref())?;
                let ending = Ending {
                    decision: Decision::Rejected,
                    by: Some(person.clone()),
                    code: code.clone(),
                    note,
                    said: None,
                };
                self.end_approval_as(id, approval, ending);
                self.see_to_plan_of(id);
                Ok(())
            }
            VotesChoice::Amend { input, note, assess_until } => {
                within("note", note, LINE_MAX)?;
                within("input", input, TEXT_MAX)?;
                let by = Some(person.clone());
                self.end_approval(id, approval, Decision::Amended, by, note);
                self.emit(EventKind::ActionAmended {
                    action: id.clone(),
                    input: input.clone(),
                    by: person.clone(),
                    until: *assess_until,
                });
                Ok(())
            }
            VotesChoice::Ask { question } => self.ask(&action, approval, person, question),
            VotesChoice::Delegate { to, note } => {
                self.delegate(&action, approval, person, to, note)
            }
            VotesChoice::TakeOver { note } => self.take_over(&action, approval, person, note),
        }
    }

    pub(super) fn approve(
        &mut self,
        action: &Action,
        approval: &Approval,
        person: &PersonId,
        note: &str,
        said: Option<Said>,
    ) -> Result<(), Rejection> {
        within("note", note, LINE_MAX)?;
        if approval.has_voted(person) {
            return Err(Rejection::AlreadyVoted { person: person.clone() });
        }
        if let Some(to) = approval.handed_over_by(person) {
            return Err(Rejection::HandedOver { person: person.clone(), to: to.clone() });
        }
        let vote = Vote { person: person.clone(), at: self.now, note: note.to_owned(), said };
        self.emit(EventKind::ApprovalGiven { action: action.id.clone(), vote });
        let now = self.action(&action.id)?;
        if let ActionStage::AwaitingApproval(approval) = &now.stage
            && approval.is_granted()
        {
            self.end_approval(&action.id, approval, Decision::Approved, None, "");
            self.authorize(&action.id);
        }
        Ok(())
    }

    /// A person who may: in one of the groups, and not involved in what is asked (`APR-2`).
    pub(super) fn check_approver(
        &self,
        approval: &Approval,
        person: &PersonId,
        groups: &[GroupId],
    ) -> Result<(), Rejection> {
        if !groups.iter().any(|group| approval.terms.groups.contains(group)) {
            return Err(Rejection::NotAnApprover { person: person.clone() });
        }
        self.check_uninvolved(approval, person)
    }

    /// Neither opened the case, nor gains by it, nor runs the agent that asks.
    pub(super) fn check_uninvolved(
        &self,
        approval: &Approval,
        person: &PersonId,
    ) -> Result<(), Rejection> {
        let opened = self.case.opened_by == format!("person:{person}");
        let beneficiary = self.case.customer == person.as_str();
        if opened || beneficiary || approval.terms.excluded.contains(person) {
            return Err(Rejection::Involved { person: person.clone() });
        }
        Ok(())
    }

    /// What people decide on, in one digest (`APR-1`): change any of it and the approval is void (`APR-5`).
    fn binding(&self, action: &Action, verdict: &Verdict) -> Digest {
        let tenant = self.case.tenant.as_ref().map_or("", |tenant| tenant.as_str());
        Hasher::new("belay approval")
            .part(tenant.as_bytes())
            .part(self.case.id.as_str().as_bytes())
            .part(&self.case.epoch.0.to_le_bytes())
            .part(action.id.as_str().as_bytes())
            .part(&action.revision.to_le_bytes())
            .part(action.contract.as_str().as_bytes())
            .part(verdict.input.as_bytes())
            .part(verdict.snapshot.as_deref().unwrap_or("").as_bytes())
            .part(verdict.shown.as_bytes())
            .part(verdict.playbook.as_bytes())
            .finish()
    }

    pub(super) fn next_escalation(&self) -> EscalationId {
        EscalationId::derived(format!("{}/e{}", self.case.id, self.case.escalation_count + 1))
    }
}

/// A reason that the taxonomy knew when people were asked, where it knew any.
fn check_reason(approval: &Approval, code: Option<&ReasonCode>) -> Result<(), Rejection> {
    let known = &approval.terms.reasons;
    match code {
        Some(code) if known.contains(code) => Ok(()),
        Some(code) => Err(Rejection::UnknownReason { code: code.clone(), known: known.clone() }),
        None if known.is_empty() => Ok(()),
        None => Err(Rejection::ReasonMissing { known: known.clone() }),
    }
}
