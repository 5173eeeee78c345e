//! What a server and a client believe, and that changed files are noticed.

use super::*;
use crate::accept::{Refusal, Server, Settings, listen};
use crate::authority::DevAuthority;
use crate::channel::{ConnectError, connect};
use crate::revocation::Revocations;
use crate::testbed::{Bed, certificate, raw_client};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;

#[test]
fn changed_files_are_noticed_and_bad_ones_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let authority = DevAuthority::open_or_create(directory.path()).unwrap();
    let tls = ServerTls::load(authority.server_identity()).unwrap();
    assert!(!tls.reload().unwrap(), "nothing has changed");
    let good = tls.config();
    std::fs::write(&authority.server_identity().certificate, "not a certificate").unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::NoCertificate { .. })));
    assert!(Arc::ptr_eq(&good, &tls.config()), "the last good state stays");
    DevAuthority::open_or_create(directory.path()).unwrap();
    assert!(tls.reload().unwrap(), "the damaged certificate was made anew");
    assert!(!Arc::ptr_eq(&good, &tls.config()));
}

#[test]
fn a_server_whose_certificate_names_no_process_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    DevAuthority::open_or_create(directory.path()).unwrap();
    let refused = ServerTls::load(certificate(directory.path(), &[]));
    assert!(
        matches!(refused, Err(TlsError::Svid { source: InvalidSvid::NoName, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn only_tls_1_3_is_spoken() {
    let bed = Bed::healthy(Settings::default()).await;
    let identity = bed.authority.agent("billing").unwrap();
    let ca = CertificateDer::from_pem_file(&identity.ca).unwrap();
    let old = raw_client(ca, Some(&identity), &[&rustls::version::TLS12]);
    let stream = tokio::net::TcpStream::connect(bed.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    assert!(TlsConnector::from(Arc::new(old)).connect(name, stream).await.is_err());
    assert_eq!(bed.counters.refused(Refusal::NotTls), 1);
}

#[tokio::test]
async fn no_session_is_resumed() {
    let bed = Bed::healthy(Settings::default()).await;
    let identity = bed.authority.agent("billing").unwrap();
    let ca = CertificateDer::from_pem_file(&identity.ca).unwrap();
    let client = raw_client(ca, Some(&identity), &[&rustls::version::TLS13]);
    let connector = TlsConnector::from(Arc::new(client));
    for _ in 0..2 {
        let stream = tokio::net::TcpStream::connect(bed.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        // By the first byte of HTTP/2 a ticket would have come.
        stream.read_u8().await.unwrap();
        let kind = stream.get_ref().1.handshake_kind();
        assert_eq!(kind, Some(rustls::HandshakeKind::Full));
    }
}

#[tokio::test]
async fn a_client_believes_only_the_supervisor_of_its_own_domain() {
    check("spiffe://belay.local/supervisor", None).await;
    check(
        "spiffe://belay.local/agent/billing",
        Some("the server is not spiffe://belay.local/supervisor"),
    )
    .await;
    check(
        "spiffe://other.example/supervisor",
        Some("the server is not spiffe://belay.local/supervisor"),
    )
    .await;
}

#[tokio::test]
async fn a_client_checks_the_name_of_the_host() {
    let bed = Bed::healthy(Settings::default()).await;
    let identity = bed.authority.agent("billing").unwrap();
    // 127.0.0.2 is this machine too, and no name of the certificate.
    let endpoint = format!("https://127.0.0.2:{}", bed.address.port());
    let error = connect(&endpoint, identity).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.2"), "{error}");
}

/// Connects to a server whose certificate is valid for the host and names `server`.
async fn check(server: &str, refusal: Option<&str>) {
    let directory = tempfile::tempdir().unwrap();
    let authority = DevAuthority::open_or_create(directory.path()).unwrap();
    let tls = ServerTls::load(certificate(directory.path(), &[server])).unwrap();
    let settings =
        Settings { trust_domains: vec![authority.trust_domain().clone()], ..Settings::default() };
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let server = Server::new(Arc::new(tls), Revocations::default(), settings);
    tokio::spawn(server.serve(listener, tonic::service::Routes::default(), stop.clone()));
    let found =
        connect(&format!("https://localhost:{port}"), authority.agent("billing").unwrap()).await;
    match (found, refusal) {
        (Ok(_), None) => {}
        (Err(ConnectError::Unreachable { reason, .. }), Some(expected)) => {
            assert!(reason.contains(expected), "{reason}")
        }
        (found, expected) => panic!("found {found:?}, expected {expected:?}"),
    }
}
