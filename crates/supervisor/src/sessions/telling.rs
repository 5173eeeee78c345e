//! Whom to tell what, when something has happened to a case. Derived from the events alone, in their order.

use std::collections::BTreeSet;
use std::sync::Arc;

use belay_domain::{
    Action, ActionId, ActionStage, AgentId, Case, ContextEntry, Decision, Epoch, Event, EventKind,
    HandoffId, Owner, ProposalId, Reason, Rule, Ruling,
};

use super::notice::{Loss, Notice, Ruled};

/// The agents that a case concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Concern {
    /// Who holds it, and under which epoch.
    pub(super) holder: Option<(AgentId, Epoch)>,
    /// Who is offered it.
    pub(super) offered: Option<(AgentId, HandoffId)>,
    /// As of which event of the case.
    pub(super) seq: u64,
}

/// One word to one agent.
#[derive(Debug)]
pub(super) struct Told {
    /// To whom.
    pub(super) to: AgentId,
    /// What.
    pub(super) word: Word,
}

/// What is told, and how it finds the message that it may answer.
#[derive(Debug)]
pub(super) enum Word {
    /// By itself.
    Notice(Notice),
    /// The ruling on a proposal: the reply to it, where somebody waits for one.
    Ruling {
        /// The agent's own number.
        proposal: ProposalId,
        /// The ruling.
        notice: Notice,
    },
    /// There will be no ruling: the proposal lost its ground. Whoever waits for one hears so.
    NoRuling {
        /// The agent's own number.
        proposal: ProposalId,
    },
    /// The case that an accepted handoff brought: the reply to its acceptance.
    Acceptance {
        /// The handoff.
        handoff: HandoffId,
        /// The case.
        notice: Notice,
    },
    /// More is known; what the agent added itself it need not be told.
    Knowledge(Vec<(u64, Arc<ContextEntry>)>),
    /// An offer is over. Only an agent that may have seen it need be told.
    OfferOver {
        /// The handoff.
        handoff: HandoffId,
        /// Why.
        why: String,
    },
    /// The permit of an action is over.
    PermitOver(ActionId),
}

impl Concern {
    /// The agents that a case concerns as it is.
    pub(super) fn of(case: &Case) -> Self {
        let open = case.is_open();
        let holder = match &case.owner {
            Owner::Agent { agent, .. } if open => Some((agent.clone(), case.epoch)),
            _ => None,
        };
        let offer = case.offer.as_ref().filter(|_| open);
        let offered = offer.map(|offer| (offer.to.clone(), offer.handoff.clone()));
        Self { holder, offered, seq: case.seq }
    }

    /// Whether it concerns nobody.
    pub(super) fn is_nobodys(&self) -> bool {
        self.holder.is_none() && self.offered.is_none()
    }
}

/// What is to be told about these events. `before` is whom the case concerned until then.
pub(super) fn words(before: &Concern, case: &Arc<Case>, events: &[Event]) -> Vec<Told> {
    let added = events.iter().filter(|event| is_context(event)).count();
    let mut telling = Telling {
        case,
        holder: before.holder.clone(),
        offered: before.offered.clone(),
        ordinal: case.context.entries().len().saturating_sub(added),
        assessed: BTreeSet::new(),
        results: BTreeSet::new(),
        learned: Vec::new(),
        told: Vec::new(),
    };
    for event in events {
        telling.follow(event);
    }
    telling.flush_knowledge();
    telling.told
}

/// How an action was ruled when it was ruled; none while it has not been, or if it never was.
pub(crate) fn ruled(case: &Case, action: &Action) -> Option<Ruled> {
    match &action.stage {
        ActionStage::Proposed { .. } => None,
        ActionStage::Denied { reasons } => Some(denied(case, action, reasons)),
        ActionStage::Shadowed => Some(Ruled::Shadowed),
        ActionStage::AwaitingApproval(approval) => {
            Some(Ruled::Awaiting { until: Some(approval.until) })
        }
        ActionStage::Rejected { .. } | ActionStage::Expired => {
            Some(Ruled::Awaiting { until: None })
        }
        ActionStage::Withdrawn { .. } => match action.verdict.as_ref()?.ruling {
            Ruling::Ask(_) => Some(Ruled::Awaiting { until: None }),
            Ruling::Allow => Some(Ruled::Authorized),
            Ruling::Deny(_) => None,
        },
        ActionStage::Authorized { .. }
        | ActionStage::Dispatched { .. }
        | ActionStage::Executed { .. }
        | ActionStage::Unknown { .. }
        | ActionStage::Retrying { .. }
        | ActionStage::Failed { .. }
        | ActionStage::Verified { .. }
        | ActionStage::Diverged { .. }
        | ActionStage::Compensating { .. }
        | ActionStage::Compensated
        | ActionStage::CompensationFailed { .. } => Some(Ruled::Authorized),
    }
}

