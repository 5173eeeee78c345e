//! What can happen next in a world.

use std::fmt;

use belay_planted::{Bug, planted};

use crate::books::Books;
use crate::command::{Claim, Cmd, Shown, Undo};
use crate::hand::Hand;
use crate::menu::{Move, Page, Purse};
use crate::names::{Agent, StepCode};
use crate::world::World;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The clock moves on by a tick.
    Wait,
    /// The supervisor decides a command on what the journal holds, and appends.
    Decide(Move),
    /// An executor says how an attempt went.
    Report { by: Option<Agent>, action: u8, attempt: u8, claim: Claim, honest: bool },
    /// A supervisor creates the ticket of a step.
    Create(StepCode),
    /// Something is done to a ticket.
    Hand { ticket: u8, hand: Hand },
    /// A read of a step's ticket is sent, and served at once.
    Look { step: StepCode, ticket: u8 },
    /// A message from outside claims that Ann has taken the ticket, which may be a lie; the supervisor looks at once.
    Rumour { step: StepCode, ticket: u8 },
    /// A read of a write's effect is sent, and served at once.
    ReadBack { action: u8, attempt: u8, blind: bool },
    /// The answer to a read arrives.
    Answer(u8),
    /// The answer to a read arrives, and will arrive again.
    AnswerTwice(u8),
    /// The answer to a read never arrives.
    Lose(u8),
    /// An executor sends a write to the target.
    Send { action: u8, attempt: u8, luck: Luck },
    /// A write that was under way takes effect, or not.
    Land { action: u8, lost: bool },
    /// A supervisor undoes a write at the target.
    Undo { action: u8 },
    /// A second supervisor reads the journal.
    RivalLooks,
    /// It decides a command on what it believes, and time passes. Nothing is durable yet.
    RivalDecides(Move),
    /// It appends, because nothing was appended since it looked.
    RivalAppends,
    /// What it appends is refused, because something was.
    RivalRefused,
    /// It dies, and with it what it had not made durable.
    RivalDies,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Luck {
    Lands,
    Late,
    Lost,
    Wrong,
}

/// Everything that can happen next. The order is the same every time.
pub(crate) fn acts(books: &Books, world: &World, acts: &mut Vec<Act>) {
    if !world.broken.is_empty() {
        return;
    }
    let setting = &books.setting;
    let page = books.page(world.journal, world.now);
    if !page.open && page.moves.is_empty() && !setting.withdrawals {
        // The case is done, and nobody waits for anything.
        return;
    }
    let landing =
        world.writes.iter().any(|write| write.lands_by == world.now && write.lands_by != 0);
    let overdue = page.next_tick.saturating_add(setting.late) <= world.now;
    let time = world.now < setting.horizon && !overdue && !landing;
    if time {
        acts.push(Act::Wait);
    }
    acts.extend(page.moves.iter().copied().map(Act::Decide));
    if world.left.affords(Purse::Whim) {
        acts.extend(books.whims(world.journal, world.now).iter().copied().map(Act::Decide));
    }
    tickets(books, world, &page, acts);
    answers(world, acts);
    writes(books, world, &page, acts);
    if setting.rivals > 0 {
        rival(books, world, time, acts);
    }
}

/// Whether a bug is planted that lets something out of a supervisor before it is durable. Without one, what a second
/// supervisor has decided shows nowhere until it is appended. Appended in the same tick, it is what the first could have
/// decided; so it is only tried together with time that passes before the append.
pub(crate) fn leaks() -> bool {
    planted(Bug::EffectBeforeJournal) || planted(Bug::AnsweredBeforeDurable)
}

/// A command that depends on more than the journal, if it would change something.
fn decide(books: &Books, world: &World, acts: &mut Vec<Act>, cmd: Cmd, purse: Purse) {
    let decided = books.decide(world.journal, world.now, cmd);
    if decided.next != world.journal || !decided.broken.is_empty() {
        acts.push(Act::Decide(Move { cmd, purse, decided }));
    }
}

fn existing(world: &World, step: StepCode) -> impl Iterator<Item = u8> {
    let of_step = move |(number, ticket): (u8, &crate::world::Ticket)| {
        (ticket.step == step).then_some(number)
    };
    (1..).zip(&world.tickets).filter_map(of_step)
}

