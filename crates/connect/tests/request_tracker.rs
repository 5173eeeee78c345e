//! The adapter against a real Request Tracker, with all its traps.
//!
//! `deploy/bench/request-tracker/up` starts one and prints the variables that these tests read. Without them
//! every test says that it is skipped.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

#[path = "request_tracker/bench.rs"]
mod bench;
#[path = "request_tracker/proving.rs"]
mod proving;
#[path = "../../../tests/request_tracker/proxy.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of a whole supervisor, which use the rest of it"
)]
mod proxy;
#[path = "../../../tests/request_tracker/tracker.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of a whole supervisor, which use the rest of it"
)]
mod tracker;

use std::time::{Duration, Instant};

use belay_connect::{Attempt, HumanQueue, NotPlaced, QueueErrorKind, Settling, Wanted, place};
use belay_domain::{
    ActKind, ActorKind, Reading, Standing, TicketFacts, TicketReading, Unreachable,
};
use serde_json::json;

use bench::{Bench, DESK};
use proxy::{Fault, Proxy};

const SETTLING: Settling =
    Settling { within: Duration::from_secs(2), every: Duration::from_millis(200) };

#[tokio::test]
async fn an_ordinary_take_is_seen_as_an_act_of_that_person() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    let before = facts(bench.read(&ticket, DESK).await);
    assert_eq!((before.holder, before.standing), (None, Standing::Open));
    bench.put("alice", &format!("/ticket/{ticket}/take"), json!({})).await;

    let reading = bench.read(&ticket, DESK).await;
    reading.queue.as_ref().unwrap().reachable().unwrap();
    let after = facts(reading);
    let holder = after.holder.clone().unwrap();
    assert_eq!((holder.name.as_str(), holder.kind), ("alice", ActorKind::Person));
    assert_eq!(took(&after), ["alice"]);
    assert!(after.revision > before.revision);
    assert_eq!(after.case.unwrap().as_str(), bench.case());
    assert!(after.correlation.is_some());
    assert_eq!(after.queue.as_str(), DESK);
}

#[tokio::test]
async fn work_after_a_take_is_seen() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.put("alice", &format!("/ticket/{ticket}/take"), json!({})).await;
    bench.put("alice", &format!("/ticket/{ticket}"), json!({"Status": "open"})).await;
    bench.say("alice", &format!("/ticket/{ticket}/comment"), "looking").await;
    bench.say("alice", &format!("/ticket/{ticket}/correspond"), "hello").await;
    let facts = facts(bench.read(&ticket, DESK).await);
    let by_alice = facts.acts.iter().filter(|act| act.actor.name.as_str() == "alice");
    let kinds: Vec<_> = by_alice.map(|act| act.kind.clone()).collect();
    let wanted = [ActKind::Took, ActKind::ChangedState, ActKind::Noted, ActKind::Replied];
    assert_eq!(kinds, wanted);
}

#[tokio::test]
async fn an_owner_who_was_set_by_another_has_not_taken() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.put("root", &format!("/ticket/{ticket}"), json!({"Owner": "bob"})).await;
    let facts = facts(bench.read(&ticket, DESK).await);
    assert_eq!(facts.holder.as_ref().unwrap().name.as_str(), "bob");
    assert!(took(&facts).is_empty());
    assert!(
        matches!(&facts.acts[..], [act] if act.kind == ActKind::Assigned { to: "bob".parse().unwrap() })
    );
}

#[tokio::test]
async fn a_ticket_that_is_created_with_an_owner_was_not_taken() {
    let Some(bench) = Bench::start().await else { return };
    let body = json!({"Queue": DESK, "Subject": "s", "Content": "c", "Owner": "bob"});
    let ticket =
        bench.post("alice", "/ticket", body).await["id"].as_str().unwrap().parse().unwrap();
    let facts = facts(bench.read(&ticket, DESK).await);
    assert_eq!(facts.holder.as_ref().unwrap().name.as_str(), "bob");
    assert!(took(&facts).is_empty());
    assert_eq!((facts.case, facts.correlation), (None, None));
}

#[tokio::test]
async fn a_ticket_that_is_given_back_is_nobodys() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.put("alice", &format!("/ticket/{ticket}/take"), json!({})).await;
    bench.put("alice", &format!("/ticket/{ticket}/untake"), json!({})).await;
    let facts = facts(bench.read(&ticket, DESK).await);
    assert_eq!(facts.holder, None);
    assert_eq!(facts.acts.last().unwrap().kind, ActKind::GaveBack);
}

