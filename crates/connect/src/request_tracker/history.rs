//! What was done to a ticket, from its transactions.
//!
//! RT records one change of owner twice (`Set` and `SetWatcher`), sends mail as transactions of its own, and
//! shows in the history of one ticket also what was done to those that were merged into it.

use std::collections::BTreeMap;

use belay_domain::{Act, ActKind, ActorKind, PersonId, QueueFacts, TicketActor};

use super::record::{Items, Transaction};
use super::{RequestTracker, record};
use crate::{QueueError, QueueErrorKind};

const FIELDS: &str = "Type,Field,NewValue,Creator,ObjectId";

/// Transactions in one answer; RT gives at most 100.
const PAGE: usize = 100;

/// The longest history that is read. A ticket with more is a machine's diary; it counts as unreadable.
const PAGES_MAX: usize = 50;

/// Transactions by which nobody did anything to the ticket.
const NO_ACTS: [&str; 4] = ["Create", "SetWatcher", "EmailRecord", "CommentEmailRecord"];

impl RequestTracker {
    /// All transactions of the ticket itself, in RT's order. None if there is no such ticket.
    pub(super) async fn transactions(
        &self,
        ticket: &str,
    ) -> Result<Option<Vec<Transaction>>, QueueError> {
        let path = format!("/ticket/{}/history", record::segment(ticket));
        let (size, mut all) = (PAGE.to_string(), Vec::new());
        for page in 1..=PAGES_MAX {
            let page = page.to_string();
            let query = [("fields", FIELDS), ("per_page", size.as_str()), ("page", page.as_str())];
            let Some((found, _)) = self.get::<Items<Transaction>>(&path, &query).await? else {
                return Ok(None);
            };
            let last = found.items.len() < PAGE;
            all.extend(found.items);
            if last {
                all.sort_by_key(|transaction| transaction.id);
                all.dedup_by_key(|transaction| transaction.id);
                return Ok(Some(all));
            }
        }
        let detail = format!("the history is longer than {} entries", PAGE * PAGES_MAX);
        Err(QueueError::new(QueueErrorKind::NotUnderstood, detail))
    }

    /// What these transactions say was done to `ticket`, the oldest first.
    pub(super) async fn acts(
        &self,
        ticket: &str,
        transactions: &[Transaction],
        queue: Option<&QueueFacts>,
    ) -> Result<Vec<Act>, QueueError> {
        let (mut acts, mut kinds) = (Vec::new(), BTreeMap::new());
        let own = transactions.iter().filter(|transaction| is_of(transaction, ticket));
        for transaction in own.filter(|other| !NO_ACTS.contains(&other.kind.as_str())) {
            let actor = self.who(&transaction.creator.id, queue, &mut kinds).await?;
            let kind = match (transaction.kind.as_str(), transaction.field.as_deref()) {
                (_, Some("Owner")) => self.new_owner(transaction, &actor.name).await?,
                ("Set", Some("Queue")) => ActKind::Moved,
                ("Status", _) => ActKind::ChangedState,
                ("Correspond", _) => ActKind::Replied,
                ("Comment", _) => ActKind::Noted,
                _ => ActKind::Other,
            };
            acts.push(Act { actor, kind });
        }
        Ok(acts)
    }

    /// Whoever goes by this name; what they are is asked once per look.
    pub(super) async fn who(
        &self,
        name: &str,
        queue: Option<&QueueFacts>,
        kinds: &mut BTreeMap<PersonId, ActorKind>,
    ) -> Result<TicketActor, QueueError> {
        let name: PersonId = record::id(name).ok_or_else(|| nameless(name))?;
        let kind = match kinds.get(&name) {
            Some(kind) => *kind,
            None => self.kind(&name, queue).await?,
        };
        kinds.insert(name.clone(), kind);
        Ok(TicketActor { name, kind })
    }

    /// Taken, if the new owner is who made the change; given, if somebody else did.
    async fn new_owner(
        &self,
        transaction: &Transaction,
        actor: &PersonId,
    ) -> Result<ActKind, QueueError> {
        let number = transaction.new_value.as_deref().unwrap_or_default();
        let owner = match number.parse::<u64>() {
            Ok(_) => self.user(number).await?,
            Err(_) => None,
        };
        let owner = owner.ok_or_else(|| nameless(number))?;
        // RT numbers people; an account that is *named* like a number must not pass for one.
        if owner.number.as_deref() != Some(number) {
            return Err(nameless(number));
        }
        Ok(if owner.name.as_str() == NOBODY {
            ActKind::GaveBack
        } else if owner.name == *actor {
            ActKind::Took
        } else {
            ActKind::Assigned { to: owner.name.clone() }
        })
    }
}

/// The owner of a ticket that nobody owns.
pub(super) const NOBODY: &str = "Nobody";

/// Whether the transaction is of this ticket, rather than of one that was merged into it. One that does not
/// say so is not.
pub(super) fn is_of(transaction: &Transaction, ticket: &str) -> bool {
    transaction.object_id.as_deref() == Some(ticket)
}

fn nameless(name: &str) -> QueueError {
    let detail = format!("the history names an account {name:?} that cannot be told");
    QueueError::new(QueueErrorKind::NotUnderstood, detail)
}
