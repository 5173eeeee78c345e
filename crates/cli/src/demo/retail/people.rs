//! The people of the shop: somebody at the desk who takes what the specialists may not do, and settles it.
//!
//! They use the same public API as everybody, with a token of their own.

use std::time::Duration;

use belay_api::v1::{
    AddNoteRequest, DeskTicketState, ListTicketsRequest, ResolveTicketRequest, TakeTicketRequest,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::demo::api::patiently;
use crate::exit::Failure;

/// The queue to which the specialists' escalations go first.
const QUEUE: &str = "retail-desk";

/// How often somebody looks at the queue.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Works at the desk until the day is over.
pub(crate) async fn work(desk: &Connection, stop: &CancellationToken) -> Result<(), Failure> {
    while !stop.is_cancelled() {
        let waiting = ListTicketsRequest {
            queue: QUEUE.to_owned(),
            state: DeskTicketState::Waiting.into(),
            ..ListTicketsRequest::default()
        };
        let tickets = patiently("the queue", || async {
            desk.desk().list_tickets(desk.call(waiting.clone())).await
        });
        for ticket in tickets.await?.tickets {
            settle(desk, &ticket.id).await?;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
    Ok(())
}

/// Takes a ticket, talks to the customer, and closes it.
async fn settle(desk: &Connection, ticket: &str) -> Result<(), Failure> {
    let take =
        TakeTicketRequest { request_id: format!("take-{ticket}"), ticket_id: ticket.to_owned() };
    patiently("taking a ticket", || async {
        desk.desk().take_ticket(desk.call(take.clone())).await
    })
    .await?;
    let note = AddNoteRequest {
        request_id: format!("note-{ticket}"),
        ticket_id: ticket.to_owned(),
        note: "I have called the customer and explained what is possible.".to_owned(),
    };
    patiently("a note", || async { desk.desk().add_note(desk.call(note.clone())).await }).await?;
    let close = ResolveTicketRequest {
        request_id: format!("resolve-{ticket}"),
        ticket_id: ticket.to_owned(),
        resolution_code: "transferred".to_owned(),
        note: "Settled on the phone.".to_owned(),
    };
    patiently("closing a ticket", || async {
        desk.desk().resolve_ticket(desk.call(close.clone())).await
    })
    .await?;
    Ok(())
}
