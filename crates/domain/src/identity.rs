//! Whom a case is about: what a search by partial knowledge found out in the systems of record, and how sure that is.
//!
//! A finding says whom it is about only if one candidate reached the bar and no other came near. It keeps what spoke for
//! and against each candidate by the names of fields and never by their values: those belong to other customers, too.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, SystemId};

/// What one search found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identification {
    /// What was looked for: an object of the playbook, such as `customer`.
    pub object: String,
    /// The playbook by which it was done.
    pub playbook: Digest,
    /// How it came out.
    pub finding: Finding,
    /// How much speaks for the best candidate, from 0 to 100.
    pub confidence: u32,
    /// How much is needed.
    pub bar: u32,
    /// How much more than for the second best.
    pub margin: u32,
    /// By what each system knows whom it is about; empty unless somebody was identified.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<SystemId, String>,
    /// Why it came out so, line by line, without values.
    pub lines: Vec<String>,
    /// Everybody who came into question, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// How many reads it took.
    pub reads: u32,
}

/// How a search came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// One candidate reached the bar, and no other came near.
    Identified,
    /// Nobody came into question.
    Nobody,
    /// Nobody reached the bar.
    BelowBar,
    /// Two came too near to each other.
    Ambiguous,
    /// Something had to be read and could not be, so nobody knows who else there is.
    Unreadable,
}

/// Somebody who came into question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// By what each system knows them.
    pub ids: BTreeMap<SystemId, String>,
    /// How much speaks for them; below 0 if more speaks against them.
    pub score: i32,
    /// Whether a fact from a verified source speaks against them, whatever the score.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excluded: bool,
    /// What speaks for and against them, field by field.
    pub lines: Vec<String>,
}

impl Identification {
    /// Whether it says whom the case is about.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        self.finding == Finding::Identified
    }

    /// In a line, without anything that is only known of others.
    #[must_use]
    pub fn summary(&self) -> String {
        let Self { object, finding, confidence, bar, margin, .. } = self;
        match finding {
            Finding::Identified => format!("the {object} is identified, {confidence} of {bar}"),
            Finding::Nobody => format!("no {object} fits what is known"),
            Finding::BelowBar => {
                format!("the {object} is not identified: {confidence} of the {bar} that are needed")
            }
            Finding::Ambiguous => {
                format!("the {object} is not identified: two are less than {margin} apart")
            }
            Finding::Unreadable => {
                format!("the {object} is not identified: not everything could be read")
            }
        }
    }
}

impl Finding {
    /// The finding's stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identified => "identified",
            Self::Nobody => "nobody",
            Self::BelowBar => "below_bar",
            Self::Ambiguous => "ambiguous",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<String> =
            self.ids.iter().map(|(system, id)| format!("{system} {id}")).collect();
        write!(f, "{}: {}", ids.join(", "), self.score)?;
        if self.excluded {
            f.write_str(", excluded")?;
        }
        if !self.lines.is_empty() {
            write!(f, " ({})", self.lines.join("; "))?;
        }
        Ok(())
    }
}
