//! Canaries through a whole supervisor, into a scripted queue.

use belay_domain::Coverage;

use super::*;
use crate::upkeep::testbed::Bed;

const PROBED: &str =
    "canaries:\n  - {queue: rt/General, every: 60s, within: 5s, alarm: takeover}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_reaches_somebody_is_found_to_and_the_ticket_is_taken_back() {
    let bed = Bed::start(&PROBED.replace("60s", "6s"), "", |_| {}).await;
    bed.until("the canary is over", async || bed.running.canaries().len() == 1).await;
    let (queue, outcome) = bed.running.canaries().remove(0);
    assert_eq!((queue.to_string().as_str(), &outcome.failed), ("rt/General", &None));
    assert!(outcome.shown.seen.is_some() && outcome.shown.routed.is_some(), "{outcome:?}");
    assert_eq!(outcome.shown.acknowledged, None);
    bed.until("its people were told", async || !bed.itsm.withdrawn().is_empty()).await;
    let audited = || bed.running.audited().unwrap();
    assert_eq!((audited().open, audited().findings), (0, Vec::new()), "it is no customer's");
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_nobody_staffs_raises_an_alarm_and_operators_are_asked_once() {
    let bed = Bed::start(&PROBED.replace("60s", "6s"), "", |_| {}).await;
    bed.itsm.has_nobody();
    bed.until("the canary failed", async || {
        bed.running.canaries().first().is_some_and(|(_, outcome)| outcome.failed.is_some())
    })
    .await;
    let failed = bed.running.canaries().remove(0).1.failed.unwrap();
    assert!(failed.contains("nobody is on the queue"), "{failed}");
    let asked = async || {
        let query = Query {
            tenant: "default".to_owned(),
            kind: vec!["belay.operations".to_owned()],
            ..Query::default()
        };
        bed.running.engine().journal().search(query).await.unwrap().rows
    };
    bed.until("operators are asked", async || asked().await.len() == 1).await;
    let first = bed.running.canaries().remove(0).1.at;
    bed.until("the next one failed too", async || bed.running.canaries()[0].1.at > first).await;
    let rows = asked().await;
    assert_eq!(rows.len(), 1, "the same matter");
    assert!(rows[0].subject.contains("rt/General"), "{}", rows[0].subject);
    let case = bed.case(&rows[0].case.parse().unwrap()).await;
    assert!(!matches!(case.coverage(bed.running.engine().clock().now()), Coverage::Closed));
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_person_is_expected_to_take_it_being_reachable_is_not_enough() {
    let probed = PROBED.replace("within: 5s", "within: 2s, expect: E4").replace("60s", "3s");
    let bed = Bed::start(&probed, "", |_| {}).await;
    bed.until("nobody took it", async || {
        bed.running.canaries().first().is_some_and(|(_, outcome)| outcome.failed.is_some())
    })
    .await;
    let outcome = bed.running.canaries().remove(0).1;
    assert!(outcome.shown.routed.is_some() && outcome.shown.acknowledged.is_none(), "{outcome:?}");
    bed.itsm.is_taken();
    bed.until("somebody did", async || bed.running.canaries()[0].1.failed.is_none()).await;
    assert!(bed.running.canaries()[0].1.shown.acknowledged.is_some());
    bed.running.drain().await;
}
