//! Events as they were journaled, with the same for people.

use belay_api::v1;
use belay_domain::CaseId;
use belay_journal::StoredEvent;

use super::{Told, time, told};
use crate::engine::decode;

/// One event, exactly as it stands in the journal.
pub(crate) fn journal_event(stored: &StoredEvent) -> v1::JournalEvent {
    let Told { about: _, by, description } = told_of(stored);
    v1::JournalEvent {
        position: stored.position,
        tenant: stored.tenant.clone(),
        case_id: stored.case.clone(),
        sequence: stored.seq,
        at: Some(time(stored.at)),
        by,
        event: stored.kind.clone(),
        body_json: String::from_utf8_lossy(&stored.body).into_owned(),
        hash: stored.hash.as_bytes().to_vec(),
        description,
    }
}

/// One thing that happened to a case, with the case as it stands now.
pub(crate) fn case_update(
    stored: &StoredEvent,
    summary: Option<v1::CaseSummary>,
) -> v1::CaseUpdate {
    let Told { about, by, description } = told_of(stored);
    v1::CaseUpdate {
        position: stored.position,
        sequence: stored.seq,
        case_id: stored.case.clone(),
        at: Some(time(stored.at)),
        by,
        event: stored.kind.clone(),
        about,
        description,
        summary,
    }
}

/// An event of a newer version is shown as it is and not described.
fn told_of(stored: &StoredEvent) -> Told {
    let known = decode(stored).ok().zip(stored.case.parse::<CaseId>().ok());
    match known {
        Some((event, case)) => told(&case, &event.kind),
        None => Told { about: stored.case.clone(), by: None, description: stored.kind.clone() },
    }
}
