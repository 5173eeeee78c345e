//! Escalations: seeing them, asking for one, and hinting that something outside has changed.

use std::sync::Arc;

use belay_api::v1;
use belay_api::v1::ErrorReason;
use belay_api::v1::escalation_service_server::EscalationService;
use belay_domain::{
    Case, CaseId, Command, Correlation, EscalationId, EscalationPlan, EventKind, Purpose, QueueId,
    Rejection, Severity, SystemId, TicketId,
};
use tonic::{Request, Response, Status};

use super::page::Page;
use super::{Mutation, Shared, case_of_escalation, invalid, survey};
use crate::caller::Caller;
use crate::dedupe::content;
use crate::engine::{Applied, Refused};
use crate::wire::from_wire::Fields;
use crate::wire::{Fault, to_wire};

/// See [`EscalationService`].
pub(crate) struct Service(pub(crate) Shared);

/// What is to be looked at sooner.
enum Hint {
    Ticket(TicketId),
    Correlation(Correlation),
    Queue(QueueId),
}

#[tonic::async_trait]
impl EscalationService for Service {
    async fn list_escalations(
        &self,
        request: Request<v1::ListEscalationsRequest>,
    ) -> Result<Response<v1::ListEscalationsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::ListEscalationsRequest { tenant, case_id, states, page_size, page_token } =
            request.into_inner();
        let tenant = caller.tenant(&tenant)?;
        let mut fields = Fields::new();
        let wanted = wanted(&mut fields, states);
        let case = fields.id_or_none("case_id", &case_id);
        fields.done(Some(()))?;
        let question = format!("escalations {tenant} {case_id} {wanted:?}");
        let page = Page::wanted(page_size, &page_token, question)?;
        let cases = match case {
            Some(case) => vec![self.0.case(&caller, &case).await?],
            None if wanted.iter().any(is_over) => survey::cases(&self.0, &tenant).await?,
            None => self.asking().await?,
        };
        let mut found = Vec::new();
        for case in cases.iter().filter(|case| case.tenant.as_ref() == Some(&tenant)) {
            for escalation in case.escalations.values() {
                let state = to_wire::escalation_state(&escalation.stage);
                if wanted.contains(&state) {
                    let number = escalation.id.as_str().len();
                    let key = format!("{} {number:04} {}", case.id, escalation.id);
                    found.push((key, to_wire::escalation(&case.id, escalation)));
                }
            }
        }
        let part = page.cut(found);
        Ok(Response::new(v1::ListEscalationsResponse {
            escalations: part.things,
            next_page_token: part.next,
        }))
    }

    async fn get_escalation(
        &self,
        request: Request<v1::GetEscalationRequest>,
    ) -> Result<Response<v1::GetEscalationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::GetEscalationRequest { escalation_id } = request.into_inner();
        let id: EscalationId =
            escalation_id.parse().map_err(|error| invalid("escalation_id", &error))?;
        let case = case_of_escalation(&id).ok_or_else(|| unknown(&id))?;
        let case = self.0.case(&caller, &case).await.map_err(|fault| match fault.reason() {
            ErrorReason::UnknownCase => unknown(&id),
            _ => fault,
        })?;
        let found = case.escalations.get(&id).ok_or_else(|| unknown(&id))?;
        let escalation = Some(to_wire::escalation(&case.id, found));
        Ok(Response::new(v1::GetEscalationResponse { escalation }))
    }

    async fn open_escalation(
        &self,
        request: Request<v1::OpenEscalationRequest>,
    ) -> Result<Response<v1::OpenEscalationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let message = request.into_inner();
        let digest = content(&message, &[]);
        let v1::OpenEscalationRequest { request_id, case_id, reason, severity } = message;
        let mut fields = Fields::new();
        let request = fields.request(&request_id);
        let case = fields.id::<CaseId>("case_id", &case_id);
        let reason = fields.said("reason", reason);
        let severity = fields.severity("severity", severity);
        let (request, case) = fields.done(request.zip(case))?;
        let asking =
            Mutation { caller: &caller, method: "OpenEscalation", request, content: digest };
        let work = async {
            let known = self.0.case(&caller, &case).await?;
            let plan = severity.map(|severity| self.plan(&known, severity)).transpose()?;
            let command = Command::RequestEscalation { by: caller.actor(), reason, plan };
            match self.0.command(&asking, &case, command).await {
                Ok(applied) => opened(&applied),
                Err(Refused::Rejected(Rejection::EscalationUnderWay)) => Err(under_way(&known)),
                Err(refused) => Err(refused.into()),
            }
        };
        Ok(Response::new(self.0.once(&asking, work).await?))
    }

    async fn report_rumour(
        &self,
        request: Request<v1::ReportRumourRequest>,
    ) -> Result<Response<v1::ReportRumourResponse>, Status> {
        let v1::ReportRumourRequest { system, about } = request.into_inner();
        let mut fields = Fields::new();
        let system = fields.id::<SystemId>("system", &system);
        let hint = hint(&mut fields, about);
        let (system, hint) = fields.done(system.zip(hint))?;
        for ticket in self.tickets(&system, &hint).await? {
            self.0.pokes.poke(&ticket);
        }
        Ok(Response::new(v1::ReportRumourResponse {}))
    }
}

