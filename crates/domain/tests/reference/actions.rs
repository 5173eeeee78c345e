//! Where each governed write stands, as the story tells it.

use crate::ledger::{Fact, Ledger};
use crate::moves::{Name, Ruling};
use crate::terms::{SETTLE, VERIFY};

/// The case's story about one action, latest first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stage {
    Proposed { until: i64 },
    Denied,
    Shadowed,
    Awaiting { until: i64, escalation: usize },
    Rejected,
    Expired,
    Withdrawn,
    Authorized { agent: Name, key: u8, epoch: u64, until: i64 },
    Dispatched { permit: Option<usize>, until: i64 },
    Executed { since: i64 },
    Unknown { since: i64, hopeless: bool },
    Retrying { at: i64 },
    Failed,
    Verified,
    Diverged,
    Compensating { attempt: u32, at: i64 },
    Compensated,
    CompensationFailed,
}

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Proposed { .. } => "proposed",
            Self::Denied => "denied",
            Self::Shadowed => "shadowed",
            Self::Awaiting { .. } => "awaiting_approval",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Authorized { .. } => "authorized",
            Self::Dispatched { .. } => "dispatched",
            Self::Executed { .. } => "executed",
            Self::Unknown { .. } => "unknown",
            Self::Retrying { .. } => "retrying",
            Self::Failed => "failed",
            Self::Verified => "verified",
            Self::Diverged => "diverged",
            Self::Compensating { .. } => "compensating",
            Self::Compensated => "compensated",
            Self::CompensationFailed => "compensation_failed",
        }
    }

    /// It certainly left nothing behind.
    pub(crate) fn left_nothing(self) -> bool {
        ["denied", "shadowed", "rejected", "expired", "withdrawn", "failed"].contains(&self.name())
    }

    pub(crate) fn is_settled(self) -> bool {
        let proved = ["verified", "diverged", "compensated", "compensation_failed"];
        self.left_nothing() || proved.contains(&self.name())
    }

    pub(crate) fn is_unsent(self) -> bool {
        ["proposed", "awaiting_approval", "authorized", "retrying"].contains(&self.name())
    }

    /// A part of a plan in this stage means that the plan cannot be carried out.
    pub(crate) fn breaks_its_plan(self) -> bool {
        let broken =
            ["failed", "diverged", "rejected", "expired", "withdrawn", "compensation_failed"];
        broken.contains(&self.name())
    }
}

impl Ledger {
    pub(crate) fn actions(&self) -> usize {
        self.count(|fact| matches!(fact, Fact::Proposed { .. }))
    }