fn denied(case: &Case, action: &Action, reasons: &[Reason]) -> Ruled {
    let only = !reasons.is_empty() && reasons.iter().all(|reason| reason.rule == Rule::Duplicate);
    let same = |other: &&Arc<Action>| {
        other.id != action.id
            && other.contract == action.contract
            && other.input == action.input
            && !other.is_without_effect()
    };
    let duplicate_of = case.actions.values().find(same).filter(|_| only);
    Ruled::Denied {
        reasons: reasons.to_vec(),
        duplicate_of: duplicate_of.map(|other| other.id.clone()),
    }
}

fn is_context(event: &Event) -> bool {
    matches!(event.kind, EventKind::ContextAdded { .. })
}

/// The epoch before the one that ended an ownership.
fn ended(by: Epoch) -> Epoch {
    Epoch(by.0.saturating_sub(1))
}

struct Telling<'a> {
    case: &'a Arc<Case>,
    holder: Option<(AgentId, Epoch)>,
    offered: Option<(AgentId, HandoffId)>,
    /// The place of the last entry of the context so far.
    ordinal: usize,
    assessed: BTreeSet<ActionId>,
    results: BTreeSet<ActionId>,
    learned: Vec<(u64, Arc<ContextEntry>)>,
    told: Vec<Told>,
}

