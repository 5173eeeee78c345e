//! What makes two reports the same matter: the fields in which they agree, brought into one form.
//!
//! Being wrong in one direction is cheap and in the other it is not: two cases for one matter cost somebody time, and one
//! case for two matters loses a customer. So nothing is guessed: texts that only look alike are different, and a report
//! that lacks one of the fields is a matter of its own. Fields that only become known later, as facts of the dictionary,
//! make it one of a known matter then; what a customer typed or a model chose does not.

use std::collections::BTreeSet;

use belay_domain::{ContextEntry, Digest, Hasher, Source};
use serde_json::Value;

use crate::check::Check;
use crate::facts::CaseFacts;

/// The kind of the context entries that hold facts: JSON objects, `{"OBJECT": {"FIELD": VALUE}}`.
const FACT: &str = "fact";

/// The fields that are compared; none if every report is a matter of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matter {
    fields: Vec<Field>,
}

/// One field of a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Customer,
    Kind,
    Subject,
    Label(String),
    /// A field of the dictionary.
    Fact {
        object: String,
        field: String,
    },
}

impl Matter {
    /// Compiles the `same_matter` of a rule.
    pub(crate) fn compile(check: &mut Check<'_>, pointer: &str, names: &[String]) -> Self {
        let mut fields = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match field(name) {
                Some(field) => fields.push(field),
                None => check.wrong(
                    &format!("{pointer}/{index}"),
                    format!("{name} is no field of a report"),
                    "use customer, kind, subject, labels.NAME, or OBJECT.FIELD of the dictionary",
                ),
            }
            if let Some(Field::Fact { .. }) = fields.last() {
                let place = format!("{pointer}/{index}");
                check.known(&place, "field", name, |names| names.fields.as_ref());
            }
        }
        // The order in which they are written makes no difference.
        fields.sort();
        fields.dedup();
        let tells =
            |field: &Field| matches!(field, Field::Customer | Field::Label(_) | Field::Fact { .. });
        if !names.is_empty() && !fields.iter().any(tells) {
            check.wrong(
                pointer,
                "these are the same in the reports of different customers, whose matters would be one",
                "add customer, a label that names the matter, or a field of the dictionary",
            );
        }
        Self { fields }
    }

    /// The digest over the fields of a case about which this is known; none if one of them is missing or nothing is
    /// compared.
    pub(crate) fn fingerprint<'a>(
        &self,
        case: &CaseFacts,
        known: impl IntoIterator<Item = &'a ContextEntry> + Clone,
    ) -> Option<Digest> {
        if self.fields.is_empty() {
            return None;
        }
        let mut digest = Hasher::new("belay matter").part(case.tenant.as_str().as_bytes());
        for field in &self.fields {
            let (sort, name, value) = match field {
                Field::Customer => (0, "customer".to_owned(), case.customer.clone()),
                Field::Kind => (0, "kind".to_owned(), case.kind.clone()),
                Field::Subject => (0, "subject".to_owned(), case.subject.clone()),
                Field::Label(name) => (1, name.clone(), label(case, name)?.to_owned()),
                Field::Fact { object, field } => {
                    (2, format!("{object}.{field}"), fact(known.clone(), object, field)?)
                }
            };
            let value = normal(&value);
            if value.is_empty() {
                return None;
            }
            digest = digest.part(&[sort]).part(name.as_bytes()).part(value.as_bytes());
        }
        Some(digest.finish())
    }
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "customer" => Field::Customer,
        "kind" => Field::Kind,
        "subject" => Field::Subject,
        _ => match name.split_once('.')? {
            (_, "") | ("", _) => return None,
            ("labels", name) => Field::Label(name.to_owned()),
            (object, field) => Field::Fact { object: object.to_owned(), field: field.to_owned() },
        },
    })
}

/// The label, if it is there once. Which of two would count is for nobody to guess.
fn label<'a>(case: &'a CaseFacts, wanted: &str) -> Option<&'a str> {
    let mut found = case.labels.iter().filter(|(name, _)| name == wanted);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

/// What facts say about a field, if all that do say the same, and were not merely said by the customer or a model. Which of
/// two values would count is for nobody to guess.
fn fact<'a>(
    known: impl IntoIterator<Item = &'a ContextEntry>,
    object: &str,
    field: &str,
) -> Option<String> {
    let believed = |entry: &&ContextEntry| {
        let source = entry.provenance.source;
        let proved = matches!(source, Source::SystemOfRecord | Source::VerifiedChannel);
        entry.kind == FACT && (proved || source == Source::Staff)
    };
    let said = known.into_iter().filter(believed).filter_map(|entry| {
        let body: Value = serde_json::from_str(&entry.body).ok()?;
        match body.get(object)?.get(field)? {
            Value::String(text) => Some(normal(text)),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    });
    let mut said: BTreeSet<String> = said.collect();
    if said.len() == 1 { said.pop_first() } else { None }
}

/// The form in which texts are compared: lower case, one space between words, none around them.
fn normal(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
