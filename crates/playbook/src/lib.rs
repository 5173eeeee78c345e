//! What operators write, and what it decides.
//!
//! A playbook is one folder of YAML files and Cedar policies: which systems there are, which writes are allowed as
//! contracts, which agent may propose which of them, what people have to agree to, and how people are reached.
//! [`Playbook::load`] reads the folder, reports everything that is wrong with it at once, and compiles schemas,
//! expressions and policies. From then on it is pure: the same facts give the same verdict, on any machine.
//!
//! A decision takes three calls. [`Playbook::reads`] says what has to be read first, [`Playbook::usage_keys`] which
//! counters have to be looked up, and [`Playbook::assess`] gives the verdict.

mod approval;
mod assess;
mod calendars;
mod canary;
mod check;
mod contract;
mod dictionary;
mod diff;
mod escalation;
mod explain;
mod facts;
mod format;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod graduation;
mod hook;
mod identity;
mod load;
mod matter;
mod operations;
mod people;
mod policy;
mod prepare;
mod request;
mod routing;
mod schema;
mod shown;
mod source;
mod staff;
mod system;
mod undo;
mod who_can;
mod writes;

use std::collections::BTreeMap;
use std::path::Path;

// The files and the expressions in them are read as everything is that operators write.
use belay_expression::{document, expression, json, problem, template};

use belay_domain::{
    AfterResolution, AgentId, BoundaryId, CaseTerms, ContextEntry, ContractId, Digest,
    EscalationPlan, PersonId, ReasonCode, ResolutionCode, RoleId, Severity, Span, SystemId,
    Verdict,
};

use crate::escalation::EscalationPolicy;
use crate::people::{Agent, Boundary};
use crate::policy::Policies;
use crate::routing::Routing;

pub use canary::Canary;
pub use contract::Contract;
pub use dictionary::{Seen, ToCompare, Written};
pub use diff::{Diff, Difference, Drift, Effect, Point, Team, Unloadable};
pub use escalation::StepPlace;
pub use explain::{Change, Explanation, Outcome, Recorded, Step};
pub use facts::{Answer, CaseFacts, ProposalFacts, Reads, Usage, UsageKey, Used};
pub use graduation::{
    BoundCheck, BoundName, Bounds, Exchange, Figures, Proof, RecordedCase, Recording, Restored,
    next_mode, proof_in, read_object, wilson,
};
pub use hook::{Hook, HookHmac, HookProof, HookTime, Signed, TimeForm, TimePlace};
pub use json::{Flaw, INPUT_BYTES_MAX, INPUT_DEPTH_MAX, Unfit, canonical_json};
pub use operations::{Heartbeat, Operations, Secret};
pub use policy::Bare;
pub use problem::{Problem, Problems};
pub use request::{Method, Payload, PrepareError, PreparedRead, PreparedWrite, Target};
pub use routing::Route;
pub use schema::FileKind;
pub use source::{FILE_BYTES_MAX, FILES_MAX, SourceFile};
pub use system::{
    Credential, Desk, DeskPerson, DeskQueue, HttpSystem, Itsm, Login, MissingVariable, Place,
    Reconcile, Reference, RequestTracker, Status, System, SystemKind,
};
pub use undo::WayBack;
pub use who_can::{Approvals, Counter, Decided, May, MayDo, Supposed};

/// One loaded playbook. Immutable; a change of the files is another playbook with another version.
#[derive(Debug)]
pub struct Playbook {
    version: Digest,
    name: String,
    severity: Severity,
    raises_tier: bool,
    assess_within: Span,
    tiers: approval::Tiers,
    systems: BTreeMap<SystemId, System>,
    contracts: BTreeMap<ContractId, Contract>,
    boundaries: BTreeMap<BoundaryId, Boundary>,
    agents: BTreeMap<AgentId, Agent>,
    escalations: BTreeMap<String, EscalationPolicy>,
    staff: staff::Staff,
    routing: Routing,
    resolutions: BTreeMap<ResolutionCode, AfterResolution>,
    reasons: BTreeMap<ReasonCode, String>,
    operations: Operations,
    identities: identity::Identities,
    dictionary: dictionary::Dictionary,
    policies: Policies,
}

/// Loading.
impl Playbook {
    /// Reads and checks a folder. All problems of all files are reported together.
    pub fn load(folder: &Path) -> Result<Self, Problems> {
        load::load(&source::read(folder)?)
    }

    /// The same from files that have been read already.
    pub fn from_files(mut files: Vec<SourceFile>) -> Result<Self, Problems> {
        files.sort();
        load::load(&files)
    }

    /// The digest over all files and their paths.
    #[must_use]
    pub fn version(&self) -> Digest {
        self.version
    }

    /// The playbook's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Deciding.
impl Playbook {
    /// The terms a case is opened under.
    #[must_use]
    pub fn open(&self, case: &CaseFacts) -> CaseTerms {
        // Loading makes sure that a rule fits every case and that its policy exists; without either, people are
        // asked by a plan without steps, which the domain refuses.
        self.routing.open(self, self.version, case).unwrap_or_else(|| CaseTerms {
            playbook: self.version,
            severity: self.severity,
            route: None,
            seek_within: Span::ZERO,
            offer_within: Span::ZERO,
            lease: Span::ZERO,
            bounces_max: 0,
            takeover: EscalationPlan {
                policy: String::new(),
                steps: Vec::new(),
                backoff: belay_domain::Backoff { first: Span::ZERO, most: Span::ZERO },
                resolutions: BTreeMap::new(),
                calendars: BTreeMap::new(),
                exhausted: belay_domain::WhenExhausted::StartOver,
            },
        })
    }

