//! What goes over the wire, kept only while somebody listens. What was understood of an answer tells neither an empty
//! success from an honest "not found" nor what the system's clock shows.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use belay_domain::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::Request;
use reqwest::header::{AGE, DATE, HeaderMap};
use tokio::time::Instant;

use super::Answer;

/// The most exchanges that wait to be taken. Whoever listens takes them after every look, which has a few dozen.
const WAITING_MAX: usize = 1_000;

/// The most of a body that is kept.
const BODY_LENGTH_MAX: usize = 256 * 1024;

/// A request and its answer, as they went over the wire.
#[derive(Clone)]
pub struct Exchange {
    asked: Vec<u8>,
    body: Vec<u8>,
    /// The answer's status.
    pub status: u16,
    /// The moment that the answer's `Date` names (RFC 9110, 6.6.1), unless a cache answered. Its grain is a second.
    pub date: Option<Timestamp>,
    /// When the request was sent.
    pub sent: Instant,
    /// When the answer was there.
    pub heard: Instant,
}

impl Exchange {
    /// Whether the request says this, in its path, its query or its body.
    #[must_use]
    pub fn asks(&self, text: &str) -> bool {
        !text.is_empty() && self.asked.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// Whether the answer is a success.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What was answered, as JSON: null if nothing was, none if it is something else, such as prose.
    #[must_use]
    pub fn said(&self) -> Option<serde_json::Value> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Some(serde_json::Value::Null);
        }
        serde_json::from_slice(&self.body).ok()
    }
}

/// Neither what was asked nor what was answered is for logs: both can hold secrets.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What was overheard and not yet taken; none while nobody listens. All clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Overheard(Arc<Mutex<Option<Vec<Exchange>>>>);

impl Overheard {
    /// Takes what was overheard since the last time. From the first time on, it is kept.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        self.lock().replace(Vec::new()).unwrap_or_default()
    }

    /// What a request asks; none while nobody listens.
    pub(super) fn asked(&self, request: &Request) -> Option<Vec<u8>> {
        self.lock().as_ref()?;
        let url = request.url();
        let mut asked =
            format!("{}?{}\n", url.path(), url.query().unwrap_or_default()).into_bytes();
        asked
            .extend_from_slice(request.body().and_then(|body| body.as_bytes()).unwrap_or_default());
        Some(asked)
    }

    /// Keeps an exchange that is over.
    pub(super) fn keep(&self, asked: Vec<u8>, sent: Instant, answer: &Answer) {
        let mut overheard = self.lock();
        if let Some(waiting) = overheard.as_mut().filter(|waiting| waiting.len() < WAITING_MAX) {
            waiting.push(Exchange {
                asked,
                body: answer.body.iter().take(BODY_LENGTH_MAX).copied().collect(),
                status: answer.status,
                date: date(&answer.headers),
                sent,
                heard: Instant::now(),
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Exchange>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When an answer was made; none if that is not said, or if it was made for somebody else before (RFC 9111, 5.1).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    if headers.contains_key(AGE) {
        return None;
    }
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_before_somebody_listens() {
        let overheard = Overheard::default();
        let request = Request::new(reqwest::Method::GET, "http://x/ticket/7?a=b".parse().unwrap());
        assert_eq!(overheard.asked(&request), None);
        assert!(overheard.take().is_empty());
        let asked = overheard.asked(&request).unwrap();
        let headers = [(DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap())];
        let mut answer =
            Answer { status: 200, headers: headers.into_iter().collect(), body: b" ".to_vec() };
        overheard.keep(asked.clone(), Instant::now(), &answer);
        answer.headers.insert(AGE, "3".parse().unwrap());
        overheard.keep(asked, Instant::now(), &answer);
        let heard = overheard.take();
        let [fresh, cached] = &heard[..] else { panic!("{heard:?}") };
        assert!(fresh.asks("/ticket/7") && fresh.asks("a=b") && !fresh.asks("/ticket/8"));
        assert_eq!(fresh.said(), Some(serde_json::Value::Null));
        assert_eq!(fresh.date, Some("1994-11-06T08:49:37Z".parse().unwrap()));
        assert_eq!(cached.date, None);
        assert!(overheard.take().is_empty(), "it was taken");
    }
}
