//! What operators write, and what it decides.
//!
//! A playbook is one folder of YAML files and Cedar policies: which systems there are, which writes are allowed as
//! contracts, which agent may propose which of them, what people have to agree to, and how people are reached.
//! [`Playbook::load`] reads the folder, reports everything that is wrong with it at once, and compiles schemas,
//! expressions and policies. From then on it is pure: the same facts give the same verdict, on any machine.

mod document;
mod expression;
mod facts;
mod json;
mod problem;
mod request;
mod system;
mod template;

use std::path::Path;

use belay_domain::{
    AfterResolution, AgentId, BoundaryId, CaseTerms, ContractId, Digest, EscalationPlan, Executor,
    FailureClaim, IdempotencyKey, PersonId, ReadBack, ResolutionCode, RoleId, Severity, Span,
    SystemId, Verdict,
};

pub use facts::{Answer, CaseFacts, ProposalFacts, Reads, Usage, UsageKey, Used};
pub use json::INPUT_BYTES_MAX;
pub use problem::{Problem, Problems};
pub use request::{Method, PrepareError, PreparedRead, PreparedWrite};
pub use system::{
    Credential, Desk, DeskPerson, DeskQueue, HttpSystem, MissingVariable, Reference,
    RequestTracker, Status, System, SystemKind,
};

/// One loaded playbook. Immutable; a change of the files is another playbook with another version.
#[derive(Debug)]
pub struct Playbook {
    version: Digest,
}

#[expect(
    clippy::unimplemented,
    missing_docs,
    unused_variables,
    reason = "signatures first; bodies follow"
)]
impl Playbook {
    /// Reads and checks the folder. All problems of all files are reported together.
    pub fn load(folder: &Path) -> Result<Self, Problems> {
        unimplemented!()
    }
    /// The digest over all files and their paths.
    pub fn version(&self) -> Digest {
        self.version
    }
    pub fn name(&self) -> &str {
        unimplemented!()
    }

    /// The terms a case is opened under.
    pub fn open(&self, case: &CaseFacts) -> CaseTerms {
        unimplemented!()
    }

    pub fn contract(&self, contract: &ContractId) -> Option<&Contract> {
        unimplemented!()
    }
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        std::iter::empty()
    }

    /// The reads that can be done now and have not been done. Do them, add the answers, and ask again until this is
    /// empty: a later read may need what an earlier one showed. Empty as well when the input does not fit its schema.
    pub fn reads(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        so_far: &Reads,
    ) -> Vec<PreparedRead> {
        unimplemented!()
    }
    /// The counters to look up before a verdict and to book when the action is authorized.
    pub fn usage_keys(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        agent: &AgentId,
    ) -> Vec<UsageKey> {
        unimplemented!()
    }
    /// The verdict, with every failing reason.
    pub fn assess(&self, facts: &ProposalFacts<'_>) -> Verdict {
        unimplemented!()
    }

    /// What makes the write the same write.
    pub fn idempotency_key(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
    ) -> Result<IdempotencyKey, PrepareError> {
        unimplemented!()
    }
    /// The write itself, for contracts that the supervisor executes.
    pub fn execution(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
    ) -> Result<PreparedWrite, PrepareError> {
        unimplemented!()
    }
    /// What an HTTP status of a write means: `None` is "done", otherwise what may be claimed about it.
    pub fn classify(&self, contract: &ContractId, status: u16) -> Option<FailureClaim> {
        unimplemented!()
    }
    /// The read that proves the write.
    pub fn verification(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
    ) -> Result<PreparedRead, PrepareError> {
        unimplemented!()
    }
    /// What the read-back shows.
    pub fn judge_readback(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        answer: &Answer,
    ) -> ReadBack {
        unimplemented!()
    }
    /// The write that undoes the action. `shown` is what the verifying read-back showed, as JSON.
    pub fn compensation(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        shown: &str,
    ) -> Result<PreparedWrite, PrepareError> {
        unimplemented!()
    }
    /// The read that proves that it is undone.
    pub fn compensation_check(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        shown: &str,
    ) -> Result<PreparedRead, PrepareError> {
        unimplemented!()
    }
    /// Whether it is: `Applied` means undone, `NotApplied` means not yet.
    pub fn judge_compensation(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        shown: &str,
        answer: &Answer,
    ) -> ReadBack {
        unimplemented!()
    }

    pub fn agents(&self) -> impl Iterator<Item = &AgentId> {
        std::iter::empty()
    }
    pub fn roles_of(&self, agent: &AgentId) -> &[RoleId] {
        unimplemented!()
    }
    pub fn boundary_of(&self, agent: &AgentId) -> Option<&BoundaryId> {
        unimplemented!()
    }
    pub fn operators_of(&self, agent: &AgentId) -> &[PersonId] {
        unimplemented!()
    }

    pub fn escalation(&self, policy: &str, severity: Severity) -> Option<EscalationPlan> {
        unimplemented!()
    }
    pub fn resolutions(&self) -> &std::collections::BTreeMap<ResolutionCode, AfterResolution> {
        unimplemented!()
    }
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        std::iter::empty()
    }
    pub fn system(&self, id: &SystemId) -> Option<&System> {
        unimplemented!()
    }
    /// How long a proposal may wait for its preconditions to be read.
    pub fn assess_within(&self) -> Span {
        unimplemented!()
    }
}

/// One contract, as far as others need to know it.
#[derive(Debug)]
pub struct Contract {
    id: ContractId,
}

#[expect(clippy::unimplemented, missing_docs, reason = "signatures first; bodies follow")]
impl Contract {
    pub fn id(&self) -> &ContractId {
        &self.id
    }
    pub fn title(&self) -> &str {
        unimplemented!()
    }
    pub fn system(&self) -> &SystemId {
        unimplemented!()
    }
    pub fn executor(&self) -> Executor {
        unimplemented!()
    }
    pub fn tier(&self) -> u8 {
        unimplemented!()
    }
    pub fn mode(&self) -> belay_domain::Mode {
        unimplemented!()
    }
    pub fn input_schema(&self) -> &serde_json::Value {
        unimplemented!()
    }
}
