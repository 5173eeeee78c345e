//! Messages go out in order, again after a break, and never more often than that.

use super::*;
use belay_api::v1::ReleaseCase;

#[test]
fn messages_are_numbered_as_they_are_sent() {
    check("ask a, ask b, next", "1:a 2:b");
}

#[test]
fn a_resumed_session_sends_what_was_not_acknowledged_under_its_number() {
    check("ask a, ask b, ask c, next, ack 1, ask d, resumed, next", "1:a 2:b 3:c | 2:b 3:c 4:d");
}

#[test]
fn a_session_that_begins_anew_sends_what_has_no_reply() {
    check("ask a, ask b, ask c, next, ack 3, reply 2, anew, next", "1:a 2:b 3:c | 1:a 2:c");
}

#[test]
fn what_is_replied_to_is_not_sent_again() {
    check("ask a, next, reply 1, resumed, next", "1:a |");
}

#[test]
fn what_nobody_waits_for_is_not_sent() {
    check("ask a, ask b, forget a, next", "1:b");
    check("ask a, ask b, next, forget a, anew, next", "1:a 2:b | 1:b");
}

#[test]
fn what_nobody_waits_for_keeps_its_number_until_it_is_acknowledged() {
    check("ask a, ask b, next, forget a, resumed, next", "1:a 2:b | 1:a 2:b");
    check("ask a, ask b, next, forget a, ack 1, resumed, next", "1:a 2:b | 2:b");
}

#[test]
fn what_has_to_arrive_is_sent_though_nobody_waits() {
    check("tell a, next, anew, next", "1:a | 1:a");
}

#[test]
fn an_acknowledgement_from_the_future_counts_for_nothing() {
    check("ask a, next, ack 9, ask b, next, resumed, next", "1:a | 2:b | 2:b");
}

#[test]
fn a_reply_that_nobody_waits_for_is_given_back() {
    let mut ledger = Ledger::default();
    assert!(ledger.replied(7, done()).is_some());
    drop(ledger.ask(message("a"), String::new()));
    assert!(ledger.next().is_none());
    let waiter = ledger.ask(message("b"), String::new()).unwrap();
    assert_eq!(ledger.next().unwrap().0, 1);
    drop(waiter);
    assert!(ledger.replied(1, done()).is_some());
    ledger.tell(message("c"), String::new());
    assert!(!ledger.is_settled());
    assert_eq!(ledger.next().unwrap().0, 2);
    assert!(ledger.replied(2, done()).is_none());
    assert!(ledger.is_settled());
}

#[test]
fn a_full_ledger_says_so() {
    let mut ledger = Ledger::default();
    let waiters: Vec<_> =
        (0..WAITING_MAX).map(|_| ledger.ask(message("a"), String::new()).unwrap()).collect();
    assert_eq!(ledger.ask(message("b"), String::new()).map(|_| ()), Err(Full));
    assert_eq!(waiters.len(), WAITING_MAX);
}

fn message(name: &str) -> Message {
    Message::ReleaseCase(ReleaseCase { case_id: name.into(), ..ReleaseCase::default() })
}

fn done() -> Reply {
    Ok(connect_response::Message::Done(belay_api::v1::Done::default()))
}

/// Plays the steps. Each `next` takes everything there is to send; they are separated by `|`.
#[track_caller]
fn check(steps: &str, sent: &str) {
    let mut ledger = Ledger::default();
    let mut waiters = std::collections::HashMap::new();
    let mut rounds = Vec::new();
    for step in steps.split(", ") {
        match step.split_once(' ').unwrap_or((step, "")) {
            ("ask", name) => {
                waiters.insert(name, ledger.ask(message(name), String::new()).unwrap());
            }
            ("tell", name) => ledger.tell(message(name), String::new()),
            ("forget", name) => drop(waiters.remove(name)),
            ("ack", number) => ledger.acknowledged(number.parse().unwrap()),
            ("reply", number) => assert!(ledger.replied(number.parse().unwrap(), done()).is_none()),
            ("resumed", _) => ledger.resumed(),
            ("anew", _) => ledger.anew(),
            ("next", _) => {
                let mut round = Vec::new();
                while let Some((number, Message::ReleaseCase(release), _)) = ledger.next() {
                    round.push(format!("{number}:{}", release.case_id));
                }
                rounds.push(round.join(" "));
            }
            other => panic!("no such step: {other:?}"),
        }
    }
    assert_eq!(rounds.join(" | ").trim(), sent);
}
