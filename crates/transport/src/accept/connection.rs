//! The life of one connection: let in or refused, served, and ended.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use hyper::body::{Body, Incoming};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::counters::{Counters, Open};
use super::places::Place;
use super::timely::Timely;
use super::unread::{self, Paced};
use super::{BoxError, KindSettings, Listener, Refusal, Shared};
use crate::peer::{Closing, Peer};
use crate::spiffe::SpiffeId;
use crate::thumbprint::Thumbprint;
use crate::tls::ALPN;

/// Takes a new connection into the server's tasks, or drops it if there is no room for it.
pub(super) fn open<L, S, B>(shared: &Arc<Shared>, stream: L::Stream, remote: SocketAddr, service: S)
where
    L: Listener,
    S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let room = match Room::take(shared, remote.ip()) {
        Ok(room) => room,
        Err(reason) => return refuse(shared, remote, reason, None),
    };
    let shared = Arc::clone(shared);
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let cut = shared.cut.clone();
        // A handshake is not work that a leaving server waits for. Each part of the connection's life is on the heap
        // by itself: an idle one would weigh what all of them need together.
        let admitted = tokio::select! {
            admitted = Box::pin(admit::<L>(&shared, stream, remote, room)) => admitted,
            () = shared.leave.cancelled() => return,
        };
        match admitted {
            Ok(guest) => {
                let served = Box::pin(guest.serve(&shared, service));
                cut.run_until_cancelled(served).await;
            }
            Err((reason, detail)) => refuse(&shared, remote, reason, detail),
        }
    });
}

/// What a connection holds while it shakes hands.
struct Room {
    connection: OwnedSemaphorePermit,
    _handshake: OwnedSemaphorePermit,
    _address: Place<IpAddr>,
}

impl Room {
    fn take(shared: &Shared, address: IpAddr) -> Result<Self, Refusal> {
        let max = shared.settings.handshakes_pending_per_address_max;
        Ok(Self {
            connection: Arc::clone(&shared.connections)
                .try_acquire_owned()
                .map_err(|_| Refusal::Connections)?,
            _handshake: Arc::clone(&shared.handshakes)
                .try_acquire_owned()
                .map_err(|_| Refusal::Handshakes)?,
            _address: shared.places.for_address(address, max).ok_or(Refusal::Address)?,
        })
    }
}

/// A connection whose peer is believed.
struct Guest<I> {
    stream: TlsStream<I>,
    peer: Peer,
    limits: KindSettings,
    /// When its certificate ends.
    certified_for: Duration,
    _connection: OwnedSemaphorePermit,
    _identity: Place<SpiffeId>,
    _open: Open,
}

type Refused = (Refusal, Option<BoxError>);

async fn admit<L: Listener>(
    shared: &Shared,
    stream: L::Stream,
    remote: SocketAddr,
    room: Room,
) -> Result<Guest<L::Stream>, Refused> {
    L::ready(&stream).map_err(|error| (Refusal::System, Some(error.into())))?;
    let handshake = TlsAcceptor::from(shared.tls.config()).accept(stream);
    let stream = match timeout(shared.settings.handshake_timeout, handshake).await {
        Err(_) => return Err((Refusal::HandshakeTimeout, None)),
        Ok(Err(error)) => return Err((reason_of(&error), Some(error.into()))),
        Ok(Ok(stream)) => stream,
    };
    let (_, session) = stream.get_ref();
    if session.alpn_protocol() != Some(ALPN) {
        return Err((Refusal::NotHttp2, None));
    }
    let Some([certificate, ..]) = session.peer_certificates() else {
        return Err((Refusal::Certificate, None));
    };
    let spiffe = SpiffeId::of_certificate(certificate)
        .map_err(|error| (Refusal::Identity, Some(error.into())))?;
    let peer = Peer { spiffe, certificate: Thumbprint::of(certificate), remote };
    let certified_for = certified_for(certificate).ok_or((Refusal::Certificate, None))?;
    let refused = |reason| (reason, Some(BoxError::from(peer.spiffe.to_string())));
    if !shared.trust_domains.iter().any(|domain| peer.spiffe.is_in(domain)) {
        return Err(refused(Refusal::TrustDomain));
    }
    let limits = shared.settings.of(peer.spiffe.kind().ok_or_else(|| refused(Refusal::Kind))?);
    if shared.revocations.names(&peer) {
        return Err(refused(Refusal::Revoked));
    }
    let identity = shared
        .places
        .for_identity(&peer.spiffe, limits.connections_max)
        .ok_or_else(|| refused(Refusal::IdentityConnections))?;
    let open = shared.counters.enter();
    let Room { connection, .. } = room;
    Ok(Guest {
        stream,
        peer,
        limits,
        certified_for,
        _connection: connection,
        _identity: identity,
        _open: open,
    })
}

