//! One run: a world, a supervisor that lives in it, dies and is started again, until everything has to be well.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use belay_connect::{HumanQueue, SystemOfRecord};
use belay_domain::SystemId;
use belay_journal::{Auditor, Driver};
use belay_supervisor::{Config, Outside, Supervisor, Surroundings};
use belay_transport::issuer::DevIssuer;
use belay_transport::spiffe::TrustDomain;
use tokio::runtime::Builder;
use tokio::sync::{Notify, broadcast};
use tokio::task::LocalSet;

use crate::agents::{Agent, TEMPERS, Temper};
use crate::api::{self, Channel};
use crate::audit;
use crate::careless::Careless;
use crate::catalogue;
use crate::dice::Dice;
use crate::disk::SimDisk;
use crate::itsm::adapter::Itsm;
use crate::itsm::{Tickets, diligence, id, staffing};
use crate::operators::{self, Edition, InForce};
use crate::people::{self, Report};
use crate::records::Crm;
use crate::scene::Scene;
use crate::tally::Tally;
use crate::world::{Life, Moment, State, World};

/// How long things go wrong.
const TROUBLED: Duration = Duration::from_secs(420);
/// How long everything then has to settle: a step of every kind may have to be waited for.
const CALM: Duration = Duration::from_secs(330);

/// How a run went.
#[derive(Debug)]
pub struct Ended {
    /// Its seed.
    pub seed: u64,
    /// What was counted.
    pub tally: Tally,
    /// The broken promises.
    pub wrongs: Vec<String>,
    /// A digest of everything that was journaled. The same seed gives the same one.
    pub digest: String,
    /// What happened, if that was wanted.
    pub story: Vec<String>,
}

/// How a life of the supervisor ends.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// It dies at a moment.
    At(Moment),
    /// It dies in the middle of a commit.
    AtCommit(u64),
    /// It is told at a moment to leave, and does so in order.
    Leaves(Moment),
}

/// Runs one seed, with everything in it.
#[must_use]
pub fn run(seed: u64, story: bool) -> Ended {
    run_in(Scene::Everything, seed, story)
}

/// Runs one seed of a scene. In the catalogue, the careless clients live through the same world.
#[must_use]
pub fn run_in(scene: Scene, seed: u64, story: bool) -> Ended {
    let mut ended = run_alone(scene, seed, story);
    if scene == Scene::Catalogue {
        let mut careless = Tally::default();
        for client in [Careless::Sent, Careless::Acknowledged] {
            match run_careless(scene, seed, client) {
                Ok(counted) => careless.join(&counted),
                Err(error) => ended.wrongs.push(error),
            }
        }
        catalogue::file(&mut ended, &careless);
    }
    ended
}

/// A careless client in the world of a seed, for as long as things go wrong.
fn run_careless(scene: Scene, seed: u64, client: Careless) -> Result<Tally, String> {
    let mut dice = Dice::new(seed);
    let world = furnished(scene, seed, &mut dice, Path::new(""), false);
    let _ = agents(scene, &mut dice, &world);
    let reports = reports(scene, &mut dice);
    client.live(&world, &reports, TROUBLED)
}

fn run_alone(scene: Scene, seed: u64, story: bool) -> Ended {
    let mut dice = Dice::new(seed);
    let directory = workplace();
    let mut ended = Ended {
        seed,
        tally: Tally::default(),
        wrongs: Vec::new(),
        digest: String::new(),
        story: Vec::new(),
    };
    let directory = match directory {
        Ok(directory) => directory,
        Err(error) => {
            ended.wrongs.push(format!("no place to work in: {error}"));
            return ended;
        }
    };
    let world = furnished(scene, seed, &mut dice, directory.path(), story);
    let agents = agents(scene, &mut dice, &world);
    let reports = reports(scene, &mut dice);
    let mut deaths = deaths(&mut dice);
    let mut machine = Dice::new(!seed);
    let reloads = reloads(&mut machine);
    if let Err(error) = Edition::First.write(&world.playbook()) {
        world.look().wrong("STA a playbook can be written", error);
    }
    loop {
        let mut death = deaths.pop();
        if death.is_some() && machine.percent(20) {
            let lives = machine.millis(5_000..150_000);
            death = Some(Death::Leaves(world.now() + lives));
        }
        let cast = Cast { agents: &agents, reports: &reports, reloads: &reloads };
        match live(&world, &cast, death, dice.fork()) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                world.look().wrong("STA a restart works", error);
                break;
            }
        }
        let mut state = world.look();
        let dead =
            if dice.percent(70) { dice.millis(100..4_000) } else { dice.millis(4_000..90_000) };
        state.pass(dead);
        if dice.percent(40) {
            let hour = i64::try_from(dice.within(0..7_200)).unwrap_or(0) - 3_600;
            state.wall_wrong_by = hour;
            state.tally.count("clocks: the wall jumped");
        }
        if machine.percent(30) {
            state.reboot();
        }
    }
    match audit::read(&world) {
        Ok(journaled) => {
            audit::audit(&world, &journaled);
            ended.digest = journaled.digest;
        }
        Err(error) => world.look().wrong("AUD-1 the chain holds", error),
    }
    let mut state = world.look();
    vacuity(scene, &mut state);
    ended.tally = state.tally.clone();
    ended.wrongs = state.wrongs().to_vec();
    ended.story = state.take_story();
    ended
}

