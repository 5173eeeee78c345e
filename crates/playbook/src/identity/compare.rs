//! Comparing what is known with what a system shows, each brought into one form first.
//!
//! Letters that look like others never agree with them: two texts that look alike and are not the same are said to be so,
//! and count as different.

use belay_domain::Source;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::format::FactKind;

/// The fewest digits that agree partly as the last ones of a longer number.
const LAST_DIGITS_MIN: usize = 4;

/// How a known value and those that a system shows go together. The worse comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Agreement {
    /// None of them is it.
    Disagrees,
    /// None of them is it, and one looks like it.
    LooksAlike,
    /// The system shows nothing.
    Silent,
    /// Part of it is the same.
    Partly,
    /// One of them is it.
    Agrees,
}

/// A value in the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    Text(String),
    Words(Vec<String>),
    Number(i64),
    Day(Date),
}

/// How a value of this kind and those that are shown go together; `days` may lie between two days.
pub(super) fn compare(kind: FactKind, days: u32, known: &Value, shown: &[Value]) -> Agreement {
    let Some(wanted) = form(kind, known) else { return Agreement::Silent };
    let each = shown.iter().filter(|value| !is_empty(value)).map(|value| {
        form(kind, value).map_or(Agreement::Disagrees, |found| pair(kind, days, &wanted, &found))
    });
    each.max().unwrap_or(Agreement::Silent)
}

/// The form in which a value of this kind is compared; none if it is no such value.
pub(super) fn form(kind: FactKind, value: &Value) -> Option<Form> {
    let text = match value {
        Value::String(text) => folded(text),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    match kind {
        FactKind::Email | FactKind::Text => (!text.is_empty()).then_some(Form::Text(text)),
        FactKind::Name => {
            let words = text.split(|letter: char| !letter.is_alphanumeric());
            let words: Vec<String> =
                words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
            (!words.is_empty()).then_some(Form::Words(words))
        }
        FactKind::Digits => {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            (!digits.is_empty()).then_some(Form::Text(digits))
        }
        FactKind::Integer => text.parse().ok().map(Form::Number),
        FactKind::Date => day(&text).map(Form::Day),
    }
}

/// A value as a lookup may ask for it; none if it holds letters that systems do not have in such a value, and that may only
/// look like others.
pub(super) fn key(kind: FactKind, value: &Value) -> Option<Value> {
    match (kind, form(kind, value)?) {
        (FactKind::Email, Form::Text(text)) => text.is_ascii().then(|| Value::from(text)),
        (FactKind::Digits, Form::Text(digits)) => Some(Value::from(digits)),
        (_, Form::Number(number)) => Some(Value::from(number)),
        (_, Form::Day(day)) => Some(Value::from(day.to_string())),
        (_, Form::Text(_) | Form::Words(_)) => {
            let text = value.as_str().map(|text| text.nfkc().collect::<String>());
            text.map(|text| Value::from(text.split_whitespace().collect::<Vec<_>>().join(" ")))
        }
    }
}

fn pair(kind: FactKind, days: u32, wanted: &Form, found: &Form) -> Agreement {
    if wanted == found {
        return Agreement::Agrees;
    }
    match (wanted, found) {
        (Form::Day(one), Form::Day(other)) => {
            let apart = one.until(*other).map_or(i64::MAX, |span| i64::from(span.get_days()).abs());
            if apart <= i64::from(days) { Agreement::Agrees } else { Agreement::Disagrees }
        }
        (Form::Words(known), Form::Words(shown))
            if known.iter().all(|word| shown.contains(word)) =>
        {
            Agreement::Partly
        }
        (Form::Text(known), Form::Text(shown))
            if kind == FactKind::Digits
                && known.len() >= LAST_DIGITS_MIN
                && shown.ends_with(known.as_str()) =>
        {
            Agreement::Partly
        }
        _ if skeleton(wanted).is_some_and(|seen| Some(seen) == skeleton(found)) => {
            Agreement::LooksAlike
        }
        _ => Agreement::Disagrees,
    }
}

/// What a text looks like (Unicode TR 39).
fn skeleton(form: &Form) -> Option<String> {
    match form {
        Form::Text(text) => Some(unicode_security::skeleton(text).collect()),
        Form::Words(words) => Some(unicode_security::skeleton(&words.join(" ")).collect()),
        Form::Number(_) | Form::Day(_) => None,
    }
}

/// Compatible forms of letters (NFKC), capitals and spaces made one.
fn folded(text: &str) -> String {
    let text: String = text.nfkc().collect::<String>().to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn day(text: &str) -> Option<Date> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok().map(|at| at.to_zoned(TimeZone::UTC).date());
    }
    text.get(..10)?.parse().ok()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// How far a source may be trusted, the more the higher.
pub(super) fn trust(source: Source) -> u8 {
    match source {
        Source::Model => 0,
        Source::Customer => 1,
        Source::Staff => 2,
        Source::VerifiedChannel => 3,
        Source::SystemOfRecord => 4,
        Source::Belay => 5,
    }
}

/// Whether what comes from there has been verified.
pub(super) fn is_verified(source: Source) -> bool {
    trust(source) >= trust(Source::VerifiedChannel)
}
