//! What the session and every handler have in common: the messages that wait, the keys, the settings.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_api::v1::connect_request::Message;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::sync::oneshot;

use crate::error::CallError;
use crate::ledger::{Ledger, Reply};
use crate::permit::Gate;
use crate::trace;

/// The largest message the supervisor takes, less what an envelope needs.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024 - 1024;

/// How long things may take.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// How long a handler may show no sign of life.
    pub(crate) handler: Duration,
    /// How long an answer may take.
    pub(crate) reply: Duration,
    /// How long an action may take from one point to the next, people aside.
    pub(crate) settling: Duration,
    /// How long a case is kept after a handler asked somebody else to take it.
    pub(crate) parting: Duration,
}

/// Shared by the session and all handlers.
pub(crate) struct Shared {
    pub(crate) patience: Patience,
    /// The time of day, against which permits and deadlines are held.
    pub(crate) wall: fn() -> Timestamp,
    ledger: Mutex<Ledger>,
    gate: Mutex<Option<Arc<Gate>>>,
    wake: Notify,
}

impl Shared {
    pub(crate) fn new(patience: Patience, wall: fn() -> Timestamp) -> Self {
        Self {
            patience,
            wall,
            ledger: Mutex::default(),
            gate: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// How long it is from now until a moment of the supervisor's. Nothing when it has passed.
    pub(crate) fn remaining(&self, at: Timestamp) -> Duration {
        at.duration_since((self.wall)()).try_into().unwrap_or_default()
    }

    /// Gives a message to the session, and a way to wait for the reply.
    pub(crate) fn ask(&self, message: Message) -> Result<oneshot::Receiver<Reply>, CallError> {
        let bytes = message.encoded_len();
        if bytes > MESSAGE_BYTES_MAX {
            return Err(CallError::TooLarge { bytes, most: MESSAGE_BYTES_MAX });
        }
        let asked = self.ledger().ask(message, trace::current());
        self.wake.notify_one();
        asked.map_err(|_| CallError::Overloaded)
    }

    /// Gives a message to the session that has to arrive, whoever waits for it.
    pub(crate) fn tell(&self, message: Message) {
        self.ledger().tell(message, trace::current());
        self.wake.notify_one();
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What permits are checked with in this session.
    pub(crate) fn gate(&self) -> Option<Arc<Gate>> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_gate(&self, gate: Gate) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(gate));
    }

    /// Makes the session look what is to be done.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until there may be something to do for the session.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}
