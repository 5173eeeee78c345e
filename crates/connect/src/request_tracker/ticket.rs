//! Tickets of RT's: finding, creating, reading and withdrawing them.

use std::collections::BTreeMap;

use belay_domain::{
    Correlation, QueueFacts, QueueId, Reading, ResolutionCode, Standing, Statement, TicketFacts,
    TicketId, TicketReading, TicketResolution,
};
use futures_util::future::join;
use reqwest::Method;
use reqwest::header::{ETAG, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::history::{NOBODY, is_of};
use super::note::Note;
use super::queue::Looked;
use super::record::{self, FieldValue, Hit, Items, Ticket, Transaction, field};
use super::{RequestTracker, Sent, StatusMeaning, bulk};
use crate::{
    BoxFuture, Exchange, Finding, HumanQueue, NewTicket, OurTickets, QueueError, QueueErrorKind,
    Wanted,
};

/// How often a ticket that changes while it is being read is read again.
const READS_MAX: usize = 3;

/// So many tickets of one step are found; there should be one.
const FOUND_MAX: &str = "50";

/// A ticket and its history, both from the same moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    ticket: Ticket,
    transactions: Vec<Transaction>,
    revision: u64,
}

impl HumanQueue for RequestTracker {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async move {
            let looked = self.bounded(self.look_at_queue(queue)).await?;
            for field in [&self.config.case_field, &self.config.correlation_field] {
                if !looked.fields.contains(field) {
                    // RT would create the ticket without it, and nobody would find the ticket again.
                    let detail = format!(
                        "tickets of the queue {queue} have no custom field {field}, or the account \
                         may not see it"
                    );
                    return Err(QueueError::new(QueueErrorKind::Refused, detail));
                }
            }
            Ok(looked.facts)
        })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async move {
            let wanted = correlation.as_str();
            if wanted.contains(['\'', '"', '\\']) {
                let detail = format!("{wanted:?} cannot be searched for");
                return Err(QueueError::new(QueueErrorKind::Refused, detail));
            }
            let name = &self.config.correlation_field;
            let query = format!("'CF.{{{name}}}' = '{wanted}'");
            let query = [
                ("query", query.as_str()),
                ("fields", "CustomFields"),
                ("per_page", FOUND_MAX),
                ("orderby", "id"),
            ];
            let found = self.get::<Items<Hit>>("/tickets", &query).await?;
            let hits = found.map(|(found, _)| found.items).unwrap_or_default();
            // A search that understood something else must not pass for one that found.
            let mut ours: Vec<u64> = hits
                .iter()
                .filter(|hit| field(&hit.custom_fields, name) == Some(wanted))
                .map(|hit| hit.id)
                .collect();
            if ours.len() < hits.len() {
                let detail = "the search answers with tickets that do not carry what was searched";
                return Err(QueueError::new(QueueErrorKind::NotUnderstood, detail));
            }
            ours.sort_unstable();
            ours.into_iter().map(|id| ticket_id(&id.to_string())).collect()
        })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async move {
            let body = json!({
                "Queue": ticket.queue.as_str(),
                "Subject": ticket.subject,
                "Content": ticket.body,
                "ContentType": "text/plain",
                "CustomFields": {
                    self.config.case_field.as_str(): ticket.case.as_str(),
                    self.config.correlation_field.as_str(): ticket.correlation.as_str(),
                },
            });
            let answer = self.change(Method::POST, "/ticket", Sent::Json(&body), None).await?;
            let id = match &answer.json()["id"] {
                Value::String(id) => ticket_id(id).ok(),
                Value::Number(id) => ticket_id(&id.to_string()).ok(),
                _ => None,
            };
            id.ok_or_else(|| {
                let detail = format!("the new ticket has no id in the answer: {}", answer.brief());
                QueueError::new(QueueErrorKind::NotUnderstood, detail)
            })
        })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let (queue, snapshot) =
                join(self.bounded(self.look_at_queue(queue)), self.bounded(self.snapshot(ticket)))
                    .await;
            let reading = match snapshot {
                Ok(Some(snapshot)) => {
                    self.bounded(self.facts(ticket, &snapshot, queue.as_ref().ok())).await
                }
                Ok(None) => Ok(TicketReading::Missing),
                Err(error) => Err(error),
            };
            let ticket = reading
                .unwrap_or_else(|error| TicketReading::Unreadable { detail: error.to_string() });
            Reading { ticket, queue: queue.ok().map(|looked| looked.facts) }
        })
    }

    fn read_many<'a>(&'a self, wanted: &'a [Wanted]) -> BoxFuture<'a, Vec<Reading>> {
        Box::pin(self.read_bulk(wanted))
    }

    fn reads_at_once(&self) -> usize {
        bulk::AT_ONCE
    }

    fn requests_for(&self, wanted: &[Wanted]) -> u32 {
        self.bulk_requests(wanted)
    }

    fn statements<'a>(
        &'a self,
        ticket: &'a TicketId,
    ) -> BoxFuture<'a, Result<Vec<Statement>, QueueError>> {
        Box::pin(self.bounded(self.said(ticket)))
    }

    fn prove<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<Vec<Finding>, QueueError>> {
        Box::pin(self.proof(queue))
    }

    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        Box::pin(self.list_ours(page))
    }

    fn overheard(&self) -> Option<Vec<Exchange>> {
        let mut overheard = self.rest.overheard().take();
        overheard.extend(self.web.overheard().take());
        Some(overheard)
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            let Some(seen) = self.snapshot(ticket).await? else { return Ok(()) };
            let (_, lifecycle) = self.other_queue(&seen.ticket.queue.id).await?;
            let open = match self.config.meaning(&lifecycle, &seen.ticket.status) {
                Some(meaning) => meaning == StatusMeaning::Open,
                None => seen.ticket.status != "deleted",
            };
            // Closed is closed, and what our ticket was merged into is somebody else's.
            if !open || seen.ticket.id != ticket.as_str() {
                return Ok(());
            }
            let seen = self.say(ticket, seen, note).await?;
            self.close_unheld(ticket, &seen, &lifecycle).await
        })
    }

    fn tell<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            let Some(seen) = self.snapshot(ticket).await? else { return Ok(()) };
            let gone = seen.ticket.status == "deleted" || seen.ticket.id != ticket.as_str();
            if !gone {
                self.say(ticket, seen, note).await?;
            }
            Ok(())
        })
    }
}

