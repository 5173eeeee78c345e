//! What leaves when, and what is kept.

use std::time::Duration;

use belay_domain::{Epoch, Timestamp};
use tokio::time::Instant;

use super::{Full, KEPT_MAX, NeverSent, Outbox, PASSING_MAX, PATIENCE, STATED_AHEAD_MAX};
use crate::sessions::notice::{Letter, Loss, Notice};

#[tokio::test(start_paused = true)]
async fn nothing_with_a_number_is_sent_without_credit() {
    check("post a; send -; grant 1; send 1 a; post b; send -; grant 1; send 2 b");
}

#[tokio::test(start_paused = true)]
async fn what_is_about_the_moment_needs_no_credit_and_has_no_number() {
    check("post a; pass x; send 0 x; send -; grant 1; send 1 a");
}

#[tokio::test(start_paused = true)]
async fn a_later_word_about_a_lease_replaces_the_earlier_one() {
    check("renew x; renew y; renew x; send 0 y; send 0 x; send -");
    check("renew x; pass x; send 0 x; send -");
}

#[tokio::test(start_paused = true)]
async fn that_a_lease_is_lost_is_the_last_word_about_it() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    outbox.push(moment("x", false), now).unwrap();
    outbox.push(moment("x", true), now).unwrap();
    let (_, letter) = outbox.next(now).unwrap();
    assert!(matches!(letter.notice, Notice::Lost { .. }), "{letter:?}");
    assert!(outbox.next(now).is_none());
}

#[tokio::test(start_paused = true)]
async fn messages_leave_in_the_order_in_which_they_came() {
    check("post a; post b; post c; grant 3; send 1 a; send 2 b; send 3 c");
}

#[tokio::test(start_paused = true)]
async fn a_new_stream_gets_again_what_was_not_acknowledged() {
    check(
        "post a; post b; post c; grant 9; send 1 a; send 2 b; ack 1; resume 1; grant 9; send 2 b; send 3 c",
    );
    check(
        "post a; post b; grant 9; send 1 a; send 2 b; resume 0; grant 9; send 1 a; send 2 b; send -",
    );
    check(
        "post a; post b; grant 9; send 1 a; send 2 b; resume 2; grant 9; send -; post c; send 3 c",
    );
}

#[tokio::test(start_paused = true)]
async fn credit_does_not_outlive_its_stream() {
    check("post a; grant 9; resume 0; send -; grant 1; send 1 a; post b; send -");
}

