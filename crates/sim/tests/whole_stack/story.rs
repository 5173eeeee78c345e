//! One story: hosts, a network between them, what goes wrong, and what is true of it afterwards.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use tempfile::TempDir;
use turmoil::{Builder, Sim};

use crate::agents::AGENTS;
use crate::auditor;
use crate::books::Books;
use crate::callers::{Callers, Signals};
use crate::faults::{self, Fault, Kind};
use crate::house::House;
use crate::net::{BOOKS, SUPERVISOR};
use crate::people::Worker;
use crate::slow;
use crate::witness::{Witness, at};

/// When nothing goes wrong any more.
const HEALED: Duration = Duration::from_secs(36);

/// When a story is over at the latest: everybody who waits for its end gives up before.
const END: Duration = Duration::from_secs(400);

/// How finely hosts take turns. Shorter than any waiting time, and long enough to tell a story in a second.
const TURN: Duration = Duration::from_millis(20);

/// How long a message is under way, at least and at most, when nothing is wrong.
const NEAR: Duration = Duration::from_millis(1);
const FAR: Duration = Duration::from_millis(60);

/// How likely a message breaks a lossy link, and how likely the next one repairs it.
const LOSS: f64 = 0.02;
const REPAIR: f64 = 0.3;

/// A story that was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// What should not be true of it.
    pub(crate) broken: Vec<String>,
    /// How often what happened.
    pub(crate) happened: BTreeMap<&'static str, u64>,
    /// How long it was, in its own time.
    pub(crate) length: Duration,
}

thread_local! {
    /// What panicked on this thread, which tells one story at a time.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Remembers panics, which would otherwise end a task of some host and nothing else.
pub(crate) fn remember_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
    }));
}

/// Tells the story of a seed.
pub(crate) fn tell(seed: u64) -> Told {
    PANICS.take();
    let room = room();
    let witness = Witness::default();
    let books = Books::new(witness.clone());
    let mut names: Vec<&str> = AGENTS.iter().map(|who| who.name).collect();
    let faults = faults::of(seed, &names, HEALED);
    names.push(slow::NAME);
    let house = House::build(room.path(), &names, seed, witness.clone());
    let signals = Signals::default();
    let mut sim = Builder::new()
        .rng_seed(seed)
        .enable_random_order()
        .simulation_duration(END)
        .tick_duration(TURN)
        .min_message_latency(NEAR)
        .max_message_latency(FAR)
        .repair_rate(REPAIR)
        .tcp_capacity(1_024)
        .build();
    people_the_network(&mut sim, &house, &books, seed, &witness, &signals);
    let mut weather =
        Weather { faults, going: Vec::new(), house: house.clone(), witness: witness.clone() };
    while !signals.over.get() {
        weather.turn(&mut sim);
        signals.healed.set(sim.elapsed() >= HEALED);
        if let Err(failure) = sim.step() {
            witness.accounts().broken.push(failure.to_string());
            break;
        }
    }
    let length = sim.elapsed();
    drop(sim);
    witness.accounts().broken.extend(PANICS.take());
    let broken = auditor::judge(&house, &books, &witness);
    let happened = witness.accounts().happened.clone();
    Told { broken, happened, length }
}

fn people_the_network(
    sim: &mut Sim<'_>,
    house: &House,
    books: &Books,
    seed: u64,
    witness: &Witness,
    signals: &Signals,
) {
    let identities = house.identities();
    let supervisor = house.clone();
    sim.host(SUPERVISOR, move || supervisor.clone().serve());
    let record = books.clone();
    sim.host(BOOKS, move || record.clone().serve());
    for &who in AGENTS {
        let (identities, witness) = (identities.clone(), witness.clone());
        sim.host(who.name, move || {
            let (identities, witness) = (identities.clone(), witness.clone());
            async move {
                who.serve(&identities, seed, witness).await;
                Ok(())
            }
        });
    }
    let (files, told) = (identities.clone(), witness.clone());
    sim.host(slow::NAME, move || {
        let (files, told) = (files.clone(), told.clone());
        async move {
            slow::serve(&files, told).await;
            Ok(())
        }
    });
    let (files, told) = (identities.clone(), witness.clone());
    sim.host("desk", move || {
        let worker = |name, queue| Worker::new(name, queue, &files, seed, told.clone()).work();
        let (kim, lea) = (worker("kim", "front"), worker("lea", "lead"));
        async move {
            tokio::join!(kim, lea);
            Ok(())
        }
    });
    let (witness, signals) = (witness.clone(), signals.clone());
    let callers =
        Callers { identities, seed, witness, signals, opening: HEALED - Duration::from_secs(3) };
    sim.client("tool", callers.call());
}

/// Makes faults begin and end.
struct Weather {
    faults: Vec<Fault>,
    going: Vec<Fault>,
    house: House,
    witness: Witness,
}

impl Weather {
    fn turn(&mut self, sim: &mut Sim<'_>) {
        let now = sim.elapsed();
        while self.faults.first().is_some_and(|fault| fault.from <= now) {
            let fault = self.faults.remove(0);
            self.witness.happened(fault.kind.name());
            log(now, "begins", &fault);
            self.begin(sim, &fault.kind);
            self.going.push(fault);
        }
        while let Some(place) = self.going.iter().position(|fault| fault.until <= now) {
            let fault = self.going.remove(place);
            log(now, "ends", &fault);
            end(sim, &fault.kind);
        }
    }

    fn begin(&self, sim: &mut Sim<'_>, kind: &Kind) {
        match *kind {
            Kind::Partition(one, other) => sim.partition(one, other),
            Kind::OneWay(from, to) => sim.partition_oneway(from, to),
            Kind::Hold(one, other) => sim.hold(one, other),
            Kind::Slow(one, other, by) => sim.set_link_latency(one, other, by),
            Kind::Loss(one, other) => sim.set_link_fail_rate(one, other, LOSS),
            Kind::Crash(host) => sim.crash(host),
            Kind::Restart => self.house.asks_to_leave(),
        }
    }
}

fn end(sim: &mut Sim<'_>, kind: &Kind) {
    match *kind {
        Kind::Partition(one, other) => sim.repair(one, other),
        Kind::OneWay(from, to) => sim.repair_oneway(from, to),
        Kind::Hold(one, other) => sim.release(one, other),
        Kind::Slow(one, other, _) => {
            sim.set_link_latency(one, other, NEAR);
            sim.set_link_max_message_latency(one, other, FAR);
        }
        Kind::Loss(one, other) => {
            sim.set_link_fail_rate(one, other, 0.0);
            sim.repair(one, other);
        }
        Kind::Crash(host) => sim.bounce(host),
        Kind::Restart => {}
    }
}

/// What goes wrong, for those who look at one story.
fn log(now: Duration, what: &str, fault: &Fault) {
    if std::env::var_os("BELAY_SEED").is_some() {
        println!("{:8.3}s {what}: {:?}", now.as_secs_f64(), fault.kind);
    }
}

/// A folder for the supervisor's data: in memory where the system has such a place, as the disk is simulated.
fn room() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    match tempfile::tempdir_in(memory) {
        Ok(room) => room,
        Err(_) => tempfile::tempdir().unwrap(),
    }
}

/// What went wrong with a story, for people.
pub(crate) fn in_short(told: &Told) -> String {
    let end = at(crate::net::beginning() + told.length);
    format!("{end}: {:?}", told.happened)
}
