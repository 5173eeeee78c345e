//! A whole supervisor: everything is opened and connected, what was under way is taken up again, and it serves until
//! it is told to leave, which it does in order.

mod details;
mod door;
mod error;
mod fatal;
mod routes;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use belay_journal::Journal;
use belay_transport::accept::{Counters, Drained, Listener, Server, listen};
use belay_transport::limits::Limits;
use belay_transport::permit::PermitSigner;
use http::{Request, Response};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;
use tracing::{error, info, warn};

use crate::auditor::Pass;
use crate::caller::Identity;
use crate::clock::Clock;
use crate::clock::mark::Marks;
use crate::config::Config;
use crate::dedupe::Dedupe;
use crate::engine::Engine;
use crate::errands::{Errands, Pokes, World, listen as listen_to_rumours};
use crate::governor::Governor;
use crate::hooks::HookOutcome;
use crate::intake::Intake;
use crate::lookout::Lookout;
use crate::matters::Matters;
use crate::metrics::{self, Metrics};
use crate::playbooks::Playbooks;
use crate::reconcile::Reconciler;
use crate::recovery;
use crate::service::Shared;
use crate::service::agent::House;
use crate::sessions::Sessions;
use crate::surroundings::Surroundings;
use crate::systems::Systems;
use crate::upkeep::{Kept, Upkeep};
use door::Door;
use routes::Health;

pub use error::StartError;
pub use fatal::Fatal;

/// How long those who watch the health may go on once everybody was told that the supervisor leaves.
const HEALTH_LINGERS: Duration = Duration::from_millis(500);

/// Starts supervisors.
#[derive(Debug)]
pub struct Supervisor;

/// A supervisor that works, and that nobody can call from outside yet.
pub struct Assembled {
    config: Config,
    marks: Marks,
    engine: Engine,
    routes: Routes,
    identity: Arc<Identity>,
    door: Door,
    limits: Arc<Limits>,
    health: Health,
    steps: Steps,
    upkeep: Upkeep,
    tasks: TaskTracker,
}

/// A supervisor that serves.
pub struct Running {
    address: SocketAddr,
    journal: Journal,
    marks: Marks,
    engine: Engine,
    counters: Arc<Counters>,
    limits: Arc<Limits>,
    health: Health,
    serving: JoinHandle<Drained>,
    steps: Steps,
    kept: Option<Kept>,
    tasks: TaskTracker,
    settle_within: Duration,
    data: PathBuf,
}

/// What is told to stop, in this order.
struct Steps {
    /// Whatever streams, and the sessions of agents.
    leaving: CancellationToken,
    /// The accept loop.
    closed: CancellationToken,
    /// Errands, recovery, and whatever follows files.
    errands: CancellationToken,
    /// The engine.
    engine: CancellationToken,
}

impl Supervisor {
    /// Opens everything and begins to serve.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        Self::start_in(config, Surroundings::default()).await
    }

    /// The same in these surroundings.
    pub async fn start_in(
        config: Config,
        surroundings: Surroundings,
    ) -> Result<Running, StartError> {
        let listener = config.listen;
        let assembled = Self::assemble(config, surroundings).await?;
        let failed = |source| StartError::Listen { address: listener, source };
        let listener = listen(listener).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let kept = assembled.upkeep.begin(&assembled.config)?;
        Ok(Running { kept: Some(kept), ..assembled.serve(listener, address) })
    }

    /// Opens everything and takes up again what was under way, in these surroundings. Nobody is listened to yet.
    pub async fn assemble(
        config: Config,
        surroundings: Surroundings,
    ) -> Result<Assembled, StartError> {
        let Surroundings { wall, steady, outside, playbook } = surroundings;
        let playbooks = match playbook {
            Some(playbook) => Playbooks::loaded(&config.playbook, playbook),
            None => Playbooks::load(&config.playbook)?,
        };
        let journal = Journal::open(&Config::journal_in(&config.data), config.journal.clone())?;
        playbooks.demotions().recall(&journal, &config.tenant()).await?;
        let marks = Marks::begin(&journal, &wall, steady).await?;
        let clock = marks.clock();
        let systems = Systems::connect(&playbooks.current(), &config.data, clock, outside)?;
        let steps = Steps {
            leaving: CancellationToken::new(),
            closed: CancellationToken::new(),
            errands: CancellationToken::new(),
            engine: CancellationToken::new(),
        };
        let tasks = TaskTracker::new();
        let door = Door::open(&config)?;
        let permits = door.permits(&config.data)?;
        let within = Within { config: &config, playbooks, journal, clock, systems };
        let (shared, house) = within.wire(&door, permits, &steps, &tasks);
        let engine = shared.engine.clone();

        let stop = &steps.errands;
        tasks.spawn(marks.clone().keep(stop.clone()));
        tasks.spawn(recovery::run(engine.clone(), stop.clone()));
        let reconciler = Reconciler::new(
            engine.clone(),
            shared.playbooks.clone(),
            shared.systems.clone(),
            shared.lookout.clone(),
        );
        tasks.spawn(reconciler.run(stop.clone()));
        tasks.spawn(metrics::watch_uncovered(engine.clone(), stop.clone()));
        tasks.spawn(listen_to_rumours(shared.systems.clone(), shared.pokes.clone(), stop.clone()));
        door.follow(&tasks, stop);

        let limits = Limits::new(config.limits);
        let health = Health::new().await;
        let identity = Identity {
            people: door.people.clone(),
            tenants: config.tenants.clone(),
            operators: config.operators.clone(),
            wall,
        };
        let upkeep = Upkeep {
            engine: engine.clone(),
            playbooks: shared.playbooks.clone(),
            kept: shared.kept.clone(),
            systems: shared.systems.clone(),
            pokes: shared.pokes.clone(),
            intake: shared.intake.clone(),
            tenant: config.tenant(),
            wall: identity.wall.clone(),
            tasks: tasks.clone(),
            leaving: steps.leaving.clone(),
            stop: stop.clone(),
        };
        let routes = routes::services(shared, house, &health)?;
        let identity = Arc::new(identity);
        Ok(Assembled {
            config,
            marks,
            engine,
            routes,
            identity,
            door,
            limits,
            health,
            steps,
            upkeep,
            tasks,
        })
    }
}

