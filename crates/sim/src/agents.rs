//! Agents, good and bad: they take cases and work on them, or lie, stall, flood, and act after they lost a case.
//!
//! They speak the protocol of the real sessions. What an agent remembers survives the supervisor's crashes, as the
//! agent's process does.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_api::v1::agent_service_client::AgentServiceClient;
use belay_api::v1::connect_request::Message as Ask;
use belay_api::v1::connect_response::Message as Told;
use belay_api::v1::{self, report_outcome::Result as Outcome};
use belay_connect::business::WriteOutcome;
use belay_domain::CaseId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::api::Channel;
use crate::dice::Dice;
use crate::promises::Promise;
use crate::world::{Moment, World};

/// How an agent behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// As it should.
    Honest,
    /// Takes cases, keeps its connection alive, and does nothing.
    Stalling,
    /// Says that it did what it did not do, and did not do what it did.
    Lying,
    /// Says everything several times, and much of it.
    Flooding,
    /// Goes on with cases, epochs and permits that it has lost.
    Ghostly,
    /// Comes and goes.
    Fickle,
}

/// All of them.
pub(crate) const TEMPERS: [Temper; 6] = [
    Temper::Honest,
    Temper::Stalling,
    Temper::Lying,
    Temper::Flooding,
    Temper::Ghostly,
    Temper::Fickle,
];

/// One agent; cheap to clone.
#[derive(Clone)]
pub(crate) struct Agent {
    name: String,
    world: World,
    memory: Arc<Mutex<Memory>>,
}

struct Memory {
    temper: Temper,
    dice: Dice,
    session: Option<String>,
    /// The last message of the supervisor that was taken.
    taken: u64,
    /// The last message that was sent.
    sent: u64,
    unheard: VecDeque<v1::ConnectRequest>,
    asked: BTreeMap<u64, Ask>,
    held: BTreeMap<String, Held>,
    lost: Vec<(String, u64)>,
    permits: Vec<v1::Permit>,
    /// Whose case each is.
    customers: BTreeMap<String, String>,
    todo: BTreeMap<(Moment, u64), Todo>,
    count: u64,
}

struct Held {
    epoch: u64,
    progress_due: Moment,
    act_due: Moment,
}

/// What an agent is going to do.
#[derive(Clone, Debug)]
enum Todo {
    Say(Ask),
    Write { action: String, attempt: u32 },
}

type Line = mpsc::Sender<v1::ConnectRequest>;

