//! Who is on the other end of a connection.
//!
//! The accept loop puts a [`Peer`] and a [`Closing`] into the extensions of every request. They come
//! from the TLS session; nothing a client writes into a message can change them.

use std::net::SocketAddr;

use http::Extensions;
use tokio_util::sync::CancellationToken;

use crate::spiffe::SpiffeId;
use crate::thumbprint::Thumbprint;

/// The process at the other end, as its certificate proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The one SPIFFE id of the certificate.
    pub spiffe: SpiffeId,
    /// Which certificate it was.
    pub certificate: Thumbprint,
    /// Where the connection came from. For logs only: an address proves nothing.
    pub remote: SocketAddr,
}

impl Peer {
    /// The peer of a request, if it came through the accept loop.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }
}

/// Says when the connection of a request is being closed in an orderly way, because it is old or the
/// server is leaving. A handler with a long stream ends it then, and its client connects again.
#[derive(Clone, Debug)]
pub struct Closing(CancellationToken);

impl Closing {
    /// The closing of a request's connection, if it came through the accept loop.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Waits until the connection is being closed.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Whether the connection is being closed.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    pub(crate) fn new(token: CancellationToken) -> Self {
        Self(token)
    }
}
