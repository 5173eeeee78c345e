//! The naive model: the full list of what ever happened to a case, and questions that are answered by reading it
//! from the end. Nothing is kept up to date, so nothing can be out of date.

use crate::moves::{Agree, Name, Ruling, Ticket};
use crate::terms::LEASE;

/// A case as its full story, in seconds since the story began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) now: i64,
    pub(crate) facts: Vec<(i64, Fact)>,
    /// What the last command was answered: nothing, or the code of the refusal.
    pub(crate) answer: Option<&'static str>,
}

/// Actions and escalations are counted from one, plans have names, a step is an escalation's round and number.
pub(crate) type Step = (usize, u32, usize);

/// Why people are asked to take the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    NobodyElse,
    MeantForThem,
    ToAndFro,
    Asked,
    TakenAway,
    SomethingIsWrong,
}

/// What an escalation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Takeover(Why),
    Approval(usize),
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fact {
    Opened { for_people: bool, work: bool, worked: bool },
    Learned,
    Closed,

    Searched { role: Option<Name>, tried: Vec<Name>, until: i64 },
    SearchEnded,
    Offered { to: Name, until: i64 },
    OfferOver { to: Name },
    Took { agent: Name, key: u8, offer: usize },
    Kept { key: u8, until: i64 },
    LetGo,
    RanOut,
    Returned,
    TakenAway,

    Proposed { by: Name, number: u8, input: u8, plan: Option<Name>, epoch: u64, until: i64 },
    Judged { action: usize, ruling: Ruling },
    Denied { action: usize },
    Shadowed { action: usize },
    Asked { action: usize, escalation: usize, until: i64 },
    Agreed { action: usize, person: Name },
    Wondered { action: usize, person: Name },
    Replied { action: usize, question: usize, by: Name, text: u8 },
    HandedOn { action: usize, from: Name, to: Name },
    AskedNoMore { action: usize },
    Refused { action: usize },
    Unanswered { action: usize },
    Changed { action: usize, by: Name, input: u8, until: i64 },
    Permitted { action: usize, agent: Name, key: u8, epoch: u64, until: i64 },
    Sent { action: usize, permit: Option<usize>, until: i64 },
    SaidYes { action: usize },
    Unclear { action: usize, hopeless: bool },
    PeopleTold { action: usize },
    ToRetry { action: usize, at: i64 },
    Failed { action: usize },
    Proved { action: usize },
    Diverged { action: usize },
    Withdrawn { action: usize },
    Undoing { action: usize, attempt: u32, at: i64 },
    Undone { action: usize },
    UndoFailed { action: usize },
    PlanComplete { plan: Name, agree: Agree },
    PlanAtIssue { plan: Name },
    PlanToPeople { plan: Name },
    PlanProved { plan: Name },
    PlanUndoing { plan: Name },
    PlanUndone { plan: Name },
    PlanStuck { plan: Name },

    Escalated { purpose: Purpose },
    Widened { escalation: usize, why: Why },
    StepBegan { step: Step },
    Placed { escalation: usize, ticket: Ticket },
    Orphaned { step: Step, ticket: Ticket },
    Seen { escalation: usize, shown: Shown, until: i64 },
    Routed { escalation: usize, shown: Shown, until: i64 },
    Taken { escalation: usize, by: Name, shown: Shown, owns: bool },
    SeenAgain { escalation: usize, shown: Shown, worked: bool },
    StepOver { escalation: usize, lapsed: bool, owned: bool },
    Exhausted { escalation: usize, until: i64 },
    Settled { escalation: usize },
    EscalationClosed { escalation: usize },
    TicketGone { step: Step, ticket: Ticket },
}

/// What one look at a ticket showed, when that was asked for, and of which revision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) revision: u64,
    pub(crate) sent: i64,
    pub(crate) works: u32,
}

/// Who owns the case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Owner {
    Supervisor,
    Agent { agent: Name, key: u8, until: i64 },
    Person { escalation: usize, by: Name },
}

/// A search that is on.
pub(crate) struct Search {
    pub(crate) tried: Vec<Name>,
    pub(crate) until: i64,
}

impl Ledger {
    pub(crate) fn note(&mut self, fact: Fact) {
        self.facts.push((self.now, fact));
    }

    /// The facts, latest first, with their place in the story.
    pub(crate) fn back(&self) -> impl Iterator<Item = (usize, i64, &Fact)> {
        self.facts.iter().enumerate().rev().map(|(place, (at, fact))| (place, *at, fact))
    }

    pub(crate) fn count(&self, which: impl Fn(&Fact) -> bool) -> usize {
        self.facts.iter().filter(|(_, fact)| which(fact)).count()
    }

    /// Where the latest such fact stands.
    fn last(&self, which: impl Fn(&Fact) -> bool) -> Option<usize> {
        self.back().find(|(_, _, fact)| which(fact)).map(|(place, _, _)| place)
    }

