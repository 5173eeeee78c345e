//! A visit to a stand-in, without a network.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use belay_replay::{Office, Person, Queue, Shared};
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt;

/// 2016-02-29 09:00:00 UTC.
const BEGIN: i64 = 1_456_736_400;

/// An office with a clock that the test moves.
pub(crate) struct Visit {
    pub(crate) office: Shared,
    now: Arc<AtomicI64>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Visit {
    /// An office with a queue `oncall` with shifts, of erin, frank and a machine, one without people, and us.
    pub(crate) fn new() -> Self {
        let now = Arc::new(AtomicI64::new(BEGIN));
        let clock = Arc::clone(&now);
        let office = Office::new(Arc::new(move || {
            Timestamp::from_second(clock.load(Ordering::Relaxed)).expect("a moment")
        }));
        office.hire(&["erin", "frank", "grace"]);
        office.join(Person::machine("autobot"));
        office.join(Person::account("belay", "secret"));
        office.open_queue(Queue::new("oncall", &["erin", "frank", "autobot"]).with_rota());
        office.open_queue(Queue::new("empty", &[]));
        Self { office, now }
    }

    /// Time passes.
    pub(crate) fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now.load(Ordering::Relaxed)).expect("a moment")
    }
}

/// One request. None if the connection broke.
pub(crate) async fn send(
    router: &Router,
    line: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Option<Answer> {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let mut request = Request::builder().method(method).uri(path).header("host", "office.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = request.body(body).expect("a request");
    let response = router.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Some(Answer { status: parts.status, headers: parts.headers, body, text })
}
