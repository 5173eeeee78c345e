//! Carrying effects out: what the cases owe the outside world is done here, and what the world answers goes
//! back into the engine as the next command.
//!
//! An errand runs from the moment its effect is owed until it is owed no longer. It may be run again after a
//! crash, so it looks before it acts, and its answer is accepted once. An errand that is no longer wanted
//! stops between two steps, never in the middle of a write.

mod agents;
mod answering;
mod budget;
mod comparing;
mod hearing;
mod manifest;
mod merging;
mod patience;
mod reading_back;
mod tickets;
mod undoing;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use belay_domain::{
    Action, ActionId, Case, CaseId, Command, Effect, EffectId, EventKind, Owed, SystemId, Timestamp,
};
use belay_transport::permit::PermitSigner;
use belay_transport::spiffe::TrustDomain;
use belay_transport::telemetry;
use dashmap::DashMap;
use http::HeaderMap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, info_span, warn};

use crate::engine::{Change, Engine, Outbound, Refused};
use crate::facts::case_facts;
use crate::governor::Governor;
use crate::lookout::Lookout;
use crate::matters::Matters;
use crate::metrics::Metrics;
use crate::playbooks::Playbooks;
use crate::reading::Readers;
use crate::sessions::{Pick, Sessions};
use crate::systems::Systems;
use budget::Budgets;
use patience::{Jitter, Patience};

pub(crate) use crate::reading::{Pokes, listen};

/// The programs by whose names Belay opens cases of its own.
const OWN: &[&str] = &["belay", "belay-canary", "belay-graduation"];

/// Carries effects out; cheap to clone.
#[derive(Clone)]
pub(crate) struct Errands {
    world: Arc<World>,
    readers: Readers,
    running: Arc<DashMap<CaseId, BTreeMap<EffectId, CancellationToken>>>,
    budgets: Arc<Budgets>,
}

/// Everything an errand may need.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) playbooks: Playbooks,
    pub(crate) systems: Systems,
    pub(crate) sessions: Sessions,
    pub(crate) governor: Governor,
    pub(crate) matters: Matters,
    pub(crate) lookout: Lookout,
    pub(crate) permits: Arc<PermitSigner>,
    pub(crate) trust_domain: TrustDomain,
    pub(crate) pokes: Pokes,
    pub(crate) metrics: Metrics,
    /// When this process began: what is older may have been begun by an earlier one.
    pub(crate) started: Timestamp,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// What an errand is told of its surroundings.
struct Errand {
    world: Arc<World>,
    case: CaseId,
    wanted: CancellationToken,
    budgets: Arc<Budgets>,
    jitter: Jitter,
}

impl Errands {
    /// Carries out what cases owe, in this world.
    #[must_use]
    pub(crate) fn new(world: World) -> Self {
        let World { engine, systems, pokes, tasks, stop, .. } = &world;
        let (engine, systems, pokes) = (engine.clone(), systems.clone(), pokes.clone());
        let readers = Readers::new(engine, systems, pokes, tasks.clone(), stop.clone());
        Self { world: Arc::new(world), readers, running: Arc::default(), budgets: Arc::default() }
    }

    /// Shows an agent its offer at once where it is connected. Otherwise an errand goes on trying.
    fn is_done(&self, case: &Arc<Case>, owed: &Owed) -> bool {
        match &owed.effect {
            Effect::Offer { handoff, to, .. } => self.world.sessions.offer(case, handoff, to),
            _ => false,
        }
    }

    fn start(&self, case: &Arc<Case>, owed: Owed) -> CancellationToken {
        let wanted = self.world.stop.child_token();
        let errand = Errand {
            world: self.world.clone(),
            case: case.id.clone(),
            wanted: wanted.clone(),
            budgets: self.budgets.clone(),
            jitter: Jitter::of((&case.id, owed.id.to_string())),
        };
        let span = span_of(&case.id, &owed);
        self.world.tasks.spawn(errand.run(case.clone(), owed).instrument(span));
        wanted
    }
}

