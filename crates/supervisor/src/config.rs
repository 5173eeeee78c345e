//! How one supervisor is set up: where its data and its playbook are, where it listens, and whom it believes. The
//! defaults suit a first run on one machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_domain::{GroupId, TenantId};
use belay_transport::limits::LimitSettings;
use belay_transport::person::Provider;
use belay_transport::tls::Identity;

use crate::upkeep::{AuditSettings, HookDoor};

/// The port on which a supervisor listens when nothing else is said.
pub const PORT_DEFAULT: u16 = 7443;

/// The tenant of a first run.
pub const TENANT_DEFAULT: &str = "default";

/// The group whose members run the installation, when nothing else is said.
pub const OPERATORS_DEFAULT: &str = "operators";

/// The most shards. The journal has one writer, so more of them only decide faster than it can write.
const SHARDS_MAX: usize = 8;

/// How long what has been begun may go on after the connections have ended.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// How a supervisor is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where everything is kept that has to survive. One supervisor at a time uses it.
    pub data: PathBuf,
    /// The folder of the playbook.
    pub playbook: PathBuf,
    /// Where to listen. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Who is believed.
    pub trust: Trust,
    /// The tenants that tools may act for; the first is theirs, and the agents'. People bring their own.
    pub tenants: Vec<TenantId>,
    /// The groups whose members run this installation: they reload the playbook and verify the journal.
    pub operators: Vec<GroupId>,
    /// How many shards own the cases between them.
    pub shards: usize,
    /// What a connection may cost.
    pub connections: belay_transport::accept::Settings,
    /// How much is worked on at once.
    pub limits: LimitSettings,
    /// Where webhooks are taken; nowhere unless it is said.
    pub hooks: Option<HookDoor>,
    /// How the journal is audited meanwhile.
    pub audit: AuditSettings,
    /// How the journal is opened.
    pub journal: belay_journal::Options,
    /// How long what has been begun may go on once the connections have ended.
    pub settle_within: Duration,
}

/// Who is believed, and how the supervisor proves itself.
#[derive(Clone, Debug)]
pub enum Trust {
    /// An authority and an identity provider of its own, made in this directory if they are not there. Whoever can
    /// read the directory can be anybody: for trying things out.
    Development {
        /// The directory; agents and the command line find their certificates there.
        directory: PathBuf,
    },
    /// Certificates and an identity provider of the organisation.
    Files(Box<Files>),
}

/// Where it says who is believed. All of these files may change while the supervisor runs.
#[derive(Clone, Debug)]
pub struct Files {
    /// The supervisor's own certificate and key, and the authorities it believes.
    pub identity: Identity,
    /// Whose tokens prove people; without one, there are no people.
    pub people: Option<People>,
    /// The list of certificates and identities that are no longer believed.
    pub revocations: Option<PathBuf>,
}

/// Whose tokens prove people.
#[derive(Clone, Debug)]
pub struct People {
    /// How its tokens are read.
    pub provider: Provider,
    /// The file with its published keys, as a JSON Web Key Set.
    pub keys: PathBuf,
}

impl Config {
    /// A supervisor for a first run: on this machine only, with a development authority of its own below `data`.
    #[must_use]
    pub fn development(data: &Path, playbook: &Path) -> Self {
        Self {
            data: data.to_owned(),
            playbook: playbook.to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT)),
            trust: Trust::Development { directory: data.join("identity") },
            tenants: TENANT_DEFAULT.parse().into_iter().collect(),
            operators: OPERATORS_DEFAULT.parse().into_iter().collect(),
            shards: std::thread::available_parallelism()
                .map_or(1, usize::from)
                .clamp(1, SHARDS_MAX),
            connections: belay_transport::accept::Settings::default(),
            limits: LimitSettings::default(),
            hooks: None,
            audit: AuditSettings::default(),
            journal: belay_journal::Options::default(),
            settle_within: SETTLE_WITHIN,
        }
    }

    /// The tenant that tools and agents belong to.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        let first = self.tenants.first().cloned();
        first.or_else(|| TENANT_DEFAULT.parse().ok()).unwrap_or_else(|| unreachable!("it is an id"))
    }

    /// Where the journal of a supervisor with this data is.
    #[must_use]
    pub fn journal_in(data: &Path) -> PathBuf {
        data.join("journal")
    }
}
