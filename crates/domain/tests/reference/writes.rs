//! What is done about governed writes, from the proposal to the proof.

use crate::actions::Stage;
use crate::ledger::{Fact, Ledger, Owner, Purpose, Why};
use crate::moves::{Ask, Name, Ruling, Said, Shows, Undo};
use crate::terms::{ASSESS, ATTEMPTS, DECIDE, OUTCOME, PERMIT, PERMITS, RETRY, SETTLE, backoff};

type Answer = Result<(), &'static str>;

impl Ledger {
    pub(crate) fn obey_about_writes(&mut self, ask: &Ask) -> Answer {
        match *ask {
            Ask::Propose { agent, epoch, number, input, plan, ruling } => {
                self.propose(agent, epoch, number, input, plan, ruling)
            }
            Ask::Judge { action, revision, ruling } => {
                self.exists(action)?;
                if revision != self.revision(action) {
                    return Err("STALE_REVISION");
                }
                if !matches!(self.stage(action), Stage::Proposed { .. }) {
                    return Err("WRONG_STAGE");
                }
                self.judge(action, ruling);
                Ok(())
            }
            Ask::Decide { action, person, lead, seen, choice } => {
                self.decide(action, person, lead, seen, choice)
            }
            Ask::Reply { action, question, by, text } => {
                self.tell_reviewer(action, question, by, text)
            }
            Ask::Playbook { newer } => {
                for action in 1..=self.actions() {
                    let outdated = self.ruling(action).is_some_and(|ruling| ruling.newer != newer);
                    if outdated {
                        self.withdraw(action);
                    }
                }
                Ok(())
            }
            Ask::Begin { agent, key, epoch, action, permit, same } => {
                self.begin(agent, key, epoch, action, permit, same)
            }
            Ask::Report { agent, action, attempt, said } => {
                self.report(agent, action, attempt, said)
            }
            Ask::Read { action, attempt, shows, sent } => self.read(action, attempt, shows, sent),
            Ask::Undid { action, attempt, how } => self.undid(action, attempt, how),
            Ask::Complete { agent, epoch, plan, agree } => self.complete(agent, epoch, plan, agree),
            Ask::Agreement { plan, shows, all, sent } => self.agreement(plan, shows, all, sent),
            Ask::Abandon { agent, epoch, plan } => self.abandon(agent, epoch, plan),
            _ => Ok(()),
        }
    }

    fn propose(
        &mut self,
        by: Name,
        epoch: u64,
        number: u8,
        input: u8,
        plan: Option<Name>,
        ruling: Option<Ruling>,
    ) -> Answer {
        let known = (1..=self.actions()).map(|action| self.proposal(action));
        let mut known = known.filter(|known| (known.0, known.1) == (by, number));
        if let Some((_, _, first, _, _)) = known.next() {
            return if first == input { Ok(()) } else { Err("PROPOSAL_REUSED") };
        }
        self.owns(by, epoch)?;
        if let Some(plan) = plan
            && !matches!(self.plan(plan), None | Some("open"))
        {
            return Err("PLAN_CLOSED");
        }
        let until = self.now + ASSESS;
        self.note(Fact::Proposed { by, number, input, plan, epoch, until });
        if let Some(ruling) = ruling {
            self.judge(self.actions(), ruling);
        }
        Ok(())
    }

    fn judge(&mut self, action: usize, ruling: Ruling) {
        self.note(Fact::Judged { action, ruling });
        let twice = (1..=self.actions()).any(|other| {
            other != action
                && self.ruling(other).is_some()
                && self.input(other) == self.input(action)
                && !self.stage(other).left_nothing()
        });
        let alone = ruling.ask == 0;
        if ruling.deny || twice || ruling.risky && alone && !ruling.shadow {
            self.note(Fact::Denied { action });
            if let Some(plan) = self.proposal(action).3
                && self.plan(plan) == Some("complete")
            {
                self.undo_plan(plan);
            }
        } else if ruling.shadow {
            self.note(Fact::Shadowed { action });
            self.see_to_plan_of(action);
        } else if alone {
            self.authorize(action);
        } else {
            let (escalation, until) = (self.escalations() + 1, self.now + DECIDE);
            self.note(Fact::Asked { action, escalation, until });
            self.escalate(Purpose::Approval(action));
        }
    }

