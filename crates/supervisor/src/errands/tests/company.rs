//! A company with one system of record and one human queue. What it does late it does by the time of the stage.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_connect::business::{Body, ReadError, ReadRequest, Response, WriteOutcome, WriteRequest};
use belay_connect::{BoxFuture, HumanQueue, NewTicket, QueueError, QueueErrorKind, SystemOfRecord};
use belay_domain::{
    ActorKind, Correlation, QueueFacts, QueueId, Reading, StaffMember, Standing, Statement,
    SystemId, TicketActor, TicketFacts, TicketId, TicketReading,
};
use serde_json::{Value, json};

use super::stage::Time;
use crate::surroundings::Outside;

/// How the company behaves.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Company {
    /// How long an effect takes to show.
    pub(super) shows_after: Duration,
    /// Nobody hears how a write went.
    pub(super) mute: bool,
    /// Writes never arrive.
    pub(super) loses: bool,
    /// When a second ticket shows that a gateway made of the first request; never, if zero.
    pub(super) forks_after: Duration,
}

/// The company at work.
pub(super) struct Office {
    company: Company,
    time: Arc<Time>,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    writes: usize,
    undone: usize,
    /// Since when each row shows, if it still stands.
    rows: Vec<(Duration, Value)>,
    lags_until: Duration,
    tickets: Vec<Ticket>,
    /// Our credential is not accepted.
    locked: bool,
}

struct Ticket {
    id: TicketId,
    asked: NewTicket,
    shows_at: Duration,
    withdrawn: bool,
    /// What people wrote.
    said: Vec<Statement>,
    /// What we wrote.
    told: Vec<String>,
}

impl Company {
    /// Its answers to writes are lost.
    pub(super) fn lossy() -> Self {
        Self { mute: true, ..Self::default() }
    }
}

impl Office {
    pub(super) fn new(company: Company, time: Arc<Time>) -> Self {
        Self { company, time, books: Mutex::default() }
    }

    /// How many writes arrived or were lost, but for those that undo.
    pub(super) fn writes(&self) -> usize {
        self.books().writes
    }

    /// How many writes undid something.
    pub(super) fn undone(&self) -> usize {
        self.books().undone
    }

    /// How many effects stand.
    pub(super) fn standing(&self) -> usize {
        self.books().rows.len()
    }

    /// Somebody removes everything by hand.
    pub(super) fn clear(&self) {
        self.books().rows.clear();
    }

    /// Reads are answered for so long as if nothing had been written.
    pub(super) fn lags_for(&self, time: Duration) {
        self.books().lags_until = self.time.now() + time;
    }

    /// How many tickets a search finds.
    pub(super) fn tickets(&self) -> usize {
        let now = self.time.now();
        self.books().tickets.iter().filter(|ticket| ticket.shows_at <= now).count()
    }

    pub(super) fn withdrawn(&self) -> usize {
        self.books().tickets.iter().filter(|ticket| ticket.withdrawn).count()
    }

    /// Our credential is not accepted from now on, or is again.
    pub(super) fn locks_us_out(&self, locked: bool) {
        self.books().locked = locked;
    }

    /// Somebody writes something on the first ticket.
    pub(super) fn says(&self, account: &str, text: &str) {
        let mut books = self.books();
        let said = &mut books.tickets[0].said;
        let (id, name) = ((said.len() + 1).to_string(), account.parse().unwrap());
        let actor = TicketActor { name, kind: ActorKind::Person };
        said.push(Statement { id, actor, text: text.to_owned() });
    }