#[tokio::test(start_paused = true)]
async fn sending_again_uses_credit() {
    check(
        "post a; post b; grant 2; send 1 a; send 2 b; resume 0; grant 1; send 1 a; send -; grant 1; send 2 b",
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_about_the_moment_is_forgotten_with_its_stream() {
    check("pass x; resume 0; send -");
}

#[tokio::test(start_paused = true)]
async fn what_is_of_no_use_is_taken_out_unless_it_has_a_number_or_answers() {
    check("post a; reply b; prune; grant 9; send 1 b; send -");
    check("post a; grant 9; send 1 a; prune; resume 0; grant 9; send 1 a");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_take_what_it_is_ready_for_is_overdue_after_ten_seconds() {
    check("post a; grant 1; wait 10; in time; wait 1; overdue");
    check("pass x; wait 11; overdue");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_grants_no_credit_is_left_alone() {
    check("post a; wait 600; in time");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_acknowledge_is_overdue_after_ten_seconds() {
    check("post a; grant 1; send 1 a; wait 10; in time; wait 1; overdue");
    check("post a; grant 1; send 1 a; wait 9; ack 1; wait 600; in time");
    check("post a; post b; grant 2; send 1 a; wait 9; send 2 b; ack 1; wait 9; in time");
}

#[tokio::test(start_paused = true)]
async fn the_time_a_stream_was_away_is_not_held_against_the_agent() {
    check(
        "post a; grant 1; send 1 a; wait 60; resume 0; in time; grant 1; send 1 a; wait 9; in time",
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_cannot_be_acknowledged() {
    let mut outbox = Outbox::default();
    outbox.push(letter("a"), Instant::now()).unwrap();
    assert_eq!(outbox.acknowledged(1), Err(NeverSent { last: 0 }));
    assert_eq!(outbox.resume(1), Err(NeverSent { last: 0 }));
}

#[tokio::test(start_paused = true)]
async fn there_is_a_most_that_is_kept_and_being_full_is_said() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    outbox.grant(10, now);
    for _ in 0..10 {
        outbox.push(letter("a"), now).unwrap();
        outbox.next(now).unwrap();
    }
    for _ in 10..KEPT_MAX {
        outbox.push(letter("a"), now).unwrap();
    }
    assert_eq!(outbox.push(letter("b"), now), Err(Full), "sent and not acknowledged counts too");
    outbox.acknowledged(1).unwrap();
    assert_eq!(outbox.push(letter("b"), now), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_a_word_about_each_case_that_an_agent_can_hold() {
    let mut outbox = Outbox::new(500);
    let now = Instant::now();
    for number in 0..PASSING_MAX + 500 {
        outbox.push(moment(&format!("c-{number}"), number % 2 == 0), now).unwrap();
    }
    assert_eq!(outbox.push(moment("one-more", false), now), Err(Full));
    assert_eq!(outbox.push(moment("c-0", false), now), Ok(()), "it replaces what was said before");
    for _ in 0..KEPT_MAX + 500 {
        outbox.push(letter("a"), now).unwrap();
    }
    assert_eq!(outbox.push(letter("b"), now), Err(Full));
}

#[tokio::test(start_paused = true)]
async fn another_case_is_stated_again_when_the_agent_has_taken_some_of_what_was_stated() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    for _ in 0..STATED_AHEAD_MAX {
        assert!(outbox.can_state());
        outbox.push(letter("a"), now).unwrap();
    }
    assert!(!outbox.can_state());
    outbox.grant(2, now);
    outbox.next(now).unwrap();
    assert!(!outbox.can_state(), "it was sent, and nobody knows that it arrived");
    outbox.acknowledged(1).unwrap();
    assert!(outbox.can_state());
    for number in 0..STATED_AHEAD_MAX {
        outbox.push(moment(&format!("c-{number}"), false), now).unwrap();
    }
    assert!(!outbox.can_state());
    outbox.next(now).unwrap();
    assert!(outbox.can_state());
}

#[tokio::test(start_paused = true)]
async fn room_is_credit_that_nothing_waits_for() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    outbox.grant(2, now);
    assert_eq!(outbox.room(), 2);
    outbox.push(letter("a"), now).unwrap();
    assert_eq!(outbox.room(), 1);
    outbox.next(now).unwrap();
    assert_eq!((outbox.room(), outbox.credit()), (1, 1));
    outbox.resume(0).unwrap();
    outbox.grant(2, now);
    assert_eq!(outbox.room(), 1, "one of them is for what is sent again");
}

fn letter(name: &str) -> Letter {
    Letter { notice: Notice::Done { id: name.to_owned() }, in_reply_to: 0, trace: None }
}

fn moment(name: &str, renewed: bool) -> Letter {
    let case = name.parse().unwrap();
    let epoch = Epoch(1);
    let notice = if renewed {
        Notice::Renewed { case, epoch, lease_until: Timestamp::UNIX_EPOCH }
    } else {
        Notice::Lost { case, epoch, loss: Loss::Expired }
    };
    Letter { notice, in_reply_to: 0, trace: None }
}

fn named(letter: &Letter) -> String {
    match &letter.notice {
        Notice::Done { id } => id.clone(),
        Notice::Renewed { case, .. } | Notice::Lost { case, .. } => case.to_string(),
        other => panic!("not of this test: {other:?}"),
    }
}

/// Goes through the steps; those that look at something say what they have to see.
#[track_caller]
fn check(steps: &str) {
    let mut outbox = Outbox::default();
    let mut now = Instant::now();
    for step in steps.split("; ") {
        match step.split(' ').collect::<Vec<_>>()[..] {
            ["post", name] => outbox.push(letter(name), now).unwrap(),
            ["reply", name] => {
                outbox.push(Letter { in_reply_to: 7, ..letter(name) }, now).unwrap();
            }
            ["pass", name] => outbox.push(moment(name, false), now).unwrap(),
            ["renew", name] => outbox.push(moment(name, true), now).unwrap(),
            ["grant", many] => outbox.grant(many.parse().unwrap(), now),
            ["ack", number] => outbox.acknowledged(number.parse().unwrap()).unwrap(),
            ["resume", number] => outbox.resume(number.parse().unwrap()).unwrap(),
            ["prune"] => drop(outbox.prune(|_| true)),
            ["wait", seconds] => now += Duration::from_secs(seconds.parse().unwrap()),
            ["send", "-"] => {
                let next = outbox.next(now).map(|(number, letter)| (number, named(&letter)));
                assert_eq!(next, None, "{step} in {steps}");
            }
            ["send", number, name] => {
                let next = outbox.next(now).map(|(number, letter)| (number, named(&letter)));
                let expected = (number.parse().unwrap(), name.to_owned());
                assert_eq!(next, Some(expected), "{step} in {steps}");
            }
            ["overdue"] => assert!(outbox.is_overdue(now), "{step} in {steps}"),
            ["in", "time"] => assert!(!outbox.is_overdue(now), "{step} in {steps}"),
            _ => panic!("no such step: {step}"),
        }
    }
    assert!(PATIENCE == Duration::from_secs(10), "the steps above count on it");
}
