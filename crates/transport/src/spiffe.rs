//! The name of a process, as its certificate states it.
//!
//! Every process that talks to Belay carries an X.509 certificate with exactly one SPIFFE id, such as
//! `spiffe://belay.local/agent/billing`. The id is read strictly: what the SPIFFE standard does not
//! allow is refused here, so that two spellings can never mean one process.

use std::fmt;
use std::str::FromStr;

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The longest id the standard asks an implementation to accept; longer ones are refused.
pub const ID_BYTES_MAX: usize = 2048;
/// The longest trust domain the standard allows.
pub const TRUST_DOMAIN_BYTES_MAX: usize = 255;

/// Whose authority vouches for a name: the part of a SPIFFE id that a certificate authority owns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustDomain(String);

/// A process, named by its trust domain and a path within it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpiffeId {
    text: String,
    /// Where the path begins in `text`, after the slash.
    path_at: usize,
}

/// What part a process plays in Belay, read from the path of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind<'a> {
    /// `agent/<name>`: a specialist agent.
    Agent(&'a str),
    /// `tool/<name>`: a program that people use, such as the command line.
    Tool(&'a str),
    /// `supervisor`: the supervisor itself.
    Supervisor,
}

/// Why a text is not a SPIFFE id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text does not begin with `spiffe://`.
    #[error("a SPIFFE id begins with spiffe://")]
    Scheme,
    /// The text is longer than [`ID_BYTES_MAX`].
    #[error("a SPIFFE id has at most {ID_BYTES_MAX} bytes")]
    TooLong,
    /// The trust domain is empty, too long, or has a letter it may not have.
    #[error("a trust domain has 1 to {TRUST_DOMAIN_BYTES_MAX} of a-z, 0-9, '.', '-' and '_'")]
    TrustDomain,
    /// The path is missing, or has an empty, relative or badly spelled part.
    #[error("a path has parts of A-Z, a-z, 0-9, '.', '-' and '_', none of them empty, '.' or '..'")]
    Path,
}

/// Why a certificate does not name a process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSvid {
    /// The certificate is not readable X.509.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// The certificate names nobody.
    #[error("the certificate has no URI name; issue it with one spiffe:// URI")]
    NoName,
    /// The certificate names more than one.
    #[error("the certificate has {0} URI names; issue it with exactly one spiffe:// URI")]
    ManyNames(usize),
    /// The one name is not a SPIFFE id.
    #[error("the URI name of the certificate is not a SPIFFE id")]
    Id(#[source] InvalidId),
    /// The certificate may sign others, so it names an authority and not a process.
    #[error("the certificate belongs to an authority, not to a process")]
    Authority,
    /// The certificate states key usages and the right one is not among them.
    #[error("the certificate's key may not be used for digital signatures")]
    KeyUsage,
}

impl TrustDomain {
    /// Reads a trust domain such as `belay.local`.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        let fits = (1..=TRUST_DOMAIN_BYTES_MAX).contains(&text.len());
        let spelled =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        if fits && text.bytes().all(spelled) { Ok(Self(text)) } else { Err(InvalidId::TrustDomain) }
    }

    /// The trust domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the agent called `name`.
    pub fn agent(&self, name: &str) -> Result<SpiffeId, InvalidId> {
        self.within("agent/", name)
    }

    /// The id of the tool called `name`.
    pub fn tool(&self, name: &str) -> Result<SpiffeId, InvalidId> {
        self.within("tool/", name)
    }

    /// The id of the supervisor.
    pub fn supervisor(&self) -> SpiffeId {
        let text = format!("spiffe://{}/supervisor", self.0);
        SpiffeId { path_at: "spiffe://".len() + self.0.len() + 1, text }
    }

    fn within(&self, room: &str, name: &str) -> Result<SpiffeId, InvalidId> {
        if name.contains('/') {
            return Err(InvalidId::Path);
        }
        SpiffeId::parse(&format!("spiffe://{}/{room}{name}", self.0))
    }
}

