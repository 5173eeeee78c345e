//! Whom a case is about, as far as the agent may know it.

use std::collections::BTreeMap;

use belay_api::v1;

/// What Belay found out about whom a case is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// By what each system knows them, by system; empty unless somebody was identified. Otherwise people are being asked to
    /// take the case, and who came into question is told to them alone.
    pub ids: BTreeMap<String, String>,
    /// How much speaks for the best candidate, from 0 to 100.
    pub confidence: u32,
    /// How much is needed.
    pub bar: u32,
    /// Why they were identified, line by line.
    pub lines: Vec<String>,
    /// How it came out.
    pub finding: v1::IdentityFinding,
}

impl Identified {
    /// Whether it is known for certain whom the case is about.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.finding == v1::IdentityFinding::Identified
    }

    pub(crate) fn from_wire(found: v1::Identification) -> Self {
        let finding = found.finding();
        let v1::Identification { ids, confidence, bar, lines, .. } = found;
        Self { ids: ids.into_iter().collect(), confidence, bar, lines, finding }
    }
}
