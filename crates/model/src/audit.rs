//! What an auditor makes of the events alone, without the code that decided them, and which laws they break.

use belay_domain::{Case, Decision, Digest, Event, EventKind, Evidence, Owner};

use crate::command::{Choice, Cmd};
use crate::law::{Law, Laws};
use crate::names::{Agent, StepCode, ticket_number};
use crate::paperwork::{Paper, Papers};
use crate::terms::{BOUNCES, FRESH, LEASE, tick_of};

/// Who owns the case, as its history says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    #[default]
    Supervisor,
    Agent(Agent),
    /// The person of the staff with this number.
    Person(u8),
    /// Somebody whom the model does not know.
    Stranger,
}

/// The history of the case, as far as the laws need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Audit {
    pub(crate) owner: Whose,
    pub(crate) epoch: u64,
    /// When the owning agent last accepted or showed progress.
    pub(crate) progress: Option<u8>,
    context: Option<Digest>,
    offer: Option<(u8, Agent, u8)>,
    last_agent: Option<Agent>,
    bounces: u32,
    /// For each escalation its present step and when that began.
    steps: Vec<(String, StepCode, u8)>,
    /// For each step the newest that was shown.
    evidence: Vec<(StepCode, u64, u8)>,
    papers: Papers,
    /// Whether another playbook is in force than the one that the case was opened under.
    pub(crate) reloaded: bool,
    /// Whether a person took the case out of an agent's hands.
    pub(crate) taken_away: bool,
}

/// The number of a person of the staff.
pub(crate) fn staff(name: &str) -> Option<u8> {
    match name {
        "ann" => Some(0),
        "bob" => Some(1),
        _ => None,
    }
}

fn whose(owner: &Owner) -> Whose {
    match owner {
        Owner::Supervisor { .. } => Whose::Supervisor,
        Owner::Agent { agent, .. } => Agent::named(agent).map_or(Whose::Stranger, Whose::Agent),
        Owner::Queue { person, .. } => {
            staff(person.as_str()).map_or(Whose::Stranger, Whose::Person)
        }
    }
}

impl Audit {
    /// Reads what a command led to at `now`, and says which laws that breaks. `accepted` is whether it was.
    pub(crate) fn read(&mut self, cmd: Cmd, accepted: bool, events: &[Event], now: u8) -> Laws {
        let mut broken = Laws::NONE;
        if accepted {
            broken = broken.and(self.entitled(cmd, events, now));
        }
        for event in events {
            broken = broken.and(self.read_event(cmd, event, now));
        }
        if cmd == Cmd::Reload {
            self.reloaded = true;
            broken.hold(Law::Apr5, !self.papers.any_let_through());
        }
        broken
    }

    /// `OWN-1`: the case's owner is the one that its history says.
    pub(crate) fn agrees(&self, case: &Case) -> bool {
        self.owner == whose(&case.owner) && self.epoch == case.epoch.0
    }

    /// Whether the agent owns the case by right: accepted, and showed progress less than a lease ago.
    pub(crate) fn holds(&self, agent: Agent, now: u8) -> bool {
        self.owner == Whose::Agent(agent) && self.progress.is_some_and(|at| now < at + LEASE)
    }

    /// What was shown to people of an action for the n-th time.
    pub(crate) fn shown(&self, action: u8, nth: u8) -> Digest {
        let found = self.papers.of(action).and_then(|paper| paper.shown.get(usize::from(nth)));
        found.map_or_else(|| Digest::of(b"nothing"), |(binding, _)| *binding)
    }

    pub(crate) fn papers(&self) -> &[Paper] {
        self.papers.all()
    }

    /// `OWN-2`: a command for owners was taken from the owner, under its epoch and lease.
    fn entitled(&self, cmd: Cmd, events: &[Event], now: u8) -> Laws {
        let mut broken = Laws::NONE;
        let proposed =
            events.iter().any(|event| matches!(event.kind, EventKind::ActionProposed { .. }));
        let owner = match cmd {
            Cmd::Propose { agent, epoch, .. } if proposed => Some((agent, epoch)),
            _ => cmd.as_owner(),
        };
        if let Some((agent, epoch)) = owner {
            broken.hold(Law::Own2, u64::from(epoch) == self.epoch && self.holds(agent, now));
        }
        broken
    }

    /// `OWN-3`, `APR-5`.
    fn passes_to(&mut self, owner: Whose, epoch: u64) -> Laws {
        let mut broken = Laws::NONE;
        broken.hold(Law::Own3, epoch > self.epoch);
        broken.hold(Law::Apr5, !self.papers.any_unsent());
        (self.owner, self.epoch, self.progress) = (owner, epoch, None);
        broken
    }

