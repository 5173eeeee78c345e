//! What was answered before, where the system lets us know that it still holds: a history while its record stands still,
//! and an answer that the system says is unchanged.
//!
//! Nothing here makes evidence older than it is. The record itself is read at every look; what is kept says what was done
//! to exactly that record. Whatever is not sure is asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_adapter::{Answer, Method, Request};
use tokio::time::Instant;

/// A record has to be seen the same for so long before a history of it is kept: longer than the grain of any system's
/// clock, and than a history may come after its record.
const STILL_FOR: Duration = Duration::from_secs(30);

/// A history is read again after so long, whatever the record looks like.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// How many bytes of answers are kept; some ten thousand short histories. Without room nothing is kept, and all is asked.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a system answered lately.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    answers: BTreeMap<String, Kept>,
    bytes: usize,
}

/// An answer, and what it holds for.
#[derive(Clone, Debug)]
struct Kept {
    /// What the record looked like, and since when it is seen so.
    basis: Option<(String, Instant)>,
    /// When the answer was asked for.
    asked: Instant,
    answer: Arc<Answer>,
}

/// What is known before a request is sent.
pub(super) enum Recalled {
    /// The answer.
    Answer(Arc<Answer>),
    /// That the answer was this one, with this tag, unless the system says otherwise.
    Tagged(String, Arc<Answer>),
    /// Nothing.
    Nothing,
}

impl Memory {
    /// What is known of the answer to a request.
    pub(super) fn recall(&self, request: &Request) -> Recalled {
        let wanted = request.basis.is_some() || request.conditional;
        if request.changes || !wanted {
            return Recalled::Nothing;
        }
        let known = self.known();
        let Some(kept) = known.answers.get(&key(request)) else { return Recalled::Nothing };
        if let (Some(basis), Some((was, since))) = (&request.basis, &kept.basis) {
            let still = basis == was && kept.asked.saturating_duration_since(*since) >= STILL_FOR;
            if still && kept.asked.elapsed() < KEPT_FOR {
                return Recalled::Answer(kept.answer.clone());
            }
        }
        match tag(&kept.answer).filter(|_| request.conditional) {
            Some(tag) => Recalled::Tagged(tag.to_owned(), kept.answer.clone()),
            None => Recalled::Nothing,
        }
    }

    /// Keeps an answer that was asked for then.
    pub(super) fn keep(&self, request: &Request, answer: &Answer, asked: Instant) {
        let tagged = request.conditional && tag(answer).is_some();
        let wanted = request.basis.is_some() || tagged;
        if request.changes || !wanted {
            return;
        }
        let mut known = self.known();
        let key = key(request);
        let before = known.forget(&key).and_then(|kept| kept.basis);
        if answer.status != 200 {
            return;
        }
        let basis = request.basis.as_ref().map(|basis| match before {
            Some((was, since)) if was == *basis => (was, since),
            _ => (basis.clone(), asked),
        });
        let kept = Kept { basis, asked, answer: Arc::new(answer.clone()) };
        known.bytes += kept.size();
        known.answers.insert(key, kept);
        known.make_room();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What it guards is whole at every moment, so a panic elsewhere does not matter.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget(&mut self, key: &str) -> Option<Kept> {
        let kept = self.answers.remove(key)?;
        self.bytes = self.bytes.saturating_sub(kept.size());
        Some(kept)
    }

    /// Forgets what is too old to be used, and everything if that is not enough.
    fn make_room(&mut self) {
        if self.bytes <= BYTES_MAX {
            return;
        }
        self.answers.retain(|_, kept| kept.asked.elapsed() < KEPT_FOR);
        self.bytes = self.answers.values().map(Kept::size).sum();
        if self.bytes > BYTES_MAX {
            self.answers.clear();
            self.bytes = 0;
        }
    }
}

impl Kept {
    fn size(&self) -> usize {
        self.answer.body.len() + self.basis.as_ref().map_or(0, |(basis, _)| basis.len())
    }
}

/// The strong tag of an answer (RFC 9110, 8.8.3). A weak one may stay the same through changes.
pub(super) fn tag(answer: &Answer) -> Option<&str> {
    let tag = answer.headers.get("etag")?.trim();
    (tag.starts_with('"') && tag.len() > 2).then_some(tag)
}

/// What makes two requests the same: all that is sent but the credential, which is always ours.
fn key(request: &Request) -> String {
    let Request { method, path, query, headers, body, .. } = request;
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    format!(
        "{method} {path} {query:?} {headers:?} {}",
        body.as_ref().map_or_else(String::new, ToString::to_string)
    )
}
