//! Creates of which nobody learns what came: the request is lost, the answer is, or both arrive long after anybody
//! waited. However it is, each step has one ticket, and what is too late takes nothing.

use std::time::Duration;

use serde_json::Value;

use crate::bench::{Bench, Plan};
use crate::proxy::{Fault, Proxy};
use crate::stage::until;
use crate::story::Story;
use crate::tracker::{Stopped, Tracker, stop, var};
use crate::{DESK, NEXT};

/// How a create begins.
const CREATE: &str = "POST /REST/2.0/ticket ";

/// How a list of all our tickets begins.
const LIST: &str = "GET /REST/2.0/tickets?query=%27CF.%7Bbelay-correlation-id%7D%27+IS+NOT+NULL";

#[tokio::test]
async fn a_create_whose_answer_is_lost_makes_one_ticket() {
    let Some((bench, proxy)) = behind_a_proxy(&Plan::of(&[DESK])).await else { return };
    proxy.strike(CREATE, Fault::LoseAnswer);
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(DESK).await;
    story.takes("alice", &ticket).await;
    assert!(proxy.has_struck());
    assert_eq!(proxy.asked(CREATE), 1, "it was found, and not asked for again");
    is_reconciled(&proxy).await;
    story.end().await;
}

#[tokio::test]
async fn a_create_that_is_lost_is_asked_for_again_once_it_is_surely_not_there() {
    let mut plan = Plan::of(&[DESK]);
    plan.steps[0].1 = "60s";
    let Some((bench, proxy)) = behind_a_proxy(&plan).await else { return };
    proxy.strike(CREATE, Fault::LoseRequest);
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(DESK).await;
    story.takes("alice", &ticket).await;
    assert!(proxy.has_struck());
    assert_eq!(proxy.asked(CREATE), 2);
    is_reconciled(&proxy).await;
    story.end().await;
}

#[tokio::test]
async fn a_create_that_is_answered_after_anybody_waited_makes_one_ticket() {
    let mut plan = Plan::of(&[DESK]);
    (plan.timeout, plan.steps[0].1) = ("2s", "60s");
    let Some((bench, proxy)) = behind_a_proxy(&plan).await else { return };
    let stopped = stops_at_the_create(&bench, &proxy);
    let mut story = Story::begin(&bench).await;
    goes_on_after(stopped, &proxy, Duration::from_secs(3)).await;
    let ticket = story.ticket(DESK).await;
    story.takes("alice", &ticket).await;
    assert_eq!(proxy.asked(CREATE), 1);
    is_reconciled(&proxy).await;
    story.end().await;
}

#[tokio::test]
async fn a_create_that_is_answered_after_its_step_leaves_a_ticket_that_takes_nothing() {
    let mut plan = Plan::of(&[DESK, NEXT]);
    (plan.timeout, plan.steps[0].1, plan.steps[1].1) = ("2s", "3s", "60s");
    let Some((bench, proxy)) = behind_a_proxy(&plan).await else { return };
    let stopped = stops_at_the_create(&bench, &proxy);
    let mut story = Story::begin(&bench).await;
    goes_on_after(stopped, &proxy, Duration::from_secs(4)).await;
    let late = story.ticket(DESK).await;
    let next = story.ticket(NEXT).await;
    until("the people at the late ticket to be told", async || {
        let query = [("fields", "Type,Creator"), ("per_page", "100")];
        let happened = bench.get("root", &format!("/ticket/{late}/history"), &query).await;
        let ours =
            |one: &Value| one["Type"] == "Comment" && one["Creator"]["id"] == var("RT_SVC_USER");
        happened["items"].as_array().unwrap().iter().any(ours).then_some(())
    })
    .await;
    // Taking it does not take the case: that alice had it was never so, and would be found out.
    bench.does("alice", "take", &late).await;
    is_reconciled(&proxy).await;
    story.takes("bob", &next).await;
    is_reconciled(&proxy).await;
    story.end().await;
}

/// A stage that reaches its Request Tracker through a proxy.
async fn behind_a_proxy(plan: &Plan) -> Option<(Bench, Proxy)> {
    let tracker = Tracker::start().await?;
    let proxy = Proxy::to(tracker.address()).await;
    let plan = Plan { through: Some(proxy.address.clone()), ..plan.clone() };
    Some((Bench::with(tracker, &plan).await, proxy))
}

/// The server is stopped when it is asked to create a ticket, just before it gets to know that.
fn stops_at_the_create(bench: &Bench, proxy: &Proxy) -> Stopped {
    let stopped = bench.lets_go();
    proxy.strike(CREATE, Fault::First(Box::new(stop)));
    stopped
}

/// Lets the server go on so long after it was stopped.
async fn goes_on_after(stopped: Stopped, proxy: &Proxy, wait: Duration) {
    until("the create", async || proxy.has_struck().then_some(())).await;
    tokio::time::sleep(wait).await;
    drop(stopped);
}

/// Waits until all our tickets have been listed from here on, so that a second one would have been seen.
async fn is_reconciled(proxy: &Proxy) {
    let before = proxy.asked(LIST);
    until("two lists of our tickets", async || (proxy.asked(LIST) >= before + 2).then_some(()))
        .await;
}