impl SpiffeId {
    /// Reads an id. Strict: lower-case scheme and trust domain, no port, query, fragment or escapes.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text.len() > ID_BYTES_MAX {
            return Err(InvalidId::TooLong);
        }
        let rest = text.strip_prefix("spiffe://").ok_or(InvalidId::Scheme)?;
        let (domain, path) = rest.split_once('/').ok_or(InvalidId::Path)?;
        TrustDomain::new(domain)?;
        if !path.split('/').all(is_path_part) {
            return Err(InvalidId::Path);
        }
        Ok(Self { text: text.to_owned(), path_at: text.len() - path.len() })
    }

    /// Reads the one id of a certificate, as the standard for X.509 SPIFFE documents asks.
    ///
    /// Whether the certificate is valid, and signed by anybody, is TLS's to say and not said here.
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, InvalidSvid> {
        let (rest, certificate) =
            X509Certificate::from_der(certificate.as_ref()).map_err(|_| InvalidSvid::Unreadable)?;
        if !rest.is_empty() {
            return Err(InvalidSvid::Unreadable);
        }
        if certificate.is_ca() {
            return Err(InvalidSvid::Authority);
        }
        let usage = certificate.key_usage().map_err(|_| InvalidSvid::Unreadable)?;
        if let Some(usage) = usage {
            if usage.value.key_cert_sign() || usage.value.crl_sign() {
                return Err(InvalidSvid::Authority);
            }
            if !usage.value.digital_signature() {
                return Err(InvalidSvid::KeyUsage);
            }
        }
        let names = certificate.subject_alternative_name().map_err(|_| InvalidSvid::Unreadable)?;
        let uris: Vec<&str> = names
            .iter()
            .flat_map(|names| names.value.general_names.iter())
            .filter_map(|name| match name {
                GeneralName::URI(uri) => Some(*uri),
                _ => None,
            })
            .collect();
        match uris.as_slice() {
            [] => Err(InvalidSvid::NoName),
            [uri] => Self::parse(uri).map_err(InvalidSvid::Id),
            many => Err(InvalidSvid::ManyNames(many.len())),
        }
    }

    /// The whole id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain that vouches for the id.
    pub fn trust_domain(&self) -> TrustDomain {
        TrustDomain(self.domain().to_owned())
    }

    /// Whether the id belongs to `domain`.
    pub fn is_in(&self, domain: &TrustDomain) -> bool {
        self.domain() == domain.as_str()
    }

    /// The path without its leading slash, such as `agent/billing`.
    pub fn path(&self) -> &str {
        &self.text[self.path_at..]
    }

    /// What part the process plays; `None` if its path means nothing to Belay.
    pub fn kind(&self) -> Option<Kind<'_>> {
        match self.path().split_once('/') {
            None if self.path() == "supervisor" => Some(Kind::Supervisor),
            Some(("agent", name)) if !name.contains('/') => Some(Kind::Agent(name)),
            Some(("tool", name)) if !name.contains('/') => Some(Kind::Tool(name)),
            _ => None,
        }
    }

    /// The name of the agent, if the process is one.
    pub fn agent_name(&self) -> Option<&str> {
        match self.kind() {
            Some(Kind::Agent(name)) => Some(name),
            _ => None,
        }
    }

    fn domain(&self) -> &str {
        &self.text["spiffe://".len()..self.path_at - 1]
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for SpiffeId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl TryFrom<String> for SpiffeId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<SpiffeId> for String {
    fn from(id: SpiffeId) -> Self {
        id.text
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TrustDomain {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl TryFrom<String> for TrustDomain {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<TrustDomain> for String {
    fn from(domain: TrustDomain) -> Self {
        domain.0
    }
}

fn is_path_part(part: &str) -> bool {
    let spelled = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !part.is_empty() && part != "." && part != ".." && part.bytes().all(spelled)
}

#[cfg(test)]
mod tests;
