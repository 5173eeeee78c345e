//! What the playbook settles beforehand, copied into the case when it applies.
//!
//! A case keeps the terms it was opened under, so a replay needs no playbook and a change of playbook never
//! rewrites what was promised.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, OutsideHours, Rostered, StepHours};
use crate::evidence::Level;
use crate::{
    AgentId, ContractId, Digest, GroupId, IdempotencyKey, Money, PersonId, QueueRef, ReasonCode,
    ResolutionCode, RoleId, Span, SystemId, Timestamp, after,
};

/// How much a case matters. Escalation policies name their steps per severity.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Can wait for a working day.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// A customer is losing money or time.
    High,
    /// Many customers are.
    Critical,
}

/// Whom a case is meant for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Any agent that serves the role.
    Role(RoleId),
    /// One agent.
    Agent(AgentId),
}

/// What a case is opened under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseTerms {
    /// The playbook these terms are from.
    pub playbook: Digest,
    /// How much the case matters.
    pub severity: Severity,
    /// Who should get it first; none sends it straight to people.
    pub route: Option<Target>,
    /// How long a fitting agent is looked for before people are asked.
    pub seek_within: Span,
    /// How long one agent may think about an offer.
    pub offer_within: Span,
    /// How long an agent holds a case after each sign of progress on it.
    pub lease: Span,
    /// How often a case may go between the same two agents before people are asked (`OWN-7`).
    pub bounces_max: u32,
    /// How people are asked to take the case.
    pub takeover: EscalationPlan,
}

/// The ordered steps of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationPlan {
    /// Its name in the playbook.
    pub policy: String,
    /// The steps, at least one.
    pub steps: Vec<StepPlan>,
    /// When to start over after the last step.
    pub backoff: Backoff,
    /// What each resolution code of a person means for the case. A code that is not here is none.
    pub resolutions: BTreeMap<ResolutionCode, AfterResolution>,
    /// The calendars that its steps name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calendars: BTreeMap<String, Calendar>,
    /// What follows when every step was in vain, besides the alarm.
    #[serde(default, skip_serializing_if = "WhenExhausted::is_start_over")]
    pub exhausted: WhenExhausted,
}

/// What follows when every step was in vain. The case is uncovered and raised in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenExhausted {
    /// The same steps again, after a wait.
    #[default]
    StartOver,
    /// The case matters more from now on, and people are asked accordingly.
    Raise {
        /// How much.
        severity: Severity,
        /// The steps for that.
        plan: Box<EscalationPlan>,
    },
    /// Nobody is asked again by itself; the alarm is repeated.
    AlarmOnly,
}

/// One step of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPlan {
    /// Whom to ask.
    pub queue: QueueRef,
    /// Until the ticket must have been seen there (E2), from the start of the step.
    pub place_within: Span,
    /// Until it must be known that somebody can take it (E3), after that.
    pub reach_within: Span,
    /// Until a person must have taken it (E4), after that.
    pub acknowledge_within: Span,
    /// How long a person who took it may leave it alone; none means that taking it is enough.
    pub work_within: Option<Span>,
    /// The lowest level that counts as cover; E4 unless the playbook says otherwise.
    pub cover: Level,
    /// How old evidence may be (`F`).
    pub freshness: Span,
    /// How often the ticket is read back.
    pub look_every: Span,
    /// For approvals: how long a person who took the ticket has to decide before somebody else is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decide_within: Option<Span>,
    /// How often it is asked again, with another ticket, when nobody took the one before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeat: u32,
    /// When it may be asked; always, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<StepHours>,
    /// Who is on shift when, for those of whom the queue's system does not know. Who is not named here is not on
    /// shift; nothing is said about anybody when it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roster: Vec<Rostered>,
    /// How many tickets one person may take in a short time before that counts as sweeping them up. Nobody counts
    /// where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
}

/// What one person can be believed to have taken on in a short time. Beyond it a take is doubted until the person
/// has done something on the ticket (E5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// So many tickets.
    pub most: u32,
    /// Within this time.
    pub within: Span,
}

/// When an escalation that nobody answered starts over: `first`, then twice as long each time, at most `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// The first wait.
    pub first: Span,
    /// The longest wait.
    pub most: Span,
}

/// What a person's resolution means for the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterResolution {
    /// The matter is done.
    Resolve,
    /// An agent goes on with it.
    Return(Target),
}

/// Whether a contract writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decides and records what would have happened, and never writes.
    #[default]
    Shadow,
    /// Writes for a stable share of the cases.
    Canary,
    /// Writes.
    Live,
}

