//! New knowledge about a case. Who may claim that something is known by which path is settled here.

use belay_api::v1;
use belay_domain::{NewEntry, Provenance, Source};

use super::Fields;

/// Who says that something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// An agent, who may not speak for people of the business, nor for what proved who a customer is.
    Agent,
    /// A person or a tool.
    PersonOrTool,
}

/// Entries to be added. `by` is written where an entry names nobody.
pub(crate) fn entries(
    fields: &mut Fields,
    name: &str,
    entries: Vec<v1::NewContextEntry>,
    speaker: Speaker,
    by: &str,
) -> Vec<NewEntry> {
    let read = |(index, entry): (usize, v1::NewContextEntry)| {
        let v1::NewContextEntry { kind, body, provenance: known } = entry;
        let at = |part: &str| format!("{name}[{index}].{part}");
        let kind = fields.said(&at("kind"), kind);
        let body = fields.text(at("body"), body);
        let Some(v1::Provenance { source, reference }) = known else {
            fields.wrong(at("provenance"), "has to be set");
            return None;
        };
        let source = provenance(fields, &at("provenance.source"), source, speaker)?;
        let mut reference = fields.line(at("provenance.reference"), reference);
        if reference.is_empty() {
            by.clone_into(&mut reference);
        }
        Some(NewEntry { kind, body, provenance: Provenance { source, reference } })
    };
    entries.into_iter().enumerate().filter_map(read).collect()
}

/// A path by which something became known, if the speaker may claim it.
pub(crate) fn provenance(
    fields: &mut Fields,
    name: &str,
    source: i32,
    speaker: Speaker,
) -> Option<Source> {
    use v1::ProvenanceSource as Wire;
    let refused = match (fields.value::<Wire>(name, source)?, speaker) {
        (Wire::Customer, _) => return Some(Source::Customer),
        (Wire::VerifiedChannel, Speaker::PersonOrTool) => return Some(Source::VerifiedChannel),
        (Wire::VerifiedChannel, Speaker::Agent) => "an agent is no channel that proves who speaks",
        (Wire::SystemOfRecord, _) => return Some(Source::SystemOfRecord),
        (Wire::Model, _) => return Some(Source::Model),
        (Wire::Staff, Speaker::PersonOrTool) => return Some(Source::Staff),
        (Wire::Staff, Speaker::Agent) => "agents may not speak for people of the business",
        (Wire::Belay, _) => "only Belay itself knows things in this way",
        (Wire::Unspecified, _) => "has to be set",
    };
    fields.wrong(name, refused);
    None
}
