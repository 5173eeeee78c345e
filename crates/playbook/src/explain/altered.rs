//! A proposal with some things being different, and the decision on it.

use belay_domain::{AgentId, Provenance, Source, Timestamp, Verdict};
use serde_json::{Number, Value};

use super::Step;
use crate::Playbook;
use crate::assess::{Supposing, supposing, usage_keys};
use crate::contract::Contract;
use crate::facts::{ProposalFacts, Usage};

/// What may be different.
#[derive(Clone)]
pub(super) struct Altered<'a> {
    playbook: &'a Playbook,
    contract: &'a Contract,
    facts: &'a ProposalFacts<'a>,
    pub(super) input: Value,
    agent: AgentId,
    provenance: Vec<(String, Provenance)>,
    usage: Usage,
    now: Timestamp,
    outside_text: bool,
    duplicate: bool,
    supposing: Supposing,
}

/// The one field of an input that is its amount.
#[derive(Clone, Debug)]
pub(super) struct AmountField {
    pub(super) path: Vec<String>,
    /// Whether it is a decimal such as `47.84`, and not whole minor units.
    decimal: bool,
}

impl<'a> Altered<'a> {
    /// As it is.
    pub(super) fn nothing(
        playbook: &'a Playbook,
        contract: &'a Contract,
        facts: &'a ProposalFacts<'a>,
        input: Value,
    ) -> Self {
        Self {
            playbook,
            contract,
            facts,
            input,
            agent: facts.agent.clone(),
            provenance: facts.provenance.to_vec(),
            usage: facts.usage.clone(),
            now: facts.now,
            outside_text: facts.outside_text,
            duplicate: true,
            supposing: Supposing::default(),
        }
    }

    /// The same with one more thing being different.
    pub(super) fn with(&self, step: &Step) -> Self {
        let mut altered = self.clone();
        match step {
            Step::AmountAtMost(amount) | Step::AmountFrom(amount) => {
                if let Some(field) = AmountField::of(self.contract) {
                    field.set(&mut altered.input, amount.minor);
                }
            }
            Step::Value { field, value } => {
                if let Some(place) = altered.input.pointer_mut(field) {
                    *place = value.clone();
                }
            }
            Step::Without { field } => {
                if let Some((parent, name)) = field.rsplit_once('/')
                    && let Some(Value::Object(members)) = altered.input.pointer_mut(parent)
                {
                    members.remove(&name.replace("~1", "/").replace("~0", "~"));
                }
            }
            Step::From { field, source } => altered.come_from(field, *source),
            Step::Used { limit, amount, count } => {
                for (key, used) in &mut altered.usage {
                    if is_of(key, limit) {
                        if let Some(most) = amount {
                            used.minor = used.minor.min(most.minor);
                        }
                        if let Some(most) = count {
                            used.count = used.count.min(*most);
                        }
                    }
                }
            }
            Step::NotBefore(_) => altered.duplicate = false,
            Step::Hours(first, _) => {
                let utc = altered.now.to_zoned(jiff::tz::TimeZone::UTC);
                if let Ok(other) = utc.with().hour(*first).build() {
                    altered.now = other.timestamp();
                }
            }
            Step::NoOutsideText => altered.outside_text = false,
            Step::By(agent) => {
                altered.agent = agent.clone();
                let keys = usage_keys(self.playbook, self.contract, self.facts.case, agent);
                for key in keys {
                    altered.usage.entry(key.key).or_default();
                }
            }
            Step::Holds(name) => {
                altered.supposing.holds.insert(name.clone());
            }
            Step::Tier(tier) => altered.supposing.tier = Some(*tier),
            Step::WithoutPolicy(policy) => {
                altered.supposing.without.insert(policy.clone());
            }
        }
        altered
    }

    /// The decision.
    pub(super) fn verdict(&self) -> Verdict {
        let input = crate::json::canonical(&self.input);
        let facts = ProposalFacts {
            agent: &self.agent,
            input: &input,
            provenance: &self.provenance,
            usage: &self.usage,
            now: self.now,
            outside_text: self.outside_text,
            duplicate: self.facts.duplicate.filter(|_| self.duplicate),
            ..self.facts.clone()
        };
        supposing(self.playbook, &facts, &self.supposing)
    }

    /// A part and all that is in it comes from there.
    fn come_from(&mut self, field: &str, source: Source) {
        self.supposing.backed.insert(field.to_owned());
        let inside = format!("{field}/");
        self.provenance.retain(|(given, _)| given != field && !given.starts_with(&inside));
        let reference = String::new();
        self.provenance.push((field.to_owned(), Provenance { source, reference }));
    }
}

/// Whether a counter is that of a limit: its name has the limit's between that of the contract or boundary and for whom
/// it counts.
pub(super) fn is_of(key: &str, limit: &str) -> bool {
    key.rsplit('/').nth(1) == Some(limit)
}

impl AmountField {
    /// The field, where the amount is nothing but that field.
    pub(super) fn of(contract: &Contract) -> Option<Self> {
        let source = contract.amount.as_ref()?.0.source().trim();
        let cents = source.strip_prefix("minor(").and_then(|rest| rest.strip_suffix(')'));
        let path = cents.unwrap_or(source).trim().strip_prefix("input.")?;
        let named = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        path.iter().all(|name| named(name)).then_some(Self { path, decimal: cents.is_some() })
    }

    fn set(&self, input: &mut Value, minor: i64) {
        let mut place = input;
        for name in &self.path {
            let Some(inner) = place.get_mut(name) else { return };
            place = inner;
        }
        *place = if self.decimal {
            // Sums of whole cents that fit into 53 bits are exact to the cent again when they are read.
            Number::from_f64(minor as f64 / 100.0).map_or(Value::Null, Value::Number)
        } else {
            Value::from(minor)
        };
    }
}
