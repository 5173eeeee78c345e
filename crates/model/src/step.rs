//! What becomes of a world when something happens in it, and whether the laws hold in what comes of it.

use belay_planted::{Bug, planted};

use crate::books::{Books, Decided, RecordId};
use crate::command::{Cmd, Shown};
use crate::hand::Hand;
use crate::law::{Law, Laws};
use crate::menu::{Move, Purse};
use crate::moves::{Act, Luck, leaks};
use crate::names::StepCode;
use crate::paperwork::Reached;
use crate::taken::Kind;
use crate::terms::{FRESH, SETTLE};
use crate::world::{Left, Read, Rival, Ticket, World};

/// The number of a ticket that does not exist.
const GHOST: u8 = 9;

impl Read {
    /// The command that its answer is.
    pub(crate) fn arrives(self) -> Cmd {
        match self {
            Self::Ticket { step, ticket, marked, deeds, sent } => {
                Cmd::Observe { step, ticket, marked, deeds, sent }
            }
            Self::Missing { step, sent } => Cmd::Missing { step, sent },
            Self::Target { action, attempt, shown, sent } => {
                Cmd::Verify { action, attempt, shown, sent }
            }
        }
    }
}

/// The world right after the customer opened the case.
pub(crate) fn beginning(books: &Books) -> World {
    let setting = &books.setting;
    World {
        journal: books.opened(),
        now: 0,
        rival: Rival::default(),
        tickets: Default::default(),
        reads: Default::default(),
        writes: Default::default(),
        left: Left {
            whims: setting.whims,
            hands: setting.hands,
            looks: setting.looks,
            rumours: setting.rumours,
            rivals: setting.rivals,
            mishaps: setting.mishaps,
            accidents: setting.accidents,
            troubles: setting.troubles,
        },
        broken: Laws::NONE,
    }
}