impl Assembled {
    /// The engine, for those who run in the same process.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Which tickets are not as the journal believes.
    #[cfg(test)]
    pub(crate) fn findings(&self) -> &crate::reconcile::Findings {
        self.upkeep.systems.findings()
    }

    /// Everything that is served, without the network: for callers in the same process. Who calls is said by the
    /// [`Peer`](belay_transport::peer::Peer) in the extensions of the request.
    #[must_use]
    pub fn api(
        &self,
    ) -> impl Service<
        Request<Body>,
        Response = Response<Body>,
        Error = Infallible,
        Future: Send + 'static,
    >
    + Clone
    + Send
    + Sync
    + 'static
    + use<> {
        routes::stack(self.routes.clone(), self.limits.clone(), self.identity.clone())
    }

    /// Resolves when the supervisor cannot go on, with the reason; otherwise never.
    pub async fn failed(&self) -> Fatal {
        Fatal::of(self.engine.journal(), &self.marks).await
    }

    /// Begins to serve those who come to `listener`, which is at `address`.
    pub fn serve(self, listener: impl Listener + 'static, address: SocketAddr) -> Running {
        let Self {
            config,
            marks,
            engine,
            routes,
            identity,
            door,
            limits,
            health,
            steps,
            tasks,
            ..
        } = self;
        let stack = routes::stack(routes, limits.clone(), identity);
        let server = Server::new(door.tls.clone(), door.revocations.clone(), config.connections);
        let counters = server.counters();
        counters.report(&opentelemetry::global::meter("belay"));
        let serving = tokio::spawn(server.serve(listener, stack, steps.closed.clone()));
        info!(%address, data = %config.data.display(), "serving");
        Running {
            address,
            journal: engine.journal().clone(),
            marks,
            engine,
            counters,
            limits,
            health,
            serving,
            steps,
            kept: None,
            tasks,
            settle_within: config.settle_within,
            data: config.data,
        }
    }
}

/// What has been opened.
struct Within<'a> {
    config: &'a Config,
    playbooks: Playbooks,
    journal: Journal,
    clock: Clock,
    systems: Systems,
}

