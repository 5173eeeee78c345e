//! A ticket as it really is, and what a read of it shows. The truth is worked out here from what was done to the
//! ticket, without asking the domain what it would make of it.

use belay_domain::{
    Act, ActKind, ActorKind, QueueFacts, Reading, StaffMember, Standing, TicketActor, TicketFacts,
    TicketReading, TicketResolution,
};

use crate::hand::Hand;
use crate::names::{self, StepCode, id};

/// Bits that one deed takes up.
const DEED: u32 = 4;

/// What was done to a ticket since it was created, oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Deeds(u32);

/// Who has a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Ann,
    Bob,
    Robot,
    Eve,
}

/// What a ticket is, all things considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) holder: Option<Holder>,
    /// Whether the holder took it, rather than was given it.
    pub(crate) own: bool,
    pub(crate) at_home: bool,
    pub(crate) live: bool,
    pub(crate) last: Option<Hand>,
}

impl Deeds {
    /// After one more deed.
    pub(crate) fn and(self, hand: Hand) -> Self {
        Self(self.0 << DEED | hand as u32)
    }

    pub(crate) fn count(self) -> u8 {
        let bits = u32::BITS - self.0.leading_zeros();
        u8::try_from(bits.div_ceil(DEED)).unwrap_or(u8::MAX)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Hand> {
        (0..u32::from(self.count()))
            .rev()
            .filter_map(move |place| Hand::numbered(self.0 >> (DEED * place) & 15))
    }

    /// What the ticket is after all of them.
    pub(crate) fn truth(self) -> Truth {
        let new = Truth { holder: None, own: false, at_home: true, live: true, last: None };
        self.iter().fold(new, Truth::after)
    }
}

impl Truth {
    fn after(mut self, hand: Hand) -> Self {
        let mut taken = |holder, own| (self.holder, self.own) = (holder, own);
        match hand {
            Hand::AnnTakes => taken(Some(Holder::Ann), true),
            Hand::BobTakes => taken(Some(Holder::Bob), true),
            Hand::RobotTakes => taken(Some(Holder::Robot), true),
            Hand::EveTakes => taken(Some(Holder::Eve), true),
            Hand::GivenBack => taken(None, false),
            Hand::GivenToBob => taken(Some(Holder::Bob), false),
            Hand::Moved => self.at_home = false,
            Hand::MovedBack => self.at_home = true,
            Hand::Merged
            | Hand::Deleted
            | Hand::AnnSolves
            | Hand::AnnReturns
            | Hand::RobotCloses
            | Hand::Parked => self.live = false,
            Hand::Noted => {}
        }
        self.last = Some(hand);
        self
    }

    /// The person of the staff who has it by an act of their own, while it is alive and where it belongs: 0 is Ann,
    /// 1 is Bob.
    pub(crate) fn held(&self) -> Option<u8> {
        self.taker().filter(|_| self.at_home && self.live)
    }

    /// The person of the staff who took it by an act of their own and has it still, wherever it is.
    pub(crate) fn taker(&self) -> Option<u8> {
        match self.holder.filter(|_| self.own)? {
            Holder::Ann => Some(0),
            Holder::Bob => Some(1),
            Holder::Robot | Holder::Eve => None,
        }
    }

