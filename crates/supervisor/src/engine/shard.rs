//! One shard: the loop that owns some of the cases.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use belay_domain::{Case, CaseId, Command, Span, Timestamp, after, decided, next_moment, owed};
use belay_journal::{AppendError, Commit, Conflict, Entry, Journal, Receipt};
use belay_planted::{Bug, planted};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::committed::Change;
use super::decided::{Decided, Look, shown};
use super::entry::{ANSWERED, entry};
use super::loading::load;
use super::refusing::{refuse, refuse_all};
use super::sharing::Sharing;
use super::slot::Slot;
use super::{Applied, Message, Outbound, Refused, Reply};
use crate::clock::Clock;
use crate::playbooks::Playbooks;

/// The most commands decided in one turn, and so the most that share one answer time.
const BATCH_MAX: usize = 256;

/// The most batches that wait for the disk. Enough to keep it busy, few enough that a stalled disk is felt by
/// callers as a full inbox.
const BATCHES_IN_FLIGHT_MAX: usize = 4;

/// The most cases a shard keeps in memory. Colder ones are read from the journal when they are needed.
const CASES_KEPT_MAX: usize = 20_000;

/// When a case that could not be read or written is looked at again.
const LOOK_AGAIN_AFTER: Span = Span::from_secs(10);

pub(super) struct Shard {
    journal: Journal,
    playbooks: Playbooks,
    clock: Clock,
    outbound: Arc<dyn Outbound>,
    changes: broadcast::Sender<Change>,
    slots: HashMap<CaseId, Slot>,
    timers: BinaryHeap<Reverse<(Timestamp, CaseId)>>,
    in_flight: FuturesOrdered<futures_util::future::BoxFuture<'static, Finished>>,
    sharing: Sharing,
    turn: u64,
}

struct Finished {
    decided: Decided,
    outcome: Result<Receipt, AppendError>,
}

impl Shard {
    pub(super) fn new(
        journal: Journal,
        playbooks: Playbooks,
        clock: Clock,
        outbound: Arc<dyn Outbound>,
        changes: broadcast::Sender<Change>,
    ) -> Self {
        Self {
            journal,
            playbooks,
            clock,
            outbound,
            changes,
            slots: HashMap::new(),
            timers: BinaryHeap::new(),
            in_flight: FuturesOrdered::new(),
            sharing: Sharing::default(),
            turn: 0,
        }
    }

