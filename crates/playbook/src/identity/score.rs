//! Who comes into question, how much speaks for each, and whether that is enough. A function of what is known and of the
//! records that were found, whatever their order.

use std::collections::{BTreeMap, BTreeSet};

use belay_domain::{Candidate, Finding, Source, SystemId};
use serde_json::Value;

use super::compare::{Agreement, compare, form, is_verified};
use super::{Fact, Sought};
use crate::format::FactKind;

/// What is known of one fact: its values, all from equally good sources, the best there are.
pub(super) type Known = BTreeMap<String, (Source, Vec<Value>)>;

/// A record: where it is, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) system: SystemId,
    pub(super) id: String,
    pub(super) fields: BTreeMap<String, Vec<Value>>,
    /// The record that led to it.
    pub(super) follows: Option<(SystemId, String)>,
}

/// Somebody: the records that are about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Somebody {
    pub(super) ids: BTreeMap<SystemId, String>,
    pub(super) fields: BTreeMap<String, Vec<Value>>,
}

/// How a search came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scored {
    pub(super) finding: Finding,
    pub(super) confidence: u32,
    pub(super) candidates: Vec<Candidate>,
}

/// Whom these records are about. Records go together if they say the same in one of the fields that tell, or if one led to
/// the other. Where two of one system would be the same then, nobody knows which, and each stands for itself.
pub(super) fn people(sought: &Sought, records: &[Record]) -> Vec<Somebody> {
    let mut nodes: BTreeMap<(SystemId, String), Record> = BTreeMap::new();
    for record in records {
        let known = nodes.entry((record.system.clone(), record.id.clone()));
        let known = known.or_insert_with(|| Record { fields: BTreeMap::new(), ..record.clone() });
        for (field, values) in &record.fields {
            let all = known.fields.entry(field.clone()).or_default();
            all.extend(values.iter().filter(|value| !value.is_null()).cloned());
            all.sort_by_key(ToString::to_string);
            all.dedup();
        }
        if known.follows.is_none() || record.follows.is_some() && record.follows < known.follows {
            known.follows.clone_from(&record.follows);
        }
    }
    let nodes: Vec<Record> = nodes.into_values().collect();
    let mut group: Vec<usize> = (0..nodes.len()).collect();
    for (index, one) in nodes.iter().enumerate() {
        for (other_index, other) in nodes.iter().enumerate().skip(index + 1) {
            if is_same(sought, one, other) {
                let (from, to) = (group[other_index], group[index]);
                group.iter_mut().filter(|of| **of == from).for_each(|of| *of = to);
            }
        }
    }
    let mut found = Vec::new();
    for leader in group.iter().copied().collect::<BTreeSet<_>>() {
        let members: Vec<&Record> = nodes
            .iter()
            .zip(&group)
            .filter(|(_, of)| **of == leader)
            .map(|(node, _)| node)
            .collect();
        let systems: BTreeSet<_> = members.iter().map(|node| &node.system).collect();
        if systems.len() == members.len() {
            found.push(somebody(&members));
        } else {
            found.extend(members.iter().map(|member| somebody(&[*member])));
        }
    }
    found
}

fn somebody(members: &[&Record]) -> Somebody {
    let mut all = Somebody::default();
    for record in members {
        all.ids.insert(record.system.clone(), record.id.clone());
        for (field, values) in &record.fields {
            let known = all.fields.entry(field.clone()).or_default();
            known.extend(values.iter().cloned());
            known.sort_by_key(ToString::to_string);
            known.dedup();
        }
    }
    all
}

fn is_same(sought: &Sought, one: &Record, other: &Record) -> bool {
    let leads = |from: &Record, to: &Record| {
        to.follows.as_ref().is_some_and(|(system, id)| *system == from.system && *id == from.id)
    };
    let forms = |record: &Record, field: &String| -> BTreeSet<_> {
        let kind = sought.facts.get(field).map_or(FactKind::Text, |fact| fact.kind);
        let values = record.fields.get(field).into_iter().flatten();
        values.filter_map(|value| form(kind, value)).collect()
    };
    leads(one, other)
        || leads(other, one)
        || sought.same.iter().any(|field| !forms(one, field).is_disjoint(&forms(other, field)))
}

/// Scores everybody and says whether one of them is it. `blind` says that somebody may not have been seen.
pub(super) fn scored(sought: &Sought, known: &Known, people: &[Somebody], blind: bool) -> Scored {
    let mut candidates: Vec<Candidate> =
        people.iter().map(|somebody| candidate(sought, known, somebody)).collect();
    candidates.sort_by(|one, other| {
        (one.excluded, -one.score, &one.ids).cmp(&(other.excluded, -other.score, &other.ids))
    });
    let mut standing = candidates.iter().filter(|one| !one.excluded).map(|one| one.score);
    let (best, second) = (standing.next(), standing.next());
    let confidence = best.map_or(0, |score| score.clamp(0, 100) as u32);
    let near = |best: i32| second.is_some_and(|second| best - second < sought.margin as i32);
    let finding = match best {
        _ if blind => Finding::Unreadable,
        None if candidates.is_empty() => Finding::Nobody,
        None => Finding::BelowBar,
        Some(best) if best < sought.bar as i32 => Finding::BelowBar,
        Some(best) if near(best) => Finding::Ambiguous,
        Some(_) => Finding::Identified,
    };
    Scored { finding, confidence, candidates }
}

fn candidate(sought: &Sought, known: &Known, somebody: &Somebody) -> Candidate {
    let (mut score, mut excluded, mut lines) = (0, false, Vec::new());
    for (name, fact) in &sought.facts {
        let Some((source, values)) = known.get(name) else { continue };
        let Fact { kind, days, agrees, partly, disagrees, .. } = fact;
        let shown = somebody.fields.get(name).map_or(&[][..], Vec::as_slice);
        // Of several that are said, the one that fits worst counts.
        let worst = values.iter().map(|value| compare(*kind, *days, value, shown)).min();
        let (counts, word) = match worst {
            None | Some(Agreement::Silent) => continue,
            Some(Agreement::Agrees) => (*agrees as i32, "agrees"),
            Some(Agreement::Partly) => (*partly as i32, "agrees in part"),
            Some(Agreement::Disagrees) => (-(*disagrees as i32), "does not agree"),
            Some(Agreement::LooksAlike) => {
                (-(*disagrees as i32), "looks alike and is not the same")
            }
        };
        score += counts;
        let against = matches!(worst, Some(Agreement::Disagrees | Agreement::LooksAlike));
        let hard = against && is_verified(*source);
        excluded |= hard;
        let hard = if hard { ", which excludes them" } else { "" };
        lines.push(format!("{name} ({source}) {word}: {counts:+}{hard}"));
    }
    Candidate { ids: somebody.ids.clone(), score, excluded, lines }
}

#[cfg(test)]
mod tests;
