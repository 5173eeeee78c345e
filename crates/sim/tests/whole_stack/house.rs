//! The supervisor's host: the real thing, on a simulated network and a simulated disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use belay_journal::{Disk, Driver, Slowness};
use belay_playbook::Playbook;
use belay_supervisor::{Config, StartError, Supervisor, Surroundings};
use belay_transport::authority::DevAuthority;
use belay_transport::issuer::DevIssuer;
use tokio::sync::Notify;

use crate::books::Remote;
use crate::dice::Dice;
use crate::net::{PORT, Port, uptime, wall};
use crate::witness::Witness;

/// The playbook of all stories.
const PLAYBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/whole_stack/playbook");

/// What outlives the supervisor's process: its folder, and who can tell it to leave.
#[derive(Clone)]
pub(crate) struct House {
    data: PathBuf,
    disk: Arc<Spindle>,
    leave: Arc<Notify>,
    witness: Witness,
}

impl House {
    /// A house in a folder, with the certificates of everybody.
    pub(crate) fn build(data: &Path, agents: &[&str], seed: u64, witness: Witness) -> Self {
        let house = Self {
            data: data.to_owned(),
            disk: Arc::new(Spindle(Mutex::new(Dice::of(seed, "disk")))),
            leave: Arc::default(),
            witness,
        };
        let authority = DevAuthority::open_or_create(&house.identities()).unwrap();
        for agent in agents {
            authority.agent(agent).unwrap();
        }
        authority.tool("cli").unwrap();
        DevIssuer::open_or_create(&house.identities()).unwrap();
        house
    }

    /// Where certificates and the identity provider are.
    pub(crate) fn identities(&self) -> PathBuf {
        self.data.join("identity")
    }

    /// The journal's folder.
    pub(crate) fn journal(&self) -> PathBuf {
        Config::journal_in(&self.data)
    }

    /// The desk's file.
    pub(crate) fn desk(&self) -> PathBuf {
        self.data.join("desk.db")
    }

    /// Tells the supervisor to leave in order; another one takes its place.
    pub(crate) fn asks_to_leave(&self) {
        self.leave.notify_waiters();
    }

    /// Serves for as long as the host lives.
    pub(crate) async fn serve(self) -> turmoil::Result {
        loop {
            self.serve_once().await?;
        }
    }

    async fn serve_once(&self) -> turmoil::Result {
        let mut config = Config::development(&self.data, Path::new(PLAYBOOK));
        config.shards = 2;
        config.journal.driver = Driver::Inline(self.disk.clone());
        // Dead lines do not end by themselves; a supervisor that leaves must be gone before the network has healed.
        config.connections.drain_limit = Duration::from_secs(2);
        let around = Surroundings {
            wall: Arc::new(wall),
            steady: Arc::new(uptime),
            outside: Arc::new(Remote),
            playbook: Some(playbook()),
        };
        let assembled = loop {
            match Supervisor::assemble(config.clone(), around.clone()).await {
                Ok(assembled) => break assembled,
                // The one before lets go of its files a moment later.
                Err(StartError::Journal(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(failure) => return Err(Box::new(failure)),
            }
        };
        let port = Port::open(PORT).await?;
        let address = port.address();
        let running = assembled.serve(port, address);
        self.witness.happened("a supervisor started");
        tokio::select! {
            fatal = running.failed() => {
                self.witness.broken(format!("the supervisor cannot go on: {fatal}"));
                std::future::pending::<()>().await;
            }
            () = self.leave.notified() => {}
        }
        running.drain().await;
        self.witness.happened("a supervisor left in order");
        Ok(())
    }
}

/// Loading takes as long as a good part of a story, so it is done once.
fn playbook() -> Arc<Playbook> {
    static LOADED: OnceLock<Arc<Playbook>> = OnceLock::new();
    LOADED.get_or_init(|| Arc::new(Playbook::load(Path::new(PLAYBOOK)).unwrap())).clone()
}

/// A disk that is usually quick and sometimes not.
#[derive(Debug)]
struct Spindle(Mutex<Dice>);

impl Spindle {
    fn slowness(&self, quick: u64) -> Slowness {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let done_after =
            if dice.chance(2) { dice.millis(100, 1_000) } else { dice.millis(0, quick) };
        let told_after = if dice.chance(5) { dice.millis(1, 50) } else { Duration::ZERO };
        Slowness { done_after, told_after }
    }
}

impl Disk for Spindle {
    fn commit(&self) -> Slowness {
        self.slowness(8)
    }

    fn read(&self) -> Slowness {
        self.slowness(2)
    }
}
