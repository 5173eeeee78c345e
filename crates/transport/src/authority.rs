//! A certificate authority for the first run, so that even it is authenticated.
//!
//! It makes its own key, and certificates for the supervisor, the agents and the command line, in a
//! directory that a newcomer can look into. Whoever can read the directory can be anybody, so it is
//! for development; production brings certificates of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::private_file;
use crate::spiffe::{InvalidId, SpiffeId, TrustDomain};
use crate::tls::Identity;

/// The trust domain of development certificates.
pub const DEV_TRUST_DOMAIN: &str = "belay.local";

/// How long a certificate of a process is valid. A week of trying things out needs no renewal, and a
/// copy that was left somewhere is soon worthless.
pub const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long before its end a certificate is made anew.
pub const LEAF_RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(2 * 24);

/// How long the authority's own certificate is valid.
pub const CA_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How long before its end the authority's certificate is made anew, over the same key. Longer than
/// any certificate it signed is valid, so none of them outlives it.
pub const CA_RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How far back certificates begin, for machines whose clock is behind.
const BACKDATED: SignedDuration = SignedDuration::from_mins(5);

/// The development authority and the directory it keeps.
///
/// ```text
/// ca.pem  ca.key
/// server.pem  server.key
/// agents/<name>.pem  agents/<name>.key
/// tools/cli.pem  tools/cli.key
/// ```
pub struct DevAuthority {
    directory: PathBuf,
    domain: TrustDomain,
    issuer: Issuer<'static, KeyPair>,
    /// The key that existing certificates must have been signed with to be kept.
    authority_key: Vec<u8>,
}

/// Why the development authority cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file or directory cannot be read or written.
    #[error("cannot read or write {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The authority's files are damaged.
    #[error("{path} is damaged; remove the directory it is in to begin anew")]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// The name cannot be part of an identity.
    #[error("{name:?} cannot be the name of an agent or a tool")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: InvalidId,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate")]
    Issue(#[source] rcgen::Error),
}

/// What a certificate is for.
struct Subject {
    file: String,
    spiffe: SpiffeId,
    hosts: Vec<SanType>,
    usages: Vec<ExtendedKeyUsagePurpose>,
}

impl DevAuthority {
    /// Opens the authority in `directory`, or makes one there, with the certificates of the server and
    /// the command line. Safe to repeat; renews what is near its end.
    pub fn open_or_create(directory: &Path) -> Result<Self, AuthorityError> {
        Self::open_or_create_at(directory, Timestamp::now())
    }

    /// [`Self::open_or_create`] at a given time.
    pub fn open_or_create_at(directory: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        for room in ["", "agents", "tools"] {
            let path = directory.join(room);
            private_file::make_directory(&path)
                .map_err(|source| AuthorityError::File { path, source })?;
        }
        let domain = TrustDomain::new(DEV_TRUST_DOMAIN)
            .map_err(|source| AuthorityError::Name { name: DEV_TRUST_DOMAIN.into(), source })?;
        let key_file = directory.join("ca.key");
        let key_pem = private_file::read_or_create(&key_file, || {
            KeyPair::generate().map(|pair| pair.serialize_pem()).map_err(io::Error::other)
        })
        .map_err(|source| AuthorityError::File { path: key_file.clone(), source })?;
        let key =
            KeyPair::from_pem(&key_pem).map_err(|_| AuthorityError::Damaged { path: key_file })?;
        let authority_key = key.public_key_raw().to_vec();
        let params = ca_params(now);
        let ca_file = directory.join("ca.pem");
        let kept = valid_until(&ca_file, &authority_key)
            .is_some_and(|until| now + CA_RENEWED_BEFORE < until);
        if !kept {
            let certificate = params.self_signed(&key).map_err(AuthorityError::Issue)?;
            write(&ca_file, &certificate.pem())?;
        }
        let authority = Self {
            directory: directory.to_owned(),
            domain,
            issuer: Issuer::new(params, key),
            authority_key,
        };
        authority.server(now)?;
        authority.tool_at("cli", now)?;
        Ok(authority)
    }

    /// The trust domain of everything this authority signs.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// The directory it keeps.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the supervisor proves itself with, on this machine only.
    pub fn server_identity(&self) -> Identity {
        Identity::in_directory(&self.directory, "server")
    }

