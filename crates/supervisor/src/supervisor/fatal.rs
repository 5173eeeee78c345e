//! Why a supervisor that runs has to end.

use std::time::Duration;

use belay_journal::{Failure, Journal};

use crate::clock::mark::Marks;

/// Why a supervisor cannot go on. The process should end at once and be started again.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The journal takes nothing more.
    #[error("{0}")]
    Journal(Failure),
    /// The clock stood still while the machine slept, so that what was covered would seem covered for longer (`COV-8`).
    #[error(
        "the machine slept for {} s, and what was covered before may not be any more; start the supervisor again, \
         which counts that time",
        .0.as_secs()
    )]
    Slept(Duration),
}

impl Fatal {
    /// Resolves when one of them is so; otherwise never.
    pub(super) async fn of(journal: &Journal, marks: &Marks) -> Self {
        tokio::select! {
            biased;
            failure = journal.failed() => Self::Journal(failure),
            slept = marks.slept() => Self::Slept(slept),
        }
    }
}