/// A run in which nothing interesting happened proves nothing. Not every story has every turn: whether all of them
/// came about is asked of a batch.
fn vacuity(scene: Scene, state: &mut State) {
    let tally = &state.tally;
    let people = tally.of("ticket systems: tickets made");
    let turns = people + tally.of("events: handoff_offered") + tally.of_all("coverage: by ");
    let told = tally.of_all("lie ") + tally.of_all("writes: ") + tally.of_all("reads: ");
    let faults = told + tally.of("supervisor: crashes") + tally.of("clocks: the wall jumped");
    let least = [
        // Whether a single row was told is asked of all runs about it together.
        ("faults", faults, if scene == Scene::Everything { 2 } else { 0 }),
        ("ends of supervisors", tally.of("supervisor: lives"), 2),
        ("cases", tally.of("cases: opened"), scene.reports().start),
        ("tickets, offers and claims of cover", turns, scene.turns()),
        ("questions", tally.of("coverage: asked"), 100),
        ("answers", tally.of_all("answers: "), scene.reports().start),
    ];
    let mut missing = String::new();
    for (what, found, least) in least {
        if found < least {
            let _ = write!(missing, " {what}: {found} of {least};");
        }
    }
    if !missing.is_empty() {
        state.wrong("VAC a run shows something", missing);
    }
}

/// A directory that is gone with the run, on a disk that is memory where there is one.
fn workplace() -> std::io::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    let made = tempfile::Builder::new().prefix("belay-sim-").tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir())
}

/// The world of a run.
fn furnished(scene: Scene, seed: u64, dice: &mut Dice, directory: &Path, story: bool) -> World {
    let lies = scene.lies(seed, dice);
    let mut state = State::new(dice.fork(), lies.clone(), story);
    state.tell(|| format!("the lies of this run: {lies:?}"));
    let mut itsm =
        Tickets::new("itsm", &[("first-line", &["ana", "ben"]), ("second-line", &["cara", "dan"])]);
    let pager = Tickets::new("pager", &[("on-call", &["lea", "max"])]);
    if lies.contains(&13) {
        itsm.rumours = Some(broadcast::Sender::new(64));
    }
    if lies.contains(&20) {
        itsm.dead = dice.percent(50);
    }
    let mut pager = pager;
    pager.dead = lies.contains(&20) && !itsm.dead;
    for house in [itsm, pager] {
        state.houses.insert(house.system.clone(), house);
    }
    if lies.contains(&6) {
        state.tally.lie(6);
        let queues: [&str; 2] = ["first-line", "second-line"];
        let queue = id(dice.pick::<&str>(&queues));
        staffing(&mut state, &id("itsm"), &queue, false);
    }
    World::new(state, directory)
}

fn agents(scene: Scene, dice: &mut Dice, world: &World) -> Vec<Agent> {
    let agent = |name: &&str| {
        let temper = if dice.percent(35) { Temper::Honest } else { *dice.pick(&TEMPERS) };
        world.tell(|| format!("{name} is {temper:?}"));
        world.look().tally.count(&format!("agents: {temper:?}"));
        Agent::new(name, temper, dice.fork(), world)
    };
    ["helper-1", "helper-2", "helper-3"].iter().take(scene.agents()).map(agent).collect()
}

