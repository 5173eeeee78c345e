//! Why a decision came out as it did, and the smallest change that would have changed it.
//!
//! Nothing here is guessed. A change is named because the playbook was asked again with exactly that change and answered
//! otherwise; what cannot be asked again is named as unknown.

mod altered;
mod search;
mod words;

use belay_domain::{
    ActionId, AgentId, Basis, ContractId, Epoch, GroupId, Money, PersonId, PolicyId, Provenance,
    Reason, Ruling, Source, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Playbook;
use crate::assess::basis;
use crate::facts::{CaseFacts, ProposalFacts};

/// A decision as it is recorded: what was proposed, on which case, and what else it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The case as it was.
    pub case: CaseFacts,
    /// The ownership under which the agent acted.
    pub epoch: Epoch,
    /// Who proposed.
    pub agent: AgentId,
    /// The contract.
    pub contract: ContractId,
    /// The input.
    pub input: String,
    /// Where each part of it came from.
    pub provenance: Vec<(String, Provenance)>,
    /// Where each entry of the case's context came from; absent where that is not known.
    #[serde(default)]
    pub heard: Option<Vec<Source>>,
    /// What the verdict was.
    pub ruling: Ruling,
    /// What else it was made from; absent in what was recorded before this was kept.
    pub basis: Option<Basis>,
}

/// What would have had to be different.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// How it came out, decided again; absent when that is impossible.
    pub answer: Option<Outcome>,
    /// The smallest changes by which more would have been allowed, the least first.
    pub more: Vec<Change>,
    /// The nearest changes by which less would have been allowed.
    pub less: Vec<Change>,
    /// What cannot be known, and why.
    pub unknown: Vec<String>,
}

/// How a decision comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is refused, for these reasons.
    Denied(Vec<Reason>),
    /// People are asked.
    Asked {
        /// How many have to agree.
        quorum: u32,
        /// Of which groups.
        groups: Vec<GroupId>,
        /// Who may not.
        excluded: Vec<PersonId>,
    },
    /// It goes ahead by itself.
    Allowed,
}

/// Some things being different, and how it comes out then.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What is different; all of it.
    pub steps: Vec<Step>,
    /// How it comes out.
    pub outcome: Outcome,
}

/// One thing being different.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The amount is this or less.
    AmountAtMost(Money),
    /// The amount is this or more.
    AmountFrom(Money),
    /// A part of the input has another value.
    Value {
        /// Which part.
        field: String,
        /// The value.
        value: Value,
    },
    /// A part of the input is not there.
    Without {
        /// Which part.
        field: String,
    },
    /// A part of the input comes from elsewhere.
    From {
        /// Which part.
        field: String,
        /// From where.
        source: Source,
    },
    /// No more than this has been used of a limit.
    Used {
        /// The limit.
        limit: String,
        /// The sum of amounts, where that is limited.
        amount: Option<Money>,
        /// How many actions, where that is limited.
        count: Option<u64>,
    },
    /// The same write is not there already.
    NotBefore(ActionId),
    /// It is the hour from the first to the last of these, UTC.
    Hours(i8, i8),
    /// The case holds no text from outside.
    NoOutsideText,
    /// Another agent proposes it.
    By(AgentId),
    /// A precondition holds.
    Holds(String),
    /// The contract has another tier.
    Tier(u8),
    /// A policy is not in the playbook.
    WithoutPolicy(PolicyId),
}

impl Playbook {
    /// Decides again, as it was and with changes, until the smallest is found that changes the answer. The recorded
    /// playbook has to be this one.
    #[must_use]
    pub fn explain(&self, recorded: &Recorded) -> Explanation {
        let nothing = |why: &str| Explanation {
            answer: None,
            more: Vec::new(),
            less: Vec::new(),
            unknown: vec![why.to_owned()],
        };
        let Some(basis) = &recorded.basis else {
            return nothing(
                "what this was decided on was not recorded then, so it cannot be decided again",
            );
        };
        let Some(reads) = basis::reads(basis) else {
            return nothing(
                "what was read for this was too much to be kept, so it cannot be decided again",
            );
        };
        let usage = basis::usage(basis);
        let facts = ProposalFacts {
            case: &recorded.case,
            epoch: recorded.epoch,
            agent: &recorded.agent,
            contract: &recorded.contract,
            input: &recorded.input,
            provenance: &recorded.provenance,
            reads: &reads,
            usage: &usage,
            now: basis.at,
            duplicate: basis.duplicate.as_ref(),
            heard: recorded.heard.as_deref(),
            outside_text: basis.outside_text,
        };
        let again = Outcome::of(&self.assess(&facts).ruling);
        if again != Outcome::of(&recorded.ruling) {
            let mut explanation = nothing(&format!(
                "decided again on what was recorded it comes out otherwise ({again}), so what a change would have \
                 done is not known; please report this with the playbook"
            ));
            explanation.answer = Some(again);
            return explanation;
        }
        self.what_if(&facts)
    }

    /// The same for facts that are at hand.
    #[must_use]
    pub fn what_if(&self, facts: &ProposalFacts<'_>) -> Explanation {
        search::explain(self, facts)
    }
}

impl Outcome {
    /// How a ruling comes out.
    #[must_use]
    pub fn of(ruling: &Ruling) -> Self {
        match ruling {
            Ruling::Allow => Self::Allowed,
            Ruling::Deny(reasons) => Self::Denied(reasons.clone()),
            Ruling::Ask(terms) => Self::Asked {
                quorum: terms.quorum,
                groups: terms.groups.clone(),
                excluded: terms.excluded.clone(),
            },
        }
    }

    fn of_verdict(verdict: &Verdict) -> Self {
        Self::of(&verdict.ruling)
    }

    /// The more the higher.
    fn level(&self) -> u8 {
        match self {
            Self::Denied(_) => 0,
            Self::Asked { .. } => 1,
            Self::Allowed => 2,
        }
    }
}
