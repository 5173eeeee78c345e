//! Decides what a command means for a case.
//!
//! Time comes first: whatever has fallen due by `now` is decided before the command is looked at, so an agent
//! whose lease ran out a moment ago is refused even if nobody has said so yet. Then the command, then the
//! question that is asked after every change: does somebody hold this case, or is somebody being asked?

mod acting;
mod approving;
mod climbing;
mod comparing;
mod drifting;
mod escalating;
mod hearing;
mod identifying;
mod matter;
mod merging;
mod owning;
mod passing;
mod planning;
mod proving;
mod returning;
mod reviewing;

use std::sync::Arc;

pub(crate) use matter::{CONTACTS_MAX, CONTEXT_MAX};

use crate::apply::apply;
use crate::{
    Action, ActionId, Case, Cause, Command, Correlation, Coverage, Epoch, Escalation, Event,
    EventKind, Rejection, Status, Timestamp,
};

/// Says what `command` means for `case` at `now`: the events it leads to, in their order, or why it is turned
/// down. Changes nothing. No events means that there was nothing left to do.
pub fn decide(case: &Case, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    decided(case, command, now).map(|(events, _)| events)
}

/// As [`decide`], with the case as it is after the events: whoever goes on from there need not fold them in again.
pub fn decided(
    case: &Case,
    command: &Command,
    now: Timestamp,
) -> Result<(Vec<Event>, Case), Rejection> {
    let mut deciding = Deciding { case: case.clone(), now, events: Vec::new() };
    deciding.pass_time();
    deciding.obey(command)?;
    // A command may end what a deadline was waiting for, such as the last offer of a search that is over.
    deciding.pass_time();
    deciding.see_to_coverage();
    deciding.see_to_merges();
    Ok((deciding.events, deciding.case))
}

/// A case as it will be, while it is being decided what happens to it.
struct Deciding {
    case: Case,
    now: Timestamp,
    events: Vec<Event>,
}

impl Deciding {
    /// It happens: every later rule sees the case as it is after this.
    fn emit(&mut self, kind: EventKind) {
        let event = Event { at: self.now, kind };
        apply(&mut self.case, &event);
        self.events.push(event);
    }

    fn obey(&mut self, command: &Command) -> Result<(), Rejection> {
        match (&self.case.status, command) {
            (_, Command::Tick) => return Ok(()),
            (Status::Unopened, Command::Open(open)) => return self.open(open),
            (_, Command::Open(open)) => return self.open_again(open),
            (Status::Unopened, _) => return Err(Rejection::UnknownCase),
            (_, Command::Withdrawn { correlation, ticket }) => {
                self.withdrawn(correlation, ticket);
                return Ok(());
            }
            // What became of a matter is often seen only when it is over.
            (_, Command::Compare { action, before, shown }) => {
                return self.compare(action, *before, shown);
            }
            (_, Command::TicketPlaced { correlation, ticket }) => {
                return self.ticket_placed(correlation, ticket);
            }
            (Status::Resolved { .. }, _) => return Err(Rejection::CaseClosed),
            (Status::Merged { into, .. }, _) => {
                return Err(Rejection::CaseMerged { into: into.clone() });
            }
            (Status::Open, _) => {}
        }
        match command {
            Command::Open(_)
            | Command::Tick
            | Command::Withdrawn { .. }
            | Command::Compare { .. }
            | Command::TicketPlaced { .. } => Ok(()),
            Command::LinkContact { request, channel, context, severity } => {
                self.link_contact(request, channel, context, *severity)
            }
            Command::AddContext { entries, by } => self.add_context(entries, by),
            Command::RecordIdentity { by, identification } => {
                self.record_identity(by, identification)
            }
            Command::Amend { subject, severity, labels } => {
                self.amend(subject.as_ref(), *severity, labels.as_ref())
            }
            Command::Offer { to } => self.offer(to),
            Command::NoCandidate => self.no_candidate(),
            Command::Accept { agent, key, handoff, context } => {
                self.accept(agent, *key, handoff, *context)
            }
            Command::Decline { agent, handoff, reason } => self.decline(agent, handoff, reason),
            Command::Progress { agent, epoch, key } => self.progress(agent, *epoch, *key),
            Command::RequestHandoff { agent, epoch, to, reason, context } => {
                self.request_handoff(agent, *epoch, to, reason, context)
            }
            Command::RequestEscalation { by, reason, plan } => {
                self.request_escalation(by, reason, plan.as_ref())
            }
            Command::Release { agent, epoch, reason } => self.release(agent, *epoch, reason),
            Command::Propose(proposal) => self.propose(proposal),
            Command::Assess { action, revision, verdict } => {
                self.assess(action, *revision, verdict)
            }
            Command::PlaybookInForce { playbook } => {
                self.playbook_in_force(*playbook);
                Ok(())
            }
            Command::DecideApproval { action, person, groups, shown, choice } => {
                self.decide_approval(action, person, groups, *shown, choice)
            }
            Command::AnswerQuestion { action, question, by, text } => {
                self.answer_question(action, *question, by, text)
            }
            Command::BeginExecution { agent, key, epoch, action, permit, input } => {
                self.begin_execution(agent, *key, *epoch, action, permit, *input)
            }
            Command::ReportOutcome { agent, action, attempt, outcome } => {
                self.report_outcome(agent.as_ref(), action, *attempt, outcome)
            }
            Command::Verify { action, attempt, shown, sent_at } => {
                self.verify(action, *attempt, shown, *sent_at)
            }
            Command::ReportCompensation { action, attempt, outcome } => {
                self.report_compensation(action, *attempt, outcome)
            }
            Command::CompletePlan { agent, epoch, plan, equalities } => {
                self.complete_plan(agent, *epoch, plan, equalities)
            }
            Command::ReportComparison { plan, compared, sent_at } => {
                self.report_comparison(plan, compared, *sent_at)
            }
            Command::AbandonPlan { agent, epoch, plan, reason } => {
                self.abandon_plan(agent, *epoch, plan, reason)
            }
            Command::StepRefused { correlation, reason } => self.step_refused(correlation, reason),
            Command::Observe { correlation, reading, sent_at, together } => {
                self.observe(correlation, reading, *sent_at, *together)
            }
            Command::Hear { correlation, statements, sent_at } => {
                self.hear(correlation, statements, *sent_at)
            }
            Command::Answered { correlation, statement } => {
                self.answered(correlation, statement);
                Ok(())
            }
            Command::Drifted { correlation, ticket, field, was, now } => {
                self.drifted(correlation, ticket, *field, [was, now]);
                Ok(())
            }
            Command::Resolve { by, code, note } => self.resolve(by, code, note),
            Command::Recognise { fingerprint } => {
                self.recognise(*fingerprint);
                Ok(())
            }
            Command::ShareMatter { with, fingerprint, by } => {
                self.share_matter(with, *fingerprint, by.as_ref())
            }
            Command::Part { with, why } => self.part(with, why),
            Command::TellApart { from, by, note } => self.tell_apart(from, by, note),
            Command::ProposeMerge { into } => self.propose_merge(into),
            Command::EndMerge { into, why } => self.end_merge(into, why),
            Command::Absorb(absorb) => self.absorb(absorb),
            Command::NoteMerge { from, correlation } => {
                self.note_merge(from, correlation);
                Ok(())
            }
            Command::SeeContext { agent, epoch, context } => {
                self.see_context(agent, *epoch, *context)
            }
            Command::Merge { into, reported } => self.merge(into, reported),
        }
    }

