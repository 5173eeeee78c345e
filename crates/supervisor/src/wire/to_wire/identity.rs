//! Whom a case is about, for those who may know everything and for the agent that holds it.

use std::collections::{BTreeMap, HashMap};

use belay_api::v1;
use belay_domain::{Candidate, Finding, Identification, SystemId};

/// A finding with everybody who came into question.
pub(crate) fn identification(found: &Identification) -> v1::Identification {
    let Identification { object, playbook, finding, confidence, bar, margin, .. } = found;
    v1::Identification {
        object: object.clone(),
        finding: state(*finding).into(),
        confidence: *confidence,
        bar: *bar,
        margin: *margin,
        ids: ids(&found.ids),
        lines: found.lines.clone(),
        candidates: found.candidates.iter().map(candidate).collect(),
        reads: found.reads,
        playbook_version: playbook.to_string(),
    }
}

/// The same for an agent: nothing of anybody but whom the case is about.
pub(crate) fn identification_for_agent(found: &Identification) -> v1::Identification {
    let lines = if found.is_identified() { found.lines.clone() } else { Vec::new() };
    v1::Identification { lines, candidates: Vec::new(), ..identification(found) }
}

fn candidate(found: &Candidate) -> v1::IdentityCandidate {
    let Candidate { ids: known, score, excluded, lines } = found;
    v1::IdentityCandidate {
        ids: ids(known),
        score: *score,
        excluded: *excluded,
        lines: lines.clone(),
    }
}

fn ids(known: &BTreeMap<SystemId, String>) -> HashMap<String, String> {
    known.iter().map(|(system, id)| (system.to_string(), id.clone())).collect()
}

fn state(finding: Finding) -> v1::IdentityFinding {
    match finding {
        Finding::Identified => v1::IdentityFinding::Identified,
        Finding::Nobody => v1::IdentityFinding::Nobody,
        Finding::BelowBar => v1::IdentityFinding::BelowBar,
        Finding::Ambiguous => v1::IdentityFinding::Ambiguous,
        Finding::Unreadable => v1::IdentityFinding::Unreadable,
    }
}
