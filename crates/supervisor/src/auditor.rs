//! The independent auditor: reads nothing but the journal, over a connection of its own, and finds for every open case
//! whether it is covered, asked about in time, or raised as uncovered. Anything else is a finding.
//!
//! It shares no rule with what it audits: not the engine's memory, not the domain's `apply`, not its types. It knows the
//! stored events by their names and reads of each the few fields that say who holds a case and until when, so that a
//! mistake in the rules is not made a second time here.

mod fold;
mod judging;
mod reading;

use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_domain::{Span, Timestamp};
use belay_journal::{Auditor as Reader, Journal, OpenError, ReadError};
use opentelemetry::global;
use opentelemetry::metrics::Gauge;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::upkeep::AuditSettings;
use fold::Known;

pub use judging::{Finding, Pass, What};

/// How many events are read at a time.
const CHUNK: usize = 4_096;

/// How much longer than its deadline a case may wait for the engine: timers, queues and the disk take time, and after
/// a restart it is found again within one round of the recovery.
pub const GRACE: Span = Span::from_secs(12);

/// How often the journal's new events are read and all open cases judged, when nothing else is said.
pub(crate) const EVERY: Duration = Duration::from_secs(5);

/// Follows a journal and judges what it says about coverage.
pub struct CoverageAudit {
    reader: Reader,
    known: Known,
}

impl CoverageAudit {
    /// Opens the journal in a directory for reading, whether or not a supervisor has it open. Nothing is read yet.
    pub fn open(journal: &Path) -> Result<Self, OpenError> {
        Ok(Self { reader: Reader::open(journal)?, known: Known::default() })
    }

    /// Reads some more events. False when there were none.
    pub fn read_on(&mut self) -> Result<bool, ReadError> {
        let events = self.reader.tail(self.known.position(), CHUNK)?;
        events.iter().for_each(|event| self.known.hear(event));
        Ok(events.len() == CHUNK)
    }

    /// What holds at `now`, by everything that was read. A deadline may have been over for `grace`.
    #[must_use]
    pub fn judge(&self, now: Timestamp, grace: Span) -> Pass {
        judging::judge(&self.known, now, grace)
    }

    /// The latest moment that the journal speaks of.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.known.latest()
    }
}

/// The latest pass of the auditor; none before the first one is done.
pub(crate) type Passes = watch::Receiver<Option<Pass>>;

/// The auditor of a running supervisor.
pub(crate) struct Follower {
    /// The writer, which is only asked how far it says it is.
    pub(crate) journal: Journal,
    /// Where the journal is.
    pub(crate) directory: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) settings: AuditSettings,
    pub(crate) passes: watch::Sender<Option<Pass>>,
}

impl Follower {
    /// Audits again and again until told to stop. What cannot be read is tried again, and there is no pass meanwhile.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let gauges = Gauges::default();
        let mut audit = None;
        let mut told = 0;
        loop {
            let written = *self.journal.durable().borrow();
            let reading = catch_up(self.directory.clone(), audit.take());
            let caught_up = stop.run_until_cancelled(reading).await;
            match caught_up {
                None => return,
                Some(Ok(read)) => {
                    let mut pass = read.judge(self.clock.now(), self.settings.grace);
                    if pass.position < written {
                        pass.lacks(written);
                    }
                    gauges.record(&pass);
                    told = tell(&pass, told);
                    self.passes.send_replace(Some(pass));
                    audit = Some(read);
                }
                Some(Err(why)) => warn!(why, "the journal could not be audited"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(self.settings.every)).await.is_none() {
                return;
            }
        }
    }
}

/// Reads until there is no more, and leaves the processor to others meanwhile: a long journal is read at the start.
async fn catch_up(journal: PathBuf, audit: Option<CoverageAudit>) -> Result<CoverageAudit, String> {
    let blocking = move || -> Result<CoverageAudit, String> {
        let mut audit = match audit {
            Some(audit) => audit,
            None => CoverageAudit::open(&journal).map_err(|error| error.to_string())?,
        };
        loop {
            let begun = std::time::Instant::now();
            if !audit.read_on().map_err(|error| error.to_string())? {
                return Ok(audit);
            }
            std::thread::sleep(begun.elapsed() * 2);
        }
    };
    tokio::task::spawn_blocking(blocking).await.unwrap_or_else(|error| Err(error.to_string()))
}

/// Says what was found, once as long as it stays the same. How much it was.
fn tell(pass: &Pass, before: u64) -> u64 {
    let found = pass.findings.len() as u64 + pass.more;
    if found > 0 && found != before {
        for finding in pass.findings.iter().take(10) {
            error!(case = finding.case, position = pass.position, what = %finding.what, "audit: coverage is broken");
        }
        error!(
            found,
            open = pass.open,
            "audit: cases are neither covered nor asked about nor raised"
        );
    } else if found == 0 && before > 0 {
        info!(open = pass.open, "audit: every open case is accounted for again");
    }
    found
}

/// What the auditor found, for those who watch from outside.
struct Gauges {
    findings: Gauge<u64>,
    cases: Gauge<u64>,
    position: Gauge<u64>,
}

impl Default for Gauges {
    fn default() -> Self {
        let meter = global::meter("belay");
        let gauge = |name, what| meter.u64_gauge(name).with_description(what).build();
        Self {
            findings: gauge(
                "belay.audit.findings",
                "What the auditor found wrong in its latest pass",
            ),
            cases: gauge("belay.audit.cases", "Open cases as the auditor counts them, by coverage"),
            position: gauge("belay.audit.position", "How far the auditor has read the journal"),
        }
    }
}

impl Gauges {
    fn record(&self, pass: &Pass) {
        let state = |name| [opentelemetry::KeyValue::new("coverage", name)];
        self.findings.record(pass.findings.len() as u64 + pass.more, &[]);
        self.cases.record(pass.covered, &state("covered"));
        self.cases.record(pass.pending, &state("pending"));
        self.cases.record(pass.uncovered, &state("uncovered"));
        self.position.record(pass.position, &[]);
    }
}

impl std::fmt::Debug for CoverageAudit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoverageAudit")
            .field("position", &self.known.position())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
