//! Telling an agent that has come back what it holds, what is on offer to it, and what it holds no more. All of
//! it is derived from the cases as they are.

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
    /// Tells an agent what it has to know. One whose session went on needs to hear only what it has lost.
    pub(super) async fn restate(&self, resumed: bool, claims: Vec<(CaseId, Epoch)>) {
        let mut seen = BTreeSet::new();
        for (case, epoch) in claims {
            let found = self.look(&case).await;
            let held = found.as_ref().is_some_and(|found| self.holds_now(found, epoch));
            if !held {
                let loss = self.loss(found.as_ref(), epoch);
                self.session.say(lost(case.clone(), epoch, loss));
            }
            if !resumed && seen.insert(case) {
                self.tell_about(found).await;
            }
        }
        if !resumed {
            let (held, offered) = self.house.sessions.concerns(&self.session.agent);
            for case in held.into_iter().chain(offered.into_iter().map(|(_, case)| case)) {
                if seen.insert(case.clone()) {
                    let found = self.look(&case).await;
                    self.tell_about(found).await;
                }
            }
        }
        self.session.set_ready();
        self.house.sessions.stir();
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
