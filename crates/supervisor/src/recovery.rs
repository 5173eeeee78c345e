//! Finding again what was under way: at the start, and for cases that have gone cold, as they fall due.

use std::time::Duration;

use belay_domain::{CaseId, Span, after};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::engine::{Engine, Refused};

/// How far ahead cases are woken, so that their timers stand before their moment comes.
const HORIZON: Span = Span::from_secs(30);

/// How often the journal's index of next moments is read.
const EVERY: Duration = Duration::from_secs(10);

/// How many cases are woken at a time.
const PAGE: usize = 1_000;

/// Wakes everything that is due, and goes on doing so until it is told to stop. Reads what is due, never every
/// case.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let mut first = true;
    loop {
        match wake_due(&engine).await {
            Ok(0) => {}
            Ok(woken) if first => info!(woken, "cases that were under way are taken up again"),
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

async fn wake_due(engine: &Engine) -> Result<usize, belay_journal::ReadError> {
    // A shard's inbox has a bound; waiting a little lets it work off a large start.
    const BREATH: Duration = Duration::from_millis(5);
    let until = after(engine.clock().now(), HORIZON);
    // The index is read in one go up to a bound that memory bears; the rest comes with the next look.
    const DUE_MAX: usize = 100_000;
    let due = engine.journal().due(until, DUE_MAX).await?;
    let woken = due.len();
    for page in due.chunks(PAGE) {
        for found in page {
            let Ok(case) = found.case.parse::<CaseId>() else {
                warn!(case = %found.case, "the journal names a case that is no id");
                continue;
            };
            while let Err(Refused::Overloaded) = engine.wake(&case) {
                tokio::time::sleep(BREATH).await;
            }
        }
        tokio::time::sleep(BREATH).await;
    }
    Ok(woken)
}
