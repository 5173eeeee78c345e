//! One session of one agent. It outlives the stream that it runs on for a while, so that a broken line costs
//! nothing: what was on its way waits, and a new stream goes on where the old one stopped.
//!
//! A session that is over takes no more commands, and whoever ends one for another waits until the commands
//! under way are through.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_domain::{
    AgentId, CaseId, ContextEntry, Digest, HandoffId, NewEntry, ProposalId, RoleId, Target,
    Timestamp,
};
use tokio::sync::{Notify, RwLock, RwLockReadGuard};
use tokio::time::Instant;

use super::farewell::Farewell;
use super::inbox::{Arrival, Inbox};
use super::notice::{Letter, Notice};
use super::outbox::{NeverSent, Outbox};

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its id, to be named when resuming. Not to be guessed.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) agent: AgentId,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Held for reading by every command under way.
    fence: RwLock<()>,
    state: Mutex<State>,
    /// There may be something to send.
    wake: Notify,
    /// A message has been dealt with.
    dealt: Notify,
    /// The agent may have taken something, or will take nothing more.
    taken: Notify,
}

/// What an agent says of itself when it registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// The program that speaks, for people.
    pub(crate) sdk: String,
    /// The roles it serves, each one that the playbook allows it.
    pub(crate) roles: Vec<RoleId>,
    /// How many cases it can hold.
    pub(crate) capacity: u32,
    /// The certificate of its connection.
    pub(crate) key: Digest,
}

/// What a stream sends next.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A message, with the acknowledgement that goes with it.
    Letter {
        /// Its number; 0 for none.
        number: u64,
        /// Up to where the agent's messages have been dealt with.
        ack: u64,
        /// The message.
        letter: Letter,
    },
    /// An acknowledgement alone.
    Ack {
        /// Up to where the agent's messages have been dealt with.
        ack: u64,
    },
    /// The last word of this stream.
    Farewell(Farewell),
}

#[derive(Debug)]
struct State {
    profile: Profile,
    draining: bool,
    /// Counts the streams; only the last one is served.
    stream: u64,
    connected: bool,
    /// Whether the agent has been told what it holds, so that whatever comes next makes sense to it.
    ready: bool,
    /// No more commands are taken, and no stream may resume it.
    over: bool,
    farewell: Option<Farewell>,
    outbox: Outbox,
    inbox: Inbox,
    /// The last acknowledgement that was sent.
    acknowledged: u64,
    proposals: HashMap<(CaseId, ProposalId), Vec<u64>>,
    acceptances: HashMap<HandoffId, Vec<u64>>,
    /// What the agent itself is adding to contexts: it need not be told.
    adding: HashMap<CaseId, Vec<NewEntry>>,
    /// What it has been shown in this session, and in which version.
    shown: HashMap<String, String>,
}

impl Session {
    /// A session that begins, on its first stream.
    pub(crate) fn begin(id: String, agent: AgentId, profile: Profile, since: Timestamp) -> Self {
        let state = State {
            outbox: Outbox::new(profile.capacity),
            profile,
            draining: false,
            stream: 1,
            connected: true,
            ready: false,
            over: false,
            farewell: None,
            inbox: Inbox::default(),
            acknowledged: 0,
            proposals: HashMap::new(),
            acceptances: HashMap::new(),
            adding: HashMap::new(),
            shown: HashMap::new(),
        };
        Self {
            id,
            agent,
            since,
            fence: RwLock::new(()),
            state: Mutex::new(state),
            wake: Notify::new(),
            dealt: Notify::new(),
            taken: Notify::new(),
        }
    }

    /// Goes on with a new stream, whose number is the answer. The old one, if it still stands, ends.
    pub(crate) fn resume(&self, profile: Profile, last_received: u64) -> Option<u64> {
        let mut state = self.state();
        if state.over || state.outbox.resume(last_received).is_err() {
            return None;
        }
        state.outbox.hold(profile.capacity);
        state.profile = profile;
        state.stream += 1;
        state.connected = true;
        state.farewell = None;
        state.acknowledged = 0;
        self.stir();
        Some(state.stream)
    }

    /// The stream is gone. The session waits for the next one.
    pub(crate) fn disconnect(&self, stream: u64) {
        let mut state = self.state();
        if state.stream == stream {
            state.connected = false;
        }
    }

    /// Ends this stream. Some ends are the end of the session too.
    pub(crate) fn part(&self, stream: u64, farewell: Farewell) {
        let mut state = self.state();
        if state.stream == stream {
            state.part(farewell);
        }
        drop(state);
        self.stir();
    }

    /// Ends the session for good and waits until none of its commands is under way. False if they take longer
    /// than `limit`.
    pub(crate) async fn fence(&self, farewell: Farewell, limit: Duration) -> bool {
        {
            let mut state = self.state();
            state.over = true;
            state.part(farewell);
        }
        self.stir();
        tokio::time::timeout(limit, self.fence.write()).await.is_ok()
    }

