//! How an event is stored: its JSON, under its name. Inspectable with any SQLite tool.

use belay_domain::Event;
use belay_journal::{NewEvent, StoredEvent};

/// A stored event that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("event {seq} of case {case}, a {kind}, cannot be read")]
pub struct StoredEventError {
    case: String,
    seq: u64,
    kind: String,
    #[source]
    source: serde_json::Error,
}

/// The event that was stored.
pub fn decode(stored: &StoredEvent) -> Result<Event, StoredEventError> {
    serde_json::from_slice(&stored.body).map_err(|source| StoredEventError {
        case: stored.case.clone(),
        seq: stored.seq,
        kind: stored.kind.clone(),
        source,
    })
}

/// The event as it is stored.
pub(super) fn encode(event: &Event) -> Result<NewEvent, serde_json::Error> {
    Ok(NewEvent {
        kind: event.kind.name().to_owned(),
        at: event.at,
        body: serde_json::to_vec(event)?,
    })
}
