//! Counting what became of the actions of each contract, from the journal's events in their order.
//!
//! Counts are kept by the hour. Of single actions only those are remembered that nothing final is known of.

use std::collections::{BTreeMap, HashMap};

use belay_domain::{
    ActionId, CaseId, ContractId, Decision, Event, EventKind, ReadBack, Span, Timestamp,
};
use belay_journal::StoredEvent;
use belay_playbook::Figures;

use super::demotions::{Demotion, KIND};
use crate::engine::decode;

/// The kinds of events that say something about contracts. All others are passed over unread.
const TELLING: &[&str] = &[
    "action_proposed",
    "action_assessed",
    "action_denied",
    "action_shadowed",
    "action_compared",
    "approval_ended",
    "action_dispatched",
    "action_unresolved",
    "action_failed",
    "action_verified",
    "action_diverged",
    "action_withdrawn",
    "case_resolved",
];

/// How many hours counts are kept: as far as bounds may look back.
const HOURS_MAX: i64 = 24 * 367;

/// Everything that was counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) position: u64,
    figures: BTreeMap<ContractId, BTreeMap<i64, Figures>>,
    flights: HashMap<ActionId, Flight>,
    /// What was not written and has not been looked for, by case.
    shadowed: HashMap<String, Vec<Shadowed>>,
    demotions: BTreeMap<ContractId, Vec<Demotion>>,
}

/// An action of which nothing final is known.
#[derive(Debug)]
struct Flight {
    contract: ContractId,
    proposed_at: Timestamp,
    /// How long its effect may take to show.
    settle_within: Span,
    /// The hour in which people were told that its outcome cannot be found out.
    told: Option<i64>,
}

/// An action that was not written.
#[derive(Clone, Debug)]
pub(super) struct Shadowed {
    pub(super) action: ActionId,
    pub(super) contract: ContractId,
    /// When it was decided on.
    pub(super) at: Timestamp,
    /// When its case was resolved and whatever people did had time to show.
    pub(super) over_at: Option<Timestamp>,
    settle_within: Span,
    proposed_at: Timestamp,
}

impl Tally {
    /// Counts one event.
    pub(super) fn hear(&mut self, stored: &StoredEvent) {
        self.position = stored.position;
        let opens = stored.kind == "case_opened" && is_about(&stored.body, KIND);
        if !opens && !TELLING.contains(&stored.kind.as_str()) {
            return;
        }
        // What a newer Belay wrote is not counted by this one.
        let (Ok(event), Ok(case)) = (decode(stored), stored.case.parse::<CaseId>()) else { return };
        self.count(&case, &event);
    }

    /// What is known of a contract within a window that ends now, on the hour.
    pub(super) fn figures_within(
        &self,
        contract: &ContractId,
        window: Span,
        now: Timestamp,
    ) -> Figures {
        let since = now.saturating_sub(window).unwrap_or(Timestamp::MIN);
        let mut sum = Figures::default();
        for (_, figures) in
            self.figures.get(contract).into_iter().flat_map(|hours| hours.range(hour(since)..))
        {
            sum += *figures;
        }
        sum
    }

    /// All contracts that were ever proposed.
    pub(super) fn contracts(&self) -> impl Iterator<Item = &ContractId> {
        self.figures.keys()
    }

    /// All demotions.
    pub(super) fn demotions(&self) -> impl Iterator<Item = &Demotion> {
        self.demotions.values().flatten()
    }

    /// What was not written and has not been looked for, with its case.
    pub(super) fn shadowed(&self) -> impl Iterator<Item = (&str, &Shadowed)> {
        self.shadowed.iter().flat_map(|(case, all)| all.iter().map(move |one| (case.as_str(), one)))
    }

