//! A case is kept for as long as its handler lives, and no longer.

use std::time::Duration;

use belay_api::v1::connect_request::Message as In;
use belay_api::v1::connect_response::Message as Out;
use belay_api::v1::{self, ActionState, ErrorReason, LeaseLostReason, Ruling};

use crate::testbed::{Bed, CASE, Does, Line, action, assigned, in_future, offer};

#[tokio::test(start_paused = true)]
async fn a_lost_case_stops_its_handler_where_it_waits() {
    for reason in [
        LeaseLostReason::Expired,
        LeaseLostReason::HandedOff,
        LeaseLostReason::CaseClosed,
        LeaseLostReason::Revoked,
    ] {
        let mut bed = Bed::new();
        let (specialist, seen) = Does::Hangs.this();
        let _agent = bed.run(specialist, |agent| agent);
        let mut line = bed.registered().await;
        line.assigns(1).await;
        // Another assignment's loss is not this one's.
        line.loses(7, reason).await;
        line.quiet(Duration::from_secs(1)).await;
        assert_eq!(seen.all(), "offered 1");
        line.loses(1, reason).await;
        line.quiet(Duration::from_secs(30)).await;
        assert_eq!(seen.all(), "offered 1, dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_epoch_stops_the_handler() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    let (number, _) = line.next().await;
    line.refuses(number, ErrorReason::StaleEpoch).await;
    line.quiet(Duration::from_secs(30)).await;
    assert_eq!(seen.all(), "offered 1, dropped");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_loses_its_case_and_holds_up_nobody() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::Hangs.this();
    let _agent = bed.run(specialist, |agent| agent.capacity(2).patience(Duration::from_secs(20)));
    let mut line = bed.registered().await;
    line.assigns(1).await;
    // Another case goes through meanwhile.
    line.assigns_case("c-2", 1).await;
    line.resolved().await;
    for _ in 0..20 {
        renew(&mut line).await;
        line.quiet(Duration::from_secs(5)).await;
    }
    // 20 s of patience, and a report every 4 s of the lease of 12 s.
    let reports = line.progress.iter().filter(|progress| progress.case_id == CASE).count();
    assert_eq!(reports, 4);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_says_that_it_goes_on_keeps_its_case() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::Toils.this();
    let _agent = bed.run(specialist, |agent| agent.patience(Duration::from_secs(20)));
    let mut line = bed.registered().await;
    line.assigns(1).await;
    for _ in 0..20 {
        renew(&mut line).await;
        line.quiet(Duration::from_secs(5)).await;
    }
    let reports = line.progress.len();
    assert!((25..=100).contains(&reports), "{reports}");
    assert_eq!(line.progress.last().unwrap().note, "toiling");
}

#[tokio::test(start_paused = true)]
async fn a_case_that_the_supervisor_never_renews_is_given_up_at_last() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Toils.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    line.quiet(Duration::from_secs(23)).await;
    assert_eq!(seen.all(), "offered 1");
    line.quiet(Duration::from_secs(2)).await;
    assert_eq!(seen.all(), "offered 1, dropped");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_gives_its_case_back() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::Panics.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    assert_eq!(line.released().await, "the agent's program failed on this case");
    // And the agent takes the next one.
    line.assigns(2).await;
    line.released().await;
}

#[tokio::test(start_paused = true)]
async fn a_case_for_people_is_kept_until_a_person_has_it() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::AsksPeople.this();
    let agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    match line.next().await {
        (number, In::RequestEscalation(asked)) => {
            assert_eq!(asked.reason, "a person has to see this");
            line.send(number, Out::Done(v1::Done { id: format!("{CASE}/e1") })).await;
        }
        other => panic!("people were not asked: {other:?}"),
    }
    keeps_until(&mut line, LeaseLostReason::TakenByPerson).await;
    bed.stop.cancel();
    line.closed().await;
    agent.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_case_for_which_people_are_asked_already_is_kept_as_well() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::AsksPeople.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    let (number, _) = line.next().await;
    line.refuses(number, ErrorReason::EscalationUnderWay).await;
    keeps_until(&mut line, LeaseLostReason::TakenByPerson).await;
}

#[tokio::test(start_paused = true)]
async fn a_case_that_is_handed_off_is_kept_until_somebody_accepted_it() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::HandsOff.this();
    let agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    line.assigns(1).await;
    hands_off(&mut line).await;
    keeps_until(&mut line, LeaseLostReason::HandedOff).await;
    bed.stop.cancel();
    line.closed().await;
    agent.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_case_that_nobody_takes_is_not_kept_for_ever() {
    let mut bed = Bed::new();
    let (specialist, _seen) = Does::HandsOff.this();
    let _agent = bed.run(specialist, |agent| agent.part_within(Duration::from_secs(10)));
    let mut line = bed.registered().await;
    line.assigns(1).await;
    hands_off(&mut line).await;
    assert_eq!(line.released().await, "nobody took the case in time");
}

#[tokio::test(start_paused = true)]
async fn an_offer_with_another_context_than_was_sent_is_declined() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    let mut offer = offer(CASE, "h1");
    offer.context[0].body.push_str(", and pay me");
    line.send(0, Out::HandoffOffer(offer)).await;
    assert!(matches!(line.next().await, (_, In::DeclineHandoff(_))));
    assert_eq!(seen.all(), "");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_the_process_before_began_is_reported_as_unknown() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    let begun = action(ActionState::Dispatched, 2);
    line.send(0, assigned(CASE, 1, Some(vec![begun]))).await;
    assert_eq!(line.outcome().await, (2, "unknown"));
    // The handler begins from the start, and its proposal is recognised as the one from before.
    let proposal = line.rules(Ruling::Authorized).await;
    assert!(proposal.proposal_id.starts_with("e1-"), "{}", proposal.proposal_id);
    line.stands(ActionState::Verified).await;
    line.resolved().await;
    assert_eq!(seen.all(), "verified");
}

#[tokio::test(start_paused = true)]
async fn a_case_whose_context_is_not_what_was_sent_is_given_back() {
    let mut bed = Bed::new();
    let (specialist, seen) = Does::Acts.this();
    let _agent = bed.run(specialist, |agent| agent);
    let mut line = bed.registered().await;
    let Out::CaseAssigned(mut assigned) = assigned(CASE, 1, Some(Vec::new())) else { return };
    assigned.restated.as_mut().unwrap().context.clear();
    line.send(0, Out::CaseAssigned(assigned)).await;
    line.released().await;
    assert_eq!(seen.all(), "");
}

async fn hands_off(line: &mut Line) {
    match line.next().await {
        (number, In::RequestHandoff(request)) => {
            let role = v1::handoff_target::Target::Role("billing".into());
            assert_eq!(request.target.unwrap().target, Some(role));
            line.send(number, Out::Done(v1::Done::default())).await;
        }
        other => panic!("not handed off: {other:?}"),
    }
}

/// Sees that progress is reported, far beyond the handler's patience, until the case is lost.
async fn keeps_until(line: &mut Line, reason: LeaseLostReason) {
    for _ in 0..20 {
        renew(line).await;
        line.quiet(Duration::from_secs(5)).await;
    }
    let before = line.progress.len();
    assert!(before >= 20, "{before}");
    line.loses(1, reason).await;
    line.quiet(Duration::from_secs(30)).await;
    assert!(line.progress.len() <= before + 1);
}

async fn renew(line: &mut Line) {
    let (case_id, epoch) = (CASE.to_owned(), 1);
    let renewed = v1::LeaseRenewed { case_id, epoch, lease_until: in_future(12) };
    line.say(0, Out::LeaseRenewed(renewed)).await;
}
