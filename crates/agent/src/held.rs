//! A case that the agent holds, as the session and the handler both see it.
//!
//! The session puts in what the supervisor says and never waits; the handler waits for what it needs. What
//! is kept is the case as it stands and no queue, so a slow handler holds nobody up and grows nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_api::v1::{self, LeaseLostReason};
use belay_domain::ContextEntry;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::context::Known;
use crate::error::Lost;
use crate::life::Life;
use crate::offer::About;
use crate::track::{Next, Tracks};

/// One assignment of a case to this agent.
pub(crate) struct Held {
    /// Tells assignments apart that have case and epoch in common.
    pub(crate) serial: u64,
    pub(crate) epoch: u64,
    pub(crate) about: About,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

struct State {
    known: Known,
    tracks: Tracks,
    life: Life,
    note: String,
    /// How often each content was asked for, so that a repeat by a restarted handler is recognised.
    occurrences: HashMap<String, u32>,
    lost: Option<Lost>,
    /// The agent itself is giving the case up or closing it, and so is not stopped by hearing that it did.
    giving_up: bool,
    given_up: bool,
}

impl Held {
    pub(crate) fn new(serial: u64, epoch: u64, about: About, known: Known, life: Life) -> Self {
        let state = State {
            known,
            tracks: Tracks::default(),
            life,
            note: String::new(),
            occurrences: HashMap::new(),
            lost: None,
            giving_up: false,
            given_up: false,
        };
        Self { serial, epoch, about, state: Mutex::new(state), changed: watch::Sender::new(()) }
    }

    // What the supervisor says.

    pub(crate) fn decided(&self, decision: v1::Decision) {
        self.change(|state| state.tracks.decided(decision));
    }

    pub(crate) fn permitted(&self, permit: v1::Permit) {
        self.change(|state| state.tracks.permitted(permit));
    }

    /// Takes an action as it stands; gives the attempt that nobody will report.
    pub(crate) fn stands(&self, action: &v1::Action) -> Option<u32> {
        self.change(|state| state.tracks.stands(action))
    }

    /// More is known, or all of it once more.
    pub(crate) fn learned(&self, entries: Vec<v1::ContextEntry>, digest: &str) {
        self.change(|state| match state.known.grown(entries, digest) {
            Ok(known) => state.known = known,
            Err(error) => tracing::warn!(case = %self.about.id, %error, "context update not taken"),
        });
    }

    pub(crate) fn renewed(&self, lease: Option<Duration>) {
        self.lock().life.renewed(Instant::now(), lease);
    }

    /// The agent does not hold the case any more; its handler ends.
    pub(crate) fn lose(&self, reason: LeaseLostReason, detail: impl Into<String>) {
        let lost = Lost { reason, detail: detail.into() };
        self.change(|state| {
            let own = matches!(reason, LeaseLostReason::CaseClosed | LeaseLostReason::Released);
            if own && (state.giving_up || state.given_up) {
                state.given_up = true;
            } else {
                state.lost.get_or_insert(lost);
            }
        });
    }

    /// The agent asks to give the case up, or to close it; `false` when that was refused.
    pub(crate) fn gives_up(&self, asked: bool) {
        self.lock().giving_up = asked;
    }

    /// The supervisor confirmed that the agent gave the case up, or closed it.
    pub(crate) fn gave_up(&self) {
        self.change(|state| state.given_up = true);
    }

    // What the handler asks.

    /// Entries and the digest over them.
    pub(crate) fn context(&self) -> (Vec<ContextEntry>, belay_domain::Digest) {
        let state = self.lock();
        (state.known.entries().to_vec(), state.known.digest())
    }

    /// The digest over all entries.
    pub(crate) fn context_digest(&self) -> belay_domain::Digest {
        self.lock().known.digest()
    }

    pub(crate) fn next(&self, action: &str) -> Next {
        self.lock().tracks.next(action)
    }

    pub(crate) fn tracks<T>(&self, ask: impl FnOnce(&mut Tracks) -> T) -> T {
        ask(&mut self.lock().tracks)
    }

    /// The place of this content among those of the same content, from 1.
    pub(crate) fn occurrence(&self, content: &str) -> u32 {
        let mut state = self.lock();
        let place = state.occurrences.entry(content.to_owned()).or_default();
        *place += 1;
        *place
    }

    /// Changes are announced to whoever holds this.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Why the case is not held any more.
    pub(crate) fn lost(&self) -> Option<Lost> {
        self.lock().lost.clone()
    }

    /// Whether the agent gave the case up by itself.
    pub(crate) fn is_given_up(&self) -> bool {
        self.lock().given_up
    }

    /// Waits until the case is lost.
    pub(crate) async fn until_lost(&self) -> Lost {
        let mut changes = self.changes();
        loop {
            if let Some(lost) = self.lost() {
                return lost;
            }
            // The sender lives as long as `self`.
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the handler has to end: the case is lost, or was given up this long ago.
    pub(crate) async fn until_over(&self, patience: Duration) {
        let mut changes = self.changes();
        let given_up = async {
            while !self.is_given_up() && changes.changed().await.is_ok() {}
            tokio::time::sleep(patience).await;
        };
        tokio::select! {
            _ = self.until_lost() => {}
            () = given_up => {}
        }
    }

    /// A sign of life for as long as this is kept.
    pub(crate) fn calling(&self) -> Calling<'_> {
        self.lock().life.call_begins();
        Calling(self)
    }

    /// The handler says that it goes on.
    pub(crate) fn signs(&self, note: &str) {
        let mut state = self.lock();
        state.life.signed(Instant::now());
        note.clone_into(&mut state.note);
    }

    /// The handler is done; the case is kept until somebody else has it.
    pub(crate) fn parts(&self) {
        self.lock().life.parts();
    }

    // What the session asks.

    /// When something is due for this case: a report of progress, or its end. Never once it is not held.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let state = self.lock();
        let over = state.lost.is_some() || state.given_up;
        (!over).then(|| state.life.next_report().min(state.life.end()))
    }

    /// Progress is to be reported as soon as it can be.
    pub(crate) fn report_soon(&self) {
        self.lock().life.report_soon(Instant::now());
    }

    /// The progress that is to be reported now, if there is any, with its note.
    pub(crate) fn progress(&self, now: Instant) -> Option<String> {
        let mut state = self.lock();
        if state.lost.is_some() || state.given_up || now < state.life.next_report() {
            return None;
        }
        state.life.reported(now);
        state.life.is_shown(now).then(|| state.note.clone())
    }

    /// Gives the case up when nothing was heard of the supervisor for too long.
    pub(crate) fn check_end(&self, now: Instant) {
        let is_over = {
            let state = self.lock();
            !state.given_up && state.lost.is_none() && now >= state.life.end()
        };
        if is_over {
            self.lose(LeaseLostReason::Expired, "the supervisor has not renewed the lease");
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.send_replace(());
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and if it did, the state is whole between statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call to the supervisor that the handler waits for.
pub(crate) struct Calling<'a>(&'a Held);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.lock().life.call_ends(Instant::now());
    }
}
