//! People at the desk: they see tickets late, take them, give some back and resolve the others. They call through the
//! same network as everybody, and do a thing again under the same request id until they hear what became of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::desk_service_client::DeskServiceClient;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::net::wall;
use crate::phone::{Phone, Unanswered};
use crate::witness::Witness;

/// A taking that is not on the desk's list so long after it was tried has not come to be.
const IN_FLIGHT_MAX: Duration = Duration::from_secs(10);

/// Somebody who works at one queue.
pub(crate) struct Worker {
    name: &'static str,
    queue: &'static str,
    phone: Phone,
    dice: Dice,
    witness: Witness,
    /// The tickets they have tried to take, by id.
    at_hand: BTreeMap<String, AtHand>,
    requests: u64,
}

/// A ticket and what is to be done with it.
struct AtHand {
    place: usize,
    tried: Timestamp,
    due: Instant,
    request: String,
    plan: Plan,
}

#[derive(Clone, Copy)]
enum Plan {
    GiveBack,
    Resolve(&'static str),
}

impl Worker {
    pub(crate) fn new(
        name: &'static str,
        queue: &'static str,
        identities: &Path,
        seed: u64,
        witness: Witness,
    ) -> Self {
        Self {
            name,
            queue,
            phone: Phone::of(name, "desk", identities, witness.clone()),
            dice: Dice::of(seed, name),
            witness,
            at_hand: BTreeMap::new(),
            requests: 0,
        }
    }

    /// Works for as long as the host lives.
    pub(crate) async fn work(mut self) {
        loop {
            tokio::time::sleep(self.dice.millis(400, 1_600)).await;
            // What cannot be done now is tried again at the next look.
            let _ = self.look().await;
        }
    }

    async fn look(&mut self) -> Result<(), Unanswered> {
        let asked = wall();
        let mine = self.list(v1::DeskTicketState::Taken, true).await?;
        let held: Vec<&str> = mine.iter().map(|ticket| ticket.id.as_str()).collect();
        let gone = |(id, one): (&String, &AtHand)| {
            let late =
                asked.duration_since(one.tried) > IN_FLIGHT_MAX.try_into().unwrap_or_default();
            (late && !held.contains(&id.as_str())).then(|| id.clone())
        };
        for id in self.at_hand.iter().filter_map(gone).collect::<Vec<_>>() {
            if let Some(one) = self.at_hand.remove(&id) {
                self.witness.accounts().desks[one.place].until.get_or_insert(asked);
            }
        }
        for ticket in &mine {
            if self.at_hand.get(&ticket.id).is_some_and(|one| one.due <= Instant::now()) {
                self.finish(&ticket.id).await?;
            }
        }
        for ticket in self.list(v1::DeskTicketState::Waiting, false).await? {
            if !self.at_hand.contains_key(&ticket.id) && self.dice.chance(50) {
                self.take(&ticket).await?;
            }
        }
        Ok(())
    }

    async fn list(
        &mut self,
        state: v1::DeskTicketState,
        mine: bool,
    ) -> Result<Vec<v1::DeskTicket>, Unanswered> {
        let queue = self.queue.to_owned();
        let request =
            v1::ListTicketsRequest { queue, state: state.into(), mine, ..Default::default() };
        let mut desk = DeskServiceClient::new(self.phone.line());
        Ok(self.phone.hear(desk.list_tickets(request)).await?.tickets)
    }

    async fn take(&mut self, ticket: &v1::DeskTicket) -> Result<(), Unanswered> {
        let place = self.witness.takes(self.name, &ticket.case_id, &ticket.id);
        // What somebody did with a case the first time, they do not do again.
        let turn = self.witness.turn(&format!("desk of {}", ticket.case_id));
        let plan = match self.dice.from(1, 4) {
            1 if turn == 1 => Plan::GiveBack,
            2 if turn <= 2 && ticket.subject.contains("note") => Plan::Resolve("back-to-notes"),
            _ => Plan::Resolve("done"),
        };
        let due = Instant::now() + self.dice.millis(300, 4_000);
        let request = self.request();
        let at_hand = AtHand { place, tried: wall(), due, request, plan };
        self.at_hand.insert(ticket.id.clone(), at_hand);
        let (request_id, ticket_id) = (self.request(), ticket.id.clone());
        let request = v1::TakeTicketRequest { request_id, ticket_id };
        let mut desk = DeskServiceClient::new(self.phone.line());
        match self.phone.hear(desk.take_ticket(request)).await {
            Ok(_) => self.witness.accounts().desks[place].took = true,
            // It comes to be or does not; the desk's list will tell.
            Err(Unanswered::Lost) => self.witness.happened("a person does not know what they did"),
            Err(Unanswered::Refused(_)) => self.lets_go(&ticket.id, false),
        }
        Ok(())
    }

    async fn finish(&mut self, id: &str) -> Result<(), Unanswered> {
        let Some(one) = self.at_hand.get(id) else { return Ok(()) };
        let (request_id, ticket_id) = (one.request.clone(), id.to_owned());
        let mut desk = DeskServiceClient::new(self.phone.line());
        let (done, resolves) = match one.plan {
            Plan::GiveBack => {
                let note = "I have to go".to_owned();
                let request = v1::GiveBackTicketRequest { request_id, ticket_id, note };
                (self.phone.hear(desk.give_back_ticket(request)).await.map(drop), false)
            }
            Plan::Resolve(code) => {
                let resolution_code = code.to_owned();
                let note = "talked to them".to_owned();
                let request =
                    v1::ResolveTicketRequest { request_id, ticket_id, resolution_code, note };
                (self.phone.hear(desk.resolve_ticket(request)).await.map(drop), true)
            }
        };
        match done {
            Ok(()) => self.lets_go(id, resolves),
            Err(Unanswered::Refused(_)) => self.lets_go(id, false),
            Err(Unanswered::Lost) => {}
        }
        Ok(())
    }

    fn lets_go(&mut self, id: &str, resolved: bool) {
        if let Some(one) = self.at_hand.remove(id) {
            let desk = &mut self.witness.accounts().desks[one.place];
            desk.until.get_or_insert(wall());
            desk.resolved = resolved;
        }
    }

    fn request(&mut self) -> String {
        self.requests += 1;
        format!("{}-{}", self.name, self.requests)
    }
}
