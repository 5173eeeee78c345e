//! How an agent or a tool reaches the supervisor.
//!
//! The channel proves who it is with a client certificate, believes only the supervisor of its own
//! trust domain, and notices within half a minute when the line has gone silent. It connects again by
//! itself, reading its certificate anew each time.

mod dialer;

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{CertificateError, OtherError};
use rustls_pki_types::{InvalidDnsNameError, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::tls::{self, Identity, TlsError};

pub use dialer::{Dialer, Tcp};

/// The time for TCP and TLS together. A supervisor that is slower than this is not worth waiting for:
/// the next attempt may reach another one.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a quiet connection is asked whether it is alive, and how long it has to answer. Without
/// it a channel never recovers from a silent partition. The server asks at the same pace.
pub const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
/// See [`KEEPALIVE_EVERY`].
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Messages are at most 1 MiB, and usually small.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not one.
    #[error("{endpoint:?} is not an address; write https://<host>:<port>")]
    Endpoint {
        /// What was given.
        endpoint: String,
    },
    /// The own certificate cannot be used.
    #[error(transparent)]
    Identity(#[from] TlsError),
    /// Nobody answers there, or one side does not believe the other.
    #[error("cannot reach the supervisor at {endpoint}: {reason}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// The innermost cause.
        reason: String,
        /// What was tried.
        #[source]
        source: tonic::transport::Error,
    },
}

/// Connects to the supervisor at `endpoint`, such as `https://localhost:7443`.
pub async fn connect(endpoint: &str, identity: Identity) -> Result<Channel, ConnectError> {
    let (prepared, dial) = prepare(Tcp, endpoint, identity)?;
    let connector = tower::service_fn(move |_: Uri| dial.clone().call());
    prepared.connect_with_connector(connector).await.map_err(|source| ConnectError::Unreachable {
        endpoint: endpoint.to_owned(),
        reason: innermost(&source),
        source,
    })
}

/// A channel that connects when it is first used. Only what can be checked here is checked here.
pub fn connect_lazy(endpoint: &str, identity: Identity) -> Result<Channel, ConnectError> {
    connect_lazy_over(Tcp, endpoint, identity)
}

/// The same over another network than the system's.
pub fn connect_lazy_over(
    dialer: impl Dialer,
    endpoint: &str,
    identity: Identity,
) -> Result<Channel, ConnectError> {
    let (prepared, dial) = prepare(dialer, endpoint, identity)?;
    let connector = tower::service_fn(move |_: Uri| dial.clone().call());
    Ok(prepared.connect_with_connector_lazy(connector))
}

/// Adds a person's bearer token to every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

/// The token has letters that no header may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token has characters that cannot be sent; was it copied whole?")]
pub struct InvalidToken;

impl Bearer {
    /// Carries `token`.
    pub fn new(token: &str) -> Result<Self, InvalidToken> {
        let mut value: MetadataValue<Ascii> =
            format!("Bearer {}", token.trim()).parse().map_err(|_| InvalidToken)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(..)")
    }
}

/// Makes one connection: TCP, then TLS with whatever the files hold at that moment.
#[derive(Clone)]
struct Dial<D> {
    dialer: D,
    host: String,
    port: u16,
    name: ServerName<'static>,
    identity: Identity,
}

impl<D: Dialer> Dial<D> {
    async fn call(self) -> io::Result<TokioIo<TlsStream<D::Stream>>> {
        let config = tls::client_config(&self.identity).map_err(io::Error::other)?;
        let connect = async {
            let stream = self.dialer.dial(&self.host, self.port).await?;
            TlsConnector::from(std::sync::Arc::new(config)).connect(self.name, stream).await
        };
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, connect).await??;
        if stream.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
            return Err(io::Error::other("the server does not speak HTTP/2"));
        }
        Ok(TokioIo::new(stream))
    }
}

fn prepare<D>(
    dialer: D,
    endpoint: &str,
    identity: Identity,
) -> Result<(Endpoint, Dial<D>), ConnectError> {
    let invalid = || ConnectError::Endpoint { endpoint: endpoint.to_owned() };
    let uri: Uri = endpoint.parse().map_err(|_| invalid())?;
    if uri.scheme_str() != Some("https") || !matches!(uri.path(), "" | "/") {
        return Err(invalid());
    }
    let host =
        uri.host().ok_or_else(invalid)?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host.clone()).map_err(|_: InvalidDnsNameError| invalid())?;
    let authority = uri.authority().ok_or_else(invalid)?.clone();
    // What is wrong with the files is said now, and not as a failed connection later.
    tls::client_config(&identity)?;
    // The library would do TLS itself for https and read the files only once; the origin, which goes
    // into every request, still says https.
    let prepared = Endpoint::from_shared(format!("http://{authority}"))
        .map_err(|_| invalid())?
        .origin(uri.clone())
        .http2_keep_alive_interval(KEEPALIVE_EVERY)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    Ok((prepared, Dial { dialer, host, port: uri.port_u16().unwrap_or(443), name, identity }))
}

/// The cause at the bottom, in words. The layers between only say that something failed.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    loop {
        // The system's errors and TLS's carry a cause that they do not call their source.
        let carried = match error.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|cause| cause as &(dyn Error + 'static)),
            None => match error.downcast_ref::<rustls::Error>() {
                Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(
                    cause,
                )))) => Some(&**cause as &(dyn Error + 'static)),
                _ => None,
            },
        };
        match carried.or_else(|| error.source()) {
            Some(cause) => error = cause,
            None => return error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
