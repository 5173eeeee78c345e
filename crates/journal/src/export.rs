//! The journal as text for other programs: one JSON object a line, in the order in which things happened.
//!
//! `body` holds the event exactly as it was written when that is JSON on one line, so that anybody can
//! recompute the hashes; anything else is in `body_hex`.

use std::fmt::Write as _;

use rusqlite::Connection;

use crate::error::ReadError;
use crate::lookups::{self, StoredEvent};

/// Yields one line for each event, without the line feed. Ends after the first error.
pub struct Export {
    connection: Connection,
    after: u64,
    waiting: std::vec::IntoIter<StoredEvent>,
    ended: bool,
}

/// How many events are read at a time.
const CHUNK: usize = 512;

impl Export {
    pub(crate) fn new(connection: Connection, after: u64) -> Export {
        Export { connection, after, waiting: Vec::new().into_iter(), ended: false }
    }
}

impl Iterator for Export {
    type Item = Result<String, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if let Some(event) = self.waiting.next() {
            self.after = event.position;
            return Some(Ok(event.to_json_line()));
        }
        match lookups::tail(&self.connection, self.after, CHUNK) {
            Ok(events) if events.is_empty() => {
                self.ended = true;
                None
            }
            Ok(events) => {
                self.waiting = events.into_iter();
                self.next()
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

impl StoredEvent {
    /// The event as a line of JSON.
    pub fn to_json_line(&self) -> String {
        let mut line = String::with_capacity(self.body.len() + 256);
        let text = |text: &str| serde_json::Value::from(text).to_string();
        // Writing to a string cannot fail.
        let _ = write!(
            line,
            r#"{{"position":{},"tenant":{},"case":{},"seq":{},"kind":{},"at":"{}","hash":"{}","#,
            self.position,
            text(&self.tenant),
            text(&self.case),
            self.seq,
            text(&self.kind),
            self.at,
            self.hash
        );
        match self.json_body() {
            Some(body) => {
                let _ = write!(line, r#""body":{body}}}"#);
            }
            None => {
                line.push_str(r#""body_hex":""#);
                for byte in &self.body {
                    let _ = write!(line, "{byte:02x}");
                }
                line.push_str("\"}");
            }
        }
        line
    }

    fn json_body(&self) -> Option<&str> {
        let body = std::str::from_utf8(&self.body).ok()?;
        let one_line = !body.contains(['\n', '\r']);
        (one_line && serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok()).then_some(body)
    }
}

#[cfg(test)]
mod tests;