    /// Whatever has fallen due. Each turn of the loop takes at least one deadline out of the case or moves it
    /// past `now`; the bound is there so that a mistake in that reasoning cannot hang a shard.
    fn pass_time(&mut self) {
        const TURNS_MAX: usize = 64;
        for _ in 0..TURNS_MAX {
            if !self.case.is_open() {
                return;
            }
            let before = self.events.len();
            self.pass_owner_time();
            self.pass_action_time();
            self.pass_plan_time();
            self.pass_escalation_time();
            if self.events.len() == before {
                return;
            }
        }
    }

    /// No case without somebody who holds it, somebody who is asked, or an alarm (`COV-9`).
    fn see_to_coverage(&mut self) {
        if !self.case.is_open() {
            return;
        }
        if let Coverage::Uncovered(_) = self.case.coverage(self.now)
            && self.case.takeover().is_none()
        {
            self.ask_people(Cause::NoAgent);
        }
        match self.case.coverage(self.now) {
            Coverage::Uncovered(uncovered) if self.case.alarm.is_none() => {
                self.emit(EventKind::CoverageRaised {
                    since: uncovered.since,
                    reason: uncovered.reason,
                });
            }
            Coverage::Covered(_) | Coverage::Pending(_) => self.lower_alarm(),
            Coverage::Uncovered(_) | Coverage::Closed | Coverage::Merged { .. } => {}
        }
    }

    fn lower_alarm(&mut self) {
        if let Some(alarm) = &self.case.alarm {
            let uncovered_for = self.now.duration_since(alarm.since);
            self.emit(EventKind::CoverageLowered { uncovered_for });
        }
    }

    fn action(&self, id: &ActionId) -> Result<Arc<Action>, Rejection> {
        let found = self.case.actions.get(id).cloned();
        found.ok_or_else(|| Rejection::UnknownAction { action: id.clone() })
    }

    fn escalation_of_step(&self, correlation: &Correlation) -> Option<Arc<Escalation>> {
        self.case
            .escalations
            .values()
            .find(|found| found.is_open() && found.step.correlation == *correlation)
            .cloned()
    }

    fn next_epoch(&self) -> Epoch {
        self.case.epoch.next()
    }
}

/// The next moment at which time alone changes the case.
pub(crate) fn deadlines(case: &Case) -> Option<Timestamp> {
    let owner = owning::deadline(case);
    let actions = case.actions.values().filter_map(|action| acting::deadline(action));
    let escalations = case.escalations.values().filter_map(|found| found.deadline());
    let plans = case.plans.values().filter_map(|plan| plan.deadline());
    owner.into_iter().chain(actions).chain(plans).chain(escalations).min()
}

fn stale_approval(action: &Action) -> Rejection {
    Rejection::StaleApproval { action: action.id.clone(), stage: action.stage_name() }
}

fn wrong_stage(action: &Action) -> Rejection {
    Rejection::WrongStage { action: action.id.clone(), stage: action.stage_name() }
}

#[cfg(test)]
mod tests;
