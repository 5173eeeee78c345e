//! The desk as a human queue, seen by Belay like any other.

use std::time::Duration;

use belay_domain::{Correlation, QueueFacts, QueueId, Reading, TicketId, TicketReading};

use super::{Desk, DeskError};
use crate::{
    BoxFuture, HumanQueue, NewTicket, QueueError, QueueErrorKind, Rumour, RumourReceiver, Settling,
};

impl HumanQueue for Desk {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        let queue = queue.clone();
        Box::pin(async move { Ok(self.worker.ask(move |store| store.inspect(&queue)).await?) })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        let correlation = correlation.clone();
        Box::pin(async move { Ok(self.worker.ask(move |store| store.find(&correlation)).await?) })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        let new = ticket.clone();
        Box::pin(async move {
            let created = self.worker.ask(move |store| store.create(&new)).await?;
            let correlation = Some(ticket.correlation.clone());
            self.spread(Rumour { ticket: created.clone(), correlation });
            Ok(created)
        })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        let (ticket, queue) = (ticket.clone(), queue.clone());
        Box::pin(async move {
            let look =
                move |store: &mut super::Store| Ok((store.facts(&ticket), store.inspect(&queue)));
            let (ticket, queue) = match self.worker.ask(look).await {
                Ok(seen) => seen,
                Err(error) => return unreadable(&error),
            };
            let ticket = match ticket {
                Ok(facts) => TicketReading::Present(Box::new(facts)),
                Err(DeskError::NoTicket { .. }) => TicketReading::Missing,
                Err(error) => return unreadable(&error),
            };
            Reading { ticket, queue: queue.ok() }
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        let note = note.to_owned();
        Box::pin(async move {
            self.change(ticket, move |store, ticket| store.withdraw(ticket, &note)).await?;
            Ok(())
        })
    }

    fn rumours(&self) -> Option<RumourReceiver> {
        Some(self.watch())
    }

    /// What was created is found at once; this is for what is under way.
    fn settling(&self) -> Settling {
        Settling { within: Duration::from_millis(500), every: Duration::from_millis(50) }
    }
}

fn unreadable(error: &DeskError) -> Reading {
    Reading { ticket: TicketReading::Unreadable { detail: error.to_string() }, queue: None }
}

impl From<DeskError> for QueueError {
    fn from(error: DeskError) -> Self {
        let kind = match &error {
            DeskError::Busy | DeskError::Stopped | DeskError::Start(_) => {
                QueueErrorKind::Unavailable
            }
            // A commit that failed may be in the file all the same.
            DeskError::Storage(_) => QueueErrorKind::Unknown,
            _ => QueueErrorKind::Refused,
        };
        Self::new(kind, error.to_string())
    }
}
