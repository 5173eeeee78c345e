//! How people are asked: one queue at a time, moving on at every deadline, refusal and lapse.

use belay_planted::{Bug, planted};

use super::Deciding;
use super::matter::{LINE_MAX, within};
use crate::command::Actor;
use crate::evidence::{Expected, judge, untaken};
use crate::{
    AfterResolution, Cause, Correlation, Doubt, Escalation, EscalationId, EscalationPlan,
    EventKind, Evidence, Level, PersonId, Purpose, Reading, Rejection, ResolutionCode, Source,
    Span, Stage, Step, StepPlan, TicketId, TicketReading, Timestamp, after,
};

/// How old evidence may be at most, whatever the playbook says.
const FRESHNESS_MAX: Span = Span::from_secs(300);
/// The shortest wait before a new round, so that a playbook without a wait does not fill the journal.
const ROUND_MIN: Span = Span::from_secs(1);

impl Deciding {
    /// People are asked to take the case. If they are being asked already, they get one more reason.
    pub(super) fn ask_people(&mut self, cause: Cause) {
        if let Some(open) = self.case.takeover() {
            let escalation = open.id.clone();
            let purpose = Purpose::Takeover { cause };
            if open.purpose != purpose && open.purpose.weight() <= purpose.weight() {
                self.emit(EventKind::EscalationWidened { escalation, purpose });
            }
            return;
        }
        let purpose = Purpose::Takeover { cause };
        let Some(terms) = self.case.terms.clone() else { return };
        let id = self.next_escalation();
        self.open_escalation(id, purpose, &terms.takeover);
    }

    pub(super) fn open_escalation(
        &mut self,
        id: EscalationId,
        purpose: Purpose,
        plan: &EscalationPlan,
    ) {
        self.emit(EventKind::EscalationOpened {
            escalation: id.clone(),
            purpose,
            plan: Box::new(plan.clone()),
        });
        self.start_step(&id, 1, 0);
    }

    pub(super) fn request_escalation(
        &mut self,
        by: &Actor,
        reason: &str,
        plan: Option<&EscalationPlan>,
    ) -> Result<(), Rejection> {
        self.check_actor(by)?;
        within("reason", reason, LINE_MAX)?;
        if self.case.takeover().is_some() {
            return Err(Rejection::EscalationUnderWay);
        }
        let cause = Cause::Asked { reason: reason.to_owned() };
        match plan {
            Some(plan) if plan.steps.is_empty() => {
                Err(Rejection::EmptyPlan { policy: plan.policy.clone() })
            }
            Some(plan) => {
                let id = self.next_escalation();
                self.open_escalation(id, Purpose::Takeover { cause }, plan);
                Ok(())
            }
            None => {
                self.ask_people(cause);
                Ok(())
            }
        }
    }

    fn start_step(&mut self, id: &EscalationId, round: u32, index: usize) {
        let Some(found) = self.case.escalations.get(id) else { return };
        let Some(terms) = found.plan.steps.get(index) else { return };
        let until = after(self.now, terms.place_within);
        let step = Step {
            round,
            index,
            correlation: Correlation::of_step(id, round, index),
            since: self.now,
        };
        self.emit(EventKind::StepStarted { escalation: id.clone(), step, until });
    }

    /// The next step at once, or the alarm and a new round later.
    fn move_on(&mut self, found: &Escalation) {
        let next = found.step.index + 1;
        if next < found.plan.steps.len() {
            self.start_step(&found.id, found.step.round, next);
        } else {
            let wait = found.plan.backoff.wait(found.step.round).max(ROUND_MIN);
            let retry_at = after(self.now, wait);
            self.emit(EventKind::EscalationExhausted { escalation: found.id.clone(), retry_at });
        }
    }

    fn fail_step(&mut self, found: &Escalation, reason: String) {
        self.emit(EventKind::StepFailed { escalation: found.id.clone(), reason });
        self.move_on(found);
    }

    /// What was shown is not shown any more. The case is not covered from this event on.
    fn lapse(&mut self, found: &Escalation, doubt: Doubt) {
        let owns = found.is_takeover();
        let epoch = owns.then(|| self.next_epoch());
        self.emit(EventKind::EscalationLapsed { escalation: found.id.clone(), doubt, epoch });
        self.move_on(found);
    }

