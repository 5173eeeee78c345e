//! What a person wrote when they closed a ticket.

use super::history::is_of;
use super::record::{Attachment, Items, Transaction};
use super::{RequestTracker, record};

/// The most of a note that is passed on, in characters. The whole of it stays in RT.
const NOTE_LENGTH_MAX: usize = 4_096;

impl RequestTracker {
    /// The last thing that whoever closed the ticket wrote on it. Empty if there is none or it cannot be
    /// read: a note that is not shown takes nothing from what was done.
    pub(super) async fn note(
        &self,
        ticket: &str,
        transactions: &[Transaction],
        closer: &str,
    ) -> String {
        let last = transactions.iter().rev().find(|transaction| {
            is_of(transaction, ticket)
                && transaction.creator.id == closer
                && matches!(transaction.kind.as_str(), "Comment" | "Correspond")
        });
        let Some(last) = last else { return String::new() };
        let path = format!("/ticket/{}/attachments", record::segment(ticket));
        let query = [("fields", "TransactionId,ContentType,Content"), ("per_page", "100")];
        let Ok(Some((attachments, _))) = self.get::<Items<Attachment>>(&path, &query).await else {
            return String::new();
        };
        let text = attachments.items.into_iter().find(|attachment| {
            attachment.transaction == last.id
                && attachment.content_type.as_deref() == Some("text/plain")
        });
        let text = text.and_then(|attachment| attachment.content).unwrap_or_default();
        mended(&text).trim().chars().take(NOTE_LENGTH_MAX).collect()
    }
}

/// RT 5.0 gives the bytes of a text as if each were a character; later ones give the text.
fn mended(text: &str) -> String {
    let bytes: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(letter).ok()).collect();
    let mended = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    mended.unwrap_or_else(|| text.to_owned())
}
