//! What can be shown about a route before anybody depends on it: that the queue is there, takes tickets, can be
//! read back and reaches people, that its states are mapped, and that our account has the rights it needs and
//! no others.

use std::fmt;

/// One thing that was looked at, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: RouteCheck,
    /// What was found.
    pub verdict: Verdict,
}

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteCheck {
    /// The system answers, and accepts our credential.
    Reachable,
    /// The queue is there.
    Exists,
    /// It takes tickets.
    Enabled,
    /// Its tickets, their history and our marks on them can be read.
    Readable,
    /// At least one enabled person may take its tickets.
    Staffed,
    /// Every state that its tickets can have is named by the mapping.
    StatusesMapped,
    /// Our account may do all that is needed.
    RightsSuffice,
    /// Our account may do nothing that is not needed: it cannot take, own or resolve tickets.
    RightsNotExcessive,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Held,
    /// Not as it should be, and what to do about it.
    Broken(String),
    /// It cannot be told from here, and why.
    Untold(String),
}

impl Finding {
    /// A finding that is as it should be.
    #[must_use]
    pub fn held(check: RouteCheck) -> Self {
        Self { check, verdict: Verdict::Held }
    }

    /// A finding that is not, with what to do.
    pub fn broken(check: RouteCheck, why: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Broken(why.into()) }
    }

    /// A check whose answer cannot be told.
    pub fn untold(check: RouteCheck, why: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Untold(why.into()) }
    }
}

impl fmt::Display for RouteCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reachable => "the system answers",
            Self::Exists => "the queue exists",
            Self::Enabled => "the queue takes tickets",
            Self::Readable => "its tickets can be read back",
            Self::Staffed => "somebody can take its tickets",
            Self::StatusesMapped => "every state is mapped",
            Self::RightsSuffice => "our account may do what is needed",
            Self::RightsNotExcessive => "our account may do no more than is needed",
        })
    }
}
