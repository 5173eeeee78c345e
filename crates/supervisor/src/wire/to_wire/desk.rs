//! The built-in desk.

use belay_api::v1;
use belay_connect::desk::{DeskAct, DeskQueueView, DeskTicket, TicketStanding};
use belay_domain::{ActKind, ActorKind, StaffMember};

use super::{severity, time};

/// A queue of the desk with its staff.
pub(crate) fn desk_queue(view: &DeskQueueView) -> v1::DeskQueue {
    let DeskQueueView { title, facts, open, unheld } = view;
    v1::DeskQueue {
        id: facts.queue.to_string(),
        title: title.clone(),
        enabled: facts.enabled,
        staff: facts.staff.iter().map(staff).collect(),
        open: u64::from(*open),
        waiting: u64::from(*unheld),
    }
}

fn staff(member: &StaffMember) -> v1::DeskStaff {
    let StaffMember { name, kind, enabled, may_take, on_shift } = member;
    v1::DeskStaff {
        person: name.to_string(),
        human: *kind == ActorKind::Person,
        enabled: *enabled,
        may_take: *may_take,
        on_shift: *on_shift,
    }
}

/// A ticket of the desk.
pub(crate) fn desk_ticket(ticket: &DeskTicket) -> v1::DeskTicket {
    let state = match (ticket.standing, &ticket.holder) {
        (TicketStanding::Open, None) => v1::DeskTicketState::Waiting,
        (TicketStanding::Open, Some(_)) => v1::DeskTicketState::Taken,
        (TicketStanding::Resolved, _) => v1::DeskTicketState::Resolved,
        (TicketStanding::Withdrawn, _) => v1::DeskTicketState::Withdrawn,
    };
    v1::DeskTicket {
        id: ticket.id.to_string(),
        queue: ticket.queue.to_string(),
        subject: ticket.subject.clone(),
        body: ticket.body.clone(),
        severity: severity(ticket.severity).into(),
        state: state.into(),
        holder: ticket.holder.as_ref().map_or_else(String::new, ToString::to_string),
        case_id: ticket.case.to_string(),
        correlation_id: ticket.correlation.to_string(),
        resolution_code: ticket.resolution.as_ref().map_or_else(String::new, ToString::to_string),
        revision: ticket.revision,
        acts: ticket.acts.iter().map(act).collect(),
        created_at: Some(time(ticket.created_at)),
        changed_at: Some(time(ticket.changed_at)),
    }
}

fn act(act: &DeskAct) -> v1::DeskAct {
    let kind = match &act.kind {
        ActKind::Took => v1::DeskActKind::Took,
        ActKind::Assigned { .. } => v1::DeskActKind::Assigned,
        ActKind::GaveBack => v1::DeskActKind::GaveBack,
        ActKind::Replied => v1::DeskActKind::Replied,
        ActKind::Noted => v1::DeskActKind::Noted,
        ActKind::ChangedState => v1::DeskActKind::ChangedState,
        ActKind::Moved => v1::DeskActKind::Moved,
        ActKind::Other => v1::DeskActKind::Other,
    };
    v1::DeskAct {
        by: act.actor.to_string(),
        human: act.actor_kind == ActorKind::Person,
        kind: kind.into(),
        text: act.text.clone(),
        at: Some(time(act.at)),
    }
}