impl Service {
    /// By which steps people are asked when the case mattered this much. They come from the playbook in force;
    /// the policy is the case's own.
    fn plan(&self, case: &Case, severity: Severity) -> Result<EscalationPlan, Fault> {
        let policy = case.terms.as_ref().map_or("", |terms| terms.takeover.policy.as_str());
        let plan = self.0.playbooks.current().escalation(policy, severity);
        plan.ok_or_else(|| {
            let what = "the playbook in force does not have the policy of this case any more";
            Fault::new(ErrorReason::EmptyPlan, what)
                .with("policy", policy)
                .first(policy, "leave the severity out, or bring the policy back")
        })
    }

    /// The tickets that are being watched and that the hint may be about. A hint that fits none does nothing.
    async fn tickets(&self, system: &SystemId, hint: &Hint) -> Result<Vec<TicketId>, Fault> {
        let cases = match hint {
            Hint::Ticket(ticket) => return Ok(vec![ticket.clone()]),
            Hint::Correlation(step) => match case_of_step(step) {
                Some(case) => self.0.engine.case(&case).await?.into_iter().collect(),
                None => Vec::new(),
            },
            Hint::Queue(_) => self.asking().await?,
        };
        let open =
            cases.iter().flat_map(|case| case.escalations.values()).filter(|found| found.is_open());
        let meant = open.filter(|found| {
            let step = found.plan().steps.get(found.step.index);
            step.is_some_and(|step| {
                step.queue.system == *system
                    && match hint {
                        Hint::Ticket(_) => false,
                        Hint::Correlation(hinted) => *hinted == found.step.correlation,
                        Hint::Queue(hinted) => *hinted == step.queue.queue,
                    }
            })
        });
        Ok(meant.filter_map(|found| found.ticket().cloned()).collect())
    }

    /// Every case in which people are asked for something now.
    async fn asking(&self) -> Result<Vec<Arc<Case>>, Fault> {
        let mut ids: Vec<CaseId> =
            self.0.lookout.escalations().into_iter().map(|(case, _)| case).collect();
        ids.dedup();
        let mut cases = Vec::new();
        for id in ids {
            cases.extend(self.0.engine.case(&id).await?);
        }
        Ok(cases)
    }
}

/// The escalation that was opened, as it stands after that.
fn opened(applied: &Applied) -> Result<v1::OpenEscalationResponse, Fault> {
    let ours = applied.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::EscalationOpened { escalation, purpose: Purpose::Takeover { .. }, .. } => {
            Some(escalation)
        }
        _ => None,
    });
    let found = ours.and_then(|id| applied.case.escalations.get(id));
    let found = found.map(|found| found.as_ref()).or_else(|| applied.case.takeover());
    let found = found.ok_or_else(|| Fault::from(Rejection::StaleStep))?;
    let escalation = Some(to_wire::escalation(&applied.case.id, found));
    Ok(v1::OpenEscalationResponse { escalation })
}

fn under_way(case: &Case) -> Fault {
    let fault = Fault::from(Rejection::EscalationUnderWay);
    match case.takeover() {
        Some(found) => fault.with("escalation_id", found.id.as_str()),
        None => fault,
    }
}

/// The case of an escalation step: `CASE/e1/r1s2` is a step of an escalation of CASE.
fn case_of_step(step: &Correlation) -> Option<CaseId> {
    let (escalation, _) = step.as_str().rsplit_once('/')?;
    case_of_escalation(&escalation.parse().ok()?)
}

fn hint(fields: &mut Fields, about: Option<v1::report_rumour_request::About>) -> Option<Hint> {
    use v1::report_rumour_request::About;
    match about {
        Some(About::TicketId(ticket)) => fields.id("ticket_id", &ticket).map(Hint::Ticket),
        Some(About::CorrelationId(correlation)) => {
            fields.id("correlation_id", &correlation).map(Hint::Correlation)
        }
        Some(About::Queue(queue)) => fields.id("queue", &queue).map(Hint::Queue),
        None => {
            fields.wrong("about", "one of ticket_id, correlation_id and queue has to be set");
            None
        }
    }
}

/// The wanted states; all that are not over, when none is named.
fn wanted(fields: &mut Fields, states: Vec<i32>) -> Vec<v1::EscalationState> {
    use v1::EscalationState as State;
    if states.is_empty() {
        return vec![
            State::Opened,
            State::Placed,
            State::Routed,
            State::Acknowledged,
            State::Exhausted,
        ];
    }
    let mut wanted = Vec::new();
    for (index, state) in states.into_iter().enumerate() {
        let at = format!("states[{index}]");
        match fields.value::<State>(&at, state) {
            Some(State::Unspecified) => fields.wrong(at, "has to be set"),
            Some(state) => wanted.push(state),
            None => {}
        }
    }
    wanted
}

fn is_over(state: &v1::EscalationState) -> bool {
    matches!(state, v1::EscalationState::Resolved | v1::EscalationState::Closed)
}

fn unknown(escalation: &EscalationId) -> Fault {
    Fault::new(ErrorReason::UnknownEscalation, format!("there is no escalation {escalation}"))
        .with("escalation_id", escalation.as_str())
}

#[cfg(test)]
mod tests;
