//! Nothing is written without a permit that is good in every respect, and then once.

use std::time::Duration;

use belay_api::v1::connect_response::Message as Out;
use belay_api::v1::{self, ActionState, ErrorReason, LeaseLostReason, Ruling};
use belay_transport::thumbprint::Thumbprint;
use jiff::Timestamp;

use crate::testbed::{ACTION, Bed, Does, Line, digest, in_future, signer};

const INPUT: &str = r#"{"text":"hello"}"#;
const OTHER: &str = r#"{"text":"other"}"#;

type Claims = belay_transport::permit::Permit;

#[tokio::test(start_paused = true)]
async fn an_action_goes_through_and_is_verified() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let agent = bed.run(specialist, |agent| agent);
    let mut line = authorized(&mut bed).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
    let number = line.begins("p1").await;
    // The permit is asked for and not consumed yet.
    line.quiet(Duration::from_secs(2)).await;
    assert_eq!(seen.all(), "offered 1");
    line.started(number, "p1", 1).await;
    assert_eq!(line.outcome().await, (1, "executed"));
    // Executed is not verified.
    line.stands(ActionState::Executed).await;
    line.quiet(Duration::from_secs(2)).await;
    line.stands(ActionState::Verified).await;
    line.resolved().await;
    assert_eq!(seen.all(), format!("offered 1, wrote {INPUT} by p1, verified"));
    let stopped = tokio::time::Instant::now();
    bed.stop.cancel();
    line.closed().await;
    agent.await.unwrap().unwrap();
    // An idle agent goes at once, answered or not.
    assert!(stopped.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_permit_of_another_agent_is_not_used() {
    refused(|claims| claims.agent = "spiffe://belay.local/agent/erp".parse().unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_another_certificate_is_not_used() {
    refused(|claims| claims.certificate = Thumbprint::from([8; 32])).await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_another_epoch_is_not_used() {
    // The message around it says the right one.
    tampered(|claims| claims.epoch = 2, |permit| permit.epoch = 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_another_case_is_not_used() {
    tampered(|claims| claims.case = "c-2".into(), |permit| permit.case_id = case()).await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_another_action_is_not_used() {
    tampered(|claims| claims.action = "c-1/a2".into(), |permit| permit.action_id = ACTION.into())
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_another_contract_is_not_used() {
    refused(|claims| claims.contract = "crm.delete@1".into()).await;
    tampered(
        |claims| claims.contract = "crm.delete@1".into(),
        |permit| permit.contract_id = "crm.add_note@1".into(),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_another_input_is_not_used() {
    // Wrong in the token; in the message; in both; and all of it consistent, but never ruled on.
    refused(|claims| claims.input_digest = digest(OTHER)).await;
    tampered(|_| {}, |permit| permit.input_digest = digest(OTHER)).await;
    tampered(|_| {}, |permit| permit.input_json = OTHER.into()).await;
    tampered(
        |claims| claims.input_digest = digest(OTHER),
        |permit| permit.input_json = OTHER.into(),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_under_another_name_is_not_used() {
    tampered(|_| {}, |permit| permit.permit_id = "p2".into()).await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_somebody_else_signed_is_not_used() {
    let stranger = tempfile::tempdir().unwrap();
    let signer = signer(&stranger);
    check(|bed| {
        let token = signer.sign(&bed.claims("p1", 1, INPUT)).unwrap();
        v1::Permit { token: token.expose().into(), ..bed.permit("p1", 1, INPUT) }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_without_a_signature_is_not_used() {
    tampered(|_| {}, |permit| permit.token.truncate(permit.token.rfind('.').unwrap())).await;
}

#[tokio::test(start_paused = true)]
async fn an_expired_permit_is_not_used_and_the_next_one_is() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = authorized(&mut bed).await;
    let late = Claims {
        issued_at: Timestamp::now() - Duration::from_secs(30),
        expires_at: Timestamp::now() - Duration::from_secs(1),
        ..bed.claims("p1", 1, INPUT)
    };
    line.send(0, Out::Permit(bed.permit_of(late, INPUT))).await;
    line.quiet(Duration::from_secs(2)).await;
    line.send(0, Out::Permit(bed.permit("p2", 1, INPUT))).await;
    // The supervisor may find it too late as well.
    let number = line.begins("p2").await;
    line.refuses(number, ErrorReason::PermitExpired).await;
    line.quiet(Duration::from_secs(2)).await;
    assert_eq!(seen.all(), "offered 1");
    line.send(0, Out::Permit(bed.permit("p3", 1, INPUT))).await;
    let number = line.begins("p3").await;
    line.started(number, "p3", 1).await;
    assert_eq!(line.outcome().await, (1, "executed"));
    assert_eq!(seen.all(), format!("offered 1, wrote {INPUT} by p3"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_when_the_permit_cannot_be_consumed() {
    for reason in
        [ErrorReason::WrongKey, ErrorReason::NotExecutor, ErrorReason::InputDigestMismatch]
    {
        let mut bed = Bed::new();
        let (specialist, seen) = Does::Acts.this();
        let _agent = bed.run(specialist, |agent| agent);
        let mut line = authorized(&mut bed).await;
        line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
        let number = line.begins("p1").await;
        line.refuses(number, reason).await;
        line.released().await;
        assert_eq!(seen.all(), "offered 1", "{reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_was_consumed_before_leaves_the_outcome_unknown() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = authorized(&mut bed).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
    let number = line.begins("p1").await;
    line.refuses(number, ErrorReason::PermitUsed).await;
    assert_eq!(line.outcome().await, (1, "unknown"));
    assert_eq!(seen.all(), "offered 1");
    // The read-back shows that nothing took effect.
    line.send(0, Out::Permit(bed.permit("p2", 1, INPUT))).await;
    let number = line.begins("p2").await;
    line.started(number, "p2", 2).await;
    assert_eq!(line.outcome().await, (2, "executed"));
    assert_eq!(seen.all(), format!("offered 1, wrote {INPUT} by p2"));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_twice_is_used_once() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = authorized(&mut bed).await;
    let permit = bed.permit("p1", 1, INPUT);
    line.send(0, Out::Permit(permit.clone())).await;
    let number = line.begins("p1").await;
    line.started(number, "p1", 1).await;
    assert_eq!(line.outcome().await, (1, "executed"));
    line.send(0, Out::Permit(permit)).await;
    line.quiet(Duration::from_secs(5)).await;
    assert_eq!(seen.all(), format!("offered 1, wrote {INPUT} by p1"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_failed_for_now_is_tried_again_with_the_next_permit() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::FailsFirst.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = authorized(&mut bed).await;
    for (attempt, permit, outcome) in [(1, "p1", "failed for now"), (2, "p2", "executed")] {
        line.send(0, Out::Permit(bed.permit(permit, 1, INPUT))).await;
        let number = line.begins(permit).await;
        line.started(number, permit, attempt).await;
        assert_eq!(line.outcome().await, (attempt, outcome));
    }
    line.stands(ActionState::Verified).await;
    line.resolved().await;
    assert_eq!(
        seen.all(),
        format!("offered 1, wrote {INPUT} by p1, wrote {INPUT} by p2, verified")
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_person_amended_is_what_is_written() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    let mut proposal = line.rules(Ruling::AwaitingApproval).await;
    // People take their time, far more than the handler's patience; waiting for them keeps the case.
    for _ in 0..30 {
        renew(&mut line, 1).await;
        line.quiet(Duration::from_secs(10)).await;
    }
    assert!(line.progress.len() > 30, "{}", line.progress.len());
    proposal.input_json = OTHER.into();
    line.send(0, crate::testbed::decision(&proposal, Ruling::Authorized)).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, OTHER))).await;
    let number = line.begins("p1").await;
    line.started(number, "p1", 1).await;
    assert_eq!(line.outcome().await, (1, "executed"));
    assert_eq!(seen.all(), format!("offered 1, wrote {OTHER} by p1"));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_written() {
    for ruling in [Ruling::Denied, Ruling::Duplicate, Ruling::Shadowed] {
        let mut bed = Bed::new();
        let (specialist, seen) = Does::Acts.this();
        let _agent = bed.run(specialist, |agent| agent);
        let mut line = bed.registered().await;
        line.assigns(1).await;
        line.rules(ruling).await;
        // A permit after that is a mistake, and changes nothing.
        line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
        line.released().await;
        assert_eq!(seen.all(), "offered 1", "{ruling:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_that_the_supervisor_carries_out_needs_no_permit() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = authorized(&mut bed).await;
    line.stands(ActionState::Verified).await;
    line.resolved().await;
    assert_eq!(seen.all(), "offered 1, verified");
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_end_is_unknown_when_its_time_is_over() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::WritesForEver.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = authorized(&mut bed).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
    let number = line.begins("p1").await;
    let started = v1::ExecutionStarted {
        action_id: ACTION.into(),
        permit_id: "p1".into(),
        attempt: 1,
        outcome_until: in_future(5),
    };
    line.send(number, Out::ExecutionStarted(started)).await;
    line.quiet(Duration::from_secs(4)).await;
    assert_eq!(line.outcome().await, (1, "unknown"));
    assert_eq!(seen.all(), format!("offered 1, wrote {INPUT} by p1"));
}

#[tokio::test(start_paused = true)]
async fn a_case_that_is_lost_in_the_middle_of_a_write_leaves_it_unknown() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::WritesForEver.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = authorized(&mut bed).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
    let number = line.begins("p1").await;
    line.started(number, "p1", 1).await;
    line.quiet(Duration::from_secs(1)).await;
    line.loses(1, LeaseLostReason::Expired).await;
    assert_eq!(line.outcome().await, (1, "unknown"));
    assert_eq!(seen.all(), format!("offered 1, wrote {INPUT} by p1, dropped"));
}

#[tokio::test(start_paused = true)]
async fn a_case_that_is_lost_before_the_write_begins_is_not_written_on() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = authorized(&mut bed).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, INPUT))).await;
    let number = line.begins("p1").await;
    // Both arrive before the handler can look at either.
    line.loses(1, LeaseLostReason::TakenByPerson).await;
    line.started(number, "p1", 1).await;
    let (attempt, outcome) = line.outcome().await;
    assert!(attempt == 1 && outcome != "executed", "{outcome}");
    assert_eq!(seen.all(), "offered 1, dropped");
}

/// A case is assigned, and its one action is authorized.
async fn authorized(bed: &mut Bed) -> Line {
    let mut line = bed.registered().await;
    line.assigns(1).await;
    assert_eq!(line.rules(Ruling::Authorized).await.input_json, INPUT);
    line
}

async fn renew(line: &mut Line, epoch: u64) {
    let renewed = v1::LeaseRenewed { case_id: case(), epoch, lease_until: in_future(12) };
    line.say(0, Out::LeaseRenewed(renewed)).await;
}

fn case() -> String {
    crate::testbed::CASE.to_owned()
}

/// A permit whose token says something else than it should.
async fn refused(change: impl FnOnce(&mut Claims)) {
    tampered(change, |_| {}).await;
}

/// A permit whose token, or the message around it, says something else than it should.
async fn tampered(claim: impl FnOnce(&mut Claims), message: impl FnOnce(&mut v1::Permit)) {
    check(|bed| {
        let mut claims = bed.claims("p1", 1, INPUT);
        claim(&mut claims);
        let mut permit = bed.permit_of(claims, INPUT);
        message(&mut permit);
        permit
    })
    .await;
}

/// Sends a permit that is not good, and sees that it is not consumed and nothing is written.
async fn check(permit: impl FnOnce(&Bed) -> v1::Permit) {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent.settle_within(Duration::from_secs(20)));
    let mut line = authorized(&mut bed).await;
    line.send(0, Out::Permit(permit(&bed))).await;
    // The first thing that comes is that the agent gives up, and not that it begins.
    let reason = line.released().await;
    assert!(reason.contains("permit"), "{reason}");
    assert_eq!(seen.all(), "offered 1");
}
