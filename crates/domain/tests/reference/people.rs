//! How people are asked, and what a look at a ticket proves.

use crate::ledger::{Fact, Ledger, Purpose, Shown, Step, Why};
use crate::moves::{Found, Look, Name, OTHERS, PEOPLE, Queue, Ticket};
use crate::terms::{ACKNOWLEDGE, FRESH, PLACE, REACH, ROUND, STEPS, WORK, backoff};

type Answer = Result<(), &'static str>;

/// Where an escalation stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stand {
    Opened,
    Placed { shown: Option<Shown> },
    Routed { shown: Shown },
    Taken { by: Name, shown: Shown },
    Settled,
    Exhausted { until: i64 },
    Closed,
}

/// What a look is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Worth {
    /// Nothing can be said.
    NoNews,
    /// It may not be visible yet.
    Missing,
    /// It cannot be what was asked for.
    Broken,
    /// It is there; somebody else than a person of the staff has it.
    WrongHands { reachable: Option<bool> },
    /// It is there and nobody has it.
    Free { reachable: Option<bool> },
    /// A person of the staff has taken it.
    Taken { by: Name, works: u32 },
    /// A person of the staff has closed it with a code we know.
    Solved { code: Name },
}

impl Ledger {
    pub(crate) fn escalations(&self) -> usize {
        self.count(|fact| matches!(fact, Fact::Escalated { .. }))
    }

