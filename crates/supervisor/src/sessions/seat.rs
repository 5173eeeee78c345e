//! What is known about one agent, connected or not: its session, the cases it holds and is offered, and the
//! permits it was handed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use belay_domain::{ActionId, CaseId, Epoch, HandoffId, PermitId, Target, Timestamp};
use tokio::time::Instant;

use super::notice::Token;
use super::requests::Requests;
use super::session::Session;

/// How long an agent that was picked counts as busy with an offer that has not been recorded yet. Recording
/// takes milliseconds; the rest is for an offer that never came to be.
const RESERVED_FOR: Duration = Duration::from_secs(2);

/// One agent's seat.
#[derive(Debug)]
pub(super) struct Seat {
    /// Its session, if it has one that takes commands.
    pub(super) session: Option<Arc<Session>>,
    /// The cases it holds.
    pub(super) held: BTreeMap<CaseId, Epoch>,
    /// The cases it is offered.
    pub(super) offered: BTreeMap<HandoffId, CaseId>,
    /// Offers that are being recorded.
    reserved: Vec<Instant>,
    /// The permits it was handed and has not used.
    pub(super) permits: HashMap<ActionId, (PermitId, Token)>,
    /// What it asked for by its own request ids, and what it was answered.
    pub(super) requests: Requests,
    /// The identity that its certificate proved last.
    pub(super) identity: String,
    /// When it last said anything.
    pub(super) last_seen: Option<Timestamp>,
    /// Since when it has not been given anything.
    idle_since: Instant,
}

/// How busy an agent is. The least busy is picked, and among equals the one that has been idle for longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    busy: u64,
    capacity: u64,
    idle_since: Instant,
}

impl Seat {
    /// A seat that nobody has taken yet.
    pub(super) fn empty() -> Self {
        Self {
            session: None,
            held: BTreeMap::new(),
            offered: BTreeMap::new(),
            reserved: Vec::new(),
            permits: HashMap::new(),
            requests: Requests::default(),
            identity: String::new(),
            last_seen: None,
            idle_since: Instant::now(),
        }
    }

    /// The session, if a stream serves it.
    pub(super) fn connected(&self) -> Option<&Arc<Session>> {
        self.session.as_ref().filter(|session| session.is_connected())
    }

    /// The session, if a stream serves it and the agent knows what it holds.
    pub(super) fn ready(&self) -> Option<&Arc<Session>> {
        self.session.as_ref().filter(|session| session.is_ready())
    }

    /// Whether it is connected and serves this target.
    pub(super) fn fits(&self, target: &Target) -> bool {
        self.ready().is_some_and(|session| session.serves(target))
    }

    /// How busy it is; none if it has no room for another case.
    pub(super) fn load(&self, now: Instant) -> Option<Load> {
        let (capacity, room) = self.ready()?.readiness();
        let reserved = self.reserved.iter().filter(|until| **until > now).count();
        let busy = (self.held.len() + self.offered.len() + reserved) as u64;
        let load = Load { busy, capacity: u64::from(capacity), idle_since: self.idle_since };
        // Reservations will need a message each before this one.
        (busy < load.capacity && room > reserved as u64).then_some(load)
    }

    /// The agent is about to be offered a case.
    pub(super) fn reserve(&mut self, now: Instant) {
        self.reserved.retain(|until| *until > now);
        self.reserved.push(now + RESERVED_FOR);
        self.idle_since = now;
    }

    /// It has been offered one.
    pub(super) fn offered(&mut self, handoff: HandoffId, case: CaseId, now: Instant) {
        if self.offered.insert(handoff, case).is_none() && !self.reserved.is_empty() {
            self.reserved.remove(0);
        }
        self.idle_since = now;
    }

    /// The agent has lost the case, and with it every permit for it.
    pub(super) fn forget_permits_of(&mut self, case: &CaseId) {
        let prefix = format!("{case}/");
        self.permits.retain(|action, _| !action.as_str().starts_with(&prefix));
    }
}

impl Load {
    /// Whether an agent this busy comes before the other.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        // busy / capacity, compared without dividing.
        let (own, others) = (self.busy * other.capacity, other.busy * self.capacity);
        own < others || (own == others && self.idle_since < other.idle_since)
    }
}
