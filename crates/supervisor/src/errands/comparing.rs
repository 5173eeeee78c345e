//! Errands that compare: whether the systems agree after the last step of a plan is read from all of them, afresh and
//! with credentials of our own, until the answer settles the matter.

use std::time::Duration;

use belay_domain::{
    ActionId, ActionStage, Case, Command, Compared, Comparison, PlanId, PlanStage, SystemId,
};
use belay_playbook::{Seen, ToCompare, Written};
use tracing::{debug, info};

use super::{Errand, Patience};
use crate::facts::case_facts;

/// The first looks come quickly, because most systems agree at once; later ones are spared.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_MOST: Duration = Duration::from_secs(5);
/// The most rounds of reads for one comparison: a record, and what has to be read before it.
const ROUNDS_MAX: usize = 8;

impl Errand {
    /// Compares until the plan waits for it no longer.
    pub(super) async fn compare_systems(&self, plan: &PlanId) {
        let mut patience = Patience::new(LOOK_FIRST, LOOK_MOST);
        while self.is_wanted() {
            let Some(case) = self.case().await else { return };
            let waits = case.plans.get(plan).map(|plan| &plan.stage);
            if !matches!(waits, Some(PlanStage::Comparing { .. })) {
                return;
            }
            let sent_at = self.world.engine.clock().now();
            let (compared, unread) = self.look_at_systems(&case, plan).await;
            let differ = |one: &&Compared| matches!(one.shown, Comparison::Different { .. });
            let different = compared.iter().filter(differ).count();
            if different > 0 {
                info!(%plan, different, "the systems differ after a plan");
            }
            debug!(%plan, ?compared, "compared the systems");
            let plan = plan.clone();
            if !self.answer(Command::ReportComparison { plan, compared, sent_at }).await {
                return;
            }
            let wanted = match &unread {
                Some(system) => self.wait_to_repeat(system, &mut patience).await,
                None => self.wait(patience.next()).await,
            };
            if !wanted {
                return;
            }
        }
    }

    /// What they show of everything about which they have to agree, and one that could not be read, if there is one.
    async fn look_at_systems(
        &self,
        case: &Case,
        plan: &PlanId,
    ) -> (Vec<Compared>, Option<SystemId>) {
        let playbook = self.world.playbooks.current();
        let facts = case_facts(case);
        let written = written(case, plan);
        let all: Vec<Written<'_>> = written.iter().map(|(_, written)| *written).collect();
        let mut unread = None;
        let mut compared = Vec::new();
        for (equality, action) in case.comparisons(plan) {
            let Some((_, after)) = written.iter().find(|(id, _)| *id == action) else { continue };
            let compare =
                ToCompare { equality: &equality.name, case: &facts, after: *after, plan: &all };
            let mut seen = Seen::default();
            for _ in 0..ROUNDS_MAX {
                let reads = playbook.comparison_reads(&compare, &seen);
                if reads.is_empty() {
                    break;
                }
                for (system, read) in reads {
                    let answer = self.world.systems.read(&read).await;
                    if matches!(answer, belay_playbook::Answer::Unreadable { .. }) {
                        unread = Some(read.system.clone());
                    }
                    seen.add(&system, &read, answer);
                }
            }
            let shown = playbook.compare(&compare, &seen);
            compared.push(Compared {
                equality: equality.name.clone(),
                action: action.clone(),
                shown,
            });
        }
        (compared, unread)
    }
}

/// The verified writes of a plan.
fn written<'c>(case: &'c Case, plan: &PlanId) -> Vec<(&'c ActionId, Written<'c>)> {
    let Some(plan) = case.plans.get(plan) else { return Vec::new() };
    let actions = plan.actions.iter().filter_map(|id| case.actions.get(id));
    let verified = actions.filter_map(|action| match &action.stage {
        ActionStage::Verified { shown } => {
            let (contract, input) = (&action.contract, action.input.as_str());
            Some((&action.id, Written { contract, input, shown }))
        }
        _ => None,
    });
    verified.collect()
}
