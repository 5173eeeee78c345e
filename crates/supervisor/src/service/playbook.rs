//! The playbook in force, for people and tools.

mod standings;
mod who_can;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::ErrorReason;
use belay_api::v1::playbook_service_server::PlaybookService;
use belay_domain::{QueueFacts, QueueRef, RequestId, Severity, Timestamp};
use belay_playbook::{Contract, Playbook, Problems};
use futures_util::future::join_all;
use tokio::sync::Mutex;
use tonic::{Request, Response, Status};

use super::{Shared, invalid};
use crate::caller::Caller;
use crate::systems::ConnectError;
use crate::wire::{Fault, to_wire};

/// How long a look at one queue may take.
const LOOK_WITHIN: Duration = Duration::from_secs(20);

/// See [`PlaybookService`].
pub(crate) struct Service {
    shared: Shared,
    /// Held while routes are checked: outside systems are not to be asked by everybody at once.
    checking: Mutex<()>,
    /// Held while the folder is loaded.
    loading: Mutex<()>,
}

impl Service {
    /// The service.
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, checking: Mutex::default(), loading: Mutex::default() }
    }
}

#[tonic::async_trait]
impl PlaybookService for Service {
    async fn get_playbook(
        &self,
        request: Request<v1::GetPlaybookRequest>,
    ) -> Result<Response<v1::GetPlaybookResponse>, Status> {
        let v1::GetPlaybookRequest {} = request.into_inner();
        let loaded_at = **self.shared.loaded_at.load();
        let playbook = self.told(&self.shared.playbooks.current(), loaded_at);
        Ok(Response::new(v1::GetPlaybookResponse { playbook: Some(playbook) }))
    }

    async fn reload_playbook(
        &self,
        request: Request<v1::ReloadPlaybookRequest>,
    ) -> Result<Response<v1::ReloadPlaybookResponse>, Status> {
        let v1::ReloadPlaybookRequest { request_id, dry_run } = request.into_inner();
        let request: RequestId =
            request_id.parse().map_err(|error| invalid("request_id", &error))?;
        let _one_at_a_time = self.loading.lock().await;
        let before = self.shared.playbooks.current().version();
        let folder = self.shared.playbooks.folder().to_owned();
        let loading = tokio::task::spawn_blocking(move || Playbook::load(&folder));
        let loaded = loading
            .await
            .map_err(|cause| Fault::internal("the playbook could not be loaded", &cause))?
            .map_err(|problems| invalid_playbook(&problems))?;
        let systems = &self.shared.systems;
        let prepared = systems.prepare(&loaded).map_err(|error| unconnected(&error))?;
        let loaded = Arc::new(loaded);
        if !dry_run {
            // First what the new playbook speaks to, then the playbook: it finds everything that it names.
            systems.replace(prepared).await.map_err(|error| unconnected(&error))?;
            self.shared.playbooks.put(loaded.clone());
        }
        let changed = loaded.version() != before;
        let now = self.shared.now();
        if changed && !dry_run {
            self.shared.loaded_at.store(Arc::new(now));
            tracing::info!(%request, version = %loaded.version(), "playbook in force");
        }
        let loaded_at = if dry_run { now } else { **self.shared.loaded_at.load() };
        let playbook = Some(self.told(&loaded, loaded_at));
        Ok(Response::new(v1::ReloadPlaybookResponse { playbook, changed }))
    }

    async fn check_routes(
        &self,
        request: Request<v1::CheckRoutesRequest>,
    ) -> Result<Response<v1::CheckRoutesResponse>, Status> {
        let v1::CheckRoutesRequest {} = request.into_inner();
        let Ok(_one_at_a_time) = self.checking.try_lock() else {
            let what = "the routes are being checked already";
            return Err(Fault::new(ErrorReason::Overloaded, what).into());
        };
        let named = queues(&self.shared.playbooks.current());
        let looks = named.iter().map(|(queue, policies)| async move {
            let sent_at = self.shared.now();
            let looked = self.look(queue).await;
            to_wire::route_check(queue, policies, &looked, sent_at)
        });
        Ok(Response::new(v1::CheckRoutesResponse { routes: join_all(looks).await }))
    }

