//! Errands that write: executing an action through its connector, and undoing one. Both look first, so that
//! running them again after a crash does nothing twice.

use std::time::Duration;

use belay_domain::{
    Action, ActionId, ActionStage, Case, Command, FailureClaim, Outcome, ReadBack, Span, after,
};
use tracing::info;

use super::{Errand, Patience};
use crate::facts::case_facts;

/// How often the effect of an undoing write is looked for.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_MOST: Duration = Duration::from_secs(2);

impl Errand {
    pub(super) async fn execute(&self, id: &ActionId, attempt: u32) {
        let Some((case, action)) = self.action(id).await else { return };
        if !matches!(action.stage, ActionStage::Dispatched { permit: None, .. }) {
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
                let means = |status| playbook.claim(&action.contract, status);
                self.world.systems.write(&write, means).await
            }
            Err(failure) => {
                Outcome::NotExecuted { claim: FailureClaim::Permanent, reason: failure.to_string() }
            }
        }
    }

    pub(super) async fn compensate(&self, id: &ActionId, attempt: u32) {
        let Some((case, action)) = self.action(id).await else { return };
        if !matches!(action.stage, ActionStage::Compensating { attempt: now, .. } if now == attempt)
        {
            return;
        }
        let Some(outcome) = self.undo(&case, &action).await else { return };
        let action = id.clone();
        self.answer(Command::ReportCompensation { action, attempt, outcome }).await;
    }

    /// Undoes the action and waits until the target shows it. The error says whether trying again can help. None if
    /// nobody wants it any more.
    async fn undo(&self, case: &Case, action: &Action) -> Option<Result<(), (String, bool)>> {
        // What stands there now is what has to be undone, whatever was believed to be there.
        Some(match self.look_standing(case, action).await? {
            (ReadBack::NotApplied, _) => Ok(()),
            (ReadBack::Unreadable { detail }, _) => Err((detail, true)),
            (ReadBack::Applied { .. } | ReadBack::Different { .. }, Some(shown))
            | (ReadBack::Applied { shown }, None) => self.undo_shown(case, action, &shown).await,
            (ReadBack::Different { difference }, None) => Err((difference, false)),
        })
    }

    /// What stands at the target and is to be undone; none if nobody wants it any more. One absence does not say that
    /// there is nothing: the look may have been answered by a replica that lags, and what an earlier process or its
    /// agent sent may still be on its way. It counts once it has lasted for as long as an effect takes to show.
    async fn look_standing(
        &self,
        case: &Case,
        action: &Action,
    ) -> Option<(ReadBack, Option<String>)> {
        let mut patience = Patience::new(LOOK_FIRST, LOOK_MOST);
        let settle = action.terms().map_or(Span::ZERO, |terms| terms.settle_within);
        let conclusive = after(self.world.engine.clock().now(), settle);
        loop {
            let sent_at = self.world.engine.clock().now();
            let looked = self.look_closely(case, action).await;
            let is_known = looked.0 != ReadBack::NotApplied
                || (sent_at >= conclusive && !self.may_still_come(action, sent_at).await);
            if is_known {
                return Some(looked);
            }
            if !self.wait(patience.next()).await {
                return None;
            }
        }
    }

    /// Undoes what is shown there, unless that has been done.
    async fn undo_shown(
        &self,
        case: &Case,
        action: &Action,
        shown: &str,
    ) -> Result<(), (String, bool)> {
        if let ReadBack::Applied { .. } = self.look_undone(case, action, shown).await {
            return Ok(());
        }
        let playbook = self.world.playbooks.current();
        let facts = case_facts(case);
        let write = playbook
            .compensation(&action.contract, &action.input, &facts, shown)
            .map_err(|failure| (failure.to_string(), false))?;
        let means = |status| playbook.claim(&action.contract, status);
        let claimed = self.world.systems.write(&write, means).await;
        let settle = action.terms().map_or(Duration::ZERO, |terms| {
            Duration::try_from(terms.settle_within).unwrap_or_default()
        });
        let end = tokio::time::Instant::now() + settle;
        let mut patience = Patience::new(LOOK_FIRST, LOOK_MOST);
        loop {
            let shows = self.look_undone(case, action, shown).await;
            if let ReadBack::Applied { .. } = shows {
                return Ok(());
            }
            if tokio::time::Instant::now() >= end {
                return Err(not_undone(&claimed, &shows));
            }
            tokio::time::sleep(patience.next()).await;
        }
    }

    async fn look_undone(&self, case: &Case, action: &Action, shown: &str) -> ReadBack {
        let playbook = self.world.playbooks.current();
        let facts = case_facts(case);
        match playbook.compensation_check(&action.contract, &action.input, &facts, shown) {
            Ok(read) => {
                let answer = self.world.systems.read(&read).await;
                playbook.judge_compensation(&action.contract, &action.input, &facts, shown, &answer)
            }
            Err(failure) => ReadBack::Unreadable { detail: failure.to_string() },
        }
    }
}

fn not_undone(claimed: &Outcome, shows: &ReadBack) -> (String, bool) {
    let shown = match shows {
        ReadBack::Applied { .. } => "it is undone".to_owned(),
        ReadBack::NotApplied => "the target still shows it".to_owned(),
        ReadBack::Different { difference } => difference.clone(),
        ReadBack::Unreadable { detail } => format!("the target cannot be read: {detail}"),
    };
    match claimed {
        Outcome::NotExecuted { claim: FailureClaim::Permanent, reason } => {
            (format!("{reason}; {shown}"), false)
        }
        Outcome::NotExecuted { reason, .. } => (format!("{reason}; {shown}"), true),
        Outcome::Executed { .. } => (format!("the target said yes, and {shown}"), true),
    }
}
