//! What has become durable, as watchers are told.

use std::sync::Arc;

use belay_domain::{Case, Event};

/// Events of one case that have become durable, and the case after them.
#[derive(Clone, Debug)]
pub struct Change {
    /// The case after the events.
    pub case: Arc<Case>,
    /// The events, in their order.
    pub events: Arc<[Event]>,
    /// The journal position of the last of them.
    pub position: u64,
}
