//! What people change on a ticket that is waited for. It stays as they want it, because a field has one writer; each
//! change is kept once.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Belief, Believed, OurTicket};
use crate::{CaseId, Correlation, TicketId};

/// The most of a text that is held against another one, in characters. Nobody needs more to see what was changed.
const TEXT_MAX: usize = 200;

/// What can be changed on a ticket by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drifted {
    /// The correlation id that we wrote on it.
    Mark,
    /// The case id that we wrote on it.
    CaseMark,
    /// The queue it is in.
    Queue,
    /// Its subject.
    Subject,
    /// How urgent it is.
    Priority,
}

/// A field of the current step's ticket that was found changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which.
    pub field: Drifted,
    /// What it was before anybody changed it.
    pub was: String,
    /// What it was last seen to be.
    pub now: String,
    /// How often it was found changed.
    pub times: u32,
}

/// What was first seen of fields that only people write once a ticket is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Face {
    /// Its subject.
    pub subject: Option<String>,
    /// How urgent it was.
    pub priority: Option<String>,
}

/// A field that is not as its case knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The case.
    pub case: CaseId,
    /// The step.
    pub correlation: Correlation,
    /// The ticket.
    pub ticket: TicketId,
    /// Which field.
    pub field: Drifted,
    /// What it was before anybody changed it.
    pub was: String,
    /// What it is now.
    pub now: String,
}

/// A field as it should be and as it is shown.
pub(super) struct Compared {
    pub(super) field: Drifted,
    pub(super) was: String,
    pub(super) now: String,
}

/// What has changed on tickets that are waited for since their cases last heard of it, also what was changed back.
/// `first` is what was first seen of a ticket; what a case knows to have been before goes before that.
#[must_use]
pub fn changed(
    believed: &[Believed],
    shown: &[OurTicket],
    first: &dyn Fn(&TicketId) -> Option<Face>,
) -> Vec<Changed> {
    let awaited = believed.iter().filter(|one| one.belief <= Belief::Seen);
    let awaited: BTreeMap<_, _> =
        awaited.filter_map(|one| Some(((&one.correlation, one.ticket.as_ref()?), one))).collect();
    let mut found = Vec::new();
    for ticket in shown {
        let key = (&ticket.correlation, &ticket.ticket);
        let Some(current) = awaited.get(&key).copied() else { continue };
        let fields = compared(current, ticket, first(&ticket.ticket).as_ref());
        let news = fields.into_iter().filter(|one| {
            let known = current.drifted.iter().find(|known| known.field == one.field);
            known.map_or(&one.was, |known| &known.now) != &one.now
        });
        found.extend(news.map(|one| Changed {
            case: current.case.clone(),
            correlation: ticket.correlation.clone(),
            ticket: ticket.ticket.clone(),
            field: one.field,
            was: one.was,
            now: one.now,
        }));
    }
    found
}

/// Every field of which a list tells, as it should be and as it is.
pub(super) fn compared(
    believed: &Believed,
    shown: &OurTicket,
    first: Option<&Face>,
) -> Vec<Compared> {
    let mut all = Vec::new();
    let mut compare = |field, was: &str, now: &str| {
        all.push(Compared { field, was: brief(was), now: brief(now) });
    };
    let case = shown.case.as_ref().map_or("none", |case| case.as_str());
    compare(Drifted::CaseMark, believed.case.as_str(), case);
    if let Some(queue) = &shown.queue {
        compare(Drifted::Queue, believed.queue.queue.as_str(), queue.as_str());
    }
    let seen = first.cloned().unwrap_or_default();
    for (field, seen, now) in [
        (Drifted::Subject, &seen.subject, &shown.subject),
        (Drifted::Priority, &seen.priority, &shown.priority),
    ] {
        let known = believed.drifted.iter().find(|known| known.field == field);
        let was = known.map(|known| &known.was).or(seen.as_ref());
        if let (Some(was), Some(now)) = (was, now) {
            compare(field, was, now);
        }
    }
    all
}

/// As much of a text as is kept.
pub(crate) fn brief(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

impl fmt::Display for Drifted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mark => "our mark",
            Self::CaseMark => "the case",
            Self::Queue => "the queue",
            Self::Subject => "the subject",
            Self::Priority => "the priority",
        })
    }
}
