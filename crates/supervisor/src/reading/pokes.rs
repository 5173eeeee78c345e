//! Rumours: somebody says that a ticket changed. It is read soon, and that is all a rumour can do (`COV-2`).

use std::sync::{Arc, Weak};

use belay_domain::TicketId;
use dashmap::DashMap;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::reader::Reader;
use crate::systems::Systems;

/// Where those who watch a ticket can be asked to look sooner; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Pokes {
    watched: Arc<DashMap<TicketId, Vec<Weak<Reader>>>>,
}

impl Pokes {
    /// Asks for a look at a ticket. False if nobody watches one of that name.
    pub(crate) fn poke(&self, ticket: &TicketId) -> bool {
        // Two systems may have tickets of one name; looking at both is harmless.
        let readers = self.watched.get(ticket).map(|found| found.clone()).unwrap_or_default();
        let readers = readers.iter().filter_map(Weak::upgrade);
        readers.filter(|reader| reader.hurry(ticket)).count() > 0
    }

    pub(super) fn watch(&self, ticket: &TicketId, reader: &Arc<Reader>) {
        let reader = Arc::downgrade(reader);
        let mut readers = self.watched.entry(ticket.clone()).or_default();
        if !readers.iter().any(|known| known.ptr_eq(&reader)) {
            readers.push(reader);
        }
    }

    pub(super) fn forget(&self, ticket: &TicketId, reader: &Reader) {
        self.watched.remove_if_mut(ticket, |_, readers| {
            readers.retain(|known| !std::ptr::eq(known.as_ptr(), reader));
            readers.is_empty()
        });
    }
}

/// Hears the rumours of every human queue and passes them on to those who watch, until told to stop. Listens
/// anew when other systems are connected.
pub(crate) async fn listen(systems: Systems, pokes: Pokes, stop: CancellationToken) {
    let mut changes = systems.changes();
    loop {
        let queues = systems.queues();
        let heard = queues.iter().filter_map(|queue| queue.rumours());
        let heard = heard.map(tokio_stream::wrappers::BroadcastStream::new);
        let mut rumours = futures_util::stream::select_all(heard);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = changes.next() => break,
                // Rumours that were missed cost nothing but time: everybody looks by themselves.
                Some(rumour) = rumours.next() => if let Ok(rumour) = rumour {
                    pokes.poke(&rumour.ticket);
                },
            }
        }
    }
}
