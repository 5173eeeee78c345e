//! What is known of a case. Entries are only ever added, each with where it came from, and a digest covers
//! them all, so that a receiver can prove which context it was handed.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Digest, Hasher, Timestamp};

/// The entries of a case and the digest over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Shared with every earlier state of the case: most changes add nothing to it.
    entries: Arc<Vec<Arc<ContextEntry>>>,
    digest: Digest,
}

/// One thing that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextEntry {
    /// What kind of thing: `message`, `intent`, `knowledge`, `fact`, `handoff`, `question`, `answer`,
    /// `resolution`.
    pub kind: String,
    /// The thing itself: text, or JSON for facts.
    pub body: String,
    /// Where it came from.
    pub provenance: Provenance,
    /// When Belay was told.
    pub at: Timestamp,
}

/// Who said something, through which path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The path.
    pub source: Source,
    /// Who or what precisely: an agent, a person, a system's record.
    pub reference: String,
}

/// The paths by which something becomes known, and how far they may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Typed by the customer.
    Customer,
    /// From a channel that proved who speaks.
    VerifiedChannel,
    /// Read from a system of record.
    SystemOfRecord,
    /// Chosen by a model.
    Model,
    /// Said by a member of staff.
    Staff,
    /// Known by Belay itself.
    Belay,
}

impl Default for Context {
    fn default() -> Self {
        Self { entries: Arc::default(), digest: Hasher::new("belay context").finish() }
    }
}

impl Context {
    /// The entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Arc<ContextEntry>] {
        &self.entries
    }

    /// The digest over every entry and their order.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Adds one entry; the digest covers it from now on.
    pub(crate) fn push(&mut self, entry: Arc<ContextEntry>) {
        self.digest = chained(self.digest, &entry);
        Arc::make_mut(&mut self.entries).push(entry);
    }

    /// How many entries a digest covers, if it is the one after some of them.
    #[must_use]
    pub fn place_of(&self, digest: Digest) -> Option<usize> {
        if digest == self.digest {
            return Some(self.entries.len());
        }
        let mut covered = Self::default().digest;
        for (place, entry) in self.entries.iter().enumerate() {
            if covered == digest {
                return Some(place);
            }
            covered = chained(covered, entry);
        }
        None
    }

    /// The digest that a receiver of these entries computes for itself.
    #[must_use]
    pub fn digest_of<'a>(entries: impl IntoIterator<Item = &'a ContextEntry>) -> Digest {
        entries.into_iter().fold(Self::default().digest, chained)
    }
}

impl Context {
    /// The digest after one more entry.
    pub(crate) fn digest_after(before: Digest, entry: &ContextEntry) -> Digest {
        chained(before, entry)
    }
}

fn chained(before: Digest, entry: &ContextEntry) -> Digest {
    Hasher::new("belay context entry")
        .part(before.as_bytes())
        .part(entry.kind.as_bytes())
        .part(entry.body.as_bytes())
        .part(entry.provenance.source.as_str().as_bytes())
        .part(entry.provenance.reference.as_bytes())
        .part(&entry.at.as_microsecond().to_le_bytes())
        .finish()
}

impl Source {
    /// The source's stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::VerifiedChannel => "verified_channel",
            Self::SystemOfRecord => "system_of_record",
            Self::Model => "model",
            Self::Staff => "staff",
            Self::Belay => "belay",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
