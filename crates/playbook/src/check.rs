//! Finding out, while a file is compiled, whether what it says can mean anything: names that exist, expressions that
//! can be evaluated, durations that promises can be built on. Everything wrong is noted, with its place.

pub(crate) mod typed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use belay_adapter::Description;
use belay_domain::{QueueRef, Span};
use serde_json::Value;

use crate::document::Document;
use crate::expression::{Expression, FUNCTIONS};
use crate::format::Length;
use crate::problem::{Problem, suggest};
use crate::template::{Body, Template};

/// The fields of `case` in expressions.
pub(crate) const CASE_FIELDS: &[&str] =
    &["id", "tenant", "kind", "severity", "channel", "customer", "subject", "labels"];

/// All names of a playbook, gathered before anything is compiled. A set that is absent belongs to a file that cannot
/// be read; names in it are then not complained about a second time.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) systems: Option<BTreeMap<String, BTreeSet<String>>>,
    pub(crate) roles: Option<BTreeSet<String>>,
    pub(crate) agents: Option<BTreeSet<String>>,
    pub(crate) groups: Option<BTreeSet<String>>,
    pub(crate) resolutions: Option<BTreeSet<String>>,
    pub(crate) reasons: Option<BTreeSet<String>>,
    pub(crate) contracts: Option<BTreeSet<String>>,
    pub(crate) boundaries: Option<BTreeSet<String>>,
    pub(crate) escalations: Option<BTreeSet<String>>,
    /// The descriptions in `adapters/`, by their paths; none in the place of one that is wrong.
    pub(crate) adapters: BTreeMap<String, Option<Arc<Description>>>,
    pub(crate) calendars: Option<BTreeSet<String>>,
    /// The dictionary's fields, as `OBJECT.FIELD`.
    pub(crate) fields: Option<BTreeSet<String>>,
}

/// One file being checked.
pub(crate) struct Check<'a> {
    pub(crate) document: &'a Document,
    pub(crate) names: &'a Names,
    pub(crate) problems: &'a mut Vec<Problem>,
    /// What waiting times are multiplied by.
    pub(crate) scale: f64,
}

/// What an expression may refer to.
#[derive(Clone, Copy)]
pub(crate) struct Visible<'a> {
    pub(crate) variables: &'a [&'a str],
    /// The schema of the input.
    pub(crate) input: Option<&'a Value>,
    /// The reads before it.
    pub(crate) reads: &'a [&'a str],
}