    /// Works until it is told to stop, and then until everybody who waits has an answer.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Message>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let alarm = self.next_timer();
            let room = self.in_flight.len() < BATCHES_IN_FLIGHT_MAX * BATCH_MAX;
            tokio::select! {
                biased;
                Some(finished) = self.in_flight.next() => self.finish(finished),
                received = inbox.recv_many(&mut batch, BATCH_MAX), if room => {
                    if received == 0 {
                        break;
                    }
                    self.take_turn(&mut batch).await;
                }
                () = sleep_until(&self.clock, alarm), if room && alarm.is_some() => {
                    self.take_turn(&mut batch).await;
                }
                () = stop.cancelled() => break,
            }
        }
        inbox.close();
        while let Ok(message) = inbox.try_recv() {
            refuse(message, Refused::Draining);
        }
        while let Some(finished) = self.in_flight.next().await {
            self.finish(finished);
        }
        debug!("shard drained");
    }

    async fn take_turn(&mut self, batch: &mut Vec<Message>) {
        self.turn += 1;
        let now = self.clock.now();
        let due = self.due(now);
        self.wait_for_due(batch, now);
        self.load_missing(batch, &due).await;
        let now = self.clock.now();
        let mut work: HashMap<CaseId, Decided> = HashMap::new();
        let mut order = Vec::new();
        for message in batch.drain(..) {
            match message {
                Message::Command { case, command, once, span, reply } => {
                    let _entered = span.entered();
                    let from = self.slots.get(&case).map_or(0, |slot| slot.decided.seq);
                    if self.decide_one(&mut work, &case, &command, Some(reply), now) {
                        order.push(case.clone());
                    }
                    if let (Some(once), Some(decided)) = (once, work.get_mut(&case)) {
                        decided.requests.extend(once.claim(&case, from, decided.after.seq));
                    }
                }
                Message::Look { case, reply } => {
                    if self.look(&mut work, &case, reply) {
                        order.push(case);
                    }
                }
                Message::Wake { case, .. } => {
                    if self.decide_one(&mut work, &case, &Command::Tick, None, now) {
                        order.push(case.clone());
                    }
                    self.awaken(&case, now);
                }
            }
        }
        for case in due {
            if self.decide_one(&mut work, &case, &Command::Tick, None, now) {
                order.push(case.clone());
            }
            self.set_timer(&case);
        }
        for case in &order {
            self.follow_up(&mut work, case, now);
        }
        for case in order {
            if let Some(decided) = work.remove(&case) {
                self.submit(decided, now);
            }
        }
        self.forget_cold();
    }

    /// A case that is not due yet is not even read: its timer is set, and that is all it needs until then.
    fn wait_for_due(&mut self, batch: &mut Vec<Message>, now: Timestamp) {
        batch.retain(|message| match message {
            Message::Wake { case, due } if *due > now && !self.slots.contains_key(case) => {
                self.timers.push(Reverse((*due, case.clone())));
                false
            }
            Message::Wake { .. } | Message::Command { .. } | Message::Look { .. } => true,
        });
    }

    /// Shows a case, once everything that was decided about it so far is durable. Says whether the case is new
    /// in `work`.
    fn look(&mut self, work: &mut HashMap<CaseId, Decided>, id: &CaseId, reply: Look) -> bool {
        let Some(slot) = self.slots.get(id) else {
            let _ = reply.send(Err(Refused::Contended));
            return false;
        };
        if let Some(decided) = work.get_mut(id) {
            decided.looks.push(reply);
            return false;
        }
        if slot.is_quiet() {
            // An asker who went away needs no answer.
            let _ = reply.send(Ok(slot.shown()));
            return false;
        }
        let mut decided = Decided::nothing(id, &slot.decided);
        decided.looks.push(reply);
        work.insert(id.clone(), decided);
        true
    }

    /// Decides one command on top of what has been decided so far. Says whether the case is new in `work`.
    fn decide_one(
        &mut self,
        work: &mut HashMap<CaseId, Decided>,
        id: &CaseId,
        command: &Command,
        reply: Option<Reply>,
        now: Timestamp,
    ) -> bool {
        let Some(slot) = self.slots.get_mut(id) else {
            if let Some(reply) = reply {
                let _ = reply.send(Err(Refused::Contended));
            }
            return false;
        };
        slot.used = self.turn;
        let before = slot.decided.clone();
        let (events, mut after) = match decided(&before, command, now) {
            Ok(decided) => decided,
            Err(rejection) => {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(rejection.into()));
                }
                return false;
            }
        };
        let is_new = !work.contains_key(id);
        if events.is_empty() {
            // Nothing to write, but what is known may still be on its way to the disk: the answer waits with
            // it, unless nothing is.
            match (reply, work.get_mut(id)) {
                (None, _) => {}
                (Some(reply), Some(decided)) => decided.answers.push((reply, Arc::from([]))),
                (Some(reply), None) if slot.is_quiet() => {
                    let applied = Applied { case: slot.durable.clone(), events: Arc::from([]) };
                    let _ = reply.send(Ok(applied));
                }
                (Some(reply), None) => {
                    let mut decided = Decided::nothing(id, &before);
                    decided.answers.push((reply, Arc::from([])));
                    work.insert(id.clone(), decided);
                    return true;
                }
            }
            return false;
        }
        if before.terms.is_none() || before.escalations.len() != after.escalations.len() {
            self.sharing.share(&mut after);
        }
        let after = Arc::new(after);
        slot.decided = after.clone();
        let decided = work.entry(id.clone()).or_insert_with(|| Decided::nothing(id, &before));
        if decided.steps.is_empty() {
            decided.cause = tracing::Span::current();
        }
        decided.after = after;
        let shared: Arc<[_]> = events.into();
        decided.steps.push(shared.clone());
        match reply {
            Some(reply) if planted(Bug::AnsweredBeforeDurable) => {
                let _ = reply.send(Ok(Applied { case: decided.after.clone(), events: shared }));
            }
            Some(reply) => decided.answers.push((reply, shared)),
            None => {}
        }
        is_new
    }

    /// Whom a case goes to is decided with the search for somebody, where that is known at once: one append
    /// instead of two.
    fn follow_up(&mut self, work: &mut HashMap<CaseId, Decided>, id: &CaseId, now: Timestamp) {
        let Some(decided) = work.get(id) else { return };
        if !seeks_anew(&decided.before, &decided.after) {
            return;
        }
        if let Some(command) = self.outbound.at_once(&decided.after) {
            let _entered = decided.cause.clone().entered();
            self.decide_one(work, id, &command, None, now);
        }
    }

    fn submit(&mut self, mut decided: Decided, now: Timestamp) {
        if planted(Bug::EffectBeforeJournal) {
            self.outbound.owe(&decided.after, owed(&decided.after, now));
        }
        let playbook = self.playbooks.current();
        let entries = if decided.steps.is_empty() {
            Ok(Vec::new())
        } else {
            decided.owed = owed(&decided.after, now);
            let Decided { before, after, owed, .. } = &decided;
            entry(before, after, &decided.events(), owed, &playbook, now).map(|mut entry: Entry| {
                entry.claims.extend(decided.requests.iter().cloned());
                vec![entry]
            })
        };
        match entries {
            Ok(entries) => {
                let commit: Commit = self.journal.submit(entries);
                self.in_flight.push_back(Box::pin(async move {
                    Finished { decided, outcome: commit.await }
                }));
            }
            Err(cause) => {
                error!(case = %decided.case, %cause, "an event could not be encoded");
                self.slots.remove(&decided.case);
                decided.refuse(|| {
                    Refused::Unwritable(AppendError::Invalid(String::from(
                        "an event could not be encoded",
                    )))
                });
            }
        }
    }

    fn finish(&mut self, Finished { decided, outcome }: Finished) {
        match outcome {
            Ok(receipt) => self.publish(decided, receipt),
            Err(failure) => {
                // What was decided on top of this fails too, with a conflict, and is decided anew.
                self.slots.remove(&decided.case);
                self.look_again(&decided.case);
                match &failure {
                    AppendError::Conflict(Conflict::Claimed { kind, holder, .. })
                        if kind != ANSWERED =>
                    {
                        let (kind, holder) = (kind.clone(), holder.clone());
                        decided.refuse(|| Refused::Claimed {
                            kind: kind.clone(),
                            holder: holder.clone(),
                        });
                    }
                    AppendError::Conflict(conflict) => {
                        warn!(case = %decided.case, %conflict, "decided on an old state; again");
                        decided.refuse(|| Refused::Contended);
                    }
                    AppendError::Full { .. } => decided.refuse(|| Refused::Overloaded),
                    AppendError::Closed => decided.refuse(|| Refused::Draining),
                    // The journal has said so once, and what is durable can still be shown.
                    AppendError::DiskFull { .. } => decided.turn_away(&failure),
                    AppendError::Invalid(_) | AppendError::Failed(_) => {
                        error!(case = %decided.case, error = %failure, "append failed");
                        decided.refuse(|| Refused::Unwritable(failure.clone()));
                    }
                }
            }
        }
    }

    fn publish(&mut self, decided: Decided, receipt: Receipt) {
        let events = decided.events();
        let Decided { case: id, after, answers, looks, owed, cause, .. } = decided;
        let _entered = cause.entered();
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.durable = after.clone();
        }
        if !events.is_empty() {
            let change = Change { case: after.clone(), events, position: receipt.last };
            self.outbound.happened(&change);
            // No watcher is no error.
            let _ = self.changes.send(change);
            self.outbound.owe(&after, owed);
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.awake = true;
            }
            self.set_timer(&id);
        }
        for (reply, events) in answers {
            let _ = reply.send(Ok(Applied { case: after.clone(), events }));
        }
        for reply in looks {
            let _ = reply.send(Ok(shown(&after)));
        }
    }

    /// Hands out what a case owes that was loaded and not changed.
    fn awaken(&mut self, id: &CaseId, now: Timestamp) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        if !slot.awake && slot.is_quiet() {
            slot.awake = true;
            let case = slot.durable.clone();
            self.outbound.owe(&case, owed(&case, now));
            self.outbound.awoken(&case);
        }
        self.set_timer(id);
    }

    fn set_timer(&mut self, id: &CaseId) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        let Some(moment) = next_moment(&slot.decided) else { return };
        // A timer that stands earlier is enough: when it runs out, the next one is set.
        if slot.timer.is_none_or(|set| moment < set) {
            slot.timer = Some(moment);
            self.timers.push(Reverse((moment, id.clone())));
        }
    }

    /// A case could not be read or written. Whoever asked is told; what is due by itself has nobody who would ask
    /// again.
    fn look_again(&mut self, id: &CaseId) {
        let again = after(self.clock.now(), LOOK_AGAIN_AFTER);
        self.timers.push(Reverse((again, id.clone())));
    }

    fn next_timer(&self) -> Option<Timestamp> {
        self.timers.peek().map(|Reverse((moment, _))| *moment)
    }

    /// The cases whose moment has come. A timer whose moment has moved since is set again.
    fn due(&mut self, now: Timestamp) -> Vec<CaseId> {
        let mut due = Vec::new();
        while due.len() < BATCH_MAX {
            match self.timers.peek() {
                Some(Reverse((moment, _))) if *moment <= now => {}
                _ => break,
            }
            let Some(Reverse((moment, id))) = self.timers.pop() else { break };
            match self.slots.get_mut(&id) {
                Some(slot) if slot.timer == Some(moment) => {
                    slot.timer = None;
                    match next_moment(&slot.decided) {
                        Some(moved) if moved > now => self.set_timer(&id),
                        Some(_) => due.push(id),
                        None => {}
                    }
                }
                Some(_) => {}
                None => due.push(id),
            }
        }
        due
    }

    /// Reads the cases from the journal that are needed and not in memory.
    async fn load_missing(&mut self, batch: &mut Vec<Message>, due: &[CaseId]) {
        let named = batch.iter().map(|message| match message {
            Message::Command { case, .. }
            | Message::Look { case, .. }
            | Message::Wake { case, .. } => case,
        });
        let missing: BTreeSet<CaseId> =
            named.chain(due).filter(|case| !self.slots.contains_key(case)).cloned().collect();
        if missing.is_empty() {
            return;
        }
        for (id, loaded) in load(&self.journal, missing.into_iter().collect()).await {
            match loaded {
                Ok(mut case) => {
                    self.sharing.share(&mut case);
                    let mut slot = Slot::new(case);
                    slot.used = self.turn;
                    self.slots.insert(id.clone(), slot);
                    self.awaken(&id, self.clock.now());
                }
                Err(refused) => {
                    refuse_all(batch, &id, &refused);
                    self.look_again(&id);
                }
            }
        }
    }

    /// Keeps memory bounded: quiet cases that have not been used for longest give way.
    fn forget_cold(&mut self) {
        if self.slots.len() <= CASES_KEPT_MAX {
            return;
        }
        let mut cold: Vec<(u64, CaseId)> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.is_quiet() && slot.used < self.turn)
            .map(|(id, slot)| (slot.used, id.clone()))
            .collect();
        let most = (CASES_KEPT_MAX / 10).min(cold.len());
        if most < cold.len() {
            cold.select_nth_unstable(most);
        }
        for (_, id) in cold.into_iter().take(most) {
            self.slots.remove(&id);
        }
    }
}

/// Whether somebody is looked for who was not before, or another one.
fn seeks_anew(before: &Case, after: &Case) -> bool {
    after.is_open()
        && after.offer.is_none()
        && after.routing.is_some()
        && (before.offer.is_some() || before.routing != after.routing)
}

async fn sleep_until(clock: &Clock, moment: Option<Timestamp>) {
    // A timer is never more than a millisecond early, whatever the runtime's grain.
    const GRAIN: Duration = Duration::from_millis(1);
    if let Some(moment) = moment {
        tokio::time::sleep_until(clock.instant(moment) + GRAIN).await;
    }
}
