//! Errands to human queues: placing a ticket, and telling its people when it does not matter any more. In between
//! it is read back by its system's [reader](crate::reading).

use std::sync::Arc;
use std::time::Duration;

use belay_connect::{
    Attempt, HumanQueue, NewTicket, NotPlaced, QueueError, QueueErrorKind, place, withdraw_forks,
};
use belay_domain::{
    ActionId, ActionStage, Case, Cause, Command, Correlation, Escalation, EscalationId, Purpose,
    QueueRef, Severity, SystemId, TicketId,
};
use tracing::{debug, info, warn};

use super::{Errand, Patience, manifest};

impl Errand {
    pub(super) async fn place(
        &self,
        escalation: &EscalationId,
        correlation: Correlation,
        queue: &QueueRef,
    ) {
        let Some(mut system) = self.world.systems.queue(&queue.system) else {
            let reason = format!("no human queue is connected as {}", queue.system);
            self.answer(Command::StepRefused { correlation, reason }).await;
            return;
        };
        let mut patience = Patience::new(Duration::from_millis(250), Duration::from_secs(10));
        let mut attempt = self.first_attempt(escalation).await;
        let mut again = false;
        while self.is_wanted() {
            let Some(ticket) = self.new_ticket(escalation, &correlation, queue).await else {
                return;
            };
            system = self.world.systems.queue(&queue.system).unwrap_or(system);
            match place(system.as_ref(), &ticket, attempt, system.settling()).await {
                Ok(placed) => {
                    self.budgets.answered(&queue.system, again);
                    let ticket = placed.ticket;
                    info!(%correlation, %ticket, created = placed.created, "ticket placed");
                    self.answer(Command::TicketPlaced { correlation, ticket }).await;
                    return;
                }
                Err(failure @ (NotPlaced::Unreachable(_) | NotPlaced::Refused(_))) => {
                    let reason = failure.to_string();
                    self.answer(Command::StepRefused { correlation, reason }).await;
                    return;
                }
                Err(NotPlaced::Later(failure)) => {
                    warn!(%correlation, error = %failure, "ticket not placed yet");
                    attempt = Attempt::Again;
                    again = true;
                }
            }
            if !self.wait_to_repeat(&queue.system, &mut patience).await {
                return;
            }
        }
    }

    /// A step that is older than this process may have been asked for by an earlier one.
    async fn first_attempt(&self, escalation: &EscalationId) -> Attempt {
        let case = self.case().await;
        let since = case.and_then(|case| Some(case.escalations.get(escalation)?.step.since));
        match since {
            Some(since) if since >= self.world.started => Attempt::First,
            _ => Attempt::Again,
        }
    }

    async fn new_ticket(
        &self,
        escalation: &EscalationId,
        correlation: &Correlation,
        queue: &QueueRef,
    ) -> Option<NewTicket> {
        let case = self.case().await?;
        let found = case.escalations.get(escalation)?;
        let left = manifest::told(&self.manifest(found).await);
        Some(NewTicket {
            case: case.id.clone(),
            correlation: correlation.clone(),
            queue: queue.queue.clone(),
            subject: subject(&case, found),
            body: body(&case, found, &left),
            severity: case.terms.as_ref().map_or(Severity::Normal, |terms| terms.severity),
        })
    }

    /// A second ticket of a step that is over is over, too.
    async fn withdraw_forks(
        &self,
        system: &Arc<dyn HumanQueue>,
        correlation: &Correlation,
        ticket: &TicketId,
    ) {
        // What is not found now is found later; the next look at the ticket itself must not wait for it.
        const WITHIN: Duration = Duration::from_secs(5);
        let looked = withdraw_forks(system.as_ref(), correlation, ticket);
        match tokio::time::timeout(WITHIN, looked).await {
            Ok(Ok(withdrawn)) if withdrawn.is_empty() => {}
            Ok(Ok(withdrawn)) => {
                info!(%correlation, ?withdrawn, kept = %ticket, "second tickets withdrawn")
            }
            Ok(Err(failure)) => {
                debug!(%correlation, error = %failure, "not looked for second tickets")
            }
            Err(_) => debug!(%correlation, "looking for second tickets took too long"),
        }
    }

