//! The limits over time that hold for an agent, each by its name, so that what has been used of it can be told.

use belay_domain::{AgentId, Money, QueueRef, Span};

use super::{Supposed, over_time};
use crate::Playbook;
use crate::assess::usage_keys;
use crate::contract::Contract;
use crate::facts::UsageKey;
use crate::format::KeyOf;

/// One limit over time, for one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its name.
    pub name: String,
    /// The same in words.
    pub said: String,
    /// How far it looks back.
    pub window: Span,
    /// The most in sum.
    pub most: Option<Money>,
    /// The most actions.
    pub count: Option<u64>,
    /// Under which name it is counted; none while it is not known for whom.
    pub key: Option<UsageKey>,
}

impl Playbook {
    /// The limits over time that hold for an agent and a contract: the contract's own, then those of the boundary.
    #[must_use]
    pub fn counters(
        &self,
        contract: &Contract,
        supposed: &Supposed,
        agent: &AgentId,
    ) -> Vec<Counter> {
        let Some(case) = super::case(supposed) else { return Vec::new() };
        let mut keys = usage_keys(self, contract, &case, agent).into_iter();
        let mut counters = Vec::new();
        for limit in &contract.cumulative {
            let key = keys.next();
            let known = match limit.key {
                KeyOf::Customer => supposed.customer.is_some(),
                KeyOf::Case => supposed.case.is_some(),
                KeyOf::Agent | KeyOf::Tenant => true,
            };
            counters.push(Counter {
                name: limit.name.clone(),
                said: over_time(limit),
                window: limit.window,
                most: limit.amount,
                count: limit.count,
                key: key.filter(|_| known && supposed.tenant.is_some()),
            });
        }
        for rate in self.boundary(agent).into_iter().flat_map(|boundary| &boundary.rates) {
            counters.push(Counter {
                name: rate.name.clone(),
                said: super::rate(rate),
                window: rate.window,
                most: None,
                count: Some(rate.count),
                key: keys.next().filter(|_| supposed.tenant.is_some()),
            });
        }
        counters
    }

    /// The queues by which people are asked under a policy, in the order in which they are asked.
    #[must_use]
    pub fn asked_through(&self, policy: &str, supposed: &Supposed) -> Vec<QueueRef> {
        let severity = supposed.severity.unwrap_or(self.severity);
        let plan = self.escalation(policy, severity);
        let mut queues: Vec<QueueRef> = Vec::new();
        for step in plan.into_iter().flat_map(|plan| plan.steps) {
            if !queues.contains(&step.queue) {
                queues.push(step.queue);
            }
        }
        queues
    }
}
