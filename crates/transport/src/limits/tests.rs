//! Who gets a place, who waits, and who is turned away. In virtual time.

use super::*;
use crate::deadline::Deadline;
use http::{Request, Response};
use std::convert::Infallible;
use tonic::body::Body;
use tower::{Layer, ServiceExt};

#[tokio::test(start_paused = true)]
async fn a_full_house_still_has_places_for_leases() {
    check("query query command command lifeline lifeline", "in shed in shed in shed").await;
}

#[tokio::test(start_paused = true)]
async fn a_free_place_goes_to_the_most_urgent() {
    let limits = limits();
    let held = [
        limits.enter(Lane::Lifeline).await,
        limits.enter(Lane::Lifeline).await,
        limits.enter(Lane::Lifeline).await,
    ];
    let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
    for lane in [Lane::Query, Lane::Command, Lane::Lifeline] {
        let (limits, sender) = (Arc::clone(&limits), sender.clone());
        tokio::spawn(async move {
            let place = limits.enter(lane).await.unwrap();
            sender.send(lane).unwrap();
            drop(place);
        });
        tokio::task::yield_now().await;
    }
    drop(held);
    let found = [order.recv().await, order.recv().await, order.recv().await];
    assert_eq!(found, [Some(Lane::Lifeline), Some(Lane::Command), Some(Lane::Query)]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_has_an_end() {
    let limits = limits();
    let _held = limits.enter(Lane::Query).await.unwrap();
    let begun = tokio::time::Instant::now();
    let (first, second) = tokio::join!(limits.enter(Lane::Query), limits.enter(Lane::Query));
    assert!(first.is_err() && second.is_err());
    assert_eq!(
        begun.elapsed(),
        Duration::from_millis(100),
        "the first waited its time, the second not at all"
    );
    assert_eq!(limits.shed(Lane::Query), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_leaves_nothing_behind() {
    let limits = limits();
    let held = limits.enter(Lane::Query).await.unwrap();
    for _ in 0..10_000 {
        let mut gone = Box::pin(limits.enter(Lane::Query));
        assert!(futures_util::poll!(&mut gone).is_pending());
    }
    drop(held);
    assert_eq!(limits.taken(), 0);
    limits.enter(Lane::Query).await.expect("the place is free");
    assert_eq!(limits.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_gives_up_at_once_is_no_burden() {
    let crowd = 50_000;
    let lane = LaneSettings { places: 1, waiting_max: crowd, wait_max: Duration::from_secs(1) };
    let retry_after = Duration::from_secs(1);
    let limits =
        Limits::new(LimitSettings { lifeline: lane, command: lane, query: lane, retry_after });
    let held = limits.enter(Lane::Query).await.unwrap();
    let mut waiting: Vec<_> = (0..crowd).map(|_| Box::pin(limits.enter(Lane::Query))).collect();
    for one in &mut waiting {
        assert!(futures_util::poll!(one).is_pending());
    }
    drop(waiting);
    drop(held);
    assert_eq!(limits.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_turned_away_is_told_when_to_come_back() {
    let limits = limits();
    let _held = limits.enter(Lane::Query).await.unwrap();
    let status = call(&limits, None).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    let details = status.get_error_details();
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
    assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_passed_in_the_queue_is_not_worked_on() {
    let limits = limits();
    let held = limits.enter(Lane::Query).await.unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(held);
    });
    let status = call(&limits, Some(Deadline::after(Duration::from_millis(20)))).await;
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(call(&limits, None).await.code(), Code::Ok);
    assert_eq!(limits.taken(), 0, "an answered call gives its place back");
}

#[test]
fn the_default_bounds_leave_room_for_the_more_urgent() {
    let LimitSettings { lifeline, command, query, .. } = LimitSettings::default();
    assert!(query.places < command.places && command.places < lifeline.places);
}

/// One place for queries, two for commands, three for leases; one may wait in each lane.
fn limits() -> Arc<Limits> {
    let lane =
        |places| LaneSettings { places, waiting_max: 1, wait_max: Duration::from_millis(100) };
    Limits::new(LimitSettings {
        lifeline: lane(3),
        command: lane(2),
        query: lane(1),
        retry_after: Duration::from_secs(1),
    })
}

/// Calls come one after the other and keep their places; `shed` waited in vain.
async fn check(lanes: &str, expected: &str) {
    let limits = limits();
    let mut held = Vec::new();
    let mut found = Vec::new();
    for lane in lanes.split(' ') {
        let lane = match lane {
            "lifeline" => Lane::Lifeline,
            "command" => Lane::Command,
            _ => Lane::Query,
        };
        let entered = limits.enter(lane).await;
        found.push(if entered.is_ok() { "in" } else { "shed" });
        held.extend(entered);
    }
    assert_eq!(found.join(" "), expected);
}

async fn call(limits: &Arc<Limits>, deadline: Option<Deadline>) -> Status {
    let service = tower::service_fn(|_: Request<Body>| async {
        Ok::<Response<Body>, Infallible>(Status::ok("").into_http())
    });
    let mut request = Request::new(Body::empty());
    request.extensions_mut().extend(
        deadline
            .map(|deadline| {
                let mut extensions = http::Extensions::new();
                extensions.insert(deadline);
                extensions
            })
            .unwrap_or_default(),
    );
    let answer = LimitLayer::new(Arc::clone(limits), |_| Lane::Query)
        .layer(service)
        .oneshot(request)
        .await
        .unwrap();
    Status::from_header_map(answer.headers()).unwrap()
}
