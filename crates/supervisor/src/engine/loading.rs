//! Reading cases back from their histories.

use std::sync::Arc;

use belay_domain::{Case, CaseId, Event, replay};
use belay_journal::{Journal, ReadError, StoredEvent};
use tracing::error;

use super::Refused;
use super::stored::{StoredEventError, decode};

/// What was read of one case.
type Loaded = Result<Result<Case, StoredEventError>, ReadError>;

/// The cases that the journal holds, all in one read; one that was never opened where it holds none.
pub(super) async fn load(
    journal: &Journal,
    ids: Vec<CaseId>,
) -> Vec<(CaseId, Result<Case, Refused>)> {
    let names = ids.iter().map(|id| id.as_str().to_owned()).collect();
    let owned = ids.clone();
    let fold = move |place: usize, stored: Vec<StoredEvent>| {
        let events = stored.iter().map(decode).collect::<Result<Vec<Event>, _>>()?;
        Ok(replay(owned[place].clone(), &events))
    };
    match journal.load_each(names, fold).await {
        Ok(loaded) => {
            let told = ids.into_iter().zip(loaded);
            told.map(|(id, loaded)| (id.clone(), told_of(&id, loaded))).collect()
        }
        Err(failure) => {
            error!(cases = ids.len(), error = %failure, "cases cannot be loaded");
            let failure = Arc::new(failure);
            ids.into_iter().map(|id| (id, Err(Refused::Unreadable(failure.clone())))).collect()
        }
    }
}

fn told_of(id: &CaseId, loaded: Loaded) -> Result<Case, Refused> {
    match loaded {
        Ok(Ok(case)) => Ok(case),
        Ok(Err(damage)) => {
            error!(case = %id, error = %damage, "history cannot be read");
            Err(Refused::Damaged(Arc::new(damage)))
        }
        Err(failure) => {
            error!(case = %id, error = %failure, "case cannot be loaded");
            Err(Refused::Unreadable(Arc::new(failure)))
        }
    }
}
