use super::{Calendar, Hours};
use crate::{Span, Timestamp};

/// Berlin: an hour ahead of UTC, two from 29 March to 25 October 2026. Monday to Friday, nine to five; Friday with a
/// break at noon; closed on Thursday, 1 January 2026.
fn office() -> Calendar {
    let day = |day, from: u16, to: u16| Hours { day, from: from * 60, to: to * 60 };
    let mut hours: Vec<_> = (1..=4).map(|number| day(number, 9, 17)).collect();
    hours.extend([day(5, 9, 12), day(5, 13, 17)]);
    Calendar {
        zone: "Europe/Berlin".to_owned(),
        offsets: vec![(0, 3600), (1_774_746_000, 7200), (1_792_890_000, 3600)],
        hours,
        closed: vec!["2026-01-01".parse().expect("a date")],
    }
}

#[track_caller]
fn check(at: &str, opens: &str) {
    let moment = |text: &str| text.parse::<Timestamp>().expect("a moment");
    let opening = office().opening(moment(at), Span::from_hours(24 * 7));
    assert_eq!(opening, Some(moment(opens)), "asked at {at}");
    assert_eq!(office().is_open(moment(at)), at == opens, "asked at {at}");
}

#[test]
fn hours_are_local_hours_and_their_end_is_outside() {
    check("2026-01-05T07:59:59Z", "2026-01-05T08:00:00Z");
    check("2026-01-05T08:00:00Z", "2026-01-05T08:00:00Z");
    check("2026-01-05T15:59:59Z", "2026-01-05T15:59:59Z");
    check("2026-01-05T16:00:00Z", "2026-01-06T08:00:00Z");
}

#[test]
fn a_break_and_a_weekend_are_outside() {
    check("2026-01-09T11:00:30Z", "2026-01-09T12:00:00Z");
    check("2026-01-09T16:00:00Z", "2026-01-12T08:00:00Z");
}

#[test]
fn a_closed_day_has_no_hours() {
    check("2025-12-31T16:00:00Z", "2026-01-02T08:00:00Z");
}

#[test]
fn summer_time_moves_the_hours() {
    check("2026-03-27T16:00:00Z", "2026-03-30T07:00:00Z");
    check("2026-10-23T15:00:00Z", "2026-10-26T08:00:00Z");
}

#[test]
fn what_never_opens_is_not_waited_for() {
    let never = Calendar { hours: Vec::new(), ..office() };
    assert_eq!(never.opening(Timestamp::UNIX_EPOCH, Span::from_hours(24 * 30)), None);
}

#[test]
fn an_hour_that_exists_twice_is_open_twice_and_one_that_does_not_exist_never() {
    let night = Calendar { hours: vec![Hours { day: 7, from: 120, to: 180 }], ..office() };
    let open_minutes = |from: &str| {
        let start: Timestamp = from.parse().expect("a moment");
        (0..24 * 60).filter(|m| night.is_open(start + Span::from_mins(*m))).count()
    };
    assert_eq!(open_minutes("2026-03-28T23:00:00Z"), 0, "clocks go forward");
    assert_eq!(open_minutes("2026-10-24T22:00:00Z"), 120, "clocks go back");
    assert_eq!(open_minutes("2026-06-06T22:00:00Z"), 60);
}
