//! What a contract sends and reads around one write: the request, the proof, the way back.

use belay_domain::{ContractId, FailureClaim, IdempotencyKey, ReadBack};
use serde_json::Value;

use crate::Playbook;
use crate::contract::{Contract, ReadBackPlan};
use crate::facts::{Answer, CaseFacts};
use crate::prepare::Subject;
use crate::request::{PrepareError, PreparedRead, PreparedWrite, Target};

/// Carrying out, proving, undoing.
impl Playbook {
    /// What makes the write the same write.
    pub fn idempotency_key(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
    ) -> Result<IdempotencyKey, PrepareError> {
        let what = || "idempotency key".to_owned();
        let key = self.subject(contract, input, case)?.key;
        key.map_err(|detail| PrepareError::Expression { what: what(), detail })
    }

    /// The write itself, for contracts that the supervisor executes.
    pub fn execution(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
    ) -> Result<PreparedWrite, PrepareError> {
        let subject = self.subject(contract, input, case)?;
        match &subject.contract.execution {
            Some(write) => subject.write(write),
            None => Err(not_declared(contract, "execution")),
        }
    }

    /// What the contract says about an answer to its write, where it differs from the usual.
    #[must_use]
    pub fn claim(&self, contract: &ContractId, status: u16, body: &Value) -> Option<FailureClaim> {
        self.contracts.get(contract)?.failures.claim(status, body)
    }

    /// The read that proves the write.
    pub fn verification(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
    ) -> Result<PreparedRead, PrepareError> {
        let subject = self.subject(contract, input, case)?;
        subject.read_back("verification", &subject.contract.verification)
    }

    /// What the answer to that read proves.
    #[must_use]
    pub fn judge_readback(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        answer: &Answer,
    ) -> ReadBack {
        self.judge(contract, input, case, answer, |contract| &contract.verification)
    }

    /// What stands at the target according to that read, even where it is not what was promised; as JSON, as
    /// undoing needs it. None if the effect is not there.
    #[must_use]
    pub fn standing(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        answer: &Answer,
    ) -> Option<String> {
        let mut subject = self.subject(contract, input, case).ok()?;
        let plan = &subject.contract.verification;
        subject.standing(plan, answer)
    }

    /// What the write is about, and what stands there according to that read, for people who have to set it right.
    #[must_use]
    pub fn target(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        answer: Option<&Answer>,
    ) -> Target {
        match self.subject(contract, input, case) {
            Ok(mut subject) => subject.target(answer),
            Err(_) => Target {
                system: self
                    .contracts
                    .get(contract)
                    .map_or_else(String::new, |known| known.system.to_string()),
                object: contract.to_string(),
                id: Value::Null,
                shown: Value::Null,
            },
        }
    }

    /// What an answer proves by this plan of the contract.
    pub(crate) fn judge(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        answer: &Answer,
        plan: impl FnOnce(&Contract) -> &ReadBackPlan,
    ) -> ReadBack {
        match self.subject(contract, input, case) {
            Ok(mut subject) => {
                let plan = plan(subject.contract);
                subject.judge(plan, answer)
            }
            Err(error) => ReadBack::Unreadable { detail: error.to_string() },
        }
    }

    pub(crate) fn subject(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
    ) -> Result<Subject<'_>, PrepareError> {
        let known = self.contracts.get(contract);
        let known = known.ok_or_else(|| PrepareError::UnknownContract(contract.clone()))?;
        Subject::read(known, input, case)
    }
}

fn not_declared(contract: &ContractId, what: &'static str) -> PrepareError {
    PrepareError::NotDeclared { contract: contract.clone(), what }
}
