//! x
use crate::*;
/// Decides.
pub fn decide(case: &Case, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let _ = (case, command, now);
    Ok(vec![])
}
