//! What happens at the door, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use std::sync::Arc;

/// Why a connection was refused, or ended by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The system could not accept it.
    System,
    /// Too many connections are open.
    Connections,
    /// Too many handshakes are under way.
    Handshakes,
    /// Too many handshakes are under way from that address.
    Address,
    /// The handshake took too long.
    HandshakeTimeout,
    /// The client does not speak TLS, or not 1.3.
    NotTls,
    /// The client showed no certificate, or one that nobody believed vouches for.
    Certificate,
    /// The client does not speak HTTP/2.
    NotHttp2,
    /// The certificate does not name exactly one SPIFFE id.
    Identity,
    /// The identity is of another trust domain.
    TrustDomain,
    /// The identity is neither an agent, nor a tool, nor a supervisor.
    Kind,
    /// The certificate or the identity is revoked.
    Revoked,
    /// The identity has as many connections as it may have.
    IdentityConnections,
    /// No request came.
    NoRequest,
}

/// What happened at the door since the server began, and how many are inside.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    open: AtomicU64,
    cut_by_revocation: AtomicU64,
    cut_unread: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl Refusal {
    /// Every reason, in the order of the checks.
    pub const ALL: [Self; 14] = [
        Self::System,
        Self::Connections,
        Self::Handshakes,
        Self::Address,
        Self::HandshakeTimeout,
        Self::NotTls,
        Self::Certificate,
        Self::NotHttp2,
        Self::Identity,
        Self::TrustDomain,
        Self::Kind,
        Self::Revoked,
        Self::IdentityConnections,
        Self::NoRequest,
    ];

    /// The reason as metrics and logs name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Connections => "connections",
            Self::Handshakes => "handshakes",
            Self::Address => "address",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::NotTls => "not_tls",
            Self::Certificate => "certificate",
            Self::NotHttp2 => "not_http2",
            Self::Identity => "identity",
            Self::TrustDomain => "trust_domain",
            Self::Kind => "kind",
            Self::Revoked => "revoked",
            Self::IdentityConnections => "identity_connections",
            Self::NoRequest => "no_request",
        }
    }
}

impl Counters {
    /// Connections whose peer was believed.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections that are open now, of those.
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Live connections that a revocation ended.
    pub fn cut_by_revocation(&self) -> u64 {
        self.cut_by_revocation.load(Ordering::Relaxed)
    }

    /// Streams that ended because their clients did not read.
    pub fn cut_unread(&self) -> u64 {
        self.cut_unread.load(Ordering::Relaxed)
    }

    /// Connections refused for one reason.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.refused[reason as usize].load(Ordering::Relaxed)
    }

    /// Reports the counts to a meter from now on.
    pub fn report(self: &Arc<Self>, meter: &Meter) {
        let (accepted, open, refused) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        meter
            .u64_observable_counter("belay.connections.accepted")
            .with_description("Connections whose peer was believed")
            .with_callback(move |observer| observer.observe(accepted.accepted(), &[]))
            .build();
        meter
            .u64_observable_gauge("belay.connections.open")
            .with_description("Connections that are open")
            .with_callback(move |observer| observer.observe(open.open(), &[]))
            .build();
        meter
            .u64_observable_counter("belay.connections.refused")
            .with_description("Connections that were refused, by reason")
            .with_callback(move |observer| {
                for reason in Refusal::ALL {
                    observer.observe(
                        refused.refused(reason),
                        &[KeyValue::new("reason", reason.as_str())],
                    );
                }
            })
            .build();
    }

    pub(super) fn refuse(&self, reason: Refusal) {
        self.refused[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn cut_one_by_revocation(&self) {
        self.cut_by_revocation.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn cut_one_unread(&self) {
        self.cut_unread.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection as open until the answer is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Open {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }
}

/// One open connection.
pub(super) struct Open(Arc<Counters>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
