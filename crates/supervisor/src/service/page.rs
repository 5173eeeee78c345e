//! Lists page by page, where the list is made in memory. A page goes on after the last key of the one before, so
//! nothing is repeated or left out when others come and go, and its token is good for one question only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use belay_api::v1::ErrorReason;

use crate::wire::Fault;

/// The page size when none is asked for.
pub(crate) const SIZE_DEFAULT: usize = 50;

/// The largest page.
pub(crate) const SIZE_MAX: usize = 500;

/// Bytes of the digest that binds a token to its question.
const SEAL_BYTES: usize = 16;

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    size: usize,
    after: Option<String>,
    question: String,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part<T> {
    /// The things.
    pub(crate) things: Vec<T>,
    /// What to ask with for the next part. Empty when this was the last.
    pub(crate) next: String,
}

impl Page {
    /// The part that a request asks for. `question` is everything that the request asks besides the page.
    pub(crate) fn wanted(size: u32, token: &str, question: String) -> Result<Self, Fault> {
        let page = Self { size: size_of(size), after: None, question };
        if token.is_empty() {
            return Ok(page);
        }
        let bad = || {
            let what = "the page token does not belong to this question; start from the first page";
            Fault::new(ErrorReason::BadPageToken, what)
        };
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
        let (seal, key) = bytes.split_at_checked(SEAL_BYTES).ok_or_else(bad)?;
        let key = std::str::from_utf8(key).map_err(|_| bad())?;
        if seal != page.seal(key) {
            return Err(bad());
        }
        Ok(Self { after: Some(key.to_owned()), ..page })
    }

    /// How many things are wanted at most.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The key after which the part begins.
    pub(crate) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The wanted part of a whole list. The keys of things differ and stay as they are from page to page.
    pub(crate) fn cut<T>(&self, mut all: Vec<(String, T)>) -> Part<T> {
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        let from =
            self.after.as_ref().map_or(0, |after| all.partition_point(|(key, _)| key <= after));
        let mut rest = all.split_off(from);
        let more = rest.len() > self.size;
        rest.truncate(self.size);
        let next = match rest.last() {
            Some((key, _)) if more => self.token(key),
            _ => String::new(),
        };
        Part { things: rest.into_iter().map(|(_, thing)| thing).collect(), next }
    }

    /// The token of the part after this key.
    pub(crate) fn token(&self, key: &str) -> String {
        let mut bytes = self.seal(key).to_vec();
        bytes.extend_from_slice(key.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn seal(&self, key: &str) -> [u8; SEAL_BYTES] {
        let text = format!("belay.list.v1 {} {} {key}", self.question.len(), self.question);
        let mut seal = [0; SEAL_BYTES];
        seal.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..SEAL_BYTES]);
        seal
    }
}

/// How many things a page has.
pub(crate) fn size_of(asked: u32) -> usize {
    match usize::try_from(asked).unwrap_or(SIZE_MAX) {
        0 => SIZE_DEFAULT,
        size => size.min(SIZE_MAX),
    }
}

/// A moment as a part of a key that sorts like it.
pub(crate) fn key_of(at: belay_domain::Timestamp) -> String {
    // Moments before 1970 sort before those after it.
    let micros = i128::from(at.as_microsecond()) - i128::from(i64::MIN);
    format!("{micros:020}")
}

#[cfg(test)]
mod tests;
