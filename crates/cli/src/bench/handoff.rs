//! Cases go from agent to agent: each is offered, accepted with the digest of its context, and changes its owner. The time
//! of one runs from the giver's request until the receiver is told that the case is theirs, which is durable by then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use belay_api::v1::connect_request::Message as Ask;
use belay_api::v1::connect_response::Message;
use belay_api::v1::{self, LeaseLostReason};

use super::line::{Heard, Line, Player, Say, digest_of, refused};
use super::meter::{Meter, Reading};
use super::opening::Opener;
use super::playbook::agents_of;
use super::stage::{Server, Stage};
use crate::exit::Failure;

/// How often a case changes hands before it is closed and another one is opened: seldom enough that opening costs
/// nothing, and before the playbook's bound on going to and fro.
const HANDS_MAX: u32 = 1_000;

/// The two halves of the company, and to whom each hands its cases.
const SIDES: [(&str, &str); 2] = [("front", "back"), ("back", "front")];

/// Everybody who passes cases on.
pub(crate) struct Passing {
    opener: Opener,
    meter: Arc<Meter>,
    _lines: Vec<Line>,
}

/// One case on its way.
struct Passed {
    given: Option<Instant>,
    hands: u32,
}

type Cases = Arc<Mutex<HashMap<String, Passed>>>;

/// One agent.
struct Passer {
    to: &'static str,
    cases: Cases,
    opener: Opener,
    meter: Arc<Meter>,
}

/// Measures with this many cases being passed on at once.
pub(crate) async fn measure(
    stage: &Stage,
    server: &Server,
    at_once: usize,
    warm_up: Duration,
    length: Duration,
) -> Result<Reading, Failure> {
    let passing = Passing::start(stage, server, at_once).await?;
    let reading = passing.meter.measure(warm_up, length).await?;
    passing.opener.settle().await;
    Ok(reading)
}

impl Passing {
    /// Connects the agents and opens the cases; from then on they are passed on until the meter stops.
    pub(crate) async fn start(
        stage: &Stage,
        server: &Server,
        at_once: usize,
    ) -> Result<Self, Failure> {
        let meter = Arc::new(Meter::new()?);
        let opener = Opener::new("handoff", server, meter.clone()).await?;
        let cases = Cases::default();
        let mut lines = Vec::new();
        for (own, to) in SIDES {
            for agent in agents_of(own) {
                let (cases, opener) = (cases.clone(), opener.clone());
                let player = Passer { to, cases, opener, meter: meter.clone() };
                let identity = stage.agent(&agent);
                let line = Line::open(&server.endpoint, identity, own, player, meter.clone());
                lines.push(line.await?);
            }
        }
        opener.fill(at_once).await?;
        Ok(Self { opener, meter, _lines: lines })
    }

    /// Who counts.
    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Passes nothing on any more, and closes everything.
    pub(crate) async fn stop(&self) {
        self.meter.stop();
        self.opener.settle().await;
    }
}

impl Player for Passer {
    fn hear(&mut self, heard: Heard, say: &mut Say) {
        match heard.message {
            Message::HandoffOffer(offer) => self.accept(offer, say),
            Message::CaseAssigned(assigned) => self.hold(assigned, say),
            Message::CaseClosed(closed) => {
                self.opener.is_closed();
                self.cases.lock().unwrap_or_else(PoisonError::into_inner).remove(&closed.case_id);
            }
            Message::LeaseLost(lost)
                if !matches!(
                    lost.reason(),
                    LeaseLostReason::HandedOff | LeaseLostReason::CaseClosed
                ) =>
            {
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

impl Passer {
    fn accept(&self, offer: v1::HandoffOffer, say: &mut Say) {
        match digest_of(&offer.context).map(|digest| digest.to_string()) {
            Some(context_digest) if context_digest == offer.context_digest => {
                let handoff_id = offer.handoff_id;
                say.ask(Ask::AcceptHandoff(v1::AcceptHandoff { handoff_id, context_digest }));
            }
            _ => self.meter.fail("a context arrived that is not the one that was sent"),
        }
    }

    fn hold(&self, assigned: v1::CaseAssigned, say: &mut Say) {
        let v1::CaseAssigned { case_id, epoch, .. } = assigned;
        let now = Instant::now();
        let (given, hands) = {
            let mut cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Passed { given: None, hands: 0 };
            let case = cases.entry(case_id.clone()).or_insert_with(fresh);
            case.hands += 1;
            (case.given.replace(now), case.hands)
        };
        match given {
            Some(given) => self.meter.finished(now - given),
            None => self.opener.is_ready(),
        }
        if self.meter.is_stopping() || hands >= HANDS_MAX {
            if !self.meter.is_stopping() {
                self.opener.open();
            }
            let (resolution_code, note) = ("done".to_owned(), String::new());
            say.ask(Ask::ResolveCase(v1::ResolveCase { case_id, epoch, resolution_code, note }));
            return;
        }
        let role = v1::handoff_target::Target::Role(self.to.to_owned());
        say.ask(Ask::RequestHandoff(v1::RequestHandoff {
            request_id: format!("h{epoch}"),
            case_id,
            epoch,
            target: Some(v1::HandoffTarget { target: Some(role) }),
            reason: "the other side knows more about it".to_owned(),
            entries: Vec::new(),
        }));
    }
}
