//! The public keys an issuer signs with, and the one way a token is checked against them.
//!
//! The key decides which algorithm is allowed, never the token: what a token's header says is only
//! compared. Symmetric keys and unsigned tokens have no place here at all.

use std::collections::HashMap;

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::de::DeserializeOwned;

/// The longest token that is looked at. Real ones have one or two thousand bytes; the limit keeps a
/// caller from making us decode megabytes before anything is proved.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Why a set of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// The text is not a JWK set.
    #[error("the keys are not a JWK set; expected a JSON object with \"keys\"")]
    Unreadable(#[source] serde_json::Error),
    /// No key of the set can check a signature that Belay accepts.
    #[error("the key set has no usable key; give Ed25519, RSA or P-256 signing keys")]
    NoUsableKey,
    /// Two keys answer to one name.
    #[error("the key set has two keys named {kid}")]
    Twice {
        /// The name.
        kid: String,
    },
}

/// Why a token's signature is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The token is longer than [`TOKEN_BYTES_MAX`].
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// The token is not a signed JWT, or its claims are not what this kind of token has.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// The token's algorithm is not one that is accepted, such as `none` or a symmetric one.
    #[error("the token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// The token names no key that is known. After a rotation the keys may need to be read again.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the signature of the token is wrong")]
    Signature,
}

/// Keys by name.
pub(crate) struct KeySet {
    keys: HashMap<String, Key>,
    /// For tokens that name no key: unambiguous only if there is one.
    only: Option<Key>,
}

#[derive(Clone)]
struct Key {
    decoding: DecodingKey,
    algorithm: Algorithm,
}

impl KeySet {
    /// Reads a JWK set. Keys of other kinds and for other uses are passed over, as issuers publish them side by side.
    pub(crate) fn parse(json: &str) -> Result<Self, KeySetError> {
        let set: JwkSet = serde_json::from_str(json).map_err(KeySetError::Unreadable)?;
        let mut keys = HashMap::new();
        let mut usable = Vec::new();
        for jwk in &set.keys {
            let Some(key) = Key::usable(jwk) else { continue };
            usable.push(key.clone());
            let Some(kid) = &jwk.common.key_id else { continue };
            if keys.insert(kid.clone(), key).is_some() {
                return Err(KeySetError::Twice { kid: kid.clone() });
            }
        }
        if usable.is_empty() {
            return Err(KeySetError::NoUsableKey);
        }
        let only = if usable.len() == 1 { usable.pop() } else { None };
        Ok(Self { keys, only })
    }

    /// Proves who signed `token` and gives its claims. Says nothing about time, issuer or audience.
    pub(crate) fn prove<T: DeserializeOwned>(&self, token: &str) -> Result<(Header, T), Unproven> {
        use jsonwebtoken::errors::ErrorKind;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Unproven::TooLong);
        }
        if token.split('.').count() != 3 {
            return Err(Unproven::Malformed("it does not have three parts".into()));
        }
        let header =
            jsonwebtoken::decode_header(token).map_err(|error| unreadable_header(token, &error))?;
        // An extension that must be understood and is not (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(Unproven::Malformed("it asks for extensions".into()));
        }
        let key = match &header.kid {
            Some(kid) => self.keys.get(kid),
            None => self.only.as_ref(),
        };
        let key = key.ok_or(Unproven::UnknownKey)?;
        // Accepts the key's algorithm and no other.
        let mut validation = Validation::new(key.algorithm);
        // The callers check these, against a clock they are given.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        match jsonwebtoken::decode(token, &key.decoding, &validation) {
            Ok(data) => Ok((data.header, data.claims)),
            Err(error) => Err(match error.kind() {
                ErrorKind::InvalidSignature => Unproven::Signature,
                ErrorKind::InvalidAlgorithm => Unproven::Algorithm,
                _ => Unproven::Malformed(error.to_string()),
            }),
        }
    }
}

impl Key {
    fn usable(jwk: &Jwk) -> Option<Self> {
        let for_signing = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let (algorithm, named) = match &jwk.algorithm {
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            _ => return None,
        };
        let for_this = jwk.common.key_algorithm.is_none_or(|algorithm| algorithm == named);
        let decoding = DecodingKey::from_jwk(jwk).ok()?;
        (for_signing && for_this).then_some(Self { decoding, algorithm })
    }
}

/// The library cannot even name an algorithm it does not know, `none` among them.
fn unreadable_header(token: &str, error: &jsonwebtoken::errors::Error) -> Unproven {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header = token.split('.').next().unwrap_or_default();
    let json = URL_SAFE_NO_PAD.decode(header).ok();
    let json: Option<serde_json::Value> =
        json.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match json.as_ref().and_then(|header| header.get("alg")) {
        Some(_) => Unproven::Algorithm,
        None => Unproven::Malformed(error.to_string()),
    }
}