fn reports(scene: Scene, dice: &mut Dice) -> Vec<Report> {
    let number = dice.within(scene.reports());
    let mut reports: Vec<Report> = (0..number)
        .map(|number| Report {
            at: dice.millis(100..150_000),
            request: format!("r-{number}"),
            kind: if dice.percent(scene.complaints()) { "complaint" } else { "question" },
        })
        .collect();
    reports.sort_by_key(|report| report.at);
    reports
}

/// The deaths of a run, the last first.
fn deaths(dice: &mut Dice) -> Vec<Death> {
    let number = dice.within(1..4);
    let share = TROUBLED.as_secs() * 1_000 / (number + 1);
    let mut deaths: Vec<Death> = (1..=number)
        .map(|number| {
            if dice.percent(65) {
                Death::AtCommit(dice.within(1..70))
            } else {
                let at = dice.millis(share * number - share / 2..share * number + share / 2);
                Death::At(at)
            }
        })
        .collect();
    deaths.reverse();
    deaths
}

/// When operators load another playbook: in some runs, and not often, because it takes its time.
fn reloads(machine: &mut Dice) -> Vec<Moment> {
    let number = if machine.percent(30) { machine.within(1..3) } else { 0 };
    let mut reloads: Vec<Moment> = (0..number).map(|_| machine.millis(10_000..350_000)).collect();
    reloads.sort_unstable();
    reloads
}

/// Who is around a supervisor, whoever lives.
#[derive(Clone, Copy)]
struct Cast<'a> {
    agents: &'a [Agent],
    reports: &'a [Report],
    reloads: &'a [Moment],
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Died,
    Left,
    /// It lived to the end of the run.
    Over,
}

/// One life of the supervisor. True if another one follows.
fn live(world: &World, cast: &Cast<'_>, death: Option<Death>, dice: Dice) -> Result<bool, String> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    let local = LocalSet::new();
    let journal = Config::journal_in(world.data());
    let first = Auditor::open(&journal).ok().and_then(|auditor| auditor.checkpoint().ok());
    let first = first.map_or(0, |last| last.position);
    let life = within(world, cast, death, dice, first);
    let ended = local.block_on(&runtime, life);
    {
        let _entered = runtime.enter();
        let mut state = world.look();
        state.time_stops();
        let now = state.now();
        if let Some(life) = state.lives.last_mut() {
            life.to = Some(now);
        }
        match ended {
            Ok(End::Died) => {
                state.tally.count("supervisor: crashes");
                state.tell(|| "the supervisor dies".to_owned());
            }
            Ok(End::Left) => {
                state.tally.count("supervisor: left in order");
                state.tell(|| "the supervisor has left".to_owned());
            }
            Ok(End::Over) | Err(_) => {}
        }
    }
    drop(local);
    drop(runtime);
    ended.map(|end| end != End::Over)
}

