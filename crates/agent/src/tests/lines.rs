//! Lines break, supervisors restart, agents stop; no message is lost and none counts twice.

use std::time::Duration;

use belay_api::v1::connect_request::Message as In;
use belay_api::v1::connect_response::Message as Out;
use belay_api::v1::{self, ActionState, ErrorReason, GoodbyeReason, Ruling};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::ServeError;
use crate::testbed::{ACTION, Bed, CASE, Does, action, assigned, decision, offer};

const INPUT: &str = r#"{"text":"hello"}"#;

#[tokio::test(start_paused = true)]
async fn a_resumed_session_sends_again_what_was_not_acknowledged() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    let (number, first) = line.next().await;
    // It came, but the agent does not know that it did.
    line.taken = number - 1;
    line.breaks().await;
    let mut line = bed.resumed(line).await;
    let resume = line.register.resume.clone().unwrap();
    assert_eq!((&*resume.session_id, resume.last_received_message_id), ("s-1", 2));
    assert_eq!(resume.held_cases, [v1::HeldCase { case_id: CASE.into(), epoch: 1 }]);
    let again = line.next().await;
    assert_eq!(again, (number, first.clone()));
    // The handler still waits for the same answer.
    let In::Propose(proposal) = first else { panic!("not a proposal: {first:?}") };
    line.send(number, decision(&proposal, Ruling::Authorized)).await;
    line.stands(ActionState::Verified).await;
    line.resolved().await;
    assert_eq!(seen.all(), "offered 1, verified");
}

#[tokio::test(start_paused = true)]
async fn a_resumed_session_does_not_repeat_what_was_acknowledged() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    let (number, first) = line.next().await;
    // Any message acknowledges it.
    line.loses(7, v1::LeaseLostReason::NotHeld).await;
    line.quiet(Duration::from_secs(1)).await;
    line.breaks().await;
    let mut line = bed.resumed(line).await;
    line.quiet(Duration::from_secs(1)).await;
    let In::Propose(proposal) = first else { panic!("not a proposal: {first:?}") };
    line.send(number, decision(&proposal, Ruling::Authorized)).await;
    line.stands(ActionState::Verified).await;
    line.resolved().await;
}

#[tokio::test(start_paused = true)]
async fn work_goes_on_after_the_supervisor_was_restarted() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    let (_, In::Propose(before)) = line.next().await else { panic!("not a proposal") };
    line.breaks().await;
    let mut line = bed.registered().await;
    line.send(0, assigned(CASE, 1, Some(vec![action(ActionState::Proposed, 0)]))).await;
    // The same proposal under the same id, and numbered from 1.
    let (number, again) = line.next().await;
    assert_eq!((number, &again), (1, &In::Propose(before.clone())));
    line.send(number, decision(&before, Ruling::Authorized)).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
    let number = line.begins("p1").await;
    line.started(number, "p1", 1).await;
    assert_eq!(line.outcome().await, (1, "executed"));
    line.stands(ActionState::Verified).await;
    line.resolved().await;
    assert_eq!(seen.all(), format!("offered 1, wrote {INPUT} by p1, verified"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_between_consuming_a_permit_and_hearing_so_writes_nothing() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    line.rules(Ruling::Authorized).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
    line.begins("p1").await;
    line.breaks().await;
    let mut line = bed.registered().await;
    line.send(0, assigned(CASE, 1, Some(vec![action(ActionState::Dispatched, 1)]))).await;
    let number = line.begins("p1").await;
    line.refuses(number, ErrorReason::PermitUsed).await;
    assert_eq!(line.outcome().await, (1, "unknown"));
    assert_eq!(seen.all(), "offered 1");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_arrives_although_the_line_broke_while_it_was_written() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::WritesForEver.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    line.rules(Ruling::Authorized).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
    let number = line.begins("p1").await;
    line.started(number, "p1", 1).await;
    line.quiet(Duration::from_secs(1)).await;
    line.breaks().await;
    // This process still writes, so it does not call the attempt forgotten.
    let mut line = bed.registered().await;
    line.send(0, assigned(CASE, 1, Some(vec![action(ActionState::Dispatched, 1)]))).await;
    line.quiet(Duration::from_secs(1)).await;
    line.loses(1, v1::LeaseLostReason::Expired).await;
    assert_eq!(line.outcome().await, (1, "unknown"));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_twice_counts_once() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Hangs.this();
    let _agent = bed.run(specialist, |agent| agent.capacity(4));
    let mut line = bed.registered().await;
    line.send(0, Out::HandoffOffer(offer(CASE, "h1"))).await;
    let (number, _) = line.next().await;
    line.repeat(1, Out::HandoffOffer(offer(CASE, "h1"))).await;
    line.send(number, assigned(CASE, 1, None)).await;
    line.repeat(1, Out::HandoffOffer(offer(CASE, "h1"))).await;
    line.repeat(2, assigned(CASE, 1, None)).await;
    line.quiet(Duration::from_secs(5)).await;
    assert_eq!(seen.all(), "offered 1");
}

#[tokio::test(start_paused = true)]
async fn an_offer_that_is_made_again_after_a_restart_is_considered_once() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Ponders.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.send(0, Out::HandoffOffer(offer(CASE, "h1"))).await;
    line.quiet(Duration::from_secs(1)).await;
    line.breaks().await;
    let mut line = bed.registered().await;
    line.send(0, Out::HandoffOffer(offer(CASE, "h1"))).await;
    line.quiet(Duration::from_secs(1)).await;
    assert_eq!(seen.all(), "offered 1");
}

