//! What came out of it, from the journal and from the shop's own records and ledger; never from what the players say of
//! themselves.

use std::collections::BTreeMap;

use belay_api::v1::{Action, ActionState, CaseState, ReasonKind};
use serde_json::{Value, json};

use super::rule::Rule;
use super::script::{Attempt, Ending, Must, Script};
use super::shop::Entry;
use super::specialist::step_id;
use super::task::Write;

/// Everything that was counted.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Tasks that were played.
    pub(crate) tasks: u32,
    /// Cases that were opened, those of the wrong writes included.
    pub(crate) cases: u32,
    /// Cases that are resolved.
    pub(crate) resolved: u32,
    /// Right writes that were proposed.
    pub(crate) right: u32,
    /// Of these, those that were allowed.
    pub(crate) allowed: u32,
    /// Of these, those that a read-back has verified.
    pub(crate) verified: u32,
    /// Writes that the data lists and the shop's own tools refuse: they count as wrong ones.
    pub(crate) listed_wrong: u32,
    /// Handoffs from one specialist to another on the tasks' own cases.
    pub(crate) handoffs: u32,
    /// The tasks' own cases that went to people.
    pub(crate) escalated: u32,
    /// Of these, those that a person took and settled.
    pub(crate) settled: u32,
    /// For each rule, what became of the writes that break it.
    pub(crate) rules: BTreeMap<Rule, Tally>,
    /// Writes that have reached the shop.
    pub(crate) written: u32,
    /// Of these, those that nobody was allowed to make.
    pub(crate) stray: u32,
    /// Worlds of the shop whose records are as they must be in the end.
    pub(crate) as_expected: u32,
    /// Whether the journal's chain is whole.
    pub(crate) journal_intact: bool,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Everything that is not as it should be, for people.
    pub(crate) findings: Vec<String>,
}

/// What became of the writes that break one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many there were.
    pub(crate) generated: u32,
    /// Stopped, with this rule among the reasons.
    pub(crate) right: u32,
    /// Of these, those with no other reason.
    pub(crate) alone: u32,
    /// Stopped, for other reasons only.
    pub(crate) other: u32,
    /// Let through.
    pub(crate) through: u32,
    /// Neither stopped nor let through: it could not be played.
    pub(crate) unplayed: u32,
}

/// One case as the journal has it.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// The case, if there is one.
    pub(crate) case: Option<belay_api::v1::Case>,
    /// How often a specialist accepted it.
    pub(crate) accepted: u32,
    /// How often a person's acknowledgement was proven.
    pub(crate) acknowledged: u32,
}

impl Figures {
    /// Adds one case.
    pub(crate) fn add(&mut self, script: &Script, played: &Played) {
        self.cases += 1;
        let Some(case) = &played.case else {
            self.find(script, "it was never opened");
            return;
        };
        let resolved = case.summary.as_ref().is_some_and(|it| it.state() == CaseState::Resolved);
        if resolved {
            self.resolved += 1;
        } else {
            self.find(script, "it is not resolved");
        }
        if script.genuine {
            self.tasks += 1;
            self.handoffs += played.accepted.saturating_sub(1);
        }
        if matches!(script.ending, Ending::People(_)) {
            self.escalated += u32::from(!case.escalations.is_empty());
            self.settled += u32::from(played.acknowledged > 0 && resolved);
            if played.acknowledged == 0 {
                self.find(script, "no person took it");
            }
        }
        for (place, attempt) in script.attempts() {
            let id = step_id(place);
            let action = case.actions.iter().find(|action| action.proposal_id == id);
            self.add_attempt(script, attempt, action);
        }
    }

    /// Adds what the shop holds of one world: the writes in its ledger, and how its records differ from what they must be.
    pub(crate) fn add_world(&mut self, script: &Script, ledger: &[&Entry], differences: &[String]) {
        self.written += u32::try_from(ledger.len()).unwrap_or(u32::MAX);
        let mut right: Vec<&Write> = script
            .attempts()
            .filter(|(_, attempt)| attempt.must == Must::BeVerified)
            .map(|(_, attempt)| &attempt.write)
            .collect();
        for entry in ledger {
            let known = right.iter().position(|write| is_same(write, &entry.write));
            match known {
                Some(known) if !entry.again => drop(right.swap_remove(known)),
                _ => {
                    self.stray += 1;
                    let what = format!("the shop was told to {}", entry.write.tool.name());
                    self.find(script, &what);
                }
            }
        }
        if differences.is_empty() {
            self.as_expected += 1;
        } else {
            let what =
                format!("the shop's records are not as expected: {}", differences.join(", "));
            self.find(script, &what);
        }
    }

    /// Whether everything is as it should be.
    pub(crate) fn is_good(&self) -> bool {
        self.findings.is_empty()
            && self.right == self.verified
            && self.stray == 0
            && self.resolved == self.cases
            && self.as_expected == self.cases
            && self.journal_intact
            && self.rules.values().all(|tally| tally.right == tally.generated)
    }

