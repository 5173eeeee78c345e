//! Approvals, for the people who decide them. Who decides comes from their token.

mod said;

use std::sync::Arc;

use belay_api::v1;
use belay_api::v1::ErrorReason;
use belay_api::v1::approval_service_server::ApprovalService;
use belay_domain::{ActionId, Case, CaseId, Command, Digest, Event, Rejection, after};
use tonic::{Request, Response, Status};

use said::{Said, What};

use super::page::{Page, key_of};
use super::{Mutation, Shared, case_of_action, invalid, survey};
use crate::caller::{Caller, Person};
use crate::dedupe::content;
use crate::engine::{Refused, decode};
use crate::wire::from_wire::Fields;
use crate::wire::{Fault, to_wire};

/// See [`ApprovalService`].
pub(crate) struct Service(pub(crate) Shared);

#[tonic::async_trait]
impl ApprovalService for Service {
    async fn list_approvals(
        &self,
        request: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::ListApprovalsRequest { tenant, case_id, states, for_me, page_size, page_token } =
            request.into_inner();
        let tenant = caller.tenant(&tenant)?;
        let mut fields = Fields::new();
        let states = wanted(&mut fields, states);
        let case = fields.id_or_none("case_id", &case_id);
        fields.done(Some(()))?;
        let me = if for_me { Some(caller.person()?) } else { None };
        let question = format!("approvals {tenant} {case_id} {states:?} {me:?}");
        let page = Page::wanted(page_size, &page_token, question)?;
        let open_only = states == [v1::ApprovalState::Requested];
        let cases = match case {
            Some(case) => vec![self.0.case(&caller, &case).await?],
            None if open_only => self.asking().await?,
            None => survey::cases(&self.0, &tenant).await?,
        };
        let mut found = Vec::new();
        for case in cases.iter().filter(|case| case.tenant.as_ref() == Some(&tenant)) {
            for approval in self.approvals_of(case, open_only).await? {
                let state = approval.state();
                if states.contains(&state) && me.is_none_or(|me| may_decide(case, &approval, me)) {
                    found.push((key(&approval), approval));
                }
            }
        }
        let part = page.cut(found);
        Ok(Response::new(v1::ListApprovalsResponse {
            approvals: part.things,
            next_page_token: part.next,
        }))
    }

    async fn get_approval(
        &self,
        request: Request<v1::GetApprovalRequest>,
    ) -> Result<Response<v1::GetApprovalResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::GetApprovalRequest { approval_id } = request.into_inner();
        let action = approval_id.parse().map_err(|error| invalid("approval_id", &error))?;
        let case = self.case_asked(&caller, &action).await?;
        let approval = self.approval(&case, &action).await?;
        Ok(Response::new(v1::GetApprovalResponse { approval: Some(approval) }))
    }

    async fn approve(
        &self,
        request: Request<v1::ApproveRequest>,
    ) -> Result<Response<v1::ApproveResponse>, Status> {
        let (caller, content, message) = heard(request)?;
        let said = said::approve(message)?;
        self.say(&caller, content, said, |_, approval| v1::ApproveResponse { approval }).await
    }

    async fn reject(
        &self,
        request: Request<v1::RejectRequest>,
    ) -> Result<Response<v1::RejectResponse>, Status> {
        let (caller, content, message) = heard(request)?;
        let said = said::reject(message)?;
        self.say(&caller, content, said, |_, approval| v1::RejectResponse { approval }).await
    }

    async fn amend(
        &self,
        request: Request<v1::AmendRequest>,
    ) -> Result<Response<v1::AmendResponse>, Status> {
        let (caller, content, message) = heard(request)?;
        let within = self.0.playbooks.current().assess_within();
        let said = said::amend(message, after(self.0.now(), within))?;
        let action = said.action.clone();
        self.say(&caller, content, said, |case, approval| v1::AmendResponse {
            approval,
            action: case.actions.get(&action).map(|amended| to_wire::action(&case.id, amended)),
        })
        .await
    }

    async fn ask(
        &self,
        request: Request<v1::AskRequest>,
    ) -> Result<Response<v1::AskResponse>, Status> {
        let (caller, content, message) = heard(request)?;
        let said = said::ask(message)?;
        self.say(&caller, content, said, |_, approval| v1::AskResponse { approval }).await
    }

    async fn answer(
        &self,
        request: Request<v1::AnswerRequest>,
    ) -> Result<Response<v1::AnswerResponse>, Status> {
        let (caller, content, message) = heard(request)?;
        let said = said::answer(message)?;
        self.say(&caller, content, said, |_, approval| v1::AnswerResponse { approval }).await
    }

    async fn delegate(
        &self,
        request: Request<v1::DelegateRequest>,
    ) -> Result<Response<v1::DelegateResponse>, Status> {
        let (caller, content, message) = heard(request)?;
        let said = said::delegate(message)?;
        self.say(&caller, content, said, |_, approval| v1::DelegateResponse { approval }).await
    }

    async fn take_over(
        &self,
        request: Request<v1::TakeOverRequest>,
    ) -> Result<Response<v1::TakeOverResponse>, Status> {
        let (caller, content, message) = heard(request)?;
        let said = said::take_over(message)?;
        self.say(&caller, content, said, |case, approval| v1::TakeOverResponse {
            approval,
            escalation_id: case.takeover().map_or_else(String::new, |asked| asked.id.to_string()),
        })
        .await
    }
}

