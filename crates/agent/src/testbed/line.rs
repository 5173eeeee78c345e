//! The supervisor's end of one stream.

use belay_api::v1::connect_request::Message as In;
use belay_api::v1::connect_response::Message as Out;
use belay_api::v1::{self, ErrorReason, LeaseLostReason};
use belay_domain::{Context, ContextEntry, Provenance, Source};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::{ACTION, CASE, LEASE, PATIENCE, digest, in_future, on_wire};

/// One stream, and what came on it besides what tests wait for.
pub(crate) struct Line {
    incoming: Streaming<v1::ConnectRequest>,
    out: mpsc::Sender<Result<v1::ConnectResponse, Status>>,
    sent: u64,
    pub(crate) taken: u64,
    /// Whether what is taken is acknowledged with the next message.
    pub(crate) acknowledges: bool,
    pub(crate) acked: u64,
    pub(crate) credit: u32,
    pub(crate) progress: Vec<v1::Progress>,
    pub(crate) register: v1::Register,
}

impl Line {
    pub(super) fn new(
        incoming: Streaming<v1::ConnectRequest>,
        out: mpsc::Sender<Result<v1::ConnectResponse, Status>>,
    ) -> Self {
        Self {
            incoming,
            out,
            sent: 0,
            taken: 0,
            acknowledges: true,
            acked: 0,
            credit: 0,
            progress: Vec::new(),
            register: v1::Register::default(),
        }
    }

    pub(super) fn goes_on_after(&mut self, before: Self) {
        (self.sent, self.taken) = (before.sent, before.taken);
        self.acked = before.acked;
    }

    pub(super) async fn register(&mut self, jwks: &str, resumed: bool) {
        match self.incoming.message().await.unwrap().unwrap().message {
            Some(In::Register(register)) => self.register = register,
            other => panic!("not registered: {other:?}"),
        }
        self.say(
            0,
            Out::Registered(v1::Registered {
                session_id: "s-1".into(),
                agent_id: "crm".into(),
                tenant: "acme".into(),
                roles: vec!["crm".into()],
                resumed,
                permit_keys_jwks: jwks.to_owned(),
                ..v1::Registered::default()
            }),
        )
        .await;
    }

    /// Sends a numbered message that answers `to`; 0 answers nothing.
    pub(crate) async fn send(&mut self, to: u64, message: Out) {
        self.sent += 1;
        self.envelope(self.sent, to, message).await;
    }

    /// Sends the message with this number once more.
    pub(crate) async fn repeat(&mut self, number: u64, message: Out) {
        self.envelope(number, 0, message).await;
    }

    /// Sends a message without a number.
    pub(crate) async fn say(&mut self, to: u64, message: Out) {
        self.envelope(0, to, message).await;
    }

    async fn envelope(&mut self, message_id: u64, in_reply_to: u64, message: Out) {
        let envelope = v1::ConnectResponse {
            message_id,
            in_reply_to,
            ack: if self.acknowledges { self.taken } else { 0 },
            traceparent: String::new(),
            message: Some(message),
        };
        self.out.send(Ok(envelope)).await.unwrap();
    }

    /// Breaks the line.
    pub(crate) async fn breaks(&self) {
        self.fails(Status::unavailable("the line broke")).await;
    }

    /// Ends the stream with an error.
    pub(crate) async fn fails(&self, status: Status) {
        // The agent may have gone first.
        let _ = self.out.send(Err(status)).await;
    }

    /// The next numbered message of the agent. Others are only noted.
    pub(crate) async fn next(&mut self) -> (u64, In) {
        loop {
            match self.any().await {
                Some((number, message)) if number > 0 => return (number, message),
                Some(_) => {}
                None => panic!("the agent closed the stream"),
            }
        }
    }

    /// Waits until the agent has closed its half. What comes before is lost.
    pub(crate) async fn closed(&mut self) {
        while self.any().await.is_some() {}
    }

