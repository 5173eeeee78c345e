//! Clients that mean harm, over real sockets against the real accept loop: one test for each row of the table in
//! `docs/hostile-clients.md`. What a row measures is printed; see it with `--nocapture`.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

// The bed that the tests within the crate use; it names the crate's modules as they do.
use belay_transport::{accept, authority, revocation, tls};

#[allow(dead_code, reason = "the tests within the crate use the rest")]
#[path = "../../src/testbed.rs"]
mod testbed;

mod raw;
mod stage;

mod certificates;
mod defaults;
mod malformed;
mod partition;
mod reading;
mod resets;
mod silence;
mod streams;