    pub(super) fn ticket_placed(
        &mut self,
        step: &Correlation,
        ticket: &TicketId,
    ) -> Result<(), Rejection> {
        let current = self.escalation_of_step(step);
        match current.as_ref().map(|found| (&found.stage, found)) {
            Some((Stage::Opened { until }, found)) => {
                self.emit(EventKind::TicketPlaced {
                    escalation: found.id.clone(),
                    ticket: ticket.clone(),
                    until: *until,
                });
                Ok(())
            }
            Some((_, found)) if found.ticket() == Some(ticket) => Ok(()),
            _ => self.orphan(step, ticket),
        }
    }

    /// A ticket for a step that is over, or a second one for a step that has one.
    fn orphan(&mut self, step: &Correlation, ticket: &TicketId) -> Result<(), Rejection> {
        let (id, round, index) = step.named_step().ok_or(Rejection::StaleStep)?;
        let owner = self.case.escalations.values().find(|found| found.id.as_str() == id);
        let Some(found) = owner.cloned() else { return Err(Rejection::StaleStep) };
        // Two systems may give two tickets the same id.
        if found.abandoned.iter().any(|(of, known)| of.correlation == *step && known == ticket) {
            return Ok(());
        }
        let step = Step { round, index, correlation: step.clone(), since: self.now };
        self.emit(EventKind::TicketOrphaned {
            escalation: found.id.clone(),
            step,
            ticket: ticket.clone(),
        });
        Ok(())
    }

    pub(super) fn step_refused(
        &mut self,
        step: &Correlation,
        reason: &str,
    ) -> Result<(), Rejection> {
        let found = self.escalation_of_step(step).ok_or(Rejection::StaleStep)?;
        let Stage::Opened { .. } = found.stage else { return Err(Rejection::StaleStep) };
        self.fail_step(&found, reason.to_owned());
        Ok(())
    }

    pub(super) fn withdrawn(&mut self, step: &Correlation, ticket: &TicketId) {
        let told = self.case.escalations.values().find(|found| {
            found
                .abandoned
                .iter()
                .any(|(abandoned, known)| abandoned.correlation == *step && known == ticket)
        });
        if let Some(escalation) = told.map(|found| found.id.clone()) {
            self.emit(EventKind::TicketWithdrawn {
                escalation,
                correlation: step.clone(),
                ticket: ticket.clone(),
            });
        }
    }

    /// Holds a read-back against what the step needs. The only way in which an escalation advances.
    pub(super) fn observe(
        &mut self,
        step: &Correlation,
        reading: &Reading,
        sent_at: Timestamp,
    ) -> Result<(), Rejection> {
        let found = self.escalation_of_step(step).ok_or(Rejection::StaleStep)?;
        let Some(ticket) = found.ticket().cloned() else { return Err(Rejection::StaleStep) };
        let plan = found.step_plan().clone();
        // A read that was sent before the step began, or in the future, proves nothing (`COV-2`).
        let ours = (found.step.since..=self.now).contains(&sent_at);
        if !ours && !planted(Bug::WebhookIsEvidence) {
            return Ok(());
        }
        if out_of_date(&found, reading, sent_at) && !planted(Bug::OlderReadWins) {
            return Ok(());
        }
        let sent_at = if planted(Bug::EvidenceDatedAtCommit) { self.now } else { sent_at };
        let expected = Expected {
            case: &self.case.id,
            correlation: step,
            ticket: &ticket,
            queue: &plan.queue,
            freshness: plan.freshness.min(FRESHNESS_MAX),
            known: &|code| found.plan.resolutions.contains_key(code),
        };
        match judge(&expected, reading, sent_at) {
            Ok(evidence) if evidence.valid_until() <= self.now => {}
            Ok(evidence) if evidence.level() == Level::E6 => {
                self.resolved_by_person(&found, &evidence, reading);
            }
            Ok(evidence) => self.shown(&found, evidence, reading),
            Err(doubt) => match untaken(&expected, reading, sent_at, &doubt) {
                // It is there and not taken by a person of its staff, who still may.
                Some(evidence) if found.is_waiting() && evidence.valid_until() > self.now => {
                    self.shown(&found, evidence, reading);
                }
                _ => self.doubted(&found, doubt),
            },
        }
        Ok(())
    }

