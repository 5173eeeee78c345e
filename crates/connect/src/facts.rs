//! What an adapter noted about a ticket, before it becomes a reading.

use belay_domain::{
    ActKind, ActorKind, CaseId, Correlation, PersonId, QueueId, ResolutionCode, Standing, TicketId,
    TicketReading,
};
use serde::Serialize;

/// A ticket as noted. Field for field what the domain's reading holds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Facts {
    pub(crate) ticket: TicketId,
    pub(crate) case: Option<CaseId>,
    pub(crate) correlation: Option<Correlation>,
    pub(crate) queue: QueueId,
    pub(crate) standing: Standing,
    pub(crate) revision: u64,
    pub(crate) holder: Option<Who>,
    pub(crate) acts: Vec<Deed>,
    pub(crate) resolution: Option<Closing>,
}

/// Somebody or something that did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Who {
    pub(crate) name: PersonId,
    pub(crate) kind: ActorKind,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Deed {
    pub(crate) actor: Who,
    pub(crate) kind: ActKind,
}

/// How it was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Closing {
    pub(crate) actor: Option<Who>,
    pub(crate) code: Option<ResolutionCode>,
    pub(crate) note: String,
}

impl From<Facts> for TicketReading {
    /// Goes through the stored form, because the domain does not export every type of a reading.
    fn from(facts: Facts) -> Self {
        match serde_json::to_value(facts).and_then(serde_json::from_value) {
            Ok(facts) => Self::Present(Box::new(facts)),
            Err(error) => Self::Unreadable { detail: format!("the ticket does not fit: {error}") },
        }
    }
}
