//! One proposed use of a contract on a case, from proposal to proof.

use serde::{Deserialize, Serialize};

use crate::{
    ActionId, AgentId, Approval, ContractId, ContractTerms, Digest, Epoch, PermitGrant, PermitId,
    PersonId, PlanId, ProposalId, Provenance, Reason, ReasonCode, Timestamp, Verdict,
};

/// A governed write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// The agent's own number for it.
    pub proposal: ProposalId,
    /// The agent that proposed it.
    pub proposer: AgentId,
    /// The ownership under which it was proposed.
    pub epoch: Epoch,
    /// The contract.
    pub contract: ContractId,
    /// The input, as JSON; canonical once a verdict is there.
    pub input: String,
    /// The digest of the input as the agent proposed it, by which a repeated proposal is recognised.
    pub proposed: Digest,
    /// Where each part of the input comes from: JSON pointer and provenance.
    pub provenance: Vec<(String, Provenance)>,
    /// The plan it belongs to, if any.
    pub plan: Option<PlanId>,
    /// Why the agent wants it, in its own words; shown apart from what Belay knows.
    pub justification: String,
    /// How often the input was amended.
    pub revision: u32,
    /// The people who amended it. They have proposed it as it stands, so they do not approve it (`APR-2`).
    pub amended_by: Vec<PersonId>,
    /// The playbook's answer, once there is one.
    pub verdict: Option<Verdict>,
    /// How many permits were issued for it.
    pub permits: u32,
    /// How many attempts there were.
    pub attempts: u32,
    /// What a look at the target showed of it although it was not written, because its contract is in shadow.
    pub compared: Option<ReadBack>,
    /// How far it is.
    pub stage: ActionStage,
}

/// How far an action is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionStage {
    /// Preconditions are being read and the playbook is asked.
    Proposed {
        /// When not having an answer becomes a denial.
        until: Timestamp,
    },
    /// Turned down, for all of these reasons.
    Denied {
        /// Every reason.
        reasons: Vec<Reason>,
    },
    /// The contract does not write yet; this is what would have happened.
    Shadowed,
    /// People are asked.
    AwaitingApproval(Box<Approval>),
    /// A person said no.
    Rejected {
        /// Who.
        by: PersonId,
        /// Why, in a word of the taxonomy.
        code: Option<ReasonCode>,
        /// What they said.
        note: String,
    },
    /// Nobody decided in time.
    Expired,
    /// The ground it stood on is gone: its owner lost the case before it was dispatched.
    Withdrawn {
        /// What happened.
        why: String,
    },
    /// May be carried out with this permit.
    Authorized {
        /// The permit.
        permit: PermitGrant,
    },
    /// Being carried out.
    Dispatched {
        /// The permit that was consumed; none when the supervisor itself executes.
        permit: Option<PermitId>,
        /// When no answer means that the outcome is unknown.
        until: Timestamp,
    },
    /// The target said yes. Proves nothing yet.
    Executed {
        /// What it answered, as JSON.
        output: String,
        /// When an effect that does not show is a divergence.
        settle_until: Timestamp,
        /// When a target that cannot be read is shown to people.
        verify_until: Timestamp,
        /// Whether it has been.
        told: bool,
    },
    /// Nobody knows whether it took effect. Read back before anything else (`IDM-4`).
    Unknown {
        /// What was claimed about it.
        claim: FailureClaim,
        /// What happened, for people.
        reason: String,
        /// From when on "the effect is not there" is conclusive.
        settle_until: Timestamp,
        /// When people are told.
        verify_until: Timestamp,
        /// Whether they have been.
        told: bool,
    },
    /// It certainly took no effect, and is tried again.
    Retrying {
        /// When.
        at: Timestamp,
        /// Why the last attempt failed.
        reason: String,
    },
    /// It certainly took no effect, and is not tried again.
    Failed {
        /// Why.
        reason: String,
    },
    /// A read-back showed what the contract promises.
    Verified {
        /// What the read-back showed, as JSON.
        shown: String,
    },
    /// A read-back showed something else.
    Diverged {
        /// The difference.
        difference: String,
    },
    /// Being undone.
    Compensating {
        /// Which attempt this is, from 1.
        attempt: u32,
        /// When the next attempt is due.
        at: Timestamp,
    },
    /// Undone, and read back.
    Compensated,
    /// Could not be undone.
    CompensationFailed {
        /// Why.
        reason: String,
    },
}

/// Who carries an action out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    /// The agent, holding a permit.
    Agent,
    /// The supervisor, through a declared connector.
    Supervisor,
}

