//! A duty manager who takes whatever they are asked for at once, and has it done within half an hour: the end of every
//! escalation in which the group did not act.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_connect::{BoxFuture, HumanQueue, NewTicket, QueueError};
use belay_domain::{
    Act, ActKind, ActorKind, Correlation, QueueFacts, QueueId, Reading, Standing, TicketActor,
    TicketFacts, TicketId, TicketReading, TicketResolution,
};
use tokio::time::Instant;

use crate::itsm::{id, member, person};

/// How long a matter takes the manager.
const DONE_WITHIN: Duration = Duration::from_secs(30 * 60);

const MANAGER: &str = "duty-manager";

/// The queue of the duty manager.
pub(super) struct Duty {
    tickets: Mutex<BTreeMap<TicketId, (NewTicket, Instant)>>,
}

impl Duty {
    pub(super) fn new() -> Self {
        Self { tickets: Mutex::default() }
    }

    fn tickets(&self) -> MutexGuard<'_, BTreeMap<TicketId, (NewTicket, Instant)>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self, ticket: &TicketId) -> TicketReading {
        let tickets = self.tickets();
        let Some((asked, since)) = tickets.get(ticket) else { return TicketReading::Missing };
        let manager = person(&id(MANAGER));
        let done = since.elapsed() >= DONE_WITHIN;
        let act = |kind| Act { actor: manager.clone(), kind };
        let resolution = done.then(|| TicketResolution {
            actor: Some(manager.clone()),
            code: Some(id("resolved")),
            note: String::new(),
            links: Vec::new(),
        });
        TicketReading::Present(Box::new(TicketFacts {
            ticket: ticket.clone(),
            case: Some(asked.case.clone()),
            correlation: Some(asked.correlation.clone()),
            queue: asked.queue.clone(),
            standing: if done { Standing::Resolved } else { Standing::Open },
            revision: if done { 2 } else { 1 },
            holder: Some(TicketActor { name: id(MANAGER), kind: ActorKind::Person }),
            acts: vec![act(ActKind::Took)],
            resolution,
        }))
    }
}

impl fmt::Debug for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duty").finish_non_exhaustive()
    }
}

impl HumanQueue for Duty {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        let staff = vec![member(MANAGER, ActorKind::Person)];
        let facts = QueueFacts { queue: queue.clone(), enabled: true, staff };
        Box::pin(async move { Ok(facts) })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        let tickets = self.tickets();
        let found = tickets.iter().filter(|(_, (asked, _))| asked.correlation == *correlation);
        let found: Vec<_> = found.map(|(ticket, _)| ticket.clone()).collect();
        Box::pin(async move { Ok(found) })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        let mut tickets = self.tickets();
        let made: TicketId = id(&format!("duty-{}", tickets.len() + 1));
        tickets.insert(made.clone(), (ticket.clone(), Instant::now()));
        Box::pin(async move { Ok(made) })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let queue = self.inspect(queue).await.ok();
            Reading { ticket: self.shown(ticket), queue }
        })
    }

    fn withdraw<'a>(
        &'a self,
        _: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async { Ok(()) })
    }
}
