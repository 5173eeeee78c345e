//! TLS as Belay uses it: version 1.3 only, both sides prove themselves, HTTP/2 only.
//!
//! Certificates come from PEM files and are read again when they change, so short-lived certificates
//! can be renewed under a running process. Nothing is resumed: a resumed session would be believed on
//! the strength of a certificate that nobody has looked at since.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_util::sync::CancellationToken;

use crate::spiffe::{InvalidSvid, SpiffeId, TrustDomain};

/// The one protocol that is spoken inside TLS.
pub const ALPN: &[u8] = b"h2";

/// How often files are looked at for changes. Renewal happens hours before expiry and a revocation
/// must bite within 60 s, so this is soon enough for both and costs three small reads.
pub const FILES_LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// Where a process finds what it proves itself with, and whom it believes: three PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificates of the authorities that are believed.
    pub ca: PathBuf,
    /// The own certificate, followed by any intermediates.
    pub certificate: PathBuf,
    /// The private key of the own certificate.
    pub key: PathBuf,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file has no certificate where one is needed.
    #[error(
        "{path} has no readable certificate; it should be PEM and begin with BEGIN CERTIFICATE"
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file has no private key.
    #[error("{path} has no readable private key; it should be PEM and unencrypted")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The own certificate names no process.
    #[error("the certificate in {path} names no process")]
    Svid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: InvalidSvid,
    },
    /// The authorities cannot be used to check clients.
    #[error("the authorities in {path} cannot check clients")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        source: VerifierBuilderError,
    },
    /// Certificate and key do not fit each other, or the library refuses them.
    #[error("certificate and key cannot be used together")]
    Unusable(#[source] rustls::Error),
}

/// The server's side of TLS, as its files say it now.
#[derive(Debug)]
pub struct ServerTls {
    identity: Identity,
    current: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    spiffe: SpiffeId,
    pem: Pem,
}

/// What the three files hold. Compared, to tell whether they changed.
#[derive(PartialEq, Eq)]
struct Pem {
    ca: Vec<u8>,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl ServerTls {
    /// Reads the server's files.
    pub fn load(identity: Identity) -> Result<Self, TlsError> {
        let loaded = Loaded::server(&identity, identity.read()?)?;
        Ok(Self { identity, current: ArcSwap::from_pointee(loaded) })
    }

    /// What new connections are accepted with.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// Who the server is.
    pub fn spiffe(&self) -> SpiffeId {
        self.current.load().spiffe.clone()
    }

    /// Reads the files again and says whether they changed. After an error the last good state stays.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let pem = self.identity.read()?;
        if pem == self.current.load().pem {
            return Ok(false);
        }
        self.current.store(Arc::new(Loaded::server(&self.identity, pem)?));
        Ok(true)
    }

    /// Reloads whenever the files change, until `stop`.
    pub async fn follow(&self, every: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(every);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match self.reload() {
                Ok(true) => tracing::info!(identity = %self.spiffe(), "certificate reloaded"),
                Ok(false) => {}
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "certificate not reloaded"
                ),
            }
        }
    }
}

/// The client's side of TLS, from files read now. The server must hold a certificate for the host that
/// was asked for, and be the supervisor of the client's own trust domain.
pub fn client_config(identity: &Identity) -> Result<ClientConfig, TlsError> {
    let pem = identity.read()?;
    let own = identity.chain(&pem)?;
    let spiffe = identity.spiffe(&own)?;
    let provider = provider();
    let roots = Arc::new(identity.roots(&pem)?);
    let chain = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|source| TlsError::Authorities { path: identity.ca.clone(), source })?;
    let verifier = SupervisorVerifier { chain, domain: spiffe.trust_domain() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(own, identity.private_key(&pem)?)
        .map_err(TlsError::Unusable)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

impl Identity {
    /// The three files `ca.pem`, `<name>.pem` and `<name>.key` of a directory, as
    /// [`crate::authority::DevAuthority`] lays them out. `name` may have folders: `agents/billing`.
    pub fn in_directory(directory: &Path, name: &str) -> Self {
        Self {
            ca: directory.join("ca.pem"),
            certificate: directory.join(format!("{name}.pem")),
            key: directory.join(format!("{name}.key")),
        }
    }

    fn read(&self) -> Result<Pem, TlsError> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|source| TlsError::Read { path: path.clone(), source })
        };
        Ok(Pem {
            ca: read(&self.ca)?,
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
        })
    }

    fn roots(&self, pem: &Pem) -> Result<RootCertStore, TlsError> {
        let none = || TlsError::NoCertificate { path: self.ca.clone() };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&pem.ca).ok_or_else(none)? {
            roots.add(certificate).map_err(|_| none())?;
        }
        Ok(roots)
    }

    fn chain(&self, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        certificates(&pem.certificate)
            .ok_or_else(|| TlsError::NoCertificate { path: self.certificate.clone() })
    }

    fn private_key(&self, pem: &Pem) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&pem.key)
            .map_err(|_| TlsError::NoKey { path: self.key.clone() })
    }

    fn spiffe(&self, chain: &[CertificateDer<'_>]) -> Result<SpiffeId, TlsError> {
        let leaf = chain
            .first()
            .ok_or_else(|| TlsError::NoCertificate { path: self.certificate.clone() })?;
        SpiffeId::of_certificate(leaf)
            .map_err(|source| TlsError::Svid { path: self.certificate.clone(), source })
    }
}

impl Loaded {
    fn server(identity: &Identity, pem: Pem) -> Result<Self, TlsError> {
        let chain = identity.chain(&pem)?;
        let spiffe = identity.spiffe(&chain)?;
        let provider = provider();
        let clients = WebPkiClientVerifier::builder_with_provider(
            Arc::new(identity.roots(&pem)?),
            Arc::clone(&provider),
        )
        .build()
        .map_err(|source| TlsError::Authorities { path: identity.ca.clone(), source })?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsError::Unusable)?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, identity.private_key(&pem)?)
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), spiffe, pem })
    }
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pem(..)")
    }
}

/// The server is not the supervisor that the client was looking for.
#[derive(Debug, thiserror::Error)]
#[error("the server is not {expected}")]
struct NotTheSupervisor {
    expected: SpiffeId,
}

/// Believes a server that its authority vouches for, under the name that was asked for, and that is
/// the supervisor: an agent's certificate cannot pass for one, whatever host names it was given.
#[derive(Debug)]
struct SupervisorVerifier {
    chain: Arc<WebPkiServerVerifier>,
    domain: TrustDomain,
}

impl ServerCertVerifier for SupervisorVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.chain.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        let refused = |error: Arc<dyn std::error::Error + Send + Sync>| {
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(error)))
        };
        let found =
            SpiffeId::of_certificate(end_entity).map_err(|error| refused(Arc::new(error)))?;
        let expected = self.domain.supervisor();
        if found == expected {
            Ok(verified)
        } else {
            Err(refused(Arc::new(NotTheSupervisor { expected })))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests;
