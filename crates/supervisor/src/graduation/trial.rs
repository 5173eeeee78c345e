//! Trying one contract, stage by stage: against recorded answers, or against the live systems. Everything is done by the
//! same rules and the same adapters as when it is used; only that nothing is journaled and nobody is asked.

mod recorded;
mod undoing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use belay_connect::SystemOfRecord;
use belay_domain::{
    ContractId, Epoch, Executor, FailureClaim, Outcome, ReadBack, Reason, Rule, Ruling, SystemId,
    Timestamp, Verdict,
};
use belay_playbook::{
    Answer, CaseFacts, Contract, Payload, Playbook, PrepareError, PreparedRead, PreparedWrite,
    ProposalFacts, Reads, Recording, SystemKind, Usage, Used,
};

use crate::systems::{Systems, record_system};
use recorded::Tape;

/// How often a live system is looked at while an effect may still show.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Reads that depend on reads that depend on reads: more turns than any contract needs.
const TURNS_MAX: usize = 8;

/// What a contract is tried against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// What was recorded. It is written to as well: nobody gets it.
    Recorded,
    /// The live systems, which are only read.
    Live,
    /// The live systems: it is written, read back, and undone.
    LiveWriting,
}

/// What a trial showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialReport {
    /// The stages, in their order.
    pub stages: Vec<TrialStage>,
}

/// What one stage showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialStage {
    /// Its name.
    pub name: &'static str,
    /// How it ended.
    pub ended: StageEnd,
    /// What was seen, or why it failed.
    pub details: Vec<String>,
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageEnd {
    /// As it should.
    Held,
    /// Not as it should.
    Failed,
    /// It was not tried.
    Skipped,
}

/// A trial under way.
struct Trial<'a> {
    playbook: &'a Playbook,
    contract: &'a Contract,
    case: CaseFacts,
    input: String,
    systems: Systems,
    against: Against,
    stages: Vec<TrialStage>,
}

/// Tries a contract with what a recording gives it. The error says why it cannot be tried at all.
pub async fn try_contract(
    playbook: &Playbook,
    contract: &ContractId,
    recording: &Recording,
    against: Against,
) -> Result<TrialReport, String> {
    let found =
        playbook.contract(contract).ok_or_else(|| format!("there is no contract {contract}"))?;
    let (case, input) = (recording.case()?, recording.input());
    let key = playbook.idempotency_key(contract, &input, &case);
    let key = key.map_or_else(|_| String::new(), |key| key.to_string());
    let tape = Tape::new(recording.exchanges.clone(), key);
    let business = match against {
        Against::Recorded => tape.systems(playbook),
        Against::Live | Against::LiveWriting => live(playbook, found)?,
    };
    let systems = Systems::of_records(business);
    let mut trial =
        Trial { playbook, contract: found, case, input, systems, against, stages: Vec::new() };
    let allowed = trial.decide(recording).await;
    if allowed {
        trial.carry_out().await;
    }
    // What was denied asks for nothing more, and that says nothing about the recording.
    if allowed && against == Against::Recorded {
        let left = tape.left();
        trial.stage("recording", left.is_empty(), left);
    }
    Ok(TrialReport { stages: trial.stages })
}

/// Every system of record that the playbook names and whose credentials are there; those of the contract have to be.
fn live(
    playbook: &Playbook,
    contract: &Contract,
) -> Result<BTreeMap<SystemId, Arc<dyn SystemOfRecord>>, String> {
    let mut connected = BTreeMap::new();
    for system in playbook.systems().filter(|one| matches!(one.kind, SystemKind::Http(_))) {
        match record_system(system) {
            Ok(Some(record)) => {
                connected.insert(system.id.clone(), record);
            }
            Ok(None) => {}
            Err(error) if system.id == *contract.system() => return Err(error.to_string()),
            // Whoever reads from it is told that it is not connected.
            Err(_) => {}
        }
    }
    Ok(connected)
}

impl TrialReport {
    /// Whether nothing failed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.stages.iter().all(|stage| stage.ended != StageEnd::Failed)
    }
}