    fn read_event(&mut self, cmd: Cmd, event: &Event, now: u8) -> Laws {
        let mut broken = Laws::NONE;
        match &event.kind {
            EventKind::ContextAdded { digest, .. } => self.context = Some(*digest),
            EventKind::HandoffOffered { handoff, to, .. } => {
                let number = handoff.as_str().strip_prefix("c/h").and_then(|n| n.parse().ok());
                if let (Some(number), Some(to)) = (number, Agent::named(to)) {
                    self.offer = Some((number, to, now));
                }
            }
            EventKind::HandoffDeclined { .. } | EventKind::HandoffLapsed { .. } => {
                self.offer = None
            }
            EventKind::RoutingEnded { .. } => self.offer = None,
            EventKind::HandoffAccepted { context, epoch, from, agent, .. } => {
                broken.hold(Law::Own4, whose(from) == self.owner);
                let whole = matches!(cmd, Cmd::Accept { whole: true, .. });
                broken.hold(Law::Own5, whole && self.context == Some(*context));
                let agent = Agent::named(agent);
                let in_time = self.offer.take().is_some_and(|(number, to, at)| {
                    matches!(cmd, Cmd::Accept { agent, handoff, .. } if agent == to && handoff == number)
                        && agent == Some(to)
                        && now < at + 1
                });
                broken.hold(Law::Own6, in_time);
                let owner = agent.map_or(Whose::Stranger, Whose::Agent);
                broken = broken.and(self.passes_to(owner, epoch.0));
                self.progress = Some(now);
                if let (Some(last), Some(agent)) = (self.last_agent, agent) {
                    self.bounces += u32::from(last != agent);
                    broken.hold(Law::Own7, self.bounces <= BOUNCES);
                }
                self.last_agent = agent;
            }
            EventKind::LeaseRenewed { .. } => {
                let shown = matches!(cmd, Cmd::Progress { .. });
                broken.hold(Law::Cov7, shown && self.progress.is_some_and(|at| now < at + LEASE));
                self.progress = Some(now);
            }
            EventKind::LeaseExpired { epoch, .. } => {
                broken.hold(Law::Cov7, self.progress.is_some_and(|at| at + LEASE <= now));
                broken = broken.and(self.passes_to(Whose::Supervisor, epoch.0));
            }
            EventKind::CaseReleased { epoch, .. }
            | EventKind::CaseReturned { epoch, .. }
            | EventKind::EscalationLapsed { epoch: Some(epoch), .. } => {
                broken = broken.and(self.passes_to(Whose::Supervisor, epoch.0));
            }
            EventKind::CaseTakenOver { epoch, .. } => {
                let by_reviewer = matches!(cmd, Cmd::Vote { choice: Choice::TakeOver, .. });
                broken.hold(Law::Own2, by_reviewer && matches!(self.owner, Whose::Agent(_)));
                broken = broken.and(self.passes_to(Whose::Supervisor, epoch.0));
                (self.taken_away, self.offer) = (true, None);
            }
            EventKind::StepStarted { escalation, step, .. } => {
                let code = StepCode::of(&step.correlation).unwrap_or_default();
                let name = escalation.to_string();
                self.steps.retain(|(known, ..)| *known != name);
                self.steps.push((name, code, tick_of(step.since)));
            }
            EventKind::TicketSeen { escalation, evidence, .. }
            | EventKind::TicketRouted { escalation, evidence, .. }
            | EventKind::EvidenceRenewed { escalation, evidence, .. }
            | EventKind::EscalationResolved { escalation, evidence, .. }
            | EventKind::EscalationAcknowledged { escalation, evidence, .. } => {
                broken = broken.and(self.shows(cmd, event, escalation.as_str(), evidence, now));
            }
            EventKind::ApprovalEnded { decision: Decision::Expired, .. } => {
                broken = broken.and(self.papers.read(cmd, event, &self.owner, self.epoch, now));
            }
            _ => {
                let holds = match self.owner {
                    Whose::Agent(agent) => self.holds(agent, now),
                    _ => false,
                };
                let owner = if holds { self.owner } else { Whose::Supervisor };
                broken = broken.and(self.papers.read(cmd, event, &owner, self.epoch, now));
            }
        }
        broken
    }

    /// `COV-2` to `COV-6` for one piece of evidence.
    fn shows(
        &mut self,
        cmd: Cmd,
        event: &Event,
        escalation: &str,
        evidence: &Evidence,
        now: u8,
    ) -> Laws {
        let mut broken = Laws::NONE;
        let began = self.steps.iter().find(|(known, ..)| known == escalation);
        let (step, since) = began.map_or((StepCode::NONE, 0), |(_, step, since)| (*step, *since));
        let Cmd::Observe { step: read_for, ticket, marked, deeds, sent } = cmd else {
            // Evidence that is not of a read.
            broken.hold(Law::Cov2, false);
            return broken;
        };
        broken.hold(Law::Cov2, since <= sent && sent <= now);
        let dated = tick_of(evidence.sent_at()) == sent;
        let lasts = tick_of(evidence.valid_until()) == sent + FRESH;
        broken.hold(Law::Cov3, dated && lasts && sent + FRESH > now);
        let ours = StepCode::of(evidence.correlation()) == Some(step)
            && read_for == step
            && marked == step
            && ticket_number(evidence.ticket()) == Some(ticket)
            && evidence.queue().queue.as_str() == step.queue();
        broken.hold(Law::Cov6, ours);
        let newer = (evidence.revision(), sent);
        let older = self.evidence.iter().position(|(known, ..)| *known == step);
        if let Some(place) = older {
            let (_, revision, sent) = self.evidence.swap_remove(place);
            broken.hold(Law::Cov4, (revision, sent) < newer);
        }
        self.evidence.push((step, newer.0, newer.1));
        self.evidence.sort_unstable();
        let truth = deeds.truth();
        let actor = evidence.actor().map(|name| staff(name.as_str()));
        match &event.kind {
            EventKind::EscalationAcknowledged { epoch, .. } => {
                broken.hold(Law::Cov6, truth.live && truth.at_home);
                broken
                    .hold(Law::Cov5, actor.flatten().is_some() && truth.taker() == actor.flatten());
                if let Some(epoch) = epoch {
                    let owner = actor.flatten().map_or(Whose::Stranger, Whose::Person);
                    broken = broken.and(self.passes_to(owner, epoch.0));
                    (self.last_agent, self.bounces, self.offer) = (None, 0, None);
                }
            }
            EventKind::EvidenceRenewed { .. } => {
                broken.hold(Law::Cov6, truth.live && truth.at_home);
                broken
                    .hold(Law::Cov5, actor.flatten().is_some() && truth.taker() == actor.flatten());
            }
            _ => {}
        }
        broken
    }
}
