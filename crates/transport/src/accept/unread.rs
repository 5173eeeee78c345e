//! A client that does not read what it asked for loses the stream.
//!
//! HTTP/2 lets a client close its window and leave a stream open for as long as it likes, and what waits for it
//! waits in our memory. So an answer is handed to the connection in small pieces, and the task that serves a
//! stream ends itself when a piece waits for too long. A stream on which there is nothing to say may stay quiet
//! for days.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep};

/// The largest piece, one HTTP/2 frame. What the library has taken it holds to the end, so what a stream can
/// cost after its answer is complete is one of these.
const PIECE_BYTES_MAX: usize = 16 * 1024;

tokio::task_local! {
    /// The stream that the running task serves.
    static STREAM: Arc<Progress>;
}

/// How far a stream has come: the number of the piece that waits for the client, or zero if none does.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU64);

/// An answer in pieces, each noted when it is taken.
#[derive(Debug)]
pub(super) struct Paced<B> {
    body: B,
    rest: Bytes,
    pieces: u64,
    progress: Option<Arc<Progress>>,
}

/// Serves a stream to its end, or until its client has left a piece unread for `limit`. Says whether it got to
/// its end.
pub(super) async fn serve(handler: impl Future<Output = ()>, limit: Duration) -> bool {
    let progress = Arc::new(Progress::default());
    let mut handler = pin!(STREAM.scope(Arc::clone(&progress), handler));
    let mut patience = pin!(sleep(limit));
    let mut waiting = 0;
    poll_fn(|context| {
        if handler.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        let piece = progress.0.load(Ordering::Relaxed);
        if piece == 0 {
            waiting = 0;
            return Poll::Pending;
        }
        if piece != waiting {
            waiting = piece;
            patience.as_mut().reset(Instant::now() + limit);
        }
        patience.as_mut().poll(context).map(|()| false)
    })
    .await
}

impl<B> Paced<B> {
    /// Paces the answer of the stream that this task serves.
    pub(super) fn new(body: B) -> Self {
        let progress = STREAM.try_with(Arc::clone).ok();
        Self { body, rest: Bytes::new(), pieces: 0, progress }
    }

    fn note(&self, piece: u64) {
        if let Some(progress) = &self.progress {
            progress.0.store(piece, Ordering::Relaxed);
        }
    }
}

impl<B: Body + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            this.note(0);
            let frame = match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            };
            match frame.into_data() {
                Ok(mut data) => this.rest = data.copy_to_bytes(data.remaining()),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
            }
        }
        this.pieces += 1;
        this.note(this.pieces);
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES_MAX));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

#[cfg(test)]
mod tests;
