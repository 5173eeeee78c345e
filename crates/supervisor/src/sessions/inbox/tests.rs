//! Taking and acknowledging numbers.

use super::{Arrival, Inbox};

#[test]
fn messages_are_taken_in_their_order() {
    check("take 1: new; take 2: new; ack 0");
}

#[test]
fn a_message_that_came_before_is_taken_once() {
    check("take 1: new; take 1: again; take 2: new; take 1: again; take 2: again");
}

#[test]
fn a_missing_message_is_noticed() {
    check("take 2: gap 1; take 1: new; take 3: gap 2");
}

#[test]
fn what_is_acknowledged_has_been_dealt_with_without_a_gap() {
    check("take 1: new; take 2: new; take 3: new; deal 3: once; ack 0; deal 1: once; ack 1");
    check("take 1: new; take 2: new; deal 2: once; deal 1: once; ack 2; under way 0");
}

#[test]
fn a_message_is_dealt_with_once() {
    check("take 1: new; deal 1: once; deal 1: never; ack 1");
    check("take 1: new; take 2: new; deal 2: once; deal 2: never; under way 1");
    check("deal 1: never; deal 0: never");
}

/// Goes through the steps, each with what has to come of it.
#[track_caller]
fn check(steps: &str) {
    let mut inbox = Inbox::default();
    for step in steps.split("; ") {
        let words: Vec<&str> = step.split([' ', ':']).filter(|word| !word.is_empty()).collect();
        let number = |word: &str| word.parse::<u64>().unwrap();
        match words[..] {
            ["take", id, ref outcome @ ..] => {
                let expected = match outcome {
                    ["new"] => Arrival::New,
                    ["again"] => Arrival::Again,
                    ["gap", expected] => Arrival::Gap { expected: number(expected) },
                    _ => panic!("no such outcome: {step}"),
                };
                assert_eq!(inbox.take(number(id)), expected, "{step} in {steps}");
            }
            ["deal", id, outcome] => {
                assert_eq!(inbox.deal(number(id)), outcome == "once", "{step} in {steps}");
            }
            ["ack", id] => assert_eq!(inbox.acknowledgement(), number(id), "{step} in {steps}"),
            ["under", "way", many] => {
                assert_eq!(inbox.under_way(), number(many), "{step} in {steps}");
            }
            _ => panic!("no such step: {step}"),
        }
    }
}
