//! Many tickets of RT's in few requests: those we ask for by their numbers, and those that carry our mark.
//!
//! A search shows a ticket as it is now, but not what was done to it. What was done is read once and kept for as
//! long as the ticket says that it has not changed since: RT moves `LastUpdated` with every transaction. That has
//! the grain of a second, so what was read within a few seconds of a change is not kept.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belay_domain::{CaseId, OurTicket, QueueId, Reading, TicketId, TicketReading, Timestamp};
use futures_util::future::{join, join_all};
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use super::RequestTracker;
use super::history::NOBODY;
use super::queue::Looked;
use super::record::{self, Items, Listed, field};
use super::ticket::{Snapshot, ticket_id};
use crate::{OurTickets, QueueError, QueueErrorKind, Wanted};

/// RT shows at most so many in one answer.
const PAGE: usize = 100;

/// How many tickets one call reads well.
pub(super) const AT_ONCE: usize = 300;

/// How many requests a look at a queue takes, with its groups and owners.
const QUEUE_REQUESTS: usize = 4;

/// How many requests a ticket takes whose history has to be read.
const TICKET_REQUESTS: usize = 3;

/// So many tickets whose history has to be read are read at a time.
const READ_AT_A_TIME: usize = 4;

/// How far the clocks of the machines of one RT may be apart, with the grain of its times.
const CLOCKS_APART: i64 = 5;

/// How long a history is kept. A guard against what nobody thought of, not part of the reasoning.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// So many histories are kept.
const KEPT_MAX: usize = 20_000;

/// What a search tells of a ticket that we read.
const FIELDS: &str = "Queue,Status,Owner,CustomFields,LastUpdated";

/// What a search tells of a ticket that carries our mark.
const MARKED_FIELDS: &str = "Queue,Owner,CustomFields,Subject,Priority,LastUpdated,Status";

/// The histories that need not be read again.
#[derive(Debug, Default)]
pub(super) struct Histories(Mutex<HashMap<TicketId, Kept>>);

#[derive(Debug)]
struct Kept {
    updated: String,
    since: Instant,
    snapshot: Arc<Snapshot>,
}

impl RequestTracker {
    /// Reads these tickets, and each of their queues once.
    pub(super) async fn read_bulk(&self, wanted: &[Wanted]) -> Vec<Reading> {
        let mut queues: Vec<&QueueId> = wanted.iter().map(|one| &one.queue).collect();
        queues.sort_unstable();
        queues.dedup();
        let mut looks = Vec::with_capacity(queues.len());
        for queue in &queues {
            looks.push(self.bounded(self.look_at_queue(queue)));
        }
        let (looks, listed) = join(join_all(looks), self.listed(wanted)).await;
        let looked: BTreeMap<&QueueId, Looked> = queues
            .into_iter()
            .zip(looks)
            .filter_map(|(queue, look)| look.ok().map(|look| (queue, look)))
            .collect();
        let mut reads = Vec::with_capacity(wanted.len());
        for one in wanted {
            let shown = listed.as_ref().map(|listed| listed.get(&one.ticket));
            reads.push(self.read_listed(one, shown, looked.get(&one.queue)));
        }
        stream::iter(reads).buffered(READ_AT_A_TIME).collect().await
    }

    /// One page of the open tickets that carry our mark, by their numbers.
    pub(super) async fn list_ours(&self, after: Option<&str>) -> Result<OurTickets, QueueError> {
        let after = after.unwrap_or("0");
        if !is_number(after) {
            let detail = format!("{after:?} is no place in the list of tickets");
            return Err(QueueError::new(QueueErrorKind::Refused, detail));
        }
        let name = &self.config.correlation_field;
        let query =
            format!("'CF.{{{name}}}' IS NOT NULL AND Status = '__Active__' AND id > {after}");
        let hits = self.search(&query, MARKED_FIELDS).await?.0;
        // A search that understood something else must not pass for one that found nothing.
        let marked = |hit: &Listed| field(&hit.ticket.custom_fields, name).is_some();
        if hits.iter().any(|hit| !marked(hit)) {
            let detail = "the search answers with tickets that do not carry our mark";
            return Err(QueueError::new(QueueErrorKind::NotUnderstood, detail));
        }
        let last = hits.iter().filter_map(|hit| hit.ticket.id.parse::<u64>().ok()).max();
        let next = last.filter(|_| hits.len() >= PAGE).map(|last| last.to_string());
        let tickets = hits.into_iter().filter_map(|hit| self.our_ticket(hit)).collect();
        Ok(OurTickets { tickets, next })
    }

    /// How many requests a call for these takes.
    pub(super) fn bulk_requests(&self, wanted: &[Wanted]) -> u32 {
        let mut queues: Vec<&QueueId> = wanted.iter().map(|one| &one.queue).collect();
        queues.sort_unstable();
        queues.dedup();
        let unknown = self.histories.missing(wanted.iter().map(|one| &one.ticket));
        let requests =
            queues.len() * QUEUE_REQUESTS + wanted.len().div_ceil(PAGE) + unknown * TICKET_REQUESTS;
        u32::try_from(requests).unwrap_or(u32::MAX)
    }

