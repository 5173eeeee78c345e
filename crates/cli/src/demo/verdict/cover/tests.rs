use belay_domain::{Epoch, Event, EventKind, HandoffId, Owner, Timestamp};

use super::holds;
use crate::demo::observer::{Claim, Holder};

#[test]
fn a_claim_holds_only_while_the_lease_runs() {
    let history = [accepted(10, "billing-1", 1, 20)];
    check(&history, 12, "billing-1", 1, true);
    check(&history, 9, "billing-1", 1, false);
    check(&history, 20, "billing-1", 1, false);
}

#[test]
fn a_claim_for_another_agent_or_epoch_is_false() {
    let history = [accepted(10, "billing-1", 1, 20)];
    check(&history, 12, "billing-2", 1, false);
    check(&history, 12, "billing-1", 2, false);
}

#[test]
fn a_renewal_counts_from_when_it_was_journaled() {
    let renewed = EventKind::LeaseRenewed { key: digest(), lease_until: second(30) };
    let history = [accepted(10, "billing-1", 1, 20), event(18, renewed)];
    check(&history, 25, "billing-1", 1, true);
    check(&history, 30, "billing-1", 1, false);
}

#[test]
fn what_is_over_is_not_covered_whatever_the_lease_said() {
    let expired = EventKind::LeaseExpired { agent: id("billing-1"), epoch: Epoch(1) };
    let history = [accepted(10, "billing-1", 1, 20), event(15, expired)];
    check(&history, 14, "billing-1", 1, true);
    // What was decided in this very moment is not durable yet.
    check(&history, 15, "billing-1", 1, true);
    check(&history, 16, "billing-1", 1, false);
}

#[track_caller]
fn check(history: &[Event], at: i64, agent: &str, epoch: u64, expected: bool) {
    let holder = Holder::Agent { agent: agent.into(), epoch };
    let claim = Claim { case: "c-1".into(), at: second(at), holder };
    let found = holds(&claim, history, &[]);
    assert_eq!(found.is_ok(), expected, "{found:?}");
}

fn accepted(at: i64, agent: &str, epoch: u64, until: i64) -> Event {
    let handoff: HandoffId = id("c-1/h1");
    let kind = EventKind::HandoffAccepted {
        handoff,
        from: Owner::Supervisor { since: second(0) },
        agent: id(agent),
        key: digest(),
        context: digest(),
        epoch: Epoch(epoch),
        lease_until: second(until),
    };
    event(at, kind)
}

fn event(at: i64, kind: EventKind) -> Event {
    Event { at: second(at), kind }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn digest() -> belay_domain::Digest {
    belay_domain::Digest::of(b"")
}

fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}
