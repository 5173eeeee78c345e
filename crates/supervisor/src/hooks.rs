//! Webhooks: what outside systems say changed. Each is proven, counted, and makes us look sooner at the ticket that it
//! names; that is all it can do (`COV-2`). One that is forged, late, repeated or malformed is counted and dropped.

mod counts;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod pace;
mod proof;
mod receiver;
mod seen;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use belay_domain::{SystemId, TicketId};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info};

use crate::errands::Pokes;
use crate::playbooks::Playbooks;
use crate::secrets::SecretError;
use crate::surroundings::Wall;
use counts::Counts;
use pace::Pace;
use receiver::Receivers;
use seen::Seen;

pub use counts::HookOutcome;

/// The longest webhook. Vendors send a few kilobytes; a ticket's id needs less.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long the body of one may take.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// When the ticket is looked at once more: many systems send their webhook before they commit, and a look that was as
/// quick as the webhook shows what was.
const AGAIN_AFTER: Duration = Duration::from_secs(3);

/// How many may arrive, proven or not: checking one costs a tenth of a millisecond.
const ARRIVING: Pace = Pace { burst: 400, every: Duration::from_millis(5) };

/// How many of one system are followed. Each may cost a look, and everybody looks by themselves anyway.
const FOLLOWED: Pace = Pace { burst: 40, every: Duration::from_millis(200) };

/// Takes webhooks; cheap to clone.
#[derive(Clone)]
pub(crate) struct Hooks {
    inner: Arc<Inner>,
}

struct Inner {
    playbooks: Playbooks,
    pokes: Pokes,
    wall: Wall,
    /// Those of the playbook that was in force at the last webhook.
    receivers: ArcSwap<Receivers>,
    arriving: pace::Bucket,
    seen: Seen,
    counts: Counts,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Hooks {
    /// Takes the webhooks of the playbook in force. An error says which secret cannot be found.
    pub(crate) fn new(
        playbooks: Playbooks,
        pokes: Pokes,
        wall: Wall,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, SecretError> {
        let playbook = playbooks.current();
        let receivers = Receivers::of(&playbook, FOLLOWED)?;
        info!(systems = ?receivers.systems(), "webhooks are taken");
        Ok(Self {
            inner: Arc::new(Inner {
                playbooks,
                pokes,
                wall,
                receivers: ArcSwap::from_pointee(receivers),
                arriving: pace::Bucket::new(ARRIVING),
                seen: Seen::default(),
                counts: Counts::default(),
                tasks,
                stop,
            }),
        })
    }

    /// What is served.
    pub(crate) fn router(&self) -> Router {
        Router::new().route("/hooks/{system}", post(take)).with_state(self.clone())
    }

    /// What became of webhooks, counted.
    pub(crate) fn count(&self, outcome: HookOutcome) -> u64 {
        self.inner.counts.of(outcome)
    }

    async fn take(&self, system: &str, headers: &HeaderMap, body: Body) -> HookOutcome {
        if !self.inner.arriving.take() {
            return HookOutcome::RateLimited;
        }
        let receivers = self.receivers();
        let Some(receiver) =
            system.parse::<SystemId>().ok().and_then(|system| receivers.of_system(&system))
        else {
            return HookOutcome::UnknownSystem;
        };
        let body = match tokio::time::timeout(BODY_WITHIN, to_bytes(body, BODY_BYTES_MAX)).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => return HookOutcome::Oversized,
            Err(_) => return HookOutcome::Unfinished,
        };
        let now = (self.inner.wall)();
        let (proven, tickets) = match receiver.judge(headers, &body, now) {
            Ok(judged) => judged,
            Err(outcome) => return outcome,
        };
        if !self.inner.seen.first_time(proven, now) {
            return HookOutcome::Replayed;
        }
        if tickets.is_empty() {
            return HookOutcome::NoTicket;
        }
        if !receiver.follow() {
            return HookOutcome::RateLimited;
        }
        let known = tickets.iter().filter(|ticket| self.look(ticket)).count();
        if known == 0 { HookOutcome::UnknownTicket } else { HookOutcome::Taken }
    }

    /// Makes those who watch a ticket look at it now, and once more when it has surely been committed. False if nobody
    /// watches it.
    fn look(&self, ticket: &TicketId) -> bool {
        let Inner { pokes, tasks, stop, .. } = &*self.inner;
        if !pokes.poke(ticket) {
            return false;
        }
        let (pokes, ticket, stop) = (pokes.clone(), ticket.clone(), stop.clone());
        tasks.spawn(async move {
            if stop.run_until_cancelled(tokio::time::sleep(AGAIN_AFTER)).await.is_some() {
                pokes.poke(&ticket);
            }
        });
        true
    }

    /// Those of the playbook in force. A playbook whose secrets cannot be found keeps the ones before it.
    fn receivers(&self) -> Arc<Receivers> {
        let known = self.inner.receivers.load_full();
        let playbook = self.inner.playbooks.current();
        if known.is_of(&playbook) {
            return known;
        }
        let made = match Receivers::of(&playbook, FOLLOWED) {
            Ok(made) => made,
            Err(failure) => {
                error!(error = %failure, "the webhooks of the new playbook cannot be proven; the old ones stay");
                known.for_playbook(&playbook)
            }
        };
        let made = Arc::new(made);
        self.inner.receivers.store(made.clone());
        made
    }
}

/// Answers a webhook. Whoever is refused learns nothing but that.
async fn take(
    State(hooks): State<Hooks>,
    Path(system): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let outcome = hooks.take(&system, &headers, body).await;
    hooks.inner.counts.count(&system, outcome);
    debug!(system, outcome = outcome.as_str(), "webhook");
    outcome.status()
}

#[cfg(test)]
mod tests;