    /// Whether this can be done to it now.
    pub(crate) fn allows(&self, hand: Hand) -> bool {
        let by_person = matches!(self.holder, Some(Holder::Ann | Holder::Bob));
        self.live
            && match hand {
                Hand::AnnTakes => self.holder != Some(Holder::Ann),
                Hand::BobTakes => self.holder != Some(Holder::Bob) || !self.own,
                Hand::RobotTakes => self.holder != Some(Holder::Robot),
                Hand::EveTakes => self.holder != Some(Holder::Eve),
                Hand::GivenBack => self.holder.is_some(),
                Hand::GivenToBob => self.holder != Some(Holder::Bob),
                Hand::Moved => self.at_home,
                Hand::MovedBack => !self.at_home,
                Hand::Noted => by_person && self.last != Some(Hand::Noted),
                Hand::Merged
                | Hand::Deleted
                | Hand::AnnSolves
                | Hand::AnnReturns
                | Hand::RobotCloses
                | Hand::Parked => true,
            }
    }
}

impl Holder {
    fn actor(self) -> TicketActor {
        let (name, kind) = match self {
            Self::Ann => ("ann", ActorKind::Person),
            Self::Bob => ("bob", ActorKind::Person),
            Self::Robot => ("robot", ActorKind::Machine),
            Self::Eve => ("eve", ActorKind::Person),
        };
        TicketActor { name: id(name), kind }
    }
}

/// What a read of a ticket shows after these deeds.
pub(crate) fn reading(ticket: u8, step: StepCode, deeds: Deeds) -> Reading {
    let mut acts = Vec::new();
    let mut standing = Standing::Open;
    let mut resolution = None;
    let mut so_far = Deeds::default();
    for hand in deeds.iter() {
        let before = so_far.truth();
        so_far = so_far.and(hand);
        let holder = before.holder.unwrap_or(Holder::Ann);
        let closed = |code: &str| {
            Some(TicketResolution {
                actor: Some(Holder::Ann.actor()),
                code: Some(id(code)),
                note: "done".to_owned(),
                links: vec![],
            })
        };
        let (actor, kind) = match hand {
            Hand::AnnTakes => (Holder::Ann, ActKind::Took),
            Hand::BobTakes => (Holder::Bob, ActKind::Took),
            Hand::RobotTakes => (Holder::Robot, ActKind::Took),
            Hand::EveTakes => (Holder::Eve, ActKind::Took),
            Hand::GivenBack => (holder, ActKind::GaveBack),
            Hand::GivenToBob => (Holder::Ann, ActKind::Assigned { to: id("bob") }),
            Hand::Moved | Hand::MovedBack => (holder, ActKind::Moved),
            Hand::Noted => (holder, ActKind::Noted),
            Hand::Merged => {
                standing = Standing::Merged { into: id("T99") };
                (Holder::Robot, ActKind::ChangedState)
            }
            Hand::Deleted => {
                standing = Standing::Deleted;
                (Holder::Robot, ActKind::ChangedState)
            }
            Hand::AnnSolves => {
                (standing, resolution) = (Standing::Resolved, closed("solved"));
                (Holder::Ann, ActKind::ChangedState)
            }
            Hand::AnnReturns => {
                (standing, resolution) = (Standing::Resolved, closed("back"));
                (Holder::Ann, ActKind::ChangedState)
            }
            Hand::RobotCloses => {
                let by = Some(Holder::Robot.actor());
                resolution = closed("solved").map(|one| TicketResolution { actor: by, ..one });
                standing = Standing::Resolved;
                (Holder::Robot, ActKind::ChangedState)
            }
            Hand::Parked => {
                standing = Standing::Unknown { raw: "parked".to_owned() };
                (Holder::Robot, ActKind::ChangedState)
            }
        };
        acts.push(Act { actor: actor.actor(), kind });
    }
    let truth = deeds.truth();
    let facts = TicketFacts {
        ticket: names::ticket(ticket),
        case: Some(names::case()),
        correlation: Some(step.correlation()),
        queue: id(if truth.at_home { step.queue() } else { "elsewhere" }),
        standing,
        revision: 1 + u64::from(deeds.count()),
        holder: truth.holder.map(Holder::actor),
        acts,
        resolution,
    };
    Reading { ticket: TicketReading::Present(Box::new(facts)), queue: Some(queue(step.queue())) }
}

/// A read of a ticket of which its system knows nothing.
pub(crate) fn missing(step: StepCode) -> Reading {
    Reading { ticket: TicketReading::Missing, queue: Some(queue(step.queue())) }
}

fn queue(name: &str) -> QueueFacts {
    let member = |name: &str, kind| StaffMember {
        name: id(name),
        kind,
        enabled: true,
        may_take: true,
        on_shift: None,
    };
    QueueFacts {
        queue: id(name),
        enabled: true,
        staff: vec![
            member("ann", ActorKind::Person),
            member("bob", ActorKind::Person),
            member("robot", ActorKind::Machine),
        ],
    }
}
