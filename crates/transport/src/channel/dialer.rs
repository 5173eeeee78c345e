//! What a channel's connections go over: the system's TCP, or a network that is simulated.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Makes connections on which TLS is spoken then. Called for each connection anew.
pub trait Dialer: Clone + Send + Sync + 'static {
    /// One connection, on which nothing has been said.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects to a port of a host, given by its name or its address.
    fn dial(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// The system's TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Dialer for Tcp {
    type Stream = TcpStream;

    async fn dial(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((host, port)).await?;
        // Without it small questions wait 40 ms for the server's acknowledgement.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