#[tokio::test(start_paused = true)]
async fn what_the_supervisor_sends_is_acknowledged() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::Hangs.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    line.quiet(Duration::from_secs(1)).await;
    assert_eq!(line.acked, 2);
}

#[tokio::test(start_paused = true)]
async fn credit_comes_back_when_an_offer_has_been_dealt_with() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Ponders.this();
    let _agent = bed.run(specialist, |agent| agent.inbox(8));
    let mut line = bed.registered().await;
    line.quiet(Duration::from_secs(1)).await;
    assert_eq!(line.credit, 8);
    for place in 0..4 {
        line.send(0, Out::HandoffOffer(offer(CASE, &format!("h{place}")))).await;
    }
    line.quiet(Duration::from_secs(5)).await;
    // The agent ponders four offers, so it has room for four messages more.
    assert_eq!((line.credit, &*seen.all()), (8, "offered 1, offered 1, offered 1, offered 1"));
    for place in 0..2 {
        let (handoff_id, case_id) = (format!("h{place}"), CASE.into());
        let withdrawn = v1::HandoffWithdrawn { handoff_id, case_id, reason: "too slow".into() };
        line.send(0, Out::HandoffWithdrawn(withdrawn)).await;
    }
    line.quiet(Duration::from_secs(5)).await;
    // Two offers, and the two messages that withdrew them.
    assert_eq!(line.credit, 12);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_stops_finishes_what_it_has_and_takes_no_more() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    let proposal = line.rules(Ruling::Authorized).await;
    assert_eq!(proposal.case_id, CASE);
    bed.stop.cancel();
    let (number, message) = line.next().await;
    assert_eq!(message, In::Drain(v1::Drain {}));
    line.send(number, Out::Done(v1::Done::default())).await;
    line.send(0, Out::HandoffOffer(offer("c-2", "h9"))).await;
    let (number, message) = line.next().await;
    assert!(matches!(message, In::DeclineHandoff(_)), "{message:?}");
    line.send(number, Out::Done(v1::Done::default())).await;
    line.stands(ActionState::Verified).await;
    line.resolved().await;
    line.closed().await;
    agent.await.unwrap().unwrap();
    assert_eq!(seen.all(), "offered 1, verified");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_stops_gives_back_what_it_cannot_finish() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Toils.this();
    let agent = bed.run(specialist, |agent| agent.drain_within(Duration::from_secs(3)));
    let mut line = bed.registered().await;
    line.assigns(1).await;
    bed.stop.cancel();
    let (number, _) = line.next().await;
    line.send(number, Out::Done(v1::Done::default())).await;
    assert_eq!(line.released().await, "the agent is stopping");
    line.closed().await;
    agent.await.unwrap().unwrap();
    assert_eq!(seen.all(), "offered 1, dropped");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_the_supervisor_does_not_know_says_so() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::Acts.this();
    let agent = bed.run(specialist, |agent| agent);
    let mut details = ErrorDetails::new();
    details.set_error_info("UNKNOWN_AGENT", "belay", [("agent".to_owned(), "crm".to_owned())]);
    let line = bed.line().await;
    line.fails(Status::with_error_details(Code::PermissionDenied, "not in the playbook", details))
        .await;
    match agent.await.unwrap() {
        Err(ServeError::Refused(refused)) => assert_eq!(refused.reason, ErrorReason::UnknownAgent),
        other => panic!("served on: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_says_whether_to_come_back() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::Acts.this();
    let agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    let wait = prost_types::Duration { seconds: 7, nanos: 0 };
    line.say(0, goodbye(GoodbyeReason::Draining, Some(wait))).await;
    line.fails(Status::unavailable("draining")).await;
    let left = tokio::time::Instant::now();
    let mut line = bed.registered().await;
    assert!(left.elapsed() >= Duration::from_secs(7));
    line.say(0, goodbye(GoodbyeReason::Replaced, None)).await;
    line.fails(Status::aborted("replaced")).await;
    match agent.await.unwrap() {
        Err(ServeError::Goodbye { reason, .. }) => assert_eq!(reason, GoodbyeReason::Replaced),
        other => panic!("served on: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_is_away_is_tried_again() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::Acts.this();
    let agent = bed.run(specialist, |agent| agent);
    for _ in 0..20 {
        bed.line().await.breaks().await;
    }
    let mut line = bed.registered().await;
    line.assigns(1).await;
    bed.stop.cancel();
    drop(agent);
}

#[tokio::test(start_paused = true)]
async fn what_the_supervisor_asks_to_be_repeated_is_repeated() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    let (number, first) = line.next().await;
    let error = v1::Error {
        reason: ErrorReason::Overloaded.into(),
        retry_after: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        ..v1::Error::default()
    };
    line.send(number, Out::Rejected(v1::Rejected { error: Some(error) })).await;
    let (again, second) = line.next().await;
    assert_eq!((again, second), (number + 1, first));
    assert_eq!(ACTION, format!("{CASE}/a1"));
}

fn goodbye(reason: GoodbyeReason, reconnect_after: Option<prost_types::Duration>) -> Out {
    Out::Goodbye(v1::Goodbye { reason: reason.into(), detail: "bye".into(), reconnect_after })
}
