//! Looking for the smallest change: single things first, then two of them together, and so on, each tried by deciding.

mod amounts;
mod atoms;

use belay_domain::Rule;
use serde_json::Value;

use super::altered::{Altered, AmountField};
use super::{Change, Explanation, Outcome, Step};
use crate::Playbook;
use crate::contract::Contract;
use crate::facts::ProposalFacts;
use amounts::Amounts;
use atoms::{Atom, atoms};

/// The most things that are changed together. More than that is another proposal.
const STEPS_MAX: usize = 4;

/// The most decisions that are made for one answer; each takes well under a millisecond.
const DECISIONS_MAX: u32 = 4_000;

/// The most changes of the same size that are named.
const CHANGES_MAX: usize = 6;

/// Explains a decision on facts that are at hand.
pub(super) fn explain(playbook: &Playbook, facts: &ProposalFacts<'_>) -> Explanation {
    let mut explanation = Explanation {
        answer: Some(Outcome::of(&playbook.assess(facts).ruling)),
        more: Vec::new(),
        less: Vec::new(),
        unknown: Vec::new(),
    };
    let Some(contract) = playbook.contract(facts.contract) else {
        let what = format!("what {} would be in the playbook is not known", facts.contract);
        explanation.unknown.push(what);
        return explanation;
    };
    let Ok(input) = crate::json::strict(facts.input) else {
        let what = "the input cannot be read, so what would be decided on it is not known";
        explanation.unknown.push(what.to_owned());
        return explanation;
    };
    let mut mending = Mending { contract, steps: Vec::new(), unknown: &mut explanation.unknown };
    let Some(base) = mending.mended(Altered::nothing(playbook, contract, facts, input)) else {
        return explanation;
    };
    let mended = mending.steps;
    let mut search = Search {
        playbook,
        contract,
        facts,
        left: DECISIONS_MAX,
        amounts: None,
        found: Vec::new(),
        unknown: explanation.unknown,
    };
    search.all(&base, mended, &mut explanation.more, &mut explanation.less);
    explanation.unknown = search.unknown;
    explanation
}

pub(super) struct Search<'a> {
    playbook: &'a Playbook,
    contract: &'a Contract,
    facts: &'a ProposalFacts<'a>,
    left: u32,
    /// What is known of the amount, where it can be changed alone.
    amounts: Option<Amounts>,
    found: Vec<Change>,
    unknown: Vec<String>,
}

/// What part of a change is still to be found out: how far one thing has to go.
#[derive(Clone, Copy)]
enum Lazy {
    Amount,
    Hours,
}

impl<'a> Search<'a> {
    fn all(
        &mut self,
        base: &Altered<'a>,
        mended: Vec<Step>,
        more: &mut Vec<Change>,
        less: &mut Vec<Change>,
    ) {
        let verdict = base.verdict();
        let outcome = Outcome::of_verdict(&verdict);
        self.amounts = Amounts::of(self.playbook, self.contract, self.facts, &verdict);
        self.say_what_is_unknown(&outcome);
        let level = outcome.level();
        if !mended.is_empty() && level > 0 {
            more.push(Change { steps: mended.clone(), outcome: outcome.clone() });
        }
        for wanted in level + 1..=2 {
            // What asks people may be had for less than what does not.
            if more.iter().any(|change| change.steps.len() == 1 && change.outcome.level() >= wanted)
            {
                continue;
            }
            let may_ask = wanted < 2;
            let groups =
                atoms(self.playbook, self.contract, self.facts, &verdict, &self.amounts, may_ask);
            for size in 1..=STEPS_MAX {
                self.dive(&groups, size, base, &mut mended.clone(), None, wanted);
                if !self.found.is_empty() {
                    break;
                }
            }
            self.found.truncate(CHANGES_MAX);
            for change in self.found.drain(..) {
                if !more.contains(&change) {
                    more.push(change);
                }
            }
        }
        if self.left == 0 {
            let what = format!("only the first {DECISIONS_MAX} combinations of changes were tried");
            self.unknown.push(what);
        }
        if mended.is_empty() && level > 0 {
            self.less(base, level, less);
        }
    }

    /// Tries every set of `size` more things, one of each group at most.
    fn dive(
        &mut self,
        groups: &[Vec<Atom>],
        size: usize,
        altered: &Altered<'a>,
        steps: &mut Vec<Step>,
        lazy: Option<Lazy>,
        wanted: u8,
    ) {
        if size == 0 {
            self.try_it(altered, steps, lazy, wanted);
            return;
        }
        for (index, group) in groups.iter().enumerate() {
            if groups.len() - index < size || self.left == 0 {
                return;
            }
            let rest = &groups[index + 1..];
            for atom in group {
                match atom {
                    Atom::Step(step) => {
                        steps.push(step.clone());
                        self.dive(rest, size - 1, &altered.with(step), steps, lazy, wanted);
                        steps.pop();
                    }
                    // How far two things have to go together has no single answer.
                    Atom::Amount | Atom::Hours if lazy.is_some() => {}
                    Atom::Amount => {
                        self.dive(rest, size - 1, altered, steps, Some(Lazy::Amount), wanted);
                    }
                    Atom::Hours => {
                        self.dive(rest, size - 1, altered, steps, Some(Lazy::Hours), wanted);
                    }
                }
            }
        }
    }

    fn try_it(&mut self, altered: &Altered<'a>, steps: &[Step], lazy: Option<Lazy>, wanted: u8) {
        let found = match lazy {
            None => self.decided(altered, wanted).map(|outcome| (None, outcome)),
            Some(Lazy::Amount) => self.at_most(altered, wanted).map(|(s, o)| (Some(s), o)),
            Some(Lazy::Hours) => self.at_hours(altered, wanted).map(|(s, o)| (Some(s), o)),
        };
        if let Some((step, outcome)) = found {
            // How far something has to go is read first.
            let steps = step.into_iter().chain(steps.iter().cloned()).collect();
            self.found.push(Change { steps, outcome });
        }
    }

