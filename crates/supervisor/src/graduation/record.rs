//! What the journal says about every contract, read over a connection of its own.

use std::path::{Path, PathBuf};

use belay_domain::{ContractId, Span, Timestamp};
use belay_journal::{Auditor as Reader, OpenError, ReadError};
use belay_playbook::Figures;

use super::demotions::Demotion;
use super::tally::Tally;

/// How many events are read at a time.
const CHUNK: usize = 4_096;

/// What became of the actions of every contract, as far as the journal has been read.
pub struct ContractRecord {
    reader: Reader,
    tally: Tally,
}

impl ContractRecord {
    /// Opens the journal in a directory for reading, whether or not a supervisor has it open. Nothing is read yet.
    pub fn open(journal: &Path) -> Result<Self, OpenError> {
        Ok(Self { reader: Reader::open(journal)?, tally: Tally::default() })
    }

    /// Reads some more events. False when there were no more.
    pub fn read_on(&mut self) -> Result<bool, ReadError> {
        let events = self.reader.tail(self.tally.position, CHUNK)?;
        events.iter().for_each(|event| self.tally.hear(event));
        Ok(events.len() == CHUNK)
    }

    /// What is known of a contract within a window that ends now, on the hour. Nothing from before its last demotion.
    #[must_use]
    pub fn figures(&self, contract: &ContractId, window: Span, now: Timestamp) -> Figures {
        self.tally.figures_within(contract, window, now)
    }

    /// All contracts of which anything is known.
    pub fn contracts(&self) -> impl Iterator<Item = &ContractId> {
        self.tally.contracts()
    }

    /// All demotions, those that were lifted as well.
    pub fn demotions(&self) -> impl Iterator<Item = &Demotion> {
        self.tally.demotions()
    }

    /// The last demotion of a contract, lifted or not.
    #[must_use]
    pub fn demotion_of(&self, contract: &ContractId) -> Option<&Demotion> {
        self.demotions().filter(|demotion| demotion.contract == *contract).last()
    }

    /// What was counted.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Reads until there is no more, and leaves the processor to others meanwhile: a long journal is read at the start.
pub(super) async fn catch_up(
    journal: PathBuf,
    record: Option<ContractRecord>,
) -> Result<ContractRecord, String> {
    let blocking = move || -> Result<ContractRecord, String> {
        let mut record = match record {
            Some(record) => record,
            None => ContractRecord::open(&journal).map_err(|error| error.to_string())?,
        };
        loop {
            let begun = std::time::Instant::now();
            if !record.read_on().map_err(|error| error.to_string())? {
                return Ok(record);
            }
            std::thread::sleep(begun.elapsed() * 2);
        }
    };
    tokio::task::spawn_blocking(blocking).await.unwrap_or_else(|error| Err(error.to_string()))
}

impl std::fmt::Debug for ContractRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContractRecord")
            .field("position", &self.tally.position)
            .finish_non_exhaustive()
    }
}
