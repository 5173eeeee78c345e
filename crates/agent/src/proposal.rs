//! Asking for a write, and hearing how that was ruled.

use belay_api::v1::connect_request::Message;
use belay_api::v1::{self, connect_response};
use belay_domain::Source;
use belay_transport::permit::PermitRefused;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::case::Case;
use crate::error::CallError;
use crate::outcome::{ActionResult, Outcome, Reason};
use crate::permit::{Permit, PermitProblem, Wanted};
use crate::track::Next;
use crate::wire;

/// One write that is about to be asked for.
#[derive(Debug)]
#[must_use = "a proposal does nothing until it is sent"]
pub struct Proposal<'a> {
    case: &'a Case,
    contract: String,
    input: Result<Value, serde_json::Error>,
    provenance: Vec<v1::InputProvenance>,
    plan: String,
    justification: String,
    id: Option<String>,
}

/// How a proposal was ruled.
#[derive(Debug)]
pub enum Proposed<'a> {
    /// Refused, for all of these reasons.
    Denied(Vec<Reason>),
    /// The same write was proposed before, and the result of that action counts.
    Duplicate {
        /// The other action.
        of: String,
    },
    /// The contract is in shadow mode: it would have been allowed, and nothing is done.
    Shadowed,
    /// People are asked first.
    Awaiting(Awaiting<'a>),
    /// Allowed, and to be carried out by this agent with [`Case::execute`].
    Authorized(Permit),
    /// It has come to an end already: the supervisor carried it out itself, or people decided.
    Settled(ActionResult),
}

/// An action that people are asked about.
#[derive(Debug)]
pub struct Awaiting<'a> {
    case: &'a Case,
    action: String,
    until: Option<Timestamp>,
}

impl<'a> Proposal<'a> {
    pub(crate) fn new(
        case: &'a Case,
        contract: &str,
        input: Result<Value, serde_json::Error>,
    ) -> Self {
        Self {
            case,
            contract: contract.to_owned(),
            input,
            provenance: Vec::new(),
            plan: String::new(),
            justification: String::new(),
            id: None,
        }
    }

    /// Says how the value at a place of the input is known (RFC 6901 JSON Pointer). Places that nothing is
    /// said of count as chosen by a model.
    pub fn provenance(
        mut self,
        pointer: impl Into<String>,
        source: Source,
        reference: impl Into<String>,
    ) -> Self {
        self.provenance.push(v1::InputProvenance {
            pointer: pointer.into(),
            source: wire::source(source).into(),
            reference: reference.into(),
        });
        self
    }

    /// Makes it part of a plan: actions that are consistent only together.
    pub fn plan(mut self, name: impl Into<String>) -> Self {
        self.plan = name.into();
        self
    }

    /// What speaks for it. Shown to people as the agent's claim, never used to decide.
    pub fn justify(mut self, text: impl Into<String>) -> Self {
        self.justification = text.into();
        self
    }

    /// The agent's own id for it, unique in the case. Otherwise one is made of its content and of how often
    /// the same was proposed before, so that a handler that is restarted proposes nothing twice.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Proposes it, and waits until it is ruled. If it is allowed, also until there is a permit, or until it
    /// was carried out where the supervisor does that itself.
    pub async fn send(self) -> Result<Proposed<'a>, CallError> {
        let case = self.case;
        let span = tracing::info_span!("propose", contract = self.contract);
        async {
            let message = Message::Propose(self.into_wire()?);
            let what = "a proposal";
            match case.call(what, message).await? {
                connect_response::Message::Decision(decision) => {
                    case.follow(&decision.action_id, People::Tell).await
                }
                _ => Err(CallError::Unexpected { what }),
            }
        }
        .instrument(span)
        .await
    }

    /// Proposes it and, if it is allowed, carries it out, waiting for people where they are asked.
    ///
    /// `write` is run once for every permit, after the permit was checked and its consumption is durable at
    /// the supervisor, and never without. There is a further permit only after a read-back showed that the
    /// attempt before took no effect, and only as often as the contract allows.
    pub async fn act<F, W>(self, write: F) -> Result<ActionResult, CallError>
    where
        F: FnMut(Permit) -> W,
        W: Future<Output = Outcome>,
    {
        let case = self.case;
        let mut proposed = self.send().await?;
        loop {
            proposed = match proposed {
                Proposed::Denied(reasons) => return Ok(ActionResult::Denied(reasons)),
                Proposed::Duplicate { of } => return Ok(ActionResult::Duplicate { of }),
                Proposed::Shadowed => return Ok(ActionResult::Shadowed),
                Proposed::Settled(result) => return Ok(result),
                Proposed::Awaiting(awaiting) => awaiting.decided().await?,
                Proposed::Authorized(permit) => return case.execute(permit, write).await,
            };
        }
    }

    fn into_wire(self) -> Result<v1::Propose, CallError> {
        let (case_id, epoch) = self.case.named();
        let Self { case, contract, input, provenance, plan, justification, id } = self;
        let input_json = input.map_err(CallError::Input)?.to_string();
        let proposal_id = id.unwrap_or_else(|| {
            let mut content = vec![&*contract, &*input_json, &*plan, &*justification];
            content.extend(provenance.iter().flat_map(|one| [&*one.pointer, &*one.reference]));
            case.request_id("propose", &[], &content)
        });
        Ok(v1::Propose {
            proposal_id,
            case_id,
            epoch,
            contract_id: contract,
            input_json,
            provenance,
            plan,
            justification,
        })
    }
}