fn tickets(books: &Books, world: &World, page: &Page, acts: &mut Vec<Act>) {
    let setting = &books.setting;
    let free = world.tickets.iter().any(|ticket| ticket.step == StepCode::NONE);
    for step in &page.place {
        let mut any = false;
        for ticket in existing(world, *step) {
            any = true;
            decide(books, world, acts, Cmd::Placed { step: *step, ticket }, Purse::Free);
        }
        if free && (!any || setting.forks && existing(world, *step).count() < 2) {
            acts.push(Act::Create(*step));
        }
        if !any && world.left.affords(Purse::Whim) {
            // The ticket system says yes and has created nothing.
            decide(books, world, acts, Cmd::Placed { step: *step, ticket: 9 }, Purse::Whim);
        }
    }
    let may_look = world.left.looks > 0 && world.free_read().is_some();
    for (step, ticket) in &page.watch {
        if may_look {
            acts.push(Act::Look { step: *step, ticket: *ticket });
        }
        if world.left.rumours > 0 && world.free_read().is_some() {
            acts.push(Act::Rumour { step: *step, ticket: *ticket });
        }
    }
    if setting.withdrawals {
        for (step, ticket) in &page.withdraw {
            decide(
                books,
                world,
                acts,
                Cmd::Withdrawn { step: *step, ticket: *ticket },
                Purse::Free,
            );
        }
    }
    if world.left.hands > 0 {
        for (number, ticket) in (1..).zip(&world.tickets) {
            let truth = ticket.deeds.truth();
            let exists = ticket.step != StepCode::NONE;
            for hand in setting.hand_kinds.iter().filter(|hand| exists && truth.allows(**hand)) {
                acts.push(Act::Hand { ticket: number, hand: *hand });
            }
        }
    }
}

fn answers(world: &World, acts: &mut Vec<Act>) {
    for (place, read) in (0..).zip(&world.reads) {
        if read.is_some() {
            acts.push(Act::Answer(place));
            if world.left.affords(Purse::Accident) {
                acts.push(Act::AnswerTwice(place));
                acts.push(Act::Lose(place));
            }
        }
    }
}

fn writes(books: &Books, world: &World, page: &Page, acts: &mut Vec<Act>) {
    let mishaps = world.left.affords(Purse::Mishap);
    let sendable = |acts: &mut Vec<Act>, action, attempt| {
        acts.push(Act::Send { action, attempt, luck: Luck::Lands });
        if mishaps {
            acts.push(Act::Send { action, attempt, luck: Luck::Late });
            acts.push(Act::Send { action, attempt, luck: Luck::Lost });
            acts.push(Act::Send { action, attempt, luck: Luck::Wrong });
        }
    };
    for (action, write) in (1..).zip(&world.writes) {
        if write.go > 0 && world.now < write.until {
            sendable(acts, action, write.go);
        }
        if write.lands_by > 0 {
            acts.push(Act::Land { action, lost: false });
            acts.push(Act::Land { action, lost: true });
        }
    }
    execute(world, page, acts, &sendable);
    if world.rival.view != 0 {
        let believed = books.page(world.rival.view, world.now);
        execute(world, &believed, acts, &sendable);
        if planted(Bug::EffectBeforeJournal) && world.rival.next != 0 {
            let decided = books.page(world.rival.next, world.now);
            execute(world, &decided, acts, &sendable);
        }
    }
    for (action, attempt, by) in &page.report {
        reports(world, *action, *attempt, *by, acts);
    }
    if world.free_read().is_some() {
        for (action, attempt) in &page.read_back {
            acts.push(Act::ReadBack { action: *action, attempt: *attempt, blind: false });
            if mishaps {
                acts.push(Act::ReadBack { action: *action, attempt: *attempt, blind: true });
            }
        }
    }
    for (action, attempt) in &page.undo {
        let write = world.writes[usize::from(*action) - 1];
        if write.shows() != Shown::Absent {
            acts.push(Act::Undo { action: *action });
        } else {
            let cmd = Cmd::Undone { action: *action, attempt: *attempt, outcome: Undo::Done };
            decide(books, world, acts, cmd, Purse::Free);
        }
    }
}

