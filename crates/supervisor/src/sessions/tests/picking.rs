//! Whom a case is offered to.

use std::time::Duration;

use belay_domain::{AgentId, Span, Target};

use super::stage::{Stage, role};
use crate::sessions::{Arrival, Pick};

#[tokio::test(start_paused = true)]
async fn the_least_busy_agent_is_picked_by_its_share_and_not_its_number() {
    let stage = Stage::new();
    let large = stage.connect("billing-1", 10).await;
    let small = stage.connect("billing-2", 2).await;
    large.grant(100);
    small.grant(100);
    for request in ["1", "2", "3"] {
        stage.open(request).give_to("billing-1");
    }
    stage.open("4").give_to("billing-2");
    assert_eq!(
        stage.sessions.pick(&role("billing"), &[]),
        agent("billing-1"),
        "3/10 is before 1/2"
    );
}

#[tokio::test(start_paused = true)]
async fn among_equally_busy_agents_the_one_that_was_idle_longest_is_picked() {
    let stage = Stage::new();
    for name in ["billing-2", "billing-1"] {
        stage.connect(name, 100).await.grant(100);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for expected in ["billing-2", "billing-1", "billing-2"] {
        assert_eq!(stage.sessions.pick(&role("billing"), &[]), agent(expected));
        // Long enough for the pick to have come to nothing.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_agent_is_not_picked_and_is_again_when_it_has_room() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 1).await;
    line.grant(100);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), Pick::Nobody);
    let mut changes = stage.sessions.changes();
    changes.mark_unchanged();
    let lease = matter.case.terms.as_ref().unwrap().lease;
    matter.later(lease);
    assert!(changes.has_changed().unwrap(), "whoever waits for room hears of it");
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), agent("billing-1"));
}

#[tokio::test(start_paused = true)]
async fn an_offer_takes_room_as_a_held_case_does() {
    let stage = Stage::new();
    stage.connect("billing-1", 1).await.grant(100);
    let mut matter = stage.open("1");
    matter.offer("billing-1");
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), Pick::Nobody);
}

#[tokio::test(start_paused = true)]
async fn two_picks_at_once_do_not_both_get_the_last_place() {
    let stage = Stage::new();
    stage.connect("billing-1", 1).await.grant(100);
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), agent("billing-1"));
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), Pick::Nobody);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let again = stage.sessions.pick(&role("billing"), &[]);
    assert_eq!(again, agent("billing-1"), "nothing came of the first");
}

#[tokio::test(start_paused = true)]
async fn an_agent_without_credit_is_passed_over() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), Pick::Nobody);
    assert!(line.session().grant(1), "that is a change for whoever looks for agents");
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), agent("billing-1"));
}

#[tokio::test(start_paused = true)]
async fn everybody_has_been_tried_only_if_somebody_fits_and_nobody_else_does() {
    let stage = Stage::new();
    let first: AgentId = "billing-1".parse().unwrap();
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), Pick::Nobody, "nobody is there");
    let tried = std::slice::from_ref(&first);
    assert_eq!(stage.sessions.pick(&role("billing"), tried), Pick::Nobody, "whom nobody has asked");
    stage.connect("billing-1", 1).await.grant(9);
    stage.connect("crm-1", 1).await.grant(9);
    assert_eq!(stage.sessions.pick(&role("billing"), tried), Pick::AllTried);
    let second = stage.connect("billing-2", 1).await;
    assert_eq!(stage.sessions.pick(&role("billing"), tried), Pick::Nobody, "it has no room yet");
    second.grant(9);
    assert_eq!(stage.sessions.pick(&role("billing"), tried), agent("billing-2"));
}

#[tokio::test(start_paused = true)]
async fn a_named_agent_is_picked_and_no_other() {
    let stage = Stage::new();
    stage.connect("billing-1", 4).await.grant(9);
    let other = Target::Agent("billing-2".parse().unwrap());
    assert_eq!(stage.sessions.pick(&other, &[]), Pick::Nobody);
    let named = Target::Agent("billing-1".parse().unwrap());
    assert_eq!(stage.sessions.pick(&named, &[]), agent("billing-1"));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_takes_no_more_work_is_not_picked() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    assert_eq!(line.session().take(1), Arrival::New);
    line.session().drain();
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), Pick::Nobody);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_away_is_not_picked_and_its_cases_still_count() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 2).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    line.session().disconnect(line.stream());
    assert_eq!(stage.sessions.pick(&role("billing"), &[]), Pick::Nobody);
    let views = stage.sessions.agents();
    let view = views.iter().find(|view| view.agent.as_str() == "billing-1").unwrap();
    assert_eq!((view.held, view.session.is_some()), (1, false));
    matter.later(Span::from_hours(1));
    let views = stage.sessions.agents();
    let view = views.iter().find(|view| view.agent.as_str() == "billing-1").unwrap();
    assert_eq!(view.held, 0);
}

fn agent(name: &str) -> Pick {
    Pick::Agent(name.parse().unwrap())
}
