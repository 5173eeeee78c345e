//! How the supervisor is reached, and who this agent is when it gets there.

use belay_transport::channel::ConnectError;
use belay_transport::spiffe::{Kind, SpiffeId};
use belay_transport::thumbprint::Thumbprint;
use belay_transport::tls::{Identity, TlsError};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tonic::transport::Channel;

use crate::error::ServeError;

/// Who this agent is, as its certificate proves. Permits are checked against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The name in the certificate.
    pub agent: SpiffeId,
    /// Which certificate it is.
    pub certificate: Thumbprint,
}

/// Makes a channel to an endpoint with an identity.
type Open = dyn Fn(&str, Identity) -> Result<Channel, ConnectError> + Send + Sync;

/// How to reach the supervisor.
pub(crate) enum Dial {
    /// Over TLS. The files are read anew for every session, because certificates are renewed.
    Tls {
        /// Where, such as `https://localhost:7443`.
        endpoint: String,
        /// The certificate and whom to believe.
        identity: Identity,
        /// Makes the channel.
        open: Box<Open>,
    },
    /// Over a channel that somebody else made.
    Given {
        /// The channel.
        channel: Channel,
        /// Who the agent is on it.
        me: Me,
    },
}

impl Dial {
    /// A channel for one session, and who the agent is on it.
    pub(crate) fn open(&self) -> Result<(Channel, Me), ServeError> {
        match self {
            Self::Given { channel, me } => Ok((channel.clone(), me.clone())),
            Self::Tls { endpoint, identity, open } => {
                let me = Me::of(identity)?;
                Ok((open(endpoint, identity.clone())?, me))
            }
        }
    }
}

impl Me {
    /// Whom the certificate of an identity names.
    pub fn of(identity: &Identity) -> Result<Self, ServeError> {
        let path = &identity.certificate;
        let pem =
            std::fs::read(path).map_err(|source| TlsError::Read { path: path.clone(), source })?;
        let leaf = CertificateDer::from_pem_slice(&pem)
            .map_err(|_| TlsError::NoCertificate { path: path.clone() })?;
        let agent = SpiffeId::of_certificate(&leaf)
            .map_err(|source| TlsError::Svid { path: path.clone(), source })?;
        match agent.kind() {
            Some(Kind::Agent(_)) => Ok(Self { certificate: Thumbprint::of(&leaf), agent }),
            _ => Err(ServeError::NotAnAgent { found: agent.to_string() }),
        }
    }
}
