//! Every stand-in answers in the shapes that its vendor publishes.
//!
//! `recorded/VENDOR/*.json` hold the vendors' own examples, each with its source. An answer is held against one key by
//! key: what the example has, the answer has, in the same form (a moment, an id, a number, an address); and what the
//! answer has, the example has, unless a test says otherwise.

#[path = "recorded/goalert.rs"]
mod goalert;
#[path = "recorded/jira.rs"]
mod jira;
#[path = "recorded/pager_duty.rs"]
mod pager_duty;
#[path = "recorded/service_now.rs"]
mod service_now;
#[path = "recorded/shape.rs"]
mod shape;
#[path = "recorded/visit.rs"]
mod visit;
#[path = "recorded/zendesk.rs"]
mod zendesk;
