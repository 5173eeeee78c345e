//! Errands that read back: whether a write's effect is there is asked of the target, with a credential of our
//! own, until the answer settles the matter.

use std::time::Duration;

use belay_domain::{Action, ActionId, Case, Command, ReadBack};
use tracing::debug;

use super::{Errand, Patience};
use crate::facts::case_facts;

/// The first looks come quickly, because most effects show at once; later ones are spared.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_MOST: Duration = Duration::from_secs(5);

impl Errand {
    /// Reads back until the case has what it needs.
    pub(super) async fn read_back(&self, id: &ActionId, attempt: u32) {
        let mut patience = Patience::new(LOOK_FIRST, LOOK_MOST);
        while self.is_wanted() {
            let Some((case, action)) = self.action(id).await else { return };
            if action.is_settled() || action.attempts != attempt {
                return;
            }
            let sent_at = self.world.engine.clock().now();
            let shown = self.look(&case, &action).await;
            debug!(action = %id, attempt, ?shown, "read back");
            let action = id.clone();
            if !self.answer(Command::Verify { action, attempt, shown, sent_at }).await {
                return;
            }
            if !self.wait(patience.next()).await {
                return;
            }
        }
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
