//! State is kept in typed fields. A rule decides on codes, numbers, dates and ids, and never on what a text happens to say:
//! whoever writes the text would decide.

use serde_json::Value;

use super::{Check, Visible};
use crate::expression::Expression;
use crate::format::ContractFile;
use crate::problem::suggest;

/// The functions that look for something in a text.
const LOOKING_INTO: &[&str] = &[
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "indexOf",
    "lastIndexOf",
    "charAt",
    "substring",
    "split",
    "replace",
];

/// The parts of a contract that decide.
const DECIDING: &[&str] = &["/preconditions/assert/", "/preconditions/reads/", "/amount/", "/key"];

/// The fields of an input that hold a reason code.
const REASONS: &[&str] = &["reason", "reason_code"];

impl Check<'_> {
    /// Complains when a rule reads free text.
    pub(super) fn free_text(
        &mut self,
        pointer: &str,
        expression: &Expression,
        visible: Visible<'_>,
    ) {
        if !DECIDING.iter().any(|part| pointer.starts_with(part)) {
            return;
        }
        let references = expression.references();
        let looks = references.functions.iter().find(|name| LOOKING_INTO.contains(&name.as_str()));
        for path in &references.paths {
            let read = match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["case", "subject"] => "case.subject".to_owned(),
                ["input", fields @ ..] => {
                    let schema = fields.iter().try_fold(visible.input, |schema, field| {
                        Some(schema.and_then(|schema| schema.get("properties")?.get(field)))
                    });
                    let free = schema.flatten().is_some_and(is_free);
                    let Some(function) = looks.filter(|_| free) else { continue };
                    if self.is_about_itself(pointer, fields) {
                        continue;
                    }
                    format!("{} by {function}()", path.join("."))
                }
                _ => continue,
            };
            self.wrong(
                pointer,
                format!("this rule reads free text: {read}"),
                "decide on a field with an enum, a format or a pattern, on a label, or on the kind of case",
            );
        }
    }

    /// A condition that names the text as the field it is about is about its form, and not about what else is so.
    fn is_about_itself(&self, pointer: &str, fields: &[&str]) -> bool {
        let Some(rule) = pointer.strip_suffix("/that") else { return false };
        let about = self.document.value.pointer(&format!("{rule}/field")).and_then(Value::as_str);
        about == Some(format!("/{}", fields.join("/")).as_str())
    }

    /// Complains about reasons that are no codes of the taxonomy, where it has any.
    pub(crate) fn reason_codes(&mut self, file: &ContractFile) {
        let Some(known) = self.names.reasons.clone().filter(|known| !known.is_empty()) else {
            return;
        };
        for name in REASONS {
            let Some(schema) = file.input.pointer(&format!("/properties/{name}")) else { continue };
            let pointer = format!("/input/properties/{name}");
            let codes = match (schema.get("enum"), schema.get("const")) {
                (Some(Value::Array(codes)), _) => codes.iter().enumerate().collect::<Vec<_>>(),
                (_, Some(code)) => vec![(usize::MAX, code)],
                (_, None) => {
                    let names: Vec<&str> = known.iter().map(String::as_str).collect();
                    self.wrong(
                        &pointer,
                        "a reason is a code of taxonomy.yaml, and here it may be anything",
                        format!("write enum: [{}], or those of it that fit", names.join(", ")),
                    );
                    continue;
                }
            };
            for (index, code) in codes {
                let text = code.as_str().unwrap_or_default();
                if !known.contains(text) {
                    let place = match index {
                        usize::MAX => format!("{pointer}/const"),
                        index => format!("{pointer}/enum/{index}"),
                    };
                    let remedy = suggest(text, known.iter().map(String::as_str));
                    let what = format!("the reason code {code} is not in taxonomy.yaml");
                    self.wrong(&place, what, remedy);
                }
            }
        }
    }
}

/// Whether a schema lets a text say anything.
pub(crate) fn is_free(schema: &Value) -> bool {
    let typed = ["enum", "const", "format", "pattern"];
    schema.get("type").and_then(Value::as_str) == Some("string")
        && typed.iter().all(|keyword| schema.get(keyword).is_none())
}
