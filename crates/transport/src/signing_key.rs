//! An Ed25519 key that signs tokens, kept in a file that only its owner may read.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;

use crate::private_file;

/// Why a signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key file cannot be read or made.
    #[error("cannot read or write the signing key {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not an Ed25519 private key.
    #[error("{path} is not an Ed25519 private key in PEM; move it away to have a new one made")]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// A new key could not be made.
    #[error("cannot make a signing key")]
    Generate,
    /// A token could not be signed.
    #[error("cannot sign the token")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// A key and its public half.
pub(crate) struct SigningKey {
    encoding: EncodingKey,
    kid: String,
    public: String,
}

impl SigningKey {
    /// Reads the key in `path`, or makes one.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self, KeyError> {
        let pem = private_file::read_or_create(path, || generate().map_err(io::Error::other))
            .map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        let unreadable = || KeyError::Unreadable { path: path.to_owned() };
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unreadable())?;
        let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| unreadable())?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        // RFC 7638: the members that make the key, in alphabetical order.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, members.as_bytes()));
        Ok(Self { encoding: EncodingKey::from_ed_der(der.secret_pkcs8_der()), kid, public })
    }

    /// What tokens name the key by.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as a JWK set.
    pub(crate) fn jwks(&self) -> String {
        serde_json::json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": self.public,
        }]})
        .to_string()
    }

    /// Signs `claims` as a token of type `typ`.
    pub(crate) fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(KeyError::Sign)
    }
}

fn generate() -> Result<String, KeyError> {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)
        .map(|pair| pair.serialize_pem())
        .map_err(|_| KeyError::Generate)
}
