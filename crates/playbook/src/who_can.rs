//! Who may do a thing: for every agent, whether it may propose a contract, what people have to agree, within which limits,
//! and which policies have a say. Read off the playbook alone; or decided for one input, with what cannot be known without
//! the outside named.

mod counters;
mod words;

use std::collections::BTreeSet;

use belay_domain::{
    AgentId, BoundaryId, CaseId, ContractId, Epoch, GroupId, Mode, Money, PersonId, PolicyId,
    Provenance, Severity, Span, TenantId, Timestamp,
};

use crate::Playbook;
use crate::assess::{self, Supposing, TIER_ASKS, supposing};
use crate::contract::{Contract, Cumulative};
use crate::explain::Outcome;
use crate::facts::{CaseFacts, ProposalFacts, Reads, Usage, UsageKey};
use crate::people::{Boundary, Rate};

pub use counters::Counter;

/// What one agent may do with one contract.
#[derive(Clone, Debug, PartialEq)]
pub struct MayDo {
    /// The agent.
    pub agent: AgentId,
    /// Its boundary.
    pub boundary: BoundaryId,
    /// Whether, and how freely.
    pub may: May,
    /// Whether it writes then, and for which share of the cases.
    pub mode: Mode,
    /// In canary: the share of cases for which it writes.
    pub share: f64,
    /// What people are asked, where they are.
    pub approval: Option<Approvals>,
    /// All limits, in words; none for who may not.
    pub limits: Vec<String>,
    /// Policies by which it is permitted only if they hold, as [`May`] says it.
    pub only_if: Vec<PolicyId>,
    /// Policies that forbid it, or forbid it without approval, if they hold.
    pub unless: Vec<PolicyId>,
}

/// Whether an agent may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum May {
    /// Not at all, for these reasons.
    No(Vec<String>),
    /// If people agree, every time.
    IfApproved,
    /// By itself or if people agree, as the policies say.
    AsPoliciesSay,
    /// By itself.
    Automatically,
}

/// What is asked of people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// How many have to agree.
    pub quorum: u32,
    /// Of which groups.
    pub groups: Vec<GroupId>,
    /// Who may not, because they run the agent.
    pub excluded: Vec<PersonId>,
    /// How long they have.
    pub within: Span,
    /// The escalation policy by which they are asked.
    pub escalation: String,
}

/// What is taken of the case when an input is decided on without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supposed {
    /// Whose limits count; what has been used is only known when it is given.
    pub tenant: Option<TenantId>,
    /// The case, if there is one.
    pub case: Option<CaseId>,
    /// The customer; conditions about the case are only decided on when it is given.
    pub customer: Option<String>,
    /// The kind of case.
    pub kind: String,
    /// Its channel.
    pub channel: String,
    /// How much it matters.
    pub severity: Option<Severity>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
}

/// What comes of one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// For each agent, by name.
    pub outcomes: Vec<(AgentId, Outcome)>,
    /// What was taken to hold, because it cannot be known here.
    pub taken: Vec<String>,
}

impl Playbook {
    /// What every agent may do with a contract, by name; nothing if there is no such contract.
    #[must_use]
    pub fn who_can(&self, contract: &ContractId) -> Vec<MayDo> {
        let Some(contract) = self.contract(contract) else { return Vec::new() };
        let agents = self.agents.iter();
        agents.filter_map(|(agent, _)| self.may_do(agent, contract)).collect()
    }

