//! What keeps an eye on Belay itself, beside the work on cases: the auditor, the heartbeat, the canaries, and the door
//! for webhooks.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use belay_domain::{Span, TenantId};
use belay_transport::accept::listen;
use belay_transport::tls::FILES_LOOKED_AT_EVERY;
use belay_transport::web::{WebCertificate, WebServer, WebSettings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::auditor::{self, Follower, Passes};
use crate::canary::{Canaries, Results};
use crate::config::Config;
use crate::engine::Engine;
use crate::errands::Pokes;
use crate::graduation::{Counted, Graduation};
use crate::heartbeat::Heart;
use crate::hooks::Hooks;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::playbooks::Playbooks;
use crate::supervisor::StartError;
use crate::surroundings::Wall;
use crate::systems::Systems;

/// Where webhooks are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookDoor {
    /// Where to listen. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The certificate and its key that callers see. Without them it is plain HTTP, and only on this machine, behind
    /// a proxy that has them.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// How the journal is audited while the supervisor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// How often.
    pub every: Duration,
    /// How much longer than its deadline a case may wait for the engine before that is a finding.
    pub grace: Span,
}

impl HookDoor {
    /// Refuses what would cross a network in the open.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.certificate.is_none() && !self.listen.ip().is_loopback() {
            return Err(StartError::HooksInTheOpen { address: self.listen });
        }
        Ok(())
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { every: auditor::EVERY, grace: auditor::GRACE }
    }
}

/// What it works with; cheap to clone.
#[derive(Clone)]
pub(crate) struct Upkeep {
    /// Where others find what it keeps up.
    pub(crate) kept: Arc<OnceLock<Kept>>,
    pub(crate) engine: Engine,
    pub(crate) playbooks: Playbooks,
    pub(crate) systems: Systems,
    pub(crate) pokes: Pokes,
    pub(crate) intake: Intake,
    /// Whose operators are asked when a canary fails.
    pub(crate) tenant: TenantId,
    pub(crate) wall: Wall,
    pub(crate) tasks: TaskTracker,
    /// Nothing new is begun any more.
    pub(crate) leaving: CancellationToken,
    /// Everything ends.
    pub(crate) stop: CancellationToken,
}

/// What is kept up.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) playbooks: Playbooks,
    pub(crate) systems: Systems,
    /// What the canaries showed.
    pub(crate) canaries: Results,
    /// Where webhooks are taken, if they are.
    pub(crate) hooks: Option<(SocketAddr, Hooks)>,
    /// What the auditor finds.
    pub(crate) passes: Passes,
    /// What became of the actions of contracts.
    pub(crate) counted: Counted,
}

impl Upkeep {
    /// Begins all of it.
    pub(crate) fn begin(&self, config: &Config) -> Result<Kept, StartError> {
        let (told, passes) = watch::channel(None);
        let audit = config.audit;
        if let Some(heartbeat) = &self.playbooks.current().operations().heartbeat {
            Heart::check(heartbeat).map_err(StartError::Heartbeat)?;
        }
        let hooks = config.hooks.as_ref().map(|door| self.take_hooks(door)).transpose()?;
        let follower = Follower {
            journal: self.engine.journal().clone(),
            directory: Config::journal_in(&config.data),
            clock: self.engine.clock(),
            settings: audit,
            passes: told,
        };
        let heart = Heart {
            playbooks: self.playbooks.clone(),
            engine: self.engine.clone(),
            passes: passes.clone(),
            // A pass takes its time, and one may just be under way.
            fresh: Span::try_from(audit.every * 3).unwrap_or(audit.grace).max(Span::from_secs(5)),
            wall: self.wall.clone(),
        };
        self.tasks.spawn(follower.run(self.stop.clone()));
        self.tasks.spawn(heart.run(self.leaving.clone()));
        let credentials = self.systems.credentials().clone();
        self.tasks.spawn(credentials.run(self.playbooks.clone(), self.stop.clone()));
        let counted = Counted::default();
        let graduation = Graduation {
            counted: counted.clone(),
            metrics: Metrics::default(),
            engine: self.engine.clone(),
            playbooks: self.playbooks.clone(),
            systems: self.systems.clone(),
            intake: self.intake.clone(),
            tenant: self.tenant.clone(),
            journal: Config::journal_in(&config.data),
        };
        self.tasks.spawn(graduation.run(self.leaving.clone()));
        let canaries = self.canaries();
        let (playbooks, systems) = (self.playbooks.clone(), self.systems.clone());
        let kept = Kept { playbooks, systems, canaries, hooks, passes, counted };
        // It begins once; a second time would change nothing.
        let _ = self.kept.set(kept.clone());
        Ok(kept)
    }

    fn canaries(&self) -> Results {
        let results = Results::default();
        let canaries = Canaries {
            engine: self.engine.clone(),
            playbooks: self.playbooks.clone(),
            intake: self.intake.clone(),
            tenant: self.tenant.clone(),
            results: results.clone(),
            tasks: self.tasks.clone(),
        };
        self.tasks.spawn(canaries.run(self.leaving.clone()));
        results
    }

    fn take_hooks(&self, door: &HookDoor) -> Result<(SocketAddr, Hooks), StartError> {
        door.check()?;
        let HookDoor { listen: wanted, certificate } = door;
        let certificate = match certificate {
            Some((certificate, key)) => Some(Arc::new(WebCertificate::load(certificate, key)?)),
            None => None,
        };
        let hooks = Hooks::new(
            self.playbooks.clone(),
            self.pokes.clone(),
            self.wall.clone(),
            self.tasks.clone(),
            self.stop.clone(),
        )
        .map_err(StartError::Hooks)?;
        let failed = |source| StartError::Listen { address: *wanted, source };
        let listener = listen(*wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if let Some(certificate) = certificate.clone() {
            let until = self.stop.clone();
            self.tasks.spawn(async move { certificate.follow(FILES_LOOKED_AT_EVERY, until).await });
        }
        let server = WebServer::new(certificate, WebSettings::default());
        let (service, leaving) = (hooks.router(), self.leaving.clone());
        self.tasks.spawn(async move {
            server.serve(listener, service, leaving).await;
        });
        info!(%address, "webhooks are taken here");
        Ok((address, hooks))
    }
}

impl Kept {
    /// What operators should look into before it does harm.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let notice = self.playbooks.current().operations().warn_before;
        let mut warnings = self.systems.credentials().warnings(notice);
        warnings.extend(self.systems.findings().warnings(None));
        warnings.extend(self.playbooks.demotions().warnings(&self.playbooks.current()));
        warnings
    }
}

#[cfg(test)]
pub(crate) mod testbed;
