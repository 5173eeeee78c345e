//! People who take, give back and close tickets.

use jiff::SignedDuration;

use crate::bench::Bench;
use crate::stage::watching::{covered_until, moment};
use crate::story::Story;
use crate::{DESK, NEXT};

#[tokio::test]
async fn a_person_who_takes_the_ticket_covers_the_case_until_they_give_it_back() {
    let Some(bench) = Bench::start(&[DESK, NEXT]).await else { return };
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(DESK).await;
    assert!(
        covered_until(&story.tool.coverage(&story.case).await).is_none(),
        "a ticket is no cover"
    );
    let cover = story.takes("alice", &ticket).await;
    let evidence = cover.evidence.unwrap();
    let place = (evidence.system.as_str(), evidence.queue.as_str(), evidence.ticket_id.as_str());
    assert_eq!(place, ("tracker", DESK, ticket.as_str()));
    assert_eq!(evidence.correlation_id, format!("{}/e1/r1s1", story.case));
    let sent = moment(evidence.sent_at.as_ref());
    assert_eq!(moment(evidence.valid_until.as_ref()), sent + SignedDuration::from_secs(8));

    story.loses(bench.does("alice", "untake", &ticket)).await;
    story.lapses().await;
    story.moves_on(NEXT, "bob").await;
    story.end().await;
}

#[tokio::test]
async fn a_resolution_with_a_code_resolves_the_case() {
    let Some(bench) = Bench::start(&[DESK]).await else { return };
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(DESK).await;
    story.takes("alice", &ticket).await;
    bench.resolve("alice", &ticket, Some("declined")).await;
    assert_eq!(story.tool.sees_resolved(&story.case).await, "declined");
    let by = story.tool.case(&story.case).await.resolution.unwrap().by.unwrap();
    assert_eq!(by.id, "alice");
    story.end().await;
}

#[tokio::test]
async fn a_ticket_that_is_closed_without_a_code_resolves_nothing() {
    let Some(bench) = Bench::start(&[DESK, NEXT]).await else { return };
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(DESK).await;
    story.takes("alice", &ticket).await;
    story.loses(bench.resolve("alice", &ticket, None)).await;
    story.lapses().await;
    story.moves_on(NEXT, "bob").await;
    story.end().await;
}
