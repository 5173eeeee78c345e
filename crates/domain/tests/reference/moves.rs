//! What can be asked of a case, in the few words that the model needs.

/// A person, an agent, a role, a plan.
pub(crate) type Name = &'static str;

/// A ticket's number in its system.
pub(crate) type Ticket = u8;

/// One command, so many seconds after the one before.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub(crate) wait: i64,
    pub(crate) ask: Ask,
}

/// Who speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Agent(Name, u64),
    Person(Name),
}

#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Open {
        for_people: bool,
        work: bool,
        worked: bool,
        again: bool,
    },
    Learn {
        by: Who,
    },
    Offer {
        to: Name,
    },
    Nobody,
    Accept {
        agent: Name,
        key: u8,
        offer: usize,
        knows: usize,
    },
    Decline {
        agent: Name,
        offer: usize,
    },
    Progress {
        agent: Name,
        epoch: u64,
        key: u8,
    },
    HandOff {
        agent: Name,
        epoch: u64,
        role: Option<Name>,
        to: Name,
    },
    Escalate {
        by: Who,
    },
    Release {
        agent: Name,
        epoch: u64,
    },
    Resolve {
        by: Who,
    },
    Tick,

    Propose {
        agent: Name,
        epoch: u64,
        number: u8,
        input: u8,
        plan: Option<Name>,
        ruling: Option<Ruling>,
    },
    Judge {
        action: usize,
        revision: usize,
        ruling: Ruling,
    },
    Decide {
        action: usize,
        person: Name,
        lead: bool,
        seen: bool,
        choice: Choice,
    },
    /// Somebody tells a reviewer something.
    Reply {
        action: usize,
        question: usize,
        by: Who,
        text: u8,
    },
    Playbook {
        newer: bool,
    },
    Begin {
        agent: Name,
        key: u8,
        epoch: u64,
        action: usize,
        permit: usize,
        same: bool,
    },
    Report {
        agent: Option<Name>,
        action: usize,
        attempt: u32,
        said: Said,
    },
    Read {
        action: usize,
        attempt: u32,
        shows: Shows,
        sent: i64,
    },
    Undid {
        action: usize,
        attempt: u32,
        how: Undo,
    },
    Complete {
        agent: Name,
        epoch: u64,
        plan: Name,
        agree: Agree,
    },
    /// What the systems show after the plan: the first comparison so, the others equal, and the last one left out
    /// unless it is all of them.
    Agreement {
        plan: Name,
        shows: Shows,
        all: bool,
        sent: i64,
    },
    Abandon {
        agent: Name,
        epoch: u64,
        plan: Name,
    },

    Placed {
        step: (usize, u32, usize),
        ticket: Ticket,
    },
    Impossible {
        step: (usize, u32, usize),
    },
    Look {
        step: (usize, u32, usize),
        look: Look,
        sent: i64,
    },
    Gone {
        step: (usize, u32, usize),
        ticket: Ticket,
    },
}

/// What the playbook says of a proposal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ruling {
    pub(crate) newer: bool,
    pub(crate) deny: bool,
    pub(crate) shadow: bool,
    pub(crate) risky: bool,
    /// How many people have to agree.
    pub(crate) ask: u32,
    /// Whether a no needs a reason out of a list.
    pub(crate) coded: bool,
    /// Whether the supervisor carries it out.
    pub(crate) by_us: bool,
    pub(crate) undoable: bool,
    pub(crate) undo: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    Yes,
    No {
        code: Option<Name>,
    },
    Change {
        input: u8,
    },
    /// Wants to know something first.
    Wonder,
    /// Somebody else should look instead.
    HandOn {
        to: Name,
    },
    /// The agent shall not have the case any more.
    TakeOver,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said {
    Yes,
    Unsure,
    Busy,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shows {
    It,
    Nothing,
    SomethingElse,
    NoAnswer,
}

/// What the systems have to agree about after a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Agree {
    Nothing,
    /// About something that only another kind of write is followed by.
    Elsewhere,
    /// At once; otherwise people have it.
    OrPeople,
    /// After a while; otherwise it is undone.
    OrUndone,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Undo {
    Done,
    Busy,
    Never,
}

/// What a look at a ticket shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) ticket: Found,
    pub(crate) number: Ticket,
    pub(crate) revision: u64,
    /// It carries our marks.
    pub(crate) ours: bool,
    /// It is in the queue that was asked for.
    pub(crate) here: bool,
    pub(crate) holder: Option<Name>,
    /// The holder took it by an act of their own.
    pub(crate) took: bool,
    /// What the holder has done since.
    pub(crate) works: u32,
    pub(crate) queue: Queue,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    Nothing,
    NoAnswer,
    Open,
    ClosedBy { who: Name, code: Name },
    Rejected,
    Deleted,
    Merged,
    Odd,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Queue {
    NoAnswer,
    Staffed,
    Disabled,
    Empty,
    Night,
}

/// On the queue: two people, a machine, and somebody whose account is disabled. Not on it: us, and a stranger.
pub(crate) const PEOPLE: [Name; 2] = ["ann", "bob"];
pub(crate) const OTHERS: [Name; 4] = ["robot", "eve", "belay", "zoe"];
pub(crate) const AGENTS: [Name; 3] = ["A", "B", "C"];
