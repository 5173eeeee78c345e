//! Canaries: test tickets that are put into queues on a schedule, to see whether somebody would be reached.

/// The tenant of canaries. They are cases like all others, and no customer's.
pub(crate) const CANARIES: &str = "belay-canaries";
