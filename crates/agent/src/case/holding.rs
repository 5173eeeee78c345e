//! Runs the handler of one case from its assignment to the moment when the agent no longer holds it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;

use crate::error::CallError;
use crate::held::Held;
use crate::shared::Shared;
use crate::specialist::{Trouble, Work};

use super::Case;

/// Works on a case. Ends when the case is resolved, given back, lost, or somebody else's.
pub(crate) async fn hold(work: Arc<dyn Work>, held: Arc<Held>, shared: Arc<Shared>) {
    let patience = shared.patience.handler;
    let mut case = Case::new(Arc::clone(&held), Arc::clone(&shared));
    let worked = tokio::select! {
        biased;
        () = held.until_over(patience) => None,
        worked = AssertUnwindSafe(work.work(&mut case)).catch_unwind() => Some(worked),
    };
    if let Some(lost) = held.lost() {
        tracing::info!(reason = ?lost.reason, detail = lost.detail, "case lost");
        return;
    }
    if held.is_given_up() {
        tracing::info!("case given up or closed");
        return;
    }
    let ended = match worked {
        // Dropped after it gave the case up: nothing is left to do.
        None => return,
        Some(Ok(Ok(done))) if done.parting => part(&case).await,
        Some(Ok(Ok(_))) => release(&case, "the agent is done with another case than this").await,
        Some(Ok(Err(trouble))) => give_back(&case, &trouble).await,
        Some(Err(panic)) => {
            tracing::error!(panic = panic_message(&*panic), "the handler of a case panicked");
            release(&case, "the agent's program failed on this case").await
        }
    };
    if let Err(error) = ended {
        // Nothing is reported on it any more, so its lease runs out and it is looked after.
        tracing::warn!(error = &error as &dyn std::error::Error, "case not given back");
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("nothing that can be shown")
}

async fn give_back(case: &Case, trouble: &Trouble) -> Result<(), CallError> {
    tracing::warn!(reason = trouble.reason(), "the agent cannot go on with a case");
    if let Some(asking) = trouble.severity {
        match case.escalate(trouble.reason(), asking.0).await {
            Ok(_) => return part(case).await,
            Err(CallError::Lost(_)) => return Ok(()),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "people were not asked; the case is given back instead"
            ),
        }
    }
    release(case, trouble.reason()).await
}

/// Keeps the case until somebody else has it. Not for ever: an agent that does nothing covers nothing.
async fn part(case: &Case) -> Result<(), CallError> {
    case.held.parts();
    let parting = tokio::time::timeout(case.shared.patience.parting, case.held.until_lost());
    match parting.await {
        Ok(lost) => {
            tracing::info!(reason = ?lost.reason, "case passed on");
            Ok(())
        }
        Err(_) => release(case, "nobody took the case in time").await,
    }
}

async fn release(case: &Case, reason: &str) -> Result<(), CallError> {
    match case.release(reason).await {
        Ok(_) => {
            tracing::info!(reason, "case given back");
            Ok(())
        }
        Err(CallError::Lost(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
