//! Telling an agent that has come back what it holds, what is on offer to it, and what it holds no more. All of
//! it is derived from the cases as they are.
//!
//! The agent is heard meanwhile, and no more is stated than it takes: one that holds thousands of cases has to grant
//! credit and acknowledge before it can be told about the last of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use belay_domain::{Case, CaseId, Epoch};
use futures_util::future::join_all;

use super::carrying::Carrying;
use super::keeping::lost;
use crate::engine::Refused;
use crate::sessions::lease;

/// How often a case is read again that goes on while it is being told about.
const READINGS_MAX: u32 = 8;

/// How long to wait for an engine that is full. Agents come back all at once after a restart.
const BREATH: Duration = Duration::from_millis(25);

/// How many cases are read at once. After a restart most are on disk, and the engine reads together what is asked for
/// together.
const AT_ONCE: usize = 32;

/// A case to be looked at, and under which epoch the agent claims to hold it, if it does.
type Matter = (CaseId, Option<Epoch>);

impl Carrying {
    /// Tells an agent what it has to know, on whatever stream its session goes on, until the session is over.
    pub(super) async fn restate(&self, claims: Vec<(CaseId, Epoch)>) {
        let claimed: BTreeSet<CaseId> = claims.iter().map(|(case, _)| case.clone()).collect();
        let mut told = BTreeSet::new();
        for matters in claimed_as(claims).chunks(AT_ONCE) {
            let Some(found) = self.look_at(matters).await else { return };
            for ((case, epoch), found) in matters.iter().zip(found) {
                self.answer_claim(case, *epoch, found.as_ref());
                if told.insert(case.clone()) {
                    self.tell_about(found).await;
                }
            }
        }
        self.house.sessions.stocked().await;
        let (held, offered) = self.house.sessions.concerns(&self.session.agent);
        let mut rest: BTreeSet<CaseId> = held.into_iter().collect();
        rest.extend(offered.into_iter().map(|(_, case)| case));
        let rest: Vec<Matter> =
            rest.difference(&claimed).map(|case| (case.clone(), None)).collect();
        for matters in rest.chunks(AT_ONCE) {
            let Some(found) = self.look_at(matters).await else { return };
            for found in found {
                self.tell_about(found).await;
            }
        }
        self.session.set_ready();
        self.house.sessions.stir();
    }

    /// Tells an agent whose session went on what it has lost meanwhile, as long as this stream serves it.
    pub(super) async fn restate_losses(&self, stream: u64, claims: Vec<(CaseId, Epoch)>) {
        for matters in claimed_as(claims).chunks(AT_ONCE) {
            let Some(found) = self.look_at(matters).await else { return };
            if self.session.has_moved_on(stream) {
                return;
            }
            for ((case, epoch), found) in matters.iter().zip(found) {
                self.answer_claim(case, *epoch, found.as_ref());
            }
        }
    }

    /// Reads cases as soon as the agent can be told about more; none if its session is over.
    async fn look_at(&self, matters: &[Matter]) -> Option<Vec<Option<Arc<Case>>>> {
        if !self.session.can_state().await {
            return None;
        }
        Some(join_all(matters.iter().map(|(case, _)| self.look(case))).await)
    }

    fn answer_claim(&self, case: &CaseId, epoch: Option<Epoch>, found: Option<&Arc<Case>>) {
        let Some(epoch) = epoch else { return };
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

fn claimed_as(claims: Vec<(CaseId, Epoch)>) -> Vec<Matter> {
    claims.into_iter().map(|(case, epoch)| (case, Some(epoch))).collect()
}
