//! All open tickets that carry our mark, page by page.

use std::collections::HashSet;

use belay_connect::{HumanQueue, QueueError, QueueErrorKind};
use belay_domain::OurTicket;

/// A list that is longer has no end: twenty times the tickets that one installation is made for.
const PAGES_MAX: usize = 2_000;

/// The whole list. A part of it would make ghosts of the rest, so any error is one of the whole.
pub(super) async fn all(queue: &dyn HumanQueue) -> Result<Vec<OurTicket>, QueueError> {
    let (mut all, mut seen, mut place) = (Vec::new(), HashSet::new(), None);
    for _ in 0..PAGES_MAX {
        let page = queue.ours(place.as_deref()).await?;
        for one in page.tickets {
            // A ticket may move from one page to the next while we read.
            if seen.insert((one.correlation.clone(), one.ticket.clone())) {
                all.push(one);
            }
        }
        match page.next {
            None => return Ok(all),
            next if next == place => break,
            next => place = next,
        }
    }
    let detail = format!("the list of our tickets does not end; {} were shown", all.len());
    Err(QueueError::new(QueueErrorKind::NotUnderstood, detail))
}