/// The supervisor's own connector looks first, and writes under a key that the target honours.
fn execute(
    world: &World,
    page: &Page,
    acts: &mut Vec<Act>,
    sendable: &dyn Fn(&mut Vec<Act>, u8, u8),
) {
    for (action, attempt, until) in &page.execute {
        let write = world.writes[usize::from(*action) - 1];
        let untouched = write.landed == 0 && write.lands_by == 0 && write.sent >> attempt & 1 == 0;
        if untouched && world.now < *until {
            sendable(acts, *action, *attempt);
        }
    }
}

/// An executor that was allowed an attempt says how it went. One that says that it failed sends it no more.
fn reports(world: &World, action: u8, attempt: u8, by: Option<Agent>, acts: &mut Vec<Act>) {
    let write = world.writes[usize::from(action) - 1];
    let sent = write.sent >> attempt & 1 == 1;
    for claim in Claim::ALL {
        let honest = match claim {
            Claim::Done => sent,
            Claim::Unknown => true,
            Claim::Busy | Claim::Never => !sent,
        };
        if honest || world.left.affords(Purse::Mishap) {
            acts.push(Act::Report { by, action, attempt, claim, honest });
        }
    }
}

fn rival(books: &Books, world: &World, time: bool, acts: &mut Vec<Act>) {
    let rival = &world.rival;
    if rival.view == 0 {
        if world.left.rivals > 0 {
            acts.push(Act::RivalLooks);
        }
        return;
    }
    if !rival.fresh {
        // Whatever it decides, it decides too late.
        acts.push(Act::RivalRefused);
        return;
    }
    if rival.next != 0 {
        acts.push(Act::RivalAppends);
        acts.push(Act::RivalDies);
        return;
    }
    if !time && !leaks() {
        return;
    }
    let page = books.page(rival.view, world.now);
    acts.extend(page.moves.iter().copied().map(Act::RivalDecides));
    if world.left.affords(Purse::Whim) {
        acts.extend(books.whims(rival.view, world.now).iter().copied().map(Act::RivalDecides));
    }
    for read in world.reads.iter().flatten() {
        let cmd = read.arrives();
        let decided = books.decide(rival.view, world.now, cmd);
        if decided.next != rival.view || !decided.broken.is_empty() {
            acts.push(Act::RivalDecides(Move { cmd, purse: Purse::Free, decided }));
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wait => write!(f, "time passes"),
            Self::Decide(one) => write!(f, "{}", one.cmd),
            Self::Report { by, action, attempt, claim, .. } => {
                write!(f, "{}", Cmd::Report { by, action, attempt, claim })
            }
            Self::Create(step) => write!(f, "a ticket is created for {step}"),
            Self::Hand { ticket, hand } => write!(f, "T{ticket}: {hand}"),
            Self::Look { step, ticket } => write!(f, "a read of T{ticket} for {step} is sent"),
            Self::Rumour { step, ticket } => {
                write!(f, "a message claims that Ann took T{ticket} of {step}, and it is read")
            }
            Self::ReadBack { action, attempt, blind } => {
                let how = if blind { ", and the target is down" } else { "" };
                write!(f, "a read of a{action} (attempt {attempt}) is sent{how}")
            }
            Self::Answer(place) => write!(f, "the answer to read {place} arrives"),
            Self::AnswerTwice(place) => {
                write!(f, "the answer to read {place} arrives, and not for the last time")
            }
            Self::Lose(place) => write!(f, "the answer to read {place} is lost"),
            Self::Send { action, attempt, luck } => {
                let luck = match luck {
                    Luck::Lands => "takes effect",
                    Luck::Late => "is under way",
                    Luck::Lost => "is lost",
                    Luck::Wrong => "does something else",
                };
                write!(f, "attempt {attempt} of a{action} is sent and {luck}")
            }
            Self::Land { action, lost: false } => {
                write!(f, "a{action}, which was under way, takes effect")
            }
            Self::Land { action, lost: true } => {
                write!(f, "a{action}, which was under way, is lost")
            }
            Self::Undo { action } => write!(f, "a{action} is undone at the target"),
            Self::RivalLooks => write!(f, "the second supervisor reads the journal"),
            Self::RivalDecides(one) => {
                write!(f, "the second supervisor decides, and is slow to append: {}", one.cmd)
            }
            Self::RivalAppends => write!(f, "the second supervisor appends what it decided"),
            Self::RivalRefused => write!(f, "what the second supervisor appends is refused"),
            Self::RivalDies => write!(f, "the second supervisor dies"),
        }
    }
}
