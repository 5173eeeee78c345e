//! The gRPC services: who is asking, what it means, what the engine says, and back. Nothing is decided here.

pub(crate) mod agent;
pub(crate) mod agent_registry;
pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod case;
pub(crate) mod coverage;
pub(crate) mod desk;
pub(crate) mod escalation;
pub(crate) mod page;
pub(crate) mod playbook;
mod stream;
mod survey;

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use belay_api::v1::ErrorReason;
use belay_domain::{ActionId, Case, CaseId, Command, Digest, EscalationId, RequestId, Timestamp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::caller::Caller;
use crate::dedupe::{Asked, Dedupe};
use crate::engine::{Applied, Engine, Once, Refused};
use crate::errands::Pokes;
use crate::intake::Intake;
use crate::lookout::Lookout;
use crate::matters::Matters;
use crate::playbooks::Playbooks;
use crate::sessions::Sessions;
use crate::systems::Systems;
use crate::upkeep::Kept;
use crate::wire::Fault;

/// What every service works with; cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) playbooks: Playbooks,
    pub(crate) intake: Intake,
    pub(crate) matters: Matters,
    pub(crate) lookout: Lookout,
    pub(crate) sessions: Sessions,
    pub(crate) systems: Systems,
    pub(crate) pokes: Pokes,
    pub(crate) dedupe: Dedupe,
    /// What keeps an eye on Belay itself, once it does.
    pub(crate) kept: Arc<OnceLock<Kept>>,
    /// When the playbook in force came into force.
    pub(crate) loaded_at: Arc<ArcSwap<Timestamp>>,
    /// Where what goes on after an answer has begun, such as a watch, is waited for at the end.
    pub(crate) tasks: TaskTracker,
    /// The supervisor is leaving: whatever streams ends.
    pub(crate) leaving: CancellationToken,
}

impl Shared {
    /// The moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// A case that the caller may see. What belongs to others is not there for them.
    pub(crate) async fn case(&self, caller: &Caller, case: &CaseId) -> Result<Arc<Case>, Fault> {
        self.case_as_of(caller, case).await.map(|(case, _)| case)
    }

    /// The same, with the moment for which what it says is true.
    pub(crate) async fn case_as_of(
        &self,
        caller: &Caller,
        case: &CaseId,
    ) -> Result<(Arc<Case>, Timestamp), Fault> {
        let unknown = || Fault::unknown_case(case.as_str());
        let (found, as_of) = self.engine.case_as_of(case).await?.ok_or_else(unknown)?;
        match &found.tenant {
            Some(tenant) if caller.sees(tenant) => Ok((found, as_of)),
            Some(_) | None => Err(unknown()),
        }
    }

    /// A case by an id as it arrived, with the moment for which what it says is true.
    pub(crate) async fn case_named_as_of(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<(Arc<Case>, Timestamp), Fault> {
        let case = id.parse().map_err(|error| invalid("case_id", &error))?;
        self.case_as_of(caller, &case).await
    }

    /// A case by an id as it arrived.
    pub(crate) async fn case_named(&self, caller: &Caller, id: &str) -> Result<Arc<Case>, Fault> {
        let case = id.parse().map_err(|error| invalid("case_id", &error))?;
        self.case(caller, &case).await
    }

    /// Does what changes something once for each request id of the caller.
    pub(crate) async fn once<T, F>(&self, asked: &Mutation<'_>, work: F) -> Result<T, Fault>
    where
        T: prost::Message + Default,
        F: Future<Output = Result<T, Fault>>,
    {
        let Mutation { caller, method, request, content } = asked;
        let (tenant, caller) = (caller.tenant("")?, caller.actor().reference());
        let asked = Asked { tenant, caller, method, request: request.clone() };
        self.dedupe.once(asked, *content, work).await
    }

    /// Has a command decided that such a request asks for, unless it was before, even by an earlier process. Then
    /// what it led to is what it led to the first time.
    pub(crate) async fn command(
        &self,
        asked: &Mutation<'_>,
        case: &CaseId,
        command: Command,
    ) -> Result<Applied, Refused> {
        let Mutation { caller, method, request, content } = asked;
        let key = format!("{}/{method}/{request}", caller.actor().reference());
        let once = Once::new(&key, *content);
        self.engine.command_once(case, command, once).await
    }
}

/// What a caller wants changed, by a request id of its own.
pub(crate) struct Mutation<'a> {
    /// Who asks.
    pub(crate) caller: &'a Caller,
    /// Which method.
    pub(crate) method: &'static str,
    /// The caller's id for it.
    pub(crate) request: RequestId,
    /// What exactly is asked for.
    pub(crate) content: Digest,
}

/// The case in which an action lives: its id is the case's, a slash, and its number.
pub(crate) fn case_of_action(action: &ActionId) -> Option<CaseId> {
    action.as_str().rsplit_once('/')?.0.parse().ok()
}

/// The case in which an escalation lives.
pub(crate) fn case_of_escalation(escalation: &EscalationId) -> Option<CaseId> {
    escalation.as_str().rsplit_once('/')?.0.parse().ok()
}

/// A field that is no id.
pub(crate) fn invalid(field: &str, error: &belay_domain::InvalidId) -> Fault {
    Fault::field(field, error.to_string())
}

/// The position to resume from lies behind the end.
pub(crate) fn unknown_position(given: u64, last: u64) -> Fault {
    let what = format!("there is nothing after {given} yet; the last is {last}");
    Fault::new(ErrorReason::UnknownPosition, what)
        .with("given", given.to_string())
        .with("last", last.to_string())
}
