//! When somebody is on shift.

use belay_domain::{Span, Timestamp};

use super::DeskStaff;

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// The first Monday of Unix time, 1970-01-05.
const FIRST_MONDAY: i64 = 4 * DAY;

/// A stretch of every week, in UTC, so that it cannot be doubled or skipped by daylight saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// On which day it begins.
    pub day: Weekday,
    /// When on that day, from midnight.
    pub from: Span,
    /// How long; it may pass midnight.
    pub lasts: Span,
}

/// A day of the week.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// What a person last said about their shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) on: bool,
    pub(super) at: Timestamp,
}

/// Whether somebody who last said this is on shift. None where nothing tells.
///
/// What a person says holds until their timetable next begins or ends a shift: one who goes home early is
/// back tomorrow, and one who stays late does not stay for ever.
pub(super) fn on_shift(member: &DeskStaff, said: Option<Said>, now: Timestamp) -> Option<bool> {
    let timetable = &member.shifts;
    match said {
        Some(said) if !changes_between(timetable, said.at, now) => Some(said.on),
        _ if timetable.is_empty() => member.on_shift,
        _ => Some(timetable.iter().any(|shift| shift.covers(now))),
    }
}

fn changes_between(timetable: &[Shift], after: Timestamp, until: Timestamp) -> bool {
    timetable.iter().any(|shift| {
        let start = shift.start();
        [start, start + shift.lasts.as_secs()].into_iter().any(|edge| {
            // The number of such edges up to a moment grows at each of them.
            let edges =
                |moment: Timestamp| (moment.as_second() - FIRST_MONDAY - edge).div_euclid(WEEK);
            edges(after) != edges(until)
        })
    })
}

impl Shift {
    /// Seconds from the start of the week.
    fn start(&self) -> i64 {
        self.day as i64 * DAY + self.from.as_secs()
    }

    fn covers(&self, now: Timestamp) -> bool {
        (now.as_second() - FIRST_MONDAY - self.start()).rem_euclid(WEEK) < self.lasts.as_secs()
    }
}