    /// The right to carry out one command, as long as it is kept. None once the session is over.
    pub(crate) async fn act(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let right = self.fence.read().await;
        (!self.state().over).then_some(right)
    }

    /// What this stream sends next. Waits until there is something.
    pub(crate) async fn next(&self, stream: u64) -> Outgoing {
        loop {
            let mut woken = std::pin::pin!(self.wake.notified());
            woken.as_mut().enable();
            let next = self.state().next(stream);
            if let Some(next) = next {
                if matches!(next, Outgoing::Letter { number: 0, .. }) {
                    self.taken.notify_waiters();
                }
                return next;
            }
            woken.await;
        }
    }

    /// Waits until another case can be stated again: a stream serves the session, and the agent has taken so much of
    /// what was said before that this is not what makes it late. False once the session is over.
    pub(crate) async fn can_state(&self) -> bool {
        loop {
            let mut taken = std::pin::pin!(self.taken.notified());
            taken.as_mut().enable();
            {
                let state = self.state();
                if state.over {
                    return false;
                }
                if state.connected && state.farewell.is_none() && state.outbox.can_state() {
                    return true;
                }
            }
            taken.await;
        }
    }

    /// Takes a message of the agent.
    pub(crate) fn take(&self, number: u64) -> Arrival {
        self.state().inbox.take(number)
    }

    /// Answers a message. A message is answered once.
    pub(crate) fn reply(&self, to: u64, notice: Notice) {
        self.state().reply(to, notice);
        self.stir();
        self.dealt.notify_waiters();
    }

    /// Tells the agent something by itself.
    pub(crate) fn say(&self, notice: Notice) {
        self.state().post(Letter::by_itself(notice));
        self.stir();
    }

    /// The agent has taken everything up to this number into its care.
    pub(crate) fn acknowledged(&self, up_to: u64) -> Result<(), NeverSent> {
        let acknowledged = self.state().outbox.acknowledged(up_to);
        self.taken.notify_waiters();
        acknowledged
    }

    /// The agent is ready for more. True if it was not ready for any before.
    pub(crate) fn grant(&self, messages: u32) -> bool {
        let mut state = self.state();
        let had_room = state.outbox.room() > 0;
        state.outbox.grant(messages, Instant::now());
        let has_room = state.outbox.room() > 0;
        drop(state);
        self.wake.notify_waiters();
        has_room && !had_room
    }

    /// The agent takes no more cases.
    pub(crate) fn drain(&self) {
        self.state().draining = true;
    }

    /// Ends the session if the agent lets something wait for too long. Says whether it did.
    pub(crate) fn cut_if_slow(&self) -> bool {
        let mut state = self.state();
        let slow = state.connected && !state.over && state.outbox.is_overdue(Instant::now());
        if slow {
            state.part(Farewell::TooSlow);
        }
        drop(state);
        if slow {
            self.stir();
        }
        slow
    }

    /// Waits until every message that was taken has been dealt with.
    pub(crate) async fn quiet(&self) {
        loop {
            let mut dealt = std::pin::pin!(self.dealt.notified());
            dealt.as_mut().enable();
            if self.state().inbox.under_way() == 0 {
                return;
            }
            dealt.await;
        }
    }

    /// Whether a stream serves it and it takes commands.
    pub(crate) fn is_connected(&self) -> bool {
        let state = self.state();
        state.connected && !state.over && state.farewell.is_none()
    }

