//! What became of webhooks, counted: the only trace that a bad one leaves.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HookOutcome {
    /// It names a ticket that is watched, which is looked at sooner.
    Taken,
    /// It names a ticket that nobody watches.
    UnknownTicket,
    /// It names no ticket where the playbook says that tickets are named.
    NoTicket,
    /// It was taken before.
    Replayed,
    /// It has no signature, or another one than it should.
    Forged,
    /// It is older than the window, or of the future, or does not say when it was sent.
    Late,
    /// Its body is not what it should be.
    Malformed,
    /// Its body is too long.
    Oversized,
    /// Its body did not arrive in time.
    Unfinished,
    /// No webhooks of that system are taken.
    UnknownSystem,
    /// Too many came.
    RateLimited,
}

impl HookOutcome {
    /// Every outcome.
    pub const ALL: [Self; 11] = [
        Self::Taken,
        Self::UnknownTicket,
        Self::NoTicket,
        Self::Replayed,
        Self::Forged,
        Self::Late,
        Self::Malformed,
        Self::Oversized,
        Self::Unfinished,
        Self::UnknownSystem,
        Self::RateLimited,
    ];

    /// The outcome as metrics and logs name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::UnknownTicket => "unknown_ticket",
            Self::NoTicket => "no_ticket",
            Self::Replayed => "replayed",
            Self::Forged => "forged",
            Self::Late => "late",
            Self::Malformed => "malformed",
            Self::Oversized => "oversized",
            Self::Unfinished => "unfinished",
            Self::UnknownSystem => "unknown_system",
            Self::RateLimited => "rate_limited",
        }
    }

    /// How the sender is answered. One that was proven is thanked whatever came of it, so that it is not sent again;
    /// one that was not is told no reason.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Taken | Self::UnknownTicket | Self::NoTicket | Self::Replayed => {
                StatusCode::ACCEPTED
            }
            Self::Forged | Self::Late => StatusCode::UNAUTHORIZED,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Oversized => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unfinished => StatusCode::REQUEST_TIMEOUT,
            Self::UnknownSystem => StatusCode::NOT_FOUND,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

/// How many there were of each.
pub(super) struct Counts {
    known: [AtomicU64; HookOutcome::ALL.len()],
    counter: Counter<u64>,
}

impl Default for Counts {
    fn default() -> Self {
        let counter = global::meter("belay")
            .u64_counter("belay.hooks")
            .with_description("Webhooks by system and what became of them")
            .build();
        Self { known: Default::default(), counter }
    }
}

impl Counts {
    pub(super) fn count(&self, system: &str, outcome: HookOutcome) {
        self.known[outcome as usize].fetch_add(1, Ordering::Relaxed);
        // Strangers must not choose the names of metrics.
        let proven = !matches!(outcome, HookOutcome::UnknownSystem | HookOutcome::RateLimited);
        let system = if proven { system.to_owned() } else { "unknown".to_owned() };
        let outcome = KeyValue::new("outcome", outcome.as_str());
        self.counter.add(1, &[KeyValue::new("system", system), outcome]);
    }

    pub(super) fn of(&self, outcome: HookOutcome) -> u64 {
        self.known[outcome as usize].load(Ordering::Relaxed)
    }
}
