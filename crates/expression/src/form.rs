//! The published form of a kind of file, made from the types it is read into, and holding a file against it: every
//! unknown field, wrong type and missing field at once, each with its place and what to do.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::document::{Document, Place};
use crate::problem::{Problem, suggest};

/// The form of one kind of file.
#[derive(Debug)]
pub struct Form {
    schema: Value,
    validator: Option<Validator>,
    texts: Texts,
}

/// Texts with a form of their own, to be explained to who wrote one wrongly: pattern, example, what it is.
pub type Texts = &'static [(&'static str, &'static str, &'static str)];

impl Form {
    /// The form of files that are read into a `T`.
    #[must_use]
    pub fn of<T: JsonSchema>(texts: Texts) -> Self {
        let schema = generate::<T>();
        let validator = jsonschema::draft202012::new(&schema).ok();
        debug_assert!(validator.is_some(), "{} must have a valid schema", T::schema_name());
        Self { schema, validator, texts }
    }

    /// The JSON Schema, for editors.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Everything in which a file differs from this.
    #[must_use]
    pub fn differences(&self, document: &Document) -> Vec<Problem> {
        let Some(validator) = &self.validator else { return Vec::new() };
        let errors = validator.iter_errors(&document.value);
        errors.flat_map(|error| self.explain(document, &error)).collect()
    }
}

fn generate<T: JsonSchema>() -> Value {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    without_null(&mut schema);
    schema
}

/// A field that may be left out is left out, not null. That also keeps error messages to the point.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(kinds)) = members.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [kind] = kinds.as_slice() {
                    let kind = kind.clone();
                    members.insert("type".to_owned(), kind);
                }
            }
            if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    members.remove("anyOf");
                    members.extend(only);
                }
            }
            if members.get("default") == Some(&Value::Null) {
                members.remove("default");
            }
            members.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

impl Form {
    fn explain(&self, document: &Document, error: &ValidationError<'_>) -> Vec<Problem> {
        let pointer = error.instance_path().to_string();
        let at = |place: Place, what: String, remedy: String| Problem {
            file: document.file.clone(),
            line: place.line,
            column: place.column,
            what,
            remedy,
        };
        let here = |what: String, remedy: String| vec![at(document.place(&pointer), what, remedy)];
        let field = pointer.rsplit('/').next().unwrap_or_default().to_owned();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
                .iter()
                .map(|name| {
                    let place = document.key_place(&crate::json::child(&pointer, name));
                    let known = known_fields(&self.schema, &error.schema_path().to_string());
                    at(
                        place,
                        format!("the field {name} is unknown here"),
                        suggest(name, known.iter().map(String::as_str)),
                    )
                })
                .collect(),
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                here(format!("the field {name} is missing"), format!("add {name}"))
            }
            ValidationErrorKind::Type { kind } => {
                here(format!("{field} has the wrong type"), format!("it must be {}", wanted(kind)))
            }
            ValidationErrorKind::Enum { options } => {
                let options: Vec<&str> =
                    options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let written = error.instance().as_str().unwrap_or_default().to_owned();
                here(format!("{field} cannot be {}", error.instance()), suggest(&written, options))
            }
            // Unit variants with documentation are published as a choice of constants.
            ValidationErrorKind::OneOfNotValid { context }
            | ValidationErrorKind::AnyOf { context } => {
                let options: Vec<&str> = context
                    .iter()
                    .flatten()
                    .filter_map(|inner| match inner.kind() {
                        ValidationErrorKind::Constant { expected_value } => expected_value.as_str(),
                        _ => None,
                    })
                    .collect();
                let written = error.instance().as_str().unwrap_or_default().to_owned();
                here(format!("{field} cannot be {}", error.instance()), suggest(&written, options))
            }
            ValidationErrorKind::Pattern { pattern } => {
                let form = self.texts.iter().find(|(known, ..)| known == pattern);
                match form {
                    Some((_, example, what)) => here(
                        format!("{} is not {what}", error.instance()),
                        format!("write for example {example}"),
                    ),
                    None => here(
                        format!("{} is not a name that {field} can have", error.instance()),
                        "use lower-case letters, digits and - (in names of reads: _)".to_owned(),
                    ),
                }
            }
            ValidationErrorKind::Maximum { limit } => {
                here(format!("{field} is too large"), format!("it may be {limit} at most"))
            }
            ValidationErrorKind::Minimum { limit } => {
                here(format!("{field} is too small"), format!("it must be {limit} at least"))
            }
            ValidationErrorKind::MinItems { limit } => {
                here(format!("{field} has too few entries"), format!("it needs {limit} at least"))
            }
            _ => here(format!("{field} is not valid: {}", error.masked()), String::new()),
        }
    }
}

fn wanted(kind: &TypeKind) -> String {
    let name = |kind: jsonschema::JsonType| match kind.to_string().as_str() {
        "object" => "a mapping of fields".to_owned(),
        "array" => "a list".to_owned(),
        "string" => "a text; put it in quotes if it looks like a number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "integer" => "a whole number".to_owned(),
        other => format!("a {other}"),
    };
    match kind {
        TypeKind::Single(kind) => name(*kind),
        TypeKind::Multiple(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" or "),
    }
}

/// The fields that the schema at the failing place knows.
fn known_fields(schema: &Value, failing: &str) -> Vec<String> {
    // The path leads over `$ref`; walking it by hand keeps to the published schema.
    let mut current = schema;
    for part in failing.trim_start_matches('/').split('/') {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part == "additionalProperties" && current.get("properties").is_some() {
            break;
        }
        if part == "$ref" {
            let target = current.get("$ref").and_then(Value::as_str).unwrap_or_default();
            current = schema.pointer(target.trim_start_matches('#')).unwrap_or(&Value::Null);
        } else {
            current = current
                .get(&part)
                .or_else(|| part.parse::<usize>().ok().and_then(|index| current.get(index)))
                .unwrap_or(&Value::Null);
        }
    }
    let fields = current.get("properties").and_then(Value::as_object);
    fields.map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
}