/// The world after an act; none if the act changes nothing.
pub(crate) fn after(books: &Books, world: &World, act: Act) -> Option<World> {
    let mut next = world.clone();
    books.taken.take(act.kind());
    match act {
        Act::Wait => pass(&mut next),
        Act::Decide(Move { cmd, purse, decided }) => {
            next.left.pay(purse);
            append(books, &mut next, decided);
            begins(books, &mut next, cmd, decided);
        }
        Act::Report { by, action, attempt, claim, honest } => {
            let cmd = Cmd::Report { by, action, attempt, claim };
            let decided = books.decide(world.journal, world.now, cmd);
            if decided.next == world.journal && decided.broken.is_empty() {
                return None;
            }
            if !honest {
                next.left.pay(Purse::Mishap);
            }
            append(books, &mut next, decided);
            let write = &mut next.writes[usize::from(action) - 1];
            if write.go == attempt {
                (write.go, write.until) = (0, 0);
            }
        }
        Act::Create(step) => {
            let free = next.tickets.iter_mut().find(|ticket| ticket.step == StepCode::NONE)?;
            *free = Ticket { step, ..Ticket::default() };
        }
        Act::Hand { ticket, hand } => {
            next.left.hands -= 1;
            let found = &mut next.tickets[usize::from(ticket) - 1];
            found.deeds = found.deeds.and(hand);
            next.remember_holders();
        }
        Act::Look { step, ticket } => {
            next.left.looks -= 1;
            let place = next.free_read()?;
            next.reads[place] = Some(look(world, step, ticket));
        }
        Act::Rumour { step, ticket } => {
            next.left.rumours -= 1;
            if planted(Bug::WebhookIsEvidence) && ticket != GHOST {
                let deeds = world.tickets[usize::from(ticket) - 1].deeds.and(Hand::AnnTakes);
                let cmd = Cmd::Rumour { step, ticket, deeds };
                let decided = books.decide(world.journal, world.now, cmd);
                append(books, &mut next, decided);
            } else {
                let place = next.free_read()?;
                next.reads[place] = Some(look(world, step, ticket));
            }
        }
        Act::ReadBack { action, attempt, blind } => {
            if blind {
                next.left.pay(Purse::Mishap);
            }
            let place = next.free_read()?;
            let write = world.writes[usize::from(action) - 1];
            let shown = if blind { Shown::Unreadable } else { write.shows() };
            let read = Read::Target { action, attempt, shown, sent: world.now };
            if next.reads.contains(&Some(read)) {
                return None;
            }
            next.reads[place] = Some(read);
        }
        Act::Answer(place) => {
            let read = next.reads[usize::from(place)].take()?;
            let cmd = read.arrives();
            let decided = books.decide(world.journal, world.now, cmd);
            append(books, &mut next, decided);
        }
        Act::AnswerTwice(place) => {
            next.left.pay(Purse::Accident);
            let cmd = next.reads[usize::from(place)]?.arrives();
            let decided = books.decide(world.journal, world.now, cmd);
            append(books, &mut next, decided);
        }
        Act::Lose(place) => {
            next.left.pay(Purse::Accident);
            next.reads[usize::from(place)] = None;
        }
        Act::Send { action, attempt, luck } => send(books, &mut next, action, attempt, luck),
        Act::Land { action, lost } => {
            let write = &mut next.writes[usize::from(action) - 1];
            write.lands_by = 0;
            write.landed += u8::from(!lost);
        }
        Act::Undo { action } => {
            next.writes[usize::from(action) - 1].undone += 1;
        }
        Act::RivalLooks => {
            next.left.rivals -= 1;
            next.rival = Rival { view: world.journal, fresh: true, ..Rival::default() };
        }
        Act::RivalDecides(Move { cmd, decided, .. }) => {
            next.rival.next = decided.next;
            next.broken = next.broken.and(decided.broken);
            if let Cmd::Begin { action, .. } = cmd
                && decided.accepted
            {
                let attempt = attempt_of(books, decided.next, action);
                next.rival.begins = Some((action, attempt));
                if planted(Bug::AnsweredBeforeDurable) {
                    allow(books, &mut next, decided.next, action, attempt);
                }
            }
            if !leaks() {
                pass(&mut next);
            }
        }
        Act::RivalAppends => {
            next.journal = world.rival.next;
            if let Some((action, attempt)) = world.rival.begins
                && !planted(Bug::AnsweredBeforeDurable)
            {
                allow(books, &mut next, world.rival.next, action, attempt);
            }
            next.rival = Rival::default();
        }
        Act::RivalRefused | Act::RivalDies => next.rival = Rival::default(),
    }
    overtaken(books, &mut next);
    next.tidy();
    judge(books, &mut next);
    Some(next)
}

/// Time passes.
fn pass(world: &mut World) {
    world.now += 1;
    for write in &mut world.writes {
        // An executor that has not begun by then does not begin.
        if write.until <= world.now {
            (write.go, write.until) = (0, 0);
        }
    }
    world.remember_holders();
}

fn look(world: &World, step: StepCode, ticket: u8) -> Read {
    let sent = world.now;
    let found = world.tickets.get(usize::from(ticket).wrapping_sub(1));
    match found.filter(|found| found.step != StepCode::NONE) {
        Some(found) => Read::Ticket { step, ticket, marked: found.step, deeds: found.deeds, sent },
        None => Read::Missing { step, sent },
    }
}

/// Whatever a supervisor decides that was overtaken is refused when it is appended, so it need not be told apart what
/// that is. It stays in the world for as long as it may mislead anybody: by saying that a person holds the case, or
/// by carrying out what it believes to be its task.
fn overtaken(books: &Books, world: &mut World) {
    if world.rival.view == 0 || world.rival.fresh {
        return;
    }
    let view = world.rival.view;
    world.rival = Rival { view, ..Rival::default() };
    let page = books.page(view, world.now);
    if !books.setting.by_supervisor && page.covered_by_person.is_none() {
        books.taken.take(Kind::SecondRefused);
        world.rival = Rival::default();
    }
}

