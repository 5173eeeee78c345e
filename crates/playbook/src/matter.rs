//! What makes two reports the same matter: the fields in which they agree, brought into one form.
//!
//! Being wrong in one direction is cheap and in the other it is not: two cases for one matter cost somebody time, and one
//! case for two matters loses a customer. So nothing is guessed: texts that only look alike are different, and a report
//! that lacks one of the fields is a matter of its own.

use belay_domain::{Digest, Hasher};

use crate::check::Check;
use crate::facts::CaseFacts;

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
                    "use customer, kind, subject or labels.NAME",
                ),
            }
        }
        // The order in which they are written makes no difference.
        fields.sort();
        fields.dedup();
        let tells = |field: &Field| matches!(field, Field::Customer | Field::Label(_));
        if !names.is_empty() && !fields.iter().any(tells) {
            check.wrong(
                pointer,
                "these are the same in the reports of different customers, whose matters would be one",
                "add customer, or a label that names the matter",
            );
        }
        Self { fields }
    }

    /// The digest over the fields of this report; none if one of them is missing or nothing is compared.
    pub(crate) fn fingerprint(&self, case: &CaseFacts) -> Option<Digest> {
        if self.fields.is_empty() {
            return None;
        }
        let mut digest = Hasher::new("belay matter").part(case.tenant.as_str().as_bytes());
        for field in &self.fields {
            let (name, value) = match field {
                Field::Customer => ("customer", case.customer.as_str()),
                Field::Kind => ("kind", case.kind.as_str()),
                Field::Subject => ("subject", case.subject.as_str()),
                Field::Label(name) => (name.as_str(), label(case, name)?),
            };
            let value = normal(value);
            if value.is_empty() {
                return None;
            }
            let label = matches!(field, Field::Label(_));
            digest = digest.part(&[u8::from(label)]).part(name.as_bytes()).part(value.as_bytes());
        }
        Some(digest.finish())
    }
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "customer" => Field::Customer,
        "kind" => Field::Kind,
        "subject" => Field::Subject,
        _ => Field::Label(name.strip_prefix("labels.").filter(|name| !name.is_empty())?.to_owned()),
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

/// The form in which texts are compared: lower case, one space between words, none around them.
fn normal(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