/// A span for an errand, in the trace of what caused it. It is no child of the causing span: errands cause
/// decisions that cause errands, and a case that is open for weeks must not grow one chain of living spans.
fn span_of(case: &CaseId, owed: &Owed) -> Span {
    let span = info_span!(parent: None, "errand", case = %case, effect = %owed.id);
    let mut cause = HeaderMap::new();
    telemetry::inject(&mut cause);
    if !cause.is_empty() {
        telemetry::continue_trace(&span, &cause);
    }
    span
}

impl Outbound for Errands {
    fn owe(&self, case: &Arc<Case>, owed: Vec<Owed>) {
        self.world.lookout.see(case);
        self.world.sessions.know(case);
        if owed.is_empty() {
            if let Some((_, given_up)) = self.running.remove(&case.id) {
                given_up.values().for_each(CancellationToken::cancel);
            }
            return;
        }
        let mut running = self.running.entry(case.id.clone()).or_default();
        running.retain(|id, wanted| {
            let stands = owed.iter().any(|owed| owed.id == *id);
            if !stands {
                wanted.cancel();
            }
            stands
        });
        for owed in owed {
            if let Effect::Watch { .. } = owed.effect {
                let wanted = running.entry(owed.id.clone());
                let wanted = wanted.or_insert_with(|| self.world.stop.child_token());
                self.readers.watch(&case.id, &owed, wanted, || span_of(&case.id, &owed));
                continue;
            }
            if running.contains_key(&owed.id) {
                continue;
            }
            let id = owed.id.clone();
            let wanted = if self.is_done(case, &owed) {
                CancellationToken::new()
            } else {
                self.start(case, owed)
            };
            running.insert(id, wanted);
        }
    }

    fn awoken(&self, case: &Arc<Case>) {
        if case.fingerprint.is_some() || !case.is_open() || is_own(case) {
            return;
        }
        let known = case.context.entries().iter().map(AsRef::as_ref);
        let found = self.world.playbooks.current().fingerprint(&case_facts(case), known);
        if let Some(fingerprint) = found {
            let (world, id) = (self.world.clone(), case.id.clone());
            self.world.tasks.spawn(async move {
                if let Err(failure) = world.matters.recognise(&id, fingerprint).await {
                    warn!(case = %id, error = %failure, "the matter is recognised when the case is seen next");
                }
            });
        }
    }

    fn at_once(&self, case: &Case) -> Option<Command> {
        let routing = case.routing.as_ref()?;
        match agents::candidate(&self.world.sessions, case, &routing.target)? {
            Pick::Agent(to) => Some(Command::Offer { to }),
            Pick::AllTried | Pick::Nobody => None,
        }
    }

    fn happened(&self, change: &Change) {
        self.world.metrics.happened(change);
        self.world.sessions.tell(change);
        if change.events.iter().any(|event| tells_the_matter(&event.kind)) {
            self.awoken(&change.case);
        }
    }
}

/// Whether something became known by which a matter may be recognised.
fn tells_the_matter(kind: &EventKind) -> bool {
    match kind {
        EventKind::ContextAdded { .. } => true,
        EventKind::CaseAmended { subject, labels, .. } => subject.is_some() || labels.is_some(),
        _ => false,
    }
}

/// Whether Belay opened it by itself: that is no report of anything.
fn is_own(case: &Case) -> bool {
    case.opened_by.strip_prefix("program:").is_some_and(|name| OWN.contains(&name))
}

