//! The small words of the contract, and the same in the domain's types.

use std::time::Duration;

use belay_api::v1;
use belay_domain::{ContextEntry, Provenance, Severity, Source};
use jiff::Timestamp;

/// A time of the wire. Absent and impossible ones are `None`.
pub(crate) fn timestamp(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let at = at?;
    Timestamp::new(at.seconds, at.nanos).ok()
}

/// A span of the wire. Absent, negative and impossible ones are `None`.
pub(crate) fn duration(span: Option<&prost_types::Duration>) -> Option<Duration> {
    (*span?).try_into().ok()
}

/// One entry of a context with its place. `None` if its source or time says nothing.
pub(crate) fn entry(entry: v1::ContextEntry) -> Option<(u64, ContextEntry)> {
    let v1::ContextEntry { ordinal, kind, body, provenance, at } = entry;
    let v1::Provenance { source, reference } = provenance?;
    let source = source_from(v1::ProvenanceSource::try_from(source).ok()?)?;
    let at = timestamp(at.as_ref())?;
    Some((ordinal, ContextEntry { kind, body, provenance: Provenance { source, reference }, at }))
}

/// The wire's word for a source.
pub(crate) fn source(source: Source) -> v1::ProvenanceSource {
    match source {
        Source::Customer => v1::ProvenanceSource::Customer,
        Source::VerifiedChannel => v1::ProvenanceSource::VerifiedChannel,
        Source::SystemOfRecord => v1::ProvenanceSource::SystemOfRecord,
        Source::Model => v1::ProvenanceSource::Model,
        Source::Staff => v1::ProvenanceSource::Staff,
        Source::Belay => v1::ProvenanceSource::Belay,
    }
}

fn source_from(source: v1::ProvenanceSource) -> Option<Source> {
    match source {
        v1::ProvenanceSource::Unspecified => None,
        v1::ProvenanceSource::Customer => Some(Source::Customer),
        v1::ProvenanceSource::VerifiedChannel => Some(Source::VerifiedChannel),
        v1::ProvenanceSource::SystemOfRecord => Some(Source::SystemOfRecord),
        v1::ProvenanceSource::Model => Some(Source::Model),
        v1::ProvenanceSource::Staff => Some(Source::Staff),
        v1::ProvenanceSource::Belay => Some(Source::Belay),
    }
}

/// The wire's word for a severity.
pub(crate) fn severity(severity: Option<Severity>) -> v1::Severity {
    match severity {
        None => v1::Severity::Unspecified,
        Some(Severity::Low) => v1::Severity::Low,
        Some(Severity::Normal) => v1::Severity::Normal,
        Some(Severity::High) => v1::Severity::High,
        Some(Severity::Critical) => v1::Severity::Critical,
    }
}

/// How urgent a case is. What this SDK does not know counts as the usual.
pub(crate) fn severity_from(severity: v1::Severity) -> Severity {
    match severity {
        v1::Severity::Low => Severity::Low,
        v1::Severity::Unspecified | v1::Severity::Normal => Severity::Normal,
        v1::Severity::High => Severity::High,
        v1::Severity::Critical => Severity::Critical,
    }
}
