//! What the auditor reads of a stored event: the few fields that say who holds a case, who is asked, and until when.
//! Nothing of it comes from the domain's types.

use belay_domain::{Span, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// The fields that matter, of whichever event they are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    /// A deadline: of an offer, of a step.
    pub(super) until: Option<Timestamp>,
    pub(super) lease_until: Option<Timestamp>,
    pub(super) retry_at: Option<Timestamp>,
    pub(super) work_until: Option<Timestamp>,
    pub(super) worked: bool,
    pub(super) epoch: Option<u64>,
    pub(super) escalation: String,
    pub(super) by: String,
    pub(super) evidence: Option<Shown>,
    pub(super) routing: Option<Until>,
    pub(super) purpose: Value,
    /// From which case something was taken over.
    pub(super) from: Value,
    /// Into which case one was merged.
    pub(super) into: String,
    pub(super) terms: Terms,
}

/// A search for an agent.
#[derive(Debug, Deserialize)]
pub(super) struct Until {
    pub(super) until: Timestamp,
}

/// What a case was opened under.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Terms {
    pub(super) lease: Option<Span>,
}

/// What a read-back showed.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    pub(super) level: String,
    #[serde(default)]
    pub(super) actor: Option<String>,
    pub(super) sent_at: Timestamp,
    pub(super) valid_until: Timestamp,
}

/// The kinds of events that say something about coverage. All others are only counted.
pub(super) const TELLING: &[&str] = &[
    "case_absorbed",
    "case_merged",
    "case_opened",
    "case_released",
    "case_resolved",
    "case_returned",
    "coverage_lowered",
    "coverage_raised",
    "escalation_acknowledged",
    "escalation_closed",
    "escalation_exhausted",
    "escalation_lapsed",
    "escalation_opened",
    "escalation_resolved",
    "evidence_renewed",
    "handoff_accepted",
    "handoff_declined",
    "handoff_lapsed",
    "handoff_offered",
    "lease_expired",
    "lease_renewed",
    "routing_ended",
    "routing_started",
    "step_deferred",
    "step_failed",
    "step_skipped",
    "step_started",
    "ticket_placed",
    "ticket_routed",
    "ticket_seen",
];
