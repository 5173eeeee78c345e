//! What can be shown of a queue of the desk, and what people wrote on its tickets.

use belay_domain::ActorKind;

use super::{Bench, config, person};
use crate::desk::DeskStaff;
use crate::{HumanQueue, Verdict};

async fn check(bench: &Bench, queue: &str, expected: &[&str]) {
    let found = bench.desk.prove(&queue.parse().unwrap()).await.unwrap();
    let wrong: Vec<_> = found
        .iter()
        .filter_map(|one| match &one.verdict {
            Verdict::Broken(what) => Some(format!("{:?}: {what}", one.check)),
            Verdict::Held | Verdict::Untold(_) => None,
        })
        .collect();
    assert_eq!(wrong, expected, "{queue}");
}

#[tokio::test]
async fn every_queue_of_the_desk_is_shown_to_be_what_it_is() {
    let bench = Bench::new();
    check(&bench, "front", &[]).await;
    check(&bench, "retired", &["Enabled: enable the queue, or name another one"]).await;
    check(&bench, "empty", &["Staffed: nobody is on the queue empty"]).await;
    check(
        &bench,
        "leavers",
        &["Staffed: nobody on the queue leavers is an enabled person who may take its tickets"],
    )
    .await;
    check(&bench, "nowhere", &["Exists: there is no queue nowhere on this desk; the playbook's desk section names its queues"]).await;
}

#[tokio::test]
async fn belay_itself_works_on_no_queue() {
    let bench = Bench::new();
    let mut config = config(&bench.clock);
    let ourselves = DeskStaff { kind: ActorKind::Ourselves, ..DeskStaff::person(person("belay")) };
    config.queues[0].staff.push(ourselves);
    bench.desk.configure(config).await.unwrap();
    let what = "RightsNotExcessive: take belay, which is Belay itself, off the queue";
    check(&bench, "front", &[what]).await;
}

#[tokio::test]
async fn what_people_write_is_told_in_order_with_who_wrote_it() {
    let bench = Bench::new();
    let ticket = bench.ticket().await;
    assert!(bench.desk.statements(&ticket).await.unwrap().is_empty());
    for act in
        ["alice note approve 0123", "alice take", "alice reply hello", "bob note reject 0123"]
    {
        bench.act(act, &ticket).await.unwrap();
    }
    let said = bench.desk.statements(&ticket).await.unwrap();
    let told: Vec<_> = said
        .iter()
        .map(|one| format!("{} {} ({:?}): {}", one.id, one.actor.name, one.actor.kind, one.text))
        .collect();
    assert_eq!(
        told,
        [
            "0 alice (Person): approve 0123",
            "2 alice (Person): hello",
            "3 bob (Person): reject 0123"
        ]
    );
}
