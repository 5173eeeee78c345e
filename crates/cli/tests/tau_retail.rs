//! Every customer of the retail data, through the program itself: supervisor, specialists and shop run for real.
//!
//! The data is not part of this repository. Where it is absent this test says so and skips.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_right_write_is_verified_and_every_wrong_one_stopped_by_its_rule() {
    let Some(data) = data() else { return };
    let played = Command::new(env!("CARGO_BIN_EXE_belay"))
        .args(["--output", "json", "demo", "--tau-retail"])
        .arg(&data)
        .output()
        .expect("the program starts");
    let errors = String::from_utf8_lossy(&played.stderr);
    let figures: Value = serde_json::from_slice(&played.stdout)
        .unwrap_or_else(|error| panic!("one object was expected: {error}\n{errors}"));
    let at = |pointer: &str| figures.pointer(pointer).cloned().unwrap_or_default();

    assert!(played.status.success(), "{}\n{errors}\n{figures:#}", played.status);
    assert_eq!(at("/tasks"), 58);
    assert_eq!(at("/resolved"), at("/cases"));
    assert_eq!(at("/findings"), serde_json::json!([]));

    // The data lists 92 writes. Three of them are refused by the shop's own tools and change nothing.
    assert_eq!(at("/listed_and_wrong"), 3);
    assert_eq!(at("/right/proposed"), 89);
    assert_eq!(at("/right/verified"), 89);
    assert_eq!(at("/shop/writes"), 89);
    assert_eq!(at("/shop/stray"), 0);
    assert_eq!(at("/shop/worlds_as_expected"), at("/cases"));

    let rules = at("/rules");
    let rules = rules.as_object().expect("the rules");
    assert_eq!(rules.len(), 22, "a rule was never broken: {:?}", rules.keys());
    for (rule, tally) in rules {
        assert_eq!(tally["stopped_by_the_right_rule"], tally["generated"], "{rule}");
        assert_ne!(tally["generated"], 0, "{rule}");
    }
    assert_eq!(at("/wrong/let_through"), 0);

    assert_eq!(at("/handoffs"), 14);
    assert_eq!(at("/escalations/opened"), 4);
    assert_eq!(at("/escalations/settled_by_people"), 4);
    assert_eq!(at("/journal_intact"), true);
}

fn data() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tau-retail");
    let data = std::env::var_os("BELAY_TAU_RETAIL").map_or(beside, PathBuf::from);
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("SKIPPED: there is no retail data at {}; set BELAY_TAU_RETAIL", data.display());
    None
}