    async fn who_can(
        &self,
        request: Request<v1::WhoCanRequest>,
    ) -> Result<Response<v1::WhoCanResponse>, Status> {
        let caller = Caller::of(&request)?;
        let answer = who_can::answer(self, &caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn list_standings(
        &self,
        request: Request<v1::ListStandingsRequest>,
    ) -> Result<Response<v1::ListStandingsResponse>, Status> {
        Ok(Response::new(standings::answer(self, request.into_inner()).await?))
    }
}

impl Service {
    fn told(&self, playbook: &Playbook, loaded_at: Timestamp) -> v1::Playbook {
        let demotions = self.shared.playbooks.demotions();
        to_wire::playbook(playbook, loaded_at, |contract| demotions.of(contract))
    }

    async fn look(&self, queue: &QueueRef) -> Result<QueueFacts, String> {
        let Some(system) = self.shared.systems.queue(&queue.system) else {
            return Err(format!("{} is not connected as a system with human queues", queue.system));
        };
        match tokio::time::timeout(LOOK_WITHIN, system.inspect(&queue.queue)).await {
            Ok(Ok(facts)) => Ok(facts),
            Ok(Err(failure)) => Err(failure.to_string()),
            Err(_) => Err(format!("no answer within {} s", LOOK_WITHIN.as_secs())),
        }
    }
}

/// The contracts of this id or name.
fn named<'a>(playbook: &'a Playbook, wanted: &str) -> Result<Vec<&'a Contract>, Fault> {
    let fits = |one: &&Contract| one.id().as_str() == wanted || one.name() == wanted;
    let found: Vec<&Contract> = playbook.contracts().filter(fits).collect();
    if found.is_empty() {
        let known: Vec<&str> = playbook.contracts().map(|one| one.id().as_str()).collect();
        let what =
            format!("the playbook in force has no such contract; it has {}", known.join(", "));
        return Err(Fault::field("contract", what));
    }
    Ok(found)
}

/// Every human queue that an escalation policy names, with the policies that do.
fn queues(playbook: &Playbook) -> BTreeMap<QueueRef, Vec<String>> {
    const SEVERITIES: [Severity; 4] =
        [Severity::Low, Severity::Normal, Severity::High, Severity::Critical];
    let mut queues: BTreeMap<QueueRef, Vec<String>> = BTreeMap::new();
    for policy in playbook.escalations() {
        let plans = SEVERITIES.iter().filter_map(|severity| playbook.escalation(policy, *severity));
        for step in plans.flat_map(|plan| plan.steps) {
            let policies = queues.entry(step.queue).or_default();
            if policies.last().is_none_or(|last| last != policy) {
                policies.push(policy.to_owned());
            }
        }
    }
    queues
}

/// A system of the playbook on disk that cannot be connected.
fn unconnected(error: &ConnectError) -> Fault {
    let what = "the playbook has a system that cannot be connected, and was not loaded; \
                the old one stays in force";
    let mut description = error.to_string();
    if let ConnectError::Variable { .. } = error {
        description.push_str(" in the supervisor's environment: start it again with the variable");
    }
    Fault::new(ErrorReason::PlaybookInvalid, what).first("systems.yaml", description)
}

/// Everything that is wrong with the playbook on disk, each with its place.
fn invalid_playbook(problems: &Problems) -> Fault {
    let count = problems.all().len();
    let what =
        format!("the playbook has {count} errors and was not loaded; the old one stays in force");
    problems.all().iter().fold(Fault::new(ErrorReason::PlaybookInvalid, what), |fault, problem| {
        let place = format!("{}:{}:{}", problem.file, problem.line, problem.column);
        let description = if problem.remedy.is_empty() {
            problem.what.clone()
        } else {
            format!("{} ({})", problem.what, problem.remedy)
        };
        fault.first(place, description)
    })
}
