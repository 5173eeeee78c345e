//! What a connection may cost, and how long each step towards one may take.

use std::time::Duration;

use crate::spiffe::{Kind, TrustDomain};

/// A TLS handshake is two round trips and a signature: milliseconds, or a second from far away.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// A client connects because it has something to say; one that says nothing is broken or hostile.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Two cores finish about a thousand handshakes a second, so these are one second of work.
const HANDSHAKES_PENDING_MAX: usize = 1024;

/// An eighth of all, so that it takes eight hostile addresses to keep everybody else out.
const HANDSHAKES_PENDING_PER_ADDRESS_MAX: u32 = 128;

/// Twice the agents one supervisor is meant to serve, as each may be replacing its connection. At about
/// 50 KiB each they fit into a gigabyte.
const CONNECTIONS_MAX: usize = 16_384;

/// One in use, and one that replaces it while the old one is still being given up for dead.
const AGENT_CONNECTIONS_MAX: u32 = 2;

/// An agent has one session stream and a few calls beside it.
const AGENT_STREAMS_MAX: u32 = 16;

/// Every terminal of every person uses the same tool identity.
const TOOL_CONNECTIONS_MAX: u32 = 256;

/// A tool may ask many questions at once, as a load test does.
const TOOL_STREAMS_MAX: u32 = 128;

/// Replicas share one identity; a handful of them talk to each other.
const SUPERVISOR_CONNECTIONS_MAX: u32 = 16;

/// Supervisors pass work on for many agents.
const SUPERVISOR_STREAMS_MAX: u32 = 256;

/// Messages are small; a window bounds what a stream can make us hold before its handler reads.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 128 * 1024;

/// What we hold for a stream whose client does not read.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// What is sent has to be read. Longer than the 10 s after which services tell a slow reader why it loses its
/// stream, so that one who reads at all is told.
const UNREAD_MAX: Duration = Duration::from_secs(15);

/// A bearer token of 16 KiB at most, a trace context and the usual headers.
const HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;

/// Resets that a client provokes by breaking the protocol before it is sent away (RUSTSEC-2024-0003).
const LOCAL_ERROR_RESETS_MAX: usize = 128;

/// A silent partition is noticed within half a minute. A ping says nothing about any case.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections move to another replica, and to new certificates, within the hour.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// What a client has to finish on an old connection after it was asked to go.
const CONNECTION_AGE_GRACE: Duration = Duration::from_secs(30);

/// Less than the 30 s that orchestrators give a process before they kill it.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// The bounds of a server. The defaults are for production; tests make them small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whose peers are believed. None means: the server's own domain.
    pub trust_domains: Vec<TrustDomain>,
    /// The time for a TLS handshake.
    pub handshake_timeout: Duration,
    /// The time from the end of the handshake to the first request.
    pub first_request_timeout: Duration,
    /// Handshakes that may be under way at once.
    pub handshakes_pending_max: usize,
    /// Handshakes that may be under way at once from one address, or one /64 of IPv6.
    pub handshakes_pending_per_address_max: u32,
    /// Connections that may be open at once.
    pub connections_max: usize,
    /// What each agent may use.
    pub agent: KindSettings,
    /// What each tool may use.
    pub tool: KindSettings,
    /// What all supervisors of a trust domain may use together.
    pub supervisor: KindSettings,
    /// The HTTP/2 window of a stream.
    pub stream_window_bytes: u32,
    /// The HTTP/2 window of a connection.
    pub connection_window_bytes: u32,
    /// The bytes that wait to be sent on a stream.
    pub send_buffer_bytes: usize,
    /// How long a client may leave a piece of an answer unread before it loses the stream.
    pub unread_max: Duration,
    /// The decoded headers of a request.
    pub header_list_bytes_max: u32,
    /// Streams that a client may have reset by its errors.
    pub local_error_resets_max: usize,
    /// How often a quiet connection is asked whether it is alive.
    pub keepalive_every: Duration,
    /// How long it has to answer.
    pub keepalive_timeout: Duration,
    /// How old a connection may get; each one gets up to a tenth less, so that they do not all end together.
    pub connection_age_max: Duration,
    /// How long its work may go on after that.
    pub connection_age_grace: Duration,
    /// How long work may go on after the server was told to stop.
    pub drain_limit: Duration,
}

/// What each identity of a kind may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindSettings {
    /// Connections of one identity at once.
    pub connections_max: u32,
    /// Streams on one connection at once.
    pub streams_max: u32,
}

impl Settings {
    /// What an identity of this kind may use.
    pub fn of(&self, kind: Kind<'_>) -> KindSettings {
        match kind {
            Kind::Agent(_) => self.agent,
            Kind::Tool(_) => self.tool,
            Kind::Supervisor => self.supervisor,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trust_domains: Vec::new(),
            handshake_timeout: HANDSHAKE_TIMEOUT,
            first_request_timeout: FIRST_REQUEST_TIMEOUT,
            handshakes_pending_max: HANDSHAKES_PENDING_MAX,
            handshakes_pending_per_address_max: HANDSHAKES_PENDING_PER_ADDRESS_MAX,
            connections_max: CONNECTIONS_MAX,
            agent: KindSettings {
                connections_max: AGENT_CONNECTIONS_MAX,
                streams_max: AGENT_STREAMS_MAX,
            },
            tool: KindSettings {
                connections_max: TOOL_CONNECTIONS_MAX,
                streams_max: TOOL_STREAMS_MAX,
            },
            supervisor: KindSettings {
                connections_max: SUPERVISOR_CONNECTIONS_MAX,
                streams_max: SUPERVISOR_STREAMS_MAX,
            },
            stream_window_bytes: STREAM_WINDOW_BYTES,
            connection_window_bytes: CONNECTION_WINDOW_BYTES,
            send_buffer_bytes: SEND_BUFFER_BYTES,
            unread_max: UNREAD_MAX,
            header_list_bytes_max: HEADER_LIST_BYTES_MAX,
            local_error_resets_max: LOCAL_ERROR_RESETS_MAX,
            keepalive_every: KEEPALIVE_EVERY,
            keepalive_timeout: KEEPALIVE_TIMEOUT,
            connection_age_max: CONNECTION_AGE_MAX,
            connection_age_grace: CONNECTION_AGE_GRACE,
            drain_limit: DRAIN_LIMIT,
        }
    }
}
