//! When people work, and who is on shift when: what operators write in the words of a place, as tables that need no
//! time zone database any more.

use std::collections::BTreeMap;

use belay_domain::{Calendar, Hours, QueueRef, Rostered, Span, Timestamp};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::check::Check;
use crate::format::{CalendarRule, CalendarsFile, ShiftRule};

/// The rules of time zones are settled from here on; before, the first offset holds.
const SETTLED_FROM: i64 = 1_704_067_200; // 2024-01-01
/// Until here; after, the last offset holds. Hours may then be off by one where summer time still exists.
const SETTLED_UNTIL: i64 = 2_335_219_200; // 2044-01-01
/// How far ahead it is looked for moments at which nobody works: time zones shift against each other within a year.
const LOOKED_AT: Span = Span::from_hours(24 * 366);
/// Where looking begins. Loading reads no clock, so that the same files are always as good as they were.
const LOOKED_AT_FROM: i64 = 1_767_225_600; // 2026-01-01

const DAY: Span = Span::from_hours(24);

/// All calendars and shifts of a playbook.
#[derive(Debug, Default)]
pub(crate) struct Calendars {
    named: BTreeMap<String, Calendar>,
    shifts: BTreeMap<QueueRef, Vec<Rostered>>,
}

impl Calendars {
    /// Compiles `calendars.yaml`.
    pub(crate) fn compile(check: &mut Check<'_>, file: CalendarsFile) -> Self {
        let mut named = BTreeMap::new();
        for (name, rule) in &file.calendars {
            let pointer = crate::json::child("/calendars", name);
            if let Some(calendar) = calendar(check, &pointer, rule) {
                named.insert(name.clone(), calendar);
            }
        }
        let mut shifts: BTreeMap<QueueRef, Vec<Rostered>> = BTreeMap::new();
        for (index, rule) in file.shifts.iter().enumerate() {
            shift(check, &format!("/shifts/{index}"), rule);
            let roster = shifts.entry(rule.queue.0.clone()).or_default();
            for person in &rule.people {
                roster.push(Rostered { person: person.clone(), during: rule.during.clone() });
            }
        }
        Self { named, shifts }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Calendar> {
        self.named.get(name)
    }

    /// Who is on shift when on a queue; empty when nothing is said.
    pub(crate) fn roster(&self, queue: &QueueRef) -> &[Rostered] {
        self.shifts.get(queue).map_or(&[], Vec::as_slice)
    }
}

fn shift(check: &mut Check<'_>, pointer: &str, rule: &ShiftRule) {
    check.known_queue(&format!("{pointer}/queue"), &rule.queue.0);
    for (index, name) in rule.during.iter().enumerate() {
        let pointer = format!("{pointer}/during/{index}");
        check.known(&pointer, "calendar", name, |names| names.calendars.as_ref());
    }
}

fn calendar(check: &mut Check<'_>, pointer: &str, rule: &CalendarRule) -> Option<Calendar> {
    let zone = TimeZoneDatabase::bundled().get(&rule.time_zone);
    let Ok(zone) = zone else {
        check.wrong(
            &format!("{pointer}/time_zone"),
            format!("there is no time zone {}", rule.time_zone),
            "write it as the IANA database does, such as Europe/Berlin or UTC",
        );
        return None;
    };
    let mut hours = Vec::new();
    for rule in &rule.hours {
        for day in rule.days.iter().flat_map(|name| name.days()) {
            for (from, to) in rule.hours.iter().map(|hours| (hours.from, hours.to)) {
                let next = if day == 7 { 1 } else { day + 1 };
                if from < to {
                    hours.push(Hours { day, from, to });
                } else {
                    hours.push(Hours { day, from, to: 24 * 60 });
                    hours.push(Hours { day: next, from: 0, to });
                }
            }
        }
    }
    // Nobody works from an hour to the same hour, and a day that ends at midnight needs nothing of the next.
    hours.retain(|hours| hours.from < hours.to);
    Some(Calendar {
        zone: rule.time_zone.clone(),
        offsets: offsets(&zone),
        hours,
        closed: rule.holidays.iter().map(|date| date.0).collect(),
    })
}

fn offsets(zone: &TimeZone) -> Vec<(i64, i32)> {
    let start = Timestamp::from_second(SETTLED_FROM).unwrap_or(Timestamp::UNIX_EPOCH);
    let first = (SETTLED_FROM, zone.to_offset(start).seconds());
    let later = zone
        .following(start)
        .map(|change| (change.timestamp().as_second(), change.offset().seconds()))
        .take_while(|(from, _)| *from < SETTLED_UNTIL);
    let mut offsets = vec![first];
    for change in later {
        // Some changes are of the name or of what counts as summer time only.
        if offsets.last().is_some_and(|(_, offset)| *offset != change.1) {
            offsets.push(change);
        }
    }
    offsets
}

/// A moment at which none of these calendars is open, in the words of the first one's place: a time of the week, or a
/// date when a holiday is the cause.
pub(crate) fn gap(calendars: &[&Calendar]) -> Option<String> {
    let first = calendars.first()?;
    let weekly: Vec<Calendar> =
        calendars.iter().map(|one| Calendar { closed: Vec::new(), ..(*one).clone() }).collect();
    let from = Timestamp::from_second(LOOKED_AT_FROM).unwrap_or(Timestamp::UNIX_EPOCH);
    let borrowed: Vec<&Calendar> = weekly.iter().collect();
    if let Some(moment) = gap_within(&borrowed, from, LOOKED_AT) {
        let local = first.local(moment);
        let day = weekday(local.weekday().to_monday_one_offset());
        let time = local.time();
        return Some(format!("on {day} at {:02}:{:02} {}", time.hour(), time.minute(), first.zone));
    }
    let mut closed: Vec<_> = calendars.iter().flat_map(|one| &one.closed).collect();
    closed.sort();
    closed.iter().find_map(|date| {
        // Around the date, because it begins elsewhere at another time.
        let day = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let moment = gap_within(calendars, day.checked_sub(DAY).ok()?, Span::from_hours(72))?;
        let local = first.local(moment);
        let time = local.time();
        let clock = format!("{:02}:{:02}", time.hour(), time.minute());
        Some(format!("on {}, a holiday, at {clock} {}", local.date(), first.zone))
    })
}

fn gap_within(calendars: &[&Calendar], from: Timestamp, within: Span) -> Option<Timestamp> {
    let end = belay_domain::after(from, within);
    let mut moment = from;
    while moment < end {
        if !calendars.iter().any(|calendar| calendar.is_open(moment)) {
            return Some(moment);
        }
        moment = calendars.iter().map(|calendar| calendar.next_change(moment)).min()?;
    }
    None
}

/// The longest that this calendar is closed at a stretch, holidays included; none if it never opens.
pub(crate) fn longest_closed(calendar: &Calendar) -> Option<Span> {
    let from = Timestamp::from_second(LOOKED_AT_FROM).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut longest = closed_within(calendar, from, LOOKED_AT)?;
    // Some holidays lie outside that year; those next to each other are one stretch.
    for date in &calendar.closed {
        let Ok(day) = date.to_zoned(TimeZone::UTC) else { continue };
        let Ok(from) = day.timestamp().checked_sub(Span::from_hours(24 * 14)) else { continue };
        longest = longest.max(closed_within(calendar, from, Span::from_hours(24 * 60))?);
    }
    Some(longest)
}

fn closed_within(calendar: &Calendar, from: Timestamp, within: Span) -> Option<Span> {
    let end = belay_domain::after(from, within);
    let mut longest = Span::ZERO;
    let mut moment = from;
    while moment < end {
        let opens = calendar.opening(moment, LOOKED_AT)?;
        longest = longest.max(opens.duration_since(moment));
        moment = opens;
        while moment < end && calendar.is_open(moment) {
            moment = calendar.next_change(moment);
        }
    }
    Some(longest)
}

fn weekday(day: i8) -> &'static str {
    match day {
        1 => "Monday",
        2 => "Tuesday",
        3 => "Wednesday",
        4 => "Thursday",
        5 => "Friday",
        6 => "Saturday",
        _ => "Sunday",
    }
}

#[cfg(test)]
mod tests;