    /// Whoever proposed it may do it, if they hold the case as they did then.
    pub(crate) fn authorize(&mut self, action: usize) {
        let (by, .., epoch) = self.proposal(action);
        let Some(ruling) = self.ruling(action) else { return };
        match self.owner() {
            Owner::Agent { agent, key, .. } if agent == by && self.epoch() == epoch => {
                if ruling.by_us {
                    self.note(Fact::Sent { action, permit: None, until: self.now + OUTCOME });
                } else {
                    let until = self.now + PERMIT;
                    self.note(Fact::Permitted { action, agent, key, epoch, until });
                }
            }
            _ => {
                self.note(Fact::Withdrawn { action });
                self.see_to_plan_of(action);
            }
        }
    }

    pub(crate) fn stop_asking(&mut self, action: usize) {
        if let Stage::Awaiting { escalation, .. } = self.stage(action) {
            self.note(Fact::AskedNoMore { action });
            if self.is_asking(escalation) {
                self.note(Fact::EscalationClosed { escalation });
            }
        }
    }

    /// Takes back what has not been sent.
    fn withdraw(&mut self, action: usize) {
        if self.stage(action).is_unsent() {
            self.stop_asking(action);
            self.note(Fact::Withdrawn { action });
            self.see_to_plan_of(action);
        }
    }

    pub(crate) fn withdraw_unsent(&mut self) {
        (1..=self.actions()).for_each(|action| self.withdraw(action));
    }

    fn begin(
        &mut self,
        agent: Name,
        key: u8,
        epoch: u64,
        action: usize,
        permit: usize,
        same: bool,
    ) -> Answer {
        self.owns(agent, epoch)?;
        self.exists(action)?;
        let granted = match self.stage(action) {
            Stage::Authorized { agent, key, epoch, .. } => (agent, key, epoch),
            Stage::Dispatched { permit: Some(used), .. } if used == permit => {
                return Err("PERMIT_USED");
            }
            _ => return Err("WRONG_STAGE"),
        };
        if 0 < permit && permit < self.permits(action) {
            return Err("PERMIT_EXPIRED");
        }
        if permit != self.permits(action) || (granted.0, granted.2) != (agent, epoch) {
            return Err("WRONG_PERMIT");
        }
        if granted.1 != key {
            return Err("WRONG_KEY");
        }
        if !same {
            return Err("INPUT_DIGEST_MISMATCH");
        }
        self.note(Fact::Sent { action, permit: Some(permit), until: self.now + OUTCOME });
        Ok(())
    }

