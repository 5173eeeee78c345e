//! What reviewers say of a write that waits for them, and what they are told.

use crate::actions::Stage;
use crate::ledger::{Fact, Ledger, Why};
use crate::moves::{Choice, Name, Who};
use crate::terms::{ASSESS, QUESTIONS, REASON};

type Answer = Result<(), &'static str>;

/// Whoever has something to do with the matter: opened it, gains by it, runs the agent.
const INVOLVED: [Name; 3] = ["opal", "carl", "owner-of-A"];

impl Ledger {
    /// What was said of the action since people were last asked about it, latest first.
    fn since_asked(&self, action: usize) -> impl Iterator<Item = &Fact> {
        let facts = self.back().map(|(_, _, fact)| fact);
        facts.take_while(
            move |fact| !matches!(fact, Fact::Asked { action: of, .. } if *of == action),
        )
    }

    /// Who has agreed to what is being asked now, the latest first.
    pub(crate) fn agreed(&self, action: usize) -> Vec<Name> {
        let agreed = self.since_asked(action).filter_map(|fact| match fact {
            Fact::Agreed { action: of, person } if *of == action => Some(*person),
            _ => None,
        });
        agreed.collect()
    }

    /// Who wanted to know something, in that order.
    pub(crate) fn questions(&self, action: usize) -> Vec<Name> {
        let asked = self.since_asked(action).filter_map(|fact| match fact {
            Fact::Wondered { action: of, person } if *of == action => Some(*person),
            _ => None,
        });
        let mut asked: Vec<Name> = asked.collect();
        asked.reverse();
        asked
    }

    /// What was said about a question, and by whom.
    pub(crate) fn reply(&self, action: usize, number: usize) -> Option<(Name, u8)> {
        self.since_asked(action).find_map(|fact| match fact {
            Fact::Replied { action: of, question, by, text }
                if (*of, *question) == (action, number) =>
            {
                Some((*by, *text))
            }
            _ => None,
        })
    }

    /// Who named whom to look instead, in that order.
    pub(crate) fn handed_on(&self, action: usize) -> Vec<(Name, Name)> {
        let handed = self.since_asked(action).filter_map(|fact| match fact {
            Fact::HandedOn { action: of, from, to } if *of == action => Some((*from, *to)),
            _ => None,
        });
        let mut handed: Vec<(Name, Name)> = handed.collect();
        handed.reverse();
        handed
    }

    fn wrote(&self, action: usize, person: Name) -> bool {
        self.facts.iter().any(|(_, fact)| {
            matches!(fact, Fact::Changed { action: of, by, .. } if (*of, *by) == (action, person))
        })
    }

    pub(crate) fn decide(
        &mut self,
        action: usize,
        person: Name,
        lead: bool,
        seen: bool,
        choice: Choice,
    ) -> Answer {
        self.exists(action)?;
        let Stage::Awaiting { .. } = self.stage(action) else { return Err("STALE_APPROVAL") };
        if !lead {
            return Err("NOT_AN_APPROVER");
        }
        let of_their_own = self.wrote(action, person) && matches!(choice, Choice::Yes);
        if INVOLVED.contains(&person) || of_their_own {
            return Err("INVOLVED");
        }
        if !seen {
            return Err("APPROVAL_DIGEST_MISMATCH");
        }
        match choice {
            Choice::Yes => self.agree(action, person)?,
            Choice::No { code } => {
                let coded = self.ruling(action).is_some_and(|ruling| ruling.coded);
                match code {
                    None if coded => return Err("REASON_MISSING"),
                    Some(code) if !coded || code != REASON => return Err("UNKNOWN_REASON"),
                    _ => {}
                }
                self.stop_asking(action);
                self.note(Fact::Refused { action });
                self.see_to_plan_of(action);
            }
            Choice::Change { input } => {
                self.stop_asking(action);
                let until = self.now + ASSESS;
                self.note(Fact::Changed { action, by: person, input, until });
            }
            Choice::Wonder => {
                let asked = self.questions(action);
                let waits = |number: usize| {
                    asked[number - 1] == person && self.reply(action, number).is_none()
                };
                if (1..=asked.len()).any(waits) {
                    return Err("ALREADY_ASKED");
                }
                if asked.len() == QUESTIONS {
                    return Err("TOO_MANY");
                }
                self.note(Fact::Wondered { action, person });
                self.note(Fact::Learned);
            }
            Choice::HandOn { to } => self.hand_on(action, person, to)?,
            Choice::TakeOver => {
                // Nobody has it by saying so: people are asked to take it like any other case.
                self.withdraw_unsent();
                self.note(Fact::TakenAway);
                self.ask_people(Why::TakenAway);
            }
        }
        Ok(())
    }

    fn agree(&mut self, action: usize, person: Name) -> Answer {
        if self.agreed(action).contains(&person) {
            return Err("ALREADY_VOTED");
        }
        if self.handed_on(action).iter().any(|(from, _)| *from == person) {
            return Err("HANDED_OVER");
        }
        self.note(Fact::Agreed { action, person });
        let quorum = self.ruling(action).map_or(0, |ruling| ruling.ask);
        if self.agreed(action).len() >= quorum as usize {
            self.stop_asking(action);
            self.authorize(action);
        }
        Ok(())
    }

    /// A yes is handed on once at most: nobody who got one hands it on, and nobody who handed it on gets one.
    fn hand_on(&mut self, action: usize, from: Name, to: Name) -> Answer {
        let handed = self.handed_on(action);
        if from == to || handed.contains(&(to, from)) {
            return Err("DELEGATION_CIRCLE");
        }
        if handed.contains(&(from, to)) {
            return Ok(());
        }
        if handed.iter().any(|(giver, _)| *giver == from) {
            return Err("HANDED_OVER");
        }
        if handed.iter().any(|(giver, taker)| *taker == from || *giver == to) {
            return Err("DELEGATION_TOO_DEEP");
        }
        let agreed = self.agreed(action);
        if agreed.contains(&from) || agreed.contains(&to) {
            return Err("ALREADY_VOTED");
        }
        if INVOLVED.contains(&to) || self.wrote(action, to) {
            return Err("INVOLVED");
        }
        self.note(Fact::HandedOn { action, from, to });
        Ok(())
    }

    /// Whoever was asked says something: the agent that has the case, or the person who opened it.
    pub(crate) fn tell_reviewer(
        &mut self,
        action: usize,
        question: usize,
        by: Who,
        text: u8,
    ) -> Answer {
        self.exists(action)?;
        let Stage::Awaiting { .. } = self.stage(action) else { return Err("STALE_APPROVAL") };
        let by = match by {
            Who::Agent(agent, epoch) => {
                self.owns(agent, epoch)?;
                agent
            }
            Who::Person("opal") => "opal",
            Who::Person(_) => return Err("NOT_ASKED"),
        };
        if !(1..=self.questions(action).len()).contains(&question) {
            return Err("UNKNOWN_QUESTION");
        }
        match self.reply(action, question) {
            Some(known) if known == (by, text) => Ok(()),
            Some(_) => Err("ALREADY_ANSWERED"),
            None => {
                self.note(Fact::Replied { action, question, by, text });
                self.note(Fact::Learned);
                Ok(())
            }
        }
    }
}
