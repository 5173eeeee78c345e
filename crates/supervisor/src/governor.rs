//! Governing writes: gathers what a decision needs, asks the playbook, and brings the verdict to the case.
//!
//! Everything that a verdict depends on and that two proposals could both see free, a limit over time or an
//! idempotency key, is held by name from the moment it is looked up until the decision is durable.

use std::collections::BTreeSet;
use std::sync::Arc;

use belay_domain::{
    Action, ActionId, AgentId, Case, CaseId, Command, ContractId, Epoch, PlanId, Proposal,
    ProposalId, Provenance, Rejection, Source, Timestamp, Verdict, after,
};
use belay_playbook::{CaseFacts, Playbook, ProposalFacts, Reads, Usage, Used};
use futures_util::future::join_all;

use crate::engine::{Applied, Engine, Refused, WRITE, write_key_of};
use crate::facts::{case_facts, has_outside_text, heard};
use crate::keyed_lock::{Held, KeyedLock};
use crate::playbooks::Playbooks;
use crate::systems::Systems;

/// Brings proposals to a decision; cheap to clone.
#[derive(Clone)]
pub(crate) struct Governor {
    engine: Engine,
    playbooks: Playbooks,
    systems: Systems,
    scarce: KeyedLock,
}

/// What an agent proposes. The input is canonical JSON.
#[derive(Clone, Debug)]
pub(crate) struct ProposeRequest {
    /// The agent, by its certificate.
    pub agent: AgentId,
    /// The case.
    pub case: CaseId,
    /// The agent's ownership.
    pub epoch: Epoch,
    /// The agent's own number.
    pub proposal: ProposalId,
    /// The contract.
    pub contract: ContractId,
    /// The input.
    pub input: String,
    /// Where each part of it comes from.
    pub provenance: Vec<(String, Provenance)>,
    /// The plan it belongs to.
    pub plan: Option<PlanId>,
    /// Why, in the agent's words.
    pub justification: String,
}

/// What is to be decided on.
struct Matter<'a> {
    case: &'a Case,
    facts: CaseFacts,
    agent: &'a AgentId,
    epoch: Epoch,
    contract: &'a ContractId,
    input: &'a str,
    provenance: &'a [(String, Provenance)],
    heard: Vec<Source>,
    action: Option<&'a ActionId>,
}

impl Matter<'_> {
    /// What is known before anything is looked up.
    fn before<'a>(&'a self, reads: &'a Reads, now: Timestamp) -> ProposalFacts<'a> {
        static NOTHING_USED: Usage = Usage::new();
        ProposalFacts {
            case: &self.facts,
            epoch: self.epoch,
            agent: self.agent,
            contract: self.contract,
            input: self.input,
            provenance: self.provenance,
            reads,
            usage: &NOTHING_USED,
            now,
            duplicate: None,
            heard: Some(&self.heard),
            outside_text: has_outside_text(self.case),
        }
    }
}

/// A verdict, with what must not be given to anybody else before it is durable.
struct Judged {
    verdict: Verdict,
    _held: Held,
}

impl Governor {
    /// A governor for the cases of this engine.
    #[must_use]
    pub(crate) fn new(engine: Engine, playbooks: Playbooks, systems: Systems) -> Self {
        Self { engine, playbooks, systems, scarce: KeyedLock::default() }
    }

    /// What it reads from.
    pub(crate) fn systems(&self) -> &Systems {
        &self.systems
    }

    /// Proposes an action. Where nothing has to be read first the decision comes at once; otherwise the
    /// proposal is recorded, and the case owes its assessment.
    pub(crate) async fn propose(&self, request: ProposeRequest) -> Result<Applied, Refused> {
        let case = self.engine.case(&request.case).await?.ok_or(Rejection::UnknownCase)?;
        let playbook = self.playbooks.current();
        let facts = case_facts(&case);
        let matter = Matter {
            case: &case,
            facts,
            agent: &request.agent,
            epoch: request.epoch,
            contract: &request.contract,
            input: &request.input,
            provenance: &request.provenance,
            heard: heard(&case),
            action: None,
        };
        let nothing_read = Reads::default();
        let reads = playbook.reads_for(&matter.before(&nothing_read, self.engine.clock().now()));
        let known = case
            .actions
            .values()
            .any(|action| action.proposer == request.agent && action.proposal == request.proposal);
        let judged = if reads.is_empty() && !known {
            Some(self.judge(&playbook, &matter, &nothing_read).await?)
        } else {
            None
        };
        let assess_until = after(self.engine.clock().now(), playbook.assess_within());
        let (verdict, _held) = match judged {
            Some(Judged { verdict, _held }) => (Some(Box::new(verdict)), Some(_held)),
            None => (None, None),
        };
        let proposal = Proposal {
            agent: request.agent,
            epoch: request.epoch,
            proposal: request.proposal,
            contract: request.contract,
            input: request.input,
            provenance: request.provenance,
            plan: request.plan,
            justification: request.justification,
            assess_until,
            verdict,
        };
        self.engine.command(&request.case, Command::Propose(Box::new(proposal))).await
    }

