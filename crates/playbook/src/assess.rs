//! The verdict on one proposed action: every check, in order, and every reason, not the first.

pub(crate) mod basis;
mod context;
mod limits;
mod provenance;
mod texts;

use std::collections::BTreeSet;

use belay_domain::{
    ApprovalTerms, ContractTerms, Digest, Hasher, Mode, Money, PersonId, PolicyId, Reason, Rule,
    Ruling, Verdict,
};
use serde_json::Value;

use crate::approval::ApprovalRules;
use crate::contract::Contract;
use crate::facts::{CaseFacts, ProposalFacts, Reads};
use crate::policy::{Answer, Bare};
use crate::prepare::{Settled, Subject};
use crate::problem::suggest;
use crate::request::PrepareError;
use crate::{Playbook, shown};

pub(crate) use limits::usage_keys;
pub(crate) use texts::Places;

/// The highest tier.
const TIER_MOST: u8 = 3;

/// From this tier on people have to agree (`APR-1`).
pub(crate) const TIER_ASKS: u8 = 2;

/// What is taken to be otherwise than the playbook and the outside say, to find out what would have been decided then.
/// Nothing of it in a decision that counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Supposing {
    /// The contract's own tier.
    pub(crate) tier: Option<u8>,
    /// Parts of the input whose provenance is taken to be as said.
    pub(crate) backed: BTreeSet<String>,
    /// Conditions that are taken to hold.
    pub(crate) holds: BTreeSet<String>,
    /// Reads that are taken to have shown what the conditions ask for.
    pub(crate) unread: bool,
    /// Policies that are taken not to be there.
    pub(crate) without: BTreeSet<PolicyId>,
}

/// The verdict, with what it was made from.
pub(crate) fn assess(playbook: &Playbook, facts: &ProposalFacts<'_>) -> Verdict {
    let mut verdict = supposing(playbook, facts, &Supposing::default());
    let contract = playbook.contract(facts.contract);
    verdict.basis = Some(Box::new(basis::record(contract, facts)));
    verdict
}

/// The verdict if something were otherwise.
pub(crate) fn supposing(
    playbook: &Playbook,
    facts: &ProposalFacts<'_>,
    supposing: &Supposing,
) -> Verdict {
    let mut reasons = Vec::new();
    identity(playbook, facts, &mut reasons);
    let boundary = playbook.boundary_of(facts.agent).cloned();
    let mut verdict = Verdict {
        playbook: playbook.version(),
        boundary,
        policies: Vec::new(),
        input: facts.input.to_owned(),
        snapshot: None,
        shown: String::new(),
        terms: None,
        ruling: Ruling::Allow,
        basis: None,
    };
    let Some(contract) = playbook.contract(facts.contract) else {
        let known = playbook.contracts().map(|contract| contract.id().as_str());
        let detail = format!(
            "there is no contract {} in this playbook; {}",
            facts.contract,
            suggest(facts.contract.as_str(), known)
        );
        reasons.push(reason(Rule::Boundary, facts.contract.as_str(), "", detail));
        verdict.ruling = Ruling::Deny(reasons);
        return verdict;
    };
    within_boundary(playbook, facts, contract, &mut reasons);
    let subject = match crate::json::strict(facts.input) {
        Ok(input) => Subject::new(contract, input, facts.case),
        Err(unfit) => {
            reasons.push(reason(Rule::Schema, unfit.flaw.as_str(), "", unfit.detail));
            verdict.ruling = Ruling::Deny(reasons);
            return verdict;
        }
    };
    verdict.input.clone_from(&subject.canonical);
    let fits = schema(contract, &subject.input, &mut reasons);
    provenance::check(contract, &subject.input, facts.provenance, &mut reasons);
    provenance::backing(contract, facts, supposing, &mut reasons);
    let mut approval = None;
    if fits {
        verdict.snapshot = preconditions(&subject, facts, supposing, &mut reasons);
        let amount = limits::check(playbook, &subject, facts, &mut reasons);
        let tier = tier(playbook, supposing.tier.unwrap_or(contract.tier), facts);
        // Who is not in the playbook has no standing with its policies; the identity is reason enough.
        let answer = match verdict.boundary {
            Some(_) => policies(playbook, &subject, facts, (amount, tier), supposing),
            None => Answer::Denied(Vec::new()),
        };
        approval =
            consequences(playbook, contract, facts, tier, answer, &mut verdict, &mut reasons);
        verdict.terms = terms(&subject, facts, amount, tier, &mut reasons);
        sendable(&subject, &mut reasons);
        verdict.shown = show(&subject, facts, amount, verdict.snapshot.as_deref());
    }
    if let Some(first) = facts.duplicate {
        let detail = format!("the same write has already been proposed as {first}");
        reasons.push(reason(Rule::Duplicate, "idempotency-key", "", detail));
    }
    verdict.ruling = match (reasons.is_empty(), approval) {
        (false, _) => Ruling::Deny(reasons),
        (true, Some(terms)) => Ruling::Ask(Box::new(terms)),
        (true, None) => Ruling::Allow,
    };
    verdict
}

