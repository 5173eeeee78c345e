//! The supervisor: the engine that decides and journals, the errands that carry effects out, the sessions of
//! the agents, and the gRPC services through which everybody else speaks with it.
//!
//! Rules about cases live in the domain and the playbook. Here they are only carried: translated at the door,
//! put into the engine, and their effects taken to the outside world and back.

mod clock;
mod engine;
mod errands;
mod facts;
mod governor;
mod intake;
mod keyed_lock;
mod lookout;
mod playbooks;
mod recovery;
mod sessions;
mod systems;

pub use clock::Clock;
pub use engine::{Applied, Change, Engine, Outbound, Refused, StoredEventError, decode};
pub use playbooks::Playbooks;
pub use sessions::{Pick, Sessions};
