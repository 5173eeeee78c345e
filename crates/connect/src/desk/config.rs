//! Who is on which queue of the desk.

use std::fmt;
use std::sync::Arc;

use belay_domain::{ActorKind, PersonId, QueueId, ResolutionCode, Timestamp};

use super::Shift;

/// Tells the desk the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything about the desk that operators write.
#[derive(Clone)]
pub struct DeskConfig {
    /// The queues. A queue that is not here takes no tickets.
    pub queues: Vec<DeskQueue>,
    /// The resolution codes a ticket may be closed with; empty means any.
    pub codes: Vec<ResolutionCode>,
    /// Under which name Belay itself creates and withdraws tickets.
    pub ourselves: PersonId,
    /// What time it is.
    pub clock: Clock,
}

/// A queue of the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskQueue {
    /// Its id.
    pub id: QueueId,
    /// What people call it.
    pub title: String,
    /// Whether it takes tickets.
    pub enabled: bool,
    /// Who works on it.
    pub staff: Vec<DeskStaff>,
}

/// One who works on a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskStaff {
    /// By the subject of their token.
    pub person: PersonId,
    /// A person or a machine.
    pub kind: ActorKind,
    /// Whether they may use the desk.
    pub enabled: bool,
    /// Whether they may take tickets.
    pub may_take: bool,
    /// Their timetable. Empty means none.
    pub shifts: Vec<Shift>,
    /// Whether they are on shift as long as neither they nor a timetable say so; none where nobody knows.
    pub on_shift: Option<bool>,
}

impl DeskConfig {
    /// A desk with these queues, any resolution code, and the system's clock.
    #[must_use]
    pub fn new(ourselves: PersonId, queues: Vec<DeskQueue>) -> Self {
        Self { queues, codes: Vec::new(), ourselves, clock: super::system_clock() }
    }

    pub(super) fn queue(&self, id: &QueueId) -> Option<&DeskQueue> {
        self.queues.iter().find(|queue| queue.id == *id)
    }

    /// What an actor is, wherever they work.
    pub(super) fn kind(&self, name: &PersonId) -> ActorKind {
        if *name == self.ourselves {
            return ActorKind::Ourselves;
        }
        let entry = self.queues.iter().flat_map(|queue| &queue.staff).find(|s| s.person == *name);
        entry.map_or(ActorKind::Unknown, |entry| entry.kind)
    }
}

impl DeskQueue {
    pub(super) fn member(&self, person: &PersonId) -> Option<&DeskStaff> {
        self.staff.iter().find(|member| member.person == *person)
    }
}

impl DeskStaff {
    /// A person who may take tickets, without a timetable.
    #[must_use]
    pub fn person(person: PersonId) -> Self {
        Self {
            person,
            kind: ActorKind::Person,
            enabled: true,
            may_take: true,
            shifts: Vec::new(),
            on_shift: None,
        }
    }
}

impl fmt::Debug for DeskConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeskConfig")
            .field("queues", &self.queues)
            .field("codes", &self.codes)
            .field("ourselves", &self.ourselves)
            .finish_non_exhaustive()
    }
}