    fn may_do(&self, agent: &AgentId, contract: &Contract) -> Option<MayDo> {
        let boundary = self.boundary(agent)?;
        let applying = self.policies.applying(agent, contract.id.as_str());
        let of = |permits: bool, unapproved: bool| {
            applying.iter().filter(move |policy| {
                let asked = if unapproved { policy.unapproved } else { policy.execute };
                policy.permits == permits && asked
            })
        };
        let mut against = Vec::new();
        if !boundary.contracts.contains(&contract.id) {
            against.push(format!("its boundary {} does not name the contract", boundary.name));
        }
        if boundary.systems.as_ref().is_some_and(|systems| !systems.contains(&contract.system)) {
            against.push(format!(
                "its boundary {} does not let it write to {}",
                boundary.name, contract.system
            ));
        }
        if of(true, false).next().is_none() {
            against.push("no policy permits it".to_owned());
        }
        against.extend(
            of(false, false)
                .filter(|policy| !policy.conditional)
                .map(|policy| format!("the policy {} forbids it", policy.policy)),
        );
        let always = |mut policies: Box<dyn Iterator<Item = &crate::policy::Applying> + '_>| {
            policies.any(|policy| !policy.conditional)
        };
        let asks = contract.tier >= TIER_ASKS
            || of(true, true).next().is_none()
            || always(Box::new(of(false, true)));
        let may = if !against.is_empty() {
            May::No(against)
        } else if asks {
            May::IfApproved
        } else if always(Box::new(of(true, true)))
            && of(false, true).next().is_none()
            && !self.raises_tier
        {
            May::Automatically
        } else {
            May::AsPoliciesSay
        };
        let mut only_if = BTreeSet::new();
        for unapproved in [false, true] {
            let matters = !unapproved || may == May::AsPoliciesSay;
            if matters && !always(Box::new(of(true, unapproved))) {
                only_if.extend(of(true, unapproved).map(|policy| policy.policy.clone()));
            }
        }
        let unless = applying.iter().filter(|policy| {
            !policy.permits && policy.conditional && (policy.execute || may == May::AsPoliciesSay)
        });
        let asked = matches!(may, May::IfApproved | May::AsPoliciesSay);
        let tier = contract.tier.max(1);
        let rules = contract.approval.as_ref().or_else(|| self.tiers.get(tier)).filter(|_| asked);
        Some(MayDo {
            agent: agent.clone(),
            boundary: boundary.name.clone(),
            mode: contract.mode,
            share: contract.share,
            approval: rules.map(|rules| Approvals {
                quorum: rules.quorum,
                groups: rules.groups.clone(),
                excluded: self.operators_of(agent).to_vec(),
                within: rules.decide_within,
                escalation: rules.escalation.clone(),
            }),
            limits: match may {
                May::No(_) => Vec::new(),
                _ => limits(contract, boundary),
            },
            only_if: if matches!(may, May::No(_)) {
                Vec::new()
            } else {
                only_if.into_iter().collect()
            },
            unless: match may {
                May::No(_) => Vec::new(),
                _ => unless.map(|policy| policy.policy.clone()).collect(),
            },
            may,
        })
    }

    /// What comes of one input, for every agent that may propose the contract at all. What would have to be read, what had
    /// been used and what a case would say is taken to be in favour, and named; but for what is known of usage, by the keys
    /// of [`Self::counters`].
    #[must_use]
    pub fn who_can_with(
        &self,
        contract: &ContractId,
        input: &str,
        supposed: &Supposed,
        known_usage: &Usage,
        now: Timestamp,
    ) -> Decided {
        let mut decided = Decided { outcomes: Vec::new(), taken: Vec::new() };
        let Some(known) = self.contract(contract) else { return decided };
        let Some(case) = case(supposed) else { return decided };
        let mut taken = Supposing { unread: true, ..Supposing::default() };
        for assertion in &known.assertions {
            let of_case = assertion
                .that
                .references()
                .paths
                .iter()
                .any(|path| path.first().is_some_and(|first| first == "case"));
            if !assertion.reads.is_empty() || (of_case && supposed.customer.is_none()) {
                taken.holds.insert(assertion.name.clone());
                let needs = match assertion.reads.as_slice() {
                    [] => "the case's customer is not known (--customer)".to_owned(),
                    reads => {
                        let reads: BTreeSet<&str> = reads.iter().map(String::as_str).collect();
                        let reads: Vec<&str> = reads.into_iter().collect();
                        format!("it needs {} to be read", reads.join(" and "))
                    }
                };
                decided.taken.push(format!("{} holds: {needs}", assertion.name));
            }
        }
        for read in known.reads.iter().filter(|read| !read.optional) {
            decided.taken.push(format!("{} is there in {}", read.name, read.system));
        }
        let provenance: Vec<(String, Provenance)> = known
            .provenance
            .iter()
            .filter_map(|(field, sources)| {
                let source = *sources.first()?;
                let best = Provenance { source, reference: "supposed".to_owned() };
                decided.taken.push(format!("{field} comes from {}", source.as_str()));
                Some((field.clone(), best))
            })
            .collect();
        let reads = Reads::default();
        let mut looked_at = BTreeSet::new();
        let mut limited = BTreeSet::new();
        for agent in self.agents.keys() {
            if !self.contracts_of(agent).contains(contract) {
                continue;
            }
            let keys = assess::usage_keys(self, known, &case, agent);
            let counters = self.counters(known, supposed, agent).into_iter();
            let is_known = |counter: &Counter| {
                counter.key.as_ref().is_some_and(|key| known_usage.contains_key(&key.key))
            };
            limited.extend(counters.filter(|it| !is_known(it)).map(|counter| counter.name));
            let used = |key: &UsageKey| known_usage.get(&key.key).copied().unwrap_or_default();
            let usage: Usage = keys.into_iter().map(|key| (key.key.clone(), used(&key))).collect();
            for policy in self.policies.applying(agent, contract.as_str()) {
                looked_at.extend(self.policies.attributes_of(&policy.policy));
            }
            let verdict = supposing(
                self,
                &ProposalFacts {
                    case: &case,
                    epoch: Epoch::default(),
                    agent,
                    contract,
                    input,
                    provenance: &provenance,
                    reads: &reads,
                    usage: &usage,
                    now,
                    duplicate: None,
                    heard: None,
                    outside_text: false,
                },
                &taken,
            );
            decided.outcomes.push((agent.clone(), Outcome::of(&verdict.ruling)));
        }
        if !limited.is_empty() {
            let names: Vec<String> = limited.into_iter().collect();
            decided.taken.push(format!("nothing has been used of {}", names.join(", ")));
        }
        let nothing_known = known_usage.is_empty();
        let looked_at = looked_at.iter().filter(|name| nothing_known || name.as_str() != "usage");
        decided.taken.extend(looked_at.filter_map(|name| supposed.says(name)));
        if self.raises_tier {
            decided.taken.push("the case holds no text from outside".to_owned());
        }
        decided.taken.push("the same write has not been done before".to_owned());
        decided
    }
}

