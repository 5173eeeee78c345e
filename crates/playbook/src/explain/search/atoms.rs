//! The things that may be changed, those that are nearest to the proposer first: its own words, then what surrounds it,
//! then the playbook.

use belay_domain::{Reason, Rule, Ruling, Source, Verdict};

use super::amounts::Amounts;
use crate::Playbook;
use crate::contract::Contract;
use crate::explain::Step;
use crate::explain::altered::is_of;
use crate::facts::ProposalFacts;

/// One thing that may be changed.
pub(super) enum Atom {
    /// To this.
    Step(Step),
    /// The amount, to what is found out.
    Amount,
    /// The hour of the day, to what is found out.
    Hours,
}

/// Sources that a policy may trust more than the one that was given.
const TRUSTED: [Source; 3] = [Source::Staff, Source::VerifiedChannel, Source::SystemOfRecord];

/// Whatever may matter for this verdict, in groups of which one at a time is changed. Where it is not enough that people
/// are asked, what the policies look at matters, too.
pub(super) fn atoms(
    playbook: &Playbook,
    contract: &Contract,
    facts: &ProposalFacts<'_>,
    verdict: &Verdict,
    amounts: &Option<Amounts>,
    may_ask: bool,
) -> Vec<Vec<Atom>> {
    let reasons: &[Reason] = match &verdict.ruling {
        Ruling::Deny(reasons) => reasons,
        Ruling::Allow | Ruling::Ask(_) => &[],
    };
    let of = |rule| reasons.iter().filter(move |reason| reason.rule == rule);
    let asked = matches!(verdict.ruling, Ruling::Ask(_));
    let by_policy = asked || !may_ask || of(Rule::Policy).next().is_some();
    let looks = playbook.policies.attributes();
    let mut groups: Vec<Vec<Atom>> = Vec::new();

    if amounts.is_some()
        && (by_policy || of(Rule::Limit).chain(of(Rule::Precondition)).next().is_some())
    {
        groups.push(vec![Atom::Amount]);
    }
    let mut sources: Vec<&str> = Vec::new();
    for reason in of(Rule::Provenance) {
        let allowed = contract.provenance.iter().find(|(field, _)| *field == reason.field);
        if let Some((field, allowed)) = allowed.filter(|_| !sources.contains(&&*reason.field)) {
            sources.push(field);
            groups.push(from(field, allowed));
        }
    }
    if by_policy && looks.contains("provenance") {
        for (field, given) in facts.provenance {
            let others: Vec<Source> =
                TRUSTED.into_iter().filter(|source| *source != given.source).collect();
            if !field.is_empty() && !sources.contains(&field.as_str()) {
                sources.push(field);
                groups.push(from(field, &others));
            }
        }
    }
    if let Some(first) = facts.duplicate {
        groups.push(vec![Atom::Step(Step::NotBefore(first.clone()))]);
    }
    let limits =
        of(Rule::Limit).filter_map(|reason| used(playbook, contract, facts, verdict, reason));
    groups.extend(limits.map(|step| vec![Atom::Step(step)]));
    if by_policy && looks.contains("hour") {
        groups.push(vec![Atom::Hours]);
    }
    let by_text = playbook.raises_tier || looks.contains("outside_text");
    if by_policy && by_text && facts.outside_text {
        groups.push(vec![Atom::Step(Step::NoOutsideText)]);
    }
    if reasons.iter().any(is_about_the_agent) {
        let others = playbook.agents.keys().filter(|agent| {
            *agent != facts.agent && playbook.contracts_of(agent).contains(&contract.id)
        });
        groups.push(others.map(|agent| Atom::Step(Step::By(agent.clone()))).collect());
    }
    for reason in of(Rule::Precondition) {
        if contract.assertions.iter().any(|assertion| assertion.name == reason.name) {
            groups.push(vec![Atom::Step(Step::Holds(reason.name.clone()))]);
        }
    }
    if by_policy {
        let lower = (0..contract.tier).rev().map(|tier| Atom::Step(Step::Tier(tier)));
        groups.push(lower.collect());
        let against = verdict.policies.iter().filter(|policy| {
            playbook.policies.has(policy)
                && (of(Rule::Policy).next().is_some() || playbook.policies.forbids(policy))
        });
        groups.extend(against.map(|policy| vec![Atom::Step(Step::WithoutPolicy(policy.clone()))]));
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn from(field: &str, sources: &[Source]) -> Vec<Atom> {
    let step = |source: &Source| Step::From { field: field.to_owned(), source: *source };
    sources.iter().map(|source| Atom::Step(step(source))).collect()
}

fn is_about_the_agent(reason: &Reason) -> bool {
    matches!(reason.rule, Rule::Identity | Rule::Boundary)
        || (reason.rule == Rule::Policy && reason.name == "no-permit")
        || (reason.rule == Rule::Limit && reason.name == "boundary")
}

/// How much less would have had to be used of the limit that a reason is about.
fn used(
    playbook: &Playbook,
    contract: &Contract,
    facts: &ProposalFacts<'_>,
    verdict: &Verdict,
    reason: &Reason,
) -> Option<Step> {
    let used =
        facts.usage.iter().find(|(key, _)| is_of(key, &reason.name)).map(|(_, used)| used)?;
    let amount = verdict.terms.as_ref().and_then(|terms| terms.amount);
    let (most_amount, most_count) =
        match contract.cumulative.iter().find(|limit| limit.name == reason.name) {
            Some(limit) => (limit.amount, limit.count),
            None => {
                let boundary = playbook.boundary(facts.agent)?;
                let rate = boundary.rates.iter().find(|rate| rate.name == reason.name)?;
                (None, Some(rate.count))
            }
        };
    let left = most_amount.zip(amount).and_then(|(most, amount)| {
        let left = most.minor.checked_sub(amount.minor)?;
        // What is too much by itself is not a matter of what was used before.
        (left >= 0 && most.currency == amount.currency && used.minor > left)
            .then_some(belay_domain::Money { minor: left, currency: most.currency })
    });
    let count = most_count.filter(|most| used.count >= *most).map(|most| most - 1);
    (left.is_some() || count.is_some()).then(|| Step::Used {
        limit: reason.name.clone(),
        amount: left,
        count,
    })
}
