//! The outside systems of the playbook, connected: business systems to read and write, human queues to ask.
//!
//! Credentials are fetched here, from where the playbook says they are, and go no further than the adapter
//! that sends them (`SEC-1`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use belay_connect::business::{
    AddressError, Body, Idempotency, ReadRequest, WriteOutcome, WriteRequest,
};
use belay_connect::desk::{DeskQueue, DeskStaff};
use belay_connect::request_tracker::{RequestTrackerError, StatusMeaning};
use belay_connect::{
    BusinessConfig, BusinessSystem, CircuitTerms, Credential, Desk, DeskConfig, DeskError, Guarded,
    HumanQueue, RateLimit, RequestTracker, RequestTrackerConfig,
};
use belay_domain::{ActorKind, FailureClaim, Outcome, PersonId, Span, SystemId};
use belay_playbook::{
    Answer, HttpSystem, MissingVariable, Playbook, PreparedRead, PreparedWrite, Status, SystemKind,
};
use secrecy::SecretString;

use crate::clock::Clock;

/// The most of a system's answer that is read, in bytes.
const ANSWER_MAX: usize = 1024 * 1024;

/// Under which name Belay itself acts at its own desk.
const OURSELVES: &str = "belay";

/// Every outside system; cheap to clone.
#[derive(Clone)]
pub(crate) struct Systems {
    business: Arc<BTreeMap<SystemId, BusinessSystem>>,
    queues: Arc<BTreeMap<SystemId, Arc<dyn HumanQueue>>>,
    desk: Option<Desk>,
}

/// Why an outside system cannot be used as the playbook describes it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// A variable is not set.
    #[error("system {system}: {source}")]
    Variable {
        /// The system.
        system: SystemId,
        /// Which variable.
        source: MissingVariable,
    },
    /// A file with a credential cannot be read.
    #[error("system {system}: the credential file {} cannot be read", path.display())]
    CredentialFile {
        /// The system.
        system: SystemId,
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// Its address is none.
    #[error("system {system}: {source}")]
    Address {
        /// The system.
        system: SystemId,
        /// What is wrong.
        source: AddressError,
    },
    /// The desk cannot be opened.
    #[error("the desk cannot be opened")]
    Desk(#[from] DeskError),
    /// A Request Tracker cannot be used.
    #[error("system {system}: {source}")]
    RequestTracker {
        /// The system.
        system: SystemId,
        /// What is wrong.
        source: RequestTrackerError,
    },
}

impl Systems {
    /// Makes an adapter for every system of the playbook. Speaks to none of them yet. The desk keeps its
    /// tickets below `data`.
    pub(crate) fn connect(
        playbook: &Playbook,
        data: &Path,
        clock: Clock,
    ) -> Result<Self, ConnectError> {
        let mut business = BTreeMap::new();
        let mut queues: BTreeMap<SystemId, Arc<dyn HumanQueue>> = BTreeMap::new();
        let mut desk = None;
        for system in playbook.systems() {
            let id = &system.id;
            match &system.kind {
                SystemKind::Http(http) => {
                    business.insert(id.clone(), business_system(id, http)?);
                }
                SystemKind::Desk(described) => {
                    let opened =
                        Desk::open(&data.join("desk.db"), desk_config(described, playbook, clock))?;
                    queues.insert(id.clone(), Arc::new(opened.clone()));
                    desk = Some(opened);
                }
                SystemKind::RequestTracker(described) => {
                    let config = tracker_config(id, described)?;
                    let tracker = RequestTracker::new(config).map_err(|source| {
                        ConnectError::RequestTracker { system: id.clone(), source }
                    })?;
                    let guarded = Guarded::new(
                        id.as_str(),
                        Arc::new(tracker),
                        CircuitTerms::default(),
                        RateLimit::default(),
                    );
                    queues.insert(id.clone(), Arc::new(guarded));
                }
            }
        }
        Ok(Self { business: Arc::new(business), queues: Arc::new(queues), desk })
    }

    /// The desk that Belay itself offers, if the playbook has one.
    #[must_use]
    pub(crate) fn desk(&self) -> Option<&Desk> {
        self.desk.as_ref()
    }

    /// The human queues of a system.
    #[must_use]
    pub(crate) fn queue(&self, system: &SystemId) -> Option<&Arc<dyn HumanQueue>> {
        self.queues.get(system)
    }

    /// All systems in which people are reached.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (&SystemId, &Arc<dyn HumanQueue>)> {
        self.queues.iter()
    }

    /// Reads from a system of record.
    pub(crate) async fn read(&self, read: &PreparedRead) -> Answer {
        let Some(system) = self.business.get(&read.system) else {
            return Answer::Unreadable { detail: format!("{} is no business system", read.system) };
        };
        let request = ReadRequest {
            method: "GET".to_owned(),
            path: read.path.clone(),
            query: Vec::new(),
            headers: read.headers.clone(),
            body: Body::None,
        };
        match system.read(&request).await {
            Ok(response) => match response.status {
                200..300 => Answer::Found(response.body),
                404 | 410 => Answer::Missing,
                status => Answer::Unreadable { detail: format!("the system answered {status}") },
            },
            Err(failure) => Answer::Unreadable { detail: failure.to_string() },
        }
    }

    /// Writes to a system of record, once. What it says about the outcome is a claim, to be read back.
    pub(crate) async fn write(&self, write: &PreparedWrite) -> Outcome {
        let Some(system) = self.business.get(&write.system) else {
            return Outcome::NotExecuted {
                claim: FailureClaim::Permanent,
                reason: format!("{} is no business system", write.system),
            };
        };
        let request = WriteRequest {
            method: write.method.as_str().to_owned(),
            path: write.path.clone(),
            query: Vec::new(),
            headers: write.headers.clone(),
            body: write.body.clone().map_or(Body::None, Body::Json),
            idempotency: Some(Idempotency {
                header: "Idempotency-Key".to_owned(),
                key: write.key.clone(),
            }),
        };
        outcome(system.write(&request).await)
    }
}