    /// Assesses an action whose preconditions have to be read.
    pub(crate) async fn assess(&self, case: &Case, action: &Action) -> Result<Applied, Refused> {
        let playbook = self.playbooks.current();
        let matter = Matter {
            case,
            facts: case_facts(case),
            agent: &action.proposer,
            epoch: action.epoch,
            contract: &action.contract,
            input: &action.input,
            provenance: &action.provenance,
            heard: heard(case),
            action: Some(&action.id),
        };
        let reads = self.read(&playbook, &matter).await;
        let Judged { verdict, _held } = self.judge(&playbook, &matter, &reads).await?;
        let command = Command::Assess {
            action: action.id.clone(),
            revision: action.revision,
            verdict: Box::new(verdict),
        };
        self.engine.command(&case.id, command).await
    }

    /// Reads what the preconditions ask for; a later read may need what an earlier one showed.
    async fn read(&self, playbook: &Playbook, matter: &Matter<'_>) -> Reads {
        /// Reads that depend on reads that depend on reads: more turns than any contract needs.
        const TURNS_MAX: usize = 8;
        let mut reads = Reads::default();
        for _ in 0..TURNS_MAX {
            let missing = playbook.reads_for(&matter.before(&reads, self.engine.clock().now()));
            if missing.is_empty() {
                break;
            }
            let answers = join_all(missing.iter().map(|read| self.systems.read(read))).await;
            for (read, answer) in missing.iter().zip(answers) {
                reads.add(read, answer);
            }
        }
        reads
    }

    async fn judge(
        &self,
        playbook: &Arc<Playbook>,
        matter: &Matter<'_>,
        reads: &Reads,
    ) -> Result<Judged, Refused> {
        let Matter { contract, input, facts, agent, .. } = matter;
        let keys: BTreeSet<_> =
            playbook.usage_keys(contract, input, facts, agent).into_iter().collect();
        let write = playbook
            .idempotency_key(contract, input, facts)
            .ok()
            .map(|key| write_key_of(contract, &key));
        let names = keys.iter().map(|key| key.key.clone()).chain(write.clone());
        let held = self.scarce.lock(names.map(|name| format!("{}/{name}", facts.tenant))).await;
        let now = self.engine.clock().now();
        let limits = keys.iter().map(|key| {
            let since = now.saturating_sub(key.window).unwrap_or(Timestamp::MIN);
            (key.key.clone(), since)
        });
        let own = matter.action.map(|action| action.as_str().to_owned());
        let journal = self.engine.journal();
        let (totals, holder) = journal
            .totals(facts.tenant.as_str(), limits.collect(), own, write.map(|key| (WRITE, key)))
            .await
            .map_err(|failure| Refused::Unreadable(Arc::new(failure)))?;
        let used =
            totals.iter().map(|total| Used { minor: total.amount_minor, count: total.count });
        let usage: Usage = keys.iter().map(|key| key.key.clone()).zip(used).collect();
        let duplicate = holder
            .and_then(|holder| holder.parse::<ActionId>().ok())
            .filter(|id| Some(id) != matter.action);
        let mut verdict = playbook.assess(&ProposalFacts {
            case: facts,
            epoch: matter.epoch,
            agent,
            contract,
            input,
            provenance: matter.provenance,
            reads,
            usage: &usage,
            now,
            duplicate: duplicate.as_ref(),
            heard: Some(&matter.heard),
            outside_text: has_outside_text(matter.case),
        });
        if let Some(contract) = playbook.contract(contract) {
            self.playbooks.demotions().hold_back(contract, &mut verdict, now);
        }
        Ok(Judged { verdict, _held: held })
    }
}