#[tokio::test]
async fn a_ticket_that_another_steals_is_taken_by_the_other() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.put("alice", &format!("/ticket/{ticket}/take"), json!({})).await;
    bench.put("bob", &format!("/ticket/{ticket}/steal"), json!({})).await;
    let facts = facts(bench.read(&ticket, DESK).await);
    assert_eq!(facts.holder.as_ref().unwrap().name.as_str(), "bob");
    assert_eq!(took(&facts), ["alice", "bob"]);
}

#[tokio::test]
async fn the_statuses_of_another_lifecycle_are_understood() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create("itsm-major").await;
    bench.put("carol", &format!("/ticket/{ticket}/take"), json!({})).await;
    for (status, standing) in [
        ("acknowledged", Standing::Open),
        ("mitigating", Standing::Open),
        ("resolved", Standing::Resolved),
    ] {
        bench.put("carol", &format!("/ticket/{ticket}"), json!({"Status": status})).await;
        assert_eq!(facts(bench.read(&ticket, "itsm-major").await).standing, standing, "{status}");
    }
}

#[tokio::test]
async fn a_status_that_nobody_mapped_is_unknown() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create("itsm-major").await;
    let rt = bench.adapter(|config| drop(config.statuses.remove("major-incident")));
    let facts = facts(rt.read(&ticket, &"itsm-major".parse().unwrap()).await);
    assert_eq!(facts.standing, Standing::Unknown { raw: "new".to_owned() });
}

#[tokio::test]
async fn a_person_resolves_with_a_code() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.put("alice", &format!("/ticket/{ticket}/take"), json!({})).await;
    bench.say("alice", &format!("/ticket/{ticket}/comment"), "Rückgabe geprüft").await;
    let code = json!({"CustomFields": {"belay-resolution": "refunded"}});
    bench.put("alice", &format!("/ticket/{ticket}"), code).await;
    bench.put("alice", &format!("/ticket/{ticket}"), json!({"Status": "resolved"})).await;
    let facts = facts(bench.read(&ticket, DESK).await);
    let resolution = facts.resolution.unwrap();
    let actor = resolution.actor.unwrap();
    assert_eq!(facts.standing, Standing::Resolved);
    assert_eq!((actor.name.as_str(), actor.kind), ("alice", ActorKind::Person));
    assert_eq!(resolution.code.unwrap().as_str(), "refunded");
    assert_eq!(resolution.note, "Rückgabe geprüft");
}

#[tokio::test]
async fn a_queue_that_nobody_watches_reaches_nobody() {
    let Some(bench) = Bench::start().await else { return };
    assert_unreachable(&bench, "empty-queue", |queue| Unreachable::Nobody { queue }).await;
}

#[tokio::test]
async fn a_queue_of_leavers_reaches_nobody() {
    let Some(bench) = Bench::start().await else { return };
    assert_unreachable(&bench, "leavers-desk", |queue| Unreachable::NobodyAble { queue }).await;
}

#[tokio::test]
async fn a_retired_queue_reaches_nobody() {
    let Some(bench) = Bench::start().await else { return };
    assert_unreachable(&bench, "retired-desk", |queue| Unreachable::Disabled { queue }).await;
}

#[tokio::test]
async fn a_queue_that_we_may_not_see_is_refused() {
    let Some(bench) = Bench::start().await else { return };
    for queue in ["private-desk", "no-such-desk"] {
        let new = bench.new_ticket(queue);
        let refused = place(&bench.rt, &new, Attempt::First, SETTLING).await.unwrap_err();
        assert!(!refused.retryable(), "{queue}: {refused}");
        let NotPlaced::Refused(error) = refused else { panic!("{queue}: {refused}") };
        assert_eq!(error.kind, QueueErrorKind::Refused);
    }
}

#[tokio::test]
async fn a_ticket_that_bounces_is_seen_elsewhere() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create("bounce-desk").await;
    let facts = facts(bench.read(&ticket, "bounce-desk").await);
    assert_eq!(facts.queue.as_str(), "empty-queue");
    assert_eq!(facts.acts.last().unwrap().kind, ActKind::Moved);
}

