//! What goes on while the program is killed: tools open cases and add to them, agents take them, write, hand them on
//! and resolve them, and people take tickets. Everything that was answered with yes is written down.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use belay_agent::{
    ActionResult, Agent, Case, Done, NewEntry, Outcome, Source, Specialist, Trouble,
};
use belay_api::v1;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tonic::Code;

use crate::caller::{Caller, patiently};
use crate::house::House;

/// How many tools open cases at the same time.
const TOOLS: usize = 4;
/// How many cases may be open. More would only wait.
const OPEN_MAX: u64 = 48;
/// How long a tool rests after each case.
const REST: Duration = Duration::from_millis(15);

/// What was answered with yes.
#[derive(Default)]
pub(crate) struct Book {
    /// The case of each request.
    pub(crate) opened: BTreeMap<String, String>,
    /// Texts that were added to a case.
    pub(crate) added: Vec<(String, String)>,
    /// Who was given a case under which epoch.
    pub(crate) assigned: BTreeMap<(String, u64), Vec<String>>,
    /// Actions that were reported as verified, with their case.
    pub(crate) verified: Vec<(String, String)>,
    /// Cases that an agent resolved.
    pub(crate) resolved: Vec<String>,
    /// Tickets that somebody took, and whether they resolved it.
    pub(crate) tickets: BTreeMap<String, (String, bool)>,
    /// Writes that came to another end than the usual one, after which people were asked.
    pub(crate) odd: Vec<String>,
}

/// The load; it goes on until it is stopped.
pub(crate) struct Load {
    pub(crate) book: Arc<Mutex<Book>>,
    stopped: Arc<AtomicBool>,
    tools: JoinSet<()>,
    others: JoinSet<()>,
}

#[derive(Clone)]
struct Hand {
    book: Arc<Mutex<Book>>,
    company: String,
    web: reqwest::Client,
}

impl Load {
    /// Everybody begins.
    pub(crate) fn begin(house: &House) -> Self {
        let book = Arc::<Mutex<Book>>::default();
        let stopped = Arc::<AtomicBool>::default();
        let mut load = Self { book, stopped, tools: JoinSet::new(), others: JoinSet::new() };
        let next = Arc::new(AtomicU64::new(1));
        for _ in 0..TOOLS {
            let (caller, book) = (Caller::tool(house), load.book.clone());
            let (stopped, next) = (load.stopped.clone(), next.clone());
            load.tools.spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    one_case(&caller, &book, next.fetch_add(1, Ordering::Relaxed)).await;
                    tokio::time::sleep(REST).await;
                }
            });
        }
        let company = house.company.url().to_owned();
        let hand = Hand { book: load.book.clone(), company, web: reqwest::Client::new() };
        for name in ["erp-1", "erp-2", "crm-1", "crm-2"] {
            let builder = Agent::builder(house.endpoint(), house.agent(name)).capacity(32);
            let specialist = Colleague { name: name.to_owned(), hand: hand.clone() };
            load.others.spawn(async move {
                let ended = builder.serve(specialist, std::future::pending()).await;
                panic!("an agent ended by itself: {ended:?}");
            });
        }
        for name in ["cara", "dan"] {
            let (caller, book) = (Caller::person(house, name), load.book.clone());
            load.others.spawn(async move { shift(&caller, &book).await });
        }
        load
    }

    /// What was answered so far.
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// Fails when somebody gave up who should never give up.
    pub(crate) fn check(&mut self) {
        while let Some(ended) = self.others.try_join_next() {
            ended.unwrap();
        }
    }

    /// No more cases are opened; those that are open go on.
    pub(crate) async fn stop_opening(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tools.join_next().await {
            ended.unwrap();
        }
    }

    /// Everybody leaves.
    pub(crate) async fn end(mut self) -> Book {
        self.check();
        self.others.shutdown().await;
        std::mem::take(&mut *self.book())
    }
}

