//! A few dozen simulated worlds, and no broken promise in any of them. `cargo run -p belay-sim -- --seeds N` runs as
//! many as one likes.

use belay_sim::{Ended, LIES, Tally, run};

/// How many runs are enough for every lie to be told at least once.
const SEEDS: u64 = 32;

#[test]
fn in_no_world_is_a_promise_broken_and_every_lie_is_told() {
    let half = |odd: u64| move || (0..SEEDS).filter(|seed| seed % 2 == odd).map(one).collect();
    let (even, odd) = (std::thread::spawn(half(0)), std::thread::spawn(half(1)));
    let ended: [Vec<Ended>; 2] = [even.join().unwrap(), odd.join().unwrap()];
    let ended: Vec<&Ended> = ended.iter().flatten().collect();
    let broken = ended.iter().filter(|ended| !ended.wrongs.is_empty());
    let told = broken.map(|ended| {
        let again = format!("cargo run -p belay-sim -- --seed {} --story", ended.seed);
        format!("seed {} ({again}): {:#?}\n", ended.seed, ended.wrongs)
    });
    let told: String = told.collect();
    assert!(told.is_empty(), "{told}");
    let mut tally = Tally::default();
    ended.iter().for_each(|ended| tally.join(&ended.tally));
    for (row, what) in LIES {
        assert!(tally.of(&format!("lie {row:02}")) > 0, "{row}, {what}, was never told:\n{tally}");
    }
    for what in
        ["supervisor: crashes", "coverage: lapses", "effects: once", "clocks: the wall jumped"]
    {
        assert!(tally.of(what) > 0, "{what} never happened:\n{tally}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [3, 1_000_003] {
        let (first, again) = (one(seed), one(seed));
        assert_eq!(first.digest, again.digest, "the journals of seed {seed} differ");
        assert_eq!(first.tally, again.tally, "what happened in seed {seed} differs");
        assert_ne!(first.digest, one(seed + 1).digest, "another seed is another run");
    }
}

fn one(seed: u64) -> Ended {
    run(seed, false)
}
