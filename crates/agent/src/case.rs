//! The agent's handle on a case that it holds.

mod holding;

use std::sync::Arc;
use std::time::Duration;

use belay_api::v1::connect_request::Message;
use belay_api::v1::{self, ErrorReason, LeaseLostReason, connect_response, handoff_target};
use belay_domain::{ContextEntry, Digest, Hasher, Severity};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::context::NewEntry;
use crate::error::{CallError, Refused};
use crate::held::Held;
use crate::offer::About;
use crate::outcome::{ActionResult, Outcome, line};
use crate::permit::Permit;
use crate::proposal::Proposal;
use crate::shared::Shared;
use crate::specialist::Done;
use crate::wire;

pub(crate) use holding::{hold, panic_message};

/// A case that the agent holds. Everything it does carries the epoch under which the case was assigned, so
/// that a handle on a case that was lost can change nothing.
///
/// Every call waits for the supervisor's answer, across broken lines, for a bounded time, and is a sign of
/// life while it waits.
pub struct Case {
    pub(crate) held: Arc<Held>,
    pub(crate) shared: Arc<Shared>,
}

/// To whom a case is handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Any agent that serves this role.
    Role(String),
    /// This agent and no other.
    Agent(String),
}

impl Case {
    pub(crate) fn new(held: Arc<Held>, shared: Arc<Shared>) -> Self {
        Self { held, shared }
    }

    /// The case in short.
    pub fn about(&self) -> &About {
        &self.held.about
    }

    /// The fencing number under which the agent holds the case.
    pub fn epoch(&self) -> u64 {
        self.held.epoch
    }

    /// What is known, oldest first, with what others added meanwhile. Its digest has been checked.
    pub fn context(&self) -> Vec<ContextEntry> {
        self.held.context().0
    }

    /// The digest over [`Self::context`], as it was computed here.
    pub fn context_digest(&self) -> Digest {
        self.held.context().1
    }

    /// Says that work goes on, for handlers that are busy for longer than the agent's patience without
    /// calling the supervisor. The note is shown to people who watch.
    pub fn progress(&self, note: &str) {
        self.held.signs(&line(note.to_owned()));
        self.shared.wake();
    }

