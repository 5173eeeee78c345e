use belay_domain::{Calendar, Hours, Span};
use jiff::tz::TimeZoneDatabase;

use super::{gap, longest_closed, offsets};

/// Open as these hours say, such as `1 9-17` for Monday, in UTC, less these dates.
fn open(hours: &[&str], closed: &[&str]) -> Calendar {
    let hour = |text: &str| {
        let (day, times) = text.split_once(' ').expect("a day");
        let (from, to) = times.split_once('-').expect("from and to");
        let minutes = |text: &str| text.parse::<u16>().expect("an hour") * 60;
        Hours { day: day.parse().expect("a day"), from: minutes(from), to: minutes(to) }
    };
    Calendar {
        zone: "UTC".to_owned(),
        offsets: vec![(0, 0)],
        hours: hours.iter().map(|text| hour(text)).collect(),
        closed: closed.iter().map(|date| date.parse().expect("a date")).collect(),
    }
}

/// Open all week but for these hours of one day.
fn without(day: i8, from: u16, to: u16) -> Calendar {
    let mut calendar = open(&[], &[]);
    for each in (1..=7).filter(|each| *each != day) {
        calendar.hours.push(Hours { day: each, from: 0, to: 24 * 60 });
    }
    calendar.hours.push(Hours { day, from: 0, to: from * 60 });
    calendar.hours.push(Hours { day, from: to * 60, to: 24 * 60 });
    calendar
}

#[test]
fn a_gap_is_named_by_the_day_on_which_it_is() {
    let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    for (day, name) in (1..).zip(names) {
        let found = gap(&[&without(day, 3, 5)]);
        assert_eq!(found.as_deref(), Some(format!("on {name} at 03:00 UTC").as_str()));
    }
}

#[test]
fn calendars_that_cover_for_each_other_have_no_gap() {
    let (one, other) = (without(1, 3, 5), without(2, 3, 5));
    assert_eq!(gap(&[&one, &other]), None);
    assert_eq!(gap(&[&without(1, 3, 4), &without(1, 4, 5)]), None);
    assert_eq!(
        gap(&[&without(1, 3, 5), &without(1, 4, 6)]).as_deref(),
        Some("on Monday at 04:00 UTC")
    );
    assert_eq!(gap(&[]), None);
}

#[test]
fn a_holiday_is_a_gap_by_its_date_and_a_weekly_gap_comes_first() {
    let mut always = open(&[], &["2026-12-25"]);
    always.hours = (1..=7).map(|day| Hours { day, from: 0, to: 24 * 60 }).collect();
    let holiday = "on 2026-12-25, a holiday, at 00:00 UTC";
    assert_eq!(gap(&[&always]).as_deref(), Some(holiday));
    let weekly = Calendar { closed: always.closed.clone(), ..without(3, 1, 2) };
    assert_eq!(gap(&[&weekly]).as_deref(), Some("on Wednesday at 01:00 UTC"));
    let both = Calendar { closed: vec![], ..always.clone() };
    assert_eq!(gap(&[&always, &both]), None);
}

#[test]
fn the_longest_that_a_calendar_is_closed_counts_its_holidays() {
    let days: Vec<String> = (1..=5).map(|day| format!("{day} 9-17")).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let hours = |calendar: &Calendar| longest_closed(calendar).map(|span| span.as_hours());
    // From Friday at five to Monday at nine.
    assert_eq!(hours(&open(&days, &[])), Some(64));
    // Friday, 1 January 2027: from Thursday at five to Monday at nine.
    assert_eq!(hours(&open(&days, &["2027-01-01"])), Some(88));
    // Long after the year that is looked at.
    assert_eq!(hours(&open(&days, &["2031-01-03"])), Some(88));
    // Two holidays around a weekend are one stretch: Friday and Monday.
    assert_eq!(hours(&open(&days, &["2031-01-03", "2031-01-06"])), Some(112));
    assert_eq!(longest_closed(&open(&[], &[])), None);
    assert_eq!(longest_closed(&without(1, 3, 5)), Some(Span::from_hours(2)));
}

#[test]
fn offsets_are_settled_where_they_change_and_nowhere_else() {
    let of = |zone: &str| offsets(&TimeZoneDatabase::bundled().get(zone).expect("a time zone"));
    assert_eq!(of("UTC"), [(super::SETTLED_FROM, 0)]);
    let berlin = of("Europe/Berlin");
    assert_eq!(
        berlin[..3],
        [(super::SETTLED_FROM, 3600), (1_711_846_800, 7200), (1_729_990_800, 3600)]
    );
    // Twice in each of twenty years, after the first.
    assert_eq!(berlin.len(), 1 + 2 * 20);
    assert!(berlin.windows(2).all(|two| two[0].1 != two[1].1 && two[0].0 < two[1].0));
}