impl Trial<'_> {
    /// Everything up to the decision. Whether it may go on.
    async fn decide(&mut self, recording: &Recording) -> bool {
        let id = self.contract.id();
        let (reads, seen) = self.read().await;
        let now = recording.at.unwrap_or_else(Timestamp::now);
        let provenance = recording.provenance();
        let keys = self.playbook.usage_keys(id, &self.input, &self.case, &recording.agent);
        // Nothing has been used yet: a trial says what one action may, not what the day has left.
        let usage: Usage = keys.iter().map(|key| (key.key.clone(), Used::default())).collect();
        let verdict = self.playbook.assess(&ProposalFacts {
            case: &self.case,
            epoch: Epoch(1),
            agent: &recording.agent,
            contract: id,
            input: &self.input,
            provenance: &provenance,
            reads: &reads,
            usage: &usage,
            now,
            duplicate: None,
            heard: None,
            outside_text: recording.outside_text,
        });
        let reasons = match &verdict.ruling {
            Ruling::Deny(reasons) => reasons.as_slice(),
            Ruling::Allow | Ruling::Ask(_) => &[],
        };
        let fits = !reasons.iter().any(|reason| reason.rule == Rule::Schema);
        self.judged("identity", reasons, |reason| reason.rule == Rule::Identity);
        self.judged("boundary", reasons, |reason| reason.rule == Rule::Boundary);
        self.judged("schema", reasons, |reason| reason.rule == Rule::Schema);
        self.judged("provenance", reasons, |reason| reason.rule == Rule::Provenance);
        if !fits {
            for name in ["reads", "preconditions", "limits", "policy"] {
                self.skip(name, "the input does not have the form that the contract asks for");
            }
            return false;
        }
        let is_read =
            |reason: &Reason| reason.rule == Rule::Precondition && reason.name.ends_with("-exists");
        let unread: Vec<_> = reasons.iter().filter(|reason| is_read(reason)).map(told).collect();
        let (well, details) =
            if unread.is_empty() { (true, seen) } else { (false, [seen, unread].concat()) };
        self.stage("reads", well, details);
        self.judged("preconditions", reasons, |reason| {
            reason.rule == Rule::Precondition && !is_read(reason)
        });
        self.judged("limits", reasons, |reason| reason.rule == Rule::Limit);
        let refused: Vec<_> = reasons
            .iter()
            .filter(|reason| matches!(reason.rule, Rule::Policy | Rule::Duplicate))
            .map(told)
            .collect();
        if refused.is_empty() {
            self.stage("policy", true, ruled(&verdict));
        } else {
            self.stage("policy", false, refused);
        }
        reasons.is_empty()
    }

    /// Reads what the preconditions ask for.
    async fn read(&self) -> (Reads, Vec<String>) {
        let (mut reads, mut seen) = (Reads::default(), Vec::new());
        for _ in 0..TURNS_MAX {
            let missing = self.playbook.reads(self.contract.id(), &self.input, &self.case, &reads);
            if missing.is_empty() {
                break;
            }
            for read in &missing {
                let answer = self.systems.read(read).await;
                seen.push(format!("{}: {}", asked(read), shown(&answer)));
                reads.add(read, answer);
            }
        }
        (reads, seen)
    }

    /// Everything after the decision.
    async fn carry_out(&mut self) {
        let (id, case) = (self.contract.id(), &self.case);
        let prepared = match self.playbook.execution(id, &self.input, case) {
            Ok(write) => Ok(Some(write)),
            // What it sends is the agent's own; that it is there is proven all the same.
            Err(PrepareError::NotDeclared { .. })
                if self.contract.executor() == Executor::Agent =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let proof = self.playbook.verification(id, &self.input, case);
        let (write, proof) = match (prepared, proof) {
            (Ok(write), Ok(proof)) => (write, proof),
            (Err(error), _) | (_, Err(error)) => {
                self.stage("request", false, vec![error.to_string()]);
                return;
            }
        };
        match &write {
            Some(write) => {
                let mut details = request(write);
                details.push(format!("proved by {}", asked(&proof)));
                self.stage("request", true, details);
            }
            None => self.skip("request", "an agent carries it out, by a request of its own"),
        }
        let before = self.look(&proof).await.0;
        let (well, said) = match &before {
            ReadBack::NotApplied => (true, "it is not there yet".to_owned()),
            ReadBack::Applied { .. } => (false, "it is there already".to_owned()),
            ReadBack::Different { difference } => {
                (false, format!("something else is there: {difference}"))
            }
            ReadBack::Unreadable { detail } => (false, format!("nobody can tell: {detail}")),
        };
        self.stage("before", well, vec![said]);
        let later = ["write", "verification", "compensation"];
        if !well || self.against == Against::Live {
            let why = if well {
                "only read; --write executes it"
            } else {
                "it could not be told apart from what is there"
            };
            later.iter().for_each(|name| self.skip(name, why));
            return;
        }
        let written = match (&write, self.against) {
            (Some(write), _) => self.write(write).await,
            (None, Against::Recorded) => {
                self.skip("write", "what is recorded next is what stands there after the agent");
                true
            }
            (None, Against::Live | Against::LiveWriting) => {
                self.skip("write", "an agent carries it out, and is not started here");
                false
            }
        };
        if !written {
            later[1..].iter().for_each(|name| self.skip(name, "nothing was written"));
            return;
        }
        let (read, standing) = self.wait_for(&proof).await;
        let (well, said) = match &read {
            ReadBack::Applied { shown } => (true, format!("as promised: {shown}")),
            ReadBack::NotApplied => (false, "the effect does not show".to_owned()),
            ReadBack::Different { difference } => (false, difference.clone()),
            ReadBack::Unreadable { detail } => (false, format!("nobody can tell: {detail}")),
        };
        self.stage("verification", well, vec![said]);
        match (self.contract.is_compensable(), standing) {
            (false, _) => self.skip("compensation", "the contract says that it cannot be undone"),
            (true, None) => self.skip("compensation", "nothing stands there that could be undone"),
            (true, Some(standing)) => self.undo(&standing).await,
        }
    }

    /// Whether there may be an effect to look for.
    async fn write(&mut self, write: &PreparedWrite) -> bool {
        match self.send(write).await {
            Outcome::Executed { output } => {
                let output = serde_json::from_str(&output).unwrap_or_default();
                let problem = self.contract.output_problem(&output);
                let said = problem.clone().unwrap_or_else(|| "the system said yes".to_owned());
                self.stage("write", problem.is_none(), vec![said]);
                true
            }
            Outcome::NotExecuted { claim: FailureClaim::Unknown, reason } => {
                let said =
                    format!("nobody knows whether it was done, so it is read back: {reason}");
                self.stage("write", true, vec![said]);
                true
            }
            Outcome::NotExecuted { claim, reason } => {
                let again = match claim {
                    FailureClaim::Retryable => "; it would be tried again",
                    FailureClaim::Permanent | FailureClaim::Unknown => "",
                };
                self.stage("write", false, vec![format!("{reason}{again}")]);
                false
            }
        }
    }

    async fn send(&self, write: &PreparedWrite) -> Outcome {
        let means = |status, body: &_| self.playbook.claim(self.contract.id(), status, body);
        self.systems.write(write, means).await
    }

    async fn wait_for(&self, proof: &PreparedRead) -> (ReadBack, Option<String>) {
        let until = self.until();
        loop {
            let looked = self.look(proof).await;
            if matches!(looked.0, ReadBack::Applied { .. }) || tokio::time::Instant::now() >= until
            {
                return looked;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&self, proof: &PreparedRead) -> (ReadBack, Option<String>) {
        let answer = self.systems.read(proof).await;
        let (id, input, case) = (self.contract.id(), &self.input, &self.case);
        (
            self.playbook.judge_readback(id, input, case, &answer),
            self.playbook.standing(id, input, case, &answer),
        )
    }

    /// Until when an effect may show. What is recorded shows at once.
    fn until(&self) -> tokio::time::Instant {
        let now = tokio::time::Instant::now();
        match self.against {
            Against::Recorded => now,
            Against::Live | Against::LiveWriting => {
                now + Duration::try_from(self.contract.settle_within()).unwrap_or_default()
            }
        }
    }

    fn judged(&mut self, name: &'static str, reasons: &[Reason], is: impl Fn(&Reason) -> bool) {
        let against: Vec<_> = reasons.iter().filter(|reason| is(reason)).map(told).collect();
        self.stage(name, against.is_empty(), against);
    }

    fn stage(&mut self, name: &'static str, well: bool, details: Vec<String>) {
        let ended = if well { StageEnd::Held } else { StageEnd::Failed };
        self.stages.push(TrialStage { name, ended, details });
    }

    fn skip(&mut self, name: &'static str, why: &str) {
        let details = vec![why.to_owned()];
        self.stages.push(TrialStage { name, ended: StageEnd::Skipped, details });
    }
}

fn told(reason: &Reason) -> String {
    let place =
        if reason.field.is_empty() { String::new() } else { format!(" at {}", reason.field) };
    format!("{}{place}: {}", reason.name, reason.detail)
}

/// How it was allowed.
fn ruled(verdict: &Verdict) -> Vec<String> {
    let mut said: Vec<String> =
        verdict.policies.iter().map(|policy| format!("decided by {policy}")).collect();
    if let Ruling::Ask(terms) = &verdict.ruling {
        let groups: Vec<&str> = terms.groups.iter().map(|group| group.as_str()).collect();
        said.push(format!("{} of {} have to agree", terms.quorum, groups.join(", ")));
    }
    if verdict.terms.as_ref().is_some_and(|terms| !terms.live) {
        said.push(
            "as the contract stands, this case would be in shadow: nothing would be written"
                .to_owned(),
        );
    }
    said
}

fn asked(read: &PreparedRead) -> String {
    format!("{} GET {} {}", read.name, read.system, read.path)
}

fn shown(answer: &Answer) -> String {
    match answer {
        Answer::Found(_) => "found".to_owned(),
        Answer::Missing => "there is no such record".to_owned(),
        Answer::Unreadable { detail } => detail.clone(),
    }
}

fn request(write: &PreparedWrite) -> Vec<String> {
    let mut said = vec![format!("{} {} {}", write.method.as_str(), write.system, write.path)];
    match &write.body {
        Payload::None => {}
        Payload::Json(body) => said.push(body.to_string()),
        Payload::Form(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            said.push(format!("form {}", fields.join("&")));
        }
    }
    said.push(format!("idempotency key {}", write.key));
    said
}