    /// What the agent called `name` proves itself with. Made or renewed if need be.
    pub fn agent(&self, name: &str) -> Result<Identity, AuthorityError> {
        self.agent_at(name, Timestamp::now())
    }

    /// [`Self::agent`] at a given time.
    pub fn agent_at(&self, name: &str, now: Timestamp) -> Result<Identity, AuthorityError> {
        let spiffe = self.named(name, TrustDomain::agent)?;
        self.client(format!("agents/{name}"), spiffe, now)
    }

    /// What the tool called `name` proves itself with. Made or renewed if need be.
    pub fn tool(&self, name: &str) -> Result<Identity, AuthorityError> {
        self.tool_at(name, Timestamp::now())
    }

    /// [`Self::tool`] at a given time.
    pub fn tool_at(&self, name: &str, now: Timestamp) -> Result<Identity, AuthorityError> {
        let spiffe = self.named(name, TrustDomain::tool)?;
        self.client(format!("tools/{name}"), spiffe, now)
    }

    fn named(
        &self,
        name: &str,
        within: impl Fn(&TrustDomain, &str) -> Result<SpiffeId, InvalidId>,
    ) -> Result<SpiffeId, AuthorityError> {
        within(&self.domain, name)
            .map_err(|source| AuthorityError::Name { name: name.to_owned(), source })
    }

    fn server(&self, now: Timestamp) -> Result<Identity, AuthorityError> {
        let localhost = "localhost".try_into().map_err(AuthorityError::Issue)?;
        self.issue(
            Subject {
                file: "server".into(),
                spiffe: self.domain.supervisor(),
                hosts: vec![
                    SanType::DnsName(localhost),
                    SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                    SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
                ],
                // A supervisor is also a client of other supervisors.
                usages: vec![
                    ExtendedKeyUsagePurpose::ServerAuth,
                    ExtendedKeyUsagePurpose::ClientAuth,
                ],
            },
            now,
        )
    }

    fn client(
        &self,
        file: String,
        spiffe: SpiffeId,
        now: Timestamp,
    ) -> Result<Identity, AuthorityError> {
        let usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(Subject { file, spiffe, hosts: Vec::new(), usages }, now)
    }

    fn issue(&self, subject: Subject, now: Timestamp) -> Result<Identity, AuthorityError> {
        let identity = Identity::in_directory(&self.directory, &subject.file);
        let until = valid_until(&identity.certificate, &self.authority_key);
        if until.is_some_and(|until| now + LEAF_RENEWED_BEFORE < until) && identity.key.exists() {
            return Ok(identity);
        }
        let mut params = CertificateParams::default();
        set_life(&mut params, now, LEAF_LIFE);
        params.distinguished_name.push(DnType::CommonName, subject.spiffe.path());
        params.subject_alt_names = subject.hosts;
        let uri = subject.spiffe.as_str().try_into().map_err(AuthorityError::Issue)?;
        params.subject_alt_names.push(SanType::URI(uri));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = subject.usages;
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        let key = KeyPair::generate().map_err(AuthorityError::Issue)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(AuthorityError::Issue)?;
        // The certificate last: whoever follows the files finds its key already there.
        write(&identity.key, &key.serialize_pem())?;
        write(&identity.certificate, &certificate.pem())?;
        Ok(identity)
    }
}

impl std::fmt::Debug for DevAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevAuthority").field("directory", &self.directory).finish_non_exhaustive()
    }
}

fn ca_params(now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    set_life(&mut params, now, CA_LIFE);
    params.distinguished_name.push(DnType::CommonName, "Belay development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn set_life(params: &mut CertificateParams, now: Timestamp, life: SignedDuration) {
    params.not_before = std::time::SystemTime::from(now - BACKDATED).into();
    params.not_after = std::time::SystemTime::from(now + life).into();
}

/// Until when the certificate in a file is valid; `None` if there is none that `authority` signed.
fn valid_until(path: &Path, authority_key: &[u8]) -> Option<Timestamp> {
    let certificate = CertificateDer::from_pem_file(path).ok()?;
    let (_, certificate) = X509Certificate::from_der(&certificate).ok()?;
    let signed = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1,
        authority_key,
    )
    .verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data);
    signed.ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

fn write(path: &Path, contents: &str) -> Result<(), AuthorityError> {
    private_file::replace(path, contents.as_bytes())
        .map_err(|source| AuthorityError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
