//! The desk as a human queue, seen by Belay like any other.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_domain::{
    ActKind, ActorKind, Correlation, OurTicket, QueueFacts, QueueId, Reading, Statement,
    TicketActor, TicketFacts, TicketId, TicketReading,
};

use super::{Desk, DeskAct, DeskError, DeskTicket, Page, TicketFilter, TicketStanding};
use crate::human_queue::inspected;
use crate::{
    BoxFuture, Finding, HumanQueue, NewTicket, OurTickets, QueueError, QueueErrorKind, RouteCheck,
    Rumour, RumourReceiver, Settling, Wanted,
};

/// So many tickets are read in one go; others who use the desk wait for less than a tenth of a second.
const AT_ONCE: usize = 200;

impl HumanQueue for Desk {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        let queue = queue.clone();
        Box::pin(async move { Ok(self.worker.ask(move |store| store.inspect(&queue)).await?) })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        let correlation = correlation.clone();
        Box::pin(async move { Ok(self.worker.ask(move |store| store.find(&correlation)).await?) })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        let new = ticket.clone();
        Box::pin(async move {
            let created = self.worker.ask(move |store| store.create(&new)).await?;
            let correlation = Some(ticket.correlation.clone());
            self.spread(Rumour { ticket: created.clone(), correlation });
            Ok(created)
        })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        let (ticket, queue) = (ticket.clone(), queue.clone());
        Box::pin(async move {
            let look =
                move |store: &mut super::Store| Ok((store.facts(&ticket), store.inspect(&queue)));
            match self.worker.ask(look).await {
                Ok((ticket, queue)) => reading(ticket, queue.ok()),
                Err(error) => unreadable(&error),
            }
        })
    }

    fn read_many<'a>(&'a self, wanted: &'a [Wanted]) -> BoxFuture<'a, Vec<Reading>> {
        let asked = wanted.to_vec();
        Box::pin(async move {
            let look = move |store: &mut super::Store| {
                let mut queues = BTreeMap::new();
                for one in &asked {
                    let facts = |queue| store.inspect(queue).ok();
                    queues.entry(&one.queue).or_insert_with_key(|queue| facts(queue));
                }
                let read = |one: &Wanted| {
                    reading(store.facts(&one.ticket), queues.get(&one.queue).cloned().flatten())
                };
                Ok(asked.iter().map(read).collect::<Vec<_>>())
            };
            match self.worker.ask(look).await {
                Ok(readings) => readings,
                Err(error) => vec![unreadable(&error); wanted.len()],
            }
        })
    }

    fn reads_at_once(&self) -> usize {
        AT_ONCE
    }

    fn requests_for(&self, _: &[Wanted]) -> u32 {
        1
    }

    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        Box::pin(async move {
            let after = page.map(str::parse).transpose().map_err(|_| {
                let detail = format!("{page:?} is no place in the list of tickets");
                QueueError::new(QueueErrorKind::Refused, detail)
            })?;
            let open =
                TicketFilter { standing: Some(TicketStanding::Open), ..TicketFilter::default() };
            let page = Page { after, size: Page::SIZE_MAX };
            let found = self.tickets(open, page).await?;
            Ok(OurTickets {
                tickets: found.tickets.into_iter().map(our_ticket).collect(),
                next: found.next.map(|next| next.to_string()),
            })
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        let note = note.to_owned();
        Box::pin(async move {
            self.change(ticket, move |store, ticket| store.withdraw(ticket, &note)).await?;
            Ok(())
        })
    }

    fn tell<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        let note = note.to_owned();
        Box::pin(async move {
            self.change(ticket, move |store, ticket| store.tell(ticket, &note)).await?;
            Ok(())
        })
    }

    fn statements<'a>(
        &'a self,
        ticket: &'a TicketId,
    ) -> BoxFuture<'a, Result<Vec<Statement>, QueueError>> {
        Box::pin(async move {
            let acts = self.ticket(ticket).await?.acts.into_iter().enumerate();
            let said = acts.filter(|(_, act)| {
                matches!(act.kind, ActKind::Noted | ActKind::Replied) && !act.text.is_empty()
            });
            // Acts are only ever added, so the place of one never changes.
            let statement = |(place, act): (usize, DeskAct)| Statement {
                id: place.to_string(),
                actor: TicketActor { name: act.actor, kind: act.actor_kind },
                text: act.text,
            };
            Ok(said.map(statement).collect())
        })
    }

    fn prove<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<Vec<Finding>, QueueError>> {
        Box::pin(async move {
            let facts = match self.inspect(queue).await {
                Ok(facts) => facts,
                Err(error) if error.kind == QueueErrorKind::Refused => {
                    return Ok(vec![
                        Finding::held(RouteCheck::Reachable),
                        Finding::broken(RouteCheck::Exists, error.detail),
                    ]);
                }
                Err(error) => return Err(error),
            };
            let ours = facts.staff.iter().find(|member| member.kind == ActorKind::Ourselves);
            let mut findings = inspected(&facts);
            findings.extend([
                Finding::held(RouteCheck::Readable),
                Finding::held(RouteCheck::StatusesMapped),
                Finding::held(RouteCheck::RightsSuffice),
                match ours {
                    None => Finding::held(RouteCheck::RightsNotExcessive),
                    Some(member) => Finding::broken(
                        RouteCheck::RightsNotExcessive,
                        format!("take {}, which is Belay itself, off the queue", member.name),
                    ),
                },
            ]);
            findings.sort_by_key(|finding| finding.check);
            Ok(findings)
        })
    }

    fn rumours(&self) -> Option<RumourReceiver> {
        Some(self.watch())
    }

    /// What was created is found at once; this is for what is under way.
    fn settling(&self) -> Settling {
        Settling { within: Duration::from_millis(500), every: Duration::from_millis(50) }
    }
}

fn reading(ticket: Result<TicketFacts, DeskError>, queue: Option<QueueFacts>) -> Reading {
    let ticket = match ticket {
        Ok(facts) => TicketReading::Present(Box::new(facts)),
        Err(DeskError::NoTicket { .. }) => TicketReading::Missing,
        Err(error) => return unreadable(&error),
    };
    Reading { ticket, queue }
}

fn our_ticket(found: DeskTicket) -> OurTicket {
    OurTicket {
        ticket: found.id,
        correlation: found.correlation,
        case: Some(found.case),
        queue: Some(found.queue),
        holder: found.holder,
        subject: Some(found.subject),
        priority: Some(found.severity.to_string()),
    }
}

fn unreadable(error: &DeskError) -> Reading {
    Reading { ticket: TicketReading::Unreadable { detail: error.to_string() }, queue: None }
}

impl From<DeskError> for QueueError {
    fn from(error: DeskError) -> Self {
        let kind = match &error {
            DeskError::Busy | DeskError::Stopped | DeskError::Start(_) => {
                QueueErrorKind::Unavailable
            }
            // A commit that failed may be in the file all the same.
            DeskError::Storage(_) => QueueErrorKind::Unknown,
            _ => QueueErrorKind::Refused,
        };
        Self::new(kind, error.to_string())
    }
}
