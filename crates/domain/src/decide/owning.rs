//! Who owns the case, and for how long without a sign of progress.

use std::sync::Arc;

use belay_planted::{Bug, planted};

use super::Deciding;
use super::matter::{LINE_MAX, within};
use crate::{
    Action, Actor, AgentId, Approval, Case, Decision, Digest, Epoch, EventKind, Owner, Rejection,
    Said, Target, Timestamp, after,
};

/// How an approval ends.
pub(super) struct Ending<'a> {
    pub(super) decision: Decision,
    pub(super) by: Option<crate::PersonId>,
    pub(super) code: Option<crate::ReasonCode>,
    pub(super) note: &'a str,
    /// Where it was said, if that was on a ticket.
    pub(super) said: Option<Said>,
}

impl Deciding {
    /// The agent owns the case, under this epoch, with a running lease (`OWN-2`).
    pub(super) fn check_owner(&self, agent: &AgentId, epoch: Epoch) -> Result<(), Rejection> {
        if epoch != self.case.epoch {
            return Err(Rejection::StaleEpoch { given: epoch, current: self.case.epoch });
        }
        match &self.case.owner {
            Owner::Agent { agent: owner, lease_until, .. } if owner == agent => {
                if self.now < *lease_until { Ok(()) } else { Err(Rejection::LeaseOver) }
            }
            Owner::Agent { .. } | Owner::Supervisor { .. } | Owner::Queue { .. } => {
                Err(Rejection::NotOwner { agent: agent.clone() })
            }
        }
    }

    pub(super) fn check_actor(&self, actor: &Actor) -> Result<(), Rejection> {
        match actor {
            Actor::Agent { agent, epoch } => self.check_owner(agent, *epoch),
            Actor::Person(_) | Actor::Program(_) => Ok(()),
        }
    }

    /// A sign of progress renews the lease. Signs that come much faster than the lease needs are answered and
    /// not written down.
    pub(super) fn progress(
        &mut self,
        agent: &AgentId,
        epoch: Epoch,
        key: Digest,
    ) -> Result<(), Rejection> {
        self.check_owner(agent, epoch)?;
        let Some(terms) = &self.case.terms else { return Ok(()) };
        let Owner::Agent { lease_until, key: known, .. } = &self.case.owner else { return Ok(()) };
        let renewed = after(self.now, terms.lease);
        let worth_it = after(*lease_until, terms.lease / 5);
        if renewed >= worth_it || *known != key {
            self.emit(EventKind::LeaseRenewed { key, lease_until: renewed });
        }
        Ok(())
    }

    pub(super) fn release(
        &mut self,
        agent: &AgentId,
        epoch: Epoch,
        reason: &str,
    ) -> Result<(), Rejection> {
        self.check_owner(agent, epoch)?;
        within("reason", reason, LINE_MAX)?;
        self.withdraw_undispatched("its agent released the case");
        self.emit(EventKind::CaseReleased {
            agent: agent.clone(),
            epoch: self.next_epoch(),
            reason: reason.to_owned(),
        });
        if self.case.routing.is_none() {
            self.route_again("released", vec![agent.clone()]);
        }
        Ok(())
    }

    /// Leases, offers and searches that have run out.
    pub(super) fn pass_owner_time(&mut self) {
        if let Owner::Agent { agent, lease_until, .. } = &self.case.owner
            && *lease_until <= self.now
        {
            let agent = agent.clone();
            self.withdraw_undispatched("the lease of its agent ran out");
            self.emit(EventKind::LeaseExpired { agent, epoch: self.next_epoch() });
            if self.case.routing.is_none() {
                self.route_again("the lease ran out", Vec::new());
            }
        }
        if let Some(offer) = &self.case.offer
            && offer.until <= self.now
        {
            self.emit(EventKind::HandoffLapsed { handoff: offer.handoff.clone() });
        }
        if let Some(routing) = &self.case.routing
            && routing.until <= self.now
            && self.case.offer.is_none()
        {
            self.give_up_routing("no agent took it in time");
        }
    }

