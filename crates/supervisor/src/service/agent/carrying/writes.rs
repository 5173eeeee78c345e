//! What an agent asks about writes: proposing them, and beginning them.

use std::sync::Arc;

use belay_domain::{
    Action, ActionId, ActionStage, CaseId, Command, Digest, Epoch, EventKind, PermitId, Rejection,
};

use super::super::asked::Proposed;
use super::{Answer, Carrying};
use crate::governor::ProposeRequest;
use crate::sessions::{Notice, ruled};

impl Carrying {
    /// Proposes an action. The ruling is the answer, and comes by itself once there is one.
    pub(super) async fn propose(&self, message: u64, case: &CaseId, asked: Proposed) -> Answer {
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
