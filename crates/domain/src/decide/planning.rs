//! Plans: verified when every action is and the systems agree, undone in reverse when one cannot be.

use belay_planted::{Bug, planted};

use super::Deciding;
use super::matter::{LINE_MAX, within};
use crate::{
    Action, ActionId, ActionStage, AgentId, Cause, Decision, Epoch, Equality, EventKind, Plan,
    PlanId, PlanStage, Rejection,
};

impl Deciding {
    pub(super) fn check_plan_takes_actions(&self, id: &PlanId) -> Result<(), Rejection> {
        match self.case.plans.get(id).map(|plan| &plan.stage) {
            None | Some(PlanStage::Open) => Ok(()),
            Some(_) => Err(Rejection::PlanClosed { plan: id.clone() }),
        }
    }

    pub(super) fn complete_plan(
        &mut self,
        agent: &AgentId,
        epoch: Epoch,
        id: &PlanId,
        equalities: &[Equality],
    ) -> Result<(), Rejection> {
        self.check_owner(agent, epoch)?;
        match self.plan(id)?.stage {
            PlanStage::Open => {
                let equalities = equalities.to_vec();
                self.emit(EventKind::PlanCompleted { plan: id.clone(), equalities });
                self.see_to_plan(id);
            }
            PlanStage::Complete | PlanStage::Comparing { .. } | PlanStage::Verified => {}
            PlanStage::Undoing { .. } | PlanStage::Undone | PlanStage::Stuck { .. } => {
                return Err(Rejection::PlanClosed { plan: id.clone() });
            }
        }
        Ok(())
    }

    pub(super) fn abandon_plan(
        &mut self,
        agent: &AgentId,
        epoch: Epoch,
        id: &PlanId,
        reason: &str,
    ) -> Result<(), Rejection> {
        self.check_owner(agent, epoch)?;
        within("reason", reason, LINE_MAX)?;
        match self.plan(id)?.stage {
            PlanStage::Open | PlanStage::Complete | PlanStage::Comparing { .. } => {
                self.undo_plan(id, reason);
                Ok(())
            }
            PlanStage::Undoing { .. } | PlanStage::Undone => Ok(()),
            PlanStage::Verified | PlanStage::Stuck { .. } => {
                Err(Rejection::PlanClosed { plan: id.clone() })
            }
        }
    }

    /// What a change of this action means for the plan it belongs to.
    pub(super) fn see_to_plan_of(&mut self, id: &ActionId) {
        let plan = self.case.actions.get(id).and_then(|action| action.plan.clone());
        if let Some(plan) = plan {
            self.see_to_plan(&plan);
        }
    }

    /// A part of a plan that the agent holds to be complete will not happen, so neither may the rest.
    pub(super) fn part_missing(&mut self, id: &ActionId, what: &str) {
        let plan = self.case.actions.get(id).and_then(|action| action.plan.clone());
        if let Some(plan) = plan
            && self.case.plans.get(&plan).is_some_and(|plan| plan.stage == PlanStage::Complete)
        {
            self.undo_plan(&plan, &format!("{id} {what}"));
        }
    }

    /// Whether the plan of this action, if it has one, still wants it done.
    pub(super) fn is_wanted(&self, action: &Action) -> bool {
        let plan = action.plan.as_ref().and_then(|plan| self.case.plans.get(plan));
        plan.is_none_or(|plan| matches!(plan.stage, PlanStage::Open | PlanStage::Complete))
    }

    fn see_to_plan(&mut self, id: &PlanId) {
        let Ok(plan) = self.plan(id) else { return };
        match plan.stage {
            PlanStage::Open | PlanStage::Complete => {
                let broken = self.actions_of(&plan).find_map(failure);
                if let Some(why) = broken {
                    self.undo_plan(id, &why);
                } else if plan.stage == PlanStage::Complete && self.is_verified(&plan) {
                    self.compare_or_verify(id);
                }
            }
            PlanStage::Undoing { .. } => self.undo_next(id),
            PlanStage::Comparing { .. }
            | PlanStage::Verified
            | PlanStage::Undone
            | PlanStage::Stuck { .. } => {}
        }
    }

