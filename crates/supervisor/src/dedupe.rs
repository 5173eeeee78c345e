//! Changes that are asked for twice are made once: the second time the caller gets the first answer.
//!
//! What is remembered here is lost with the process. After that the claim that each change of a case leaves in the
//! journal still tells it from a new one (`engine/once.rs`); at the desk, the state of the ticket does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use belay_api::v1::ErrorReason;
use belay_domain::{Digest, Hasher, RequestId, TenantId};
use prost::Message;

use crate::keyed_lock::KeyedLock;
use crate::wire::Fault;

/// How many answers are remembered. People and tools make a few changes a second, so a caller has the better part
/// of an hour to repeat one whose answer was lost.
pub(crate) const ANSWERS_KEPT_MAX: usize = 10_000;

/// The answers that were given; cheap to clone.
#[derive(Clone)]
pub(crate) struct Dedupe {
    most: usize,
    answers: Arc<Mutex<Answers>>,
    under_way: KeyedLock,
}

/// Whose request it is. Two callers may use the same request id, and so may two methods.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    /// The tenant of the caller.
    pub(crate) tenant: TenantId,
    /// Who asks, as events name them.
    pub(crate) caller: String,
    /// What is asked for.
    pub(crate) method: &'static str,
    /// The caller's own id for it.
    pub(crate) request: RequestId,
}

#[derive(Default)]
struct Answers {
    known: HashMap<Asked, Answer>,
    oldest_first: VecDeque<Asked>,
}

struct Answer {
    content: Digest,
    encoded: Vec<u8>,
}

impl Default for Dedupe {
    fn default() -> Self {
        Self::keeping(ANSWERS_KEPT_MAX)
    }
}

impl Dedupe {
    /// Remembers this many answers.
    pub(crate) fn keeping(most: usize) -> Self {
        Self { most, answers: Arc::default(), under_way: KeyedLock::default() }
    }

    /// Does the work, unless it was done before for the same request. Refusals are not remembered: they changed
    /// nothing, and the same request may fare better later.
    pub(crate) async fn once<T, F>(
        &self,
        asked: Asked,
        content: Digest,
        work: F,
    ) -> Result<T, Fault>
    where
        T: Message + Default,
        F: Future<Output = Result<T, Fault>>,
    {
        let name = format!("{asked:?}");
        let _held = self.under_way.lock([name]).await;
        if let Some(known) = self.known(&asked, content)? {
            return T::decode(known.as_slice())
                .map_err(|cause| Fault::internal("an answer of ours cannot be read", &cause));
        }
        let answer = work.await?;
        self.remember(asked, Answer { content, encoded: answer.encode_to_vec() });
        Ok(answer)
    }

    fn known(&self, asked: &Asked, content: Digest) -> Result<Option<Vec<u8>>, Fault> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.known.get(asked) {
            None => Ok(None),
            Some(known) if known.content == content => Ok(Some(known.encoded.clone())),
            Some(_) => Err(key_reused(&asked.request)),
        }
    }

    fn remember(&self, asked: Asked, answer: Answer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.oldest_first.push_back(asked.clone());
        answers.known.insert(asked, answer);
        while answers.oldest_first.len() > self.most {
            if let Some(oldest) = answers.oldest_first.pop_front() {
                answers.known.remove(&oldest);
            }
        }
    }
}

/// The request id was used for something else.
pub(crate) fn key_reused(request: &RequestId) -> Fault {
    let what = "this request id was used before for another content; choose a new one";
    Fault::new(ErrorReason::KeyReused, what).with("request_id", request.as_str())
}

/// The digest of what a request asks for. Messages with maps, whose order is not fixed, have those taken out
/// and given in a fixed order in `rest`.
pub(crate) fn content(message: &impl Message, rest: &[(String, String)]) -> Digest {
    let hasher = Hasher::new("belay request").part(&message.encode_to_vec());
    rest.iter()
        .fold(hasher, |hasher, (key, value)| hasher.part(key.as_bytes()).part(value.as_bytes()))
        .finish()
}

#[cfg(test)]
mod tests;
