//! Time as the domain is told it. Nothing here reads a clock.

/// A moment, as the supervisor's clock gave it. Times from agents and outside systems are shown to people
/// and never compared with these.
pub type Timestamp = jiff::Timestamp;

/// A length of time.
pub type Span = jiff::SignedDuration;

/// `span` after `moment`. Saturates at the ends of representable time, because a deadline far away is
/// still a deadline and must not be an error.
#[must_use]
pub fn after(moment: Timestamp, span: Span) -> Timestamp {
    moment.saturating_add(span).unwrap_or(Timestamp::MAX)
}
