//! The outside systems of the playbook, connected: business systems to read and write, human queues to ask.
//!
//! Credentials are fetched here, from where the playbook says they are, and go no further than the adapter
//! that sends them (`SEC-1`).

mod adapters;
mod claims;
mod rests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use belay_connect::business::{AddressError, Body, Idempotency, ReadRequest, WriteRequest};
use belay_connect::request_tracker::RequestTrackerError;
use belay_connect::{
    CircuitTerms, Desk, DeskConfig, DeskError, Guarded, HumanQueue, Itsm, ItsmError, RateLimit,
    RequestTracker, SystemOfRecord,
};
use belay_domain::{FailureClaim, Outcome, SystemId};
use belay_playbook::{
    Answer, MissingVariable, Payload, Playbook, PreparedRead, PreparedWrite, System, SystemKind,
};
use serde_json::Value;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::credentials::{Credentials, Expiry};
use crate::reconcile::Findings;
use crate::surroundings::{Outside, Surroundings};
use adapters::{business_system, desk_config, expiry, itsm_config, tracker_config};
use rests::Rests;

/// Every outside system of the playbook in force; cheap to clone. Each request goes to what is connected at that
/// moment.
#[derive(Clone)]
pub(crate) struct Systems {
    current: Arc<watch::Sender<Arc<Connected>>>,
    data: Arc<PathBuf>,
    clock: Clock,
    outside: Arc<dyn Outside>,
    credentials: Credentials,
    findings: Findings,
    rests: Rests,
}

/// What is connected.
struct Connected {
    business: BTreeMap<SystemId, Arc<dyn SystemOfRecord>>,
    queues: BTreeMap<SystemId, Arc<dyn HumanQueue>>,
    desk: Option<Desk>,
    /// The desk, also while the playbook has none: it is opened once.
    opened: Option<Desk>,
}

/// Everything that a playbook needs, found and checked, and not yet in force.
pub(crate) struct Prepared {
    business: BTreeMap<SystemId, Arc<dyn SystemOfRecord>>,
    queues: BTreeMap<SystemId, Arc<dyn HumanQueue>>,
    desk: Option<(SystemId, DeskConfig)>,
    /// When their credentials expire, as far as these say so.
    expiries: BTreeMap<SystemId, Expiry>,
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
    /// A ticket system cannot be used.
    #[error("system {system}: {source}")]
    Itsm {
        /// The system.
        system: SystemId,
        /// What is wrong.
        source: ItsmError,
    },
}

impl Systems {
    /// Makes an adapter for every system of the playbook. Speaks to none of them yet. The desk keeps its
    /// tickets below `data`.
    pub(crate) fn connect(
        playbook: &Playbook,
        data: &Path,
        clock: Clock,
        outside: Arc<dyn Outside>,
    ) -> Result<Self, ConnectError> {
        let credentials = Credentials::new(clock);
        let prepared = prepare(playbook, clock, &*outside)?;
        let Prepared { business, mut queues, desk, expiries } = prepared.minded(&credentials);
        credentials.expire(expiries);
        let desk = match desk {
            Some((id, config)) => {
                let desk = Desk::open(&desk_file(data), config)?;
                queues.insert(id, Arc::new(desk.clone()));
                Some(desk)
            }
            None => None,
        };
        let connected = Connected { business, queues, opened: desk.clone(), desk };
        Ok(Self {
            current: Arc::new(watch::Sender::new(Arc::new(connected))),
            data: Arc::new(data.to_owned()),
            clock,
            outside,
            credentials,
            findings: Findings::default(),
            rests: Rests::default(),
        })
    }

    /// Only these systems of record, and nobody who could be asked: for a contract that is tried.
    pub(crate) fn of_records(business: BTreeMap<SystemId, Arc<dyn SystemOfRecord>>) -> Self {
        let clock = Clock::start(None);
        let connected = Connected { business, queues: BTreeMap::new(), desk: None, opened: None };
        Self {
            current: Arc::new(watch::Sender::new(Arc::new(connected))),
            data: Arc::default(),
            clock,
            outside: Surroundings::default().outside,
            credentials: Credentials::new(clock),
            findings: Findings::default(),
            rests: Rests::default(),
        }
    }

