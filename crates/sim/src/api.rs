//! Calling the supervisor without a network: the same services behind the same door, in the same process.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use belay_domain::Digest;
use belay_transport::accept::Listener;
use belay_transport::peer::Peer;
use belay_transport::spiffe::{SpiffeId, TrustDomain};
use belay_transport::thumbprint::Thumbprint;
use http::{HeaderValue, Request, Response, header};
use tokio::io::DuplexStream;
use tonic::body::Body;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// What generated clients talk to.
pub(crate) type Channel = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Nobody comes over the network: everybody calls from within the process.
pub(crate) struct Nobody;

impl Listener for Nobody {
    type Stream = DuplexStream;

    async fn accept(&self) -> io::Result<(DuplexStream, SocketAddr)> {
        std::future::pending().await
    }

    fn ready(_: &DuplexStream) -> io::Result<()> {
        Ok(())
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'a> {
    /// An agent.
    Agent(&'a str),
    /// A tool, for nobody in particular.
    Tool(&'a str),
    /// A person with this token, through a tool.
    Person(&'a str),
}

/// The API as one caller reaches it.
pub(crate) fn channel(api: &Channel, domain: &TrustDomain, who: Who<'_>) -> Channel {
    let name = match who {
        Who::Agent(name) | Who::Tool(name) => name,
        Who::Person(_) => "browser",
    };
    let spiffe: Result<SpiffeId, _> = match who {
        Who::Agent(name) => domain.agent(name),
        Who::Tool(_) | Who::Person(_) => domain.tool(name),
    };
    let spiffe = spiffe.unwrap_or_else(|_| unreachable!("{name:?} can be part of an identity"));
    let certificate = Thumbprint::from(*Digest::of(name.as_bytes()).as_bytes());
    let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let peer = Peer { spiffe, certificate, remote };
    let bearer = match who {
        Who::Person(token) => HeaderValue::from_str(&format!("Bearer {token}")).ok(),
        Who::Agent(_) | Who::Tool(_) => None,
    };
    let proved = api.clone().map_request(move |mut request: Request<Body>| {
        request.extensions_mut().insert(peer.clone());
        if let Some(bearer) = &bearer {
            request.headers_mut().insert(header::AUTHORIZATION, bearer.clone());
        }
        request
    });
    BoxCloneSyncService::new(proved)
}
