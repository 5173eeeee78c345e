//! One request and its answer, as data: somebody else carries them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

pub use crate::format::MethodName as Method;

/// A request that is to be sent, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path below the system's address.
    pub path: String,
    /// What stands after the question mark, not yet encoded.
    pub query: Vec<(String, String)>,
    /// Headers, without the credential.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Value>,
    /// Whether it may change anything; what no answer means depends on it.
    pub changes: bool,
    /// What the answer of last time still counts for, if it is the same as it was then.
    pub basis: Option<String>,
    /// Whether it may be asked for as what changed since the answer of last time.
    pub conditional: bool,
}

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers; names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a system did not do as asked, or was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Trouble {
    /// What kind of trouble.
    pub kind: TroubleKind,
    /// What happened, for people.
    pub detail: String,
}

/// The kinds of trouble, by what can be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// The system will not do it, however often it is asked.
    Refused,
    /// Our credential is not accepted.
    Unauthorized,
    /// We ask too often.
    RateLimited {
        /// How long to wait, if the system says so.
        retry_after: Option<Duration>,
    },
    /// It is not able to answer; nothing was done.
    Unavailable,
    /// It may have been carried out.
    Unknown,
    /// It answered in a way that is not understood.
    NotUnderstood,
}

impl Trouble {
    pub(crate) fn new(kind: TroubleKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    pub(crate) fn not_understood(detail: impl Into<String>) -> Self {
        Self::new(TroubleKind::NotUnderstood, detail)
    }

    pub(crate) fn refused(detail: impl Into<String>) -> Self {
        Self::new(TroubleKind::Refused, detail)
    }
}

impl Answer {
    /// The body as JSON. An empty body is null, and what is not JSON is a text.
    pub(crate) fn json(&self) -> Value {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Value::Null;
        }
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&self.body).into_owned().into())
    }

    pub(crate) fn header_values(&self) -> Value {
        let members = self.headers.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        Value::Object(members.collect())
    }

    /// The first of these headers that is a number of seconds.
    pub(crate) fn seconds(&self, names: &[String]) -> Option<Duration> {
        let value = names.iter().find_map(|name| self.headers.get(name.as_str()))?;
        let seconds: f64 = value.trim().parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// What each relation of the Link header is asked for with (RFC 8288): its query, by name.
    pub(crate) fn links(&self) -> Value {
        let mut links = Map::new();
        let header = self.headers.get("link").map(String::as_str).unwrap_or_default();
        for link in header.split(",<").flat_map(|part| part.split(", <")) {
            let Some((target, parameters)) = link.trim_start_matches('<').split_once('>') else {
                continue;
            };
            let relations = parameters.split(';').find_map(|parameter| {
                Some(parameter.trim().strip_prefix("rel=")?.trim_matches('"'))
            });
            let query = target.split_once('?').map(|(_, query)| query).unwrap_or_default();
            let pairs = query.split('&').filter_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                Some((decoded(name), Value::from(decoded(value))))
            });
            let pairs = Value::Object(pairs.collect());
            for relation in relations.unwrap_or_default().split_whitespace() {
                links.insert(relation.to_owned(), pairs.clone());
            }
        }
        Value::Object(links)
    }

    /// The status and the first of what was said, for people.
    pub(crate) fn brief(&self) -> String {
        const SHOWN_MAX: usize = 200;
        let said = String::from_utf8_lossy(&self.body);
        let said: Vec<&str> = said.split_whitespace().collect();
        let said: String = said.join(" ").chars().take(SHOWN_MAX).collect();
        if said.is_empty() { self.status.to_string() } else { format!("{}: {said}", self.status) }
    }
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, code.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (other, _) => {
                bytes.push(*other);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