impl Check<'_> {
    /// Notes a problem at the value at this pointer.
    pub(crate) fn wrong(
        &mut self,
        pointer: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let place = self.document.place(pointer);
        self.problems.push(Problem {
            file: self.document.file.clone(),
            line: place.line,
            column: place.column,
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// Complains when a name is none of the known ones.
    pub(crate) fn known(
        &mut self,
        pointer: &str,
        kind: &str,
        name: &str,
        known: impl Fn(&Names) -> Option<&BTreeSet<String>>,
    ) {
        let Some(known) = known(self.names) else { return };
        if !known.contains(name) {
            let remedy = suggest(name, known.iter().map(String::as_str));
            self.wrong(pointer, format!("the {kind} {name} is unknown"), remedy);
        }
    }

    /// Complains when there is no such system.
    pub(crate) fn known_system(&mut self, pointer: &str, name: &str) {
        let Some(systems) = &self.names.systems else { return };
        if !systems.contains_key(name) {
            let remedy = suggest(name, systems.keys().map(String::as_str));
            self.wrong(pointer, format!("the system {name} is unknown"), remedy);
        }
    }

    /// Complains when there is no such queue.
    pub(crate) fn known_queue(&mut self, pointer: &str, queue: &QueueRef) {
        let Some(systems) = &self.names.systems else { return };
        let Some(queues) = systems.get(queue.system.as_str()) else {
            self.known_system(pointer, queue.system.as_str());
            return;
        };
        if !queues.contains(queue.queue.as_str()) {
            let remedy = suggest(queue.queue.as_str(), queues.iter().map(String::as_str));
            let what = format!("the system {} has no queue {}", queue.system, queue.queue);
            self.wrong(pointer, what, remedy);
        }
    }

    /// A waiting time as it is waited.
    pub(crate) fn span(&self, length: Length) -> Span {
        scaled(length, self.scale)
    }

    /// A waiting time that must lie between one millisecond and `most`.
    pub(crate) fn span_up_to(&mut self, pointer: &str, length: Length, most: Span) -> Span {
        let span = self.span(length);
        if span > most {
            let what = format!("{span:#} is too long");
            self.wrong(pointer, what, format!("it may be {most:#} at most"));
        }
        if length.0.is_zero() {
            self.wrong(pointer, "a waiting time of nothing", "write at least 1ms");
        }
        span
    }

    /// Compiles an expression; notes what is wrong with it.
    pub(crate) fn expression(
        &mut self,
        pointer: &str,
        source: &str,
        visible: Visible<'_>,
    ) -> Option<Expression> {
        match Expression::compile(source) {
            Ok(expression) => {
                self.references(pointer, &expression, visible);
                Some(expression)
            }
            Err(error) => {
                self.wrong(
                    pointer,
                    format!("this is not a CEL expression: {error}"),
                    "see the playbooks' README for what may be written here",
                );
                None
            }
        }
    }

    /// Compiles a template; notes what is wrong with it.
    pub(crate) fn template(
        &mut self,
        pointer: &str,
        source: &str,
        visible: Visible<'_>,
    ) -> Option<Template> {
        match Template::compile(source) {
            Ok(template) => {
                for expression in template.expressions() {
                    self.references(pointer, expression, visible);
                }
                Some(template)
            }
            Err(error) => {
                self.wrong(
                    pointer,
                    format!("this is not a template: {error}"),
                    "values are written {{ input.field }}",
                );
                None
            }
        }
    }

    /// Compiles a path: a template that begins with `/`.
    pub(crate) fn path(
        &mut self,
        pointer: &str,
        source: &str,
        visible: Visible<'_>,
    ) -> Option<Template> {
        if !source.starts_with('/') {
            self.wrong(pointer, "a path begins with /", "the base URL is in systems.yaml");
        }
        self.template(pointer, source, visible)
    }

    /// Compiles headers.
    pub(crate) fn headers(
        &mut self,
        pointer: &str,
        headers: &BTreeMap<String, String>,
        visible: Visible<'_>,
    ) -> Vec<(String, Template)> {
        let mut compiled = Vec::new();
        for (name, source) in headers {
            let pointer = crate::json::child(pointer, name);
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_token) {
                self.wrong(&pointer, format!("{name} is not the name of a header"), "");
            }
            if name.eq_ignore_ascii_case("authorization") {
                self.wrong(
                    &pointer,
                    "a credential does not belong into a contract",
                    "name it in systems.yaml",
                );
            }
            if let Some(template) = self.template(&pointer, source, visible) {
                compiled.push((name.clone(), template));
            }
        }
        compiled
    }

    /// Compiles a body.
    pub(crate) fn body(
        &mut self,
        pointer: &str,
        body: &Value,
        visible: Visible<'_>,
    ) -> Option<Body> {
        match Body::compile(body) {
            Ok(body) => {
                for expression in body.expressions() {
                    self.references(pointer, expression, visible);
                }
                Some(body)
            }
            Err((inner, error)) => {
                self.wrong(
                    &format!("{pointer}{inner}"),
                    format!("this is not a template: {error}"),
                    "values are written {{ input.field }}",
                );
                None
            }
        }
    }

    fn references(&mut self, pointer: &str, expression: &Expression, visible: Visible<'_>) {
        self.free_text(pointer, expression, visible);
        let references = expression.references();
        for function in references.functions {
            if !FUNCTIONS.contains(&function.as_str()) {
                let remedy = suggest(&function, FUNCTIONS.iter().copied());
                self.wrong(pointer, format!("there is no function {function}()"), remedy);
            }
        }
        for path in references.paths {
            let Some(variable) = path.first() else { continue };
            if !visible.variables.contains(&variable.as_str()) {
                let remedy = suggest(variable, visible.variables.iter().copied());
                self.wrong(pointer, format!("{variable} is not known here"), remedy);
                continue;
            }
            let Some(field) = path.get(1) else { continue };
            let fields: Vec<&str> = match variable.as_str() {
                "case" => CASE_FIELDS.to_vec(),
                "reads" => visible.reads.to_vec(),
                "input" => match visible.input.and_then(|schema| schema.get("properties")) {
                    Some(Value::Object(properties)) => {
                        properties.keys().map(String::as_str).collect()
                    }
                    _ => continue,
                },
                _ => continue,
            };
            if !fields.contains(&field.as_str()) {
                let remedy = suggest(field, fields);
                self.wrong(pointer, format!("{variable} has no field {field} here"), remedy);
            }
        }
    }
}

/// A waiting time, scaled; never shorter than a millisecond, because a deadline that has passed when it is set is none.
pub(crate) fn scaled(length: Length, scale: f64) -> Span {
    let millis = length.0.as_millis();
    let scaled = (millis as f64 * scale).round().clamp(1.0, 1e15);
    Span::from_millis(scaled as i64)
}
