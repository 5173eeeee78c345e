//! What is done to a ticket, by people, machines and accidents.

use std::fmt;

/// One thing that is done to a ticket. Its number is how the ticket remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Hand {
    /// Ann of the staff takes it.
    AnnTakes = 1,
    /// Bob of the staff takes it.
    BobTakes,
    /// An automation takes it.
    RobotTakes,
    /// A person who is not of the staff takes it.
    EveTakes,
    /// Whoever has it gives it back.
    GivenBack,
    /// It is given to Bob, who does nothing of his own.
    GivenToBob,
    /// It is moved to another queue.
    Moved,
    /// It is moved back.
    MovedBack,
    /// It is joined to another ticket.
    Merged,
    /// It is deleted.
    Deleted,
    /// Ann closes it with a resolution.
    AnnSolves,
    /// Ann closes it and wants an agent to go on.
    AnnReturns,
    /// An automation closes it.
    RobotCloses,
    /// Whoever has it writes a note.
    Noted,
    /// It gets a state that the mapping does not name.
    Parked,
}

impl Hand {
    pub(crate) const ALL: &'static [Self] = &[
        Self::AnnTakes,
        Self::BobTakes,
        Self::RobotTakes,
        Self::EveTakes,
        Self::GivenBack,
        Self::GivenToBob,
        Self::Moved,
        Self::MovedBack,
        Self::Merged,
        Self::Deleted,
        Self::AnnSolves,
        Self::AnnReturns,
        Self::RobotCloses,
        Self::Noted,
        Self::Parked,
    ];

    /// What a number stands for.
    pub(crate) fn numbered(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|hand| *hand as u32 == number)
    }
}

impl fmt::Display for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnnTakes => "Ann takes it",
            Self::BobTakes => "Bob takes it",
            Self::RobotTakes => "an automation takes it",
            Self::EveTakes => "Eve, who is not of the staff, takes it",
            Self::GivenBack => "it is given back",
            Self::GivenToBob => "it is given to Bob, who has done nothing",
            Self::Moved => "it is moved to another queue",
            Self::MovedBack => "it is moved back",
            Self::Merged => "it is merged into another ticket",
            Self::Deleted => "it is deleted",
            Self::AnnSolves => "Ann closes it as solved",
            Self::AnnReturns => "Ann closes it so that an agent goes on",
            Self::RobotCloses => "an automation closes it",
            Self::Noted => "its holder writes a note",
            Self::Parked => "it gets a state that nobody mapped",
        })
    }
}