    /// Makes an adapter for every system of a new playbook, and changes nothing yet.
    pub(crate) fn prepare(&self, playbook: &Playbook) -> Result<Prepared, ConnectError> {
        Ok(prepare(playbook, self.clock, &*self.outside)?.minded(&self.credentials))
    }

    /// Which systems do not accept our credential.
    #[must_use]
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Which of their tickets are not as the journal believes.
    #[must_use]
    pub(crate) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Puts these in the place of what is connected: what begins from now on uses them. The desk stays the
    /// same and learns of its new queues and staff.
    pub(crate) async fn replace(&self, prepared: Prepared) -> Result<(), ConnectError> {
        let Prepared { business, mut queues, desk, expiries } = prepared;
        let mut opened = self.connected().opened.clone();
        let mut in_force = None;
        if let Some((id, config)) = desk {
            let desk = match &opened {
                Some(desk) => {
                    desk.configure(config).await?;
                    desk.clone()
                }
                None => Desk::open(&desk_file(&self.data), config)?,
            };
            queues.insert(id, Arc::new(desk.clone()));
            opened = Some(desk.clone());
            in_force = Some(desk);
        }
        let connected = Connected { business, queues, desk: in_force, opened };
        self.current.send_replace(Arc::new(connected));
        self.credentials.expire(expiries);
        Ok(())
    }

    /// The desk that Belay itself offers, if the playbook has one.
    #[must_use]
    pub(crate) fn desk(&self) -> Option<Desk> {
        self.connected().desk.clone()
    }

    /// The human queues of a system.
    #[must_use]
    pub(crate) fn queue(&self, system: &SystemId) -> Option<Arc<dyn HumanQueue>> {
        self.connected().queues.get(system).cloned()
    }

    /// All systems in which people are reached.
    #[must_use]
    pub(crate) fn queues(&self) -> Vec<Arc<dyn HumanQueue>> {
        self.connected().queues.values().cloned().collect()
    }

    /// All systems in which people are reached, by their ids.
    #[must_use]
    pub(crate) fn reaching(&self) -> BTreeMap<SystemId, Arc<dyn HumanQueue>> {
        self.connected().queues.clone()
    }

    /// Tells whenever other systems are connected.
    #[must_use]
    pub(crate) fn changes(&self) -> Changes {
        Changes(self.current.subscribe())
    }

    fn connected(&self) -> Arc<Connected> {
        self.current.borrow().clone()
    }

