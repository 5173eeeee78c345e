//! A ticket is not cover. A person covers a case when they took it by an act of their own, and a read-back showed so;
//! and only for as long as it does.

use std::time::{Duration, Instant};

use belay_api::v1;
use belay_api::v1::coverage::Coverage as Kind;
use jiff::SignedDuration;
use tonic::Code;

use crate::stage::agents::hear;
use crate::stage::callers::{Caller, refused};
use crate::stage::playbook::Playbook;
use crate::stage::watching::{Watcher, check_no_gap, covered_until, moment, person_of};
use crate::stage::{Stage, request};

#[tokio::test]
async fn a_ticket_that_nobody_takes_is_no_cover_and_moves_on() {
    let stage = Stage::with(|playbook| {
        // The lead has the time that it takes.
        let (file, slow) =
            ("escalations/takeover.yaml", "10s, acknowledge_within: 20s}\n  - {queue: desk/duty");
        playbook.edit(file, slow, &slow.replace("20s", "1s"));
    })
    .await;
    let (lea, case) = (stage.person("lea", &[]), stage.open("other").await);
    let watcher = Watcher::of(&lea, &case);
    stage.person("cara", &[]).ticket(&case, "support-desk").await;
    let ticket = lea.ticket(&case, "duty-lead").await;
    let seen = watcher.end();
    assert!(seen.iter().all(|one| covered_until(one).is_none()), "a ticket was taken for cover");
    check_no_gap(&seen);
    let story = lea.story(&case).await;
    assert!(story.contains(&"step_failed".to_owned()), "{story:?}");

    lea.take(&ticket.id).await.unwrap();
    covered_by(&lea, &case, "lea").await;
    // People of the first queue are told that it is over.
    lea.sees_event(&case, "ticket_withdrawn", 1).await;
}

#[tokio::test]
async fn an_escalation_that_nobody_answers_is_raised_and_starts_over() {
    let stage = Stage::with(impatient).await;
    let (tool, case) = (stage.tool(), stage.open("other").await);
    let watcher = Watcher::of(&tool, &case);
    tool.sees_event(&case, "coverage_raised", 1).await;
    let listed = tool.coverages().list_uncovered(v1::ListUncoveredRequest::default()).await;
    let listed = listed.unwrap().into_inner();
    let ids: Vec<_> = listed.cases.iter().map(|one| one.case_id.as_str()).collect();
    assert_eq!((ids, listed.total), (vec![case.as_str()], 1));
    let exhausted = |found: &v1::Case| {
        (found.escalations[0].step.as_ref()?.round == 2).then_some(found.escalations.len())
    };
    let count = tool.sees("the second round", &case, exhausted).await;
    assert_eq!(count, 1, "it is the same escalation, round after round");
    let seen = watcher.end();
    assert!(seen.iter().all(|one| covered_until(one).is_none()));
}

#[tokio::test]
async fn a_person_covers_a_case_with_evidence() {
    let stage = Stage::start().await;
    let (cara, case) = (stage.person("cara", &[]), stage.open("other").await);
    let ticket = cara.ticket(&case, "support-desk").await;
    refused(
        stage.person("ann", &[]).take(&ticket.id).await,
        Code::PermissionDenied,
        "NOT_ON_STAFF",
    );
    cara.take(&ticket.id).await.unwrap();
    let dan = stage.person("dan", &[]);
    refused(dan.take(&ticket.id).await, Code::FailedPrecondition, "TICKET_TAKEN");

    let cover = covered_by(&cara, &case, "cara").await;
    let evidence = cover.evidence.unwrap();
    assert!(evidence.level() >= v1::EvidenceLevel::E4Acknowledged, "{evidence:?}");
    let place = (evidence.system.as_str(), evidence.queue.as_str(), &evidence.ticket_id);
    assert_eq!(place, ("desk", "support-desk", &ticket.id));
    assert_eq!(evidence.correlation_id, format!("{case}/e1/r1s1"));
    assert_eq!(evidence.actor, "cara");
    let (sent, until) = (moment(evidence.sent_at.as_ref()), moment(evidence.valid_until.as_ref()));
    assert_eq!(until, sent + SignedDuration::from_secs(5), "as fresh as the playbook says");
    assert_eq!(moment(cover.valid_until.as_ref()), until);
    let owner = cara.case(&case).await.owner.unwrap().owner;
    assert!(matches!(owner, Some(v1::owner::Owner::Queue(_))), "{owner:?}");

    // It goes on being read back, for as long as she has it.
    crate::stage::until("fresher evidence", async || {
        let now = covered_until(&cara.coverage(&case).await).expect("still covered");
        (now > until).then_some(())
    })
    .await;
}

