//! Whether two pieces of JSON have the same shape.

use serde_json::Value;

/// Where `ours` differs in shape from `example`. Keys that only `ours` has are named unless they are in `more`.
pub(crate) fn differences(example: &Value, ours: &Value, more: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    compare("", example, ours, more, &mut found);
    found
}

/// An example of a vendor, from its file.
pub(crate) fn recorded(vendor: &str, name: &str) -> Value {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/tests/recorded/{vendor}/{name}.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let example: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(example["source"].is_string(), "{path} does not name its source");
    example
}

fn compare(at: &str, example: &Value, ours: &Value, more: &[&str], found: &mut Vec<String>) {
    match (example, ours) {
        (Value::Object(example), Value::Object(ours)) => {
            for (key, value) in example {
                match ours.get(key) {
                    Some(ours) => compare(&format!("{at}/{key}"), value, ours, more, found),
                    None => found.push(format!("{at}/{key} is missing")),
                }
            }
            for key in ours.keys().filter(|key| !example.contains_key(*key)) {
                if !more.contains(&key.as_str()) {
                    found.push(format!("{at}/{key} is not in the example"));
                }
            }
        }
        (Value::Array(example), Value::Array(ours)) => {
            if let (Some(example), Some(ours)) = (example.first(), ours.first()) {
                compare(&format!("{at}/0"), example, ours, more, found);
            }
        }
        // What has no value now may have one of any form at another time.
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::String(text), _) | (_, Value::String(text)) if text.is_empty() => {}
        _ => {
            let (wanted, is) = (form(example), form(ours));
            if wanted != is {
                found.push(format!("{at} is {is} ({ours}) instead of {wanted} ({example})"));
            }
        }
    }
}

/// What a value looks like.
fn form(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text,
        Value::Null => return "nothing".to_owned(),
        Value::Bool(_) => return "true or false".to_owned(),
        Value::Number(_) => return "a number".to_owned(),
        Value::Array(_) => return "a list".to_owned(),
        Value::Object(_) => return "an object".to_owned(),
    };
    let digits: String =
        text.chars().map(|it| if it.is_ascii_digit() { '0' } else { it }).collect();
    let hex = |text: &str| text.chars().all(|it| it.is_ascii_hexdigit());
    let moment = ["0000-00-00 00:00:00", "0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000+0000"];
    if digits.len() == 25 && (digits.ends_with("-00:00") || digits.ends_with("+00:00")) {
        "a moment with its zone".to_owned()
    } else if moment.contains(&digits.as_str()) {
        format!("a moment like {digits}")
    } else if text.len() == 32 && hex(text) {
        "32 hexadecimal digits".to_owned()
    } else if text.len() == 36 && text.split('-').count() == 5 && text.split('-').all(hex) {
        "a UUID".to_owned()
    } else if text.starts_with("http://") || text.starts_with("https://") {
        "an address".to_owned()
    } else if digits.chars().all(|digit| digit == '0') {
        "digits".to_owned()
    } else if text == "true" || text == "false" {
        "true or false as text".to_owned()
    } else {
        "text".to_owned()
    }
}
