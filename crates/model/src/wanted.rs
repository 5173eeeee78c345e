//! What has to be seen in a world, or its exploration proves nothing: events that became part of a journal, codes of
//! refusals, and steps that were taken.

/// What happens to a case in every world.
pub(crate) const OWNERSHIP: &[&str] = &[
    "covered by an agent",
    "exhausted",
    "raised",
    "resolved",
    "handoff_accepted",
    "handoff_declined",
    "handoff_lapsed",
    "lease_renewed",
    "lease_expired",
    "case_released",
    "coverage_raised",
    "coverage_lowered",
    "escalation_exhausted",
    "append by the second",
    "append refused",
    "STALE_EPOCH",
    "NOT_OWNER",
    "NOT_OFFERED",
    "CONTEXT_DIGEST_MISMATCH",
];

/// What happens to a ticket.
pub(crate) const ESCALATION: &[&str] = &[
    "covered by a person",
    "raised",
    "resolved",
    "ticket_placed",
    "ticket_routed",
    "escalation_acknowledged",
    "evidence_renewed",
    "escalation_lapsed",
    "escalation_resolved",
    "case_returned",
    "escalation_exhausted",
    "step_failed",
];

/// What happens to a write.
pub(crate) const WRITING: &[&str] = &[
    "covered by an agent",
    "action_authorized",
    "permit_expired",
    "action_dispatched",
    "action_executed",
    "action_unknown",
    "action_retried",
    "action_failed",
    "action_verified",
    "action_diverged",
    "action_withdrawn",
    "compensation_started",
    "action_compensated",
    "compensation_failed",
    "write in effect",
    "write under way",
    "write lost",
    "write wrong",
    "write undone",
    "PERMIT_USED",
    "INPUT_DIGEST_MISMATCH",
];

/// What happens to a write that needs people.
pub(crate) const APPROVAL: &[&str] = &[
    "covered by an agent",
    "approval_requested",
    "approval_given",
    "approval_ended",
    "action_amended",
    "action_authorized",
    "action_withdrawn",
    "APPROVAL_DIGEST_MISMATCH",
    "INVOLVED",
    "approval_delegated",
    "case_taken_over",
    "HANDED_OVER",
    "DELEGATION_CIRCLE",
];

/// What happens to a case that a reviewer takes out of its agent's hands.
pub(crate) const TAKEOVER: &[&str] = &[
    "covered by an agent",
    "covered by a person",
    "approval_given",
    "approval_delegated",
    "case_taken_over",
    "action_withdrawn",
    "escalation_acknowledged",
    "append by the second",
    "append refused",
    "write in effect",
    "HANDED_OVER",
    "DELEGATION_CIRCLE",
    "DELEGATION_TOO_DEEP",
    "NOT_AN_APPROVER",
    "STALE_APPROVAL",
    "STALE_EPOCH",
    "NOT_OWNER",
];

/// What happens where everything is together.
pub(crate) const EVERYTHING: &[&str] = &[
    "covered by an agent",
    "covered by a person",
    "raised",
    // Two agents.
    "handoff_accepted",
    "handoff_lapsed",
    "routing_started",
    "lease_renewed",
    "lease_expired",
    "STALE_EPOCH",
    "NOT_OWNER",
    "NOT_OFFERED",
    // A person, and a ticket.
    "ticket created",
    "ticket read",
    "ticket taken",
    "ticket given back",
    "ticket moved",
    "ticket deleted",
    "webhook looked into",
    "escalation_acknowledged",
    "escalation_lapsed",
    "evidence_renewed",
    // Permits and people who let a write through.
    "approval_requested",
    "approval_given",
    "approval_ended",
    "action_withdrawn",
    "permit_expired",
    "PERMIT_USED",
    "PERMIT_EXPIRED",
    "INPUT_DIGEST_MISMATCH",
    // A write, and an agent that lies about it.
    "write in effect",
    "write under way",
    "write lost",
    "write wrong",
    "write undone",
    "late write in effect",
    "late write lost",
    "effect read",
    "effect unreadable",
    "outcome reported",
    "outcome reported falsely",
    "action_verified",
    "action_diverged",
    "action_retried",
    "action_failed",
    "action_compensated",
    // Messages.
    "answer arrived",
    "answer lost",
    "answer to come twice",
    // Two supervisors.
    "second supervisor",
    "decided by the second",
    "append by the second",
    "append refused",
    "death of the second",
];

/// What happens to writes that stand and fall together.
pub(crate) const PLAN: &[&str] =
    &["plan_completed", "plan_verified", "plan_undoing", "plan_undone"];