fn outcome(outcome: WriteOutcome) -> Outcome {
    let not = |claim, reason| Outcome::NotExecuted { claim, reason };
    match outcome {
        WriteOutcome::Done { body, .. } => Outcome::Executed { output: body.to_string() },
        WriteOutcome::Refused { status, body, permanent, .. } => {
            let claim = if permanent { FailureClaim::Permanent } else { FailureClaim::Retryable };
            not(claim, format!("the system refused with {status}: {}", brief(&body.to_string())))
        }
        WriteOutcome::NotSent { detail, permanent } => {
            let claim = if permanent { FailureClaim::Permanent } else { FailureClaim::Retryable };
            not(claim, detail)
        }
        WriteOutcome::Unknown { detail } => not(FailureClaim::Unknown, detail),
    }
}

/// Enough of an answer for people to see what it is about.
fn brief(text: &str) -> String {
    const BRIEF: usize = 300;
    text.chars().take(BRIEF).collect()
}

fn business_system(id: &SystemId, http: &HttpSystem) -> Result<BusinessSystem, ConnectError> {
    let config = BusinessConfig {
        base_url: resolve(id, &http.base_url)?,
        read_credential: credential(id, &http.read)?,
        write_credential: credential(id, &http.write)?,
        timeout: duration(http.timeout),
        answer_max: ANSWER_MAX,
        roots_pem: None,
    };
    BusinessSystem::new(config)
        .map_err(|source| ConnectError::Address { system: id.clone(), source })
}