impl RequestTracker {
    /// Reads ticket and history until both are from the same moment.
    pub(super) async fn snapshot(&self, id: &TicketId) -> Result<Option<Snapshot>, QueueError> {
        let path = format!("/ticket/{}", record::segment(id.as_str()));
        let Some((mut ticket, mut headers)) = self.get::<Ticket>(&path, &[]).await? else {
            return Ok(None);
        };
        for _ in 0..READS_MAX {
            let Some(transactions) = self.transactions(&ticket.id).await? else { return Ok(None) };
            let newest = transactions.last().map_or(0, |transaction| transaction.id);
            let version = version(&headers);
            // RT's tag of a ticket is the number of its latest transaction.
            if version == Some(newest) {
                return Ok(Some(Snapshot { ticket, transactions, revision: newest }));
            }
            let Some((again, later)) = self.get::<Ticket>(&path, &[]).await? else {
                return Ok(None);
            };
            // The latest may be one that we may not see; then the tag at least stands still.
            let still = again.id == ticket.id && headers.get(ETAG) == later.get(ETAG);
            if still && headers.get(ETAG).is_some() {
                let revision = version.unwrap_or(newest).max(newest);
                return Ok(Some(Snapshot { ticket: again, transactions, revision }));
            }
            (ticket, headers) = (again, later);
        }
        let detail = "the ticket changes faster than it can be read";
        Err(QueueError::new(QueueErrorKind::Unavailable, detail))
    }

    pub(super) async fn facts(
        &self,
        asked: &TicketId,
        seen: &Snapshot,
        looked: Option<&Looked>,
    ) -> Result<TicketReading, QueueError> {
        let Snapshot { ticket, transactions, revision } = seen;
        let id = ticket_id(&ticket.id)?;
        let (queue, lifecycle) = match looked {
            Some(looked) if looked.number == ticket.queue.id => {
                (looked.facts.queue.clone(), Some(looked.lifecycle.clone()))
            }
            _ => match self.other_queue(&ticket.queue.id).await {
                Ok((queue, lifecycle)) => (queue, Some(lifecycle)),
                // A queue that we may not see is known by its number at least.
                Err(error) if error.kind == QueueErrorKind::Refused => {
                    (numbered(&ticket.queue.id)?, None)
                }
                Err(error) => return Err(error),
            },
        };
        let standing = if id == *asked {
            self.standing(lifecycle.as_deref(), &ticket.status)
        } else {
            Standing::Merged { into: id.clone() }
        };
        let facts = looked.map(|looked| &looked.facts);
        let mut kinds = BTreeMap::new();
        let holder = match ticket.owner.id.as_str() {
            NOBODY => None,
            name => Some(self.who(name, facts, &mut kinds).await?),
        };
        let resolution = if matches!(standing, Standing::Resolved | Standing::Rejected) {
            let closed = transactions.iter().rev().find(|transaction| {
                is_of(transaction, &ticket.id)
                    && transaction.kind == "Status"
                    && transaction.new_value.as_deref() == Some(ticket.status.as_str())
            });
            let (actor, note) = match closed {
                Some(closed) => {
                    let closer = &closed.creator.id;
                    let note = self.note(&ticket.id, transactions, closer).await;
                    (Some(self.who(closer, facts, &mut kinds).await?), note)
                }
                None => (None, Note::default()),
            };
            let Note { text: note, files: links } = note;
            Some(TicketResolution { actor, code: self.code(ticket), note, links })
        } else {
            None
        };
        Ok(TicketReading::Present(Box::new(TicketFacts {
            case: field(&ticket.custom_fields, &self.config.case_field)
                .and_then(|case| case.parse().ok()),
            correlation: field(&ticket.custom_fields, &self.config.correlation_field)
                .and_then(|correlation| correlation.parse().ok()),
            acts: self.acts(&ticket.id, transactions, facts).await?,
            ticket: id,
            queue,
            standing,
            revision: *revision,
            holder,
            resolution,
        })))
    }

