//! Everything that can be asked of the case, small enough to be kept by the million, and the domain's command for
//! it.

mod said;

use belay_domain::{
    Actor, Command, Digest, Epoch, FailureClaim, GroupId, Outcome, Proposal, ReadBack, Reading,
    Target, VotesChoice,
};

use crate::books::Record;
use crate::names::{self, Agent, StepCode, id};
use crate::paperwork::Input;
use crate::setting::Setting;
use crate::terms;
use crate::ticket::{self, Deeds};

/// One command. Epochs, handoffs, attempts and moments are small here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cmd {
    Tick,
    Offer(Agent),
    NoCandidate,
    /// `whole` is whether the agent repeats the digest of the context as it is now.
    Accept {
        agent: Agent,
        handoff: u8,
        whole: bool,
    },
    Decline {
        agent: Agent,
        handoff: u8,
    },
    Progress {
        agent: Agent,
        epoch: u8,
    },
    Handoff {
        agent: Agent,
        epoch: u8,
    },
    /// By a person if by no agent.
    Escalate {
        by: Option<Agent>,
        epoch: u8,
    },
    Release {
        agent: Agent,
        epoch: u8,
    },
    Resolve {
        by: Option<Agent>,
        epoch: u8,
    },
    Know,
    Propose {
        agent: Agent,
        epoch: u8,
        number: u8,
        input: Input,
        planned: bool,
    },
    Assess {
        action: u8,
    },
    /// Another playbook comes into force.
    Reload,
    /// `shown` counts what the person could have seen, from the first that was ever shown.
    Vote {
        person: Person,
        action: u8,
        shown: u8,
        choice: Choice,
    },
    /// `forged` is another input than the one the permit is for.
    Begin {
        agent: Agent,
        epoch: u8,
        action: u8,
        permit: u8,
        forged: bool,
    },
    /// By the supervisor if by no agent.
    Report {
        by: Option<Agent>,
        action: u8,
        attempt: u8,
        claim: Claim,
    },
    Verify {
        action: u8,
        attempt: u8,
        shown: Shown,
        sent: u8,
    },
    Undone {
        action: u8,
        attempt: u8,
        outcome: Undo,
    },
    Plan {
        agent: Agent,
        epoch: u8,
        abandon: bool,
    },
    Placed {
        step: StepCode,
        ticket: u8,
    },
    Refused {
        step: StepCode,
    },
    Withdrawn {
        step: StepCode,
        ticket: u8,
    },
    /// A read of the ticket that was written for `marked`, as it was after these deeds.
    Observe {
        step: StepCode,
        ticket: u8,
        marked: StepCode,
        deeds: Deeds,
        sent: u8,
    },
    Missing {
        step: StepCode,
        sent: u8,
    },
    /// A message from outside that claims this of the ticket.
    Rumour {
        step: StepCode,
        ticket: u8,
        deeds: Deeds,
    },
}

/// A person who decides on writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Person {
    Lea,
    Leo,
    /// Belongs to no group that may approve.
    Kim,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Choice {
    Approve,
    Reject,
    Amend,
    /// Somebody else should look instead.
    HandOn(Person),
    TakeOver,
}

/// What an executor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Claim {
    Done,
    Unknown,
    Busy,
    Never,
}

/// What the target shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Shown {
    Applied,
    Absent,
    Different,
    Unreadable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Undo {
    Done,
    Busy,
    Never,
}

impl Person {
    /// Those who may approve.
    pub(crate) const ALL: [Self; 2] = [Self::Lea, Self::Leo];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lea => "lea",
            Self::Leo => "leo",
            Self::Kim => "kim",
        }
    }

    /// The groups that this person's token proves.
    fn groups(self) -> Vec<GroupId> {
        if Self::ALL.contains(&self) { vec![id("leads")] } else { vec![] }
    }
}

/// The certificate of an agent.
fn key(agent: Agent) -> Digest {
    Digest::of(agent.name().as_bytes())
}