    /// What we wrote on the first ticket.
    pub(super) fn told(&self) -> Vec<String> {
        self.books().tickets[0].told.clone()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The system of record's and the queue's distance.
    async fn travel(&self) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    fn read_now(&self) -> Response {
        let (now, books) = (self.time.now(), self.books());
        let shown = books.rows.iter().filter(|(at, _)| *at <= now && books.lags_until <= now);
        Response { status: 200, body: shown.map(|(_, row)| row.clone()).collect() }
    }

    fn write_now(&self, write: &WriteRequest) -> WriteOutcome {
        let shows_at = self.time.now() + self.company.shows_after;
        let mut books = self.books();
        if write.method == "DELETE" {
            books.undone += 1;
            books.rows.clear();
            return WriteOutcome::Done { status: 204, body: Value::Null };
        }
        books.writes += 1;
        if let (Body::Json(body), false) = (&write.body, self.company.loses) {
            let mut row = body.clone();
            row["id"] = json!(books.writes);
            books.rows.push((shows_at, row));
        }
        if self.company.mute {
            return WriteOutcome::unheard("no answer within the time");
        }
        WriteOutcome::Done { status: 201, body: json!({"ok": true}) }
    }

    fn create_now(&self, asked: &NewTicket) -> TicketId {
        let now = self.time.now();
        let mut books = self.books();
        let first = books.tickets.len() + 1;
        let delays = [Some(Duration::ZERO), Some(self.company.forks_after)];
        let delays = delays.into_iter().flatten().enumerate();
        for (number, delay) in delays.filter(|(number, delay)| *number == 0 || !delay.is_zero()) {
            let id = format!("t-{}", first + number).parse().unwrap();
            let asked = asked.clone();
            let (said, told) = (Vec::new(), Vec::new());
            let shows_at = now + delay;
            books.tickets.push(Ticket { id, asked, shows_at, withdrawn: false, said, told });
        }
        format!("t-{first}").parse().unwrap()
    }
}

impl SystemOfRecord for Office {
    fn read<'a>(&'a self, _: &'a ReadRequest) -> BoxFuture<'a, Result<Response, ReadError>> {
        Box::pin(async move {
            self.travel().await;
            Ok(self.read_now())
        })
    }

    fn write<'a>(&'a self, write: &'a WriteRequest) -> BoxFuture<'a, WriteOutcome> {
        Box::pin(async move {
            self.travel().await;
            self.write_now(write)
        })
    }
}

impl HumanQueue for Office {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async move {
            self.travel().await;
            Ok(facts(queue))
        })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async move {
            self.travel().await;
            let now = self.time.now();
            let books = self.books();
            let shown = books.tickets.iter().filter(|ticket| ticket.shows_at <= now);
            let shown = shown.filter(|ticket| ticket.asked.correlation == *correlation);
            Ok(shown.map(|ticket| ticket.id.clone()).collect())
        })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async move {
            self.travel().await;
            Ok(self.create_now(ticket))
        })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            self.travel().await;
            let books = self.books();
            let found = books.tickets.iter().find(|found| found.id == *ticket);
            let ticket = found.map_or(TicketReading::Missing, |found| {
                TicketReading::Present(Box::new(TicketFacts {
                    ticket: ticket.clone(),
                    case: Some(found.asked.case.clone()),
                    correlation: Some(found.asked.correlation.clone()),
                    queue: queue.clone(),
                    standing: Standing::Open,
                    revision: 1,
                    holder: None,
                    acts: Vec::new(),
                    resolution: None,
                }))
            });
            Reading { ticket, queue: Some(facts(queue)) }
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            self.travel().await;
            let mut books = self.books();
            if books.locked {
                return Err(QueueError::new(QueueErrorKind::Unauthorized, "401: token expired"));
            }
            let found = books.tickets.iter_mut().find(|found| found.id == *ticket);
            let found =
                found.ok_or_else(|| QueueError::new(QueueErrorKind::Refused, "no such ticket"))?;
            found.withdrawn = true;
            Ok(())
        })
    }

    fn statements<'a>(
        &'a self,
        ticket: &'a TicketId,
    ) -> BoxFuture<'a, Result<Vec<Statement>, QueueError>> {
        Box::pin(async move {
            self.travel().await;
            let books = self.books();
            let found = books.tickets.iter().find(|found| found.id == *ticket);
            Ok(found.map(|found| found.said.clone()).unwrap_or_default())
        })
    }

    /// Says everything once, and takes its time with the answer.
    fn tell<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            self.travel().await;
            {
                let mut books = self.books();
                let found = books.tickets.iter_mut().find(|found| found.id == *ticket).unwrap();
                if !found.told.iter().any(|told| told == note) {
                    found.told.push(note.to_owned());
                }
            }
            self.travel().await;
            Ok(())
        })
    }
}

/// The systems of a company are all one office.
pub(super) struct Around(pub(super) Arc<Office>);

impl Outside for Around {
    fn queues(&self, _: &SystemId) -> Option<Arc<dyn HumanQueue>> {
        Some(self.0.clone())
    }

    fn record(&self, _: &SystemId) -> Option<Arc<dyn SystemOfRecord>> {
        Some(self.0.clone())
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").field("company", &self.company).finish_non_exhaustive()
    }
}

fn facts(queue: &QueueId) -> QueueFacts {
    let ana = StaffMember {
        name: "ana".parse().unwrap(),
        kind: ActorKind::Person,
        enabled: true,
        may_take: true,
        on_shift: Some(true),
    };
    QueueFacts { queue: queue.clone(), enabled: true, staff: vec![ana] }
}
