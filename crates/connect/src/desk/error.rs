//! Why the desk did not do what was asked.

use belay_domain::{PersonId, QueueId, ResolutionCode, TicketId};

/// Why the desk did not do what was asked. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// No such ticket.
    #[error("there is no ticket {ticket} on this desk")]
    NoTicket {
        /// As it was asked for.
        ticket: TicketId,
    },
    /// No such queue.
    #[error("there is no queue {queue} on this desk; the playbook's desk section names its queues")]
    NoQueue {
        /// As it was asked for.
        queue: QueueId,
    },
    /// The queue takes no tickets.
    #[error("the queue {queue} is disabled")]
    QueueDisabled {
        /// The queue.
        queue: QueueId,
    },
    /// They do not work on the queue.
    #[error("{person} is not on the queue {queue}")]
    NotStaff {
        /// Who.
        person: PersonId,
        /// Which queue.
        queue: QueueId,
    },
    /// They work on no queue of the desk.
    #[error("{person} is on no queue of this desk")]
    NotOnDesk {
        /// Who.
        person: PersonId,
    },
    /// Their account is switched off.
    #[error("the account of {person} is disabled")]
    AccountDisabled {
        /// Who.
        person: PersonId,
    },
    /// They work on the queue and may not take its tickets.
    #[error("{person} may not take tickets of the queue {queue}")]
    MayNotTake {
        /// Who.
        person: PersonId,
        /// Which queue.
        queue: QueueId,
    },
    /// They are off shift.
    #[error("{person} is off shift; start the shift first")]
    OffShift {
        /// Who.
        person: PersonId,
    },
    /// Somebody else holds the ticket.
    #[error("{holder} holds the ticket {ticket}")]
    HeldBy {
        /// The ticket.
        ticket: TicketId,
        /// Who holds it.
        holder: PersonId,
    },
    /// Only the holder can do this.
    #[error("{person} does not hold the ticket {ticket}; take it first")]
    NotHolder {
        /// The ticket.
        ticket: TicketId,
        /// Who tried.
        person: PersonId,
    },
    /// The ticket is closed.
    #[error("the ticket {ticket} is closed")]
    Closed {
        /// The ticket.
        ticket: TicketId,
    },
    /// Not a code that the taxonomy knows.
    #[error("{code} is not a resolution code; known are {known}")]
    UnknownCode {
        /// As it was given.
        code: ResolutionCode,
        /// The known ones.
        known: String,
    },
    /// Nothing was written where something has to be.
    #[error("the text must not be empty")]
    EmptyText,
    /// The text is too long.
    #[error("the text has {length} bytes; at most {most} are kept")]
    TextTooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest.
        most: usize,
    },
    /// The correlation id is on a ticket of another case or queue.
    #[error("the ticket {ticket} carries this correlation id for another case or queue")]
    CorrelationTaken {
        /// That ticket.
        ticket: TicketId,
    },
    /// The file is from a newer Belay.
    #[error("the desk's file has format {found}; this Belay knows up to {known}")]
    NewerFormat {
        /// The file's.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// More is being asked of the desk than it can do.
    #[error("the desk has too much to do; try again")]
    Busy,
    /// The desk is shut down.
    #[error("the desk is shut down")]
    Stopped,
    /// The file cannot be read or written.
    #[error("the desk's file cannot be used")]
    Storage(#[source] rusqlite::Error),
    /// What the file holds is damaged.
    #[error("the desk's file is damaged: {detail}")]
    Damaged {
        /// Where and how.
        detail: String,
    },
    /// The thread that works on the file could not be started.
    #[error("the desk could not be started")]
    Start(#[source] std::io::Error),
}

impl DeskError {
    /// Whether the disk had no room for it. It may have when somebody has made some.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Storage(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull))
    }
}

impl From<rusqlite::Error> for DeskError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        let full = |code| {
            let error = rusqlite::ffi::Error::new(code);
            DeskError::from(rusqlite::Error::SqliteFailure(error, None)).is_disk_full()
        };
        assert!(full(rusqlite::ffi::SQLITE_FULL));
        assert!(!full(rusqlite::ffi::SQLITE_IOERR));
        assert!(!DeskError::Busy.is_disk_full());
    }
}