impl Supposed {
    /// What policies that look at this are told, where that is not known.
    fn says(&self, attribute: &str) -> Option<String> {
        match attribute {
            "customer" if self.customer.is_none() => Some("policies see no customer".to_owned()),
            "kind" if self.kind.is_empty() => Some("policies see no kind of case".to_owned()),
            "channel" if self.channel.is_empty() => Some("policies see no channel".to_owned()),
            "severity" if self.severity.is_none() => {
                Some("policies see the usual severity".to_owned())
            }
            "labels" if self.labels.is_empty() => Some("policies see no labels".to_owned()),
            "hour" | "weekday" | "date" => Some(format!("policies see the {attribute} of now")),
            "outside_text" => Some("policies see no text from outside".to_owned()),
            "usage" => Some("policies see that nothing has been used".to_owned()),
            _ => None,
        }
    }
}

fn case(supposed: &Supposed) -> Option<CaseFacts> {
    Some(CaseFacts {
        tenant: supposed.tenant.clone().or_else(|| "supposed".parse().ok())?,
        id: supposed.case.clone().or_else(|| "c-supposed".parse().ok())?,
        kind: supposed.kind.clone(),
        severity: supposed.severity,
        channel: supposed.channel.clone(),
        customer: supposed.customer.clone().unwrap_or_default(),
        subject: String::new(),
        labels: supposed.labels.clone(),
    })
}

fn limits(contract: &Contract, boundary: &Boundary) -> Vec<String> {
    let mut limits = Vec::new();
    let at_most = |most: Money, of: &str| format!("at most {most} at once, by the {of}");
    limits.extend(contract.per_action.map(|most| at_most(most, "contract")));
    if contract.amount.is_some() {
        limits.extend(boundary.max_amount.map(|most| at_most(most, "boundary")));
    }
    limits.extend(contract.cumulative.iter().map(over_time));
    limits.extend(boundary.rates.iter().map(rate));
    limits
}

fn rate(rate: &Rate) -> String {
    format!("at most {} actions in {:#} for each agent ({})", rate.count, rate.window, rate.name)
}

fn over_time(limit: &Cumulative) -> String {
    use crate::format::KeyOf;
    let most = match (limit.amount, limit.count) {
        (Some(amount), Some(count)) => format!("{amount} and {count} actions"),
        (Some(amount), None) => amount.to_string(),
        (None, count) => format!("{} actions", count.unwrap_or_default()),
    };
    let whose = match limit.key {
        KeyOf::Customer => "for each customer",
        KeyOf::Agent => "for each agent",
        KeyOf::Case => "for each case",
        KeyOf::Tenant => "for all of a tenant",
    };
    format!("at most {most} in {:#} {whose} ({})", limit.window, limit.name)
}
