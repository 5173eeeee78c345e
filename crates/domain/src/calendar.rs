//! When people work: the hours of a week in the time of a place, less the days on which nobody does.
//!
//! The rules of the time zone have been settled into a table of offsets before a calendar comes here, so a replay
//! needs no time zone database and gives the same answer on any machine.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::{PersonId, Span, Timestamp, after};

/// Hours of the week in local time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// The time zone's name, for people.
    pub zone: String,
    /// What local time is ahead of UTC, in seconds, from which second of Unix time on; in order. The first entry also
    /// holds before its moment and the last one for ever.
    pub offsets: Vec<(i64, i32)>,
    /// When people work.
    pub hours: Vec<Hours>,
    /// Days on which they do not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<Date>,
}

/// A stretch of one day of every week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The day, from 1 for Monday to 7 for Sunday.
    pub day: i8,
    /// From which minute of that day.
    pub from: u16,
    /// Until before which minute; 1440 is midnight.
    pub to: u16,
}

/// When a step may be asked, and what is done with it at other times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepHours {
    /// The calendar, by its name in the plan.
    pub calendar: String,
    /// What is done with the step while it is closed.
    pub outside: OutsideHours,
}

/// What is done with a step outside its hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideHours {
    /// The next step is taken at once.
    Skip,
    /// The escalation waits for the hours to begin. The case counts as uncovered meanwhile.
    Wait {
        /// The longest this can take; after that the step is taken whatever the hours.
        at_most: Span,
    },
}

/// When a person of a queue is on shift, where the queue's own system does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rostered {
    /// As the queue's system knows them.
    pub person: PersonId,
    /// During any of these calendars of the plan.
    pub during: Vec<String>,
}

const MINUTES_OF_DAY: u16 = 24 * 60;

impl Calendar {
    /// Whether people work at this moment.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = self.local(at);
        let minute = minute_of(local.time());
        let today = self.hours_of(local.date());
        today.into_iter().any(|hours| (hours.from..hours.to).contains(&minute))
    }

    /// The first moment from `at` on at which people work, if there is one `within` so long.
    #[must_use]
    pub fn opening(&self, at: Timestamp, within: Span) -> Option<Timestamp> {
        let end = after(at, within);
        let mut moment = at;
        while moment <= end {
            if self.is_open(moment) {
                return Some(moment);
            }
            moment = self.next_change(moment);
        }
        None
    }

    /// The next moment after `at` at which it may open or close. Never more than a day away.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Timestamp {
        let local = self.local(at);
        let passed = local.time().duration_since(Time::midnight());
        let minute = minute_of(local.time());
        let edges = self.hours_of(local.date()).into_iter().flat_map(|h| [h.from, h.to]);
        let edge = edges.filter(|edge| *edge > minute).min().unwrap_or(MINUTES_OF_DAY);
        let change = after(at, Span::from_mins(i64::from(edge)).saturating_sub(passed));
        // Local time jumps when the offset changes, so what was computed holds only until then.
        let mut jumps =
            self.offsets.iter().filter_map(|(from, _)| Timestamp::from_second(*from).ok());
        jumps.find(|jump| *jump > at).map_or(change, |jump| jump.min(change))
    }

    /// Local time.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> DateTime {
        let second = at.as_second();
        let holds = self.offsets.iter().rev().find(|(from, _)| *from <= second);
        let seconds = holds.or(self.offsets.first()).map_or(0, |(_, seconds)| *seconds);
        Offset::from_seconds(seconds).unwrap_or(Offset::UTC).to_datetime(at)
    }

    /// The hours of one day; none when it is a closed one.
    fn hours_of(&self, date: Date) -> Vec<Hours> {
        if self.closed.contains(&date) {
            return Vec::new();
        }
        let day = date.weekday().to_monday_one_offset();
        self.hours.iter().filter(|hours| hours.day == day).copied().collect()
    }
}

fn minute_of(time: Time) -> u16 {
    u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(0)
}

#[cfg(test)]
mod tests;
