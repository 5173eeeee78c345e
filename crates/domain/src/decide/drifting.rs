//! What people change on a ticket that is waited for. Nothing follows from it but that it is known: whether they still
//! hold the ticket is judged by looks alone.

use super::Deciding;
use crate::reconciliation::brief;
use crate::{Correlation, Drifted, EventKind, TicketId};

/// How often a change of one field of a ticket is kept. A rule that goes on writing must not fill the journal.
const TIMES_MAX: u32 = 20;

impl Deciding {
    /// A field of the step's ticket is now `now`, and was `was` before anybody changed it.
    pub(super) fn drifted(
        &mut self,
        step: &Correlation,
        ticket: &TicketId,
        field: Drifted,
        [was, now]: [&str; 2],
    ) {
        let Some(found) = self.escalation_of_step(step) else { return };
        if found.ticket() != Some(ticket) {
            return;
        }
        let known = found.drifted.iter().find(|known| known.field == field);
        let was = known.map_or_else(|| brief(was), |known| known.was.clone());
        let (now, before) = (brief(now), known.map_or(&was, |known| &known.now));
        if now == *before || known.is_some_and(|known| known.times >= TIMES_MAX) {
            return;
        }
        let (escalation, ticket) = (found.id.clone(), ticket.clone());
        self.emit(EventKind::TicketDrifted { escalation, ticket, field, was, now });
    }
}