    pub(super) async fn withdraw(
        &self,
        correlation: &Correlation,
        queue: &QueueRef,
        ticket: &TicketId,
    ) {
        let Some(mut system) = self.world.systems.queue(&queue.system) else { return };
        let note = format!(
            "Belay no longer needs an answer here: the request {correlation} has moved on or is settled. \
             Taking this ticket does not take the case."
        );
        let mut patience = Patience::new(Duration::from_secs(1), Duration::from_secs(300));
        loop {
            system = self.world.systems.queue(&queue.system).unwrap_or(system);
            match system.withdraw(ticket, &note).await {
                Ok(()) => break,
                Err(failure) if self.may_pass(&queue.system, &failure) => {
                    warn!(%ticket, error = %failure, "people not told yet");
                    if !self.wait_to_repeat(&queue.system, &mut patience).await {
                        return;
                    }
                }
                Err(failure) => {
                    warn!(%ticket, error = %failure, "people cannot be told that the ticket is over");
                    break;
                }
            }
        }
        if let Some(kept) = self.kept(correlation, ticket).await {
            self.withdraw_forks(&system, correlation, &kept).await;
        }
        let (correlation, ticket) = (correlation.clone(), ticket.clone());
        self.answer(Command::Withdrawn { correlation, ticket }).await;
    }

    /// Whether asking again later can help: also when an operator has to renew our credential first.
    pub(super) fn may_pass(&self, system: &SystemId, failure: &QueueError) -> bool {
        let unknown = failure.kind == QueueErrorKind::Unauthorized;
        failure.retryable() || unknown || self.world.systems.credentials().is_refused(system)
    }

    /// Besides which ticket of its step every other one is too many: the one that is waited for if the step still
    /// is, otherwise the one that was given up. None while the step's ticket is being placed.
    async fn kept(&self, correlation: &Correlation, given_up: &TicketId) -> Option<TicketId> {
        let case = self.case().await?;
        let mut open = case.escalations.values().filter(|found| found.is_open());
        match open.find(|found| case.is_open() && found.step.correlation == *correlation) {
            Some(found) => found.ticket().cloned(),
            None => Some(given_up.clone()),
        }
    }
}

fn subject(case: &Case, found: &Escalation) -> String {
    match &found.purpose {
        Purpose::Takeover { .. } => format!("Please take: {}", case.subject),
        Purpose::Approval { action } => format!("Please decide on {action}: {}", case.subject),
    }
}

fn body(case: &Case, found: &Escalation, left: &str) -> String {
    let ask = match &found.purpose {
        Purpose::Takeover { cause } => {
            format!("{}\nTaking this ticket takes the case.{left}", why(cause))
        }
        Purpose::Approval { action } => {
            let shown = case
                .actions
                .get(action)
                .and_then(|found| found.verdict.as_ref())
                .map_or("", |verdict| verdict.shown.as_str());
            format!(
                "An agent asks to do this:\n\n{shown}\n\nDecide with: belay approval show {action}{}",
                here(case, action)
            )
        }
    };
    format!(
        "{ask}\n\nCase {} of customer {}\nRequest {}\nMore: belay why {}",
        case.id, case.customer, found.step.correlation, case.id
    )
}

/// How to decide on the ticket itself, where the playbook allows it.
fn here(case: &Case, action: &ActionId) -> String {
    let found = case.actions.get(action).map(|found| &found.stage);
    let Some(ActionStage::AwaitingApproval(asked)) = found else { return String::new() };
    if asked.terms.in_ticket.is_empty() {
        return String::new();
    }
    let digest = asked.short_form();
    format!(
        "\nOr write a note here whose first line is one of these:\n\n    approve {digest}\n    reject {digest} REASON"
    )
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Routed => "This case is meant for people.".to_owned(),
        Cause::NoAgent => "No agent took this case.".to_owned(),
        Cause::Asked { reason } => format!("People were asked for: {reason}"),
        Cause::TakenOver { by, reason } => {
            format!("{by} took this case out of its agent's hands: {reason}")
        }
        Cause::Unidentified { object, detail } => {
            format!("It is not known for certain who the {object} of this case is.\n{detail}")
        }
        Cause::Bounced => "This case went to and fro between agents.".to_owned(),
        Cause::Divergence { action, detail } => {
            format!("{action} is not what it should be: {detail}")
        }
        Cause::CompensationFailed { action, detail } => {
            format!("{action} could not be undone: {detail}")
        }
    }
}
