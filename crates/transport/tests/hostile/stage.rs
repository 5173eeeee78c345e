//! Services to be attacked, and how much memory that costs.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, Incoming};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tonic::body::Body;

use crate::accept::Settings;
use crate::testbed::Bed;

static TURN: RwLock<()> = RwLock::const_new(());

/// What measures the memory of the process does it while nothing else runs.
pub(crate) async fn alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().await
}

/// What measures nothing runs beside others.
pub(crate) async fn beside() -> RwLockReadGuard<'static, ()> {
    TURN.read().await
}

/// How many handlers run, and how many ever began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handlers {
    now: Arc<AtomicUsize>,
    ever: Arc<AtomicUsize>,
}

impl Handlers {
    pub(crate) fn now(&self) -> usize {
        self.now.load(Ordering::SeqCst)
    }

    pub(crate) fn ever(&self) -> usize {
        self.ever.load(Ordering::SeqCst)
    }

    fn enter(&self) -> Running {
        self.ever.fetch_add(1, Ordering::SeqCst);
        self.now.fetch_add(1, Ordering::SeqCst);
        Running(self.clone())
    }
}

/// One of them.
struct Running(Handlers);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A server whose handlers never answer.
pub(crate) async fn never(settings: Settings) -> (Bed, Handlers) {
    let handlers = Handlers::default();
    let counted = handlers.clone();
    let service = tower::service_fn(move |_: http::Request<Incoming>| {
        let running = counted.enter();
        async move {
            let _running = running;
            std::future::pending::<Result<http::Response<Body>, Infallible>>().await
        }
    });
    (Bed::serving(settings, service).await, handlers)
}

/// A server that answers with as many bytes as its path says: at once, or `/quiet` with nothing, for ever.
pub(crate) async fn bulky(settings: Settings) -> (Bed, Handlers) {
    let handlers = Handlers::default();
    let counted = handlers.clone();
    let service = tower::service_fn(move |request: http::Request<Incoming>| {
        let length = request.uri().path().trim_start_matches('/').parse().ok();
        let body = Bulk { length, _running: counted.enter(), _request: request.into_body() };
        std::future::ready(Ok::<_, Infallible>(http::Response::new(Body::new(body))))
    });
    (Bed::serving(settings, service).await, handlers)
}

/// An answer that exists as long as somebody may read it.
struct Bulk {
    length: Option<usize>,
    _running: Running,
    _request: Incoming,
}

impl hyper::body::Body for Bulk {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.length {
            None => Poll::Pending,
            Some(0) => Poll::Ready(None),
            Some(length) => {
                self.length = Some(0);
                Poll::Ready(Some(Ok(Frame::data(vec![7; length].into()))))
            }
        }
    }
}

/// The memory that this process has, in KiB.
pub(crate) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A figure for the table in `docs/hostile-clients.md`.
pub(crate) fn measured(row: &str, figure: std::fmt::Arguments<'_>) {
    println!("measured: {row}: {figure}");
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + crate::testbed::PATIENCE;
    while !look() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
