//! What is known of a case, as this agent received it, and the proof that it is what was handed over.
//!
//! The digest is computed here, by the domain's own code, from the entries that arrived. What the
//! supervisor says the digest is, is only ever compared. Entries that do not fit their digest are not shown.

use std::collections::BTreeMap;

use belay_api::v1;
use belay_domain::{Context, ContextEntry, Digest, Provenance, Source};

use crate::wire;

/// Something to add to what is known. The supervisor sets place and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// What sort of knowledge it is: `note`, `fact`, `knowledge`, `intent`, `message` or a word of your own.
    pub kind: String,
    /// The content: text, or JSON for facts.
    pub body: String,
    /// How it is known.
    pub provenance: Provenance,
}

/// The entries of one case, in their order, with the digest that was computed over them.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    entries: Vec<ContextEntry>,
    digest: Digest,
}

/// The entries are not those that the digest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the context that arrived is not the one whose digest was sent")]
pub(crate) struct NotWhatWasSent;

impl NewEntry {
    /// A text that a model or this program came up with.
    pub fn new(kind: impl Into<String>, body: impl Into<String>) -> Self {
        let provenance = Provenance { source: Source::Model, reference: String::new() };
        Self { kind: kind.into(), body: body.into(), provenance }
    }

    /// Says how it is known, and from what precisely.
    #[must_use]
    pub fn from(mut self, source: Source, reference: impl Into<String>) -> Self {
        self.provenance = Provenance { source, reference: reference.into() };
        self
    }

    pub(crate) fn into_wire(self) -> v1::NewContextEntry {
        let Self { kind, body, provenance: Provenance { source, reference } } = self;
        let provenance = v1::Provenance { source: wire::source(source).into(), reference };
        v1::NewContextEntry { kind, body, provenance: Some(provenance) }
    }
}

impl Known {
    /// Takes a whole context if its digest is what was sent with it.
    pub(crate) fn verified(
        entries: Vec<v1::ContextEntry>,
        digest: &str,
    ) -> Result<Self, NotWhatWasSent> {
        Self::default().grown(entries, digest)
    }

    /// This context with more entries, if the digest of the whole is then what was sent with them. An
    /// entry whose place is taken already is taken for the one that is there.
    pub(crate) fn grown(
        &self,
        more: Vec<v1::ContextEntry>,
        digest: &str,
    ) -> Result<Self, NotWhatWasSent> {
        let digest: Digest = digest.parse().map_err(|_| NotWhatWasSent)?;
        let mut entries = self.entries.clone();
        let mut arrived = BTreeMap::new();
        for entry in more {
            let (ordinal, entry) = wire::entry(entry).ok_or(NotWhatWasSent)?;
            arrived.insert(ordinal, entry);
        }
        for (ordinal, entry) in arrived {
            match usize::try_from(ordinal) {
                Ok(place) if place == entries.len() + 1 => entries.push(entry),
                Ok(place) if (1..=entries.len()).contains(&place) => {}
                _ => return Err(NotWhatWasSent),
            }
        }
        if Context::digest_of(&entries) != digest {
            return Err(NotWhatWasSent);
        }
        Ok(Self { entries, digest })
    }

    pub(crate) fn entries(&self) -> &[ContextEntry] {
        &self.entries
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }
}

impl Default for Known {
    fn default() -> Self {
        Self { entries: Vec::new(), digest: Context::default().digest() }
    }
}

#[cfg(test)]
mod tests;