    /// Asks for one write. Anything that serialises to JSON is an input.
    pub fn propose(&self, contract: &str, input: impl Serialize) -> Proposal<'_> {
        Proposal::new(self, contract, serde_json::to_value(input))
    }

    /// Asks for one write and carries it out if it is allowed: [`Proposal::act`] without more words.
    pub async fn act<F, W>(
        &self,
        contract: &str,
        input: impl Serialize,
        write: F,
    ) -> Result<ActionResult, CallError>
    where
        F: FnMut(Permit) -> W,
        W: Future<Output = Outcome>,
    {
        self.propose(contract, input).act(write).await
    }

    /// Says that a plan lacks no further action. When all its actions are verified, the plan is.
    pub async fn complete_plan(&self, plan: &str) -> Result<(), CallError> {
        let (case_id, epoch) = self.named();
        let message = v1::CompletePlan { case_id, epoch, plan: plan.to_owned() };
        self.do_it("completing a plan", Message::CompletePlan(message)).await.map(drop)
    }

    /// Gives a plan up: what was done is taken back in reverse order.
    pub async fn abandon_plan(&self, plan: &str, reason: &str) -> Result<(), CallError> {
        let (case_id, epoch) = self.named();
        let reason = line(reason.to_owned());
        let message = v1::AbandonPlan { case_id, epoch, plan: plan.to_owned(), reason };
        self.do_it("abandoning a plan", Message::AbandonPlan(message)).await.map(drop)
    }

    /// Adds one text to what is known, as something that this agent came up with.
    pub async fn note(&self, kind: &str, body: impl Into<String>) -> Result<(), CallError> {
        self.add(vec![NewEntry::new(kind, body)]).await
    }

    /// Answers what a reviewer wants to know before they decide on an action. Questions come with what is known, as
    /// entries of the kind `question`, whose body names the action and the question.
    pub async fn answer(
        &self,
        action: &str,
        question: u32,
        answer: impl Into<String>,
    ) -> Result<(), CallError> {
        let (_, epoch) = self.named();
        let (action_id, answer) = (action.to_owned(), answer.into());
        let message = v1::AnswerQuestion { action_id, epoch, question, answer };
        self.do_it("an answer", Message::AnswerQuestion(message)).await.map(drop)
    }

    /// Asks Belay to find out in the systems of record whom the case is about, from what is known of it. Of somebody who is
    /// identified the ids in each system are given, and become known with the case; otherwise people are asked to take it.
    pub async fn identify(&self, object: &str) -> Result<crate::Identified, CallError> {
        let (case_id, epoch) = self.named();
        let message = v1::IdentifyCase { case_id, epoch, object: object.to_owned() };
        let what = "identifying whom the case is about";
        match self.call(what, Message::IdentifyCase(message)).await? {
            connect_response::Message::CaseIdentified(found) => {
                let found = found.identification.ok_or(CallError::Unexpected { what })?;
                Ok(crate::Identified::from_wire(found))
            }
            _ => Err(CallError::Unexpected { what }),
        }
    }

    /// Adds to what is known, in this order.
    pub async fn add(&self, entries: Vec<NewEntry>) -> Result<(), CallError> {
        let (case_id, epoch) = self.named();
        let entries = wire_entries(entries);
        let request_id = self.request_id("add context", &entries, &[]);
        let message = v1::AddContext { request_id, case_id, epoch, entries };
        let what = "adding context";
        match self.call(what, Message::AddContext(message)).await? {
            connect_response::Message::ContextUpdated(_) => Ok(()),
            _ => Err(CallError::Unexpected { what }),
        }
    }

    /// Asks for another agent to take the case, with what it should know beyond what is there. The case is
    /// kept until somebody has accepted it.
    pub async fn hand_off(
        &self,
        to: impl Into<To>,
        reason: &str,
        entries: Vec<NewEntry>,
    ) -> Result<Done, CallError> {
        let (case_id, epoch) = self.named();
        let to = to.into();
        let entries = wire_entries(entries);
        let request_id = self.request_id("hand off", &entries, &[to.as_str(), reason]);
        let target = Some(v1::HandoffTarget { target: Some(to.into_wire()) });
        let reason = line(reason.to_owned());
        let message = v1::RequestHandoff { request_id, case_id, epoch, target, reason, entries };
        self.do_it("a handoff", Message::RequestHandoff(message)).await?;
        Ok(Done { parting: true, escalation: None })
    }

    /// Asks for a person to take the case; `None` asks as urgently as the case is. The case is kept until a
    /// person has acknowledged. If people are being asked already, for another reason, that is the same to
    /// the agent.
    pub async fn escalate(
        &self,
        reason: &str,
        severity: impl Into<Option<Severity>>,
    ) -> Result<Done, CallError> {
        let (case_id, epoch) = self.named();
        let request_id = self.request_id("escalate", &[], &[reason]);
        let reason = line(reason.to_owned());
        let severity = wire::severity(severity.into()).into();
        let message = v1::RequestEscalation { request_id, case_id, epoch, reason, severity };
        let asked = self.do_it("an escalation", Message::RequestEscalation(message)).await;
        let escalation = match asked {
            Ok(done) => Some(done.id),
            Err(CallError::Refused(refused))
                if refused.reason == ErrorReason::EscalationUnderWay =>
            {
                refused.metadata.get("escalation_id").cloned()
            }
            Err(error) => return Err(error),
        };
        Ok(Done { parting: true, escalation })
    }

    /// Resolves the case with a code of the playbook's taxonomy.
    pub async fn resolve(&self, code: &str, note: &str) -> Result<Done, CallError> {
        let (case_id, epoch) = self.named();
        let (resolution_code, note) = (code.to_owned(), note.to_owned());
        let message = v1::ResolveCase { case_id, epoch, resolution_code, note };
        let what = "resolving the case";
        self.held.gives_up(true);
        match self.call(what, Message::ResolveCase(message)).await {
            Ok(connect_response::Message::CaseClosed(_)) => Ok(self.given_up()),
            other => {
                self.held.gives_up(false);
                other.and(Err(CallError::Unexpected { what }))
            }
        }
    }

    /// Gives the case back, so that somebody else is looked for at once.
    pub async fn release(&self, reason: &str) -> Result<Done, CallError> {
        let (case_id, epoch) = self.named();
        let message = v1::ReleaseCase { case_id, epoch, reason: line(reason.to_owned()) };
        self.held.gives_up(true);
        match self.do_it("releasing the case", Message::ReleaseCase(message)).await {
            Ok(_) => Ok(self.given_up()),
            Err(error) => {
                self.held.gives_up(false);
                Err(error)
            }
        }
    }

    fn given_up(&self) -> Done {
        self.held.gave_up();
        Done { parting: false, escalation: None }
    }

    pub(crate) fn named(&self) -> (String, u64) {
        (self.held.about.id.clone(), self.held.epoch)
    }

    /// An id for a request of this content. A handler that is restarted and asks for the same in the same
    /// order arrives at the same ids, so that nothing takes effect twice.
    pub(crate) fn request_id(
        &self,
        kind: &str,
        entries: &[v1::NewContextEntry],
        texts: &[&str],
    ) -> String {
        let hasher = texts.iter().fold(Hasher::new(kind), |all, text| all.part(text.as_bytes()));
        let hasher = entries
            .iter()
            .fold(hasher, |all, entry| all.part(entry.kind.as_bytes()).part(entry.body.as_bytes()));
        let digest = hasher.finish().to_string();
        let place = self.held.occurrence(&digest);
        format!("e{}-{}-{place}", self.held.epoch, &digest[..16])
    }

    /// Sends a message that is answered with `Done`.
    async fn do_it(&self, what: &'static str, message: Message) -> Result<v1::Done, CallError> {
        match self.call(what, message).await? {
            connect_response::Message::Done(done) => Ok(done),
            _ => Err(CallError::Unexpected { what }),
        }
    }

    /// Sends a message and waits for its reply, repeating it where the supervisor says that this may help.
    pub(crate) async fn call(
        &self,
        what: &'static str,
        message: Message,
    ) -> Result<connect_response::Message, CallError> {
        let _calling = self.held.calling();
        let within = self.shared.patience.reply;
        let until = Instant::now() + within;
        loop {
            if let Some(lost) = self.held.lost() {
                return Err(lost.into());
            }
            let answered = self.shared.ask(message.clone())?;
            let reply = tokio::select! {
                reply = timeout_at(until, answered) => match reply {
                    Ok(Ok(reply)) => reply,
                    // The session is over, or nothing came.
                    Ok(Err(_)) | Err(_) => return Err(CallError::TimedOut { what, within }),
                },
                lost = self.held.until_lost() => return Err(lost.into()),
            };
            let refused = match reply {
                Ok(message) => return Ok(message),
                Err(refused) => refused,
            };
            match refused.retry_after {
                Some(wait) if Instant::now() + wait < until => tokio::time::sleep(wait).await,
                _ => return Err(self.refused(refused).await),
            }
        }
    }

    /// Takes notice of a refusal: after some of them the case is not this agent's, and a handler that waits
    /// for this goes no further.
    pub(crate) async fn refused(&self, refused: Refused) -> CallError {
        if refused.is_loss() {
            self.held.lose(LeaseLostReason::NotHeld, &refused.message);
            tokio::task::yield_now().await;
        }
        refused.into()
    }

    /// How long an action may take from one point to the next.
    pub(crate) fn settling(&self) -> Duration {
        self.shared.patience.settling
    }
}

fn wire_entries(entries: Vec<NewEntry>) -> Vec<v1::NewContextEntry> {
    entries.into_iter().map(NewEntry::into_wire).collect()
}

impl To {
    fn as_str(&self) -> &str {
        match self {
            Self::Role(name) | Self::Agent(name) => name,
        }
    }

    fn into_wire(self) -> handoff_target::Target {
        match self {
            Self::Role(role) => handoff_target::Target::Role(role),
            Self::Agent(agent) => handoff_target::Target::AgentId(agent),
        }
    }
}

impl From<&str> for To {
    /// A role: who exactly serves it is for routing to say.
    fn from(role: &str) -> Self {
        Self::Role(role.to_owned())
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("id", &self.held.about.id)
            .field("epoch", &self.held.epoch)
            .finish_non_exhaustive()
    }
}
