//! Where submissions wait for the writer: first come, first durable, and never more than a bound.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::entry::{Entry, Receipt};
use crate::error::AppendError;

/// One caller's wish and where the answer goes.
pub(crate) struct Submission {
    pub(crate) work: Work,
    pub(crate) bytes: usize,
    pub(crate) reply: oneshot::Sender<Result<Receipt, AppendError>>,
}

/// What the writer is asked to do.
pub(crate) enum Work {
    Append(Vec<Entry>),
    Remember { key: String, value: String },
}

/// The line before the writer.
pub(crate) struct Queue {
    submissions_max: usize,
    bytes_max: usize,
    state: Mutex<State>,
    arrived: Condvar,
    /// The same for a writer that is no thread.
    stirred: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Submission>,
    bytes: usize,
    closed: bool,
}

/// The most events written in one transaction: some 100 ms of work, the longest anybody waits behind others.
const GROUP_EVENTS_MAX: usize = 16_384;

impl Queue {
    pub(crate) fn new(submissions_max: usize, bytes_max: usize) -> Queue {
        Queue {
            submissions_max,
            bytes_max,
            state: Mutex::default(),
            arrived: Condvar::new(),
            stirred: Notify::new(),
        }
    }

    /// Puts a submission at the end of the line.
    pub(crate) fn push(&self, submission: Submission) -> Result<(), AppendError> {
        let mut state = self.state();
        if state.closed {
            return Err(AppendError::Closed);
        }
        // A lone submission always fits, else a large one could never be made at all.
        let fits = state.bytes + submission.bytes <= self.bytes_max || state.waiting.is_empty();
        if state.waiting.len() >= self.submissions_max || !fits {
            return Err(AppendError::Full { waiting: state.waiting.len(), bytes: state.bytes });
        }
        state.bytes += submission.bytes;
        state.waiting.push_back(submission);
        drop(state);
        self.arrived.notify_one();
        self.stirred.notify_one();
        Ok(())
    }

    /// Waits for work and takes everything that fits into one transaction. `None` once closed and empty.
    pub(crate) fn take(&self, group: &mut Vec<Submission>) -> Option<()> {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut events = 0;
        while let Some(next) = state.waiting.front() {
            events += next.events();
            if events > GROUP_EVENTS_MAX && !group.is_empty() {
                break;
            }
            let Some(next) = state.waiting.pop_front() else { break };
            state.bytes -= next.bytes;
            group.push(next);
        }
        Some(())
    }

    /// Waits in a task until [`take`](Self::take) need not wait. There is one writer, so nobody takes it away.
    pub(crate) async fn until_some(&self) {
        loop {
            {
                let state = self.state();
                if state.closed || !state.waiting.is_empty() {
                    return;
                }
            }
            self.stirred.notified().await;
        }
    }

    /// Lets nobody in any more. Those who wait are still served.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.arrived.notify_all();
        self.stirred.notify_one();
    }

    /// Lets nobody in any more and hands over those who wait.
    pub(crate) fn abandon(&self) -> VecDeque<Submission> {
        let mut state = self.state();
        state.closed = true;
        state.bytes = 0;
        std::mem::take(&mut state.waiting)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// No code panics while it holds the lock, and the state is whole at every point if one did.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Submission {
    fn events(&self) -> usize {
        match &self.work {
            Work::Append(entries) => entries.iter().map(|entry| entry.events.len().max(1)).sum(),
            Work::Remember { .. } => 1,
        }
    }
}
