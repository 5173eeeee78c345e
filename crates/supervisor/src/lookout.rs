//! Which cases ask people for something now, and which tickets they believe in. An index in memory over what the
//! engine knows; the cases themselves are the truth.

use std::collections::BTreeSet;
use std::sync::Arc;

use belay_domain::{ActionId, ActionStage, Belief, Believed, Case, CaseId, EscalationId, SystemId};
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
    tickets: Vec<Believed>,
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

    /// Every ticket that is believed in a system, also of cases that are over and whose people are being told. Those
    /// that have been told are left out; their cases know them.
    #[must_use]
    pub(crate) fn tickets(&self, system: &SystemId) -> Vec<Believed> {
        let of = |asking: &Asking| {
            let here = asking.tickets.iter().filter(|one| one.queue.system == *system);
            here.cloned().collect::<Vec<_>>()
        };
        self.asking.iter().flat_map(|entry| of(entry.value())).collect()
    }

    /// Takes note of what a case asks now.
    pub(crate) fn see(&self, case: &Case) {
        let asking = if case.is_open() { asks(case) } else { Asking::default() };
        let tickets = case.tickets().into_iter().filter(|one| one.belief != Belief::Told);
        let asking = Asking { tickets: tickets.collect(), ..asking };
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

/// What an open case asks of people.
fn asks(case: &Case) -> Asking {
    let open = case.escalations.values().filter(|found| found.is_open());
    let awaiting = case
        .actions
        .values()
        .filter(|action| matches!(action.stage, ActionStage::AwaitingApproval(_)));
    Asking {
        escalations: open.map(|found| found.id.clone()).collect(),
        approvals: awaiting.map(|action| action.id.clone()).collect(),
        tickets: Vec::new(),
    }
}
