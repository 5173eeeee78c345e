//! Where the measurements happen: a folder of its own, identities, and the server in a process of its own. Or somebody
//! else's supervisor, with the playbook of the measurements.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_transport::authority::DevAuthority;
use belay_transport::channel;
use belay_transport::issuer::DevIssuer;
use belay_transport::tls::Identity;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use super::playbook::{self, Staff};
use crate::connection::ConnectionArgs;
use crate::demo::{Child, Door, Nursery, free_address};
use crate::exit::{Exit, Failure};

/// How long a server has to come up. Hours of work in its journal make it slower; there are none here.
const UP_WITHIN: Duration = Duration::from_secs(30);

/// The log of every server of a run.
const LOG: &str = "server.log";

/// How many lines of it are shown when a server fails.
const LAST_WORDS: usize = 5;

/// Where the business system of a foreign supervisor's playbook is expected.
pub(crate) const RECORDS_DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7499);

/// What all measurements of one run share.
pub(crate) struct Stage {
    folder: PathBuf,
    /// Removed with everything in it when the run is over.
    _temporary: Option<TempDir>,
    identity: PathBuf,
    nursery: Nursery,
    target: Option<String>,
    /// Where the business system listens.
    pub(crate) records: SocketAddr,
    staff: Staff,
    servers: u32,
}

/// A server that runs, or somebody else's.
pub(crate) struct Server {
    /// Where it is.
    pub(crate) endpoint: String,
    /// Its data, if it is ours.
    pub(crate) data: PathBuf,
    identity: PathBuf,
    child: Option<Child>,
    log: PathBuf,
}

impl Stage {
    /// Makes the folder, the playbook and the identities of everybody.
    pub(crate) fn build(
        folder: Option<&Path>,
        target: Option<&str>,
        connection: &ConnectionArgs,
        staff: Staff,
    ) -> Result<Self, Failure> {
        let failed = |error| Failure::of("cannot make a folder for the measurements", &error);
        let (folder, temporary) = match folder {
            Some(folder) => {
                fs::create_dir_all(folder).map_err(failed)?;
                (folder.to_owned(), None)
            }
            None => {
                let made = tempfile::Builder::new().prefix("belay-bench-").tempdir();
                let made = made.map_err(failed)?;
                (made.path().to_owned(), Some(made))
            }
        };
        let records = if target.is_some() { RECORDS_DEFAULT } else { free_address()? };
        let identity = match target {
            Some(_) => vouching(connection.identity_directory())?,
            None => folder.join("identity"),
        };
        let failed = |error| Failure::of("cannot make identities", &error);
        let authority = DevAuthority::open_or_create(&identity).map_err(failed)?;
        for agent in staff.all() {
            authority.agent(&agent).map_err(failed)?;
        }
        for number in 1..=staff.idle {
            authority.agent(&playbook::idle_agent(number)).map_err(failed)?;
        }
        DevIssuer::open_or_create(&identity)
            .map_err(|error| Failure::of("cannot make identities", &error))?;
        playbook::write(&folder.join("playbook"), &format!("http://{records}"), staff)?;
        Ok(Self {
            nursery: Nursery::new(folder.join("logs"))?,
            folder,
            _temporary: temporary,
            identity,
            target: target.map(str::to_owned),
            records,
            staff,
            servers: 0,
        })
    }

    /// The folder of the run.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The agents of the playbook.
    pub(crate) fn staff(&self) -> Staff {
        self.staff
    }

    /// Who an agent is.
    pub(crate) fn agent(&self, name: &str) -> Identity {
        Identity::in_directory(&self.identity, &format!("agents/{name}"))
    }

    /// A supervisor with an empty journal, in a process of its own; or the one that was named.
    pub(crate) async fn serve(&mut self) -> Result<Server, Failure> {
        if let Some(endpoint) = &self.target {
            let (endpoint, data) = (endpoint.clone(), PathBuf::new());
            return Ok(Server {
                endpoint,
                data,
                identity: self.identity.clone(),
                child: None,
                log: PathBuf::new(),
            });
        }
        self.servers += 1;
        let data = self.folder.join(format!("data-{}", self.servers));
        self.serve_from(&data).await
    }