#[tokio::test]
async fn giving_a_ticket_back_ends_the_cover_at_once() {
    let stage = Stage::with(|playbook| {
        // So slow that only the rumour can have made it look.
        playbook.edit("playbook.yaml", "look_every: 250ms", "look_every: 20s");
        playbook.edit("playbook.yaml", "freshness: 5s", "freshness: 60s");
    })
    .await;
    let (cara, case) = (stage.person("cara", &[]), stage.open("other").await);
    let ticket = cara.ticket(&case, "support-desk").await;
    cara.take(&ticket.id).await.unwrap();
    covered_by(&cara, &case, "cara").await;
    cara.give_back(&ticket.id).await;
    let given = Instant::now();
    crate::stage::until("the cover to end", async || {
        covered_until(&cara.coverage(&case).await).is_none().then_some(())
    })
    .await;
    assert!(given.elapsed() < Duration::from_secs(5), "{:?}", given.elapsed());
    let lea = stage.person("lea", &[]);
    let ticket = lea.ticket(&case, "duty-lead").await;
    let story = lea.story(&case).await;
    assert!(story.contains(&"escalation_lapsed".to_owned()), "{story:?}");
    lea.take(&ticket.id).await.unwrap();
    covered_by(&lea, &case, "lea").await;
}

#[tokio::test]
async fn a_person_who_ends_their_shift_covers_nothing() {
    let stage = Stage::start().await;
    let (cara, case) = (stage.person("cara", &[]), stage.open("other").await);
    let ticket = cara.ticket(&case, "support-desk").await;
    cara.take(&ticket.id).await.unwrap();
    covered_by(&cara, &case, "cara").await;
    shift(&cara, false).await;
    crate::stage::until("the cover to end", async || {
        covered_until(&cara.coverage(&case).await).is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_resolution_by_a_person_resolves_the_case() {
    let stage = Stage::start().await;
    let (cara, case) = (stage.person("cara", &[]), stage.open("other").await);
    let ticket = cara.ticket(&case, "support-desk").await;
    cara.take(&ticket.id).await.unwrap();
    cara.settle(&ticket.id, "declined").await;
    assert_eq!(cara.sees_resolved(&case).await, "declined");
    let resolution = cara.case(&case).await.resolution.unwrap();
    assert_eq!(resolution.note, "talked to the customer");
    assert_eq!(resolution.by.unwrap().id, "cara");
}

#[tokio::test]
async fn a_resolution_can_give_the_case_back_to_agents() {
    let stage = Stage::start().await;
    let (cara, case) = (stage.person("cara", &[]), stage.open("other").await);
    let ticket = cara.ticket(&case, "support-desk").await;
    cara.take(&ticket.id).await.unwrap();
    covered_by(&cara, &case, "cara").await;
    let watcher = Watcher::of(&cara, &case);
    cara.settle(&ticket.id, "back-to-billing").await;
    let (_agent, mut took) = stage.agent_keeping("billing-1");
    assert_eq!(hear("an agent to take it", &mut took).await.0, case);
    let kinds = cara.case(&case).await.context.into_iter().map(|entry| entry.kind);
    assert!(
        kinds.into_iter().any(|kind| kind == "resolution"),
        "the agent is told what people did"
    );
    check_no_gap(&watcher.end());
}

#[tokio::test]
async fn an_empty_queue_is_not_waited_for() {
    let stage = Stage::start().await;
    for person in ["cara", "dan"] {
        shift(&stage.person(person, &[]), false).await;
    }
    let (lea, case) = (stage.person("lea", &[]), stage.open("other").await);
    let opened = Instant::now();
    let watcher = Watcher::of(&lea, &case);
    let ticket = lea.ticket(&case, "duty-lead").await;
    assert!(opened.elapsed() < Duration::from_secs(15), "nobody is there, so nobody is waited for");
    let failed = lea.events(&case).await.into_iter().find(|event| event.event == "step_failed");
    let told = failed.expect("the empty queue is refused").description;
    assert!(!told.is_empty());
    lea.take(&ticket.id).await.unwrap();
    watcher.sees("the lead to cover it", |one| person_of(one) == Some("lea")).await;
    let seen = watcher.end();
    check_no_gap(&seen);
    let others =
        seen.iter().filter(|one| covered_until(one).is_some() && person_of(one) != Some("lea"));
    assert_eq!(others.count(), 0, "{seen:?}");
}

#[tokio::test]
async fn a_person_can_be_asked_for_while_an_agent_works() {
    let stage = Stage::start().await;
    let case = stage.open("refund").await;
    let (_agent, mut took) = stage.agent_keeping("billing-1");
    hear("the agent to take it", &mut took).await;
    let ann = stage.person("ann", &[]);
    let ask = v1::OpenEscalationRequest {
        request_id: request(),
        case_id: case.clone(),
        reason: "the customer called the board".to_owned(),
        severity: 0,
    };
    let asked = ann.escalations().open_escalation(ask.clone()).await.unwrap().into_inner();
    let again = v1::OpenEscalationRequest { request_id: request(), ..ask };
    refused(
        ann.escalations().open_escalation(again).await,
        Code::FailedPrecondition,
        "ESCALATION_UNDER_WAY",
    );
    let watcher = Watcher::of(&ann, &case);
    let ticket = ann.ticket(&case, "billing-desk").await;
    assert!(ticket.body.contains("called the board"), "{}", ticket.body);
    ann.take(&ticket.id).await.unwrap();
    let cover = covered_by(&ann, &case, "ann").await;
    assert_eq!(cover.escalation_id, asked.escalation.unwrap().id);
    let seen = watcher.end();
    assert!(seen.iter().all(|one| covered_until(one).is_some()), "there was a gap");
}

#[tokio::test]
async fn routes_are_looked_at_the_way_they_are_used() {
    let stage = Stage::start().await;
    for person in ["cara", "dan"] {
        shift(&stage.person(person, &[]), false).await;
    }
    let answer = stage.tool().playbook().check_routes(v1::CheckRoutesRequest {}).await;
    let routes = answer.unwrap().into_inner().routes;
    let found: Vec<_> =
        routes.iter().map(|route| (route.queue.as_str(), route.reachable)).collect();
    assert_eq!(found, [("billing-desk", true), ("duty-lead", true), ("support-desk", false)]);
    assert!(routes.iter().all(|route| route.reachable == route.detail.is_empty()), "{routes:?}");
}

/// Nobody has long to acknowledge.
fn impatient(playbook: &Playbook) {
    playbook.edit("escalations/takeover.yaml", "acknowledge_within: 20s", "acknowledge_within: 1s");
}

/// Waits until this person covers the case.
async fn covered_by(caller: &Caller, case: &str, person: &str) -> v1::CoveredByPerson {
    crate::stage::until(&format!("{case} to be covered by {person}"), async || {
        match caller.coverage(case).await.coverage {
            Some(Kind::CoveredByPerson(cover)) if cover.person == person => Some(cover),
            _ => None,
        }
    })
    .await
}

async fn shift(person: &Caller, on_shift: bool) {
    let wish = v1::SetShiftRequest { request_id: request(), on_shift };
    person.desk().set_shift(wish).await.expect("the shift is set");
}