impl Within<'_> {
    /// Connects everything with everything else, and starts the engine.
    fn wire(
        self,
        door: &Door,
        permits: Arc<PermitSigner>,
        steps: &Steps,
        tasks: &TaskTracker,
    ) -> (Shared, House) {
        let Self { config, playbooks, journal, clock, systems } = self;
        let sessions = Sessions::new(playbooks.clone());
        let (lookout, pokes) = (Lookout::default(), Pokes::default());
        let permit_keys = permits.jwks();
        let (mut governor, mut matters) = (None, None);
        let engine = Engine::start(
            journal,
            playbooks.clone(),
            clock,
            config.shards,
            &steps.engine,
            tasks,
            |engine| {
                // The one who proposes and the one who assesses later have to be the same governor: it holds
                // by name what only one of two proposals can have.
                let made = governor.insert(Governor::new(
                    engine.clone(),
                    playbooks.clone(),
                    systems.clone(),
                ));
                Arc::new(Errands::new(World {
                    engine: engine.clone(),
                    playbooks: playbooks.clone(),
                    systems: systems.clone(),
                    sessions: sessions.clone(),
                    governor: made.clone(),
                    // Those who drive a merge and those who ask for one take their steps one at a time.
                    matters: matters.insert(Matters::new(engine.clone())).clone(),
                    lookout: lookout.clone(),
                    permits,
                    trust_domain: door.tls.spiffe().trust_domain(),
                    pokes: pokes.clone(),
                    metrics: Metrics::default(),
                    started: clock.now(),
                    tasks: tasks.clone(),
                    stop: steps.errands.clone(),
                }))
            },
        );
        let governor = governor
            .unwrap_or_else(|| Governor::new(engine.clone(), playbooks.clone(), systems.clone()));
        let house = House {
            engine: engine.clone(),
            governor,
            sessions: sessions.clone(),
            playbooks: playbooks.clone(),
            tenant: config.tenant(),
            permit_keys,
            drain: steps.leaving.clone(),
            tasks: tasks.clone(),
        };
        let shared = Shared {
            intake: Intake::new(engine.clone(), playbooks.clone()),
            matters: matters.unwrap_or_else(|| Matters::new(engine.clone())),
            engine,
            playbooks,
            lookout,
            sessions,
            systems,
            pokes,
            dedupe: Dedupe::default(),
            kept: Arc::default(),
            loaded_at: Arc::new(ArcSwap::from_pointee(clock.now())),
            tasks: tasks.clone(),
            leaving: steps.leaving.clone(),
        };
        (shared, house)
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it keeps what has to survive.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The playbook in force.
    #[must_use]
    pub fn playbooks(&self) -> Option<&Playbooks> {
        self.kept.as_ref().map(|kept| &kept.playbooks)
    }

    /// What operators should look into before it does harm, such as credentials that are not accepted.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.kept.as_ref().map(Kept::warnings).unwrap_or_default()
    }

    /// What canaries showed last, by queue.
    #[cfg(test)]
    pub(crate) fn canaries(&self) -> Vec<(belay_domain::QueueRef, crate::canary::Outcome)> {
        self.kept.as_ref().map(|kept| kept.canaries.all()).unwrap_or_default()
    }

    /// Where webhooks are taken, if they are.
    #[must_use]
    pub fn hooks(&self) -> Option<SocketAddr> {
        self.kept.as_ref()?.hooks.as_ref().map(|(address, _)| *address)
    }

    /// How many webhooks came to this end.
    #[must_use]
    pub fn hooks_counted(&self, outcome: HookOutcome) -> u64 {
        let hooks = self.kept.as_ref().and_then(|kept| kept.hooks.as_ref());
        hooks.map_or(0, |(_, hooks)| hooks.count(outcome))
    }

    /// What the auditor found last; none before its first pass.
    #[must_use]
    pub fn audited(&self) -> Option<Pass> {
        self.kept.as_ref()?.passes.borrow().clone()
    }

    /// The engine, for those who run in the same process.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What happens at the door, counted.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// How much is worked on now.
    #[must_use]
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// Resolves when the supervisor cannot go on, with the reason; otherwise never. Nothing is acknowledged to
    /// anybody from then on, so the process should end at once, without draining.
    pub async fn failed(&self) -> Fatal {
        Fatal::of(&self.journal, &self.marks).await
    }

    /// Leaves in order: takes nothing new, says goodbye to agents and watchers, lets what was begun finish, stops
    /// the errands and then the engine, and closes the journal. Everything that was acknowledged is durable.
    pub async fn drain(self) -> Drained {
        let Self { journal, marks, mut health, mut serving, steps, tasks, settle_within, .. } =
            self;
        info!("leaving");
        health.leave().await;
        steps.leaving.cancel();
        steps.closed.cancel();
        let early = tokio::time::timeout(HEALTH_LINGERS, &mut serving).await;
        health.gone().await;
        let ended = match early {
            Ok(ended) => ended,
            Err(_) => serving.await,
        };
        let drained = ended.unwrap_or_else(|cause| {
            error!(%cause, "the accept loop ended unexpectedly");
            Drained { cut: 0 }
        });
        steps.errands.cancel();
        steps.engine.cancel();
        tasks.close();
        if tokio::time::timeout(settle_within, tasks.wait()).await.is_err() {
            warn!(
                tasks = tasks.len(),
                "some work was left unfinished; it is taken up at the next start"
            );
        }
        if let Err(failure) = marks.leave().await {
            warn!(error = %failure, "the last mark of the clock could not be left");
        }
        journal.close().await;
        info!(cut = drained.cut, "left");
        drained
    }
}

impl std::fmt::Debug for Assembled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembled").field("data", &self.config.data).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
