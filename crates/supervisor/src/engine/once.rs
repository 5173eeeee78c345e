//! A request that changes a case at most once, whatever happens in between: the append that carries it out also
//! claims its id, so a repeat is recognised after a restart and answered with what the first one led to.

use std::sync::Arc;

use belay_domain::{CaseId, Digest, Event};
use belay_journal::Claim;

use super::entry::ANSWERED;
use super::stored::decode;
use super::{Applied, Engine, Refused};

/// A request by its name, and what it asks for.
#[derive(Clone, Debug)]
pub(crate) struct Once {
    key: String,
    content: Digest,
}

impl Once {
    /// Requests are told apart by `key` within a tenant; `content` tells whether a repeat asks for the same.
    pub(crate) fn new(key: &str, content: Digest) -> Self {
        // Names are as long as callers like, and keys stand in an index.
        Self { key: Digest::of(key.as_bytes()).to_string(), content }
    }

    /// What this request claims when it led to the events of a case after `from` up to `to`; nothing, if it
    /// changed nothing.
    pub(super) fn claim(&self, case: &CaseId, from: u64, to: u64) -> Option<Claim> {
        let holder = format!("{}@{case}@{from}@{to}", self.content);
        (from < to).then(|| Claim { kind: ANSWERED.to_owned(), key: self.key.clone(), holder })
    }

    /// What the request led to when it was carried out before: the case as it is now, the events of then. None if
    /// it was not.
    pub(super) async fn look(
        &self,
        engine: &Engine,
        case: &CaseId,
    ) -> Result<Option<Applied>, Refused> {
        let unreadable = |failure| Refused::Unreadable(Arc::new(failure));
        // Whose case it is is not known before it is loaded, and it has to be for the command in any case.
        let Some(now) = engine.case(case).await? else { return Ok(None) };
        let Some(tenant) = &now.tenant else { return Ok(None) };
        let journal = engine.journal();
        let held = journal.claim(tenant.as_str(), ANSWERED, &self.key).await.map_err(unreadable)?;
        let Some(held) = held else { return Ok(None) };
        let mut parts = held.split('@');
        let content = parts.next().unwrap_or_default();
        if content != self.content.to_string() || parts.next() != Some(case.as_str()) {
            return Err(Refused::KeyReused);
        }
        let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok()).unwrap_or(0);
        let (from, to) = (number(), number());
        let count = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        let stored = journal.events_of(case.as_str(), from, count).await.map_err(unreadable)?;
        let events = stored.iter().map(decode).collect::<Result<Vec<Event>, _>>();
        let events = events.map_err(|damage| Refused::Damaged(Arc::new(damage)))?;
        Ok(Some(Applied { case: now, events: events.into() }))
    }
}
