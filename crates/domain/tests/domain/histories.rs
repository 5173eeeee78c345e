//! Long random histories. Every command of every one of them is held against the laws and against the world.
//!
//! `BELAY_SEED=7 BELAY_HISTORIES=5000 cargo test -p belay-domain histories` tries others.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use belay_domain::Stage;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use crate::terms::at;
use crate::world::{Step, World};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs a world through its steps; if `loud`, what was told so far is printed with whatever law breaks.
fn live(kind: u8, steps: &[Step], loud: bool) -> World {
    let mut world = World::new(kind);
    let lived = catch_unwind(AssertUnwindSafe(|| {
        steps.iter().for_each(|step| world.step(*step));
        liveness(&mut world);
    }));
    if let Err(broken) = lived {
        if loud {
            eprintln!("the history:\n{}", world.told.join("\n"));
        }
        resume_unwind(broken);
    }
    world
}

/// When nothing happens but time, every request to people ends within the sum of its deadlines (`LIV-1`), and
/// the case never stops waiting for something.
fn liveness(world: &mut World) {
    let waiting: Vec<_> = world
        .case()
        .escalations
        .values()
        .filter(|found| found.is_open())
        .map(|found| (found.id.clone(), found.plan.longest()))
        .collect();
    for (id, longest) in waiting {
        let waits = |world: &World| {
            let stage = &world.case().escalations[&id].stage;
            matches!(stage, Stage::Opened { .. } | Stage::Placed { .. } | Stage::Routed { .. })
        };
        if waits(world) {
            let from = world.story.history.len();
            world.only_time(belay_domain::after(at(world.now), longest));
            let ended = world.story.history[from..].iter().any(|event| match &event.kind {
                belay_domain::EventKind::EscalationExhausted { escalation, .. }
                | belay_domain::EventKind::EscalationClosed { escalation, .. } => *escalation == id,
                _ => false,
            });
            assert!(ended, "LIV-1: {id} neither ended nor was raised as exhausted");
        }
    }
    let from = world.now;
    world.only_time(at(from + 600));
}

#[test]
fn whatever_happens_the_laws_hold() {
    let seed = number("BELAY_SEED", 20_261_123);
    let histories = number("BELAY_HISTORIES", 1_500);
    eprintln!("BELAY_SEED={seed} BELAY_HISTORIES={histories}");
    let config = Config {
        cases: u32::try_from(histories).expect("a number of histories"),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let seen: RefCell<BTreeMap<&'static str, u32>> = RefCell::default();
    let mut runner = TestRunner::new(config);
    let steps = vec((any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()), 20..160);
    let outcome = runner.run(&(any::<u8>(), steps), |(kind, steps)| {
        let world = live(kind, &steps, false);
        let mut seen = seen.borrow_mut();
        for event in &world.story.history {
            *seen.entry(event.kind.name()).or_default() += 1;
        }
        for line in &world.told {
            if let Some((_, code)) = line.split_once("-> refused ") {
                *seen.entry(String::leak(code.to_owned())).or_default() += 1;
            }
        }
        Ok(())
    });
    if let Err(TestError::Fail(why, (kind, steps))) = outcome {
        // Once more, so that the shortest history is the last one printed.
        live(kind, &steps, true);
        panic!("{why}");
    }
    interesting(&seen.borrow());
}

/// Histories in which nothing happens prove nothing.
fn interesting(seen: &BTreeMap<&'static str, u32>) {
    eprintln!("{seen:#?}");
    let wanted = [
        "handoff_accepted",
        "handoff_declined",
        "handoff_lapsed",
        "lease_renewed",
        "lease_expired",
        "case_released",
        "escalation_acknowledged",
        "evidence_renewed",
        "escalation_lapsed",
        "escalation_exhausted",
        "escalation_resolved",
        "case_returned",
        "case_resolved",
        "ticket_orphaned",
        "ticket_withdrawn",
        "ticket_seen",
        "ticket_routed",
        "step_failed",
        "coverage_raised",
        "coverage_lowered",
        "approval_given",
        "approval_asked",
        "approval_answered",
        "approval_delegated",
        "approval_ended",
        "case_taken_over",
        "action_amended",
        "action_authorized",
        "permit_expired",
        "action_dispatched",
        "action_executed",
        "action_unknown",
        "action_unresolved",
        "action_retried",
        "action_failed",
        "action_verified",
        "action_diverged",
        "action_withdrawn",
        "action_denied",
        "action_shadowed",
        "compensation_started",
        "action_compensated",
        "compensation_failed",
        "plan_completed",
        "plan_comparing",
        "plan_compared",
        "plan_verified",
        "plan_undoing",
        "plan_undone",
        "plan_stuck",
        "escalation_widened",
        "STALE_EPOCH",
        "CONTEXT_DIGEST_MISMATCH",
        "WRONG_STAGE",
        "STALE_STEP",
        "INVOLVED",
        "UNSETTLED_ACTIONS",
        "NOT_OWNER",
        "STALE_APPROVAL",
        "ALREADY_ASKED",
        "ALREADY_ANSWERED",
        "UNKNOWN_QUESTION",
        "HANDED_OVER",
        "DELEGATION_CIRCLE",
        "DELEGATION_TOO_DEEP",
        "UNKNOWN_REASON",
        "REASON_MISSING",
        "NOT_ASKED",
    ];
    let rare: Vec<_> =
        wanted.iter().filter(|name| seen.get(*name).copied().unwrap_or(0) < 5).collect();
    assert!(rare.is_empty(), "too few histories reached {rare:?}");
}
