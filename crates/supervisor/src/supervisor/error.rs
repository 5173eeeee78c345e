//! Why a supervisor does not start, for the operator.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use belay_journal::{OpenError, ReadError};
use belay_playbook::Problems;
use belay_transport::authority::AuthorityError;
use belay_transport::issuer::IssuerError;
use belay_transport::permit::KeyError;
use belay_transport::person::ProviderError;
use belay_transport::revocation::ListError;
use belay_transport::tls::TlsError;

use crate::secrets::SecretError;
use crate::systems::ConnectError;

/// Why a supervisor does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The playbook has errors.
    #[error("the playbook has errors and cannot be used:\n{0}")]
    Playbook(Problems),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Read(#[from] ReadError),
    /// An outside system cannot be used as the playbook describes it.
    #[error("an outside system of the playbook cannot be used: {0}")]
    System(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The development authority cannot be used.
    #[error("the development authority cannot be used")]
    Authority(#[from] AuthorityError),
    /// The development identity provider cannot be used.
    #[error("the development identity provider cannot be used")]
    Issuer(#[from] IssuerError),
    /// The certificates cannot be used.
    #[error("the certificates cannot be used")]
    Tls(#[from] TlsError),
    /// The identity provider's keys cannot be used.
    #[error("people cannot be believed")]
    People(#[from] ProviderError),
    /// The list of revocations cannot be used.
    #[error("the list of revocations cannot be used")]
    Revocations(#[from] ListError),
    /// The key that signs permits cannot be used.
    #[error("permits cannot be signed")]
    Permits(#[from] KeyError),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The address cannot be used.
    #[error("cannot listen on {address}; is another supervisor running there?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The webhooks of the playbook cannot be proven.
    #[error("webhooks cannot be taken")]
    Hooks(#[source] SecretError),
    /// The heartbeat of the playbook cannot be sent.
    #[error("the heartbeat cannot be sent")]
    Heartbeat(#[source] SecretError),
    /// Webhooks would cross a network in the open.
    #[error(
        "webhooks at {address} need a certificate; give one, or listen on this machine behind a proxy that has one"
    )]
    HooksInTheOpen {
        /// The address.
        address: SocketAddr,
    },
    /// The description of the API cannot be served.
    #[error("the description of the API cannot be served")]
    Reflection(#[from] tonic_reflection::server::Error),
}

impl From<ConnectError> for StartError {
    fn from(error: ConnectError) -> Self {
        Self::System(Box::new(error))
    }
}

impl From<Problems> for StartError {
    fn from(problems: Problems) -> Self {
        Self::Playbook(problems)
    }
}
