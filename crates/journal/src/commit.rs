//! The promise between a submission and its answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::entry::Receipt;
use crate::error::{AppendError, Failure};

/// A submission under way. Resolves once it is durable or will never be. Dropping it does not take it back.
#[must_use = "nothing is durable before this resolves"]
pub struct Commit(Waiting);

enum Waiting {
    For(oneshot::Receiver<Result<Receipt, AppendError>>),
    Refused(Option<AppendError>),
}

impl Commit {
    /// A submission that waits for this answer.
    pub(crate) fn waiting(answer: oneshot::Receiver<Result<Receipt, AppendError>>) -> Commit {
        Commit(Waiting::For(answer))
    }

    /// A submission that never got into the line.
    pub(crate) fn refused(error: AppendError) -> Commit {
        Commit(Waiting::Refused(Some(error)))
    }

    /// Waits on a thread instead of in a task. Never call it from within the runtime.
    pub fn wait(self) -> Result<Receipt, AppendError> {
        match self.0 {
            Waiting::For(answer) => answer.blocking_recv().unwrap_or_else(|_| Err(gone())),
            Waiting::Refused(error) => Err(error.unwrap_or(AppendError::Closed)),
        }
    }
}

impl Future for Commit {
    type Output = Result<Receipt, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Waiting::For(answer) => {
                Pin::new(answer).poll(context).map(|answer| answer.unwrap_or_else(|_| Err(gone())))
            }
            Waiting::Refused(error) => {
                Poll::Ready(Err(error.take().unwrap_or(AppendError::Closed)))
            }
        }
    }
}

/// The writer dropped an answer unsent, which only a panic can do.
fn gone() -> AppendError {
    AppendError::Failed(Failure::writer_gone())
}
