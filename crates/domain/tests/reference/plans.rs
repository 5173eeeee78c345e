//! Plans: several actions that stand or fall together.

use crate::actions::Stage;
use crate::ledger::{Fact, Ledger, Why};
use crate::moves::Name;

type Answer = Result<(), &'static str>;

impl Ledger {
    /// How a plan stands, if there is one of that name.
    pub(crate) fn plan(&self, wanted: Name) -> Option<&'static str> {
        self.back().find_map(|(_, _, fact)| match fact {
            Fact::PlanComplete { plan } if *plan == wanted => Some("complete"),
            Fact::PlanProved { plan } if *plan == wanted => Some("verified"),
            Fact::PlanUndoing { plan } if *plan == wanted => Some("undoing"),
            Fact::PlanUndone { plan } if *plan == wanted => Some("undone"),
            Fact::PlanStuck { plan } if *plan == wanted => Some("stuck"),
            Fact::Proposed { plan: Some(plan), .. } if *plan == wanted => {
                // Nothing is proposed for a plan that is not open.
                Some("open")
            }
            _ => None,
        })
    }

    fn parts(&self, plan: Name) -> Vec<usize> {
        (1..=self.actions()).filter(|action| self.proposal(*action).3 == Some(plan)).collect()
    }

    pub(crate) fn complete(&mut self, agent: Name, epoch: u64, plan: Name) -> Answer {
        self.owns(agent, epoch)?;
        match self.plan(plan).ok_or("UNKNOWN_PLAN")? {
            "open" => {
                self.note(Fact::PlanComplete { plan });
                self.see_to_plan(plan);
                Ok(())
            }
            "complete" | "verified" => Ok(()),
            _ => Err("PLAN_CLOSED"),
        }
    }

    pub(crate) fn abandon(&mut self, agent: Name, epoch: u64, plan: Name) -> Answer {
        self.owns(agent, epoch)?;
        match self.plan(plan).ok_or("UNKNOWN_PLAN")? {
            "open" | "complete" => {
                self.undo_plan(plan);
                Ok(())
            }
            "undoing" | "undone" => Ok(()),
            _ => Err("PLAN_CLOSED"),
        }
    }

    pub(crate) fn see_to_plan_of(&mut self, action: usize) {
        if let Some(plan) = self.proposal(action).3 {
            self.see_to_plan(plan);
        }
    }

    fn see_to_plan(&mut self, plan: Name) {
        let stages: Vec<Stage> =
            self.parts(plan).into_iter().map(|part| self.stage(part)).collect();
        match self.plan(plan) {
            Some("open" | "complete") if stages.iter().any(|stage| stage.breaks_its_plan()) => {
                self.undo_plan(plan);
            }
            // What was turned down is no part of what the plan did.
            Some("complete")
                if stages
                    .iter()
                    .all(|stage| ["verified", "denied", "shadowed"].contains(&stage.name())) =>
            {
                self.note(Fact::PlanProved { plan });
            }
            Some("undoing") => self.undo_next(plan),
            _ => {}
        }
    }

    pub(crate) fn undo_plan(&mut self, plan: Name) {
        self.note(Fact::PlanUndoing { plan });
        for action in self.parts(plan) {
            if self.stage(action).is_unsent() {
                self.stop_asking(action);
                self.note(Fact::Withdrawn { action });
            }
        }
        self.undo_next(plan);
    }

    /// The latest part that stands is undone, once nothing is in the air; then the one before.
    fn undo_next(&mut self, plan: Name) {
        let parts = self.parts(plan);
        if parts.iter().any(|part| !self.stage(*part).is_settled()) {
            return;
        }
        let stands =
            |part: &&usize| matches!(self.stage(**part), Stage::Verified | Stage::Diverged);
        let can_be_undone = |part: &&usize| {
            self.ruling(**part).is_some_and(|ruling| match self.stage(**part) {
                Stage::Diverged => ruling.undo,
                _ => ruling.undo || ruling.undoable,
            })
        };
        let next = parts.iter().rev().filter(stands).find(can_be_undone).copied();
        if let Some(action) = next {
            self.note(Fact::Undoing { action, attempt: 1, at: self.now });
            return;
        }
        let stuck = parts.iter().any(|part| {
            let stage = self.stage(*part);
            stands(&part) || stage == Stage::CompensationFailed
        });
        if stuck {
            self.note(Fact::PlanStuck { plan });
            self.ask_people(Why::SomethingIsWrong);
        } else {
            self.note(Fact::PlanUndone { plan });
        }
    }
}