    pub(crate) fn purpose(&self, asked: usize) -> Purpose {
        let widened = self.back().find_map(|(_, _, fact)| match fact {
            Fact::Widened { escalation, why } if *escalation == asked => Some(*why),
            _ => None,
        });
        let mut first = self.facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Escalated { purpose } => Some(*purpose),
            _ => None,
        });
        let first = first.nth(asked - 1).expect("it was opened");
        widened.map_or(first, Purpose::Takeover)
    }

    /// Which step it is at, and since when.
    pub(crate) fn step(&self, asked: usize) -> (Step, i64) {
        let found = self.back().find_map(|(_, at, fact)| match fact {
            Fact::StepBegan { step } if step.0 == asked => Some((*step, at)),
            _ => None,
        });
        found.expect("it has begun")
    }

    pub(crate) fn stand(&self, asked: usize) -> Stand {
        for (_, _, fact) in self.back() {
            match fact {
                Fact::StepBegan { step } if step.0 == asked => return Stand::Opened,
                Fact::Placed { escalation, .. } if *escalation == asked => {
                    return Stand::Placed { shown: None };
                }
                Fact::Seen { escalation, shown, .. } if *escalation == asked => {
                    return Stand::Placed { shown: Some(*shown) };
                }
                Fact::Routed { escalation, shown, .. } if *escalation == asked => {
                    return Stand::Routed { shown: *shown };
                }
                Fact::Taken { escalation, shown, .. }
                | Fact::SeenAgain { escalation, shown, .. }
                    if *escalation == asked =>
                {
                    let by = self.taker(asked).expect("somebody took it");
                    return Stand::Taken { by, shown: *shown };
                }
                Fact::Exhausted { escalation, until } if *escalation == asked => {
                    return Stand::Exhausted { until: *until };
                }
                Fact::Settled { escalation } if *escalation == asked => return Stand::Settled,
                Fact::EscalationClosed { escalation } if *escalation == asked => {
                    return Stand::Closed;
                }
                _ => {}
            }
        }
        Stand::Opened
    }

    fn taker(&self, asked: usize) -> Option<Name> {
        self.back().find_map(|(_, _, fact)| match fact {
            Fact::Taken { escalation, by, .. } if *escalation == asked => Some(*by),
            _ => None,
        })
    }

    pub(crate) fn is_asking(&self, asked: usize) -> bool {
        !matches!(self.stand(asked), Stand::Settled | Stand::Closed)
    }

    pub(crate) fn is_waiting_for_answer(&self, asked: usize) -> bool {
        matches!(self.stand(asked), Stand::Opened | Stand::Placed { .. } | Stand::Routed { .. })
    }

    /// The request that people take the case.
    pub(crate) fn takeover(&self) -> Option<usize> {
        (1..=self.escalations()).find(|asked| {
            self.is_asking(*asked) && matches!(self.purpose(*asked), Purpose::Takeover(_))
        })
    }

    /// The ticket of the present step.
    pub(crate) fn ticket(&self, asked: usize) -> Option<Ticket> {
        let stand = self.stand(asked);
        if !matches!(stand, Stand::Placed { .. } | Stand::Routed { .. } | Stand::Taken { .. }) {
            return None;
        }
        self.back().find_map(|(_, _, fact)| match fact {
            Fact::Placed { escalation, ticket } if *escalation == asked => Some(*ticket),
            _ => None,
        })
    }

    /// Until when it may stay as it is.
    pub(crate) fn deadline(&self, asked: usize) -> Option<i64> {
        match self.stand(asked) {
            Stand::Opened | Stand::Placed { shown: None } => Some(self.step(asked).1 + PLACE),
            Stand::Placed { shown: Some(_) } | Stand::Routed { .. } => {
                self.back().find_map(|(_, _, fact)| match fact {
                    Fact::Seen { escalation, until, .. }
                    | Fact::Routed { escalation, until, .. }
                        if *escalation == asked =>
                    {
                        Some(*until)
                    }
                    _ => None,
                })
            }
            Stand::Taken { shown, .. } => {
                let fresh = shown.sent + FRESH;
                let work = self.worked_at(asked).map(|at| at + WORK);
                Some(work.map_or(fresh, |work| work.min(fresh)))
            }
            Stand::Exhausted { until } => Some(until),
            Stand::Settled | Stand::Closed => None,
        }
    }

    /// When the holder last did something, where that is asked for.
    fn worked_at(&self, asked: usize) -> Option<i64> {
        let needed = self.needs_work().0 && matches!(self.purpose(asked), Purpose::Takeover(_));
        let last = self.back().find_map(|(_, at, fact)| match fact {
            Fact::Taken { escalation, .. } if *escalation == asked => Some(at),
            Fact::SeenAgain { escalation, worked: true, .. } if *escalation == asked => Some(at),
            _ => None,
        });
        last.filter(|_| needed)
    }

    /// Tickets that nobody needs any more and whose people have not been told.
    pub(crate) fn unneeded(&self) -> Vec<(Step, Ticket)> {
        let mut found: Vec<(Step, Ticket)> = Vec::new();
        for (place, (_, fact)) in self.facts.iter().enumerate() {
            let (step, ticket, since) = match fact {
                Fact::Orphaned { step, ticket } => (*step, *ticket, place),
                Fact::Placed { escalation, ticket } => {
                    match self.abandoned_at(place, *escalation) {
                        Some(since) => (self.step_at(place, *escalation), *ticket, since),
                        None => continue,
                    }
                }
                _ => continue,
            };
            let told = self.facts[since..].iter().any(|(_, later)| {
                matches!(later, Fact::TicketGone { step: of, ticket: which } if (*of, *which) == (step, ticket))
            });
            if !told && !found.contains(&(step, ticket)) {
                found.push((step, ticket));
            }
        }
        found
    }

    /// Where the ticket placed at `place` was left behind, if it was.
    fn abandoned_at(&self, place: usize, asked: usize) -> Option<usize> {
        for (later, (_, fact)) in self.facts.iter().enumerate().skip(place + 1) {
            match fact {
                Fact::StepOver { escalation, .. } | Fact::EscalationClosed { escalation }
                    if *escalation == asked =>
                {
                    return Some(later);
                }
                Fact::Settled { escalation } if *escalation == asked => return None,
                _ => {}
            }
        }
        None
    }

    fn step_at(&self, place: usize, asked: usize) -> Step {
        let mut before = self.facts[..place].iter().rev();
        let found = before.find_map(|(_, fact)| match fact {
            Fact::StepBegan { step } if step.0 == asked => Some(*step),
            _ => None,
        });
        found.expect("a ticket belongs to a step")
    }

    /// People are asked, or get one more reason if they are being asked already.
    pub(crate) fn ask_people(&mut self, why: Why) {
        let weight = |why| match why {
            Why::NobodyElse => 0,
            Why::MeantForThem | Why::ToAndFro => 1,
            Why::Asked => 2,
            Why::TakenAway => 3,
            Why::SomethingIsWrong => 4,
        };
        match self.takeover().map(|asked| (asked, self.purpose(asked))) {
            None => self.escalate(Purpose::Takeover(why)),
            Some((escalation, Purpose::Takeover(known))) => {
                if weight(known) <= weight(why) && known != why {
                    self.note(Fact::Widened { escalation, why });
                }
            }
            Some((_, Purpose::Approval(_))) => {}
        }
    }

    pub(crate) fn escalate(&mut self, purpose: Purpose) {
        self.note(Fact::Escalated { purpose });
        self.note(Fact::StepBegan { step: (self.escalations(), 1, 1) });
    }

    /// The step is over; the next one begins, or the alarm is raised until the next round.
    fn step_over(&mut self, asked: usize, lapsed: bool) {
        let owned = lapsed && matches!(self.purpose(asked), Purpose::Takeover(_));
        self.note(Fact::StepOver { escalation: asked, lapsed, owned });
        let ((_, round, number), _) = self.step(asked);
        if number < STEPS {
            self.note(Fact::StepBegan { step: (asked, round, number + 1) });
        } else {
            let until = self.now + backoff(ROUND, round);
            self.note(Fact::Exhausted { escalation: asked, until });
        }
    }

    fn at_step(&self, step: Step) -> Option<usize> {
        (1..=self.escalations()).find(|asked| self.is_asking(*asked) && self.step(*asked).0 == step)
    }

    pub(crate) fn placed(&mut self, step: Step, ticket: Ticket) -> Answer {
        if let Some(asked) = self.at_step(step) {
            if self.stand(asked) == Stand::Opened {
                self.note(Fact::Placed { escalation: asked, ticket });
                return Ok(());
            }
            if self.ticket(asked) == Some(ticket) {
                return Ok(());
            }
        }
        if step.0 == 0 || step.0 > self.escalations() {
            return Err("STALE_STEP");
        }
        // Its people are told once, however often somebody finds it.
        let told = self.facts.iter().any(|(_, fact)| {
            matches!(fact, Fact::TicketGone { step: of, ticket: which } if (*of, *which) == (step, ticket))
        });
        if !told && !self.unneeded().contains(&(step, ticket)) {
            self.note(Fact::Orphaned { step, ticket });
        }
        Ok(())
    }

    pub(crate) fn gone(&mut self, step: Step, ticket: Ticket) -> Answer {
        if self.unneeded().contains(&(step, ticket)) {
            self.note(Fact::TicketGone { step, ticket });
        }
        Ok(())
    }

    pub(crate) fn impossible(&mut self, step: Step) -> Answer {
        let asked = self.at_step(step).ok_or("STALE_STEP")?;
        if self.stand(asked) != Stand::Opened {
            return Err("STALE_STEP");
        }
        self.step_over(asked, false);
        Ok(())
    }

    pub(crate) fn look(&mut self, step: Step, look: &Look, sent: i64) -> Answer {
        let asked = self.at_step(step).ok_or("STALE_STEP")?;
        let ticket = self.ticket(asked).ok_or("STALE_STEP")?;
        let stand = self.stand(asked);
        // Only a read of our own, sent while this step was on, and newer than what is known.
        let asked_in_time = self.step(asked).1 <= sent && sent <= self.now;
        if !asked_in_time || is_old_news(stand, ticket, look, sent) {
            return Ok(());
        }
        let shown = Shown { revision: look.revision, sent, works: 0 };
        let fresh = sent + FRESH > self.now;
        match worth(look, ticket) {
            Worth::NoNews => {}
            Worth::Missing if stand == (Stand::Placed { shown: None }) => {}
            Worth::Missing | Worth::Broken => {
                self.step_over(asked, matches!(stand, Stand::Taken { .. }));
            }
            Worth::WrongHands { .. } if matches!(stand, Stand::Taken { .. }) => {
                self.step_over(asked, true);
            }
            _ if !fresh => {}
            Worth::WrongHands { reachable } => self.seen_free(asked, shown, reachable),
            Worth::Free { reachable: None } if is_still_theirs(stand, look) => {}
            Worth::Free { .. } if matches!(stand, Stand::Taken { .. }) => {
                self.step_over(asked, true);
            }
            Worth::Free { reachable } => self.seen_free(asked, shown, reachable),
            Worth::Taken { by, works } => self.seen_taken(asked, by, Shown { works, ..shown }),
            Worth::Solved { code } => self.solved(asked, code),
        }
        Ok(())
    }

    /// The ticket is there, and nobody of the staff has it.
    fn seen_free(&mut self, asked: usize, shown: Shown, reachable: Option<bool>) {
        let stand = self.stand(asked);
        match (stand, reachable) {
            (_, Some(false)) => self.step_over(asked, false),
            (Stand::Placed { .. }, Some(true)) => {
                let until = self.now + ACKNOWLEDGE;
                self.note(Fact::Routed { escalation: asked, shown, until });
            }
            (Stand::Placed { shown: None }, None) => {
                self.note(Fact::Seen { escalation: asked, shown, until: self.now + REACH });
            }
            (Stand::Placed { shown: Some(older) } | Stand::Routed { shown: older }, _)
                if shown.revision > older.revision =>
            {
                // A newer revision is remembered; the deadline stays.
                let until = self.deadline(asked).expect("it is waiting");
                self.note(match stand {
                    Stand::Routed { .. } => Fact::Routed { escalation: asked, shown, until },
                    _ => Fact::Seen { escalation: asked, shown, until },
                });
            }
            _ => {}
        }
    }

    /// A person of the staff has it. Where work is asked for, taking alone is not enough.
    fn seen_taken(&mut self, asked: usize, by: Name, shown: Shown) {
        let takeover = matches!(self.purpose(asked), Purpose::Takeover(_));
        let enough = shown.works > 0 || !(takeover && self.needs_work().1);
        match self.stand(asked) {
            Stand::Taken { by: holder, shown: older } if enough && holder == by => {
                let worked = shown.works > older.works;
                self.note(Fact::SeenAgain { escalation: asked, shown, worked });
            }
            _ if enough => {
                if takeover {
                    self.withdraw_unsent();
                }
                self.note(Fact::Taken { escalation: asked, by, shown, owns: takeover });
            }
            Stand::Taken { .. } => self.step_over(asked, true),
            _ => self.seen_free(asked, shown, Some(true)),
        }
    }

    fn solved(&mut self, asked: usize, code: Name) {
        if let Purpose::Approval(_) = self.purpose(asked) {
            let lapsed = matches!(self.stand(asked), Stand::Taken { .. });
            return self.step_over(asked, lapsed);
        }
        self.withdraw_unsent();
        self.note(Fact::Settled { escalation: asked });
        self.note(Fact::Learned);
        match code {
            "solved" if !self.is_unsettled(true) && !self.is_at_issue(true) => self.close(),
            "solved" => self.give_back(None),
            _ => self.give_back(Some("returns")),
        }
    }

    pub(crate) fn let_time_pass_for_people(&mut self) {
        let due = |ledger: &Self, asked| {
            ledger.deadline(asked).is_some_and(|until: i64| until <= ledger.now)
        };
        let overdue: Vec<usize> =
            (1..=self.escalations()).filter(|asked| due(self, *asked)).collect();
        for asked in overdue {
            match self.stand(asked) {
                Stand::Exhausted { .. } => {
                    let ((_, round, _), _) = self.step(asked);
                    self.note(Fact::StepBegan { step: (asked, round + 1, 1) });
                }
                stand => self.step_over(asked, matches!(stand, Stand::Taken { .. })),
            }
        }
    }
}

