//! Plans: several actions that stand or fall together, and systems that have to agree after them.

use crate::actions::Stage;
use crate::ledger::{Fact, Ledger, Why};
use crate::moves::{Agree, Name, Shows};
use crate::terms::{COMPARE, SETTLE};

pub(crate) const PLANS: [Name; 2] = ["x", "y"];

type Answer = Result<(), &'static str>;

impl Ledger {
    /// How a plan stands, if there is one of that name.
    pub(crate) fn plan(&self, wanted: Name) -> Option<&'static str> {
        self.back().find_map(|(_, _, fact)| match fact {
            Fact::PlanComplete { plan, .. } if *plan == wanted => Some("complete"),
            Fact::PlanAtIssue { plan } if *plan == wanted => Some("comparing"),
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

    pub(crate) fn complete(&mut self, agent: Name, epoch: u64, plan: Name, agree: Agree) -> Answer {
        self.owns(agent, epoch)?;
        match self.plan(plan).ok_or("UNKNOWN_PLAN")? {
            "open" => {
                self.note(Fact::PlanComplete { plan, agree });
                self.see_to_plan(plan);
                Ok(())
            }
            "complete" | "comparing" | "verified" => Ok(()),
            _ => Err("PLAN_CLOSED"),
        }
    }

    pub(crate) fn abandon(&mut self, agent: Name, epoch: u64, plan: Name) -> Answer {
        self.owns(agent, epoch)?;
        match self.plan(plan).ok_or("UNKNOWN_PLAN")? {
            "open" | "complete" | "comparing" => {
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
                let verified = stages.contains(&Stage::Verified);
                match self.wanted_of(plan) {
                    Agree::OrPeople | Agree::OrUndone if verified => {
                        self.note(Fact::PlanAtIssue { plan });
                    }
                    _ => self.note(Fact::PlanProved { plan }),
                }
            }
            Some("undoing") => self.undo_next(plan),
            _ => {}
        }
    }

    fn wanted_of(&self, wanted: Name) -> Agree {
        let agree = self.back().find_map(|(_, _, fact)| match fact {
            Fact::PlanComplete { plan, agree } if *plan == wanted => Some(*agree),
            _ => None,
        });
        agree.unwrap_or(Agree::Nothing)
    }

    /// Since when the plan waits for its systems to be compared, how long they may take to agree, and when people are
    /// told; none of that if it waits for nothing.
    fn at_issue(&self, wanted: Name) -> Option<(i64, i64, i64)> {
        let since = self.back().find_map(|(_, at, fact)| match fact {
            Fact::PlanAtIssue { plan } if *plan == wanted => Some(at),
            _ => None,
        });
        let since = since.filter(|_| self.plan(wanted) == Some("comparing"))?;
        let settle = if self.wanted_of(wanted) == Agree::OrUndone { SETTLE } else { 0 };
        Some((since, settle, since + settle + COMPARE))
    }

    fn was_given_to_people(&self, wanted: Name) -> bool {
        self.count(|fact| matches!(fact, Fact::PlanToPeople { plan } if *plan == wanted)) > 0
    }

    pub(crate) fn deadline_of_plan(&self, plan: Name) -> Option<i64> {
        self.at_issue(plan).map(|found| found.2).filter(|_| !self.was_given_to_people(plan))
    }

    /// Whether nobody may say yet that the case is done, because its systems are being compared.
    pub(crate) fn is_at_issue(&self, person: bool) -> bool {
        PLANS.iter().any(|plan| {
            self.at_issue(plan).is_some() && !(person && self.was_given_to_people(plan))
        })
    }

    pub(crate) fn agreement(&mut self, plan: Name, shows: Shows, all: bool, sent: i64) -> Answer {
        self.plan(plan).ok_or("UNKNOWN_PLAN")?;
        let Some((since, settle, _)) = self.at_issue(plan) else { return Ok(()) };
        let parts = self.parts(plan).into_iter();
        let verified = parts.filter(|part| self.stage(*part) == Stage::Verified).count();
        let reported = if all { verified } else { verified - 1 };
        if sent < since || self.now < sent || reported == 0 {
            return Ok(());
        }
        match shows {
            Shows::It if all => self.note(Fact::PlanProved { plan }),
            Shows::SomethingElse if sent >= since + settle => {
                self.note(Fact::Learned);
                if self.wanted_of(plan) == Agree::OrUndone {
                    self.undo_plan(plan);
                } else {
                    self.note(Fact::PlanStuck { plan });
                    self.ask_people(Why::SomethingIsWrong);
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn let_time_pass_for_plans(&mut self) {
        for plan in PLANS {
            if self.deadline_of_plan(plan).is_some_and(|until| until <= self.now) {
                self.note(Fact::PlanToPeople { plan });
                self.note(Fact::Learned);
                self.ask_people(Why::SomethingIsWrong);
            }
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
