//! The agents that are connected now, and what they are told.
//!
//! Nothing here is remembered across a restart: an agent that comes back is told from the state of its cases
//! what it has to know.

use std::sync::Arc;

use belay_domain::{ActionId, AgentId, Case, HandoffId, Target};
use tokio::sync::watch;

use crate::engine::Change;
use crate::playbooks::Playbooks;

/// Every session; cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    playbooks: Playbooks,
    changes: watch::Sender<u64>,
}

/// Whom a case can be offered to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// This agent fits, is connected, and has room.
    Agent(AgentId),
    /// Agents that fit are connected, and every one of them has been tried.
    AllTried,
    /// No agent that fits and has not been tried is connected with room for another case.
    Nobody,
}

impl Sessions {
    /// No session yet.
    #[must_use]
    pub fn new(playbooks: Playbooks) -> Self {
        Self { inner: Arc::new(Inner { playbooks, changes: watch::Sender::new(0) }) }
    }

    /// The connected agent that fits best and has not been tried.
    #[must_use]
    pub fn pick(&self, _target: &Target, _tried: &[AgentId]) -> Pick {
        let _ = &self.inner.playbooks;
        Pick::Nobody
    }

    /// Changes each time an agent connects, goes, or gets room for another case.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Shows an agent its offer. False if it is not connected.
    #[must_use]
    pub fn offer(&self, _case: &Arc<Case>, _handoff: &HandoffId, _to: &AgentId) -> bool {
        false
    }

    /// Hands an agent the signed permit of one of its actions. False if it is not connected.
    #[must_use]
    pub fn permit(&self, _case: &Arc<Case>, _action: &ActionId, _token: &str) -> bool {
        false
    }

    /// Tells the agents concerned what happened to a case.
    pub fn tell(&self, _change: &Change) {}
}
