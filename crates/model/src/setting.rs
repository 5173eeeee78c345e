//! How large a world is explored. Everything that could go on for ever has a bound here, so that the explorer
//! comes to an end because nothing is left, and not because it is stopped.

use crate::hand::Hand;

/// The bounds of one exploration.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it is about, for people.
    pub about: &'static str,
    /// How often the clock moves on.
    pub horizon: u8,
    /// Whether the case is meant for agents first; otherwise it goes straight to people.
    pub agents: bool,
    /// How many queues people are asked in, one after the other.
    pub steps: usize,
    /// What an agent does of its own accord or by lying: declines, hands over, lets go, acts on what it has lost.
    pub whims: u8,
    /// What is done to tickets by people, machines and accidents.
    pub hands: u8,
    /// Which of these things can happen.
    pub(crate) hand_kinds: &'static [Hand],
    /// How often a ticket is read.
    pub looks: u8,
    /// How often a message from outside claims something.
    pub rumours: u8,
    /// How often a second supervisor, or the first one that did not notice its end, looks at the case.
    pub rivals: u8,
    /// How many actions an agent proposes.
    pub proposals: u8,
    /// Whether the first of them needs people.
    pub approvals: bool,
    /// How many people have to approve.
    pub quorum: u32,
    /// Whether the supervisor carries actions out; otherwise the agent does, with a permit.
    pub by_supervisor: bool,
    /// Whether a divergence is undone by itself.
    pub undo: bool,
    /// How many plans the actions may belong to.
    pub plans: bool,
    /// How many of the world's misfortunes happen to writes: lost, late, wrong, unreadable.
    pub mishaps: u8,
    /// By how many ticks the supervisor may miss a deadline.
    pub late: u8,
    /// Whether the people of a given-up step are told.
    pub withdrawals: bool,
    /// Whether a ticket may be created twice, by two who looked at the same time.
    pub forks: bool,
}

/// Nothing happens but the handing around of a case.
const BASE: Setting = Setting {
    name: "",
    about: "",
    horizon: 4,
    agents: true,
    steps: 1,
    whims: 1,
    hands: 0,
    hand_kinds: &[],
    looks: 0,
    rumours: 0,
    rivals: 0,
    proposals: 0,
    approvals: false,
    quorum: 1,
    by_supervisor: false,
    undo: true,
    plans: false,
    mishaps: 0,
    late: 0,
    withdrawals: false,
    forks: false,
};

impl Setting {
    /// The small ones, for every test run.
    #[must_use]
    pub fn quick() -> Vec<Self> {
        vec![
            Self {
                name: "quick-ownership",
                about: "two agents hand a case around, people can take it",
                horizon: 3,
                rivals: 1,
                ..BASE
            },
            Self {
                name: "quick-escalation",
                about: "people, machines and accidents around one ticket",
                agents: false,
                horizon: 3,
                whims: 0,
                hands: 2,
                hand_kinds: Hand::ALL,
                looks: 3,
                rumours: 1,
                ..BASE
            },
            Self {
                name: "quick-writing",
                about: "one write, by an agent with a permit",
                horizon: 3,
                proposals: 1,
                mishaps: 1,
                ..BASE
            },
            Self {
                name: "quick-approval",
                about: "one write that people have to approve",
                horizon: 2,
                whims: 1,
                proposals: 1,
                approvals: true,
                ..BASE
            },
            Self {
                name: "quick-plan",
                about: "two writes that stand and fall together",
                horizon: 1,
                proposals: 2,
                plans: true,
                ..BASE
            },
            Self {
                name: "quick-crash",
                about: "a write while a second supervisor decides and dies",
                horizon: 1,
                whims: 0,
                proposals: 1,
                rivals: 1,
                ..BASE
            },
            Self {
                name: "quick-connector",
                about: "a write by the supervisor's own connector, and a second supervisor",
                horizon: 1,
                whims: 0,
                proposals: 1,
                mishaps: 1,
                by_supervisor: true,
                rivals: 1,
                ..BASE
            },
        ]
    }

    /// The large ones.
    #[must_use]
    pub fn full() -> Vec<Self> {
        vec![]
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::quick().into_iter().chain(Self::full()).find(|setting| setting.name == name)
    }
}
