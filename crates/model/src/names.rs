//! Short numbers for the things of the model, and the domain's names for them.

use std::fmt;

use belay_domain::{ActionId, AgentId, CaseId, Correlation, HandoffId, PermitId, TicketId};

/// An id from a text that is known to be one.
pub(crate) fn id<T: std::str::FromStr<Err: fmt::Debug>>(text: &str) -> T {
    text.parse().expect("the model names things well")
}

/// The one case.
pub(crate) fn case() -> CaseId {
    id("c")
}

/// One of the two agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Agent {
    A,
    B,
}

impl Agent {
    pub(crate) const ALL: [Self; 2] = [Self::A, Self::B];

    pub(crate) fn id(self) -> AgentId {
        id(self.name())
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }

    pub(crate) fn named(id: &AgentId) -> Option<Self> {
        Self::ALL.into_iter().find(|agent| agent.name() == id.as_str())
    }
}

/// One step of one round of one escalation, in a byte; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StepCode(u8);

impl StepCode {
    pub(crate) const NONE: Self = Self(0);

    /// The code of a correlation id, if it is one of this case and small enough for the model.
    pub(crate) fn of(correlation: &Correlation) -> Option<Self> {
        let rest = correlation.as_str().strip_prefix("c/e")?;
        let (escalation, rest) = rest.split_once("/r")?;
        let (round, step) = rest.split_once('s')?;
        let small =
            |text: &str, most: u8| text.parse::<u8>().ok().filter(|n| (1..=most).contains(n));
        let (escalation, round, step) = (small(escalation, 15)?, small(round, 7)?, small(step, 2)?);
        Some(Self(escalation << 4 | round << 1 | (step - 1)))
    }

    pub(crate) fn correlation(self) -> Correlation {
        let Self(code) = self;
        id(&format!("c/e{}/r{}s{}", code >> 4, code >> 1 & 7, (code & 1) + 1))
    }

    /// The queue of that step.
    pub(crate) fn queue(self) -> &'static str {
        if self.0 & 1 == 0 { "first" } else { "second" }
    }
}

impl fmt::Display for StepCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(code) = *self;
        write!(f, "e{}/r{}s{}", code >> 4, code >> 1 & 7, (code & 1) + 1)
    }
}

pub(crate) fn ticket(number: u8) -> TicketId {
    id(&format!("T{number}"))
}

/// The number of a ticket of the model.
pub(crate) fn ticket_number(id: &TicketId) -> Option<u8> {
    id.as_str().strip_prefix('T')?.parse().ok()
}

pub(crate) fn action(number: u8) -> ActionId {
    id(&format!("c/a{number}"))
}

/// The number of an action of the case.
pub(crate) fn action_number(id: &ActionId) -> Option<u8> {
    id.as_str().strip_prefix("c/a")?.parse().ok()
}

pub(crate) fn permit(action: u8, number: u8) -> PermitId {
    id(&format!("c/a{action}/p{number}"))
}

pub(crate) fn handoff(number: u8) -> HandoffId {
    id(&format!("c/h{number}"))
}