/// Why the loop of a connection was left.
enum End {
    /// Either side was done.
    Done(hyper::Result<()>),
    Revoked,
    NoRequest,
    GraceOver,
}

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Guest<I> {
    async fn serve<S, B>(self, shared: &Shared, service: S)
    where
        S: Service<http::Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + Unpin + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let settings = &shared.settings;
        let Self { stream, peer, limits, certified_for, _connection, _identity, _open } = self;
        tracing::debug!(peer = %peer.spiffe, remote = %peer.remote, "connection opened");
        let cut = shared.cut.child_token();
        // However this ends, its handlers end with it.
        let _handlers_end_too = cut.clone().drop_guard();
        let closing = CancellationToken::new();
        let requested = Arc::new(AtomicBool::new(false));
        let handlers = Handlers {
            tasks: shared.tasks.clone(),
            cut,
            unread_max: settings.unread_max,
            counters: Arc::clone(&shared.counters),
        };
        let service = Identified {
            service,
            peer: peer.clone(),
            closing: closing.clone(),
            requested: Arc::clone(&requested),
        };
        let stream = Timely::new(stream, settings.keepalive_every + settings.keepalive_timeout);
        let builder = http2(shared, limits, handlers);
        let mut connection = Box::pin(builder.serve_connection(TokioIo::new(stream), service));
        let mut revoked = pin!(shared.revocations.revoked(&peer));
        let begun = Instant::now();
        let mut first_request = pin!(sleep_until(begun + settings.first_request_timeout));
        let mut first_request_awaited = true;
        let age = shortened(settings.connection_age_max).min(certified_for);
        let mut end_of_time = pin!(sleep_until(begun + age));
        let mut leaving = false;
        let end = loop {
            tokio::select! {
                () = &mut revoked => break End::Revoked,
                done = connection.as_mut() => break End::Done(done),
                () = &mut first_request, if first_request_awaited => {
                    first_request_awaited = false;
                    if !requested.load(Ordering::Relaxed) {
                        break End::NoRequest;
                    }
                }
                () = shared.leave.cancelled(), if !leaving => {
                    leaving = true;
                    closing.cancel();
                    connection.as_mut().graceful_shutdown();
                    // The server itself cuts what is left, sooner than this.
                    let ample = settings.drain_limit + settings.connection_age_grace;
                    end_of_time.as_mut().reset(Instant::now() + ample);
                }
                () = &mut end_of_time => {
                    if leaving {
                        break End::GraceOver;
                    }
                    leaving = true;
                    closing.cancel();
                    connection.as_mut().graceful_shutdown();
                    end_of_time.as_mut().reset(Instant::now() + settings.connection_age_grace);
                }
            }
        };
        match end {
            End::Done(Ok(())) => tracing::debug!(peer = %peer.spiffe, "connection closed"),
            End::Done(Err(error)) => {
                tracing::debug!(peer = %peer.spiffe, error = &error as &dyn std::error::Error, "connection failed");
            }
            End::Revoked => {
                shared.counters.cut_one_by_revocation();
                tracing::warn!(peer = %peer.spiffe, certificate = %peer.certificate, "connection cut, peer revoked");
            }
            End::NoRequest => refuse(
                shared,
                peer.remote,
                Refusal::NoRequest,
                Some(peer.spiffe.to_string().into()),
            ),
            End::GraceOver => tracing::debug!(peer = %peer.spiffe, "old connection cut"),
        }
    }
}