/// What was decided on the journal is durable.
fn append(books: &Books, world: &mut World, decided: Decided) {
    books.happen(decided.kinds);
    if decided.next != world.journal {
        world.rival.fresh = false;
    }
    world.journal = decided.next;
    world.broken = world.broken.and(decided.broken);
}

/// An agent that is answered that it may begin, may send.
fn begins(books: &Books, world: &mut World, cmd: Cmd, decided: Decided) {
    if let Cmd::Begin { action, .. } = cmd
        && decided.accepted
    {
        let attempt = attempt_of(books, decided.next, action);
        allow(books, world, decided.next, action, attempt);
    }
}

fn attempt_of(books: &Books, record: RecordId, action: u8) -> u8 {
    let record = books.record(record);
    let found = record.audit.papers().iter().find(|paper| paper.number == action);
    found.map_or(0, |paper| paper.attempts)
}

/// `PRM-1`: the executor hears yes once for each attempt.
fn allow(books: &Books, world: &mut World, record: RecordId, action: u8, attempt: u8) {
    let record = books.record(record);
    let found = record.audit.papers().iter().find(|paper| paper.number == action);
    let Some(paper) = found else { return };
    let write = &mut world.writes[usize::from(action) - 1];
    world.broken.hold(Law::Prm1, write.used >> attempt & 1 == 0);
    write.used |= 1 << attempt;
    (write.go, write.until) = (attempt, paper.until);
}

/// `IDM-2`: what is sent is in the journal before.
fn send(books: &Books, world: &mut World, action: u8, attempt: u8, luck: Luck) {
    let durable = attempt_of(books, world.journal, action) >= attempt;
    world.broken.hold(Law::Idm2, durable);
    if luck != Luck::Lands {
        world.left.pay(Purse::Mishap);
    }
    let now = world.now;
    let write = &mut world.writes[usize::from(action) - 1];
    (write.go, write.until) = (0, 0);
    write.sent |= 1 << attempt;
    match luck {
        Luck::Lands => write.landed += 1,
        Luck::Wrong => {
            write.landed += 1;
            write.wrong = true;
        }
        // It shows before an absence counts.
        Luck::Late => write.lands_by = now + SETTLE - 1,
        Luck::Lost => {}
    }
}

/// Holds the world against what is really so.
fn judge(books: &Books, world: &mut World) {
    let page = books.page(world.journal, world.now);
    let mut broken = world.broken.and(page.broken);
    books.happen(page.sights);
    let mut views = vec![page];
    if world.rival.view != 0 {
        views.push(books.page(world.rival.view, world.now));
    }
    for page in &views {
        if let Some(said) = page.covered_by_person {
            let ticket = world.tickets.get(usize::from(said.ticket).wrapping_sub(1));
            let held = ticket.map_or(0, |ticket| ticket.held[usize::from(said.person)]);
            broken.hold(Law::Cov1, held > 0 && held - 1 + FRESH > world.now);
        }
    }
    // All writes of the model bear one key.
    let effects: u8 = world.writes.iter().map(|write| write.landed).sum();
    let undone = world.writes.iter().map(|write| write.undone).sum::<u8>();
    broken.hold(Law::Idm1, effects.saturating_sub(undone) <= 1);
    for glance in &views[0].writes {
        let write = world.writes[usize::from(glance.action) - 1];
        broken.hold(Law::Idm7, write.undone <= write.landed && write.undone <= 1);
        broken.hold(Law::Apr3, !glance.needs_people || write.landed <= 1);
        match glance.reached {
            Reached::Verified => broken.hold(Law::Idm6, write.landed > 0),
            Reached::Failed => {
                let left_no_trace = write.landed == 0 && write.lands_by == 0 && write.go == 0;
                broken.hold(Law::Idm6, left_no_trace);
            }
            _ => {}
        }
    }
    world.broken = broken;
}