pub(super) fn reason(rule: Rule, name: &str, field: &str, detail: impl Into<String>) -> Reason {
    Reason { rule, name: name.to_owned(), field: field.to_owned(), detail: detail.into() }
}

fn identity(playbook: &Playbook, facts: &ProposalFacts<'_>, reasons: &mut Vec<Reason>) {
    if playbook.boundary_of(facts.agent).is_none() {
        let detail = format!("the agent {} is not in this playbook", facts.agent);
        reasons.push(reason(Rule::Identity, "agent", "", detail));
    }
}

fn within_boundary(
    playbook: &Playbook,
    facts: &ProposalFacts<'_>,
    contract: &Contract,
    reasons: &mut Vec<Reason>,
) {
    let Some(boundary) = playbook.boundary(facts.agent) else { return };
    let name = boundary.name.as_str();
    if !boundary.contracts.contains(&contract.id) {
        let detail = format!("{} may not propose {}", facts.agent, contract.id);
        reasons.push(reason(Rule::Boundary, name, "", detail));
    }
    let allowed = boundary.systems.as_ref();
    if allowed.is_some_and(|systems| !systems.contains(&contract.system)) {
        let detail = format!("{} may not write to {}", facts.agent, contract.system);
        reasons.push(reason(Rule::Boundary, name, "", detail));
    }
}

fn schema(contract: &Contract, input: &Value, reasons: &mut Vec<Reason>) -> bool {
    let before = reasons.len();
    for error in contract.input.iter_errors(input) {
        let field = error.instance_path().to_string();
        // The masked form names what is wrong without repeating what a customer wrote.
        let detail = error.masked().to_string();
        reasons.push(reason(Rule::Schema, error.kind().keyword(), &field, detail));
    }
    texts::check(contract, input, reasons);
    reasons.len() == before
}

/// Whether an input has the form that its contract asks for; otherwise nothing is read for it.
pub(crate) fn fits(contract: &Contract, input: &Value) -> bool {
    schema(contract, input, &mut Vec::new())
}

/// Whether nothing speaks against a proposal that is known without asking any system. What an agent may not do, or makes
/// up, sends no request, and tells it nothing about what there is.
pub(crate) fn may_read(playbook: &Playbook, facts: &ProposalFacts<'_>) -> bool {
    let mut reasons = Vec::new();
    identity(playbook, facts, &mut reasons);
    let Some(contract) = playbook.contract(facts.contract) else { return false };
    within_boundary(playbook, facts, contract, &mut reasons);
    let Ok(input) = crate::json::strict(facts.input) else { return false };
    provenance::check(contract, &input, facts.provenance, &mut reasons);
    provenance::backing(contract, facts, &Supposing::default(), &mut reasons);
    reasons.is_empty() && fits(contract, &input)
}

/// What cannot be sent or proven is not decided on: a request that the values do not fit into.
fn sendable(subject: &Subject<'_>, reasons: &mut Vec<Reason>) {
    let contract = subject.contract;
    if subject.key.is_err() {
        return;
    }
    let write = contract.execution.as_ref().map(|write| subject.write(write).map(drop));
    let proof = subject.read_back("verification", &contract.verification).map(drop);
    for error in write.into_iter().chain([proof]).filter_map(Result::err) {
        let name = match &error {
            PrepareError::Expression { what, .. } => format!("request-{what}"),
            PrepareError::Input(_)
            | PrepareError::UnknownContract(_)
            | PrepareError::NotDeclared { .. }
            | PrepareError::NotRead { .. }
            | PrepareError::NotNow { .. } => "request".to_owned(),
        };
        reasons.push(reason(Rule::Schema, &name, "", error.to_string()));
    }
}

