//! Which cases ask people for something now. An index in memory over what the engine knows; the cases
//! themselves are the truth.

use std::collections::BTreeSet;
use std::sync::Arc;

use belay_domain::{ActionId, ActionStage, Case, CaseId, EscalationId};
use dashmap::DashMap;

/// The open escalations and approvals of all cases; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Lookout {
    asking: Arc<DashMap<CaseId, Asking>>,
}

/// What one case asks of people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asking {
    escalations: BTreeSet<EscalationId>,
    approvals: BTreeSet<ActionId>,
}

impl Lookout {
    /// Every open escalation, in the order of their cases.
    #[must_use]
    pub(crate) fn escalations(&self) -> Vec<(CaseId, EscalationId)> {
        self.listed(|asking| &asking.escalations)
    }

    /// Every action that waits for people to decide, in the order of their cases.
    #[must_use]
    pub(crate) fn approvals(&self) -> Vec<(CaseId, ActionId)> {
        self.listed(|asking| &asking.approvals)
    }

    /// Takes note of what a case asks now.
    pub(crate) fn see(&self, case: &Case) {
        if !case.is_open() {
            self.asking.remove(&case.id);
            return;
        }
        let open = case.escalations.values().filter(|found| found.is_open());
        let awaiting = case
            .actions
            .values()
            .filter(|action| matches!(action.stage, ActionStage::AwaitingApproval(_)));
        let asking = Asking {
            escalations: open.map(|found| found.id.clone()).collect(),
            approvals: awaiting.map(|action| action.id.clone()).collect(),
        };
        if asking == Asking::default() {
            self.asking.remove(&case.id);
        } else {
            self.asking.insert(case.id.clone(), asking);
        }
    }

    fn listed<T: Clone + Ord>(&self, of: impl Fn(&Asking) -> &BTreeSet<T>) -> Vec<(CaseId, T)> {
        let mut all: Vec<_> = self
            .asking
            .iter()
            .flat_map(|entry| {
                let (case, asking) = entry.pair();
                of(asking).iter().map(|id| (case.clone(), id.clone())).collect::<Vec<_>>()
            })
            .collect();
        all.sort_unstable();
        all
    }
}
