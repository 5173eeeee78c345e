//! A server that stands still, and goes on later.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::bench::Bench;
use crate::stage::until;
use crate::stage::watching::{covered_until, moment};
use crate::story::Story;
use crate::{DESK, NEXT};

#[tokio::test]
async fn evidence_goes_stale_while_the_server_hangs() {
    let Some(bench) = Bench::start(&[DESK, NEXT]).await else { return };
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(DESK).await;
    story.takes("alice", &ticket).await;
    let stopped = bench.stop_server();
    let before = covered_until(&story.tool.coverage(&story.case).await)
        .expect("covered until the evidence ends");
    story.lapses().await;
    let now = Timestamp::now();
    assert!(now < before + SignedDuration::from_secs(10), "covered long after {before}: {now}");
    drop(stopped);
    // Whether by the old step or the next one: somebody who is asked takes it, and only then it is covered.
    let waiting = async || {
        let found = story.tool.case(&story.case).await.escalations.pop()?;
        if covered_until(&story.tool.coverage(&story.case).await).is_some() {
            return Some(None);
        }
        let wanted = found.step?.queue;
        bench.find(&story.case, &wanted).await.filter(|found| *found != ticket).map(Some)
    };
    if let Some(next) = until("the cover or the next ticket", waiting).await {
        story.takes("bob", &next).await;
    }
    story.end().await;
}

#[tokio::test]
async fn a_server_that_hangs_for_less_than_evidence_stays_fresh_takes_the_case_from_nobody() {
    let Some(bench) = Bench::start(&[DESK, NEXT]).await else { return };
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(DESK).await;
    story.takes("alice", &ticket).await;
    let stopped = bench.stop_server();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let gone_on = Timestamp::now();
    drop(stopped);
    until("a look after the server went on", async || {
        let cover = story.is_covered_by("alice").await;
        (moment(cover.evidence.unwrap().sent_at.as_ref()) > gone_on).then_some(())
    })
    .await;
    let happened = story.tool.story(&story.case).await;
    assert!(!happened.contains(&"escalation_lapsed".to_owned()), "{happened:?}");
    assert_eq!(bench.tickets(&story.case).await.len(), 1);
    story.end().await;
}