    pub(crate) fn exists(&self, action: usize) -> Result<(), &'static str> {
        if (1..=self.actions()).contains(&action) { Ok(()) } else { Err("UNKNOWN_ACTION") }
    }

    /// Who proposed it, under which number, with which input, for which plan, in which epoch.
    pub(crate) fn proposal(&self, action: usize) -> (Name, u8, u8, Option<Name>, u64) {
        let mut proposals = self.facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Proposed { by, number, input, plan, epoch, .. } => {
                Some((*by, *number, *input, *plan, *epoch))
            }
            _ => None,
        });
        proposals.nth(action - 1).expect("it was proposed")
    }

    pub(crate) fn stage(&self, action: usize) -> Stage {
        let told = self.back().find_map(|(_, at, fact)| {
            let (about, stage) = stage_after(fact, at)?;
            (about == action).then_some(stage)
        });
        let mut proposed = self.facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Proposed { until, .. } => Some(Stage::Proposed { until: *until }),
            _ => None,
        });
        told.or_else(|| proposed.nth(action - 1)).expect("it was proposed")
    }

    pub(crate) fn input(&self, action: usize) -> u8 {
        let changed = self.back().find_map(|(_, _, fact)| match fact {
            Fact::Changed { action: of, input, .. } if *of == action => Some(*input),
            _ => None,
        });
        changed.unwrap_or_else(|| self.proposal(action).2)
    }

    pub(crate) fn revision(&self, action: usize) -> usize {
        self.count(|fact| matches!(fact, Fact::Changed { action: of, .. } if *of == action))
    }

    /// What the playbook said of its present input.
    pub(crate) fn ruling(&self, action: usize) -> Option<Ruling> {
        for (_, _, fact) in self.back() {
            match fact {
                Fact::Changed { action: of, .. } if *of == action => return None,
                Fact::Judged { action: of, ruling } if *of == action => return Some(*ruling),
                _ => {}
            }
        }
        None
    }

    pub(crate) fn permits(&self, action: usize) -> usize {
        self.count(|fact| matches!(fact, Fact::Permitted { action: of, .. } if *of == action))
    }

    pub(crate) fn attempts(&self, action: usize) -> u32 {
        self.count(|fact| matches!(fact, Fact::Sent { action: of, .. } if *of == action)) as u32
    }

    pub(crate) fn were_people_told(&self, action: usize) -> bool {
        for (_, _, fact) in self.back() {
            match fact {
                Fact::PeopleTold { action: of } if *of == action => return true,
                Fact::SaidYes { action: of } | Fact::Unclear { action: of, .. }
                    if *of == action =>
                {
                    return false;
                }
                _ => {}
            }
        }
        false
    }

    /// When time alone changes the action.
    pub(crate) fn deadline_of_action(&self, action: usize) -> Option<i64> {
        match self.stage(action) {
            Stage::Proposed { until }
            | Stage::Awaiting { until, .. }
            | Stage::Authorized { until, .. }
            | Stage::Dispatched { until, .. } => Some(until),
            Stage::Executed { since } | Stage::Unknown { since, .. } => {
                (!self.were_people_told(action)).then_some(since + SETTLE + VERIFY)
            }
            Stage::Retrying { at } => Some(at),
            _ => None,
        }
    }

    /// Whether something keeps the case from being resolved. What people have been told of does not keep people.
    pub(crate) fn is_unsettled(&self, person: bool) -> bool {
        (1..=self.actions()).any(|action| {
            let stage = self.stage(action);
            let open = matches!(stage, Stage::Executed { .. } | Stage::Unknown { .. });
            !(stage.is_settled() || person && open && self.were_people_told(action))
        })
    }
}

/// The action a fact is about, and its stage from then on.
fn stage_after(fact: &Fact, at: i64) -> Option<(usize, Stage)> {
    Some(match *fact {
        Fact::Denied { action } => (action, Stage::Denied),
        Fact::Shadowed { action } => (action, Stage::Shadowed),
        Fact::Asked { action, escalation, until } => {
            (action, Stage::Awaiting { until, escalation })
        }
        Fact::Refused { action } => (action, Stage::Rejected),
        Fact::Unanswered { action } => (action, Stage::Expired),
        Fact::Changed { action, until, .. } => (action, Stage::Proposed { until }),
        Fact::Permitted { action, agent, key, epoch, until } => {
            (action, Stage::Authorized { agent, key, epoch, until })
        }
        Fact::Sent { action, permit, until } => (action, Stage::Dispatched { permit, until }),
        Fact::SaidYes { action } => (action, Stage::Executed { since: at }),
        Fact::Unclear { action, hopeless } => (action, Stage::Unknown { since: at, hopeless }),
        Fact::ToRetry { action, at } => (action, Stage::Retrying { at }),
        Fact::Failed { action } => (action, Stage::Failed),
        Fact::Proved { action } => (action, Stage::Verified),
        Fact::Diverged { action } => (action, Stage::Diverged),
        Fact::Withdrawn { action } => (action, Stage::Withdrawn),
        Fact::Undoing { action, attempt, at } => (action, Stage::Compensating { attempt, at }),
        Fact::Undone { action } => (action, Stage::Compensated),
        Fact::UndoFailed { action } => (action, Stage::CompensationFailed),
        _ => return None,
    })
}
