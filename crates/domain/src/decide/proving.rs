//! What a read-back says about a write, and the way back when it is not what was promised.

use super::{Deciding, wrong_stage};
use crate::{
    Action, ActionId, ActionStage, Cause, EventKind, FailureClaim, ReadBack, Rejection, Source,
    Timestamp, after,
};

impl Deciding {
    pub(super) fn verify(
        &mut self,
        id: &ActionId,
        attempt: u32,
        shown: &ReadBack,
        sent_at: Timestamp,
    ) -> Result<(), Rejection> {
        let action = self.action(id)?;
        if attempt != action.attempts {
            return Err(Rejection::StaleAttempt { given: attempt, current: action.attempts });
        }
        if sent_at > self.now {
            return Ok(());
        }
        match &action.stage {
            ActionStage::Executed { settle_until, .. } => {
                // An absence is conclusive if the read was sent after the effect had time to show, however late
                // its answer comes.
                self.verify_executed(&action, sent_at >= *settle_until, shown);
                Ok(())
            }
            ActionStage::Unknown { claim, reason, settle_until, .. } => {
                let settled = sent_at >= *settle_until;
                self.verify_unknown(&action, *claim, reason, settled, shown);
                Ok(())
            }
            _ if action.is_settled() => Ok(()),
            _ => Err(wrong_stage(&action)),
        }
    }

    /// What the target shows of an action that was not written: evidence about its contract, and nothing else.
    pub(super) fn compare(
        &mut self,
        id: &ActionId,
        before: Option<bool>,
        shown: &ReadBack,
    ) -> Result<(), Rejection> {
        let action = self.action(id)?;
        if action.stage != ActionStage::Shadowed {
            return Err(wrong_stage(&action));
        }
        if action.compared.is_none() {
            let (action, shown) = (id.clone(), shown.clone());
            self.emit(EventKind::ActionCompared { action, before, shown });
        }
        Ok(())
    }

    /// The target said yes. The effect may take its time to show, but not for ever.
    fn verify_executed(&mut self, action: &Action, settled: bool, shown: &ReadBack) {
        match shown {
            ReadBack::Applied { shown } => self.verified(&action.id, shown),
            ReadBack::Different { difference } if settled => self.diverged(action, difference),
            ReadBack::NotApplied if settled => {
                self.diverged(action, "the target said yes, and the effect is not there");
            }
            ReadBack::Different { .. } | ReadBack::NotApplied | ReadBack::Unreadable { .. } => {}
        }
    }

    /// Nobody knows. Only the target's own record tells, and only once a late effect would have shown
    /// (`IDM-4`).
    fn verify_unknown(
        &mut self,
        action: &Action,
        claim: FailureClaim,
        reason: &str,
        settled: bool,
        shown: &ReadBack,
    ) {
        match shown {
            ReadBack::Applied { shown } => self.verified(&action.id, shown),
            ReadBack::Different { difference } if settled => self.diverged(action, difference),
            ReadBack::NotApplied if settled => self.retry_or_fail(action, claim, reason),
            ReadBack::Different { .. } | ReadBack::NotApplied | ReadBack::Unreadable { .. } => {}
        }
    }

    pub(super) fn retry_or_fail(&mut self, action: &Action, claim: FailureClaim, reason: &str) {
        let Some(terms) = action.terms() else { return };
        let holds = self.key_of_holder(action).is_some();
        let reason = if !holds {
            format!("it took no effect, and its agent does not hold the case any more: {reason}")
        } else if !self.is_wanted(action) {
            format!("it took no effect, and its plan is being undone: {reason}")
        } else if claim == FailureClaim::Permanent {
            reason.to_owned()
        } else if action.attempts >= terms.attempts_max {
            format!("no attempt of {} took effect: {reason}", action.attempts)
        } else {
            self.emit(EventKind::ActionRetried {
                action: action.id.clone(),
                at: after(self.now, terms.backoff.wait(action.attempts)),
                reason: reason.to_owned(),
            });
            return;
        };
        self.emit(EventKind::ActionFailed { action: action.id.clone(), reason });
        self.see_to_plan_of(&action.id);
    }

    fn verified(&mut self, id: &ActionId, shown: &str) {
        self.emit(EventKind::ActionVerified { action: id.clone(), shown: shown.to_owned() });
        self.see_to_plan_of(id);
    }

    fn diverged(&mut self, action: &Action, difference: &str) {
        let id = &action.id;
        self.emit(EventKind::ActionDiverged {
            action: id.clone(),
            difference: difference.to_owned(),
        });
        self.remember("divergence", format!("{id}: {difference}"), Source::Belay, id.as_str());
        let undo = action.terms().is_some_and(|terms| terms.compensable && terms.undo_divergence);
        if undo && action.plan.is_none() {
            self.compensate(id, "its effect diverged");
        } else if !undo {
            self.ask_people(Cause::Divergence {
                action: id.clone(),
                detail: difference.to_owned(),
            });
        }
        self.see_to_plan_of(id);
    }

    /// Written down before the first byte leaves; at most once for each action (`IDM-7`).
    pub(super) fn compensate(&mut self, id: &ActionId, why: &str) {
        self.emit(EventKind::CompensationStarted {
            action: id.clone(),
            attempt: 1,
            at: self.now,
            why: why.to_owned(),
        });
    }

    pub(super) fn report_compensation(
        &mut self,
        id: &ActionId,
        attempt: u32,
        outcome: &Result<(), (String, bool)>,
    ) -> Result<(), Rejection> {
        let action = self.action(id)?;
        let current = match action.stage {
            ActionStage::Compensating { attempt, .. } => attempt,
            ActionStage::Compensated | ActionStage::CompensationFailed { .. } => return Ok(()),
            _ => return Err(wrong_stage(&action)),
        };
        if attempt != current {
            return Err(Rejection::StaleAttempt { given: attempt, current });
        }
        match outcome {
            Ok(()) => {
                self.emit(EventKind::ActionCompensated { action: id.clone() });
                self.see_to_plan_of(id);
            }
            Err((reason, retry)) => self.compensation_failed(&action, attempt, reason, *retry),
        }
        Ok(())
    }

    fn compensation_failed(&mut self, action: &Action, attempt: u32, reason: &str, retry: bool) {
        let id = &action.id;
        if let Some(terms) = action.terms()
            && retry
            && attempt < terms.attempts_max
        {
            self.emit(EventKind::CompensationStarted {
                action: id.clone(),
                attempt: attempt + 1,
                at: after(self.now, terms.backoff.wait(attempt)),
                why: reason.to_owned(),
            });
            return;
        }
        self.emit(EventKind::CompensationFailed { action: id.clone(), reason: reason.to_owned() });
        let told = format!("{id} could not be undone: {reason}");
        self.remember("divergence", told, Source::Belay, id.as_str());
        self.ask_people(Cause::CompensationFailed {
            action: id.clone(),
            detail: reason.to_owned(),
        });
        self.see_to_plan_of(id);
    }
}
