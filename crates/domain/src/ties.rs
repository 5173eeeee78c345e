//! The ties of a case to others: which cases are the same matter, which one it is to be merged into, and what it took
//! over from cases that were merged into it.
//!
//! A merge touches two cases, and a case is the unit of consistency. So it is taken in steps, each durable before the next,
//! and each of which leaves both cases covered as they were:
//!
//! 1. the one that is to go says so (`MergeProposed`) and stays as open as it was;
//! 2. the one that stays takes over every report of the other (`CaseAbsorbed`), and nothing but reports: who holds it, and
//!    how that is known, does not change, so a merge never makes a case look better covered than its own evidence says;
//! 3. whoever holds it, or has its ticket in front of them, is shown to know of the new reports (`AbsorptionTold`);
//! 4. only then is the first one over (`CaseMerged`), if it has had no other report meanwhile and nothing has begun on it.
//!
//! Where it stops in between, for example because the one that stays is resolved, the other goes on by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    Case, CaseId, Correlation, Digest, Escalation, Owner, PlanStage, Severity, Stage, Status,
    Timestamp,
};

/// What ties a case to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ties {
    /// The open cases that are the same matter, as far as is known.
    pub same: BTreeSet<CaseId>,
    /// The cases of which a person said that they are another matter.
    pub apart: BTreeSet<CaseId>,
    /// The case that this one is to be merged into. Until then it is as open as any.
    pub into: Option<CaseId>,
    /// What it took over, by the case that it came from.
    pub absorbed: BTreeMap<CaseId, Absorbed>,
    /// Whether new reports with its fingerprint come to this case.
    pub claimed: bool,
    /// How many entries of the context the agent that holds the case has shown to have.
    pub seen: usize,
}

/// What was reported to a case, told apart from what it says at any other moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// How many reports there were.
    pub contacts: usize,
    /// How many entries its context had.
    pub entries: usize,
    /// The digest over them.
    pub context: Digest,
    /// How much the matter mattered.
    pub severity: Severity,
}

/// What a case took over from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absorbed {
    /// What had been reported to the other by then.
    pub reported: Reported,
    /// When it was last taken over.
    pub at: Timestamp,
    /// How many entries the own context had after it.
    pub place: usize,
    /// The fingerprint that came with it.
    pub fingerprint: Option<Digest>,
    /// The steps on whose tickets it was noted.
    pub noted: BTreeSet<Correlation>,
    /// Whether everybody who has to know of it does.
    pub told: bool,
}

/// A ticket on which the people of a case have to read that more was reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Untold<'a> {
    pub(crate) from: &'a CaseId,
    pub(crate) escalation: &'a Escalation,
    pub(crate) place: usize,
}

impl Case {
    /// What was reported to it so far.
    #[must_use]
    pub fn reported(&self) -> Reported {
        Reported {
            contacts: self.contacts.len(),
            entries: self.context.entries().len(),
            context: self.context.digest(),
            severity: self.terms.as_ref().map_or(Severity::Normal, |terms| terms.severity),
        }
    }

    /// What keeps this case from being merged into another, for people; none if nothing does.
    #[must_use]
    pub fn stands(&self) -> Option<String> {
        let id = &self.id;
        if let Owner::Queue { person, .. } = &self.owner {
            return Some(format!("{person} holds {id}"));
        }
        if let Some(offer) = &self.offer {
            return Some(format!("{id} is offered to {}", offer.to));
        }
        if let Some(action) = self.actions.values().find(|action| !action.is_settled()) {
            return Some(format!("{} is {}", action.id, action.stage_name()));
        }
        let over = |stage: &PlanStage| matches!(stage, PlanStage::Verified | PlanStage::Undone);
        let unfinished = self.plans.values().find(|plan| !over(&plan.stage));
        if let Some(plan) = unfinished {
            return Some(format!("the plan {} of {id} is not over", plan.id));
        }
        for escalation in self.escalations.values().filter(|found| found.is_open()) {
            if escalation.is_for_people_only() {
                return Some(format!("{} is for people only", escalation.id));
            }
            if let Stage::Acknowledged { by, .. } = &escalation.stage {
                return Some(format!("{by} has taken the ticket of {}", escalation.id));
            }
        }
        let taken = self.ties.absorbed.keys().next();
        taken.map(|other| format!("{id} took over what was reported to {other}"))
    }

    /// Whether somebody else than the supervisor owns it.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self.owner, Owner::Agent { .. } | Owner::Queue { .. })
    }

    /// Whether everybody who has to know what was taken over from a case does. Nobody has to where nobody holds the case
    /// and no ticket is out: whoever takes it then gets all of it.
    pub(crate) fn knows_of(&self, absorbed: &Absorbed) -> bool {
        let agent = matches!(self.owner, Owner::Agent { .. });
        let shown = !agent || self.ties.seen >= absorbed.place;
        shown && self.unaware(absorbed).next().is_none()
    }

    /// The open requests to take the case that were placed before this came, and whose tickets do not say so yet.
    fn unaware<'a>(&'a self, absorbed: &'a Absorbed) -> impl Iterator<Item = &'a Escalation> {
        self.escalations.values().map(AsRef::as_ref).filter(|found| {
            found.is_open()
                && found.is_takeover()
                && found.ticket().is_some()
                && found.step.since <= absorbed.at
                && !absorbed.noted.contains(&found.step.correlation)
        })
    }

    /// Every ticket that has to say what was taken over and does not.
    pub(crate) fn untold(&self) -> impl Iterator<Item = Untold<'_>> {
        let open = self.ties.absorbed.iter().filter(|(_, absorbed)| !absorbed.told);
        open.flat_map(|(from, absorbed)| {
            let place = absorbed.place;
            self.unaware(absorbed).map(move |escalation| Untold { from, escalation, place })
        })
    }

    /// Every fingerprint whose reports come to this case.
    pub fn fingerprints(&self) -> impl Iterator<Item = Digest> {
        let taken = self.ties.absorbed.values().filter_map(|absorbed| absorbed.fingerprint);
        let all: BTreeSet<Digest> = self.fingerprint.into_iter().chain(taken).collect();
        all.into_iter()
    }

    /// The case that this one was merged into, if it was.
    #[must_use]
    pub fn merged_into(&self) -> Option<&CaseId> {
        match &self.status {
            Status::Merged { into, .. } => Some(into),
            Status::Unopened | Status::Open | Status::Resolved { .. } => None,
        }
    }
}
