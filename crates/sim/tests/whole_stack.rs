//! The whole stack on a simulated network: the supervisor with its accept loop, TLS and gRPC, agents by the SDK, people
//! and tools with clients, and a system of record over HTTP, while lines break, messages are lost, held back and slow,
//! and processes crash, come back, fall silent and stop reading.
//!
//! Each seed is a story. One that fails is told again by
//! `BELAY_SEED=17 cargo test -p belay-sim --test whole_stack -- --nocapture`. What goes wrong and what everybody means to
//! do comes from the seed; keys, nonces and the order of what happens in the same moment do not, so a story may have to
//! be told more than once to go the same way. `BELAY_SEEDS` says how many are told.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

#[path = "whole_stack/agents.rs"]
mod agents;
#[path = "whole_stack/auditor.rs"]
mod auditor;
#[path = "whole_stack/books.rs"]
mod books;
#[path = "whole_stack/callers.rs"]
mod callers;
#[path = "whole_stack/dice.rs"]
mod dice;
#[path = "whole_stack/faults.rs"]
mod faults;
#[path = "whole_stack/house.rs"]
mod house;
#[path = "whole_stack/net.rs"]
mod net;
#[path = "whole_stack/people.rs"]
mod people;
#[path = "whole_stack/phone.rs"]
mod phone;
#[path = "whole_stack/slow.rs"]
mod slow;
#[path = "whole_stack/story.rs"]
mod story;
#[path = "whole_stack/witness.rs"]
mod witness;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use story::{Told, in_short, tell};

/// How many stories are told when nothing else is said.
const SEEDS: u64 = 64;

/// What has to happen in some of so many stories, besides every kind of fault.
const EXPECTED: &[&str] = &[
    "a supervisor left in order",
    "an agent connected again",
    "an agent fell silent",
    "an agent handed off",
    "an agent asked people",
    "an agent gave a case back",
    "an opening was repeated",
    "a lease ran out",
    "an offer lapsed",
    "an outcome was unknown",
    "a write was verified",
    "a person took a case",
    "a person let go",
    "a person gave a case back to agents",
    "a slow reader was cut",
];

#[test]
fn whatever_the_network_does_nothing_answered_is_lost_and_everything_comes_to_rest() {
    story::remember_panics();
    let number = |name: &str| std::env::var(name).ok().and_then(|said| said.parse::<u64>().ok());
    if let Some(seed) = number("BELAY_SEED") {
        let told = tell(seed);
        println!("seed {seed}: {}", in_short(&told));
        complain(seed, &told);
        return assert_sound(&BTreeMap::from([(seed, told)]));
    }
    let seeds = number("BELAY_SEEDS").unwrap_or(SEEDS);
    let all = tell_all(seeds);
    assert_sound(&all);
    if seeds >= SEEDS {
        assert_telling(&all);
    }
}

/// Tells many stories, as many at a time as there are processors.
fn tell_all(seeds: u64) -> BTreeMap<u64, Told> {
    let (next, all) = (AtomicU64::new(1), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds {
                        return;
                    }
                    let told = tell(seed);
                    println!("seed {seed}: {}", in_short(&told));
                    complain(seed, &told);
                    all.lock().unwrap().insert(seed, told);
                }
            });
        }
    });
    all.into_inner().unwrap()
}

/// Says what is wrong with a story, and how it is told again.
fn complain(seed: u64, told: &Told) {
    if !told.broken.is_empty() {
        println!("seed {seed} fails:\n  {}", told.broken.join("\n  "));
        println!(
            "again: BELAY_SEED={seed} cargo test -p belay-sim --test whole_stack -- --nocapture"
        );
    }
}

/// Nothing is broken, and something happened in every single story.
#[track_caller]
fn assert_sound(all: &BTreeMap<u64, Told>) {
    let broken = all.iter().filter(|(_, told)| !told.broken.is_empty());
    let broken: Vec<u64> = broken.map(|(seed, _)| *seed).collect();
    assert!(broken.is_empty(), "these seeds fail: {broken:?}");
    let quiet = |told: &Told| {
        let count = |name: &&str| told.happened.get(*name);
        faults::NAMES.iter().filter_map(count).sum::<u64>() == 0
            || !told.happened.contains_key("an agent took a case")
    };
    let quiet: Vec<u64> =
        all.iter().filter(|(_, told)| quiet(told)).map(|(seed, _)| *seed).collect();
    assert!(quiet.is_empty(), "nothing happened with these seeds: {quiet:?}");
}

/// Over many stories, everything happens that is meant to.
#[track_caller]
fn assert_telling(all: &BTreeMap<u64, Told>) {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (what, times) in all.values().flat_map(|told| &told.happened) {
        *sums.entry(what).or_default() += times;
    }
    println!("all together: {sums:#?}");
    for what in faults::NAMES.iter().chain(EXPECTED) {
        assert!(sums.contains_key(what), "in {} stories it never happened: {what}", all.len());
    }
}
