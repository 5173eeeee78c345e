//! Reading the fields of a message, and remembering everything that is wrong with them.

use std::str::FromStr;

use belay_api::v1::{self, ErrorReason};
use belay_domain::{Digest, InvalidId, RequestId, Severity, Timestamp};
use belay_playbook::{Flaw, Unfit};

use crate::wire::Fault;

/// The longest line: a subject, a reason, a label. As long as the domain keeps them.
pub(crate) const LINE_MAX: usize = 1_024;

/// The longest text: an entry of the context, an input, a note.
pub(crate) const TEXT_MAX: usize = 256 * 1_024;

/// The fields of one message, as they are read.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    wrong: Vec<(String, String)>,
    malformed: bool,
    unfit: Option<ErrorReason>,
}

impl Fields {
    /// Nothing is wrong yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Remembers that a field is wrong.
    pub(crate) fn wrong(&mut self, field: impl Into<String>, what: impl Into<String>) {
        self.malformed = true;
        self.wrong.push((field.into(), what.into()));
    }

    /// An id that has to be there.
    pub(crate) fn id<T: FromStr<Err = InvalidId>>(&mut self, field: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.wrong(field, error.to_string());
                None
            }
        }
    }

    /// An id that may be missing: empty is none.
    pub(crate) fn id_or_none<T: FromStr<Err = InvalidId>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<T> {
        if text.is_empty() { None } else { self.id(field, text) }
    }

    /// The id by which a change is asked for once.
    pub(crate) fn request(&mut self, text: &str) -> Option<RequestId> {
        self.id("request_id", text)
    }

    /// A line that may be empty.
    pub(crate) fn line(&mut self, field: impl Into<String>, text: String) -> String {
        self.at_most(field, text, LINE_MAX)
    }

    /// A line that says something.
    pub(crate) fn said(&mut self, field: &str, text: String) -> String {
        if text.trim().is_empty() {
            self.wrong(field, "has to say something");
        }
        self.line(field, text)
    }

    /// A text that may be long.
    pub(crate) fn text(&mut self, field: impl Into<String>, text: String) -> String {
        self.at_most(field, text, TEXT_MAX)
    }

    fn at_most(&mut self, field: impl Into<String>, text: String, most: usize) -> String {
        if text.len() > most {
            let what = format!("has {} bytes; at most {most} are kept", text.len());
            self.wrong.push((field.into(), what));
        }
        text
    }

    /// The input of an action, in canonical form. What is wrong with it has reasons of its own.
    pub(crate) fn input(&mut self, field: &str, text: &str) -> String {
        belay_playbook::canonical_json(text).unwrap_or_else(|Unfit { flaw, detail }| {
            self.unfit = Some(match flaw {
                Flaw::NotJson => ErrorReason::NotJson,
                Flaw::DuplicateKey => ErrorReason::DuplicateKey,
                Flaw::NumberTooLarge => ErrorReason::NumberTooLarge,
                Flaw::TooDeep => ErrorReason::TooDeep,
                Flaw::TooLong => ErrorReason::TooLong,
            });
            self.wrong.push((field.to_owned(), detail));
            String::new()
        })
    }

    /// A digest that has to be there.
    pub(crate) fn digest(&mut self, field: &str, text: &str) -> Option<Digest> {
        // Upper case would be another spelling of the same digest, and two spellings are one too many.
        let spelled = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match text.parse::<Digest>() {
            Ok(digest) if spelled => Some(digest),
            _ => {
                self.wrong(field, "is not 64 lower-case hexadecimal digits");
                None
            }
        }
    }

    /// A value of an enumeration. Unspecified is handed on, an unknown number is wrong.
    pub(crate) fn value<T: TryFrom<i32>>(&mut self, field: &str, number: i32) -> Option<T> {
        match T::try_from(number) {
            Ok(value) => Some(value),
            Err(_) => {
                self.wrong(field, format!("{number} is not a value of this enumeration"));
                None
            }
        }
    }

    /// A severity that may be unstated.
    pub(crate) fn severity(&mut self, field: &str, number: i32) -> Option<Severity> {
        match self.value::<v1::Severity>(field, number)? {
            v1::Severity::Unspecified => None,
            v1::Severity::Low => Some(Severity::Low),
            v1::Severity::Normal => Some(Severity::Normal),
            v1::Severity::High => Some(Severity::High),
            v1::Severity::Critical => Some(Severity::Critical),
        }
    }

    /// A moment.
    pub(crate) fn time(&mut self, field: &str, at: prost_types::Timestamp) -> Option<Timestamp> {
        let nanos_fit = (0..1_000_000_000).contains(&at.nanos);
        match Timestamp::new(at.seconds, at.nanos) {
            Ok(moment) if nanos_fit => Some(moment),
            _ => {
                self.wrong(field, "is not a moment between the years 1 and 9999");
                None
            }
        }
    }

    /// Labels, in the order of their keys.
    pub(crate) fn labels(
        &mut self,
        field: &str,
        labels: impl IntoIterator<Item = (String, String)>,
    ) -> Vec<(String, String)> {
        const LABELS_MAX: usize = 64;
        let mut labels: Vec<(String, String)> = labels.into_iter().collect();
        labels.sort_unstable();
        if labels.len() > LABELS_MAX {
            self.wrong(
                field,
                format!("has {} labels; at most {LABELS_MAX} are kept", labels.len()),
            );
        }
        for (key, value) in &labels {
            if key.is_empty() {
                self.wrong(field, "has a label without a key");
            }
            if key.len() > LINE_MAX || value.len() > LINE_MAX {
                let short: String = key.chars().take(64).collect();
                let what = format!("key and value have at most {LINE_MAX} bytes each");
                self.wrong.push((format!("{field}[\"{short}\"]"), what));
            }
        }
        labels
    }

    /// The message, if nothing was wrong with it.
    pub(crate) fn done<T>(self, read: Option<T>) -> Result<T, Fault> {
        match read {
            Some(read) if self.wrong.is_empty() => Ok(read),
            _ => {
                let reason = match self.unfit {
                    _ if self.malformed => ErrorReason::InvalidField,
                    Some(reason) => reason,
                    None => ErrorReason::TooLong,
                };
                Err(Fault::fields(reason, self.wrong))
            }
        }
    }
}
