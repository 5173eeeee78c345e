//! Everything at one moment: what is durable, what a second supervisor believes, and what is really so outside.

use crate::books::RecordId;
use crate::command::Shown;
use crate::law::Laws;
use crate::menu::Purse;
use crate::names::StepCode;
use crate::terms::FRESH;
use crate::ticket::Deeds;

/// How many tickets there can be.
pub(crate) const TICKETS: usize = 4;
/// How many reads can be under way.
pub(crate) const READS: usize = 2;
/// How many writes there can be.
pub(crate) const WRITES: usize = 2;

/// One state of the exploration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// What the journal holds.
    pub(crate) journal: RecordId,
    pub(crate) now: u8,
    pub(crate) rival: Rival,
    pub(crate) tickets: [Ticket; TICKETS],
    /// Reads of tickets whose answers have not arrived, in no particular order.
    pub(crate) reads: [Option<Read>; READS],
    pub(crate) writes: [Write; WRITES],
    pub(crate) left: Left,
    pub(crate) broken: Laws,
}

/// A second supervisor: one that takes over, or the one before it that has not noticed its end. It believes what
/// the journal held when it last looked, and what it decides counts only if nothing was appended since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Rival {
    /// What it believes; 0 if there is none.
    pub(crate) view: RecordId,
    /// What it has decided and not yet made durable; 0 if nothing.
    pub(crate) next: RecordId,
    /// Whether nothing was appended since it looked.
    pub(crate) fresh: bool,
    /// The write and the attempt that its decision permits.
    pub(crate) begins: Option<(u8, u8)>,
}

/// A ticket as it really is. One without a step does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pub(crate) step: StepCode,
    pub(crate) deeds: Deeds,
    /// For Ann and for Bob: one more than the tick at which they last held it; 0 for never.
    pub(crate) held: [u8; 2],
}

/// A read of a ticket that is under way: what it will show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Read {
    Ticket { step: StepCode, ticket: u8, marked: StepCode, deeds: Deeds, sent: u8 },
    Missing { step: StepCode, sent: u8 },
    Target { action: u8, attempt: u8, shown: Shown, sent: u8 },
}

/// One write, as the target knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Write {
    /// The attempt that the executor was allowed and has not sent; 0 if none.
    pub(crate) go: u8,
    /// Until when it may send that.
    pub(crate) until: u8,
    /// The attempts that were sent, one bit each.
    pub(crate) sent: u8,
    /// By when what is under way shows; 0 if nothing is under way.
    pub(crate) lands_by: u8,
    /// How often it took effect.
    pub(crate) landed: u8,
    /// Whether the effect is another than what was asked for.
    pub(crate) wrong: bool,
    /// How often it was undone.
    pub(crate) undone: u8,
    /// Permits that were answered with yes, one bit each.
    pub(crate) used: u8,
}

/// How much of everything that is bounded may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    pub(crate) whims: u8,
    pub(crate) hands: u8,
    pub(crate) looks: u8,
    pub(crate) rumours: u8,
    pub(crate) rivals: u8,
    pub(crate) mishaps: u8,
    pub(crate) accidents: u8,
    /// How many of the whims, mishaps and accidents together.
    pub(crate) troubles: u8,
}

impl Left {
    /// Whether something may happen that comes out of this purse.
    pub(crate) fn affords(&self, purse: Purse) -> bool {
        let left = match purse {
            Purse::Free => return true,
            Purse::Whim => self.whims,
            Purse::Mishap => self.mishaps,
            Purse::Accident => self.accidents,
        };
        left > 0 && self.troubles > 0
    }

    /// Takes it out. What is left of a purse that nothing can be taken from any more is as good as nothing.
    pub(crate) fn pay(&mut self, purse: Purse) {
        let left = match purse {
            Purse::Free => return,
            Purse::Whim => &mut self.whims,
            Purse::Mishap => &mut self.mishaps,
            Purse::Accident => &mut self.accidents,
        };
        *left -= 1;
        self.troubles -= 1;
        if self.troubles == 0 {
            (self.whims, self.mishaps, self.accidents) = (0, 0, 0);
        }
    }
}

impl Write {
    /// What a read shows.
    pub(crate) fn shows(&self) -> Shown {
        if self.landed <= self.undone {
            Shown::Absent
        } else if self.wrong {
            Shown::Different
        } else {
            Shown::Applied
        }
    }
}

impl World {
    /// The first free place for a read.
    pub(crate) fn free_read(&self) -> Option<usize> {
        self.reads.iter().position(Option::is_none)
    }

    /// Reads under way are in no particular order, so they are kept in one that does not depend on their history.
    pub(crate) fn tidy(&mut self) {
        self.reads.sort_unstable_by(|one, other| other.cmp(one));
    }

    /// Keeps up to date when each person last really held each ticket, for as long as evidence of it may last.
    pub(crate) fn remember_holders(&mut self) {
        for ticket in &mut self.tickets {
            for held in &mut ticket.held {
                if *held > 0 && *held - 1 + FRESH <= self.now {
                    *held = 0;
                }
            }
            if let Some(person) = ticket.deeds.truth().held() {
                ticket.held[usize::from(person)] = self.now + 1;
            }
        }
    }
}