fn credential(
    id: &SystemId,
    described: &belay_playbook::Credential,
) -> Result<Credential, ConnectError> {
    let (scheme, secret) = match described {
        belay_playbook::Credential::None => return Ok(Credential::None),
        belay_playbook::Credential::Env { name, scheme } => (scheme, environment(id, name)?),
        belay_playbook::Credential::File { path, scheme } => (scheme, file(id, path)?),
    };
    Ok(Credential::Header {
        name: "Authorization".to_owned(),
        value: SecretString::from(format!("{scheme} {secret}")),
    })
}

fn secret(id: &SystemId, described: &belay_playbook::Credential) -> Result<String, ConnectError> {
    match described {
        belay_playbook::Credential::None => Ok(String::new()),
        belay_playbook::Credential::Env { name, .. } => environment(id, name),
        belay_playbook::Credential::File { path, .. } => file(id, path),
    }
}

fn environment(id: &SystemId, name: &str) -> Result<String, ConnectError> {
    std::env::var(name).map_err(|_| ConnectError::Variable {
        system: id.clone(),
        source: MissingVariable(name.to_owned()),
    })
}

fn file(id: &SystemId, path: &belay_playbook::Reference) -> Result<String, ConnectError> {
    let path = PathBuf::from(resolve(id, path)?);
    let text = std::fs::read_to_string(&path).map_err(|source| ConnectError::CredentialFile {
        system: id.clone(),
        path,
        source,
    })?;
    Ok(text.trim().to_owned())
}

fn resolve(id: &SystemId, reference: &belay_playbook::Reference) -> Result<String, ConnectError> {
    reference
        .resolve(|name| std::env::var(name).ok())
        .map_err(|source| ConnectError::Variable { system: id.clone(), source })
}

fn desk_config(described: &belay_playbook::Desk, playbook: &Playbook, clock: Clock) -> DeskConfig {
    let staff = |person: &PersonId| {
        let known = described.people.get(person);
        DeskStaff {
            person: person.clone(),
            kind: ActorKind::Person,
            enabled: known.is_none_or(|known| known.enabled),
            may_take: true,
            shifts: Vec::new(),
            on_shift: known.map(|known| known.on_shift),
        }
    };
    let queues = described
        .queues
        .iter()
        .map(|(id, queue)| DeskQueue {
            id: id.clone(),
            title: queue.description.clone(),
            enabled: queue.enabled,
            staff: queue.staff.iter().map(staff).collect(),
        })
        .collect();
    let ourselves =
        OURSELVES.parse().unwrap_or_else(|_| unreachable!("the name of our account is an id"));
    DeskConfig {
        codes: playbook.resolutions().keys().cloned().collect(),
        clock: Arc::new(move || clock.now()),
        ..DeskConfig::new(ourselves, queues)
    }
}

fn tracker_config(
    id: &SystemId,
    described: &belay_playbook::RequestTracker,
) -> Result<RequestTrackerConfig, ConnectError> {
    let statuses = described
        .statuses
        .iter()
        .map(|(status, meaning)| (status.clone(), meaning_of(*meaning)))
        .collect::<BTreeMap<_, _>>();
    Ok(RequestTrackerConfig {
        base_url: resolve(id, &described.http.base_url)?,
        token: SecretString::from(secret(id, &described.http.write)?),
        account: described.service_account.clone(),
        machines: described.machines.iter().cloned().collect(),
        case_field: described.case_field.clone(),
        correlation_field: described.correlation_field.clone(),
        resolution_field: Some(described.resolution_field.clone()),
        resolutions: described.resolutions.clone(),
        statuses: [("*".to_owned(), statuses)].into(),
        timeout: duration(described.http.timeout),
        roots_pem: None,
    })
}

fn meaning_of(status: Status) -> StatusMeaning {
    match status {
        Status::Open => StatusMeaning::Open,
        Status::Resolved => StatusMeaning::Resolved,
        Status::Rejected => StatusMeaning::Rejected,
        Status::Deleted => StatusMeaning::Deleted,
    }
}

fn duration(span: Span) -> Duration {
    Duration::try_from(span).unwrap_or(Duration::from_secs(10))
}
