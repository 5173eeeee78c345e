//! The permission to do one thing once, which the supervisor signs and anybody can check offline.
//!
//! A permit is bound to the agent, to its certificate, to the exact input and to the epoch of the
//! owner, and lives for seconds. That it is used only once is the journal's to see to, not this file's.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::jwks::KeySet;
use crate::signing_key::SigningKey;
use crate::spiffe::SpiffeId;
use crate::thumbprint::Thumbprint;

pub use crate::jwks::{KeySetError, Unproven};
pub use crate::signing_key::KeyError;

/// The longest a permit may live (PRM-2). Signers refuse to sign and verifiers to accept more.
pub const PERMIT_LIFE_MAX: Duration = Duration::from_secs(60);

/// The type in a permit's header, so that no other token of ours can pass for one.
pub const PERMIT_TYPE: &str = "belay-permit+jwt";

/// How far ahead of ours an issuer's clock may be. A permit lives for seconds, so there is little to give.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(5);

/// What a permit allows, to whom, and until when.
#[derive(Clone, Debug, PartialEq)]
pub struct Permit {
    /// The permit's own id, by which it is consumed.
    pub id: String,
    /// The agent that may act.
    pub agent: SpiffeId,
    /// The certificate the agent must act with.
    pub certificate: Thumbprint,
    /// The case it is about.
    pub case: String,
    /// The action it is about.
    pub action: String,
    /// The contract the action follows, with its version.
    pub contract: String,
    /// The digest of the action's canonical input.
    pub input_digest: String,
    /// The epoch of the owner.
    pub epoch: u64,
    /// When it was signed. Whole seconds on the wire.
    pub issued_at: Timestamp,
    /// When it stops being valid. Whole seconds on the wire, rounded down.
    pub expires_at: Timestamp,
    /// What it allows in the terms of RFC 9396, for executors that know nothing of Belay.
    pub authorization_details: Vec<AuthorizationDetail>,
}

/// One thing that is allowed, in the terms of RFC 9396.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationDetail {
    /// What kind of permission it is. Belay's own are `belay_action`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// What may be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// What it may be done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Anything else the kind defines, such as a limit.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// A signed permit. Whoever holds it and the certificate may act, so it never shows itself in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct PermitToken(String);

/// What an executor expects of a permit before it acts.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The agent on the other end of the connection.
    pub agent: &'a SpiffeId,
    /// The certificate of that connection.
    pub certificate: Thumbprint,
    /// The action it asks for.
    pub action: &'a str,
    /// The digest of the input it sent.
    pub input_digest: &'a str,
    /// The epoch the case is in.
    pub epoch: u64,
}

/// Signs permits. One per supervisor.
pub struct PermitSigner {
    issuer: String,
    key: SigningKey,
}

/// Checks permits with published keys.
pub struct PermitVerifier {
    issuer: String,
    keys: KeySet,
}

