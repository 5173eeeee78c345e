//! A request for human attention, and the only way in which people are reached.
//!
//! An escalation asks one human queue at a time, in the order of its plan. It moves on when a deadline passes,
//! when the queue turns out to reach nobody, or when a look no longer shows what an earlier one did.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    ActionId, Correlation, Drift, EscalationId, EscalationPlan, Evidence, PersonId, ResolutionCode,
    StepPlan, TicketId, Timestamp, after,
};

/// One escalation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// Its id.
    pub id: EscalationId,
    /// What people are asked for.
    pub purpose: Purpose,
    /// In which order.
    pub plan: Arc<EscalationPlan>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The step that is being taken.
    pub step: Step,
    /// How far that step is.
    pub stage: Stage,
    /// Tickets of steps that were given up; their people are told once.
    pub abandoned: Vec<(Step, TicketId)>,
    /// Those whose people have been told. Who holds one may keep it open, and is not told again.
    pub told: Vec<(Step, TicketId)>,
    /// What people were found to have changed on the ticket of the current step.
    pub drifted: Vec<Drift>,
}

/// Which step of which round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The round, from 1; a new one starts when the last step was in vain.
    pub round: u32,
    /// The step of the plan, from 0.
    pub index: usize,
    /// What its ticket is found by.
    pub correlation: Correlation,
    /// When the step began.
    pub since: Timestamp,
    /// How often it was asked before without anybody taking its ticket.
    #[serde(default, skip_serializing_if = "is_first")]
    pub again: u32,
}

/// What people are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To take the case.
    Takeover {
        /// Why.
        cause: Cause,
    },
    /// To decide on an action.
    Approval {
        /// The action.
        action: ActionId,
    },
}

/// Why people are asked to take a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The case is meant for people.
    Routed,
    /// No fitting agent took it.
    NoAgent,
    /// The agent that holds it asks for people.
    Asked {
        /// Its reason.
        reason: String,
    },
    /// A person took it out of its agent's hands instead of deciding on what that proposed.
    TakenOver {
        /// Who.
        by: PersonId,
        /// Their reason.
        reason: String,
    },
    /// It could not be found out with enough certainty whom the case is about.
    Unidentified {
        /// What was looked for.
        object: String,
        /// Who came into question, and what spoke for and against them.
        detail: String,
    },
    /// It went to and fro between the same agents (`OWN-7`).
    Bounced,
    /// A write did something else than promised, or nobody can tell what it did.
    Divergence {
        /// The action.
        action: ActionId,
        /// The difference.
        detail: String,
    },
    /// A write could not be undone.
    CompensationFailed {
        /// The action.
        action: ActionId,
        /// Why.
        detail: String,
    },
}

/// How far the current step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The ticket is to be created (E0).
    Opened {
        /// When the next step is taken instead.
        until: Timestamp,
    },
    /// The step is outside its hours and is taken when they begin. Nobody is asked meanwhile.
    AwaitingHours {
        /// When.
        until: Timestamp,
    },
    /// The system took our request (E1), or a read showed the ticket (E2).
    Placed {
        /// The ticket.
        ticket: TicketId,
        /// What was seen of it, if anything.
        evidence: Option<Evidence>,
        /// When the next step is taken instead.
        until: Timestamp,
    },
    /// Somebody can take it (E3).
    Routed {
        /// The ticket.
        ticket: TicketId,
        /// What was seen.
        evidence: Evidence,
        /// When the next step is taken instead.
        until: Timestamp,
    },
    /// A person took it (E4, E5).
    Acknowledged {
        /// The ticket.
        ticket: TicketId,
        /// The person.
        by: PersonId,
        /// The latest that was seen.
        evidence: Evidence,
        /// When they were first seen to have it.
        since: Timestamp,
        /// When they were last seen to have done something.
        worked_at: Timestamp,
        /// When doing nothing becomes a lapse.
        work_until: Option<Timestamp>,
        /// Why looks fail, if the latest ones did.
        unread: Option<String>,
    },
    /// A person resolved it (E6).
    Resolved {
        /// The person.
        by: PersonId,
        /// How.
        code: ResolutionCode,
    },
    /// Every step was in vain. Starts over at the given time.
    Exhausted {
        /// When.
        retry_at: Timestamp,
    },
    /// No longer needed.
    Closed,
}

impl Escalation {
    /// The terms of the current step.
    #[must_use]
    pub fn step_plan(&self) -> &StepPlan {
        let steps = &self.plan().steps;
        &steps[self.step.index.min(steps.len() - 1)]
    }

    /// The terms of the current round.
    #[must_use]
    pub fn plan(&self) -> &EscalationPlan {
        self.plan.of_round(self.step.round)
    }

    /// The terms of any step, such as one that was given up.
    #[must_use]
    pub fn plan_of(&self, step: &Step) -> Option<&StepPlan> {
        let steps = &self.plan.of_round(step.round).steps;
        steps.get(step.index).or(steps.last())
    }

