//! Whether the systems agree after the last step of a plan, and what follows when they do not, or when nobody can tell.

use belay_planted::{Bug, planted};

use super::Deciding;
use crate::{
    ActionId, Cause, Compared, Comparison, EventKind, PlanId, PlanStage, Rejection, Source, Span,
    Timestamp, after,
};

impl Deciding {
    /// Every action of the plan is verified. Where its systems have to agree about something, that is read first.
    pub(super) fn compare_or_verify(&mut self, id: &PlanId) {
        let needed = self.case.comparisons(id);
        if needed.is_empty() || planted(Bug::PlanVerifiedWithoutComparing) {
            self.emit(EventKind::PlanVerified { plan: id.clone() });
            return;
        }
        let patience = needed
            .iter()
            .map(|(equality, _)| equality.settle_within.saturating_add(equality.compare_within));
        let until = after(self.now, patience.max().unwrap_or(Span::ZERO));
        self.emit(EventKind::PlanComparing { plan: id.clone(), until });
    }

    /// What a look at all systems showed. A difference counts at once, unless they still may take their time to agree;
    /// agreement only when everything was compared that has to be.
    pub(super) fn report_comparison(
        &mut self,
        id: &PlanId,
        compared: &[Compared],
        sent_at: Timestamp,
    ) -> Result<(), Rejection> {
        let PlanStage::Comparing { since, .. } = self.plan(id)?.stage else { return Ok(()) };
        // A read that was sent before the last step was verified, or in the future, proves nothing (`COV-2`).
        if !(since..=self.now).contains(&sent_at) {
            return Ok(());
        }
        let mut found = Vec::new();
        let (mut equal, mut different, mut undo) = (true, Vec::new(), true);
        for (equality, action) in self.case.comparisons(id) {
            let shown = compared
                .iter()
                .find(|one| one.equality == equality.name && one.action == *action)
                .map_or_else(not_compared, |one| one.shown.clone());
            equal &= matches!(shown, Comparison::Equal { .. });
            if let Comparison::Different { differences } = &shown
                && sent_at >= after(since, equality.settle_within)
            {
                undo &= equality.undo;
                different.push((
                    action.clone(),
                    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                ));
            }
            found.push(Compared { equality: equality.name.clone(), action: action.clone(), shown });
        }
        if equal {
            self.emit(EventKind::PlanCompared { plan: id.clone(), compared: found });
            self.emit(EventKind::PlanVerified { plan: id.clone() });
        } else if !different.is_empty() {
            self.emit(EventKind::PlanCompared { plan: id.clone(), compared: found });
            self.systems_differ(id, &different, undo);
        }
        Ok(())
    }

    fn systems_differ(&mut self, id: &PlanId, different: &[(ActionId, String)], undo: bool) {
        let Some((action, _)) = different.first() else { return };
        let what = different.iter().map(|(_, what)| what.as_str()).collect::<Vec<_>>().join("; ");
        let why = format!("the systems differ after the plan {id}: {what}");
        self.remember("divergence", why.clone(), Source::Belay, action.as_str());
        if undo {
            self.undo_plan(id, &why);
        } else {
            self.emit(EventKind::PlanStuck { plan: id.clone(), why: why.clone() });
            self.ask_people(Cause::Divergence { action: action.clone(), detail: why });
        }
    }

    /// Whether the systems of a plan are still being compared, so that the case cannot be resolved. People who have been
    /// told that it cannot be found out may resolve it.
    pub(super) fn check_compared(&self, person: bool) -> Result<(), Rejection> {
        let open = self.case.plans.values().find(|plan| match plan.stage {
            PlanStage::Comparing { told, .. } => !(told && person),
            _ => false,
        });
        match open {
            Some(plan) => Err(Rejection::NotCompared { plan: plan.id.clone() }),
            None => Ok(()),
        }
    }

    /// Comparisons for which the time has run out. They go on, and people are told.
    pub(super) fn pass_plan_time(&mut self) {
        let overdue = |plan: &&crate::Plan| plan.deadline().is_some_and(|until| until <= self.now);
        let due: Vec<PlanId> =
            self.case.plans.values().filter(overdue).map(|plan| plan.id.clone()).collect();
        for id in due {
            let needed = self.case.comparisons(&id);
            let Some(action) = needed.first().map(|(_, action)| (*action).clone()) else {
                continue;
            };
            let mut names: Vec<&str> =
                needed.iter().map(|(equality, _)| equality.name.as_str()).collect();
            names.dedup();
            let names = names.join(", ");
            let detail = format!(
                "nobody can tell yet whether the systems agree after the plan {id}: {names}"
            );
            self.emit(EventKind::PlanUncompared { plan: id, detail: detail.clone() });
            self.remember("divergence", detail.clone(), Source::Belay, action.as_str());
            self.ask_people(Cause::Divergence { action, detail });
        }
    }
}

/// What was to be compared and was not is no agreement.
fn not_compared() -> Comparison {
    Comparison::Unreadable { detail: "it was not compared".to_owned() }
}
