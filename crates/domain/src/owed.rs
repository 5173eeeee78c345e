//! x
use crate::*;
/// Owed.
pub fn owed(case: &Case, now: Timestamp) -> Vec<Owed> {
    let _ = (case, now);
    vec![]
}
/// Next.
pub fn next_moment(case: &Case) -> Option<Timestamp> {
    let _ = case;
    None
}
