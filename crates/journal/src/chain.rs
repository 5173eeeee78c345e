//! What makes the past unchangeable: each event's hash covers the one before it.
//!
//! Two chains. The *case chain* links the events of one case: BLAKE3 over a tag, the hash before, and
//! tenant, case, number, kind, time and body. The *journal chain* links all events in the order in which they
//! were written, and its running value is sealed with every transaction; so the end of a case cannot be cut
//! off unseen either. Text and bytes are preceded by their length, numbers are eight bytes, little endian:
//! no two different events have the same encoding.

use std::fmt;
use std::str::FromStr;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// A BLAKE3 hash. Shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash([u8; 32]);

/// What an event's hash covers.
#[derive(Clone, Copy)]
pub(crate) struct Link<'a> {
    pub(crate) before: Hash,
    pub(crate) tenant: &'a str,
    pub(crate) case: &'a str,
    pub(crate) seq: u64,
    pub(crate) kind: &'a str,
    pub(crate) at_micros: i64,
    pub(crate) body: &'a [u8],
}

/// Computes hashes, keeping one buffer for all of them.
#[derive(Default)]
pub(crate) struct Chain {
    buffer: Vec<u8>,
}

const EVENT_TAG: &[u8; 16] = b"belay.event.v1\0\0";
const MARK_TAG: &[u8; 16] = b"belay.mark.v1\0\0\0";

impl Hash {
    /// What stands before the first event.
    pub const NONE: Hash = Hash([0; 32]);

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A hash that came from elsewhere as raw bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }
}

impl Chain {
    /// The hash of one event.
    pub(crate) fn event(&mut self, link: Link<'_>) -> Hash {
        self.start(EVENT_TAG, link.before);
        self.bytes(link.tenant.as_bytes());
        self.bytes(link.case.as_bytes());
        self.buffer.extend_from_slice(&link.seq.to_le_bytes());
        self.bytes(link.kind.as_bytes());
        self.buffer.extend_from_slice(&link.at_micros.to_le_bytes());
        self.bytes(link.body);
        self.finish()
    }

    /// The journal's running value after one more event.
    pub(crate) fn mark(
        &mut self,
        before: Hash,
        position: u64,
        case: &str,
        seq: u64,
        event: Hash,
    ) -> Hash {
        self.start(MARK_TAG, before);
        self.buffer.extend_from_slice(&position.to_le_bytes());
        self.bytes(case.as_bytes());
        self.buffer.extend_from_slice(&seq.to_le_bytes());
        self.buffer.extend_from_slice(&event.0);
        self.finish()
    }

    fn start(&mut self, tag: &[u8; 16], before: Hash) {
        self.buffer.clear();
        self.buffer.extend_from_slice(tag);
        self.buffer.extend_from_slice(&before.0);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.buffer.extend_from_slice(bytes);
    }

    fn finish(&self) -> Hash {
        Hash(*blake3::hash(&self.buffer).as_bytes())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromSql for Hash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Hash> {
        <[u8; 32]>::column_result(value).map(Hash)
    }
}

impl ToSql for Hash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromStr for Hash {
    type Err = String;

    fn from_str(text: &str) -> Result<Hash, String> {
        blake3::Hash::from_hex(text)
            .map(|hash| Hash(*hash.as_bytes()))
            .map_err(|_| "a hash is 64 hexadecimal digits".to_owned())
    }
}

#[cfg(test)]
mod tests;