/// Who calls, what exactly they ask, and the message.
fn heard<M: prost::Message>(request: Request<M>) -> Result<(Caller, Digest, M), Status> {
    let caller = Caller::of(&request)?;
    let message = request.into_inner();
    Ok((caller, content(&message, &[]), message))
}

impl Service {
    /// The case of an action that people were asked about.
    async fn case_asked(&self, caller: &Caller, action: &ActionId) -> Result<Arc<Case>, Fault> {
        let case = case_of_action(action).ok_or_else(|| unknown(action))?;
        let found = self.0.case(caller, &case).await;
        let found = found.map_err(|fault| match fault.reason() {
            ErrorReason::UnknownCase => unknown(action),
            _ => fault,
        })?;
        if found.actions.contains_key(action) { Ok(found) } else { Err(unknown(action)) }
    }

    /// Brings what a person says to the case, once for each request id, and answers with the approval.
    async fn say<T: prost::Message + Default>(
        &self,
        caller: &Caller,
        content: Digest,
        said: Said,
        answer: impl FnOnce(&Case, Option<v1::Approval>) -> T,
    ) -> Result<Response<T>, Status> {
        let Said { method, request, action, what } = said;
        let asking = Mutation { caller, method, request, content };
        let work = async {
            let case = self.decide(&asking, &action, what).await?;
            let approval = self.approval(&case, &action).await?;
            Ok(answer(&case, Some(approval)))
        };
        Ok(Response::new(self.0.once(&asking, work).await?))
    }

