//! Who holds this case right now, how do we know, and until when does that stand?
//!
//! Coverage is derived each time it is asked for and never stored as an opinion. The only place in which
//! [`Coverage::Covered`] can be made is [`Case::coverage`], and it takes an unexpired lease or fresh evidence
//! to make it (`COV-1`).

use crate::escalation::{Escalation, Stage};
use crate::{
    AgentId, Case, CaseId, EscalationId, Evidence, HandoffId, Owner, PersonId, QueueRef, Status,
    Timestamp,
};

/// The answer, true at the moment for which it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Somebody holds the case.
    Covered(Cover),
    /// Somebody is being asked, with a running deadline. Not covered.
    Pending(Pending),
    /// Nobody holds the case and nobody is being asked. The alarm.
    Uncovered(Uncovered),
    /// The case is done and needs nobody.
    Closed,
    /// The case was merged into another, and the answer for the matter is the answer for that one.
    Merged {
        /// The case to ask for.
        into: CaseId,
    },
}

/// Who holds the case, and how that is known. Cannot be made outside this file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    holder: Holder,
    valid_until: Timestamp,
}

/// Who holds the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An agent that accepted it and keeps showing progress.
    Agent {
        /// Which.
        agent: AgentId,
        /// Since when.
        since: Timestamp,
    },
    /// A person who took the ticket of an escalation.
    Person {
        /// Who.
        person: PersonId,
        /// Of which queue.
        queue: QueueRef,
        /// For which escalation.
        escalation: EscalationId,
        /// What proves it.
        evidence: Box<Evidence>,
    },
}

/// Who is being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// A fitting agent is looked for.
    Seeking {
        /// Until when.
        until: Timestamp,
    },
    /// An agent was offered the case.
    Offered {
        /// The handoff.
        handoff: HandoffId,
        /// To whom.
        to: AgentId,
        /// Until when.
        until: Timestamp,
    },
    /// A human queue is being asked.
    Escalating {
        /// The escalation.
        escalation: EscalationId,
        /// The queue.
        queue: QueueRef,
        /// Until when.
        until: Timestamp,
    },
}

/// Since when nobody holds the case, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
}

impl Case {
    /// Who holds this case at `now`.
    #[must_use]
    pub fn coverage(&self, now: Timestamp) -> Coverage {
        match &self.status {
            Status::Unopened | Status::Resolved { .. } => return Coverage::Closed,
            Status::Merged { into, .. } => return Coverage::Merged { into: into.clone() },
            Status::Open => {}
        }
        let holder = self.held_by_agent(now).or_else(|| self.held_by_person(now));
        match (holder, self.pending(now)) {
            (Some(cover), _) => Coverage::Covered(cover),
            (None, Some(pending)) => Coverage::Pending(pending),
            (None, None) => Coverage::Uncovered(self.uncovered(now)),
        }
    }

    fn held_by_agent(&self, now: Timestamp) -> Option<Cover> {
        match &self.owner {
            Owner::Agent { agent, since, lease_until, .. } if now < *lease_until => Some(Cover {
                holder: Holder::Agent { agent: agent.clone(), since: *since },
                valid_until: *lease_until,
            }),
            Owner::Agent { .. } | Owner::Supervisor { .. } | Owner::Queue { .. } => None,
        }
    }

    fn held_by_person(&self, now: Timestamp) -> Option<Cover> {
        let Owner::Queue { escalation, .. } = &self.owner else { return None };
        let escalation = self.escalations.get(escalation)?;
        let Stage::Acknowledged { by, evidence, work_until, .. } = &escalation.stage else {
            return None;
        };
        let valid_until =
            work_until.map_or(evidence.valid_until(), |work| work.min(evidence.valid_until()));
        let enough = evidence.level() >= escalation.step_plan().cover;
        (enough && now < valid_until).then(|| Cover {
            holder: Holder::Person {
                person: by.clone(),
                queue: evidence.queue().clone(),
                escalation: escalation.id.clone(),
                evidence: Box::new(evidence.clone()),
            },
            valid_until,
        })
    }

    fn pending(&self, now: Timestamp) -> Option<Pending> {
        if let Some(offer) = &self.offer
            && now < offer.until
        {
            return Some(Pending::Offered {
                handoff: offer.handoff.clone(),
                to: offer.to.clone(),
                until: offer.until,
            });
        }
        if let Some(routing) = &self.routing
            && now < routing.until
        {
            return Some(Pending::Seeking { until: routing.until });
        }
        let escalation = self.takeover()?;
        let until = escalation.step_deadline()?;
        (now < until).then(|| Pending::Escalating {
            escalation: escalation.id.clone(),
            queue: escalation.step_plan().queue.clone(),
            until,
        })
    }

    fn uncovered(&self, now: Timestamp) -> Uncovered {
        if let Some(alarm) = &self.alarm {
            return Uncovered { since: alarm.since, reason: alarm.reason.clone() };
        }
        let (since, reason) = match &self.owner {
            Owner::Agent { agent, lease_until, .. } => {
                (*lease_until, format!("the lease of {agent} has run out"))
            }
            Owner::Queue { escalation, .. } => {
                let found = self.escalations.get(escalation);
                let since = found.and_then(|found| found.deadline()).map_or(now, |at| at.min(now));
                (since, found.map_or_else(String::new, |found| too_old(found)))
            }
            Owner::Supervisor { since } => match self.takeover() {
                Some(escalation) => (*since, unanswered(escalation)),
                None => (*since, "nobody is being asked".to_owned()),
            },
        };
        Uncovered {
            since: self.uncovered_since.map_or(since, |earlier| earlier.min(since)),
            reason,
        }
    }
}

/// Why a person who took a case does not cover it any more.
fn too_old(escalation: &Escalation) -> String {
    match &escalation.stage {
        Stage::Acknowledged { unread: Some(detail), .. } => format!(
            "the evidence that a person has it is too old, because the ticket cannot be read: {detail}"
        ),
        _ => "the evidence that a person has it is too old".to_owned(),
    }
}

/// Why an escalation does not cover a case at the moment.
fn unanswered(escalation: &Escalation) -> String {
    match escalation.stage {
        Stage::AwaitingHours { until } => {
            let queue = &escalation.step_plan().queue;
            format!("nobody is asked before the hours of {queue} begin at {until}")
        }
        _ => format!("nobody answered the escalation {}", escalation.id),
    }
}

impl Coverage {
    /// Whether somebody holds the case.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        matches!(self, Self::Covered(_))
    }

    /// The state's stable name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Covered(cover) => match cover.holder {
                Holder::Agent { .. } => "covered_by_agent",
                Holder::Person { .. } => "covered_by_person",
            },
            Self::Pending(_) => "pending",
            Self::Uncovered(_) => "uncovered",
            Self::Closed => "closed",
            Self::Merged { .. } => "merged",
        }
    }

    /// Until when this answer stands at most; an alarm stands until something is done about it.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Covered(cover) => Some(cover.valid_until),
            Self::Pending(pending) => Some(pending.until()),
            Self::Uncovered(_) | Self::Closed | Self::Merged { .. } => None,
        }
    }
}

impl Cover {
    /// Who holds the case.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Until when that may be believed without another look.
    #[must_use]
    pub fn valid_until(&self) -> Timestamp {
        self.valid_until
    }
}

impl Pending {
    /// The running deadline.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        match self {
            Self::Seeking { until }
            | Self::Offered { until, .. }
            | Self::Escalating { until, .. } => *until,
        }
    }
}
