//! The agents that are connected now, and what they are told.
//!
//! Nothing here is remembered across a restart: an agent that comes back is told from the state of its cases
//! what it has to know.
//!
//! Locks are taken in one order: what is known about a case, then an agent's seat, then its session.

mod farewell;
mod inbox;
mod notice;
mod outbox;
mod registering;
mod requests;
mod seat;
mod session;
mod stock;
mod telling;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use belay_domain::{
    Action, ActionId, ActionStage, AgentId, Case, CaseId, ContextEntry, Digest, Epoch, HandoffId,
    Owner, PermitId, Rejection, RequestId, RoleId, Target, Timestamp,
};
use dashmap::mapref::entry::Entry;
use dashmap::{DashMap, DashSet};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::info;

use crate::engine::Change;
use crate::playbooks::Playbooks;
use crate::wire::Fault;

pub(crate) use farewell::Farewell;
pub(crate) use inbox::Arrival;
pub(crate) use notice::{Letter, Loss, Notice, Ruled, Token};
pub(crate) use registering::{Attached, Registration, Resumption};
pub(crate) use requests::Repeat;
pub(crate) use session::{Outgoing, Profile, Session};
pub(crate) use telling::ruled;
pub use view::{AgentView, SessionView};

use seat::Seat;
use telling::{Concern, Told, Word};

/// Every session; cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    playbooks: Playbooks,
    seats: DashMap<AgentId, Arc<Seated>>,
    /// The seats of those who ever served a role: who is picked is looked for among these alone.
    serving: DashMap<RoleId, HashMap<AgentId, Arc<Seated>>>,
    concerned: DashMap<CaseId, Concern>,
    changes: watch::Sender<u64>,
    /// Whether it is known what agents held before the supervisor started.
    stocked: watch::Sender<bool>,
    /// What is known of better than that, until then.
    changed: DashSet<CaseId>,
}

/// One agent's seat, and the turn of those who register for it.
struct Seated {
    seat: Mutex<Seat>,
    turn: tokio::sync::Mutex<()>,
}

/// Whom a case can be offered to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// This agent fits, is connected, and has room.
    Agent(AgentId),
    /// Agents that fit are connected, and every one of them has been tried.
    AllTried,
    /// No agent that fits and has not been tried is connected with room for another case.
    Nobody,
}

impl Sessions {
    /// No session yet.
    #[must_use]
    pub fn new(playbooks: Playbooks) -> Self {
        Self {
            inner: Arc::new(Inner {
                playbooks,
                seats: DashMap::new(),
                serving: DashMap::new(),
                concerned: DashMap::new(),
                changes: watch::Sender::new(0),
                stocked: watch::Sender::new(false),
                changed: DashSet::new(),
            }),
        }
    }

    /// The connected agent that fits best and has not been tried: the least busy one, and among those the one
    /// that has been idle for longest. It counts as busier from now on, so that two cases at once do not both
    /// get its last place.
    #[must_use]
    pub fn pick(&self, target: &Target, tried: &[AgentId]) -> Pick {
        let now = Instant::now();
        let mut choice = Choice::default();
        match target {
            Target::Role(role) => {
                if let Some(serving) = self.inner.serving.get(role) {
                    for (agent, seated) in serving.iter() {
                        choice.consider(agent, seated, target, tried, now);
                    }
                }
            }
            Target::Agent(agent) => {
                if let Some(seated) = self.known_seat(agent) {
                    choice.consider(agent, &seated, target, tried, now);
                }
            }
        }
        match choice.best {
            Some((_, agent, seated)) => {
                seated.lock().reserve(now);
                Pick::Agent(agent)
            }
            None if choice.fitting && !choice.untried => Pick::AllTried,
            None => Pick::Nobody,
        }
    }

    /// Changes each time an agent connects, goes, or gets room for another case.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Shows an agent its offer. False if it is not connected.
    #[must_use]
    pub fn offer(&self, case: &Arc<Case>, handoff: &HandoffId, to: &AgentId) -> bool {
        let concern = self.concern(&case.id);
        let newer = concern.as_ref().filter(|known| known.seq > case.seq);
        if let Some(known) = newer
            && known.offered.as_ref() != Some(&(to.clone(), handoff.clone()))
        {
            // The offer is over already.
            return true;
        }
        let session = self.known_seat(to).and_then(|seated| seated.lock().ready().cloned());
        session.is_some_and(|session| {
            show_offer(&session, case, handoff);
            true
        })
    }

