//! Agents write: each write is proposed, decided (boundary, schema, fifty policies, limits, duplicate), permitted, checked and
//! begun, done, reported, and verified by the supervisor's own read. The time of one runs from the proposal until the agent
//! is told that the write is verified.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use belay_agent::Me;
use belay_api::v1::connect_request::Message as Ask;
use belay_api::v1::connect_response::Message;
use belay_api::v1::{self, ActionState, LeaseLostReason, Ruling};
use belay_transport::permit::{Expected, PermitVerifier};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::line::{Heard, Line, Player, Say, digest_of, refused};
use super::meter::{Meter, Reading};
use super::opening::Opener;
use super::playbook::agents_of;
use super::records::Records;
use super::stage::{Server, Stage};
use crate::exit::Failure;

/// How many writes a case sees before it is closed and another one is opened. Cases of a working day have fewer, and so
/// would be dearer; many more are no case any more.
const WRITES_MAX: u32 = 32;

/// The role of those who write.
const ROLE: &str = "writer";

/// One case in the hands of its agent.
struct Held {
    customer: String,
    epoch: u64,
    writes: u32,
    begun: Instant,
}

/// One agent.
struct Writer {
    me: Me,
    verifier: Option<PermitVerifier>,
    cases: HashMap<String, Held>,
    customers: HashMap<String, String>,
    records: Records,
    opener: Opener,
    meter: Arc<Meter>,
}

/// Measures with this many cases being worked on at once.
pub(crate) async fn measure(
    stage: &Stage,
    server: &Server,
    at_once: usize,
    warm_up: Duration,
    length: Duration,
) -> Result<Reading, Failure> {
    let meter = Arc::new(Meter::new()?);
    let served = Records::default().serve(stage.records).await?;
    let opener = Opener::new("action", server, meter.clone()).await?;
    let mut lines = Vec::new();
    for agent in agents_of(ROLE) {
        let identity = stage.agent(&agent);
        let me = Me::of(&identity).map_err(|error| Failure::of("no identity", &error))?;
        let player = Writer {
            me,
            verifier: None,
            cases: HashMap::new(),
            customers: HashMap::new(),
            records: served.records.clone(),
            opener: opener.clone(),
            meter: meter.clone(),
        };
        let line = Line::open(&server.endpoint, identity, ROLE, player, meter.clone());
        lines.push(line.await?);
    }
    opener.fill(at_once).await?;
    let reading = meter.measure(warm_up, length).await?;
    opener.settle().await;
    Ok(reading)
}

impl Player for Writer {
    fn registered(&mut self, registered: v1::Registered) {
        let issuer = self.me.agent.trust_domain().supervisor();
        match PermitVerifier::from_jwks(issuer.as_str(), &registered.permit_keys_jwks) {
            Ok(verifier) => self.verifier = Some(verifier),
            Err(error) => self.meter.fail(format!("permits cannot be checked: {error}")),
        }
    }

    fn hear(&mut self, heard: Heard, say: &mut Say) {
        match heard.message {
            Message::HandoffOffer(offer) => self.accept(offer, say),
            Message::CaseAssigned(assigned) => self.hold(assigned, say),
            Message::Decision(decision) if decision.ruling() != Ruling::Authorized => {
                let reasons: Vec<_> =
                    decision.reasons.iter().map(|reason| reason.detail.as_str()).collect();
                self.meter.fail(format!("a write was not allowed: {}", reasons.join("; ")));
            }
            Message::Permit(permit) => self.begin(permit, say),
            Message::ExecutionStarted(started) => self.write(started, say),
            Message::ActionResult(result) => self.learn(result, say),
            Message::CaseClosed(closed) => {
                self.opener.is_closed();
                self.cases.remove(&closed.case_id);
                self.customers.remove(&closed.case_id);
            }
            Message::LeaseLost(lost) if lost.reason() != LeaseLostReason::CaseClosed => {
                self.meter.fail(format!("an agent lost a case: {}", lost.detail));
            }
            Message::Rejected(rejected) => self.meter.fail(refused(&rejected)),
            Message::Goodbye(goodbye) if !self.meter.is_stopping() => {
                self.meter.fail(format!("an agent was sent away: {}", goodbye.detail));
            }
            _ => {}
        }
    }
}

