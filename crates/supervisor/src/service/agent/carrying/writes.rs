//! What an agent asks about writes: proposing them, and beginning them.

use std::sync::Arc;

use belay_api::v1::ErrorReason;
use belay_domain::{
    Action, ActionId, ActionStage, Case, CaseId, Command, Digest, Epoch, EventKind, PermitId,
    Rejection, Source,
};

use super::super::asked::{Proposed, quotations};
use super::{Answer, Carrying};
use crate::governor::ProposeRequest;
use crate::sessions::{Notice, ruled};
use crate::wire::Fault;

impl Carrying {
    /// Proposes an action. The ruling is the answer, and comes by itself once there is one.
    pub(super) async fn propose(&self, message: u64, case: &CaseId, asked: Proposed) -> Answer {
        if quotations(&asked).next().is_some() {
            check_quotations(self.case(case).await?.as_ref(), &asked)?;
        }
        let Proposed { epoch, proposal, contract, input, provenance, plan, justification } = asked;
        let number = proposal.clone();
        self.session.await_decision(case, &number, message);
        let request = ProposeRequest {
            agent: self.agent().clone(),
            case: case.clone(),
            epoch,
            proposal,
            contract,
            input,
            provenance,
            plan,
            justification,
        };
        let applied = match self.house.governor.propose(request).await {
            Ok(applied) => applied,
            Err(refused) => {
                self.session.decided(case, &number);
                return Err(refused.into());
            }
        };
        let own =
            |action: &&Arc<Action>| action.proposer == *self.agent() && action.proposal == number;
        let Some(action) = applied.case.actions.values().find(own).cloned() else {
            self.session.decided(case, &number);
            return Err(Rejection::UnknownCase.into());
        };
        let ruling = ruled(&applied.case, &action);
        if ruling.is_none() && matches!(action.stage, ActionStage::Proposed { .. }) {
            return Ok(None);
        }
        // Whoever tells what has happened has answered already, unless it happened before this message.
        if self.session.decided(case, &number).is_empty() {
            return Ok(None);
        }
        let Some(ruled) = ruling else {
            return Err(Rejection::NotOwner { agent: self.agent().clone() }.into());
        };
        let more = matches!(
            action.stage,
            ActionStage::Denied { .. } | ActionStage::Shadowed | ActionStage::AwaitingApproval(_)
        );
        let decided = Notice::Decided { case: case.clone(), action: action.clone(), ruled };
        if !more && action.is_settled() {
            // A repeat of a proposal that has run its course: what became of it was said to nobody who remembers.
            self.session.reply(message, decided);
            self.session.say(Notice::Result { case: case.clone(), action });
            return Ok(None);
        }
        Ok(Some(decided))
    }

    /// Consumes a permit that the playbook in force stands behind. The answer leaves when the intent is durable.
    pub(super) async fn begin(
        &self,
        case: &CaseId,
        action: ActionId,
        permit: PermitId,
        input: Digest,
        epoch: Epoch,
    ) -> Answer {
        let playbook = self.house.playbooks.current().version();
        self.command(case, Command::PlaybookInForce { playbook }).await?;
        let command = Command::BeginExecution {
            agent: self.agent().clone(),
            key: self.key,
            epoch,
            action: action.clone(),
            permit: permit.clone(),
            input,
        };
        let applied = self.command(case, command).await?;
        let begun = applied.events.iter().find_map(|event| match &event.kind {
            EventKind::ActionDispatched { action: begun, attempt, until, .. }
                if *begun == action =>
            {
                Some((*attempt, *until))
            }
            _ => None,
        });
        let Some((attempt, until)) = begun else {
            return Err(Rejection::PermitUsed { permit }.into());
        };
        tracing::info!(%action, %permit, attempt, "permit consumed");
        Ok(Some(Notice::Started { action, permit, attempt, until }))
    }
}

/// An agent that says that a person of the business said so names the entry of the context in which they did.
/// Text cannot make itself the word of a person.
fn check_quotations(case: &Case, asked: &Proposed) -> Result<(), Fault> {
    let spoken = |place: &str| {
        let index = place.parse::<usize>().ok()?.checked_sub(1)?;
        let entry = case.context.entries().get(index)?;
        (entry.provenance.source == Source::Staff).then_some(())
    };
    let wrong: Vec<_> = quotations(asked)
        .filter(|(_, place)| spoken(place).is_none())
        .map(|(index, _)| {
            let what = "has to be the ordinal of a context entry in which a person of the business \
                        said so";
            (format!("provenance[{index}].reference"), what.to_owned())
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(Fault::fields(ErrorReason::InvalidField, wrong)) }
}
