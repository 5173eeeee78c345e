//! How an agent learns that a case or an offer is not its own any more, and what it is told when it comes back.

use belay_domain::{Actor, Command, ResolutionCode, Span};

use super::stage::{Stage, registration, role};

#[tokio::test(start_paused = true)]
async fn a_lease_that_ran_out_is_said_with_the_epoch_that_is_over() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    let lease = matter.case.terms.as_ref().unwrap().lease;
    matter.later(lease);
    assert_eq!(line.said(), ["0 lost c-1 1 Expired"], "without any credit");
}

#[tokio::test(start_paused = true)]
async fn who_handed_a_case_on_loses_it_when_somebody_takes_it_and_not_before() {
    let stage = Stage::new();
    let one = stage.connect("billing-1", 4).await;
    let other = stage.connect("crm-1", 4).await;
    one.grant(9);
    other.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    matter.now(Command::RequestHandoff {
        agent: "billing-1".parse().unwrap(),
        epoch: matter.case.epoch,
        to: role("crm"),
        reason: "the address is wrong".to_owned(),
        context: Vec::new(),
    });
    let handoff = matter.offer("crm-1");
    assert!(stage.sessions.offer(&matter.case, &handoff, &"crm-1".parse().unwrap()));
    assert_eq!(one.said(), [""; 0]);
    assert_eq!(other.said(), ["1 offer c-1/h2"]);
    other.session().take(1);
    other.session().await_case(&handoff, 1);
    matter.accept("crm-1");
    assert_eq!(one.said(), ["0 lost c-1 1 HandedOff"]);
    assert_eq!(other.said(), ["2 assigned c-1 2, to 1"]);
}

#[tokio::test(start_paused = true)]
async fn who_releases_or_resolves_a_case_has_its_reply_and_hears_no_more() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut released = stage.open("1");
    released.give_to("billing-1");
    let agent: belay_domain::AgentId = "billing-1".parse().unwrap();
    let epoch = released.case.epoch;
    let reason = "not mine".to_owned();
    released.now(Command::Release { agent: agent.clone(), epoch, reason });
    let mut resolved = stage.open("2");
    resolved.give_to("billing-1");
    resolved.now(resolve(Actor::Agent { agent, epoch: resolved.case.epoch }));
    assert_eq!(line.said(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_case_that_somebody_else_resolved_is_said_to_be_closed() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    matter.now(resolve(Actor::Person("ana".parse().unwrap())));
    assert_eq!(line.said(), ["1 closed c-1"]);
}

#[tokio::test(start_paused = true)]
async fn an_offer_that_ran_out_is_withdrawn_if_it_was_seen_and_never_shown_if_not() {
    for seen in [true, false] {
        let stage = Stage::new();
        let line = stage.connect("billing-1", 4).await;
        let mut matter = stage.open("1");
        let handoff = matter.offer("billing-1");
        if seen {
            line.grant(1);
        }
        assert!(stage.sessions.offer(&matter.case, &handoff, &"billing-1".parse().unwrap()));
        let shown = line.said();
        let offered = matter.case.terms.as_ref().unwrap().offer_within;
        matter.later(offered);
        line.grant(9);
        let rest = line.said();
        if seen {
            assert_eq!(shown, ["1 offer c-1/h1"]);
            assert_eq!(rest, ["2 withdrawn c-1/h1: it was not answered in time"]);
        } else {
            assert_eq!((shown, rest), (vec![], vec![]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_offer_is_shown_again_only_when_more_has_become_known() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let to = "billing-1".parse().unwrap();
    let mut matter = stage.open("1");
    let handoff = matter.offer("billing-1");
    for _ in 0..2 {
        assert!(stage.sessions.offer(&matter.case, &handoff, &to));
    }
    assert_eq!(line.said(), ["1 offer c-1/h1"]);
    let by = Actor::Program("test".to_owned());
    let entries = vec![super::stage::entry("message", "and hurry")];
    matter.now(Command::AddContext { entries, by });
    assert!(stage.sessions.offer(&matter.case, &handoff, &to));
    assert_eq!(line.said(), ["2 offer c-1/h1"]);
}

#[tokio::test(start_paused = true)]
async fn an_offer_of_a_case_that_has_gone_on_is_not_shown() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(9);
    let mut matter = stage.open("1");
    let handoff = matter.offer("billing-1");
    let then = matter.case.clone();
    matter.accept("billing-1");
    assert!(stage.sessions.offer(&then, &handoff, &"billing-1".parse().unwrap()));
    assert_eq!(line.said(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_not_there_cannot_be_shown_anything() {
    let stage = Stage::new();
    let mut matter = stage.open("1");
    let handoff = matter.offer("billing-1");
    assert!(!stage.sessions.offer(&matter.case, &handoff, &"billing-1".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_begins_anew_is_told_what_it_holds_and_what_is_on_offer() {
    let stage = Stage::new();
    stage.connect("billing-1", 4).await;
    let mut held = stage.open("1");
    held.give_to("billing-1");
    let mut offered = stage.open("2");
    offered.offer("billing-1");
    let mut lost = stage.open("3");
    lost.give_to("billing-1");
    lost.later(Span::from_hours(1));

    let line = stage.register(registration("billing-1", 4, None)).await;
    assert!(!line.resumed());
    let (cases, offers) = stage.sessions.concerns(&line.session().agent);
    assert_eq!((cases.len(), offers.len()), (1, 1));
    for matter in [&held, &offered] {
        assert!(stage.sessions.restate(line.session(), &matter.case, matter.now));
    }
    line.grant(9);
    assert_eq!(line.said(), ["1 assigned again c-1 1", "2 offer c-2/h1"]);
}

#[tokio::test(start_paused = true)]
async fn a_case_that_has_gone_on_is_read_again_before_it_is_restated() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    let mut matter = stage.open("1");
    matter.give_to("billing-1");
    let then = matter.case.clone();
    let by = Actor::Program("test".to_owned());
    let entries = vec![super::stage::entry("message", "and hurry")];
    matter.now(Command::AddContext { entries, by });
    assert!(!stage.sessions.restate(line.session(), &then, matter.now));
    assert!(stage.sessions.restate(line.session(), &matter.case, matter.now));
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_whom_a_case_concerns_is_known_from_the_case_itself() {
    let before = Stage::new();
    let mut matter = before.open("1");
    matter.give_to("billing-1");

    let after = Stage::new();
    let line = after.connect("billing-1", 4).await;
    after.sessions.know(&matter.case);
    assert_eq!(after.sessions.concerns(&line.session().agent).0.len(), 1);
    assert_eq!(line.said(), [""; 0], "nothing has happened");
}

fn resolve(by: Actor) -> Command {
    let code: ResolutionCode = "solved".parse().unwrap();
    Command::Resolve { by, code, note: String::new() }
}
