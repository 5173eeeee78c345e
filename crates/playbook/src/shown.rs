//! An input as people are shown it before they agree to it: every field with its type and its exact value, always in
//! the same order, and nothing in it that could look like something else.

use serde_json::Value;

/// Lines of `/pointer  type  value`.
pub(crate) fn fields(value: &Value) -> String {
    let mut out = String::new();
    lines(value, "", &mut out);
    out
}

/// A text in quotes. What is not printable ASCII is named: control characters and those that change the direction of
/// the text are written as escapes, and letters of other scripts, which may look like Latin ones, are pointed out.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut foreign = Vec::new();
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(character),
            _ if is_hidden(character) => {
                out.push_str(&format!("\\u{{{:04x}}}", u32::from(character)));
            }
            _ => {
                out.push(character);
                if !foreign.contains(&character) {
                    foreign.push(character);
                }
            }
        }
    }
    out.push('"');
    if !foreign.is_empty() {
        let named: Vec<String> =
            foreign.iter().map(|c| format!("U+{:04X}", u32::from(*c))).collect();
        out.push_str(&format!(" (not ASCII: {})", named.join(" ")));
    }
    out
}

fn lines(value: &Value, pointer: &str, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            for (key, member) in members {
                lines(member, &crate::json::child(pointer, key), out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                lines(item, &format!("{pointer}/{index}"), out);
            }
        }
        _ => {
            let pointer = plain(pointer);
            let (kind, text) = match value {
                Value::String(text) => ("text", quoted(text)),
                Value::Number(number) if number.is_f64() => {
                    ("decimal", crate::json::canonical(value))
                }
                Value::Number(_) => ("integer", crate::json::canonical(value)),
                Value::Bool(_) => ("yes/no", crate::json::canonical(value)),
                Value::Null => ("nothing", "null".to_owned()),
                Value::Array(_) => ("list", "[]".to_owned()),
                Value::Object(_) => ("object", "{}".to_owned()),
            };
            out.push_str(&format!("{pointer}  {kind}  {text}\n"));
        }
    }
}

/// A pointer may hold keys that a stranger chose, too.
fn plain(pointer: &str) -> String {
    if pointer.bytes().all(|byte| byte.is_ascii_graphic()) {
        pointer.to_owned()
    } else {
        quoted(pointer)
    }
}

/// Characters that cannot be seen, or that change how others are seen.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests;