    pub(super) fn undo_plan(&mut self, id: &PlanId, why: &str) {
        self.emit(EventKind::PlanUndoing { plan: id.clone(), why: why.to_owned() });
        let Ok(plan) = self.plan(id) else { return };
        let stopped: Vec<_> =
            self.actions_of(&plan).filter(|action| action.is_before_dispatch()).cloned().collect();
        for action in stopped {
            let why = "its plan is being undone".to_owned();
            if let ActionStage::AwaitingApproval(approval) = &action.stage {
                self.end_approval(&action.id, approval, Decision::Superseded, None, &why);
            }
            self.emit(EventKind::ActionWithdrawn { action: action.id.clone(), why });
        }
        self.undo_next(id);
    }

    /// Undoes the last action that stands, and waits for it before the one before (`IDM-7`).
    fn undo_next(&mut self, id: &PlanId) {
        let Ok(plan) = self.plan(id) else { return };
        let busy = self.actions_of(&plan).any(|action| !action.is_settled());
        if busy {
            return;
        }
        let standing: Vec<_> = self
            .actions_of(&plan)
            .filter(|action| match action.stage {
                ActionStage::Verified { .. } | ActionStage::Diverged { .. } => true,
                ActionStage::Compensated => planted(Bug::CompensatedTwice),
                _ => false,
            })
            .cloned()
            .collect();
        let undoable = |action: &&Action| {
            let diverged = matches!(action.stage, ActionStage::Diverged { .. });
            action
                .terms()
                .is_some_and(|terms| terms.compensable && (!diverged || terms.undo_divergence))
        };
        if let Some(last) = standing.iter().rev().find(undoable) {
            self.compensate(&last.id, "its plan failed");
            return;
        }
        let failed: Vec<_> = self
            .actions_of(&plan)
            .filter(|action| matches!(action.stage, ActionStage::CompensationFailed { .. }))
            .chain(standing.iter())
            .map(|action| action.id.clone())
            .collect();
        match failed.first().cloned() {
            None => self.emit(EventKind::PlanUndone { plan: id.clone() }),
            Some(action) => {
                let names = failed.iter().map(ActionId::as_str).collect::<Vec<_>>().join(", ");
                let why =
                    format!("these writes of the plan {id} stand and cannot be undone: {names}");
                self.emit(EventKind::PlanStuck { plan: id.clone(), why: why.clone() });
                self.ask_people(Cause::Divergence { action, detail: why });
            }
        }
    }

    pub(super) fn plan(&self, id: &PlanId) -> Result<Plan, Rejection> {
        let found = self.case.plans.get(id).cloned();
        found.ok_or_else(|| Rejection::UnknownPlan { plan: id.clone() })
    }

    fn actions_of<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a Action> {
        plan.actions.iter().filter_map(|id| self.case.actions.get(id)).map(AsRef::as_ref)
    }

    fn is_verified(&self, plan: &Plan) -> bool {
        self.actions_of(plan).all(|action| match action.stage {
            ActionStage::Verified { .. } => true,
            // Turned down or shadowed, so that it is no part of what the plan did.
            _ => action.is_without_effect(),
        })
    }
}

/// Why an action breaks its plan, if it does. One that was merely turned down does not: the agent may propose
/// another, as long as it has not said that the plan is complete.
fn failure(action: &Action) -> Option<String> {
    match &action.stage {
        ActionStage::Failed { reason } => Some(format!("{} failed: {reason}", action.id)),
        ActionStage::Diverged { difference } => {
            Some(format!("{} diverged: {difference}", action.id))
        }
        ActionStage::Rejected { by, note, .. } => {
            Some(format!("{} was rejected by {by}: {note}", action.id))
        }
        ActionStage::Expired => Some(format!("nobody decided on {} in time", action.id)),
        ActionStage::Withdrawn { why } => Some(format!("{} was withdrawn: {why}", action.id)),
        ActionStage::CompensationFailed { reason } => {
            Some(format!("{} could not be undone: {reason}", action.id))
        }
        _ => None,
    }
}
