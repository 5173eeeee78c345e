//! Undoing an action: what stands is looked at, then each write of its way back is made unless it is done already, and in
//! the end the target has to show that the action is gone.
//!
//! Nothing is remembered between two attempts. An attempt that died between two writes, or never heard of the one before,
//! is followed by one that looks again at everything.

use std::time::Duration;

use belay_domain::{
    Action, ActionId, ActionStage, Case, Command, EventKind, FailureClaim, Outcome, ReadBack, Span,
    after,
};
use belay_playbook::{PrepareError, Reads, WayBack};
use tracing::info;

use super::{Errand, Patience};
use crate::facts::case_facts;

/// How often the effect of an undoing write is looked for.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_MOST: Duration = Duration::from_secs(2);

/// Why an action is not undone. Nothing is done about it when nobody wants it any more.
enum NotUndone {
    /// Trying again can help, or cannot.
    Failed { why: String, retry: bool },
    /// Nobody wants it any more.
    Unwanted,
}

impl Errand {
    pub(super) async fn compensate(&self, id: &ActionId, attempt: u32) {
        let Some((case, action)) = self.action(id).await else { return };
        if !matches!(action.stage, ActionStage::Compensating { attempt: now, .. } if now == attempt)
        {
            return;
        }
        let outcome = match self.undo(&case, &action, attempt).await {
            Ok(()) => Ok(()),
            Err(NotUndone::Failed { why, retry }) => Err((why, retry)),
            Err(NotUndone::Unwanted) => return,
        };
        let action = id.clone();
        self.answer(Command::ReportCompensation { action, attempt, outcome }).await;
    }

    /// Undoes the action and waits until the target shows it.
    async fn undo(&self, case: &Case, action: &Action, attempt: u32) -> Result<(), NotUndone> {
        // What stands there now is what has to be undone, whatever was believed to be there.
        match self.look_standing(case, action).await.ok_or(NotUndone::Unwanted)? {
            (ReadBack::NotApplied, _) => Ok(()),
            (ReadBack::Unreadable { detail }, _) => Err(failed(detail, true)),
            (ReadBack::Applied { .. } | ReadBack::Different { .. }, Some(shown))
            | (ReadBack::Applied { shown }, None) => {
                self.undo_shown(case, action, attempt, &shown).await
            }
            (ReadBack::Different { difference }, None) => Err(failed(difference, false)),
        }
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
        attempt: u32,
        shown: &str,
    ) -> Result<(), NotUndone> {
        let playbook = self.world.playbooks.current();
        let facts = case_facts(case);
        let mut way = playbook.way_back(&action.contract, &action.input, &facts, shown)?;
        if let ReadBack::Applied { .. } = self.look_at(&mut way, None).await? {
            return Ok(());
        }
        // An earlier attempt may have sent something that has not arrived yet.
        let again = attempt > 1
            || self
                .begun_before_start(|kind| {
                    matches!(kind, EventKind::CompensationStarted { action: id, .. } if *id == action.id)
                })
                .await;
        let mut said = None;
        for step in 0..way.writes() {
            said = self.undo_step(action, &mut way, step, again).await?.or(said);
        }
        let settle = way.settle_within();
        match self.look_until(&mut way, None, settle).await? {
            ReadBack::Applied { .. } => Ok(()),
            shows => Err(not_undone(said.as_ref(), &shows)),
        }
    }

    /// Makes one write of a way back and waits until it shows. What the system said to it; none if it was done already.
    async fn undo_step(
        &self,
        action: &Action,
        way: &mut WayBack<'_>,
        step: usize,
        again: bool,
    ) -> Result<Option<Outcome>, NotUndone> {
        let name = way.name(step).to_owned();
        let in_step = |why: String| match name.as_str() {
            "" => why,
            name => format!("{name}: {why}"),
        };
        let settle = if again { way.settles_within(step) } else { Span::ZERO };
        // An absence says that it is not done only when it has lasted.
        match self.look_until(way, Some(step), settle).await? {
            ReadBack::Applied { .. } => return Ok(None),
            ReadBack::NotApplied => {}
            ReadBack::Different { difference } => return Err(failed(in_step(difference), false)),
            ReadBack::Unreadable { detail } => return Err(failed(in_step(detail), true)),
        }
        let mut reads = Reads::default();
        loop {
            let open = way.reads(step, &reads)?;
            if open.is_empty() {
                break;
            }
            for read in open {
                let answer = self.world.systems.read(&read).await;
                reads.add(&read, answer);
            }
        }
        let write = way.write(step, &reads)?;
        if !self.rest(&write.system).await {
            return Err(NotUndone::Unwanted);
        }
        let playbook = self.world.playbooks.current();
        let means = |status, body: &_| playbook.claim(&action.contract, status, body);
        let said = self.world.systems.write(&write, means).await;
        info!(action = %action.id, step, "undoing");
        let settle = way.settles_within(step);
        match self.look_until(way, Some(step), settle).await? {
            ReadBack::Applied { .. } => Ok(Some(said)),
            shows => match not_undone(Some(&said), &shows) {
                NotUndone::Failed { why, retry } => Err(failed(in_step(why), retry)),
                NotUndone::Unwanted => Err(NotUndone::Unwanted),
            },
        }
    }

    /// Looks at one step, or at whether the action is gone, until it is so or its time is over.
    async fn look_until(
        &self,
        way: &mut WayBack<'_>,
        step: Option<usize>,
        settle: Span,
    ) -> Result<ReadBack, NotUndone> {
        let settle = Duration::try_from(settle).unwrap_or_default();
        let end = tokio::time::Instant::now() + settle;
        let mut patience = Patience::new(LOOK_FIRST, LOOK_MOST);
        loop {
            let sent_at = tokio::time::Instant::now();
            let shows = self.look_at(way, step).await?;
            if matches!(shows, ReadBack::Applied { .. }) || sent_at >= end {
                return Ok(shows);
            }
            if !self.wait(patience.next()).await {
                return Err(NotUndone::Unwanted);
            }
        }
    }

    async fn look_at(
        &self,
        way: &mut WayBack<'_>,
        step: Option<usize>,
    ) -> Result<ReadBack, NotUndone> {
        Ok(match step {
            Some(step) => {
                let read = way.look(step)?;
                let answer = self.world.systems.read(&read).await;
                way.see(step, &answer)
            }
            None => {
                let read = way.proof()?;
                let answer = self.world.systems.read(&read).await;
                way.judge(&answer)
            }
        })
    }
}

impl From<PrepareError> for NotUndone {
    fn from(error: PrepareError) -> Self {
        failed(error.to_string(), error.retryable())
    }
}

fn failed(why: String, retry: bool) -> NotUndone {
    NotUndone::Failed { why, retry }
}

fn not_undone(said: Option<&Outcome>, shows: &ReadBack) -> NotUndone {
    let shown = match shows {
        ReadBack::Applied { .. } => "it is undone".to_owned(),
        ReadBack::NotApplied => "the target still shows it".to_owned(),
        ReadBack::Different { difference } => difference.clone(),
        ReadBack::Unreadable { detail } => format!("the target cannot be read: {detail}"),
    };
    match said {
        Some(Outcome::NotExecuted { claim: FailureClaim::Permanent, reason }) => {
            failed(format!("{reason}; {shown}"), false)
        }
        Some(Outcome::NotExecuted { reason, .. }) => failed(format!("{reason}; {shown}"), true),
        Some(Outcome::Executed { .. }) => failed(format!("the target said yes, and {shown}"), true),
        None => failed(format!("all of it is done, and {shown}"), true),
    }
}
