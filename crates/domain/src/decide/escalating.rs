//! How people are asked, and what a look at their ticket means for it.

use std::borrow::Cow;

use belay_planted::{Bug, planted};

use super::Deciding;
use super::matter::{LINE_MAX, within};
use crate::command::Actor;
use crate::evidence::{Expected, judge, untaken};
use crate::{
    Cause, Correlation, Doubt, Escalation, EscalationId, EscalationPlan, EventKind, Evidence,
    Level, PersonId, Purpose, Reading, Rejection, Span, Stage, Step, StepPlan, TicketId,
    TicketReading, Timestamp, after,
};

/// The most characters that are kept of why a look failed.
const DETAIL_MAX: usize = 300;
/// How old evidence may be at most, whatever the playbook says.
const FRESHNESS_MAX: Span = Span::from_secs(300);

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
        self.take_step(&id, 1, 0);
    }

    pub(super) fn request_escalation(
        &mut self,
        by: &Actor,
        reason: &str,
        plan: Option<&EscalationPlan>,
    ) -> Result<(), Rejection> {
        self.check_actor(by)?;
        within("reason", reason, LINE_MAX)?;
        if let Some(open) = self.case.takeover() {
            let open = open.id.clone();
            let person = matches!(by, Actor::Person(_));
            return if person && self.ask_again(&open) {
                Ok(())
            } else {
                Err(Rejection::EscalationUnderWay)
            };
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
        let (id, round, index, again) = step.named_step().ok_or(Rejection::StaleStep)?;
        let owner = self.case.escalations.values().find(|found| found.id.as_str() == id);
        let Some(found) = owner.cloned() else { return Err(Rejection::StaleStep) };
        // Two systems may give two tickets the same id.
        let mut over = found.abandoned.iter().chain(&found.told);
        if over.any(|(of, known)| of.correlation == *step && known == ticket) {
            return Ok(());
        }
        let step = Step { round, index, correlation: step.clone(), since: self.now, again };
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
        together: u32,
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
            known: &|code| found.plan().resolutions.contains_key(code),
            together,
            together_most: plan.sweep.map(|sweep| sweep.most).filter(|_| !held_by(&found, reading)),
        };
        let reading = &*on_shift(&found, reading, sent_at);
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
                | Stage::AwaitingHours { .. }
                | Stage::Resolved { .. }
                | Stage::Exhausted { .. }
                | Stage::Closed,
                _,
            ) => {}
        }
    }

    fn doubted(&mut self, found: &Escalation, doubt: Doubt) {
        match (&found.stage, &doubt) {
            // No news but that there is none, which is said once and changes nothing; age decides.
            (Stage::Acknowledged { unread: None, .. }, Doubt::Unreadable { detail }) => {
                let detail = detail.chars().take(DETAIL_MAX).collect();
                self.emit(EventKind::TicketUnread { escalation: found.id.clone(), detail });
            }
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
                | Doubt::NeverTaken { .. }
                | Doubt::SweptUp { .. },
            ) => {}
            (Stage::Placed { .. } | Stage::Routed { .. }, _) => {
                self.fail_step(found, doubt.to_string());
            }
            (
                Stage::Opened { .. }
                | Stage::AwaitingHours { .. }
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

/// Whether a reading shows the ticket with the person who was believed to have taken it before: that is not taken
/// back by what they take later.
fn held_by(found: &Escalation, reading: &Reading) -> bool {
    let (Stage::Acknowledged { by, .. }, TicketReading::Present(facts)) =
        (&found.stage, &reading.ticket)
    else {
        return false;
    };
    facts.holder.as_ref().is_some_and(|holder| holder.name == *by)
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

/// A reading in which those of whom the queue's system knows no shift are on shift as the playbook says.
fn on_shift<'a>(found: &Escalation, reading: &'a Reading, at: Timestamp) -> Cow<'a, Reading> {
    let (plan, step) = (found.plan(), found.step_plan());
    if step.roster.is_empty() {
        return Cow::Borrowed(reading);
    }
    let mut reading = reading.clone();
    if let Some(queue) = reading.queue.as_mut().filter(|queue| queue.queue == step.queue.queue) {
        for member in queue.staff.iter_mut().filter(|member| member.on_shift.is_none()) {
            member.on_shift = plan.on_shift(step, &member.name, at);
        }
    }
    Cow::Owned(reading)
}
