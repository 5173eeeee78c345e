//! Policies decide on typed fields: one that looks into free text, or compares a field with a value that it never has, is a
//! mistake.

use serde_json::Value;

use super::walk;
use crate::check::typed::is_free;
use crate::problem::suggest;

/// What is wrong with how a policy looks at inputs, given the schemas of all contracts.
pub(super) fn mistakes(policy: &Value, schemas: &[&Value]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(policy, &mut |node| {
        if let Some(like) = node.get("like")
            && let Some(field) = like.get("left").and_then(input_field)
            && all(schemas, field, is_free)
        {
            found.push(free(field));
        }
        let sides = |name: &str| {
            let pair = node.get(name)?;
            Some((pair.get("left")?, pair.get("right")?))
        };
        for (left, right) in ["==", "!="].into_iter().filter_map(sides) {
            for (one, other) in [(left, right), (right, left)] {
                if let (Some(field), Some(text)) = (input_field(one), literal(other)) {
                    found.extend(compared(schemas, field, text));
                }
            }
        }
        if let Some((set, one)) = sides("contains")
            && let (Some(Value::Array(items)), Some(field)) = (set.get("Set"), input_field(one))
        {
            found.extend(
                items.iter().filter_map(literal).filter_map(|text| compared(schemas, field, text)),
            );
        }
    });
    found
}

/// What is wrong with comparing a field with a text.
fn compared(schemas: &[&Value], field: &str, text: &str) -> Option<(String, String)> {
    if all(schemas, field, is_free) {
        return Some(free(field));
    }
    let codes = |schema: &Value| schema.get("enum").is_some();
    if !all(schemas, field, codes) {
        return None;
    }
    let known: Vec<&str> = of(schemas, field)
        .filter_map(|schema| schema.get("enum")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    (!known.contains(&text)).then(|| {
        (format!("the input {field} is never {text:?}"), suggest(text, known.iter().copied()))
    })
}

fn free(field: &str) -> (String, String) {
    (
        format!("this rule reads free text: context.input.{field}"),
        "decide on a field with an enum, a format or a pattern".to_owned(),
    )
}

/// `context.input.FIELD`.
fn input_field(node: &Value) -> Option<&str> {
    let access = node.get(".")?;
    let inner = access.get("left")?.get(".")?;
    let context = inner.get("left")?.get("Var")?.as_str()? == "context";
    (context && inner.get("attr")?.as_str()? == "input").then(|| access.get("attr")?.as_str())?
}

fn literal(node: &Value) -> Option<&str> {
    node.get("Value")?.as_str()
}

/// A field's schemas, in all contracts that have it.
fn of<'a>(schemas: &'a [&Value], field: &'a str) -> impl Iterator<Item = &'a Value> {
    schemas.iter().filter_map(move |schema| schema.get("properties")?.get(field))
}

/// Whether it is so in every contract that has the field, and in one at least.
fn all(schemas: &[&Value], field: &str, is: impl Fn(&Value) -> bool) -> bool {
    of(schemas, field).next().is_some() && of(schemas, field).all(is)
}
