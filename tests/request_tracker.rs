//! The same promises with people who work in a real Request Tracker, with all its traps.
//!
//! `deploy/bench/request-tracker/up` starts one and prints the variables that these tests read. Without them every
//! test says that it is skipped.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

#[path = "request_tracker/bench.rs"]
mod bench;
#[path = "request_tracker/proxy.rs"]
mod proxy;
#[path = "promises/stage.rs"]
#[allow(dead_code, reason = "the stage is shared; the other program uses the rest of it")]
mod stage;
#[path = "request_tracker/story.rs"]
mod story;
#[path = "request_tracker/tracker.rs"]
#[allow(dead_code, reason = "shared with the tests of the adapter, which use the rest of it")]
mod tracker;

#[path = "request_tracker/cut_off.rs"]
mod cut_off;
#[path = "request_tracker/ordinary.rs"]
mod ordinary;
#[path = "request_tracker/rumours.rs"]
mod rumours;
#[path = "request_tracker/stopped.rs"]
mod stopped;
#[path = "request_tracker/taken_away.rs"]
mod taken_away;
#[path = "request_tracker/traps.rs"]
mod traps;

/// The ordinary desk: alice and bob.
const DESK: &str = "billing-escalations";

/// The desk that is asked next: bob.
const NEXT: &str = "crm-desk";
