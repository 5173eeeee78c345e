//! Folds what happens between two cases that are the same matter into one of them.

use crate::ties::Absorbed;
use crate::{Case, EventKind, Status, Timestamp};

pub(super) fn apply(case: &mut Case, kind: &EventKind, at: Timestamp) {
    match kind {
        EventKind::MatterRecognised { fingerprint } => {
            case.fingerprint = Some(*fingerprint);
            case.ties.claimed = true;
        }
        EventKind::MatterShared { with, fingerprint, .. } => {
            case.ties.same.insert(with.clone());
            case.ties.apart.remove(with);
            if case.fingerprint.is_none() {
                case.fingerprint = *fingerprint;
            }
        }
        EventKind::MatterParted { with, .. } => {
            case.ties.same.remove(with);
            // The other may have had the reports of this matter; whether they come here is found out again.
            case.ties.claimed = false;
        }
        EventKind::MatterToldApart { from, .. } => {
            case.ties.same.remove(from);
            case.ties.apart.insert(from.clone());
            if !case.ties.claimed {
                case.fingerprint = None;
            }
        }
        EventKind::MergeProposed { into } => case.ties.into = Some(into.clone()),
        EventKind::MergeEnded { .. } => case.ties.into = None,
        EventKind::CaseAbsorbed { from, reported, contacts, fingerprint, uncovered_since } => {
            case.contacts.extend(contacts.iter().cloned());
            let before = case.ties.absorbed.get(from).and_then(|known| known.fingerprint);
            let absorbed = Absorbed {
                reported: reported.clone(),
                at,
                place: case.context.entries().len(),
                fingerprint: fingerprint.or(before),
                noted: Default::default(),
                told: false,
            };
            case.ties.absorbed.insert(from.clone(), absorbed);
            if case.fingerprint.is_none() {
                case.fingerprint = *fingerprint;
            }
            if fingerprint.is_some() && case.fingerprint == *fingerprint {
                case.ties.claimed = true;
            }
            // Nobody has had the matter since the first of the two was let go.
            if let (Some(own), Some(others)) = (&mut case.uncovered_since, uncovered_since) {
                *own = (*own).min(*others);
            }
        }
        EventKind::MergeNoted { from, correlation } => {
            if let Some(absorbed) = case.ties.absorbed.get_mut(from) {
                absorbed.noted.insert(correlation.clone());
            }
        }
        EventKind::ContextSeen { entries, .. } => case.ties.seen = *entries,
        EventKind::AbsorptionTold { from } => {
            if let Some(absorbed) = case.ties.absorbed.get_mut(from) {
                absorbed.told = true;
            }
        }
        EventKind::CaseMerged { into, .. } => {
            case.status = Status::Merged { at, into: into.clone() };
            case.routing = None;
            case.offer = None;
            case.alarm = None;
            case.uncovered_since = None;
            case.ties.into = None;
            case.ties.same.clear();
        }
        _ => {}
    }
}
