//! The order in which people are asked: one queue at a time, moving on at every deadline, refusal and lapse; what is
//! outside its hours is passed over or waited for.

use super::Deciding;
use crate::terms::Closed;
use crate::{
    Correlation, Doubt, Escalation, EscalationId, EventKind, Span, Stage, Step, WhenExhausted,
    after,
};

/// The shortest wait before a new round, so that a playbook without a wait does not fill the journal.
const ROUND_MIN: Span = Span::from_secs(1);

impl Deciding {
    /// Takes this step of the round, or the next one that can be taken now.
    pub(super) fn take_step(&mut self, id: &EscalationId, round: u32, index: usize) {
        let Some(found) = self.case.escalations.get(id).cloned() else { return };
        let plan = found.plan.of_round(round);
        for (index, terms) in plan.steps.iter().enumerate().skip(index) {
            let escalation = id.clone();
            let step = self.step(id, round, index, 0);
            match plan.closed(terms, self.now) {
                None => return self.start_step(id, round, index, 0),
                Some((Closed::Until(until), why)) => {
                    self.emit(EventKind::StepDeferred { escalation, step, why, until });
                    return;
                }
                Some((Closed::Skipped, why)) => {
                    self.emit(EventKind::StepSkipped { escalation, step, why });
                }
            }
        }
        self.exhaust(&found, round);
    }

    fn start_step(&mut self, id: &EscalationId, round: u32, index: usize, again: u32) {
        let Some(found) = self.case.escalations.get(id) else { return };
        let Some(terms) = found.plan.of_round(round).steps.get(index) else { return };
        let until = after(self.now, terms.place_within);
        let step = self.step(id, round, index, again);
        self.emit(EventKind::StepStarted { escalation: id.clone(), step, until });
    }

    fn step(&self, id: &EscalationId, round: u32, index: usize, again: u32) -> Step {
        let correlation = Correlation::of_step(id, round, index, again);
        Step { round, index, correlation, since: self.now, again }
    }

    /// Every step was in vain: the alarm, and what the plan says follows.
    fn exhaust(&mut self, found: &Escalation, round: u32) {
        let plan = found.plan.of_round(round);
        let wait = match plan.exhausted {
            WhenExhausted::AlarmOnly => plan.backoff.most,
            WhenExhausted::StartOver | WhenExhausted::Raise { .. } => plan.backoff.wait(round),
        };
        let retry_at = after(self.now, wait.max(ROUND_MIN));
        self.emit(EventKind::EscalationExhausted { escalation: found.id.clone(), retry_at });
        let present = self.case.terms.as_ref().map(|terms| terms.severity);
        if let WhenExhausted::Raise { severity, .. } = plan.exhausted
            && present.is_some_and(|present| present < severity)
        {
            let severity = Some(severity);
            self.emit(EventKind::CaseAmended { subject: None, severity, labels: None });
        }
    }

    /// The next step at once, or the alarm and a new round later.
    fn move_on(&mut self, found: &Escalation) {
        self.take_step(&found.id, found.step.round, found.step.index + 1);
    }

    pub(super) fn fail_step(&mut self, found: &Escalation, reason: String) {
        self.emit(EventKind::StepFailed { escalation: found.id.clone(), reason });
        self.move_on(found);
    }

    /// Nobody took the ticket in time. The same queue is asked again, as often as the plan says.
    fn unanswered(&mut self, found: &Escalation) {
        let reason = "nobody took the ticket in time".to_owned();
        let (plan, terms) = (found.plan(), found.step_plan());
        if found.step.again >= terms.repeat || plan.closed(terms, self.now).is_some() {
            return self.fail_step(found, reason);
        }
        self.emit(EventKind::StepFailed { escalation: found.id.clone(), reason });
        self.start_step(&found.id, found.step.round, found.step.index, found.step.again + 1);
    }

    /// What was shown is not shown any more. The case is not covered from this event on.
    pub(super) fn lapse(&mut self, found: &Escalation, doubt: Doubt) {
        let owns = found.is_takeover();
        let epoch = owns.then(|| self.next_epoch());
        self.emit(EventKind::EscalationLapsed { escalation: found.id.clone(), doubt, epoch });
        self.move_on(found);
    }

    /// A person has people asked again after an alarm that nobody else answers. False if they are being asked.
    pub(super) fn ask_again(&mut self, id: &EscalationId) -> bool {
        let Some(found) = self.case.escalations.get(id).cloned() else { return false };
        let idle = matches!(found.stage, Stage::Exhausted { .. })
            && found.plan().exhausted == WhenExhausted::AlarmOnly;
        if idle {
            self.take_step(id, found.step.round + 1, 0);
        }
        idle
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
                // Its hours have begun, or it has waited for as long as it may.
                Stage::AwaitingHours { .. } => {
                    self.start_step(&found.id, found.step.round, found.step.index, 0);
                }
                Stage::Placed { evidence: None, .. } => {
                    self.fail_step(&found, "the ticket was never seen".to_owned());
                }
                Stage::Placed { evidence: Some(_), .. } => {
                    self.fail_step(&found, "nobody can be shown to be reached by it".to_owned());
                }
                Stage::Routed { .. } => self.unanswered(&found),
                Stage::Acknowledged { evidence, unread, .. } => {
                    let undecided = found.decide_until().is_some_and(|until| until <= self.now);
                    self.lapse(
                        &found,
                        match evidence.valid_until() <= self.now {
                            true => unread
                                .clone()
                                .map_or(Doubt::Stale, |detail| Doubt::Unread { detail }),
                            false if undecided => Doubt::Undecided,
                            false => Doubt::Idle,
                        },
                    );
                }
                Stage::Exhausted { .. } => self.after_exhaustion(&found),
                Stage::Resolved { .. } | Stage::Closed => {}
            }
        }
    }

    fn after_exhaustion(&mut self, found: &Escalation) {
        match found.plan().exhausted {
            WhenExhausted::AlarmOnly => self.exhaust(found, found.step.round),
            WhenExhausted::StartOver | WhenExhausted::Raise { .. } => {
                self.take_step(&found.id, found.step.round + 1, 0);
            }
        }
    }
}
