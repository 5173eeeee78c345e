//! What the tests of this crate share: certificates of every sort, and a server to show them to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use rcgen::{CertificateParams, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::accept::{Counters, Drained, Server, Settings, listen};
use crate::authority::DevAuthority;
use crate::revocation::Revocations;
use crate::tls::{ALPN, Identity, ServerTls};

/// Longer than anything here takes, and short enough to wait for when something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A server and the authority that everybody in the test believes.
pub(crate) struct Bed {
    pub(crate) authority: DevAuthority,
    pub(crate) address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    pub(crate) revocations: Revocations,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: JoinHandle<Drained>,
    directory: TempDir,
}

impl Bed {
    /// Serves the standard health service.
    pub(crate) async fn healthy(settings: Settings) -> Self {
        let (reporter, service) = tonic_health::server::health_reporter();
        reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
        Self::serving(settings, tonic::service::Routes::new(service)).await
    }

    /// Serves `service`.
    pub(crate) async fn serving<S>(settings: Settings, service: S) -> Self
    where
        S: tower::Service<
                http::Request<Incoming>,
                Response = http::Response<Body>,
                Error = Infallible,
            >,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
    {
        let directory = tempfile::tempdir().unwrap();
        let authority = DevAuthority::open_or_create(directory.path()).unwrap();
        let tls = Arc::new(ServerTls::load(authority.server_identity()).unwrap());
        let revocations = Revocations::default();
        let server = Server::new(tls, revocations.clone(), settings);
        let counters = server.counters();
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.serve(listener, service, stop.clone()));
        Self { authority, address, counters, revocations, stop, serving, directory }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// A certificate of the believed authority with these URI names, whatever they are.
    pub(crate) fn certificate(&self, uris: &[&str]) -> Identity {
        certificate(self.directory.path(), uris)
    }

    /// Shows a certificate, or none, and says whether the server let it in.
    pub(crate) async fn shows(&self, identity: Option<&Identity>) -> Outcome {
        match self.shake_hands(identity).await {
            Err(_) => Outcome::Refused,
            Ok(mut stream) => match stream.read_u8().await {
                // The first thing a server says on HTTP/2 is its settings.
                Ok(_) => Outcome::LetIn,
                Err(_) => Outcome::Refused,
            },
        }
    }

    /// Makes a TLS connection. With TLS 1.3 a client only learns later that it was refused.
    pub(crate) async fn shake_hands(
        &self,
        identity: Option<&Identity>,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let ca = CertificateDer::from_pem_file(self.directory.path().join("ca.pem")).unwrap();
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(raw_client(ca, identity, &[&rustls::version::TLS13])))
            .connect(name, stream)
            .await
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    LetIn,
    Refused,
}

/// A certificate of the authority in `directory` with these URI names.
pub(crate) fn certificate(directory: &Path, uris: &[&str]) -> Identity {
    certificate_with(directory, uris, |_| {})
}

/// The same, with some things changed.
pub(crate) fn certificate_with(
    directory: &Path,
    uris: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Identity {
    let ca_key =
        KeyPair::from_pem(&std::fs::read_to_string(directory.join("ca.key")).unwrap()).unwrap();
    let ca_pem = std::fs::read_to_string(directory.join("ca.pem")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&ca_pem, ca_key).unwrap();
    let mut params =
        CertificateParams::new(vec!["client.example".to_owned(), "localhost".to_owned()]).unwrap();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
        .subject_alt_names
        .extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let identity = Identity::in_directory(
        directory,
        &format!(
            "odd-{}",
            key.public_key_raw()[9..13].iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte))
        ),
    );
    std::fs::write(&identity.certificate, params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    std::fs::write(&identity.key, key.serialize_pem()).unwrap();
    identity
}

/// A client that believes one authority and checks nothing about itself.
pub(crate) fn raw_client(
    ca: CertificateDer<'static>,
    identity: Option<&Identity>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(&identity.certificate).unwrap()],
                PrivateKeyDer::from_pem_file(&identity.key).unwrap(),
            )
            .unwrap(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config
}
