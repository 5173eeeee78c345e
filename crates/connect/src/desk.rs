//! The human queue that Belay itself offers, for those who have no ticket system yet.
//!
//! It has queues, staff, shifts and tickets, keeps them in a file of its own, and is held to the same evidence
//! as any other system: who did what is recorded act by act, only those on a queue may act on its tickets, and
//! nobody holds a ticket whom it was merely given to.
//!
//! Who is on which queue comes from the configuration; the file holds tickets, acts and who is on shift.

mod config;
mod error;
mod queue;
mod shift;
mod store;
mod ticket;
mod worker;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use belay_domain::{PersonId, QueueId, RequestId, ResolutionCode, TicketId, Timestamp};
use tokio::sync::broadcast;

pub use config::{Clock, DeskConfig, DeskQueue, DeskStaff};
pub use error::DeskError;
pub use shift::{Shift, Weekday};
pub use ticket::{
    DeskAct, DeskQueueView, DeskTicket, Page, TicketFilter, TicketPage, TicketStanding,
};

use crate::{Rumour, RumourReceiver};
use store::Store;
use worker::Worker;

/// Rumours that a slow listener may be behind. One who misses some looks at everything once.
const RUMOURS_WAITING_MAX: usize = 1_024;

/// The built-in desk. Cheap to clone; all clones are the same desk.
#[derive(Clone)]
pub struct Desk {
    worker: Arc<Worker>,
    rumours: broadcast::Sender<Rumour>,
}

impl Desk {
    /// Opens the desk whose tickets are in the file at `path`, or starts it. Blocks for a moment.
    pub fn open(path: &Path, config: DeskConfig) -> Result<Self, DeskError> {
        let store = Store::open(path, config)?;
        Ok(Self {
            worker: Arc::new(Worker::start(store)?),
            rumours: broadcast::channel(RUMOURS_WAITING_MAX).0,
        })
    }

    /// Replaces queues and staff, as after a new playbook. Tickets in a queue that is gone stay where they are.
    pub async fn configure(&self, config: DeskConfig) -> Result<(), DeskError> {
        self.worker.ask(move |store| store.configure(config)).await
    }

    /// Hears of every change, as a hint to look sooner.
    #[must_use]
    pub fn watch(&self) -> RumourReceiver {
        self.rumours.subscribe()
    }

    /// All queues with their staff and how much waits there.
    pub async fn queues(&self) -> Result<Vec<DeskQueueView>, DeskError> {
        self.worker.ask(|store| store.queues()).await
    }

    /// Tickets that fit the filter, the oldest first.
    pub async fn tickets(&self, filter: TicketFilter, page: Page) -> Result<TicketPage, DeskError> {
        self.worker.ask(move |store| store.tickets(&filter, &page)).await
    }

    /// One ticket with everything that was done to it.
    pub async fn ticket(&self, ticket: &TicketId) -> Result<DeskTicket, DeskError> {
        let ticket = ticket.clone();
        self.worker.ask(move |store| store.ticket(&ticket)).await
    }

    /// A person takes a ticket that nobody holds.
    pub async fn take(
        &self,
        person: &PersonId,
        ticket: &TicketId,
    ) -> Result<DeskTicket, DeskError> {
        let person = person.clone();
        self.change(ticket, move |store, ticket| store.take(&person, ticket)).await
    }

    /// The holder gives a ticket back.
    pub async fn give_back(
        &self,
        person: &PersonId,
        ticket: &TicketId,
    ) -> Result<DeskTicket, DeskError> {
        let person = person.clone();
        self.change(ticket, move |store, ticket| store.give_back(&person, ticket)).await
    }

    /// Somebody of the queue writes a note; once for each request of theirs that has an id.
    pub async fn note(
        &self,
        person: &PersonId,
        ticket: &TicketId,
        text: &str,
        request: Option<&RequestId>,
    ) -> Result<DeskTicket, DeskError> {
        let (person, text, request) = (person.clone(), text.to_owned(), request.cloned());
        let note = move |store: &mut Store, ticket: &TicketId| {
            store.note(&person, ticket, &text, request.as_ref())
        };
        self.change(ticket, note).await
    }

    /// The holder answers the customer.
    pub async fn reply(
        &self,
        person: &PersonId,
        ticket: &TicketId,
        text: &str,
    ) -> Result<DeskTicket, DeskError> {
        let (person, text) = (person.clone(), text.to_owned());
        self.change(ticket, move |store, ticket| store.reply(&person, ticket, &text)).await
    }

    /// The holder closes the ticket and says how the matter ended.
    pub async fn resolve(
        &self,
        person: &PersonId,
        ticket: &TicketId,
        code: &ResolutionCode,
        note: &str,
    ) -> Result<DeskTicket, DeskError> {
        let (person, code, note) = (person.clone(), code.clone(), note.to_owned());
        self.change(ticket, move |store, ticket| store.resolve(&person, ticket, &code, &note)).await
    }

    /// Somebody of the queue makes another its holder. The other has not taken it by that.
    pub async fn assign(
        &self,
        person: &PersonId,
        ticket: &TicketId,
        to: &PersonId,
    ) -> Result<DeskTicket, DeskError> {
        let (person, to) = (person.clone(), to.clone());
        self.change(ticket, move |store, ticket| store.assign(&person, ticket, &to)).await
    }

    /// Somebody of the queue moves the ticket to another one, where nobody holds it.
    pub async fn move_to(
        &self,
        person: &PersonId,
        ticket: &TicketId,
        queue: &QueueId,
    ) -> Result<DeskTicket, DeskError> {
        let (person, queue) = (person.clone(), queue.clone());
        self.change(ticket, move |store, ticket| store.move_to(&person, ticket, &queue)).await
    }

    /// A person comes on shift, on every queue they work on, until they end it or their timetable does.
    pub async fn start_shift(&self, person: &PersonId) -> Result<(), DeskError> {
        self.set_shift(person, true).await
    }

    /// A person goes off shift, until they start again or their timetable says so.
    pub async fn end_shift(&self, person: &PersonId) -> Result<(), DeskError> {
        self.set_shift(person, false).await
    }

    async fn set_shift(&self, person: &PersonId, on: bool) -> Result<(), DeskError> {
        let person = person.clone();
        let held = self.worker.ask(move |store| store.set_shift(&person, on)).await?;
        // Who holds a ticket and goes home changes what the ticket's next look will show.
        for rumour in held {
            self.spread(rumour);
        }
        Ok(())
    }

    async fn change(
        &self,
        ticket: &TicketId,
        act: impl FnOnce(&mut Store, &TicketId) -> Result<(), DeskError> + Send + 'static,
    ) -> Result<DeskTicket, DeskError> {
        let ticket = ticket.clone();
        let changed = self
            .worker
            .ask(move |store| {
                act(store, &ticket)?;
                store.ticket(&ticket)
            })
            .await?;
        self.spread(Rumour {
            ticket: changed.id.clone(),
            correlation: Some(changed.correlation.clone()),
        });
        Ok(changed)
    }

    fn spread(&self, rumour: Rumour) {
        // Nobody listening is fine: a rumour is only a hint.
        let _ = self.rumours.send(rumour);
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// The system's clock, for a desk that is used by people.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(Timestamp::now)
}