    /// A supervisor with this data, in a process of its own.
    pub(crate) async fn serve_from(&self, data: &Path) -> Result<Server, Failure> {
        let mut server = self.spawn(data)?;
        server.wait().await?;
        Ok(server)
    }

    /// The same, without waiting until it answers.
    pub(crate) fn spawn(&self, data: &Path) -> Result<Server, Failure> {
        let listen = free_address()?;
        let arguments = [
            "serve".to_owned(),
            format!("--playbook={}", self.folder.join("playbook").display()),
            format!("--data={}", data.display()),
            format!("--identity={}", self.identity.display()),
            format!("--listen={listen}"),
            "--until-stdin-ends".to_owned(),
        ];
        let child = self.nursery.start("server", &arguments, &quiet())?;
        Ok(Server {
            endpoint: format!("https://localhost:{}", listen.port()),
            data: data.to_owned(),
            identity: self.identity.clone(),
            child: Some(child),
            log: self.nursery.logs().join(LOG),
        })
    }

    /// A bare server that answers with what it was sent, in a process of its own.
    pub(crate) async fn echo(&self) -> Result<Server, Failure> {
        let listen = free_address()?;
        let arguments = [
            "bench-echo".to_owned(),
            format!("--certificates={}", self.identity.display()),
            format!("--listen={listen}"),
        ];
        let child = self.nursery.start("server", &arguments, &quiet())?;
        let mut server = Server {
            endpoint: format!("https://localhost:{}", listen.port()),
            data: PathBuf::new(),
            identity: self.identity.clone(),
            child: Some(child),
            log: self.nursery.logs().join(LOG),
        };
        server.wait().await?;
        Ok(server)
    }
}

impl Server {
    /// Ways to speak with it as a tool or a person.
    pub(crate) fn door(&self) -> Result<Door, Failure> {
        Door::new(&self.endpoint, &self.identity)
    }

    /// A connection of its own as the tool.
    pub(crate) async fn connect(&self) -> Result<Channel, Failure> {
        let tool = Identity::in_directory(&self.identity, "tools/cli");
        channel::connect(&self.endpoint, tool)
            .await
            .map_err(|error| Failure::of("no connection", &error))
    }

    /// Fails when it has ended, with its last words: its log goes with the folder.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        self.child.as_mut().map_or(Ok(()), Child::check).map_err(|failure| {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = lines.split_at(lines.len().saturating_sub(LAST_WORDS)).1;
            failure.hint(format!("its last words were:\n{}", last.join("\n")))
        })
    }

    /// What it holds in memory now; none if it is somebody else's, or the system does not say.
    pub(crate) fn rss(&self) -> Option<u64> {
        let pid = self.child.as_ref()?.pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }

    /// Waits until it takes connections.
    pub(crate) async fn wait(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + UP_WITHIN;
        loop {
            self.check()?;
            match self.connect().await {
                Ok(_) => return Ok(()),
                Err(failure) if Instant::now() >= deadline => return Err(failure),
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Lets it leave in order.
    pub(crate) async fn end(self) {
        if let Some(child) = self.child {
            child.end().await;
        }
    }

    /// Kills it where it stands.
    pub(crate) async fn kill(self) -> Result<(), Failure> {
        match self.child {
            Some(child) => child.kill().await,
            None => Ok(()),
        }
    }
}

/// The identities of somebody else's supervisor, with the authority that it believes: one that were made here would
/// only be refused.
fn vouching(identity: PathBuf) -> Result<PathBuf, Failure> {
    if identity.join("ca.key").is_file() {
        return Ok(identity);
    }
    let what = format!("{} has no authority that could vouch for agents", identity.display());
    let hint = "give the identities of the supervisor that is measured: --identity DATA/identity";
    Err(Failure::new(Exit::Usage, what).hint(hint))
}

/// Logs cost time; what matters is logged all the same. Whoever wants to see more says so.
fn quiet() -> Vec<(String, String)> {
    match std::env::var_os("RUST_LOG") {
        Some(_) => Vec::new(),
        None => vec![("RUST_LOG".to_owned(), "warn".to_owned())],
    }
}
