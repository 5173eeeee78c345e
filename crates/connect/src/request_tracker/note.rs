//! What people wrote on a ticket, what they left with it, and what we said there ourselves.

use std::collections::BTreeMap;

use belay_domain::{PersonId, Statement, TicketId};

use super::history::is_of;
use super::record::{Attachment, Items, Transaction};
use super::{RequestTracker, record};
use crate::{QueueError, QueueErrorKind};

/// The most of a note that is passed on, in characters. The whole of it stays in RT.
const NOTE_LENGTH_MAX: usize = 4_096;

/// Attachments in one answer; RT gives at most 100.
const PAGE: usize = 100;

/// The most pages of attachments that are read of one ticket.
const PAGES_MAX: usize = 20;

const FIELDS: &str = "TransactionId,ContentType,Content,Filename";

/// What whoever closed a ticket left on it.
#[derive(Debug, Default)]
pub(super) struct Note {
    pub(super) text: String,
    /// Where the files are that came with it.
    pub(super) files: Vec<String>,
}

impl RequestTracker {
    /// The last thing that whoever closed the ticket wrote on it. Empty if there is none or it cannot be
    /// read: a note that is not shown takes nothing from what was done.
    pub(super) async fn note(
        &self,
        ticket: &str,
        transactions: &[Transaction],
        closer: &str,
    ) -> Note {
        let last = transactions.iter().rev().find(|transaction| {
            is_of(transaction, ticket) && transaction.creator.id == closer && is_said(transaction)
        });
        let Some(last) = last else { return Note::default() };
        let Ok(attachments) = self.attachments(ticket).await else { return Note::default() };
        let with_it = || attachments.iter().filter(|one| one.transaction == last.id);
        let files = with_it().filter_map(|one| {
            let name = one.filename.as_deref().filter(|name| !name.is_empty())?;
            let (transaction, id) = (one.transaction, one.id.as_deref()?);
            let url = self.config.web_url();
            Some(format!("{url}/Ticket/Attachment/{transaction}/{id}/{}", record::segment(name)))
        });
        let text = text_of(&attachments, last.id);
        Note { text: text.chars().take(NOTE_LENGTH_MAX).collect(), files: files.collect() }
    }

    /// Everything that was written on a ticket after it was created, oldest first.
    pub(super) async fn said(&self, ticket: &TicketId) -> Result<Vec<Statement>, QueueError> {
        let Some(transactions) = self.transactions(ticket.as_str()).await? else {
            return Ok(Vec::new());
        };
        let own = transactions.iter().filter(|one| is_of(one, ticket.as_str()) && is_said(one));
        // Our own comments are no news, and most tickets have no others.
        let ours = &self.config.account;
        let by_others =
            |one: &&Transaction| record::id::<PersonId>(&one.creator.id).as_ref() != Some(ours);
        let said: Vec<_> = own.filter(by_others).collect();
        if said.is_empty() {
            return Ok(Vec::new());
        }
        let attachments = self.attachments(ticket.as_str()).await?;
        let (mut statements, mut kinds) = (Vec::new(), BTreeMap::new());
        for one in said {
            let actor = self.who(&one.creator.id, None, &mut kinds).await?;
            let text = text_of(&attachments, one.id);
            let text = text.chars().take(NOTE_LENGTH_MAX).collect();
            statements.push(Statement { id: one.id.to_string(), actor, text });
        }
        Ok(statements)
    }

    /// Whether a comment of ours with these words is among the transactions of a ticket. One of ours whose words are not
    /// shown may be it.
    pub(super) async fn has_said(
        &self,
        ticket: &str,
        transactions: &[Transaction],
        note: &str,
    ) -> Result<bool, QueueError> {
        let ours = |one: &&Transaction| {
            let by: Option<PersonId> = record::id(&one.creator.id);
            is_of(one, ticket) && one.kind == "Comment" && by.as_ref() == Some(&self.config.account)
        };
        let ours: Vec<&Transaction> = transactions.iter().filter(ours).collect();
        if ours.is_empty() {
            return Ok(false);
        }
        let attachments = match self.attachments(ticket).await {
            Ok(attachments) => attachments,
            Err(error) if error.kind == QueueErrorKind::Refused => return Ok(true),
            Err(error) => return Err(error),
        };
        Ok(ours.iter().any(|one| {
            let text = text_of(&attachments, one.id);
            text.is_empty() || text.split_whitespace().eq(note.split_whitespace())
        }))
    }

    async fn attachments(&self, ticket: &str) -> Result<Vec<Attachment>, QueueError> {
        let path = format!("/ticket/{}/attachments", record::segment(ticket));
        let (size, mut all) = (PAGE.to_string(), Vec::new());
        for page in 1..=PAGES_MAX {
            let page = page.to_string();
            let query = [("fields", FIELDS), ("per_page", size.as_str()), ("page", page.as_str())];
            let found = self.get::<Items<Attachment>>(&path, &query).await?;
            let items = found.map(|(found, _)| found.items).unwrap_or_default();
            let last = items.len() < PAGE;
            all.extend(items);
            if last {
                break;
            }
        }
        Ok(all)
    }
}

/// Whether somebody wrote something by it.
fn is_said(transaction: &Transaction) -> bool {
    matches!(transaction.kind.as_str(), "Comment" | "Correspond")
}

/// The plain text that came with a transaction.
fn text_of(attachments: &[Attachment], transaction: u64) -> String {
    let text = attachments.iter().find(|attachment| {
        attachment.transaction == transaction
            && attachment.content_type.as_deref() == Some("text/plain")
            && attachment.filename.as_deref().is_none_or(str::is_empty)
    });
    let text = text.and_then(|attachment| attachment.content.as_deref()).unwrap_or_default();
    mended(text).trim().to_owned()
}

/// RT 5.0 gives the bytes of a text as if each were a character; later ones give the text.
fn mended(text: &str) -> String {
    let bytes: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter).ok()).collect();
    let mended = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    mended.unwrap_or_else(|| text.to_owned())
}
