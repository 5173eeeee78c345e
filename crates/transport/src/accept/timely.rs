//! A connection whose other end takes nothing is over.
//!
//! The library asks a quiet client whether it is alive, but all it can do about one that does not answer is to say
//! goodbye, and a client that has stopped reading takes no goodbye. Here a write that waits for too long fails,
//! which ends the connection without a word.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream of bytes that fails when it cannot be written to for a while.
#[derive(Debug)]
pub(super) struct Timely<S> {
    stream: S,
    limit: Duration,
    /// Runs while something waits to be written.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Timely<S> {
    /// Lets a write wait for as long as `limit`.
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, waiting: None }
    }
}

impl<S: Unpin> Timely<S> {
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = written(Pin::new(&mut self.stream), context);
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        let over = || io::Error::new(io::ErrorKind::TimedOut, "the other end takes nothing");
        waiting.as_mut().poll(context).map(|()| Err(over()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timely<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timely<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().watch(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().watch(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().watch(context, |stream, context| stream.poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().watch(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_write_waits_for_as_long_as_the_limit() {
        check(29, Ok(())).await;
        check(31, Err(io::ErrorKind::TimedOut)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_now_and_then_is_not_cut() {
        let (ours, mut theirs) = tokio::io::duplex(1);
        let mut ours = Timely::new(ours, LIMIT);
        let reading = tokio::spawn(async move {
            for _ in 0..5 {
                tokio::time::sleep(LIMIT / 2).await;
                theirs.read_u8().await.unwrap();
            }
            theirs
        });
        ours.write_all(&[0; 5]).await.unwrap();
        drop(reading.await.unwrap());
    }

    /// Writes more than fits to an end that begins to read after so many seconds.
    async fn check(seconds: u64, expected: Result<(), io::ErrorKind>) {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut ours = Timely::new(ours, LIMIT);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let _ = theirs.read_exact(&mut [0; 16]).await;
        });
        let written = ours.write_all(&[0; 16]).await;
        assert_eq!(written.map_err(|error| error.kind()), expected, "read after {seconds} s");
    }
}
