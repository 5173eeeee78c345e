//! What a contract sends and reads around one write: the request, the proof, the way back.

use belay_domain::{ContractId, FailureClaim, IdempotencyKey, ReadBack};

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

    /// What the contract says about an HTTP status of its write, where it differs from the usual.
    #[must_use]
    pub fn claim(&self, contract: &ContractId, status: u16) -> Option<FailureClaim> {
        let own = self.contracts.get(contract)?;
        if own.retryable.contains(&status) {
            return Some(FailureClaim::Retryable);
        }
        own.permanent.contains(&status).then_some(FailureClaim::Permanent)
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
                id: serde_json::Value::Null,
                shown: serde_json::Value::Null,
            },
        }
    }

    /// The write that undoes the action. `shown` is what the verifying read-back showed, as JSON.
    pub fn compensation(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        shown: &str,
    ) -> Result<PreparedWrite, PrepareError> {
        let subject = self.undoing(contract, input, case, shown)?;
        match &subject.contract.compensation {
            Some((write, _)) => {
                let mut write = subject.write(write)?;
                // Undoing is another write than doing.
                write.key = format!("undo/{}", write.key);
                Ok(write)
            }
            None => Err(not_declared(contract, "compensation")),
        }
    }

    /// The read that proves that it is undone.
    pub fn compensation_check(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        shown: &str,
    ) -> Result<PreparedRead, PrepareError> {
        let subject = self.undoing(contract, input, case, shown)?;
        match &subject.contract.compensation {
            Some((_, proof)) => subject.read_back("compensation", proof),
            None => Err(not_declared(contract, "compensation")),
        }
    }

    /// Whether it is: `Applied` means undone, `NotApplied` means not undone.
    #[must_use]
    pub fn judge_compensation(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        shown: &str,
        answer: &Answer,
    ) -> ReadBack {
        let judged = self.undoing(contract, input, case, shown).and_then(|mut subject| {
            match &subject.contract.compensation {
                Some((_, proof)) => Ok(subject.judge(proof, answer)),
                None => Err(not_declared(contract, "compensation")),
            }
        });
        judged.unwrap_or_else(|error| ReadBack::Unreadable { detail: error.to_string() })
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

    fn undoing(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        shown: &str,
    ) -> Result<Subject<'_>, PrepareError> {
        let mut subject = self.subject(contract, input, case)?;
        let shown = serde_json::from_str(shown)
            .map_err(|error| PrepareError::Input(format!("what was shown is not JSON: {error}")))?;
        subject.scope.set("shown", &shown);
        Ok(subject)
    }
}

fn not_declared(contract: &ContractId, what: &'static str) -> PrepareError {
    PrepareError::NotDeclared { contract: contract.clone(), what }
}
