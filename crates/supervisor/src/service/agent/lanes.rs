//! The order of an agent's messages. Those about one case are carried out one after the other, as they came;
//! those about different cases do not wait for each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use belay_domain::CaseId;
use tokio::sync::oneshot;

/// The lanes of one stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes {
    last: Arc<Mutex<HashMap<CaseId, Last>>>,
}

/// The last message of a lane.
#[derive(Debug)]
struct Last {
    through: oneshot::Receiver<()>,
    waiting: u64,
}

/// A place in a lane. The next one's turn comes when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    lanes: Lanes,
    case: CaseId,
    before: Option<oneshot::Receiver<()>>,
    through: Option<oneshot::Sender<()>>,
}

impl Lanes {
    /// Takes the next place. To be called in the order of the messages.
    pub(super) fn queue(&self, case: &CaseId) -> Turn {
        let (through, wait) = oneshot::channel();
        let mut lanes = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = lanes.remove(case);
        let waiting = before.as_ref().map_or(0, |last| last.waiting) + 1;
        lanes.insert(case.clone(), Last { through: wait, waiting });
        Turn {
            lanes: self.clone(),
            case: case.clone(),
            before: before.map(|last| last.through),
            through: Some(through),
        }
    }
}

impl Turn {
    /// Waits until everything before it is through.
    pub(super) async fn come(&mut self) {
        if let Some(before) = self.before.take() {
            // A sender that was dropped is through as well.
            let _ = before.await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut lanes = self.lanes.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = lanes.get_mut(&self.case) {
            last.waiting -= 1;
            if last.waiting == 0 {
                lanes.remove(&self.case);
            }
        }
        drop(lanes);
        if let Some(through) = self.through.take() {
            // Nobody may be waiting.
            let _ = through.send(());
        }
    }
}

#[cfg(test)]
mod tests;
