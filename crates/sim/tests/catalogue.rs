//! Each row of the catalogue alone, and as many random combinations: nothing that a human queue does makes Belay say
//! that a case is covered when it is not, and every row would have misled somebody.
//! `cargo run --profile sim -p belay-sim -- --catalogue --seeds 10000` runs as many as one likes.

use belay_sim::{LIES, Scene, Tally, run_in, untold};

/// Twice each row alone, and as many combinations.
const SEEDS: u64 = 88;

#[test]
fn no_row_of_the_catalogue_makes_cover_of_nothing_and_each_is_told() {
    let half = |odd: u64| {
        move || {
            let mut tally = Tally::default();
            for seed in (0..SEEDS).filter(|seed| (seed / 2) % 2 == odd) {
                let ended = run_in(Scene::Catalogue, seed, false);
                let again = format!("cargo run -p belay-sim -- --catalogue --seed {seed} --story");
                assert!(ended.wrongs.is_empty(), "seed {seed} ({again}): {:#?}", ended.wrongs);
                tally.join(&ended.tally);
            }
            tally
        }
    };
    let (even, odd) = (std::thread::spawn(half(0)), std::thread::spawn(half(1)));
    let mut tally = even.join().unwrap();
    tally.join(&odd.join().unwrap());
    assert_eq!(tally.of("coverage: FALSE"), 0);
    assert!(untold(&tally).is_empty(), "{:?} never told:\n{tally}", untold(&tally));
    let runs = LIES.iter().map(|(row, _)| tally.of(&format!("row {row:02}: runs")));
    assert_eq!(runs.collect::<Vec<_>>(), [2; 22]);
    for client in ["sent is covered", "acknowledged is covered"] {
        let wrong = tally.of(&format!("several: {client} runs"));
        assert!(wrong > 0, "{client} was never wrong, so these worlds show nothing:\n{tally}");
    }
    assert!(tally.of("supervisor: crashes") > SEEDS, "hardly a supervisor died:\n{tally}");
}
