//! A decision that a person writes on the ticket itself.
//!
//! It counts where the playbook allows it, and only as what it is: a statement that was read back, on our ticket, after
//! that was placed and while what was seen of it is fresh; by the account of a person who may decide; naming the digest
//! of exactly what is being decided on. Anything else is refused, once, and the refusal is kept; whoever wrote it is
//! told on the ticket why, once.

use super::Deciding;
use super::matter::LINE_MAX;
use super::owning::Ending;
use crate::approval::Ruled;
use crate::{
    Action, ActionStage, ActorKind, Approval, Correlation, Decision, Escalation, EventKind,
    Purpose, Rejection, Said, Statement, TicketApprover, Timestamp, after,
};

/// The most refusals that are kept of one approval. A machine that goes on writing must not fill the journal.
const REFUSED_MAX: usize = 50;

impl Deciding {
    /// Holds what was written on a ticket against what people are asked to decide.
    pub(super) fn hear(
        &mut self,
        correlation: &Correlation,
        statements: &[Statement],
        sent_at: Timestamp,
    ) -> Result<(), Rejection> {
        let found = self.escalation_of_step(correlation).ok_or(Rejection::StaleStep)?;
        let Purpose::Approval { action } = &found.purpose else { return Ok(()) };
        if !self.is_heard_in_time(&found, sent_at) {
            return Ok(());
        }
        for statement in statements {
            let action = self.action(action)?;
            match &action.stage {
                ActionStage::AwaitingApproval(asked) if asked.escalation == found.id => {
                    self.hear_one(&found, &action, asked, statement);
                }
                // The statement before this one has decided it.
                _ => break,
            }
        }
        Ok(())
    }

    /// Whether the ticket was seen to be ours, that is still fresh, and the statements were asked for in this step.
    fn is_heard_in_time(&self, found: &Escalation, sent_at: Timestamp) -> bool {
        let seen = found.evidence().is_some_and(|seen| seen.valid_until() > self.now);
        let asked = (found.step.since..=self.now).contains(&sent_at);
        let fresh = after(sent_at, found.step_plan().freshness) > self.now;
        seen && asked && fresh
    }

    fn hear_one(
        &mut self,
        found: &Escalation,
        action: &Action,
        asked: &Approval,
        statement: &Statement,
    ) {
        let Some(ticket) = found.ticket() else { return };
        let Some(ruled) = Ruled::read(&statement.text) else { return };
        let correlation = &found.step.correlation;
        let ours = statement.actor.kind == ActorKind::Ourselves;
        if asked.terms.in_ticket.is_empty() || ours || asked.has_heard(correlation, &statement.id) {
            return;
        }
        let said = Said {
            correlation: correlation.clone(),
            ticket: ticket.clone(),
            statement: statement.id.clone(),
            account: statement.actor.name.clone(),
        };
        let judged = self.speaker(found, action, asked, statement, &ruled).and_then(|person| {
            let note = &ruled.note.chars().take(LINE_MAX / 4).collect::<String>();
            if ruled.yes {
                let said = Some(said.clone());
                return self
                    .approve(action, asked, &person.person, note, said)
                    .map_err(|refused| refused.to_string());
            }
            // Without a code too: a no that is written down is a no.
            let (code, note) = asked.reason_in(note);
            let ending = Ending {
                decision: Decision::Rejected,
                by: Some(person.person.clone()),
                code,
                note,
                said: Some(said.clone()),
            };
            self.end_approval_as(&action.id, asked, ending);
            self.see_to_plan_of(&action.id);
            Ok(())
        });
        if let Err(why) = judged
            && asked.refused.len() < REFUSED_MAX
        {
            let answer = asked.is_to_answer(&said.account);
            self.emit(EventKind::StatementRefused { action: action.id.clone(), said, why, answer });
        }
    }

    /// Whoever wrote a statement that does not count has been told so on the ticket.
    pub(super) fn answered(&mut self, correlation: &Correlation, statement: &str) {
        let waits = |action: &Action| match &action.stage {
            ActionStage::AwaitingApproval(asked) => asked
                .unanswered
                .iter()
                .any(|one| one.said.correlation == *correlation && one.said.statement == statement),
            _ => false,
        };
        let found = self.case.actions.values().find(|action| waits(action));
        if let Some(action) = found.map(|action| action.id.clone()) {
            let (correlation, statement) = (correlation.clone(), statement.to_owned());
            self.emit(EventKind::StatementAnswered { action, correlation, statement });
        }
    }

    /// The person who speaks, if they may decide this.
    fn speaker(
        &self,
        found: &Escalation,
        action: &Action,
        asked: &Approval,
        statement: &Statement,
        ruled: &Ruled,
    ) -> Result<TicketApprover, String> {
        let account = &statement.actor.name;
        if !statement.actor.kind.is_person() {
            return Err(format!("{account} is not known to be a person"));
        }
        let system = &found.step_plan().queue.system;
        let mut known = asked.terms.in_ticket.iter();
        let known = known.find(|known| known.system == *system && known.account == *account);
        let Some(known) = known else {
            return Err(format!("{account} is nobody who may decide this here"));
        };
        self.check_approver(asked, &known.person, &known.groups)
            .map_err(|refused| refused.to_string())?;
        if ruled.yes && action.amended_by.contains(&known.person) {
            return Err(Rejection::Involved { person: known.person.clone() }.to_string());
        }
        if !asked.is_meant(&ruled.digest) {
            return Err(format!(
                "{} is not what is being decided on, which is {}",
                ruled.digest.chars().take(80).collect::<String>(),
                asked.short_form()
            ));
        }
        Ok(known.clone())
    }
}
