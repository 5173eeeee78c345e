//! Answers that go on: a bounded channel between whoever finds out and the caller who reads. A caller who does not
//! read is cut off and resumes where they were.

use std::pin::Pin;
use std::time::Duration;

use belay_api::v1::ErrorReason;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

use super::Shared;
use crate::wire::Fault;

/// How many messages may wait for a caller. Small, because HTTP/2 holds some more.
const WAITING_MAX: usize = 64;

/// How long a caller may leave a message unread.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// An answer that goes on.
pub(crate) type Answer<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Where the messages for one caller go.
pub(crate) struct Outlet<T> {
    sender: mpsc::Sender<Result<T, Status>>,
}

/// The caller is not there any more, or was cut off.
pub(crate) struct Gone;

impl<T: Send + 'static> Outlet<T> {
    /// Sends a message, waiting for the caller for as long as that is bearable.
    pub(crate) async fn send(&self, message: T) -> Result<(), Gone> {
        match self.sender.send_timeout(Ok(message), READ_WITHIN).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                let what = "you read too slowly; resume after the last message that you have";
                self.fail(Fault::new(ErrorReason::TooSlow, what)).await;
                Err(Gone)
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(Gone),
        }
    }

    /// Ends the answer with an error. The caller reads it after everything that was sent.
    async fn fail(&self, fault: Fault) {
        let status: Status = fault.into();
        // There is no place for it while the caller does not read; then the end of the stream has to do.
        let _ = self.sender.send_timeout(Err(status), READ_WITHIN).await;
    }

    /// Waits until the caller hangs up.
    pub(crate) async fn hung_up(&self) {
        self.sender.closed().await;
    }
}

/// Begins an answer that `work` goes on with until it ends, fails, the caller hangs up, or the supervisor leaves.
pub(crate) fn answer<T, W, F>(shared: &Shared, work: W) -> Response<Answer<T>>
where
    T: Send + 'static,
    W: FnOnce(std::sync::Arc<Outlet<T>>) -> F,
    F: Future<Output = Result<(), Ended>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let outlet = std::sync::Arc::new(Outlet { sender });
    let working = work(std::sync::Arc::clone(&outlet));
    let leaving = shared.leaving.clone();
    shared.tasks.spawn(async move {
        let ended = tokio::select! {
            biased;
            ended = working => ended,
            () = outlet.hung_up() => Err(Ended::Gone),
            () = leaving.cancelled() => {
                let what = "the supervisor is shutting down; resume at the next one";
                Err(Ended::Fault(Fault::new(ErrorReason::Draining, what)))
            }
        };
        if let Err(Ended::Fault(fault)) = ended {
            outlet.fail(fault).await;
        }
    });
    Response::new(Box::pin(ReceiverStream::new(receiver)))
}

/// Why an answer does not go on.
pub(crate) enum Ended {
    /// Nobody listens.
    Gone,
    /// Something failed.
    Fault(Fault),
}

impl From<Gone> for Ended {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl<E: Into<Fault>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}