async fn within(
    world: &World,
    cast: &Cast<'_>,
    death: Option<Death>,
    mut dice: Dice,
    first: u64,
) -> Result<End, String> {
    let Cast { agents, reports, reloads } = *cast;
    let crash = Arc::new(Notify::new());
    world.look().time_runs();
    let commits = match death {
        Some(Death::AtCommit(commits)) => Some(commits),
        Some(Death::At(_) | Death::Leaves(_)) | None => None,
    };
    let mut config = Config::development(world.data(), &world.playbook());
    config.shards = 2;
    config.journal.driver =
        Driver::Inline(Arc::new(SimDisk::new(dice.fork(), commits, crash.clone())));
    let (clock_of, machine, outside) = (world.clone(), world.clone(), Around(world.clone()));
    let edition = world.look().edition;
    let playbook = edition.loaded()?;
    let surroundings = Surroundings {
        wall: Arc::new(move || clock_of.wall()),
        steady: Arc::new(move || Some(machine.uptime())),
        outside: Arc::new(outside),
        playbook: Some(playbook.clone()),
    };
    let issuer = DevIssuer::open_or_create(&world.data().join("identity"));
    let issuer = Arc::new(issuer.map_err(|error| error.to_string())?);
    let supervisor =
        Supervisor::assemble(config, surroundings).await.map_err(|error| told(&error))?;
    {
        let mut state = world.look();
        let (from, clock) = (state.now(), supervisor.engine().clock().now());
        let boot = state.boot();
        state.lives.push(Life { from, to: None, clock, first, boot });
        let version = playbook.version().to_string();
        state.in_force.push(InForce { edition, version, since: from, certain: true });
        state.tally.count("supervisor: lives");
        state.tell(|| format!("the supervisor lives; its clock shows {clock}"));
    }
    let api: Channel = Channel::new(supervisor.api());
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let supervisor = supervisor.serve(api::Nobody, nowhere);
    let domain = TrustDomain::new("belay.local").map_err(|error| error.to_string())?;
    for agent in agents {
        let line = api::channel(&api, &domain, api::Who::Agent(agent.name()));
        tokio::spawn(agent.clone().live(line));
    }
    tokio::spawn(people::report(world.clone(), api.clone(), domain.clone(), reports.to_vec()));
    let (there, reloads) = (world.clone(), reloads.to_vec());
    tokio::spawn(operators::reload(there, api.clone(), domain.clone(), issuer.clone(), reloads));
    tokio::spawn(people::decide(world.clone(), api.clone(), domain.clone(), issuer));
    tokio::spawn(people::ask(world.clone(), api, domain));
    tokio::spawn(hearts(world.clone()));
    let dies = async {
        match death {
            Some(Death::At(at)) => {
                tokio::time::sleep(at.saturating_sub(world.now())).await;
                false
            }
            Some(Death::AtCommit(_)) => {
                crash.notified().await;
                false
            }
            Some(Death::Leaves(at)) => {
                tokio::time::sleep(at.saturating_sub(world.now())).await;
                true
            }
            None => std::future::pending().await,
        }
    };
    let troubled = tokio::time::sleep(TROUBLED.saturating_sub(world.now()));
    let leaves = tokio::select! {
        biased;
        failed = supervisor.failed() => return Err(format!("the journal failed: {failed}")),
        leaves = dies => Some(leaves),
        () = troubled => None,
    };
    if leaves == Some(true) {
        world.tell(|| "the supervisor is told to leave".to_owned());
        supervisor.drain().await;
        return Ok(End::Left);
    }
    // If it is not dead yet, nothing was committed for so long; the calm comes in its next life.
    if leaves.is_some() || death.is_some() {
        return Ok(End::Died);
    }
    calm(world, agents);
    tokio::select! {
        biased;
        failed = supervisor.failed() => return Err(format!("the journal failed: {failed}")),
        () = tokio::time::sleep(CALM) => {}
    }
    Ok(End::Over)
}

/// Nothing goes wrong any more: systems are up, people are there, agents behave.
fn calm(world: &World, agents: &[Agent]) {
    agents.iter().for_each(Agent::reform);
    let mut state = world.look();
    let state = &mut *state;
    state.calm();
    state.tell(|| "from here on nothing goes wrong".to_owned());
    let now = state.now();
    let queues: Vec<_> = state
        .houses
        .values()
        .flat_map(|house| house.queues.keys().map(|queue| (house.system.clone(), queue.clone())))
        .collect();
    for (system, queue) in queues {
        staffing(state, &system, &queue, true);
    }
    for house in state.houses.values_mut() {
        (house.dead, house.down_until) = (false, Duration::ZERO);
    }
    let systems: Vec<SystemId> = state.houses.keys().cloned().collect();
    for system in systems {
        diligence(state, &system, now);
    }
}

/// Sees to it that what happens by itself happens in time, so that rumours are heard.
async fn hearts(world: World) {
    loop {
        let wait = {
            let state = world.look();
            let next = state.next_deed().map(|at| at.saturating_sub(state.now()));
            next.unwrap_or(Duration::from_secs(1)).min(Duration::from_secs(1))
        };
        tokio::time::sleep(wait + Duration::from_millis(1)).await;
    }
}

/// The systems of the simulated world.
struct Around(World);

impl Outside for Around {
    fn queues(&self, system: &SystemId) -> Option<Arc<dyn HumanQueue>> {
        Some(Arc::new(Itsm::new(self.0.clone(), system)))
    }

    fn record(&self, _: &SystemId) -> Option<Arc<dyn SystemOfRecord>> {
        Some(Arc::new(Crm(self.0.clone())))
    }
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(told, ": {error}");
        cause = error.source();
    }
    told
}
