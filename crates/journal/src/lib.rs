//! What has happened, for good: every event of every case, in order, durable and chained by hashes.
//!
//! The journal is the only thing Belay believes; all else is folded from it. It keeps bodies as opaque
//! bytes and decides nothing about cases: it is told what to append, on which event that was decided,
//! and what the case looks like afterwards, and it writes all of that in one transaction or none of it.
//!
//! One thread writes. Whatever was submitted while the last transaction was made durable becomes the
//! next one, so a thousand callers share one fsync. After a failed write nothing is acknowledged again.

mod audit;
mod case;
mod chain;
mod commit;
mod driver;
mod entry;
mod error;
mod export;
mod group;
mod heads;
mod journal;
mod lock;
mod lookups;
mod pool;
mod queue;
mod schema;
mod search;
mod statements;
mod writer;

pub use audit::{AuditReport, Auditor, Break, Checkpoint, Fault, Progress};
pub use case::CaseRow;
pub use chain::Hash;
pub use commit::Commit;
pub use driver::{Disk, Driver, Slowness};
pub use entry::{
    BODY_BYTES_MAX, Cap, Claim, ENTRIES_MAX, EVENTS_MAX, Entry, NewEvent, Receipt, TEXT_BYTES_MAX,
    Usage,
};
pub use error::{AppendError, Conflict, Failure, FailureKind, OpenError, ReadError, SearchError};
pub use export::Export;
pub use journal::{Journal, Options, Stats};
pub use lookups::{Due, DueMark, HeldCase, StoredEvent, Total};
pub use search::{Order, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Page, Query};

#[cfg(test)]
mod fixture;