impl Writer {
    fn accept(&mut self, offer: v1::HandoffOffer, say: &mut Say) {
        match digest_of(&offer.context).map(|digest| digest.to_string()) {
            Some(context_digest) if context_digest == offer.context_digest => {
                if let Some(case) = offer.case {
                    self.customers.insert(case.id, case.customer);
                }
                let handoff_id = offer.handoff_id;
                say.ask(Ask::AcceptHandoff(v1::AcceptHandoff { handoff_id, context_digest }));
            }
            _ => self.meter.fail("a context arrived that is not the one that was sent"),
        }
    }

    fn hold(&mut self, assigned: v1::CaseAssigned, say: &mut Say) {
        let v1::CaseAssigned { case_id, epoch, .. } = assigned;
        let customer = self.customers.get(&case_id).cloned().unwrap_or_default();
        let held = Held { customer, epoch, writes: 0, begun: Instant::now() };
        self.cases.insert(case_id.clone(), held);
        self.opener.is_ready();
        self.go_on(case_id, say);
    }

    /// Proposes the next write, or closes the case.
    fn go_on(&mut self, case_id: String, say: &mut Say) {
        let Some(held) = self.cases.get_mut(&case_id) else { return };
        let epoch = held.epoch;
        if self.meter.is_stopping() || held.writes >= WRITES_MAX {
            if !self.meter.is_stopping() {
                self.opener.open();
            }
            let (resolution_code, note) = ("done".to_owned(), String::new());
            say.ask(Ask::ResolveCase(v1::ResolveCase { case_id, epoch, resolution_code, note }));
            return;
        }
        held.writes += 1;
        let number = held.writes;
        let note = json!({
            "customer": held.customer,
            "text": format!("{number}: the second charge was given back, and the customer was told so by mail"),
            "amount_minor": 2_499,
            "currency": "USD",
        });
        held.begun = Instant::now();
        say.ask(Ask::Propose(v1::Propose {
            proposal_id: format!("p{number}"),
            case_id,
            epoch,
            contract_id: "bench.note@1".to_owned(),
            input_json: note.to_string(),
            justification: "the charge is there twice".to_owned(),
            provenance: vec![v1::InputProvenance {
                pointer: "/amount_minor".to_owned(),
                source: v1::ProvenanceSource::SystemOfRecord.into(),
                reference: "records/1".to_owned(),
            }],
            ..v1::Propose::default()
        }));
    }

    /// Checks the permit, as everybody has to, and consumes it.
    fn begin(&self, permit: v1::Permit, say: &mut Say) {
        let Some(verifier) = &self.verifier else { return };
        let expected = Expected {
            agent: &self.me.agent,
            certificate: self.me.certificate,
            action: &permit.action_id,
            input_digest: &permit.input_digest,
            epoch: permit.epoch,
        };
        if let Err(refused) = verifier.verify(&permit.token, &expected, Timestamp::now()) {
            return self.meter.fail(format!("a permit does not hold: {refused}"));
        }
        if let Ok(input) = serde_json::from_str::<Value>(&permit.input_json) {
            // What the write would be; it takes place when the supervisor says that it may.
            self.records.prepare(&permit.action_id, permit.idempotency_key, input);
        }
        say.ask(Ask::BeginExecution(v1::BeginExecution {
            action_id: permit.action_id,
            permit_id: permit.permit_id,
            input_digest: permit.input_digest,
            epoch: permit.epoch,
        }));
    }

    fn write(&self, started: v1::ExecutionStarted, say: &mut Say) {
        let v1::ExecutionStarted { action_id, attempt, .. } = started;
        self.records.write(&action_id);
        let output_json = "{\"noted\":true}".to_owned();
        let result = v1::report_outcome::Result::Executed(v1::Executed { output_json });
        say.ask(Ask::ReportOutcome(v1::ReportOutcome { action_id, attempt, result: Some(result) }));
    }

    fn learn(&mut self, result: v1::ActionResult, say: &mut Say) {
        let Some(action) = result.action.filter(|_| result.settled) else { return };
        if action.state() != ActionState::Verified {
            let state = action.state().as_str_name();
            return self.meter.fail(format!("a write ended as {state}: {}", action.detail));
        }
        if let Some(held) = self.cases.get(&action.case_id) {
            self.meter.finished(held.begun.elapsed());
            self.go_on(action.case_id, say);
        }
    }
}
