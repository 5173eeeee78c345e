//! A small ticket system that does as it is told, with lists that can be made to lie.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use belay_connect::{
    BoxFuture, HumanQueue, NewTicket, OurTicket, OurTickets, QueueError, QueueErrorKind,
};
use belay_domain::{
    Act, ActKind, ActorKind, CaseId, Correlation, PersonId, QueueFacts, QueueId, Reading,
    StaffMember, Standing, TicketActor, TicketFacts, TicketId, TicketReading, TicketResolution,
};
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct House {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tickets: BTreeMap<TicketId, Ticket>,
    made: u32,
    lists_fail: bool,
}

#[derive(Clone, Debug)]
struct Ticket {
    case: Option<CaseId>,
    correlation: Correlation,
    queue: QueueId,
    subject: String,
    holder: Option<PersonId>,
    /// Since when; whoever holds it writes a note every minute.
    taken_at: Option<Instant>,
    closed: bool,
    revision: u64,
    /// A search finds it.
    found: bool,
    /// A list shows it.
    listed: bool,
    withdrawals: u32,
}

impl House {
    /// `T1 open ann; T2 closed, told`.
    pub(super) fn shows(&self) -> String {
        let told = |(id, ticket): (&TicketId, &Ticket)| {
            let state = if ticket.closed { "closed" } else { "open" };
            let holder = ticket.holder.as_ref().map_or(String::new(), |by| format!(" {by}"));
            let told = if ticket.withdrawals > 0 { ", told" } else { "" };
            format!("{id} {state}{holder}{told}")
        };
        self.state().tickets.iter().map(told).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn withdrawals(&self, ticket: &str) -> u32 {
        self.state().tickets[&id(ticket)].withdrawals
    }

    pub(super) fn subject(&self, ticket: &str) -> String {
        self.state().tickets[&id(ticket)].subject.clone()
    }

    pub(super) fn take(&self, ticket: &str, by: &str) {
        self.change(ticket, |found| {
            (found.holder, found.taken_at) = (Some(id(by)), Some(Instant::now()));
        });
    }

    pub(super) fn rename(&self, ticket: &str, subject: &str) {
        self.change(ticket, |found| found.subject = subject.to_owned());
    }

    pub(super) fn close(&self, ticket: &str) {
        self.change(ticket, |found| found.closed = true);
    }

    pub(super) fn leave_out(&self, ticket: &str) {
        self.change(ticket, |found| found.listed = false);
    }

    pub(super) fn lose(&self, ticket: &str) {
        self.state().tickets.remove(&id(ticket));
    }

    pub(super) fn fail_lists(&self, fail: bool) {
        self.state().lists_fail = fail;
    }

    /// The ticket is there a second time, where no search finds it.
    pub(super) fn double(&self, ticket: &str, holder: Option<&str>) {
        let mut state = self.state();
        let first = state.tickets[&id(ticket)].clone();
        let holder = holder.map(id);
        state.made += 1;
        let second = id(&format!("T{}", state.made));
        state.tickets.insert(second, Ticket { holder, found: false, ..first });
    }

    pub(super) fn add(&self, ticket: &str, correlation: &str, case: Option<&CaseId>) {
        let new = new(case.cloned(), id(correlation), id("first-line"), "added");
        self.state().tickets.insert(id(ticket), Ticket { found: false, ..new });
    }

    fn change(&self, ticket: &str, change: impl FnOnce(&mut Ticket)) {
        let mut state = self.state();
        let found = state.tickets.get_mut(&id(ticket)).expect("a ticket to change");
        change(found);
        found.revision += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl HumanQueue for House {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async move { Ok(staffed(queue)) })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async move {
            let state = self.state();
            let found = state
                .tickets
                .iter()
                .filter(|(_, one)| one.found && one.correlation == *correlation);
            Ok(found.map(|(ticket, _)| ticket.clone()).collect())
        })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async move {
            let mut state = self.state();
            state.made += 1;
            let made: TicketId = id(&format!("T{}", state.made));
            let NewTicket { case, correlation, queue, subject, .. } = ticket;
            let new = new(Some(case.clone()), correlation.clone(), queue.clone(), subject);
            state.tickets.insert(made.clone(), new);
            Ok(made)
        })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let found = self.state().tickets.get(ticket).cloned();
            let ticket = match found {
                Some(found) => TicketReading::Present(Box::new(facts(ticket, found))),
                None => TicketReading::Missing,
            };
            Reading { ticket, queue: Some(staffed(queue)) }
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            let mut state = self.state();
            if let Some(found) = state.tickets.get_mut(ticket).filter(|found| !found.closed) {
                found.withdrawals += 1;
                found.closed = found.holder.is_none();
                found.revision += 1;
            }
            Ok(())
        })
    }

    fn ours<'a>(&'a self, _: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        Box::pin(async move {
            let state = self.state();
            if state.lists_fail {
                return Err(QueueError::new(QueueErrorKind::Unavailable, "told to fail"));
            }
            let open = state.tickets.iter().filter(|(_, one)| one.listed && !one.closed);
            let ours = |(ticket, one): (&TicketId, &Ticket)| OurTicket {
                ticket: ticket.clone(),
                correlation: one.correlation.clone(),
                case: one.case.clone(),
                queue: Some(one.queue.clone()),
                holder: one.holder.clone(),
                subject: Some(one.subject.clone()),
                priority: None,
            };
            Ok(OurTickets { tickets: open.map(ours).collect(), next: None })
        })
    }
}

fn new(case: Option<CaseId>, correlation: Correlation, queue: QueueId, subject: &str) -> Ticket {
    Ticket {
        case,
        correlation,
        queue,
        subject: subject.to_owned(),
        holder: None,
        taken_at: None,
        closed: false,
        revision: 1,
        found: true,
        listed: true,
        withdrawals: 0,
    }
}

fn staffed(queue: &QueueId) -> QueueFacts {
    let member = |name: &str| StaffMember {
        name: id(name),
        kind: ActorKind::Person,
        enabled: true,
        may_take: true,
        on_shift: None,
    };
    QueueFacts { queue: queue.clone(), enabled: true, staff: vec![member("ann"), member("ben")] }
}

fn facts(ticket: &TicketId, found: Ticket) -> TicketFacts {
    let holder = found.holder.map(|name| TicketActor { name, kind: ActorKind::Person });
    let act = |actor: &TicketActor, kind| Act { actor: actor.clone(), kind };
    let notes = found.taken_at.map_or(0, |at| at.elapsed().as_secs() / 60);
    let acts = holder.iter().flat_map(|by| {
        let notes = (0..notes).map(move |_| act(by, ActKind::Noted));
        [act(by, ActKind::Took)].into_iter().chain(notes)
    });
    TicketFacts {
        ticket: ticket.clone(),
        case: found.case,
        correlation: Some(found.correlation),
        queue: found.queue,
        standing: if found.closed { Standing::Resolved } else { Standing::Open },
        revision: found.revision + notes,
        acts: acts.collect(),
        resolution: found.closed.then(|| TicketResolution {
            actor: holder.clone(),
            code: Some(id("resolved")),
            note: "done".to_owned(),
            links: Vec::new(),
        }),
        holder,
    }
}

fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| unreachable!("{text:?} is an id"))
}