/// HTTP/2 with the settings that make it safe against a hostile client; the library's defaults are not.
fn http2(shared: &Shared, limits: KindSettings, handlers: Handlers) -> http2::Builder<Handlers> {
    let settings = &shared.settings;
    let mut builder = http2::Builder::new(handlers);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_local_error_reset_streams(settings.local_error_resets_max)
        .initial_stream_window_size(settings.stream_window_bytes)
        .initial_connection_window_size(settings.connection_window_bytes)
        .max_send_buf_size(settings.send_buffer_bytes)
        .max_header_list_size(settings.header_list_bytes_max)
        .keep_alive_interval(settings.keepalive_every)
        .keep_alive_timeout(settings.keepalive_timeout);
    builder
}

/// The service of one connection: says with every request who is asking.
struct Identified<S> {
    service: S,
    peer: Peer,
    closing: CancellationToken,
    requested: Arc<AtomicBool>,
}

impl<S, B> hyper::service::Service<http::Request<Incoming>> for Identified<S>
where
    S: Service<http::Request<Incoming>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: 'static,
{
    type Response = http::Response<Paced<B>>;
    type Error = S::Error;
    /// On the heap by itself: a stream that has its answer and goes on for hours needs no room for it any more.
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, mut request: http::Request<Incoming>) -> Self::Future {
        self.requested.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(self.peer.clone());
        request.extensions_mut().insert(Closing::new(self.closing.clone()));
        // Runs in the task that serves the stream, which is where pacing finds its stream.
        let pace: fn(S::Response) -> Self::Response = |answer| answer.map(Paced::new);
        Box::pin(self.service.clone().map_response(pace).oneshot(request))
    }
}

/// Runs the handlers of one connection, owned by the server and ended with the connection.
#[derive(Clone)]
struct Handlers {
    tasks: TaskTracker,
    cut: CancellationToken,
    unread_max: Duration,
    counters: Arc<Counters>,
}

impl<F> Executor<F> for Handlers
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, handler: F) {
        let counters = Arc::clone(&self.counters);
        let served = unread::serve(handler, self.unread_max);
        let noted = async move {
            if !served.await {
                counters.cut_one_unread();
                tracing::debug!("stream cut, its client does not read");
            }
        };
        self.tasks.spawn(self.cut.clone().run_until_cancelled_owned(noted));
    }
}

fn refuse(shared: &Shared, remote: SocketAddr, reason: Refusal, detail: Option<BoxError>) {
    shared.counters.refuse(reason);
    let reason_text = reason.as_str();
    let detail = detail.map(|detail| detail.to_string()).unwrap_or_default();
    match reason {
        // Somebody whom an authority vouched for: worth a look.
        Refusal::Identity
        | Refusal::TrustDomain
        | Refusal::Kind
        | Refusal::Revoked
        | Refusal::IdentityConnections => {
            tracing::warn!(%remote, reason = reason_text, detail, "connection refused");
        }
        // Anybody at all, as often as they like.
        _ => tracing::debug!(%remote, reason = reason_text, detail, "connection refused"),
    }
}

fn reason_of(error: &std::io::Error) -> Refusal {
    let error = error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>());
    match error {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Refusal::Certificate
        }
        Some(rustls::Error::NoApplicationProtocol) => Refusal::NotHttp2,
        _ => Refusal::NotTls,
    }
}

/// How much longer a certificate is valid. It is believed for no longer, though TLS looks only once.
fn certified_for(certificate: &CertificateDer<'_>) -> Option<Duration> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let until = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Duration::from_secs(until).checked_sub(now)
}

/// Up to a tenth less, so that connections that began together do not end together.
fn shortened(age: Duration) -> Duration {
    let mut random = [0];
    // Without randomness they end together, which is no worse than slow.
    let _ = aws_lc_rs::rand::fill(&mut random);
    age - age / 10 * u32::from(random[0]) / 255
}
