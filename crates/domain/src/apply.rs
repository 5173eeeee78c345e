//! x
use crate::*;
/// Folds.
pub fn apply(case: &mut Case, event: &Event) {
    let _ = (case, event);
}
/// Replays.
pub fn replay(id: CaseId, events: &[Event]) -> Case {
    let _ = events;
    Case::unopened(id)
}
