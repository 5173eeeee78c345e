//! What happened although a contract in shadow did not write: the read that shows it, and what it shows.

use belay_domain::{ContractId, ReadBack, Span};

use super::Bounds;
use crate::Playbook;
use crate::contract::{Contract, ReadBackPlan};
use crate::facts::{Answer, CaseFacts};
use crate::request::{PrepareError, PreparedRead};

impl Contract {
    /// What it has to show; none if its playbook names no bounds for it.
    #[must_use]
    pub fn graduation(&self) -> Option<&Bounds> {
        self.graduation.as_ref()
    }

    /// In canary: the share of the cases for which it writes.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.share
    }

    /// How long an effect may take to show.
    #[must_use]
    pub fn settle_within(&self) -> Span {
        self.verification.settle_within
    }

    fn looked_at(&self) -> &ReadBackPlan {
        self.comparison.as_ref().unwrap_or(&self.verification)
    }
}

impl Playbook {
    /// The read that shows whether people did what the contract did not write.
    pub fn comparison(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
    ) -> Result<PreparedRead, PrepareError> {
        let subject = self.subject(contract, input, case)?;
        subject.read_back("comparison", subject.contract.looked_at())
    }

    /// What the answer to that read shows.
    #[must_use]
    pub fn judge_comparison(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        answer: &Answer,
    ) -> ReadBack {
        self.judge(contract, input, case, answer, Contract::looked_at)
    }
}
