//! Proving who we are: a secret in a header, or a token that is asked for with it.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use belay_adapter::{Auth, AuthScheme};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::ItsmError;
use crate::health::{Line, Pace};
use crate::http::Http;
use crate::token::{Asking, NoToken, Tokens, sensitive};
use crate::{QueueError, QueueErrorKind};

/// How long a token is used that does not say how long it is good for.
const TOKEN_FOR: Duration = Duration::from_secs(300);

/// A header's name and value.
pub(super) type Credential = (String, HeaderValue);

/// What proves who we are.
pub(super) enum Secret {
    /// Always the same.
    Fixed(Credential),
    /// A token that is asked for with client credentials (RFC 6749, 4.4).
    Token(Box<Tokens>),
}

impl Secret {
    pub(super) fn new(auth: &Auth, secret: &SecretString) -> Result<Self, ItsmError> {
        let secret = secret.expose_secret();
        let text = match (auth.scheme, &auth.token_path) {
            (AuthScheme::Oauth2, path) => {
                let (client, secret) = secret.split_once(':').ok_or(ItsmError::TwoParts)?;
                let fields = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client),
                    ("client_secret", secret),
                ];
                return Ok(Self::Token(Box::new(Tokens::new(Asking {
                    path: path.clone().unwrap_or_default(),
                    fields: fields.map(|(name, text)| (name.to_owned(), text.into())).into(),
                    form: true,
                    token_at: "/access_token".to_owned(),
                    expires_in_at: Some("/expires_in".to_owned()),
                    lasts: Some(TOKEN_FOR),
                    scheme: "Bearer".to_owned(),
                }))));
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
        let tokens = match self {
            Self::Fixed(credential) => return Ok(credential.clone()),
            Self::Token(tokens) => tokens,
        };
        let turn = async {
            pace.turn(line).await.map_err(|wait| {
                let kind = QueueErrorKind::RateLimited { retry_after: Some(wait) };
                QueueError::new(kind, "too many requests wait")
            })
        };
        let value = tokens.header(http, turn).await?;
        Ok((AUTHORIZATION.as_str().to_owned(), value))
    }

    /// It was accepted.
    pub(super) fn accepted(&self, (_, value): &Credential) {
        if let Self::Token(tokens) = self {
            tokens.accepted(value);
        }
    }

    /// It was not accepted. Says whether another one can be had: a token is asked for anew, unless that happened already.
    pub(super) fn refused(&self, (_, value): &Credential) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Token(tokens) => tokens.refused(value),
        }
    }
}

impl From<NoToken> for QueueError {
    fn from(why: NoToken) -> Self {
        let kind = match &why {
            NoToken::Refused { .. } => QueueErrorKind::Unauthorized,
            NoToken::RateLimited { retry_after } => {
                QueueErrorKind::RateLimited { retry_after: *retry_after }
            }
            NoToken::Unavailable { .. } => QueueErrorKind::Unavailable,
            NoToken::NotUnderstood => QueueErrorKind::NotUnderstood,
        };
        Self::new(kind, why.to_string())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
