//! Texts with a form of their own: lengths of time, amounts of money, queues, recipients.

use std::borrow::Cow;
use std::str::FromStr;

use belay_domain::{Currency, Money, QueueRef, Span, Target};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A length of time such as `15s`, `2m`, `1h30m`, `250ms` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Length(pub(crate) Span);

/// An amount such as `50.00 USD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Amount(pub(crate) Money);

/// A human queue, `system/queue`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Queue(pub(crate) QueueRef);

/// Who gets a case: `people`, `role NAME` or `agent NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Recipient(pub(crate) Option<Target>);

/// What a resolution code means: `resolve`, `return to role NAME` or `return to agent NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Means(pub(crate) Option<Target>);

/// Hours of a day, such as `09:00-17:00`, in minutes from midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct DayHours {
    pub(crate) from: u16,
    pub(crate) to: u16,
}

/// A day, such as `2026-12-25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Date(pub(crate) jiff::civil::Date);

/// Each form: its pattern, an example, and what it is.
pub(crate) const FORMS: &[(&str, &str, &str)] = &[
    (LENGTH, "15s, 2m or 1h30m", "a length of time"),
    (AMOUNT, "50.00 USD", "an amount of money"),
    (QUEUE, "desk/support-desk", "a queue, as system/queue"),
    (RECIPIENT, "role billing, agent billing-1 or people", "a recipient"),
    (MEANS, "resolve, or return to role billing", "what a resolution means"),
    (ID, "billing-1", "a name of visible characters without spaces"),
    (CONTRACT, "billing.refund@1", "a contract with its version"),
    (POINTER, "/amount or /items/0", "a JSON pointer"),
    (DAY_HOURS, "09:00-17:00 or 22:00-06:00", "hours of a day"),
    (DATE, "2026-12-25", "a date"),
];

const LENGTH: &str = "^([0-9]{1,6}(ms|s|m|h|d))+$";
const AMOUNT: &str = "^[0-9]{1,12}(\\.[0-9]{2})? [A-Z]{3}$";
const QUEUE: &str = "^[!-.0-~]{1,100}/[!-~]{1,200}$";
const RECIPIENT: &str = "^(people|(role|agent) [!-~]{1,200})$";
const MEANS: &str = "^(resolve|return to (role|agent) [!-~]{1,200})$";
const ID: &str = "^[!-~]{1,200}$";
const CONTRACT: &str = "^[a-z0-9_.-]{1,150}@[1-9][0-9]{0,5}$";
const DAY_HOURS: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$";
const DATE: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
const POINTER: &str = "^(/[^/]*)*$";

macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident = $pattern:ident;)*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    )*};
}

/// The schema of a name.
pub(crate) struct Id;
/// The schema of a contract's id.
pub(crate) struct ContractText;
/// The schema of a JSON pointer.
pub(crate) struct Pointer;

forms! {
    Length = LENGTH;
    Amount = AMOUNT;
    Queue = QUEUE;
    Recipient = RECIPIENT;
    Means = MEANS;
    DayHours = DAY_HOURS;
    Date = DATE;
    Id = ID;
    ContractText = CONTRACT;
    Pointer = POINTER;
}

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || format!("{text} is not a length of time");
        let mut total = Span::ZERO;
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
            let count: i64 = rest[..digits].parse().map_err(|_| refused())?;
            let (unit, after) = match &rest[digits..] {
                tail if tail.starts_with("ms") => (1, &tail[2..]),
                tail if tail.starts_with('s') => (1_000, &tail[1..]),
                tail if tail.starts_with('m') => (60_000, &tail[1..]),
                tail if tail.starts_with('h') => (3_600_000, &tail[1..]),
                tail if tail.starts_with('d') => (86_400_000, &tail[1..]),
                _ => return Err(refused()),
            };
            total = total.saturating_add(Span::from_millis(count.saturating_mul(unit)));
            rest = after;
        }
        if text.is_empty() { Err(refused()) } else { Ok(Self(total)) }
    }
}

impl TryFrom<String> for DayHours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minutes = |text: &str| {
            let (hours, minutes) = text.split_once(':')?;
            Some(hours.parse::<u16>().ok()? * 60 + minutes.parse::<u16>().ok()?)
        };
        let read = text.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
        match read {
            Some((from, to)) if from < 24 * 60 && to <= 24 * 60 && from != to => {
                Ok(Self { from, to })
            }
            _ => Err(format!("{text} are no hours of a day")),
        }
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text} is no date"))
    }
}

impl TryFrom<String> for Amount {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || format!("{text} is not an amount of money");
        let (number, currency) = text.split_once(' ').ok_or_else(refused)?;
        let currency = Currency::from_str(currency).map_err(|error| error.to_string())?;
        let (whole, cents) = number.split_once('.').unwrap_or((number, "00"));
        if cents.len() != 2 {
            return Err(refused());
        }
        let minor = format!("{whole}{cents}").parse().map_err(|_| refused())?;
        Ok(Self(Money { minor, currency }))
    }
}

impl TryFrom<String> for Queue {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (system, queue) = text.split_once('/').ok_or("a queue is written system/queue")?;
        Ok(Self(QueueRef {
            system: system.parse().map_err(|error| format!("{error}"))?,
            queue: queue.parse().map_err(|error| format!("{error}"))?,
        }))
    }
}

impl TryFrom<String> for Recipient {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "people" { Ok(Self(None)) } else { target(&text).map(Some).map(Self) }
    }
}

impl TryFrom<String> for Means {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_prefix("return to ") {
            None if text == "resolve" => Ok(Self(None)),
            Some(rest) => target(rest).map(Some).map(Self),
            None => Err(format!("{text} is not what a resolution can mean")),
        }
    }
}

fn target(text: &str) -> Result<Target, String> {
    match text.split_once(' ') {
        Some(("role", role)) => role.parse().map(Target::Role).map_err(|error| format!("{error}")),
        Some(("agent", agent)) => {
            agent.parse().map(Target::Agent).map_err(|error| format!("{error}"))
        }
        _ => Err(format!("{text} names neither a role nor an agent")),
    }
}