fn is_old_news(stand: Stand, ticket: Ticket, look: &Look, sent: i64) -> bool {
    let known = match stand {
        Stand::Placed { shown } => shown,
        Stand::Routed { shown } | Stand::Taken { shown, .. } => Some(shown),
        _ => None,
    };
    let Some(known) = known else { return false };
    let present = !matches!(look.ticket, Found::Nothing | Found::NoAnswer);
    if present && look.number == ticket {
        look.revision < known.revision || (look.revision == known.revision && sent <= known.sent)
    } else {
        sent <= known.sent
    }
}

/// The queue could not be read, and the ticket says that the same person has it: nothing is known to have changed.
fn is_still_theirs(stand: Stand, look: &Look) -> bool {
    matches!(stand, Stand::Taken { by, .. } if look.holder == Some(by))
}

fn worth(look: &Look, ticket: Ticket) -> Worth {
    let reachable = match look.queue {
        Queue::NoAnswer => None,
        Queue::Staffed => Some(true),
        Queue::Disabled | Queue::Empty | Queue::Night => Some(false),
    };
    match look.ticket {
        Found::Nothing => return Worth::Missing,
        Found::NoAnswer => return Worth::NoNews,
        Found::Rejected | Found::Deleted | Found::Merged | Found::Odd => return Worth::Broken,
        Found::Open | Found::ClosedBy { .. } => {}
    }
    if look.number != ticket || !look.ours || !look.here {
        return Worth::Broken;
    }
    if let Found::ClosedBy { who, code } = look.ticket {
        let staff = PEOPLE.contains(&who) || who == "eve";
        return match look.queue {
            Queue::NoAnswer => Worth::NoNews,
            Queue::Empty => Worth::Broken,
            _ if staff && ["solved", "back"].contains(&code) => Worth::Solved { code },
            _ => Worth::Broken,
        };
    }
    let (Some(holder), Some(_)) = (look.holder, reachable) else {
        return Worth::Free { reachable };
    };
    if look.queue == Queue::Disabled && !["robot", "belay"].contains(&holder) {
        return Worth::Broken;
    }
    let on_duty = PEOPLE.contains(&holder) && look.queue == Queue::Staffed;
    debug_assert!(on_duty || OTHERS.contains(&holder) || look.queue != Queue::Staffed);
    if on_duty && look.took {
        Worth::Taken { by: holder, works: look.works }
    } else {
        Worth::WrongHands { reachable }
    }
}
