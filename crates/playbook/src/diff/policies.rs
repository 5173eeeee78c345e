//! Policies by their names, compared by what they say and not by how it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cedar_policy::{Effect as Answer, Policy, PolicySet};
use serde_json::Value;

use super::{Difference, Effect};
use crate::source::SourceFile;

/// Adds what is different.
pub(super) fn compare(old: &[SourceFile], new: &[SourceFile], differences: &mut Vec<Difference>) {
    let (old, new) = (policies(old), policies(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (before, after) = (old.get(name), new.get(name));
        let effect = match (before, after) {
            (Some(before), Some(after)) if before.says == after.says => continue,
            (Some(before), Some(after)) => match (before.permits, after.permits) {
                (true, false) => Effect::Stricter,
                (false, true) => Effect::Looser,
                _ => Effect::Changed,
            },
            (None, Some(after)) if after.permits => Effect::Looser,
            (None, Some(_)) => Effect::Stricter,
            (Some(before), _) if before.permits => Effect::Stricter,
            _ => Effect::Looser,
        };
        differences.push(Difference {
            effect,
            about: format!("policy {name}"),
            field: String::new(),
            old: before.map(|policy| policy.text.clone()),
            new: after.map(|policy| policy.text.clone()),
        });
    }
}

struct Said {
    permits: bool,
    /// The policy's meaning, without its annotations.
    says: Value,
    /// As it is written, on one line.
    text: String,
}

fn policies(files: &[SourceFile]) -> BTreeMap<String, Said> {
    let mut all = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.ends_with(".cedar")) {
        let Ok(set) = PolicySet::from_str(&file.text) else { continue };
        for policy in set.policies() {
            if let (Some(id), Ok(mut says)) = (policy.annotation("id"), policy.to_json()) {
                if let Some(members) = says.as_object_mut() {
                    members.remove("annotations");
                }
                let permits = policy.effect() == Answer::Permit;
                all.insert(id.to_owned(), Said { permits, says, text: text(policy) });
            }
        }
    }
    all
}

/// Without its annotations and comments.
fn text(policy: &Policy) -> String {
    let written = policy.to_string();
    let lines = written.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    let lines: Vec<&str> =
        lines.filter(|line| !line.is_empty() && !line.starts_with('@')).collect();
    lines.join(" ")
}