    /// Whether it is connected and has been told what it holds.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_connected() && self.state().ready
    }

    /// The agent has been told what it holds.
    pub(crate) fn set_ready(&self) {
        self.state().ready = true;
    }

    /// Shows the agent something that has versions, unless this version was shown in this session already. An
    /// older one that still waits makes way.
    pub(crate) fn show(
        &self,
        what: &str,
        version: String,
        notice: Notice,
        older: impl Fn(&Notice) -> bool,
    ) {
        let mut state = self.state();
        if state.shown.get(what) == Some(&version) {
            return;
        }
        state.shown.insert(what.to_owned(), version);
        state.outbox.prune(older);
        state.post(Letter::by_itself(notice));
        drop(state);
        self.stir();
    }

    /// What was shown is over. Says whether it can be that the agent has seen it.
    pub(crate) fn unshow(&self, what: &str, it: impl Fn(&Notice) -> bool) -> bool {
        let mut state = self.state();
        let shown = state.shown.remove(what).is_some();
        shown && !state.outbox.prune(it)
    }

    /// Whether it takes no more commands, ever.
    pub(crate) fn is_over(&self) -> bool {
        self.state().over
    }

    /// Whether another stream than this one, which has ended, serves it now or did since.
    pub(crate) fn has_moved_on(&self, stream: u64) -> bool {
        self.state().stream != stream
    }

    /// No stream may resume it any more.
    pub(crate) fn end(&self) {
        self.state().over = true;
        self.taken.notify_waiters();
    }

    /// Whether it may be offered cases that are meant for this target.
    pub(crate) fn serves(&self, target: &Target) -> bool {
        let state = self.state();
        if state.draining {
            return false;
        }
        match target {
            Target::Role(role) => state.profile.roles.contains(role),
            Target::Agent(agent) => *agent == self.agent,
        }
    }

    /// What the agent said of itself, and whether it takes no more cases.
    pub(crate) fn profile(&self) -> (Profile, bool) {
        let state = self.state();
        (state.profile.clone(), state.draining)
    }

    /// How many cases it can hold, and how many more messages it is ready to take.
    pub(crate) fn readiness(&self) -> (u32, u64) {
        let state = self.state();
        (state.profile.capacity, state.outbox.room())
    }

    /// The credit that is left and the messages that wait.
    pub(crate) fn traffic(&self) -> (u64, usize) {
        let state = self.state();
        (state.outbox.credit(), state.outbox.queued())
    }

    /// The message waits for the ruling on a proposal.
    pub(crate) fn await_decision(&self, case: &CaseId, proposal: &ProposalId, message: u64) {
        let key = (case.clone(), proposal.clone());
        self.state().proposals.entry(key).or_default().push(message);
    }

    /// The messages that waited for this ruling; they do not any more.
    pub(crate) fn decided(&self, case: &CaseId, proposal: &ProposalId) -> Vec<u64> {
        let key = (case.clone(), proposal.clone());
        self.state().proposals.remove(&key).unwrap_or_default()
    }

    /// The message waits for the case that its handoff brings.
    pub(crate) fn await_case(&self, handoff: &HandoffId, message: u64) {
        self.state().acceptances.entry(handoff.clone()).or_default().push(message);
    }

    /// The messages that waited for this case; they do not any more.
    pub(crate) fn assigned(&self, handoff: &HandoffId) -> Vec<u64> {
        self.state().acceptances.remove(handoff).unwrap_or_default()
    }

    /// The agent itself is adding these entries.
    pub(crate) fn adding(&self, case: &CaseId, entries: &[NewEntry]) {
        self.state().adding.entry(case.clone()).or_default().extend_from_slice(entries);
    }

    /// It is not any more: they were added, or refused.
    pub(crate) fn added(&self, case: &CaseId, entries: &[NewEntry]) {
        let mut state = self.state();
        let Some(adding) = state.adding.get_mut(case) else { return };
        for entry in entries {
            if let Some(place) = adding.iter().position(|own| own == entry) {
                adding.swap_remove(place);
            }
        }
        if adding.is_empty() {
            state.adding.remove(case);
        }
    }

    /// Whether the agent itself is adding this.
    pub(crate) fn is_adding(&self, case: &CaseId, entry: &ContextEntry) -> bool {
        let state = self.state();
        state.adding.get(case).is_some_and(|adding| {
            adding.iter().any(|own| {
                own.kind == entry.kind
                    && own.body == entry.body
                    && own.provenance == entry.provenance
            })
        })
    }

    /// Something came, or the end: for the stream, and for whoever states cases again.
    fn stir(&self) {
        self.wake.notify_waiters();
        self.taken.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self, stream: u64) -> Option<Outgoing> {
        if self.stream != stream {
            return Some(Outgoing::Farewell(Farewell::Replaced));
        }
        if let Some(farewell) = &self.farewell
            && !farewell.is_patient()
        {
            return Some(Outgoing::Farewell(farewell.clone()));
        }
        let ack = self.inbox.acknowledgement();
        if let Some((number, letter)) = self.outbox.next(Instant::now()) {
            self.acknowledged = ack;
            return Some(Outgoing::Letter { number, ack, letter });
        }
        if ack > self.acknowledged {
            self.acknowledged = ack;
            return Some(Outgoing::Ack { ack });
        }
        self.farewell.clone().map(Outgoing::Farewell)
    }

    fn reply(&mut self, to: u64, notice: Notice) {
        if self.inbox.deal(to) {
            self.post(Letter::reply(to, notice));
        }
    }

    fn post(&mut self, letter: Letter) {
        if self.over || (letter.notice.is_passing() && !self.connected) {
            return;
        }
        if self.outbox.push(letter, Instant::now()).is_err() {
            self.part(Farewell::TooSlow);
        }
    }

    fn part(&mut self, farewell: Farewell) {
        self.over |= farewell.ends_session() || (farewell == Farewell::Done && self.draining);
        // The first word stands, unless the end has become more urgent.
        let urgent = !farewell.is_patient();
        if self.farewell.as_ref().is_none_or(|said| urgent && said.is_patient()) {
            self.farewell = Some(farewell);
        }
    }
}