impl Agent {
    /// An agent of this temper.
    pub(crate) fn new(name: &str, temper: Temper, dice: Dice, world: &World) -> Self {
        let memory = Memory {
            temper,
            dice,
            session: None,
            taken: 0,
            sent: 0,
            unheard: VecDeque::new(),
            asked: BTreeMap::new(),
            held: BTreeMap::new(),
            lost: Vec::new(),
            permits: Vec::new(),
            customers: BTreeMap::new(),
            todo: BTreeMap::new(),
            count: 0,
        };
        let (name, world) = (name.to_owned(), world.clone());
        Self { name, world, memory: Arc::new(Mutex::new(memory)) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Connects again and again, for as long as the supervisor lives.
    pub(crate) async fn live(self, api: Channel) {
        loop {
            let ended = self.session(api.clone()).await;
            let pause = {
                let mut state = self.world.look();
                state.tally.count("agents: sessions ended");
                state.tell(|| format!("{}: its session ended: {ended:?}", self.name));
                self.memory().dice.millis(100..4_000)
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// It behaves from now on.
    pub(crate) fn reform(&self) {
        let mut memory = self.memory();
        memory.temper = Temper::Honest;
        memory.lost.clear();
    }

    async fn session(&self, api: Channel) -> Result<(), Status> {
        let (line, requests) = mpsc::channel(512);
        let register = self.memory().register();
        let unavailable = |_| Status::unavailable("the stream is over");
        line.try_send(register).map_err(|_| Status::unavailable("full"))?;
        let mut client = AgentServiceClient::new(api);
        let mut incoming = client.connect(ReceiverStream::new(requests)).await?.into_inner();
        let Some(Told::Registered(registered)) =
            incoming.message().await?.and_then(|first| first.message)
        else {
            return Err(Status::internal("not registered"));
        };
        let again = self.memory().registered(&registered);
        let credit = Ask::Credit(v1::Credit { messages: 200 });
        line.send(envelope(0, 0, Some(credit.clone()))).await.map_err(unavailable)?;
        for request in again {
            line.send(request).await.map_err(unavailable)?;
        }
        self.world.tell(|| format!("{}: connected, resumed: {}", self.name, registered.resumed));
        let mut heard = 0_u32;
        loop {
            let wake = self.wake();
            tokio::select! {
                biased;
                told = incoming.message() => {
                    let Some(told) = told? else { return Ok(()) };
                    heard += 1;
                    if heard.is_multiple_of(50) {
                        let _ = line.try_send(envelope(0, 0, Some(credit.clone())));
                    }
                    if let Some(goodbye) = self.hear(told) {
                        self.world.tell(|| format!("{}: told to go: {goodbye:?}", self.name));
                        return Ok(());
                    }
                }
                () = tokio::time::sleep(wake) => {
                    if !self.act(&line) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// How long until it does something by itself.
    fn wake(&self) -> Duration {
        let now = self.world.now();
        let mut memory = self.memory();
        let idle = now + memory.dice.millis(400..2_000);
        let next = memory.todo.keys().next().map_or(idle, |(at, _)| *at);
        next.min(idle).saturating_sub(now).max(Duration::from_millis(1))
    }

    /// Takes what it is told. A farewell is given back.
    fn hear(&self, told: v1::ConnectResponse) -> Option<v1::Goodbye> {
        let v1::ConnectResponse { message_id, in_reply_to, ack, traceparent: _, message } = told;
        let mut memory = self.memory();
        if message_id > 0 {
            if message_id != memory.taken + 1 {
                let what = format!("{}: {message_id} after {}", self.name, memory.taken);
                self.world.look().wrong("SES numbers have no gap", what);
            }
            memory.taken = message_id;
        }
        while memory.unheard.front().is_some_and(|first| first.message_id <= ack) {
            memory.unheard.pop_front();
        }
        let asked = memory.asked.get(&in_reply_to).cloned();
        match message? {
            Told::Goodbye(goodbye) => return Some(goodbye),
            Told::HandoffOffer(offer) => {
                if let Some(case) = &offer.case {
                    memory.customers.insert(case.id.clone(), case.customer.clone());
                }
                memory.consider(&self.world, &offer);
            }
            Told::CaseAssigned(assigned) => self.assigned(&mut memory, &assigned),
            Told::LeaseRenewed(renewed) => self.renewed(&renewed),
            Told::LeaseLost(lost) => self.lost(&mut memory, &lost),
            Told::CaseClosed(closed) => {
                memory.held.remove(&closed.case_id);
            }
            Told::Decision(decision) => self.decided(decision),
            Told::Permit(permit) => {
                let wait = memory.dice.millis(50..6_000);
                let begin = begin(&permit);
                if memory.temper != Temper::Stalling {
                    memory.later(&self.world, wait, Todo::Say(begin.clone()));
                }
                if memory.temper == Temper::Ghostly {
                    // Another message with the same permit, while it is used or after.
                    let again = memory.dice.millis(50..20_000);
                    memory.later(&self.world, again, Todo::Say(begin));
                }
                memory.permits.push(permit);
            }
            Told::ExecutionStarted(started) => self.started(&mut memory, &started),
            Told::ActionResult(result) => self.reported(asked, &result),
            Told::Done(_) => self.done(&mut memory, asked),
            Told::Rejected(rejected) => {
                let reason = rejected.error.map(|error| error.reason().as_str_name().to_owned());
                let reason = reason.unwrap_or_default();
                self.world.look().tally.count(&format!("refused to agents: {reason}"));
            }
            Told::Registered(_) | Told::HandoffWithdrawn(_) | Told::ContextUpdated(_) => {}
        }
        None
    }

    fn assigned(&self, memory: &mut Memory, assigned: &v1::CaseAssigned) {
        let mut state = self.world.look();
        let now = state.now();
        let v1::CaseAssigned { case_id, epoch, .. } = assigned;
        let (progress_due, act_due) =
            (now + memory.dice.millis(3_000..12_000), now + memory.dice.millis(500..9_000));
        memory.held.insert(case_id.clone(), Held { epoch: *epoch, progress_due, act_due });
        let Ok(case) = case_id.parse::<CaseId>() else { return };
        state.tell(|| format!("{}: has {case} under epoch {epoch}", self.name));
        state.tally.count("agents: cases taken");
        state.ended.remove(&(self.name.clone(), case.clone(), *epoch));
        let (agent, epoch) = (self.name.clone(), *epoch);
        state.promise(Promise::Assigned { agent, case, epoch });
    }

    fn renewed(&self, renewed: &v1::LeaseRenewed) {
        let mut state = self.world.look();
        state.tally.count("agents: leases renewed");
        let v1::LeaseRenewed { case_id, epoch, lease_until } = renewed;
        let until = lease_until.as_ref().and_then(timestamp);
        if let (Ok(case), Some(until)) = (case_id.parse(), until) {
            let (agent, epoch) = (self.name.clone(), *epoch);
            state.promise(Promise::Renewed { agent, case, epoch, until });
        }
    }

    fn lost(&self, memory: &mut Memory, lost: &v1::LeaseLost) {
        let mut state = self.world.look();
        let v1::LeaseLost { case_id, epoch, .. } = lost;
        state
            .tell(|| format!("{}: lost {case_id} under epoch {epoch}: {}", self.name, lost.detail));
        state.tally.count("agents: cases lost");
        let now = state.now();
        if let Ok(case) = case_id.parse() {
            state.ended.entry((self.name.clone(), case, *epoch)).or_insert(now);
        }
        memory.held.remove(case_id);
        memory.lost.push((case_id.clone(), *epoch));
    }

    fn decided(&self, decision: v1::Decision) {
        let mut state = self.world.look();
        state.tally.count(&format!("actions: {}", decision.ruling().as_str_name()));
        let v1::Decision { action_id, proposal_id, case_id, .. } = decision;
        if let (Ok(case), Ok(action)) = (case_id.parse(), action_id.parse()) {
            let agent = self.name.clone();
            state.promise(Promise::Decided { agent, case, proposal: proposal_id, action });
        }
    }

    fn started(&self, memory: &mut Memory, started: &v1::ExecutionStarted) {
        let v1::ExecutionStarted { action_id, permit_id, attempt, .. } = started;
        {
            let mut state = self.world.look();
            state.tally.count("actions: begun by agents");
            let case = action_id.rsplit_once('/').and_then(|(case, _)| case.parse().ok());
            if let (Some(case), Ok(action)) = (case, action_id.parse()) {
                let (permit, attempt) = (permit_id.clone(), *attempt);
                state.promise(Promise::Begun { case, action, permit, attempt });
            }
        }
        let wait = memory.dice.millis(20..2_000);
        let todo = Todo::Write { action: action_id.clone(), attempt: *attempt };
        memory.later(&self.world, wait, todo);
    }

    fn reported(&self, asked: Option<Ask>, result: &v1::ActionResult) {
        let Some(Ask::ReportOutcome(report)) = asked else { return };
        let Some(action) = &result.action else { return };
        let mut state = self.world.look();
        if let (Ok(case), Ok(action)) = (action.case_id.parse(), report.action_id.parse()) {
            state.promise(Promise::Reported { case, action, attempt: report.attempt });
        }
    }

    fn done(&self, memory: &mut Memory, asked: Option<Ask>) {
        let mut state = self.world.look();
        let now = state.now();
        match asked {
            Some(Ask::ReleaseCase(released)) => {
                let v1::ReleaseCase { case_id, epoch, .. } = released;
                memory.held.remove(&case_id);
                memory.lost.push((case_id.clone(), epoch));
                if let Ok(case) = case_id.parse::<CaseId>() {
                    let agent = self.name.clone();
                    state.ended.entry((agent.clone(), case.clone(), epoch)).or_insert(now);
                    state.promise(Promise::Released { agent, case, epoch });
                }
            }
            Some(Ask::ResolveCase(resolved)) => {
                memory.held.remove(&resolved.case_id);
                if let Ok(case) = resolved.case_id.parse() {
                    state.promise(Promise::Resolved { case });
                }
            }
            Some(Ask::AddContext(added)) => {
                if let (Ok(case), Some(entry)) = (added.case_id.parse(), added.entries.first()) {
                    state.promise(Promise::Added { case, body: entry.body.clone() });
                }
            }
            _ => {}
        }
    }

    /// Does what is due. False if it goes away.
    fn act(&self, line: &Line) -> bool {
        let now = self.world.now();
        let mut memory = self.memory();
        while let Some(entry) = memory.todo.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Todo::Say(ask) => memory.say(&self.name, &self.world, line, ask),
                Todo::Write { action, attempt } => self.write(&mut memory, line, action, attempt),
            }
        }
        memory.work(&self.name, &self.world, line, now);
        if memory.temper == Temper::Fickle && memory.dice.percent(3) {
            if memory.dice.percent(30) {
                memory.session = None;
            }
            return false;
        }
        !line.is_closed()
    }

    /// Writes what it was allowed to, and says how that went.
    fn write(&self, memory: &mut Memory, line: &Line, action: String, attempt: u32) {
        let permit = memory.permits.iter().rev().find(|permit| permit.action_id == action).cloned();
        let Some(permit) = permit else { return };
        let lies = memory.temper == Temper::Lying && memory.dice.percent(50);
        let outcome = if lies && memory.dice.percent(50) {
            WriteOutcome::Done { status: 200, body: serde_json::Value::Null }
        } else {
            let (key, input) = (&permit.idempotency_key, &permit.input_json);
            self.world.look().agent_writes(&self.name, key, input)
        };
        let refused = |reason: &str, retryable| {
            Outcome::Failed(v1::ExecutionFailed { retryable, reason: reason.to_owned() })
        };
        let result = match outcome {
            _ if lies => refused("it did not work, honestly", memory.dice.percent(50)),
            WriteOutcome::Done { body, .. } => {
                Outcome::Executed(v1::Executed { output_json: body.to_string() })
            }
            WriteOutcome::Refused { .. } => refused("429", true),
            WriteOutcome::NotSent { .. } => refused("not sent", true),
            WriteOutcome::Unknown { detail } => {
                Outcome::Unknown(v1::ExecutionUnknown { reason: detail })
            }
        };
        if memory.temper == Temper::Stalling || memory.dice.percent(5) {
            return;
        }
        let result = Some(result);
        let report = Ask::ReportOutcome(v1::ReportOutcome { action_id: action, attempt, result });
        memory.say(&self.name, &self.world, line, report);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn register(&self) -> v1::ConnectRequest {
        let resume = self.session.as_ref().map(|session| v1::Resume {
            session_id: session.clone(),
            last_received_message_id: self.taken,
            held_cases: self
                .held
                .iter()
                .map(|(case, held)| v1::HeldCase { case_id: case.clone(), epoch: held.epoch })
                .collect(),
        });
        let register =
            v1::Register { sdk: "sim/1".to_owned(), roles: Vec::new(), capacity: 4, resume };
        envelope(0, 0, Some(Ask::Register(register)))
    }

    /// What has to be said again.
    fn registered(&mut self, registered: &v1::Registered) -> Vec<v1::ConnectRequest> {
        self.session = Some(registered.session_id.clone());
        if registered.resumed {
            return self.unheard.iter().cloned().collect();
        }
        (self.taken, self.sent) = (0, 0);
        self.unheard.clear();
        self.asked.clear();
        Vec::new()
    }

    fn later(&mut self, world: &World, wait: Duration, todo: Todo) {
        self.count += 1;
        self.todo.insert((world.now() + wait, self.count), todo);
    }

    fn say(&mut self, name: &str, world: &World, line: &Line, ask: Ask) {
        note_work(name, world, &ask);
        if let Ask::Progress(_) = &ask {
            let _ = line.try_send(envelope(0, self.taken, Some(ask)));
            return;
        }
        self.sent += 1;
        let request = envelope(self.sent, self.taken, Some(ask.clone()));
        self.asked.insert(self.sent, ask);
        self.unheard.push_back(request.clone());
        let twice = self.temper == Temper::Flooding && self.dice.percent(60);
        for _ in 0..if twice { 3 } else { 1 } {
            let _ = line.try_send(request.clone());
        }
        if twice {
            world.look().tally.count("agents: messages said again");
        }
    }

    /// Takes an offer, turns it down, or does something foolish with it.
    fn consider(&mut self, world: &World, offer: &v1::HandoffOffer) {
        let wait = self.dice.millis(50..3_000);
        let chance = self.dice.within(0..100);
        let (handoff_id, mut context_digest) =
            (offer.handoff_id.clone(), offer.context_digest.clone());
        match chance {
            0..8 => {
                let reason = "busy".to_owned();
                let decline = v1::DeclineHandoff { handoff_id, reason };
                return self.later(world, wait, Todo::Say(Ask::DeclineHandoff(decline)));
            }
            8..14 => return world.look().tally.count("agents: offers left alone"),
            14..20 if self.temper != Temper::Honest => context_digest = "00".repeat(32),
            _ => {}
        }
        let accept = Ask::AcceptHandoff(v1::AcceptHandoff { handoff_id, context_digest });
        let late = if self.temper == Temper::Ghostly && self.dice.percent(30) {
            Duration::from_secs(9)
        } else {
            wait
        };
        self.later(world, late, Todo::Say(accept));
    }

    /// Works on what it holds, and, if that is its temper, on what it does not.
    fn work(&mut self, name: &str, world: &World, line: &Line, now: Moment) {
        if self.temper == Temper::Stalling {
            // The connection is kept alive, and nothing else.
            let _ = line.try_send(envelope(
                0,
                self.taken,
                Some(Ask::Credit(v1::Credit { messages: 1 })),
            ));
            return;
        }
        let held: Vec<(String, u64, bool, bool)> = self
            .held
            .iter()
            .map(|(case, held)| {
                (case.clone(), held.epoch, held.progress_due <= now, held.act_due <= now)
            })
            .collect();
        for (case, epoch, progress, act) in held {
            if progress {
                let next = now + self.dice.millis(4_000..16_000);
                if let Some(held) = self.held.get_mut(&case) {
                    held.progress_due = next;
                }
                let repeat = if self.temper == Temper::Flooding { 6 } else { 1 };
                for _ in 0..repeat {
                    let note = String::new();
                    let progress = v1::Progress { case_id: case.clone(), epoch, note };
                    self.say(name, world, line, Ask::Progress(progress));
                }
            }
            if act {
                let next = now + self.dice.millis(5_000..25_000);
                if let Some(held) = self.held.get_mut(&case) {
                    held.act_due = next;
                }
                let ask = self.idea(name, world, &case, epoch);
                self.say(name, world, line, ask);
            }
        }
        if self.temper == Temper::Ghostly && self.dice.percent(25) && !self.lost.is_empty() {
            let (case, epoch) = self.dice.pick(&self.lost).clone();
            world.look().tally.count("agents: acts after losing a case");
            let ask = if self.dice.percent(40) && !self.permits.is_empty() {
                begin(&self.dice.pick(&self.permits).clone())
            } else if self.dice.percent(50) {
                Ask::Progress(v1::Progress { case_id: case, epoch, note: String::new() })
            } else {
                self.idea(name, world, &case, epoch)
            };
            self.say(name, world, line, ask);
        }
    }

    /// Something to do with a case.
    fn idea(&mut self, name: &str, world: &World, case: &str, epoch: u64) -> Ask {
        self.count += 1;
        let number = self.count;
        let case_id = case.to_owned();
        let calm = !world.look().troubled;
        let chance = if calm { self.dice.within(0..60) } else { self.dice.within(0..100) };
        match chance {
            0..22 => {
                self.proposal(case, epoch, "crm.add_note@1", &format!("{case}~{name}~{number}"), 0)
            }
            22..48 => {
                let amount = if self.dice.percent(60) { 1_500 } else { 4_000 };
                // Sometimes the same again, under another number.
                let which = if self.dice.percent(25) { 1 } else { number };
                let credit = format!("{case}~credit~{which}");
                self.proposal(case, epoch, "crm.give_credit@1", &credit, amount)
            }
            48..60 => {
                let body = format!("{name} found out {number}");
                let provenance = Some(v1::Provenance {
                    source: v1::ProvenanceSource::Model.into(),
                    reference: "m".to_owned(),
                });
                let entry = v1::NewContextEntry { kind: "note".to_owned(), body, provenance };
                let request_id = format!("{name}-{number}");
                Ask::AddContext(v1::AddContext { request_id, case_id, epoch, entries: vec![entry] })
            }
            60..72 => Ask::RequestHandoff(v1::RequestHandoff {
                request_id: format!("{name}-{number}"),
                case_id,
                epoch,
                target: Some(v1::HandoffTarget {
                    target: Some(v1::handoff_target::Target::Role("helper".to_owned())),
                }),
                reason: "not mine".to_owned(),
                entries: Vec::new(),
            }),
            72..84 => Ask::RequestEscalation(v1::RequestEscalation {
                request_id: format!("{name}-{number}"),
                case_id,
                epoch,
                reason: "a person should look".to_owned(),
                severity: v1::Severity::Unspecified.into(),
            }),
            84..92 => {
                Ask::ReleaseCase(v1::ReleaseCase { case_id, epoch, reason: "enough".to_owned() })
            }
            _ => Ask::ResolveCase(v1::ResolveCase {
                case_id,
                epoch,
                resolution_code: "resolved".to_owned(),
                note: String::new(),
            }),
        }
    }

    fn proposal(&mut self, case: &str, epoch: u64, contract: &str, key: &str, amount: u64) -> Ask {
        let customer = self.customers.get(case).cloned().unwrap_or_default();
        let input = if amount == 0 {
            serde_json::json!({"customer_id": customer, "text": key})
        } else {
            serde_json::json!({"customer_id": customer, "credit_id": key, "amount_minor": amount})
        };
        Ask::Propose(v1::Propose {
            proposal_id: format!("p{}", self.count),
            case_id: case.to_owned(),
            epoch,
            contract_id: contract.to_owned(),
            input_json: input.to_string(),
            provenance: Vec::new(),
            plan: String::new(),
            justification: "it would help".to_owned(),
        })
    }
}

/// What counts as work on a case is noted before it is said, as the truth to which leases are held.
fn note_work(name: &str, world: &World, ask: &Ask) {
    let mut state = world.look();
    let now = state.now();
    match ask {
        Ask::Progress(progress) => {
            if let Ok(case) = progress.case_id.parse() {
                let key = (name.to_owned(), case, progress.epoch);
                state.worked.entry(key).or_default().push(now);
            }
        }
        Ask::AcceptHandoff(accept) => {
            if let Some(case) =
                accept.handoff_id.rsplit_once('/').and_then(|(case, _)| case.parse().ok())
            {
                // Under which epoch it will be is not known yet.
                state.worked.entry((name.to_owned(), case, 0)).or_default().push(now);
            }
        }
        _ => {}
    }
}

fn begin(permit: &v1::Permit) -> Ask {
    Ask::BeginExecution(v1::BeginExecution {
        action_id: permit.action_id.clone(),
        permit_id: permit.permit_id.clone(),
        input_digest: permit.input_digest.clone(),
        epoch: permit.epoch,
    })
}

fn envelope(message_id: u64, ack: u64, message: Option<Ask>) -> v1::ConnectRequest {
    v1::ConnectRequest { message_id, ack, traceparent: String::new(), message }
}

/// A time of the wire.
pub(crate) fn timestamp(time: &prost_types::Timestamp) -> Option<belay_domain::Timestamp> {
    belay_domain::Timestamp::new(time.seconds, time.nanos).ok()
}
