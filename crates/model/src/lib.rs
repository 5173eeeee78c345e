//! The protocol around one case, explored exhaustively.
//!
//! A case lives among two supervisors, two agents, people with a ticket system and a target that is written to.
//! Each of them may do, at every moment, everything that they could do in life: be late, be lost, come twice, come
//! in another order, lie, die. The explorer goes through all of it, within bounds that a [`Setting`] names, and
//! holds every state against the laws of the design's list of invariants.
//!
//! What Belay decides is decided by the domain's own `decide` and `owed`, the same that run in production. What is
//! true outside is kept apart from what the case believes: who really has the ticket, what really took effect. And
//! what the events promise is audited by code that shares nothing with the code that decided them.

mod audit;
mod books;
mod command;
mod hand;
mod law;
mod menu;
mod moves;
mod names;
mod paperwork;
mod report;
mod setting;
mod step;
mod taken;
mod terms;
mod ticket;
mod wanted;
mod whim;
mod world;

pub use law::Law;
pub use report::{Explored, explore};
pub use setting::Setting;