fn preconditions(
    subject: &Subject<'_>,
    facts: &ProposalFacts<'_>,
    supposing: &Supposing,
    reasons: &mut Vec<Reason>,
) -> Option<String> {
    let Settled { reads, wrong, unavailable } = subject.settled_reads(facts.reads, facts.case);
    // Nothing is read for what is denied already.
    let read = reasons.is_empty() || facts.reads != &Reads::default();
    for (name, detail) in wrong.iter().filter(|_| read && !supposing.unread) {
        reasons.push(reason(Rule::Precondition, &format!("{name}-exists"), "", detail));
    }
    let mut scope = subject.case_scope(facts.case);
    scope.set("reads", &reads);
    let mut failed: Vec<&str> = Vec::new();
    for assertion in &subject.contract.assertions {
        if assertion.reads.iter().any(|read| unavailable.contains(read))
            || assertion.needs.iter().any(|needed| failed.contains(&needed.as_str()))
        {
            failed.push(&assertion.name);
            continue;
        }
        let detail = match assertion.that.holds(&scope) {
            Ok(true) => continue,
            _ if supposing.holds.contains(&assertion.name) => continue,
            Ok(false) => assertion.otherwise.clone(),
            Err(detail) => format!("it cannot be decided: {detail}"),
        };
        failed.push(&assertion.name);
        reasons.push(reason(Rule::Precondition, &assertion.name, &assertion.field, detail));
    }
    if subject.contract.reads.is_empty() {
        return None;
    }
    if subject.contract.snapshot.is_empty() {
        return Some(crate::json::canonical(&reads));
    }
    let mut snapshot = serde_json::Map::new();
    for (name, expression) in &subject.contract.snapshot {
        match expression.value(&scope) {
            Ok(value) => {
                snapshot.insert(name.clone(), value);
            }
            // A read that is not there has been reported already.
            Err(_) if !unavailable.is_empty() => {}
            Err(detail) => reasons.push(reason(
                Rule::Precondition,
                &format!("snapshot-{name}"),
                "",
                format!("it cannot be decided: {detail}"),
            )),
        }
    }
    Some(crate::json::canonical(&Value::Object(snapshot)))
}

fn tier(playbook: &Playbook, of_contract: u8, facts: &ProposalFacts<'_>) -> u8 {
    let raised = u8::from(playbook.raises_tier && facts.outside_text);
    (of_contract + raised).min(TIER_MOST)
}

fn policies(
    playbook: &Playbook,
    subject: &Subject<'_>,
    facts: &ProposalFacts<'_>,
    (amount, tier): (Option<Money>, u8),
    supposing: &Supposing,
) -> Answer {
    let seen = context::of(playbook, subject, facts, (amount, tier));
    playbook.policies.decide(facts.agent, facts.contract.as_str(), seen, &supposing.without)
}

/// What the policies would be asked about a proposal that fits its schema: for measuring them alone.
pub(crate) fn bare<'a>(playbook: &'a Playbook, facts: &ProposalFacts<'_>) -> Option<Bare<'a>> {
    let contract = playbook.contract(facts.contract)?;
    let subject = Subject::new(contract, crate::json::strict(facts.input).ok()?, facts.case);
    if !fits(contract, &subject.input) {
        return None;
    }
    let amount = limits::check(playbook, &subject, facts, &mut Vec::new());
    let tier = tier(playbook, contract.tier, facts);
    let seen = context::of(playbook, &subject, facts, (amount, tier));
    playbook.policies.bare(facts.agent, facts.contract.as_str(), seen)
}

