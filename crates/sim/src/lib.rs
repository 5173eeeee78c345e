//! The supervisor in simulated time, network and outside world.
//!
//! A run is a world of its own, made from a seed: ticket systems that lie in all the ways of the catalogue, a system
//! of record that loses answers, agents that stall, lie, flood and haunt, clocks that jump, and crashes that lose
//! whatever was not durable. In it lives the real supervisor, with its real sessions, services, engine, errands and
//! journal, in virtual time on one thread. An auditor knows what is true in that world and holds it against
//! everything that Belay says. The same seed gives the same run.

mod agents;
mod api;
mod audit;
mod careless;
mod catalogue;
mod dice;
mod disk;
pub mod incidents;
mod itsm;
mod operators;
mod people;
mod promises;
mod records;
mod run;
mod scene;
mod tally;
mod world;

pub use catalogue::{table, untold};
pub use run::{Ended, run, run_in};
pub use scene::Scene;
pub use tally::{LIES, RUNS_THAT_SHOW_ALL, Tally};
