//! Queues that take a ticket and still leave the case uncovered.

use crate::NEXT;
use crate::bench::Bench;
use crate::story::Story;

#[tokio::test]
async fn a_machine_that_takes_everything_covers_nothing() {
    moves_on("robot-desk").await;
}

#[tokio::test]
async fn a_queue_without_people_covers_nothing() {
    moves_on("empty-queue").await;
}

#[tokio::test]
async fn a_queue_whose_people_have_left_covers_nothing() {
    moves_on("leavers-desk").await;
}

#[tokio::test]
async fn a_queue_that_moves_tickets_elsewhere_covers_nothing() {
    moves_on("bounce-desk").await;
}

#[tokio::test]
async fn a_queue_that_rejects_everything_covers_nothing() {
    moves_on("autoclose-desk").await;
}

#[tokio::test]
async fn a_queue_that_is_switched_off_covers_nothing() {
    moves_on("retired-desk").await;
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_covers_nothing() {
    moves_on("private-desk").await;
}

/// Checks that a queue never covers the case, and that bob at another desk then does.
async fn moves_on(queue: &str) {
    let Some(bench) = Bench::start(&[queue, NEXT]).await else { return };
    let mut story = Story::begin(&bench).await;
    story.moves_on(NEXT, "bob").await;
    story.end().await;
}