    fn shown(&mut self, found: &Escalation, evidence: Evidence, reading: &Reading) {
        let plan = found.step_plan();
        let enough = plan.cover.max(Level::E4);
        let queue = reading.queue_of(&plan.queue.queue);
        let unreachable = queue.and_then(|queue| queue.reachable().err());
        match (&found.stage, evidence.actor()) {
            (Stage::Acknowledged { by, evidence: older, .. }, Some(actor))
                if evidence.level() >= enough && by == actor =>
            {
                let worked = evidence.works() > older.works();
                self.emit(EventKind::EvidenceRenewed {
                    escalation: found.id.clone(),
                    work_until: self.work_until(found),
                    worked,
                    evidence,
                });
            }
            (Stage::Placed { .. } | Stage::Routed { .. } | Stage::Acknowledged { .. }, Some(_))
                if evidence.level() >= enough =>
            {
                self.acknowledged(found, evidence);
            }
            // The same holder, who could not be judged because the queue could not be read: no news.
            (Stage::Acknowledged { by, .. }, None) if is_unjudged(reading, plan, by) => {}
            (Stage::Acknowledged { .. }, _) => self.lapse(found, Doubt::GivenBack),
            (Stage::Placed { .. } | Stage::Routed { .. }, None) if unreachable.is_some() => {
                let why = unreachable.map_or_else(String::new, |why| why.to_string());
                self.fail_step(found, why);
            }
            (Stage::Placed { .. }, _) if evidence.level() >= Level::E3 => {
                self.emit(EventKind::TicketRouted {
                    escalation: found.id.clone(),
                    evidence,
                    until: after(self.now, plan.acknowledge_within),
                });
            }
            (Stage::Placed { evidence: None, .. }, _) => {
                self.emit(EventKind::TicketSeen {
                    escalation: found.id.clone(),
                    evidence,
                    until: after(self.now, plan.reach_within),
                });
            }
            // The ticket has changed and nobody took it. That revision is remembered, so that an older one
            // which somebody held cannot be believed any more (`COV-4`); the deadline stays.
            (Stage::Placed { evidence: Some(older), until, .. }, _)
                if evidence.revision() > older.revision() =>
            {
                self.emit(EventKind::TicketSeen {
                    escalation: found.id.clone(),
                    evidence,
                    until: *until,
                });
            }
            (Stage::Routed { evidence: older, until, .. }, _)
                if evidence.revision() > older.revision() =>
            {
                self.emit(EventKind::TicketRouted {
                    escalation: found.id.clone(),
                    evidence,
                    until: *until,
                });
            }
            // Seen again and nothing new.
            (Stage::Placed { .. } | Stage::Routed { .. }, _) => {}
            (
                Stage::Opened { .. }
                | Stage::Resolved { .. }
                | Stage::Exhausted { .. }
                | Stage::Closed,
                _,
            ) => {}
        }
    }

    fn doubted(&mut self, found: &Escalation, doubt: Doubt) {
        match (&found.stage, &doubt) {
            // No news; the deadline or the age of the evidence decides.
            (_, Doubt::Unreadable { .. } | Doubt::QueueUnreadable) => {}
            (Stage::Acknowledged { .. }, _) => self.lapse(found, doubt),
            // Creating may take its time to show.
            (Stage::Placed { evidence: None, .. }, Doubt::Missing { .. }) => {}
            // Not taken by a person of its staff, who still may; seen too long ago to be remembered.
            (
                Stage::Placed { .. } | Stage::Routed { .. },
                Doubt::HeldByMachine { .. }
                | Doubt::HeldByOutsider { .. }
                | Doubt::NeverTaken { .. },
            ) => {}
            (Stage::Placed { .. } | Stage::Routed { .. }, _) => {
                self.fail_step(found, doubt.to_string());
            }
            (
                Stage::Opened { .. }
                | Stage::Resolved { .. }
                | Stage::Exhausted { .. }
                | Stage::Closed,
                _,
            ) => {}
        }
    }

    /// A person of the staff took it. For a takeover they own the case from this event on.
    fn acknowledged(&mut self, found: &Escalation, evidence: Evidence) {
        let Some(by) = evidence.actor().cloned() else { return };
        let takes_over = found.is_takeover();
        if takes_over {
            self.withdraw_undispatched("a person took the case");
        }
        self.emit(EventKind::EscalationAcknowledged {
            escalation: found.id.clone(),
            by,
            evidence,
            work_until: self.work_until(found),
            epoch: takes_over.then(|| self.next_epoch()),
        });
    }

    fn work_until(&self, found: &Escalation) -> Option<Timestamp> {
        found.step_plan().work_within.map(|span| after(self.now, span))
    }

