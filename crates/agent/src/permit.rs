//! The permission to write once, after it was checked here.
//!
//! There is no way to make a [`Permit`] but to have one of the supervisor's pass every check: signature,
//! issuer, time, agent, certificate, case, contract, action, input and epoch.

use std::fmt;
use std::sync::Arc;

use belay_api::v1;
use belay_domain::Digest;
use belay_transport::permit::{Expected, PermitRefused, PermitToken, PermitVerifier};
use jiff::Timestamp;
use serde_json::Value;

use crate::dial::Me;
use crate::wire;

/// A permit that was checked. Good for one attempt at one write.
#[derive(Clone)]
pub struct Permit(Arc<Checked>);

struct Checked {
    wire: v1::Permit,
    token: PermitToken,
    input: Value,
    expires_at: Timestamp,
}

/// Why a permit does not allow the write that it came for. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermitProblem {
    /// The signed token does not allow it.
    #[error(transparent)]
    Token(#[from] PermitRefused),
    /// The message around the token says something else than the token.
    #[error("the token of the permit is about another {what} than its message")]
    Message {
        /// What differs.
        what: &'static str,
    },
    /// The input that came with the permit is not the one that was ruled on.
    #[error("the input that came with the permit is not the one that was authorised")]
    Input,
    /// There is no session to check it for.
    #[error("no session has told the keys to check permits with")]
    NoKeys,
    /// It was used for an attempt before.
    #[error("the permit was used before")]
    Used,
}

/// Checks permits, for one agent in one session.
pub(crate) struct Gate {
    verifier: PermitVerifier,
    me: Me,
}

/// What a permit has to be about.
pub(crate) struct Wanted<'a> {
    pub(crate) case: &'a str,
    pub(crate) epoch: u64,
    pub(crate) action: &'a str,
    /// Contract and digest of the input as they were last ruled on. `None` when the ruling was not seen.
    pub(crate) ruled: Option<(&'a str, &'a str)>,
}

impl Permit {
    /// The permit's own id.
    pub fn id(&self) -> &str {
        &self.0.wire.permit_id
    }

    /// The action it is for.
    pub fn action_id(&self) -> &str {
        &self.0.wire.action_id
    }

    /// The contract with its version.
    pub fn contract(&self) -> &str {
        &self.0.wire.contract_id
    }

    /// What to write: exactly this. A person may have amended what was proposed.
    pub fn input(&self) -> &Value {
        &self.0.input
    }

    /// The same as RFC 8785 canonical JSON.
    pub fn input_json(&self) -> &str {
        &self.0.wire.input_json
    }

    /// What makes the write the same write. To be passed to the outside system where it takes such a key.
    pub fn idempotency_key(&self) -> &str {
        &self.0.wire.idempotency_key
    }

    /// When it stops being valid.
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// The signed token, for outside systems that check permits themselves. Never to be logged.
    pub fn token(&self) -> &str {
        self.0.token.expose()
    }

    pub(crate) fn input_digest(&self) -> &str {
        &self.0.wire.input_digest
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.0.expires_at
    }
}

impl Gate {
    pub(crate) fn new(verifier: PermitVerifier, me: Me) -> Self {
        Self { verifier, me }
    }

    /// Lets a permit through that allows what is wanted at `now`.
    pub(crate) fn check(
        &self,
        permit: &v1::Permit,
        wanted: &Wanted<'_>,
        now: Timestamp,
    ) -> Result<Permit, PermitProblem> {
        let expected = Expected {
            agent: &self.me.agent,
            certificate: self.me.certificate,
            action: wanted.action,
            input_digest: &permit.input_digest,
            epoch: wanted.epoch,
        };
        let token = self.verifier.verify(&permit.token, &expected, now)?;
        let differs = |what| Err(PermitProblem::Message { what });
        if token.id != permit.permit_id {
            return differs("permit");
        }
        if token.case != wanted.case || permit.case_id != wanted.case {
            return differs("case");
        }
        if token.contract != permit.contract_id {
            return differs("contract");
        }
        if permit.action_id != wanted.action {
            return differs("action");
        }
        if permit.epoch != wanted.epoch {
            return differs("epoch");
        }
        // The signature covers the digest; this makes it cover the input that would be written.
        if Digest::of(permit.input_json.as_bytes()).to_string() != permit.input_digest {
            return Err(PermitProblem::Input);
        }
        if let Some((contract, digest)) = wanted.ruled {
            if permit.contract_id != contract {
                return differs("contract");
            }
            if permit.input_digest != digest {
                return Err(PermitProblem::Input);
            }
        }
        let input = serde_json::from_str(&permit.input_json).map_err(|_| PermitProblem::Input)?;
        // The earlier of what the token and its message say.
        let stated = wire::timestamp(permit.expires_at.as_ref()).unwrap_or(token.expires_at);
        Ok(Permit(Arc::new(Checked {
            token: PermitToken::from(permit.token.clone()),
            wire: v1::Permit { token: String::new(), ..permit.clone() },
            input,
            expires_at: token.expires_at.min(stated),
        })))
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("id", &self.id())
            .field("action", &self.action_id())
            .finish_non_exhaustive()
    }
}
