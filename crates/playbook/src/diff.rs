//! What became different between two playbooks, in terms of what it means: what is allowed now, what is forbidden, what is
//! looser, what is stricter; and actions that are nearly the same in both and defined differently.
//!
//! Comments, order and layout are no difference.

mod defaults;
mod drift;
mod judging;
mod points;
mod policies;
mod teams;
mod walking;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::Playbook;
use crate::document::Document;
use crate::problem::Problems;
use crate::schema::FileKind;
use crate::source::{self, SourceFile};

use defaults::Defaults;

pub use drift::Drift;
pub use points::Point;
pub use teams::Team;

/// Everything that is different.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The one, and what only it has.
    pub old: Team,
    /// The other.
    pub new: Team,
    /// The differences: what became allowed first.
    pub differences: Vec<Difference>,
    /// Actions that are nearly the same and defined differently.
    pub drifts: Vec<Drift>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// What it means.
    pub effect: Effect,
    /// What it is about: `contract billing.refund@1`.
    pub about: String,
    /// Where in that, with the names of what is there; empty when it is the whole.
    pub field: String,
    /// What it was; absent when it was not there.
    pub old: Option<String>,
    /// What it is; absent when it is not there.
    pub new: Option<String>,
}

/// What a difference means for what agents may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Somebody may do what they could not.
    Allowed,
    /// Somebody may not do what they could.
    Forbidden,
    /// More is let through.
    Looser,
    /// Less is let through.
    Stricter,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is otherwise, and nobody can say for which use.
    Changed,
}

/// A side of a comparison that cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {side} playbook cannot be loaded")]
pub struct Unloadable {
    /// `old` or `new`.
    pub side: &'static str,
    /// What is wrong with it.
    pub problems: Problems,
}

impl Diff {
    /// Compares two folders. Both have to be sound: what does not load decides nothing.
    pub fn of_folders(old: &Path, new: &Path) -> Result<Self, Unloadable> {
        let read =
            |folder, side| source::read(folder).map_err(|problems| Unloadable { side, problems });
        Self::of_files(read(old, "old")?, read(new, "new")?)
    }

    /// Compares two playbooks whose files have been read already.
    pub fn of_files(old: Vec<SourceFile>, new: Vec<SourceFile>) -> Result<Self, Unloadable> {
        let old = Side::of(old, "old")?;
        let new = Side::of(new, "new")?;
        let mut differences = authority(&old.playbook, &new.playbook);
        let things: BTreeSet<&Thing> = old.things.keys().chain(new.things.keys()).collect();
        for thing in things {
            let (before, after) = (old.things.get(thing), new.things.get(thing));
            let defaults = (&old.defaults, &new.defaults);
            walking::compare(thing, before, after, defaults, &mut differences);
        }
        policies::compare(&old.files, &new.files, &mut differences);
        differences.sort();
        let (one, other) = teams::of(&old, &new);
        let drifts = drift::find(&old, &new, one.name != other.name);
        Ok(Self { old: one, new: other, differences, drifts })
    }

    /// Whether nothing is different.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.differences.is_empty() && self.drifts.is_empty()
    }
}

/// One playbook of a comparison.
struct Side {
    playbook: Playbook,
    files: Vec<SourceFile>,
    things: BTreeMap<Thing, Value>,
    defaults: Defaults,
}

/// Something with a name in a playbook: a file, or what a file of names holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Thing {
    kind: &'static str,
    name: String,
}

impl Side {
    fn of(files: Vec<SourceFile>, side: &'static str) -> Result<Self, Unloadable> {
        let playbook = Playbook::from_files(files.clone())
            .map_err(|problems| Unloadable { side, problems })?;
        let (things, defaults) = (things(&files), Defaults::of(&files));
        Ok(Self { playbook, files, things, defaults })
    }
}

/// Every file by what it is and the name in it; files that there is one of by their kind alone.
fn things(files: &[SourceFile]) -> BTreeMap<Thing, Value> {
    let named = |file: &SourceFile| {
        let kind = FileKind::of(&file.path)?;
        let document = Document::parse(&file.path, &file.text).ok()?;
        let field = match kind {
            FileKind::Contract => "/id",
            FileKind::Boundary | FileKind::Escalation => "/name",
            _ => "",
        };
        let name = match field {
            "" => String::new(),
            field => document.value.pointer(field)?.as_str()?.to_owned(),
        };
        let name = if kind == FileKind::Adapter { file.path.clone() } else { name };
        Some((Thing { kind: kind.name(), name }, document.value))
    };
    files.iter().filter_map(named).collect()
}

/// What agents may do now and could not, and the other way round; asked of both playbooks as a whole.
fn authority(old: &Playbook, new: &Playbook) -> Vec<Difference> {
    let freedom = |playbook: &Playbook| -> BTreeMap<(String, String), (u8, String)> {
        let contracts = playbook.contracts().map(|contract| contract.id().clone());
        let all = contracts.flat_map(|contract| {
            let may = playbook.who_can(&contract).into_iter();
            may.map(move |one| {
                let key = (one.agent.to_string(), contract.to_string());
                let said = match &one.may {
                    crate::May::No(_) => "no".to_owned(),
                    may => may.to_string(),
                };
                (key, (one.may.freedom(), said))
            })
        });
        all.collect()
    };
    let (before, after) = (freedom(old), freedom(new));
    let pairs: BTreeSet<&(String, String)> = before.keys().chain(after.keys()).collect();
    let difference = |pair: &(String, String)| {
        let none = (0, "no".to_owned());
        let (was, is) = (before.get(pair).unwrap_or(&none), after.get(pair).unwrap_or(&none));
        let effect = match (was.0, is.0) {
            (was, is) if was == is => return None,
            (0, _) => Effect::Allowed,
            (_, 0) => Effect::Forbidden,
            (was, is) if was < is => Effect::Looser,
            _ => Effect::Stricter,
        };
        let about = format!("agent {} with {}", pair.0, pair.1);
        let (old, new) = (Some(was.1.clone()), Some(is.1.clone()));
        Some(Difference { effect, about, field: String::new(), old, new })
    };
    pairs.into_iter().filter_map(difference).collect()
}

impl Effect {
    /// Its stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Forbidden => "forbidden",
            Self::Looser => "looser",
            Self::Stricter => "stricter",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }

    /// The same the other way round.
    fn reversed(self) -> Self {
        match self {
            Self::Allowed => Self::Forbidden,
            Self::Forbidden => Self::Allowed,
            Self::Looser => Self::Stricter,
            Self::Stricter => Self::Looser,
            Self::Added => Self::Removed,
            Self::Removed => Self::Added,
            Self::Changed => Self::Changed,
        }
    }
}

impl Thing {
    fn about(&self) -> String {
        if self.name.is_empty() {
            format!("{}.yaml", self.kind)
        } else {
            format!("{} {}", self.kind, self.name)
        }
    }
}
