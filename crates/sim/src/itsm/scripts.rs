//! What becomes of a ticket, decided when it is made: somebody takes it and does their work, or one of the lies of
//! the catalogue is told about it.

use belay_domain::{ActorKind, PersonId, QueueId, SystemId, TicketActor, TicketId};

use super::{AUTOBOT, Deed, OURSELVES, id, person};
use crate::world::{Moment, State};

/// The lies that are told about a ticket after it was made.
const ABOUT_TICKETS: [u8; 11] = [5, 7, 8, 9, 10, 11, 12, 16, 17, 18, 21];

/// Plans what happens to a new ticket.
pub(crate) fn script(state: &mut State, system: &SystemId, at: Moment, ticket: &TicketId) {
    let Some((queue, other, people)) = surroundings(state, system, ticket) else { return };
    if !state.troubled {
        return diligence(state, system, at);
    }
    let told: Vec<u8> = ABOUT_TICKETS.into_iter().filter(|row| state.lies.contains(row)).collect();
    let row = if !told.is_empty() && state.dice.percent(60) { *state.dice.pick(&told) } else { 0 };
    let by =
        if people.is_empty() { id::<PersonId>("ana") } else { state.dice.pick(&people).clone() };
    let mut time = at;
    let mut plan = |state: &mut State, from: u64, to: u64, deed: Deed| {
        time += state.dice.millis(from..to);
        state.plan(system, time, deed);
    };
    let t = || ticket.clone();
    let take = || Deed::Take { ticket: t(), by: by.clone() };
    match row {
        5 => plan(state, 0, 4_000, Deed::Move { ticket: t(), to: other }),
        7 => {
            let machine = odd(state);
            plan(state, 100, 3_000, Deed::TakeOddly { ticket: t(), by: machine });
            if state.dice.percent(30) {
                plan(state, 10_000, 30_000, take());
            }
        }
        8 => plan(state, 1_000, 15_000, take()),
        9 => {
            plan(state, 1_000, 15_000, take());
            let deed = match state.dice.within(0..3) {
                0 => Deed::GiveBack { ticket: t(), by: by.clone() },
                1 => Deed::Assign { ticket: t(), to: id("nora") },
                _ => {
                    let code = Some(id("resolved"));
                    plan(state, 1_000, 9_000, Deed::Close { ticket: t(), by: person(&by), code });
                    Deed::Reopen { ticket: t() }
                }
            };
            plan(state, 500, 40_000, deed);
        }
        10 => plan(state, 0, 500, Deed::Assign { ticket: t(), to: by.clone() }),
        11 => {
            plan(state, 1_000, 15_000, take());
            let deed = match state.dice.within(0..3) {
                0 => Deed::Merge { ticket: t() },
                1 => Deed::Delete { ticket: t() },
                _ => Deed::Hide { ticket: t() },
            };
            plan(state, 1_000, 40_000, deed);
        }
        12 => {
            plan(state, 1_000, 15_000, take());
            plan(state, 1_000, 40_000, Deed::Misname { ticket: t() });
        }
        16 => {
            plan(state, 1_000, 15_000, take());
            plan(state, 1_000, 30_000, Deed::Move { ticket: t(), to: other });
            plan(state, 1_000, 60_000, Deed::Move { ticket: t(), to: queue });
        }
        18 => {
            plan(state, 1_000, 15_000, take());
            let machine = TicketActor { name: id(AUTOBOT), kind: ActorKind::Machine };
            let close = if state.dice.percent(50) {
                Deed::Close { ticket: t(), by: machine, code: Some(id("resolved")) }
            } else {
                Deed::Close { ticket: t(), by: person(&by), code: None }
            };
            plan(state, 1_000, 40_000, close);
        }
        21 => plan(state, 1_000, 20_000, Deed::Sweep { by: by.clone() }),
        17 => {}
        _ => {
            plan(state, 1_000, 25_000, take());
            let works = state.dice.within(0..3);
            for _ in 0..works {
                plan(state, 10_000, 70_000, Deed::Work { ticket: t(), by: by.clone() });
            }
            let code = if state.dice.percent(30) { "back-to-agents" } else { "resolved" };
            let code = Some(id(code));
            plan(state, 10_000, 70_000, Deed::Close { ticket: t(), by: person(&by), code });
        }
    }
    if row > 0 {
        state.tally.lie(row);
        state.tell(|| format!("{system}: {ticket} is going to be a lie of kind {row}"));
    }
}

/// Once nothing goes wrong any more, every open ticket is taken soon and seen to.
pub(crate) fn diligence(state: &mut State, system: &SystemId, at: Moment) {
    let Some(house) = state.houses.get(system) else { return };
    let open = house.tickets.values().filter(|ticket| ticket.is_open());
    let open: Vec<_> = open
        .map(|ticket| (ticket.id.clone(), house.able(&ticket.wanted), ticket.now.clone()))
        .collect();
    for (ticket, able, face) in open {
        if able.is_empty() {
            continue;
        }
        let mut by = state.dice.pick(&able).clone();
        let mut time = at + state.dice.millis(500..6_000);
        match face.holder.filter(|holder| face.taken && able.contains(&holder.name)) {
            Some(holder) => by = holder.name,
            None => state.plan(system, time, Deed::Take { ticket: ticket.clone(), by: by.clone() }),
        }
        // For as long as the calm lasts: whoever stops working on a ticket is asked about it.
        for _ in 0..12 {
            time += state.dice.millis(20_000..60_000);
            state.plan(system, time, Deed::Work { ticket: ticket.clone(), by: by.clone() });
        }
    }
}

/// Takes people away from their queues, or brings them back.
pub(crate) fn staffing(state: &mut State, system: &SystemId, queue: &QueueId, there: bool) {
    let (now, kind) = (state.now(), state.dice.within(0..4));
    let Some(house) = state.house(system) else { return };
    house.reorganise(now, queue, |facts| {
        facts.enabled = there || kind != 0;
        for member in facts.staff.iter_mut().filter(|member| member.kind == ActorKind::Person) {
            member.enabled = there || kind != 1;
            member.may_take = there || kind != 2;
            member.on_shift = Some(there || kind != 3);
        }
    });
    state.tell(|| format!("{system}: the queue {queue} has people: {there}"));
}

/// Somebody who is no person of the staff.
fn odd(state: &mut State) -> TicketActor {
    match state.dice.within(0..4) {
        0 => TicketActor { name: id(AUTOBOT), kind: ActorKind::Machine },
        1 => TicketActor { name: id(OURSELVES), kind: ActorKind::Ourselves },
        2 => TicketActor { name: id("helper-1"), kind: ActorKind::Machine },
        _ => TicketActor { name: id("integration"), kind: ActorKind::Unknown },
    }
}

/// The queue a ticket is wanted in, another one, and who could take it.
fn surroundings(
    state: &State,
    system: &SystemId,
    ticket: &TicketId,
) -> Option<(QueueId, QueueId, Vec<PersonId>)> {
    let house = state.houses.get(system)?;
    let queue = house.tickets.get(ticket)?.wanted.clone();
    let other = house.queues.keys().find(|found| **found != queue);
    let other = other.cloned().unwrap_or_else(|| id("archive"));
    let people = house.able(&queue);
    Some((queue, other, people))
}