    fn count(&mut self, case: &CaseId, event: &Event) {
        let at = event.at;
        match &event.kind {
            EventKind::CaseOpened { .. } => {
                if let Some(demotion) = Demotion::of(case, event) {
                    // Whatever comes now is another story.
                    self.figures.remove(&demotion.contract);
                    self.demotions.entry(demotion.contract.clone()).or_default().push(demotion);
                }
            }
            EventKind::ActionProposed { action, contract, .. } => {
                let (contract, told) = (contract.clone(), None);
                let flight = Flight { contract, proposed_at: at, settle_within: Span::ZERO, told };
                self.flights.insert(action.clone(), flight);
            }
            EventKind::ActionAssessed { action, verdict } => {
                if let (Some(flight), Some(terms)) =
                    (self.flights.get_mut(action), verdict.terms.as_ref())
                {
                    flight.settle_within = terms.settle_within;
                }
                self.add(action, at, |figures| figures.decided += 1);
            }
            EventKind::ActionDenied { action, .. } => {
                self.end(action, at, |figures| figures.denied += 1);
            }
            EventKind::ActionShadowed { action } => {
                self.add(action, at, |figures| figures.shadowed += 1);
                if let Some(flight) = self.flights.remove(action) {
                    let Flight { contract, proposed_at, settle_within, .. } = flight;
                    let action = action.clone();
                    let over_at = None;
                    let one =
                        Shadowed { action, contract, at, over_at, settle_within, proposed_at };
                    self.shadowed.entry(case.to_string()).or_default().push(one);
                }
            }
            EventKind::ActionCompared { action, before, shown } => {
                self.compared(case, action, at, *before, shown);
            }
            EventKind::ApprovalEnded { action, decision, by, .. } => match (decision, by) {
                (Decision::Approved, _) => self.add(action, at, |figures| figures.asked += 1),
                (Decision::Rejected, Some(_)) => self.end(action, at, |figures| {
                    figures.asked += 1;
                    figures.overridden += 1;
                }),
                (Decision::Amended, _) => self.add(action, at, |figures| {
                    figures.asked += 1;
                    figures.overridden += 1;
                }),
                _ => {}
            },
            EventKind::ActionDispatched { action, attempt: 1, .. } => {
                self.add(action, at, |figures| figures.sent += 1);
            }
            EventKind::ActionUnresolved { action, .. }
                if self.flights.get(action).is_some_and(|flight| flight.told.is_none()) =>
            {
                self.add(action, at, |figures| figures.unresolved += 1);
                if let Some(flight) = self.flights.get_mut(action) {
                    flight.told = Some(hour(at));
                }
            }
            EventKind::ActionFailed { action, .. } => {
                self.end(action, at, |figures| figures.failed += 1);
            }
            EventKind::ActionVerified { action, .. } => {
                self.end(action, at, |figures| figures.verified += 1);
            }
            EventKind::ActionDiverged { action, .. } => {
                self.end(action, at, |figures| figures.diverged += 1);
            }
            EventKind::ActionWithdrawn { action, .. } => self.end(action, at, |_| {}),
            EventKind::CaseResolved { .. } => {
                for one in self.shadowed.get_mut(case.as_str()).into_iter().flatten() {
                    one.over_at.get_or_insert(belay_domain::after(at, one.settle_within));
                }
            }
            _ => {}
        }
    }

    fn compared(
        &mut self,
        case: &CaseId,
        action: &ActionId,
        at: Timestamp,
        before: Option<bool>,
        shown: &ReadBack,
    ) {
        let Some(all) = self.shadowed.get_mut(case.as_str()) else { return };
        let Some(place) = all.iter().position(|one| one.action == *action) else { return };
        let one = all.swap_remove(place);
        if all.is_empty() {
            self.shadowed.remove(case.as_str());
        }
        self.record(&one.contract, one.proposed_at, at, |figures| match (shown, before) {
            (ReadBack::NotApplied, _) => figures.absent += 1,
            (ReadBack::Applied { .. }, Some(false)) => figures.agreed += 1,
            (ReadBack::Different { .. }, Some(false)) => figures.differed += 1,
            // It stood there before, or nobody knows whether it did, or nobody knows what stands there.
            _ => figures.untold += 1,
        });
    }

    /// Counts something about an action.
    fn add(&mut self, action: &ActionId, at: Timestamp, change: impl FnOnce(&mut Figures)) {
        let Some(flight) = self.flights.get(action) else { return };
        let (contract, proposed_at) = (flight.contract.clone(), flight.proposed_at);
        self.record(&contract, proposed_at, at, change);
    }

    /// Counts the last thing about an action.
    fn end(&mut self, action: &ActionId, at: Timestamp, change: impl FnOnce(&mut Figures)) {
        let Some(flight) = self.flights.remove(action) else { return };
        self.record(&flight.contract, flight.proposed_at, at, change);
        // It has been found out after all.
        if let Some(told) = flight.told
            && let Some(figures) =
                self.figures.get_mut(&flight.contract).and_then(|hours| hours.get_mut(&told))
        {
            figures.unresolved = figures.unresolved.saturating_sub(1);
        }
    }

    /// What was proposed before a demotion has been judged by it, and is not held against the contract again.
    fn record(
        &mut self,
        contract: &ContractId,
        proposed_at: Timestamp,
        at: Timestamp,
        change: impl FnOnce(&mut Figures),
    ) {
        let demoted = self.demotions.get(contract).and_then(|all| all.last());
        if demoted.is_some_and(|demotion| proposed_at <= demotion.at) {
            return;
        }
        let hours = self.figures.entry(contract.clone()).or_default();
        change(hours.entry(hour(at)).or_default());
        while hours.first_key_value().is_some_and(|(first, _)| *first < hour(at) - HOURS_MAX) {
            hours.pop_first();
        }
    }
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3_600)
}

/// Whether a stored event mentions something. Cheaper than reading it.
fn is_about(body: &[u8], word: &str) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| text.contains(word))
}

#[cfg(test)]
mod tests;
