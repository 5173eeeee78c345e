//! What can go wrong, said to the one who must act: the operator, the caller, or nobody but us.

use std::path::PathBuf;

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another part of this one, writes to it.
    #[error("the journal at {} is in use by process {pid}; stop that process or choose another directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that holds the lock, as it wrote it down; `unknown` when it could not be read.
        pid: String,
    },
    /// It was written by a newer Belay.
    #[error("the journal at {} has schema version {found} and this belay knows {known}; use the newer belay that wrote it", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The file is a database of some other program.
    #[error("{} is not a belay journal; choose another directory", path.display())]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// There is no journal to read.
    #[error("there is no journal at {}", path.display())]
    Missing {
        /// The database file.
        path: PathBuf,
    },
    /// The journal is older than something that is known to have been in it: an old copy was put in place.
    #[error("the journal at {} does not contain what it held at position {position}; it was replaced or cut, restore the newest copy", path.display())]
    Regressed {
        /// The database file.
        path: PathBuf,
        /// The known position that is missing or differs.
        position: u64,
    },
    /// The journal contradicts itself.
    #[error("the journal at {} is damaged: {what}; run `belay audit verify` and restore a backup", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The directory or a file in it cannot be used.
    #[error("the directory {} cannot be used for the journal", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database did not open.
    #[error("the journal at {} could not be opened", path.display())]
    Store {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

/// Why a submission was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The world moved on since the decision. Nothing of the submission was written: load, decide again.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The submission cannot be stored as it is. Nothing was written.
    #[error("{0}")]
    Invalid(String),
    /// More waits than the journal is willing to hold. Nothing was written: try again later.
    #[error(
        "the journal's queue is full ({waiting} submissions, {bytes} bytes wait); try again later"
    )]
    Full {
        /// How many submissions wait.
        waiting: usize,
        /// How many bytes they hold.
        bytes: usize,
    },
    /// The journal was closed before the submission arrived. Nothing was written.
    #[error("the journal is closed")]
    Closed,
    /// There is no room. Nothing was written, and the journal goes on: it takes new work once there is room again.
    #[error("the disk that holds {} is full and nothing was written; free some space, then try again", path.display())]
    DiskFull {
        /// The database file.
        path: PathBuf,
    },
    /// The journal failed and acknowledges nothing any more. The submission may or may not be recorded.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// What a submission ran into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The case has other events than the decision knew of.
    #[error("case {case} is at event {found}, not {expected}")]
    Seq {
        /// The case.
        case: String,
        /// The number the decision was made on.
        expected: u64,
        /// The number the case is at.
        found: u64,
    },
    /// Somebody else holds what was claimed.
    #[error("{kind} {key} is held by {holder}")]
    Claimed {
        /// What kind of thing.
        kind: String,
        /// Which one.
        key: String,
        /// Who holds it.
        holder: String,
    },
    /// A cumulative limit would be passed.
    #[error("{key} would come to {total_minor} {currency}, over its limit of {max_minor}")]
    OverCap {
        /// What is limited.
        key: String,
        /// The currency.
        currency: String,
        /// What it would come to.
        total_minor: i64,
        /// The most it may come to.
        max_minor: i64,
    },
    /// The case belongs to somebody else.
    #[error("case {case} belongs to another tenant")]
    OtherTenant {
        /// The case.
        case: String,
    },
}

/// Why the journal stopped. The process should end and be started again once the cause is gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// What happened and what to do, for the operator.
    pub message: String,
}

/// What made the journal stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// There is no space left.
    DiskFull,
    /// A write or fsync failed.
    Io,
    /// The database contradicts itself.
    Damaged,
    /// Anything else.
    Other,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Too many reads wait already.
    #[error("too many reads are waiting; try again later")]
    Busy,
    /// The journal is closed, or the program is ending.
    #[error("the journal is closed")]
    Closed,
    /// What is stored is not what was written.
    #[error("the journal is damaged: {0}; run `belay audit verify`")]
    Damaged(String),
    /// The database did not answer.
    #[error("the journal could not be read")]
    Store(#[from] rusqlite::Error),
}

/// Why a search was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The page token is not one of ours, or belongs to another query.
    #[error("the page token does not belong to this query; start again from the first page")]
    BadToken,
    /// The search could not be carried out.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Failure {
    /// Says what a failed write means, in the operator's words.
    pub(crate) fn from_store(path: &std::path::Path, error: &rusqlite::Error) -> Failure {
        use rusqlite::{ErrorCode, ffi};
        let path = path.display();
        let (kind, advice) = match error.sqlite_error_code() {
            None => (
                FailureKind::Damaged,
                "what is stored is not what was written: run `belay audit verify`",
            ),
            // An index in shared memory that cannot grow is a full disk as well, but one after which nobody knows
            // what the log holds.
            _ if error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_SHMSIZE) => {
                (FailureKind::Io, "the disk is full: free some space, then start again")
            }
            Some(ErrorCode::DiskFull) => {
                (FailureKind::DiskFull, "the disk is full: free some space, then start again")
            }
            Some(ErrorCode::SystemIoFailure) => {
                (FailureKind::Io, "the disk did not take the write: check it, then start again")
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                (FailureKind::Damaged, "the file is damaged: restore a backup")
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                (FailureKind::Other, "another program holds its lock: stop it, then start again")
            }
            _ => (FailureKind::Other, "start again, and report it if it comes back"),
        };
        let message = format!(
            "the journal at {path} could not be written and accepts nothing more; {advice} ({error})"
        );
        Failure { kind, message }
    }

    pub(crate) fn writer_gone() -> Failure {
        Failure {
            kind: FailureKind::Other,
            message: "the journal's writer stopped unexpectedly; start again, and report it"
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_so_and_what_to_do() {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        let failure = Failure::from_store(
            "/data/journal.db".as_ref(),
            &rusqlite::Error::SqliteFailure(code, None),
        );
        assert_eq!(failure.kind, FailureKind::DiskFull);
        assert!(
            failure.message.contains("/data/journal.db")
                && failure.message.contains("free some space")
        );
    }
}
