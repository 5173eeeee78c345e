//! Outside systems: the queues in which people are reached, and the systems of record that are read and
//! written. Each answers with evidence, never with opinion.
//!
//! * [`HumanQueue`] is what a ticket system must be able to do; [`place`] puts exactly one ticket into one.
//! * [`Desk`] is the queue that Belay itself offers; [`RequestTracker`] is the first one from outside;
//!   [`Itsm`] is any other that somebody has described.
//! * [`BusinessSystem`] reads and writes over plain HTTP, as the playbook's contracts describe.
//! * [`verify`] finds out, with a marked test ticket, which lies a live system can tell.
//! * [`Guarded`] keeps a dead or rate-limited system from being hammered.
//!
//! Nothing here decides whether a case is covered. An adapter reports facts; what it could not read it
//! reports as unread.

pub mod business;
pub mod desk;
pub mod human_queue;
pub mod itsm;
pub mod request_tracker;
pub mod verify;

mod health;
mod http;
mod placing;
mod proof;
mod token;

pub use belay_domain::OurTicket;
pub use business::{BusinessConfig, BusinessSystem, Credential, Login, SystemOfRecord};
pub use desk::{Desk, DeskConfig, DeskError};
pub use health::{Circuit, CircuitTerms, Guarded, Line, Pace, RateLimit, Turn};
pub use http::{Exchange, Service};
pub use human_queue::{
    BoxFuture, HumanQueue, NewTicket, OurTickets, QueueError, QueueErrorKind, Rumour,
    RumourReceiver, Wanted,
};
pub use itsm::{Itsm, ItsmConfig, ItsmError};
pub use placing::{Attempt, NotPlaced, Placed, Settling, place, withdraw_forks};
pub use proof::{Finding, RouteCheck, Verdict};
pub use request_tracker::{RequestTracker, RequestTrackerConfig};
