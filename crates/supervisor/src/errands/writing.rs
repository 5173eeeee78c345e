//! Executing an action through its connector. It looks first, so that doing it again after a crash does nothing twice.

use std::time::Duration;

use belay_domain::{
    Action, ActionId, ActionStage, Case, Command, FailureClaim, Outcome, ReadBack, SystemId,
};
use tracing::info;

use super::{Errand, Patience};
use crate::facts::case_facts;

/// How often it is looked whether an earlier write has taken effect.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_MOST: Duration = Duration::from_secs(2);

/// How often it is looked whether a system may be written to again.
const REST_LOOK: Duration = Duration::from_secs(1);

impl Errand {
    pub(super) async fn execute(&self, id: &ActionId, attempt: u32) {
        let Some((case, action)) = self.action(id).await else { return };
        if !matches!(action.stage, ActionStage::Dispatched { permit: None, .. }) {
            return;
        }
        if let Some(system) = self.system_of(&action)
            && !self.rest(&system).await
        {
            return;
        }
        let Some(shown) = self.look_before(&case, &action).await else { return };
        let outcome = match shown {
            // An earlier attempt, or an earlier life of this process, has done it.
            ReadBack::Applied { shown } | ReadBack::Different { difference: shown } => {
                Outcome::Executed { output: shown }
            }
            ReadBack::NotApplied if !self.is_let_through(&action) => Outcome::NotExecuted {
                claim: FailureClaim::Permanent,
                reason: "the playbook has changed since it was decided on".to_owned(),
            },
            ReadBack::NotApplied => self.write(&case, &action).await,
            ReadBack::Unreadable { detail } => Outcome::NotExecuted {
                claim: FailureClaim::Retryable,
                reason: format!("not attempted, because the target cannot be read: {detail}"),
            },
        };
        info!(action = %id, attempt, "executed through the connector");
        let action = id.clone();
        self.answer(Command::ReportOutcome { agent: None, action, attempt, outcome }).await;
    }

    /// What stands at the target before the write; none if nobody wants it any more. If an earlier process may have
    /// sent it already, an absence counts only after that had time to take effect.
    async fn look_before(&self, case: &Case, action: &Action) -> Option<ReadBack> {
        let mut patience = Patience::new(LOOK_FIRST, LOOK_MOST);
        loop {
            let sent_at = self.world.engine.clock().now();
            let shown = self.look(case, action).await;
            if shown != ReadBack::NotApplied || !self.may_still_come(action, sent_at).await {
                return Some(shown);
            }
            if !self.wait(patience.next()).await {
                return None;
            }
        }
    }

    /// Whether the playbook in force is the one that let it through. Between the decision and a write that is tried
    /// again another one may have been loaded (`APR-5`, `PRM-3`).
    fn is_let_through(&self, action: &Action) -> bool {
        let in_force = self.world.playbooks.current().version();
        action.verdict.as_ref().is_some_and(|verdict| verdict.playbook == in_force)
    }

    async fn write(&self, case: &Case, action: &Action) -> Outcome {
        let playbook = self.world.playbooks.current();
        match playbook.execution(&action.contract, &action.input, &case_facts(case)) {
            Ok(write) => {
                let means = |status, body: &_| playbook.claim(&action.contract, status, body);
                self.world.systems.write(&write, means).await
            }
            Err(failure) => {
                Outcome::NotExecuted { claim: FailureClaim::Permanent, reason: failure.to_string() }
            }
        }
    }

    /// Waits for as long as a system asked to be left alone. False if the errand is not wanted any more; a write that takes
    /// too long to be sent is one of which nobody knows.
    pub(super) async fn rest(&self, system: &SystemId) -> bool {
        while let Some(left) = self.world.systems.rests(system) {
            if !self.wait(left.min(REST_LOOK)).await {
                return false;
            }
        }
        self.is_wanted()
    }
}