#[tokio::test]
async fn a_ticket_that_a_rule_closes_is_closed_by_a_machine() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create("autoclose-desk").await;
    let facts = facts(bench.read(&ticket, "autoclose-desk").await);
    assert_eq!(facts.standing, Standing::Rejected);
    let resolution = facts.resolution.unwrap();
    assert_eq!(resolution.actor.unwrap().kind, ActorKind::Machine);
    assert_eq!(resolution.code, None);
}

#[tokio::test]
async fn a_ticket_that_a_robot_takes_is_held_by_a_machine() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create("robot-desk").await;
    let facts = facts(bench.read(&ticket, "robot-desk").await);
    let holder = facts.holder.unwrap();
    assert_eq!((holder.name.as_str(), holder.kind), ("autobot", ActorKind::Machine));
    assert!(facts.acts.iter().all(|act| act.actor.kind == ActorKind::Machine));
}

#[tokio::test]
async fn a_moved_ticket_is_seen_elsewhere_or_not_at_all() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.put("root", &format!("/ticket/{ticket}"), json!({"Queue": "crm-desk"})).await;
    assert_eq!(facts(bench.read(&ticket, DESK).await).queue.as_str(), "crm-desk");
    bench.put("root", &format!("/ticket/{ticket}"), json!({"Queue": "private-desk"})).await;
    let reading = bench.read(&ticket, DESK).await;
    assert!(matches!(reading.ticket, TicketReading::Unreadable { .. }), "{reading:?}");
    assert!(reading.queue.is_some());
}

#[tokio::test]
async fn a_merged_ticket_names_the_one_it_went_into() {
    let Some(bench) = Bench::start().await else { return };
    let (ours, other) = (bench.create(DESK).await, bench.create(DESK).await);
    bench.put("alice", &format!("/ticket/{other}/take"), json!({})).await;
    bench.put("root", &format!("/ticket/{ours}"), json!({"MergeInto": other.as_str()})).await;
    let merged = facts(bench.read(&ours, DESK).await);
    assert_eq!(merged.standing, Standing::Merged { into: other.clone() });
    assert_eq!(merged.ticket, other);
}

#[tokio::test]
async fn what_was_done_to_a_ticket_before_it_was_merged_into_ours_was_not_done_to_ours() {
    let Some(bench) = Bench::start().await else { return };
    let (ours, other) = (bench.create(DESK).await, bench.create(DESK).await);
    bench.put("alice", &format!("/ticket/{other}/take"), json!({})).await;
    bench.put("root", &format!("/ticket/{other}"), json!({"MergeInto": ours.as_str()})).await;
    let facts = facts(bench.read(&ours, DESK).await);
    assert_eq!(facts.ticket, ours);
    assert!(took(&facts).is_empty(), "{:?}", facts.acts);
}

#[tokio::test]
async fn a_deleted_ticket_is_deleted_and_one_that_never_was_is_missing() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.delete(&format!("/ticket/{ticket}")).await;
    assert_eq!(facts(bench.read(&ticket, DESK).await).standing, Standing::Deleted);
    let reading = bench.read(&"999999".parse().unwrap(), DESK).await;
    assert_eq!(reading.ticket, TicketReading::Missing);
}

#[tokio::test]
async fn a_holder_whose_account_is_disabled_can_no_longer_act() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.put("bob", &format!("/ticket/{ticket}/take"), json!({})).await;
    bench.put("root", "/user/bob", json!({"Disabled": 1})).await;
    let reading = bench.read(&ticket, DESK).await;
    bench.put("root", "/user/bob", json!({"Disabled": 0})).await;
    let queue = reading.queue.clone().unwrap();
    let bob = queue.member(&"bob".parse().unwrap()).unwrap();
    assert!(!bob.is_able(), "{bob:?}");
    assert!(queue.member(&"alice".parse().unwrap()).unwrap().is_able());
    // Given back by RT or still his: either way there is nobody able who holds it.
    assert!(facts(reading).holder.is_none_or(|holder| holder.name.as_str() == "bob"));
}

