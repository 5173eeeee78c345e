//! Every message of ours that waits for its reply, and what of it has to be sent.
//!
//! Messages are numbered as they are sent. What the supervisor has not acknowledged is sent again when the
//! session is resumed, with the same number; what it has not replied to is sent again, numbered anew, when
//! the session could not be resumed. Nothing here sends: the session asks what is next.

use std::collections::{BTreeMap, VecDeque};

use belay_api::v1::connect_request::Message;
use belay_api::v1::connect_response;
use tokio::sync::oneshot;

use crate::error::Refused;

/// The most messages that may wait for replies. A handler waits for one at a time, so this many means that
/// the supervisor does not answer, and callers should hear so rather than wait behind each other.
pub(crate) const WAITING_MAX: usize = 4096;

/// What a message was answered with.
pub(crate) type Reply = Result<connect_response::Message, Refused>;

/// The messages without a reply.
#[derive(Default)]
pub(crate) struct Ledger {
    /// The highest number given in this session.
    numbered: u64,
    acked: u64,
    last_key: u64,
    waiting: BTreeMap<u64, Waiting>,
    unsent: VecDeque<u64>,
}

struct Waiting {
    number: Option<u64>,
    message: Message,
    traceparent: String,
    reply: Option<oneshot::Sender<Reply>>,
}

/// As much waits as may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Ledger {
    /// Takes a message whose reply somebody waits for. When they stop waiting, it need not be sent.
    pub(crate) fn ask(
        &mut self,
        message: Message,
        traceparent: String,
    ) -> Result<oneshot::Receiver<Reply>, Full> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(Full);
        }
        let (reply, answered) = oneshot::channel();
        self.enter(Waiting { number: None, message, traceparent, reply: Some(reply) });
        Ok(answered)
    }

    /// Takes a message that has to arrive, whoever waits for it: what happened has happened. Never full,
    /// because there is at most one for each write and each case.
    pub(crate) fn tell(&mut self, message: Message, traceparent: String) {
        self.enter(Waiting { number: None, message, traceparent, reply: None });
    }

    /// Whether something has to be sent.
    pub(crate) fn is_due(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Whether everything that has to arrive has arrived.
    pub(crate) fn is_settled(&self) -> bool {
        self.waiting.values().all(|waiting| waiting.reply.is_some())
    }

    /// The next message to send, with its number and trace.
    pub(crate) fn next(&mut self) -> Option<(u64, Message, String)> {
        while let Some(key) = self.unsent.pop_front() {
            let Some(waiting) = self.waiting.get_mut(&key) else { continue };
            if waiting.number.is_none() && waiting.is_abandoned() {
                self.waiting.remove(&key);
                continue;
            }
            let number = *waiting.number.get_or_insert_with(|| {
                self.numbered += 1;
                self.numbered
            });
            return Some((number, waiting.message.clone(), waiting.traceparent.clone()));
        }
        None
    }

    /// The supervisor has everything up to this number.
    pub(crate) fn acknowledged(&mut self, up_to: u64) {
        self.acked = self.acked.max(up_to.min(self.numbered));
        let acked = self.acked;
        self.waiting.retain(|_, waiting| {
            waiting.number.is_none_or(|number| number > acked) || !waiting.is_abandoned()
        });
    }

    /// Hands a reply to whoever waits for it. Gives it back when nobody does.
    pub(crate) fn replied(&mut self, to: u64, reply: Reply) -> Option<Reply> {
        let key = self.waiting.iter().find(|(_, one)| one.number == Some(to)).map(|(key, _)| *key);
        match key.and_then(|key| self.waiting.remove(&key)) {
            None => Some(reply),
            Some(Waiting { reply: None, .. }) => None,
            Some(Waiting { reply: Some(waiter), .. }) => waiter.send(reply).err(),
        }
    }

    /// The session goes on: what was not acknowledged is sent again under its number, the rest after it.
    pub(crate) fn resumed(&mut self) {
        let acked = self.acked;
        let mut again: Vec<(u64, u64)> = self
            .waiting
            .iter()
            .filter_map(|(key, one)| one.number.map(|number| (number, *key)))
            .filter(|(number, _)| *number > acked)
            .collect();
        again.sort_unstable();
        let never =
            self.waiting.iter().filter(|(_, one)| one.number.is_none()).map(|(key, _)| *key);
        self.unsent = again.into_iter().map(|(_, key)| key).chain(never).collect();
    }

    /// A session begins: everything without a reply is sent again, numbered from 1.
    pub(crate) fn anew(&mut self) {
        self.numbered = 0;
        self.acked = 0;
        self.waiting.retain(|_, waiting| !waiting.is_abandoned());
        for waiting in self.waiting.values_mut() {
            waiting.number = None;
        }
        self.unsent = self.waiting.keys().copied().collect();
    }

    fn enter(&mut self, waiting: Waiting) {
        self.last_key += 1;
        self.waiting.insert(self.last_key, waiting);
        self.unsent.push_back(self.last_key);
    }
}

impl Waiting {
    fn is_abandoned(&self) -> bool {
        self.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
    }
}

#[cfg(test)]
mod tests;