    /// A person closed the ticket with a resolution that the taxonomy knows.
    fn resolved_by_person(&mut self, found: &Escalation, evidence: &Evidence, reading: &Reading) {
        let TicketReading::Present(facts) = &reading.ticket else { return };
        let Some(resolution) = &facts.resolution else { return };
        let (Some(code), Some(by)) = (resolution.code.clone(), evidence.actor().cloned()) else {
            return;
        };
        if let Purpose::Approval { .. } = found.purpose {
            // Closing the ticket is no decision on the action; somebody else has to be asked.
            let closed = Doubt::NotOpen { standing: facts.standing.clone() };
            match found.stage {
                Stage::Acknowledged { .. } => self.lapse(found, closed),
                _ => self.fail_step(found, closed.to_string()),
            }
            return;
        }
        self.withdraw_undispatched("a person resolved the case");
        self.emit(EventKind::EscalationResolved {
            escalation: found.id.clone(),
            by: by.clone(),
            code: code.clone(),
            note: resolution.note.clone(),
            evidence: evidence.clone(),
        });
        self.remember("resolution", resolution.note.clone(), Source::Staff, by.as_str());
        self.follow(found, &by, &code, &resolution.note);
    }

    /// What the person's resolution means for the case.
    fn follow(&mut self, found: &Escalation, by: &PersonId, code: &ResolutionCode, note: &str) {
        let settled = self.unsettled(true).is_empty();
        match found.plan.resolutions.get(code) {
            Some(AfterResolution::Resolve) if settled => {
                self.close_case(&format!("person:{by}"), code, note);
            }
            after_it => {
                let target = match after_it {
                    Some(AfterResolution::Return(target)) => Some(target.clone()),
                    Some(AfterResolution::Resolve) | None => self.present_target(),
                };
                self.emit(EventKind::CaseReturned {
                    escalation: found.id.clone(),
                    epoch: self.next_epoch(),
                });
                match target {
                    Some(target) => self.route(target, "returned by a person", Vec::new()),
                    None => self.ask_people(Cause::NoAgent),
                }
            }
        }
    }

    /// Steps, evidence and work that have run out; rounds that begin again.
    pub(super) fn pass_escalation_time(&mut self) {
        let due: Vec<_> = self
            .case
            .escalations
            .values()
            .filter(|found| found.deadline().is_some_and(|until| until <= self.now))
            .cloned()
            .collect();
        for found in due {
            match &found.stage {
                Stage::Opened { .. } => {
                    self.fail_step(&found, "the ticket could not be placed in time".to_owned());
                }
                Stage::Placed { evidence: None, .. } => {
                    self.fail_step(&found, "the ticket was never seen".to_owned());
                }
                Stage::Placed { evidence: Some(_), .. } => {
                    self.fail_step(&found, "nobody can be shown to be reached by it".to_owned());
                }
                Stage::Routed { .. } => {
                    self.fail_step(&found, "nobody took the ticket in time".to_owned());
                }
                Stage::Acknowledged { evidence, .. } => {
                    let stale = evidence.valid_until() <= self.now;
                    self.lapse(&found, if stale { Doubt::Stale } else { Doubt::Idle });
                }
                Stage::Exhausted { .. } => self.start_step(&found.id, found.step.round + 1, 0),
                Stage::Resolved { .. } | Stage::Closed => {}
            }
        }
    }
}

/// Whether a reading shows the ticket as `by` still holds it, in a queue that could not be read.
fn is_unjudged(reading: &Reading, plan: &StepPlan, by: &PersonId) -> bool {
    let unread = reading.queue_of(&plan.queue.queue).is_none();
    let held = match &reading.ticket {
        TicketReading::Present(facts) => {
            facts.holder.as_ref().is_some_and(|holder| holder.name == *by)
        }
        TicketReading::Missing | TicketReading::Unreadable { .. } => false,
    };
    unread && held
}

/// Whether a reading is older than what is known already (`COV-4`): stale replicas and late answers neither
/// grant nor take away.
fn out_of_date(found: &Escalation, reading: &Reading, sent_at: Timestamp) -> bool {
    let Some(known) = found.evidence() else { return false };
    match &reading.ticket {
        TicketReading::Present(facts) if facts.ticket == *known.ticket() => {
            (facts.revision, sent_at) <= (known.revision(), known.sent_at())
        }
        TicketReading::Present(_) | TicketReading::Missing | TicketReading::Unreadable { .. } => {
            sent_at <= known.sent_at()
        }
    }
}
