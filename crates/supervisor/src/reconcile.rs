//! Regularly holding what the journal believes of tickets against what each human queue's system shows.
//!
//! The domain says what does not fit and what it means; here the lists are fetched, what is suspected is read
//! again, and what is too much is withdrawn by the ordinary road. A system that cannot be listed leaves everything
//! as it is, and so does a case that cannot be looked up.

mod findings;
mod list;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belay_connect::{HumanQueue, QueueError, Wanted};
use belay_domain::{
    Belief, Believed, CaseId, Changed, Command, Correlation, Discrepancy, Drifted, Face, OurTicket,
    Remedies, Remedy, SystemId, TicketId, absent, changed, reconcile,
};
use belay_playbook::Reconcile;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::engine::{Engine, Refused};
use crate::lookout::Lookout;
use crate::playbooks::Playbooks;
use crate::systems::Systems;

pub(crate) use findings::Findings;

/// How often a system that the playbook does not name any more is asked; its tickets are still there.
const OTHERWISE: Duration = Duration::from_secs(60);

/// So many cases are looked up in one pass; the tickets of others wait for the next. After a start nobody knows
/// the tickets of cases that have not been woken yet.
const LOOKED_UP_MAX: usize = 1_000;

/// So many tickets that are missing from a list are read again in one pass.
const READ_AGAIN_MAX: usize = 200;

/// So many changes by hand are told to their cases in one pass; the others are found by the next.
const CHANGES_MAX: usize = 500;

/// The longest that one look at suspected tickets may take.
const READ_WITHIN: Duration = Duration::from_secs(20);

/// What people are told at a ticket that another installation may have made.
const STRANGER: &str =
    "Belay does not know the case of this ticket. Taking it does not take a case.";

/// Holds both sides against each other; cheap to clone.
#[derive(Clone)]
pub(crate) struct Reconciler {
    engine: Engine,
    playbooks: Playbooks,
    systems: Systems,
    lookout: Lookout,
    faces: Arc<Mutex<HashMap<(SystemId, TicketId), Face>>>,
}

