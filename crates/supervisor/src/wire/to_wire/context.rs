//! What is known of a case.

use belay_api::v1;
use belay_domain::{Context, ContextEntry, Provenance, Source};

use super::time;

/// Everything that is known, oldest first.
pub(crate) fn context(context: &Context) -> Vec<v1::ContextEntry> {
    let numbered = (1_u64..).zip(context.entries());
    numbered.map(|(ordinal, entry)| context_entry(ordinal, entry)).collect()
}

/// One thing that is known.
pub(crate) fn context_entry(ordinal: u64, entry: &ContextEntry) -> v1::ContextEntry {
    let ContextEntry { kind, body, provenance: known, at } = entry;
    v1::ContextEntry {
        ordinal,
        kind: kind.clone(),
        body: body.clone(),
        provenance: Some(provenance(known)),
        at: Some(time(*at)),
    }
}

/// How something is known.
fn provenance(known: &Provenance) -> v1::Provenance {
    v1::Provenance {
        source: provenance_source(known.source).into(),
        reference: known.reference.clone(),
    }
}

/// By which path something became known.
pub(crate) fn provenance_source(source: Source) -> v1::ProvenanceSource {
    match source {
        Source::Customer => v1::ProvenanceSource::Customer,
        Source::VerifiedChannel => v1::ProvenanceSource::VerifiedChannel,
        Source::SystemOfRecord => v1::ProvenanceSource::SystemOfRecord,
        Source::Model => v1::ProvenanceSource::Model,
        Source::Staff => v1::ProvenanceSource::Staff,
        Source::Belay => v1::ProvenanceSource::Belay,
    }
}
