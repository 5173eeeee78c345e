//! Which person is asking, proved by a token of the organisation's identity provider.
//!
//! A token is believed if a published key signed it for Belay and it is valid now. What the person may
//! do is decided elsewhere, from the groups the token names.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::jwks::KeySet;

pub use crate::jwks::{KeySetError, TOKEN_BYTES_MAX, Unproven};

/// How far the clocks of the identity provider and of Belay may differ. Both keep time by network;
/// half a minute covers a machine that has just woken.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(30);

/// A person, as their identity provider describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The stable name the provider gives them.
    pub id: String,
    /// The groups they belong to.
    pub groups: Vec<String>,
    /// The organisation they act for.
    pub tenant: String,
}

/// Whose tokens are believed, and how they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The issuer, exactly as tokens name it.
    pub issuer: String,
    /// Who the tokens must be meant for.
    pub audience: String,
    /// The tenant of people whose token names none. Without it such tokens are refused.
    pub tenant: Option<String>,
    /// The claim that names the person. `sub`, unless the provider puts something unreadable there.
    pub person_claim: String,
    /// The claim that lists the groups.
    pub groups_claim: String,
    /// The claim that names the tenant.
    pub tenant_claim: String,
}

/// Checks tokens of one identity provider. Shared freely.
pub struct PersonVerifier {
    provider: Provider,
    keys: ArcSwap<KeySet>,
    file: Option<PathBuf>,
}

/// Why the provider's keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The file cannot be read.
    #[error("cannot read the identity provider's keys from {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The keys are of no use.
    #[error("the identity provider's keys cannot be used")]
    Keys(#[source] KeySetError),
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbelieved {
    /// The signature does not hold.
    #[error(transparent)]
    Unproven(#[from] Unproven),
    /// The token was valid once.
    #[error("the token has expired; sign in again")]
    Expired,
    /// The token is not valid yet.
    #[error("the token is not valid yet; check the clocks")]
    TooEarly,
    /// Another issuer's token.
    #[error("the token was not issued by {expected}")]
    Issuer {
        /// Whose tokens are believed.
        expected: String,
    },
    /// The token is meant for another service.
    #[error("the token is not meant for {expected}")]
    Audience {
        /// Who it would have to be meant for.
        expected: String,
    },
    /// A claim is missing or not what it should be.
    #[error("the token has no usable {claim} claim")]
    Claim {
        /// Its name.
        claim: String,
    },
}

#[derive(Deserialize)]
struct Claims {
    #[serde(flatten)]
    all: serde_json::Map<String, Value>,
}

impl Provider {
    /// A provider whose tokens use the usual claims: `sub`, `groups`, `tenant`.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            tenant: None,
            person_claim: "sub".into(),
            groups_claim: "groups".into(),
            tenant_claim: "tenant".into(),
        }
    }
}

impl PersonVerifier {
    /// Believes tokens signed with a key of this JWK set.
    pub fn from_jwks(provider: Provider, jwks: &str) -> Result<Self, ProviderError> {
        let keys = KeySet::parse(jwks).map_err(ProviderError::Keys)?;
        Ok(Self { provider, keys: ArcSwap::from_pointee(keys), file: None })
    }

    /// Believes tokens signed with a key of the JWK set in a file. See [`Self::reload`].
    pub fn from_file(provider: Provider, path: &Path) -> Result<Self, ProviderError> {
        let keys = read(path)?;
        Ok(Self { provider, keys: ArcSwap::from_pointee(keys), file: Some(path.to_owned()) })
    }

    /// Reads the file again, after the provider has rotated its keys. An unusable file changes nothing.
    pub fn reload(&self) -> Result<(), ProviderError> {
        if let Some(path) = &self.file {
            self.keys.store(Arc::new(read(path)?));
        }
        Ok(())
    }

    /// Proves who a bearer token stands for, at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Person, Unbelieved> {
        let (_, claims) = self.keys.load().prove::<Claims>(token)?;
        let claims = claims.all;
        let provider = &self.provider;
        if claims.get("iss").and_then(Value::as_str) != Some(&provider.issuer) {
            return Err(Unbelieved::Issuer { expected: provider.issuer.clone() });
        }
        if !text_or_list(claims.get("aud"))
            .is_some_and(|audiences| audiences.contains(&provider.audience))
        {
            return Err(Unbelieved::Audience { expected: provider.audience.clone() });
        }
        let leeway = CLOCK_LEEWAY.as_secs_f64();
        let now = now.as_duration().as_secs_f64();
        if now >= moment(&claims, "exp")?.ok_or_else(|| missing("exp"))? + leeway {
            return Err(Unbelieved::Expired);
        }
        for claim in ["nbf", "iat"] {
            if moment(&claims, claim)?.is_some_and(|from| now < from - leeway) {
                return Err(Unbelieved::TooEarly);
            }
        }
        let text = |claim: &str| match claims.get(claim) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(missing(claim)),
        };
        let groups = match claims.get(&provider.groups_claim) {
            None => Vec::new(),
            found => text_or_list(found).ok_or_else(|| missing(&provider.groups_claim))?,
        };
        let tenant = text(&provider.tenant_claim)?.or_else(|| provider.tenant.clone());
        Ok(Person {
            id: text(&provider.person_claim)?.ok_or_else(|| missing(&provider.person_claim))?,
            groups,
            tenant: tenant.ok_or_else(|| missing(&provider.tenant_claim))?,
        })
    }
}

impl std::fmt::Debug for PersonVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonVerifier").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// The token of an `authorization` header's value, if it has one. The scheme's case does not matter.
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn read(path: &Path) -> Result<KeySet, ProviderError> {
    let json = std::fs::read_to_string(path)
        .map_err(|source| ProviderError::Read { path: path.to_owned(), source })?;
    KeySet::parse(&json).map_err(ProviderError::Keys)
}

fn missing(claim: &str) -> Unbelieved {
    Unbelieved::Claim { claim: claim.to_owned() }
}

fn moment(claims: &serde_json::Map<String, Value>, claim: &str) -> Result<Option<f64>, Unbelieved> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or_else(|| missing(claim)),
    }
}

/// A claim that may be one text or a list of them.
fn text_or_list(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
