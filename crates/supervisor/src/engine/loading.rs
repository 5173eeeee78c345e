//! Reading a case back from its history.

use std::sync::Arc;

use belay_domain::{Case, CaseId, Event, replay};
use belay_journal::Journal;
use tracing::error;

use super::Refused;
use super::stored::decode;

/// The case that the journal holds; one that was never opened if it holds none.
pub(super) async fn load(journal: &Journal, id: CaseId) -> (CaseId, Result<Case, Refused>) {
    let loaded = match journal.load(id.as_str()).await {
        Ok(stored) => stored
            .iter()
            .map(decode)
            .collect::<Result<Vec<Event>, _>>()
            .map(|events| replay(id.clone(), &events))
            .map_err(|damage| {
                error!(case = %id, error = %damage, "history cannot be read");
                Refused::Damaged(Arc::new(damage))
            }),
        Err(failure) => {
            error!(case = %id, error = %failure, "case cannot be loaded");
            Err(Refused::Unreadable(Arc::new(failure)))
        }
    };
    (id, loaded)
}
