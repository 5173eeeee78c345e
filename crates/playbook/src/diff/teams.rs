//! Two teams' playbooks: what only one of them has, so that what is left is what both have and say otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{Diff, Difference, Side, Thing};

/// One of two playbooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Team {
    /// The playbook's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What only this one has: names, by what they are names of.
    pub only: BTreeMap<&'static str, Vec<String>>,
}

impl Diff {
    /// Whether they are the playbooks of two teams, and not two versions of one: they have two names.
    #[must_use]
    pub fn is_between_teams(&self) -> bool {
        self.old.name != self.new.name
    }

    /// Whether a difference is about something that both have.
    #[must_use]
    pub fn is_shared(&self, difference: &Difference) -> bool {
        subjects(difference).iter().all(|(kind, name)| {
            let has = |team: &Team| team.only.get(kind).is_some_and(|all| all.contains(name));
            !has(&self.old) && !has(&self.new)
        })
    }
}

/// Both playbooks, each with what only it has.
pub(super) fn of(old: &Side, new: &Side) -> (Team, Team) {
    let (before, after) = (names(old), names(new));
    let team = |side: &Side, own: &Names, other: &Names| {
        let only = own.iter().filter_map(|(kind, names)| {
            let there = other.get(kind);
            let only: Vec<String> = names
                .iter()
                .filter(|name| there.is_none_or(|there| !there.contains(*name)))
                .cloned()
                .collect();
            (!only.is_empty()).then_some((*kind, only))
        });
        Team {
            name: side.playbook.name().to_owned(),
            version: side.playbook.version().to_string(),
            only: only.collect(),
        }
    };
    (team(old, &before, &after), team(new, &after, &before))
}

type Names = BTreeMap<&'static str, BTreeSet<String>>;

/// Lists of names within a file that there is one of: the file's kind, the member, and what it is a name of.
const WITHIN: &[(&str, &str, &str)] = &[
    ("agents", "/agents", "agents"),
    ("agents", "/roles", "roles"),
    ("systems", "/systems", "systems"),
    ("playbook", "/groups", "groups"),
    ("playbook", "/tiers", "tiers"),
    ("taxonomy", "/resolutions", "resolutions"),
    ("taxonomy", "/reasons", "reasons"),
    ("dictionary", "/objects", "objects"),
    ("dictionary", "/equalities", "equalities"),
    ("calendars", "/calendars", "calendars"),
    ("people", "/people", "people"),
    ("routing", "/rules", "routes"),
];

fn names(side: &Side) -> Names {
    let mut names = Names::new();
    let mut add = |kind, name: &str| {
        names.entry(kind).or_default().insert(name.to_owned());
    };
    for (Thing { kind, name }, value) in &side.things {
        match *kind {
            "contract" => add("contracts", name),
            "boundary" => add("boundaries", name),
            "escalation" => add("escalations", name),
            _ if name.is_empty() => add("files", kind),
            _ => {}
        }
        for (_, pointer, of) in WITHIN.iter().filter(|(file, ..)| file == kind) {
            let members = value.pointer(pointer);
            let named = members.and_then(Value::as_object).into_iter().flatten();
            named.for_each(|(name, _)| add(of, name));
            let listed = members.and_then(Value::as_array).into_iter().flatten();
            let listed = listed.filter_map(|item| item.get("name")?.as_str());
            listed.for_each(|name| add(of, name));
        }
    }
    for policy in side.playbook.policies() {
        add("policies", policy);
    }
    names
}

/// What a difference is about, by name.
fn subjects(difference: &Difference) -> Vec<(&'static str, String)> {
    let mut subjects = Vec::new();
    if let Some((kind, name)) = difference.about.split_once(' ') {
        match kind {
            "agent" => {
                let (agent, contract) = name.split_once(" with ").unwrap_or((name, ""));
                subjects.push(("agents", agent.to_owned()));
                subjects.push(("contracts", contract.to_owned()));
            }
            "contract" => subjects.push(("contracts", name.to_owned())),
            "boundary" => subjects.push(("boundaries", name.to_owned())),
            "escalation" => subjects.push(("escalations", name.to_owned())),
            "policy" => subjects.push(("policies", name.to_owned())),
            _ => {}
        }
    }
    let unescape = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let path: Vec<String> = difference.field.split('/').skip(1).map(unescape).collect();
    let file = difference.about.strip_suffix(".yaml");
    if let Some(file) = file {
        subjects.push(("files", file.to_owned()));
    }
    if let [member, name, ..] = path.as_slice() {
        let pointer = format!("/{member}");
        let within = WITHIN.iter().find(|(kind, at, _)| Some(*kind) == file && *at == pointer);
        subjects.extend(within.map(|(_, _, of)| (*of, name.clone())));
        match (difference.about.split(' ').next(), member.as_str()) {
            (Some("boundary"), "contracts") => subjects.push(("contracts", name.clone())),
            (Some("boundary"), "systems") => subjects.push(("systems", name.clone())),
            _ => {}
        }
    }
    subjects
}
