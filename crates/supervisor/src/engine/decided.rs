//! A decision on its way to the disk, and everybody who waits for it.

use std::sync::Arc;

use belay_domain::{Case, CaseId, Event, Owed, Status};
use belay_journal::{AppendError, Claim};
use tokio::sync::oneshot;

use super::{Refused, Reply};

/// A decision under way to the disk.
pub(super) struct Decided {
    pub(super) case: CaseId,
    pub(super) before: Arc<Case>,
    pub(super) after: Arc<Case>,
    pub(super) answers: Vec<(Reply, Arc<[Event]>)>,
    /// What was decided, one command after the other.
    pub(super) steps: Vec<Arc<[Event]>>,
    /// What the case owes after it, once that has been worked out.
    pub(super) owed: Vec<Owed>,
    /// The requests that are answered by it, to be remembered with it.
    pub(super) requests: Vec<Claim>,
    /// Who wants to know the case once everything that was decided about it by now is durable.
    pub(super) looks: Vec<Look>,
    /// What led to it, so that the effects it owes are traced back to their cause.
    pub(super) cause: tracing::Span,
}

pub(super) type Look = oneshot::Sender<Result<Option<Arc<Case>>, Refused>>;

impl Decided {
    /// A case about which nothing new has been decided.
    pub(super) fn nothing(id: &CaseId, case: &Arc<Case>) -> Self {
        Self {
            case: id.clone(),
            before: case.clone(),
            after: case.clone(),
            answers: Vec::new(),
            looks: Vec::new(),
            steps: Vec::new(),
            owed: Vec::new(),
            requests: Vec::new(),
            cause: tracing::Span::current(),
        }
    }

    /// Everything that was decided, in its order.
    pub(super) fn events(&self) -> Arc<[Event]> {
        match self.steps.as_slice() {
            [only] => only.clone(),
            steps => steps.iter().flat_map(|step| step.iter().cloned()).collect(),
        }
    }

    /// Tells those who wanted a change that it cannot be written; those who only look have to look again.
    pub(super) fn turn_away(self, failure: &AppendError) {
        for (reply, _) in self.answers {
            let _ = reply.send(Err(Refused::Unwritable(failure.clone())));
        }
        for reply in self.looks {
            let _ = reply.send(Err(Refused::Contended));
        }
    }

    /// Tells everybody who waits that it came to nothing.
    pub(super) fn refuse(self, refused: impl Fn() -> Refused) {
        for (reply, _) in self.answers {
            let _ = reply.send(Err(refused()));
        }
        for reply in self.looks {
            let _ = reply.send(Err(refused()));
        }
    }
}

/// A case of which something is known.
pub(super) fn shown(case: &Arc<Case>) -> Option<Arc<Case>> {
    (case.status != Status::Unopened).then(|| case.clone())
}