    fn standing(&self, lifecycle: Option<&str>, status: &str) -> Standing {
        let meaning = lifecycle.and_then(|lifecycle| self.config.meaning(lifecycle, status));
        match meaning {
            Some(StatusMeaning::Open) => Standing::Open,
            Some(StatusMeaning::Resolved) => Standing::Resolved,
            Some(StatusMeaning::Rejected) => Standing::Rejected,
            Some(StatusMeaning::Deleted) => Standing::Deleted,
            // RT's own word, the same in every lifecycle.
            None if status == "deleted" => Standing::Deleted,
            None => Standing::Unknown { raw: status.to_owned() },
        }
    }

    /// The code that a person chose, in the taxonomy's words where the operator named them.
    fn code(&self, ticket: &Ticket) -> Option<ResolutionCode> {
        let name = self.config.resolution_field.as_deref()?;
        let said = field(&ticket.custom_fields, name)?.trim();
        self.config.resolutions.get(said).cloned().or_else(|| record::id(said))
    }

    /// Leaves a comment with these words, unless one is there. The ticket as it is with it.
    async fn say(
        &self,
        ticket: &TicketId,
        seen: Snapshot,
        note: &str,
    ) -> Result<Snapshot, QueueError> {
        if self.has_said(&seen.ticket.id, &seen.transactions, note).await? {
            return Ok(seen);
        }
        let path = format!("/ticket/{}/comment", record::segment(ticket.as_str()));
        self.change(Method::POST, &path, Sent::Text(note), None).await?;
        let missing = || {
            let detail = "the comment was accepted and is not there";
            QueueError::new(QueueErrorKind::Refused, detail)
        };
        let seen = self.snapshot(ticket).await?.ok_or_else(missing)?;
        let said = self.has_said(&seen.ticket.id, &seen.transactions, note).await?;
        if said { Ok(seen) } else { Err(missing()) }
    }

    /// Closes a ticket that nobody holds, as it was last seen. Not being allowed to is fine: the comment is there.
    async fn close_unheld(
        &self,
        ticket: &TicketId,
        seen: &Snapshot,
        lifecycle: &str,
    ) -> Result<(), QueueError> {
        let path = format!("/ticket/{}", record::segment(ticket.as_str()));
        if seen.ticket.owner.id != NOBODY {
            return Ok(());
        }
        // Only if nothing happened since: a person who takes it in this moment keeps it.
        let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", seen.revision)) else {
            return Ok(());
        };
        // A refused change changes nothing, and so leaves the tag as it is; after one that worked, the tag
        // of before fits no more. So trying them in turn closes the ticket at most once.
        for status in self.config.rejected_statuses(lifecycle) {
            let body = json!({ "Status": status });
            match self.change(Method::PUT, &path, Sent::Json(&body), Some(&tag)).await {
                Err(error) if error.retryable() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Snapshot {
    /// Whether a list shows the ticket as it is here.
    pub(super) fn is_as(&self, listed: &Ticket) -> bool {
        let known = &self.ticket;
        let same = |name: &FieldValue| {
            let there = listed.custom_fields.iter().find(|other| other.name == name.name);
            there.is_some_and(|there| there.values == name.values)
        };
        known.id == listed.id
            && known.queue.id == listed.queue.id
            && known.status == listed.status
            && known.owner.id == listed.owner.id
            && known.custom_fields.len() == listed.custom_fields.len()
            && known.custom_fields.iter().all(same)
    }
}

/// The number in the tag of a ticket.
fn version(headers: &HeaderMap) -> Option<u64> {
    let tag = headers.get(ETAG)?.to_str().ok()?;
    tag.trim_start_matches("W/").trim_matches('"').parse().ok()
}

pub(super) fn ticket_id(id: &str) -> Result<TicketId, QueueError> {
    id.parse().map_err(|_| {
        QueueError::new(QueueErrorKind::NotUnderstood, format!("{id:?} is no ticket's id"))
    })
}

fn numbered(queue: &str) -> Result<QueueId, QueueError> {
    format!("#{queue}").parse().map_err(|_| {
        QueueError::new(QueueErrorKind::NotUnderstood, format!("{queue:?} is no queue's number"))
    })
}