fn actor(by: Option<Agent>, epoch: u8) -> Actor {
    match by {
        Some(agent) => Actor::Agent { agent: agent.id(), epoch: Epoch(epoch.into()) },
        None => Actor::Person(id("ann")),
    }
}

impl Cmd {
    /// The agent that gives it and the ownership it claims, if it is a command for owners only.
    pub(crate) fn as_owner(self) -> Option<(Agent, u8)> {
        match self {
            Self::Progress { agent, epoch }
            | Self::Handoff { agent, epoch }
            | Self::Escalate { by: Some(agent), epoch }
            | Self::Release { agent, epoch }
            | Self::Resolve { by: Some(agent), epoch }
            | Self::Begin { agent, epoch, .. }
            | Self::Plan { agent, epoch, .. } => Some((agent, epoch)),
            _ => None,
        }
    }

    /// The domain's command for it, given to this case at this moment.
    pub(crate) fn to_domain(self, record: &Record, now: u8, setting: &Setting) -> Command {
        let reloaded = record.audit.reloaded;
        let ownership = |epoch: u8| Epoch(epoch.into());
        match self {
            Self::Tick => Command::Tick,
            Self::Offer(to) => Command::Offer { to: to.id() },
            Self::NoCandidate => Command::NoCandidate,
            Self::Accept { agent, handoff, whole } => Command::Accept {
                agent: agent.id(),
                key: key(agent),
                handoff: names::handoff(handoff),
                context: if whole { record.case.context.digest() } else { Digest::of(b"part") },
            },
            Self::Decline { agent, handoff } => Command::Decline {
                agent: agent.id(),
                handoff: names::handoff(handoff),
                reason: "busy".to_owned(),
            },
            Self::Progress { agent, epoch } => {
                Command::Progress { agent: agent.id(), epoch: ownership(epoch), key: key(agent) }
            }
            Self::Handoff { agent, epoch } => Command::RequestHandoff {
                agent: agent.id(),
                epoch: ownership(epoch),
                to: Target::Role(id("billing")),
                reason: "not mine".to_owned(),
                context: vec![terms::entry("note")],
            },
            Self::Escalate { by, epoch } => Command::RequestEscalation {
                by: actor(by, epoch),
                reason: "help".to_owned(),
                plan: None,
            },
            Self::Release { agent, epoch } => Command::Release {
                agent: agent.id(),
                epoch: ownership(epoch),
                reason: "not mine".to_owned(),
            },
            Self::Resolve { by, epoch } => Command::Resolve {
                by: actor(by, epoch),
                code: id("solved"),
                note: "well".to_owned(),
            },
            Self::Know => Command::AddContext {
                entries: vec![terms::entry("more")],
                by: Actor::Program("intake".to_owned()),
            },
            Self::Propose { agent, epoch, number, input, planned } => {
                Command::Propose(Box::new(Proposal {
                    agent: agent.id(),
                    epoch: ownership(epoch),
                    proposal: id(&format!("p{number}")),
                    contract: id("refund@1"),
                    input: input.text().to_owned(),
                    provenance: vec![],
                    plan: planned.then(|| id("x")),
                    justification: "asked for".to_owned(),
                    assess_until: terms::at(now + 1),
                    verdict: Some(Box::new(terms::verdict(setting, input.text(), reloaded))),
                }))
            }
            Self::Reload => Command::PlaybookInForce { playbook: terms::playbook(true) },
            Self::Assess { action } => {
                let found = record.case.actions.get(&names::action(action));
                let (revision, input) =
                    found.map_or((0, ""), |found| (found.revision, found.input.as_str()));
                Command::Assess {
                    action: names::action(action),
                    revision,
                    verdict: Box::new(terms::verdict(setting, input, reloaded)),
                }
            }
            Self::Vote { person, action, shown, choice } => Command::DecideApproval {
                action: names::action(action),
                person: id(person.name()),
                groups: person.groups(),
                shown: record.audit.shown(action, shown),
                choice: match choice {
                    Choice::Approve => VotesChoice::Approve { note: String::new() },
                    Choice::Reject => VotesChoice::Reject { code: None, note: String::new() },
                    Choice::Amend => VotesChoice::Amend {
                        input: Input::Other.text().to_owned(),
                        note: String::new(),
                        assess_until: terms::at(now + 1),
                    },
                    Choice::HandOn(to) => {
                        VotesChoice::Delegate { to: id(to.name()), note: String::new() }
                    }
                    Choice::TakeOver => VotesChoice::TakeOver { note: String::new() },
                },
            },
            Self::Begin { agent, epoch, action, permit, forged } => {
                let found = record.case.actions.get(&names::action(action));
                let input = found.filter(|_| !forged).map(|found| found.input_digest());
                Command::BeginExecution {
                    agent: agent.id(),
                    key: key(agent),
                    epoch: ownership(epoch),
                    action: names::action(action),
                    permit: names::permit(action, permit),
                    input: input.unwrap_or_else(|| Digest::of(b"forged")),
                }
            }
            Self::Report { by, action, attempt, claim } => Command::ReportOutcome {
                agent: by.map(Agent::id),
                action: names::action(action),
                attempt: attempt.into(),
                outcome: claim.outcome(),
            },
            Self::Verify { action, attempt, shown, sent } => Command::Verify {
                action: names::action(action),
                attempt: attempt.into(),
                shown: shown.read_back(),
                sent_at: terms::at(sent),
            },
            Self::Undone { action, attempt, outcome } => Command::ReportCompensation {
                action: names::action(action),
                attempt: attempt.into(),
                outcome: match outcome {
                    Undo::Done => Ok(()),
                    Undo::Busy => Err(("busy".to_owned(), true)),
                    Undo::Never => Err(("never".to_owned(), false)),
                },
            },
            Self::Plan { agent, epoch, abandon: false } => {
                let (agent, epoch, equalities) = (agent.id(), ownership(epoch), Vec::new());
                Command::CompletePlan { agent, epoch, plan: id("x"), equalities }
            }
            Self::Plan { agent, epoch, abandon: true } => Command::AbandonPlan {
                agent: agent.id(),
                epoch: ownership(epoch),
                plan: id("x"),
                reason: "no".to_owned(),
            },
            Self::Placed { step, ticket } => Command::TicketPlaced {
                correlation: step.correlation(),
                ticket: names::ticket(ticket),
            },
            Self::Refused { step } => Command::StepRefused {
                correlation: step.correlation(),
                reason: "nobody is there".to_owned(),
            },
            Self::Withdrawn { step, ticket } => Command::Withdrawn {
                correlation: step.correlation(),
                ticket: names::ticket(ticket),
            },
            Self::Observe { step, ticket, marked, deeds, sent } => {
                observed(step, ticket::reading(ticket, marked, deeds), sent)
            }
            Self::Missing { step, sent } => observed(step, ticket::missing(step), sent),
            Self::Rumour { step, ticket, deeds } => {
                observed(step, ticket::reading(ticket, step, deeds), now)
            }
        }
    }
}

fn observed(step: StepCode, reading: Reading, sent: u8) -> Command {
    Command::Observe {
        correlation: step.correlation(),
        reading: Box::new(reading),
        sent_at: terms::at(sent),
        together: 0,
    }
}

impl Claim {
    pub(crate) const ALL: [Self; 4] = [Self::Done, Self::Unknown, Self::Busy, Self::Never];

    fn outcome(self) -> Outcome {
        let claim = match self {
            Self::Done => return Outcome::Executed { output: "{}".to_owned() },
            Self::Unknown => FailureClaim::Unknown,
            Self::Busy => FailureClaim::Retryable,
            Self::Never => FailureClaim::Permanent,
        };
        Outcome::NotExecuted { claim, reason: "it failed".to_owned() }
    }
}

impl Shown {
    fn read_back(self) -> ReadBack {
        match self {
            Self::Applied => ReadBack::Applied { shown: "{}".to_owned() },
            Self::Absent => ReadBack::NotApplied,
            Self::Different => ReadBack::Different { difference: "less".to_owned() },
            Self::Unreadable => ReadBack::Unreadable { detail: "down".to_owned() },
        }
    }
}