    /// The outcome, if it is as much as is wanted.
    fn decided(&mut self, altered: &Altered<'a>, wanted: u8) -> Option<Outcome> {
        self.left = self.left.checked_sub(1)?;
        let outcome = Outcome::of_verdict(&altered.verdict());
        (outcome.level() >= wanted).then_some(outcome)
    }

    /// The hours of the day, around the first one, at which it comes out as wanted.
    fn at_hours(&mut self, altered: &Altered<'a>, wanted: u8) -> Option<(Step, Outcome)> {
        let mut hours: Vec<(i8, Outcome)> = Vec::new();
        for hour in 0..24 {
            let step = Step::Hours(hour, hour);
            match self.decided(&altered.with(&step), wanted) {
                Some(outcome) => hours.push((hour, outcome)),
                None if hours.is_empty() => {}
                None => break,
            }
        }
        let ((first, outcome), (last, _)) = (hours.first()?.clone(), hours.last()?.clone());
        Some((Step::Hours(first, last), outcome))
    }

    /// The nearest changes by which it would have been allowed less.
    fn less(&mut self, base: &Altered<'a>, level: u8, less: &mut Vec<Change>) {
        if let Some((step, outcome)) = self.from(base, level) {
            less.push(Change { steps: vec![step], outcome });
        }
        for (field, allowed) in &self.contract.provenance {
            let model = belay_domain::Source::Model;
            if allowed.contains(&model) || base.input.pointer(field).is_none() {
                continue;
            }
            let step = Step::From { field: field.clone(), source: model };
            if let Some(outcome) = self.decided(&base.with(&step), 0)
                && outcome.level() < level
            {
                less.push(Change { steps: vec![step], outcome });
            }
        }
    }

    fn say_what_is_unknown(&mut self, outcome: &Outcome) {
        if let Outcome::Denied(reasons) = outcome {
            for reason in reasons.iter().filter(|reason| reason.rule == Rule::Precondition) {
                let known = &self.contract.assertions;
                if !known.iter().any(|assertion| assertion.name == reason.name) {
                    let what = format!(
                        "what would have been decided if {} had been read is not known",
                        reason.name.trim_end_matches("-exists")
                    );
                    self.unknown.push(what);
                }
            }
        }
        if let (Some((amount, _)), None) = (&self.contract.amount, AmountField::of(self.contract)) {
            let what = format!(
                "the amount is computed ({}), so which amount would have been allowed is not known",
                amount.source().trim()
            );
            self.unknown.push(what);
        }
    }
}

/// Making an input fit its schema, where what is wrong with it says how.
struct Mending<'a, 'b> {
    contract: &'a Contract,
    steps: Vec<Step>,
    unknown: &'b mut Vec<String>,
}

impl<'a> Mending<'a, '_> {
    fn mended(&mut self, mut base: Altered<'a>) -> Option<Altered<'a>> {
        while let Some((field, step)) = self.next(&base.input) {
            let again = self.steps.len() >= STEPS_MAX
                || step.as_ref().is_some_and(|s| self.steps.contains(s));
            let unknown = match step {
                Some(Step::Value { .. }) if is_read_by(self.contract, &field) => format!(
                    "records are read by {field}, and what they would have shown with another value is not known"
                ),
                Some(step) if !again => {
                    base = base.with(&step);
                    self.steps.push(step);
                    continue;
                }
                Some(_) | None => {
                    let place = if field.is_empty() { "the input" } else { &field };
                    format!(
                        "{place} does not fit the schema, and what would be decided on one that does is not known"
                    )
                }
            };
            self.unknown.push(unknown);
            return None;
        }
        Some(base)
    }

    /// The next place that does not fit, and what would make it fit, where that can be told.
    fn next(&self, input: &Value) -> Option<(String, Option<Step>)> {
        use jsonschema::error::ValidationErrorKind as Kind;
        let error = self.contract.input.iter_errors(input).next()?;
        let field = error.instance_path().to_string();
        let step = match error.kind() {
            Kind::Enum { options } => {
                let first = options.as_array().and_then(|options| options.first()).cloned();
                first.map(|value| Step::Value { field: field.clone(), value })
            }
            Kind::Maximum { limit } | Kind::Minimum { limit } => {
                Some(Step::Value { field: field.clone(), value: limit.clone() })
            }
            Kind::AdditionalProperties { unexpected } => unexpected
                .first()
                .map(|name| Step::Without { field: crate::json::child(&field, name) }),
            _ => None,
        };
        Some((field, step))
    }
}

/// Whether what is read before the decision depends on this part of the input.
pub(super) fn is_read_by(contract: &Contract, field: &str) -> bool {
    let wanted: Vec<&str> = field.split('/').skip(1).collect();
    let reads = contract.reads.iter().flat_map(|read| {
        let headers = read.headers.iter().flat_map(|(_, template)| template.expressions());
        read.path.expressions().chain(headers).chain(&read.for_each)
    });
    reads.flat_map(|expression| expression.references().paths).any(|path| {
        path.first().is_some_and(|first| first == "input")
            && path.iter().skip(1).zip(&wanted).all(|(used, changed)| used == changed)
    })
}

/// Every whole number in what was read: amounts stand in relation to them.
pub(super) fn numbers_in(value: &Value, found: &mut std::collections::BTreeSet<i64>) {
    match value {
        Value::Number(number) => found.extend(number.as_i64()),
        Value::Array(items) => items.iter().for_each(|item| numbers_in(item, found)),
        Value::Object(members) => members.values().for_each(|member| numbers_in(member, found)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