#[tokio::test]
async fn placing_finds_its_ticket_again_and_makes_no_second_one() {
    let Some(bench) = Bench::start().await else { return };
    let new = bench.new_ticket(DESK);
    let first = place(&bench.rt, &new, Attempt::First, SETTLING).await.unwrap();
    assert!(first.created && first.found);
    let again = place(&bench.rt, &new, Attempt::Again, SETTLING).await.unwrap();
    assert_eq!((again.ticket, again.created), (first.ticket, false));
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_makes_one_ticket() {
    let Some(bench) = Bench::start().await else { return };
    let proxy = Proxy::to(bench.address()).await;
    proxy.strike("POST /REST/2.0/ticket ", Fault::LoseAnswer);
    let url = format!("http://{}/REST/2.0", proxy.address);
    let rt = bench.adapter(|config| config.base_url = url);
    let new = bench.new_ticket(DESK);
    let placed = place(&rt, &new, Attempt::First, SETTLING).await.unwrap();
    assert!(proxy.has_struck(), "the proxy was to lose an answer");
    assert!(!placed.created);
    assert_eq!(bench.rt.find(&new.correlation).await.unwrap(), [placed.ticket]);
}

#[tokio::test]
async fn a_withdrawn_ticket_says_why_once_and_is_closed_if_we_may() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    for _ in 0..2 {
        bench.rt.withdraw(&ticket, "not needed any more").await.unwrap();
    }
    let facts = facts(bench.read(&ticket, DESK).await);
    let ours = facts.acts.iter().filter(|act| act.actor.kind == ActorKind::Ourselves);
    assert_eq!(ours.map(|act| act.kind.clone()).collect::<Vec<_>>(), [ActKind::Noted]);
    // The bench's account may not change a ticket; RT says so in prose with a 200.
    assert_eq!(facts.standing, Standing::Open);
}

#[tokio::test]
async fn a_note_is_left_once_and_is_not_taken_for_another_one() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    let answer =
        "What zoë wrote here (17) does not count:\n\n    approve 0123456789abcdef\n\nis not meant.";
    for _ in 0..2 {
        bench.rt.tell(&ticket, answer).await.unwrap();
        bench.rt.withdraw(&ticket, "not needed any more").await.unwrap();
    }
    let facts = facts(bench.read(&ticket, DESK).await);
    let ours = facts.acts.iter().filter(|act| act.actor.kind == ActorKind::Ourselves);
    let ours: Vec<_> = ours.map(|act| act.kind.clone()).collect();
    assert_eq!(ours, [ActKind::Noted, ActKind::Noted]);
    // What we write ourselves is nobody's statement.
    assert!(bench.rt.statements(&ticket).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_queue_that_is_asked_for_by_its_number_is_listed_by_it() {
    let Some(bench) = Bench::start().await else { return };
    let (finder, rt) = (bench.adapter(|_| {}), bench.adapter(|_| {}));
    let mut usable = None;
    for number in 1..40 {
        let queue = number.to_string().parse().unwrap();
        if finder.inspect(&queue).await.is_ok_and(|facts| facts.enabled) {
            usable = Some(queue);
            break;
        }
    }
    let queue = usable.expect("a queue whose tickets can be marked");
    let new = bench.new_ticket(queue.as_str());
    let ticket = rt.create(&new).await.unwrap();
    assert_eq!(facts(rt.read(&ticket, &queue).await).queue, queue);
    let (mut listed, mut place) = (None, None);
    while listed.is_none() {
        let page = rt.ours(place.as_deref()).await.unwrap();
        listed = page.tickets.into_iter().find(|one| one.ticket == ticket);
        place = page.next;
        assert!(listed.is_some() || place.is_some(), "{ticket} is not listed");
    }
    assert_eq!(listed.unwrap().queue, Some(queue));
}

#[tokio::test]
async fn withdrawing_never_closes_what_a_person_holds() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    bench.put("alice", &format!("/ticket/{ticket}/take"), json!({})).await;
    let strong = bench.strong_adapter();
    strong.withdraw(&ticket, "not needed any more").await.unwrap();
    assert_eq!(facts(bench.read(&ticket, DESK).await).standing, Standing::Open);
    bench.put("alice", &format!("/ticket/{ticket}/untake"), json!({})).await;
    strong.withdraw(&ticket, "not needed any more").await.unwrap();
    assert_eq!(facts(bench.read(&ticket, DESK).await).standing, Standing::Rejected);
}

#[tokio::test]
async fn a_server_that_hangs_makes_the_ticket_unreadable_in_time() {
    let Some(bench) = Bench::start().await else { return };
    let ticket = bench.create(DESK).await;
    let rt = bench.adapter(|config| config.timeout = Duration::from_secs(1));
    let stopped = bench.stop_server();
    let since = Instant::now();
    let reading = rt.read(&ticket, &DESK.parse().unwrap()).await;
    let placed = place(&rt, &bench.new_ticket(DESK), Attempt::First, SETTLING).await;
    drop(stopped);
    assert!(matches!(reading.ticket, TicketReading::Unreadable { .. }), "{reading:?}");
    assert_eq!(reading.queue, None);
    assert!(placed.unwrap_err().retryable());
    assert!(since.elapsed() < Duration::from_secs(8));
    assert_eq!(facts(bench.read(&ticket, DESK).await).standing, Standing::Open);
}

