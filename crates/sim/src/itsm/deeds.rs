//! What people and machines do to tickets.

use belay_domain::{
    ActKind, ActorKind, PersonId, QueueId, ResolutionCode, Standing, SystemId, TicketActor,
    TicketId, TicketResolution,
};

use super::{AUTOBOT, Face, Tickets, id, person};
use crate::world::{Moment, State};

/// Something that will happen in a ticket system.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// A person takes the ticket.
    Take { ticket: TicketId, by: PersonId },
    /// Somebody that is no person of the staff takes it.
    TakeOddly { ticket: TicketId, by: TicketActor },
    /// A person works on what they took.
    Work { ticket: TicketId, by: PersonId },
    /// The holder gives it back.
    GiveBack { ticket: TicketId, by: PersonId },
    /// Somebody else makes this one the holder, who knows nothing of it.
    Assign { ticket: TicketId, to: PersonId },
    /// It is put into another queue.
    Move { ticket: TicketId, to: QueueId },
    /// It becomes part of another ticket.
    Merge { ticket: TicketId },
    /// It is deleted.
    Delete { ticket: TicketId },
    /// It goes where we may not look.
    Hide { ticket: TicketId },
    /// Its status becomes one that nobody mapped.
    Misname { ticket: TicketId },
    /// It is closed.
    Close { ticket: TicketId, by: TicketActor, code: Option<ResolutionCode> },
    /// It is opened again, with nobody.
    Reopen { ticket: TicketId },
    /// It is there a second time.
    Double { ticket: TicketId, visible_at: Moment },
    /// Somebody says that it changed.
    Rumour { ticket: TicketId },
    /// One person takes everything that is there.
    Sweep { by: PersonId },
}

/// Carries a deed out, if it still makes sense.
pub(crate) fn happen(state: &mut State, system: &SystemId, at: Moment, deed: Deed) {
    let coarse = state.lies.contains(&22) && state.troubled;
    let Some(house) = state.houses.get_mut(system) else { return };
    let told = format!("{deed:?}");
    let Some(ticket) = done(house, at, coarse, deed) else { return };
    if coarse {
        state.tally.lie(22);
    }
    state.tell(|| format!("{system}: {told}"));
    let told = state.lies(13, 40);
    if told {
        state.tally.lie(13);
        let (soon, late) = (state.dice.millis(0..300), state.dice.millis(0..20_000));
        for wait in [soon, late] {
            state.plan(system, at + wait, Deed::Rumour { ticket: ticket.clone() });
        }
    }
}

/// The ticket that changed, if one did.
fn done(house: &mut Tickets, at: Moment, coarse: bool, deed: Deed) -> Option<TicketId> {
    let autobot = TicketActor { name: id(AUTOBOT), kind: ActorKind::Machine };
    let ticket = match &deed {
        Deed::Sweep { by } => {
            let free = house.tickets.values().filter(|ticket| ticket.is_open());
            let free = free.filter(|ticket| ticket.now.holder.is_none());
            let all: Vec<_> = free.map(|ticket| ticket.id.clone()).collect();
            for ticket in &all {
                house.change(at, coarse, ticket, |face| face.take(&person(by)));
            }
            return all.first().cloned();
        }
        Deed::Rumour { ticket } => {
            house.rumour(ticket);
            return None;
        }
        Deed::Double { ticket, visible_at } => {
            let first = house.tickets.get(ticket)?;
            let (case, correlation, queue) =
                (first.case.clone(), first.correlation.clone(), first.wanted.clone());
            let second = house.add(at, &case, &correlation, &queue);
            house.tickets.get_mut(&second)?.visible_at = *visible_at;
            return Some(second);
        }
        Deed::Take { ticket, .. }
        | Deed::TakeOddly { ticket, .. }
        | Deed::Work { ticket, .. }
        | Deed::GiveBack { ticket, .. }
        | Deed::Assign { ticket, .. }
        | Deed::Move { ticket, .. }
        | Deed::Merge { ticket }
        | Deed::Delete { ticket }
        | Deed::Hide { ticket }
        | Deed::Misname { ticket }
        | Deed::Close { ticket, .. }
        | Deed::Reopen { ticket } => ticket.clone(),
    };
    let found = house.tickets.get(&ticket)?;
    let (open, holder) = (found.is_open(), found.now.holder.clone());
    let holds = |by: &PersonId| holder.as_ref().is_some_and(|holder| holder.name == *by);
    let held_by_person = holder.as_ref().is_some_and(|holder| holder.kind == ActorKind::Person);
    let sensible = match &deed {
        Deed::Take { .. } => open && !(held_by_person && found.now.taken),
        Deed::TakeOddly { .. } => open && holder.is_none(),
        Deed::Work { by, .. } | Deed::GiveBack { by, .. } => open && holds(by),
        Deed::Close { by, .. } => open && (by.kind != ActorKind::Person || holds(&by.name)),
        Deed::Reopen { .. } => !found.hidden && found.now.standing == Standing::Resolved,
        _ => open,
    };
    if !sensible {
        return None;
    }
    if let Deed::Hide { .. } = deed {
        house.tickets.get_mut(&ticket)?.hidden = true;
    }
    house.change(at, coarse, &ticket, |face| change(face, &deed, &autobot));
    Some(ticket)
}

fn change(face: &mut Face, deed: &Deed, autobot: &TicketActor) {
    match deed {
        Deed::Take { by, .. } => face.take(&person(by)),
        Deed::TakeOddly { by, .. } => face.take(by),
        Deed::Work { by, .. } => face.act(&person(by), ActKind::Noted),
        Deed::GiveBack { by, .. } => face.give_back(&person(by)),
        Deed::Assign { to, .. } => {
            face.holder = Some(person(to));
            face.taken = false;
            face.act(autobot, ActKind::Assigned { to: to.clone() });
        }
        Deed::Move { to, .. } => {
            face.queue = to.clone();
            face.act(autobot, ActKind::Moved);
        }
        Deed::Merge { .. } => face.standing = Standing::Merged { into: id("elsewhere-1") },
        Deed::Delete { .. } => face.standing = Standing::Deleted,
        Deed::Misname { .. } => {
            face.standing = Standing::Unknown { raw: "waiting for parts".to_owned() };
            face.act(autobot, ActKind::ChangedState);
        }
        Deed::Close { by, code, .. } => {
            face.standing = Standing::Resolved;
            face.act(by, ActKind::ChangedState);
            let note = "done".to_owned();
            let (actor, code) = (Some(by.clone()), code.clone());
            let resolution = TicketResolution { actor, code, note, links: Vec::new() };
            face.resolution = Some(resolution);
        }
        Deed::Reopen { .. } => {
            face.standing = Standing::Open;
            face.resolution = None;
            face.give_back(autobot);
        }
        Deed::Hide { .. } | Deed::Double { .. } | Deed::Rumour { .. } | Deed::Sweep { .. } => {}
    }
}