impl Telling<'_> {
    fn follow(&mut self, event: &Event) {
        match &event.kind {
            EventKind::ContextAdded { .. } => self.learn(),
            EventKind::HandoffOffered { handoff, to, .. } => {
                self.offered = Some((to.clone(), handoff.clone()));
            }
            EventKind::HandoffDeclined { .. } => self.offered = None,
            EventKind::HandoffLapsed { .. } => self.end_offer("it was not answered in time"),
            EventKind::RoutingEnded { why } => self.end_offer(why),
            EventKind::HandoffAccepted { .. }
            | EventKind::LeaseExpired { .. }
            | EventKind::CaseReleased { .. }
            | EventKind::CaseTakenOver { .. }
            | EventKind::EscalationAcknowledged { .. }
            | EventKind::CaseResolved { .. }
            | EventKind::CaseMerged { .. } => self.change_hands(&event.kind),
            other => self.act(other),
        }
    }

    fn change_hands(&mut self, kind: &EventKind) {
        self.flush_knowledge();
        match kind {
            EventKind::HandoffAccepted { handoff, from, agent, epoch, lease_until, .. } => {
                if let Owner::Agent { agent: loser, .. } = from {
                    self.lose(loser.clone(), ended(*epoch), Loss::HandedOff);
                }
                self.offered = None;
                self.holder = Some((agent.clone(), *epoch));
                let notice = assigned(self.case, *epoch, *lease_until);
                let word = Word::Acceptance { handoff: handoff.clone(), notice };
                self.told.push(Told { to: agent.clone(), word });
            }
            EventKind::LeaseExpired { agent, epoch } => {
                self.lose(agent.clone(), ended(*epoch), Loss::Expired);
            }
            EventKind::EscalationAcknowledged { epoch: Some(_), .. } => {
                if let Some((loser, epoch)) = self.holder.clone() {
                    self.lose(loser, epoch, Loss::TakenByPerson);
                }
                self.end_offer("a person took the case");
            }
            EventKind::CaseReleased { .. } => self.holder = None,
            EventKind::CaseTakenOver { epoch, .. } => {
                if let Some((loser, _)) = self.holder.clone() {
                    self.lose(loser, ended(*epoch), Loss::TakenByPerson);
                }
                self.end_offer("a person took the case out of the agent's hands");
            }
            EventKind::CaseMerged { .. } => {
                self.end_offer("the case was merged into another");
                if let Some((loser, epoch)) = self.holder.clone() {
                    self.lose(loser, epoch, Loss::Merged);
                }
            }
            EventKind::CaseResolved { by, .. } => {
                self.end_offer("the case is resolved");
                // Whoever resolved it has the reply.
                if let Some((holder, _)) = self.holder.take()
                    && *by != format!("agent:{holder}")
                {
                    let case = self.case.clone();
                    self.say(holder, Notice::Closed { case });
                }
            }
            _ => {}
        }
    }

    fn act(&mut self, kind: &EventKind) {
        match kind {
            EventKind::ActionAssessed { action, .. } => {
                self.assessed.insert(action.clone());
            }
            EventKind::ActionDenied { action, reasons } => {
                let Some(found) = self.case.actions.get(action).cloned() else { return };
                self.rule(&found, denied(self.case, &found, reasons));
            }
            EventKind::ActionShadowed { action } => self.rule_id(action, Ruled::Shadowed),
            EventKind::ApprovalRequested { action, approval } => {
                self.rule_id(action, Ruled::Awaiting { until: Some(approval.until) });
            }
            EventKind::ActionAuthorized { action, .. }
            | EventKind::ActionDispatched { action, permit: None, .. }
                // Otherwise people have approved it, or it is another attempt: no new ruling.
                if self.assessed.contains(action) =>
            {
                self.rule_id(action, Ruled::Authorized);
            }
            EventKind::ActionDispatched { action, .. }
            | EventKind::PermitExpired { action, .. } => self.end_permit(action),
            EventKind::ActionWithdrawn { action, .. } => {
                self.end_permit(action);
                self.end_proposal(action);
                self.report(action);
            }
            EventKind::ApprovalEnded {
                action,
                decision: Decision::Rejected | Decision::Expired,
                ..
            }
            | EventKind::ActionFailed { action, .. }
            | EventKind::ActionVerified { action, .. }
            | EventKind::ActionDiverged { action, .. }
            | EventKind::ActionRetried { action, .. }
            | EventKind::ActionUnresolved { action, .. }
            | EventKind::CompensationStarted { action, .. }
            | EventKind::ActionCompensated { action }
            | EventKind::CompensationFailed { action, .. } => self.report(action),
            _ => {}
        }
    }

    fn learn(&mut self) {
        let place = self.ordinal;
        self.ordinal += 1;
        if self.holder.is_some()
            && let Some(entry) = self.case.context.entries().get(place)
        {
            self.learned.push((self.ordinal as u64, entry.clone()));
        }
    }

    fn flush_knowledge(&mut self) {
        let learned = std::mem::take(&mut self.learned);
        if let Some((holder, _)) = &self.holder
            && !learned.is_empty()
        {
            self.told.push(Told { to: holder.clone(), word: Word::Knowledge(learned) });
        }
    }

    fn lose(&mut self, loser: AgentId, epoch: Epoch, loss: Loss) {
        self.holder = None;
        let case = self.case.id.clone();
        self.say(loser, Notice::Lost { case, epoch, loss });
    }

    fn end_offer(&mut self, why: &str) {
        if let Some((to, handoff)) = self.offered.take() {
            self.told.push(Told { to, word: Word::OfferOver { handoff, why: why.to_owned() } });
        }
    }

    fn end_permit(&mut self, action: &ActionId) {
        if let Some(found) = self.case.actions.get(action) {
            let to = found.proposer.clone();
            self.told.push(Told { to, word: Word::PermitOver(action.clone()) });
        }
    }

    /// Whoever still waits for a ruling gets the one there was, if there was one.
    fn end_proposal(&mut self, action: &ActionId) {
        let Some(found) = self.case.actions.get(action).cloned() else { return };
        match ruled(self.case, &found) {
            Some(ruled) if self.assessed.contains(action) => self.rule(&found, ruled),
            Some(_) => {}
            None => {
                let (to, proposal) = (found.proposer.clone(), found.proposal.clone());
                self.told.push(Told { to, word: Word::NoRuling { proposal } });
            }
        }
    }

    fn rule_id(&mut self, action: &ActionId, ruled: Ruled) {
        if let Some(found) = self.case.actions.get(action).cloned() {
            self.rule(&found, ruled);
        }
    }

    fn rule(&mut self, action: &Arc<Action>, ruled: Ruled) {
        self.assessed.remove(&action.id);
        let case = self.case.id.clone();
        let proposal = action.proposal.clone();
        let to = action.proposer.clone();
        let notice = Notice::Decided { case, action: action.clone(), ruled };
        self.told.push(Told { to, word: Word::Ruling { proposal, notice } });
    }

    /// What became of the action, for whoever holds the case; once, as it stands after all of the events.
    fn report(&mut self, action: &ActionId) {
        let Some((holder, _)) = self.holder.clone() else { return };
        if let Some(found) = self.case.actions.get(action)
            && self.results.insert(action.clone())
        {
            let case = self.case.id.clone();
            self.say(holder, Notice::Result { case, action: found.clone() });
        }
    }

    fn say(&mut self, to: AgentId, notice: Notice) {
        self.told.push(Told { to, word: Word::Notice(notice) });
    }
}

/// The notice that an agent holds a case from now on.
pub(super) fn assigned(case: &Case, epoch: Epoch, lease_until: belay_domain::Timestamp) -> Notice {
    Notice::Assigned {
        case: case.id.clone(),
        epoch,
        lease_until,
        lease: case.terms.as_ref().map_or(belay_domain::Span::ZERO, |terms| terms.lease),
        restated: None,
    }
}