    /// What makes this report the same matter as others, as the routing says, given what is known of it so far; none if it
    /// is a matter of its own.
    #[must_use]
    pub fn fingerprint<'a>(
        &self,
        case: &CaseFacts,
        known: impl IntoIterator<Item = &'a ContextEntry> + Clone,
    ) -> Option<Digest> {
        self.routing.fingerprint(self, case, known)
    }

    /// The reads that can be done now and have not been answered. Do them, add the answers, and ask again until this
    /// is empty: a later read may need what an earlier one showed. Empty as well when the input does not fit its
    /// schema, because then there is nothing to be read.
    #[must_use]
    pub fn reads(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        so_far: &Reads,
    ) -> Vec<PreparedRead> {
        match self.subject(contract, input, case) {
            Ok(subject) if assess::fits(subject.contract, &subject.input) => {
                subject.open_reads(so_far, case)
            }
            _ => Vec::new(),
        }
    }

    /// The same for a proposal: nothing is read while anything speaks against it that is known without reading, such as
    /// who proposes it or where its input comes from. The verdict names that.
    #[must_use]
    pub fn reads_for(&self, facts: &ProposalFacts<'_>) -> Vec<PreparedRead> {
        if !assess::may_read(self, facts) {
            return Vec::new();
        }
        self.reads(facts.contract, facts.input, facts.case, facts.reads)
    }

    /// The counters to look up before a verdict. When the action is authorized, its amount and a count of one are
    /// booked under the same keys. No kind of limit counts by the input yet.
    #[must_use]
    pub fn usage_keys(
        &self,
        contract: &ContractId,
        _input: &str,
        case: &CaseFacts,
        agent: &AgentId,
    ) -> Vec<UsageKey> {
        let contract = self.contracts.get(contract);
        contract.map(|it| assess::usage_keys(self, it, case, agent)).unwrap_or_default()
    }

    /// The verdict, with every failing reason.
    #[must_use]
    pub fn assess(&self, facts: &ProposalFacts<'_>) -> Verdict {
        assess::assess(self, facts)
    }

    /// One question of those that a verdict puts to the policies, made ready, so that it can be measured alone. Nothing
    /// if the policies would not be asked.
    #[must_use]
    pub fn bare(&self, facts: &ProposalFacts<'_>) -> Option<Bare<'_>> {
        assess::bare(self, facts)
    }
}

/// Looking things up.
impl Playbook {
    /// A contract.
    #[must_use]
    pub fn contract(&self, contract: &ContractId) -> Option<&Contract> {
        self.contracts.get(contract)
    }

    /// All contracts, by id.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.contracts.values()
    }

    /// All agents, by name.
    pub fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.agents.keys()
    }

    /// What an agent is there for; empty when it is not in the playbook.
    #[must_use]
    pub fn roles_of(&self, agent: &AgentId) -> &[RoleId] {
        self.agents.get(agent).map_or(&[], |agent| &agent.roles)
    }

    /// The boundary under which an agent acts.
    #[must_use]
    pub fn boundary_of(&self, agent: &AgentId) -> Option<&BoundaryId> {
        self.agents.get(agent).map(|agent| &agent.boundary)
    }

    /// The contracts that an agent may propose at all.
    #[must_use]
    pub fn contracts_of(&self, agent: &AgentId) -> &[ContractId] {
        self.boundary(agent).map_or(&[], |boundary| &boundary.contracts)
    }

    /// All boundaries with the contracts that may be proposed within them, also those that no agent has.
    pub fn boundaries(&self) -> impl Iterator<Item = (&BoundaryId, &[ContractId])> {
        self.boundaries.iter().map(|(name, boundary)| (name, boundary.contracts.as_slice()))
    }

    /// The names of the Cedar policies, sorted.
    #[must_use]
    pub fn policies(&self) -> Vec<&str> {
        self.policies.names()
    }

    /// Which cases go to whom, in the order in which that is tried. The last one fits every case.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        self.routing.routes()
    }

    /// The people who run an agent. They may not approve what it proposes.
    #[must_use]
    pub fn operators_of(&self, agent: &AgentId) -> &[PersonId] {
        self.agents.get(agent).map_or(&[], |agent| &agent.operators)
    }

    /// How people are asked under a policy.
    #[must_use]
    pub fn escalation(&self, policy: &str, severity: Severity) -> Option<EscalationPlan> {
        self.escalations.get(policy)?.plan(severity).cloned()
    }

    /// Every step of every escalation policy as it is written, with the name of its policy.
    pub fn steps(&self) -> impl Iterator<Item = (&str, &StepPlace)> {
        self.escalations.iter().flat_map(|(name, policy)| {
            policy.places().iter().map(move |place| (name.as_str(), place))
        })
    }

    /// The names of the escalation policies.
    pub fn escalations(&self) -> impl Iterator<Item = &str> {
        self.escalations.keys().map(String::as_str)
    }

    /// The codes that a case can be resolved with, and what they mean.
    #[must_use]
    pub fn resolutions(&self) -> &BTreeMap<ResolutionCode, AfterResolution> {
        &self.resolutions
    }

    /// The reason codes of the taxonomy, and what they say.
    #[must_use]
    pub fn reasons(&self) -> &BTreeMap<ReasonCode, String> {
        &self.reasons
    }

    /// All outside systems, by id.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.systems.values()
    }

    /// An outside system.
    #[must_use]
    pub fn system(&self, id: &SystemId) -> Option<&System> {
        self.systems.get(id)
    }

    /// What keeps an eye on Belay itself.
    #[must_use]
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// How long a proposal may wait for its preconditions to be read.
    #[must_use]
    pub fn assess_within(&self) -> Span {
        self.assess_within
    }

    pub(crate) fn boundary(&self, agent: &AgentId) -> Option<&Boundary> {
        self.agents.get(agent).and_then(|agent| self.boundaries.get(&agent.boundary))
    }
}