    pub(crate) fn was_opened(&self) -> bool {
        self.last(|fact| matches!(fact, Fact::Opened { .. })).is_some()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.was_opened() && self.last(|fact| matches!(fact, Fact::Closed)).is_none()
    }

    /// Whether people have to do something on the ticket, to take it at all and from time to time.
    pub(crate) fn needs_work(&self) -> (bool, bool) {
        self.facts
            .iter()
            .find_map(|(_, fact)| match fact {
                Fact::Opened { work, worked, .. } => Some((*work, *worked)),
                _ => None,
            })
            .unwrap_or_default()
    }

    pub(crate) fn known(&self) -> usize {
        self.count(|fact| matches!(fact, Fact::Learned))
    }

    /// How often the case has changed hands.
    pub(crate) fn epoch(&self) -> u64 {
        self.count(changes_hands) as u64
    }

    pub(crate) fn owner(&self) -> Owner {
        let mut kept = None;
        for (_, at, fact) in self.back() {
            match *fact {
                Fact::Kept { key, until } if kept.is_none() => kept = Some((key, until)),
                Fact::Took { agent, key, .. } => {
                    let (key, until) = kept.unwrap_or((key, at + LEASE));
                    return Owner::Agent { agent, key, until };
                }
                Fact::Taken { escalation, by, owns: true, .. } => {
                    return Owner::Person { escalation, by };
                }
                _ if changes_hands(fact) => return Owner::Supervisor,
                _ => {}
            }
        }
        Owner::Supervisor
    }

    pub(crate) fn owning_agent(&self) -> Option<Name> {
        match self.owner() {
            Owner::Agent { agent, .. } => Some(agent),
            Owner::Supervisor | Owner::Person { .. } => None,
        }
    }

    /// The search that is on, if one is.
    pub(crate) fn search(&self) -> Option<Search> {
        let mut over = Vec::new();
        for (_, _, fact) in self.back() {
            match fact {
                Fact::Searched { tried, until, .. } => {
                    let mut tried = tried.clone();
                    tried.extend(over.iter().rev());
                    return Some(Search { tried, until: *until });
                }
                Fact::OfferOver { to } => over.push(*to),
                fact if ends_searches(fact) => return None,
                _ => {}
            }
        }
        None
    }

    /// The open offer: its number, to whom, until when.
    pub(crate) fn offer(&self) -> Option<(usize, Name, i64)> {
        for (_, _, fact) in self.back() {
            match fact {
                Fact::Offered { to, until } => return Some((self.offers(), *to, *until)),
                Fact::OfferOver { .. } => return None,
                fact if ends_searches(fact) => return None,
                _ => {}
            }
        }
        None
    }

    pub(crate) fn offers(&self) -> usize {
        self.count(|fact| matches!(fact, Fact::Offered { .. }))
    }

    /// The role that the case is meant for now: the last one it was handed to by a search for a role, else the one
    /// it was opened for.
    pub(crate) fn meant_for(&self) -> Option<Name> {
        let mut taken = false;
        for (_, _, fact) in self.back() {
            match fact {
                Fact::Took { .. } => taken = true,
                Fact::Searched { role: Some(role), .. } if taken => return Some(*role),
                Fact::Searched { role: None, .. } if taken => taken = false,
                Fact::Opened { for_people: false, .. } => return Some("billing"),
                _ => {}
            }
        }
        None
    }

    /// How often the case went between its last agent and this one since a person had it.
    pub(crate) fn bounces(&self, to: Name) -> usize {
        let since = self.last(|fact| matches!(fact, Fact::Taken { owns: true, .. }));
        let agents: Vec<Name> = self.facts[since.unwrap_or(0)..]
            .iter()
            .filter_map(|(_, fact)| match fact {
                Fact::Took { agent, .. } => Some(*agent),
                _ => None,
            })
            .collect();
        let Some(last) = agents.last() else { return 0 };
        let between =
            |pair: &&[Name]| (pair[0], pair[1]) == (*last, to) || (pair[0], pair[1]) == (to, *last);
        agents.windows(2).filter(between).count()
    }

    /// The offer by which the case was last taken by an agent.
    pub(crate) fn taken_by_offer(&self) -> Option<usize> {
        self.back().find_map(|(_, _, fact)| match fact {
            Fact::Took { offer, .. } => Some(*offer),
            _ => None,
        })
    }
}

fn changes_hands(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Took { .. }
            | Fact::LetGo
            | Fact::RanOut
            | Fact::Returned
            | Fact::TakenAway
            | Fact::Taken { owns: true, .. }
            | Fact::StepOver { owned: true, .. }
    )
}

fn ends_searches(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::SearchEnded
            | Fact::Took { .. }
            | Fact::Taken { owns: true, .. }
            | Fact::TakenAway
            | Fact::Closed
    )
}
