//! What people, and Belay, do to a ticket of the desk. Each act is recorded with the change it makes, or
//! nothing is.

use belay_domain::{ActKind, PersonId, QueueId, RequestId, ResolutionCode, TicketId};
use rusqlite::params;

use super::{Store, moment, number, row};
use crate::desk::shift::on_shift;
use crate::desk::{DeskError, DeskStaff, DeskTicket, TicketStanding};

/// The longest note or reply. Long enough for a page of text with a log excerpt in it.
const TEXT_LENGTH_MAX: usize = 64 * 1_024;

impl Store {
    pub(in crate::desk) fn take(
        &mut self,
        person: &PersonId,
        ticket: &TicketId,
    ) -> Result<(), DeskError> {
        let mut found = self.open_ticket(ticket)?;
        let member = self.staff(person, &found.queue)?;
        self.may_hold(member, &found.queue)?;
        let duty = on_shift(member, self.said(person)?, moment(self));
        if duty == Some(false) {
            return Err(DeskError::OffShift { person: person.clone() });
        }
        match &found.holder {
            // Given to them by somebody else: this is the act by which they take it.
            Some(holder) if holder == person => {}
            Some(holder) => {
                return Err(DeskError::HeldBy { ticket: ticket.clone(), holder: holder.clone() });
            }
            None => {}
        }
        found.holder = Some(person.clone());
        self.record(&found, person, &ActKind::Took, "")
    }

    pub(in crate::desk) fn give_back(
        &mut self,
        person: &PersonId,
        ticket: &TicketId,
    ) -> Result<(), DeskError> {
        let mut found = self.held(person, ticket)?;
        found.holder = None;
        self.record(&found, person, &ActKind::GaveBack, "")
    }

    pub(in crate::desk) fn note(
        &mut self,
        person: &PersonId,
        ticket: &TicketId,
        text: &str,
        request: Option<&RequestId>,
    ) -> Result<(), DeskError> {
        written(text)?;
        let found = self.head(ticket)?;
        self.staff(person, &found.queue)?;
        // Two people may use the same request id.
        let request = request.map(|request| format!("{person}/{request}"));
        if self.is_known(request.as_deref())? {
            return Ok(());
        }
        self.record_once(&found, person, &ActKind::Noted, text, request.as_deref())
    }

    pub(in crate::desk) fn reply(
        &mut self,
        person: &PersonId,
        ticket: &TicketId,
        text: &str,
    ) -> Result<(), DeskError> {
        written(text)?;
        let found = self.held(person, ticket)?;
        self.record(&found, person, &ActKind::Replied, text)
    }

    pub(in crate::desk) fn resolve(
        &mut self,
        person: &PersonId,
        ticket: &TicketId,
        code: &ResolutionCode,
        note: &str,
    ) -> Result<(), DeskError> {
        if !note.trim().is_empty() {
            written(note)?;
        }
        let mut found = self.held(person, ticket)?;
        let codes = &self.config.codes;
        if !codes.is_empty() && !codes.contains(code) {
            let known: Vec<&str> = codes.iter().map(ResolutionCode::as_str).collect();
            return Err(DeskError::UnknownCode { code: code.clone(), known: known.join(", ") });
        }
        found.standing = TicketStanding::Resolved;
        found.resolution = Some(code.clone());
        self.record(&found, person, &ActKind::ChangedState, note)
    }

    pub(in crate::desk) fn assign(
        &mut self,
        person: &PersonId,
        ticket: &TicketId,
        to: &PersonId,
    ) -> Result<(), DeskError> {
        let mut found = self.open_ticket(ticket)?;
        self.staff(person, &found.queue)?;
        self.may_hold(self.staff(to, &found.queue)?, &found.queue)?;
        found.holder = Some(to.clone());
        self.record(&found, person, &ActKind::Assigned { to: to.clone() }, "")
    }

    pub(in crate::desk) fn move_to(
        &mut self,
        person: &PersonId,
        ticket: &TicketId,
        queue: &QueueId,
    ) -> Result<(), DeskError> {
        let mut found = self.open_ticket(ticket)?;
        self.staff(person, &found.queue)?;
        let target = self.config.queue(queue);
        let target = target.ok_or_else(|| DeskError::NoQueue { queue: queue.clone() })?;
        if !target.enabled {
            return Err(DeskError::QueueDisabled { queue: queue.clone() });
        }
        found.queue = queue.clone();
        found.holder = None;
        self.record(&found, person, &ActKind::Moved, "")
    }

    /// Closes the ticket if nobody holds it, else leaves a note; does nothing if it is closed or if this
    /// very note is there already.
    pub(in crate::desk) fn withdraw(
        &mut self,
        ticket: &TicketId,
        note: &str,
    ) -> Result<(), DeskError> {
        let mut found = self.ticket(ticket)?;
        let ourselves = self.config.ourselves.clone();
        if found.standing != TicketStanding::Open {
            return Ok(());
        }
        if found.holder.is_none() {
            found.standing = TicketStanding::Withdrawn;
            return self.record(&found, &ourselves, &ActKind::ChangedState, note);
        }
        self.say(&found, note)
    }

