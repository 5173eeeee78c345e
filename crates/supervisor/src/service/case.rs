//! How cases are opened, found, watched, explained and resolved.

mod decided;
mod explain;
mod merging;
mod repeat;
mod watch;

use belay_api::v1;
use belay_api::v1::ErrorReason;
use belay_api::v1::case_service_server::CaseService;
use belay_domain::{Command, ContextEntry, Digest, EventKind, ResolutionCode};
use tonic::{Request, Response, Status};

use super::stream::Answer;
use super::{Mutation, Shared, invalid};
use crate::caller::Caller;
use crate::dedupe::content;
use crate::engine::Applied;
use crate::wire::from_wire::{self, Fields};
use crate::wire::{Fault, to_wire};

/// How many of the latest events are looked through for decisions.
const EVENTS_EXPLAINED: u64 = 500;

/// See [`CaseService`].
pub(crate) struct Service(pub(crate) Shared);

#[tonic::async_trait]
impl CaseService for Service {
    async fn open_case(
        &self,
        request: Request<v1::OpenCaseRequest>,
    ) -> Result<Response<v1::OpenCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let message = request.into_inner();
        let tenant = caller.tenant(&message.tenant)?;
        let report = from_wire::open(message, tenant, caller.actor())?;
        let opened = self.0.intake.open(report.clone()).await.map_err(Fault::from)?;
        let asked = opened.merged.as_ref().unwrap_or(&opened.case);
        if !opened.created && !opened.linked {
            repeat::check(&self.0, asked, &report).await?;
        }
        let first = asked.contacts.first();
        Ok(Response::new(v1::OpenCaseResponse {
            opened: first.is_some_and(|first| first.request == report.request),
            case: Some(to_wire::case(&opened.case, self.0.now())),
        }))
    }

    async fn get_case(
        &self,
        request: Request<v1::GetCaseRequest>,
    ) -> Result<Response<v1::GetCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::GetCaseRequest { case_id } = request.into_inner();
        let (case, as_of) = self.0.case_named_as_of(&caller, &case_id).await?;
        let case = Some(to_wire::case(&case, as_of));
        Ok(Response::new(v1::GetCaseResponse { case }))
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Result<Response<v1::ListCasesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::ListCasesRequest { filter, order, page_size, page_token } = request.into_inner();
        let named = filter.as_ref().map_or("", |filter| &filter.tenant);
        let tenant = caller.tenant(named)?;
        let mut fields = Fields::new();
        let mut query = from_wire::case_filter(&mut fields, tenant.as_str(), filter);
        query.order = from_wire::case_order(&mut fields, order);
        fields.done(Some(()))?;
        query.page_size = super::page::size_of(page_size);
        query.page_token = Some(page_token).filter(|token| !token.is_empty());
        let page = self.0.engine.journal().search(query).await.map_err(Fault::from)?;
        let now = self.0.now();
        Ok(Response::new(v1::ListCasesResponse {
            cases: page.rows.iter().map(|row| to_wire::row(row, now)).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn update_case(
        &self,
        request: Request<v1::UpdateCaseRequest>,
    ) -> Result<Response<v1::UpdateCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut message = request.into_inner();
        let asked = from_wire::amend(message.clone())?;
        if let Some(labels) = &mut message.labels {
            labels.labels.clear();
        }
        let digest = content(&message, asked.labels.as_deref().unwrap_or_default());
        let asking = Mutation {
            caller: &caller,
            method: "UpdateCase",
            request: asked.request.clone(),
            content: digest,
        };
        let work = async {
            self.0.case(&caller, &asked.case).await?;
            let (subject, severity, labels) = (asked.subject, asked.severity, asked.labels);
            let command = Command::Amend { subject, severity, labels };
            let applied = self.0.command(&asking, &asked.case, command).await?;
            let case = Some(to_wire::summary(&applied.case, self.0.now()));
            Ok(v1::UpdateCaseResponse { case })
        };
        let answer = self.0.once(&asking, work).await?;
        Ok(Response::new(answer))
    }

    async fn add_context(
        &self,
        request: Request<v1::AddContextRequest>,
    ) -> Result<Response<v1::AddContextResponse>, Status> {
        let caller = Caller::of(&request)?;
        let message = request.into_inner();
        let digest = content(&message, &[]);
        let asked = from_wire::add_context(message, &caller.actor().reference())?;
        let asking = Mutation {
            caller: &caller,
            method: "AddContext",
            request: asked.request.clone(),
            content: digest,
        };
        let work = async {
            self.0.case(&caller, &asked.case).await?;
            let count = asked.entries.len();
            let command = Command::AddContext { entries: asked.entries, by: caller.actor() };
            let applied = self.0.command(&asking, &asked.case, command).await?;
            Ok(added(&applied, count))
        };
        let answer = self.0.once(&asking, work).await?;
        Ok(Response::new(answer))
    }

    async fn resolve_case(
        &self,
        request: Request<v1::ResolveCaseRequest>,
    ) -> Result<Response<v1::ResolveCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let message = request.into_inner();
        let digest = content(&message, &[]);
        let asked = from_wire::resolve(message)?;
        let asking = Mutation {
            caller: &caller,
            method: "ResolveCase",
            request: asked.request.clone(),
            content: digest,
        };
        let work = async {
            self.0.case(&caller, &asked.case).await?;
            self.known_resolution(&asked.code)?;
            let (code, note) = (asked.code, asked.note);
            let command = Command::Resolve { by: caller.actor(), code, note };
            let applied = self.0.command(&asking, &asked.case, command).await?;
            let case = Some(to_wire::summary(&applied.case, self.0.now()));
            Ok(v1::ResolveCaseResponse { case })
        };
        let answer = self.0.once(&asking, work).await?;
        Ok(Response::new(answer))
    }

    async fn merge_cases(
        &self,
        request: Request<v1::MergeCasesRequest>,
    ) -> Result<Response<v1::MergeCasesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(merging::merge(&self.0, &caller, request.into_inner()).await?))
    }

    async fn tell_cases_apart(
        &self,
        request: Request<v1::TellCasesApartRequest>,
    ) -> Result<Response<v1::TellCasesApartResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(merging::tell_apart(&self.0, &caller, request.into_inner()).await?))
    }

    async fn explain_case(
        &self,
        request: Request<v1::ExplainCaseRequest>,
    ) -> Result<Response<v1::ExplainCaseResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::ExplainCaseRequest { case_id } = request.into_inner();
        let case = self.0.case_named(&caller, &case_id).await?;
        let after = case.seq.saturating_sub(EVENTS_EXPLAINED);
        let limit = usize::try_from(EVENTS_EXPLAINED).unwrap_or(usize::MAX);
        let journal = self.0.engine.journal();
        let events = journal.events_of(&case_id, after, limit).await.map_err(Fault::from)?;
        Ok(Response::new(explain::explain(&case, &events, self.0.now())))
    }

    async fn explain_action(
        &self,
        request: Request<v1::ExplainActionRequest>,
    ) -> Result<Response<v1::ExplainActionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::ExplainActionRequest { action_id } = request.into_inner();
        Ok(Response::new(decided::explain(&self.0, &caller, &action_id).await?))
    }

    type WatchCaseStream = Answer<v1::WatchCaseResponse>;

    async fn watch_case(
        &self,
        request: Request<v1::WatchCaseRequest>,
    ) -> Result<Response<Self::WatchCaseStream>, Status> {
        let caller = Caller::of(&request)?;
        let v1::WatchCaseRequest { case_id, after_sequence } = request.into_inner();
        let id = case_id.parse().map_err(|error| invalid("case_id", &error))?;
        // Subscribed before the case is looked at, so that nothing is missed in between.
        let changes = self.0.engine.changes();
        let case = self.0.case(&caller, &id).await?;
        Ok(watch::one(&self.0, &case, after_sequence, changes)?)
    }

    type WatchCasesStream = Answer<v1::WatchCasesResponse>;

    async fn watch_cases(
        &self,
        request: Request<v1::WatchCasesRequest>,
    ) -> Result<Response<Self::WatchCasesStream>, Status> {
        let caller = Caller::of(&request)?;
        let v1::WatchCasesRequest { filter, after_position } = request.into_inner();
        let named = filter.as_ref().map_or("", |filter| &filter.tenant);
        let tenant = caller.tenant(named)?;
        let mut fields = Fields::new();
        let query = from_wire::case_filter(&mut fields, tenant.as_str(), filter);
        fields.done(Some(()))?;
        Ok(watch::many(&self.0, query, after_position)?)
    }
}

