//! What a reviewer may do besides saying yes or no: ask, name somebody else who should look, or take the case out of the
//! agent's hands. None of it lets anything happen, and none of it stops a deadline.

use serde_json::json;

use super::matter::{LINE_MAX, within};
use super::{Deciding, stale_approval};
use crate::{
    Action, ActionId, ActionStage, Actor, Approval, Cause, Decision, Delegation, EventKind,
    NewEntry, PersonId, Provenance, Question, Rejection, Reply, Source,
};

/// The longest question or answer. What needs more is no question about one action.
const QUESTION_MAX: usize = 4_096;
/// The most questions about one action. Who has more of them should say no or take the case over.
const QUESTIONS_MAX: usize = 8;
/// The most reviewers who name somebody else. There are seldom as many reviewers.
const DELEGATIONS_MAX: usize = 8;

impl Deciding {
    /// A question for the agent that proposed and the person who opened the case. It becomes part of what is known, and so
    /// reaches whoever holds the case.
    pub(super) fn ask(
        &mut self,
        action: &Action,
        approval: &Approval,
        person: &PersonId,
        text: &str,
    ) -> Result<(), Rejection> {
        within("question", text, QUESTION_MAX)?;
        let mut open = approval.questions.iter().filter(|asked| asked.reply.is_none());
        if open.any(|asked| asked.person == *person) {
            return Err(Rejection::AlreadyAsked { person: person.clone() });
        }
        if approval.questions.len() >= QUESTIONS_MAX {
            return Err(Rejection::TooMany { what: "questions", most: QUESTIONS_MAX });
        }
        let number = approval.questions.iter().map(|asked| asked.number).max().unwrap_or(0) + 1;
        let entry = entry(
            "question",
            &action.id,
            number,
            text,
            (Source::Staff, format!("person:{person}")),
        );
        self.check_entries(std::slice::from_ref(&entry))?;
        self.emit(EventKind::ApprovalAsked {
            action: action.id.clone(),
            question: Question {
                number,
                person: person.clone(),
                at: self.now,
                text: text.to_owned(),
                reply: None,
            },
        });
        self.enter(&[entry]);
        Ok(())
    }

    /// The answer of whoever was asked. It is known from now on as what they said, and decides nothing.
    pub(super) fn answer_question(
        &mut self,
        id: &ActionId,
        number: u32,
        by: &Actor,
        text: &str,
    ) -> Result<(), Rejection> {
        let action = self.action(id)?;
        let ActionStage::AwaitingApproval(approval) = &action.stage else {
            return Err(stale_approval(&action));
        };
        let source = self.check_asked(by)?;
        let by = by.reference();
        let asked = approval.questions.iter().find(|asked| asked.number == number);
        let Some(asked) = asked else {
            return Err(Rejection::UnknownQuestion { action: id.clone(), question: number });
        };
        if let Some(known) = &asked.reply {
            return match known.by == by && known.text == text {
                true => Ok(()),
                false => Err(Rejection::AlreadyAnswered { action: id.clone(), question: number }),
            };
        }
        within("answer", text, QUESTION_MAX)?;
        let entry = entry("answer", id, number, text, (source, by.clone()));
        self.check_entries(std::slice::from_ref(&entry))?;
        self.emit(EventKind::ApprovalAnswered {
            action: id.clone(),
            question: number,
            reply: Reply { by, at: self.now, text: text.to_owned() },
        });
        self.enter(&[entry]);
        Ok(())
    }

    /// Who may answer, and how far it may be trusted: the agent that holds the case, and the person who opened it.
    fn check_asked(&self, by: &Actor) -> Result<Source, Rejection> {
        match by {
            Actor::Agent { agent, epoch } => {
                self.check_owner(agent, *epoch)?;
                Ok(Source::Model)
            }
            Actor::Person(_) if self.case.opened_by == by.reference() => Ok(Source::Staff),
            Actor::Person(_) | Actor::Program(_) => Err(Rejection::NotAsked { by: by.reference() }),
        }
    }

    /// Hands the yes of one reviewer to another person, once and not in a circle. Nobody may decide who could not before:
    /// the one who is named needs a right of their own, and counts as one person.
    pub(super) fn delegate(
        &mut self,
        action: &Action,
        approval: &Approval,
        from: &PersonId,
        to: &PersonId,
        note: &str,
    ) -> Result<(), Rejection> {
        within("note", note, LINE_MAX)?;
        if from == to || approval.handed_over_by(to) == Some(from) {
            return Err(Rejection::DelegationCircle { from: from.clone(), to: to.clone() });
        }
        if let Some(known) = approval.handed_over_by(from) {
            return match known == to {
                true => Ok(()),
                false => Err(Rejection::HandedOver { person: from.clone(), to: known.clone() }),
            };
        }
        if approval.is_named(from) || approval.handed_over_by(to).is_some() {
            return Err(Rejection::DelegationTooDeep { from: from.clone(), to: to.clone() });
        }
        if let Some(voted) = [from, to].into_iter().find(|person| approval.has_voted(person)) {
            return Err(Rejection::AlreadyVoted { person: voted.clone() });
        }
        self.check_uninvolved(approval, to)?;
        if action.amended_by.contains(to) {
            return Err(Rejection::Involved { person: to.clone() });
        }
        if approval.delegations.len() >= DELEGATIONS_MAX {
            return Err(Rejection::TooMany { what: "delegations", most: DELEGATIONS_MAX });
        }
        self.emit(EventKind::ApprovalDelegated {
            action: action.id.clone(),
            delegation: Delegation {
                from: from.clone(),
                to: to.clone(),
                at: self.now,
                note: note.to_owned(),
            },
        });
        Ok(())
    }

    /// The agent holds the case no more, and people are asked to. Nobody covers it before one of them is seen to have it:
    /// who takes it out of an agent's hands has not taken it into their own.
    pub(super) fn take_over(
        &mut self,
        action: &Action,
        approval: &Approval,
        person: &PersonId,
        note: &str,
    ) -> Result<(), Rejection> {
        within("note", note, LINE_MAX)?;
        let why = format!("{person} took the case out of the agent's hands");
        let by = Some(person.clone());
        self.end_approval(&action.id, approval, Decision::Superseded, by, note);
        self.emit(EventKind::ActionWithdrawn { action: action.id.clone(), why: why.clone() });
        self.see_to_plan_of(&action.id);
        self.withdraw_undispatched(&why);
        self.emit(EventKind::CaseTakenOver {
            by: person.clone(),
            epoch: self.next_epoch(),
            reason: note.to_owned(),
        });
        if let Some(open) = self.case.takeover().map(|open| open.id.clone()) {
            self.ask_again(&open);
        }
        self.ask_people(Cause::TakenOver { by: person.clone(), reason: note.to_owned() });
        Ok(())
    }
}

/// What was asked or answered, in a form that an agent can read.
fn entry(
    kind: &str,
    action: &ActionId,
    number: u32,
    text: &str,
    (source, reference): (Source, String),
) -> NewEntry {
    let body = json!({ "action": action.as_str(), "question": number, "text": text });
    NewEntry {
        kind: kind.to_owned(),
        body: body.to_string(),
        provenance: Provenance { source, reference },
    }
}