    /// Whether people are still asked.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Resolved { .. } | Stage::Closed)
    }

    /// Whether its ticket is out and nobody has taken it.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Placed { .. } | Stage::Routed { .. })
    }

    /// Whether it asks people to take the case.
    #[must_use]
    pub fn is_takeover(&self) -> bool {
        matches!(self.purpose, Purpose::Takeover { .. })
    }

    /// Whether only a person may end it: something is wrong outside that agents must not pass over.
    #[must_use]
    pub fn is_for_people_only(&self) -> bool {
        matches!(
            &self.purpose,
            Purpose::Takeover {
                cause: Cause::Divergence { .. } | Cause::CompensationFailed { .. }
            }
        )
    }

    /// The ticket of the current step, once there is one.
    #[must_use]
    pub fn ticket(&self) -> Option<&TicketId> {
        match &self.stage {
            Stage::Placed { ticket, .. }
            | Stage::Routed { ticket, .. }
            | Stage::Acknowledged { ticket, .. } => Some(ticket),
            Stage::Opened { .. }
            | Stage::AwaitingHours { .. }
            | Stage::Resolved { .. }
            | Stage::Exhausted { .. }
            | Stage::Closed => None,
        }
    }

    /// What has been seen in the current step.
    #[must_use]
    pub fn evidence(&self) -> Option<&Evidence> {
        match &self.stage {
            Stage::Placed { evidence, .. } => evidence.as_ref(),
            Stage::Routed { evidence, .. } | Stage::Acknowledged { evidence, .. } => Some(evidence),
            Stage::Opened { .. }
            | Stage::AwaitingHours { .. }
            | Stage::Resolved { .. }
            | Stage::Exhausted { .. }
            | Stage::Closed => None,
        }
    }

    /// The running deadline of the step that is being taken.
    pub(crate) fn step_deadline(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Opened { until } | Stage::Placed { until, .. } | Stage::Routed { until, .. } => {
                Some(*until)
            }
            Stage::AwaitingHours { .. }
            | Stage::Acknowledged { .. }
            | Stage::Resolved { .. }
            | Stage::Exhausted { .. }
            | Stage::Closed => None,
        }
    }

    /// When time alone changes it: a step runs out, evidence or work does, or a new round begins.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Acknowledged { evidence, work_until, .. } => {
                let limits = [*work_until, self.decide_until()];
                limits.into_iter().flatten().chain([evidence.valid_until()]).min()
            }
            Stage::AwaitingHours { until } | Stage::Exhausted { retry_at: until } => Some(*until),
            Stage::Opened { .. } | Stage::Placed { .. } | Stage::Routed { .. } => {
                self.step_deadline()
            }
            Stage::Resolved { .. } | Stage::Closed => None,
        }
    }

    /// Until when the person who took the ticket has to decide, if a decision is what they are asked for.
    #[must_use]
    pub fn decide_until(&self) -> Option<Timestamp> {
        match (&self.purpose, &self.stage) {
            (Purpose::Approval { .. }, Stage::Acknowledged { since, .. }) => {
                self.step_plan().decide_within.map(|within| after(*since, within))
            }
            _ => None,
        }
    }

    /// The stage's stable name.
    #[must_use]
    pub fn stage_name(&self) -> &'static str {
        match self.stage {
            Stage::Opened { .. } => "opened",
            Stage::AwaitingHours { .. } => "awaiting_hours",
            Stage::Placed { .. } => "placed",
            Stage::Routed { .. } => "routed",
            Stage::Acknowledged { .. } => "acknowledged",
            Stage::Resolved { .. } => "resolved",
            Stage::Exhausted { .. } => "exhausted",
            Stage::Closed => "closed",
        }
    }
}

impl Correlation {
    /// What the ticket of one step of one round is found by: `CASE/e1/r1s2` for the second step of the first, and
    /// `CASE/e1/r1s2x3` when it is asked for the third time.
    pub(crate) fn of_step(escalation: &EscalationId, round: u32, index: usize, again: u32) -> Self {
        let first = format!("{escalation}/r{round}s{}", index + 1);
        Self::derived(if again == 0 { first } else { format!("{first}x{}", again + 1) })
    }

    /// The escalation, round, step and repetition that it was made from.
    pub(crate) fn named_step(&self) -> Option<(&str, u32, usize, u32)> {
        let (escalation, rest) = self.as_str().rsplit_once("/r")?;
        let (round, number) = rest.split_once('s')?;
        let (number, again) = match number.split_once('x') {
            Some((number, times)) => (number, times.parse::<u32>().ok()?.checked_sub(1)?),
            None => (number, 0),
        };
        let index = number.parse::<usize>().ok()?.checked_sub(1)?;
        Some((escalation, round.parse().ok()?, index, again))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_first(again: &u32) -> bool {
    *again == 0
}

impl Purpose {
    /// How much it weighs against another reason to ask for the same.
    pub(crate) fn weight(&self) -> u8 {
        match self {
            Self::Takeover { cause } => cause.weight(),
            Self::Approval { .. } => 0,
        }
    }
}

impl Cause {
    /// How much it weighs. A lighter reason never takes the place of a heavier one, so that people who were
    /// asked because of a divergence are not sent away because an agent was found.
    fn weight(&self) -> u8 {
        match self {
            Self::NoAgent => 0,
            Self::Routed | Self::Bounced => 1,
            Self::Asked { .. } | Self::Unidentified { .. } => 2,
            Self::TakenOver { .. } => 3,
            Self::Divergence { .. } | Self::CompensationFailed { .. } => 4,
        }
    }
}
