//! A second opinion: a deliberately naive model of a case, written from the design and not from the code, lives
//! through the same histories as the real domain. After every command both have to say the same.
//!
//! `BELAY_SEED=7 BELAY_HISTORIES=20000 cargo test -p belay-domain --test reference` tries others.

mod actions;
mod choose;
mod holding;
mod ledger;
mod moves;
mod owing;
mod people;
mod picture;
mod plans;
mod real;
mod reviewing;
mod terms;
mod writes;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::any;
use proptest::strategy::{BoxedStrategy, Just, Strategy};
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use choose::{Dice, choose};
use ledger::Ledger;
use moves::Move;
use real::Real;

thread_local! {
    /// How often each kind of event and each refusal was reached.
    static SEEN: RefCell<BTreeMap<&'static str, u64>> = RefCell::default();
}

impl ReferenceStateMachine for Ledger {
    type State = Self;
    type Transition = Move;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Move> {
        let state = state.clone();
        any::<Dice>().prop_map(move |dice| choose(&state, dice)).boxed()
    }

    fn apply(mut state: Self, chosen: &Move) -> Self {
        state.tell(chosen.wait, &chosen.ask);
        state
    }
}

/// The two side by side.
struct Both;

impl StateMachineTest for Both {
    type SystemUnderTest = Real;
    type Reference = Ledger;

    fn init_test(_: &Ledger) -> Real {
        Real::new()
    }

    fn apply(mut real: Real, model: &Ledger, chosen: Move) -> Real {
        real.tell(model.now, &chosen.ask);
        SEEN.with_borrow_mut(|seen| {
            for event in &real.happened {
                *seen.entry(event.kind.name()).or_default() += 1;
            }
            if let Some(code) = real.answer {
                *seen.entry(code).or_default() += 1;
            }
        });
        real
    }

    fn check_invariants(real: &Real, model: &Ledger) {
        assert_eq!(
            real.picture(),
            model.picture(),
            "the domain says (left), the model says (right)"
        );
    }
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn the_domain_and_the_naive_model_never_disagree() {
    let seed = number("BELAY_SEED", 20_261_123);
    let histories = number("BELAY_HISTORIES", 1_000);
    eprintln!("BELAY_SEED={seed} BELAY_HISTORIES={histories}");
    let config = Config {
        cases: histories,
        rng_seed: RngSeed::Fixed(u64::from(seed)),
        failure_persistence: None,
        max_shrink_iters: number("PROPTEST_MAX_SHRINK_ITERS", 4_000),
        ..Config::default()
    };
    let mut runner = TestRunner::new(config.clone());
    let outcome = runner.run(&Ledger::sequential_strategy(20..120), |(model, moves, seen)| {
        Both::test_sequential(config.clone(), model, moves, seen);
        Ok(())
    });
    if let Err(TestError::Fail(why, (_, moves, _))) = outcome {
        let told: Vec<String> = moves.iter().map(|chosen| format!("{chosen:?}")).collect();
        panic!("{why}\nafter\n{}", told.join("\n"));
    }
    SEEN.with_borrow(interesting);
}

/// Histories in which nothing happens prove nothing: every kind of event and almost every refusal was reached.
fn interesting(seen: &BTreeMap<&'static str, u64>) {
    eprintln!("{seen:#?}");
    let rare: Vec<_> =
        WANTED.iter().filter(|name| seen.get(*name).copied().unwrap_or(0) < 5).collect();
    assert!(rare.is_empty(), "too few histories reached {rare:?}");
}

/// Every kind of event and every refusal that the model knows of.
const WANTED: [&str; 105] = [
    "ALREADY_ANSWERED",
    "ALREADY_ASKED",
    "ALREADY_OPEN",
    "ALREADY_VOTED",
    "APPROVAL_DIGEST_MISMATCH",
    "CASE_CLOSED",
    "CONTEXT_DIGEST_MISMATCH",
    "DELEGATION_CIRCLE",
    "DELEGATION_TOO_DEEP",
    "ESCALATION_UNDER_WAY",
    "HANDED_OVER",
    "HANDOFF_UNDER_WAY",
    "INPUT_DIGEST_MISMATCH",
    "INVOLVED",
    "NOT_AN_APPROVER",
    "NOT_ASKED",
    "NOT_COMPARED",
    "NOT_EXECUTOR",
    "NOT_OFFERED",
    "NOT_OWNER",
    "NOT_ROUTING",
    "NO_SUCH_OFFER",
    "PERMIT_EXPIRED",
    "PERMIT_USED",
    "PLAN_CLOSED",
    "PROPOSAL_REUSED",
    "REASON_MISSING",
    "STALE_APPROVAL",
    "STALE_ATTEMPT",
    "STALE_EPOCH",
    "STALE_REVISION",
    "STALE_STEP",
    "UNKNOWN_ACTION",
    "UNKNOWN_CASE",
    "UNKNOWN_PLAN",
    "UNKNOWN_QUESTION",
    "UNKNOWN_REASON",
    "UNSETTLED_ACTIONS",
    "WRONG_KEY",
    "WRONG_PERMIT",
    "WRONG_STAGE",
    "action_amended",
    "action_assessed",
    "action_authorized",
    "action_compensated",
    "action_denied",
    "action_dispatched",
    "action_diverged",
    "action_executed",
    "action_failed",
    "action_proposed",
    "action_retried",
    "action_shadowed",
    "action_unknown",
    "action_unresolved",
    "action_verified",
    "action_withdrawn",
    "approval_answered",
    "approval_asked",
    "approval_delegated",
    "approval_ended",
    "approval_given",
    "approval_requested",
    "case_opened",
    "case_released",
    "case_resolved",
    "case_returned",
    "case_taken_over",
    "compensation_failed",
    "compensation_started",
    "context_added",
    "coverage_lowered",
    "coverage_raised",
    "escalation_acknowledged",
    "escalation_closed",
    "escalation_exhausted",
    "escalation_lapsed",
    "escalation_opened",
    "escalation_resolved",
    "escalation_widened",
    "evidence_renewed",
    "handoff_accepted",
    "handoff_declined",
    "handoff_lapsed",
    "handoff_offered",
    "lease_expired",
    "lease_renewed",
    "permit_expired",
    "plan_compared",
    "plan_comparing",
    "plan_completed",
    "plan_stuck",
    "plan_undoing",
    "plan_uncompared",
    "plan_undone",
    "plan_verified",
    "routing_ended",
    "routing_started",
    "step_failed",
    "step_started",
    "ticket_orphaned",
    "ticket_placed",
    "ticket_routed",
    "ticket_seen",
    "ticket_withdrawn",
];