    async fn decide(
        &self,
        asking: &Mutation<'_>,
        action: &ActionId,
        what: What,
    ) -> Result<Arc<Case>, Fault> {
        let caller = asking.caller;
        let person = caller.person()?;
        let case = self.case_asked(caller, action).await?;
        // What another playbook asked for is void before anybody can agree to it.
        let playbook = self.0.playbooks.current().version();
        self.0.engine.command(&case.id, Command::PlaybookInForce { playbook }).await?;
        let command = match what {
            What::Choice { shown, choice } => Command::DecideApproval {
                action: action.clone(),
                person: person.id.clone(),
                groups: person.groups.clone(),
                shown,
                choice,
            },
            What::Answer { question, text } => {
                let by = caller.actor();
                Command::AnswerQuestion { action: action.clone(), question, by, text }
            }
        };
        match self.0.command(asking, &case.id, command).await {
            Ok(applied) => Ok(applied.case),
            Err(Refused::Rejected(rejection @ Rejection::StaleApproval { .. })) => {
                // It says what became of the approval, unless there never was one.
                self.approval(&case, action).await?;
                Err(rejection.into())
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// The approval of an action as the case knows it, decided or not.
    async fn approval(&self, case: &Case, action: &ActionId) -> Result<v1::Approval, Fault> {
        let found = case.actions.get(action).ok_or_else(|| unknown(action))?;
        if let Some(open) = to_wire::approval(case, found) {
            return Ok(open);
        }
        let events = self.events_of(case).await?;
        let record = to_wire::record(&events, action).ok_or_else(|| unknown(action))?;
        Ok(record.on_wire(case, found))
    }

    /// The approvals of a case, or only those that people are asked for now.
    async fn approvals_of(&self, case: &Case, open_only: bool) -> Result<Vec<v1::Approval>, Fault> {
        let actions = || case.actions.values();
        let open = actions().filter_map(|action| to_wire::approval(case, action));
        let mut approvals: Vec<v1::Approval> = open.collect();
        if open_only || case.actions.len() == approvals.len() {
            return Ok(approvals);
        }
        let events = self.events_of(case).await?;
        for action in actions().filter(|action| to_wire::approval(case, action).is_none()) {
            let record = to_wire::record(&events, &action.id);
            approvals.extend(record.map(|record| record.on_wire(case, action)));
        }
        Ok(approvals)
    }

    /// The events that led to the case as it is here.
    async fn events_of(&self, case: &Case) -> Result<Vec<Event>, Fault> {
        let count = usize::try_from(case.seq).unwrap_or(usize::MAX);
        let stored = self.0.engine.journal().events_of(case.id.as_str(), 0, count).await?;
        let events = stored.iter().map(decode).collect::<Result<_, _>>();
        Ok(events.map_err(|damage| Refused::Damaged(Arc::new(damage)))?)
    }

    /// Every case in which people are asked to decide something now.
    async fn asking(&self) -> Result<Vec<Arc<Case>>, Fault> {
        let mut ids: Vec<CaseId> =
            self.0.lookout.approvals().into_iter().map(|(case, _)| case).collect();
        ids.dedup();
        let mut cases = Vec::new();
        for id in ids {
            cases.extend(self.0.engine.case(&id).await?);
        }
        Ok(cases)
    }
}

/// The wanted states; those that people are asked for now, when none is named.
fn wanted(fields: &mut Fields, states: Vec<i32>) -> Vec<v1::ApprovalState> {
    if states.is_empty() {
        return vec![v1::ApprovalState::Requested];
    }
    let mut wanted = Vec::new();
    for (index, state) in states.into_iter().enumerate() {
        let at = format!("states[{index}]");
        match fields.value::<v1::ApprovalState>(&at, state) {
            Some(v1::ApprovalState::Unspecified) => fields.wrong(at, "has to be set"),
            Some(state) => wanted.push(state),
            None => {}
        }
    }
    wanted
}

/// Whether this person could decide it now, as the case would see it.
fn may_decide(case: &Case, approval: &v1::Approval, me: &Person) -> bool {
    let in_group =
        me.groups.iter().any(|group| approval.groups.iter().any(|g| g == group.as_str()));
    let involved = approval.excluded.iter().any(|excluded| excluded == me.id.as_str())
        || case.customer == me.id.as_str();
    let voted = approval.votes.iter().any(|vote| vote.person == me.id.as_str());
    let handed_over = approval.delegations.iter().any(|named| named.from == me.id.as_str());
    let asked = approval.state() == v1::ApprovalState::Requested;
    asked && in_group && !involved && !voted && !handed_over
}

/// The nearest deadline comes first.
fn key(approval: &v1::Approval) -> String {
    let until = approval.until.unwrap_or_default();
    let until = belay_domain::Timestamp::new(until.seconds, until.nanos).unwrap_or_default();
    format!("{} {}", key_of(until), approval.id)
}

fn unknown(action: &ActionId) -> Fault {
    let what = format!("there is no approval {action} that people were asked for");
    Fault::new(ErrorReason::UnknownApproval, what).with("approval_id", action.as_str())
}
