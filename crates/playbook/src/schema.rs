//! The published form of each kind of file, and holding a file against it: every unknown field, wrong type and
//! missing field at once, each with its place and what to do.

use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::document::Document;
use crate::format::{
    AgentsFile, BoundaryFile, ContractFile, DictionaryFile, EscalationFile, PlaybookFile,
    RoutingFile, SystemsFile, TaxonomyFile,
};
use crate::problem::{Problem, suggest};

/// The kinds of YAML files in a playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// `playbook.yaml`.
    Playbook,
    /// `systems.yaml`.
    Systems,
    /// `agents.yaml`.
    Agents,
    /// `routing.yaml`.
    Routing,
    /// `taxonomy.yaml`.
    Taxonomy,
    /// `dictionary.yaml`.
    Dictionary,
    /// `contracts/*.yaml`.
    Contract,
    /// `boundaries/*.yaml`.
    Boundary,
    /// `escalations/*.yaml`.
    Escalation,
}

struct Published {
    schema: Value,
    validator: Option<Validator>,
}

static PUBLISHED: LazyLock<Vec<Published>> = LazyLock::new(|| {
    FileKind::ALL
        .iter()
        .map(|kind| {
            let schema = kind.generate();
            let validator = jsonschema::draft202012::new(&schema).ok();
            debug_assert!(validator.is_some(), "{kind:?} must have a valid schema");
            Published { schema, validator }
        })
        .collect()
});

impl FileKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Playbook,
        Self::Systems,
        Self::Agents,
        Self::Routing,
        Self::Taxonomy,
        Self::Dictionary,
        Self::Contract,
        Self::Boundary,
        Self::Escalation,
    ];

    /// The kind's name, as its schema's file is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Playbook => "playbook",
            Self::Systems => "systems",
            Self::Agents => "agents",
            Self::Routing => "routing",
            Self::Taxonomy => "taxonomy",
            Self::Dictionary => "dictionary",
            Self::Contract => "contract",
            Self::Boundary => "boundary",
            Self::Escalation => "escalation",
        }
    }

    /// The JSON Schema of this kind, for editors.
    #[must_use]
    pub fn schema(self) -> &'static Value {
        &PUBLISHED[self as usize].schema
    }

    /// The kind of the file at this path of a playbook.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('/') {
            Some(("contracts", _)) => Some(Self::Contract),
            Some(("boundaries", _)) => Some(Self::Boundary),
            Some(("escalations", _)) => Some(Self::Escalation),
            Some(_) => None,
            None => match path.rsplit_once('.').map_or(path, |(stem, _)| stem) {
                "playbook" => Some(Self::Playbook),
                "systems" => Some(Self::Systems),
                "agents" => Some(Self::Agents),
                "routing" => Some(Self::Routing),
                "taxonomy" => Some(Self::Taxonomy),
                "dictionary" => Some(Self::Dictionary),
                _ => None,
            },
        }
    }

    fn generate(self) -> Value {
        match self {
            Self::Playbook => generate::<PlaybookFile>(),
            Self::Systems => generate::<SystemsFile>(),
            Self::Agents => generate::<AgentsFile>(),
            Self::Routing => generate::<RoutingFile>(),
            Self::Taxonomy => generate::<TaxonomyFile>(),
            Self::Dictionary => generate::<DictionaryFile>(),
            Self::Contract => generate::<ContractFile>(),
            Self::Boundary => generate::<BoundaryFile>(),
            Self::Escalation => generate::<EscalationFile>(),
        }
    }
}

/// Everything in which a file differs from the form of its kind.
pub(crate) fn differences(kind: FileKind, document: &Document) -> Vec<Problem> {
    let Some(validator) = &PUBLISHED[kind as usize].validator else { return Vec::new() };
    validator
        .iter_errors(&document.value)
        .flat_map(|error| explain(kind.schema(), document, &error))
        .collect()
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

fn explain(schema: &Value, document: &Document, error: &ValidationError<'_>) -> Vec<Problem> {
    let pointer = error.instance_path().to_string();
    let at = |place: crate::document::Place, what: String, remedy: String| Problem {
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
                let known = known_fields(schema, &error.schema_path().to_string());
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
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
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
            let form = crate::format::FORMS.iter().find(|(known, ..)| known == pattern);
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
