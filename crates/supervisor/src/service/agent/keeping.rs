//! Progress: what keeps a case with its agent. It waits for nothing else that the agent asks, because a lease
//! that runs out while a slow message is in the way would be a gap that nobody wanted.

use std::sync::Arc;
use std::time::Duration;

use belay_domain::{Case, CaseId, Command, Digest, Epoch, Owner, Rejection};

use super::asked::Sign;
use super::carrying::Carrying;
use crate::engine::Refused;
use crate::sessions::{Loss, Notice, lease};

/// How often and how soon a sign of progress is tried again when the engine is full. Agents report three times
/// in a lease; a sign that could not be taken within a second is overtaken by the next.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

impl Carrying {
    /// Renews a lease and says so, or says that there is none.
    pub(super) async fn keep(&self, sign: Sign) {
        let Sign { case, epoch, note, context } = sign;
        let Some(_right) = self.session.act().await else { return };
        tracing::debug!(%case, %epoch, note, "progress");
        let agent = self.session.agent.clone();
        let command = Command::Progress { agent: agent.clone(), epoch, key: self.key };
        for _ in 0..TRIES {
            let notice = match self.house.engine.command(&case, command.clone()).await {
                Ok(applied) => match lease(&applied.case, &agent, epoch) {
                    Some(lease_until) => Notice::Renewed { case: case.clone(), epoch, lease_until },
                    None => lost(case.clone(), epoch, self.loss(Some(&applied.case), epoch)),
                },
                Err(Refused::Rejected(rejection)) => {
                    lost(case.clone(), epoch, self.why(&case, epoch, &rejection).await)
                }
                Err(Refused::Overloaded | Refused::Contended) => {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                    continue;
                }
                Err(refused) => {
                    tracing::warn!(%case, error = &refused as &dyn std::error::Error, "progress could not be recorded");
                    return;
                }
            };
            self.session.say(notice);
            if let Some(context) = context {
                self.knows(&case, epoch, context).await;
            }
            return;
        }
        tracing::warn!(%case, "progress could not be recorded: too much is waiting");
    }

    /// The agent shows which context it has: that is only asked of the engine where a merge waits for it.
    async fn knows(&self, id: &CaseId, epoch: Epoch, context: Digest) {
        let agent = self.session.agent.clone();
        let Ok(Some(case)) = self.house.engine.case(id).await else { return };
        if case.ties.absorbed.values().all(|taken| taken.told) {
            return;
        }
        let command = Command::SeeContext { agent, epoch, context };
        // What could not be taken now is said again with the next sign of progress.
        if let Err(refused) = self.house.engine.command(id, command).await {
            tracing::debug!(case = %id, %refused, "which context the agent has is not known yet");
        }
    }

    /// What must not be: the line is alive, and that renews every lease (`COV-7`). A planted bug calls it.
    pub(super) async fn keep_all(&self) {
        let agent = &self.session.agent;
        let (held, _) = self.house.sessions.concerns(agent);
        for id in held {
            let Ok(Some(case)) = self.house.engine.case(&id).await else { continue };
            let (agent, epoch) = (agent.clone(), case.epoch);
            let command = Command::Progress { agent, epoch, key: self.key };
            let _ = self.house.engine.command(&id, command).await;
        }
    }

    async fn why(&self, case: &CaseId, epoch: Epoch, rejection: &Rejection) -> Loss {
        match rejection {
            Rejection::LeaseOver => Loss::Expired,
            Rejection::CaseClosed => Loss::Closed,
            Rejection::CaseMerged { .. } => Loss::Merged,
            _ => {
                let case = self.house.engine.case(case).await.ok().flatten();
                self.loss(case.as_ref(), epoch)
            }
        }
    }

    /// Why the agent does not hold a case under this epoch, as far as the case still shows.
    pub(super) fn loss(&self, case: Option<&Arc<Case>>, epoch: Epoch) -> Loss {
        let agent = &self.session.agent;
        let Some(case) = case else { return Loss::NotHeld };
        if case.merged_into().is_some() {
            return Loss::Merged;
        }
        if !case.is_open() {
            return Loss::Closed;
        }
        match &case.owner {
            Owner::Agent { agent: owner, .. } if owner != agent => Loss::HandedOff,
            Owner::Queue { .. } => Loss::TakenByPerson,
            Owner::Supervisor { .. }
                if case.last_agent.as_ref() == Some(agent) && case.epoch == epoch.next() =>
            {
                Loss::Expired
            }
            Owner::Agent { .. } | Owner::Supervisor { .. } => Loss::NotHeld,
        }
    }
}

/// The word that a case is not held.
pub(super) fn lost(case: CaseId, epoch: Epoch, loss: Loss) -> Notice {
    Notice::Lost { case, epoch, loss }
}
