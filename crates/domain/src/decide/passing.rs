//! How a case passes from one holder to the next: looked for, offered, accepted. No gap and no overlap.

use super::Deciding;
use super::matter::{LINE_MAX, within};
use crate::apply::pair;
use crate::command::NewEntry;
use crate::{
    AgentId, Cause, Digest, Epoch, EventKind, HandoffId, Offer, Purpose, Rejection, Routing,
    Target, after,
};

impl Deciding {
    /// Looks for a fitting agent.
    pub(super) fn route(&mut self, target: Target, why: &str, tried: Vec<AgentId>) {
        let Some(terms) = &self.case.terms else { return };
        let until = after(self.now, terms.seek_within);
        let routing = Routing { target, tried, until, why: why.to_owned() };
        self.emit(EventKind::RoutingStarted { routing });
    }

    /// Looks for another agent of the kind the case was meant for, or asks people where it was meant for none.
    pub(super) fn route_again(&mut self, why: &str, tried: Vec<AgentId>) {
        match self.present_target() {
            Some(target) => self.route(target, why, tried),
            None => self.ask_people(Cause::NoAgent),
        }
    }

    pub(super) fn offer(&mut self, to: &AgentId) -> Result<(), Rejection> {
        let Some(routing) = &self.case.routing else { return Err(Rejection::NotRouting) };
        let current = self.case.owning_agent() == Some(to);
        if self.case.offer.is_some() || current || routing.tried.contains(to) {
            return Err(Rejection::NotRouting);
        }
        let Some(terms) = self.case.terms.clone() else { return Err(Rejection::UnknownCase) };
        if self.bounces_with(to) >= terms.bounces_max {
            self.emit(EventKind::RoutingEnded { why: format!("it keeps coming back to {to}") });
            self.ask_people(Cause::Bounced);
            return Ok(());
        }
        let number = self.case.handoffs + 1;
        self.emit(EventKind::HandoffOffered {
            handoff: HandoffId::derived(format!("{}/h{number}", self.case.id)),
            to: to.clone(),
            context: self.case.context.digest(),
            until: after(self.now, terms.offer_within),
        });
        Ok(())
    }

    pub(super) fn no_candidate(&mut self) -> Result<(), Rejection> {
        if self.case.routing.is_none() || self.case.offer.is_some() {
            return Err(Rejection::NotRouting);
        }
        self.give_up_routing("no agent is left to ask");
        Ok(())
    }

    /// The receiver takes over, having shown that it received exactly what the case holds (`OWN-5`).
    pub(super) fn accept(
        &mut self,
        agent: &AgentId,
        key: Digest,
        handoff: &HandoffId,
        context: Digest,
    ) -> Result<(), Rejection> {
        let repeated = self.case.taken_by.as_ref() == Some(handoff);
        if repeated && self.case.owning_agent() == Some(agent) {
            return Ok(());
        }
        self.check_offer(agent, handoff)?;
        let current = self.case.context.digest();
        if context != current {
            return Err(Rejection::ContextMismatch { given: context, current });
        }
        let Some(terms) = self.case.terms.clone() else { return Err(Rejection::UnknownCase) };
        self.withdraw_undispatched("the case was handed over");
        self.emit(EventKind::HandoffAccepted {
            handoff: handoff.clone(),
            from: self.case.owner.clone(),
            agent: agent.clone(),
            key,
            context,
            epoch: self.next_epoch(),
            lease_until: after(self.now, terms.lease),
        });
        let asked_in_vain = self.case.takeover().filter(|escalation| {
            let cause = match &escalation.purpose {
                Purpose::Takeover { cause } => cause,
                Purpose::Approval { .. } => return false,
            };
            matches!(cause, Cause::NoAgent)
        });
        if let Some(escalation) = asked_in_vain.map(|escalation| escalation.id.clone()) {
            let why = format!("{agent} took the case");
            self.emit(EventKind::EscalationClosed { escalation, why });
        }
        Ok(())
    }

    pub(super) fn decline(
        &mut self,
        agent: &AgentId,
        handoff: &HandoffId,
        reason: &str,
    ) -> Result<(), Rejection> {
        self.check_offer(agent, handoff)?;
        within("reason", reason, LINE_MAX)?;
        self.emit(EventKind::HandoffDeclined {
            handoff: handoff.clone(),
            reason: reason.to_owned(),
        });
        Ok(())
    }

    pub(super) fn request_handoff(
        &mut self,
        agent: &AgentId,
        epoch: Epoch,
        to: &Target,
        reason: &str,
        context: &[NewEntry],
    ) -> Result<(), Rejection> {
        self.check_owner(agent, epoch)?;
        within("reason", reason, LINE_MAX)?;
        self.check_entries(context)?;
        if self.case.routing.is_some() {
            return Err(Rejection::HandoffUnderWay);
        }
        self.enter(context);
        self.route(to.clone(), reason, vec![agent.clone()]);
        Ok(())
    }

    /// No agent took it. Whoever holds the case goes on holding it while people are asked (`OWN-6`).
    pub(super) fn give_up_routing(&mut self, why: &str) {
        self.emit(EventKind::RoutingEnded { why: why.to_owned() });
        self.ask_people(Cause::NoAgent);
    }

    fn check_offer(&self, agent: &AgentId, handoff: &HandoffId) -> Result<(), Rejection> {
        match &self.case.offer {
            Some(Offer { handoff: open, to, .. }) if open == handoff => {
                if to == agent {
                    Ok(())
                } else {
                    Err(Rejection::NotOffered { handoff: handoff.clone() })
                }
            }
            _ => Err(Rejection::NoSuchOffer { handoff: handoff.clone() }),
        }
    }

    /// How often the case has already gone between its last agent and this one (`OWN-7`).
    fn bounces_with(&self, to: &AgentId) -> u32 {
        let Some(last) = &self.case.last_agent else { return 0 };
        self.case.bounces.get(&pair(last.clone(), to.clone())).copied().unwrap_or(0)
    }
}