/// Why nothing was concluded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReconciled {
    /// The system did not list our tickets.
    #[error("its tickets could not be listed: {0}")]
    Unlisted(#[source] QueueError),
    /// A case could not be looked up.
    #[error("a case could not be looked up: {0}")]
    Unknown(#[source] Refused),
}

/// A ticket of a step: what the two sides are matched by.
type Key = (Correlation, TicketId);

impl Reconciler {
    /// One that knows what these know.
    #[must_use]
    pub(crate) fn new(
        engine: Engine,
        playbooks: Playbooks,
        systems: Systems,
        lookout: Lookout,
    ) -> Self {
        Self { engine, playbooks, systems, lookout, faces: Arc::default() }
    }

    /// Goes through every system at its interval until told to stop. One that is slow does not hold up another.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut changes = self.systems.changes();
        let (mut followed, mut rounds) = (BTreeSet::new(), FuturesUnordered::new());
        loop {
            for system in self.systems.reaching().into_keys() {
                if followed.insert(system.clone()) {
                    rounds.push(self.follow(system));
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = changes.next() => {}
                Some(gone) = rounds.next() => {
                    followed.remove(&gone);
                }
            }
        }
    }

    /// Goes through one system again and again, for as long as it is connected.
    async fn follow(&self, system: SystemId) -> SystemId {
        let begun = self.engine.clock().now();
        // The first time after half an interval: what was under way is being taken up again.
        let mut wait = spread(self.settings(&system).0, &(&system, begun, 0_u64)) / 2;
        for passes in 1_u64.. {
            tokio::time::sleep(wait).await;
            let Some(queue) = self.systems.queue(&system) else { break };
            let (every, remedies) = self.settings(&system);
            match self.pass(&system, &*queue, &remedies).await {
                Ok(found) => self.systems.findings().found(&system, found),
                Err(failure) => self.systems.findings().failed(&system, &failure),
            }
            wait = spread(every, &(&system, begun, passes));
        }
        system
    }

    /// How often, and what is done.
    fn settings(&self, system: &SystemId) -> (Duration, Remedies) {
        let playbook = self.playbooks.current();
        let found = playbook.system(system).map(|found| found.reconcile);
        let Some(Reconcile { every, remedies }) = found else {
            return (OTHERWISE, Remedies::default());
        };
        (Duration::try_from(every).unwrap_or(OTHERWISE), remedies)
    }

    /// Goes through one system once: says what does not fit, and does what is to be done about it.
    async fn pass(
        &self,
        system: &SystemId,
        queue: &dyn HumanQueue,
        remedies: &Remedies,
    ) -> Result<Vec<Discrepancy>, NotReconciled> {
        // What was not seen before the list began may not be in it.
        let before: HashSet<Key> =
            self.lookout.tickets(system).into_iter().filter_map(seen).collect();
        let shown = list::all(queue).await.map_err(NotReconciled::Unlisted)?;
        let mut believed = self.lookout.tickets(system);
        let cases = self.look_up(system, &mut believed, &shown).await?;
        for one in &mut believed {
            if seen(one.clone()).is_some_and(|key| !before.contains(&key)) {
                one.belief = Belief::Asked;
            }
        }
        let shown: Vec<_> = shown.into_iter().filter(|one| cases.is_settled(one)).collect();
        let known = |case: &CaseId| cases.known.contains(case);
        let first = |ticket: &TicketId| self.first_seen(system, ticket);
        let found = reconcile(&believed, &shown, &known, &first);
        for change in changed(&believed, &shown, &first).into_iter().take(CHANGES_MAX) {
            self.keep(change).await;
        }
        self.remember(system, &shown);
        let (suspected, mut found): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|one| remedies.remedy(one) == Remedy::ReadAgain);
        for one in &found {
            if remedies.remedy(one) == Remedy::Withdraw {
                self.withdraw(queue, one, &known).await;
            }
        }
        found.extend(self.read_again(queue, &suspected, &believed).await);
        Ok(found)
    }

    /// Adds what cases say of tickets that nobody here knew, as the index may not have heard of them.
    async fn look_up(
        &self,
        system: &SystemId,
        believed: &mut Vec<Believed>,
        shown: &[OurTicket],
    ) -> Result<Cases, NotReconciled> {
        let mut cases = Cases::default();
        cases.known.extend(believed.iter().map(|one| one.case.clone()));
        let there: HashSet<Key> = believed.iter().filter_map(key).collect();
        let strange =
            |one: &&OurTicket| !there.contains(&(one.correlation.clone(), one.ticket.clone()));
        let strangers: BTreeSet<CaseId> =
            shown.iter().filter(strange).filter_map(|one| one.correlation.case()).collect();
        for (number, case) in strangers.into_iter().enumerate() {
            if number >= LOOKED_UP_MAX {
                cases.later.insert(case);
                continue;
            }
            let found = self.engine.case(&case).await.map_err(NotReconciled::Unknown)?;
            believed.retain(|one| one.case != case);
            match found {
                Some(found) => {
                    let here = found.tickets().into_iter();
                    believed.extend(here.filter(|one| one.queue.system == *system));
                    cases.known.insert(case);
                }
                None => {
                    cases.known.remove(&case);
                }
            }
        }
        Ok(cases)
    }

    /// Has a change by hand written into the history of its case. What people changed stays.
    async fn keep(&self, change: Changed) {
        let Changed { case, correlation, ticket, field, was, now } = change;
        let command = Command::Drifted { correlation, ticket, field, was, now };
        if let Err(failure) = self.engine.command(&case, command).await {
            debug!(%case, %failure, "the case did not take note of a change by hand");
        }
    }

    /// Sees to it that the people at a ticket hear that it is over.
    async fn withdraw(
        &self,
        queue: &dyn HumanQueue,
        found: &Discrepancy,
        known: &(dyn Fn(&CaseId) -> bool + Sync),
    ) {
        let (correlation, ticket) = (found.correlation().clone(), found.ticket().clone());
        let case = correlation.case().filter(|case| known(case));
        let failure = match case {
            // By the ordinary road: the case owes it from now on, whatever happens to this process.
            Some(case) => {
                let command = Command::TicketPlaced { correlation, ticket };
                self.engine.command(&case, command).await.err().map(|error| error.to_string())
            }
            None => queue.withdraw(&ticket, STRANGER).await.err().map(|error| error.to_string()),
        };
        if let Some(failure) = failure {
            warn!(%found, failure, "a ticket that nobody waits for is left as it is");
        }
    }

    /// Reads tickets that a list left out. What is shown goes to their cases like every look.
    async fn read_again(
        &self,
        queue: &dyn HumanQueue,
        suspected: &[Discrepancy],
        believed: &[Believed],
    ) -> Vec<Discrepancy> {
        let by_key: HashMap<Key, &Believed> =
            believed.iter().filter_map(|one| Some((key(one)?, one))).collect();
        let asked: Vec<&Believed> = suspected
            .iter()
            .take(READ_AGAIN_MAX)
            .filter_map(|one| by_key.get(&(one.correlation().clone(), one.ticket().clone())))
            .copied()
            .collect();
        let mut found = Vec::new();
        for part in asked.chunks(queue.reads_at_once().max(1)) {
            let wanted: Vec<Wanted> = part.iter().filter_map(|one| wanted(one)).collect();
            let sent_at = self.engine.clock().now();
            let look = tokio::time::timeout(READ_WITHIN, queue.read_many(&wanted)).await;
            let Ok(readings) = look else {
                debug!("suspected tickets took too long to read");
                continue;
            };
            for (one, reading) in part.iter().zip(readings) {
                let gone = absent(one, &reading);
                if let Some(change) = gone.as_ref().and_then(|gone| unmarked(one, gone)) {
                    self.keep(change).await;
                }
                found.extend(gone);
                let correlation = one.correlation.clone();
                let reading = Box::new(reading);
                // Nobody counts here; whoever holds it is judged by the next ordinary look.
                let observe =
                    Command::Observe { correlation, reading, sent_at, together: u32::MAX };
                if let Err(failure) = self.engine.command(&one.case, observe).await {
                    debug!(case = %one.case, %failure, "the case did not want this look");
                }
            }
        }
        found
    }

    fn first_seen(&self, system: &SystemId, ticket: &TicketId) -> Option<Face> {
        let faces = self.faces.lock().unwrap_or_else(PoisonError::into_inner);
        faces.get(&(system.clone(), ticket.clone())).cloned()
    }

    /// What was first seen of the tickets that are shown; the others are forgotten.
    fn remember(&self, system: &SystemId, shown: &[OurTicket]) {
        let there: HashSet<&TicketId> = shown.iter().map(|one| &one.ticket).collect();
        let mut faces = self.faces.lock().unwrap_or_else(PoisonError::into_inner);
        faces.retain(|(of, ticket), _| of != system || there.contains(ticket));
        for one in shown {
            let face = || Face { subject: one.subject.clone(), priority: one.priority.clone() };
            faces.entry((system.clone(), one.ticket.clone())).or_insert_with(face);
        }
    }
}