    fn report(&mut self, agent: Option<Name>, action: usize, attempt: u32, said: Said) -> Answer {
        self.exists(action)?;
        let executor = self
            .ruling(action)
            .map(|ruling| if ruling.by_us { None } else { Some(self.proposal(action).0) });
        if executor != Some(agent) {
            return Err("NOT_EXECUTOR");
        }
        if attempt == 0 || attempt > self.attempts(action) {
            return Err("STALE_ATTEMPT");
        }
        let stage = self.stage(action);
        let given_up = matches!(stage, Stage::Failed | Stage::Withdrawn);
        if said == Said::Yes && given_up {
            self.ask_people(Why::SomethingIsWrong);
            return Ok(());
        }
        let awaited = matches!(stage, Stage::Dispatched { .. });
        let undecided = matches!(
            stage,
            Stage::Unknown { .. } | Stage::Retrying { .. } | Stage::Authorized { .. }
        );
        if attempt == self.attempts(action) {
            match said {
                Said::Yes if awaited || undecided => self.note(Fact::SaidYes { action }),
                Said::Yes => {}
                // Whatever the executor thinks, only a look tells.
                _ if awaited => {
                    self.note(Fact::Unclear { action, hopeless: said == Said::Never });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read(&mut self, action: usize, attempt: u32, shows: Shows, sent: i64) -> Answer {
        self.exists(action)?;
        if attempt != self.attempts(action) {
            return Err("STALE_ATTEMPT");
        }
        if sent > self.now {
            return Ok(());
        }
        let stage = self.stage(action);
        let (since, said_yes) = match stage {
            Stage::Executed { since } => (since, true),
            Stage::Unknown { since, .. } => (since, false),
            _ if stage.is_settled() => return Ok(()),
            _ => return Err("WRONG_STAGE"),
        };
        // Before the effect had time to show, its absence says nothing.
        let settled = sent >= since + SETTLE;
        match shows {
            Shows::It => {
                self.note(Fact::Proved { action });
                self.see_to_plan_of(action);
            }
            Shows::SomethingElse if settled => self.diverge(action),
            Shows::Nothing if settled && said_yes => self.diverge(action),
            Shows::Nothing if settled => self.try_again_or_fail(action, stage),
            _ => {}
        }
        Ok(())
    }

    fn try_again_or_fail(&mut self, action: usize, stage: Stage) {
        let (by, _, _, plan, epoch) = self.proposal(action);
        let holds = self.owning_agent() == Some(by) && self.epoch() == epoch;
        let wanted = plan.is_none_or(|plan| {
            self.plan(plan).is_some_and(|stage| ["open", "complete"].contains(&stage))
        });
        let hopeless = matches!(stage, Stage::Unknown { hopeless: true, .. });
        let attempts = self.attempts(action);
        if holds && wanted && !hopeless && attempts < ATTEMPTS {
            let at = self.now + backoff(RETRY, attempts);
            self.note(Fact::ToRetry { action, at });
        } else {
            self.note(Fact::Failed { action });
            self.see_to_plan_of(action);
        }
    }

    fn diverge(&mut self, action: usize) {
        self.note(Fact::Diverged { action });
        self.note(Fact::Learned);
        let undo = self.ruling(action).is_some_and(|ruling| ruling.undo);
        if !undo {
            self.ask_people(Why::SomethingIsWrong);
        } else if self.proposal(action).3.is_none() {
            self.note(Fact::Undoing { action, attempt: 1, at: self.now });
        }
        self.see_to_plan_of(action);
    }

    fn undid(&mut self, action: usize, attempt: u32, how: Undo) -> Answer {
        self.exists(action)?;
        let current = match self.stage(action) {
            Stage::Compensating { attempt, .. } => attempt,
            Stage::Compensated | Stage::CompensationFailed => return Ok(()),
            _ => return Err("WRONG_STAGE"),
        };
        if attempt != current {
            return Err("STALE_ATTEMPT");
        }
        match how {
            Undo::Done => self.note(Fact::Undone { action }),
            Undo::Busy if attempt < ATTEMPTS => {
                let at = self.now + backoff(RETRY, attempt);
                self.note(Fact::Undoing { action, attempt: attempt + 1, at });
                return Ok(());
            }
            Undo::Busy | Undo::Never => {
                self.note(Fact::UndoFailed { action });
                self.note(Fact::Learned);
                self.ask_people(Why::SomethingIsWrong);
            }
        }
        self.see_to_plan_of(action);
        Ok(())
    }

    pub(crate) fn let_time_pass_for_writes(&mut self) {
        let is_due = |ledger: &Self, action| {
            ledger.deadline_of_action(action).is_some_and(|until: i64| until <= ledger.now)
        };
        let due: Vec<usize> = (1..=self.actions()).filter(|action| is_due(self, *action)).collect();
        for action in due {
            if !is_due(self, action) {
                continue;
            }
            match self.stage(action) {
                Stage::Proposed { .. } => {
                    self.note(Fact::Denied { action });
                    if let Some(plan) = self.proposal(action).3
                        && self.plan(plan) == Some("complete")
                    {
                        self.undo_plan(plan);
                    }
                }
                Stage::Awaiting { .. } => {
                    self.stop_asking(action);
                    self.note(Fact::Unanswered { action });
                    self.see_to_plan_of(action);
                    self.ask_people(Why::Asked);
                }
                Stage::Authorized { .. } if self.permits(action) >= PERMITS => {
                    self.note(Fact::Failed { action });
                    self.see_to_plan_of(action);
                }
                Stage::Authorized { .. } | Stage::Retrying { .. } => self.authorize(action),
                Stage::Dispatched { .. } => self.note(Fact::Unclear { action, hopeless: false }),
                Stage::Executed { .. } | Stage::Unknown { .. } => {
                    self.note(Fact::PeopleTold { action });
                    self.note(Fact::Learned);
                    self.ask_people(Why::SomethingIsWrong);
                }
                _ => {}
            }
        }
    }
}
