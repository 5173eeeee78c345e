//! What an agent asked for by a request id of its own, and what it was answered: a repeat gets the first
//! answer, and does nothing.
//!
//! Kept in memory, for the repeats that follow a broken session. After a restart of the supervisor the state of
//! the case itself tells whether something was done.

use std::collections::{HashMap, VecDeque};

use belay_domain::{CaseId, Digest, RequestId};

use super::notice::Notice;

/// The most answers that are kept for one agent. Repeats follow within a minute or so of a broken stream, and
/// an agent asks for such things a few times for each case.
const KEPT_MAX: usize = 1_024;

/// The answers to one agent's requests.
#[derive(Debug, Default)]
pub(super) struct Requests {
    answers: HashMap<(CaseId, RequestId), (Digest, Notice)>,
    oldest_first: VecDeque<(CaseId, RequestId)>,
}

/// What is known about a request id.
#[derive(Debug)]
pub(crate) enum Repeat {
    /// It was not used yet, or that is forgotten.
    New,
    /// It was used for the same, which was answered so.
    Same(Notice),
    /// It was used for something else.
    Other,
}

impl Requests {
    /// Whether this was asked before.
    pub(super) fn look(&self, case: &CaseId, request: &RequestId, content: Digest) -> Repeat {
        match self.answers.get(&(case.clone(), request.clone())) {
            None => Repeat::New,
            Some((known, answer)) if *known == content => Repeat::Same(answer.clone()),
            Some(_) => Repeat::Other,
        }
    }

    /// Keeps an answer for repeats.
    pub(super) fn keep(&mut self, case: CaseId, request: RequestId, content: Digest, of: Notice) {
        let key = (case, request);
        if self.answers.insert(key.clone(), (content, of)).is_none() {
            self.oldest_first.push_back(key);
        }
        while self.oldest_first.len() > KEPT_MAX {
            if let Some(oldest) = self.oldest_first.pop_front() {
                self.answers.remove(&oldest);
            }
        }
    }
}
