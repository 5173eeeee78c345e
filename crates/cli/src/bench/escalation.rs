//! Cases that need people: each is opened, its ticket is placed and read back, a person takes it, and the case counts as
//! theirs once that was read back as well. The time of one runs from the request that opens the case until the
//! acknowledgement is seen by whoever watches the cases. The person answers at once, through the same API as any person.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use belay_api::v1;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::meter::{Meter, Reading};
use super::opening::request;
use super::playbook::PERSON;
use super::stage::Server;
use crate::connection::Connection;
use crate::exit::Failure;

/// How many tickets the person sees at a glance.
const GLANCE: u32 = 500;

/// How many things the person does at once.
const HANDS: usize = 64;

/// How long the person waits before they look again, should nobody tell them of a ticket.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What everybody knows.
struct Floor {
    meter: Arc<Meter>,
    /// Who waits for the acknowledgement of a case, by customer.
    waiting: Mutex<HashMap<String, oneshot::Sender<()>>>,
    /// The ticket of each case that was taken.
    tickets: Mutex<HashMap<String, String>>,
    placed: Notify,
    run: uuid::Uuid,
}

/// Measures with this many cases waiting for people at once.
pub(crate) async fn measure(
    server: &Server,
    at_once: usize,
    warm_up: Duration,
    length: Duration,
) -> Result<Reading, Failure> {
    let floor = Arc::new(Floor {
        meter: Arc::new(Meter::new()?),
        waiting: Mutex::default(),
        tickets: Mutex::default(),
        placed: Notify::new(),
        run: uuid::Uuid::now_v7(),
    });
    let door = server.door()?;
    let (tool, person) = (door.tool(), door.person(PERSON, &[])?);
    let mut everybody = JoinSet::new();
    everybody.spawn(watch(floor.clone(), tool.clone()));
    everybody.spawn(staff(floor.clone(), person.clone()));
    for number in 0..at_once {
        everybody.spawn(work(floor.clone(), tool.clone(), person.clone(), number));
    }
    let reading = floor.meter.measure(warm_up, length).await;
    everybody.shutdown().await;
    reading
}

/// Opens one case after the other, and waits for each until somebody has it.
async fn work(floor: Arc<Floor>, tool: Connection, person: Connection, number: usize) {
    for round in 0_u64.. {
        let customer = format!("customer-{number}-{round}");
        let (acknowledged, heard) = oneshot::channel();
        floor.waiting().insert(customer.clone(), acknowledged);
        let began = Instant::now();
        let id = format!("bench-{}-{number}-{round}", floor.run);
        let opened = busy(|| {
            let (mut cases, call) = (tool.cases(), request(&id, "people", &customer));
            async move { cases.open_case(call).await }
        });
        let case = match opened.await {
            Ok(answer) => answer.into_inner().case.and_then(|case| case.summary),
            Err(status) => return floor.failed("a case could not be opened", &status),
        };
        if heard.await.is_err() {
            return;
        }
        floor.meter.finished(began.elapsed());
        let ticket = case.and_then(|case| floor.tickets().remove(&case.id));
        if let Some(ticket) = ticket {
            tokio::spawn(finish(floor.clone(), person.clone(), ticket));
        }
        if floor.meter.is_stopping() {
            return;
        }
    }
}

/// Closes a ticket, so that it is not looked after any more.
async fn finish(floor: Arc<Floor>, person: Connection, ticket: String) {
    let closing = v1::ResolveTicketRequest {
        request_id: format!("resolve-{}-{ticket}", floor.run),
        ticket_id: ticket,
        resolution_code: "done".to_owned(),
        note: "seen to".to_owned(),
    };
    let closed = busy(|| {
        let (mut desk, closing) = (person.desk(), closing.clone());
        async move { desk.resolve_ticket(closing).await }
    });
    if let Err(status) = closed.await {
        floor.failed("a ticket could not be closed", &status);
    }
}

/// Hears what happens to all cases.
async fn watch(floor: Arc<Floor>, tool: Connection) {
    let watching = tool.cases().watch_cases(v1::WatchCasesRequest::default()).await;
    let mut updates = match watching {
        Ok(answer) => answer.into_inner(),
        Err(status) => return floor.failed("the cases cannot be watched", &status),
    };
    loop {
        let update = match updates.message().await {
            Ok(Some(v1::WatchCasesResponse { message: Some(message) })) => message,
            Ok(Some(_)) => continue,
            Ok(None) => return,
            Err(status) => return floor.failed("the cases cannot be watched", &status),
        };
        let v1::watch_cases_response::Message::Update(update) = update else { continue };
        match update.event.as_str() {
            "ticket_placed" => floor.placed.notify_one(),
            "escalation_acknowledged" => {
                let customer = update.summary.map(|summary| summary.customer).unwrap_or_default();
                let waiting = floor.waiting().remove(&customer);
                // One that waits no more has been told to stop.
                let _ = waiting.map(|waiting| waiting.send(()));
            }
            _ => {}
        }
    }
}

/// Takes whatever waits.
async fn staff(floor: Arc<Floor>, person: Connection) {
    let mut seen = HashSet::new();
    let hands = Arc::new(Semaphore::new(HANDS));
    loop {
        // Somebody tells them, or they look by themselves.
        let _ = tokio::time::timeout(LOOK_EVERY, floor.placed.notified()).await;
        let glance = v1::ListTicketsRequest {
            state: v1::DeskTicketState::Waiting.into(),
            page_size: GLANCE,
            ..v1::ListTicketsRequest::default()
        };
        let listed = busy(|| {
            let (mut desk, glance) = (person.desk(), glance.clone());
            async move { desk.list_tickets(glance).await }
        });
        let tickets = match listed.await {
            Ok(answer) => answer.into_inner().tickets,
            Err(status) => return floor.failed("the tickets cannot be listed", &status),
        };
        for ticket in tickets {
            if !seen.insert(ticket.id.clone()) {
                continue;
            }
            floor.tickets().insert(ticket.case_id, ticket.id.clone());
            let (floor, person, hands) = (floor.clone(), person.clone(), hands.clone());
            tokio::spawn(async move {
                // It is never closed.
                let _hand = hands.acquire_owned().await;
                take(&floor, &person, ticket.id).await;
            });
        }
    }
}

async fn take(floor: &Floor, person: &Connection, ticket: String) {
    let taking = v1::TakeTicketRequest {
        request_id: format!("take-{}-{ticket}", floor.run),
        ticket_id: ticket,
    };
    let taken = busy(|| {
        let (mut desk, taking) = (person.desk(), taking.clone());
        async move { desk.take_ticket(taking).await }
    });
    if let Err(status) = taken.await {
        floor.failed("a ticket could not be taken", &status);
    }
}

/// Asks again when it was turned away for a moment.
async fn busy<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    loop {
        match ask().await {
            Err(status) if status.code() == Code::ResourceExhausted => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            answered => return answered,
        }
    }
}

impl Floor {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tickets(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, what: &str, status: &Status) {
        if !self.meter.is_stopping() {
            self.meter.fail(format!("{what}: {}", status.message()));
        }
    }
}
