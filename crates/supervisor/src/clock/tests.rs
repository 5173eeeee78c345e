use std::time::Duration;

use belay_domain::{Span, Timestamp, after};

use super::Clock;

#[tokio::test(start_paused = true)]
async fn leases_go_with_the_time_that_passes_and_not_with_the_wall() {
    let clock = Clock::at(Timestamp::UNIX_EPOCH);
    assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert_eq!(clock.now(), after(Timestamp::UNIX_EPOCH, Span::from_hours(1)));
}

#[tokio::test(start_paused = true)]
async fn a_wall_that_went_back_does_not_make_old_evidence_fresh() {
    let seen = after(Timestamp::UNIX_EPOCH, Span::from_hours(24 * 365 * 100));
    assert!(Clock::start(Some(seen)).now() >= seen, "COV-8");
}