    /// Notes what comes for this long, and fails if something with a number is among it.
    pub(crate) async fn quiet(&mut self, time: std::time::Duration) {
        let until = tokio::time::Instant::now() + time;
        while let Ok(came) = tokio::time::timeout_at(until, self.any()).await {
            match came {
                Some((0, _)) => {}
                other => panic!("not quiet: {other:?}"),
            }
        }
    }

    async fn any(&mut self) -> Option<(u64, In)> {
        loop {
            let came = tokio::time::timeout(PATIENCE, self.incoming.message()).await;
            let envelope = came.expect("the agent is silent").ok()??;
            self.acked = self.acked.max(envelope.ack);
            match envelope.message {
                None => {}
                Some(message) => {
                    match &message {
                        In::Credit(credit) => self.credit += credit.messages,
                        In::Progress(progress) => self.progress.push(progress.clone()),
                        _ => {}
                    }
                    self.taken = self.taken.max(envelope.message_id);
                    return Some((envelope.message_id, message));
                }
            }
        }
    }

    /// Offers the case, sees it accepted with the right digest, and assigns it.
    pub(crate) async fn assigns(&mut self, epoch: u64) {
        self.assigns_case(CASE, epoch).await;
    }

    /// The same with another case.
    pub(crate) async fn assigns_case(&mut self, case: &str, epoch: u64) {
        let offer = offer(case, &format!("{case}/h{epoch}"));
        let digest = offer.context_digest.clone();
        self.send(0, Out::HandoffOffer(offer)).await;
        match self.next().await {
            (number, In::AcceptHandoff(accept)) => {
                assert_eq!(accept.context_digest, digest);
                self.send(number, assigned(case, epoch, None)).await;
            }
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Waits for a proposal and rules on it.
    pub(crate) async fn rules(&mut self, ruling: v1::Ruling) -> v1::Propose {
        match self.next().await {
            (number, In::Propose(proposal)) => {
                self.send(number, decision(&proposal, ruling)).await;
                proposal
            }
            other => panic!("not a proposal: {other:?}"),
        }
    }

    /// Waits for a permit to be consumed, and gives the number of the message.
    pub(crate) async fn begins(&mut self, permit: &str) -> u64 {
        match self.next().await {
            (number, In::BeginExecution(begin)) => {
                assert_eq!((&*begin.action_id, &*begin.permit_id), (ACTION, permit));
                number
            }
            other => panic!("nothing begun: {other:?}"),
        }
    }

    /// Says that an attempt has begun.
    pub(crate) async fn started(&mut self, to: u64, permit: &str, attempt: u32) {
        let started = v1::ExecutionStarted {
            action_id: ACTION.into(),
            permit_id: permit.into(),
            attempt,
            outcome_until: in_future(60),
        };
        self.send(to, Out::ExecutionStarted(started)).await;
    }

    /// Waits for the outcome of an attempt and takes it: `executed`, `failed` or `unknown`.
    pub(crate) async fn outcome(&mut self) -> (u32, &'static str) {
        match self.next().await {
            (number, In::ReportOutcome(report)) => {
                assert_eq!(report.action_id, ACTION);
                self.send(number, Out::Done(v1::Done::default())).await;
                let how = match report.result.unwrap() {
                    v1::report_outcome::Result::Executed(_) => "executed",
                    v1::report_outcome::Result::Failed(failed) if failed.retryable => {
                        "failed for now"
                    }
                    v1::report_outcome::Result::Failed(_) => "failed",
                    v1::report_outcome::Result::Unknown(_) => "unknown",
                };
                (report.attempt, how)
            }
            other => panic!("no outcome: {other:?}"),
        }
    }

    /// Says where the action stands.
    pub(crate) async fn stands(&mut self, state: v1::ActionState) {
        let action = action(state, 1);
        self.send(0, Out::ActionResult(v1::ActionResult { action: Some(action), settled: true }))
            .await;
    }

    /// Waits for the case to be resolved, and confirms it.
    pub(crate) async fn resolved(&mut self) {
        match self.next().await {
            (number, In::ResolveCase(resolve)) => {
                let closed = v1::CaseClosed { case_id: resolve.case_id, resolution: None };
                self.send(number, Out::CaseClosed(closed)).await;
            }
            other => panic!("not resolved: {other:?}"),
        }
    }

    /// Waits for the case to be given back, confirms it, and gives the reason.
    pub(crate) async fn released(&mut self) -> String {
        match self.next().await {
            (number, In::ReleaseCase(release)) => {
                self.send(number, Out::Done(v1::Done::default())).await;
                release.reason
            }
            other => panic!("not given back: {other:?}"),
        }
    }

    /// Refuses a message.
    pub(crate) async fn refuses(&mut self, to: u64, reason: ErrorReason) {
        let error =
            v1::Error { reason: reason.into(), message: "no".into(), ..v1::Error::default() };
        self.send(to, Out::Rejected(v1::Rejected { error: Some(error) })).await;
    }

    /// Says that the case is lost.
    pub(crate) async fn loses(&mut self, epoch: u64, reason: LeaseLostReason) {
        let (case_id, detail) = (CASE.into(), "lost".into());
        self.say(
            0,
            Out::LeaseLost(v1::LeaseLost { case_id, epoch, reason: reason.into(), detail }),
        )
        .await;
    }
}

/// What is known of every case of the tests.
pub(crate) fn known() -> (Vec<v1::ContextEntry>, String) {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let entry = ContextEntry {
        kind: "message".into(),
        body: "please note my new address".into(),
        provenance: Provenance { source: Source::Customer, reference: "chat".into() },
        at,
    };
    let wire = v1::ContextEntry {
        ordinal: 1,
        kind: entry.kind.clone(),
        body: entry.body.clone(),
        provenance: Some(v1::Provenance {
            source: v1::ProvenanceSource::Customer.into(),
            reference: "chat".into(),
        }),
        at: Some(on_wire(at)),
    };
    (vec![wire], Context::digest_of([&entry]).to_string())
}

pub(crate) fn summary(case: &str) -> v1::CaseSummary {
    v1::CaseSummary {
        id: case.into(),
        tenant: "acme".into(),
        subject: "a new address".into(),
        customer: "cust-1".into(),
        ..v1::CaseSummary::default()
    }
}

pub(crate) fn offer(case: &str, handoff: &str) -> v1::HandoffOffer {
    let (context, context_digest) = known();
    v1::HandoffOffer {
        handoff_id: handoff.into(),
        case: Some(summary(case)),
        context,
        context_digest,
        deadline: in_future(60),
        ..v1::HandoffOffer::default()
    }
}

/// The case is assigned; with actions if it is told again.
pub(crate) fn assigned(case: &str, epoch: u64, actions: Option<Vec<v1::Action>>) -> Out {
    let restated = actions.map(|actions| {
        let (context, context_digest) = known();
        v1::AssignedCase { summary: Some(summary(case)), context, context_digest, actions }
    });
    Out::CaseAssigned(v1::CaseAssigned {
        case_id: case.into(),
        epoch,
        lease_until: in_future(12),
        lease_duration: LEASE.try_into().ok(),
        restated,
    })
}

pub(crate) fn decision(proposal: &v1::Propose, ruling: v1::Ruling) -> Out {
    Out::Decision(v1::Decision {
        action_id: ACTION.into(),
        proposal_id: proposal.proposal_id.clone(),
        case_id: proposal.case_id.clone(),
        ruling: ruling.into(),
        contract_id: proposal.contract_id.clone(),
        input_digest: digest(&proposal.input_json),
        approval_until: in_future(3600),
        ..v1::Decision::default()
    })
}

pub(crate) fn action(state: v1::ActionState, attempts: u32) -> v1::Action {
    v1::Action {
        id: ACTION.into(),
        case_id: CASE.into(),
        contract_id: "crm.add_note@1".into(),
        epoch: 1,
        state: state.into(),
        executor: v1::Executor::Agent.into(),
        input_digest: digest(super::specialists::INPUT),
        attempts,
        ..v1::Action::default()
    }
}
