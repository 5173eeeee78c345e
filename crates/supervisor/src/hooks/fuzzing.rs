//! How webhooks are judged, shown to `fuzz/` and to nobody else: only there with the feature `fuzzing`.

use std::time::Duration;

use axum::http::HeaderMap;
use belay_domain::{TicketId, Timestamp};
use belay_playbook::Hook;
use secrecy::SecretString;

use super::counts::HookOutcome;
use super::pace::Pace;
use super::receiver::Receiver;
use super::seen::Seen;

/// Takes the webhooks of one system, without the door and its limits.
pub struct Door {
    receiver: Receiver,
    seen: Seen,
}

impl Door {
    /// One for webhooks of this form that are proven with this secret; none if that cannot be one.
    #[must_use]
    pub fn new(hook: &Hook, secret: &str) -> Option<Self> {
        let pace = Pace { burst: 1, every: Duration::from_secs(1) };
        let receiver = Receiver::with(hook, vec![SecretString::from(secret)], pace).ok()?;
        Some(Self { receiver, seen: Seen::default() })
    }

    /// The tickets that a webhook names, or why it is dropped.
    pub fn take(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Vec<TicketId>, HookOutcome> {
        let (mark, tickets) = self.receiver.judge(headers, body, now)?;
        if self.seen.first_time(mark, now) { Ok(tickets) } else { Err(HookOutcome::Replayed) }
    }
}