impl Service {
    fn known_resolution(&self, code: &ResolutionCode) -> Result<(), Fault> {
        let playbook = self.0.playbooks.current();
        if playbook.resolutions().contains_key(code) {
            return Ok(());
        }
        let known: Vec<&str> = playbook.resolutions().keys().map(|known| known.as_str()).collect();
        let what = format!("{code} is not a resolution code; known are {}", known.join(", "));
        Err(Fault::new(ErrorReason::UnknownResolution, what).with("resolution_code", code.as_str()))
    }
}

/// What was added, as it was journaled: the last `count` entries of the command's own events.
fn added(applied: &Applied, count: usize) -> v1::AddContextResponse {
    let entered: Vec<(&ContextEntry, Digest)> = applied
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::ContextAdded { entry, digest } => Some((entry, *digest)),
            _ => None,
        })
        .collect();
    let entered = &entered[entered.len().saturating_sub(count)..];
    let context = &applied.case.context;
    let digest = entered.last().map_or_else(|| context.digest(), |(_, digest)| *digest);
    // The case of the answer may hold more by now: ours end where the context had this digest.
    let all = context.entries();
    let ends_here = |end: &usize| {
        let entries = all[..*end].iter().map(AsRef::as_ref);
        belay_domain::Context::digest_of(entries) == digest
    };
    let end = (0..=all.len()).rev().find(ends_here).unwrap_or(all.len());
    let first = end.saturating_sub(entered.len()) as u64 + 1;
    v1::AddContextResponse {
        entries: (first..)
            .zip(entered)
            .map(|(ordinal, (entry, _))| to_wire::context_entry(ordinal, entry))
            .collect(),
        context_digest: digest.to_string(),
    }
}