#[tokio::test]
async fn a_wrong_token_is_told_from_an_outage() {
    let Some(bench) = Bench::start().await else { return };
    let rt = bench.adapter(|config| config.token = "1-1-0123456789".to_owned().into());
    let error = rt.inspect(&DESK.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Unauthorized);
    assert!(!error.retryable());
}

async fn assert_unreachable(
    bench: &Bench,
    queue: &str,
    why: impl Fn(belay_domain::QueueId) -> Unreachable,
) {
    let new = bench.new_ticket(queue);
    let refused = place(&bench.rt, &new, Attempt::First, SETTLING).await.unwrap_err();
    assert_eq!(refused, NotPlaced::Unreachable(why(new.queue.clone())));
    assert!(bench.rt.find(&new.correlation).await.unwrap().is_empty());
}

#[track_caller]
fn facts(reading: Reading) -> TicketFacts {
    match reading.ticket {
        TicketReading::Present(facts) => *facts,
        other => panic!("the ticket was to be read, and is {other:?}"),
    }
}

/// Who took the ticket, in order.
fn took(facts: &TicketFacts) -> Vec<&str> {
    let took = facts.acts.iter().filter(|act| act.kind == ActKind::Took);
    took.map(|act| act.actor.name.as_str()).collect()
}

#[tokio::test]
async fn many_tickets_are_read_as_each_of_them_is_and_ours_are_listed() {
    let Some(bench) = Bench::start().await else { return };
    let mut new = Vec::new();
    for _ in 0..6 {
        new.push(bench.new_ticket(DESK));
    }
    let mut tickets = Vec::new();
    for one in &new {
        tickets.push(bench.rt.create(one).await.unwrap());
    }
    let [_, taken, moved, merged, deleted, resolved] = tickets.as_slice() else { unreachable!() };
    bench.put("alice", &format!("/ticket/{taken}/take"), json!({})).await;
    bench.put("root", &format!("/ticket/{moved}"), json!({"Queue": "General"})).await;
    bench.put("root", &format!("/ticket/{merged}"), json!({"MergeInto": taken.as_str()})).await;
    bench.delete(&format!("/ticket/{deleted}")).await;
    bench.put("alice", &format!("/ticket/{resolved}"), json!({"Status": "resolved"})).await;

    let wanted: Vec<Wanted> = tickets
        .iter()
        .zip(&new)
        .map(|(ticket, one)| Wanted {
            ticket: ticket.clone(),
            queue: one.queue.clone(),
            correlation: one.correlation.clone(),
        })
        .collect();
    // Before and after what was read of them is settled, and from what was kept.
    for wait in [0, 7, 1] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        let together = bench.rt.read_many(&wanted).await;
        for (ticket, reading) in tickets.iter().zip(&together) {
            assert_eq!(*reading, bench.read(ticket, DESK).await, "{ticket}");
        }
    }
    // A change is seen, whatever was kept.
    bench.say("alice", &format!("/ticket/{taken}/comment"), "looking").await;
    let reading = bench.rt.read_many(&wanted[1..2]).await.pop().unwrap();
    assert!(facts(reading).acts.iter().any(|act| act.kind == ActKind::Noted));

    let (mut ours, mut place) = (Vec::new(), None);
    loop {
        let page = bench.rt.ours(place.as_deref()).await.unwrap();
        ours.extend(page.tickets);
        place = page.next;
        if place.is_none() {
            break;
        }
    }
    let of_this_test = ours.iter().filter(|one| one.case.as_ref() == Some(&new[0].case));
    let listed: Vec<_> = of_this_test.map(|one| &one.ticket).collect();
    // Those that are open where our fields are: what was merged is the one it was merged into, and what was moved to a
    // queue without them is told by a read of its own.
    assert_eq!(listed, [&tickets[0], taken]);
    let found = ours.iter().find(|one| one.ticket == *taken).unwrap();
    assert_eq!(found.holder.as_ref().unwrap().as_str(), "alice");
    assert_eq!(found.queue.as_ref(), Some(&new[0].queue));
}
