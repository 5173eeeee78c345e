//! Who is who: the data masks those who update and those who are assigned by different names.

use std::collections::{BTreeMap, BTreeSet};

use super::Row;

/// How much more an update that resolves says about who makes it.
const RESOLUTION_WEIGHT: u32 = 10;

/// What was inferred.
#[derive(Clone, Debug, Default)]
pub(super) struct Who {
    /// The masked name of whoever is assigned, by the one of whoever updates.
    same: BTreeMap<String, String>,
    rules: BTreeSet<String>,
}

impl Who {
    pub(super) fn infer<'a>(incidents: impl Iterator<Item = &'a [Row]>) -> Self {
        let mut seen: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        let mut closings: BTreeMap<&str, u32> = BTreeMap::new();
        for rows in incidents {
            let mut before = "";
            for row in rows {
                if row.state == "Closed" && before != "Closed" {
                    *closings.entry(&row.by).or_default() += 1;
                } else if let Some(assignee) = row.assignee.as_deref() {
                    let resolves = row.state == "Resolved" && before != "Resolved";
                    let weight = if resolves { RESOLUTION_WEIGHT } else { 1 };
                    *seen.entry((&row.by, assignee)).or_default() += weight;
                }
                before = &row.state;
            }
        }
        let all: u32 = closings.values().sum();
        let rules: BTreeSet<_> = closings
            .into_iter()
            .filter(|(_, count)| count * 10 >= all * 9)
            .map(|(by, _)| login(by))
            .collect();
        seen.retain(|(by, _), _| !rules.contains(&login(by)));
        let most_of = |of: &dyn Fn(&(&'a str, &'a str)) -> bool| {
            // Of two that are seen as often, the first by name.
            let of = seen.iter().filter(|(pair, _)| of(pair));
            of.max_by(|one, other| one.1.cmp(other.1).then(other.0.cmp(one.0)))
                .map(|(pair, _)| *pair)
        };
        let mutual = |pair: &&(&'a str, &'a str)| {
            most_of(&|it| it.0 == pair.0) == Some(**pair)
                && most_of(&|it| it.1 == pair.1) == Some(**pair)
        };
        let same = seen
            .keys()
            .filter(mutual)
            .map(|(by, assignee)| ((*by).to_owned(), (*assignee).to_owned()));
        Self { same: same.collect(), rules }
    }

    /// The login of whoever updates.
    pub(super) fn updater(&self, by: &str) -> String {
        login(self.same.get(by).map_or(by, String::as_str))
    }

    pub(super) fn is_rule(&self, login: &str) -> bool {
        self.rules.contains(login)
    }

    pub(super) fn recognised(&self) -> usize {
        self.same.len()
    }
}

/// A masked name as a login: `Resolver 78` is `resolver-78`.
pub(super) fn login(masked: &str) -> String {
    masked.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase()
}
