//! How much it may be: the amount at which a decision turns, found by deciding on both sides of it.

use std::collections::BTreeSet;

use belay_domain::{Money, Verdict};

use super::{Search, is_read_by, numbers_in};
use crate::Playbook;
use crate::contract::Contract;
use crate::explain::altered::{Altered, AmountField, is_of};
use crate::explain::{Outcome, Step};
use crate::facts::{Answer, ProposalFacts};

/// Above this nobody counts in minor units.
const LARGEST: i64 = 1_000_000_000_000_000;

/// What is known of the amount of a proposal.
pub(super) struct Amounts {
    now: Money,
    /// Where the answer may turn: what stands in policies and limits, what is left of them, and what was read.
    turns: BTreeSet<i64>,
}

impl Amounts {
    /// Nothing, where there is none, or it cannot be changed alone.
    pub(super) fn of(
        playbook: &Playbook,
        contract: &Contract,
        facts: &ProposalFacts<'_>,
        verdict: &Verdict,
    ) -> Option<Self> {
        let field = AmountField::of(contract)?;
        if is_read_by(contract, &format!("/{}", field.path.join("/"))) {
            return None;
        }
        let now = verdict.terms.as_ref()?.amount?;
        let mut numbers = playbook.policies.numbers();
        numbers.extend(contract.per_action.map(|most| most.minor));
        let boundary = playbook.boundary(facts.agent);
        numbers.extend(boundary.and_then(|boundary| boundary.max_amount).map(|most| most.minor));
        for limit in &contract.cumulative {
            let Some(most) = limit.amount else { continue };
            let used = facts.usage.iter().filter(|(key, _)| is_of(key, &limit.name));
            numbers.extend(used.map(|(_, used)| most.minor.saturating_sub(used.minor)));
        }
        for answer in facts.reads.0.values().flat_map(|elements| elements.values()) {
            if let Answer::Found(record) = answer {
                numbers_in(record, &mut numbers);
            }
        }
        let around = |number: i64| [number.saturating_sub(1), number, number.saturating_add(1)];
        let mut turns: BTreeSet<i64> = numbers.into_iter().flat_map(around).collect();
        turns.insert(1);
        Some(Self { now, turns })
    }

    fn money(&self, minor: i64) -> Money {
        Money { minor, currency: self.now.currency }
    }
}

impl<'a> Search<'a> {
    /// The largest smaller amount with which it comes out as wanted.
    pub(super) fn at_most(&mut self, altered: &Altered<'a>, wanted: u8) -> Option<(Step, Outcome)> {
        let amounts = self.amounts.take()?;
        let found = self.largest(&amounts, altered, wanted);
        self.amounts = Some(amounts);
        found
    }

    fn largest(
        &mut self,
        amounts: &Amounts,
        altered: &Altered<'a>,
        wanted: u8,
    ) -> Option<(Step, Outcome)> {
        let mut bad = amounts.now.minor;
        let mut good = None;
        for &turn in amounts.turns.range(1..amounts.now.minor.max(1)).rev() {
            if let Some(outcome) = self.with_amount(altered, amounts.money(turn), wanted) {
                good = Some((turn, outcome));
                break;
            }
            bad = turn;
        }
        let (mut good, mut outcome) = good?;
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            match self.with_amount(altered, amounts.money(middle), wanted) {
                Some(better) => (good, outcome) = (middle, better),
                None => bad = middle,
            }
        }
        Some((Step::AmountAtMost(amounts.money(good)), outcome))
    }

    /// The smallest larger amount with which it comes out as less than it is.
    pub(super) fn from(&mut self, base: &Altered<'a>, level: u8) -> Option<(Step, Outcome)> {
        let amounts = self.amounts.take()?;
        let found = self.smallest(&amounts, base, level);
        self.amounts = Some(amounts);
        found
    }

    fn smallest(
        &mut self,
        amounts: &Amounts,
        base: &Altered<'a>,
        level: u8,
    ) -> Option<(Step, Outcome)> {
        let mut good = amounts.now.minor;
        let mut bad = None;
        for &turn in amounts.turns.range(good.saturating_add(1)..).chain([&LARGEST]) {
            if self.left == 0 {
                return None;
            }
            if self.with_amount(base, amounts.money(turn), level).is_none() {
                bad = Some(turn);
                break;
            }
            good = turn;
        }
        let mut bad = bad?;
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            match self.with_amount(base, amounts.money(middle), level) {
                Some(_) => good = middle,
                None => bad = middle,
            }
        }
        let step = Step::AmountFrom(amounts.money(bad));
        let outcome = self.decided(&base.with(&step), 0)?;
        Some((step, outcome))
    }

    /// The outcome with this amount, if it is as much as is wanted and the amount really is this one.
    fn with_amount(&mut self, altered: &Altered<'a>, amount: Money, wanted: u8) -> Option<Outcome> {
        self.left = self.left.checked_sub(1)?;
        let verdict = altered.with(&Step::AmountAtMost(amount)).verdict();
        let outcome = Outcome::of(&verdict.ruling);
        let is_this = verdict.terms.is_some_and(|terms| terms.amount == Some(amount));
        (is_this && outcome.level() >= wanted).then_some(outcome)
    }
}
