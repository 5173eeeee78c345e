//! Following what happens. The journal is what is read, from the place where the watcher was; what is heard from
//! the engine only says when to look again. So a watcher misses nothing, however far behind it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use belay_api::v1;
use belay_domain::Case;
use belay_journal::{CaseRow, Query, StoredEvent};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};
use tonic::Response;

use crate::engine::Change;
use crate::service::stream::{Answer, Ended, Outlet, answer};
use crate::service::{Shared, unknown_position};
use crate::wire::{Fault, to_wire};

/// How many events are read at a time.
const EVENTS_AT_ONCE: usize = 500;

/// How often a watcher hears that it is up to date.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

/// Follows one case until it is resolved.
pub(super) fn one(
    shared: &Shared,
    case: &Arc<Case>,
    after: u64,
    changes: broadcast::Receiver<Change>,
) -> Result<Response<Answer<v1::WatchCaseResponse>>, Fault> {
    if after > case.seq {
        return Err(unknown_position(after, case.seq));
    }
    let watch = One { shared: shared.clone(), case: case.clone(), after };
    Ok(answer(shared, |outlet| watch.run(outlet, changes)))
}

struct One {
    shared: Shared,
    case: Arc<Case>,
    after: u64,
}

impl One {
    async fn run(
        mut self,
        outlet: Arc<Outlet<v1::WatchCaseResponse>>,
        mut changes: broadcast::Receiver<Change>,
    ) -> Result<(), Ended> {
        use v1::watch_case_response::Message;
        loop {
            self.send_what_is_new(&outlet).await?;
            if !self.case.is_open() && self.after >= self.case.seq {
                return Ok(());
            }
            let moment = v1::WatchPosition {
                position: self.after,
                at: Some(to_wire::time(self.shared.now())),
            };
            let message = Some(Message::CaughtUp(moment));
            outlet.send(v1::WatchCaseResponse { message }).await?;
            let next_sign = Instant::now() + SIGN_OF_LIFE_EVERY;
            while self.case.seq <= self.after {
                match timeout_at(next_sign, changes.recv()).await {
                    Ok(Ok(change)) if change.case.id == self.case.id => self.case = change.case,
                    Ok(Ok(_)) => {}
                    // What was missed stands in the journal.
                    Ok(Err(RecvError::Lagged(_))) => self.look_again().await?,
                    Ok(Err(RecvError::Closed)) => return Ok(()),
                    Err(_) => break,
                }
            }
        }
    }

    async fn look_again(&mut self) -> Result<(), Ended> {
        if let Some(case) = self.shared.engine.case(&self.case.id).await? {
            self.case = case;
        }
        Ok(())
    }

    async fn send_what_is_new(
        &mut self,
        outlet: &Outlet<v1::WatchCaseResponse>,
    ) -> Result<(), Ended> {
        use v1::watch_case_response::Message;
        while self.after < self.case.seq {
            let journal = self.shared.engine.journal();
            let id = self.case.id.as_str();
            let events = journal.events_of(id, self.after, EVENTS_AT_ONCE).await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                let summary = to_wire::summary(&self.case, self.shared.now());
                let update = to_wire::case_update(event, Some(summary));
                let message = Some(Message::Update(update));
                outlet.send(v1::WatchCaseResponse { message }).await?;
                self.after = event.seq;
            }
        }
        Ok(())
    }
}

/// Follows all cases that match.
pub(super) fn many(
    shared: &Shared,
    query: Query,
    after: Option<u64>,
) -> Result<Response<Answer<v1::WatchCasesResponse>>, Fault> {
    let last = *shared.engine.journal().durable().borrow();
    let after = after.unwrap_or(last);
    if after > last {
        return Err(unknown_position(after, last));
    }
    let watch = Many { shared: shared.clone(), query, after };
    Ok(answer(shared, |outlet| watch.run(outlet)))
}

struct Many {
    shared: Shared,
    query: Query,
    after: u64,
}

impl Many {
    async fn run(mut self, outlet: Arc<Outlet<v1::WatchCasesResponse>>) -> Result<(), Ended> {
        use v1::watch_cases_response::Message;
        let mut durable = self.shared.engine.journal().durable();
        loop {
            self.send_what_is_new(&outlet).await?;
            let moment = v1::WatchPosition {
                position: self.after,
                at: Some(to_wire::time(self.shared.now())),
            };
            let message = Some(Message::CaughtUp(moment));
            outlet.send(v1::WatchCasesResponse { message }).await?;
            let next_sign = Instant::now() + SIGN_OF_LIFE_EVERY;
            while timeout_at(next_sign, durable.changed())
                .await
                .is_ok_and(|changed| changed.is_ok())
            {
                self.send_what_is_new(&outlet).await?;
            }
            if durable.has_changed().is_err() {
                return Ok(());
            }
        }
    }

    async fn send_what_is_new(
        &mut self,
        outlet: &Outlet<v1::WatchCasesResponse>,
    ) -> Result<(), Ended> {
        use v1::watch_cases_response::Message;
        loop {
            let journal = self.shared.engine.journal();
            let events = journal.tail(self.after, EVENTS_AT_ONCE).await?;
            let Some(last) = events.last().map(|event| event.position) else { return Ok(()) };
            let rows = self.rows(&events).await?;
            for event in &events {
                if let Some(row) = rows.get(&event.case) {
                    let summary = to_wire::row(row, self.shared.now());
                    let update = to_wire::case_update(event, Some(summary));
                    let message = Some(Message::Update(update));
                    outlet.send(v1::WatchCasesResponse { message }).await?;
                }
            }
            self.after = last;
        }
    }

    /// The lines of those cases that match, each read once.
    async fn rows(&self, events: &[StoredEvent]) -> Result<BTreeMap<String, CaseRow>, Ended> {
        let mut rows = BTreeMap::new();
        let journal = self.shared.engine.journal();
        let mut seen = std::collections::BTreeSet::new();
        for event in events.iter().filter(|event| event.tenant == self.query.tenant) {
            if !seen.insert(&event.case) {
                continue;
            }
            if let Some(row) = journal.get(&event.case).await?
                && matches(&self.query, &row)
            {
                rows.insert(event.case.clone(), row);
            }
        }
        Ok(rows)
    }
}

/// Whether a line is one that a search with this query would find.
pub(super) fn matches(query: &Query, row: &CaseRow) -> bool {
    let any = |wanted: &[String], found: &str| {
        wanted.is_empty() || wanted.iter().any(|wanted| wanted == found)
    };
    let is =
        |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    row.tenant == query.tenant
        && any(&query.status, &row.status)
        && any(&query.coverage, &row.coverage)
        && any(&query.kind, &row.kind)
        && is(&query.owner, &row.owner)
        && is(&query.owner_kind, &row.owner_kind)
        && is(&query.customer, &row.customer)
        && query.opened_after.is_none_or(|from| row.opened_at >= from)
        && query.opened_before.is_none_or(|before| row.opened_at < before)
        && query.text.as_deref().is_none_or(|text| says(row, text))
}

/// Whether every word begins some word of id, subject or customer.
fn says(row: &CaseRow, text: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let there = words(&format!("{} {} {}", row.case, row.subject, row.customer));
    words(text).iter().all(|wanted| there.iter().any(|word| word.starts_with(wanted)))
}

#[cfg(test)]
mod tests;