/// What is claimed about an attempt that did not succeed. Checked before it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClaim {
    /// No answer came.
    Unknown,
    /// The target refused for now.
    Retryable,
    /// The target refused for good.
    Permanent,
}

/// How an attempt went, as its executor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target said yes.
    Executed {
        /// What it answered, as JSON.
        output: String,
    },
    /// It did not say yes.
    NotExecuted {
        /// What is claimed.
        claim: FailureClaim,
        /// Why.
        reason: String,
    },
}

/// What a read-back of an action's effect showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadBack {
    /// The effect is there, as the contract promises.
    Applied {
        /// What was read, as JSON.
        shown: String,
    },
    /// The effect is not there.
    NotApplied,
    /// Something is there, and it is not what the contract promises.
    Different {
        /// The difference, for people.
        difference: String,
    },
    /// The target could not be read.
    Unreadable {
        /// What happened.
        detail: String,
    },
}

/// One attempt at an action, as its executor is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The action.
    pub action: ActionId,
    /// From 1.
    pub number: u32,
}

impl Action {
    /// What the contract says, once it is known.
    #[must_use]
    pub fn terms(&self) -> Option<&ContractTerms> {
        self.verdict.as_ref().and_then(|verdict| verdict.terms.as_ref())
    }

    /// The digest of the input.
    #[must_use]
    pub fn input_digest(&self) -> Digest {
        Digest::of(self.input.as_bytes())
    }

    /// Whether nothing more will happen to it by itself.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self.stage {
            ActionStage::Denied { .. }
            | ActionStage::Shadowed
            | ActionStage::Rejected { .. }
            | ActionStage::Expired
            | ActionStage::Withdrawn { .. }
            | ActionStage::Failed { .. }
            | ActionStage::Verified { .. }
            | ActionStage::Diverged { .. }
            | ActionStage::Compensated
            | ActionStage::CompensationFailed { .. } => true,
            ActionStage::Proposed { .. }
            | ActionStage::AwaitingApproval(_)
            | ActionStage::Authorized { .. }
            | ActionStage::Dispatched { .. }
            | ActionStage::Executed { .. }
            | ActionStage::Unknown { .. }
            | ActionStage::Retrying { .. }
            | ActionStage::Compensating { .. } => false,
        }
    }

    /// Whether it certainly left no trace outside, so that the same write may be proposed anew.
    #[must_use]
    pub fn is_without_effect(&self) -> bool {
        match self.stage {
            ActionStage::Denied { .. }
            | ActionStage::Shadowed
            | ActionStage::Rejected { .. }
            | ActionStage::Expired
            | ActionStage::Withdrawn { .. }
            | ActionStage::Failed { .. } => true,
            ActionStage::Proposed { .. }
            | ActionStage::AwaitingApproval(_)
            | ActionStage::Authorized { .. }
            | ActionStage::Dispatched { .. }
            | ActionStage::Executed { .. }
            | ActionStage::Unknown { .. }
            | ActionStage::Retrying { .. }
            | ActionStage::Verified { .. }
            | ActionStage::Diverged { .. }
            | ActionStage::Compensating { .. }
            | ActionStage::Compensated
            | ActionStage::CompensationFailed { .. } => false,
        }
    }

    /// Whether it can still be stopped, because nothing has been sent to the target.
    #[must_use]
    pub fn is_before_dispatch(&self) -> bool {
        matches!(
            self.stage,
            ActionStage::Proposed { .. }
                | ActionStage::AwaitingApproval(_)
                | ActionStage::Authorized { .. }
                | ActionStage::Retrying { .. }
        )
    }

    /// The stage's stable name.
    #[must_use]
    pub fn stage_name(&self) -> &'static str {
        match self.stage {
            ActionStage::Proposed { .. } => "proposed",
            ActionStage::Denied { .. } => "denied",
            ActionStage::Shadowed => "shadowed",
            ActionStage::AwaitingApproval(_) => "awaiting_approval",
            ActionStage::Rejected { .. } => "rejected",
            ActionStage::Expired => "expired",
            ActionStage::Withdrawn { .. } => "withdrawn",
            ActionStage::Authorized { .. } => "authorized",
            ActionStage::Dispatched { .. } => "dispatched",
            ActionStage::Executed { .. } => "executed",
            ActionStage::Unknown { .. } => "unknown",
            ActionStage::Retrying { .. } => "retrying",
            ActionStage::Failed { .. } => "failed",
            ActionStage::Verified { .. } => "verified",
            ActionStage::Diverged { .. } => "diverged",
            ActionStage::Compensating { .. } => "compensating",
            ActionStage::Compensated => "compensated",
            ActionStage::CompensationFailed { .. } => "compensation_failed",
        }
    }
}
