//! Who may connect, and what a connection may cost.
//!
//! Every connection is TLS 1.3 with a client certificate, speaks HTTP/2, and belongs to exactly one
//! SPIFFE id in an allowed trust domain before any handler runs (AUT-1). Each step towards that has a
//! time and each resource a bound, so that a client who says nothing, or too much, costs little. A
//! revoked peer loses its connections at once (AUT-3), and a server that leaves lets work finish first.

mod connection;
mod counters;
mod listener;
mod places;
mod settings;
mod timely;
mod unread;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::revocation::Revocations;
use crate::spiffe::TrustDomain;
use crate::tls::ServerTls;
use places::Places;

pub use counters::{Counters, Refusal};
pub use listener::Listener;
pub use settings::{KindSettings, Settings};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connections that may wait to be accepted. As many as may be in a handshake: a whole fleet that
/// reconnects after a restart fits.
pub const BACKLOG: u32 = 1024;

/// How long the loop rests after the system refuses a connection, usually for want of file
/// descriptors. Long enough not to spin, short enough that clients do not notice.
const REST_AFTER_ERROR: Duration = Duration::from_millis(50);

/// Accepts connections and serves them. Build one, keep its counters, then [`Server::serve`].
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

/// How a server's connections ended when it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that had to be cut because they did not finish in time.
    pub cut: u64,
}

/// What every connection of a server has in common.
#[derive(Debug)]
struct Shared {
    tls: Arc<ServerTls>,
    revocations: Revocations,
    trust_domains: Vec<TrustDomain>,
    settings: Settings,
    counters: Arc<Counters>,
    /// One permit for each connection that may be open.
    connections: Arc<Semaphore>,
    /// One permit for each handshake that may be under way.
    handshakes: Arc<Semaphore>,
    places: Places,
    /// Connections and the handlers of their streams.
    tasks: TaskTracker,
    /// Finish and go.
    leave: CancellationToken,
    /// Go.
    cut: CancellationToken,
}

impl Server {
    /// A server with this identity. It believes peers of `settings.trust_domains`, or, if there are
    /// none, of its own.
    pub fn new(tls: Arc<ServerTls>, revocations: Revocations, settings: Settings) -> Self {
        let trust_domains = match settings.trust_domains.as_slice() {
            [] => vec![tls.spiffe().trust_domain()],
            domains => domains.to_vec(),
        };
        Self {
            shared: Arc::new(Shared {
                connections: Arc::new(Semaphore::new(settings.connections_max)),
                handshakes: Arc::new(Semaphore::new(settings.handshakes_pending_max)),
                places: Places::default(),
                tasks: TaskTracker::new(),
                counters: Arc::new(Counters::default()),
                leave: CancellationToken::new(),
                cut: CancellationToken::new(),
                tls,
                revocations,
                trust_domains,
                settings,
            }),
        }
    }

    /// What happens at the door, counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.shared.counters)
    }

    /// Serves `service` on `listener` until `stop`; then accepts no more, asks every client to go, waits
    /// for the work under way for as long as the settings allow, and cuts what is left.
    ///
    /// Every request carries a [`crate::peer::Peer`] and a [`crate::peer::Closing`] in its extensions.
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
        B: Body + Send + Unpin + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let shared = self.shared;
        // Dropped in the middle of serving, the connections go too.
        let _cut_when_dropped = shared.cut.clone().drop_guard();
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, remote)) => {
                    connection::open::<L, S, B>(&shared, stream, remote, service.clone());
                }
                Err(error) => {
                    shared.counters.refuse(Refusal::System);
                    tracing::warn!(%error, "connection not accepted by the system");
                    tokio::time::sleep(REST_AFTER_ERROR).await;
                }
            }
        }
        drop(listener);
        shared.drain().await
    }
}

impl Shared {
    async fn drain(&self) -> Drained {
        self.leave.cancel();
        self.tasks.close();
        let limit = self.settings.drain_limit;
        let cut = match tokio::time::timeout(limit, self.tasks.wait()).await {
            Ok(()) => 0,
            Err(_) => {
                let cut = self.counters.open();
                tracing::warn!(
                    connections = cut,
                    ?limit,
                    "connections cut after the time to finish"
                );
                self.cut.cancel();
                self.tasks.wait().await;
                cut
            }
        };
        Drained { cut }
    }
}

/// Listens on `address` with a backlog of [`BACKLOG`]. Port 0 lets the system choose.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart need not wait for the old connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests;