/// What follows from the policies' answer and the tier: reasons, or the terms of an approval.
fn consequences(
    playbook: &Playbook,
    contract: &Contract,
    facts: &ProposalFacts<'_>,
    tier: u8,
    answer: Answer,
    verdict: &mut Verdict,
    reasons: &mut Vec<Reason>,
) -> Option<ApprovalTerms> {
    let asks = match answer {
        Answer::Denied(denials) => {
            for (policy, detail) in denials {
                reasons.push(reason(Rule::Policy, policy.as_str(), "", detail));
                verdict.policies.push(policy);
            }
            return None;
        }
        Answer::IfApproved(policies) => {
            verdict.policies = policies;
            true
        }
        Answer::Allowed(policies) => {
            verdict.policies = policies;
            tier >= TIER_ASKS
        }
    };
    if !asks {
        return None;
    }
    let rules = contract.approval.as_ref().or_else(|| playbook.tiers.get(tier.max(1)));
    let terms = rules.and_then(|rules| approval_terms(playbook, facts, rules));
    if terms.is_none() {
        let detail = "people would have to agree, and the playbook does not say who";
        let name = verdict.policies.first().map_or("approval", PolicyId::as_str).to_owned();
        reasons.push(reason(Rule::Policy, &name, "", detail));
    }
    terms
}

fn approval_terms(
    playbook: &Playbook,
    facts: &ProposalFacts<'_>,
    rules: &ApprovalRules,
) -> Option<ApprovalTerms> {
    let severity = facts.case.severity.unwrap_or(playbook.severity);
    let mut excluded: Vec<PersonId> = playbook.operators_of(facts.agent).to_vec();
    // Nobody agrees to what is for their own good (`APR-2`).
    excluded.extend(facts.case.customer.parse::<PersonId>().ok());
    excluded.sort();
    excluded.dedup();
    rules.terms(playbook, severity, excluded)
}

fn terms(
    subject: &Subject<'_>,
    facts: &ProposalFacts<'_>,
    amount: Option<Money>,
    tier: u8,
    reasons: &mut Vec<Reason>,
) -> Option<ContractTerms> {
    let contract = subject.contract;
    let key = match &subject.key {
        Ok(key) => key.clone(),
        Err(detail) => {
            let detail = format!("the idempotency key cannot be made: {detail}");
            reasons.push(reason(Rule::Duplicate, "idempotency-key", "", detail));
            return None;
        }
    };
    Some(ContractTerms {
        contract: contract.id.clone(),
        live: is_live(contract, facts.case),
        executor: contract.executor,
        tier,
        key,
        amount,
        permit_within: contract.permit_within,
        outcome_within: contract.outcome_within,
        settle_within: contract.verification.settle_within,
        verify_within: contract.verify_within,
        attempts_max: contract.attempts_max,
        backoff: contract.backoff,
        compensable: contract.compensation.is_some(),
        undo_divergence: contract.undo_divergence && contract.compensation.is_some(),
    })
}

/// Whether an action of this case writes. In canary a case is always on the same side, whatever is proposed on it.
fn is_live(contract: &Contract, case: &CaseFacts) -> bool {
    match contract.mode {
        Mode::Live => true,
        Mode::Shadow => false,
        Mode::Canary => {
            let digest = Hasher::new("belay canary")
                .part(contract.name().as_bytes())
                .part(case.tenant.as_str().as_bytes())
                .part(case.id.as_str().as_bytes())
                .finish();
            share_of(&digest) < contract.share
        }
    }
}

/// A digest as a number from 0 up to 1.
fn share_of(digest: &Digest) -> f64 {
    let bytes = digest.as_bytes();
    let number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    f64::from(number) / (f64::from(u32::MAX) + 1.0)
}

fn show(
    subject: &Subject<'_>,
    facts: &ProposalFacts<'_>,
    amount: Option<Money>,
    snapshot: Option<&str>,
) -> String {
    let contract = subject.contract;
    let mut out = format!(
        "{} ({}) in {}\ncase {} of customer {}\n",
        shown::quoted(&contract.title),
        contract.id,
        contract.system,
        facts.case.id,
        shown::quoted(&facts.case.customer)
    );
    if let Some(amount) = amount {
        out.push_str(&format!("amount {amount}\n"));
    }
    if contract.compensation.is_none() {
        out.push_str("cannot be undone\n");
    }
    out.push_str(&shown::fields(&subject.input));
    if let Some(snapshot) = snapshot.and_then(|text| serde_json::from_str(text).ok()) {
        out.push_str("as read before:\n");
        out.push_str(&shown::fields(&snapshot));
    }
    out
}
