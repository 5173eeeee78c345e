//! Moments for people: the time of day in UTC, and how long ago or how soon that is.

use jiff::{SignedDuration, Timestamp};

/// The moment of a message. Nothing when it is absent or nonsense.
pub(crate) fn moment(wire: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let wire = wire?;
    Timestamp::new(wire.seconds, wire.nanos).ok()
}

/// The moment as a message carries it.
#[cfg(test)]
pub(crate) fn to_wire(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// The length of a message's duration.
pub(crate) fn length(wire: Option<&prost_types::Duration>) -> Option<SignedDuration> {
    wire.map(|wire| SignedDuration::new(wire.seconds, wire.nanos))
}

/// `10:54:03Z (12 s ago)`, with the date when it is another day.
pub(crate) fn both(at: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", absolute(at, now), relative(at, now))
}

/// `10:54:03Z`, with the date when it is another day.
pub(crate) fn absolute(at: Timestamp, now: Timestamp) -> String {
    let same_day = at.strftime("%F").to_string() == now.strftime("%F").to_string();
    let format = if same_day { "%H:%M:%SZ" } else { "%F %H:%M:%SZ" };
    at.strftime(format).to_string()
}

/// `12 s ago`, `in 3 min`, `now`.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    let distance = at.duration_since(now);
    let text = span(distance.abs());
    match distance.as_millis() {
        -499..=499 => "now".to_owned(),
        millis if millis < 0 => format!("{text} ago"),
        _ => format!("in {text}"),
    }
}

/// `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`: as much as people want to know.
pub(crate) fn span(span: SignedDuration) -> String {
    let seconds = span.abs().as_secs();
    match seconds {
        0..=9 => format!("{:.1} s", span.abs().as_secs_f64()),
        10..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::{both, span};
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn moments_say_when_and_how_far() {
        check("2025-03-01T10:00:00Z", "10:00:00Z (now)");
        check("2025-03-01T09:59:48Z", "09:59:48Z (12 s ago)");
        check("2025-03-01T10:00:02.5Z", "10:00:02Z (in 2.5 s)");
        check("2025-03-01T10:05:00Z", "10:05:00Z (in 5 min)");
        check("2025-02-27T10:00:00Z", "2025-02-27 10:00:00Z (2 d ago)");
    }

    #[test]
    fn spans_are_as_exact_as_they_are_short() {
        let texts: Vec<String> =
            [0, 9, 119, 120, 7199, 7200].map(|s| span(SignedDuration::from_secs(s))).into();
        assert_eq!(texts, ["0.0 s", "9.0 s", "119 s", "2 min", "119 min", "2 h"]);
    }

    #[track_caller]
    fn check(at: &str, expected: &str) {
        let now: Timestamp = "2025-03-01T10:00:00Z".parse().unwrap();
        assert_eq!(both(at.parse().unwrap(), now), expected);
    }
}
