//! Errands to agents: finding one, showing it an offer, assessing what it proposes, handing it a permit.

use std::sync::Arc;
use std::time::Duration;

use belay_domain::{
    Action, ActionId, ActionStage, AgentId, Case, Command, HandoffId, PermitGrant, Target,
};
use belay_transport::permit::{AuthorizationDetail, Permit, PermitToken, SignError};
use belay_transport::thumbprint::Thumbprint;
use tracing::{error, info, warn};

use super::{Errand, Patience};
use crate::sessions::{Pick, Sessions};

/// How often an agent that cannot be told is looked for again, should no change of the sessions be noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

impl Errand {
    /// Looks for an agent that fits until there is one, or until everyone has been tried.
    pub(super) async fn seek(&self, mut known: Option<Arc<Case>>, target: &Target) {
        let mut changes = self.world.sessions.changes();
        loop {
            changes.mark_unchanged();
            let case = match known.take() {
                Some(case) => case,
                None => match self.case().await {
                    Some(case) => case,
                    None => return,
                },
            };
            let Some(pick) = candidate(&self.world.sessions, &case, target) else { return };
            let answered = match pick {
                Pick::Agent(to) => self.answer(Command::Offer { to }).await,
                Pick::AllTried => self.answer(Command::NoCandidate).await,
                Pick::Nobody => false,
            };
            drop(case);
            if answered {
                return;
            }
            tokio::select! {
                biased;
                () = self.wanted.cancelled() => return,
                _ = changes.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Shows an agent its offer, again whenever it may have missed it.
    pub(super) async fn offer(&self, handoff: &HandoffId, to: &AgentId) {
        let mut changes = self.world.sessions.changes();
        loop {
            changes.mark_unchanged();
            let Some(case) = self.case().await else { return };
            if self.world.sessions.offer(&case, handoff, to) {
                return;
            }
            tokio::select! {
                biased;
                () = self.wanted.cancelled() => return,
                _ = changes.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Reads what the preconditions need and asks the playbook.
    pub(super) async fn assess(&self, id: &ActionId) {
        let mut patience = Patience::new(Duration::from_millis(100), Duration::from_secs(5));
        while self.is_wanted() {
            let Some((case, action)) = self.action(id).await else { return };
            match self.world.governor.assess(&case, &action).await {
                Ok(_) => return,
                Err(crate::engine::Refused::Rejected(_)) => return,
                Err(failure) => warn!(action = %id, error = %failure, "not assessed yet"),
            }
            if !self.wait(patience.next()).await {
                return;
            }
        }
    }

    /// Signs the permit and hands it to its agent.
    pub(super) async fn deliver_permit(&self, id: &ActionId) {
        let mut changes = self.world.sessions.changes();
        loop {
            changes.mark_unchanged();
            let Some((case, action)) = self.action(id).await else { return };
            let ActionStage::Authorized { permit } = &action.stage else { return };
            match self.sign(&case, &action, permit) {
                Ok(token) if self.world.sessions.permit(&case, id, token.expose()) => {
                    info!(action = %id, permit = %permit.permit, "permit handed out");
                    return;
                }
                Ok(_) => {}
                Err(failure) => {
                    error!(action = %id, error = %failure, "the permit could not be signed");
                    return;
                }
            }
            tokio::select! {
                biased;
                () = self.wanted.cancelled() => return,
                _ = changes.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    fn sign(
        &self,
        case: &Case,
        action: &Action,
        grant: &PermitGrant,
    ) -> Result<PermitToken, SignError> {
        let agent =
            self.world.trust_domain.agent(grant.agent.as_str()).map_err(|_| SignError::Life)?;
        let contract = self.world.playbooks.current();
        let location = contract.contract(&action.contract).map(|found| found.system().to_string());
        self.world.permits.sign(&Permit {
            id: grant.permit.to_string(),
            agent,
            certificate: Thumbprint::from(*grant.key.as_bytes()),
            case: case.id.to_string(),
            action: action.id.to_string(),
            contract: action.contract.to_string(),
            input_digest: grant.input_digest.to_string(),
            epoch: grant.epoch.0,
            issued_at: self.world.engine.clock().now(),
            expires_at: grant.expires,
            authorization_details: vec![AuthorizationDetail {
                kind: "belay_action".to_owned(),
                locations: location.into_iter().collect(),
                actions: vec![action.contract.to_string()],
                identifier: Some(action.id.to_string()),
                more: serde_json::Map::new(),
            }],
        })
    }
}

/// Whom the case can be offered to now; none if nobody is looked for any more. Whoever let it go last is asked last:
/// an agent that hangs is still connected, and would take it again.
pub(super) fn candidate(sessions: &Sessions, case: &Case, target: &Target) -> Option<Pick> {
    let mut tried = case.routing.as_ref()?.tried.clone();
    tried.extend(case.owning_agent().cloned());
    if let Some(last) = &case.last_agent {
        let place = tried.len();
        tried.push(last.clone());
        if let other @ Pick::Agent(_) = sessions.pick(target, &tried) {
            return Some(other);
        }
        tried.truncate(place);
    }
    Some(sessions.pick(target, &tried))
}
