//! Governed writes up to the target's answer: proposed, assessed, permitted, dispatched, reported.

use belay_planted::{Bug, planted};

use super::matter::{TEXT_MAX, within};
use super::{Deciding, wrong_stage};
use crate::command::Proposal;
use crate::{
    Action, ActionId, ActionStage, AgentId, Cause, Decision, Digest, Epoch, EventKind, Executor,
    FailureClaim, Outcome, Owner, PermitGrant, PermitId, Reason, Rejection, Rule, Ruling, Source,
    Span, Timestamp, Verdict, after,
};

/// The most actions of one case. One that needs more needs people.
const ACTIONS_MAX: usize = 500;
/// The longest a permit is valid, whatever the contract says (`PRM-2`).
const PERMIT_MAX: Span = Span::from_secs(60);
/// From this tier on, an action needs people (`APR-1`).
const TIER_OF_PEOPLE: u8 = 2;
/// How often a permit that ran out unused is replaced before the action is given up.
const PERMITS_MAX: u32 = 5;

impl Deciding {
    pub(super) fn propose(&mut self, proposal: &Proposal) -> Result<(), Rejection> {
        let known = self.case.actions.values().find(|action| {
            action.proposer == proposal.agent && action.proposal == proposal.proposal
        });
        if let Some(known) = known {
            let digest = Digest::of(proposal.input.as_bytes());
            let same = known.proposed == digest || planted(Bug::KeyWithoutInput);
            let same = same && known.contract == proposal.contract;
            let proposal = proposal.proposal.clone();
            return if same { Ok(()) } else { Err(Rejection::ProposalReused { proposal }) };
        }
        self.check_owner(&proposal.agent, proposal.epoch)?;
        within("input", &proposal.input, TEXT_MAX)?;
        within("justification", &proposal.justification, TEXT_MAX)?;
        if self.case.actions.len() >= ACTIONS_MAX {
            return Err(Rejection::TooMany { what: "actions", most: ACTIONS_MAX });
        }
        if let Some(plan) = &proposal.plan {
            self.check_plan_takes_actions(plan)?;
        }
        let action = ActionId::derived(format!("{}/a{}", self.case.id, self.case.action_count + 1));
        self.emit(EventKind::ActionProposed {
            action: action.clone(),
            proposal: proposal.proposal.clone(),
            proposer: proposal.agent.clone(),
            epoch: proposal.epoch,
            contract: proposal.contract.clone(),
            input: proposal.input.clone(),
            provenance: proposal.provenance.clone(),
            plan: proposal.plan.clone(),
            justification: proposal.justification.clone(),
            until: proposal.assess_until,
        });
        match &proposal.verdict {
            Some(verdict) => self.assess(&action, 0, verdict),
            None => Ok(()),
        }
    }

    pub(super) fn assess(
        &mut self,
        id: &ActionId,
        revision: u32,
        verdict: &Verdict,
    ) -> Result<(), Rejection> {
        let action = self.action(id)?;
        if revision != action.revision {
            return Err(Rejection::StaleRevision { given: revision, current: action.revision });
        }
        if !matches!(action.stage, ActionStage::Proposed { .. }) {
            return Err(wrong_stage(&action));
        }
        self.emit(EventKind::ActionAssessed {
            action: id.clone(),
            verdict: Box::new(verdict.clone()),
        });
        let mut reasons = match &verdict.ruling {
            Ruling::Deny(reasons) => reasons.clone(),
            Ruling::Allow | Ruling::Ask(_) => Vec::new(),
        };
        reasons.extend(self.objections(id, verdict));
        let refused = !reasons.is_empty() || matches!(verdict.ruling, Ruling::Deny(_));
        let live = verdict.terms.as_ref().is_some_and(|terms| terms.live);
        match &verdict.ruling {
            _ if refused => self.deny(id, reasons),
            _ if !live => {
                self.emit(EventKind::ActionShadowed { action: id.clone() });
                self.see_to_plan_of(id);
            }
            Ruling::Ask(terms) => self.request_approval(id, verdict, terms),
            Ruling::Allow | Ruling::Deny(_) => self.authorize(id),
        }
        Ok(())
    }

