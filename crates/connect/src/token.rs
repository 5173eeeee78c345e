//! Tokens that a system gives for something secret: asked for when there is none, used until they run out or are
//! refused, and asked for by one at a time while all others wait for what comes of it.
//!
//! Whoever is refused is not asked again at once: a login that is tried too often is locked.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::http::{Answer, Http};

/// A token is asked for anew so long before it expires, or at half of its time if that is sooner.
const EARLY: Duration = Duration::from_secs(30);

/// How long nobody asks after the system said no, or gave something that is no token. Six wrong passwords lock many a
/// login.
const REST_REFUSED: Duration = Duration::from_secs(30);

/// How long nobody asks after no answer came: those who waited for it need not all wait for the next one, too.
const REST_UNHEARD: Duration = Duration::from_secs(1);

/// The longest that nobody asks because the system wants to be left alone. It may be wrong about the hour.
const REST_MOST: Duration = Duration::from_secs(600);

/// How a token is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// Where, with `POST`.
    pub(crate) path: String,
    /// What is sent.
    pub(crate) fields: Vec<(String, SecretString)>,
    /// Whether it is sent as a form instead of JSON.
    pub(crate) form: bool,
    /// The place of the token in the answer, as a JSON pointer.
    pub(crate) token_at: String,
    /// The place of the seconds for which it is good.
    pub(crate) expires_in_at: Option<String>,
    /// For how long it is used if the answer does not say that; until it is refused if nobody does.
    pub(crate) lasts: Option<Duration>,
    /// What stands before it in the header.
    pub(crate) scheme: String,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoToken {
    /// The system does not know us, or not with this password.
    #[error("no token was given ({status})")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The system asks us to slow down.
    #[error("no token was given (429)")]
    RateLimited {
        /// How long to wait.
        retry_after: Option<Duration>,
    },
    /// No answer, or none that means anything.
    #[error("no token was given: {detail}")]
    Unavailable {
        /// What happened.
        detail: String,
    },
    /// An answer without a token in its place.
    #[error("what was given is no token")]
    NotUnderstood,
}

/// The token for one login.
pub(crate) struct Tokens {
    asking: Asking,
    state: Mutex<State>,
    /// Whoever asks for a token; all others wait for what comes of it.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// Nobody asks before this moment, and why.
    rest: Option<(Instant, NoToken)>,
    /// When a token was not accepted, if none was since.
    refused_at: Option<Instant>,
}

/// A token, and until when it is used.
struct Held {
    value: HeaderValue,
    until: Option<Instant>,
}

impl Tokens {
    pub(crate) fn new(asking: Asking) -> Self {
        Self { asking, state: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// The value of the header that goes with the next request. Whoever has to ask for a token waits for this turn first.
    pub(crate) async fn header<E: From<NoToken>>(
        &self,
        http: &Http,
        turn: impl Future<Output = Result<(), E>>,
    ) -> Result<HeaderValue, E> {
        if let Some(known) = self.known() {
            return Ok(known?);
        }
        let _asking = self.turn.lock().await;
        if let Some(known) = self.known() {
            return Ok(known?);
        }
        turn.await?;
        let asked = Instant::now();
        let given = self.ask(http).await;
        let mut state = self.state();
        match given {
            Ok((value, lasts)) => {
                let used = |lasts: Duration| asked + (lasts - EARLY.min(lasts / 2));
                let until = lasts.map(used);
                state.rest = None;
                state.held = Some(Held { value: value.clone(), until });
                Ok(value)
            }
            Err(why) => {
                let rest = match &why {
                    NoToken::Refused { .. } | NoToken::NotUnderstood => REST_REFUSED,
                    NoToken::RateLimited { retry_after } => {
                        retry_after.unwrap_or(REST_REFUSED).clamp(REST_UNHEARD, REST_MOST)
                    }
                    NoToken::Unavailable { .. } => REST_UNHEARD,
                };
                state.rest = Some((Instant::now() + rest, why.clone()));
                Err(why.into())
            }
        }
    }

    /// It was not accepted. Says whether another one can be had: not if the one before was not accepted either, a moment
    /// ago, because then the next one would not be.
    pub(crate) fn refused(&self, value: &HeaderValue) -> bool {
        let mut state = self.state();
        // Somebody else may have had it renewed meanwhile.
        if state.held.take_if(|held| held.value == *value).is_none() {
            return true;
        }
        let now = Instant::now();
        let before = state.refused_at.replace(now);
        if before.is_some_and(|before| now < before + REST_REFUSED) {
            state.rest = Some((now + REST_REFUSED, NoToken::Refused { status: 401 }));
            return false;
        }
        true
    }

    /// It was accepted, so that the next one that is not has run out.
    pub(crate) fn accepted(&self, value: &HeaderValue) {
        let mut state = self.state();
        if state.held.as_ref().is_some_and(|held| held.value == *value) {
            state.refused_at = None;
        }
    }

    /// The token that is known, or why there is none for now.
    fn known(&self) -> Option<Result<HeaderValue, NoToken>> {
        let now = Instant::now();
        let state = self.state();
        let held = state.held.as_ref();
        if let Some(held) = held.filter(|held| held.until.is_none_or(|until| now < until)) {
            return Some(Ok(held.value.clone()));
        }
        let rest = state.rest.as_ref().filter(|(until, _)| now < *until);
        rest.map(|(_, why)| Err(why.clone()))
    }

    async fn ask(&self, http: &Http) -> Result<(HeaderValue, Option<Duration>), NoToken> {
        let Asking { path, fields, form, .. } = &self.asking;
        let fields = fields.iter().map(|(name, text)| (name.as_str(), text.expose_secret()));
        let unavailable = |detail| NoToken::Unavailable { detail };
        // Asking for a token changes nothing that matters, so no answer is no more than that.
        let request = http
            .request(Method::POST, path, &[])
            .map_err(|failure| unavailable(failure.detail()))?;
        let request = if *form {
            request.form(&fields.collect::<Vec<_>>())
        } else {
            let body: Map<String, Value> =
                fields.map(|(name, text)| (name.to_owned(), Value::from(text))).collect();
            request.json(&body)
        };
        let answer = http.send(request).await.map_err(|failure| unavailable(failure.detail()))?;
        match answer.status {
            200..300 => self.given(&answer).ok_or(NoToken::NotUnderstood),
            429 => Err(NoToken::RateLimited { retry_after: answer.retry_after() }),
            status @ (408 | 500..) => Err(unavailable(format!("the system answered {status}"))),
            status => Err(NoToken::Refused { status }),
        }
    }

    fn given(&self, answer: &Answer) -> Option<(HeaderValue, Option<Duration>)> {
        let Asking { token_at, expires_in_at, lasts, scheme, .. } = &self.asking;
        let answer: Value = serde_json::from_slice(&answer.body).ok()?;
        let token = answer.pointer(token_at)?.as_str().filter(|token| !token.is_empty())?;
        let expires_in = expires_in_at.as_ref().and_then(|at| answer.pointer(at));
        // Some systems write the number as a text.
        let seconds = expires_in.and_then(|found| match found {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        });
        let value = sensitive(&format!("{scheme} {token}"))?;
        Some((value, seconds.map(Duration::from_secs).or(*lasts)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A header's value that is never shown.
pub(crate) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("path", &self.asking.path).finish_non_exhaustive()
    }
}
