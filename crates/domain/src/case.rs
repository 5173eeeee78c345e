//! One customer matter, from opening to resolution: the unit of consistency. A fold over its events.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ties::Ties;
use crate::{
    Action, ActionId, AgentId, CaseId, CaseTerms, Context, Digest, Epoch, Escalation, EscalationId,
    HandoffId, Identification, Offer, Owner, Plan, PlanId, RequestId, ResolutionCode, Routing,
    Target, TenantId, Timestamp,
};

/// What Belay believes about one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// The number of the last event that is folded in; 0 before the first.
    pub seq: u64,
    /// What it is about, once it is open.
    pub status: Status,
    /// Whose it is.
    pub tenant: Option<TenantId>,
    /// What it is about, in a line.
    pub subject: String,
    /// Its kind, as the routing names it.
    pub kind: String,
    /// The customer.
    pub customer: String,
    /// Anything else to find it by.
    pub labels: Vec<(String, String)>,
    /// What makes two reports the same matter.
    pub fingerprint: Option<Digest>,
    /// Who opened it.
    pub opened_by: String,
    /// When.
    pub opened_at: Timestamp,
    /// When the last event happened.
    pub updated_at: Timestamp,
    /// The reports of this matter.
    pub contacts: Vec<Contact>,
    /// What the playbook settled for it.
    pub terms: Option<Arc<CaseTerms>>,
    /// Who owns it.
    pub owner: Owner,
    /// The number of that ownership.
    pub epoch: Epoch,
    /// What is known of it.
    pub context: Context,
    /// Whom it is about, as far as that was looked for, by object.
    pub identities: BTreeMap<String, Arc<Identification>>,
    /// A search for an agent, if one is on.
    pub routing: Option<Routing>,
    /// An offer to an agent, if one is open.
    pub offer: Option<Offer>,
    /// How many handoffs were offered.
    pub handoffs: u32,
    /// The role it was last handed to, where another agent of that role is the next to ask.
    pub served: Option<Target>,
    /// The handoff by which its last agent took it.
    pub taken_by: Option<HandoffId>,
    /// The agent that owned it last.
    pub last_agent: Option<AgentId>,
    /// How often the case went from one agent to another, for each pair, since a person last had it.
    pub bounces: Arc<BTreeMap<(AgentId, AgentId), u32>>,
    /// Its actions.
    pub actions: BTreeMap<ActionId, Arc<Action>>,
    /// How many there have been.
    pub action_count: u32,
    /// Its plans.
    pub plans: BTreeMap<PlanId, Plan>,
    /// The requests for human attention.
    pub escalations: BTreeMap<EscalationId, Arc<Escalation>>,
    /// How many there have been.
    pub escalation_count: u32,
    /// What ties it to other cases.
    pub ties: Ties,
    /// Set while nobody holds the case and nobody is being asked.
    pub alarm: Option<Alarm>,
    /// Since when the case has not been covered; none while it is, as far as events tell.
    pub uncovered_since: Option<Timestamp>,
}

/// Whether a case is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// No event yet.
    Unopened,
    /// Somebody has to hold it.
    Open,
    /// It is the same matter as another case, which took over everything that was reported to it. That one is covered, or
    /// raised, or resolved, by its own evidence; it is never merged itself.
    Merged {
        /// When.
        at: Timestamp,
        /// The case that has the matter now.
        into: CaseId,
    },
    /// Done.
    Resolved {
        /// When.
        at: Timestamp,
        /// By whom.
        by: String,
        /// How.
        code: ResolutionCode,
        /// What was done.
        note: String,
    },
}

/// A report of the matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The request.
    pub request: RequestId,
    /// Its channel.
    pub channel: String,
    /// When.
    pub at: Timestamp,
}

/// The alarm that a case is uncovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
}

impl Case {
    /// A case of which nothing has happened yet.
    #[must_use]
    pub fn unopened(id: CaseId) -> Self {
        Self {
            id,
            seq: 0,
            status: Status::Unopened,
            tenant: None,
            subject: String::new(),
            kind: String::new(),
            customer: String::new(),
            labels: Vec::new(),
            fingerprint: None,
            opened_by: String::new(),
            opened_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            contacts: Vec::new(),
            terms: None,
            owner: Owner::Supervisor { since: Timestamp::UNIX_EPOCH },
            epoch: Epoch(0),
            context: Context::default(),
            identities: BTreeMap::new(),
            routing: None,
            offer: None,
            handoffs: 0,
            served: None,
            taken_by: None,
            last_agent: None,
            bounces: Arc::default(),
            actions: BTreeMap::new(),
            action_count: 0,
            plans: BTreeMap::new(),
            escalations: BTreeMap::new(),
            escalation_count: 0,
            ties: Ties::default(),
            alarm: None,
            uncovered_since: None,
        }
    }

    /// Whether somebody has to hold it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == Status::Open
    }

    /// The agent that owns it, lease or not.
    #[must_use]
    pub fn owning_agent(&self) -> Option<&AgentId> {
        match &self.owner {
            Owner::Agent { agent, .. } => Some(agent),
            Owner::Supervisor { .. } | Owner::Queue { .. } => None,
        }
    }

    /// The open request that people take this case, if there is one. There is at most one.
    #[must_use]
    pub fn takeover(&self) -> Option<&Escalation> {
        self.escalations
            .values()
            .map(Arc::as_ref)
            .find(|escalation| escalation.is_open() && escalation.is_takeover())
    }
}