    /// What the case itself has against a proposal that the playbook would let through.
    fn objections(&self, id: &ActionId, verdict: &Verdict) -> Vec<Reason> {
        let against = |rule, name: &str, detail: String| Reason {
            rule,
            name: name.to_owned(),
            field: String::new(),
            detail,
        };
        let Some(terms) = &verdict.terms else {
            let allowed = !matches!(verdict.ruling, Ruling::Deny(_));
            let unknown = "nothing is known of this contract".to_owned();
            return allowed
                .then(|| against(Rule::Schema, "contract", unknown))
                .into_iter()
                .collect();
        };
        let mut reasons = Vec::new();
        if terms.tier >= TIER_OF_PEOPLE && verdict.ruling == Ruling::Allow && terms.live {
            let detail = format!("tier {} needs the approval of people", terms.tier);
            reasons.push(against(Rule::Policy, "tier", detail));
        }
        let first = self.case.actions.values().find(|other| {
            other.id != *id
                && !other.is_without_effect()
                && other
                    .terms()
                    .is_some_and(|known| known.key == terms.key && known.contract == terms.contract)
        });
        if let Some(first) = first {
            let detail = format!("the same write is {} as {}", first.stage_name(), first.id);
            reasons.push(against(Rule::Duplicate, "idempotency-key", detail));
        }
        reasons
    }

    fn deny(&mut self, id: &ActionId, reasons: Vec<Reason>) {
        self.emit(EventKind::ActionDenied { action: id.clone(), reasons });
        self.part_missing(id, "was denied after the plan was said to be complete");
    }

    /// The action may be carried out: by the agent with a permit, or by the supervisor at once. Either way only
    /// while the agent that proposed it holds the case as it did then (`OWN-2`, `APR-5`).
    pub(super) fn authorize(&mut self, id: &ActionId) {
        let Ok(action) = self.action(id) else { return };
        let Some(terms) = action.terms() else { return };
        let Some(key) = self.key_of_holder(&action) else {
            self.emit(EventKind::ActionWithdrawn {
                action: id.clone(),
                why: "its agent does not hold the case any more".to_owned(),
            });
            self.see_to_plan_of(id);
            return;
        };
        match terms.executor {
            Executor::Supervisor => self.dispatch(&action, None),
            Executor::Agent => {
                let permit = PermitGrant {
                    permit: permit_id(id, action.permits + 1),
                    agent: action.proposer.clone(),
                    key,
                    input_digest: action.input_digest(),
                    epoch: self.case.epoch,
                    expires: after(self.now, terms.permit_within.min(PERMIT_MAX)),
                };
                self.emit(EventKind::ActionAuthorized { action: id.clone(), permit });
            }
        }
    }

    /// The certificate of the action's proposer, if it holds the case under the ownership of the proposal.
    pub(super) fn key_of_holder(&self, action: &Action) -> Option<Digest> {
        match &self.case.owner {
            Owner::Agent { agent, key, lease_until, .. }
                if *agent == action.proposer
                    && self.case.epoch == action.epoch
                    && self.now < *lease_until =>
            {
                Some(*key)
            }
            Owner::Agent { .. } | Owner::Supervisor { .. } | Owner::Queue { .. } => None,
        }
    }

    /// Consumes the permit in the append that records the intent (`PRM-1`, `OWN-2`, `IDM-2`).
    pub(super) fn begin_execution(
        &mut self,
        agent: &AgentId,
        key: Digest,
        epoch: Epoch,
        id: &ActionId,
        permit: &PermitId,
        input: Digest,
    ) -> Result<(), Rejection> {
        if !planted(Bug::EpochUnchecked) {
            self.check_owner(agent, epoch)?;
        }
        let action = self.action(id)?;
        let granted = match &action.stage {
            ActionStage::Authorized { permit } => permit,
            ActionStage::Dispatched { permit: Some(used), .. } if used == permit => {
                if planted(Bug::PermitReusable) {
                    self.dispatch(&action, Some(permit));
                    return Ok(());
                }
                return Err(Rejection::PermitUsed { permit: permit.clone() });
            }
            _ => return Err(wrong_stage(&action)),
        };
        if self.is_earlier_permit(&action, permit) {
            return Err(Rejection::PermitExpired { permit: permit.clone() });
        }
        if granted.permit != *permit || granted.agent != *agent || granted.epoch != epoch {
            return Err(Rejection::WrongPermit { permit: permit.clone() });
        }
        if granted.expires <= self.now {
            return Err(Rejection::PermitExpired { permit: permit.clone() });
        }
        if granted.key != key {
            return Err(Rejection::WrongKey);
        }
        if granted.input_digest != input {
            return Err(Rejection::InputMismatch);
        }
        self.dispatch(&action, Some(permit));
        Ok(())
    }