    /// Hands an agent the signed permit of one of its actions. False if it is not connected.
    #[must_use]
    pub fn permit(&self, case: &Arc<Case>, action: &ActionId, token: &str) -> bool {
        let Some(found) = case.actions.get(action) else { return true };
        let ActionStage::Authorized { permit } = &found.stage else { return true };
        let Some(seated) = self.known_seat(&permit.agent) else { return false };
        let mut seat = seated.lock();
        let Some(session) = seat.ready().cloned() else { return false };
        let token = Token::new(token);
        seat.permits.insert(action.clone(), (permit.permit.clone(), token.clone()));
        show_permit(&session, &case.id, found, &permit.permit, token);
        true
    }

    /// Tells the agents concerned what happened to a case.
    pub fn tell(&self, change: &Change) {
        let case = &change.case;
        self.note(case, |before| telling::words(before, case, &change.events));
    }

    /// Takes note of whom a case concerns as it is, and tells nobody.
    pub fn know(&self, case: &Arc<Case>) {
        self.note(case, |_| Vec::new());
    }

    /// What was asked before by this request id.
    pub(crate) fn repeat(
        &self,
        agent: &AgentId,
        case: &CaseId,
        request: &RequestId,
        content: Digest,
    ) -> Repeat {
        match self.known_seat(agent) {
            Some(seated) => seated.lock().requests.look(case, request, content),
            None => Repeat::New,
        }
    }

    /// Keeps the answer to a request for its repeats.
    pub(crate) fn keep_answer(
        &self,
        agent: &AgentId,
        case: CaseId,
        request: RequestId,
        content: Digest,
        answer: Notice,
    ) {
        self.seat(agent).lock().requests.keep(case, request, content, answer);
    }

    /// The agent has said something.
    pub(crate) fn seen(&self, agent: &AgentId, now: Timestamp) {
        if let Some(seated) = self.known_seat(agent) {
            seated.lock().last_seen = Some(now);
        }
    }

    /// Somebody may be offered cases now who could not be before, or the other way round.
    pub(crate) fn stir(&self) {
        self.inner.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn note(&self, case: &Arc<Case>, words: impl FnOnce(&Concern) -> Vec<Told>) {
        let after = Concern::of(case);
        let known = self.inner.concerned.entry(case.id.clone());
        self.known_since(&case.id);
        match known {
            Entry::Vacant(place) => {
                let before = Concern::default();
                self.spread(case, words(&before), &before, &after);
                if !after.is_nobodys() {
                    place.insert(after);
                }
            }
            Entry::Occupied(mut place) => {
                if place.get().seq > after.seq {
                    return;
                }
                self.spread(case, words(place.get()), place.get(), &after);
                if after.is_nobodys() {
                    place.remove();
                } else {
                    place.insert(after);
                }
            }
        }
    }

    /// Passes words on, and keeps the seats in step with whom the case concerns.
    fn spread(&self, case: &Arc<Case>, words: Vec<Told>, before: &Concern, after: &Concern) {
        for Told { to, word } in words {
            if let Some(seated) = self.known_seat(&to) {
                seated.lock().hear(case, word);
            }
        }
        let mut room = false;
        if before.holder != after.holder {
            if let Some((agent, epoch)) = &before.holder {
                let seated = self.seat(agent);
                let mut seat = seated.lock();
                if seat.held.get(&case.id) == Some(epoch) {
                    seat.held.remove(&case.id);
                    seat.forget_permits_of(&case.id);
                    room = true;
                }
            }
            if let Some((agent, epoch)) = &after.holder {
                self.seat(agent).lock().held.insert(case.id.clone(), *epoch);
            }
        }
        if before.offered != after.offered {
            if let Some((agent, handoff)) = &before.offered {
                let seated = self.seat(agent);
                let mut seat = seated.lock();
                room |= seat.offered.remove(handoff).is_some();
                if let Some(session) = &seat.session {
                    session.unshow(handoff.as_str(), |waiting| is_offer(waiting, handoff));
                }
            }
            if let Some((agent, handoff)) = &after.offered {
                let seated = self.seat(agent);
                seated.lock().offered(handoff.clone(), case.id.clone(), Instant::now());
            }
        }
        if room {
            self.stir();
        }
    }

    fn concern(&self, case: &CaseId) -> Option<dashmap::mapref::one::Ref<'_, CaseId, Concern>> {
        self.inner.concerned.get(case)
    }

    fn known_seat(&self, agent: &AgentId) -> Option<Arc<Seated>> {
        self.inner.seats.get(agent).map(|seated| seated.clone())
    }

    fn seat(&self, agent: &AgentId) -> Arc<Seated> {
        let entry = self.inner.seats.entry(agent.clone());
        entry.or_insert_with(|| Arc::new(Seated::empty())).clone()
    }
}

