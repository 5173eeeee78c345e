//! A ticket of the desk as people see it.

use belay_domain::{
    ActKind, ActorKind, CaseId, Correlation, PersonId, QueueFacts, QueueId, ResolutionCode,
    Severity, TicketId, Timestamp,
};

/// A ticket of the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskTicket {
    /// Its id.
    pub id: TicketId,
    /// The case it is for.
    pub case: CaseId,
    /// The escalation step it is for.
    pub correlation: Correlation,
    /// The queue it is in.
    pub queue: QueueId,
    /// What it is about, in a line.
    pub subject: String,
    /// What people have to know.
    pub body: String,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it is open.
    pub standing: TicketStanding,
    /// Who holds it.
    pub holder: Option<PersonId>,
    /// Grows with every change.
    pub revision: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// What was done to it since, the oldest first. Left out of lists.
    pub acts: Vec<DeskAct>,
    /// With which code it was resolved.
    pub resolution: Option<ResolutionCode>,
}

/// Whether a ticket of the desk is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketStanding {
    /// Waiting or being worked on.
    Open,
    /// Closed by its holder.
    Resolved,
    /// Closed by Belay because it was no longer needed.
    Withdrawn,
}

/// One thing that was done to a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskAct {
    /// By whom.
    pub actor: PersonId,
    /// What they were when they did it.
    pub actor_kind: ActorKind,
    /// What.
    pub kind: ActKind,
    /// What they wrote.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// A queue and how much waits there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskQueueView {
    /// What people call it.
    pub title: String,
    /// The queue and its staff, as they are now.
    pub facts: QueueFacts,
    /// Open tickets.
    pub open: u32,
    /// Open tickets that nobody holds.
    pub unheld: u32,
}

/// Which tickets are wanted. An absent field asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketFilter {
    /// In this queue.
    pub queue: Option<QueueId>,
    /// Held by this person.
    pub holder: Option<PersonId>,
    /// Only those that nobody holds.
    pub unheld: bool,
    /// In this state.
    pub standing: Option<TicketStanding>,
    /// For this case.
    pub case: Option<CaseId>,
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// After this ticket; none means from the start.
    pub after: Option<TicketId>,
    /// At most so many; no more than [`Page::SIZE_MAX`] are given.
    pub size: u32,
}

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketPage {
    /// The tickets, without their acts.
    pub tickets: Vec<DeskTicket>,
    /// What to ask for next; none means that this was the last part.
    pub next: Option<TicketId>,
}

impl Page {
    /// The most tickets in one answer.
    pub const SIZE_MAX: u32 = 500;
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, size: 50 }
    }
}
