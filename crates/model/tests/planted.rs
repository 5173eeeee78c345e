//! Each bug that can be switched on in the domain, or in the supervisors of the model, is found by a small world.
//!
//! `cargo test -p belay-model --features planted --test planted`. One process for each bug, because a bug is chosen
//! once for a whole process.

#![cfg(feature = "planted")]

use std::process::Command;

#[test]
fn every_planted_bug_breaks_a_law() {
    let told: Vec<_> = [
        "webhook-is-evidence: quick-escalation breaks COV-2",
        "evidence-dated-at-commit: quick-escalation breaks COV-3",
        "queue-unchecked: quick-escalation breaks COV-6",
        "older-read-wins: quick-escalation breaks COV-4",
        "machine-acknowledges: quick-escalation breaks COV-5",
        "evidence-survives-merge: quick-escalation breaks COV-6",
        "handoff-through-nobody: quick-ownership breaks OWN-1",
        "epoch-unchecked: quick-writing breaks OWN-2 or APR-5",
        "permit-reusable: quick-crash breaks PRM-1",
        "approval-unbound: quick-approval breaks APR-1",
        "approval-survives-policy: quick-approval breaks APR-5",
        "unknown-is-failure: quick-writing breaks IDM-4",
        "compensated-twice: quick-plan breaks IDM-7",
        "answered-before-durable: quick-crash breaks IDM-2",
        "effect-before-journal: quick-connector breaks IDM-2",
    ]
    .into_iter()
    .filter_map(missed)
    .collect();
    assert!(told.is_empty(), "not found:\n{}", told.join("\n"));
}

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    let (found, told) = explore("", "quick-crash");
    assert!(!found, "{told}");
}

/// What a world says with a bug planted, if it is not what the line promises.
fn missed(line: &str) -> Option<String> {
    let (bug, promise) = line.split_once(": ")?;
    let (world, laws) = promise.split_once(" breaks ")?;
    let (found, told) = explore(bug, world);
    let named = laws.split(" or ").any(|law| told.contains(&format!("broken: {law}:")));
    (!found || !named).then(|| format!("{line}\n{told}"))
}

/// Explores a world with a bug planted: whether a law was broken, and what was told.
fn explore(bug: &str, world: &str) -> (bool, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_belay-model"))
        .args(["--config", world, "--threads", "1"])
        .env("BELAY_PLANTED", bug)
        .output()
        .expect("the explorer runs");
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    (ran.status.code() == Some(1) && told.contains("a law is broken"), told)
}
