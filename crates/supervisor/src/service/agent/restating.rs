//! Telling an agent that has come back what it holds, what is on offer to it, and what it holds no more. All of
//! it is derived from the cases as they are.
//!
//! The agent is heard meanwhile, and no more is stated than it takes: one that holds thousands of cases has to grant
//! credit and acknowledge before it can be told about the last of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use belay_domain::{Case, CaseId, Epoch};

use super::carrying::Carrying;
use super::keeping::lost;
use crate::engine::Refused;
use crate::sessions::lease;

/// How often a case is read again that goes on while it is being told about.
const READINGS_MAX: u32 = 8;

/// How long to wait for an engine that is full. Agents come back all at once after a restart.
const BREATH: Duration = Duration::from_millis(25);

impl Carrying {
    /// Tells an agent what it has to know, on whatever stream its session goes on, until the session is over.
    pub(super) async fn restate(&self, claims: Vec<(CaseId, Epoch)>) {
        let mut seen = BTreeSet::new();
        for (case, epoch) in claims {
            if !self.session.can_state().await {
                return;
            }
            let found = self.look(&case).await;
            self.answer_claim(&case, epoch, found.as_ref());
            if seen.insert(case) {
                self.tell_about(found).await;
            }
        }
        self.house.sessions.stocked().await;
        let (held, offered) = self.house.sessions.concerns(&self.session.agent);
        for case in held.into_iter().chain(offered.into_iter().map(|(_, case)| case)) {
            if !seen.insert(case.clone()) {
                continue;
            }
            if !self.session.can_state().await {
                return;
            }
            let found = self.look(&case).await;
            self.tell_about(found).await;
        }
        self.session.set_ready();
        self.house.sessions.stir();
    }

    /// Tells an agent whose session went on what it has lost meanwhile, as long as this stream serves it.
    pub(super) async fn restate_losses(&self, stream: u64, claims: Vec<(CaseId, Epoch)>) {
        for (case, epoch) in claims {
            if !self.session.can_state().await || self.session.has_moved_on(stream) {
                return;
            }
            let found = self.look(&case).await;
            self.answer_claim(&case, epoch, found.as_ref());
        }
    }

    fn answer_claim(&self, case: &CaseId, epoch: Epoch, found: Option<&Arc<Case>>) {
        if !found.is_some_and(|found| self.holds_now(found, epoch)) {
            let loss = self.loss(found, epoch);
            self.session.say(lost(case.clone(), epoch, loss));
        }
    }

    fn holds_now(&self, case: &Case, epoch: Epoch) -> bool {
        let now = self.house.engine.clock().now();
        lease(case, &self.session.agent, epoch).is_some_and(|lease_until| now < lease_until)
    }

    async fn tell_about(&self, mut found: Option<Arc<Case>>) {
        for _ in 0..READINGS_MAX {
            let Some(case) = found else { return };
            let now = self.house.engine.clock().now();
            if self.house.sessions.restate(&self.session, &case, now) {
                return;
            }
            found = self.look(&case.id).await;
        }
    }

    async fn look(&self, case: &CaseId) -> Option<Arc<Case>> {
        loop {
            match self.house.engine.case(case).await {
                Ok(found) => return found,
                Err(Refused::Overloaded) if !self.session.is_over() => {
                    tokio::time::sleep(BREATH).await;
                }
                Err(refused) => {
                    let error: &dyn std::error::Error = &refused;
                    tracing::warn!(%case, error, "an agent cannot be told about its case");
                    return None;
                }
            }
        }
    }
}
