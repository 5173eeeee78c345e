//! Amounts and rates: for one action, and over time, so that a large refund split into small ones is still a large one.

use belay_domain::{AgentId, Money, Reason, Rule};
use cedar_policy::RestrictedExpression;
use serde_json::Value;

use super::reason;
use crate::Playbook;
use crate::contract::Contract;
use crate::facts::{CaseFacts, ProposalFacts, UsageKey, Used};
use crate::format::KeyOf;
use crate::prepare::Subject;
use crate::template::encode;

/// The counters of a contract for one case and agent.
pub(crate) fn usage_keys(
    playbook: &Playbook,
    contract: &Contract,
    case: &CaseFacts,
    agent: &AgentId,
) -> Vec<UsageKey> {
    let mut keys: Vec<UsageKey> = contract
        .cumulative
        .iter()
        .map(|limit| UsageKey {
            key: key(contract, &limit.name, limit.key, case, agent),
            window: limit.window,
        })
        .collect();
    if let Some(boundary) = playbook.boundary(agent) {
        keys.extend(boundary.rates.iter().map(|rate| UsageKey {
            key: rate_key(boundary.name.as_str(), &rate.name, agent),
            window: rate.window,
        }));
    }
    keys
}

/// Checks all limits; gives the amount, if the contract moves one and it could be found out.
pub(super) fn check(
    playbook: &Playbook,
    subject: &Subject<'_>,
    facts: &ProposalFacts<'_>,
    reasons: &mut Vec<Reason>,
) -> Option<Money> {
    let contract = subject.contract;
    let amount = match amount(subject) {
        Ok(amount) => amount,
        Err((name, detail)) => {
            reasons.push(reason(Rule::Limit, name, "", detail));
            None
        }
    };
    if let Some(amount) = amount.filter(|amount| amount.minor < 0) {
        let detail = format!("{amount} is less than nothing");
        reasons.push(reason(Rule::Limit, "negative-amount", "", detail));
    }
    if let (Some(amount), Some(most)) = (amount, contract.per_action) {
        at_most(amount, most, "per-action", reasons);
    }
    let boundary = playbook.boundary(facts.agent);
    if let (Some(amount), Some(most)) = (amount, boundary.and_then(|b| b.max_amount)) {
        at_most(amount, most, "boundary", reasons);
    }
    for limit in &contract.cumulative {
        let key = key(contract, &limit.name, limit.key, facts.case, facts.agent);
        let Some(used) = used(facts, &key, &limit.name, reasons) else { continue };
        if let (Some(amount), Some(most)) = (amount, limit.amount) {
            let Some(minor) = used.minor.checked_add(amount.minor) else {
                let detail =
                    format!("with what {} has seen it is more than can be counted", limit.name);
                reasons.push(reason(Rule::Limit, "amount-overflow", "", detail));
                continue;
            };
            let sum = Money { minor, currency: amount.currency };
            if at_most(sum, most, &limit.name, reasons) {
                continue;
            }
        }
        count(used, limit.count, &limit.name, reasons);
    }
    for rate in boundary.map_or(&[][..], |boundary| &boundary.rates) {
        let name = boundary.map_or("", |boundary| boundary.name.as_str());
        let key = rate_key(name, &rate.name, facts.agent);
        if let Some(used) = used(facts, &key, &rate.name, reasons) {
            count(used, Some(rate.count), &rate.name, reasons);
        }
    }
    amount
}

/// What has been used of each limit of the contract, as policies see it.
pub(super) fn by_name(
    subject: &Subject<'_>,
    facts: &ProposalFacts<'_>,
) -> Vec<(String, RestrictedExpression)> {
    let long = RestrictedExpression::new_long;
    subject
        .contract
        .cumulative
        .iter()
        .filter_map(|limit| {
            let key = key(subject.contract, &limit.name, limit.key, facts.case, facts.agent);
            let used = facts.usage.get(&key)?;
            let record = RestrictedExpression::new_record([
                ("amount".to_owned(), long(used.minor)),
                ("count".to_owned(), long(i64::try_from(used.count).unwrap_or(i64::MAX))),
            ]);
            Some((limit.name.replace('-', "_"), record.ok()?))
        })
        .collect()
}

fn amount(subject: &Subject<'_>) -> Result<Option<Money>, (&'static str, String)> {
    let Some((minor, currency)) = &subject.contract.amount else { return Ok(None) };
    let unclear = |detail| ("amount", format!("the amount cannot be found out: {detail}"));
    let minor = match minor.value(&subject.scope).map_err(unclear)? {
        Value::Number(number) => number.as_i64(),
        _ => None,
    };
    let minor =
        minor.ok_or_else(|| unclear("it is not a whole number of minor units".to_owned()))?;
    let currency = currency.header(&subject.scope).map_err(unclear)?;
    let currency = currency.parse().map_err(|error| ("currency", format!("{error}")))?;
    Ok(Some(Money { minor, currency }))
}

/// Complains when the amount is too much or in another currency; says whether it did.
fn at_most(amount: Money, most: Money, name: &str, reasons: &mut Vec<Reason>) -> bool {
    if amount.currency != most.currency {
        let detail =
            format!("the limit {name} is in {}, the amount in {}", most.currency, amount.currency);
        reasons.push(reason(Rule::Limit, "currency", "", detail));
        return true;
    }
    let detail = if amount.minor > most.minor {
        format!("{amount} is more than the {most} that are allowed")
    } else {
        return false;
    };
    reasons.push(reason(Rule::Limit, name, "", detail));
    true
}

fn count(used: Used, most: Option<u64>, name: &str, reasons: &mut Vec<Reason>) {
    if let Some(most) = most.filter(|most| used.count >= *most) {
        let detail = format!("there have already been {} of the {most} allowed", used.count);
        reasons.push(reason(Rule::Limit, name, "", detail));
    }
}

/// What nobody looked up may be anything, so it denies.
fn used(
    facts: &ProposalFacts<'_>,
    key: &str,
    name: &str,
    reasons: &mut Vec<Reason>,
) -> Option<Used> {
    let used = facts.usage.get(key).copied();
    if used.is_none() {
        let detail = format!("it is not known what has been used of {key}");
        reasons.push(reason(Rule::Limit, name, "", detail));
    }
    used
}

fn key(contract: &Contract, limit: &str, of: KeyOf, case: &CaseFacts, agent: &AgentId) -> String {
    let (kind, whose) = match of {
        KeyOf::Customer => ("customer", case.customer.as_str()),
        KeyOf::Agent => ("agent", agent.as_str()),
        KeyOf::Case => ("case", case.id.as_str()),
        KeyOf::Tenant => ("tenant", ""),
    };
    // The tenant is part of every counter: nobody uses up what belongs to another.
    format!("{}/{}/{limit}/{kind}:{}", encode(case.tenant.as_str()), contract.name(), encode(whose))
}

fn rate_key(boundary: &str, rate: &str, agent: &AgentId) -> String {
    format!("boundary/{}/{rate}/agent:{}", encode(boundary), encode(agent.as_str()))
}
