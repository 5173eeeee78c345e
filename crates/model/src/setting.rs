//! How large a world is explored. Everything that could go on for ever has a bound here, so that the explorer
//! comes to an end because nothing is left, and not because it is stopped.

use crate::hand::Hand;
use crate::wanted::{APPROVAL, ESCALATION, EVERYTHING, OWNERSHIP, PLAN, TAKEOVER, WRITING};
use crate::whim::Whim;

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
    /// Which of these things can happen.
    pub(crate) whim_kinds: &'static [Whim],
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
    /// Whether the first of them may need people.
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
    /// How many answers are lost or come twice.
    pub accidents: u8,
    /// How many of the whims, mishaps and accidents there are in one history, all together.
    pub troubles: u8,
    /// By how many ticks the supervisor may miss a deadline.
    pub late: u8,
    /// Whether the people of a given-up step are told.
    pub withdrawals: bool,
    /// Whether a ticket may be created twice, by two who looked at the same time.
    pub forks: bool,
    /// Events, refusals and sights without which the exploration proves nothing.
    pub wanted: &'static [&'static str],
}

/// Nothing happens but the handing around of a case.
const BASE: Setting = Setting {
    name: "",
    about: "",
    horizon: 4,
    agents: true,
    steps: 1,
    whims: 1,
    whim_kinds: Whim::ALL,
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
    accidents: 0,
    troubles: u8::MAX,
    late: 0,
    withdrawals: false,
    forks: false,
    wanted: &[],
};

impl Setting {
    /// The small ones, for every test run.
    #[must_use]
    pub fn quick() -> Vec<Self> {
        vec![
            Self {
                name: "quick-ownership",
                wanted: OWNERSHIP,
                about: "two agents hand a case around, people can take it",
                horizon: 2,
                rivals: 1,
                ..BASE
            },
            Self {
                name: "quick-escalation",
                wanted: ESCALATION,
                about: "people, machines and accidents around one ticket",
                agents: false,
                horizon: 2,
                whims: 0,
                hands: 2,
                hand_kinds: Hand::ALL,
                looks: 2,
                rumours: 1,
                ..BASE
            },
            Self {
                name: "quick-writing",
                wanted: WRITING,
                about: "one write, by an agent with a permit",
                horizon: 2,
                whims: 0,
                proposals: 1,
                mishaps: 1,
                ..BASE
            },
            Self {
                name: "quick-approval",
                wanted: APPROVAL,
                about: "one write that people have to approve",
                horizon: 0,
                proposals: 1,
                approvals: true,
                ..BASE
            },
            Self {
                name: "quick-takeover",
                wanted: TAKEOVER,
                about: "reviewers name others and take the case away, a person takes it, two supervisors",
                horizon: 1,
                whims: 2,
                whim_kinds: &[Whim::HandOn, Whim::TakeOver],
                hands: 1,
                hand_kinds: &[Hand::AnnTakes],
                looks: 1,
                rivals: 1,
                proposals: 1,
                approvals: true,
                ..BASE
            },
            Self {
                name: "quick-plan",
                wanted: PLAN,
                about: "two writes that stand and fall together",
                horizon: 0,
                proposals: 2,
                plans: true,
                ..BASE
            },
            Self {
                name: "quick-crash",
                wanted: &["append by the second", "append refused", "write in effect"],
                about: "a write while a second supervisor decides and dies",
                horizon: 1,
                whims: 0,
                proposals: 1,
                rivals: 1,
                ..BASE
            },
            Self {
                name: "quick-connector",
                wanted: &["append by the second", "append refused", "write in effect"],
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
        vec![
            Self {
                name: "ownership",
                wanted: OWNERSHIP,
                about: "two agents hand a case around, people can take it, two supervisors",
                horizon: 4,
                rivals: 1,
                ..BASE
            },
            Self {
                name: "escalation",
                wanted: ESCALATION,
                about: "people, machines and accidents around the tickets of two queues",
                agents: false,
                horizon: 4,
                steps: 2,
                whims: 0,
                hands: 2,
                hand_kinds: Hand::ALL,
                looks: 3,
                rumours: 1,
                rivals: 1,
                withdrawals: true,
                forks: true,
                ..BASE
            },
            Self {
                name: "writing",
                wanted: WRITING,
                about: "one write by an agent: lost, late, wrong, unreadable",
                horizon: 3,
                proposals: 1,
                mishaps: 1,
                ..BASE
            },
            Self {
                name: "everything",
                wanted: EVERYTHING,
                about: "all of it together: agents, people, webhooks, a write, approvals, lies, losses, two supervisors",
                horizon: 2,
                whims: 0,
                hands: 2,
                hand_kinds: &[Hand::AnnTakes, Hand::GivenBack, Hand::Moved, Hand::Deleted],
                looks: 1,
                rumours: 1,
                rivals: 1,
                proposals: 1,
                approvals: true,
                mishaps: 1,
                accidents: 1,
                ..BASE
            },
            // More than 60 million states; not for every run.
            Self {
                name: "whims",
                wanted: APPROVAL,
                about: "everything, and one handover, refusal or amendment, with one thing in all that goes wrong",
                horizon: 2,
                whim_kinds: &[Whim::Handoff, Whim::Reject, Whim::Amend],
                hands: 2,
                hand_kinds: &[Hand::AnnTakes, Hand::GivenBack, Hand::Moved, Hand::Deleted],
                looks: 1,
                rumours: 1,
                rivals: 1,
                proposals: 1,
                approvals: true,
                mishaps: 1,
                accidents: 1,
                troubles: 1,
                ..BASE
            },
        ]
    }

    /// With another bound: `hands=3`.
    #[must_use]
    pub fn with(mut self, bound: &str) -> Option<Self> {
        let (name, number) = bound.split_once('=')?;
        let number: u8 = number.parse().ok()?;
        let place = match name {
            "horizon" => &mut self.horizon,
            "whims" => &mut self.whims,
            "hands" => &mut self.hands,
            "looks" => &mut self.looks,
            "rumours" => &mut self.rumours,
            "rivals" => &mut self.rivals,
            "proposals" => &mut self.proposals,
            "mishaps" => &mut self.mishaps,
            "accidents" => &mut self.accidents,
            "troubles" => &mut self.troubles,
            "late" => &mut self.late,
            _ => return None,
        };
        *place = number;
        Some(self)
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::quick().into_iter().chain(Self::full()).find(|setting| setting.name == name)
    }
}
