//! HTTP for callers who have no certificate of ours: systems that send webhooks. Whoever calls is nobody in
//! particular, so what they send has to prove itself.
//!
//! It is HTTP/1.1, which every system speaks, over TLS 1.2 or 1.3, or without TLS behind a proxy on the same machine.
//! As at the other door, each step has a time and each resource a bound.

mod certificate;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::{Drained, Listener};

pub use certificate::WebCertificate;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long the loop rests after the system refuses a connection, usually for want of file descriptors.
const REST_AFTER_ERROR: Duration = Duration::from_millis(50);

/// What a connection may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSettings {
    /// The most connections at once. A system opens a handful; what is beyond is dropped.
    pub connections_max: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the head of a request may take, and how long a connection may say nothing.
    pub head_timeout: Duration,
    /// How long a connection may live. Systems open another one.
    pub age_max: Duration,
    /// How long requests under way may go on when the server leaves.
    pub drain_limit: Duration,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            connections_max: 256,
            handshake_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(10),
            age_max: Duration::from_secs(120),
            drain_limit: Duration::from_secs(5),
        }
    }
}

/// Accepts connections and serves them.
#[derive(Debug)]
pub struct WebServer {
    certificate: Option<Arc<WebCertificate>>,
    settings: WebSettings,
}

impl WebServer {
    /// A server with this certificate. Without one it speaks plain HTTP, which must not leave the machine.
    #[must_use]
    pub fn new(certificate: Option<Arc<WebCertificate>>, settings: WebSettings) -> Self {
        Self { certificate, settings }
    }

    /// Serves `service` on `listener` until `stop`; then accepts no more, waits for the requests under way as long as
    /// the settings allow, and cuts what is left.
    pub async fn serve<L, S, B>(self, listener: L, service: S, stop: CancellationToken) -> Drained
    where
        L: Listener,
        S: tower::Service<
                http::Request<Incoming>,
                Response = http::Response<B>,
                Error = Infallible,
            >,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let Self { certificate, settings } = self;
        let (tasks, room) =
            (TaskTracker::new(), Arc::new(Semaphore::new(settings.connections_max)));
        let (leave, cut) = (CancellationToken::new(), CancellationToken::new());
        let _cut_when_dropped = cut.clone().drop_guard();
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let (stream, remote) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted by the system");
                    tokio::time::sleep(REST_AFTER_ERROR).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                tracing::debug!(%remote, "connection dropped: too many are open");
                continue;
            };
            let guest = Guest { settings, leave: leave.clone(), service: service.clone() };
            let config = certificate.as_ref().map(|certificate| certificate.config());
            tasks.spawn(cut.clone().run_until_cancelled_owned(async move {
                let _place = place;
                if L::ready(&stream).is_err() {
                    return;
                }
                match config {
                    None => guest.serve(stream).await,
                    Some(config) => {
                        let shaking = TlsAcceptor::from(config).accept(stream);
                        match timeout(settings.handshake_timeout, shaking).await {
                            Ok(Ok(stream)) => guest.serve(stream).await,
                            Ok(Err(error)) => tracing::debug!(%remote, %error, "no handshake"),
                            Err(_) => tracing::debug!(%remote, "the handshake took too long"),
                        }
                    }
                }
            }));
        }
        drop(listener);
        leave.cancel();
        tasks.close();
        if timeout(settings.drain_limit, tasks.wait()).await.is_ok() {
            return Drained { cut: 0 };
        }
        let left = u64::try_from(tasks.len()).unwrap_or(u64::MAX);
        cut.cancel();
        tasks.wait().await;
        Drained { cut: left }
    }
}

/// What serves one connection.
struct Guest<S> {
    settings: WebSettings,
    leave: CancellationToken,
    service: S,
}

impl<S> Guest<S> {
    async fn serve<I, B>(self, stream: I)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: tower::Service<
                http::Request<Incoming>,
                Response = http::Response<B>,
                Error = Infallible,
            >,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let service = TowerToHyperService::new(self.service);
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.settings.head_timeout);
        let mut connection =
            std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut old = std::pin::pin!(tokio::time::sleep(self.settings.age_max));
        let mut leaving = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection failed");
                    }
                    return;
                }
                () = self.leave.cancelled(), if !leaving => {}
                () = &mut old, if !leaving => {}
            }
            leaving = true;
            connection.as_mut().graceful_shutdown();
        }
    }
}

#[cfg(test)]
mod tests;
