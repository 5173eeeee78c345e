//! Every message is taken once, and credit comes back as messages are dealt with.

use super::*;

#[test]
fn a_message_that_came_before_is_not_new() {
    check("take 1, take 2, take 2, take 1, take 3", "new new old old new");
}

#[test]
fn messages_without_a_number_are_always_new() {
    check("take 0, take 0", "new new");
}

#[test]
fn what_was_taken_is_acknowledged_once() {
    check("owes, take 1, take 2, owes, ack, owes", "nothing new new something 2 nothing");
}

#[test]
fn a_message_that_comes_again_is_acknowledged_again() {
    check("take 1, ack, take 1, owes, ack", "new 1 old something 1");
}

#[test]
fn the_window_is_granted_first_and_then_in_quarters() {
    check("credit, credit, take 1, deal, credit, take 2, deal, credit", "8 0 new 0 new 2");
}

#[test]
fn a_resumed_stream_goes_on_counting_and_grants_the_window_again() {
    check("credit, take 1, resumed, credit, take 1, take 2", "8 new 8 old new");
}

#[test]
fn a_new_session_counts_from_one() {
    check("take 1, take 2, anew, take 1, ack", "new new new 1");
}

/// Plays the steps with a window of 8.
#[track_caller]
fn check(steps: &str, answers: &str) {
    let mut inbox = Inbox::new(8);
    let mut said = Vec::new();
    for step in steps.split(", ") {
        match step.split_once(' ').unwrap_or((step, "")) {
            ("take", number) => {
                let new = inbox.take(number.parse().unwrap());
                said.push(if new { "new" } else { "old" }.to_owned());
            }
            ("owes", _) => {
                said.push(if inbox.owes_ack() { "something" } else { "nothing" }.to_owned());
            }
            ("ack", _) => said.push(inbox.ack().to_string()),
            ("credit", _) => said.push(inbox.credit().unwrap_or_default().to_string()),
            ("deal", _) => inbox.dealt_with(),
            ("resumed", _) => inbox.reconnected(true),
            ("anew", _) => inbox.reconnected(false),
            other => panic!("no such step: {other:?}"),
        }
    }
    assert_eq!(said.join(" "), answers);
}
