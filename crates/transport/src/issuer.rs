//! An identity provider for the first run, so that people are authenticated before there is a real one.
//!
//! It signs tokens with a key of its own and publishes the key as a JWK set, as any provider does; the
//! supervisor checks its tokens like all others. It never runs in production.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::person::{Person, Provider};
use crate::private_file;
use crate::signing_key::SigningKey;

pub use crate::signing_key::KeyError;

/// The issuer that development tokens name.
pub const DEV_ISSUER: &str = "https://belay.local/dev";
/// The audience that development tokens are meant for.
pub const DEV_AUDIENCE: &str = "belay";

/// The development identity provider.
pub struct DevIssuer {
    key: SigningKey,
    jwks: PathBuf,
}

/// Why the development identity provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The directory or the published keys cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl DevIssuer {
    /// Reads the key in `directory`, or makes one, and publishes `oidc.jwks.json` beside it. Safe to repeat.
    pub fn open_or_create(directory: &Path) -> Result<Self, IssuerError> {
        let write = |path: &Path, result: io::Result<()>| {
            result.map_err(|source| IssuerError::Write { path: path.to_owned(), source })
        };
        write(directory, private_file::make_directory(directory))?;
        let key = SigningKey::open_or_create(&directory.join("oidc.key"))?;
        let jwks = directory.join("oidc.jwks.json");
        write(&jwks, private_file::replace(&jwks, key.jwks().as_bytes()))?;
        Ok(Self { key, jwks })
    }

    /// How a verifier should read these tokens.
    pub fn provider() -> Provider {
        Provider::new(DEV_ISSUER, DEV_AUDIENCE)
    }

    /// Where the keys are published.
    pub fn jwks_file(&self) -> &Path {
        &self.jwks
    }

    /// The published keys.
    pub fn jwks(&self) -> String {
        self.key.jwks()
    }

    /// Signs a token for `person`, valid from `now` for `ttl`.
    pub fn issue_token(
        &self,
        person: &Person,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<String, KeyError> {
        let issued = now.as_second();
        let claims = json!({
            "iss": DEV_ISSUER,
            "aud": DEV_AUDIENCE,
            "sub": person.id,
            "groups": person.groups,
            "tenant": person.tenant,
            "iat": issued,
            "exp": issued.saturating_add_unsigned(ttl.as_secs()),
        });
        self.key.sign("JWT", &claims)
    }
}

impl std::fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevIssuer").field("kid", &self.key.kid()).finish_non_exhaustive()
    }
}