    /// From here on the write may happen.
    fn dispatch(&mut self, action: &Action, permit: Option<&PermitId>) {
        let Some(terms) = action.terms() else { return };
        self.emit(EventKind::ActionDispatched {
            action: action.id.clone(),
            attempt: action.attempts + 1,
            permit: permit.cloned(),
            until: after(self.now, terms.outcome_within),
        });
    }

    /// Whether the permit was once issued for this action and has been replaced since.
    fn is_earlier_permit(&self, action: &Action, permit: &PermitId) -> bool {
        (1..action.permits).any(|number| *permit == permit_id(&action.id, number))
    }

    /// What the executor says. It is a claim about the past, taken whoever owns the case by now, and nothing
    /// is done on its strength but to read back.
    pub(super) fn report_outcome(
        &mut self,
        agent: Option<&AgentId>,
        id: &ActionId,
        attempt: u32,
        outcome: &Outcome,
    ) -> Result<(), Rejection> {
        let action = self.action(id)?;
        let executor = action.terms().map(|terms| terms.executor);
        let entitled = match agent {
            Some(agent) => *agent == action.proposer && executor == Some(Executor::Agent),
            None => executor == Some(Executor::Supervisor),
        };
        if !entitled {
            let agent = agent.cloned().unwrap_or_else(|| AgentId::derived("supervisor".into()));
            return Err(Rejection::NotExecutor { agent });
        }
        if attempt == 0 || attempt > action.attempts {
            return Err(Rejection::StaleAttempt { given: attempt, current: action.attempts });
        }
        let awaited = matches!(action.stage, ActionStage::Dispatched { .. });
        // A yes that comes late must keep the write from being tried again before it has been looked for.
        let late = matches!(
            action.stage,
            ActionStage::Unknown { .. }
                | ActionStage::Retrying { .. }
                | ActionStage::Authorized { .. }
        );
        let given_up =
            matches!(action.stage, ActionStage::Failed { .. } | ActionStage::Withdrawn { .. });
        if given_up && matches!(outcome, Outcome::Executed { .. }) {
            // Somebody has been told that it took no effect, and may have done it otherwise since.
            let detail = "it is said to have taken effect after it was found not to".to_owned();
            self.ask_people(Cause::Divergence { action: id.clone(), detail });
            return Ok(());
        }
        if attempt < action.attempts || !(awaited || late) {
            // Told again, or about an attempt that has been settled.
            return Ok(());
        }
        match outcome {
            Outcome::NotExecuted { .. } if late => {}
            Outcome::Executed { output } => {
                within("output", output, TEXT_MAX)?;
                let Some((settle_until, verify_until)) = self.proof_times(&action) else {
                    return Err(wrong_stage(&action));
                };
                self.emit(EventKind::ActionExecuted {
                    action: id.clone(),
                    attempt,
                    output: output.clone(),
                    settle_until,
                    verify_until,
                });
            }
            Outcome::NotExecuted { claim, reason } => {
                within("reason", reason, TEXT_MAX)?;
                self.outcome_unknown(&action, *claim, reason);
            }
        }
        Ok(())
    }

    fn outcome_unknown(&mut self, action: &Action, claim: FailureClaim, reason: &str) {
        if planted(Bug::UnknownIsFailure) {
            return self.retry_or_fail(action, claim, reason);
        }
        let Some((settle_until, verify_until)) = self.proof_times(action) else { return };
        self.emit(EventKind::ActionUnknown {
            action: action.id.clone(),
            attempt: action.attempts,
            claim,
            reason: reason.to_owned(),
            settle_until,
            verify_until,
        });
    }

    fn proof_times(&self, action: &Action) -> Option<(Timestamp, Timestamp)> {
        let terms = action.terms()?;
        let settle_until = after(self.now, terms.settle_within);
        Some((settle_until, after(settle_until, terms.verify_within)))
    }

