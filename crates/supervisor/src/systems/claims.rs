//! What an answer to a write claims. It is believed by nobody: the target is read before anything is written again, and
//! the claim only says what follows when that shows nothing.

use belay_connect::business::WriteOutcome;
use belay_domain::{FailureClaim, Outcome};
use serde_json::Value;

/// What was claimed; `means` has the contract's words for an answer, which come before the usual ones. Where no answer
/// came there is nothing to be interpreted: nobody knows.
pub(super) fn outcome(
    outcome: WriteOutcome,
    means: impl Fn(u16, &Value) -> Option<FailureClaim>,
) -> Outcome {
    let not = |claim, reason| Outcome::NotExecuted { claim, reason };
    match outcome {
        WriteOutcome::Done { status, body } => match means(status, &body) {
            Some(claim) => {
                not(claim, format!("the system answered {status}: {}", brief(&body.to_string())))
            }
            None => Outcome::Executed { output: body.to_string() },
        },
        WriteOutcome::Refused { status, body, permanent, .. } => {
            let usual = if permanent { FailureClaim::Permanent } else { FailureClaim::Retryable };
            let claim = means(status, &body).unwrap_or(usual);
            not(claim, format!("the system refused with {status}: {}", brief(&body.to_string())))
        }
        WriteOutcome::NotSent { detail, permanent } => {
            let claim = if permanent { FailureClaim::Permanent } else { FailureClaim::Retryable };
            not(claim, detail)
        }
        WriteOutcome::Unknown { detail, answer, .. } => {
            let claim = answer.and_then(|answer| means(answer.status, &answer.body));
            not(claim.unwrap_or(FailureClaim::Unknown), detail)
        }
    }
}

/// Enough of an answer for people to see what it is about.
fn brief(text: &str) -> String {
    const BRIEF: usize = 300;
    text.chars().take(BRIEF).collect()
}
