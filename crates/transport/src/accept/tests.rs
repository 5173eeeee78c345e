//! Every way of being refused, and every way of being let go. Over real sockets.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tonic::service::Routes;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceExt;

use super::*;
use crate::channel::connect;
use crate::peer::{Closing, Peer};
use crate::testbed::{Bed, Outcome, PATIENCE, certificate_with};
use crate::thumbprint::Thumbprint;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

#[tokio::test]
async fn an_agent_with_a_certificate_is_served_and_its_handler_knows_who_it_is() {
    let (sender, mut peers) = mpsc::unbounded_channel();
    let service = tower::service_fn(move |request: http::Request<Incoming>| {
        sender.send(Peer::of(request.extensions()).cloned()).unwrap();
        async { Ok::<_, Infallible>(tonic::Status::unimplemented("").into_http()) }
    });
    let bed = Bed::serving(Settings::default(), service).await;
    let identity = bed.authority.agent("billing").unwrap();
    let certificate = CertificateDer::from_pem_file(&identity.certificate).unwrap();
    let channel = connect(&bed.endpoint(), identity).await.unwrap();
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    assert_eq!(answer.unwrap_err().code(), tonic::Code::Unimplemented);
    let peer = peers.recv().await.unwrap().unwrap();
    assert_eq!(peer.spiffe.as_str(), "spiffe://belay.local/agent/billing");
    assert_eq!(peer.certificate, Thumbprint::of(&certificate));
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let bed = Bed::healthy(Settings { handshake_timeout: SHORT, ..Settings::default() }).await;
    let mut stream = TcpStream::connect(bed.address).await.unwrap();
    closes(&mut stream).await;
    assert_eq!(bed.counters.refused(Refusal::HandshakeTimeout), 1);
}

#[tokio::test]
async fn a_believed_peer_that_never_asks_anything_is_closed() {
    let bed = Bed::healthy(Settings { first_request_timeout: SHORT, ..Settings::default() }).await;
    let identity = bed.authority.agent("billing").unwrap();
    let mut stream = bed.shake_hands(Some(&identity)).await.unwrap();
    closes(&mut stream).await;
    assert_eq!(bed.counters.refused(Refusal::NoRequest), 1);
}

#[tokio::test]
async fn a_peer_that_only_says_hello_is_closed_too() {
    let bed = Bed::healthy(Settings { first_request_timeout: SHORT, ..Settings::default() }).await;
    let identity = bed.authority.agent("billing").unwrap();
    let mut stream = bed.shake_hands(Some(&identity)).await.unwrap();
    // The preface and empty settings: a complete HTTP/2 greeting, and no request.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    closes(&mut stream).await;
    assert_eq!(bed.counters.refused(Refusal::NoRequest), 1);
}