    /// Deadlines of actions that have run out.
    pub(super) fn pass_action_time(&mut self) {
        let due: Vec<_> = self
            .case
            .actions
            .values()
            .filter(|action| is_due(action, self.now))
            .map(|action| action.id.clone())
            .collect();
        for id in due {
            // One that ran out may have undone the plan of another, which is over by now.
            let action = self.case.actions.get(&id).filter(|action| is_due(action, self.now));
            if let Some(action) = action.cloned() {
                self.pass_time_of(&action);
            }
        }
    }

    fn pass_time_of(&mut self, action: &Action) {
        let id = &action.id;
        match &action.stage {
            ActionStage::Proposed { .. } => {
                let detail = "the preconditions could not be read in time".to_owned();
                let name = "read".to_owned();
                let rule = Rule::Precondition;
                self.deny(id, vec![Reason { rule, name, field: String::new(), detail }]);
            }
            ActionStage::AwaitingApproval(approval) => {
                let why = "nobody decided in time";
                self.end_approval(id, approval, Decision::Expired, None, why);
                self.see_to_plan_of(id);
                let reason = format!("the approval of {id} was not decided in time");
                self.ask_people(Cause::Asked { reason });
            }
            ActionStage::Authorized { permit } => {
                self.emit(EventKind::PermitExpired {
                    action: id.clone(),
                    permit: permit.permit.clone(),
                });
                if action.permits < PERMITS_MAX {
                    self.authorize(id);
                } else {
                    let reason = "no permit for it was ever used".to_owned();
                    self.emit(EventKind::ActionFailed { action: id.clone(), reason });
                    self.see_to_plan_of(id);
                }
            }
            ActionStage::Dispatched { .. } => {
                self.outcome_unknown(action, FailureClaim::Unknown, "no outcome came in time");
            }
            ActionStage::Executed { .. } | ActionStage::Unknown { .. } => {
                let detail = "its effect could not be read back in time".to_owned();
                self.emit(EventKind::ActionUnresolved {
                    action: id.clone(),
                    detail: detail.clone(),
                });
                let told = format!("{id}: {detail}");
                self.remember("divergence", told, Source::Belay, id.as_str());
                self.ask_people(Cause::Divergence { action: id.clone(), detail });
            }
            ActionStage::Retrying { .. } => self.authorize(id),
            ActionStage::Denied { .. }
            | ActionStage::Shadowed
            | ActionStage::Rejected { .. }
            | ActionStage::Expired
            | ActionStage::Withdrawn { .. }
            | ActionStage::Failed { .. }
            | ActionStage::Verified { .. }
            | ActionStage::Diverged { .. }
            | ActionStage::Compensating { .. }
            | ActionStage::Compensated
            | ActionStage::CompensationFailed { .. } => {}
        }
    }
}

fn permit_id(action: &ActionId, number: u32) -> PermitId {
    PermitId::derived(format!("{action}/p{number}"))
}

fn is_due(action: &Action, now: Timestamp) -> bool {
    deadline(action).is_some_and(|until| until <= now)
}

/// When time alone changes this action.
pub(super) fn deadline(action: &Action) -> Option<Timestamp> {
    match &action.stage {
        ActionStage::Proposed { until } | ActionStage::Dispatched { until, .. } => Some(*until),
        ActionStage::AwaitingApproval(approval) => Some(approval.until),
        ActionStage::Authorized { permit } => Some(permit.expires),
        ActionStage::Executed { verify_until, told: false, .. }
        | ActionStage::Unknown { verify_until, told: false, .. } => Some(*verify_until),
        ActionStage::Retrying { at, .. } => Some(*at),
        ActionStage::Executed { told: true, .. }
        | ActionStage::Unknown { told: true, .. }
        | ActionStage::Denied { .. }
        | ActionStage::Shadowed
        | ActionStage::Rejected { .. }
        | ActionStage::Expired
        | ActionStage::Withdrawn { .. }
        | ActionStage::Failed { .. }
        | ActionStage::Verified { .. }
        | ActionStage::Diverged { .. }
        | ActionStage::Compensating { .. }
        | ActionStage::Compensated
        | ActionStage::CompensationFailed { .. } => None,
    }
}
