//! Where connections come from: the system's TCP, or a network that is simulated.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// Gives a server its connections. The server drops it when it accepts no more.
pub trait Listener: Send {
    /// One connection, on which nothing has been said.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection, and says from where it comes. Giving up the wait loses none.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// Makes a connection ready for the first byte. Unlike accepting, this may fail without holding up others.
    fn ready(stream: &Self::Stream) -> io::Result<()>;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        Self::accept(self)
    }

    fn ready(stream: &TcpStream) -> io::Result<()> {
        // Without it small answers wait 40 ms for the client's acknowledgement.
        stream.set_nodelay(true)
    }
}

#[cfg(test)]
mod tests;