impl<'a> Awaiting<'a> {
    /// The action that people are asked about. Its approval has the same id.
    pub fn action_id(&self) -> &str {
        &self.action
    }

    /// Until when people can decide.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Waits until people have decided or their time is over. Never gives [`Proposed::Awaiting`].
    pub async fn decided(self) -> Result<Proposed<'a>, CallError> {
        self.case.follow(&self.action, People::Await).await
    }
}

/// What to do when people are asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum People {
    /// Say so.
    Tell,
    /// Wait for them.
    Await,
}

impl Case {
    /// Waits until an action has a permit, has come to an end, or waits for people.
    pub(crate) async fn follow(
        &self,
        action: &str,
        people: People,
    ) -> Result<Proposed<'_>, CallError> {
        let _calling = self.held.calling();
        let within = self.settling();
        let mut until = Instant::now() + within;
        let mut changes = self.held.changes();
        loop {
            changes.mark_unchanged();
            if let Some(lost) = self.held.lost() {
                return Err(lost.into());
            }
            match self.held.next(action) {
                Next::Result(result) => return Ok(result.into()),
                Next::Permit(permit) => match self.check(action, &permit) {
                    Ok(permit) => return Ok(Proposed::Authorized(permit)),
                    Err(problem) => {
                        self.held.tracks(|tracks| tracks.use_up(action, &permit.permit_id));
                        // A fresh one comes by itself after one that came too late.
                        if problem != PermitProblem::Token(PermitRefused::Expired) {
                            return Err(problem.into());
                        }
                    }
                },
                Next::People(until) if people == People::Tell => {
                    let action = action.to_owned();
                    return Ok(Proposed::Awaiting(Awaiting { case: self, action, until }));
                }
                Next::People(at) => {
                    until = Instant::now()
                        + at.map(|at| self.shared.remaining(at)).unwrap_or_default()
                        + within;
                }
                Next::Nothing => {}
            }
            // The sender lives as long as the case, so only the time can end this.
            if timeout_at(until, changes.changed()).await.is_err() {
                return Err(CallError::TimedOut { what: "an action", within });
            }
        }
    }

    /// Checks that a permit allows exactly the action that it came for.
    fn check(&self, action: &str, permit: &v1::Permit) -> Result<Permit, PermitProblem> {
        let gate = self.shared.gate().ok_or(PermitProblem::NoKeys)?;
        let ruled = self.held.tracks(|tracks| tracks.ruled(action));
        let wanted = Wanted {
            case: &self.held.about.id,
            epoch: self.held.epoch,
            action,
            ruled: ruled.as_ref().map(|(contract, digest)| (contract.as_str(), digest.as_str())),
        };
        gate.check(permit, &wanted, (self.shared.wall)())
    }
}

impl From<ActionResult> for Proposed<'_> {
    fn from(result: ActionResult) -> Self {
        match result {
            ActionResult::Denied(reasons) => Self::Denied(reasons),
            ActionResult::Duplicate { of } => Self::Duplicate { of },
            ActionResult::Shadowed => Self::Shadowed,
            other => Self::Settled(other),
        }
    }
}
