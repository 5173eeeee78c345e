//! What a decision is made from. The engine gathers these; the playbook reads nothing by itself, so that the same
//! facts give the same verdict on any machine.

use std::collections::BTreeMap;

use belay_domain::{
    ActionId, AgentId, CaseId, ContractId, Epoch, Provenance, Severity, Source, Span, TenantId,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is known of a case when the playbook is asked about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// Whose case it is.
    pub tenant: TenantId,
    /// Its id; derived from the request, so it is known before the case is opened.
    pub id: CaseId,
    /// Its kind, as the routing names it.
    pub kind: String,
    /// How much it matters, where that has been said; otherwise the routing says it.
    pub severity: Option<Severity>,
    /// Through which channel it came.
    pub channel: String,
    /// The customer, as the tenant knows them.
    pub customer: String,
    /// What it is about, in a line.
    pub subject: String,
    /// Anything else to find it by.
    pub labels: Vec<(String, String)>,
}

/// Everything that one verdict is made from.
#[derive(Clone, Debug)]
pub struct ProposalFacts<'a> {
    /// The case.
    pub case: &'a CaseFacts,
    /// The ownership under which the agent acts.
    pub epoch: Epoch,
    /// The agent that proposes, by its certificate.
    pub agent: &'a AgentId,
    /// The contract.
    pub contract: &'a ContractId,
    /// The input as it arrived.
    pub input: &'a str,
    /// Where each part of the input comes from: JSON pointer and provenance.
    pub provenance: &'a [(String, Provenance)],
    /// What the preconditions' reads showed; see [`Playbook::reads`](crate::Playbook::reads).
    pub reads: &'a Reads,
    /// What has been used of each limit; one entry for every key of
    /// [`Playbook::usage_keys`](crate::Playbook::usage_keys). A missing one denies.
    pub usage: &'a Usage,
    /// The time.
    pub now: Timestamp,
    /// The action that already holds this idempotency key, if there is one and it may have taken effect.
    pub duplicate: Option<&'a ActionId>,
    /// Where each entry of the case's context comes from, in their order, to hold the provenance of the input against it.
    /// Absent where no case is decided on, as in `who_can`; then what is said of the input's provenance is taken as said.
    pub heard: Option<&'a [Source]>,
    /// Whether the case contains text from outside (customers, mails, tickets).
    pub outside_text: bool,
}

/// What has been used of each limit, by key.
pub type Usage = BTreeMap<String, Used>;

/// What has been used under one key within its window, without the action that is being decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// The sum of the amounts, in minor units.
    pub minor: i64,
    /// How many actions.
    pub count: u64,
}

/// One limit's counter: what to look up before a verdict, and what to book when the action is authorized.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageKey {
    /// The counter's name: contract or boundary, limit, and for whom it counts.
    pub key: String,
    /// How far it looks back.
    pub window: Span,
}

/// What the preconditions' reads showed so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reads(pub(crate) BTreeMap<String, BTreeMap<String, Answer>>);

/// What an outside system answered to one read.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The record, as JSON.
    Found(Value),
    /// There is no such record.
    Missing,
    /// Nobody knows: no answer, an error, or something that is not JSON.
    Unreadable {
        /// What happened.
        detail: String,
    },
}

impl Reads {
    /// Adds the answer to one prepared read.
    pub fn add(&mut self, read: &crate::PreparedRead, answer: Answer) {
        self.0.entry(read.name.clone()).or_default().insert(read.element.clone(), answer);
    }

    /// Whether this read has been answered.
    #[must_use]
    pub fn has(&self, read: &crate::PreparedRead) -> bool {
        self.get(&read.name, &read.element).is_some()
    }

    pub(crate) fn get(&self, name: &str, element: &str) -> Option<&Answer> {
        self.0.get(name).and_then(|elements| elements.get(element))
    }
}

impl Answer {
    /// What an HTTP answer means: 2xx with JSON was found, 404 and 410 are missing, all else is unreadable.
    #[must_use]
    pub fn from_http(status: u16, body: &[u8]) -> Self {
        match status {
            200..=299 => match crate::json::lenient(body) {
                Ok(value) => Self::Found(value),
                Err(detail) => Self::Unreadable { detail },
            },
            404 | 410 => Self::Missing,
            _ => Self::Unreadable { detail: format!("the system answered with status {status}") },
        }
    }
}

#[cfg(test)]
mod tests;