/// Why a permit was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The permit would live too long, or has ended before it began.
    #[error("a permit lives for 1 to {} seconds", PERMIT_LIFE_MAX.as_secs())]
    Life,
    /// The key failed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Why a permit does not allow what is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermitRefused {
    /// The signature does not hold.
    #[error(transparent)]
    Unproven(#[from] Unproven),
    /// A token of another kind.
    #[error("the token is not a permit")]
    NotAPermit,
    /// Signed by somebody else.
    #[error("the permit was not issued by {expected}")]
    Issuer {
        /// Who should have.
        expected: String,
    },
    /// Its time is over.
    #[error("the permit has expired; ask for the action to be authorised again")]
    Expired,
    /// Its time has not come.
    #[error("the permit is not valid yet; check the clocks")]
    TooEarly,
    /// It lives longer than any permit may.
    #[error("the permit is valid for longer than {} seconds", PERMIT_LIFE_MAX.as_secs())]
    TooLong,
    /// Another agent's permit.
    #[error("the permit belongs to another agent")]
    Agent,
    /// The right agent with another certificate.
    #[error("the permit is bound to another certificate")]
    Certificate,
    /// A permit for another action.
    #[error("the permit is for another action")]
    Action,
    /// A permit for another input.
    #[error("the permit is for another input")]
    Input,
    /// The case has changed hands since.
    #[error("the permit is from epoch {found} and the case is in epoch {expected}")]
    Epoch {
        /// The permit's.
        found: u64,
        /// The case's.
        expected: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Claims {
    jti: String,
    iss: String,
    sub: SpiffeId,
    iat: i64,
    exp: i64,
    case: String,
    action: String,
    contract: String,
    input_digest: String,
    epoch: u64,
    cnf: Confirmation,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    authorization_details: Vec<AuthorizationDetail>,
}

#[derive(Serialize, Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    x5t_s256: String,
}

impl PermitSigner {
    /// Signs as `issuer` with the key in `path`, which is made if there is none.
    pub fn open_or_create(issuer: impl Into<String>, path: &Path) -> Result<Self, KeyError> {
        Ok(Self { issuer: issuer.into(), key: SigningKey::open_or_create(path)? })
    }

    /// Who signs.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the key is called in the published set.
    pub fn kid(&self) -> &str {
        self.key.kid()
    }

    /// The key set to publish.
    pub fn jwks(&self) -> String {
        self.key.jwks()
    }

    /// Signs a permit.
    pub fn sign(&self, permit: &Permit) -> Result<PermitToken, SignError> {
        let (iat, exp) = (permit.issued_at.as_second(), permit.expires_at.as_second());
        if !(1..=life_max()).contains(&exp.saturating_sub(iat)) {
            return Err(SignError::Life);
        }
        let claims = Claims {
            jti: permit.id.clone(),
            iss: self.issuer.clone(),
            sub: permit.agent.clone(),
            iat,
            exp,
            case: permit.case.clone(),
            action: permit.action.clone(),
            contract: permit.contract.clone(),
            input_digest: permit.input_digest.clone(),
            epoch: permit.epoch,
            cnf: Confirmation { x5t_s256: permit.certificate.x5t_s256() },
            authorization_details: permit.authorization_details.clone(),
        };
        Ok(PermitToken(self.key.sign(PERMIT_TYPE, &claims)?))
    }
}

impl PermitVerifier {
    /// Believes permits that `issuer` signed with a key of this set.
    pub fn from_jwks(issuer: impl Into<String>, jwks: &str) -> Result<Self, KeySetError> {
        Ok(Self { issuer: issuer.into(), keys: KeySet::parse(jwks)? })
    }

    /// Checks that `token` allows what is `expected`, at `now`, and gives the permit.
    pub fn verify(
        &self,
        token: &str,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<Permit, PermitRefused> {
        let permit = self.read(token, now)?;
        if permit.agent != *expected.agent {
            return Err(PermitRefused::Agent);
        }
        if permit.certificate != expected.certificate {
            return Err(PermitRefused::Certificate);
        }
        if permit.action != expected.action {
            return Err(PermitRefused::Action);
        }
        if permit.input_digest != expected.input_digest {
            return Err(PermitRefused::Input);
        }
        if permit.epoch != expected.epoch {
            return Err(PermitRefused::Epoch { found: permit.epoch, expected: expected.epoch });
        }
        Ok(permit)
    }

    /// Reads a permit that is genuine and in time, without asking what it is for. Whoever acts on one
    /// uses [`Self::verify`]; this is for an agent that looks at its own.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Permit, PermitRefused> {
        let malformed =
            |claim: &str| Unproven::Malformed(format!("its {claim} claim cannot be read"));
        // The header is only reached through a signature that holds.
        let (header, claims) = self.keys.prove::<serde_json::Value>(token)?;
        if header.typ.as_deref() != Some(PERMIT_TYPE) {
            return Err(PermitRefused::NotAPermit);
        }
        let claims: Claims = serde_json::from_value(claims)
            .map_err(|error| Unproven::Malformed(error.to_string()))?;
        if claims.iss != self.issuer {
            return Err(PermitRefused::Issuer { expected: self.issuer.clone() });
        }
        if !(1..=life_max()).contains(&claims.exp.saturating_sub(claims.iat)) {
            return Err(PermitRefused::TooLong);
        }
        let issued_at = Timestamp::from_second(claims.iat).map_err(|_| malformed("iat"))?;
        let expires_at = Timestamp::from_second(claims.exp).map_err(|_| malformed("exp"))?;
        if now >= expires_at {
            return Err(PermitRefused::Expired);
        }
        if issued_at.duration_since(now).unsigned_abs() > CLOCK_LEEWAY && issued_at > now {
            return Err(PermitRefused::TooEarly);
        }
        Ok(Permit {
            id: claims.jti,
            agent: claims.sub,
            certificate: claims.cnf.x5t_s256.parse().map_err(|_| malformed("cnf"))?,
            case: claims.case,
            action: claims.action,
            contract: claims.contract,
            input_digest: claims.input_digest,
            epoch: claims.epoch,
            issued_at,
            expires_at,
            authorization_details: claims.authorization_details,
        })
    }
}

impl PermitToken {
    /// The token as it goes onto the wire, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for PermitToken {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl fmt::Debug for PermitToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PermitToken(..)")
    }
}

impl fmt::Debug for PermitSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitSigner")
            .field("issuer", &self.issuer)
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PermitVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitVerifier").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn life_max() -> i64 {
    i64::try_from(PERMIT_LIFE_MAX.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
