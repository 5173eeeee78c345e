//! JSON that means one thing only: read strictly, written canonically (RFC 8785).
//!
//! An input is decided on, shown to people, hashed, and sent. All four must see the same value, so what two programs
//! could read differently is refused: a key that appears twice, a number that a double cannot hold exactly, half a
//! surrogate pair.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The longest input that is read, in bytes. An action's input is a form, not a document.
pub const INPUT_BYTES_MAX: usize = 64 * 1024;

/// The first integer that a double cannot tell from its neighbour (I-JSON, RFC 7493).
const INTEGER_LIMIT: u64 = 1 << 53;

/// How deep lists and objects may lie within each other.
pub const INPUT_DEPTH_MAX: usize = 32;

/// Why a text is refused as an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unfit {
    /// Which kind of mistake it is, for programs.
    pub flaw: Flaw,
    /// Where it is and what is wrong, for people.
    pub detail: String,
}

/// The kinds of mistakes for which a text is no input at all, whatever a contract asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// It is not JSON.
    NotJson,
    /// A key appears twice in an object, and programs differ in which of the two they read.
    DuplicateKey,
    /// A number that programs would round, each to another one (I-JSON, RFC 7493, section 2.2).
    NumberTooLarge,
    /// Lists and objects lie too deep within each other.
    TooDeep,
    /// It is longer than an input may be.
    TooLong,
}

impl Flaw {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::DuplicateKey => "duplicate-key",
            Self::NumberTooLarge => "number-too-large",
            Self::TooDeep => "too-deep",
            Self::TooLong => "too-long",
        }
    }
}

/// Reads an input. The error says where and why it is refused.
pub fn strict(text: &str) -> Result<Value, Unfit> {
    if text.len() > INPUT_BYTES_MAX {
        let detail =
            format!("the input has {} bytes and may have {INPUT_BYTES_MAX} at most", text.len());
        return Err(Unfit { flaw: Flaw::TooLong, detail });
    }
    let found = Cell::new(Flaw::NotJson);
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Strict { depth: 0, flaw: &found }.deserialize(&mut reader);
    read.and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        let detail = error.to_string();
        // The parser gives up on these two by itself, before a value is made of them.
        let flaw = match found.get() {
            Flaw::NotJson if detail.starts_with("number out of range") => Flaw::NumberTooLarge,
            Flaw::NotJson if detail.starts_with("recursion limit") => Flaw::TooDeep,
            flaw => flaw,
        };
        Unfit { flaw, detail }
    })
}

/// Reads what an outside system answered. A key that appears twice is refused here as well; numbers are taken as
/// they are.
pub fn lenient(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice::<Value>(bytes)
        .map_err(|error| format!("the system's answer is not JSON: {error}"))
}

/// An input in canonical form (RFC 8785), so that the same input always has the same digest. Strict: a key that
/// appears twice and a number that cannot be kept exactly are refused, and the error says where and why.
pub fn canonical_json(text: &str) -> Result<String, Unfit> {
    strict(text).map(|value| canonical(&value))
}

/// Writes a value in canonical form.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

/// The value at a JSON pointer (RFC 6901).
pub fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    value.pointer(pointer)
}

/// A pointer one level deeper.
pub fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Reads one value, and remembers what kind of mistake ended the reading.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    flaw: &'a Cell<Flaw>,
}

impl Strict<'_> {
    fn refuse<E: de::Error>(self, flaw: Flaw, why: impl fmt::Display) -> E {
        self.flaw.set(flaw);
        E::custom(why)
    }

    fn too_large<E: de::Error>(self, value: impl fmt::Display) -> E {
        let why = format!("the number {value} is too large to be exact; write it as a string");
        self.refuse(Flaw::NumberTooLarge, why)
    }

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == INPUT_DEPTH_MAX {
            let why = format!("it is nested deeper than {INPUT_DEPTH_MAX} levels");
            return Err(self.refuse(Flaw::TooDeep, why));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        if value < INTEGER_LIMIT { Ok(value.into()) } else { Err(self.too_large(value)) }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        let fits = value.unsigned_abs() < INTEGER_LIMIT;
        if fits { Ok(value.into()) } else { Err(self.too_large(value)) }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        // 1.0 and 1 are the same number, and the canonical form writes both as 1.
        if !value.is_finite() || value.abs() >= INTEGER_LIMIT as f64 {
            return Err(self.too_large(value));
        }
        if value.fract() == 0.0 {
            return Ok((value as i64).into());
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| self.too_large(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if members.contains_key(&key) {
                let why = format!("the key {key:?} appears twice");
                return Err(self.refuse(Flaw::DuplicateKey, why));
            }
            members.insert(key, map.next_value_seed(inner)?);
        }
        Ok(Value::Object(members))
    }
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // RFC 8785 orders keys by their UTF-16 code units, which is not the order of their UTF-8 bytes.
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_value(member, out);
            }
            out.push('}');
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn write_number(number: &Number, out: &mut String) {
    if let Some(integer) = number.as_i64() {
        out.push_str(&integer.to_string());
    } else if let Some(integer) = number.as_u64() {
        out.push_str(&integer.to_string());
    } else {
        out.push_str(&double(number.as_f64().unwrap_or_default()));
    }
}

/// A double as ECMAScript writes it, which is what RFC 8785 asks for. Rust gives the same shortest digits; only their
/// layout differs.
fn double(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let shortest = format!("{:e}", value.abs());
    // Of two shortest forms that are equally near, the even one is asked for; exact rounding gives that one.
    let precision = shortest.chars().take_while(|c| *c != 'e').filter(char::is_ascii_digit).count();
    let even = format!("{:.*e}", precision.saturating_sub(1), value.abs());
    let same = even.parse::<f64>().is_ok_and(|even| even == value.abs());
    let scientific = if same { even } else { shortest };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // The decimal point stands after this many digits.
    let point = exponent + 1;
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |many: i32| "0".repeat(usize::try_from(many).unwrap_or_default());
    let split =
        |at: i32| digits.split_at(usize::try_from(at).unwrap_or_default().min(digits.len()));
    let text = if (count..=21).contains(&point) {
        format!("{digits}{}", zeros(point - count))
    } else if (1..=21).contains(&point) {
        let (whole, fraction) = split(point);
        format!("{whole}.{fraction}")
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = split(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{first}{dot}{rest}e{sign}{}", exponent.abs())
    };
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests;
