//! Who holds the case, and how it passes on.

use crate::ledger::{Fact, Ledger, Owner, Purpose, Why};
use crate::moves::{Ask, Name, Who};
use crate::people::Stand;
use crate::plans::PLANS;
use crate::terms::{BOUNCES, LEASE, OFFER, SEEK};

/// What anybody may know of the coverage: who, and until when.
pub(crate) type Cover = (&'static str, Option<i64>);

type Answer = Result<(), &'static str>;

impl Ledger {
    /// Everything that one command leads to.
    pub(crate) fn tell(&mut self, wait: i64, ask: &Ask) {
        self.now += wait;
        let before = self.facts.clone();
        self.let_time_pass();
        self.answer = self.obey(ask).err();
        if self.answer.is_some() {
            // Who is refused has changed nothing.
            self.facts = before;
            return;
        }
        self.let_time_pass();
        if self.cover().0 == "uncovered" && self.takeover().is_none() {
            self.ask_people(Why::NobodyElse);
        }
    }

    fn obey(&mut self, ask: &Ask) -> Answer {
        if let Ask::Tick = ask {
            return Ok(());
        }
        if let Ask::Open { for_people, work, worked, again } = ask {
            return self.open(*for_people, *work, *worked, *again);
        }
        if !self.was_opened() {
            return Err("UNKNOWN_CASE");
        }
        match ask {
            Ask::Gone { step, ticket } => return self.gone(*step, *ticket),
            Ask::Placed { step, ticket } => return self.placed(*step, *ticket),
            _ if !self.is_open() => return Err("CASE_CLOSED"),
            _ => {}
        }
        match *ask {
            Ask::Learn { by } => {
                self.may_speak(by)?;
                self.note(Fact::Learned);
                Ok(())
            }
            Ask::Offer { to } => self.offer_to(to),
            Ask::Nobody => {
                if self.search().is_none() || self.offer().is_some() {
                    return Err("NOT_ROUTING");
                }
                self.give_up_search();
                Ok(())
            }
            Ask::Accept { agent, key, offer, knows } => self.accept(agent, key, offer, knows),
            Ask::Decline { agent, offer } => {
                self.is_offered(agent, offer)?;
                self.note(Fact::OfferOver { to: agent });
                Ok(())
            }
            Ask::Progress { agent, epoch, key } => self.progress(agent, epoch, key),
            Ask::HandOff { agent, epoch, role, to } => {
                self.owns(agent, epoch)?;
                if self.search().is_some() {
                    return Err("HANDOFF_UNDER_WAY");
                }
                let _ = to;
                self.note(Fact::Learned);
                self.look_for(role, vec![agent]);
                Ok(())
            }
            Ask::Escalate { by } => {
                self.may_speak(by)?;
                if self.takeover().is_some() {
                    return Err("ESCALATION_UNDER_WAY");
                }
                self.ask_people(Why::Asked);
                Ok(())
            }
            Ask::Release { agent, epoch } => {
                self.owns(agent, epoch)?;
                self.withdraw_unsent();
                self.note(Fact::LetGo);
                if self.search().is_none() {
                    self.look_again(vec![agent]);
                }
                Ok(())
            }
            Ask::Resolve { by } => self.resolve(by),
            Ask::Impossible { step } => self.impossible(step),
            Ask::Look { step, look, sent } => self.look(step, &look, sent),
            _ => self.obey_about_writes(ask),
        }
    }

    fn open(&mut self, for_people: bool, work: bool, worked: bool, again: bool) -> Answer {
        if self.was_opened() {
            return if again { Ok(()) } else { Err("ALREADY_OPEN") };
        }
        self.note(Fact::Opened { for_people, work, worked });
        self.note(Fact::Learned);
        if for_people {
            self.ask_people(Why::MeantForThem);
        } else {
            self.look_for(Some("billing"), Vec::new());
        }
        Ok(())
    }

    /// The agent owns the case under this epoch.
    pub(crate) fn owns(&self, agent: Name, epoch: u64) -> Answer {
        if epoch != self.epoch() {
            return Err("STALE_EPOCH");
        }
        if self.owning_agent() == Some(agent) { Ok(()) } else { Err("NOT_OWNER") }
    }

    fn may_speak(&self, who: Who) -> Answer {
        match who {
            Who::Agent(agent, epoch) => self.owns(agent, epoch),
            Who::Person(_) => Ok(()),
        }
    }

    fn look_for(&mut self, role: Option<Name>, tried: Vec<Name>) {
        self.note(Fact::Searched { role, tried, until: self.now + SEEK });
    }

    /// The same kind of agent again, or people where the case was never meant for agents.
    fn look_again(&mut self, tried: Vec<Name>) {
        match self.meant_for() {
            Some(role) => self.look_for(Some(role), tried),
            None => self.ask_people(Why::NobodyElse),
        }
    }

    fn give_up_search(&mut self) {
        self.note(Fact::SearchEnded);
        self.ask_people(Why::NobodyElse);
    }

    fn offer_to(&mut self, to: Name) -> Answer {
        let search = self.search().ok_or("NOT_ROUTING")?;
        let has_it = self.owning_agent() == Some(to);
        if self.offer().is_some() || has_it || search.tried.contains(&to) {
            return Err("NOT_ROUTING");
        }
        if self.bounces(to) >= BOUNCES {
            self.note(Fact::SearchEnded);
            self.ask_people(Why::ToAndFro);
        } else {
            self.note(Fact::Offered { to, until: self.now + OFFER });
        }
        Ok(())
    }

    fn is_offered(&self, agent: Name, number: usize) -> Answer {
        match self.offer() {
            Some((open, to, _)) if open == number => {
                if to == agent {
                    Ok(())
                } else {
                    Err("NOT_OFFERED")
                }
            }
            _ => Err("NO_SUCH_OFFER"),
        }
    }

    fn accept(&mut self, agent: Name, key: u8, offer: usize, knows: usize) -> Answer {
        if self.taken_by_offer() == Some(offer) && self.owning_agent() == Some(agent) {
            return Ok(());
        }
        self.is_offered(agent, offer)?;
        if knows != self.known() {
            return Err("CONTEXT_DIGEST_MISMATCH");
        }
        self.withdraw_unsent();
        self.note(Fact::Took { agent, key, offer });
        // People who were asked only because there was no agent need not answer any more.
        if let Some(asked) = self.takeover()
            && self.purpose(asked) == Purpose::Takeover(Why::NobodyElse)
        {
            self.note(Fact::EscalationClosed { escalation: asked });
        }
        Ok(())
    }

    fn progress(&mut self, agent: Name, epoch: u64, key: u8) -> Answer {
        self.owns(agent, epoch)?;
        let renewed = self.now + LEASE;
        if let Owner::Agent { key: known, until, .. } = self.owner()
            && (renewed >= until + LEASE / 5 || known != key)
        {
            self.note(Fact::Kept { key, until: renewed });
        }
        Ok(())
    }

    fn resolve(&mut self, by: Who) -> Answer {
        self.may_speak(by)?;
        let person = matches!(by, Who::Person(_));
        if person {
            self.withdraw_unsent();
        } else if self
            .takeover()
            .is_some_and(|asked| self.purpose(asked) == Purpose::Takeover(Why::SomethingIsWrong))
        {
            return Err("ESCALATION_UNDER_WAY");
        }
        if self.is_unsettled(person) {
            return Err("UNSETTLED_ACTIONS");
        }
        if self.is_at_issue(person) {
            return Err("NOT_COMPARED");
        }
        self.close();
        Ok(())
    }

    pub(crate) fn close(&mut self) {
        self.withdraw_unsent();
        for escalation in 1..=self.escalations() {
            if self.is_asking(escalation) {
                self.note(Fact::EscalationClosed { escalation });
            }
        }
        self.note(Fact::Closed);
    }

    /// The case goes back from a person who resolved their ticket and not the case.
    pub(crate) fn give_back(&mut self, role: Option<Name>) {
        self.note(Fact::Returned);
        match role.or_else(|| self.meant_for()) {
            Some(role) => self.look_for(Some(role), Vec::new()),
            None => self.ask_people(Why::NobodyElse),
        }
    }

    /// Whatever is overdue happens, until nothing is.
    fn let_time_pass(&mut self) {
        while self.is_open() {
            let before = self.facts.len();
            if let Owner::Agent { until, .. } = self.owner()
                && until <= self.now
            {
                self.withdraw_unsent();
                self.note(Fact::RanOut);
                if self.search().is_none() {
                    self.look_again(Vec::new());
                }
            }
            if let Some((_, to, until)) = self.offer()
                && until <= self.now
            {
                self.note(Fact::OfferOver { to });
            }
            if let Some(search) = self.search()
                && search.until <= self.now
                && self.offer().is_none()
            {
                self.give_up_search();
            }
            self.let_time_pass_for_writes();
            self.let_time_pass_for_plans();
            self.let_time_pass_for_people();
            if self.facts.len() == before {
                return;
            }
        }
    }

    /// The next moment at which time alone changes something.
    pub(crate) fn next_moment(&self) -> Option<i64> {
        if !self.is_open() {
            return None;
        }
        let mut moments = Vec::new();
        if let Owner::Agent { until, .. } = self.owner() {
            moments.push(until);
        }
        match (self.offer(), self.search()) {
            (Some((_, _, until)), _) => moments.push(until),
            (None, Some(search)) => moments.push(search.until),
            (None, None) => {}
        }
        moments.extend((1..=self.actions()).filter_map(|action| self.deadline_of_action(action)));
        moments.extend(PLANS.iter().filter_map(|plan| self.deadline_of_plan(plan)));
        moments.extend((1..=self.escalations()).filter_map(|asked| self.deadline(asked)));
        moments.into_iter().min()
    }

    /// Who holds the case, as far as anybody may say so.
    pub(crate) fn cover(&self) -> Cover {
        if !self.is_open() {
            return ("closed", None);
        }
        match self.owner() {
            Owner::Agent { until, .. } if self.now < until => {
                return ("covered_by_agent", Some(until));
            }
            Owner::Person { escalation, .. } => {
                if let Stand::Taken { .. } = self.stand(escalation)
                    && let Some(until) = self.deadline(escalation)
                    && self.now < until
                {
                    return ("covered_by_person", Some(until));
                }
            }
            Owner::Agent { .. } | Owner::Supervisor => {}
        }
        if let Some((_, _, until)) = self.offer()
            && self.now < until
        {
            return ("pending", Some(until));
        }
        if let Some(search) = self.search()
            && self.now < search.until
        {
            return ("pending", Some(search.until));
        }
        let asked = self.takeover().filter(|asked| self.is_waiting_for_answer(*asked));
        match asked.and_then(|asked| self.deadline(asked)) {
            Some(until) if self.now < until => ("pending", Some(until)),
            _ => ("uncovered", None),
        }
    }
}