impl Book {
    /// How many answers were given.
    pub(crate) fn answers(&self) -> usize {
        let tickets = self.tickets.values().map(|(_, resolved)| 1 + usize::from(*resolved));
        self.opened.len()
            + self.added.len()
            + self.assigned.values().map(Vec::len).sum::<usize>()
            + self.verified.len()
            + self.resolved.len()
            + tickets.sum::<usize>()
    }

    /// How many cases are open, as far as those who resolve them know.
    fn open(&self) -> u64 {
        let resolved = self.tickets.values().filter(|(_, resolved)| *resolved).count();
        (self.opened.len() as u64).saturating_sub((self.resolved.len() + resolved) as u64)
    }
}

/// Opens a case and adds to it, each until it is answered.
async fn one_case(caller: &Caller, book: &Mutex<Book>, n: u64) {
    while book.lock().unwrap().open() > OPEN_MAX {
        tokio::time::sleep(REST).await;
    }
    let request = v1::OpenCaseRequest {
        request_id: format!("open-{n}"),
        subject: format!("matter {n}"),
        kind: ["credit", "note", "credit", "other"][(n % 4) as usize].to_owned(),
        customer: format!("customer-{n}"),
        channel: "mail".to_owned(),
        ..Default::default()
    };
    let opened = patiently(|| {
        let (mut cases, request) = (caller.cases(), request.clone());
        async move { cases.open_case(request).await }
    });
    let opened = opened.await.unwrap();
    let case = opened.case.unwrap().summary.unwrap().id;
    book.lock().unwrap().opened.insert(request.request_id, case.clone());
    let text = format!("text number {n} of {case}");
    let request = v1::AddContextRequest {
        request_id: format!("add-{n}"),
        case_id: case.clone(),
        entries: vec![v1::NewContextEntry {
            kind: "message".to_owned(),
            body: text.clone(),
            provenance: Some(v1::Provenance {
                source: v1::ProvenanceSource::Customer.into(),
                reference: "mail".to_owned(),
            }),
        }],
    };
    let added = patiently(|| {
        let (mut cases, request) = (caller.cases(), request.clone());
        async move { cases.add_context(request).await }
    });
    match added.await {
        Ok(_) => book.lock().unwrap().added.push((case, text)),
        // It was resolved meanwhile.
        Err(status) if status.code() == Code::FailedPrecondition => {}
        Err(status) => panic!("{case} is not added to: {status}"),
    }
}

/// An agent: erp writes twice, once by itself and once through the supervisor, and hands every other case on to crm.
struct Colleague {
    name: String,
    hand: Hand,
}

impl Specialist for Colleague {
    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        let id = case.about().id.clone();
        let customer = case.about().customer.clone();
        let assigned = (id.clone(), case.epoch());
        self.hand.book().assigned.entry(assigned).or_default().push(self.name.clone());
        if self.name.starts_with("erp") {
            let hand = self.hand.clone();
            let note = json!({"customer_id": customer, "text": format!("about {id}")});
            let write = |permit: belay_agent::Permit| {
                let (hand, input, key) =
                    (hand.clone(), permit.input().clone(), permit.idempotency_key().to_owned());
                async move { hand.note(input, key).await }
            };
            let noted = case.propose("crm.add_note@1", note);
            let noted = noted.provenance("", Source::SystemOfRecord, "record").act(write).await?;
            if !self.hand.went_well(&id, noted) {
                return Ok(case.escalate("the note went wrong", None).await?);
            }
            let credit = json!({
                "customer_id": customer, "amount_minor": 100, "currency": "USD", "reason": "goodwill",
            });
            let credited = case.propose("erp.credit_note@1", credit);
            let nobody = |_| async { Outcome::failed("the supervisor writes this itself") };
            let credited =
                credited.provenance("", Source::SystemOfRecord, "record").act(nobody).await?;
            if !self.hand.went_well(&id, credited) {
                return Ok(case.escalate("the credit went wrong", None).await?);
            }
            if customer.ends_with(['0', '4', '8']) {
                let entry = NewEntry::new("note", format!("credited by {}", self.name));
                return Ok(case.hand_off("crm", "please close it", vec![entry]).await?);
            }
        }
        let done = case.resolve("resolved", "done").await?;
        self.hand.book().resolved.push(id);
        Ok(done)
    }
}

