//! What must have happened for each story to be true, by the journal and by what the company really holds.

use belay_domain::{Decision, Event, EventKind, Rule};

use super::Story;
use crate::demo::company::Ledger;

/// What a proof has to go by.
pub(crate) struct Proof<'a> {
    /// Everything that happened to the case, from the journal.
    pub(crate) events: &'a [Event],
    /// Every write that the company made.
    pub(crate) ledger: &'a Ledger,
    /// The record that the case writes to.
    pub(crate) record: &'a str,
}

/// Whether the story is true; otherwise what is missing.
pub(crate) fn prove(story: Story, proof: &Proof<'_>) -> Result<(), String> {
    use EventKind as E;
    proof.one("the case is resolved", |e| matches!(e, E::CaseResolved { .. }))?;
    match story {
        Story::Verified => {
            proof.one("the write is verified", |e| matches!(e, E::ActionVerified { .. }))?;
            proof.writes(1)
        }
        Story::Denied => {
            proof.one("the CRM agent is denied by its boundary", |e| match e {
                E::ActionDenied { reasons, .. } => {
                    reasons.iter().any(|reason| reason.rule == Rule::Boundary)
                }
                _ => false,
            })?;
            proof.at_least(2, "two agents held it", |e| matches!(e, E::HandoffAccepted { .. }))?;
            proof.writes(1)
        }
        Story::TwoPeople => {
            let mut people: Vec<&str> = Vec::new();
            for event in proof.events {
                if let E::ApprovalGiven { vote, .. } = &event.kind {
                    people.push(vote.person.as_str());
                }
            }
            people.sort_unstable();
            if people != ["ann", "ben"] {
                return Err(format!("ann and ben should have agreed, and {people:?} did"));
            }
            proof.one("the approval is granted", |e| {
                matches!(e, E::ApprovalEnded { decision: Decision::Approved, .. })
            })?;
            proof.in_order(
                "nothing is written before people agreed",
                |e| matches!(e, E::ApprovalEnded { .. }),
                |e| matches!(e, E::ActionDispatched { .. }),
            )?;
            proof.writes(1)
        }
        Story::HalfFailed => {
            proof
                .one("the outcome is unknown at first", |e| matches!(e, E::ActionUnknown { .. }))?;
            proof.one("the read-back shows it", |e| matches!(e, E::ActionVerified { .. }))?;
            proof.writes(1)
        }
        Story::AgentKilled => {
            proof.one("the dead agent's lease ends", |e| matches!(e, E::LeaseExpired { .. }))?;
            proof.at_least(2, "another agent takes it", |e| {
                matches!(e, E::HandoffAccepted { .. })
            })?;
            proof.one("its write is verified", |e| matches!(e, E::ActionVerified { .. }))?;
            proof.writes(1)
        }
        Story::EmptyPromise => {
            proof.at_least(1, "the step without an answer is given up", |e| {
                matches!(e, E::StepFailed { .. })
            })?;
            proof.at_least(1, "giving back is a lapse", |e| {
                matches!(e, E::EscalationLapsed { .. })
            })?;
            proof.at_least(2, "two people really took it", |e| {
                matches!(e, E::EscalationAcknowledged { .. })
            })?;
            proof.one("a person resolves it", |e| matches!(e, E::EscalationResolved { .. }))
        }
        Story::SupervisorKilled => {
            proof.one("the write is verified", |e| matches!(e, E::ActionVerified { .. }))?;
            proof.writes(1)
        }
        Story::Diverged => {
            proof.one("the divergence is seen", |e| matches!(e, E::ActionDiverged { .. }))?;
            proof.one("it is taken back", |e| matches!(e, E::ActionCompensated { .. }))?;
            proof.writes(0)
        }
        Story::PlanUndone => {
            proof.one("the plan fails", |e| matches!(e, E::PlanUndoing { .. }))?;
            proof.one("the plan is undone", |e| matches!(e, E::PlanUndone { .. }))?;
            let order = |undone: bool| {
                proof.events.iter().filter_map(move |event| match &event.kind {
                    E::ActionVerified { action, .. } if !undone => Some(action.clone()),
                    E::ActionCompensated { action } if undone => Some(action.clone()),
                    _ => None,
                })
            };
            let done: Vec<_> = order(false).collect();
            let mut undone: Vec<_> = order(true).collect();
            undone.reverse();
            if done.len() != 2 || done != undone {
                return Err(format!("{done:?} should be undone in reverse, and {undone:?} was"));
            }
            proof.writes(0)
        }
        Story::Duplicate => {
            proof.at_least(1, "the second report is linked", |e| {
                matches!(e, E::ContactLinked { .. })
            })?;
            proof.one("it is one case", |e| matches!(e, E::CaseOpened { .. }))?;
            proof.writes(1)
        }
        Story::TooMuch => {
            proof.one("a policy forbids it by name", |e| match e {
                E::ActionDenied { reasons, .. } => {
                    reasons.iter().any(|reason| reason.rule == Rule::Policy)
                }
                _ => false,
            })?;
            proof.at_least(1, "a person takes it", |e| {
                matches!(e, E::EscalationAcknowledged { .. })
            })?;
            proof.writes(0)
        }
        Story::Shadow => {
            proof.one("it is decided", |e| matches!(e, E::ActionShadowed { .. }))?;
            proof.writes(0)
        }
    }
}

impl Proof<'_> {
    fn one(&self, what: &str, is: impl Fn(&EventKind) -> bool) -> Result<(), String> {
        match self.events.iter().filter(|event| is(&event.kind)).count() {
            1 => Ok(()),
            count => Err(format!("{what}: once, and it happened {count} times")),
        }
    }

    fn at_least(
        &self,
        least: usize,
        what: &str,
        is: impl Fn(&EventKind) -> bool,
    ) -> Result<(), String> {
        match self.events.iter().filter(|event| is(&event.kind)).count() {
            count if count >= least => Ok(()),
            count => Err(format!("{what}: {least} times or more, and it happened {count} times")),
        }
    }

    fn in_order(
        &self,
        what: &str,
        first: impl Fn(&EventKind) -> bool,
        then: impl Fn(&EventKind) -> bool,
    ) -> Result<(), String> {
        let place = |is: &dyn Fn(&EventKind) -> bool| self.events.iter().position(|e| is(&e.kind));
        match (place(&first), place(&then)) {
            (Some(first), Some(then)) if first < then => Ok(()),
            _ => Err(what.to_owned()),
        }
    }

    /// How many writes on the record stand.
    fn writes(&self, expected: i64) -> Result<(), String> {
        let made = self.ledger.0.iter().filter(|written| written.record == self.record);
        let keys: std::collections::BTreeSet<&str> =
            made.map(|written| written.key.as_str()).collect();
        let stand: i64 = keys.iter().map(|key| self.ledger.standing(key)).sum();
        if stand == expected {
            Ok(())
        } else {
            Err(format!("{expected} writes should stand on {}, and {stand} do", self.record))
        }
    }
}
