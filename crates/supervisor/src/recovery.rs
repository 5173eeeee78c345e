//! Finding again what was under way: at the start, and for cases that have gone cold, as they fall due.
//!
//! A case that was woken once has its timer and its errands in memory, so it is never looked for again: each look
//! reads only what has come within sight since the last one, however many cases are open.

use std::time::Duration;

use belay_domain::{CaseId, Span, after};
use belay_journal::{DueMark, ReadError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::engine::{Engine, Refused};

/// How far ahead cases are woken, so that their timers stand before their moment comes.
const HORIZON: Span = Span::from_secs(30);

/// How often the journal's index of next moments is read.
const EVERY: Duration = Duration::from_secs(10);

/// How many cases are woken at a time.
const PAGE: usize = 1_000;

/// How long a shard is left alone when its inbox is full: it works off a few hundred cases meanwhile.
const BREATH: Duration = Duration::from_millis(5);

/// Wakes everything that is due, and goes on doing so until it is told to stop. Reads what is due, never every
/// case.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let mut first = true;
    let mut seen = DueMark::START;
    loop {
        match wake_due(&engine, &mut seen).await {
            Ok(woken) if first && woken > 0 => {
                info!(woken, "cases that were under way are taken up again");
            }
            Ok(_) => {}
            Err(failure) => warn!(error = %failure, "the index of next moments cannot be read"),
        }
        first = false;
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Wakes what comes within sight after `seen`, which moves on with it.
async fn wake_due(engine: &Engine, seen: &mut DueMark) -> Result<usize, ReadError> {
    let until = after(engine.clock().now(), HORIZON);
    let mut woken = 0;
    loop {
        let (due, last) = engine.journal().due_after(*seen, until, PAGE).await?;
        for found in &due {
            let Ok(case) = found.case.parse::<CaseId>() else {
                warn!(case = %found.case, "the journal names a case that is no id");
                continue;
            };
            while let Err(Refused::Overloaded) = engine.wake(&case, found.at) {
                tokio::time::sleep(BREATH).await;
            }
        }
        *seen = last;
        woken += due.len();
        if due.len() < PAGE {
            *seen = DueMark::past(until);
            return Ok(woken);
        }
    }
}
