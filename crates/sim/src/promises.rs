//! What Belay has promised by answering. None of it may be missing from the journal, whatever died afterwards.

use belay_domain::{ActionId, CaseId, EventKind};
use belay_domain::{Event, Timestamp};

/// An answer with success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A case was opened, or found, for a request.
    Opened { case: CaseId, request: String },
    /// An agent has a case.
    Assigned { agent: String, case: CaseId, epoch: u64 },
    /// An agent keeps it for longer.
    Renewed { agent: String, case: CaseId, epoch: u64, until: Timestamp },
    /// A proposal was decided on.
    Decided { agent: String, case: CaseId, proposal: String, action: ActionId },
    /// An action may be carried out now.
    Begun { case: CaseId, action: ActionId, permit: String, attempt: u32 },
    /// How an attempt went was taken note of.
    Reported { case: CaseId, action: ActionId, attempt: u32 },
    /// An agent let a case go.
    Released { agent: String, case: CaseId, epoch: u64 },
    /// A case was resolved by its agent.
    Resolved { case: CaseId },
    /// Something became known.
    Added { case: CaseId, body: String },
    /// A person approved of an action or turned it down.
    Voted { case: CaseId, action: ActionId, person: String },
    /// A person changed what is to be done.
    Amended { case: CaseId, action: ActionId, person: String },
    /// A plan was said to be complete.
    PlanCompleted { case: CaseId, plan: String },
    /// A plan was given up.
    PlanAbandoned { case: CaseId, plan: String },
}

impl Promise {
    /// The case it is about.
    pub(crate) fn case(&self) -> &CaseId {
        match self {
            Self::Opened { case, .. }
            | Self::Assigned { case, .. }
            | Self::Renewed { case, .. }
            | Self::Decided { case, .. }
            | Self::Begun { case, .. }
            | Self::Reported { case, .. }
            | Self::Released { case, .. }
            | Self::Resolved { case }
            | Self::Added { case, .. }
            | Self::Voted { case, .. }
            | Self::Amended { case, .. }
            | Self::PlanCompleted { case, .. }
            | Self::PlanAbandoned { case, .. } => case,
        }
    }

    /// Its kind, for counting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Assigned { .. } => "assigned",
            Self::Renewed { .. } => "renewed",
            Self::Decided { .. } => "decided",
            Self::Begun { .. } => "begun",
            Self::Reported { .. } => "reported",
            Self::Released { .. } => "released",
            Self::Resolved { .. } => "resolved",
            Self::Added { .. } => "added",
            Self::Voted { .. } => "voted",
            Self::Amended { .. } => "amended",
            Self::PlanCompleted { .. } => "plan completed",
            Self::PlanAbandoned { .. } => "plan abandoned",
        }
    }

    /// Whether the history of its case holds it.
    pub(crate) fn is_kept<'e>(&self, mut events: impl Iterator<Item = &'e Event>) -> bool {
        events.any(|event| self.is_in(&event.kind))
    }

    fn is_in(&self, event: &EventKind) -> bool {
        match (self, event) {
            (
                Self::Opened { request: wanted, .. },
                EventKind::CaseOpened { request, .. } | EventKind::ContactLinked { request, .. },
            ) => request.as_str() == wanted,
            (
                Self::Assigned { agent: wanted, epoch: under, .. },
                EventKind::HandoffAccepted { agent, epoch, .. },
            ) => agent.as_str() == wanted && epoch.0 == *under,
            // One that is almost new needs no renewal.
            (
                Self::Renewed { until, .. },
                EventKind::LeaseRenewed { lease_until, .. }
                | EventKind::HandoffAccepted { lease_until, .. },
            ) => lease_until == until,
            (
                Self::Decided { agent, proposal: wanted, action: by, .. },
                EventKind::ActionProposed { action, proposal, proposer, .. },
            ) => action == by && proposal.as_str() == wanted && proposer.as_str() == agent,
            (
                Self::Begun { action: wanted, permit: used, attempt: which, .. },
                EventKind::ActionDispatched { action, attempt, permit, .. },
            ) => {
                let same = permit.as_ref().is_some_and(|permit| permit.to_string() == *used);
                action == wanted && attempt == which && same
            }
            (
                Self::Reported { action: wanted, attempt: which, .. },
                EventKind::ActionExecuted { action, attempt, .. }
                | EventKind::ActionUnknown { action, attempt, .. },
            ) => action == wanted && attempt == which,
            (
                Self::Released { agent: wanted, epoch: under, .. },
                EventKind::CaseReleased { agent, epoch, .. },
            ) => agent.as_str() == wanted && epoch.0 == *under + 1,
            (Self::Resolved { .. }, EventKind::CaseResolved { .. }) => true,
            (Self::Added { body, .. }, EventKind::ContextAdded { entry, .. }) => {
                entry.body == *body
            }
            (
                Self::Voted { action: wanted, person, .. },
                EventKind::ApprovalGiven { action, vote },
            ) => action == wanted && vote.person.as_str() == person,
            (
                Self::Voted { action: wanted, person, .. },
                EventKind::ApprovalEnded { action, by: Some(by), .. },
            ) => action == wanted && by.as_str() == person,
            (
                Self::Amended { action: wanted, person, .. },
                EventKind::ActionAmended { action, by, .. },
            ) => action == wanted && by.as_str() == person,
            (
                Self::PlanCompleted { plan: wanted, .. },
                EventKind::PlanCompleted { plan, .. } | EventKind::PlanUndoing { plan, .. },
            )
            | (Self::PlanAbandoned { plan: wanted, .. }, EventKind::PlanUndoing { plan, .. }) => {
                plan.as_str() == wanted
            }
            _ => false,
        }
    }
}
