//! A recorded run of a contract: what it is given, and what the systems answered to each request. With it a contract can
//! be tried without the systems, as often as anybody likes.

use std::collections::BTreeMap;

use belay_domain::{AgentId, CaseId, Provenance, Severity, Source, TenantId, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::document::Document;
use crate::facts::CaseFacts;
use crate::problem::Problem;

/// What stands for the idempotency key in a recording, as in contracts: it is derived, and nobody writes it down.
const KEY: &str = "{{ key }}";

/// What a contract is tried with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The case.
    #[serde(default)]
    pub case: RecordedCase,
    /// The agent that proposes.
    pub agent: AgentId,
    /// What it proposes.
    pub input: Map<String, Value>,
    /// Where each part of the input comes from, by JSON pointer.
    #[serde(default)]
    pub provenance: BTreeMap<String, Source>,
    /// When; now, if nothing is said.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Whether the case holds text from outside.
    #[serde(default)]
    pub outside_text: bool,
    /// What the systems answered, in the order in which they were asked.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
}

/// The case of a recording.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the fields are those of a case")]
pub struct RecordedCase {
    pub id: Option<CaseId>,
    pub tenant: Option<TenantId>,
    pub kind: String,
    pub severity: Option<Severity>,
    pub channel: String,
    pub customer: String,
    pub subject: String,
    pub labels: BTreeMap<String, String>,
}

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// `METHOD system /path?query`.
    pub request: String,
    /// What was sent along; not looked at when it is left out.
    #[serde(default)]
    pub body: Option<Value>,
    /// The HTTP status of the answer; none if no answer came.
    #[serde(default)]
    pub status: Option<u16>,
    /// The answer.
    #[serde(default)]
    pub answer: Value,
}

impl Recording {
    /// Reads a recording from YAML or JSON.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problem> {
        let document = Document::parse(file, text)?;
        serde_json::from_value(document.value).map_err(|error| Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            what: format!("this is no recording: {error}"),
            remedy: "give agent and input, and case, provenance, at, outside_text, exchanges as needed; each exchange \
                     has request (METHOD system /path), body, status, answer"
                .to_owned(),
        })
    }

    /// The case as the playbook is told of it.
    pub fn case(&self) -> Result<CaseFacts, String> {
        let case = self.case.clone();
        let named = |text: &str| text.parse().map_err(|error| format!("{error}"));
        Ok(CaseFacts {
            tenant: match case.tenant {
                Some(tenant) => tenant,
                None => "default".parse().map_err(|error| format!("{error}"))?,
            },
            id: case.id.map_or_else(|| named("c-trial"), Ok)?,
            kind: case.kind,
            severity: case.severity,
            channel: case.channel,
            customer: case.customer,
            subject: case.subject,
            labels: case.labels.into_iter().collect(),
        })
    }

    /// Where each part of the input comes from.
    #[must_use]
    pub fn provenance(&self) -> Vec<(String, Provenance)> {
        let each = self.provenance.iter();
        each.map(|(pointer, source)| {
            let reference = "recording".to_owned();
            (pointer.clone(), Provenance { source: *source, reference })
        })
        .collect()
    }

    /// The input as it would arrive.
    #[must_use]
    pub fn input(&self) -> String {
        Value::Object(self.input.clone()).to_string()
    }
}

impl Exchange {
    /// Whether it answers this request; the key is put in wherever the recording stands for it.
    #[must_use]
    pub fn answers(&self, method: &str, system: &str, path: &str, key: &str) -> bool {
        let mut words = self.request.splitn(3, ' ');
        let recorded = words.next().zip(words.next()).zip(words.next());
        recorded.is_some_and(|((its_method, its_system), its_path)| {
            its_method == method
                && its_system == system
                && decoded(&its_path.replace(KEY, key)) == decoded(path)
        })
    }

    /// The body that was recorded, with the key put in.
    #[must_use]
    pub fn body(&self, key: &str) -> Option<Value> {
        self.body.as_ref().map(|body| with_key(body, key))
    }

    /// The answer, with the key put in.
    #[must_use]
    pub fn answer(&self, key: &str) -> Value {
        with_key(&self.answer, key)
    }
}

/// The object that a file in YAML or JSON holds.
pub fn read_object(file: &str, text: &str) -> Result<Map<String, Value>, Problem> {
    match Document::parse(file, text)?.value {
        Value::Object(object) => Ok(object),
        _ => Err(Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            what: "this is no object".to_owned(),
            remedy: "write names and values".to_owned(),
        }),
    }
}

fn with_key(value: &Value, key: &str) -> Value {
    match value {
        Value::String(text) => Value::from(text.replace(KEY, key)),
        Value::Array(items) => items.iter().map(|item| with_key(item, key)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), with_key(value, key))).collect()
        }
        other => other.clone(),
    }
}

/// A path without percent-encoding, for comparing. What is no encoding stays as it is.
fn decoded(path: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