    /// Leaves a note, unless the ticket is closed or this very note is there already.
    pub(in crate::desk) fn tell(&mut self, ticket: &TicketId, note: &str) -> Result<(), DeskError> {
        let found = self.ticket(ticket)?;
        if found.standing != TicketStanding::Open { Ok(()) } else { self.say(&found, note) }
    }

    /// Says something at a ticket, once.
    fn say(&mut self, ticket: &DeskTicket, note: &str) -> Result<(), DeskError> {
        let ourselves = self.config.ourselves.clone();
        let said = |act: &crate::desk::DeskAct| act.actor == ourselves && act.text == note;
        if ticket.acts.iter().any(said) {
            return Ok(());
        }
        self.record(ticket, &ourselves, &ActKind::Noted, note)
    }

    /// The one who works on a queue, if their account may be used.
    fn staff(&self, person: &PersonId, queue: &QueueId) -> Result<&DeskStaff, DeskError> {
        let member = self.config.queue(queue).and_then(|queue| queue.member(person));
        match member {
            Some(member) if member.enabled => Ok(member),
            Some(_) => Err(DeskError::AccountDisabled { person: person.clone() }),
            None => Err(DeskError::NotStaff { person: person.clone(), queue: queue.clone() }),
        }
    }

    fn may_hold(&self, member: &DeskStaff, queue: &QueueId) -> Result<(), DeskError> {
        if member.may_take {
            return Ok(());
        }
        Err(DeskError::MayNotTake { person: member.person.clone(), queue: queue.clone() })
    }

    fn open_ticket(&self, ticket: &TicketId) -> Result<DeskTicket, DeskError> {
        let found = self.head(ticket)?;
        if found.standing != TicketStanding::Open {
            return Err(DeskError::Closed { ticket: ticket.clone() });
        }
        Ok(found)
    }

    /// An open ticket that this person holds and took, rather than was given.
    fn held(&self, person: &PersonId, ticket: &TicketId) -> Result<DeskTicket, DeskError> {
        let found = self.open_ticket(ticket)?;
        self.staff(person, &found.queue)?;
        if found.holder.as_ref() != Some(person) {
            return Err(DeskError::NotHolder { ticket: ticket.clone(), person: person.clone() });
        }
        Ok(found)
    }

    /// Whether an act of this request is written already.
    fn is_known(&self, request: Option<&str>) -> Result<bool, DeskError> {
        let mut known = self.file.prepare_cached("SELECT 1 FROM act WHERE request = ?1")?;
        Ok(known.exists([request])?)
    }

    /// Writes what the ticket has become, and the act that made it so.
    fn record(
        &mut self,
        ticket: &DeskTicket,
        actor: &PersonId,
        kind: &ActKind,
        text: &str,
    ) -> Result<(), DeskError> {
        self.record_once(ticket, actor, kind, text, None)
    }

    /// The same for a request that must not be carried out twice.
    fn record_once(
        &mut self,
        ticket: &DeskTicket,
        actor: &PersonId,
        kind: &ActKind,
        text: &str,
        request: Option<&str>,
    ) -> Result<(), DeskError> {
        let now = moment(self).to_string();
        let number = number(&ticket.id)?;
        let actor_kind = match self.config.queue(&ticket.queue).and_then(|q| q.member(actor)) {
            Some(member) => member.kind,
            None => self.config.kind(actor),
        };
        let (kind, given_to) = row::act_kind(kind);
        let change = self.file.transaction()?;
        change.execute(
            "UPDATE ticket SET queue = ?2, standing = ?3, holder = ?4, resolution = ?5,
                               revision = revision + 1, changed_at = ?6 WHERE number = ?1",
            params![
                number,
                ticket.queue.as_str(),
                row::standing(ticket.standing),
                ticket.holder.as_ref().map(PersonId::as_str),
                ticket.resolution.as_ref().map(ResolutionCode::as_str),
                now,
            ],
        )?;
        change.execute(
            "INSERT INTO act (ticket, actor, actor_kind, kind, given_to, text, at, request)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                number,
                actor.as_str(),
                row::actor_kind(actor_kind),
                kind,
                given_to.map(PersonId::as_str),
                text,
                now,
                request,
            ],
        )?;
        change.commit()?;
        Ok(())
    }
}

fn written(text: &str) -> Result<(), DeskError> {
    if text.trim().is_empty() {
        return Err(DeskError::EmptyText);
    }
    if text.len() > TEXT_LENGTH_MAX {
        return Err(DeskError::TextTooLong { length: text.len(), most: TEXT_LENGTH_MAX });
    }
    Ok(())
}