    /// Reads from a system of record.
    pub(crate) async fn read(&self, read: &PreparedRead) -> Answer {
        let Some(system) = self.connected().business.get(&read.system).cloned() else {
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

    /// For how long this system still wants to be left alone with writes; none if it does not.
    #[must_use]
    pub(crate) fn rests(&self, system: &SystemId) -> Option<Duration> {
        self.rests.left(system)
    }

    /// Writes to a system of record, once. What it says about the outcome is a claim, to be read back; `means` says
    /// what is claimed by an answer where that is not the usual.
    pub(crate) async fn write(
        &self,
        write: &PreparedWrite,
        means: impl Fn(u16, &Value) -> Option<FailureClaim> + Send,
    ) -> Outcome {
        let Some(system) = self.connected().business.get(&write.system).cloned() else {
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
            body: match write.body.clone() {
                Payload::None => Body::None,
                Payload::Json(body) => Body::Json(body),
                Payload::Form(fields) => Body::Form(fields),
            },
            idempotency: Some(Idempotency {
                header: "Idempotency-Key".to_owned(),
                key: write.key.clone(),
            }),
        };
        let said = system.write(&request).await;
        if let Some(rest) = said.retry_after() {
            self.rests.begin(&write.system, rest);
        }
        claims::outcome(said, means)
    }
}

impl Prepared {
    /// The same, with an eye on whether our credentials are accepted.
    fn minded(self, credentials: &Credentials) -> Self {
        let Self { business, queues, desk, expiries } = self;
        let business = business.into_iter().map(|(id, system)| {
            let minded = credentials.mind_record(&id, system);
            (id, minded)
        });
        let queues = queues.into_iter().map(|(id, queue)| {
            let minded = credentials.mind(&id, queue);
            (id, minded)
        });
        Self { business: business.collect(), queues: queues.collect(), desk, expiries }
    }
}

/// Hears when other systems are connected.
pub(crate) struct Changes(watch::Receiver<Arc<Connected>>);

impl Changes {
    /// Waits for the next change; for ever when there can be none any more.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn prepare(
    playbook: &Playbook,
    clock: Clock,
    outside: &dyn Outside,
) -> Result<Prepared, ConnectError> {
    let mut business: BTreeMap<SystemId, Arc<dyn SystemOfRecord>> = BTreeMap::new();
    let mut queues: BTreeMap<SystemId, Arc<dyn HumanQueue>> = BTreeMap::new();
    let mut desk = None;
    for system in playbook.systems() {
        let id = &system.id;
        match &system.kind {
            SystemKind::Http(http) => {
                let system = match outside.record(id) {
                    Some(system) => system,
                    None => Arc::new(business_system(id, http)?),
                };
                business.insert(id.clone(), system);
            }
            SystemKind::Desk(described) => {
                desk = Some((id.clone(), desk_config(described, playbook, clock)));
            }
            SystemKind::RequestTracker(described) => {
                let tracker = match outside.queues(id) {
                    Some(queues) => queues,
                    None => request_tracker(id, described)?,
                };
                let limit = RateLimit::default();
                let guarded = Guarded::new(id.as_str(), tracker, CircuitTerms::default(), limit);
                queues.insert(id.clone(), Arc::new(guarded));
            }
            SystemKind::Itsm(described) => {
                let itsm = match outside.queues(id) {
                    Some(queues) => queues,
                    None => itsm(id, described)?,
                };
                // It keeps the system's pace with each of its requests; what is left is to leave it alone when it is
                // down.
                let limit = RateLimit { every: Duration::ZERO, ..RateLimit::default() };
                let guarded = Guarded::new(id.as_str(), itsm, CircuitTerms::default(), limit);
                queues.insert(id.clone(), Arc::new(guarded));
            }
        }
    }
    let expiries =
        playbook.systems().filter_map(|system| Some((system.id.clone(), expiry(system)?)));
    Ok(Prepared { business, queues, desk, expiries: expiries.collect() })
}

fn request_tracker(
    id: &SystemId,
    described: &belay_playbook::RequestTracker,
) -> Result<Arc<dyn HumanQueue>, ConnectError> {
    let tracker = RequestTracker::new(tracker_config(id, described)?)
        .map_err(|source| ConnectError::RequestTracker { system: id.clone(), source })?;
    Ok(Arc::new(tracker))
}

fn itsm(
    id: &SystemId,
    described: &belay_playbook::Itsm,
) -> Result<Arc<dyn HumanQueue>, ConnectError> {
    let itsm = Itsm::new(itsm_config(id, described)?)
        .map_err(|source| ConnectError::Itsm { system: id.clone(), source })?;
    Ok(Arc::new(itsm))
}

/// One system of record, whatever the others are; none if it is no such system.
pub(crate) fn record_system(
    system: &System,
) -> Result<Option<Arc<dyn SystemOfRecord>>, ConnectError> {
    match &system.kind {
        SystemKind::Http(http) => Ok(Some(Arc::new(business_system(&system.id, http)?))),
        SystemKind::Desk(_) | SystemKind::RequestTracker(_) | SystemKind::Itsm(_) => Ok(None),
    }
}

/// The human queue of one system, whatever the others are; none if it is no human queue. A desk is opened below `data`.
pub(crate) fn human_queue(
    system: &System,
    playbook: &Playbook,
    data: &Path,
) -> Result<Option<Arc<dyn HumanQueue>>, ConnectError> {
    let queue: Arc<dyn HumanQueue> = match &system.kind {
        SystemKind::Http(_) => return Ok(None),
        SystemKind::Desk(described) => {
            let config = desk_config(described, playbook, Clock::start(None));
            Arc::new(Desk::open(&desk_file(data), config)?)
        }
        SystemKind::RequestTracker(described) => request_tracker(&system.id, described)?,
        SystemKind::Itsm(described) => itsm(&system.id, described)?,
    };
    Ok(Some(queue))
}

fn desk_file(data: &Path) -> PathBuf {
    data.join("desk.db")
}

#[cfg(test)]
mod tests;
