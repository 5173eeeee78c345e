//! What two careless clients would have said in the same world: the baselines beside which Belay's own figure means
//! something.
//!
//! Each of them asks the first queue, once per case, over the same adapter and in the same world of the same seed.
//! *Sent is covered* believes any answer with success. *Acknowledged is covered* reads the ticket until it looks as if
//! somebody had it, and never looks again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belay_connect::{HumanQueue, NewTicket, QueueErrorKind};
use belay_domain::{ActorKind, CaseId, Severity, Standing, TicketId, TicketReading};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::itsm::adapter::Itsm;
use crate::itsm::{Ticket, id};
use crate::people::Report;
use crate::tally::Tally;
use crate::world::{Moment, World};

/// How often a client that wants to see an acknowledgement looks, until it has seen one.
const LOOKS_EVERY: Duration = Duration::from_secs(20);

/// How long a client waits after a failure before it tries again, knowing nothing of what became of the first try.
const TRIES_EVERY: Duration = Duration::from_secs(5);

/// How long a person may leave a ticket alone, in the playbook of all runs.
const LEFT_ALONE_MOST: Duration = Duration::from_secs(180);

/// What a careless client believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Careless {
    /// Any 2xx.
    Sent,
    /// The first look at a ticket that has an owner, or is closed.
    Acknowledged,
}

/// Since when each case is believed to be covered.
type Believed = Arc<Mutex<BTreeMap<CaseId, Moment>>>;

impl Careless {
    /// Its name in a tally.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent is covered",
            Self::Acknowledged => "acknowledged is covered",
        }
    }

    /// Lives through a world for so long, and counts the seconds in which it calls a case covered, and those of them
    /// in which nobody has it.
    pub(crate) fn live(
        self,
        world: &World,
        reports: &[Report],
        lasts: Duration,
    ) -> Result<Tally, String> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| error.to_string())?;
        let mut tally = Tally::default();
        LocalSet::new().block_on(&runtime, async {
            world.look().time_runs();
            let believed = Believed::default();
            for report in reports {
                let (world, report, believed) = (world.clone(), report.clone(), believed.clone());
                tokio::task::spawn_local(async move { self.ask(&world, &report, &believed).await });
            }
            while world.now() < lasts {
                tokio::time::sleep(Duration::from_secs(1)).await;
                self.count(world, &believed, &mut tally);
            }
        });
        Ok(tally)
    }

    async fn ask(self, world: &World, report: &Report, believed: &Believed) {
        tokio::time::sleep(report.at.saturating_sub(world.now())).await;
        let itsm = Itsm::new(world.clone(), &id("itsm"));
        let case: CaseId = id(&format!("case-{}", report.request));
        let wanted = NewTicket {
            correlation: id(&format!("{case}/e1/r1s1")),
            case: case.clone(),
            queue: id("first-line"),
            subject: report.request.clone(),
            body: String::new(),
            severity: Severity::Normal,
        };
        let ticket = loop {
            match itsm.create(&wanted).await {
                Ok(ticket) => break Some(ticket),
                // It said 200, and in prose that it did not.
                Err(error) if self == Self::Sent && error.kind == QueueErrorKind::NotUnderstood => {
                    break None;
                }
                Err(_) => tokio::time::sleep(TRIES_EVERY).await,
            }
        };
        if let Some(ticket) = ticket.filter(|_| self == Self::Acknowledged) {
            while !looks_taken(&itsm, &ticket, &wanted).await {
                tokio::time::sleep(LOOKS_EVERY).await;
            }
        }
        believed.lock().unwrap_or_else(PoisonError::into_inner).insert(case, world.now());
    }

    fn count(self, world: &World, believed: &Believed, tally: &mut Tally) {
        let state = world.look();
        for case in believed.lock().unwrap_or_else(PoisonError::into_inner).keys() {
            let tickets = state.houses.values().flat_map(|house| house.tickets.values());
            let of_case: Vec<_> = tickets.filter(|ticket| ticket.case == *case).collect();
            let attended = of_case.iter().any(|ticket| is_attended(ticket, state.now()));
            if of_case.iter().any(|ticket| is_done(ticket)) {
                continue;
            }
            tally.count(&format!("{}: said", self.name()));
            if !attended {
                tally.count(&format!("{}: nobody", self.name()));
            }
        }
    }
}

async fn looks_taken(itsm: &Itsm, ticket: &TicketId, wanted: &NewTicket) -> bool {
    match itsm.read(ticket, &wanted.queue).await.ticket {
        TicketReading::Present(facts) => {
            facts.holder.is_some()
                || matches!(facts.standing, Standing::Resolved | Standing::Rejected)
        }
        TicketReading::Missing | TicketReading::Unreadable { .. } => false,
    }
}

/// Somebody truly holds it, and has not left it alone for longer than the playbook lets them.
fn is_attended(ticket: &Ticket, now: Moment) -> bool {
    let touched = ticket.faces.last().map_or(Duration::ZERO, |(at, _)| *at);
    ticket.is_held() && now.saturating_sub(touched) <= LEFT_ALONE_MOST
}

/// A person ended the matter, and said how.
fn is_done(ticket: &Ticket) -> bool {
    ticket.now.standing == Standing::Resolved
        && ticket.now.resolution.as_ref().is_some_and(|resolution| {
            let by = resolution.actor.as_ref();
            by.is_some_and(|by| by.kind == ActorKind::Person) && resolution.code.is_some()
        })
}