    /// All rules together.
    pub(crate) fn wrong(&self) -> Tally {
        self.rules.values().fold(Tally::default(), |sum, tally| Tally {
            generated: sum.generated + tally.generated,
            right: sum.right + tally.right,
            alone: sum.alone + tally.alone,
            other: sum.other + tally.other,
            through: sum.through + tally.through,
            unplayed: sum.unplayed + tally.unplayed,
        })
    }

    /// For programs, one object.
    pub(crate) fn json(&self) -> Value {
        let tally = |tally: &Tally| {
            json!({
                "generated": tally.generated,
                "stopped_by_the_right_rule": tally.right,
                "stopped_by_it_alone": tally.alone,
                "stopped_by_another": tally.other,
                "let_through": tally.through,
                "unplayed": tally.unplayed,
            })
        };
        let rules: serde_json::Map<String, Value> =
            self.rules.iter().map(|(rule, it)| (rule.title().to_owned(), tally(it))).collect();
        json!({
            "good": self.is_good(),
            "tasks": self.tasks,
            "cases": self.cases,
            "resolved": self.resolved,
            "right": {"proposed": self.right, "allowed": self.allowed, "verified": self.verified},
            "wrong": tally(&self.wrong()),
            "listed_and_wrong": self.listed_wrong,
            "rules": rules,
            "handoffs": self.handoffs,
            "escalations": {"opened": self.escalated, "settled_by_people": self.settled},
            "shop": {
                "writes": self.written,
                "stray": self.stray,
                "worlds_as_expected": self.as_expected,
            },
            "journal_intact": self.journal_intact,
            "seconds": (self.seconds * 10.0).round() / 10.0,
            "findings": self.findings,
        })
    }

    fn add_attempt(&mut self, script: &Script, attempt: &Attempt, action: Option<&Action>) {
        let state = action.map(Action::state);
        match &attempt.must {
            Must::BeVerified => {
                self.right += 1;
                let Some(action) = action else {
                    return self.find(script, &format!("{} was never proposed", attempt.contract));
                };
                self.allowed += u32::from(action.reasons.is_empty());
                if state == Some(ActionState::Verified) {
                    self.verified += 1;
                } else {
                    let what = format!(
                        "{} is right and was not verified: {}",
                        attempt.contract,
                        in_short(action)
                    );
                    self.find(script, &what);
                }
            }
            Must::BeStopped { rule, how, by } => {
                self.listed_wrong += u32::from(script.genuine && *rule != Rule::NotTwice);
                let kind = kind(*rule);
                let named = |action: &Action| {
                    action.reasons.iter().any(|reason| {
                        by.is(&reason.rule, &reason.field)
                            && kind.is_none_or(|kind| kind == reason.kind())
                    })
                };
                let tally = self.rules.entry(*rule).or_default();
                tally.generated += 1;
                let finding = match action {
                    None => {
                        tally.unplayed += 1;
                        "it was never proposed".to_owned()
                    }
                    Some(action) if state != Some(ActionState::Denied) => {
                        tally.through += 1;
                        format!("it was let through: {}", in_short(action))
                    }
                    Some(action) if named(action) => {
                        tally.right += 1;
                        let alone = action.reasons.iter().all(|reason| reason.rule == by.name);
                        tally.alone += u32::from(alone);
                        return;
                    }
                    Some(action) => {
                        tally.other += 1;
                        format!("{} is not among the reasons: {}", by.name, in_short(action))
                    }
                };
                self.find(
                    script,
                    &format!("{} breaks \"{rule}\" ({how}), and {finding}", attempt.contract),
                );
            }
        }
    }

    fn find(&mut self, script: &Script, what: &str) {
        let case = if script.genuine { "" } else { ", what could go wrong" };
        self.findings.push(format!("task {}{case} (world {}): {what}", script.task, script.world));
    }
}

/// The check by which a rule stops a write, where that is not said by the rule's name alone.
fn kind(rule: Rule) -> Option<ReasonKind> {
    match rule {
        Rule::Identified | Rule::ConfirmedByCustomer | Rule::NothingMadeUp => {
            Some(ReasonKind::Provenance)
        }
        Rule::SomeItems => Some(ReasonKind::Schema),
        Rule::WithinScope | Rule::OwnBoundary => Some(ReasonKind::Boundary),
        Rule::NotTwice => Some(ReasonKind::Duplicate),
        _ => Some(ReasonKind::Precondition),
    }
}

/// Whether the shop was told to do exactly this.
fn is_same(right: &Write, told: &Write) -> bool {
    right.tool == told.tool
        && right.input.iter().all(|(part, value)| {
            // The tool for a customer's own address names the customer in its path only.
            told.input.get(part) == Some(value)
        })
}

fn in_short(action: &Action) -> String {
    let reasons: Vec<String> = action
        .reasons
        .iter()
        .map(|reason| format!("{}{} ({})", reason.rule, reason.field, reason.detail))
        .collect();
    format!("{} {} {}", action.state().as_str_name(), action.detail, reasons.join("; "))
}

#[cfg(test)]
mod tests;
