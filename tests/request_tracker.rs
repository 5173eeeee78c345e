//! The same promises with people who work in a real Request Tracker, with all its traps.
//!
//! `deploy/bench/request-tracker/up` starts one and prints the variables that these tests read. Without them every
//! test says that it is skipped.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

#[path = "request_tracker/bench.rs"]
mod bench;
#[path = "promises/stage.rs"]
#[allow(dead_code, reason = "the stage is shared; the other program uses the rest of it")]
mod stage;

use belay_api::v1;
use belay_api::v1::coverage::Coverage as Kind;
use jiff::SignedDuration;

use bench::Bench;
use stage::callers::Caller;
use stage::until;
use stage::watching::{Watcher, check_no_gap, covered_until, moment, person_of};

/// The ordinary desk: alice and bob.
const DESK: &str = "billing-escalations";

#[tokio::test]
async fn a_person_who_takes_the_ticket_covers_the_case_until_they_give_it_back() {
    let Some(bench) = Bench::start(&[DESK, "crm-desk"]).await else { return };
    let (tool, case) = bench.open().await;
    let watcher = Watcher::of(&tool, &case);
    let ticket = bench.ticket(&case, DESK).await;
    assert!(covered_until(&tool.coverage(&case).await).is_none(), "a ticket is no cover");
    bench.put("alice", &format!("/ticket/{ticket}/take")).await;
    let cover = covered_by(&tool, &case, "alice").await;
    let evidence = cover.evidence.unwrap();
    let place = (evidence.system.as_str(), evidence.queue.as_str(), evidence.ticket_id.as_str());
    assert_eq!(place, ("tracker", DESK, ticket.as_str()));
    assert_eq!(evidence.correlation_id, format!("{case}/e1/r1s1"));
    let sent = moment(evidence.sent_at.as_ref());
    assert_eq!(moment(evidence.valid_until.as_ref()), sent + SignedDuration::from_secs(8));

    bench.put("alice", &format!("/ticket/{ticket}/untake")).await;
    until("the cover to end", async || {
        covered_until(&tool.coverage(&case).await).is_none().then_some(())
    })
    .await;
    let next = bench.ticket(&case, "crm-desk").await;
    let story = tool.story(&case).await;
    assert!(story.contains(&"escalation_lapsed".to_owned()), "{story:?}");
    bench.put("bob", &format!("/ticket/{next}/take")).await;
    covered_by(&tool, &case, "bob").await;
    let seen = watcher.end();
    check_no_gap(&seen);
    let people: Vec<_> = seen.iter().filter_map(person_of).collect();
    assert!(people.iter().all(|person| ["alice", "bob"].contains(person)));
}

#[tokio::test]
async fn a_resolution_with_a_code_resolves_the_case() {
    let Some(bench) = Bench::start(&[DESK]).await else { return };
    let (tool, case) = bench.open().await;
    let ticket = bench.ticket(&case, DESK).await;
    bench.put("alice", &format!("/ticket/{ticket}/take")).await;
    covered_by(&tool, &case, "alice").await;
    bench.resolve("alice", &ticket, Some("declined")).await;
    assert_eq!(tool.sees_resolved(&case).await, "declined");
    let by = tool.case(&case).await.resolution.unwrap().by.unwrap();
    assert_eq!(by.id, "alice");
}

#[tokio::test]
async fn a_ticket_that_is_closed_without_a_code_resolves_nothing() {
    let Some(bench) = Bench::start(&[DESK, "crm-desk"]).await else { return };
    let (tool, case) = bench.open().await;
    let ticket = bench.ticket(&case, DESK).await;
    bench.put("alice", &format!("/ticket/{ticket}/take")).await;
    covered_by(&tool, &case, "alice").await;
    bench.resolve("alice", &ticket, None).await;
    let next = bench.ticket(&case, "crm-desk").await;
    assert!(tool.case(&case).await.resolution.is_none());
    bench.put("bob", &format!("/ticket/{next}/take")).await;
    covered_by(&tool, &case, "bob").await;
}

#[tokio::test]
async fn a_machine_that_takes_everything_covers_nothing() {
    moves_on("robot-desk").await;
}

#[tokio::test]
async fn a_queue_without_people_covers_nothing() {
    moves_on("empty-queue").await;
}

#[tokio::test]
async fn a_queue_whose_people_have_left_covers_nothing() {
    moves_on("leavers-desk").await;
}

#[tokio::test]
async fn a_queue_that_moves_tickets_elsewhere_covers_nothing() {
    moves_on("bounce-desk").await;
}

#[tokio::test]
async fn a_queue_that_rejects_everything_covers_nothing() {
    moves_on("autoclose-desk").await;
}

#[tokio::test]
async fn a_queue_that_is_switched_off_covers_nothing() {
    moves_on("retired-desk").await;
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_covers_nothing() {
    moves_on("private-desk").await;
}

#[tokio::test]
async fn evidence_goes_stale_while_the_server_hangs() {
    let Some(bench) = Bench::start(&[DESK, "crm-desk"]).await else { return };
    let (tool, case) = bench.open().await;
    let ticket = bench.ticket(&case, DESK).await;
    bench.put("alice", &format!("/ticket/{ticket}/take")).await;
    covered_by(&tool, &case, "alice").await;
    let stopped = bench.stop_server();
    let before =
        covered_until(&tool.coverage(&case).await).expect("covered until the evidence ends");
    until("the cover to end", async || {
        covered_until(&tool.coverage(&case).await).is_none().then_some(())
    })
    .await;
    let now = jiff::Timestamp::now();
    assert!(now < before + SignedDuration::from_secs(10), "covered long after {before}: {now}");
    drop(stopped);
    // Whether by the old step or the next one: somebody who is asked takes it, and only then it is covered.
    let waiting = async || {
        let found = tool.case(&case).await.escalations.pop()?;
        if covered_until(&tool.coverage(&case).await).is_some() {
            return Some(None);
        }
        let wanted = found.step?.queue;
        bench.find(&case, &wanted).await.filter(|found| *found != ticket).map(Some)
    };
    if let Some(next) = until("the cover or the next ticket", waiting).await {
        bench.put("bob", &format!("/ticket/{next}/take")).await;
    }
    until("the case to be covered again", async || {
        covered_until(&tool.coverage(&case).await).map(drop)
    })
    .await;
}

/// Checks that a queue never covers the case, and that bob at another desk then does.
async fn moves_on(queue: &str) {
    let Some(bench) = Bench::start(&[queue, "crm-desk"]).await else { return };
    let (tool, case) = bench.open().await;
    let watcher = Watcher::of(&tool, &case);
    let ticket = bench.ticket(&case, "crm-desk").await;
    let seen = watcher.end();
    assert!(seen.iter().all(|one| covered_until(one).is_none()), "{queue} was taken for cover");
    check_no_gap(&seen);
    bench.put("bob", &format!("/ticket/{ticket}/take")).await;
    let cover = covered_by(&tool, &case, "bob").await;
    assert_eq!(cover.evidence.unwrap().queue, "crm-desk");
}

/// Waits until this person covers the case.
async fn covered_by(caller: &Caller, case: &str, person: &str) -> v1::CoveredByPerson {
    until(&format!("{case} to be covered by {person}"), async || {
        match caller.coverage(case).await.coverage {
            Some(Kind::CoveredByPerson(cover)) if cover.person == person => Some(cover),
            _ => None,
        }
    })
    .await
}
