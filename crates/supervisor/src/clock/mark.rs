//! What the clock showed when the machine had been up for so long: written down beside the journal, so that the next
//! supervisor knows for how long none lived.
//!
//! From the journal alone it cannot know. A wall that was put back while nobody lived shows less time than passed, and
//! what was covered long ago would seem covered still (`COV-8`). So every supervisor leaves marks. The next one reads
//! the last of them and the machine's uptime:
//!
//! - **The same boot.** The clock goes on from the mark by exactly the time that passed. Leases, evidence and deadlines
//!   that ran out meanwhile have run out, whatever the wall shows. A mark that is older than the last event is as good
//!   as a newer one, because the clock of a life never leaves the line that its first mark lies on; and a mark of the
//!   last life but one lies on that line or behind it.
//! - **Another boot, no mark, or no uptime.** Nobody can tell. Nothing that an earlier life was shown counts as cover
//!   until it is shown again: the clock starts where the last of it has run out. Deadlines are not brought forward,
//!   because nobody knows by how much, and escalations to all people at once after every boot would teach them not to
//!   come: a deadline counts the time that is known to have passed, so it comes late by no more than nobody lived, and
//!   one that had come within the time that cover lasts comes at once. Every case keeps a deadline, and a case that
//!   was covered falls due at once, so none is forgotten (`COV-9`, `LIV-1`).
//!
//! A wall that is ahead of all this is believed: that can only make things run out early.
//!
//! While the machine sleeps, the clock of a life stands still and the machine's uptime goes on. A life that sees this
//! has to end: what it holds for covered seems to last longer by the time that was slept. The next one knows better.

use std::time::Duration;

use belay_domain::{Span, Timestamp, after};
use belay_journal::{AppendError, Journal, ReadError};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::surroundings::Wall;
use crate::uptime::{Steady, Uptime};

/// Under which key the last mark is remembered.
const KEY: &str = "clock";

/// How often a mark is left. Within one boot the first would do. After a boot, deadlines come late by as much as passed
/// since the last one: a few seconds, for one small write each.
const EVERY: Duration = Duration::from_secs(5);

/// How soon a mark is tried again that could not be left.
const AGAIN: Duration = Duration::from_secs(1);

/// How often it is asked whether the machine slept, and how much of it is no sleep but two looks that are not one.
const AWAKE_EVERY: Duration = Duration::from_secs(1);

/// A moment of the clock, and of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    clock: Timestamp,
    #[serde(default)]
    uptime: Option<Uptime>,
}

/// The marks of one supervisor's life.
#[derive(Clone)]
pub(crate) struct Marks {
    journal: Journal,
    clock: Clock,
    steady: Steady,
    /// The moment in which the machine was looked at first.
    first: Mark,
}

impl Marks {
    /// Takes the time up again where the supervisor before left it, and leaves the first mark.
    pub(crate) async fn begin(
        journal: &Journal,
        wall: &Wall,
        steady: Steady,
    ) -> Result<Self, ReadError> {
        let clock = take_up(journal, wall, &steady).await?;
        let first = Mark { uptime: steady(), clock: clock.now() };
        let marks = Self { journal: journal.clone(), clock, steady, first };
        // Nothing is decided before it is there. Only where the disk is full, so that little else can be written
        // either, it has to come as soon as there is room.
        if let Err(failure) = marks.leave().await {
            warn!(error = %failure, "the first mark of the clock could not be left; it is tried again");
        }
        Ok(marks)
    }

    /// The clock of this life.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Leaves a mark.
    pub(crate) async fn leave(&self) -> Result<(), AppendError> {
        // In this order: the clock that is taken up from it may be a little ahead, and never behind.
        let uptime = (self.steady)();
        let mark = Mark { clock: self.clock.now(), uptime };
        let text = serde_json::to_string(&mark);
        let text = text.map_err(|error| AppendError::Invalid(error.to_string()))?;
        self.journal.put_meta(KEY, &text).await.map(drop)
    }

    /// Resolves when the machine has slept since the beginning, and for how long; otherwise never.
    pub(crate) async fn slept(&self) -> Duration {
        loop {
            tokio::time::sleep(AWAKE_EVERY).await;
            let should_be = self.first.by_now((self.steady)().as_ref());
            let missed = should_be.map(|moment| moment.duration_since(self.clock.now()));
            let missed = missed.and_then(|missed| Duration::try_from(missed).ok());
            if let Some(missed) = missed.filter(|missed| *missed > AWAKE_EVERY) {
                return missed;
            }
        }
    }

    /// Leaves marks until it is told to stop.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        let mut wait = EVERY;
        while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
            wait = match self.leave().await {
                Ok(()) => EVERY,
                // The journal says by itself what is wrong with it.
                Err(_) => AGAIN,
            };
        }
    }
}

impl Mark {
    /// What the clock shows by now, if it is known how much time passed.
    fn by_now(&self, uptime: Option<&Uptime>) -> Option<Timestamp> {
        let passed = uptime?.since(self.uptime.as_ref()?)?;
        let micros = i64::try_from(passed.as_micros()).ok()?;
        Some(after(self.clock, Span::from_micros(micros)))
    }
}

/// A clock that is behind no clock of an earlier life, and with which nothing lasts longer than it may.
async fn take_up(journal: &Journal, wall: &Wall, steady: &Steady) -> Result<Clock, ReadError> {
    let last = journal.meta(KEY).await?;
    // One that cannot be read was written by a newer Belay: as good as none.
    let last = last.and_then(|text| serde_json::from_str::<Mark>(&text).ok());
    let lived = journal.latest_at().await?;
    let known = last.as_ref().and_then(|mark| mark.by_now(steady().as_ref()));
    let mut floor = lived.max(last.map(|mark| mark.clock)).max(known);
    if floor.is_some() && known.is_none() {
        let covered = journal.covered_until().await?;
        info!(
            clock = ?floor,
            ?covered,
            "nobody can tell for how long no supervisor lived; whatever was covered has to be shown again"
        );
        floor = floor.max(covered);
    }
    // Looked at last, with nothing to wait for after it: a clock that starts from an older look lags behind for good.
    let now = wall();
    if floor.is_some_and(|floor| now < floor) {
        warn!(wall = %now, clock = ?floor, "the wall clock is behind what the journal knows of the time");
    }
    Ok(Clock::from(now, floor))
}

#[cfg(test)]
mod tests;
