//! Putting exactly one ticket for a step into a human queue.
//!
//! Look whether somebody can be reached, look whether the ticket is already there, create it, and look until
//! it is seen. An answer that got lost, a search that lags and a process that died in the middle must not
//! lead to two tickets: whoever is not sure looks for as long as the search may lag before creating, and a
//! second ticket that turns up later is withdrawn with a note.

#[cfg(test)]
mod tests;

use std::time::Duration;

use belay_domain::{Correlation, TicketId, Unreachable};
use belay_planted::{Bug, planted};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::{HumanQueue, NewTicket, QueueError, QueueErrorKind};

/// So many times the settling time a ticket is looked for, however slow the searches are.
const LOOKED_AT_MOST: u32 = 3;

/// How long a system's search may lag behind its creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// How long to look before a ticket that is not found counts as not there.
    pub within: Duration,
    /// How often to look meanwhile.
    pub every: Duration,
}

impl Default for Settling {
    /// Ten seconds: searches of hosted ticket systems lag by a few.
    fn default() -> Self {
        Self { within: Duration::from_secs(10), every: Duration::from_secs(1) }
    }
}

/// Whether an earlier attempt may have created the ticket already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nobody has asked for this ticket before; one search is enough before creating it.
    First,
    /// An earlier attempt failed, or a process that may have made one is gone. Looks for the whole settling
    /// time before creating.
    Again,
}

/// A ticket that its system says it has. E1: proves nothing, read it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The ticket.
    pub ticket: TicketId,
    /// Whether a search has found it.
    pub found: bool,
    /// Whether this call created it; otherwise it was there already.
    pub created: bool,
    /// Further tickets for the same step that were withdrawn.
    pub withdrawn: Vec<TicketId>,
}

/// Why there is no ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPlaced {
    /// Nobody can be reached through the queue, so nothing was created: take the next step.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The system refused for good: take the next step.
    #[error("the ticket was refused: {0}")]
    Refused(#[source] QueueError),
    /// It did not work this time. Try later, and then as [`Attempt::Again`].
    #[error("the ticket could not be placed yet: {0}")]
    Later(#[source] QueueError),
}

impl NotPlaced {
    /// Whether trying again can help.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Later(_))
    }
}

impl From<QueueError> for NotPlaced {
    fn from(error: QueueError) -> Self {
        if error.retryable() { Self::Later(error) } else { Self::Refused(error) }
    }
}

/// Puts `ticket` into its queue, or finds it there. Creates at most once per call, and never after a failure
/// that leaves open whether it was created.
pub async fn place(
    queue: &dyn HumanQueue,
    ticket: &NewTicket,
    attempt: Attempt,
    settling: Settling,
) -> Result<Placed, NotPlaced> {
    let looked = match attempt {
        Attempt::Again if planted(Bug::CreateRetriedBlindly) => Vec::new(),
        Attempt::First => queue.find(&ticket.correlation).await?,
        Attempt::Again => look(queue, &ticket.correlation, settling).await?,
    };
    // Before the queue is inspected: a ticket that exists is the step's ticket, whatever the queue is like.
    if let Some((keep, others)) = looked.split_first() {
        return Ok(already(queue, keep, others).await);
    }
    queue.inspect(&ticket.queue).await?.reachable()?;
    match queue.create(ticket).await {
        Ok(created) => {
            info!(case = %ticket.case, correlation = %ticket.correlation, ticket = %created, "ticket accepted");
            // Failing to look does not undo the create; reading the ticket back will tell.
            let mut tickets = look(queue, &ticket.correlation, settling).await.unwrap_or_default();
            let found = tickets.contains(&created);
            if !found {
                tickets.push(created.clone());
            }
            let keep = tickets.first().unwrap_or(&created).clone();
            let withdrawn = withdraw_all(queue, tickets.iter().skip(1), &keep).await;
            let created = keep == created;
            Ok(Placed { ticket: keep, found: found || !created, created, withdrawn })
        }
        Err(error) if error.may_have_happened() => {
            warn!(case = %ticket.case, correlation = %ticket.correlation, %error, "ticket may have been created");
            match look(queue, &ticket.correlation, settling).await.as_deref() {
                Ok([keep, others @ ..]) => Ok(already(queue, keep, others).await),
                _ => Err(NotPlaced::Later(error)),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Withdraws every ticket of the step but `keep`, with a note. What could not be withdrawn is left for the
/// next time. Worth calling now and then while a step lasts: a search may show a second ticket late.
pub async fn withdraw_forks(
    queue: &dyn HumanQueue,
    correlation: &Correlation,
    keep: &TicketId,
) -> Result<Vec<TicketId>, QueueError> {
    let found = queue.find(correlation).await?;
    Ok(withdraw_all(queue, found.iter().filter(|ticket| *ticket != keep), keep).await)
}

/// Looks until something is found or the settling time has passed. Only searches that work all that time say that a
/// ticket is not there: a system that stood still does what it was asked before when it goes on, and is searched
/// meanwhile.
async fn look(
    queue: &dyn HumanQueue,
    correlation: &Correlation,
    settling: Settling,
) -> Result<Vec<TicketId>, QueueError> {
    let begun = Instant::now();
    let mut works_since = begun;
    loop {
        let asked = Instant::now();
        let found = queue.find(correlation).await;
        let now = Instant::now();
        if found.is_err() || now - asked > settling.within / 2 {
            works_since = now;
        }
        let until = works_since + settling.within;
        match found {
            Ok(found) if !found.is_empty() || now >= until => return Ok(found),
            Ok(_) if now >= begun + settling.within * LOOKED_AT_MOST => {
                let detail = "searches take too long to tell whether the ticket is there";
                return Err(QueueError::new(QueueErrorKind::Unavailable, detail));
            }
            Err(error) if !error.retryable() || now >= begun + settling.within => {
                return Err(error);
            }
            _ => sleep_until((now + settling.every).min(until)).await,
        }
    }
}

/// The ticket that was there already, with any others withdrawn.
async fn already(queue: &dyn HumanQueue, keep: &TicketId, others: &[TicketId]) -> Placed {
    let withdrawn = withdraw_all(queue, others.iter(), keep).await;
    Placed { ticket: keep.clone(), found: true, created: false, withdrawn }
}

async fn withdraw_all<'a>(
    queue: &dyn HumanQueue,
    tickets: impl Iterator<Item = &'a TicketId>,
    keep: &TicketId,
) -> Vec<TicketId> {
    let mut withdrawn = Vec::new();
    for ticket in tickets {
        let note = format!("The same request is in ticket {keep}. This one is not needed.");
        match queue.withdraw(ticket, &note).await {
            Ok(()) => withdrawn.push(ticket.clone()),
            Err(error) => warn!(%ticket, %keep, %error, "second ticket could not be withdrawn"),
        }
    }
    withdrawn
}
