//! A request waits for its turn when all of it has come.
//!
//! Whoever announces a request and then sends it drop by drop, or not at all, would otherwise hold a place that
//! leases and acknowledgements need. And a call that is turned away before its request was read makes the client
//! look as if it broke the protocol, until its connection is ended for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Status, body::Body};

/// A small request. Nearly all are: ids, a note, a page token.
pub(super) const SMALL_BYTES_MAX: usize = 16 * 1024;

/// What is read of a large request before its turn: the largest message that is taken, and its frame. What is
/// larger is refused by whoever reads on.
const LARGE_BYTES_MAX: usize = 1024 * 1024 + 5;

/// Large requests that may be on their way at once, 32 MiB of them. The next one waits, and small ones do not.
const LARGE_AT_ONCE_MAX: usize = 32;

/// How long a request may take to come. A mebibyte in this time is a poor line.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);

/// Room for requests that are on their way.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    large: Arc<Semaphore>,
}

/// A request as it came.
struct Arrived {
    frames: VecDeque<Frame<Bytes>>,
    /// What has not come yet, of a request that is too large.
    rest: Option<Body>,
    /// The room of a large one.
    _room: Option<OwnedSemaphorePermit>,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self { large: Arc::new(Semaphore::new(LARGE_AT_ONCE_MAX)) }
    }

    /// Waits until a request has come.
    pub(super) async fn whole(&self, body: Body) -> Result<Body, Status> {
        if body.is_end_stream() {
            return Ok(body);
        }
        let arriving = tokio::time::timeout(ARRIVES_WITHIN, self.read(body));
        arriving.await.unwrap_or_else(|_| {
            let within = ARRIVES_WITHIN.as_secs();
            Err(Status::deadline_exceeded(format!("the request did not come within {within} s")))
        })
    }

    async fn read(&self, mut body: Body) -> Result<Body, Status> {
        let (mut frames, mut length, mut room) = (VecDeque::new(), 0, None);
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let frame = frame?;
            length += frame.data_ref().map_or(0, Bytes::len);
            frames.push_back(frame);
            if length > LARGE_BYTES_MAX {
                return Ok(Body::new(Arrived { frames, rest: Some(body), _room: room }));
            }
            if length > SMALL_BYTES_MAX && room.is_none() {
                // It is never closed.
                room = Arc::clone(&self.large).acquire_owned().await.ok();
            }
            if body.is_end_stream() {
                break;
            }
        }
        Ok(Body::new(Arrived { frames, rest: None, _room: room }))
    }
}

impl hyper::body::Body for Arrived {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.as_ref().is_none_or(|rest| rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests;
