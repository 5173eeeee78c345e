//! How a system writes a field, brought into the dictionary's own words.

use std::collections::BTreeMap;

use belay_domain::SystemId;
use serde_json::Value;

use crate::format::{FormName, TypeName};

/// The most characters of a value that people are shown.
const FOUND_MAX: usize = 120;

/// One canonical field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) kind: Option<TypeName>,
    /// Every value that it may have; any, where this is empty.
    pub(super) values: Vec<String>,
    pub(super) truth: SystemId,
    pub(super) places: BTreeMap<SystemId, Place>,
}

/// Where one system has it, and how it is written there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) pointer: String,
    pub(super) version: u32,
    pub(super) form: FormName,
    pub(super) prefix: String,
    /// From a word of the system to what it means; the words themselves, where this is empty.
    pub(super) words: BTreeMap<String, String>,
}

impl Field {
    pub(super) fn is_known_in(&self, system: &SystemId) -> bool {
        self.places.contains_key(system)
    }

    /// Which version of the mapping reads it there.
    pub(super) fn version(&self, system: &SystemId) -> u32 {
        self.places.get(system).map_or(1, |place| place.version)
    }

    /// What it should be, where nothing says that.
    pub(super) fn wanted(&self) -> String {
        if self.values.is_empty() {
            "something".to_owned()
        } else {
            format!("one of {}", self.values.join(", "))
        }
    }

    /// Its canonical value, or what stands there instead of one, for people.
    pub(super) fn read(&self, system: &SystemId, record: &Value) -> Result<String, String> {
        let Some(place) = self.places.get(system) else {
            return Err("not known there".to_owned());
        };
        let value = record.pointer(&place.pointer).unwrap_or(&Value::Null);
        if value.is_null() {
            return Err(format!("nothing at {}", place.pointer));
        }
        let odd = |why: &str| format!("{} ({why}, mapping {})", brief(value), place.version);
        match self.kind {
            Some(TypeName::Money) => amount(value, place.form)
                .map(|minor| minor.to_string())
                .ok_or_else(|| odd("no such amount")),
            Some(TypeName::Integer) => {
                whole(value).map(|number| number.to_string()).ok_or_else(|| odd("no whole number"))
            }
            Some(TypeName::Boolean) => {
                value.as_bool().map(|yes| yes.to_string()).ok_or_else(|| odd("neither yes nor no"))
            }
            Some(TypeName::Code) => self.code(place, value).map_err(odd),
            Some(TypeName::Text) | None => Err(odd("of no type that can be compared")),
        }
    }

    fn code(&self, place: &Place, value: &Value) -> Result<String, &'static str> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => crate::json::canonical(value),
            Value::Null | Value::Array(_) | Value::Object(_) => return Err("no code"),
        };
        let word = text.strip_prefix(&place.prefix).ok_or("without its prefix")?;
        let meant = if place.words.is_empty() {
            word.to_owned()
        } else {
            place.words.get(word).ok_or("a word that is not known")?.clone()
        };
        if self.values.is_empty() || self.values.contains(&meant) {
            Ok(meant)
        } else {
            Err("a word that is not known")
        }
    }
}

/// An amount in minor units.
fn amount(value: &Value, form: FormName) -> Option<i64> {
    let minor = match form {
        FormName::Minor | FormName::NegativeMinor => whole(value)?,
        FormName::Decimal | FormName::NegativeDecimal => hundredths(&plain(value)?)?,
    };
    match form {
        FormName::Minor | FormName::Decimal => Some(minor),
        FormName::NegativeMinor | FormName::NegativeDecimal => minor.checked_neg(),
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if is_digits(text.strip_prefix('-').unwrap_or(text)) => {
            text.parse().ok()
        }
        _ => None,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// `-420.00` as hundredths; exactly, or not at all.
fn hundredths(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (units, rest) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(units) || !is_digits(rest) {
        return None;
    }
    // Tryton keeps more places than a currency has; they must be nothing.
    let (cents, beyond) = rest.split_at(rest.len().min(2));
    if beyond.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let cents: i64 = format!("{cents:0<2}").parse().ok()?;
    let minor = units.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)?;
    if negative { minor.checked_neg() } else { Some(minor) }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A value as people are shown it.
fn brief(value: &Value) -> String {
    crate::shown::quoted(&plain(value).unwrap_or_else(|| crate::json::canonical(value)))
        .chars()
        .take(FOUND_MAX)
        .collect()
}
