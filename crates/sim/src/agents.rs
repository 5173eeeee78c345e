//! Agents, good and bad: they take cases and work on them, or lie, stall, flood, and act after they lost a case.
//!
//! They speak the protocol of the real sessions. What an agent remembers survives the supervisor's crashes, as the
//! agent's process does.

mod memory;

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
    /// The plan that is under way for each case, and how many actions it has.
    plans: BTreeMap<String, (String, u64)>,
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
            plans: BTreeMap::new(),
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
                // A permit that is forgotten runs out by itself.
                let forgotten = memory.dice.percent(6) && self.world.look().troubled;
                if memory.temper != Temper::Stalling && !forgotten {
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
            // No agent of these worlds asks whom a case is about.
            Told::Registered(_)
            | Told::HandoffWithdrawn(_)
            | Told::ContextUpdated(_)
            | Told::CaseIdentified(_) => {}
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
            Some(Ask::CompletePlan(v1::CompletePlan { case_id, plan, .. })) => {
                if let Ok(case) = case_id.parse() {
                    state.promise(Promise::PlanCompleted { case, plan });
                }
            }
            Some(Ask::AbandonPlan(v1::AbandonPlan { case_id, plan, .. })) => {
                if let Ok(case) = case_id.parse() {
                    state.promise(Promise::PlanAbandoned { case, plan });
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
            WriteOutcome::Unknown { detail, .. } => {
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
