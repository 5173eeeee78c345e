//! Who does the journal's work: threads of its own, or the tasks of the one who opened it.
//!
//! A server has threads. A simulation has one runtime and a clock that it moves itself, so there the same code runs
//! between two awaits, and a disk that the simulation made up says how long each commit and each read takes. A
//! runtime that is dropped in between is a crash: what was not committed is lost, what was committed may not have
//! been told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Who does the work.
#[derive(Clone, Debug, Default)]
pub enum Driver {
    /// One thread writes, and reads run on the runtime's threads for blocking work.
    #[default]
    Threads,
    /// Everything runs in the runtime that opens the journal, which has to be within a
    /// [`LocalSet`](tokio::task::LocalSet), in the time that this disk takes.
    Inline(Arc<dyn Disk>),
}

/// How slow a disk is that exists in a simulation only.
pub trait Disk: fmt::Debug + Send + Sync {
    /// How long the commit takes that begins now.
    fn commit(&self) -> Slowness;

    /// How long the read takes that begins now.
    fn read(&self) -> Slowness;
}

/// How long something takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slowness {
    /// Until it is done: until what is committed is durable, until what is read is seen.
    pub done_after: Duration,
    /// From then until somebody hears of it.
    pub told_after: Duration,
}

impl PartialEq for Driver {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Threads, Self::Threads) => true,
            (Self::Inline(one), Self::Inline(other)) => Arc::ptr_eq(one, other),
            (Self::Threads | Self::Inline(_), _) => false,
        }
    }
}

impl Eq for Driver {}

/// Lets the simulated time pass that something takes.
pub(crate) async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

#[cfg(test)]
mod tests;
