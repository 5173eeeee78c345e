//! The simulated network in the shapes that the stack takes: a listener, a dialer, and the time of day that all hosts
//! share.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

use belay_agent::Dialer;
use belay_supervisor::Uptime;
use jiff::Timestamp;
use turmoil::net::{TcpListener, TcpStream};

/// Where the supervisor listens.
pub(crate) const PORT: u16 = 7443;

/// The host on which it runs.
pub(crate) const SUPERVISOR: &str = "supervisor";

/// The host of the system of record.
pub(crate) const BOOKS: &str = "books";

/// A port of a simulated host that takes connections.
pub(crate) struct Port {
    listener: TcpListener,
    address: SocketAddr,
}

impl Port {
    pub(crate) async fn open(port: u16) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        Ok(Self { listener: TcpListener::bind(address).await?, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl belay_transport::accept::Listener for Port {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.listener.accept().await
    }

    fn ready(_: &TcpStream) -> io::Result<()> {
        Ok(())
    }
}

impl axum::serve::Listener for Port {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Dials the supervisor, under whatever name its certificate has, and says when a line is there.
#[derive(Clone)]
pub(crate) struct Road<F>(pub(crate) F);

impl<F: Fn() + Clone + Send + Sync + 'static> Dialer for Road<F> {
    type Stream = TcpStream;

    async fn dial(&self, _: &str, port: u16) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((SUPERVISOR, port)).await?;
        (self.0)();
        Ok(stream)
    }
}

/// Where agents and callers find the supervisor, under a name that its certificate has.
pub(crate) fn endpoint() -> String {
    format!("https://localhost:{PORT}")
}

/// When all simulations begin.
pub(crate) fn beginning() -> Timestamp {
    static BEGINNING: OnceLock<Timestamp> = OnceLock::new();
    *BEGINNING.get_or_init(Timestamp::now)
}

/// The time of day on a host: the beginning, and what has gone by in the simulation.
pub(crate) fn wall() -> Timestamp {
    beginning() + turmoil::sim_elapsed().unwrap_or_default()
}

/// How long the machines of the network have been up: since the story began.
pub(crate) fn uptime() -> Option<Uptime> {
    Some(Uptime { boot: "the only one".to_owned(), up: turmoil::sim_elapsed()? })
}
