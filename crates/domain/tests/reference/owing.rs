//! What the case owes the outside world, in the words of the model.

use crate::actions::Stage;
use crate::ledger::{Ledger, Step};
use crate::moves::{Name, Ticket};
use crate::people::Stand;
use crate::plans::PLANS;

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Seek,
    Offer { number: usize, to: Name },
    Assess { action: usize, revision: usize },
    Deliver { action: usize },
    Execute { action: usize, attempt: u32 },
    ReadBack { action: usize, attempt: u32 },
    Undo { action: usize, attempt: u32 },
    Agreement { plan: Name },
    Place { step: Step },
    Watch { step: Step, ticket: Ticket },
    TellPeople { step: Step, ticket: Ticket },
}

impl Ledger {
    pub(crate) fn owes(&self) -> Vec<Due> {
        let told = self.unneeded().into_iter();
        let mut owed: Vec<Due> =
            told.map(|(step, ticket)| Due::TellPeople { step, ticket }).collect();
        if self.is_open() {
            match (self.offer(), self.search()) {
                (Some((number, to, _)), _) => owed.push(Due::Offer { number, to }),
                (None, Some(_)) => owed.push(Due::Seek),
                (None, None) => {}
            }
            owed.extend((1..=self.actions()).filter_map(|action| self.owed_for(action)));
            let at_issue = PLANS.iter().filter(|plan| self.plan(plan) == Some("comparing"));
            owed.extend(at_issue.map(|plan| Due::Agreement { plan }));
            owed.extend((1..=self.escalations()).filter_map(|asked| self.owed_to_people(asked)));
        }
        owed.sort();
        owed
    }

    fn owed_for(&self, action: usize) -> Option<Due> {
        let attempt = self.attempts(action);
        Some(match self.stage(action) {
            Stage::Proposed { .. } => Due::Assess { action, revision: self.revision(action) },
            Stage::Authorized { .. } => Due::Deliver { action },
            Stage::Dispatched { permit: None, .. } => Due::Execute { action, attempt },
            Stage::Executed { .. } | Stage::Unknown { .. } => Due::ReadBack { action, attempt },
            Stage::Compensating { attempt, .. } => Due::Undo { action, attempt },
            _ => return None,
        })
    }

    fn owed_to_people(&self, asked: usize) -> Option<Due> {
        let (step, _) = self.step(asked);
        match self.stand(asked) {
            Stand::Opened => Some(Due::Place { step }),
            _ => self.ticket(asked).map(|ticket| Due::Watch { step, ticket }),
        }
    }
}
