//! Proving who we are: a secret in a header, or a token that is asked for with it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use belay_adapter::{Auth, AuthScheme};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::ItsmError;
use crate::health::{Line, Pace};
use crate::http::Http;
use crate::{QueueError, QueueErrorKind};

/// A token is asked for anew so long before it expires.
const EARLY: Duration = Duration::from_secs(30);

/// How long a token is used that does not say how long it is good for.
const TOKEN_FOR: Duration = Duration::from_secs(300);

/// A header's name and value.
pub(super) type Credential = (String, HeaderValue);

/// What proves who we are.
pub(super) enum Secret {
    /// Always the same.
    Fixed(Credential),
    /// A token that is asked for with client credentials (RFC 6749, 4.4).
    Token {
        path: String,
        client: String,
        secret: SecretString,
        held: Mutex<Option<Held>>,
        /// Whoever asks for a token; all others wait for what comes of it.
        asking: tokio::sync::Mutex<()>,
    },
}

/// A token, and until when it is used.
pub(super) struct Held {
    value: HeaderValue,
    until: Instant,
}

#[derive(serde::Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl Secret {
    pub(super) fn new(auth: &Auth, secret: &SecretString) -> Result<Self, ItsmError> {
        let secret = secret.expose_secret();
        let text = match (auth.scheme, &auth.token_path) {
            (AuthScheme::Oauth2, path) => {
                let (client, secret) = secret.split_once(':').ok_or(ItsmError::TwoParts)?;
                return Ok(Self::Token {
                    path: path.clone().unwrap_or_default(),
                    client: client.to_owned(),
                    secret: secret.to_owned().into(),
                    held: Mutex::new(None),
                    asking: tokio::sync::Mutex::new(()),
                });
            }
            (AuthScheme::Bearer, _) => format!("Bearer {secret}"),
            (AuthScheme::Basic, _) if !secret.contains(':') => return Err(ItsmError::TwoParts),
            (AuthScheme::Basic, _) => format!("Basic {}", STANDARD.encode(secret)),
            (AuthScheme::Header, _) => format!("{}{secret}", auth.prefix),
        };
        let name = match auth.scheme {
            AuthScheme::Header => auth.header.clone(),
            _ => AUTHORIZATION.as_str().to_owned(),
        };
        Ok(Self::Fixed((name, sensitive(&text).ok_or(ItsmError::Secret)?)))
    }

    /// The header that goes with the next request.
    pub(super) async fn header(
        &self,
        http: &Http,
        pace: &Pace,
        line: Line,
    ) -> Result<Credential, QueueError> {
        let (path, client, secret, held, asking) = match self {
            Self::Fixed(credential) => return Ok(credential.clone()),
            Self::Token { path, client, secret, held, asking } => {
                (path, client, secret, held, asking)
            }
        };
        let name = || AUTHORIZATION.as_str().to_owned();
        let known = || {
            let held = held.lock().unwrap_or_else(PoisonError::into_inner);
            held.as_ref().filter(|held| Instant::now() < held.until).map(|held| held.value.clone())
        };
        if let Some(value) = known() {
            return Ok((name(), value));
        }
        let _asking = asking.lock().await;
        if let Some(value) = known() {
            return Ok((name(), value));
        }
        let wait = |wait| QueueErrorKind::RateLimited { retry_after: Some(wait) };
        pace.turn(line)
            .await
            .map_err(|time| QueueError::new(wait(time), "too many requests wait"))?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", secret.expose_secret()),
        ];
        // Asking for a token changes nothing that matters, so no answer is no more than that.
        let sent = match http.request(Method::POST, path, &[]) {
            Ok(request) => http.send(request.form(&form)).await,
            Err(failure) => Err(failure),
        };
        let answer =
            sent.map_err(|failure| QueueError::new(QueueErrorKind::Unavailable, failure.detail()))?;
        let kind = match answer.status {
            200..300 => None,
            429 => Some(QueueErrorKind::RateLimited { retry_after: answer.retry_after() }),
            408 | 500.. => Some(QueueErrorKind::Unavailable),
            _ => Some(QueueErrorKind::Unauthorized),
        };
        if let Some(kind) = kind {
            let detail = format!("no token was given ({})", answer.status);
            return Err(QueueError::new(kind, detail));
        }
        let odd = || QueueError::new(QueueErrorKind::NotUnderstood, "what was given is no token");
        let granted: Granted = serde_json::from_slice(&answer.body).map_err(|_| odd())?;
        let value = sensitive(&format!("Bearer {}", granted.access_token)).ok_or_else(odd)?;
        let lasts = granted.expires_in.map_or(TOKEN_FOR, Duration::from_secs);
        let until = Instant::now() + lasts.saturating_sub(EARLY);
        *held.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Held { value: value.clone(), until });
        Ok((name(), value))
    }

    /// It was not accepted. Says whether another one can be had: a token is asked for anew, unless that happened already.
    pub(super) fn refused(&self, (_, value): &Credential) -> bool {
        let Self::Token { held, .. } = self else { return false };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|held| held.value == *value) {
            held.take();
        }
        true
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