/// What the contract says about the life of one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractTerms {
    /// The contract with its version.
    pub contract: ContractId,
    /// Whether this action writes. Canary has been settled to one or the other by now.
    pub live: bool,
    /// Who carries it out.
    pub executor: crate::Executor,
    /// How much harm it can do; from 2 on it needs people (`APR-1`).
    pub tier: u8,
    /// What makes the write the same write.
    pub key: IdempotencyKey,
    /// The amount it moves, if any.
    pub amount: Option<Money>,
    /// How long a permit is valid; 60 s at most (`PRM-2`).
    pub permit_within: Span,
    /// How long an attempt may take before its outcome counts as unknown.
    pub outcome_within: Span,
    /// How long the effect may take to show in a read-back.
    pub settle_within: Span,
    /// How long the target may be unreadable before people are told (`LIV-5`).
    pub verify_within: Span,
    /// How many attempts there are.
    pub attempts_max: u32,
    /// When to try again.
    pub backoff: Backoff,
    /// Whether the contract has a way back.
    pub compensable: bool,
    /// Whether a divergence is undone by itself, where there is a way back. Otherwise people are asked.
    pub undo_divergence: bool,
}

/// What a tier asks of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalTerms {
    /// How many distinct people have to approve; at least one.
    pub quorum: u32,
    /// Members of these groups may.
    pub groups: Vec<GroupId>,
    /// People who may not, whatever their group: who runs the agent, who asked.
    pub excluded: Vec<PersonId>,
    /// Until when, from the request on.
    pub decide_within: Span,
    /// How they are asked.
    pub ask: EscalationPlan,
    /// Who may decide by what they write on the ticket itself; nobody, unless the playbook allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_ticket: Vec<TicketApprover>,
    /// The reason codes of the taxonomy, one of which a no has to give; none are asked for where it names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<ReasonCode>,
}

/// A person who may decide on a ticket, and the account by which its system knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketApprover {
    /// The system.
    pub system: SystemId,
    /// Their account there.
    pub account: PersonId,
    /// Who they are.
    pub person: PersonId,
    /// The groups that the playbook says they are in.
    pub groups: Vec<GroupId>,
}

impl EscalationPlan {
    /// The longest a round of this plan can take before it is either acknowledged or raised as exhausted (`LIV-1`),
    /// with every repetition and every wait. While it waits for hours to begin, the case is raised already.
    #[must_use]
    pub fn longest(&self) -> Span {
        self.steps.iter().fold(Span::ZERO, |sum, step| sum.saturating_add(step.longest()))
    }

    /// The plan by which a round is asked: the one after it for each round in which the severity was raised.
    #[must_use]
    pub fn of_round(&self, round: u32) -> &Self {
        let mut plan = self;
        for _ in 1..round {
            match &plan.exhausted {
                WhenExhausted::Raise { plan: next, .. } => plan = next,
                WhenExhausted::StartOver | WhenExhausted::AlarmOnly => break,
            }
        }
        plan
    }

    /// What is to be done with a step instead of asking it, as its hours are at `at`, and why.
    pub(crate) fn closed(&self, step: &StepPlan, at: Timestamp) -> Option<(Closed, String)> {
        let hours = step.hours.as_ref()?;
        let calendar = self.calendars.get(&hours.calendar)?;
        if calendar.is_open(at) {
            return None;
        }
        let why = format!("{} is not asked outside {}", step.queue, hours.calendar);
        let closed = match hours.outside {
            OutsideHours::Skip => Closed::Skipped,
            OutsideHours::Wait { at_most } => {
                Closed::Until(calendar.opening(at, at_most).unwrap_or_else(|| after(at, at_most)))
            }
        };
        Some((closed, why))
    }

    /// Whether a person of the step's queue is on shift by the playbook; none where it says nothing.
    #[must_use]
    pub fn on_shift(&self, step: &StepPlan, person: &PersonId, at: Timestamp) -> Option<bool> {
        if step.roster.is_empty() {
            return None;
        }
        let mut during = step.roster.iter().filter(|r| r.person == *person).flat_map(|r| &r.during);
        Some(during.any(|name| self.calendars.get(name).is_some_and(|found| found.is_open(at))))
    }
}

/// What is done with a step outside its hours.
pub(crate) enum Closed {
    Skipped,
    Until(Timestamp),
}

impl StepPlan {
    /// The longest this step can take.
    fn longest(&self) -> Span {
        let once = self
            .place_within
            .saturating_add(self.reach_within)
            .saturating_add(self.acknowledge_within);
        let times = i32::try_from(self.repeat.saturating_add(1)).unwrap_or(i32::MAX);
        let wait = match &self.hours {
            Some(StepHours { outside: OutsideHours::Wait { at_most }, .. }) => *at_most,
            Some(StepHours { outside: OutsideHours::Skip, .. }) | None => Span::ZERO,
        };
        once.saturating_mul(times).saturating_add(wait)
    }
}

impl WhenExhausted {
    fn is_start_over(&self) -> bool {
        *self == Self::StartOver
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Backoff {
    /// How long to wait after `failures` failures, the first being 1.
    #[must_use]
    pub fn wait(&self, failures: u32) -> Span {
        let doublings = failures.saturating_sub(1).min(30);
        let wait = self.first.saturating_mul(1_i32 << doublings);
        wait.min(self.most)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "role {role}"),
            Self::Agent(agent) => write!(f, "agent {agent}"),
        }
    }
}