    /// Nothing that has not been sent survives a change of owner (`APR-5`, `PRM-3`).
    pub(super) fn withdraw_undispatched(&mut self, why: &str) {
        let stopped: Vec<_> = self
            .case
            .actions
            .values()
            .filter(|action| action.is_before_dispatch())
            .cloned()
            .collect();
        self.withdraw(stopped, why);
    }

    /// What another playbook let through is decided anew if anybody still wants it (`APR-5`, `PRM-3`).
    pub(super) fn playbook_in_force(&mut self, playbook: Digest) {
        let outdated = |action: &Action| {
            let judged = action.verdict.as_ref();
            action.is_before_dispatch() && judged.is_some_and(|found| found.playbook != playbook)
        };
        let stopped: Vec<_> =
            self.case.actions.values().filter(|action| outdated(action)).cloned().collect();
        if !planted(Bug::ApprovalSurvivesPolicy) {
            self.withdraw(stopped, "the playbook has changed since it was decided on");
        }
    }

    fn withdraw(&mut self, stopped: Vec<Arc<Action>>, why: &str) {
        for action in stopped {
            // The plan of one may have withdrawn the other with itself.
            let waits = self.case.actions.get(&action.id);
            let permitted = matches!(action.stage, crate::ActionStage::Authorized { .. });
            if permitted && planted(Bug::EpochUnchecked) {
                continue;
            }
            if !waits.is_some_and(|action| action.is_before_dispatch()) {
                continue;
            }
            if let crate::ActionStage::AwaitingApproval(approval) = &action.stage {
                self.end_approval(&action.id, approval, Decision::Superseded, None, why);
            }
            self.emit(EventKind::ActionWithdrawn {
                action: action.id.clone(),
                why: why.to_owned(),
            });
            self.see_to_plan_of(&action.id);
        }
    }

    pub(super) fn end_approval(
        &mut self,
        action: &crate::ActionId,
        approval: &Approval,
        decision: Decision,
        by: Option<crate::PersonId>,
        note: &str,
    ) {
        self.end_approval_as(
            action,
            approval,
            Ending { decision, by, code: None, note, said: None },
        );
    }

    /// The same with everything that is known of how it ended.
    pub(super) fn end_approval_as(
        &mut self,
        action: &crate::ActionId,
        approval: &Approval,
        Ending { decision, by, code, note, said }: Ending<'_>,
    ) {
        let (action_ended, note) = (action.clone(), note.to_owned());
        self.emit(EventKind::ApprovalEnded {
            action: action_ended,
            decision,
            by,
            code,
            note,
            said,
        });
        let asked = self.case.escalations.get(&approval.escalation);
        if asked.is_some_and(|escalation| escalation.is_open()) {
            self.emit(EventKind::EscalationClosed {
                escalation: approval.escalation.clone(),
                why: format!("the approval of {action} is over"),
            });
        }
    }

    /// Whom the case is meant for now: the role it was last handed to, or the one it was opened for.
    pub(super) fn present_target(&self) -> Option<Target> {
        let opened = self.case.terms.as_ref().and_then(|terms| terms.route.clone());
        self.case.served.clone().or(opened)
    }
}

/// When time alone changes the owner or the search for one.
pub(super) fn deadline(case: &Case) -> Option<Timestamp> {
    if !case.is_open() {
        return None;
    }
    let lease = match &case.owner {
        Owner::Agent { lease_until, .. } => Some(*lease_until),
        Owner::Supervisor { .. } | Owner::Queue { .. } => None,
    };
    let offer = case.offer.as_ref().map(|offer| offer.until);
    // While an offer is open, the search waits for its answer.
    let routing = case.routing.as_ref().map(|routing| routing.until).filter(|_| offer.is_none());
    lease.into_iter().chain(offer).chain(routing).min()
}
