//! What Belay promises, each promise tried end to end on a real supervisor, through its public API only.
//!
//! One program, because linking it takes longer than running it.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

#[path = "promises/stage.rs"]
mod stage;

#[path = "promises/approvals.rs"]
mod approvals;
#[path = "promises/audit.rs"]
mod audit;
#[path = "promises/bad_input.rs"]
mod bad_input;
#[path = "promises/denied.rs"]
mod denied;
#[path = "promises/described.rs"]
mod described;
#[path = "promises/desk.rs"]
mod desk;
#[path = "promises/fields.rs"]
mod fields;
#[path = "promises/handoff.rs"]
mod handoff;
#[path = "promises/hostile.rs"]
mod hostile;
#[path = "promises/identity.rs"]
mod identity;
#[path = "promises/lease.rs"]
mod lease;
#[path = "promises/lies.rs"]
mod lies;
#[path = "promises/moved.rs"]
mod moved;
#[path = "promises/once.rs"]
mod once;
#[path = "promises/plans.rs"]
mod plans;
#[path = "promises/refused.rs"]
mod refused;
#[path = "promises/restart.rs"]
mod restart;
#[path = "promises/returned.rs"]
mod returned;
#[path = "promises/search.rs"]
mod search;
#[path = "promises/stale.rs"]
mod stale;
#[path = "promises/verbs.rs"]
mod verbs;
#[path = "promises/verified.rs"]
mod verified;
#[path = "promises/watch.rs"]
mod watch;
#[path = "promises/written.rs"]
mod written;
