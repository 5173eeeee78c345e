//! The parsers within, shown to `fuzz/` and to nobody else: only there with the feature `fuzzing`.
//!
//! Each takes any text and says nothing; what is looked for is a panic, a hang, or memory without end.

use serde_json::Value;

use crate::check::{Check, Names};
use crate::document::Document;
use crate::expression::{Expression, Scope};
use crate::format::{
    AgentsFile, BoundaryFile, ContractFile, EscalationFile, OperationsFile, PlaybookFile,
    RoutingFile, SystemsFile,
};
use crate::hook::{self, Hook};
use crate::json;
use crate::template::{Body, Template};

/// Compiles an expression and takes its value over this input.
pub fn expression(source: &str, input: &Value) {
    let Ok(expression) = Expression::compile(source) else { return };
    let _ = expression.references();
    let scope = Scope::new().with("input", input);
    let _ = expression.value(&scope);
    let _ = expression.holds(&scope);
}

/// Compiles a template, as a text and as a body, and renders it over this input.
pub fn template(source: &str, input: &Value) {
    let scope = Scope::new().with("input", input);
    if let Ok(template) = Template::compile(source) {
        let _ = template.encoded(&scope);
        let _ = template.address(&scope);
        let _ = template.header(&scope);
    }
    if let Ok(body) = Body::compile(&Value::from(source)) {
        let _ = body.render(&scope);
    }
}

/// Reads a file of a playbook by itself, whatever kind it is.
pub fn document(text: &str) {
    let Ok(document) = Document::parse("playbook.yaml", text) else { return };
    let value = &document.value;
    let _ = serde_json::from_value::<PlaybookFile>(value.clone());
    let _ = serde_json::from_value::<SystemsFile>(value.clone());
    let _ = serde_json::from_value::<AgentsFile>(value.clone());
    let _ = serde_json::from_value::<RoutingFile>(value.clone());
    let _ = serde_json::from_value::<ContractFile>(value.clone());
    let _ = serde_json::from_value::<BoundaryFile>(value.clone());
    let _ = serde_json::from_value::<EscalationFile>(value.clone());
    let _ = serde_json::from_value::<OperationsFile>(value.clone());
}

/// Compiles the webhooks of an `operations.yaml`, whatever systems there are. None if anything is wrong with them.
#[must_use]
pub fn hooks(text: &str) -> Vec<Hook> {
    let Ok(document) = Document::parse("operations.yaml", text) else { return Vec::new() };
    let Ok(file) = serde_json::from_value::<OperationsFile>(document.value.clone()) else {
        return Vec::new();
    };
    let (names, mut problems) = (Names::default(), Vec::new());
    let mut check =
        Check { document: &document, names: &names, problems: &mut problems, scale: 1.0 };
    let rules = file.hooks.into_iter();
    let hooks: Vec<Hook> =
        rules.filter_map(|(system, rule)| hook::compile(&mut check, system, rule)).collect();
    if problems.is_empty() { hooks } else { Vec::new() }
}

/// Reads the input of an action, and checks that its canonical form is one.
///
/// # Panics
///
/// If it is not: then two spellings of one input would have two digests.
pub fn input(text: &str) {
    let Ok(canonical) = json::canonical_json(text) else { return };
    assert_eq!(json::canonical_json(&canonical).as_ref(), Ok(&canonical), "canonical twice");
    assert_eq!(json::strict(text), json::strict(&canonical), "the value stays");
}
