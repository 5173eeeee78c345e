//! The kinds of steps that an exploration took, so that it can say what it never tried.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::hand::Hand;
use crate::moves::{Act, Luck};

macro_rules! kinds {
    ($($name:ident = $says:literal;)*) => {
        /// What kind of step it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Kind { $($name,)* }

        /// Their names, in their order.
        const NAMES: &[&str] = &[$($says,)*];
    };
}

kinds! {
    Waited = "time passed";
    Decided = "command decided";
    Reported = "outcome reported";
    Lied = "outcome reported falsely";
    Created = "ticket created";
    Taken = "ticket taken";
    TakenByOthers = "ticket taken by a machine or an outsider";
    GivenBack = "ticket given back";
    GivenAway = "ticket given to somebody";
    Moved = "ticket moved";
    MovedBack = "ticket moved back";
    Merged = "ticket merged";
    Deleted = "ticket deleted";
    Closed = "ticket closed by a person";
    ClosedByMachine = "ticket closed by a machine";
    Noted = "ticket worked on";
    Parked = "ticket in an unknown state";
    Looked = "ticket read";
    Rumoured = "webhook looked into";
    ReadBack = "effect read";
    Blind = "effect unreadable";
    Answered = "answer arrived";
    AnsweredTwice = "answer to come twice";
    AnswerLost = "answer lost";
    InEffect = "write in effect";
    UnderWay = "write under way";
    Lost = "write lost";
    Wrong = "write wrong";
    LateInEffect = "late write in effect";
    LateLost = "late write lost";
    Undone = "write undone";
    SecondLooked = "second supervisor";
    SecondDecided = "decided by the second";
    SecondAppended = "append by the second";
    SecondRefused = "append refused";
    SecondDied = "death of the second";
}

/// Those that were taken, one bit each.
#[derive(Debug, Default)]
pub(crate) struct Taken(AtomicU64);

impl Taken {
    pub(crate) fn take(&self, kind: Kind) {
        let bit = 1 << kind as u8;
        if self.0.load(Ordering::Relaxed) & bit == 0 {
            self.0.fetch_or(bit, Ordering::Relaxed);
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let taken = self.0.load(Ordering::Relaxed);
        let names = NAMES.iter().enumerate().filter(move |(place, _)| taken >> place & 1 == 1);
        names.map(|(_, name)| *name)
    }
}

impl Act {
    /// What kind of step it is.
    pub(crate) fn kind(&self) -> Kind {
        match *self {
            Self::Wait => Kind::Waited,
            Self::Decide(_) => Kind::Decided,
            Self::Report { honest: true, .. } => Kind::Reported,
            Self::Report { honest: false, .. } => Kind::Lied,
            Self::Create(_) => Kind::Created,
            Self::Hand { hand, .. } => of_hand(hand),
            Self::Look { .. } => Kind::Looked,
            Self::Rumour { .. } => Kind::Rumoured,
            Self::ReadBack { blind: false, .. } => Kind::ReadBack,
            Self::ReadBack { blind: true, .. } => Kind::Blind,
            Self::Answer(_) => Kind::Answered,
            Self::AnswerTwice(_) => Kind::AnsweredTwice,
            Self::Lose(_) => Kind::AnswerLost,
            Self::Send { luck: Luck::Lands, .. } => Kind::InEffect,
            Self::Send { luck: Luck::Late, .. } => Kind::UnderWay,
            Self::Send { luck: Luck::Lost, .. } => Kind::Lost,
            Self::Send { luck: Luck::Wrong, .. } => Kind::Wrong,
            Self::Land { lost: false, .. } => Kind::LateInEffect,
            Self::Land { lost: true, .. } => Kind::LateLost,
            Self::Undo { .. } => Kind::Undone,
            Self::RivalLooks => Kind::SecondLooked,
            Self::RivalDecides(_) => Kind::SecondDecided,
            Self::RivalAppends => Kind::SecondAppended,
            Self::RivalRefused => Kind::SecondRefused,
            Self::RivalDies => Kind::SecondDied,
        }
    }
}

fn of_hand(hand: Hand) -> Kind {
    match hand {
        Hand::AnnTakes | Hand::BobTakes => Kind::Taken,
        Hand::RobotTakes | Hand::EveTakes => Kind::TakenByOthers,
        Hand::GivenBack => Kind::GivenBack,
        Hand::GivenToBob => Kind::GivenAway,
        Hand::Moved => Kind::Moved,
        Hand::MovedBack => Kind::MovedBack,
        Hand::Merged => Kind::Merged,
        Hand::Deleted => Kind::Deleted,
        Hand::AnnSolves | Hand::AnnReturns => Kind::Closed,
        Hand::RobotCloses => Kind::ClosedByMachine,
        Hand::Noted => Kind::Noted,
        Hand::Parked => Kind::Parked,
    }
}