    async fn read_listed(
        &self,
        wanted: &Wanted,
        listed: Result<Option<&Listed>, &QueueError>,
        looked: Option<&Looked>,
    ) -> Reading {
        let seen = match listed {
            Ok(Some(listed)) => self.seen(&wanted.ticket, listed).await,
            // Merged and deleted tickets are in no list; whether it is one of them is told by a read of its own.
            Ok(None) => {
                self.bounded(self.snapshot(&wanted.ticket)).await.map(|seen| seen.map(Arc::new))
            }
            Err(error) => Err(error.clone()),
        };
        let ticket = match seen {
            Ok(Some(seen)) => self.bounded(self.facts(&wanted.ticket, &seen, looked)).await,
            Ok(None) => Ok(TicketReading::Missing),
            Err(error) => Err(error),
        };
        let ticket =
            ticket.unwrap_or_else(|error| TicketReading::Unreadable { detail: error.to_string() });
        Reading { ticket, queue: looked.map(|looked| looked.facts.clone()) }
    }

    /// The ticket with its history: the one that is kept if nothing has happened since, or a new one.
    async fn seen(
        &self,
        id: &TicketId,
        listed: &Listed,
    ) -> Result<Option<Arc<Snapshot>>, QueueError> {
        if let Some(kept) = self.histories.recall(id, listed) {
            return Ok(Some(kept));
        }
        let Some(seen) = self.bounded(self.snapshot(id)).await? else { return Ok(None) };
        let seen = Arc::new(seen);
        if listed.settled {
            self.histories.keep(id, &listed.last_updated, &seen);
        } else {
            self.histories.forget(id);
        }
        Ok(Some(seen))
    }

    /// What a search tells of these tickets. Those with an id that is no number are left out.
    async fn listed(&self, wanted: &[Wanted]) -> Result<HashMap<TicketId, Listed>, QueueError> {
        let numbers: Vec<&str> =
            wanted.iter().map(|one| one.ticket.as_str()).filter(|id| is_number(id)).collect();
        let mut listed = HashMap::with_capacity(numbers.len());
        for part in numbers.chunks(PAGE) {
            let query: Vec<String> = part.iter().map(|id| format!("id = {id}")).collect();
            let (hits, date) = self.search(&query.join(" OR "), FIELDS).await?;
            for mut hit in hits {
                hit.settled = date.is_some_and(|date| hit.is_settled(date));
                listed.insert(ticket_id(&hit.ticket.id)?, hit);
            }
        }
        Ok(listed)
    }

    /// One page of a search, by number, and when RT answered by its own clock.
    async fn search(
        &self,
        query: &str,
        fields: &str,
    ) -> Result<(Vec<Listed>, Option<Timestamp>), QueueError> {
        let size = PAGE.to_string();
        let query = [
            ("query", query),
            ("fields", fields),
            ("fields[Queue]", "Name"),
            ("per_page", size.as_str()),
            ("orderby", "id"),
        ];
        let found = self.get::<Items<Listed>>("/tickets", &query).await?;
        let (found, headers) = found.ok_or_else(|| {
            QueueError::new(QueueErrorKind::NotUnderstood, "the search was answered with nothing")
        })?;
        let date = headers.get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
        Ok((found.items, date.and_then(record::moment)))
    }

    fn our_ticket(&self, hit: Listed) -> Option<OurTicket> {
        let Listed { ticket, subject, priority, .. } = hit;
        let correlation = field(&ticket.custom_fields, &self.config.correlation_field)?;
        let holder = Some(ticket.owner.id.as_str()).filter(|owner| *owner != NOBODY);
        Some(OurTicket {
            // A mark that is no id was not written by us.
            correlation: correlation.parse().ok()?,
            ticket: ticket.id.parse().ok()?,
            case: field(&ticket.custom_fields, &self.config.case_field)
                .and_then(|case| case.parse::<CaseId>().ok()),
            queue: self.names.of(&ticket.queue),
            holder: holder.and_then(record::id),
            subject,
            priority,
        })
    }
}

impl Listed {
    /// Whether nothing that happens from `now` on can leave the time of its last change as it is.
    fn is_settled(&self, now: Timestamp) -> bool {
        let updated = self.last_updated.parse::<Timestamp>();
        updated.is_ok_and(|updated| now.as_second() - updated.as_second() > CLOCKS_APART)
    }
}

impl Histories {
    fn recall(&self, id: &TicketId, listed: &Listed) -> Option<Arc<Snapshot>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(id).filter(|kept| kept.since.elapsed() < KEPT_FOR)?;
        let same = kept.updated == listed.last_updated && kept.snapshot.is_as(&listed.ticket);
        same.then(|| kept.snapshot.clone())
    }

    fn keep(&self, id: &TicketId, updated: &str, snapshot: &Arc<Snapshot>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT_MAX {
            all.retain(|_, kept| kept.since.elapsed() < KEPT_FOR);
        }
        if all.len() < KEPT_MAX || all.contains_key(id) {
            let (updated, snapshot) = (updated.to_owned(), snapshot.clone());
            all.insert(id.clone(), Kept { updated, since: Instant::now(), snapshot });
        }
    }

    fn forget(&self, id: &TicketId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn missing<'a>(&self, wanted: impl Iterator<Item = &'a TicketId>) -> usize {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh =
            |id: &TicketId| kept.get(id).is_some_and(|kept| kept.since.elapsed() < KEPT_FOR);
        wanted.filter(|id| !fresh(id)).count()
    }
}

fn is_number(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}