#[tokio::test]
async fn plaintext_is_refused() {
    let bed = Bed::healthy(Settings::default()).await;
    let mut stream = TcpStream::connect(bed.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    closes(&mut stream).await;
    assert_eq!(bed.counters.refused(Refusal::NotTls), 1);
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let bed = Bed::healthy(Settings::default()).await;
    assert_eq!(bed.shows(None).await, Outcome::Refused);
    assert_eq!(bed.counters.refused(Refusal::Certificate), 1);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let elsewhere = tempfile::tempdir().unwrap();
    let other = crate::authority::DevAuthority::open_or_create(elsewhere.path()).unwrap();
    let bed = Bed::healthy(Settings::default()).await;
    let identity = other.agent("billing").unwrap();
    assert_eq!(bed.shows(Some(&identity)).await, Outcome::Refused);
    assert_eq!(bed.counters.refused(Refusal::Certificate), 1);
}

#[tokio::test]
async fn a_certificate_names_exactly_one_process_of_the_trust_domain() {
    let agent = "spiffe://belay.local/agent/billing";
    check(&[agent], None).await;
    check(&[], Some(Refusal::Identity)).await;
    check(&[agent, "spiffe://belay.local/agent/refunds"], Some(Refusal::Identity)).await;
    check(&[agent, "https://example.com/"], Some(Refusal::Identity)).await;
    check(&["https://example.com/agent/billing"], Some(Refusal::Identity)).await;
    check(&["spiffe://other.example/agent/billing"], Some(Refusal::TrustDomain)).await;
    check(&["spiffe://belay.local/ns/default/sa/web"], Some(Refusal::Kind)).await;
}

#[tokio::test]
async fn a_third_connection_of_one_agent_is_refused_until_one_is_gone() {
    let bed = Bed::healthy(Settings::default()).await;
    let identity = bed.authority.agent("billing").unwrap();
    let mut first = bed.shake_hands(Some(&identity)).await.unwrap();
    let mut second = bed.shake_hands(Some(&identity)).await.unwrap();
    first.read_u8().await.unwrap();
    second.read_u8().await.unwrap();
    assert_eq!(bed.shows(Some(&identity)).await, Outcome::Refused);
    assert_eq!(bed.counters.refused(Refusal::IdentityConnections), 1);
    let other = bed.authority.agent("refunds").unwrap();
    assert_eq!(
        bed.shows(Some(&other)).await,
        Outcome::LetIn,
        "another agent has places of its own"
    );
    let tool = bed.authority.tool("cli").unwrap();
    assert_eq!(bed.shows(Some(&tool)).await, Outcome::LetIn);
    drop(first);
    let again = async { while bed.shows(Some(&identity)).await == Outcome::Refused {} };
    timeout(PATIENCE, again).await.expect("a place becomes free");
}

#[tokio::test]
async fn connections_and_handshakes_have_a_limit() {
    let full = Bed::healthy(Settings { connections_max: 0, ..Settings::default() }).await;
    closes(&mut TcpStream::connect(full.address).await.unwrap()).await;
    assert_eq!(full.counters.refused(Refusal::Connections), 1);

    let busy = Bed::healthy(Settings { handshakes_pending_max: 1, ..Settings::default() }).await;
    let _shaking = TcpStream::connect(busy.address).await.unwrap();
    closes(&mut TcpStream::connect(busy.address).await.unwrap()).await;
    assert_eq!(busy.counters.refused(Refusal::Handshakes), 1);

    let crowded =
        Bed::healthy(Settings { handshakes_pending_per_address_max: 1, ..Settings::default() })
            .await;
    let _shaking = TcpStream::connect(crowded.address).await.unwrap();
    closes(&mut TcpStream::connect(crowded.address).await.unwrap()).await;
    assert_eq!(crowded.counters.refused(Refusal::Address), 1);
}

/// AUT-3.
#[tokio::test]
async fn revoking_an_identity_cuts_its_live_stream_and_keeps_it_out() {
    let bed = Bed::healthy(Settings::default()).await;
    let identity = bed.authority.agent("billing").unwrap();
    let other = connect(&bed.endpoint(), bed.authority.agent("refunds").unwrap()).await.unwrap();
    let channel = connect(&bed.endpoint(), identity.clone()).await.unwrap();
    let mut live =
        HealthClient::new(channel).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    live.message().await.unwrap().expect("the stream is live");
    bed.revocations.revoke_identity("spiffe://belay.local/agent/billing".parse().unwrap());
    let ended = timeout(PATIENCE, live.message()).await.expect("the stream ends");
    assert!(ended.is_err(), "a cut stream does not end in peace: {ended:?}");
    assert_eq!(bed.counters.cut_by_revocation(), 1);
    assert_eq!(bed.shows(Some(&identity)).await, Outcome::Refused);
    assert_eq!(bed.counters.refused(Refusal::Revoked), 1);
    HealthClient::new(other)
        .check(HealthCheckRequest::default())
        .await
        .expect("others are left alone");
}

#[tokio::test]
async fn revoking_a_certificate_cuts_only_that_certificate() {
    let bed = Bed::healthy(Settings::default()).await;
    let identity = bed.authority.agent("billing").unwrap();
    let renewed = bed.certificate(&["spiffe://belay.local/agent/billing"]);
    let mut old = bed.shake_hands(Some(&identity)).await.unwrap();
    old.read_u8().await.unwrap();
    bed.revocations.revoke_certificate(Thumbprint::of(
        &CertificateDer::from_pem_file(&identity.certificate).unwrap(),
    ));
    closes(&mut old).await;
    assert_eq!(bed.shows(Some(&renewed)).await, Outcome::LetIn);
}

#[tokio::test]
async fn a_server_that_leaves_lets_work_finish() {
    let (bed, gate, mut begun) = gated(Settings::default()).await;
    let channel = connect(&bed.endpoint(), bed.authority.agent("billing").unwrap()).await.unwrap();
    let call = tokio::spawn(async move {
        HealthClient::new(channel).check(HealthCheckRequest::default()).await
    });
    let closing = begun.recv().await.unwrap();
    assert!(!closing.is_requested());
    bed.stop.cancel();
    timeout(PATIENCE, closing.requested()).await.expect("handlers are told");
    assert!(TcpStream::connect(bed.address).await.is_err(), "nobody new is accepted");
    gate.notify_one();
    call.await.unwrap().expect("the call finishes");
    assert_eq!(bed.serving.await.unwrap(), Drained { cut: 0 });
}

#[tokio::test]
async fn work_that_does_not_finish_in_time_is_cut() {
    let (bed, _gate, mut begun) =
        gated(Settings { drain_limit: SHORT, ..Settings::default() }).await;
    let channel = connect(&bed.endpoint(), bed.authority.agent("billing").unwrap()).await.unwrap();
    let call = tokio::spawn(async move {
        HealthClient::new(channel).check(HealthCheckRequest::default()).await
    });
    begun.recv().await.unwrap();
    bed.stop.cancel();
    assert_eq!(timeout(PATIENCE, bed.serving).await.unwrap().unwrap(), Drained { cut: 1 });
    assert!(call.await.unwrap().is_err());
}

#[tokio::test]
async fn an_old_connection_is_asked_to_go_and_its_client_connects_again() {
    let (bed, gate, mut begun) =
        gated(Settings { connection_age_max: SHORT, ..Settings::default() }).await;
    let channel = connect(&bed.endpoint(), bed.authority.agent("billing").unwrap()).await.unwrap();
    let mut client = HealthClient::new(channel);
    let call = tokio::spawn({
        let mut client = client.clone();
        async move { client.check(HealthCheckRequest::default()).await }
    });
    timeout(PATIENCE, begun.recv().await.unwrap().requested())
        .await
        .expect("the connection grows old");
    gate.notify_one();
    call.await.unwrap().expect("what was begun is finished");
    gate.notify_one();
    client
        .check(HealthCheckRequest::default())
        .await
        .expect("the next call finds a new connection");
    // At least: a slow machine may have seen one more grow old.
    assert!(bed.counters.accepted() >= 2);
}

#[tokio::test]
async fn an_old_connection_that_does_not_go_is_cut() {
    let settings =
        Settings { connection_age_max: SHORT, connection_age_grace: SHORT, ..Settings::default() };
    let bed = Bed::healthy(settings).await;
    let channel = connect(&bed.endpoint(), bed.authority.agent("billing").unwrap()).await.unwrap();
    let mut live =
        HealthClient::new(channel).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    live.message().await.unwrap().expect("the stream is live");
    assert!(timeout(PATIENCE, live.message()).await.expect("the stream ends").is_err());
}

#[tokio::test]
async fn a_connection_does_not_outlive_its_certificate() {
    let settings = Settings { connection_age_grace: SHORT, ..Settings::default() };
    let bed = Bed::healthy(settings).await;
    let soon = std::time::SystemTime::now() + Duration::from_secs(2);
    let agent = "spiffe://belay.local/agent/billing";
    let identity = certificate_with(bed.authority.directory(), &[agent], |params| {
        params.not_after = soon.into();
    });
    let channel = connect(&bed.endpoint(), identity).await.unwrap();
    let mut client = HealthClient::new(channel);
    let mut live = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    live.message().await.unwrap().expect("the stream is live");
    assert!(timeout(PATIENCE, live.message()).await.expect("the stream ends").is_err());
    assert!(std::time::SystemTime::now() >= soon - Duration::from_secs(1), "and not sooner");
}

#[tokio::test]
async fn an_agent_has_only_so_many_streams_at_once() {
    let mut settings = Settings::default();
    settings.agent.streams_max = 1;
    let bed = Bed::healthy(settings).await;
    let channel = connect(&bed.endpoint(), bed.authority.agent("billing").unwrap()).await.unwrap();
    let mut client = HealthClient::new(channel);
    let first = client.watch(HealthCheckRequest::default()).await.unwrap();
    let mut second = std::pin::pin!(client.watch(HealthCheckRequest::default()));
    assert!(timeout(SHORT, &mut second).await.is_err(), "the second waits for the first");
    drop(first);
    timeout(PATIENCE, second).await.expect("and then has its turn").unwrap();
}

/// Long enough for a handshake on a busy machine, short enough to wait for.
const SHORT: Duration = Duration::from_millis(400);

/// Shows a certificate with these URI names.
async fn check(uris: &[&str], expected: Option<Refusal>) {
    let bed = Bed::healthy(Settings::default()).await;
    let outcome = bed.shows(Some(&bed.certificate(uris))).await;
    let found = Refusal::ALL.into_iter().find(|reason| bed.counters.refused(*reason) > 0);
    assert_eq!(found, expected, "for {uris:?}");
    assert_eq!(outcome == Outcome::LetIn, expected.is_none(), "for {uris:?}");
    assert_eq!(bed.counters.accepted(), u64::from(expected.is_none()), "for {uris:?}");
}

/// A health service whose answers wait for a gate, and which says when a call has begun.
async fn gated(settings: Settings) -> (Bed, Arc<Notify>, mpsc::UnboundedReceiver<Closing>) {
    let gate = Arc::new(Notify::new());
    let (sender, begun) = mpsc::unbounded_channel();
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let routes = Routes::new(health);
    let opened = Arc::clone(&gate);
    let service = tower::service_fn(move |request: http::Request<Incoming>| {
        let (routes, opened) = (routes.clone(), Arc::clone(&opened));
        sender.send(Closing::of(request.extensions()).cloned().unwrap()).unwrap();
        async move {
            opened.notified().await;
            routes.oneshot(request).await
        }
    });
    (Bed::serving(settings, service).await, gate, begun)
}

/// Reads until the other side closes, which it must.
async fn closes(stream: &mut (impl AsyncReadExt + Unpin)) {
    let closed = timeout(PATIENCE, async {
        let mut said = [0; 256];
        loop {
            match stream.read(&mut said).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
                Err(error) => panic!("{error}"),
            }
        }
    });
    closed.await.expect("the server closes the connection");
}