impl Hand {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    fn went_well(&self, case: &str, result: ActionResult) -> bool {
        match result {
            ActionResult::Verified(report) => {
                self.book().verified.push((case.to_owned(), report.id));
                true
            }
            // Who had the case before has done it, or is about to.
            ActionResult::Duplicate { .. } => true,
            other => {
                self.book().odd.push(format!("{case}: {other:?}"));
                false
            }
        }
    }

    async fn note(&self, mut input: Value, key: String) -> Outcome {
        input["key"] = json!(key);
        let request = self.web.post(format!("{}/notes", self.company)).json(&input);
        match request.send().await {
            Ok(answer) => Outcome::executed(answer.json::<Value>().await.unwrap_or_default()),
            Err(failure) => Outcome::unknown(failure.to_string()),
        }
    }
}

/// A person who takes whatever waits, and resolves it.
async fn shift(caller: &Caller, book: &Mutex<Book>) {
    loop {
        let waiting = v1::ListTicketsRequest {
            queue: "support-desk".to_owned(),
            state: v1::DeskTicketState::Waiting.into(),
            ..Default::default()
        };
        for ticket in tickets(caller, waiting).await {
            take(caller, book, &ticket).await;
        }
        let mine = v1::ListTicketsRequest {
            mine: true,
            state: v1::DeskTicketState::Taken.into(),
            ..Default::default()
        };
        for ticket in tickets(caller, mine).await {
            settle(caller, book, &ticket).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn tickets(caller: &Caller, request: v1::ListTicketsRequest) -> Vec<v1::DeskTicket> {
    let listed = patiently(|| {
        let (mut desk, request) = (caller.desk(), request.clone());
        async move { desk.list_tickets(request).await }
    });
    listed.await.unwrap().tickets
}

async fn take(caller: &Caller, book: &Mutex<Book>, ticket: &v1::DeskTicket) {
    let request = v1::TakeTicketRequest {
        request_id: format!("take-{}", ticket.id),
        ticket_id: ticket.id.clone(),
    };
    let taken = patiently(|| {
        let (mut desk, request) = (caller.desk(), request.clone());
        async move { desk.take_ticket(request).await }
    });
    match taken.await {
        Ok(_) => {
            let taken = (ticket.case_id.clone(), false);
            book.lock().unwrap().tickets.entry(ticket.id.clone()).or_insert(taken);
        }
        // The other one was quicker, or the case needs nobody any more.
        Err(status) if status.code() == Code::FailedPrecondition => {}
        Err(status) => panic!("{} is not taken: {status}", ticket.id),
    }
}

async fn settle(caller: &Caller, book: &Mutex<Book>, ticket: &v1::DeskTicket) {
    let request = v1::ResolveTicketRequest {
        request_id: format!("settle-{}", ticket.id),
        ticket_id: ticket.id.clone(),
        resolution_code: "resolved".to_owned(),
        note: "done".to_owned(),
    };
    let settled = patiently(|| {
        let (mut desk, request) = (caller.desk(), request.clone());
        async move { desk.resolve_ticket(request).await }
    });
    match settled.await {
        Ok(_) => {
            book.lock().unwrap().tickets.insert(ticket.id.clone(), (ticket.case_id.clone(), true));
        }
        // It was resolved before, and the answer was lost; or the case needs nobody any more.
        Err(status) if status.code() == Code::FailedPrecondition => {}
        Err(status) => panic!("{} is not resolved: {status}", ticket.id),
    }
}