impl Errand {
    /// Does what is owed. `case` is as it was when that was found.
    async fn run(self, case: Arc<Case>, owed: Owed) {
        // Nobody else needs it, and it must not be kept for as long as the errand stands.
        let known = matches!(owed.effect, Effect::Seek { .. }).then_some(case);
        if !self.until(owed.due).await {
            return;
        }
        // Each on the heap by itself: most errands that stand for long are small, and all would weigh what the largest
        // does.
        match owed.effect {
            Effect::Seek { target, .. } => Box::pin(self.seek(known, &target)).await,
            Effect::Offer { handoff, to, .. } => Box::pin(self.offer(&handoff, &to)).await,
            Effect::Assess { action, .. } => Box::pin(self.assess(&action)).await,
            Effect::DeliverPermit { action } => Box::pin(self.deliver_permit(&action)).await,
            Effect::Execute { action, attempt } => Box::pin(self.execute(&action, attempt)).await,
            Effect::ReadBack { action, attempt } => {
                Box::pin(self.read_back(&action, attempt)).await;
            }
            Effect::CompareSystems { plan } => Box::pin(self.compare_systems(&plan)).await,
            Effect::Compensate { action, attempt } => {
                Box::pin(self.compensate(&action, attempt)).await;
            }
            Effect::PlaceTicket { escalation, correlation, queue } => {
                Box::pin(self.place(&escalation, correlation, &queue)).await;
            }
            // Read by the reader of its system, with all others there.
            Effect::Watch { .. } => {}
            Effect::Listen { correlation, queue, ticket, every, .. } => {
                Box::pin(self.listen(&correlation, &queue, &ticket, every)).await;
            }
            Effect::Answer { queue, refusal, short_form, .. } => {
                Box::pin(self.say_why(&queue, &refusal, &short_form)).await;
            }
            Effect::Unite { with } => Box::pin(self.unite(&with)).await,
            Effect::Recognise { fingerprint } => Box::pin(self.recognise(fingerprint)).await,
            Effect::NoteMerge { from, correlation, queue, ticket } => {
                Box::pin(self.note_merge(&from, &correlation, &queue, &ticket)).await;
            }
            Effect::Withdraw { correlation, queue, ticket, .. } => {
                Box::pin(self.withdraw(&correlation, &queue, &ticket)).await;
            }
        }
    }

    /// Brings an answer to the case, as often as it takes. False if the case does not want it.
    async fn answer(&self, command: Command) -> bool {
        let mut patience = Patience::new(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            match Box::pin(self.world.engine.command(&self.case, command.clone())).await {
                Ok(_) => return true,
                Err(Refused::Rejected(rejection)) => {
                    tracing::debug!(%rejection, "the case does not want this answer");
                    return false;
                }
                Err(Refused::Draining) => return false,
                Err(failure) => {
                    warn!(error = %failure, "the answer of an errand could not be recorded yet");
                    if !self.wait(patience.next()).await {
                        return false;
                    }
                }
            }
        }
    }

    /// The case as it is now, as soon as it can be had: an errand that ended because the engine was busy would never
    /// be run again. None if there is no such case, or the errand is not wanted any more.
    async fn case(&self) -> Option<Arc<Case>> {
        let mut patience = Patience::new(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            match Box::pin(self.world.engine.case(&self.case)).await {
                Ok(found) => return found,
                Err(Refused::Draining | Refused::Damaged(_)) => return None,
                Err(failure) => warn!(error = %failure, "an errand cannot see its case yet"),
            }
            if !self.wait(patience.next()).await {
                return None;
            }
        }
    }

    /// The case and one of its actions as they are now.
    async fn action(&self, id: &ActionId) -> Option<(Arc<Case>, Arc<Action>)> {
        let case = self.case().await?;
        let action = case.actions.get(id)?.clone();
        Some((case, action))
    }

    /// Waits for at most this long. False if the errand is not wanted any more.
    async fn wait(&self, most: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.wanted.cancelled() => false,
            () = tokio::time::sleep(self.jitter.within(most)) => true,
        }
    }

    /// Waits until a system that did not do what it was asked for may be asked again, among all who want to. False if
    /// the errand is not wanted any more.
    async fn wait_to_repeat(&self, system: &SystemId, patience: &mut Patience) -> bool {
        loop {
            if !self.wait(patience.next()).await {
                return false;
            }
            if self.budgets.repeat(system) {
                return true;
            }
        }
    }

    async fn until(&self, moment: Timestamp) -> bool {
        let clock = self.world.engine.clock();
        // Even a sleep of no length ends with the next tick of the runtime's timer, a millisecond away.
        if moment <= clock.now() {
            return self.is_wanted();
        }
        tokio::select! {
            biased;
            () = self.wanted.cancelled() => false,
            () = tokio::time::sleep_until(clock.instant(moment)) => true,
        }
    }

    fn is_wanted(&self) -> bool {
        !self.wanted.is_cancelled()
    }
}

#[cfg(test)]
mod tests;
