//! `calendars.yaml` and `people.yaml`: when people work, who is on shift when, and by which accounts systems know them.

use std::collections::BTreeMap;

use belay_domain::{GroupId, PersonId, SystemId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::{Date, DayHours, Id, Queue};

/// Named calendars, and the shifts of queues whose systems know no shifts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalendarsFile {
    /// The calendars, by name.
    pub(crate) calendars: BTreeMap<String, CalendarRule>,
    /// Who is on shift when. Once a queue is named here, whoever of it is not is never on shift.
    #[serde(default)]
    pub(crate) shifts: Vec<ShiftRule>,
}

/// When people work.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalendarRule {
    /// For people.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) description: String,
    /// The time zone of the hours, as the IANA database names it, such as `Europe/Berlin` or `UTC`.
    pub(crate) time_zone: String,
    /// The hours of the week.
    #[schemars(length(min = 1))]
    pub(crate) hours: Vec<HoursRule>,
    /// Days without hours, such as `2026-12-25`.
    #[serde(default)]
    pub(crate) holidays: Vec<Date>,
}

/// The hours of some days.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoursRule {
    /// Which days.
    #[schemars(length(min = 1))]
    pub(crate) days: Vec<DayName>,
    /// From when until when, such as `09:00-17:00`. Hours that end before they begin end on the next day.
    #[schemars(length(min = 1))]
    pub(crate) hours: Vec<DayHours>,
}

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DayName {
    /// The first day of the week.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The seventh.
    Sunday,
    /// Monday to Friday.
    Weekdays,
    /// Saturday and Sunday.
    Weekend,
    /// All seven.
    EveryDay,
}

/// Who of a queue is on shift when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShiftRule {
    /// The queue, as `system/queue`.
    pub(crate) queue: Queue,
    /// The people, as that system knows them.
    #[schemars(with = "Vec<Id>", length(min = 1))]
    pub(crate) people: Vec<PersonId>,
    /// During any of these calendars.
    #[schemars(with = "Vec<Id>", length(min = 1))]
    pub(crate) during: Vec<String>,
}

/// The people of the house, by the subject of their token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeopleFile {
    /// The people.
    #[schemars(with = "BTreeMap<String, PersonEntry>")]
    pub(crate) people: BTreeMap<PersonId, PersonEntry>,
}

/// One person.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonEntry {
    /// The name to show.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people and by the schema")]
    pub(crate) name: String,
    /// The groups whose decisions they may write on a ticket. In the console their token says it.
    #[serde(default)]
    #[schemars(with = "Vec<Id>")]
    pub(crate) groups: Vec<GroupId>,
    /// The account by which each system knows them. The desk knows everybody by the subject of their token.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Id>")]
    pub(crate) identities: BTreeMap<SystemId, PersonId>,
}

impl DayName {
    /// The days, from 1 for Monday.
    pub(crate) fn days(self) -> Vec<i8> {
        match self {
            Self::Monday => vec![1],
            Self::Tuesday => vec![2],
            Self::Wednesday => vec![3],
            Self::Thursday => vec![4],
            Self::Friday => vec![5],
            Self::Saturday => vec![6],
            Self::Sunday => vec![7],
            Self::Weekdays => (1..=5).collect(),
            Self::Weekend => vec![6, 7],
            Self::EveryDay => (1..=7).collect(),
        }
    }
}
