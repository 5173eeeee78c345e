//! Moments and lengths of time.

use belay_domain::{Span, Timestamp};

/// A moment.
pub(crate) fn time(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.as_nanosecond();
    let second = nanos.div_euclid(1_000_000_000);
    let rest = nanos.rem_euclid(1_000_000_000);
    prost_types::Timestamp {
        seconds: i64::try_from(second).unwrap_or(i64::MAX),
        nanos: i32::try_from(rest).unwrap_or(0),
    }
}

/// A length of time.
pub(crate) fn span(span: Span) -> prost_types::Duration {
    prost_types::Duration { seconds: span.as_secs(), nanos: span.subsec_nanos() }
}