/// The search for the agent that fits best.
#[derive(Default)]
struct Choice {
    fitting: bool,
    untried: bool,
    best: Option<(seat::Load, AgentId, Arc<Seated>)>,
}

impl Choice {
    fn consider(
        &mut self,
        agent: &AgentId,
        seated: &Arc<Seated>,
        target: &Target,
        tried: &[AgentId],
        now: Instant,
    ) {
        let seat = seated.lock();
        if !seat.fits(target) {
            return;
        }
        self.fitting = true;
        if tried.contains(agent) {
            return;
        }
        self.untried = true;
        if let Some(load) = seat.load(now)
            && self.best.as_ref().is_none_or(|(least, first, _)| {
                // Of two alike always the same one, so that a simulation can be repeated.
                load.is_before(least) || (!least.is_before(&load) && agent < first)
            })
        {
            self.best = Some((load, agent.clone(), seated.clone()));
        }
    }
}

impl Seated {
    fn empty() -> Self {
        Self { seat: Mutex::new(Seat::empty()), turn: tokio::sync::Mutex::new(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Passes one word on to the agent's session, if it has one.
    fn hear(&mut self, case: &Arc<Case>, word: Word) {
        if let Word::PermitOver(action) = &word {
            self.permits.remove(action);
        }
        let Some(session) = &self.session else { return };
        match word {
            Word::Notice(notice) => session.say(notice),
            Word::Ruling { proposal, notice } => {
                let waiting = session.decided(&case.id, &proposal);
                if waiting.is_empty() {
                    session.say(notice);
                } else {
                    waiting.into_iter().for_each(|message| session.reply(message, notice.clone()));
                }
            }
            Word::NoRuling { proposal } => {
                for message in session.decided(&case.id, &proposal) {
                    let lost = Rejection::NotOwner { agent: session.agent.clone() };
                    session.reply(message, Notice::Refused(Fault::from(lost)));
                }
            }
            Word::Acceptance { handoff, notice } => {
                for message in session.assigned(&handoff) {
                    session.reply(message, notice.clone());
                }
            }
            Word::Knowledge(learned) => learn(session, case, learned),
            Word::OfferOver { handoff, why } => {
                if session.unshow(handoff.as_str(), |waiting| is_offer(waiting, &handoff)) {
                    session.say(Notice::Withdrawn { case: case.id.clone(), handoff, why });
                }
            }
            Word::PermitOver(action) => {
                session.unshow(action.as_str(), |waiting| is_permit(waiting, &action));
            }
        }
        if session.is_over() {
            info!(agent = %session.agent, session = session.id, "session ended: too much waited for it");
        }
    }
}

/// Tells what others have added.
fn learn(session: &Session, case: &Arc<Case>, learned: Vec<(u64, Arc<ContextEntry>)>) {
    let others = learned.into_iter().filter(|(_, entry)| !session.is_adding(&case.id, entry));
    let entries: Vec<_> = others.collect();
    if !entries.is_empty() {
        let digest = case.context.digest();
        session.say(Notice::Known { case: case.id.clone(), entries, digest });
    }
}

/// Shows an offer as it stands; again only when what is known of the case has changed since.
fn show_offer(session: &Session, case: &Arc<Case>, handoff: &HandoffId) {
    let notice = Notice::Offered { case: case.clone(), handoff: handoff.clone() };
    let version = case.context.digest().to_string();
    session.show(handoff.as_str(), version, notice, |waiting| is_offer(waiting, handoff));
}

/// Shows a permit, once.
fn show_permit(
    session: &Session,
    case: &CaseId,
    action: &Arc<Action>,
    permit: &PermitId,
    token: Token,
) {
    let notice = Notice::Permitted { case: case.clone(), action: action.clone(), token };
    let id = &action.id;
    session.show(id.as_str(), permit.to_string(), notice, |waiting| is_permit(waiting, id));
}

fn is_offer(notice: &Notice, wanted: &HandoffId) -> bool {
    matches!(notice, Notice::Offered { handoff, .. } if handoff == wanted)
}

fn is_permit(notice: &Notice, wanted: &ActionId) -> bool {
    matches!(notice, Notice::Permitted { action, .. } if action.id == *wanted)
}

/// The lease that an agent has on a case under this epoch; none if it does not hold the case so.
pub(crate) fn lease(case: &Case, agent: &AgentId, epoch: Epoch) -> Option<Timestamp> {
    match &case.owner {
        Owner::Agent { agent: owner, lease_until, .. }
            if case.is_open() && owner == agent && case.epoch == epoch =>
        {
            Some(*lease_until)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
