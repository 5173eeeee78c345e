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
const DECIDING: &[&str] =
    &["/preconditions/assert/", "/preconditions/reads/", "/amount/", "/key", "/equalities/"];

/// What to do about a rule that reads free text.
const INSTEAD: &str = "decide on a field with an enum, a format or a pattern, on a label, or on the kind of case; what a text must not hold \
     is written as looks_for";

/// The word of ours in the schema of an input.
const TEMPLATES: &str = "x-templates";

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
        let is_free_path = |path: &[String]| match path {
            [variable, fields @ ..] if variable == "input" => schema_at(visible.input, fields)
                .is_some_and(|schema| is_free(schema) || schema.get("items").is_some_and(is_free)),
            _ => false,
        };
        let subject = references.paths.iter().any(|path| path.as_slice() == ["case", "subject"]);
        let looks = references.functions.iter().find(|name| LOOKING_INTO.contains(&name.as_str()));
        let looked_into = looks.and_then(|function| {
            let path = references.paths.iter().find(|path| is_free_path(path))?;
            Some(format!("{} by {function}()", path.join(".")))
        });
        let compared = references.against_literals.iter().find(|path| is_free_path(path));
        let read = subject
            .then(|| "case.subject".to_owned())
            .or(looked_into)
            .or_else(|| Some(format!("{} by comparing it with a word", compared?.join("."))));
        if let Some(read) = read {
            self.wrong(pointer, format!("this rule reads free text: {read}"), INSTEAD);
        }
    }

    /// The words that a condition looks for in a text of the input, as a condition that holds when none of them is there. It
    /// can turn a proposal down and can never let one through.
    pub(crate) fn looks_for(
        &mut self,
        pointer: &str,
        words: &[String],
        field: &str,
        visible: Visible<'_>,
    ) -> Option<Expression> {
        let names: Vec<String> = field.split('/').skip(1).map(str::to_owned).collect();
        let plain = |name: &String| {
            let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
            first && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let schema = schema_at(visible.input, &names);
        if names.is_empty() || !names.iter().all(plain) || !schema.is_some_and(is_free) {
            self.wrong(
                &format!("{pointer}/field"),
                "what is looked for is looked for in a text of the input",
                "name the text, for example field: /text",
            );
            return None;
        }
        if words.is_empty() || words.iter().any(|word| word.trim().is_empty()) {
            let remedy = "write the words that must not be there";
            self.wrong(&format!("{pointer}/looks_for"), "nothing is looked for", remedy);
            return None;
        }
        let words: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let words = serde_json::to_string(&words).unwrap_or_default();
        let text = format!("input.{}", names.join("."));
        let mut missing = String::new();
        for depth in 1..=names.len() {
            missing.push_str(&format!("!has(input.{}) || ", names[..depth].join(".")));
        }
        let source = format!("{missing}!{words}.exists(word, {text}.lowerAscii().contains(word))");
        match Expression::compile(&source) {
            Ok(expression) => Some(expression),
            Err(error) => {
                self.wrong(&format!("{pointer}/looks_for"), error, "write fewer words in each");
                None
            }
        }
    }

    /// Complains about inputs that may hold what nobody named: objects where texts are expected change what is asked of a
    /// system as much as another request would.
    pub(crate) fn closed(&mut self, pointer: &str, schema: &Value) {
        let kind = |name: &str| schema.get("type").and_then(Value::as_str) == Some(name);
        if kind("object")
            && pointer != "/input"
            && matches!(schema.get("additionalProperties"), None | Some(Value::Bool(true)))
        {
            let remedy =
                "write additionalProperties: false, or the schema of what else there may be";
            self.wrong(pointer, "it allows fields that nobody named", remedy);
        }
        if kind("array") && schema.get("items").is_none() && schema.get("prefixItems").is_none() {
            self.wrong(pointer, "it is not said what is in this list", "add items");
        }
        if let Some(templates) = schema.get(TEMPLATES)
            && (templates != "allowed" || !is_free(schema))
        {
            let place = format!("{pointer}/{TEMPLATES}");
            let what = "templates are allowed in free texts, or not at all";
            self.wrong(&place, what, "write x-templates: allowed at a text, or nothing");
        }
        let fields = schema.get("properties").and_then(Value::as_object);
        for (name, field) in fields.into_iter().flatten() {
            let pointer = crate::json::child(&format!("{pointer}/properties"), name);
            let says = ["type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf"];
            if field.is_object() && says.iter().all(|keyword| field.get(keyword).is_none()) {
                let what =
                    format!("it is not said what {name} is, so it may be a list or an object");
                self.wrong(&pointer, what, "write its type, or an enum");
            }
            self.closed(&pointer, field);
        }
        for inner in ["items", "additionalProperties"] {
            if let Some(schema) = schema.get(inner).filter(|schema| schema.is_object()) {
                self.closed(&format!("{pointer}/{inner}"), schema);
            }
        }
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

/// The schema of a field; `*` is each of a list.
fn schema_at<'a>(schema: Option<&'a Value>, fields: &[String]) -> Option<&'a Value> {
    fields.iter().try_fold(schema?, |schema, field| match field.as_str() {
        "*" => schema.get("items"),
        field => schema.get("properties")?.get(field),
    })
}

/// Whether a text may hold templates: the contract says `x-templates: allowed` where its system takes every text as it is.
pub(crate) fn takes_templates(schema: &Value) -> bool {
    schema.get(TEMPLATES).and_then(Value::as_str) == Some("allowed")
}

/// Whether a schema lets a text say anything.
pub(crate) fn is_free(schema: &Value) -> bool {
    let typed = ["enum", "const", "format", "pattern"];
    let text = match schema.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        _ => false,
    };
    text && typed.iter().all(|keyword| schema.get(keyword).is_none())
}