/// Which cases the journal has, as far as was looked.
#[derive(Debug, Default)]
struct Cases {
    known: BTreeSet<CaseId>,
    /// Nobody has looked yet.
    later: BTreeSet<CaseId>,
}

impl Cases {
    /// Whether everything is known that this ticket has to be held against.
    fn is_settled(&self, ticket: &OurTicket) -> bool {
        ticket.correlation.case().is_none_or(|case| !self.later.contains(&case))
    }
}

fn key(one: &Believed) -> Option<Key> {
    Some((one.correlation.clone(), one.ticket.clone()?))
}

/// The ticket, if a read has shown it and its answer is waited for.
fn seen(one: Believed) -> Option<Key> {
    if one.belief == Belief::Seen { key(&one) } else { None }
}

/// What was written over our mark, if that is why a list left the ticket out.
fn unmarked(one: &Believed, found: &Discrepancy) -> Option<Changed> {
    let Discrepancy::Drift { correlation, ticket, field: Drifted::Mark, now } = found else {
        return None;
    };
    Some(Changed {
        case: one.case.clone(),
        correlation: correlation.clone(),
        ticket: ticket.clone(),
        field: Drifted::Mark,
        was: correlation.to_string(),
        now: now.clone(),
    })
}

fn wanted(one: &Believed) -> Option<Wanted> {
    Some(Wanted {
        ticket: one.ticket.clone()?,
        queue: one.queue.queue.clone(),
        correlation: one.correlation.clone(),
    })
}

/// Up to a tenth earlier or later than `every`, so that many systems and replicas do not ask at the same time.
/// Drawn from what it is for, because nothing here may depend on luck.
fn spread(every: Duration, what_for: &impl Hash) -> Duration {
    let mut hasher = DefaultHasher::new();
    what_for.hash(&mut hasher);
    let permille = u32::try_from(hasher.finish() % 201).unwrap_or(100);
    every * (900 + permille) / 1_000
}
