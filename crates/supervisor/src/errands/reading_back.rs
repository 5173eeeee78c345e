//! Errands that read back: whether a write's effect is there is asked of the target, with a credential of our
//! own, until the answer settles the matter.

use std::time::Duration;

use belay_domain::{
    Action, ActionId, Case, Command, EventKind, Executor, ReadBack, SystemId, Timestamp, after,
};
use tracing::debug;

use super::{Errand, Patience};
use crate::engine::decode;
use crate::facts::case_facts;

/// The first looks come quickly, because most effects show at once; later ones are spared.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_MOST: Duration = Duration::from_secs(5);

impl Errand {
    /// Reads back until the case has what it needs.
    pub(super) async fn read_back(&self, id: &ActionId, attempt: u32) {
        let mut patience = Patience::new(LOOK_FIRST, LOOK_MOST);
        let mut again = false;
        while self.is_wanted() {
            let Some((case, action)) = self.action(id).await else { return };
            if action.is_settled() || action.attempts != attempt {
                return;
            }
            let sent_at = self.world.engine.clock().now();
            let shown = self.look(&case, &action).await;
            debug!(action = %id, attempt, ?shown, "read back");
            if shown == ReadBack::NotApplied && self.may_still_come(&action, sent_at).await {
                if !self.wait(patience.next()).await {
                    return;
                }
                continue;
            }
            let system = self.system_of(&action);
            let unreadable = matches!(shown, ReadBack::Unreadable { .. });
            if let Some(system) = system.as_ref().filter(|_| !unreadable) {
                self.budgets.answered(system, again);
            }
            let action = id.clone();
            if !self.answer(Command::Verify { action, attempt, shown, sent_at }).await {
                return;
            }
            let wanted = match system.filter(|_| unreadable) {
                Some(system) => self.wait_to_repeat(&system, &mut patience).await,
                None => self.wait(patience.next()).await,
            };
            if !wanted {
                return;
            }
            again = unreadable;
        }
    }

    /// Where the effect of an action shows.
    pub(super) fn system_of(&self, action: &Action) -> Option<SystemId> {
        let playbook = self.world.playbooks.current();
        playbook.contract(&action.contract).map(|contract| contract.system().clone())
    }

    /// Whether an effect that did not show at this moment may still be on its way: an earlier process sent it, and
    /// less than its time has passed in this one. For how long no process lived is not known for sure, because the
    /// wall may have jumped ahead.
    pub(super) async fn may_still_come(&self, action: &Action, looked_at: Timestamp) -> bool {
        let Some(terms) = action.terms() else { return false };
        // An agent may still be at it; a write of our own ended with the process that sent it.
        let sent = match terms.executor {
            Executor::Agent => after(self.world.started, terms.outcome_within),
            Executor::Supervisor => self.world.started,
        };
        let settled = after(sent, terms.settle_within);
        let begins = |kind: &EventKind| matches!(kind, EventKind::ActionDispatched { action: id, .. } if *id == action.id);
        looked_at < settled && self.begun_before_start(begins).await
    }

    /// Whether the last of what begins like this was begun by an earlier process. What cannot be read may have been.
    pub(super) async fn begun_before_start(&self, begins: impl Fn(&EventKind) -> bool) -> bool {
        let Ok(stored) = self.world.engine.journal().load(self.case.as_str()).await else {
            return true;
        };
        let events = stored.iter().rev().filter_map(|stored| decode(stored).ok());
        let begun = events.into_iter().find(|event| begins(&event.kind)).map(|event| event.at);
        begun.is_none_or(|at| at < self.world.started)
    }

    /// What the target shows of an action's effect now.
    pub(super) async fn look(&self, case: &Case, action: &Action) -> ReadBack {
        self.look_closely(case, action).await.0
    }

    /// The same, and what stands there as JSON, even where it is not what was promised.
    pub(super) async fn look_closely(
        &self,
        case: &Case,
        action: &Action,
    ) -> (ReadBack, Option<String>) {
        let playbook = self.world.playbooks.current();
        let facts = case_facts(case);
        let (contract, input) = (&action.contract, &action.input);
        match playbook.verification(contract, input, &facts) {
            Ok(read) => {
                let answer = self.world.systems.read(&read).await;
                let judged = playbook.judge_readback(contract, input, &facts, &answer);
                (judged, playbook.standing(contract, input, &facts, &answer))
            }
            Err(failure) => (ReadBack::Unreadable { detail: failure.to_string() }, None),
        }
    }
}
